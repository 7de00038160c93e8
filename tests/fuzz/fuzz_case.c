/* Any text as an object of another node: what is taken says the same after another writing, and its fact is one that the desk reads. */
#include "desk/case.h"
#include "desk/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)64 << 20);
	char hash[CASE_HASH_LEN + 1], again[CASE_HASH_LEN + 1];
	struct case_receipt_word r;
	struct desk_facts facts;
	const struct json *v;
	struct case_fact f;
	struct case_seal seal;
	struct case_node n;
	uint32_t count;
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	if (a != NULL && json_parse(a, str_make((const char *)data, size), &JSON_LIMITS, &v, NULL) == RC_OK) {
		(void)!case_receipt_read(a, v, &r, NULL);
		(void)!case_node_read(a, v, &n, NULL);
		(void)!case_bundle_read(a, v, &seal, &count, NULL);
		if (case_fact_read(a, v, &f, hash, NULL) == RC_OK) {
			json_print(v, &b);
			if (desk_facts_parse(a, "f", f.fact, &facts, NULL) != RC_OK || json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL) != RC_OK ||
			    case_fact_read(a, v, &f, again, NULL) != RC_OK || memcmp(hash, again, sizeof hash) != 0)
				__builtin_trap();
		}
	}
	buf_done(&b);
	arena_free(a);
	return 0;
}
