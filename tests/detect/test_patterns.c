/* Patterns live on a node: they come, change, and go one at a time; what operators counted outlives all of it. */
#include "detect/patterns.h"

#include <time.h>

#include "base/mem.h"
#include "detect/watch.h"
#include "tap.h"

#define ID "indicator--00000000-0000-4000-8000-0000000000"
#define NOW ((usec)1800000000 * USEC_PER_SEC)
#define PROCESS(line) "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Computer\":\"pc1\",\"Image\":\"C:\\\\x.exe\",\"CommandLine\":\"" line "\"}\n"
#define DNS(name) "{\"timestamp\":\"2027-01-15T08:00:00Z\",\"event_type\":\"dns\",\"host\":\"fw\",\"dns\":{\"rrname\":\"" name "\"}}\n"

static usec real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

struct seen {
	int hits, suppressed;
	char id[64], value[256], field[64], matched[256], event[512], input[32], where[32];
	uint8_t tlp, confidence;
	enum observable_kind kind;
	usec at;
};

static void note(void *ctx, const struct hit *h)
{
	struct seen *s = ctx;

	s->hits += h->suppressed.n == 0;
	s->suppressed += h->suppressed.n > 0;
	snprintf(s->id, sizeof s->id, "%.*s", STR(h->indicator));
	snprintf(s->value, sizeof s->value, "%.*s", STR(h->what.value));
	snprintf(s->field, sizeof s->field, "%.*s", STR(h->what.field));
	snprintf(s->matched, sizeof s->matched, "%.*s", STR(h->matched));
	snprintf(s->event, sizeof s->event, "%.*s", STR(h->event));
	snprintf(s->input, sizeof s->input, "%.*s", STR(h->input));
	snprintf(s->where, sizeof s->where, "%.*s", STR(h->where));
	s->tlp = h->tlp;
	s->confidence = h->confidence;
	s->kind = h->what.kind;
	s->at = h->at;
}

struct bench { struct patterns *p; struct image *m; struct watch *w; struct seen seen; };

static bool begin(struct bench *b, const struct patterns_opts *o)
{
	struct err err = { 0 };

	*b = (struct bench){ .m = image_new(10) };
	return OK(b->m != NULL && patterns_new(o, &b->p, &err) == RC_OK && watch_new(b->m, S("log"), note, &b->seen, &b->w, &err) == RC_OK &&
		  watch_patterns(b->w, b->p, &err) == RC_OK, "begun (%s)", err.text);
}

static void end(struct bench *b)
{
	watch_free(b->w);
	patterns_free(b->p);
	image_free(b->m);
}

static void update(struct bench *b, int n, const char *pattern, uint8_t confidence, usec until, bool revoked)
{
	char id[64];
	struct image_indicator i = { .pattern = str_of(pattern), .valid_from = NOW - 1000, .valid_until = until, .tlp = 2, .confidence = confidence,
				     .revoked = revoked };
	struct err err = { 0 };

	snprintf(id, sizeof id, ID "%02d", n);
	i.id = str_of(id);
	if (patterns_update(b->p, &i, &err) != RC_OK)
		OK(false, "update: %s", err.text);
	patterns_settle(b->p);
}

/* New hits by these lines. */
static int feed(struct bench *b, const char *lines)
{
	int before = b->seen.hits;

	if (watch_feed(b->w, str_of(lines), NULL) != RC_OK)
		OK(false, "feed");
	return b->seen.hits - before;
}

static int idle(struct bench *b)
{
	int before = b->seen.hits;

	time_fake_step(PATTERNS_TOLERANCE + USEC_PER_SEC);
	if (watch_idle(b->w, NULL) != RC_OK)
		OK(false, "idle");
	return b->seen.hits - before;
}

static void test_one_at_a_time(void)
{
	const struct patterns_opts none = { 0 };
	struct patterns_stats st;
	struct bench b;

	if (!begin(&b, &none))
		return;
	EQ_INT(feed(&b, PROCESS("evil -x")), 0, "nothing is known");
	update(&b, 1, "[process:command_line LIKE '%evil%' AND process:command_line MATCHES '-[xy]$']", 80, 0, false);
	EQ_INT(feed(&b, PROCESS("evil -x") PROCESS("good -x") PROCESS("evil -z")), 1, "a pattern is met");
	EQ_INT(feed(&b, PROCESS("evil \xff\xc3 -x")), 1, "bytes that are no UTF-8 hide nothing");
	EQ_INT(feed(&b, PROCESS("evil -x")), 1, "again");
	EQ_STR(str_of(b.seen.id), S(ID "01"), "its id");
	EQ_INT(b.seen.tlp * 1000 + b.seen.confidence, 2080, "its level and confidence");
	EQ_INT(b.seen.kind, OBS_KINDS, "no observable");
	EQ_STR(str_of(b.seen.value), S("evil -x"), "what it was met by");
	EQ_STR(str_of(b.seen.field), S("CommandLine"), "where");
	EQ_STR(str_of(b.seen.where), S("pc1"), "on which host");
	OK(strstr(b.seen.event, "\"EventID\":1") != NULL && strcmp(b.seen.input, "log") == 0, "in which line of which log");
	OK(str_starts(str_of(b.seen.matched), S("[process:")), "the pattern itself");
	update(&b, 1, "[process:command_line LIKE '%evil%' AND process:command_line MATCHES '-[xy]$']", 30, 0, false);
	EQ_INT(feed(&b, PROCESS("evil -y")) * 100 + b.seen.confidence, 130, "another confidence");
	update(&b, 1, "[process:command_line LIKE '%good%' AND process:command_line MATCHES '-[xy]$']", 80, 0, false);
	EQ_INT(feed(&b, PROCESS("evil -x")), 0, "replaced: the old one is gone");
	EQ_INT(feed(&b, PROCESS("good -x")), 1, "and the new one there");
	update(&b, 2, "[domain-name:value LIKE '%.evil.example']", 80, NOW + 60 * USEC_PER_SEC, false);
	EQ_INT(feed(&b, DNS("a.evil.example")), 1, "a second one");
	EQ_INT(b.seen.kind, OBS_DOMAIN, "by an observable");
	EQ_INT(b.seen.at, (usec)1800000000 * USEC_PER_SEC, "the event's own time");
	time_fake_step(61 * USEC_PER_SEC);
	EQ_INT(feed(&b, DNS("a.evil.example") PROCESS("good -x")), 1, "it expires by itself, the other one stays");
	update(&b, 2, "[domain-name:value LIKE '%.evil.example']", 80, 0, false);
	EQ_INT(feed(&b, DNS("a.evil.example")), 1, "until it is said to be valid longer");
	update(&b, 1, "", 0, 0, true);
	EQ_INT(feed(&b, PROCESS("good -x") DNS("a.evil.example")), 1, "revoked");
	update(&b, 3, "[domain-name:value MATCHES '(?<!x)((']", 80, 0, false);
	update(&b, 4, "[x-nothing:of_ours LIKE 'x%']", 80, 0, false);
	patterns_stats(b.p, &st);
	EQ_INT((int64_t)st.refused, 2, "what cannot be matched is counted");
	EQ_INT((int64_t)st.indicators, 1, "and not in force");
	update(&b, 4, "", 0, 0, true);
	patterns_stats(b.p, &st);
	EQ_INT((int64_t)st.refused, 1, "until it goes");
	patterns_clear(b.p);
	EQ_INT(feed(&b, DNS("a.evil.example")), 0, "cleared");
	update(&b, 2, "[domain-name:value LIKE '%.evil.example']", 80, 0, false);
	EQ_INT(feed(&b, DNS("a.evil.example")), 1, "and learned again");
	end(&b);
}

#define THEN "[process:command_line LIKE '%first%'] FOLLOWEDBY [process:command_line LIKE '%second%'] WITHIN 600 SECONDS"

static void test_operators(void)
{
	const struct patterns_opts none = { 0 };
	struct patterns_stats st;
	struct bench b;
	char pattern[128];

	time_fake_set(NOW);
	if (!begin(&b, &none))
		return;
	update(&b, 1, THEN, 80, 0, false);
	EQ_INT(feed(&b, PROCESS("the second")) + idle(&b), 0, "the wrong order");
	EQ_INT(feed(&b, PROCESS("the first")) + idle(&b), 0, "one alone");
	for (int i = 2; i < 60; i++) { /* images come and are merged meanwhile */
		snprintf(pattern, sizeof pattern, "[process:command_line LIKE '%%other%d%%']", i);
		update(&b, i, pattern, 50, 0, false);
	}
	update(&b, 1, THEN, 90, 0, false);
	EQ_INT(feed(&b, PROCESS("the second")), 0, "the operator waits for earlier events");
	EQ_INT(idle(&b), 1, "and counted what was before all these changes");
	EQ_INT(b.seen.confidence, 90, "its new confidence");
	OK(strcmp(b.seen.id, ID "01") == 0 && strstr(b.seen.event, "second") != NULL && strcmp(b.seen.value, "the second") == 0,
	   "shown with the latest observation (%s)", b.seen.event);
	patterns_stats(b.p, &st);
	OK(st.fired == 1 && st.indicators == 59 && st.waiting == 0 && st.images <= 8, "%llu images", (unsigned long long)st.images);
	EQ_INT(feed(&b, PROCESS("other7x other30x")), 3, "the others are in force (other3, other7, other30)");
	update(&b, 60, "[process:command_line LIKE '%often%'] REPEATS 3 TIMES WITHIN 60 SECONDS", 80, 0, false);
	EQ_INT(feed(&b, PROCESS("often") PROCESS("often")) + idle(&b), 0, "twice");
	EQ_INT(feed(&b, PROCESS("often")) + idle(&b), 1, "thrice");
	time_fake_step(120 * USEC_PER_SEC);
	EQ_INT(feed(&b, PROCESS("often") PROCESS("often") PROCESS("often")), 0, "thrice again, waiting");
	update(&b, 60, "", 0, 0, true);
	EQ_INT(idle(&b), 0, "and revoked before it was told");
	end(&b);
}

static bool well_known(void *ctx, enum observable_kind kind, struct str value, struct str *ret_list)
{
	(void)ctx;
	*ret_list = S("well known");
	return kind == OBS_DOMAIN && str_ends(value, S("good.example"));
}

static void test_warning_lists(void)
{
	const struct patterns_opts o = { .suppress = well_known };
	struct bench b;

	time_fake_set(NOW);
	if (!begin(&b, &o))
		return;
	update(&b, 1, "[domain-name:value LIKE '%.example' AND domain-name:value NOT LIKE 'x%']", 80, 0, false);
	EQ_INT(feed(&b, DNS("www.good.example")), 0, "on a warning list");
	EQ_INT(b.seen.suppressed, 1, "is told as held back");
	EQ_INT(feed(&b, DNS("www.evil.example")), 1, "not on one");
	update(&b, 2, "[domain-name:value LIKE 'a.%'] FOLLOWEDBY [domain-name:value LIKE 'b.%']", 80, 0, false);
	b.seen.suppressed = 0;
	EQ_INT(feed(&b, DNS("a.good.example")) + feed(&b, DNS("b.good.example")) + idle(&b), 0, "all of its observations are");
	EQ_INT(b.seen.suppressed, 3, "held back: two by the first pattern, one by the second");
	EQ_INT(feed(&b, DNS("a.good.example")) + feed(&b, DNS("b.bad.example")) + idle(&b), 2, "one of them is not");
	end(&b);
}

/* What the log's format was does not matter. */
static void test_formats(void)
{
	static const struct { const char *name, *pattern, *line; } rows[] = {
		{ "CEF", "[network-traffic:dst_port IN (443, 8443) AND network-traffic:dst_ref.value LIKE '198.51.%']",
		  "CEF:0|V|P|1|1|n|5|src=10.0.0.1 dst=198.51.100.7 dpt=8443 proto=TCP\n" },
		{ "LEEF", "[network-traffic:dst_port > 8000 AND network-traffic:dst_ref.value = '198.51.100.7' AND user-account:account_login LIKE 'j%']",
		  "LEEF:1.0|V|P|1|7|src=10.0.0.1\tdst=198.51.100.7\tdstPort=8443\tusrName=joe\n" },
		{ "key=value", "[network-traffic:dst_port > 8000 AND domain-name:value LIKE '%.evil.example']",
		  "date=2027-01-15 time=08:00:00 srcip=10.0.0.1 dstip=198.51.100.7 dstport=8443 hostname=a.evil.example\n" },
		{ "Zeek", "[network-traffic:dst_port > 8000 AND network-traffic:src_ref.value ISSUBSET '10.0.0.0/8']",
		  "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\n"
		  "1800000000.5\tC1\t10.0.0.5\t50000\t198.51.100.7\t8443\ttcp\n" },
		{ "JSON", "[url:value LIKE 'http://evil.example/%.exe']",
		  "{\"timestamp\":\"2027-01-15T08:00:00Z\",\"event_type\":\"http\",\"http\":{\"hostname\":\"evil.example\",\"url\":\"/a/b.exe\"}}\n" },
	};

	time_fake_set(NOW);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct patterns_opts none = { 0 };
		struct bench b;

		if (!begin(&b, &none))
			return;
		update(&b, 1, rows[i].pattern, 80, 0, false);
		EQ_INT(feed(&b, rows[i].line), 1, rows[i].name);
		end(&b);
	}
}

static void test_many(void)
{
	const struct patterns_opts none = { 0 };
	struct patterns_stats st;
	char id[64], pattern[200];
	struct bench b;
	usec begun;
	int n = 3000;

	time_fake_set(NOW);
	if (!begin(&b, &none))
		return;
	for (int i = 0; i < n; i++) {
		struct image_indicator in = { .valid_from = NOW - 1, .confidence = 50 };

		snprintf(id, sizeof id, "indicator--00000000-0000-4000-8000-%012d", i + 1000);
		snprintf(pattern, sizeof pattern, "[process:command_line LIKE '%%tool%d-%%' AND process:command_line MATCHES 'x+%d']", i, i % 7);
		in.id = str_of(id);
		in.pattern = str_of(pattern);
		if (patterns_update(b.p, &in, NULL) != RC_OK)
			OK(false, "update");
	}
	patterns_settle(b.p);
	EQ_INT(feed(&b, PROCESS("tool7-xx0") PROCESS("tool2999-x3") PROCESS("tool2999-x4")), 2, "among many");
	begun = real_now();
	update(&b, 1, "[process:command_line LIKE '%new%']", 80, 0, false);
	EQ_INT(feed(&b, PROCESS("new")), 1, "one more is in force");
	printf("# after %.1f ms\n", (double)(real_now() - begun) / 1000);
	patterns_stats(b.p, &st);
	EQ_INT((int64_t)st.indicators, n + 1, "all are there");
	end(&b);
}

int main(void)
{
	int64_t before = mem_live();

	time_fake_set(NOW);
	test_one_at_a_time();
	test_operators();
	test_warning_lists();
	test_formats();
	test_many();
	EQ_INT(mem_live(), before, "nothing is left");
	return tap_done();
}
