/* What makes two versions the same, for every engine. */
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/internal.h"

#define EVENTS_MAX ((size_t)1 << 20)

struct str object_version_key(struct str version, char out[static VERSION_KEY_MAX])
{
	struct str s = version;

	if (str_ends(s, S("Z")))
		s.n--;
	if (str_find(s, S("."), 0) != SIZE_MAX) {
		while (str_ends(s, S("0")))
			s.n--;
		if (str_ends(s, S(".")))
			s.n--;
	}
	s.n = s.n > VERSION_KEY_MAX ? VERSION_KEY_MAX : s.n;
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	return str_make(out, s.n);
}

void object_fingerprint(struct str id, struct str version_key, uint8_t spec, unsigned char out[static 32])
{
	char text[1024];
	struct str parts[] = { id, S("\n"), version_key, spec == 21 ? S("\n21") : S("\n20") };
	size_t n = 0;

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		size_t left = sizeof text - n, take = parts[i].n < left ? parts[i].n : left;

		if (take > 0)
			memcpy(text + n, parts[i].p, take);
		n += take;
	}
	hash_sha256(str_make(text, n), out);
}

bool object_same_json(struct str a, struct str b)
{
	CLEANUP(arena_freep) struct arena *arena = arena_new((size_t)512 << 20);
	const struct json *x, *y;

	return arena != NULL && json_parse(arena, a, &JSON_LIMITS, &x, NULL) == RC_OK &&
	       json_parse(arena, b, &JSON_LIMITS, &y, NULL) == RC_OK && json_same(x, y);
}

enum rc events_add(struct event_list *l, const struct object_event *e, struct err *err)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : l->cap * 2;
		struct object_event *p = cap > EVENTS_MAX ? NULL : mem_resize(l->p, cap * sizeof *p);

		if (p == NULL)
			return FAIL(err, RC_NOMEM, "no memory for events");
		l->p = p;
		l->cap = cap;
	}
	l->p[l->n++] = *e;
	return RC_OK;
}
