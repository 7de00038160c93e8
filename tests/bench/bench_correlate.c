/* Correlation updates a second and bytes a group: event_count and value_count
 * at N = 10 over a thousand and a million groups, the worst case of value_count
 * (1,800 distinct values in a window), and what a wait of a minute costs. The
 * floor in the same run is the hash of the key alone. */
#include "bench.h"

#include "base/hash.h"
#include "base/mem.h"
#include "detect/correlate.h"

#define UPDATES 2000000u
#define START ((usec)1700000000 * USEC_PER_SEC)

struct lane {
	const char *name;
	enum sigma_corr_type type;
	double threshold;
	uint32_t groups, values;
	usec tolerance, pace; /* between two events */
	struct correlator *c;
	uint64_t draws, fired;
	usec now;
};

static struct str key_field, value_field;
static struct hash_secret secret;

struct fields {
	struct str key, value;
};

static bool field(void *ctx, struct str name, struct str *ret)
{
	const struct fields *f = ctx;

	*ret = name.p == key_field.p ? f->key : f->value;
	return true;
}

static void fire(void *ctx, const struct correlation *c)
{
	struct lane *l = ctx;

	(void)c;
	l->fired++;
}

static uint32_t draw(uint64_t *state, uint32_t n)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((*state >> 33) * n >> 31);
}

/* "198.51.100.7"-like text in place: a table of keys would cost a cache miss that is none of ours. */
static struct str key_of(char *text, uint32_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < 5; i++)
		text[7 + i] = digits[n >> 4 * i & 15];
	return str_make(text, 12);
}

static void updates(void *ctx)
{
	struct lane *l = ctx;
	char key[16] = "198.51.", value[16] = "user-a.";
	struct fields f;

	for (uint32_t i = 0; i < UPDATES; i++) {
		f.key = key_of(key, draw(&l->draws, l->groups));
		f.value = key_of(value, l->values > 1000 ? i % l->values : draw(&l->draws, l->values));
		l->now += l->pace;
		if (correlator_add(l->c, 0, l->now, i, field, &f, fire, l, NULL) != RC_OK)
			abort();
	}
}

static void hashes(void *ctx)
{
	struct lane *l = ctx;
	char key[16] = "198.51.";
	uint64_t h[2], sum = 0;

	for (uint32_t i = 0; i < UPDATES; i++) {
		hash_keyed(&secret, key_of(key, draw(&l->draws, l->groups)), h);
		sum += h[0];
	}
	l->fired += sum & 1;
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* By the thread's own time: one core, whatever else runs. */
static void rate(const char *name, const char *unit, void (*round)(void *ctx), struct lane *l)
{
	double figures[BENCH_ROUNDS];

	round(l);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		double start = cpu_seconds();

		round(l);
		figures[i] = UPDATES / 1e6 / (cpu_seconds() - start);
	}
	bench_print(name, figures, BENCH_ROUNDS, unit);
}

static void run(struct lane *l)
{
	static struct str group[1], fields[1];
	uint32_t slot = 0;
	struct sigma_limit limit = { SIGMA_CMP_GTE, l->threshold };
	struct sigma_corr corr = { .type = l->type, .rules = &slot, .n_rules = 1, .group_by = group, .n_group_by = 1,
				   .timespan = 600 * USEC_PER_SEC, .limits = &limit, .n_limits = 1, .fields = fields,
				   .n_fields = l->type == SIGMA_EVENT_COUNT ? 0 : 1 };
	struct sigma_rule rules[2] = { { .kind = SIGMA_RULE }, { .kind = SIGMA_CORRELATION, .corr = &corr } };
	struct sigma_set set = { .rules = rules, .n_rules = 2 };
	struct correlator_opts o = { .tolerance = l->tolerance };
	struct correlator_stats after;
	char name[80];

	key_field = group[0] = S("SourceIp");
	value_field = fields[0] = S("TargetUserName");
	hash_secret_draw(&secret, 0);
	l->now = START;
	if (correlator_new(&set, &o, &l->c, NULL) != RC_OK)
		abort();
	if (l->groups > UPDATES / 10)
		for (int i = 0; i < 4; i++)
			updates(l); /* every group is there */
	snprintf(name, sizeof name, "hash alone, %s", l->name);
	rate(name, "M/s", hashes, l);
	rate(l->name, "M updates/s", updates, l);
	correlator_stats(l->c, &after);
	printf("%s, groups %llu, bytes a group %.1f, evicted %llu, fired %llu, waiting %llu\n", l->name, (unsigned long long)after.groups,
	       (double)after.bytes / (double)after.groups, (unsigned long long)after.evicted, (unsigned long long)l->fired,
	       (unsigned long long)after.pending);
	correlator_free(l->c);
}

int main(void)
{
	static struct lane lanes[] = {
		{ .name = "event_count, 1 k groups", .type = SIGMA_EVENT_COUNT, .threshold = 10, .groups = 1000, .values = 1, .pace = 50,
		  .tolerance = CORRELATE_ORDERED },
		{ .name = "event_count, 1 M groups", .type = SIGMA_EVENT_COUNT, .threshold = 10, .groups = 1000000, .values = 1, .pace = 5,
		  .tolerance = CORRELATE_ORDERED },
		{ .name = "event_count, 1 k groups, held back", .type = SIGMA_EVENT_COUNT, .threshold = 10, .groups = 1000, .values = 1,
		  .pace = 1000, .tolerance = 2 * USEC_PER_SEC },
		{ .name = "event_count, 1 M groups, held back", .type = SIGMA_EVENT_COUNT, .threshold = 10, .groups = 1000000, .values = 1,
		  .pace = 5, .tolerance = USEC_PER_SEC / 50 },
		{ .name = "value_count, 1 k groups", .type = SIGMA_VALUE_COUNT, .threshold = 10, .groups = 1000, .values = 100, .pace = 50,
		  .tolerance = CORRELATE_ORDERED },
		{ .name = "value_count, 1 M groups", .type = SIGMA_VALUE_COUNT, .threshold = 10, .groups = 1000000, .values = 100, .pace = 5,
		  .tolerance = CORRELATE_ORDERED },
		{ .name = "value_count of 2000, 1800 distinct", .type = SIGMA_VALUE_COUNT, .threshold = 2000, .groups = 1, .values = 1800,
		  .pace = 50, .tolerance = CORRELATE_ORDERED },
		{ .name = "value_count of 100, 1800 distinct", .type = SIGMA_VALUE_COUNT, .threshold = 100, .groups = 1, .values = 1800,
		  .pace = 50, .tolerance = CORRELATE_ORDERED },
	};

	for (size_t i = 0; i < COUNTOF(lanes); i++) {
		lanes[i].draws = 12345;
		run(&lanes[i]);
	}
	return 0;
}
