/* What handlers ask of a request and tell a reply; knows no library, so that handlers
 * can be tested with requests made by hand. */
#include "sys/http.h"

#include "base/text.h"

struct str http_header(const struct http_req *r, const char *name)
{
	struct str want = str_of(name);

	for (size_t i = 0; i < r->n_headers; i++)
		if (str_eq_nocase(r->headers[i].name, want))
			return r->headers[i].value;
	return (struct str){ NULL, 0 };
}

int http_header_count(const struct http_req *r, const char *name)
{
	struct str want = str_of(name);
	int count = 0;

	for (size_t i = 0; i < r->n_headers; i++)
		count += str_eq_nocase(r->headers[i].name, want);
	return count;
}

/* Most names and values hold no escape and are lent from the query itself. */
static bool decode(const struct http_req *r, struct str raw, struct str *ret)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	bool good;

	buf_init(&b, raw.n);
	if (memchr(raw.p, '%', raw.n) == NULL && memchr(raw.p, '+', raw.n) == NULL) {
		*ret = raw;
		return utf8_valid(raw, NULL);
	}
	good = percent_get(&b, raw, true) && b.bad == RC_OK && utf8_valid(buf_view(&b), NULL);
	*ret = good ? arena_dup(r->arena, buf_view(&b)) : S("");
	return good && ret->p != NULL;
}

static struct str nth_pair(struct str query, size_t index)
{
	struct str rest = query, pair;
	size_t at = 0;

	while (str_next(&rest, '&', &pair))
		if (pair.n > 0 && at++ == index)
			return pair;
	return (struct str){ NULL, 0 };
}

bool http_query(const struct http_req *r, size_t index, struct str *ret_name, struct str *ret_value, bool *ret_bad)
{
	struct str pair = nth_pair(r->query, index);
	const char *equals;
	struct str name = pair, value = S("");

	*ret_bad = false;
	if (pair.p == NULL)
		return false;
	equals = memchr(pair.p, '=', pair.n);
	if (equals != NULL) {
		name = str_make(pair.p, (size_t)(equals - pair.p));
		value = str_make(equals + 1, pair.n - name.n - 1);
	}
	*ret_bad = !decode(r, name, ret_name) || !decode(r, value, ret_value);
	return true;
}

static bool is_clean(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

void http_res_header(struct http_res *res, const char *name, const char *value)
{
	if (name == NULL || value == NULL || res->n_headers == COUNTOF(res->headers) || !is_clean(name) || !is_clean(value))
		return;
	res->headers[res->n_headers].name = name;
	res->headers[res->n_headers].value = value;
	res->n_headers++;
}
