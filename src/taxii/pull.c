/* Reading a collection to its end: next tokens, added_after without them, and
 * servers that loop (TAXII 2.1 §3.5). */
#include "base/hash.h"
#include "base/text.h"
#include "store/peers.h"
#include "taxii/request.h"

#define ARENA_MAX ((size_t)1 << 30)
#define CLOCK_MARGIN (5 * USEC_PER_SEC) /* an object may be dated before it can be read; repeats do no harm */

struct pulling {
	struct taxii_client *t;
	const struct taxii_pull *p;
	struct taxii_cursor *cursor;
	struct taxii_pulled *got;
	struct arena *a;
	usec server_date; /* of the first reply */
	bool had_dates;
	int empty;        /* empty pages in a row */
	bool token_given_up; /* the server did not know the kept token: from here by date */
};

static void put_param(struct buf *b, const char *name, struct str value)
{
	buf_char(b, b->n > 0 && memchr(b->p, '?', b->n) != NULL ? '&' : '?');
	buf_cstr(b, name);
	buf_char(b, '=');
	percent_put(b, value);
}

static void put_filters(struct buf *b, const struct taxii_pull *p)
{
	if (p->match_id != NULL)
		put_param(b, "match%5Bid%5D", str_of(p->match_id));
	if (p->match_type != NULL)
		put_param(b, "match%5Btype%5D", str_of(p->match_type));
	if (p->match_version != NULL)
		put_param(b, "match%5Bversion%5D", str_of(p->match_version));
	if (p->match_spec_version != NULL)
		put_param(b, "match%5Bspec_version%5D", str_of(p->match_spec_version));
}

/* With a token the filters stay as they were when it was made; without one the
 * cursor's date takes over (§3.5). cursor->after is the date that goes with the token. */
static enum rc page_url(struct pulling *pl, const char *after, struct buf *b, struct err *err)
{
	const struct taxii_pull *p = pl->p;

	buf_str(b, p->root_url);
	buf_cstr(b, "collections/");
	percent_put(b, p->collection);
	buf_cstr(b, "/objects/");
	put_filters(b, p);
	if (after[0] != '\0')
		put_param(b, "added_after", str_of(after));
	if (p->limit > 0) {
		char digits[16];

		snprintf(digits, sizeof digits, "%u", p->limit);
		put_param(b, "limit", str_of(digits));
	}
	if (pl->cursor->next[0] != '\0')
		put_param(b, "next", str_of(pl->cursor->next));
	return buf_check(b, err, "url");
}

static enum rc hand_over(struct pulling *pl, const struct json *root, const struct httpc_res *res, taxii_on_page fn, void *ctx,
			 struct err *err)
{
	const struct json *objects = json_get(root, S("objects"));
	struct taxii_page page = { .added_last = res->added_last };
	struct str *raw;
	const struct json **trees;
	size_t n = 0;

	if (objects == NULL)
		return RC_OK;
	if (!json_is(objects, JSON_ARRAY))
		return FAIL(err, RC_PEER, "envelope: `objects` is no list");
	if (objects->n == 0)
		return RC_OK;
	raw = arena_array(pl->a, objects->n, sizeof *raw);
	trees = arena_array(pl->a, objects->n, sizeof *trees);
	if (raw == NULL || trees == NULL)
		return FAIL(err, RC_NOMEM, "envelope: no memory");
	JSON_EACH(item, objects) {
		raw[n] = json_raw(item, buf_view(&res->body));
		trees[n++] = item;
	}
	page.objects = raw;
	page.trees = trees;
	page.n = n;
	pl->got->objects += n;
	pl->empty = -1;
	return fn(ctx, &page, err);
}

static bool keep_text(char *out, size_t max, struct str s)
{
	if (s.n >= max)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* Moves the cursor behind the page. `*ret_more`: there is another one to ask for. */
static enum rc move_on(struct pulling *pl, const struct json *root, const struct httpc_res *res, char base[static 48],
		       bool *ret_more, struct err *err)
{
	struct taxii_cursor *c = pl->cursor;
	struct str next = json_get_str(root, S("next")), last = str_of(res->added_last);
	bool more = false;
	usec then = 0, now = 0;

	json_bool(json_get(root, S("more")), &more);
	pl->empty++;
	if (last.n > 0 && time_parse(last, &now, NULL, NULL) != RC_OK)
		return FAIL(err, RC_PEER, "X-TAXII-Date-Added-Last is no timestamp");
	pl->had_dates |= last.n > 0;
	if (more && next.n > 0) {
		if (str_eq(next, str_of(c->next)))
			return FAIL(err, RC_PEER, "the server gives the same `next` again: it would never end");
		if (!keep_text(c->next, sizeof c->next, next))
			return FAIL(err, RC_PEER, "`next` is longer than %zu bytes", sizeof c->next - 1);
		*ret_more = pl->empty < TAXII_EMPTY_PAGES_MAX;
	} else {
		c->next[0] = '\0';
		*ret_more = more && pl->empty == 0 && last.n > 0;
	}
	/* Dates only rise; a server that goes back in time would loop for ever. */
	if (last.n > 0 && c->after[0] != '\0' && time_parse(str_of(c->after), &then, NULL, NULL) == RC_OK && now <= then) {
		if (*ret_more && next.n == 0)
			return FAIL(err, RC_PEER, "the server's date_added does not rise: it would never end");
		last.n = 0;
	}
	if (last.n > 0 && !keep_text(c->after, sizeof c->after, last))
		return FAIL(err, RC_PEER, "X-TAXII-Date-Added-Last is too long");
	if (c->next[0] == '\0')
		memcpy(base, c->after, sizeof c->after);
	pl->got->complete = !more;
	return RC_OK;
}

/* A token that outlived its server's memory: what is left is the date. */
static bool token_lost(const struct pulling *pl, enum rc rc)
{
	return (rc == RC_BAD || rc == RC_NOTFOUND) && pl->cursor->next[0] != '\0' && pl->got->pages == 0 && !pl->token_given_up;
}

static enum rc one_page(struct pulling *pl, char base[static 48], taxii_on_page fn, void *ctx, bool *ret_more, struct err *err)
{
	struct httpc_res res = { 0 };
	const struct json *root;
	struct buf url;
	enum rc rc;

	buf_init(&url, 8192);
	rc = page_url(pl, base, &url, err);
	if (rc == RC_OK) {
		pl->got->requests++;
		rc = request_json(pl->t, url.p, pl->a, &res, &root, err);
	}
	buf_done(&url);
	if (token_lost(pl, rc)) {
		pl->token_given_up = true;
		pl->cursor->next[0] = '\0';
		memcpy(base, pl->cursor->after, sizeof pl->cursor->after);
		*ret_more = true;
		httpc_res_done(&res);
		return RC_OK;
	}
	if (rc == RC_OK) {
		pl->got->pages++;
		pl->got->bytes += res.body.n;
		if (pl->server_date == 0)
			pl->server_date = res.server_date;
		rc = hand_over(pl, root, &res, fn, ctx, err);
	}
	if (rc == RC_OK)
		rc = move_on(pl, root, &res, base, ret_more, err);
	httpc_res_done(&res);
	return rc;
}

/* A server without the X-TAXII headers: the next run asks for what was added since
 * this one began, by the server's clock, not by ours. */
static void date_by_clock(struct pulling *pl)
{
	char text[TIME_TEXT_MAX];

	if (pl->had_dates || pl->got->objects == 0 || !pl->got->complete || pl->server_date == 0 || pl->cursor->next[0] != '\0')
		return;
	time_format(pl->server_date - CLOCK_MARGIN, text);
	keep_text(pl->cursor->after, sizeof pl->cursor->after, str_of(text));
}

/* Called after each page with the cursor moved; may be NULL. */
typedef enum rc (*cursor_saver)(void *ctx, const struct taxii_cursor *c, const char *base, struct err *err);

static enum rc run(struct taxii_client *t, const struct taxii_pull *p, struct taxii_cursor *cursor, char base[static 48],
		   taxii_on_page fn, void *ctx, cursor_saver save, void *save_ctx, struct taxii_pulled *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(ARENA_MAX);
	struct pulling pl = { .t = t, .p = p, .cursor = cursor, .got = ret, .a = a };
	bool more = true;

	*ret = (struct taxii_pulled){ 0 };
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "pull: no memory");
	while (more) {
		if (ret->pages == TAXII_PAGES_MAX)
			return FAIL(err, RC_LIMIT, "more than %d pages", TAXII_PAGES_MAX);
		more = false;
		TRY(one_page(&pl, base, fn, ctx, &more, err));
		if (!more)
			date_by_clock(&pl);
		if (!more && cursor->next[0] == '\0')
			memcpy(base, cursor->after, sizeof cursor->after);
		if (save != NULL)
			TRY(save(save_ctx, cursor, base, err));
		arena_reset(a);
	}
	return RC_OK;
}

static bool begin_at(const struct taxii_pull *p, const struct taxii_cursor *c, char base[static 48])
{
	struct str from = c->after[0] == '\0' && c->next[0] == '\0' && p->added_after != NULL ? str_of(p->added_after)
										      : str_of(c->after);

	return keep_text(base, 48, from);
}

enum rc taxii_pull_run(struct taxii_client *t, const struct taxii_pull *p, struct taxii_cursor *cursor, taxii_on_page fn,
		       void *ctx, struct taxii_pulled *ret, struct err *err)
{
	char base[48] = "";

	/* A token from an earlier run belongs to that run's added_after, which only a stored cursor remembers. */
	cursor->next[0] = '\0';
	if (!begin_at(p, cursor, base))
		return FAIL(err, RC_BAD, "added_after: too long");
	return run(t, p, cursor, base, fn, ctx, NULL, NULL, ret, err);
}

/* --- durable cursors --- */

struct saver {
	struct store *s;
	char key[80];
};

/* "pull:" and a digest of server, root, collection and filters. */
static enum rc cursor_key(const struct taxii_client *t, const struct taxii_pull *p, struct saver *sv, struct err *err)
{
	unsigned char sum[SHA256_LEN];
	struct buf b, hex;
	enum rc rc;

	buf_init(&b, 8192);
	buf_fmt(&b, "%s\n%.*s\n%.*s\n", t->url, STR(p->root_url), STR(p->collection));
	put_filters(&b, p);
	rc = buf_check(&b, err, "cursor key");
	hash_sha256(buf_view(&b), sum);
	buf_done(&b);
	buf_init(&hex, 2 * SHA256_LEN);
	hex_put(&hex, str_make((const char *)sum, sizeof sum));
	if (rc == RC_OK)
		rc = buf_check(&hex, err, "cursor key");
	if (rc == RC_OK)
		snprintf(sv->key, sizeof sv->key, "pull:%s", hex.p);
	buf_done(&hex);
	return rc;
}

/* Three lines: after, base, next. */
static enum rc save_cursor(void *ctx, const struct taxii_cursor *c, const char *base, struct err *err)
{
	struct saver *sv = ctx;
	char text[700];

	snprintf(text, sizeof text, "%s\n%s\n%s", c->after, base, c->next);
	return cursor_put(sv->s, str_of(sv->key), str_of(text), err);
}

static enum rc load_cursor(struct saver *sv, struct taxii_cursor *c, char base[static 48], bool *ret_found, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(8192);
	struct str text, after, from, next = S("");
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "cursor: no memory");
	rc = cursor_get(sv->s, str_of(sv->key), a, &text, err);
	*ret_found = rc == RC_OK;
	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(rc);
	if (!str_next(&text, '\n', &after) || !str_next(&text, '\n', &from))
		return FAIL(err, RC_CORRUPT, "cursor %s: malformed", sv->key);
	next = text;
	if (!keep_text(c->after, sizeof c->after, after) || !keep_text(base, 48, from) || !keep_text(c->next, sizeof c->next, next))
		return FAIL(err, RC_CORRUPT, "cursor %s: malformed", sv->key);
	return RC_OK;
}

enum rc taxii_pull_stored(struct taxii_client *t, const struct taxii_pull *p, struct store *s, taxii_on_page fn, void *ctx,
			  struct taxii_pulled *ret, struct err *err)
{
	struct taxii_cursor cursor = { .after = "" };
	struct saver sv = { .s = s };
	char base[48] = "";
	bool found;

	TRY(cursor_key(t, p, &sv, err));
	TRY(load_cursor(&sv, &cursor, base, &found, err));
	if (!found && !begin_at(p, &cursor, base))
		return FAIL(err, RC_BAD, "added_after: too long");
	return run(t, p, &cursor, base, fn, ctx, save_cursor, &sv, ret, err);
}
