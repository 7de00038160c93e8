/* Sealed blocks: what went in comes out, the filter knows it, damage is seen. */
#include "base/hash.h"
#include "base/mem.h"
#include "block_util.h"
#include "detect/block_keys.h"
#include "tap.h"

static void fill(struct block_maker *m, uint64_t from, uint64_t n)
{
	struct buf line;

	buf_init(&line, 4096);
	for (uint64_t i = from; i < from + n; i++) {
		struct block_event e = make_event(i, &line);

		if (block_maker_add(m, &e, NULL, NULL) != RC_OK)
			OK(false, "event %llu is taken", (unsigned long long)i);
	}
	buf_done(&line);
}

static bool same_events(struct block *b, uint64_t from, uint64_t n)
{
	struct block_event got, want;
	struct buf line;
	uint64_t i = from;
	bool good = true;

	buf_init(&line, 4096);
	for (; block_next(b, &got) && good; i++) {
		want = make_event(i, &line);
		good = str_eq(got.line, want.line) && str_eq(got.source, want.source) && got.format == want.format && got.time == want.time &&
		       got.ordinal == want.ordinal;
	}
	buf_done(&line);
	return good && i == from + n;
}

static void test_round_trip(void)
{
	static const uint64_t sizes[] = { 0, 1, 2, 17, 1000, BLOCK_EVENTS };

	for (size_t i = 0; i < COUNTOF(sizes); i++) {
		struct block_maker *m CLEANUP(block_maker_freep) = NULL;
		struct block *b CLEANUP(block_closep) = NULL;
		struct err err = { 0 };
		struct buf out;

		buf_init(&out, BLOCK_BYTES_MAX);
		OK(block_maker_new(&m, &err) == RC_OK, "a maker");
		fill(m, 5, sizes[i]);
		EQ_INT(block_maker_events(m), sizes[i], "events counted");
		EQ_INT(block_maker_full(m), sizes[i] == BLOCK_EVENTS, "full or not");
		OK(block_maker_seal(m, 99, 0, &out, &err) == RC_OK, "%llu events are sealed %s", (unsigned long long)sizes[i], err.text);
		EQ_INT(block_maker_events(m), 0, "and the maker is empty");
		OK(block_open(buf_view(&out), &b, &err) == RC_OK, "opened %s", err.text);
		if (b != NULL) {
			EQ_INT(block_of(b)->events, sizes[i], "as many events");
			EQ_INT(block_of(b)->sealed, 99, "sealed then");
			EQ_INT(block_n(block_of(b)), out.n, "all its bytes");
			OK(sizes[i] == 0 || (block_of(b)->first == EVENT_TIME(5) && block_of(b)->last == EVENT_TIME(4 + sizes[i])), "its times");
			OK(same_events(b, 5, sizes[i]), "the same events in the same order");
		}
		buf_done(&out);
	}
}

static void test_limits(void)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct block_event e = { .format = LOG_JSON, .source = S("x") };
	char *big = mem_alloc(BLOCK_LINE_MAX + 1), name[BLOCK_PLACE_MAX + 1];
	struct err err = { 0 };

	memset(big, 'a', BLOCK_LINE_MAX + 1);
	memset(name, 'n', sizeof name);
	OK(block_maker_new(&m, &err) == RC_OK, "a maker");
	e.line = str_make(big, BLOCK_LINE_MAX + 1);
	EQ_INT(block_maker_add(m, &e, NULL, &err), RC_LIMIT, "a line that is too long");
	e.line = str_make(big, BLOCK_LINE_MAX);
	EQ_INT(block_maker_add(m, &e, NULL, &err), RC_OK, "the longest line");
	EQ_INT(block_maker_add(m, &e, NULL, &err), RC_BUSY, "fills a block");
	e.line = S("{}");
	e.source = str_make(name, sizeof name);
	EQ_INT(block_maker_place(m, e.source, S("1"), &err), RC_LIMIT, "a name that is too long");
	EQ_INT(block_maker_place(m, S("x"), e.source, &err), RC_LIMIT, "a place that is too long");
	mem_free(big);
}

static void test_places(void)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct str name, place;
	struct block_head head = { 0 };
	char far[BLOCK_PLACE_MAX];
	struct err err = { 0 };
	struct buf out;

	buf_init(&out, BLOCK_BYTES_MAX);
	OK(block_maker_new(&m, &err) == RC_OK, "a maker");
	fill(m, 0, 10);
	OK(block_maker_place(m, S("eve"), S("17 400"), &err) == RC_OK && block_maker_place(m, S("quiet"), S("3 9"), &err) == RC_OK &&
	   block_maker_place(m, S("eve"), S("17 500"), &err) == RC_OK, "places are taken");
	memset(far, '7', sizeof far);
	OK(block_maker_place(m, S("a254"), str_make(far, 254), &err) == RC_OK && block_maker_place(m, S("a255"), str_make(far, 255), &err) == RC_OK &&
	   block_maker_place(m, S("most"), str_make(far, sizeof far), &err) == RC_OK, "long ones");
	block_maker_mark(m, 0x0123456789abcdef);
	OK(block_maker_seal(m, 1, 0, &out, &err) == RC_OK, "sealed");
	OK(block_source(buf_view(&out), 0, &name, &place) && str_eq(name, S("sysmon")) && place.n == 0, "an input without a place");
	OK(block_source(buf_view(&out), 1, &name, &place) && str_eq(name, S("eve")) && str_eq(place, S("17 500")), "the later place");
	OK(block_source(buf_view(&out), 2, &name, &place) && str_eq(name, S("quiet")) && str_eq(place, S("3 9")), "an input without events");
	OK(block_source(buf_view(&out), 3, &name, &place) && place.n == 254, "254 bytes");
	OK(block_source(buf_view(&out), 4, &name, &place) && place.n == 255, "255 bytes");
	OK(block_source(buf_view(&out), 5, &name, &place) && str_eq(place, str_make(far, sizeof far)), "the longest");
	OK(!block_source(buf_view(&out), 6, &name, &place), "and no more");
	OK(block_head_read(buf_view(&out), &head, &err) == RC_OK && head.mark == 0x0123456789abcdef, "the mark");
	buf_clear(&out);
	fill(m, 0, 1);
	OK(block_maker_seal(m, 1, 0, &out, &err) == RC_OK && block_head_read(buf_view(&out), &head, &err) == RC_OK && head.mark == 0, "of that block only");
	buf_done(&out);
}

/* Each byte of a small block changed, each length cut: never taken for a good one. */
static void test_damage(void)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct err err = { 0 };
	size_t taken = 0;
	struct buf out;

	buf_init(&out, BLOCK_BYTES_MAX);
	OK(block_maker_new(&m, &err) == RC_OK, "a maker");
	fill(m, 0, 30);
	OK(block_maker_seal(m, 1, 0, &out, &err) == RC_OK, "sealed");
	for (size_t i = 0; i < out.n; i++) {
		struct block *b = NULL;

		out.p[i] = (char)(out.p[i] ^ 1);
		taken += block_open(buf_view(&out), &b, &err) == RC_OK;
		block_close(b);
		out.p[i] = (char)(out.p[i] ^ 1);
		b = NULL;
		taken += block_open(str_make(out.p, i), &b, &err) == RC_OK;
		block_close(b);
	}
	EQ_INT(taken, 0, "no damaged block is opened");
	buf_done(&out);
}

/* What each event holds, and whether a value asks for it. */
static const struct {
	const char *line;
	enum log_format format;
	enum observable_kind kind;
	const char *value;
	bool found;
} rows[] = {
	{ "{\"q\":\"a.b.evil.example\"}", LOG_JSON, OBS_DOMAIN, "evil.example", true },
	{ "{\"q\":\"a.b.evil.example\"}", LOG_JSON, OBS_DOMAIN, "a.b.evil.example", true },
	{ "{\"q\":\"a.b.evil.example\"}", LOG_JSON, OBS_DOMAIN, "x.evil.example", false },
	{ "{\"q\":\"A.Evil.Example.\"}", LOG_JSON, OBS_DOMAIN, "a.evil.example", true },
	{ "{\"u\":\"http://Evil.example:80/x?q=1,2\"}", LOG_JSON, OBS_DOMAIN, "evil.example", true },
	{ "{\"u\":\"http://Evil.example:80/x?q=1,2\"}", LOG_JSON, OBS_URL, "http://evil.example/x?q=1,2", true },
	{ "{\"http\":{\"hostname\":\"evil.example\",\"url\":\"/a\"}}", LOG_JSON, OBS_URL, "http://evil.example/a", true },
	{ "{\"host\":\"evil.example\",\"uri\":\"/a\"}", LOG_JSON, OBS_URL, "http://evil.example/a", true },
	{ "{\"h\\u006fst\":\"evil.example\",\"uri\":\"/a\"}", LOG_JSON, OBS_URL, "http://evil.example/a", true },
	{ "{\"q\":\"evil\\u002eexample\"}", LOG_JSON, OBS_DOMAIN, "evil.example", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.7", true },
	{ "{\"ip\":\"198.51.100.7:443\"}", LOG_JSON, OBS_IPV4, "198.51.100.7", true },
	{ "{\"ip\":\"::ffff:198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.7", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.8", false },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.0/24", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.0/29", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.8/29", false },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.100.6/31", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.96.0/20", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.51.112.0/20", false },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.48.0.0/12", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "198.64.0.0/12", false },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "192.0.0.0/3", true },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "0.0.0.0/3", false },
	{ "{\"ip\":\"198.51.100.7\"}", LOG_JSON, OBS_IPV4, "0.0.0.0/0", true },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2001:db8::7", true },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2001:db8::/64", true },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2001:db8::/56", true },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2001:db8::/32", true },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2001:db9::/32", false },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2001:db8::/120", true },
	{ "{\"ip\":\"2001:db8::7\"}", LOG_JSON, OBS_IPV6, "2000::/16", true },
	{ "{\"u\":\"http://198.51.100.7/x\"}", LOG_JSON, OBS_IPV4, "198.51.100.0/24", true },
	{ "{\"Hashes\":\"SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,MD5=D41D8CD98F00B204E9800998ECF8427E\"}", LOG_JSON, OBS_MD5,
	  "d41d8cd98f00b204e9800998ecf8427e", true },
	{ "{\"from\":\"<Mallory@Evil.example>\"}", LOG_JSON, OBS_EMAIL, "mallory@evil.example", true },
	{ "{\"a\":[1,{\"b\":[\"x\",\"evil.example\"]}]}", LOG_JSON, OBS_DOMAIN, "evil.example", true },
	{ "Nov 23 sshd: from 198.51.100.7 port 22", LOG_SYSLOG, OBS_IPV4, "198.51.100.7", true },
	{ "{\"broken\": 198.51.100.7", LOG_JSON, OBS_IPV4, "198.51.100.7", true },
};

static void test_filter(void)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct err err = { 0 };
	struct buf out;

	buf_init(&out, BLOCK_BYTES_MAX);
	OK(block_maker_new(&m, &err) == RC_OK, "a maker");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct block_event e = { .line = str_of(rows[i].line), .format = rows[i].format, .source = S("t") };
		uint64_t keys[KEYS_PROBE_MAX];
		struct block_head h;
		struct fuse f;
		bool all, found;
		size_t n;

		buf_clear(&out);
		if (block_maker_add(m, &e, NULL, &err) != RC_OK || block_maker_seal(m, 1, 16, &out, &err) != RC_OK ||
		    block_index_read(buf_view(&out), &h, &f, &err) != RC_OK) {
			OK(false, "%s: %s", rows[i].line, err.text);
			continue;
		}
		n = block_keys_of_value(rows[i].kind, str_of(rows[i].value), keys, &all);
		found = all;
		for (size_t k = 0; k < n; k++)
			found |= fuse_has(&f, keys[k]);
		EQ_INT(found, rows[i].found, rows[i].line);
		if (found != rows[i].found)
			printf("# asked for %s\n", rows[i].value);
	}
	buf_done(&out);
}

static void test_fuse(void)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 9, 10, 100, 1000, 5000, 50000 };
	static const unsigned bits[] = { 4, 8, 12, 13, 16 };
	uint64_t *keys = mem_array(50000, sizeof *keys);

	for (size_t i = 0; i < COUNTOF(sizes) * COUNTOF(bits); i++) {
		size_t n = sizes[i % COUNTOF(sizes)], missing = 0, wrong = 0;
		unsigned b = bits[i / COUNTOF(sizes)];
		struct err err = { 0 };
		struct buf out;
		struct fuse f;

		for (size_t k = 0; k < n; k++)
			keys[k] = hash_stable(str_make((const char *)&k, sizeof k));
		buf_init(&out, 1u << 20);
		OK(fuse_build(keys, n, b, i / COUNTOF(sizes) % 2 == 1, &out, &err) == RC_OK && fuse_view(buf_view(&out), &f, &err) == RC_OK, "%zu keys of %u bits %s", n, b, err.text);
		for (uint64_t k = 0; k < 100000; k++) {
			bool has = fuse_has(&f, hash_stable(str_make((const char *)&k, sizeof k)));

			missing += k < n && !has;
			wrong += k >= n && has;
		}
		EQ_INT(missing, 0, "none is missing");
		OK(wrong <= 3 * (100000u >> b) + 20, "%zu wrong of 100000", wrong);
		buf_done(&out);
	}
	mem_free(keys);
}

/* The n-th allocation fails: a clean error, nothing held, nothing half-done. */
static enum rc seal_some(void)
{
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct block *b CLEANUP(block_closep) = NULL;
	struct err err = { 0 };
	struct buf line, out;
	enum rc rc;

	buf_init(&line, 4096);
	buf_init(&out, BLOCK_BYTES_MAX);
	rc = block_maker_new(&m, &err);
	for (uint64_t i = 0; i < 20 && rc == RC_OK; i++) {
		struct block_event e = make_event(i, &line);

		rc = line.bad != RC_OK ? line.bad : block_maker_add(m, &e, NULL, &err);
	}
	if (rc == RC_OK)
		rc = block_maker_seal(m, 1, 0, &out, &err);
	if (rc == RC_OK)
		rc = block_open(buf_view(&out), &b, &err);
	if (rc == RC_OK && !same_events(b, 0, 20))
		rc = RC_INTERNAL;
	buf_done(&line);
	buf_done(&out);
	return rc;
}

static void test_allocations(void)
{
	int64_t before = mem_live();
	uint64_t nth = 1;
	enum rc rc = RC_NOMEM;

	for (; rc != RC_OK && nth < 2000; nth++) {
		mem_fail_at(nth, 0);
		rc = seal_some();
		mem_fail_at(0, 0);
		if (rc != RC_OK && rc != RC_NOMEM)
			OK(false, "allocation %llu: %s", (unsigned long long)nth, rc_name(rc));
		if (mem_live() != before) {
			OK(false, "allocation %llu: %lld blocks are left", (unsigned long long)nth, (long long)(mem_live() - before));
			break;
		}
	}
	OK(rc == RC_OK && nth > 20, "every allocation failed once (%llu)", (unsigned long long)nth);
}

int main(void)
{
	test_round_trip();
	test_limits();
	test_places();
	test_damage();
	test_filter();
	test_fuse();
	test_allocations();
	return tap_done();
}
