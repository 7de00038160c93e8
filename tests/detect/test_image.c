#include "detect/image.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "tap.h"

#define NOW ((usec)1800000000 * USEC_PER_SEC)

static const char *const ids[] = {
	"indicator--00000000-0000-4000-8000-000000000001", "indicator--00000000-0000-4000-8000-000000000002",
	"indicator--00000000-0000-4000-8000-000000000003", "indicator--00000000-0000-4000-8000-000000000004",
	"indicator--00000000-0000-4000-8000-000000000005", "indicator--00000000-0000-4000-8000-000000000006",
	"indicator--00000000-0000-4000-8000-000000000007", "indicator--00000000-0000-4000-8000-000000000008",
};

static enum rc put(struct image *m, int which, const char *pattern)
{
	struct image_indicator i = { .id = str_of(ids[which]), .pattern = str_of(pattern), .valid_from = INT64_MIN, .tlp = 1, .confidence = 70 };

	return image_update(m, &i, NULL);
}

/* Number of the one indicator that hits, -1 for none, -2 for several, -5 for what a list suppresses. */
static int ask(const struct image *m, enum observable_kind kind, const char *value, const char *want_matched)
{
	struct image_match out[8];
	char scratch[4096];
	struct observable o = { .kind = kind, .value = str_of(value), .field = S("x") };
	struct str list;
	size_t n = image_lookup(m, &o, NOW, out, 8, scratch, sizeof scratch, &list);

	if (list.n > 0)
		return str_eq(list, S("public resolvers")) ? -5 : -6;
	if (n == 0)
		return -1;
	if (n > 1)
		return -2;
	if (want_matched != NULL && !str_eq(out[0].matched, str_of(want_matched)))
		printf("# matched %.*s\n", STR(out[0].matched));
	for (int i = 0; i < (int)COUNTOF(ids); i++)
		if (strcmp(out[0].id, ids[i]) == 0)
			return want_matched == NULL || str_eq(out[0].matched, str_of(want_matched)) ? i : -3;
	return -4;
}

static void test_kinds(void)
{
	static const struct {
		const char *pattern;
		enum observable_kind kind;
		const char *value, *matched;
		bool hits;
	} rows[] = {
		{ "[domain-name:value = 'Evil.Example']", OBS_DOMAIN, "evil.example", "evil.example", true },
		{ "[domain-name:value = 'evil.example']", OBS_DOMAIN, "a.b.evil.example", "evil.example", true },
		{ "[domain-name:value = 'evil.example']", OBS_DOMAIN, "notevil.example", NULL, false },
		{ "[domain-name:value = 'a.evil.example']", OBS_DOMAIN, "evil.example", NULL, false },
		{ "[ipv4-addr:value = '198.51.100.7']", OBS_IPV4, "198.51.100.7", "198.51.100.7", true },
		{ "[ipv4-addr:value = '198.51.100.7']", OBS_IPV4, "198.51.100.70", NULL, false },
		{ "[ipv4-addr:value = '198.51.100.0/24']", OBS_IPV4, "198.51.100.255", "198.51.100.0/24", true },
		{ "[ipv4-addr:value ISSUBSET '198.51.100.0/25']", OBS_IPV4, "198.51.100.128", NULL, false },
		{ "[ipv4-addr:value ISSUBSET '0.0.0.0/0']", OBS_IPV4, "203.0.113.9", "0.0.0.0/0", true },
		{ "[ipv6-addr:value = '2001:DB8::1']", OBS_IPV6, "2001:db8::1", "2001:db8::1", true },
		{ "[ipv6-addr:value ISSUBSET '2001:db8::/33']", OBS_IPV6, "2001:db8:7fff::1", "2001:db8::/33", true },
		{ "[ipv6-addr:value ISSUBSET '2001:db8::/33']", OBS_IPV6, "2001:db8:8000::1", NULL, false },
		{ "[url:value = 'http://evil.example/a']", OBS_URL, "http://evil.example/a", "http://evil.example/a", true },
		{ "[url:value = 'http://evil.example/a']", OBS_URL, "http://evil.example/b", NULL, false },
		{ "[url:value = 'http://evil.example']", OBS_URL, "http://evil.example:80/", "http://evil.example:80/", true },
		{ "[url:value = 'https://evil.example:443/?a']", OBS_URL, "https://evil.example?a#top", NULL, true },
		{ "[url:value = 'https://evil.example/']", OBS_URL, "http://evil.example/", NULL, false },
		{ "[url:value = 'http://evil.example:8080/']", OBS_URL, "http://evil.example/", NULL, false },
		{ "[domain-name:value = 'evil.example']", OBS_URL, "http://w.evil.example/b", "evil.example", true },
		{ "[ipv4-addr:value = '203.0.113.5']", OBS_URL, "http://203.0.113.5:8080/x", "203.0.113.5", true },
		{ "[email-addr:value = 'a@evil.example']", OBS_EMAIL, "a@evil.example", "a@evil.example", true },
		{ "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']", OBS_MD5, "d41d8cd98f00b204e9800998ecf8427e",
		  "d41d8cd98f00b204e9800998ecf8427e", true },
		{ "[file:hashes.'SHA-256' = 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855']", OBS_SHA256,
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL, true },
		{ "[domain-name:value = 'a.example' OR domain-name:value = 'b.example']", OBS_DOMAIN, "b.example", "b.example", true },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct image *m = image_new(1000);
		enum rc rc = put(m, 0, rows[i].pattern);

		OK(rc == RC_OK && ask(m, rows[i].kind, rows[i].value, rows[i].matched) == (rows[i].hits ? 0 : -1), "%s against %s",
		   rows[i].pattern, rows[i].value);
		image_free(m);
	}
}

static void test_life(void)
{
	struct image *m = image_new(1000);
	struct image_indicator i = { .id = str_of(ids[0]), .pattern = S("[domain-name:value = 'x.example']"), .valid_from = NOW + 1 };
	struct image_stats st;

	OK(image_update(m, &i, NULL) == RC_OK && ask(m, OBS_DOMAIN, "x.example", NULL) == -1, "not before valid_from");
	i.valid_from = NOW;
	OK(image_update(m, &i, NULL) == RC_OK && ask(m, OBS_DOMAIN, "x.example", NULL) == 0, "from valid_from on");
	i.valid_until = NOW;
	OK(image_update(m, &i, NULL) == RC_OK && ask(m, OBS_DOMAIN, "x.example", NULL) == -1, "not at valid_until");
	i.valid_until = NOW + 1;
	OK(image_update(m, &i, NULL) == RC_OK && ask(m, OBS_DOMAIN, "x.example", NULL) == 0, "just before it");
	i.pattern = S("[domain-name:value = 'y.example']");
	OK(image_update(m, &i, NULL) == RC_OK && ask(m, OBS_DOMAIN, "x.example", NULL) == -1 && ask(m, OBS_DOMAIN, "y.example", NULL) == 0,
	   "a new version takes the place of the old one");
	OK(put(m, 1, "[domain-name:value = 'y.example']") == RC_OK && ask(m, OBS_DOMAIN, "y.example", NULL) == -2, "two indicators of one value both hit");
	i.revoked = true;
	OK(image_update(m, &i, NULL) == RC_OK && ask(m, OBS_DOMAIN, "y.example", NULL) == 1, "a revoked one no longer");
	OK(image_remove(m, str_of(ids[1]), NULL) == RC_OK && ask(m, OBS_DOMAIN, "y.example", NULL) == -1, "a removed one no longer");
	image_stats(m, &st);
	OK(st.indicators == 0 && st.values == 0, "nothing is left");
	OK(put(m, 2, "[process:pid = 4]") == RC_UNSUPPORTED, "a pattern without simple values is left to others");
	OK(put(m, 2, "[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']") == RC_UNSUPPORTED &&
	   ask(m, OBS_DOMAIN, "a.example", NULL) == -1, "half a pattern never hits");
	OK(put(m, 2, "[domain-name:value = 'a.example' AND (domain-name:value = 'b.example' OR file:name = 'x')]") == RC_UNSUPPORTED,
	   "nor does a part of what must hold together");
	image_stats(m, &st);
	EQ_INT(st.unsupported, 3, "they are counted");
	i.id = S("indicator--nonsense");
	i.revoked = false;
	OK(image_update(m, &i, NULL) == RC_BAD, "no UUID");
	image_free(m);
}

static bool suppress_resolver(void *ctx, enum observable_kind kind, struct str value, struct str *ret_list)
{
	(void)ctx;
	*ret_list = S("public resolvers");
	return kind == OBS_IPV4 && str_eq(value, S("192.0.2.53"));
}

static void test_suppress(void)
{
	struct image *m = image_new(1000);
	struct image_stats st;

	image_set_suppress(m, suppress_resolver, NULL);
	OK(put(m, 0, "[ipv4-addr:value ISSUBSET '192.0.2.0/24']") == RC_OK, "a block");
	OK(ask(m, OBS_IPV4, "192.0.2.53", NULL) == -5 && ask(m, OBS_IPV4, "192.0.2.54", NULL) == 0, "only what the list names is held back, and it says which");
	image_stats(m, &st);
	EQ_INT(st.suppressed, 1, "and counted");
	image_free(m);
}

static void indicator_of(uint32_t i, uint32_t version, char id[static 64], char pattern[static 96])
{
	snprintf(id, 64, "indicator--%08x-0000-4000-8000-000000000000", i);
	snprintf(pattern, 96, "[domain-name:value = 'h%u-%u.example']", i, version);
}

/* Growth, compaction and replacement must lose nothing: the image against what was put in. */
static void test_many(void)
{
	enum { N = 150000 };
	struct image *m = image_new(N * 2);
	uint32_t wrong = 0;
	struct image_match out[1];
	char scratch[600];
	struct str list;
	struct image_stats st;

	OK(put(m, 0, "[network-traffic:dst_ref.value = '192.0.2.9' AND network-traffic:dst_port = 443]") == RC_OK, "one that asks for more");
	for (uint32_t version = 0; version < 4; version++)
		for (uint32_t i = 0; i < N; i++) {
			char id[64], pattern[96];
			struct image_indicator in = { .id = { id, 46 }, .valid_from = INT64_MIN };

			indicator_of(i, version, id, pattern);
			in.id = str_of(id);
			in.pattern = str_of(pattern);
			wrong += image_update(m, &in, NULL) != RC_OK;
		}
	EQ_INT(wrong, 0, "all are taken");
	for (uint32_t i = 0; i < N; i++) {
		char now[64], before[64];
		struct observable o = { .kind = OBS_DOMAIN };

		snprintf(now, sizeof now, "h%u-3.example", i);
		snprintf(before, sizeof before, "h%u-2.example", i);
		o.value = str_of(now);
		wrong += image_lookup(m, &o, NOW, out, 1, scratch, sizeof scratch, &list) != 1;
		o.value = str_of(before);
		wrong += image_lookup(m, &o, NOW, out, 1, scratch, sizeof scratch, &list) != 0;
	}
	EQ_INT(wrong, 0, "each hits by its newest value only, after growth and compaction");
	image_stats(m, &st);
	EQ_INT(st.values, N + 1, "values");
	EQ_INT(st.indicators, N + 1, "indicators");
	OK(image_lookup(m, &(struct observable){ .kind = OBS_IPV4, .value = S("192.0.2.9") }, NOW, out, 1, scratch, sizeof scratch, &list) == 1 &&
	   str_find(out[0].also, S("443"), 0) != SIZE_MAX, "and the one still asks for more");
	image_free(m);
}

struct race {
	struct image *m;
	_Atomic bool stop;
	_Atomic uint64_t misses, asked;
};

/* This value is in the image all the time: a reader must never miss it while others come and go. */
static void *read_always(void *ctx)
{
	struct race *r = ctx;

	while (!atomic_load(&r->stop)) {
		atomic_fetch_add(&r->misses, ask(r->m, OBS_DOMAIN, "www.always.example", NULL) != 0);
		atomic_fetch_add(&r->asked, 1);
	}
	return NULL;
}

static void test_concurrent(void)
{
	struct race r = { .m = image_new(2000000) };
	pthread_t threads[2];
	bool good = put(r.m, 0, "[domain-name:value = 'always.example']") == RC_OK;

	for (int i = 0; i < 2; i++)
		good &= pthread_create(&threads[i], NULL, read_always, &r) == 0;
	for (uint32_t i = 0; i < 300000 && good; i++) {
		char id[64], pattern[96];
		struct image_indicator in = { .valid_from = INT64_MIN };

		indicator_of(i % 50000, i / 50000, id, pattern);
		in.id = str_of(id);
		in.pattern = str_of(pattern);
		good = image_update(r.m, &in, NULL) == RC_OK;
	}
	atomic_store(&r.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	OK(good, "writer");
	OK(atomic_load(&r.asked) > 0 && atomic_load(&r.misses) == 0, "readers beside it missed nothing in %llu look-ups",
	   (unsigned long long)atomic_load(&r.asked));
	image_free(r.m);
}

static void test_memory(void)
{
	int64_t before = mem_live();
	uint64_t nth = 1;
	bool done = false;

	for (; nth < 200 && !done; nth++) {
		struct image *m;

		mem_fail_at(nth, 0);
		m = image_new(1000);
		done = m != NULL && put(m, 0, "[domain-name:value = 'a.example']") == RC_OK && put(m, 1, "[ipv4-addr:value = '192.0.2.1']") == RC_OK &&
		       ask(m, OBS_DOMAIN, "a.example", NULL) == 0;
		mem_fail_at(0, 0);
		image_free(m);
		if (mem_live() != before)
			break;
	}
	OK(done, "works in the end (%llu allocations)", (unsigned long long)nth - 1);
	EQ_INT(mem_live(), before, "nothing is held after any failure");
}

int main(void)
{
	test_kinds();
	test_life();
	test_suppress();
	test_many();
	test_concurrent();
	test_memory();
	return tap_done();
}
