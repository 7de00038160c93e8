/* The other way round than report.c writes it. Paths are kept there with the file's own name before them and get rid of it here. */
#include "lab/report_read.h"

#include "base/text.h"

#define LIST_MAX 1000000

static const struct json_limits LIMITS = { (size_t)64 << 20, 16, 4u << 20 };

static struct str text_of(const struct json *v, const char *name)
{
	struct str s = json_get_str(v, str_of(name));

	return s.p == NULL ? S("") : s;
}

static uint64_t count_of(const struct json *v, const char *name)
{
	int64_t n;

	return json_int(json_get(v, str_of(name)), &n) && n > 0 ? (uint64_t)n : 0;
}

/* False: not exactly n bytes. */
static bool digest_of(const struct json *v, const char *name, unsigned char *to, size_t n)
{
	struct buf b;
	bool good;

	buf_init(&b, 256);
	good = hex_get(&b, text_of(v, name)) && b.n == n;
	if (good)
		memcpy(to, b.p, n);
	buf_done(&b);
	return good;
}

static struct str bytes_of(struct arena *a, const struct json *v, const char *name)
{
	struct str ret = S("");
	struct buf b;

	buf_init(&b, 64 << 10);
	if (hex_get(&b, text_of(v, name)))
		ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return ret;
}

/* "NAME//a//b" without "NAME//". */
static struct str path_of(const struct lab_report *r, const struct json *v)
{
	struct str path = text_of(v, "path");

	if (!str_starts(path, r->path) || path.n < r->path.n + 2)
		return S("");
	return str_slice(path, r->path.n + 2, path.n);
}

static uint64_t types_of(const struct json *v)
{
	const struct json *list = json_get(v, S("types"));
	uint64_t types = 0;

	if (!json_is(list, JSON_ARRAY))
		return 0;
	JSON_EACH(one, list) {
		enum lab_type t = lab_type_named(json_str(one));

		if (t < LAB_TYPES)
			types |= LAB_TYPE(t);
	}
	return types;
}

/* Room for as many as the list has; *ret_list NULL: there is none. */
static enum rc room(struct lab_report *r, const struct json *v, const char *name, size_t size, const struct json **ret_list, void **ret, size_t *cap,
		    struct err *err)
{
	const struct json *list = json_get(v, str_of(name));

	*ret_list = NULL;
	if (!json_is(list, JSON_ARRAY) || list->n == 0)
		return RC_OK;
	if (list->n > LIST_MAX)
		return FAIL(err, RC_LIMIT, "report: %s: %u items", name, list->n);
	*ret = arena_array(r->a, list->n, size);
	if (*ret == NULL)
		return FAIL(err, RC_NOMEM, "report: out of memory");
	*cap = list->n;
	*ret_list = list;
	return RC_OK;
}

#define ROOM(r, v, name, list, ret_list, err) room((r), (v), (name), sizeof *(r)->list.p, (ret_list), (void **)&(r)->list.p, &(r)->list.cap, (err))

static enum rc read_unseen(struct lab_report *r, const struct json *v, struct err *err)
{
	const struct json *list;

	TRY(ROOM(r, v, "unseen", unseen, &list, err));
	if (list != NULL)
		JSON_EACH(one, list)
			r->unseen.p[r->unseen.n++] = (struct lab_report_unseen){ path_of(r, one), text_of(one, "why"), count_of(one, "offset"),
										 count_of(one, "length") };
	return RC_OK;
}

/* Place in a list of words; `otherwise` when it is none of them. */
static unsigned word_of(struct str word, const char *const *words, unsigned n, unsigned otherwise)
{
	for (unsigned i = 0; i < n; i++)
		if (str_eq(word, str_of(words[i])))
			return i;
	return otherwise;
}

static enum rc read_matches(struct lab_report *r, const struct json *v, struct err *err)
{
	static const char *const kinds[] = { "rule", "hash", "feature", "clamav" }, *const weights[] = { "note", "suspicious", "malicious", "good" };
	const struct json *list;

	TRY(ROOM(r, v, "matches", matches, &list, err));
	if (list == NULL)
		return RC_OK;
	JSON_EACH(one, list) {
		struct lab_report_match *m = &r->matches.p[r->matches.n++];

		m->path = path_of(r, one);
		m->excerpt = bytes_of(r->a, one, "bytes");
		m->m = (struct lab_match){ .kind = (enum lab_match_kind)word_of(text_of(one, "kind"), kinds, COUNTOF(kinds), LAB_FEATURE),
					   .weight = (enum lab_weight)word_of(text_of(one, "weight"), weights, COUNTOF(weights), LAB_NOTE),
					   .id = text_of(one, "id"), .author = text_of(one, "author"), .part = text_of(one, "part"),
					   .why = text_of(one, "why"), .at = count_of(one, "offset"), .length = count_of(one, "length") };
	}
	return RC_OK;
}

static enum rc read_facts(struct lab_report *r, const struct json *v, struct err *err)
{
	const struct json *list;

	TRY(ROOM(r, v, "facts", facts, &list, err));
	if (list != NULL)
		JSON_EACH(one, list)
			r->facts.p[r->facts.n++] = (struct lab_report_fact){ path_of(r, one), text_of(one, "name"), text_of(one, "value") };
	return RC_OK;
}

static enum rc read_children(struct lab_report *r, const struct json *v, struct err *err)
{
	const struct json *list;

	TRY(ROOM(r, v, "tree", children, &list, err));
	if (list == NULL)
		return RC_OK;
	JSON_EACH(one, list) {
		struct lab_report_child *c = &r->children.p[r->children.n++];

		*c = (struct lab_report_child){ .path = path_of(r, one), .how = text_of(one, "how"), .at = count_of(one, "offset"),
						.length = count_of(one, "length"), .size = count_of(one, "size"), .types = types_of(one) };
		c->depth = count_of(one, "depth") > UINT32_MAX ? UINT32_MAX : (uint32_t)count_of(one, "depth");
		if (!digest_of(one, "sha256", c->sha256, SHA256_LEN))
			return FAIL(err, RC_BAD, "report: a part without digest");
	}
	return RC_OK;
}

enum rc lab_report_read(struct arena *a, struct str text, struct lab_report *ret, struct err *err)
{
	struct str copy = arena_dup(a, text);
	struct lab_report r = { .a = a };
	const struct json *v;

	if (copy.p == NULL)
		return FAIL(err, RC_NOMEM, "report: out of memory");
	TRY(json_parse(a, copy, &LIMITS, &v, err));
	if (!json_is(v, JSON_OBJECT) || json_get_str(v, S("verdict")).p == NULL)
		return FAIL(err, RC_BAD, "report: it is none");
	r.path = text_of(v, "path");
	r.generation = text_of(v, "generation");
	r.hashed = digest_of(v, "sha256", r.sha256, SHA256_LEN) && digest_of(v, "sha1", r.sha1, SHA1_LEN) && digest_of(v, "md5", r.md5, MD5_LEN);
	r.size = count_of(v, "size");
	r.types = types_of(v);
	r.bytes_total = count_of(v, "bytes_total");
	r.bytes_seen = count_of(v, "bytes_seen");
	r.n_children = count_of(v, "children");
	r.left_out = count_of(v, "left_out");
	/* Whether the worker came to its end is not written; of one that did not, nothing but what it found is believed. */
	r.ended = !str_eq(json_get_str(v, S("verdict")), str_of(lab_verdict_name(LAB_V_INCOMPLETE)));
	TRY(read_unseen(&r, v, err));
	TRY(read_matches(&r, v, err));
	TRY(read_facts(&r, v, err));
	TRY(read_children(&r, v, err));
	*ret = r;
	return RC_OK;
}
