/* What peers ask of us beside TAXII: the digest of a collection as they may see it,
 * and its event stream (stream.c).
 *
 * A reader who holds the same as we do must not begin at the start. It sends its
 * digest, and when ours agrees its stream begins behind our last entry. That place is
 * looked for in the entries themselves, before the digest is taken: our clock may have
 * been wrong when they were dated, and an entry that a commit adds between the two
 * looks is sent rather than lost. */
#include "base/mem.h"
#include "base/text.h"
#include "fed/fed.h"
#include "fed/stream.h"
#include "gate/gate.h"
#include "gate/own.h"

#define YEAR ((usec)366 * 86400 * USEC_PER_SEC)
#define DIGEST_HEX 64

struct fed_server {
	struct store *store;
	struct streams *streams;
};

enum rc fed_server_new(struct store *s, struct fed_server **ret, struct err *err)
{
	struct fed_server *f = mem_alloc(sizeof *f);
	enum rc rc;

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "streams: out of memory");
	f->store = s;
	rc = streams_new(s, &f->streams, err);
	if (rc != RC_OK) {
		mem_free(f);
		return rc;
	}
	*ret = f;
	return RC_OK;
}

void fed_server_wake(struct fed_server *f, uint32_t collection)
{
	streams_wake(f->streams, collection);
}

void fed_server_free(struct fed_server *f)
{
	if (f == NULL)
		return;
	streams_free(f->streams);
	mem_free(f);
}

/* --- requests --- */

static void refuse(struct http_res *res, int status, const char *message)
{
	res->status = status;
	res->content_type = "application/json";
	buf_clear(&res->body);
	buf_fmt(&res->body, "{\"error\":{\"message\":\"%s\"}}", message);
}

/* Unknown and forbidden look the same from outside. */
static bool find(struct fed_server *f, const struct viewer *v, struct http_req *r, struct str root, struct str name,
		 struct collection *ret, struct http_res *res)
{
	static const char why[] = "no such collection, or no right to read it";
	bool can_read = false, can_write = false;

	name = own_name(v, root, name, r->arena);
	if (name.p != NULL && collection_get(f->store, root, name, r->arena, ret, NULL) == RC_OK &&
	    own_or_right(f->store, v, ret, &can_read, &can_write, NULL) == RC_OK && can_read)
		return true;
	gate_refused(f->store, v, PATH_STREAM, name, why);
	refuse(res, v->kind == VIEWER_ANONYMOUS ? 401 : 404, why);
	return false;
}

static enum rc digest_of(struct fed_server *f, const struct viewer *v, const struct collection *k, uint64_t *ret_count,
			 char hex[static DIGEST_HEX + 1])
{
	unsigned char digest[DIGEST_HEX / 2];

	TRY(store_digest(f->store, k->row, gate_mask(v, v->tlp_max), ret_count, digest, NULL));
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return RC_OK;
}

static void answer_digest(struct fed_server *f, const struct viewer *v, const struct collection *k, struct http_res *res)
{
	char hex[DIGEST_HEX + 1];
	uint64_t count;

	if (digest_of(f, v, k, &count, hex) != RC_OK) {
		refuse(res, 500, "the digest cannot be read");
		return;
	}
	res->content_type = "application/json";
	buf_fmt(&res->body, "{\"count\":%llu,\"digest\":\"%s\"}", (unsigned long long)count, hex);
}

/* --- streams --- */

static enum rc any_behind(struct fed_server *f, const struct viewer *v, const struct collection *k, usec after, bool *ret)
{
	struct page_query q = { .collection = k->row, .added_after = after, .want_all = true, .limit = 1,
				.tlp_mask = gate_mask(v, v->tlp_max) };
	struct page page;

	TRY(store_page(f->store, &q, &page, NULL));
	*ret = page.n > 0;
	page_done(&page);
	return RC_OK;
}

/* date_added of the last entry that `v` may see, halving the time in which it can lie. */
static enum rc last_added(struct fed_server *f, const struct viewer *v, const struct collection *k, usec *ret)
{
	usec from = -1, until = time_now() + YEAR;
	bool any = false;

	TRY(any_behind(f, v, k, from, &any));
	if (!any)
		return RC_NOTFOUND;
	TRY(any_behind(f, v, k, until, &any));
	if (any)
		return RC_NOTFOUND;
	while (until - from > 1) {
		usec middle = from + (until - from) / 2;

		TRY(any_behind(f, v, k, middle, &any));
		*(any ? &from : &until) = middle;
	}
	*ret = until;
	return RC_OK;
}

static bool reader_digest(const struct http_req *r, uint64_t *ret_count, struct str *ret_hex)
{
	struct str name, value;
	bool count = false, bad = false;

	*ret_hex = S("");
	for (size_t i = 0; http_query(r, i, &name, &value, &bad); i++) {
		if (str_eq(name, S("count")))
			count = str_to_u64(value, ret_count);
		else if (str_eq(name, S("digest")))
			*ret_hex = value;
	}
	return count && ret_hex->n > 0 && !bad;
}

/* False: `res` holds the answer. */
static bool find_begin(struct fed_server *f, const struct viewer *v, const struct http_req *r, const struct collection *k, usec *ret,
		       struct http_res *res)
{
	struct str last = http_header(r, "Last-Event-ID"), theirs;
	char ours[DIGEST_HEX + 1];
	uint64_t their_count, count;

	*ret = INT64_MIN;
	if (last.n > 0) {
		if (time_parse(last, ret, NULL, NULL) == RC_OK)
			return true;
		refuse(res, 400, "Last-Event-ID: expected an RFC 3339 instant");
		return false;
	}
	if (!reader_digest(r, &their_count, &theirs))
		return true;
	if (digest_of(f, v, k, &count, ours) == RC_OK && count == their_count && str_eq(theirs, str_of(ours)) &&
	    last_added(f, v, k, ret) == RC_OK && digest_of(f, v, k, &count, ours) == RC_OK && str_eq(theirs, str_of(ours)))
		return true;
	refuse(res, 409, "the digests differ: read the collection");
	return false;
}

static void answer_stream(struct fed_server *f, const struct viewer *v, struct http_req *r, const struct collection *k, struct http_res *res)
{
	usec after;

	if (find_begin(f, v, r, k, &after, res) && streams_add(f->streams, v, k, after, res, NULL) != RC_OK)
		refuse(res, 503, "too many streams");
}

/* "root/collection/what" from its end: a root's name may hold slashes. */
static bool split(struct str rest, struct arena *a, struct str *ret_root, struct str *ret_name, struct str *ret_what)
{
	struct str part[2], decoded;
	struct buf b;

	for (int i = 0; i < 2; i++) {
		size_t at = rest.n;

		while (at > 0 && rest.p[at - 1] != '/')
			at--;
		if (at == 0 || at == rest.n)
			return false;
		part[i] = str_slice(rest, at, rest.n);
		rest = str_slice(rest, 0, at - 1);
	}
	*ret_what = part[0];
	*ret_root = rest;
	buf_init(&b, 1024);
	decoded = percent_get(&b, part[1], false) && b.bad == RC_OK ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	*ret_name = decoded;
	return rest.n > 0 && decoded.p != NULL && utf8_valid(decoded, NULL);
}

void fed_server_handle(struct fed_server *f, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	struct str rest = str_slice(r->path, sizeof "/fed/v1/" - 1, r->path.n), root, name, what;
	struct collection k;
	bool digest;

	if (!split(rest, r->arena, &root, &name, &what)) {
		refuse(res, 404, "no such path");
		return;
	}
	digest = str_eq(what, S("digest"));
	if (!digest && !str_eq(what, S("stream"))) {
		refuse(res, 404, "no such path");
	} else if (!str_eq(r->method, S("GET"))) {
		http_res_header(res, "Allow", "GET");
		refuse(res, 405, "only GET");
	} else if (find(f, v, r, root, name, &k, res)) {
		if (digest)
			answer_digest(f, v, &k, res);
		else
			answer_stream(f, v, r, &k, res);
	}
}
