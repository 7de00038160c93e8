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
#define BATCH 32
#define SCRATCH (8192 + MATCHES * ALSO_MAX)

struct spotter {
	const struct iocs *lists;
	const struct image *image;
	struct hash_secret secret;
	uint64_t *nothing; /* keyed hashes of values in which nothing was found; two ways */
	struct arena *a;
	struct buf normal, url;
	struct spot out[SPOTS_MAX];
	size_t n;
	struct spotter_stats stats;
	/* the value at hand */
	struct flat *f;
	const struct flat_value *v;
	const struct flat_value *host[OBSERVE_PAIRS], *path[OBSERVE_PAIRS]; /* of the event: halves of URLs */
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
	hash_secret_draw(&s->secret, 0);
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
	if (s->lists != NULL && s->rc == RC_OK)
		ask_lists(s, &o);
	if (s->image != NULL && s->rc == RC_OK)
		ask_image(s, &o);
}

/* --- values --- */

enum { DIGIT = 1, HEX = 2, CLOCK = 4 }; /* CLOCK: besides digits, behind the seconds of a time */
static const uint8_t classes[256] = {
	['0' ... '9'] = DIGIT | HEX, ['a' ... 'f'] = HEX, ['A' ... 'F'] = HEX, ['.'] = CLOCK, [':'] = CLOCK, ['+'] = CLOCK, ['-'] = CLOCK, ['Z'] = CLOCK,
};

static bool is(char c, unsigned class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static bool any(bytes16 x)
{
	words2 w = (words2)x;

	return (w[0] | w[1]) != 0;
}

static bytes16 load16(const char *p)
{
	bytes16 x;

	memcpy(&x, p, sizeof x);
	return x;
}

/* "2023-08-16 05:00:01.967", "2023-08-15T10:00:02.053Z", with an offset: nearly every event has some of its own. */
static bool is_time(const struct flat_value *v)
{
	static const bytes16 marks = { 0, 0, 0, 0, '-', 0, 0, '-', 0, 0, ' ', 0, 0, ':', 0, 0 };
	unsigned dots = 0, colons = 0;
	bytes16 x;

	if (v->n < 19 || v->n > 35 || v->p[4] != '-' || v->p[16] != ':' || (v->p[10] != ' ' && v->p[10] != 'T'))
		return false;
	x = load16(v->p);
	x[10] = ' ';
	if (any((bytes16)((marks == 0) & (x - '0' > 9)) | (bytes16)((marks != 0) & (x != marks))) || !is(v->p[17], DIGIT) || !is(v->p[18], DIGIT))
		return false;
	for (size_t i = 19; i < v->n; i++) {
		dots += v->p[i] == '.';
		colons += v->p[i] == ':';
		if (!is(v->p[i], DIGIT | CLOCK))
			return false;
	}
	return dots <= 1 && colons <= 1;
}

/* A hash is a run of SHORT hexadecimal digits at least, and each such run covers one of every SHORT bytes. */
static bool has_run(const struct flat_value *v)
{
	for (size_t i = SHORT - 1; i < v->n; i += SHORT) {
		size_t from = i + 1, to = i;

		while (from > 0 && from + SHORT > i + 1 && is(v->p[from - 1], HEX))
			from--;
		while (to < v->n && to < from + SHORT && is(v->p[to], HEX))
			to++;
		if (to >= from + SHORT)
			return true;
	}
	return false;
}

/* Does a word hold a dot or a colon? (A byte of x is zero: some bit of (x - 0x01..) & ~x & 0x80..) */
static uint64_t marks_of(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t dot = word ^ ones * '.', colon = word ^ ones * ':';

	return (((dot - ones) & ~dot) | ((colon - ones) & ~colon)) & tops;
}

/* Two words that overlap are the end of a string; most values are so short that calling memchr costs more. n >= LEAST. */
static bool has_mark(const char *p, size_t n)
{
	uint64_t word = 0;
	uint32_t half;

	if (n < 8) {
		memcpy(&half, p, 4);
		word = half;
		memcpy(&half, p + n - 4, 4);
		return marks_of(word << 32 | half) != 0;
	}
	if (n < 16) {
		memcpy(&word, p, 8);
		if (marks_of(word) != 0)
			return true;
		memcpy(&word, p + n - 8, 8);
		return marks_of(word) != 0;
	}
	for (size_t i = 0; i + 16 < n; i += 16) {
		bytes16 x = load16(p + i);

		if (any((bytes16)(x == '.') | (bytes16)(x == ':')))
			return true;
	}
	{
		bytes16 x = load16(p + n - 16);

		return any((bytes16)(x == '.') | (bytes16)(x == ':'));
	}
}

/* "\u002e"; now and then true of what is none. */
static bool has_code(const char *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

	for (size_t i = 0; i + 1 < n; i += 7) { /* words that overlap by a byte */
		uint64_t word = 0, back, u;

		memcpy(&word, p + i, n - i < 8 ? n - i : 8);
		back = word ^ ones * '\\';
		u = word ^ ones * 'u';
		if ((((back - ones) & ~back & tops) << 8 & (u - ones) & ~u) != 0)
			return true;
	}
	return false;
}

/* Whatever we know has a dot or a colon, or is hexadecimal of a hash's length. What an escape of JSON stands for is seen
 * when it is resolved. */
static bool worth_looking(const struct flat_value *v)
{
	if (v->type != FLAT_STRING || v->n < LEAST)
		return false;
	if (has_mark(v->p, v->n))
		return !is_time(v);
	if ((v->flags & FLAT_ESCAPED) != 0 && has_code(v->p, v->n))
		return true;
	return v->n >= SHORT && has_run(v);
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

static void look_at(struct spotter *s, const struct flat_value *v, uint64_t hash)
{
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

/* Values of an event, so that the places where they are remembered are all on their way before the first is asked. */
struct batch { const struct flat_value *v[BATCH]; uint64_t hash[BATCH]; size_t n; };

static void look_at_batch(struct spotter *s, struct batch *b)
{
	for (size_t i = 0; i < b->n && s->rc == RC_OK; i++)
		look_at(s, b->v[i], b->hash[i]);
	b->n = 0;
}

static void put_batch(struct spotter *s, struct batch *b, const struct flat_value *v)
{
	uint64_t hash[2];

	hash_keyed(&s->secret, str_make(v->p, v->n), hash);
	hash[0] |= 1;
	__builtin_prefetch(&s->nothing[(size_t)(hash[0] % SLOTS) & ~(size_t)1]);
	b->v[b->n] = v;
	b->hash[b->n++] = hash[0];
	if (b->n == BATCH)
		look_at_batch(s, b);
}

/* A member that may be half of a URL. */
static void note_pair(struct spotter *s, const struct flat_value *v)
{
	struct str name = str_make(v->name, v->name_n);

	for (size_t p = 0; p < OBSERVE_PAIRS; p++) {
		if (str_eq(name, observe_pairs[p].host))
			s->host[p] = v;
		else if (str_eq(name, observe_pairs[p].path) && v->p[0] == '/')
			s->path[p] = v;
	}
}

/* EVE's http.hostname and http.url are one URL together, as Zeek's host and uri. */
static void look_at_pairs(struct spotter *s)
{
	for (size_t p = 0; p < OBSERVE_PAIRS; p++) {
		const struct flat_value *host = s->host[p], *path = s->path[p];

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
	struct batch batch UNINIT;

	batch.n = 0;
	arena_reset(s->a);
	s->n = 0;
	s->f = f;
	s->at = at;
	s->viewed = false;
	s->rc = RC_OK;
	s->err = err;
	memset(s->host, 0, sizeof s->host);
	memset(s->path, 0, sizeof s->path);
	for (uint32_t i = 0; i < f->n && s->rc == RC_OK; i++) {
		const struct flat_value *v = &f->v[i];

		/* All of their names begin with one of these, which is cheaper to see. */
		if (v->name_n > 2 && (v->name[0] == 'h' || v->name[0] == 'u') && v->type == FLAT_STRING && v->n > 0)
			note_pair(s, v);
		if (worth_looking(v))
			put_batch(s, &batch, v);
	}
	look_at_batch(s, &batch);
	if (s->rc == RC_OK)
		look_at_pairs(s);
	*ret = s->out;
	*ret_n = s->n;
	return s->rc;
}
