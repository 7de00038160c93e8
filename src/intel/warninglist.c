/* All entries of all lists lie in one hash table, whatever their type, under a key
 * that says how they match: a whole value, a host with its subdomains, a network of
 * one prefix length, or the first bytes of a substring. One look-up then costs a
 * handful of probes for any number of lists. Regular expressions are few and run one
 * by one. Matching follows MISP: hostname lists match the host and what is below it,
 * string lists the whole value (in either case), substring lists anywhere. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "intel/warninglist.h"

#include <arpa/inet.h>
#include <pcre2.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/observable.h"
#include "intel/warninglist_int.h"

#define GRAM 4                  /* substrings are found by their first bytes */
#define GRAM_BITS (1u << 16)
#define REGEX_MAX 1024
#define REGEX_STEPS 100000      /* of one match, so that no list can stall us */
#define TEXTS_MAX ((size_t)512 << 20)
#define ALL_KINDS ((1u << OBS_KINDS) - 1)

enum tag { TAG_WHOLE, TAG_HOST, TAG_PART, TAG_NET4, TAG_NET6 = TAG_NET4 + 33 };

struct entry {
	uint32_t at, next;      /* bytes in `texts`; next entry of the same key hash, or 0 */
	uint16_t n, list;
	uint8_t tag;
};

struct list {
	struct str name;
	uint32_t kinds;
};

struct regex {
	pcre2_code *code;
	uint16_t list;
};

struct warninglists {
	struct arena *arena;    /* names */
	struct list lists[WARNINGLISTS_MAX];
	size_t n_lists;
	struct buf texts;       /* bytes of all keys */
	struct entry *entries;  /* 1.. */
	size_t n, cap;
	uint64_t *slots;        /* upper half of the key's hash, entry number; 0 = free */
	size_t mask;            /* slots - 1 */
	uint64_t *filter;       /* a bit for each hash: most values are on no list, and this fits into the cache */
	unsigned filter_shift;  /* bit number = hash >> filter_shift */
	uint64_t nets4, nets6[3]; /* prefix lengths in use */
	uint32_t tags;          /* bits TAG_WHOLE..TAG_PART in use */
	uint8_t grams[GRAM_BITS / 8];
	uint32_t *shorts;       /* substrings shorter than GRAM: entry numbers */
	size_t n_shorts;
	struct regex *regexes;
	size_t n_regexes;
	pcre2_match_context *match;
	uint64_t unreadable, failed;
	bool ready;
};

struct warninglists *warninglists_new(void)
{
	struct warninglists *w = mem_alloc(sizeof *w);

	if (w == NULL)
		return NULL;
	w->arena = arena_new((size_t)16 << 20);
	w->regexes = mem_array(REGEX_MAX, sizeof *w->regexes);
	w->match = pcre2_match_context_create(NULL);
	buf_init(&w->texts, TEXTS_MAX);
	w->n = 1;
	if (w->arena == NULL || w->regexes == NULL || w->match == NULL) {
		warninglists_free(w);
		return NULL;
	}
	pcre2_set_match_limit(w->match, REGEX_STEPS);
	return w;
}

void warninglists_free(struct warninglists *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n_regexes; i++)
		pcre2_code_free(w->regexes[i].code);
	pcre2_match_context_free(w->match);
	mem_free(w->regexes);
	mem_free(w->entries);
	mem_free(w->slots);
	mem_free(w->filter);
	mem_free(w->shorts);
	buf_done(&w->texts);
	arena_free(w->arena);
	mem_free(w);
}

/* --- reading a list --- */

static const struct {
	const char *attribute;
	uint32_t kinds;
} attributes[] = {
	{ "ip-src", 1u << OBS_IPV4 | 1u << OBS_IPV6 }, { "ip-dst", 1u << OBS_IPV4 | 1u << OBS_IPV6 },
	{ "ip-src|port", 1u << OBS_IPV4 | 1u << OBS_IPV6 }, { "ip-dst|port", 1u << OBS_IPV4 | 1u << OBS_IPV6 },
	{ "domain", 1u << OBS_DOMAIN }, { "hostname", 1u << OBS_DOMAIN }, { "domain|ip", 1u << OBS_DOMAIN },
	{ "hostname|port", 1u << OBS_DOMAIN }, { "url", 1u << OBS_URL }, { "uri", 1u << OBS_URL }, { "link", 1u << OBS_URL },
	{ "email", 1u << OBS_EMAIL }, { "email-src", 1u << OBS_EMAIL }, { "email-dst", 1u << OBS_EMAIL },
	{ "target-email", 1u << OBS_EMAIL }, { "email-reply-to", 1u << OBS_EMAIL },
	{ "whois-registrant-email", 1u << OBS_EMAIL }, { "dns-soa-email", 1u << OBS_EMAIL },
	{ "md5", 1u << OBS_MD5 }, { "filename|md5", 1u << OBS_MD5 }, { "sha1", 1u << OBS_SHA1 },
	{ "filename|sha1", 1u << OBS_SHA1 }, { "sha256", 1u << OBS_SHA256 }, { "filename|sha256", 1u << OBS_SHA256 },
	{ "sha512", 1u << OBS_SHA512 }, { "filename|sha512", 1u << OBS_SHA512 },
};

/* Kinds that the list's matching_attributes name; all when it names none at all. */
static uint32_t read_kinds(const struct json *list)
{
	const struct json *names = json_get(list, S("matching_attributes"));
	uint32_t kinds = 0;

	if (!json_is(names, JSON_ARRAY) || names->n == 0)
		return ALL_KINDS;
	JSON_EACH(name, names) {
		for (size_t i = 0; i < COUNTOF(attributes); i++) {
			if (str_eq(json_str(name), str_of(attributes[i].attribute)))
				kinds |= attributes[i].kinds;
		}
	}
	return kinds;
}

static enum rc add_entry(struct warninglists *w, unsigned tag, struct str key, struct err *err)
{
	if (w->n > WARNINGLIST_ENTRIES_MAX)
		return FAIL(err, RC_LIMIT, "warning lists: more than %d entries", WARNINGLIST_ENTRIES_MAX);
	if (w->n >= w->cap) {
		size_t cap = w->cap == 0 ? 4096 : w->cap * 2;
		struct entry *more = mem_resize(w->entries, cap * sizeof *more);

		if (more == NULL)
			return FAIL(err, RC_NOMEM, "warning lists: no memory");
		w->entries = more;
		w->cap = cap;
	}
	w->entries[w->n++] = (struct entry){ .at = (uint32_t)w->texts.n, .n = (uint16_t)key.n,
					     .list = (uint16_t)w->n_lists, .tag = (uint8_t)tag };
	buf_str(&w->texts, key);
	return buf_check(&w->texts, err, "warning lists");
}

static size_t lower_into(char *out, size_t max, struct str s)
{
	if (s.n > max)
		return 0;
	for (size_t i = 0; i < s.n; i++)
		out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	return s.n;
}

/* True when `text` is a network; fills bytes and prefix length. Host bits are cleared. */
static bool read_net(struct str text, unsigned char addr[16], unsigned *ret_prefix, bool *ret_v6)
{
	size_t slash = str_find(text, S("/"), 0);
	struct str host = str_slice(text, 0, slash);
	char c[INET6_ADDRSTRLEN];
	uint64_t prefix;
	unsigned bits;

	if (host.n == 0 || host.n >= sizeof c)
		return false;
	memcpy(c, host.p, host.n);
	c[host.n] = '\0';
	*ret_v6 = memchr(host.p, ':', host.n) != NULL;
	bits = *ret_v6 ? 128 : 32;
	if (inet_pton(*ret_v6 ? AF_INET6 : AF_INET, c, addr) != 1)
		return false;
	prefix = bits;
	if (slash != SIZE_MAX && (!str_to_u64(str_slice(text, slash + 1, text.n), &prefix) || prefix > bits))
		return false;
	*ret_prefix = (unsigned)prefix;
	return true;
}

static void clear_host_bits(unsigned char *addr, size_t bytes, unsigned prefix)
{
	for (size_t i = 0; i < bytes; i++) {
		unsigned keep = prefix > i * 8 ? prefix - (unsigned)(i * 8) : 0;

		if (keep < 8)
			addr[i] &= (unsigned char)(0xff00u >> keep);
	}
}

static enum rc add_net(struct warninglists *w, struct str text, struct err *err)
{
	unsigned char addr[16];
	unsigned prefix;
	bool v6;

	if (!read_net(text, addr, &prefix, &v6)) {
		w->unreadable++;
		return RC_OK;
	}
	clear_host_bits(addr, v6 ? 16 : 4, prefix);
	if (v6)
		w->nets6[prefix / 64] |= (uint64_t)1 << prefix % 64;
	else
		w->nets4 |= (uint64_t)1 << prefix;
	return add_entry(w, (v6 ? TAG_NET6 : TAG_NET4) + prefix, str_make((const char *)addr, v6 ? 16 : 4), err);
}

/* "/expression/flags" as PHP writes them. */
static pcre2_code *compile(struct str text)
{
	uint32_t options = PCRE2_MATCH_INVALID_UTF;
	size_t end = text.n, offset;
	int code;
	pcre2_code *re;

	if (text.n < 2 || text.p[0] != '/')
		return NULL;
	while (end > 1 && text.p[end - 1] != '/')
		end--;
	for (size_t i = end; i < text.n; i++) {
		if (text.p[i] == 'i')
			options |= PCRE2_CASELESS;
		else if (text.p[i] == 's')
			options |= PCRE2_DOTALL;
		else if (text.p[i] != 'g' && text.p[i] != 'u')
			return NULL;
	}
	if (end < 2)
		return NULL;
	re = pcre2_compile((PCRE2_SPTR)text.p + 1, end - 2, options, &code, &offset, NULL);
	if (re != NULL)
		(void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
	return re;
}

static enum rc add_regex(struct warninglists *w, struct str text, struct err *err)
{
	pcre2_code *re;

	if (w->n_regexes == REGEX_MAX)
		return FAIL(err, RC_LIMIT, "warning lists: more than %d regular expressions", REGEX_MAX);
	re = compile(text);
	if (re == NULL) {
		w->unreadable++;
		return RC_OK;
	}
	w->regexes[w->n_regexes++] = (struct regex){ re, (uint16_t)w->n_lists };
	return RC_OK;
}

static struct str strip_dots(struct str s)
{
	while (s.n > 0 && s.p[0] == '.')
		s = str_slice(s, 1, s.n);
	while (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

static enum rc add_text(struct warninglists *w, enum tag tag, struct str text, struct err *err)
{
	char lower[VALUE_MAX];
	struct str key = str_make(lower, lower_into(lower, sizeof lower, text));

	if (tag == TAG_HOST)
		key = strip_dots(key);
	if (key.n == 0) {
		w->unreadable++;
		return RC_OK;
	}
	w->tags |= 1u << tag;
	return add_entry(w, tag, key, err);
}

static enum rc add_one(struct warninglists *w, struct str type, struct str text, struct err *err)
{
	if (str_eq(type, S("cidr")))
		return add_net(w, text, err);
	if (str_eq(type, S("regex")))
		return add_regex(w, text, err);
	return add_text(w, str_eq(type, S("hostname")) ? TAG_HOST : str_eq(type, S("substring")) ? TAG_PART : TAG_WHOLE, text, err);
}

static enum rc add_list(struct warninglists *w, const struct json *list, struct err *err)
{
	struct str type = json_get_str(list, S("type")), name = json_get_str(list, S("name"));
	const struct json *entries = json_get(list, S("list"));

	if (name.n == 0 || name.n > 512 || !json_is(entries, JSON_ARRAY))
		return FAIL(err, RC_BAD, "warning list: name or list is missing");
	if (type.p == NULL || (!str_eq(type, S("string")) && !str_eq(type, S("substring")) && !str_eq(type, S("hostname")) &&
			       !str_eq(type, S("cidr")) && !str_eq(type, S("regex"))))
		return FAIL(err, RC_UNSUPPORTED, "warning list %.*s: type %.*s", STR(name), STR(type));
	if (w->n_lists == WARNINGLISTS_MAX)
		return FAIL(err, RC_LIMIT, "warning lists: more than %d", WARNINGLISTS_MAX);
	w->lists[w->n_lists] = (struct list){ arena_dup(w->arena, name), read_kinds(list) };
	if (w->lists[w->n_lists].name.p == NULL)
		return FAIL(err, RC_NOMEM, "warning lists: no memory");
	JSON_EACH(e, entries) {
		if (e->type == JSON_STRING)
			TRY(add_one(w, type, json_str(e), err));
		else
			w->unreadable++;
	}
	w->n_lists++;
	return RC_OK;
}

enum rc warninglists_add(struct warninglists *w, struct str json, struct err *err)
{
	struct json_limits limits = { .bytes = WARNINGLIST_BYTES_MAX, .depth = 16, .nodes = WARNINGLIST_ENTRIES_MAX };
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)1 << 30);
	size_t n = w->n, texts = w->texts.n, regexes = w->n_regexes;
	uint64_t unreadable = w->unreadable;
	const struct json *list;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "warning lists: no memory");
	rc = json_parse(a, json, &limits, &list, err);
	if (rc == RC_OK)
		rc = add_list(w, list, err);
	if (rc == RC_OK) {
		w->ready = false;
		return RC_OK;
	}
	w->n = n;
	w->unreadable = unreadable;
	buf_cut(&w->texts, texts);
	while (w->n_regexes > regexes)
		pcre2_code_free(w->regexes[--w->n_regexes].code);
	return rc;
}

/* --- the table --- */

static struct str key_of(const struct warninglists *w, const struct entry *e)
{
	return str_make(w->texts.p + e->at, e->n);
}

static uint64_t key_hash(unsigned tag, struct str key)
{
	return hash_table(key) + tag * UINT64_C(0x9E3779B97F4A7C15);
}

static uint32_t gram_of(struct str s)
{
	uint32_t g;

	memcpy(&g, s.p, GRAM);
	return g * 0x9E3779B1u >> 16;
}

/* Substrings are filed under their first bytes, all others under their whole key. */
static struct str filed_under(const struct entry *e, struct str key)
{
	return e->tag == TAG_PART ? str_slice(key, 0, GRAM) : key;
}

static uint64_t slot_value(uint64_t hash, uint32_t number)
{
	return (hash & UINT64_C(0xFFFFFFFF00000000)) | number;
}

static const struct entry *entry_at(const struct warninglists *w, uint64_t slot)
{
	return &w->entries[(uint32_t)slot];
}

static void file_entry(struct warninglists *w, uint32_t number)
{
	struct entry *e = &w->entries[number];
	struct str key = filed_under(e, key_of(w, e));
	uint64_t hash;
	size_t slot;

	if (e->tag == TAG_PART) {
		uint32_t g;

		if (e->n < GRAM) {
			w->shorts[w->n_shorts++] = number;
			return;
		}
		g = gram_of(key);
		w->grams[g / 8] |= (uint8_t)(1u << g % 8);
	}
	hash = key_hash(e->tag, key);
	w->filter[hash >> w->filter_shift >> 6] |= (uint64_t)1 << (hash >> w->filter_shift & 63);
	for (slot = hash & w->mask; w->slots[slot] != 0; slot = (slot + 1) & w->mask) {
		struct entry *other = &w->entries[(uint32_t)w->slots[slot]];

		if (other->tag == e->tag && str_eq(filed_under(other, key_of(w, other)), key)) {
			e->next = other->next;
			other->next = number;
			return;
		}
	}
	w->slots[slot] = slot_value(hash, number);
	e->next = 0;
}

enum rc warninglists_ready(struct warninglists *w, struct err *err)
{
	size_t slots = 64, shorts = 0;
	unsigned filter_bits = 12;

	while (slots < w->n * 2)
		slots *= 2;
	while (((size_t)1 << filter_bits) < w->n * 16)
		filter_bits++;
	for (size_t i = 1; i < w->n; i++)
		shorts += w->entries[i].tag == TAG_PART && w->entries[i].n < GRAM;
	mem_free(w->slots);
	mem_free(w->filter);
	mem_free(w->shorts);
	w->slots = mem_array(slots, sizeof *w->slots);
	w->filter = mem_array(((size_t)1 << filter_bits) / 64, sizeof *w->filter);
	w->filter_shift = 64 - filter_bits;
	w->shorts = mem_array(shorts + 1, sizeof *w->shorts);
	w->n_shorts = 0;
	w->mask = slots - 1;
	w->ready = w->slots != NULL && w->filter != NULL && w->shorts != NULL;
	if (!w->ready)
		return FAIL(err, RC_NOMEM, "warning lists: no memory");
	memset(w->grams, 0, sizeof w->grams);
	for (uint32_t i = 1; i < w->n; i++)
		file_entry(w, i);
	return RC_OK;
}

/* --- looking up --- */

struct finding {
	const struct warninglists *w;
	enum observable_kind kind;
	struct str *ret;
	uint16_t seen[WARNINGLIST_NAMES_MAX];
	size_t n, max;
};

static bool full(const struct finding *f)
{
	return f->n == f->max;
}

static void found(struct finding *f, uint16_t list)
{
	const struct list *l = &f->w->lists[list];

	if (full(f) || (f->kind != OBS_KINDS && (l->kinds >> f->kind & 1) == 0))
		return;
	for (size_t i = 0; i < f->n; i++) {
		if (f->seen[i] == list)
			return;
	}
	f->seen[f->n] = list;
	f->ret[f->n++] = l->name;
}

/* First entry filed under the key, or NULL. */
static const struct entry *probe(const struct warninglists *w, unsigned tag, struct str key)
{
	uint64_t hash = key_hash(tag, key);

	if ((w->filter[hash >> w->filter_shift >> 6] >> (hash >> w->filter_shift & 63) & 1) == 0)
		return NULL;
	for (size_t slot = hash & w->mask; w->slots[slot] != 0; slot = (slot + 1) & w->mask) {
		const struct entry *e = entry_at(w, w->slots[slot]);

		if (w->slots[slot] == slot_value(hash, (uint32_t)w->slots[slot]) && e->tag == tag &&
		    str_eq(filed_under(e, key_of(w, e)), key))
			return e;
	}
	return NULL;
}

static const struct entry *after(const struct warninglists *w, const struct entry *e)
{
	return e->next == 0 ? NULL : &w->entries[e->next];
}

static void find_key(struct finding *f, unsigned tag, struct str key)
{
	for (const struct entry *e = probe(f->w, tag, key); e != NULL && !full(f); e = after(f->w, e))
		found(f, e->list);
}

/* The host itself and every domain above it. */
static void find_host(struct finding *f, struct str host)
{
	while (host.n > 0 && !full(f)) {
		size_t dot = str_find(host, S("."), 0);

		find_key(f, TAG_HOST, host);
		if (dot == SIZE_MAX)
			return;
		host = str_slice(host, dot + 1, host.n);
	}
}

static void find_part(struct finding *f, struct str value)
{
	const struct warninglists *w = f->w;

	for (size_t i = 0; i + GRAM <= value.n && !full(f); i++) {
		struct str tail = str_slice(value, i, value.n);
		uint32_t g = gram_of(tail);

		if ((w->grams[g / 8] >> g % 8 & 1) == 0)
			continue;
		for (const struct entry *e = probe(w, TAG_PART, str_slice(tail, 0, GRAM)); e != NULL; e = after(w, e)) {
			if (str_starts(tail, key_of(w, e)))
				found(f, e->list);
		}
	}
	for (size_t i = 0; i < w->n_shorts; i++) {
		const struct entry *e = &w->entries[w->shorts[i]];

		if (str_find(value, key_of(w, e), 0) != SIZE_MAX)
			found(f, e->list);
	}
}

/* Every network that holds the whole block. */
static void find_net(struct finding *f, struct str value)
{
	const struct warninglists *w = f->w;
	unsigned char addr[16];
	unsigned prefix;
	bool v6;

	if (!read_net(value, addr, &prefix, &v6))
		return;
	for (unsigned len = prefix + 1; len-- > 0 && !full(f);) {
		uint64_t used = v6 ? w->nets6[len / 64] >> len % 64 : w->nets4 >> len;

		if ((used & 1) == 0)
			continue;
		clear_host_bits(addr, v6 ? 16 : 4, len);
		find_key(f, (v6 ? TAG_NET6 : TAG_NET4) + len, str_make((const char *)addr, v6 ? 16 : 4));
	}
}

static void find_regex(struct finding *f, struct str value)
{
	const struct warninglists *w = f->w;

	for (size_t i = 0; i < w->n_regexes && !full(f); i++) {
		uint32_t kinds = w->lists[w->regexes[i].list].kinds;
		pcre2_match_data *m;

		if (f->kind != OBS_KINDS && (kinds >> f->kind & 1) == 0)
			continue;
		m = pcre2_match_data_create(1, NULL);
		if (m != NULL && pcre2_match(w->regexes[i].code, (PCRE2_SPTR)value.p, value.n, 0, 0, m, w->match) >= 0)
			found(f, w->regexes[i].list);
		pcre2_match_data_free(m);
	}
}

static struct str host_of(enum observable_kind kind, struct str value)
{
	struct str host = kind == OBS_DOMAIN ? value : value_url_host(value);

	if (host.n == 0 && kind == OBS_KINDS)
		host = str_slice(value, 0, str_find(value, S("/"), 0));
	return strip_dots(host);
}

size_t warninglists_find(const struct warninglists *w, enum observable_kind kind, struct str value, struct str *ret, size_t max)
{
	struct finding f = { .w = w, .kind = kind, .ret = ret, .max = max < WARNINGLIST_NAMES_MAX ? max : WARNINGLIST_NAMES_MAX };
	char lower[VALUE_MAX];
	struct str low;

	if (!w->ready || value.n == 0 || value.n > sizeof lower || max == 0)
		return 0;
	low = str_make(lower, lower_into(lower, sizeof lower, value));
	if (w->tags >> TAG_WHOLE & 1)
		find_key(&f, TAG_WHOLE, low);
	if (kind == OBS_IPV4 || kind == OBS_IPV6 || kind == OBS_KINDS)
		find_net(&f, low);
	if ((w->tags >> TAG_HOST & 1) && (kind == OBS_DOMAIN || kind == OBS_URL || kind == OBS_KINDS))
		find_host(&f, host_of(kind, low));
	if (w->tags >> TAG_PART & 1)
		find_part(&f, low);
	if (w->n_regexes > 0)
		find_regex(&f, value);
	return f.n;
}

bool warninglists_suppress(void *ctx, enum observable_kind kind, struct str value, struct str *ret_list)
{
	return warninglists_find(ctx, kind, value, ret_list, 1) > 0;
}

void warninglists_stats(const struct warninglists *w, struct warninglists_stats *ret)
{
	*ret = (struct warninglists_stats){ .lists = w->n_lists, .entries = w->n - 1 + w->n_regexes,
					    .unreadable = w->unreadable, .lists_failed = w->failed };
	ret->bytes = w->texts.cap + w->cap * sizeof *w->entries + (w->mask + 1) * sizeof *w->slots + sizeof *w;
}

void warninglists_count_failed(struct warninglists *w)
{
	w->failed++;
}
