/* The image of active indicators at a million: look-ups by kind that hit and that miss, memory of a value, rate of
 * changes, a whole log line from its bytes to its hits; and whether the answers are exact, against a plain scan. */
#include <arpa/inet.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "bench.h"
#include "detect/image.h"
#include "detect/observe.h"
#include "detect/watch.h"
#include "intel/material.h"
#include "model/observable.h"

#define INDICATORS 1000000u
#define ASKED 200000u
#define SAMPLE 300u
#define NOW ((usec)1800000000 * USEC_PER_SEC)

struct want {
	enum observable_kind kind;
	struct str value; /* normal form */
};

static struct arena *arena;
static struct want *known;
static size_t n_known;
static struct image *image;
static uint64_t state = 88172645463325252u;

static uint32_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static struct str word(void)
{
	char text[24];
	size_t n = 5 + draw() % 10;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + draw() % 26);
	return arena_dup(arena, str_make(text, n));
}

static struct str hex(size_t n)
{
	char text[128];

	for (size_t i = 0; i < n; i++)
		text[i] = "0123456789abcdef"[draw() % 16];
	return arena_dup(arena, str_make(text, n));
}

static struct str domain(void)
{
	static const char *const tops[] = { "com", "net", "org", "info", "co.uk", "com.tw", "xyz", "ru" };

	return draw() % 3 == 0 ? arena_fmt(arena, "%.*s.%.*s.%s", STR(word()), STR(word()), tops[draw() % 8])
			       : arena_fmt(arena, "%.*s.%s", STR(word()), tops[draw() % 8]);
}

/* A value of this kind that nobody else draws but by chance. */
static struct str value_of(enum observable_kind kind)
{
	uint32_t a = draw();

	switch (kind) {
	case OBS_IPV4:
		if (draw() % 20 == 0)
			return arena_fmt(arena, "%u.%u.%u.0/24", 1 + (a >> 24) % 220, (a >> 16) & 255, (a >> 8) & 255);
		return arena_fmt(arena, "%u.%u.%u.%u", 1 + (a >> 24) % 220, (a >> 16) & 255, (a >> 8) & 255, a & 255);
	case OBS_IPV6:
		return arena_fmt(arena, "2001:db8:%x:%x::%x", 1 + a % 65535, 1 + (a >> 16) % 65535, 1 + draw() % 65535);
	case OBS_DOMAIN:
		return domain();
	case OBS_URL:
		return arena_fmt(arena, "http://%.*s/%.*s?id=%u", STR(domain()), STR(word()), a);
	case OBS_EMAIL:
		return arena_fmt(arena, "%.*s@%.*s", STR(word()), STR(domain()));
	case OBS_MD5:
		return hex(32);
	case OBS_SHA1:
		return hex(40);
	case OBS_SHA256:
		return hex(64);
	case OBS_SHA512:
		return hex(128);
	case OBS_KINDS:
		break;
	}
	return S("");
}

/* Roughly what feeds hold. */
static enum observable_kind kind_of(uint32_t percent)
{
	return percent < 40 ? OBS_DOMAIN : percent < 62 ? OBS_IPV4 : percent < 65 ? OBS_IPV6 : percent < 80 ? OBS_URL :
	       percent < 84 ? OBS_EMAIL : percent < 90 ? OBS_MD5 : percent < 92 ? OBS_SHA1 : percent < 99 ? OBS_SHA256 : OBS_SHA512;
}

static void know(enum observable_kind kind, struct str value)
{
	struct str made;
	struct buf b;

	buf_init(&b, 2 * VALUE_MAX);
	if (value_normalise(kind, value, &b, NULL) == RC_OK) {
		made = arena_dup(arena, buf_view(&b));
		known[n_known++] = (struct want){ kind, made };
	}
	buf_done(&b);
}

static void put(size_t i)
{
	char id[64];
	struct image_indicator in = { .valid_from = INT64_MIN, .tlp = 1, .confidence = 50 };
	struct err err = { 0 };
	struct buf pattern;

	snprintf(id, sizeof id, "indicator--%08zx-0000-4000-8000-%012zx", i, i);
	buf_init(&pattern, 4 * VALUE_MAX);
	value_pattern(&pattern, known[i].kind, known[i].value);
	in.id = str_of(id);
	in.pattern = buf_view(&pattern);
	if (image_update(image, &in, &err) != RC_OK)
		printf("# %s: %.*s\n", err.text, STR(in.pattern));
	buf_done(&pattern);
}

static size_t look(enum observable_kind kind, struct str value)
{
	struct image_match out[16] UNINIT;
	char scratch[4096] UNINIT;
	struct observable o = { .kind = kind, .value = value, .field = S("x") };
	struct str list;

	return image_lookup(image, &o, NOW, out, 16, scratch, sizeof scratch, &list);
}

/* --- rates, by the processor's time: what one core does, also on a busy machine --- */

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void cpu_rate(const char *name, double work, const char *unit, void (*round)(void *ctx), void *ctx)
{
	double rate[BENCH_ROUNDS];

	round(ctx);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		double start = cpu_seconds();

		round(ctx);
		rate[i] = work / (cpu_seconds() - start);
	}
	bench_print(name, rate, BENCH_ROUNDS, unit);
}

struct round {
	struct want *list;
	size_t n;
	uint64_t hits;
};

static void lookups(void *ctx)
{
	struct round *r = ctx;

	r->hits = 0;
	for (size_t i = 0; i < r->n; i++)
		r->hits += look(r->list[i].kind, r->list[i].value) > 0;
}

static void measure(const char *kind, const char *how, struct round *r)
{
	char name[80];

	if (r->n == 0)
		return;
	snprintf(name, sizeof name, "lookup_%s_%s", kind, how);
	cpu_rate(name, (double)r->n / 1e6, "M/s/core", lookups, r);
	printf("# %s: %.1f %% meet an indicator\n", name, 100.0 * (double)r->hits / (double)r->n);
}

static void measure_kind(enum observable_kind kind, struct want *list)
{
	struct round hit = { .list = list }, miss = { .list = list };

	for (size_t i = 0; hit.n < ASKED && i < n_known; i++) {
		const struct want *w = &known[(i * 7919) % n_known];

		/* A block is asked by an address inside it. */
		if (w->kind == kind && memchr(w->value.p, '/', w->value.n) == NULL)
			list[hit.n++] = *w;
		else if (w->kind == kind && kind == OBS_URL)
			list[hit.n++] = *w;
	}
	measure(value_kind_name(kind), "hit", &hit);
	for (; miss.n < ASKED; miss.n++)
		list[miss.n] = (struct want){ kind, value_of(kind) };
	measure(value_kind_name(kind), "miss", &miss);
}

static void measure_mixed(struct want *list)
{
	struct round r = { .list = list, .n = ASKED };

	for (size_t i = 0; i < ASKED; i++) {
		enum observable_kind kind = kind_of(draw() % 100);

		list[i] = draw() % 100 == 0 ? known[draw() % n_known] : (struct want){ kind, value_of(kind) };
		if (list[i].kind == OBS_IPV4 && memchr(list[i].value.p, '/', list[i].value.n) != NULL)
			list[i].value = S("192.0.2.1");
	}
	measure("mixed", "1_percent_hit", &r);
}

static void replace_some(void *ctx)
{
	size_t *from = ctx;

	for (size_t i = 0; i < 20000; i++) {
		size_t which = (*from + i) % n_known;
		struct str kept = known[which].value;

		known[which] = (struct want){ OBS_DOMAIN, domain() };
		put(which);
		(void)kept;
	}
	*from += 20000;
}

/* --- a log --- */

static uint64_t line_hits;

static void on_hit(void *ctx, const struct hit *h)
{
	(void)ctx, (void)h;
	line_hits++;
}

struct log_round {
	struct watch *watch;
	struct str text;
};

static void read_log(void *ctx)
{
	struct log_round *r = ctx;
	struct err err;

	if (watch_feed(r->watch, r->text, &err) != RC_OK)
		printf("# %s\n", err.text);
}

static void measure_log(void)
{
	struct log_round r;
	struct buf b;
	struct err err;
	const size_t lines = 20000;

	buf_init(&b, (size_t)64 << 20);
	for (size_t i = 0; i < lines; i++)
		buf_fmt(&b, "{\"timestamp\":\"2026-11-22T01:02:03.123456+0800\",\"flow_id\":%u,\"in_iface\":\"eth0\",\"event_type\":\"dns\",\"src_ip\":"
			    "\"10.%u.%u.%u\",\"src_port\":%u,\"dest_ip\":\"%.*s\",\"dest_port\":53,\"proto\":\"UDP\",\"dns\":{\"type\":\"query\","
			    "\"id\":%u,\"rrname\":\"%.*s\",\"rrtype\":\"A\",\"tx_id\":0}}\n",
			draw(), draw() % 256, draw() % 256, draw() % 256, draw() % 65536, STR(value_of(OBS_IPV4)), draw() % 65536, STR(domain()));
	if (watch_new(image, S("bench"), on_hit, NULL, &r.watch, &err) != RC_OK)
		return;
	r.text = buf_view(&b);
	cpu_rate("log_lines", (double)lines / 1e3, "thousand/s/core", read_log, &r);
	cpu_rate("log_bytes", (double)b.n / 1e6, "MB/s/core", read_log, &r);
	printf("# %llu hits\n", (unsigned long long)line_hits);
	watch_free(r.watch);
	buf_done(&b);
}

/* --- exactness --- */

static bool block_holds(struct str block, struct str address)
{
	char text[2][64];
	struct in_addr a, b;
	size_t slash = str_find(block, S("/"), 0);
	uint64_t prefix = 32;

	if (slash != SIZE_MAX && !str_to_u64(str_slice(block, slash + 1, block.n), &prefix))
		return false;
	snprintf(text[0], 64, "%.*s", STR(str_slice(block, 0, slash)));
	snprintf(text[1], 64, "%.*s", STR(str_slice(address, 0, str_find(address, S("/"), 0))));
	if (inet_pton(AF_INET, text[0], &a) != 1 || inet_pton(AF_INET, text[1], &b) != 1)
		return false;
	return prefix == 0 || (ntohl(a.s_addr) ^ ntohl(b.s_addr)) >> (32 - prefix) == 0;
}

static bool parent_of(struct str parent, struct str name)
{
	return str_eq(parent, name) || (name.n > parent.n && str_ends(name, parent) && name.p[name.n - parent.n - 1] == '.');
}

/* What the words of image.h mean, the slow way. */
static bool meets(const struct want *w, enum observable_kind kind, struct str value)
{
	struct str host = kind == OBS_URL ? value_url_host(value) : S("");

	if (w->kind == kind && kind == OBS_IPV4)
		return block_holds(w->value, value);
	if (w->kind == kind && kind == OBS_DOMAIN)
		return parent_of(w->value, value);
	if (w->kind == kind && kind == OBS_URL) {
		char keys[2][2 * VALUE_MAX];
		size_t a = value_url_key(w->value, keys[0], sizeof keys[0]), b = value_url_key(value, keys[1], sizeof keys[1]);

		return a == b && memcmp(keys[0], keys[1], a) == 0;
	}
	if (w->kind == kind)
		return str_eq(w->value, value);
	return kind == OBS_URL && ((w->kind == OBS_DOMAIN && parent_of(w->value, host)) || (w->kind == OBS_IPV4 && block_holds(w->value, host)));
}

static void tell_wrong(const struct want *ask, size_t found, size_t naive)
{
	struct image_match out[16];
	char scratch[4096];
	struct observable o = { .kind = ask->kind, .value = ask->value, .field = S("x") };
	struct str list;

	printf("# wrong: %s %.*s: %zu found, %zu there\n", value_kind_name(ask->kind), STR(ask->value), found, naive);
	for (size_t i = 0, n = image_lookup(image, &o, NOW, out, 16, scratch, sizeof scratch, &list); i < n; i++)
		printf("#   %s %.*s\n", out[i].id, STR(out[i].matched));
}

static void check_exact(void)
{
	size_t wrong = 0, hits = 0;

	for (uint32_t i = 0; i < SAMPLE; i++) {
		struct want ask = i % 2 == 0 ? known[draw() % n_known] : (struct want){ kind_of(i % 100), value_of(kind_of(i % 100)) };
		size_t naive = 0, found;

		if (ask.kind == OBS_DOMAIN && i % 4 == 0)
			ask.value = arena_fmt(arena, "www.%.*s", STR(ask.value));
		if (ask.kind == OBS_IPV4)
			ask.value = str_slice(ask.value, 0, str_find(ask.value, S("/"), 0));
		if (ask.kind == OBS_URL && i % 4 == 0)
			ask.value = arena_fmt(arena, "http://%.*s/", STR(value_url_host(ask.value)));
		for (size_t k = 0; k < n_known; k++)
			naive += meets(&known[k], ask.kind, ask.value);
		found = look(ask.kind, ask.value);
		hits += naive > 0;
		wrong += found != (naive < 16 ? naive : 16);
		if (found != (naive < 16 ? naive : 16))
			tell_wrong(&ask, found, naive);
	}
	printf("exact_against_scan %zu wrong of %u (%zu met)\n", wrong, SAMPLE, hits);
}

/* --- feeds --- */

static void read_feed(const char *name)
{
	char path[4096], line[4096];
	FILE *f = material(name, path) ? fopen(path, "r") : NULL;
	size_t before = n_known;

	if (f == NULL) {
		printf("# %s is not there: generated values only\n", name);
		return;
	}
	while (n_known < INDICATORS && fgets(line, sizeof line, f) != NULL) {
		struct str text = str_trim(str_slice(str_of(line), 0, strcspn(line, " \t,#")));
		enum observable_kind kind;
		struct buf b;

		buf_init(&b, 2 * VALUE_MAX);
		if (text.n > 3 && value_detect(text, &kind, &b, NULL) == RC_OK)
			known[n_known++] = (struct want){ kind, arena_dup(arena, buf_view(&b)) };
		buf_done(&b);
	}
	fclose(f);
	printf("# %s: %zu values\n", name, n_known - before);
}

static long resident_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

int main(void)
{
	struct want *list;
	struct image_stats st;
	double begun;
	long before;
	size_t from = 0;

	arena = arena_new((size_t)4 << 30);
	known = arena_array(arena, INDICATORS, sizeof *known);
	list = arena_array(arena, ASKED, sizeof *list);
	image = image_new(20000000);
	if (known == NULL || list == NULL || image == NULL)
		return 1;
	read_feed("feeds/ipsum.txt");
	read_feed("feeds/maltrail-half.txt");
	while (n_known < INDICATORS) {
		enum observable_kind kind = kind_of(draw() % 100);

		know(kind, value_of(kind));
	}
	before = resident_kib();
	begun = cpu_seconds();
	for (size_t i = 0; i < n_known; i++)
		put(i);
	printf("fill %.2f million indicators/s\n", (double)n_known / 1e6 / (cpu_seconds() - begun));
	image_stats(image, &st);
	printf("image_bytes %.1f bytes/value (%llu values)\n", (double)st.bytes / (double)st.values, (unsigned long long)st.values);
	printf("image_resident %.1f bytes/value\n", 1024.0 * (double)(resident_kib() - before) / (double)st.values);
	check_exact();
	for (int kind = 0; kind < OBS_KINDS; kind++)
		measure_kind((enum observable_kind)kind, list);
	measure_mixed(list);
	measure_log();
	cpu_rate("replace", 0.02, "M/s", replace_some, &from);
	image_free(image);
	arena_free(arena);
	return 0;
}
