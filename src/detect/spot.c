#include "detect/spot.h"

#include "base/hash.h"
#include "base/mem.h"
#include "detect/also.h"
#include "detect/glance.h"

#define SLOTS 32768u  /* remembered values: 256 KiB */
#define WAYS 8u       /* places where one may stand: a cache line */
#define ARENA_MAX ((size_t)64 << 20)
#define OBJECT_LINE_MAX ((size_t)16 << 20)
#define MATCHES 16
#define SCRATCH (8192 + MATCHES * ALSO_MAX)

struct spotter {
	const struct iocs *lists;
	const struct image *image;
	struct hash_secret secret;
	void *sets;
	uint64_t *nothing; /* in it, by cache lines: keyed hashes of values in which nothing was found; the newest of a set goes before the others */
	struct arena *a;
	struct buf normal, url;
	struct spot out[SPOTS_MAX];
	size_t n;
	struct spotter_stats stats;
	/* the value at hand */
	struct flat *f;
	const struct flat_value *v;
	const struct flat_value *host[OBSERVE_PAIRS], *path[OBSERVE_PAIRS]; /* of the event: halves of URLs */
	bool several[OBSERVE_PAIRS], unclear; /* of one half; and which belong together, this reader does not know */
	bool asks, maybe;  /* spotter_maybe, and its answer */
	uint64_t version;  /* of the image, when `nothing` began */
	bool waits;        /* it met an indicator that asks for more than this event holds */
	usec at;
	/* the whole event, for the few indicators that ask for more */
	struct event_view whole;
	bool viewed, seen;
	enum rc rc;
	struct err *err;
	/* the values of the event that are worth a look, and their keyed hashes */
	struct glance_values worth;
	uint64_t hash[FLAT_VALUES_MAX][2];
	struct event_keys *keys; /* spotter_note; or NULL */
	bool full;               /* they have no room for the value at hand */
};

enum rc spotter_new(const struct iocs *lists, const struct image *image, struct spotter **ret, struct err *err)
{
	CLEANUP(spotter_freep) struct spotter *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	hash_secret_draw(&s->secret, 0);
	s->lists = lists;
	s->image = image;
	s->sets = mem_array(SLOTS + WAYS, sizeof *s->nothing);
	s->nothing = (uint64_t *)(((uintptr_t)s->sets + WAYS * sizeof *s->nothing - 1) & ~(uintptr_t)(WAYS * sizeof *s->nothing - 1));
	s->a = arena_new(ARENA_MAX);
	buf_init(&s->normal, OBSERVE_NORMAL_MAX);
	buf_init(&s->url, OBSERVE_NORMAL_MAX);
	if (s->sets == NULL || s->a == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	*ret = s;
	s = NULL;
	return RC_OK;
}

void spotter_free(struct spotter *s)
{
	if (s == NULL)
		return;
	mem_free(s->sets);
	mem_free(s->keys);
	arena_free(s->a);
	buf_done(&s->normal);
	buf_done(&s->url);
	mem_free(s);
}

void spotter_freep(struct spotter **s)
{
	spotter_free(*s);
}

void spotter_forget(struct spotter *s)
{
	memset(s->nothing, 0, SLOTS * sizeof *s->nothing);
}

void spotter_stats(const struct spotter *s, struct spotter_stats *ret)
{
	*ret = s->stats;
}

/* --- hits --- */

static struct str keep(struct spotter *s, struct str text)
{
	struct str copy = arena_dup(s->a, text);

	if (copy.p == NULL)
		s->rc = FAIL(s->err, RC_NOMEM, "indicators: out of memory");
	return copy;
}

static void hit(struct spotter *s, struct spot x, const struct observable *o)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->out[i].id, x.id) == 0)
			return;
	if (s->n == SPOTS_MAX) {
		s->stats.left_out++;
		return;
	}
	x.what.kind = o->kind;
	x.what.value = keep(s, o->value);
	x.what.field = keep(s, flat_path(s->f, s->v));
	x.matched = keep(s, x.matched);
	if (x.suppressed.n > 0)
		x.suppressed = keep(s, x.suppressed);
	if (s->rc != RC_OK)
		return;
	s->out[s->n++] = x;
	s->stats.hits += x.suppressed.n == 0;
}

static void ask_lists(struct spotter *s, const struct observable *o)
{
	struct ioc_match m[MATCHES];
	char scratch[SCRATCH] UNINIT;
	size_t n = 0;

	s->rc = iocs_lookup(s->lists, o, m, MATCHES, &n, scratch, sizeof scratch, s->err);
	for (size_t i = 0; i < n && s->rc == RC_OK; i++) {
		struct spot x = { .matched = m[i].matched, .list = m[i].file, .tlp = UINT8_MAX, .confidence = UINT8_MAX };

		memcpy(x.id, m[i].id, sizeof x.id);
		hit(s, x, o);
	}
}

/* The event as watch sees it; false when it cannot be read so. Once for each event that needs it. */
static bool view_whole(struct spotter *s)
{
	struct str text = s->f->raw;
	struct buf line;

	if (s->viewed)
		return s->seen;
	s->viewed = true;
	buf_init(&line, OBJECT_LINE_MAX);
	if (s->f->format != LOG_JSON) {
		flat_json_print(s->f, &line);
		text = line.bad == RC_OK ? arena_dup(s->a, buf_view(&line)) : S("");
	}
	buf_done(&line);
	s->seen = text.p != NULL && event_observe(s->a, text, &s->whole, NULL) == RC_OK;
	s->stats.left_out += !s->seen;
	return s->seen;
}

/* What an indicator asks for besides the value. What it lacks now another event may have. */
static bool meets_rest(struct spotter *s, struct str also)
{
	if (also.n == 0 || (view_whole(s) && also_met(also, &s->whole)))
		return true;
	s->waits = true;
	return false;
}

static void ask_image(struct spotter *s, const struct observable *o)
{
	struct image_match m[MATCHES];
	char scratch[SCRATCH] UNINIT;
	struct str list = { NULL, 0 };
	size_t n = image_lookup(s->image, o, s->at, m, MATCHES, scratch, sizeof scratch, &list);

	for (size_t i = 0; i < n && s->rc == RC_OK; i++) {
		struct spot x = { .matched = m[i].matched, .tlp = m[i].tlp, .confidence = m[i].confidence, .suppressed = list };

		memcpy(x.id, m[i].id, sizeof x.id);
		if (meets_rest(s, m[i].also))
			hit(s, x, o);
	}
}

static void on_observable(void *ctx, enum observable_kind kind, struct str value)
{
	struct spotter *s = ctx;
	struct observable o = { .kind = kind, .value = value };

	s->stats.observables++;
	if (s->asks) {
		if (s->keys != NULL)
			s->full |= !event_keys_put(s->keys, kind, value);
		s->waits |= image_has(s->image, &o);
		s->maybe |= s->waits;
		return;
	}
	if (s->lists != NULL && s->rc == RC_OK)
		ask_lists(s, &o);
	if (s->image != NULL && s->rc == RC_OK)
		ask_image(s, &o);
}

/* --- values --- */

static size_t set_of(uint64_t hash)
{
	return (size_t)(hash % SLOTS) & ~(size_t)(WAYS - 1);
}

/* Did this very value hold nothing before? */
static bool remembered(const struct spotter *s, uint64_t hash)
{
	const uint64_t *set = &s->nothing[set_of(hash)];
	bool there = false;

#pragma GCC unroll 8
	for (size_t i = 0; i < WAYS; i++)
		there |= set[i] == hash;
	return there;
}

/* The oldest of the set goes. */
static void remember(struct spotter *s, uint64_t hash)
{
	uint64_t *set = &s->nothing[set_of(hash)];

	memmove(set + 1, set, (WAYS - 1) * sizeof *set);
	set[0] = hash;
}

/* False: it was not looked at. */
static bool look_at(struct spotter *s, const struct flat_value *v, uint64_t hash)
{
	size_t before = s->n;
	struct str text;

	s->stats.values++;
	if (remembered(s, hash))
		return false;
	s->stats.looked_at++;
	text = flat_text(s->f, v);
	if (text.p == NULL) {
		s->rc = FAIL(s->err, RC_NOMEM, "indicators: out of memory");
		return false;
	}
	s->v = v;
	s->waits = s->full = false;
	if (!observe_string(text, &s->normal, on_observable, s))
		s->stats.left_out++;
	if (s->n == before && !s->waits && s->rc == RC_OK)
		remember(s, hash);
	return !s->full;
}

/* The values that are worth a look, with the keys of those that were cut. */
static void look_at_all(struct spotter *s)
{
	struct event_keys *k = s->keys;
	size_t i;

	if (k != NULL)
		k->n_keys = 0;
	for (i = 0; i < s->worth.n && s->rc == RC_OK; i++) {
		const struct flat_value *v = &s->f->v[s->worth.place[i]];
		/* 0 is nobody's; the same bytes mean something else where escapes count. */
		uint64_t hash = (s->hash[i][0] ^ (uint64_t)(v->flags & FLAT_ESCAPED) << 32) | 1;
		uint32_t from = k == NULL ? 0 : k->n_keys;
		bool looked = look_at(s, v, hash);

		if (k != NULL)
			k->value[i] = (struct event_value){ hash, looked ? from : EVENT_VALUE_UNSEEN, k->n_keys, s->worth.place[i] };
	}
	if (k == NULL)
		return;
	k->n = (uint32_t)i;
	k->names = s->worth.names;
	k->f = s->rc == RC_OK ? s->f : NULL;
}

/* A member that may be half of a URL. */
static void note_pair(struct spotter *s, const struct flat_value *v)
{
	struct str name = str_make(v->name, v->name_n);

	for (size_t p = 0; p < OBSERVE_PAIRS; p++) {
		bool host = str_eq(name, observe_pairs[p].host), path = !host && str_eq(name, observe_pairs[p].path);

		s->several[p] |= (host && s->host[p] != NULL) || (path && s->path[p] != NULL);
		if (host)
			s->host[p] = v;
		else if (path && (v->p[0] == '/' || v->p[0] == '\\'))
			s->path[p] = v;
	}
}

/* EVE's http.hostname and http.url are one URL together, as Zeek's host and uri. */
static void look_at_pairs(struct spotter *s)
{
	memset(s->several, 0, sizeof s->several);
	memset(s->host, 0, sizeof s->host);
	memset(s->path, 0, sizeof s->path);
	for (uint32_t i = 0; i < s->f->n; i++)
		if (s->f->v[i].type == FLAT_STRING && s->f->v[i].n > 0)
			note_pair(s, &s->f->v[i]);
	for (size_t p = 0; p < OBSERVE_PAIRS; p++) {
		const struct flat_value *host = s->host[p], *path = s->path[p];

		struct str text;

		if (host == NULL || path == NULL)
			continue;
		s->unclear |= s->several[p];
		text = flat_text(s->f, path);
		if (!str_starts(text, S("/")))
			continue;
		buf_clear(&s->url);
		buf_fmt(&s->url, "http://%.*s%.*s", STR(flat_text(s->f, host)), STR(text));
		s->v = path;
		if (s->url.bad == RC_OK)
			(void)observe_string(buf_view(&s->url), &s->normal, on_observable, s);
	}
}

void spotter_begin(struct spotter *s, struct flat *f)
{
	s->f = f;
	glance_values(f, &s->worth);
	hash_keyed_each(&s->secret, s->worth.text, s->worth.n, s->hash);
	for (size_t i = 0; i < s->worth.n; i++)
		__builtin_prefetch(&s->nothing[set_of(s->hash[i][0])]);
}

enum rc spotter_end(struct spotter *s, usec at, const struct spot **ret, size_t *ret_n, struct err *err)
{
	if (arena_used(s->a) > 0)
		arena_reset(s->a);
	s->n = 0;
	s->at = at;
	s->viewed = false;
	s->unclear = false;
	s->rc = RC_OK;
	s->err = err;
	look_at_all(s);
	/* A path has a name of three letters, which few formats use otherwise. */
	if (s->rc == RC_OK && (s->worth.names & 1u << 3) != 0)
		look_at_pairs(s);
	*ret = s->out;
	*ret_n = s->n;
	return s->rc;
}

enum rc spotter_run(struct spotter *s, struct flat *f, usec at, const struct spot **ret, size_t *ret_n, struct err *err)
{
	spotter_begin(s, f);
	return spotter_end(s, at, ret, ret_n, err);
}

bool spotter_maybe(struct spotter *s, struct flat *f)
{
	uint64_t version = image_version(s->image), left_out = s->stats.left_out;
	const struct spot *none;
	size_t n;
	enum rc rc;

	if (version != s->version)
		spotter_forget(s);
	s->version = version;
	s->asks = true;
	s->maybe = false;
	rc = spotter_run(s, f, 0, &none, &n, NULL);
	s->asks = false;
	return s->maybe || rc != RC_OK || s->unclear || f->left_out > 0 || s->stats.left_out != left_out;
}

enum rc spotter_note(struct spotter *s, const struct event_keys **ret, struct err *err)
{
	s->keys = mem_alloc(sizeof *s->keys);
	if (s->keys == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	*ret = s->keys;
	return RC_OK;
}
