/* Any JSON as STIX: judged under every option, read, levelled, named and upgraded. What the
 * upgrade makes must be JSON again. */
#include "stix/id.h"
#include "stix/marking.h"
#include "stix/upgrade.h"
#include "stix/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stix_validate_opts opts = { .shoulds = true, .strict = true, .refs_inside = true };
	struct arena *a = arena_new((size_t)256 << 20);
	struct stix_upgraded up = { 0 };
	char id[STIX_ID_MAX + 1];
	const struct json *v, *again;
	struct stix_object o;
	struct stix_level level;
	struct str s;

	if (a != NULL && json_parse(a, str_make((const char *)data, size), &JSON_LIMITS, &v, NULL) == RC_OK) {
		(void)!stix_validate(v, &opts, NULL, NULL, NULL, NULL);
		(void)!stix_validate(v, NULL, NULL, NULL, NULL, NULL);
		(void)!stix_object_read(v, S(""), &o, NULL);
		stix_level_of(v, NULL, NULL, &level);
		(void)!stix_sco_id(v, id, &s, NULL);
		if (stix_upgrade(a, v, &up, NULL) == RC_OK)
			for (size_t i = 0; i < up.n; i++)
				if (json_parse(a, up.objects[i], &JSON_LIMITS, &again, NULL) == RC_BAD)
					__builtin_trap();
	}
	arena_free(a);
	return 0;
}
