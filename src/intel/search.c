/* A search walks the viewer's own pages in the order of date_added and looks at the
 * bytes of each object; what does not contain the wanted text cannot match and is
 * passed over without parsing. Only what matched is released. There is no index of
 * contents: a million objects are looked through in half a second, and nothing has
 * to be kept in step with what each viewer may see. */
#include "intel/search.h"

#include <emmintrin.h>

#include "model/observable.h"
#include "intel/search_int.h"

#define SCAN_PAGE 1000
#define PARSE_MEMORY ((size_t)256 << 20)

static unsigned char low(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : (unsigned char)c;
}

static bool equal_here(const char *p, struct str needle)
{
	for (size_t k = 0; k < needle.n; k++) {
		if (low(p[k]) != (unsigned char)needle.p[k])
			return false;
	}
	return true;
}

/* A bit for each of 16 positions where `c` (lower case) stands in either case; setting
 * 0x20 makes some other bytes equal too, which the whole comparison sorts out. */
static __m128i is_char(const char *p, char c)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);

	if (c >= 'a' && c <= 'z')
		bytes = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
	return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

/* Where first and last byte fit, 16 places at a time; then the rest is compared. */
bool search_has_text(struct str hay, struct str needle)
{
	size_t places = hay.n < needle.n ? 0 : hay.n - needle.n + 1, i = 0;

	for (; i + 16 <= places; i += 16) {
		__m128i both = _mm_and_si128(is_char(hay.p + i, needle.p[0]),
					     is_char(hay.p + i + needle.n - 1, needle.p[needle.n - 1]));

		for (unsigned fits = (unsigned)_mm_movemask_epi8(both); fits != 0; fits &= fits - 1) {
			if (equal_here(hay.p + i + __builtin_ctz(fits), needle))
				return true;
		}
	}
	for (; i < places; i++) {
		if (equal_here(hay.p + i, needle))
			return true;
	}
	return false;
}

static struct str lowered(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (p == NULL)
		return (struct str){ NULL, 0 };
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)low(s.p[i]);
	return str_make(p, s.n);
}

/* The part of a value that stands in JSON as it is, whatever was escaped around it. */
static struct str anchor_of(enum observable_kind kind, struct str value)
{
	if (kind == OBS_URL)
		return value_url_host(value);
	return str_slice(value, 0, str_find(value, S("/"), 0));
}

enum rc search_wanted(struct arena *a, struct str value, struct wanted *ret, struct err *err)
{
	struct buf plain, normal;
	enum rc rc;

	memset(ret, 0, sizeof *ret);
	buf_init(&plain, VALUE_MAX * 2);
	buf_init(&normal, VALUE_MAX * 2);
	value_refang(&plain, value);
	rc = value_detect(buf_view(&plain), &ret->kind, &normal, err);
	if (rc == RC_OK) {
		ret->value = arena_dup(a, buf_view(&normal));
		ret->anchor = ret->value.p == NULL ? ret->value : lowered(a, anchor_of(ret->kind, ret->value));
		if (ret->anchor.p == NULL || ret->anchor.n == 0)
			rc = FAIL(err, RC_NOMEM, "search: no memory");
	}
	buf_done(&plain);
	buf_done(&normal);
	return rc;
}

static bool among(const struct value *values, size_t n, const struct wanted *w)
{
	for (size_t i = 0; i < n; i++) {
		if (values[i].kind == w->kind && str_eq(values[i].text, w->value))
			return true;
	}
	return false;
}

bool search_speaks_of(struct arena *scratch, const struct page_entry *e, const struct wanted *w)
{
	const struct json *v;
	struct value *values;
	size_t n;

	if (!search_has_text(e->body, w->anchor))
		return false;
	arena_reset(scratch);
	if (json_parse(scratch, e->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return false;
	if (str_eq(e->type, S("indicator")))
		return value_named_in_pattern(scratch, json_get_str(v, S("pattern")), &values, &n, NULL) == RC_OK && among(values, n, w);
	return value_of_sco(scratch, v, &values, &n, NULL) == RC_OK && among(values, n, w);
}

struct looking {
	struct store *store;
	const struct viewer *viewer;
	const struct search *q;
	struct arena *a, *scratch;
	struct wanted wanted;
	struct str text;         /* lower case */
	struct search_result *ret;
};

static bool matches(struct looking *l, const struct page_entry *e)
{
	if (l->text.n > 0 && !search_has_text(e->body, l->text))
		return false;
	return l->q->value.n == 0 || search_speaks_of(l->scratch, e, &l->wanted);
}

static enum rc keep(struct looking *l, const struct page_entry *e, struct err *err)
{
	struct page_entry *out = &l->ret->entries[l->ret->n];

	/* Refused here means that the rules changed since the page was read. */
	if (!gate_release(l->store, l->viewer, l->q->path, l->q->ceiling, e))
		return RC_OK;
	*out = *e;
	out->id = arena_dup(l->a, e->id);
	out->type = arena_dup(l->a, e->type);
	out->version = arena_dup(l->a, e->version);
	out->body = arena_dup(l->a, e->body);
	if (out->id.p == NULL || out->type.p == NULL || out->version.p == NULL || out->body.p == NULL)
		return FAIL(err, RC_NOMEM, "search: the result is too large; ask for less at a time");
	l->ret->n++;
	return RC_OK;
}

/* Looks through a page; false when the search is over. */
static enum rc look(struct looking *l, const struct page *p, bool *ret_go_on, struct err *err)
{
	struct search_result *r = l->ret;

	*ret_go_on = false;
	for (size_t i = 0; i < p->n; i++) {
		const struct page_entry *e = &p->entries[i];

		if (l->q->added_before != 0 && e->added >= l->q->added_before) {
			r->more = false;
			return RC_OK;
		}
		r->looked_at++;
		r->next = e->added;
		if (matches(l, e))
			TRY(keep(l, e, err));
		if (r->n == l->q->limit || r->looked_at >= SEARCH_SCAN_MAX) {
			r->more = i + 1 < p->n || p->more;
			return RC_OK;
		}
	}
	r->more = p->more;
	if (p->n > 0)
		r->next = p->last;
	*ret_go_on = p->more;
	return RC_OK;
}

static enum rc walk(struct looking *l, struct err *err)
{
	const struct search *q = l->q;
	struct page_query pq = { .collection = q->collection, .added_after = q->added_after, .ids = q->ids, .n_ids = q->n_ids,
				 .types = q->types, .n_types = q->n_types, .want_all = q->all_versions, .limit = SCAN_PAGE,
				 .max_bytes = (size_t)32 << 20, .bodies = true };
	bool go_on = true;

	while (go_on) {
		struct page p;
		enum rc rc;

		TRY(gate_scan(l->store, l->viewer, q->ceiling, &pq, &p, err));
		rc = look(l, &p, &go_on, err);
		pq.added_after = l->ret->next;
		page_done(&p);
		TRY(rc);
	}
	return RC_OK;
}

enum rc search_run(struct store *s, const struct viewer *v, const struct search *q, struct arena *a,
		   struct search_result *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_new(PARSE_MEMORY);
	struct looking l = { .store = s, .viewer = v, .q = q, .a = a, .scratch = scratch, .ret = ret };

	if (q->limit < 1 || q->limit > SEARCH_LIMIT_MAX)
		return FAIL(err, RC_BAD, "search: a limit is 1..%d", SEARCH_LIMIT_MAX);
	*ret = (struct search_result){ .entries = arena_array(a, q->limit, sizeof *ret->entries), .next = q->added_after };
	l.text = lowered(a, q->text);
	if (scratch == NULL || ret->entries == NULL || l.text.p == NULL)
		return FAIL(err, RC_NOMEM, "search: no memory");
	if (q->value.n > 0)
		TRY(search_wanted(a, q->value, &l.wanted, err));
	return walk(&l, err);
}

void search_write(const struct search_result *r, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_name(w, "objects");
	jsonw_array(w);
	for (size_t i = 0; i < r->n; i++)
		jsonw_raw(w, r->entries[i].body);
	jsonw_array_end(w);
	jsonw_m_bool(w, "more", r->more);
	if (r->more)
		jsonw_m_time(w, "next", r->next);
	jsonw_m_int(w, "looked_at", (int64_t)r->looked_at);
	jsonw_object_end(w);
}
