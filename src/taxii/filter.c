#include "taxii/filter.h"

/* A spec_version that no object has: asking for it gives an empty page. */
#define SPEC_NONE 255

typedef enum rc (*field_read)(struct str value, struct arena *a, struct filter *f, struct err *err);

static enum rc read_limit(struct str value, struct arena *a UNUSED, struct filter *f, struct err *err)
{
	bool some = false;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return FAIL(err, RC_BAD, "limit: a positive integer is needed");
		some |= value.p[i] != '0';
	}
	if (!some)
		return FAIL(err, RC_BAD, "limit: a positive integer is needed");
	uint64_t v;

	/* A number beyond 64 bits is a valid wish for everything. */
	f->limit = str_to_u64(value, &v) && v < PAGE_LIMIT_MAX ? (uint32_t)v : PAGE_LIMIT_MAX;
	return RC_OK;
}

static enum rc read_next(struct str value, struct arena *a UNUSED, struct filter *f, struct err *err UNUSED)
{
	f->next = value;
	return RC_OK;
}

static enum rc read_added_after(struct str value, struct arena *a UNUSED, struct filter *f, struct err *err)
{
	if (time_parse(value, &f->added_after, NULL, NULL) != RC_OK)
		return FAIL(err, RC_BAD, "added_after: not a timestamp (RFC 3339 with T and Z)");
	return RC_OK;
}

/* "a,b,c" into an array; empty pieces are malformed. */
static enum rc read_list(struct str value, const char *name, size_t max, struct arena *a, struct str **ret, size_t *ret_n,
			 struct err *err)
{
	size_t n = 1;
	struct str piece, rest = value, *list;

	for (size_t i = 0; i < value.n; i++)
		n += value.p[i] == ',';
	if (n > max)
		return FAIL(err, RC_BAD, "%s: more than %zu values", name, max);
	list = arena_array(a, n, sizeof *list);
	if (list == NULL)
		return FAIL(err, RC_NOMEM, "%s: no memory", name);
	n = 0;
	while (str_next(&rest, ',', &piece) && piece.n > 0)
		list[n++] = piece;
	if (rest.n > 0 || n == 0 || value.p[value.n - 1] == ',')
		return FAIL(err, RC_BAD, "%s: empty value", name);
	*ret = list;
	*ret_n = n;
	return RC_OK;
}

static enum rc read_ids(struct str value, struct arena *a, struct filter *f, struct err *err)
{
	return read_list(value, "match[id]", FILTER_VALUES_MAX, a, &f->ids, &f->n_ids, err);
}

static enum rc read_types(struct str value, struct arena *a, struct filter *f, struct err *err)
{
	return read_list(value, "match[type]", FILTER_VALUES_MAX, a, &f->types, &f->n_types, err);
}

static bool seen_before(const struct str *list, size_t n, struct str v)
{
	for (size_t i = 0; i < n; i++)
		if (time_text_cmp(list[i], v) == 0)
			return true;
	return false;
}

static enum rc read_versions(struct str value, struct arena *a, struct filter *f, struct err *err)
{
	struct str *list;
	size_t n, kept = 0;
	bool unversioned = false;
	usec t;

	TRY(read_list(value, "match[version]", FILTER_VERSIONS_MAX, a, &list, &n, err));
	for (size_t i = 0; i < n; i++) {
		bool *word = str_eq(list[i], S("last")) ? &f->last : str_eq(list[i], S("first")) ? &f->first
			   : str_eq(list[i], S("all")) ? &f->all : NULL;

		if (word == NULL && time_parse(list[i], &t, NULL, NULL) != RC_OK)
			return FAIL(err, RC_BAD, "match[version]: neither last, first, all nor a timestamp");
		if (word != NULL ? *word : seen_before(list, kept, list[i]))
			return FAIL(err, RC_BAD, "match[version]: a value is there twice");
		if (word != NULL) {
			*word = true;
		} else {
			unversioned |= time_text_cmp(list[i], S(VERSION_OF_UNVERSIONED)) == 0;
			list[kept++] = list[i];
		}
	}
	if (f->all && n > 1)
		return FAIL(err, RC_BAD, "match[version]: all stands alone");
	f->versions = list;
	f->n_versions = kept;
	if (!unversioned)
		return RC_OK;
	f->versions = arena_array(a, kept + 1, sizeof *list);
	if (f->versions == NULL)
		return FAIL(err, RC_NOMEM, "match[version]: no memory");
	memcpy(f->versions, list, kept * sizeof *list);
	f->versions[f->n_versions++] = S("");
	return RC_OK;
}

static enum rc read_specs(struct str value, struct arena *a, struct filter *f, struct err *err)
{
	struct str *list;
	size_t n;
	bool has[2] = { false, false };

	TRY(read_list(value, "match[spec_version]", FILTER_VALUES_MAX, a, &list, &n, err));
	for (size_t i = 0; i < n; i++) {
		has[0] |= str_eq(list[i], S("2.0"));
		has[1] |= str_eq(list[i], S("2.1"));
	}
	f->n_specs = 0;
	if (has[0])
		f->specs[f->n_specs++] = 20;
	if (has[1])
		f->specs[f->n_specs++] = 21;
	if (f->n_specs == 0)
		f->specs[f->n_specs++] = SPEC_NONE;
	return RC_OK;
}

/* In the order of the bits of enum filter_field. */
static const struct {
	struct str name;
	field_read read;
} fields[] = {
	{ { "limit", 5 }, read_limit },
	{ { "next", 4 }, read_next },
	{ { "added_after", 11 }, read_added_after },
	{ { "match[id]", 9 }, read_ids },
	{ { "match[type]", 11 }, read_types },
	{ { "match[version]", 14 }, read_versions },
	{ { "match[spec_version]", 19 }, read_specs },
};
_Static_assert(COUNTOF(fields) == COUNTOF(((struct filter *)0)->raw), "one raw value for each field");

static enum rc read_param(struct str name, struct str value, unsigned allowed, struct arena *a, struct filter *f,
			  struct err *err)
{
	for (size_t i = 0; i < COUNTOF(fields); i++) {
		if (!str_eq(name, fields[i].name))
			continue;
		if ((allowed >> i & 1) == 0)
			return FAIL(err, RC_BAD, "%s: not known at this endpoint", fields[i].name.p);
		if (f->given >> i & 1)
			return FAIL(err, RC_BAD, "%s: may be given once only", fields[i].name.p);
		f->given |= 1u << i;
		f->raw[i] = value;
		return fields[i].read(value, a, f, err);
	}
	/* An unknown filter that was ignored would give more than was asked for. Other names are free (TAXII 2.1 §3.4). */
	if (str_starts(name, S("match[")))
		return FAIL(err, RC_BAD, "match: unknown field");
	return RC_OK;
}

enum rc filter_read(const struct http_req *r, unsigned allowed, struct filter *ret, struct err *err)
{
	struct str name, value;
	bool bad = false;

	*ret = (struct filter){ .added_after = INT64_MIN, .limit = PAGE_LIMIT_MAX };
	if (r->query.n == 0)
		return RC_OK;
	for (size_t i = 0; http_query(r, i, &name, &value, &bad); i++) {
		if (i >= FILTER_PARAMS_MAX)
			return FAIL(err, RC_BAD, "query: more than %d parameters", FILTER_PARAMS_MAX);
		if (bad)
			return FAIL(err, RC_BAD, "query: malformed escape or UTF-8");
		TRY(read_param(name, value, allowed, r->arena, ret, err));
	}
	return RC_OK;
}

void filter_apply(const struct filter *f, struct page_query *q)
{
	q->added_after = f->added_after;
	q->ids = f->ids;
	q->n_ids = f->n_ids;
	q->types = f->types;
	q->n_types = f->n_types;
	q->specs = f->n_specs > 0 ? f->specs : NULL;
	q->n_specs = f->n_specs;
	q->want_last = f->last;
	q->want_first = f->first;
	q->want_all = f->all;
	q->versions = f->versions;
	q->n_versions = f->n_versions;
}

struct str filter_text(const struct filter *f, struct arena *a)
{
	size_t n = 0;
	char *text, *p;

	for (size_t i = 2; i < COUNTOF(f->raw); i++)
		n += sizeof(uint32_t) + f->raw[i].n;
	p = text = arena_alloc(a, n);
	if (text == NULL)
		return (struct str){ NULL, 0 };
	/* Length before each value, and a length that no value has for an absent one. */
	for (size_t i = 2; i < COUNTOF(f->raw); i++) {
		bool given = f->given >> i & 1;
		uint32_t len = given ? (uint32_t)f->raw[i].n : UINT32_MAX;

		memcpy(p, &len, sizeof len);
		p += sizeof len;
		if (given && f->raw[i].n > 0)
			memcpy(p, f->raw[i].p, f->raw[i].n);
		p += f->raw[i].n;
	}
	return str_make(text, n);
}
