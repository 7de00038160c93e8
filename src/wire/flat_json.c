#include "wire/flat_json.h"

#include "wire/flat_json_plain.h"

enum rc flat_json(struct flat *f, const struct fields *dict, struct str line, struct err *err)
{
	return flat_json_plain(f, dict, line, err);
}

const char *flat_json_path(void)
{
	return "portable";
}
