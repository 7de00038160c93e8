/* Patterns of any sort over a history: with filters and over every block the same, and what the events were made for. */
#include <ftw.h>

#include "base/mem.h"
#include "detect/hunt.h"
#include "tap.h"

#define EVENTS 3000
#define PER_BLOCK 150
#define AT(i) (1700000000000000 + (usec)(i) * 10 * USEC_PER_SEC)
#define ID "indicator--00000000-0000-4000-8000-0000000000"

static char dir[64];

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static void make_line(unsigned i, struct buf *out)
{
	char time[TIME_TEXT_MAX];

	buf_clear(out);
	time_format(AT(i), time);
	if (i % 3 == 0)
		buf_fmt(out, "{\"timestamp\":\"%s\",\"event_type\":\"dns\",\"proto\":\"UDP\",\"src_ip\":\"10.0.%u.%u\",\"dest_ip\":\"192.0.2.53\","
			"\"dns\":{\"rrname\":\"host%u.zone%u.example\"}}", time, i / 250, i % 250, i, i % 40);
	else if (i % 3 == 1)
		buf_fmt(out, "{\"timestamp\":\"%s\",\"event_type\":\"flow\",\"proto\":\"TCP\",\"src_ip\":\"10.0.0.%u\",\"dest_ip\":\"198.51.%u.%u\",\"dest_port\":%u}",
			time, i % 250, i / 250, i % 250, i % 100 == 1 ? 8443u : 443u);
	else
		buf_fmt(out, "{\"UtcTime\":\"%s\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":\"C:\\\\bin\\\\tool%u.exe\","
			"\"CommandLine\":\"tool%u.exe --job %u\",\"ProcessId\":%u}", time, i % 17, i % 17, i, i);
}

static struct history *make_history(void)
{
	struct history_opts o = { .dir = dir, .write = true, .unsynced = true, .segment_bytes = 20000 };
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct history *h = NULL;
	struct err err = { 0 };
	struct buf line, sealed;
	bool good;

	snprintf(dir, sizeof dir, "/tmp/lianfang-huntp-XXXXXX");
	good = mkdtemp(dir) != NULL && history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK;
	buf_init(&line, 4096);
	buf_init(&sealed, BLOCK_BYTES_MAX);
	for (unsigned i = 0; i < EVENTS && good; i++) {
		struct block_event e = { .format = LOG_JSON, .source = i % 3 == 2 ? S("sysmon") : S("eve"), .time = AT(i), .ordinal = i };

		make_line(i, &line);
		e.line = buf_view(&line);
		good = block_maker_add(m, &e, NULL, &err) == RC_OK;
		if (good && (i + 1 == EVENTS || block_maker_events(m) >= PER_BLOCK)) {
			buf_clear(&sealed);
			good = block_maker_seal(m, 1, 0, &sealed, &err) == RC_OK && history_append(h, buf_view(&sealed), &err) == RC_OK;
		}
	}
	buf_done(&line);
	buf_done(&sealed);
	OK(good, "a history %s", err.text);
	return h;
}

struct result { unsigned n; uint64_t sum; char all[512]; uint8_t tlp, confidence; };

static bool on_found(void *ctx, const struct hunt_found *f)
{
	struct result *r = ctx;
	size_t used = strlen(r->all);
	uint64_t record = f->event != NULL ? f->event->ordinal : f->n_records > 0 ? f->records[0] : 99999;

	r->n++;
	r->sum = r->sum * 31 + record;
	r->tlp = f->tlp;
	r->confidence = f->confidence;
	if (used < sizeof r->all - 40)
		snprintf(r->all + used, sizeof r->all - used, "%s%.*s:%llu%s", used > 0 ? " " : "", STR(f->source), (unsigned long long)record,
			 f->event == NULL ? "*" : "");
	return true;
}

/* `want`: inputs and ordinals, a star behind those of several observations; or how many there are. */
static const struct { const char *name, *pattern, *want; unsigned opened; } rows[] = {
	{ "two comparisons, one of them a value", "[domain-name:value = 'host30.zone30.example' AND domain-name:value NOT LIKE 'x%']", "eve:30", 2 },
	{ "LIKE opens everything", "[domain-name:value LIKE 'host30.%']", "eve:30", 99 },
	{ "alternatives of conjunctions", "[(ipv4-addr:value = '198.51.8.2' AND network-traffic:dst_port > 400) OR (domain-name:value = 'host30.zone30.example' AND "
	  "domain-name:value LIKE 'h%')]", "eve:30 eve:2002", 4 },
	{ "numbers", "[network-traffic:dst_port > 8000 OR network-traffic:dst_port < 1]", NULL, 99 },
	{ "a block of addresses", "[ipv4-addr:value ISSUBSET '198.51.4.0/24' AND network-traffic:dst_port < 9443]", NULL, 3 },
	{ "one behind the other", "[domain-name:value = 'host30.zone30.example'] FOLLOWEDBY [ipv4-addr:value = '198.51.2.2']", NULL, 4 },
	{ "in the wrong order", "[ipv4-addr:value = '198.51.2.2'] FOLLOWEDBY [domain-name:value = 'host30.zone30.example']", "", 4 },
	{ "too late", "([domain-name:value = 'host30.zone30.example'] FOLLOWEDBY [ipv4-addr:value = '198.51.2.2']) WITHIN 60 SECONDS", "", 4 },
	{ "both, in any order", "[ipv4-addr:value = '198.51.2.2'] AND [domain-name:value = 'host30.zone30.example']", NULL, 4 },
	{ "over two sorts of log", "[process:command_line LIKE '%--job 32'] FOLLOWEDBY [domain-name:value = 'host36.zone36.example'] WITHIN 100 SECONDS", "eve:36*", 99 },
	{ "often enough", "[process:image_ref.name = 'tool5.exe'] REPEATS 3 TIMES WITHIN 2000 SECONDS", NULL, 99 },
	{ "START and STOP", "[process:image_ref.name = 'tool5.exe'] START t'2023-11-14T22:13:20Z' STOP t'2023-11-14T22:30:00Z'", NULL, 99 },
	{ "nothing", "[process:command_line MATCHES '^never$']", "", 99 },
};

static unsigned brute(size_t row)
{
	unsigned n = 0;

	for (unsigned i = 0; i < EVENTS; i++) {
		switch (row) {
		case 3: n += i % 3 == 1 && i % 100 == 1; break;
		case 4: n += i % 3 == 1 && i / 250 == 4; break;
		case 11: n += i % 3 == 2 && i % 17 == 5 && AT(i) < AT(100); break;
		default: return UINT32_MAX;
		}
	}
	return n;
}

static void test_patterns(struct history *h)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct image_indicator in = { .id = S(ID "01"), .pattern = str_of(rows[i].pattern), .valid_from = AT(EVENTS * 2), .tlp = 3, .confidence = 70 };
		struct result with = { 0 }, every = { 0 };
		struct hunt_stats st = { 0 }, all = { 0 };
		struct hunt_opts o = { 0 };
		struct err err = { 0 };

		for (int turn = 0; turn < 2; turn++) {
			struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;

			o.every_block = turn == 1;
			OK(hunt_for_indicators(&in, 1, NULL, NULL, &m, &err) == RC_OK &&
			   hunt_run(h, m, &o, on_found, turn == 0 ? &with : &every, turn == 0 ? &st : &all, &err) == RC_OK, "%s: runs %s", rows[i].name, err.text);
		}
		OK(with.n == every.n && with.sum == every.sum, "%s: as over every block (%u)", rows[i].name, every.n);
		if (brute(i) != UINT32_MAX)
			EQ_INT(with.n, brute(i), "  as many as there are");
		else if (rows[i].want != NULL)
			EQ_STR(str_of(with.all), str_of(rows[i].want), "  where");
		else
			OK(with.n > 0, "  found (%s)", with.all);
		OK(st.opened <= rows[i].opened, "  %llu of %llu blocks opened", (unsigned long long)st.opened, (unsigned long long)st.blocks);
		if (with.n > 0)
			EQ_INT(with.tlp * 100 + with.confidence, 370, "  its level and confidence");
	}
}

static void test_together(struct history *h)
{
	struct image_indicator in[] = {
		{ .id = S(ID "01"), .pattern = S("[domain-name:value = 'host30.zone30.example']"), .tlp = UINT8_MAX },
		{ .id = S(ID "02"), .pattern = S("[process:command_line LIKE '%--job 32']") },
		{ .id = S(ID "03"), .pattern = S("[domain-name:value = 'host300.zone20.example'] FOLLOWEDBY [process:command_line LIKE '%--job 302']") },
	};
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	struct result r = { 0 };
	struct hunt_stats st = { 0 };
	struct hunt_opts o = { 0 };
	struct err err = { 0 };

	OK(hunt_for_indicators(in, COUNTOF(in), NULL, NULL, &m, &err) == RC_OK && hunt_run(h, m, &o, on_found, &r, &st, &err) == RC_OK, "values and patterns %s", err.text);
	EQ_STR(str_of(r.all), S("eve:30 sysmon:32 sysmon:302*"), "each of them");
}

int main(void)
{
	int64_t before = mem_live();
	struct history *h = make_history();

	if (h != NULL) {
		test_patterns(h);
		test_together(h);
		history_close(h);
	}
	EQ_INT(mem_live(), before, "nothing is left");
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
