/* The client's requests and the information endpoints. */
#include "taxii/client.h"

#include "base/mem.h"
#include "taxii/media.h"
#include "taxii/request.h"

#define FIRST_WAIT (USEC_PER_SEC / 2)
#define BODY_MAX ((size_t)64 << 20)
#define LIST_MAX 10000 /* collections of a root, roots of a server */

static const struct json_limits page_limits = { BODY_MAX, 80, 32u << 20 };

enum rc taxii_client_new(const struct taxii_client_config *c, struct taxii_client **ret, struct err *err)
{
	struct taxii_client *t;
	struct str url = str_of(c->url);
	char base[300];
	enum rc rc;

	if (url.n == 0 || url.n + 16 > TAXII_URL_MAX)
		return FAIL(err, RC_BAD, "url: empty or too long");
	t = mem_alloc(sizeof *t);
	if (t == NULL)
		return FAIL(err, RC_NOMEM, "taxii client: no memory");
	t->c = *c;
	if (t->c.http.max_response == 0)
		t->c.http.max_response = BODY_MAX;
	if (str_find(url, S("://"), 0) != SIZE_MAX) /* without any path: the one of TAXII 2.1 §4.1 */
		snprintf(t->url, sizeof t->url, "%s%s", c->url,
			 str_find(url, S("/"), str_find(url, S("://"), 0) + 3) == SIZE_MAX ? "/taxii2/" : "");
	else if (str_find(url, S(":"), 0) == SIZE_MAX && srv_lookup(c->url, base, sizeof base, NULL) == RC_OK)
		snprintf(t->url, sizeof t->url, "%s/taxii2/", base);
	else
		snprintf(t->url, sizeof t->url, "https://%s/taxii2/", c->url);
	if (t->url[strlen(t->url) - 1] != '/')
		snprintf(t->url + strlen(t->url), 2, "/");
	rc = httpc_new(&t->c.http, &t->http, err);
	if (rc != RC_OK) {
		mem_free(t);
		return rc;
	}
	*ret = t;
	return RC_OK;
}

void taxii_client_free(struct taxii_client *t)
{
	if (t == NULL)
		return;
	httpc_free(t->http);
	mem_free(t);
}

int taxii_client_status(const struct taxii_client *t)
{
	return t->status;
}

const char *taxii_client_url(const struct taxii_client *t)
{
	return t->url;
}

/* --- requests --- */

void request_wait(struct taxii_client *t, usec span)
{
	usec max = t->c.wait_max == 0 ? 60 * USEC_PER_SEC : t->c.wait_max;
	struct timespec ts;

	if (span > max)
		span = max;
	if (t->c.wait != NULL) {
		t->c.wait(t->c.wait_ctx, span);
		return;
	}
	ts.tv_sec = span / USEC_PER_SEC;
	ts.tv_nsec = (long)(span % USEC_PER_SEC) * 1000;
	while (nanosleep(&ts, &ts) != 0)
		;
}

/* A server's own words, cut short and without control characters. */
static void server_words(const struct httpc_res *res, char *out, size_t max)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 20);
	const struct json *root = NULL;
	struct str title, text;

	out[0] = '\0';
	if (a == NULL || json_parse(a, str_slice(buf_view(&res->body), 0, 65536), &JSON_LIMITS, &root, NULL) != RC_OK)
		return;
	title = json_get_str(root, S("title"));
	text = json_get_str(root, S("description"));
	snprintf(out, max, "%s%.*s%s%.*s", title.n + text.n > 0 ? ": " : "", STR(str_slice(title, 0, 80)),
		 title.n > 0 && text.n > 0 ? ", " : "", STR(str_slice(text, 0, 160)));
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static enum rc rc_of_status(int status)
{
	switch (status) {
	case 400: case 405: case 406: case 415: case 422: return RC_BAD;
	case 401: case 403: return RC_DENIED;
	case 404: case 410: return RC_NOTFOUND;
	case 413: return RC_LIMIT;
	case 429: case 503: return RC_BUSY;
	case 507: return RC_FULL;
	default: return RC_PEER;
	}
}

static enum rc judge(const struct httpc_res *res, const char *url, struct err *err)
{
	char words[300];

	if (res->status == 200 || res->status == 202) {
		struct str type = str_of(res->content_type);

		if (media_is_taxii(type) || str_starts(type, S("application/json")))
			return RC_OK;
		return FAIL(err, RC_PEER, "%.200s: the reply is no TAXII 2.1 (%.60s)", url, res->content_type);
	}
	server_words(res, words, sizeof words);
	return FAIL(err, rc_of_status(res->status), "%.120s: HTTP %d%.250s", url, res->status, words);
}

static bool worth_another_try(enum rc sent, const struct httpc_res *res)
{
	if (sent != RC_OK)
		return sent == RC_PEER;
	return res->status == 429 || res->status == 500 || (res->status >= 502 && res->status <= 504);
}

enum rc request_do(struct taxii_client *t, const char *method, const char *url, struct str body, struct httpc_res *res,
		   struct err *err)
{
	static const char *const get_headers[] = { "Accept: " TAXII_MEDIA, NULL };
	static const char *const post_headers[] = { "Accept: " TAXII_MEDIA, "Content-Type: " TAXII_MEDIA, NULL };
	int left = t->c.retries == 0 ? 5 : t->c.retries;
	usec wait = FIRST_WAIT;

	for (;; left--) {
		enum rc rc = httpc_do(t->http, method, url, body.n > 0 ? post_headers : get_headers, body, res, err);

		t->status = rc == RC_OK ? res->status : 0;

		if (left <= 0 || !worth_another_try(rc, res))
			return rc == RC_OK ? judge(res, url, err) : rc;
		if (rc == RC_OK && res->retry_after >= 0)
			request_wait(t, (usec)res->retry_after * USEC_PER_SEC);
		else
			request_wait(t, wait);
		wait *= 2;
		httpc_res_done(res);
	}
}

enum rc request_json(struct taxii_client *t, const char *url, struct arena *a, struct httpc_res *res,
		     const struct json **ret, struct err *err)
{
	enum rc rc = request_do(t, "GET", url, S(""), res, err);

	if (rc != RC_OK)
		return rc;
	rc = json_parse(a, buf_view(&res->body), &page_limits, ret, err);
	if (rc == RC_OK && !json_is(*ret, JSON_OBJECT))
		rc = FAIL(err, RC_BAD, "a JSON object is needed");
	if (rc == RC_BAD) {
		err_prefix(err, "%.200s", url);
		rc = RC_PEER; /* the other end's fault, not the caller's */
	}
	return rc;
}

/* --- URLs --- */

/* End of "https://host:port" in an absolute URL, or 0. */
static size_t origin_end(struct str url)
{
	size_t at = str_find(url, S("://"), 0), slash;

	if (at == SIZE_MAX || !(str_starts(url, S("https://")) || str_starts(url, S("http://"))))
		return 0;
	slash = str_find(url, S("/"), at + 3);
	return slash == SIZE_MAX ? url.n : slash;
}

struct str taxii_resolve(struct str base, struct str ref, struct arena *a)
{
	size_t origin = origin_end(base), dir = base.n;
	const char *slash = ref.n > 0 && ref.p[ref.n - 1] == '/' ? "" : "/";

	for (size_t i = 0; i < ref.n; i++)
		if ((unsigned char)ref.p[i] <= 0x20 || ref.p[i] == 0x7f)
			return (struct str){ NULL, 0 };
	if (origin_end(ref) > 0)
		return arena_fmt(a, "%.*s%s", STR(ref), slash);
	/* Another scheme, and "//host", are no relative references that TAXII 2.1 §4.1.1 allows. */
	if (origin == 0 || str_starts(ref, S("//")) || str_find(ref, S(":"), 0) < str_find(ref, S("/"), 0))
		return (struct str){ NULL, 0 };
	if (str_starts(ref, S("/")))
		return arena_fmt(a, "%.*s%.*s%s", STR(str_slice(base, 0, origin)), STR(ref), slash);
	while (dir > origin && base.p[dir - 1] != '/')
		dir--;
	return arena_fmt(a, "%.*s%s%.*s%s", STR(str_slice(base, 0, dir)), dir == origin ? "/" : "", STR(ref), slash);
}

/* --- information --- */

/* Strings of the reply outlive it in the caller's arena. */
static struct str keep(struct arena *a, const struct json *object, const char *name)
{
	struct str s = json_get_str(object, str_of(name));

	return s.n > 0 ? arena_dup(a, s) : S("");
}

static enum rc read_discovery(struct taxii_client *t, const struct json *root, struct arena *a, struct taxii_discovery *ret,
			      struct err *err)
{
	const struct json *roots = json_get(root, S("api_roots"));
	struct str standard = json_get_str(root, S("default"));

	*ret = (struct taxii_discovery){ .title = keep(a, root, "title"), .description = keep(a, root, "description"),
					 .contact = keep(a, root, "contact"), .standard = S("") };
	if (standard.n > 0)
		ret->standard = taxii_resolve(str_of(t->url), standard, a);
	if (!json_is(roots, JSON_ARRAY) || roots->n == 0)
		return RC_OK;
	if (roots->n > LIST_MAX)
		return FAIL(err, RC_LIMIT, "discovery: more than %d API roots", LIST_MAX);
	ret->roots = arena_array(a, roots->n, sizeof *ret->roots);
	if (ret->roots == NULL)
		return FAIL(err, RC_NOMEM, "discovery: no memory");
	JSON_EACH(item, roots) {
		struct str url = taxii_resolve(str_of(t->url), json_str(item), a);

		if (json_is(item, JSON_STRING) && url.p != NULL)
			ret->roots[ret->n_roots++] = url;
	}
	return RC_OK;
}

enum rc taxii_discover(struct taxii_client *t, struct arena *a, struct taxii_discovery *ret, struct err *err)
{
	const struct json *root;
	struct httpc_res res = { 0 };
	enum rc rc = request_json(t, t->url, a, &res, &root, err);

	if (rc == RC_OK)
		rc = read_discovery(t, root, a, ret, err);
	httpc_res_done(&res);
	return rc;
}

enum rc taxii_root_info(struct taxii_client *t, struct str root_url, struct arena *a, struct taxii_root *ret, struct err *err)
{
	const struct json *root, *versions;
	struct httpc_res res = { 0 };
	struct str url = arena_dup(a, root_url);
	enum rc rc = url.p == NULL ? FAIL(err, RC_NOMEM, "root: no memory") : request_json(t, url.p, a, &res, &root, err);

	if (rc == RC_OK) {
		*ret = (struct taxii_root){ .title = keep(a, root, "title"), .description = keep(a, root, "description") };
		versions = json_get(root, S("versions"));
		if (json_is(versions, JSON_ARRAY))
			JSON_EACH(item, versions)
				ret->speaks_21 |= media_is_taxii(json_str(item));
		if (!json_int(json_get(root, S("max_content_length")), &ret->max_content_length) || ret->max_content_length <= 0)
			ret->max_content_length = 0;
	}
	httpc_res_done(&res);
	return rc;
}

static enum rc read_collection(const struct json *v, struct arena *a, struct taxii_collection *ret, struct err *err)
{
	const struct json *types = json_get(v, S("media_types"));

	*ret = (struct taxii_collection){ .id = keep(a, v, "id"), .alias = keep(a, v, "alias"), .title = keep(a, v, "title"),
					  .description = keep(a, v, "description") };
	json_bool(json_get(v, S("can_read")), &ret->can_read);
	json_bool(json_get(v, S("can_write")), &ret->can_write);
	if (ret->id.n == 0)
		return FAIL(err, RC_PEER, "collections: one has no id");
	if (!json_is(types, JSON_ARRAY) || types->n == 0 || types->n > LIST_MAX)
		return RC_OK;
	ret->media_types = arena_array(a, types->n, sizeof *ret->media_types);
	if (ret->media_types == NULL)
		return FAIL(err, RC_NOMEM, "collections: no memory");
	JSON_EACH(item, types)
		if (json_is(item, JSON_STRING))
			ret->media_types[ret->n_media_types++] = arena_dup(a, json_str(item));
	return RC_OK;
}

enum rc taxii_collections(struct taxii_client *t, struct str root_url, struct arena *a, struct taxii_collection **ret,
			  size_t *ret_n, struct err *err)
{
	const struct json *root, *list = NULL;
	struct httpc_res res = { 0 };
	struct str url = arena_fmt(a, "%.*scollections/", STR(root_url));
	enum rc rc = url.p == NULL ? FAIL(err, RC_NOMEM, "collections: no memory") : request_json(t, url.p, a, &res, &root, err);

	*ret = NULL;
	*ret_n = 0;
	if (rc == RC_OK)
		list = json_get(root, S("collections"));
	if (json_is(list, JSON_ARRAY) && list->n > LIST_MAX)
		rc = FAIL(err, RC_LIMIT, "collections: more than %d", LIST_MAX);
	if (rc == RC_OK && json_is(list, JSON_ARRAY) && list->n > 0) {
		*ret = arena_array(a, list->n, sizeof **ret);
		if (*ret == NULL)
			rc = FAIL(err, RC_NOMEM, "collections: no memory");
		JSON_EACH(item, list)
			if (rc == RC_OK)
				rc = read_collection(item, a, &(*ret)[(*ret_n)++], err);
	}
	httpc_res_done(&res);
	return rc;
}
