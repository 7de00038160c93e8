/* Any text as a configuration: taken or refused by its line, never anything else; no value holds what a log line must not. */
#include "node/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct config c;
	struct err err = { 0 };
	enum rc rc = a == NULL ? RC_NOMEM : config_parse(str_make((const char *)data, size), "f", a, &c, &err);

	if (rc == RC_BAD && !str_starts(str_of(err.text), S("f:")))
		__builtin_trap();
	if (rc == RC_OK && (c.name[0] == '\0' || strchr(c.name, '\n') != NULL || c.threads < 1 || c.threads > 64 || c.default_tlp > 4))
		__builtin_trap();
	for (size_t i = 0; rc == RC_OK && i < c.n_inputs; i++)
		if (c.inputs[i].name[0] == '\0' || c.inputs[i].path[0] == '\0')
			__builtin_trap();
	arena_free(a);
	return 0;
}
