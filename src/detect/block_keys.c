/* A key is the stable hash of a kind and a normal form. To let a few keys answer
 * for many values, an event gives more than one for what it holds: a domain also
 * its parents, a URL also its host, an address also the networks around it at a
 * few fixed lengths. An indicator then asks with one key, a CIDR block between
 * two of those lengths with at most 128.
 *
 * Log events repeat themselves: of the strings in ten thousand events most were
 * seen in the same block before, and a string seen again can add nothing. So each
 * is looked at once; which were seen is kept as keyed 64-bit hashes. */
#include "detect/block_keys.h"

#include "base/hash.h"
#include "base/mem.h"
#include "detect/glance.h"
#include "detect/keys.h"
#include "detect/observe.h"
#include "wire/flat_json.h"

#define SEEN_MAX ((size_t)1 << 18)
#define SLOTS_LEAST ((size_t)1 << 12)
#define TREE_MAX ((size_t)256 << 20)
#define PAIRED_MAX 8 /* values of one name in an event that are paired */

/* A set of 64-bit numbers but 0, open addressing. */
struct set {
	uint64_t *slot;
	size_t mask, n;
};

struct block_keys {
	struct set keys, seen;
	struct flat *flat;
	struct fields *none; /* a dictionary that asks for nothing */
	struct arena *tree;
	struct buf normal;
	enum rc bad;         /* of the event under way */
	struct glance_values worth;
};

/* The lengths at which an address gives keys, as numbers and as detect/keys.h wants them. */
#define LENGTHS 4
static const uint8_t LENGTHS4[LENGTHS] = { 8, 16, 24, 32 }, LENGTHS6[LENGTHS] = { 32, 48, 64, 128 };
static const struct key_prefixes PREFIXES = { .v4 = 1u << 8 | 1u << 16 | 1u << 24 | (uint64_t)1 << 32,
					      .v6 = { (uint64_t)1 << 32 | (uint64_t)1 << 48, 1, 1 } };

/* --- sets --- */

static enum rc set_new(struct set *s)
{
	s->slot = mem_array(SLOTS_LEAST, sizeof *s->slot);
	s->mask = SLOTS_LEAST - 1;
	return s->slot == NULL ? RC_NOMEM : RC_OK;
}

static void set_clear(struct set *s)
{
	memset(s->slot, 0, (s->mask + 1) * sizeof *s->slot);
	s->n = 0;
}

static bool set_put(struct set *s, uint64_t key)
{
	for (size_t i = key & s->mask;; i = (i + 1) & s->mask) {
		if (s->slot[i] == key)
			return false;
		if (s->slot[i] == 0) {
			s->slot[i] = key;
			s->n++;
			return true;
		}
	}
}

/* Room for one more, half full at most. */
static enum rc set_grow(struct set *s)
{
	struct set wider = { .mask = s->mask * 2 + 1 };

	if (2 * (s->n + 1) <= s->mask)
		return RC_OK;
	wider.slot = mem_array(wider.mask + 1, sizeof *wider.slot);
	if (wider.slot == NULL)
		return RC_NOMEM;
	for (size_t i = 0; i <= s->mask; i++)
		if (s->slot[i] != 0)
			(void)set_put(&wider, s->slot[i]);
	mem_free(s->slot);
	*s = wider;
	return RC_OK;
}

/* --- of events --- */

static uint64_t key_hash(struct str bytes)
{
	uint64_t h = hash_stable(bytes);

	return h == 0 ? 1 : h;
}

static bool put_hash(struct block_keys *k, uint64_t hash)
{
	if (k->keys.n >= KEYS_MOST)
		k->bad = RC_LIMIT;
	else if (set_grow(&k->keys) != RC_OK)
		k->bad = RC_NOMEM;
	else
		(void)set_put(&k->keys, hash);
	return k->bad == RC_OK;
}

static bool put_key(void *ctx, struct str key, struct str matched UNUSED)
{
	return put_hash(ctx, key_hash(key));
}

static void put_observable(void *ctx, enum observable_kind kind, struct str value)
{
	keys_of(kind, value, &PREFIXES, put_key, ctx);
}

static bool note_key(void *ctx, struct str key, struct str matched UNUSED)
{
	struct event_keys *k = ctx;

	/* Beyond the last place: there is no room. */
	if (k->n_keys < EVENT_KEYS_MAX)
		k->key[k->n_keys] = key_hash(key);
	return k->n_keys++ < EVENT_KEYS_MAX;
}

bool event_keys_put(struct event_keys *k, enum observable_kind kind, struct str value)
{
	keys_of(kind, value, &PREFIXES, note_key, k);
	if (k->n_keys <= EVENT_KEYS_MAX)
		return true;
	k->n_keys = EVENT_KEYS_MAX;
	return false;
}

/* Every observable has a dot or a colon, or is a hash of 32 digits and more. */
static bool holds_nothing(struct str s)
{
	return s.n < 32 && memchr(s.p, '.', s.n) == NULL && memchr(s.p, ':', s.n) == NULL;
}

/* False when this string was looked at before in this block. */
static bool first_hash(struct block_keys *k, uint64_t hash)
{
	if (k->seen.n >= SEEN_MAX)
		set_clear(&k->seen);
	if (set_grow(&k->seen) != RC_OK)
		return true;
	return set_put(&k->seen, hash == 0 ? 1 : hash);
}

static bool first_time(struct block_keys *k, struct str s)
{
	return first_hash(k, hash_table(s));
}

static void put_string(struct block_keys *k, struct str s)
{
	if (s.n > 0 && !holds_nothing(s) && first_time(k, s))
		(void)observe_string(s, &k->normal, put_observable, k);
}

/* A request's host and path, wherever in the event they stand: more than an object's own pairs, never fewer. */
static void put_pair(struct block_keys *k, struct flat *f, const struct observe_pair *pair)
{
	struct str host[PAIRED_MAX], path[PAIRED_MAX];
	size_t hosts = 0, paths = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		const struct flat_value *v = &f->v[i];
		struct str name = str_make(v->name, v->name_n);

		if (v->type == FLAT_STRING && hosts < PAIRED_MAX && v->n > 0 && str_eq(name, pair->host))
			host[hosts++] = flat_text(f, v);
		else if (v->type == FLAT_STRING && paths < PAIRED_MAX && v->n > 0 && str_eq(name, pair->path))
			path[paths++] = flat_text(f, v);
	}
	for (size_t i = 0; i < hosts; i++)
		for (size_t j = 0; j < paths; j++) {
			char url[VALUE_MAX + 8];
			int n = host[i].p == NULL || path[j].p == NULL || path[j].p[0] != '/' ? -1
				: snprintf(url, sizeof url, "http://%.*s%.*s", STR(host[i]), STR(path[j]));

			if (n > 0 && (size_t)n < sizeof url)
				put_string(k, str_make(url, (size_t)n));
		}
}

/* Does the flat form hold all that another reader would see? */
static bool is_whole(const struct flat *f)
{
	bool whole = f->left_out == 0;

	for (uint32_t i = 0; i < f->n && whole; i++) {
		const struct flat_value *v = &f->v[i];

		whole = (v->flags & FLAT_CUT) == 0 && (f->format != LOG_JSON || v->name_n == 0 || memchr(v->name, '\\', v->name_n) == NULL);
	}
	return whole;
}

static void put_value(struct block_keys *k, struct flat *f, uint32_t place)
{
	struct str s = flat_text(f, &f->v[place]);

	if (s.p == NULL)
		k->bad = RC_NOMEM;
	else if (first_time(k, s))
		(void)observe_string(s, &k->normal, put_observable, k);
}

static void put_known(struct block_keys *k, struct flat *f, const struct event_keys *known)
{
	/* The sets of a block do not lie in the nearest caches. */
	for (size_t i = 0; i < known->n; i++)
		__builtin_prefetch(&k->seen.slot[known->value[i].hash & k->seen.mask]);
	for (size_t i = 0; i < known->n_keys; i++)
		__builtin_prefetch(&k->keys.slot[known->key[i] & k->keys.mask]);
	for (size_t i = 0; i < known->n && k->bad == RC_OK; i++) {
		const struct event_value *v = &known->value[i];

		if (!first_hash(k, v->hash))
			continue;
		if (v->from == EVENT_VALUE_UNSEEN)
			put_value(k, f, v->place);
		else
			for (uint32_t at = v->from; at < v->to && put_hash(k, known->key[at]); at++)
				;
	}
}

static void put_flat(struct block_keys *k, struct flat *f, const struct event_keys *known)
{
	uint32_t names;

	if (known != NULL && known->f == f) {
		put_known(k, f, known);
		names = known->names;
	} else {
		glance_values(f, &k->worth);
		for (size_t i = 0; i < k->worth.n && k->bad == RC_OK; i++)
			put_value(k, f, k->worth.place[i]);
		names = k->worth.names;
	}
	/* A path has a name of three letters, which few formats use otherwise. */
	for (size_t i = 0; i < OBSERVE_PAIRS && k->bad == RC_OK && (names & 1u << 3) != 0; i++)
		put_pair(k, f, &observe_pairs[i]);
}

/* The slow way, which is the matcher's own. */
static void put_tree(struct block_keys *k, struct str line)
{
	struct event_view e;

	arena_reset(k->tree);
	if (event_observe(k->tree, line, &e, NULL) != RC_OK) {
		put_string(k, line);
		return;
	}
	for (size_t i = 0; i < e.n && k->bad == RC_OK; i++)
		put_observable(k, e.list[i].kind, e.list[i].value);
}

static uint64_t shape_of(const struct flat *f)
{
	const char *before = NULL;
	uint64_t shape = 1;

	for (uint32_t i = 0; f != NULL && i < f->n; i++) {
		const struct flat_value *v = &f->v[i];
		uint64_t ends = v->name_n == 0 ? 0 : (uint64_t)(unsigned char)v->name[0] << 8 | (unsigned char)v->name[v->name_n - 1];

		if (v->name != before || before == NULL) /* items of one array share their name */
			shape = (shape ^ ((uint64_t)v->name_n << 16 | ends)) * 0x9e3779b97f4a7c15ULL;
		before = v->name;
	}
	return shape;
}

enum rc block_keys_add(struct block_keys *k, struct str line, enum log_format format, struct flat *f, const struct event_keys *known,
		       uint64_t *ret_shape, struct err *err)
{
	k->bad = RC_OK;
	if (f == NULL && format == LOG_JSON && flat_json(k->flat, k->none, line, NULL) == RC_OK)
		f = k->flat;
	*ret_shape = shape_of(f);
	if (f != NULL)
		put_flat(k, f, known);
	if (format == LOG_JSON && (f == NULL || !is_whole(f)))
		put_tree(k, line);
	else if (f == NULL || f->left_out > 0)
		put_string(k, line);
	return k->bad == RC_OK ? RC_OK : FAIL(err, k->bad, "block: the observables of one event do not fit");
}

/* --- of indicators --- */

/* The networks of `length` bits that make up the block whose key this is; few. */
static size_t part_keys(char *key, size_t n, unsigned prefix, unsigned length, uint64_t *out)
{
	unsigned char *address = (unsigned char *)key + 2;
	size_t parts = (size_t)1 << (length - prefix);

	key[1] = (char)length;
	for (size_t i = 0; i < parts; i++) {
		out[i] = key_hash(str_make(key, n));
		/* The next one: add 1 at the last bit of the length. */
		for (unsigned bit = length; bit-- > prefix;) {
			unsigned char mask = (unsigned char)(0x80u >> bit % 8);

			address[bit / 8] ^= mask;
			if (address[bit / 8] & mask)
				break;
		}
	}
	return parts;
}

/* The one network of `length` bits around it. */
static size_t whole_key(char *key, size_t n, unsigned length, uint64_t *out)
{
	key[1] = (char)length;
	memset(key + 2 + length / 8, 0, n - 2 - length / 8); /* our lengths are whole bytes */
	out[0] = key_hash(str_make(key, n));
	return 1;
}

static size_t address_keys(const uint8_t *lengths, char *key, size_t n, uint64_t *out, bool *ret_all)
{
	unsigned prefix = (unsigned char)key[1];
	int i = 0;

	while (i < LENGTHS && lengths[i] < prefix)
		i++;
	if (i < LENGTHS && lengths[i] - prefix <= 7)
		return part_keys(key, n, prefix, lengths[i], out);
	*ret_all = i == 0;
	return i == 0 ? 0 : whole_key(key, n, lengths[i - 1], out);
}

size_t block_keys_of_value(enum observable_kind kind, struct str value, uint64_t out[static KEYS_PROBE_MAX], bool *ret_all)
{
	char bytes[KEY_MAX];
	struct str key = key_of(kind, value, bytes);

	*ret_all = false;
	if (key.n == 0)
		return 0;
	if (kind == OBS_IPV4 || kind == OBS_IPV6)
		return address_keys(kind == OBS_IPV4 ? LENGTHS4 : LENGTHS6, bytes, key.n, out, ret_all);
	out[0] = key_hash(key);
	return 1;
}

/* --- life --- */

enum rc block_keys_new(struct block_keys **ret, struct err *err)
{
	struct block_keys *k = mem_alloc(sizeof *k);

	if (k == NULL)
		return FAIL(err, RC_NOMEM, "block: out of memory");
	buf_init(&k->normal, OBSERVE_NORMAL_MAX);
	k->none = fields_new();
	k->tree = arena_new(TREE_MAX);
	if (set_new(&k->keys) != RC_OK || set_new(&k->seen) != RC_OK || k->none == NULL || k->tree == NULL ||
	    flat_new(&k->flat, NULL) != RC_OK) {
		block_keys_free(k);
		return FAIL(err, RC_NOMEM, "block: out of memory");
	}
	*ret = k;
	return RC_OK;
}

void block_keys_free(struct block_keys *k)
{
	if (k == NULL)
		return;
	mem_free(k->keys.slot);
	mem_free(k->seen.slot);
	flat_free(k->flat);
	fields_free(k->none);
	arena_free(k->tree);
	buf_done(&k->normal);
	mem_free(k);
}

void block_keys_freep(struct block_keys **k)
{
	block_keys_free(*k);
}

void block_keys_clear(struct block_keys *k)
{
	set_clear(&k->keys);
	set_clear(&k->seen);
}

size_t block_keys_count(const struct block_keys *k)
{
	return k->keys.n;
}

void block_keys_list(const struct block_keys *k, uint64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i <= k->keys.mask; i++)
		if (k->keys.slot[i] != 0)
			out[n++] = k->keys.slot[i];
}
