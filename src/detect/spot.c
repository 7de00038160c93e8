#include "detect/spot.h"

#include "base/hash.h"
#include "base/mem.h"
#include "detect/also.h"

#define SLOTS 32768u  /* remembered values: 256 KiB */
#define ARENA_MAX ((size_t)64 << 20)
#define OBJECT_LINE_MAX ((size_t)16 << 20)
#define SHORT 32      /* a shorter value holds no hash */
#define LEAST 4       /* nor anything else: "a.bc" */
#define MATCHES 16
#define SCRATCH (8192 + MATCHES * ALSO_MAX)

struct spotter {
	const struct iocs *lists;
	const struct image *image;
	uint64_t *nothing; /* keyed hashes of values in which nothing was found; two ways */
	struct arena *a;
	struct buf normal, url;
	struct spot out[SPOTS_MAX];
	size_t n;
	struct spotter_stats stats;
	/* the value at hand */
	struct flat *f;
	const struct flat_value *v;
	bool waits;        /* it met an indicator that asks for more than this event holds */
	usec at;
	/* the whole event, for the few indicators that ask for more */
	struct event_view whole;
	bool viewed, seen;
	enum rc rc;
	struct err *err;
};

enum rc spotter_new(const struct iocs *lists, const struct image *image, struct spotter **ret, struct err *err)
{
	CLEANUP(spotter_freep) struct spotter *s = mem_alloc(sizeof *s);

	if (s == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	s->lists = lists;
	s->image = image;
	s->nothing = mem_array(SLOTS, sizeof *s->nothing);
	s->a = arena_new(ARENA_MAX);
	buf_init(&s->normal, OBSERVE_NORMAL_MAX);
	buf_init(&s->url, OBSERVE_NORMAL_MAX);
	if (s->nothing == NULL || s->a == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	*ret = s;
	s = NULL;
	return RC_OK;
}

void spotter_free(struct spotter *s)
{
	if (s == NULL)
		return;
	mem_free(s->nothing);
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
	x.what.field = keep(s, str_make(s->v->name == NULL ? "" : s->v->name, s->v->name == NULL ? 0 : s->v->name_n));
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
		struct spot x = { .matched = m[i].matched, .list = m[i].file, .confidence = UINT8_MAX };

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
	if (s->lists != NULL && s->rc == RC_OK)
		ask_lists(s, &o);
	if (s->image != NULL && s->rc == RC_OK)
		ask_image(s, &o);
}

/* --- values --- */

/* Whatever we know has a dot or a colon, or is as long as a hash. */
static bool worth_looking(const struct flat_value *v)
{
	if (v->type != FLAT_STRING || v->n < LEAST)
		return false;
	return v->n >= SHORT || memchr(v->p, '.', v->n) != NULL || memchr(v->p, ':', v->n) != NULL;
}

/* True: this very value held nothing before. Else its place, for when it holds nothing now. */
static bool remembered(const struct spotter *s, uint64_t hash, size_t *ret_slot)
{
	size_t first = (size_t)(hash % SLOTS) & ~(size_t)1;

	if (s->nothing[first] == hash || s->nothing[first + 1] == hash)
		return true;
	*ret_slot = s->nothing[first] == 0 ? first : first + ((hash >> 32) & 1);
	return false;
}

static void look_at(struct spotter *s, const struct flat_value *v)
{
	uint64_t hash = hash_table(str_make(v->p, v->n)) | 1;
	size_t slot = 0, before = s->n;
	struct str text;

	s->stats.values++;
	if (remembered(s, hash, &slot))
		return;
	s->stats.looked_at++;
	text = flat_text(s->f, v);
	if (text.p == NULL) {
		s->rc = FAIL(s->err, RC_NOMEM, "indicators: out of memory");
		return;
	}
	s->v = v;
	s->waits = false;
	if (!observe_string(text, &s->normal, on_observable, s))
		s->stats.left_out++;
	if (s->n == before && !s->waits && s->rc == RC_OK)
		s->nothing[slot] = hash;
}

/* EVE's http.hostname and http.url are one URL together, as Zeek's host and uri. */
static void look_at_pairs(struct spotter *s)
{
	for (size_t p = 0; p < OBSERVE_PAIRS; p++) {
		const struct flat_value *host = NULL, *path = NULL;

		for (uint32_t i = 0; i < s->f->n; i++) {
			struct str name = str_make(s->f->v[i].name, s->f->v[i].name == NULL ? 0 : s->f->v[i].name_n);

			if (s->f->v[i].type != FLAT_STRING || s->f->v[i].n == 0)
				continue;
			if (str_eq(name, observe_pairs[p].host))
				host = &s->f->v[i];
			else if (str_eq(name, observe_pairs[p].path) && s->f->v[i].p[0] == '/')
				path = &s->f->v[i];
		}
		if (host == NULL || path == NULL)
			continue;
		buf_clear(&s->url);
		buf_fmt(&s->url, "http://%.*s%.*s", STR(flat_text(s->f, host)), STR(flat_text(s->f, path)));
		s->v = path;
		if (s->url.bad == RC_OK)
			(void)observe_string(buf_view(&s->url), &s->normal, on_observable, s);
	}
}

enum rc spotter_run(struct spotter *s, struct flat *f, usec at, const struct spot **ret, size_t *ret_n, struct err *err)
{
	arena_reset(s->a);
	s->n = 0;
	s->f = f;
	s->at = at;
	s->viewed = false;
	s->rc = RC_OK;
	s->err = err;
	for (uint32_t i = 0; i < f->n && s->rc == RC_OK; i++)
		if (worth_looking(&f->v[i]))
			look_at(s, &f->v[i]);
	if (s->rc == RC_OK)
		look_at_pairs(s);
	*ret = s->out;
	*ret_n = s->n;
	return s->rc;
}
