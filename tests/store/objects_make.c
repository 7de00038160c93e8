#include "objects_make.h"

struct str make_id(struct arena *a, const char *type, unsigned number)
{
	return arena_fmt(a, "%s--00000000-0000-4000-8000-%012u", type, number);
}

struct object_in make_object(struct arena *a, const char *type, unsigned number, const char *version, const char *note)
{
	struct object_in o = { .id = make_id(a, type, number), .type = str_of(type), .version = str_of(version), .spec = 21,
			       .tlp = 1, .confidence = 255 };

	o.body = arena_fmt(a, "{\"type\":\"%s\",\"id\":\"%.*s\",\"modified\":\"%s\",\"name\":\"%s\"}", type, STR(o.id), version, note);
	return o;
}

int put_one(struct store *s, uint32_t collection, uint32_t source, const struct object_in *o, usec *ret_added, struct err *err)
{
	enum put_result result = PUT_REFUSED;
	struct object_batch b = { .collection = collection, .source = source, .objects = o, .n = 1, .results = &result,
				  .ret_added = ret_added };

	return store_put(s, &b, err) == RC_OK ? (int)result : PUT_REFUSED + 1;
}
