#include "web/community.h"

#include <pthread.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "sys/file.h"

#define STATE_MAX ((size_t)1 << 20)
#define STATE_MEMORY ((size_t)16 << 20)
#define STATE_FILE "community.json"

/* The file is one for the process, whoever asks: requests and the node's own thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool community_is_founder(const struct community_state *s)
{
	char own[PSEUDONYM_LEN + 1];

	return s->name[0] != '\0' && !s->collector && str_eq(community_pseudonym(s->self.pub, own), str_of(s->founder));
}

static enum rc path_of(const char *dir, char out[static 4096], struct err *err)
{
	return snprintf(out, 4096, "%s/" STATE_FILE, dir) < 4096 ? RC_OK : FAIL(err, RC_LIMIT, "community: the folder's name is too long");
}

/* --- the file --- */

static void put_bytes(struct jsonw *w, const char *name, const unsigned char *p, size_t n)
{
	struct buf b;

	buf_init(&b, 2 * n + 1);
	hex_put(&b, str_make((const char *)p, n));
	if (name != NULL)
		jsonw_name(w, name);
	jsonw_str(w, buf_view(&b));
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
}

static void write_state(struct jsonw *w, const struct community_state *s)
{
	jsonw_object(w);
	jsonw_m_cstr(w, "community", s->name);
	jsonw_m_bool(w, "collector", s->collector);
	jsonw_m_bool(w, "shown", s->shown);
	jsonw_m_cstr(w, "founder", s->founder);
	put_bytes(w, "public", s->self.pub, sizeof s->self.pub);
	put_bytes(w, "secret", s->self.sec, sizeof s->self.sec);
	jsonw_name(w, "roles");
	jsonw_array(w);
	for (size_t i = 0; i < COMMUNITY_ROLES; i++)
		put_bytes(w, NULL, s->roles[i], SIGN_PUBLIC_LEN);
	jsonw_array_end(w);
	jsonw_m_int(w, "generation", s->key.generation);
	jsonw_m_int(w, "epoch", s->key.epoch);
	put_bytes(w, "key", s->key.key, sizeof s->key.key);
	jsonw_name(w, "admitted");
	jsonw_array(w);
	for (size_t i = 0; i < s->n_admitted; i++) {
		jsonw_object(w);
		put_bytes(w, "public", s->admitted[i].pub, SIGN_PUBLIC_LEN);
		jsonw_m_int(w, "granted", s->admitted[i].granted);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
}

static enum rc save(const char *dir, const struct community_state *s, struct err *err)
{
	char path[4096];
	struct buf b;
	struct jsonw w;
	enum rc rc;

	TRY(path_of(dir, path, err));
	buf_init(&b, STATE_MAX);
	jsonw_init(&w, &b);
	write_state(&w, s);
	rc = buf_check(&b, err, "community");
	if (rc == RC_OK)
		rc = file_replace(path, buf_view(&b), 0600, err);
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	return rc;
}

static bool get_bytes(const struct json *v, unsigned char *out, size_t n)
{
	struct str text = v == NULL ? S("") : json_str(v);
	struct buf b;
	bool good;

	buf_init(&b, n + 1);
	good = text.n == 2 * n && hex_get(&b, text);
	if (good)
		memcpy(out, b.p, n);
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	return good;
}

static bool read_text(const struct json *v, const char *name, char *out, size_t room)
{
	struct str text = json_get_str(v, str_of(name));

	if (text.n >= room)
		return false;
	snprintf(out, room, "%.*s", STR(text));
	return true;
}

static bool read_admitted(const struct json *list, struct community_state *s)
{
	bool good = list != NULL && list->type == JSON_ARRAY && list->n <= COMMUNITY_ADMITTED_MAX;

	if (good)
		JSON_EACH(one, list) {
			struct community_admitted *m = &s->admitted[s->n_admitted++];

			good = good && get_bytes(json_get(one, S("public")), m->pub, sizeof m->pub) && json_int(json_get(one, S("granted")), &m->granted);
		}
	return good;
}

static bool read_roles(const struct json *list, struct community_state *s)
{
	bool good = list != NULL && list->type == JSON_ARRAY && list->n == COMMUNITY_ROLES;
	size_t i = 0;

	if (good)
		JSON_EACH(one, list)
			good = good && get_bytes(one, s->roles[i++], SIGN_PUBLIC_LEN);
	return good;
}

static bool read_state(const struct json *v, struct community_state *s)
{
	const struct json *collector = json_get(v, S("collector")), *shown = json_get(v, S("shown"));

	s->collector = collector != NULL && collector->type == JSON_TRUE;
	s->shown = shown != NULL && shown->type == JSON_TRUE;
	return read_text(v, "community", s->name, sizeof s->name) && read_text(v, "founder", s->founder, sizeof s->founder) &&
	       get_bytes(json_get(v, S("public")), s->self.pub, sizeof s->self.pub) &&
	       get_bytes(json_get(v, S("secret")), s->self.sec, sizeof s->self.sec) && read_roles(json_get(v, S("roles")), s) &&
	       json_int(json_get(v, S("generation")), &s->key.generation) && json_int(json_get(v, S("epoch")), &s->key.epoch) &&
	       get_bytes(json_get(v, S("key")), s->key.key, sizeof s->key.key) && read_admitted(json_get(v, S("admitted")), s);
}

enum rc community_load(const char *dir, struct arena *a, struct community_state **ret, struct err *err)
{
	struct community_state *s = arena_alloc(a, sizeof *s);
	const struct json *v;
	char path[4096];
	struct buf b;
	enum rc rc;

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	memset(s, 0, sizeof *s);
	TRY(path_of(dir, path, err));
	rc = file_read(path, STATE_MAX, &b, err);
	if (rc == RC_OK) {
		if (json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL) != RC_OK || !read_state(v, s))
			rc = FAIL(err, RC_CORRUPT, "%s: no state of a community", path);
	} else if (rc == RC_NOTFOUND) {
		rc = RC_OK;
	}
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	if (rc == RC_OK)
		*ret = s;
	return rc;
}

enum rc community_change(const char *dir, community_fn fn, void *ctx, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(STATE_MEMORY);
	struct community_state *s;
	bool changed = false;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "community: out of memory");
	pthread_mutex_lock(&lock);
	rc = community_load(dir, a, &s, err);
	if (rc == RC_OK)
		rc = fn(s, ctx, &changed, err);
	if (rc == RC_OK && changed)
		rc = save(dir, s, err);
	pthread_mutex_unlock(&lock);
	return rc;
}
