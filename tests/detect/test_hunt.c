/* Hunts find what a look at every event finds, and open few blocks for it. */
#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "block_util.h"
#include "detect/hunt.h"
#include "store/blockq.h"
#include "tap.h"

#define EVENTS 4000
#define PER_BLOCK 200

static char dir[64];

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

/* Lines that are not made from their number. */
static const struct {
	enum log_format format;
	const char *line;
} extra[] = {
	{ LOG_JSON, "{\"CommandLine\":\"C:\\\\Windows\\\\System32\\\\cmd.exe /c \\u0077hoami\",\"User\":\"M\\u00fcller\"}" },
	{ LOG_JSON, "{\"url\":\"http://Bad.Example:80/Path?x=1\",\"n\":-1}" },
	{ LOG_SYSLOG, "<34>1 2023-11-14T22:13:20.5Z gw sshd 77 - - Failed password from 203.0.113.9 port 4711" },
	{ LOG_CEF, "CEF:0|V|P|1|100|worm stopped|10|src=203.0.113.77 dst=198.51.100.1 spt=1232 request=http://cef.example/a" },
	{ LOG_KV, "type=dns qname=Kv.Example.net rcode=0" },
	{ LOG_TEXT, "plain text that names text.example and 2001:db8::42" },
	{ LOG_JSON, "{\"broken\": \"broken.example\"" },
	{ LOG_JSON, "{\"a\":[{\"b\":\"192.0.2.33\"},{\"b\":\"d41d8cd98f00b204e9800998ecf8427e\"}],\"port\":4688}" },
};

static bool add_event(struct history *h, struct block_maker *m, const struct block_event *e, bool last)
{
	struct err err = { 0 };
	struct buf out;
	enum rc rc = block_maker_add(m, e, NULL, &err);

	if (rc == RC_OK && (last || block_maker_events(m) >= PER_BLOCK)) {
		buf_init(&out, BLOCK_BYTES_MAX);
		rc = block_maker_seal(m, 1, 0, &out, &err);
		if (rc == RC_OK)
			rc = history_append(h, buf_view(&out), &err);
		buf_done(&out);
	}
	if (rc != RC_OK)
		OK(false, "event: %s", err.text);
	return rc == RC_OK;
}

static struct history *make_history(void)
{
	struct history_opts o = { .dir = dir, .write = true, .unsynced = true, .segment_bytes = 20000 };
	struct block_maker *m CLEANUP(block_maker_freep) = NULL;
	struct history *h = NULL;
	struct err err = { 0 };
	struct buf line;
	bool good;

	snprintf(dir, sizeof dir, "/tmp/lianfang-hunt-XXXXXX");
	good = mkdtemp(dir) != NULL && history_open(&o, &h, &err) == RC_OK && block_maker_new(&m, &err) == RC_OK;
	buf_init(&line, 4096);
	for (uint64_t i = 0; i < EVENTS && good; i++) {
		struct block_event e = make_event(i, &line);

		good = add_event(h, m, &e, i + 1 == EVENTS);
	}
	buf_done(&line);
	for (size_t i = 0; i < COUNTOF(extra) && good; i++) {
		struct block_event e = { .line = str_of(extra[i].line), .format = extra[i].format, .source = S("extra"),
					 .time = EVENT_TIME(EVENTS + i), .ordinal = EVENTS + i };

		good = add_event(h, m, &e, i + 1 == COUNTOF(extra));
	}
	OK(good, "a history %s", err.text);
	return h;
}

/* The same blocks in a queue, in one file. */
static struct blockq *queue;

static bool make_queue(struct history *h)
{
	struct blockq_opts o = { .create = true };
	struct err err = { 0 };
	struct buf bytes;
	char path[96], id[32];
	uint64_t fresh = 0;
	enum rc rc;

	snprintf(path, sizeof path, "%s/blocks.db", dir);
	o.path = path;
	buf_init(&bytes, BLOCK_BYTES_MAX);
	rc = blockq_open(&o, &queue, &err);
	for (size_t i = 0; i < history_blocks(h) && rc == RC_OK; i++) {
		const struct block_head *head = &history_block(h, i)->head;
		struct blockq_block b = { .id = str_of(id), .index_n = block_index_n(head), .events = head->events, .first = head->first, .last = head->last };

		snprintf(id, sizeof id, "b%zu", i);
		b.id = str_of(id);
		rc = history_read(h, i, &bytes, &err);
		b.bytes = buf_view(&bytes);
		if (rc == RC_OK)
			rc = blockq_put(queue, &b, 1, &fresh, &err);
	}
	buf_done(&bytes);
	return OK(rc == RC_OK, "the same in a queue %s", err.text);
}

struct result {
	uint64_t n, sum, first;
	char why[160];
};

static bool on_found(void *ctx, const struct hunt_found *f)
{
	struct result *r = ctx;
	uint64_t ordinal = f->event == NULL ? (uint64_t)f->at : f->event->ordinal;

	if (r->n++ == 0) {
		r->first = ordinal;
		snprintf(r->why, sizeof r->why, "%.*s=%.*s", STR(f->n_why > 0 ? f->why[0].field : S("")), STR(f->n_why > 0 ? f->why[0].value : S("")));
	}
	r->sum = r->sum * 31 + ordinal;
	return true;
}

/* Runs with filters and over every block: the same; and the number of findings. */
static struct hunt_stats run_both(struct history *h, struct hunt_matcher *m, struct hunt_opts o, const char *name, uint64_t want, struct result *ret)
{
	struct result with = { 0 }, every = { 0 }, queued = { 0 };
	struct hunt_stats st = { 0 }, all = { 0 }, q = { 0 };
	struct err err = { 0 };

	OK(hunt_run(h, m, &o, on_found, &with, &st, &err) == RC_OK, "%s: runs %s", name, err.text);
	o.every_block = true;
	OK(hunt_run(h, m, &o, on_found, &every, &all, &err) == RC_OK, "%s: runs over every block %s", name, err.text);
	o.every_block = false;
	OK(hunt_queue(queue, m, &o, on_found, &queued, &q, &err) == RC_OK, "%s: runs over a queue %s", name, err.text);
	OK(queued.n == with.n && queued.sum == with.sum && q.opened == st.opened && q.found == st.found, "%s: the same from a queue (%llu)", name,
	   (unsigned long long)queued.n);
	EQ_INT(with.n, want, name);
	OK(with.n == every.n && with.sum == every.sum, "%s: as over every block (%llu)", name, (unsigned long long)every.n);
	EQ_INT(st.found, want, "counted");
	OK(st.false_openings <= 1, "%s: %llu blocks opened, %llu for nothing", name, (unsigned long long)st.opened, (unsigned long long)st.false_openings);
	*ret = with;
	return st;
}

/* --- indicators --- */

#define IND(n) "indicator--00000000-0000-4000-8000-0000000000" n

static uint64_t count(bool (*holds)(uint64_t i))
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < EVENTS; i++)
		n += holds(i);
	return n;
}

static bool is_evil3(uint64_t i) { return i % 7 == 0 && i % 40 == 3; }
static bool is_host77(uint64_t i) { return i == 77; }
static bool is_net1(uint64_t i) { return i % 11 == 0 && (i >> 8) == 1; }
static bool is_net_22(uint64_t i) { return i % 11 == 0 && i < 1024; }
static bool is_address(uint64_t i) { return i == 110; }
static bool is_any(uint64_t i) { return i % 11 == 0; }
static bool none(uint64_t i) { return i > EVENTS; }

static const struct {
	const char *pattern;
	bool (*holds)(uint64_t i);
	uint64_t more; /* of the extra lines */
} indicators[] = {
	{ "[domain-name:value = 'evil3.example']", is_evil3, 0 },
	{ "[domain-name:value = 'host77.evil37.example']", is_host77, 0 },
	{ "[domain-name:value = 'HOST77.Evil37.Example']", is_host77, 0 },
	{ "[ipv4-addr:value = '198.0.1.0/24']", is_net1, 0 },
	{ "[ipv4-addr:value = '198.0.0.0/22']", is_net_22, 0 },
	{ "[ipv4-addr:value = '198.0.0.110']", is_address, 0 },
	{ "[ipv4-addr:value = '192.0.0.0/5']", is_any, 2 },
	{ "[ipv4-addr:value = '203.0.113.9']", none, 1 },
	{ "[ipv4-addr:value = '203.0.113.0/25']", none, 2 },
	{ "[ipv4-addr:value = '192.0.2.33']", none, 1 },
	{ "[ipv6-addr:value = '2001:db8::/33']", none, 1 },
	{ "[domain-name:value = 'bad.example']", none, 1 },
	{ "[url:value = 'http://bad.example/Path?x=1']", none, 1 },
	{ "[url:value = 'http://bad.example/path?x=1']", none, 0 },
	{ "[domain-name:value = 'example.net']", none, 1 },
	{ "[domain-name:value = 'cef.example']", none, 1 },
	{ "[domain-name:value = 'broken.example']", none, 0 },
	{ "[file:hashes.MD5 = 'D41D8CD98F00B204E9800998ECF8427E']", none, 1 },
	{ "[domain-name:value = 'evil3.example' OR ipv4-addr:value = '203.0.113.9']", is_evil3, 1 },
	{ "[domain-name:value = 'nowhere.example']", none, 0 },
};

static void test_indicators(struct history *h)
{
	for (size_t i = 0; i < COUNTOF(indicators); i++) {
		struct image_indicator in = { .id = S(IND("01")), .pattern = str_of(indicators[i].pattern), .valid_from = EVENT_TIME(EVENTS * 2),
					      .valid_until = EVENT_TIME(EVENTS * 3) };
		struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
		struct hunt_opts o = { 0 };
		struct hunt_stats st;
		struct err err = { 0 };
		struct result r;

		if (!OK(hunt_for_indicators(&in, 1, NULL, NULL, &m, &err) == RC_OK, "%s %s", indicators[i].pattern, err.text))
			continue;
		st = run_both(h, m, o, indicators[i].pattern, count(indicators[i].holds) + indicators[i].more, &r);
		if (indicators[i].holds == none || indicators[i].holds == is_address)
			OK(st.opened <= 3, "few blocks are opened for it (%llu of %llu)", (unsigned long long)st.opened, (unsigned long long)st.blocks);
	}
}

static void on_refused(void *ctx, size_t i, const struct err *why)
{
	if (why->rc == RC_UNSUPPORTED)
		*(size_t *)ctx = i;
}

static void test_many(struct history *h)
{
	struct image_indicator in[40];
	char pattern[40][64], id[40][64];
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	struct hunt_opts o = { 0 };
	struct err err = { 0 };
	struct result r;
	size_t bad = 99;

	for (unsigned i = 0; i < 40; i++) {
		snprintf(id[i], sizeof id[i], IND("%02u"), i);
		snprintf(pattern[i], sizeof pattern[i], "[domain-name:value = 'evil%u.example']", i);
		in[i] = (struct image_indicator){ .id = str_of(id[i]), .pattern = str_of(pattern[i]) };
	}
	OK(hunt_for_indicators(in, 40, NULL, NULL, &m, &err) == RC_OK, "forty at once %s", err.text);
	(void)run_both(h, m, o, "forty at once", (EVENTS + 6) / 7, &r);
	EQ_STR(str_of(r.why), S("dns.rrname=host0.evil0.example"), "tells field and value");
	in[7].pattern = S("[mutex:name MATCHES 'x']");
	hunt_matcher_freep(&m);
	m = NULL;
	OK(hunt_for_indicators(in, 40, NULL, NULL, &m, &err) == RC_UNSUPPORTED, "what no log shows ends it, when nobody wants to hear of it");
	OK(hunt_for_indicators(in, 40, on_refused, &bad, &m, &err) == RC_OK && bad == 7, "else it is named and left out");
}

/* --- search --- */

static bool n_is_1234(uint64_t i) { return i == 1234; }
static bool id_2(uint64_t i) { return i % 5 == 2; }
static bool id_2_job(uint64_t i) { return i % 15 == 12; }
static bool job_1(uint64_t i)
{
	char text[16];

	return i % 3 == 0 && snprintf(text, sizeof text, "%llu", (unsigned long long)(i * 2654435761u % 100000)) > 0 && text[0] == '1';
}

static const struct {
	const char *name, *field, *value, *field2, *value2;
	bool (*holds)(uint64_t i);
	uint64_t more;
} searches[] = {
	{ "a number", "n", "1234", NULL, NULL, n_is_1234, 0 },
	{ "an event's id", "EventID", "2", NULL, NULL, id_2, 0 },
	{ "two terms", "EventID", "2", "CommandLine", "run*", id_2_job, 0 },
	{ "star at the end", "CommandLine", "RUN --job 1*", NULL, NULL, job_1, 0 },
	{ "nested, one character", "dns.rrname", "host7?.evil37.example", NULL, NULL, is_host77, 0 },
	{ "a name, by the filter", "dns.rrname", "HOST77.evil37.example", NULL, NULL, is_host77, 0 },
	{ "an address, by the filter", "DestinationIp", "198.0.0.110", NULL, NULL, is_address, 0 },
	{ "another field", "dns.rrname", "198.0.0.110", NULL, NULL, none, 0 },
	{ "text", "", "host77.EVIL37", NULL, NULL, is_host77, 0 },
	{ "text written with an escape", "", "whoami", NULL, NULL, none, 1 },
	{ "text with a backslash, as it reads", "", "Windows\\System32", NULL, NULL, none, 1 },
	{ "text with a backslash, as it stands", "", "windows\\\\system32", NULL, NULL, none, 1 },
	{ "a field with an escape", "CommandLine", "*c:\\windows\\*whoami", NULL, NULL, none, 1 },
	{ "a field beyond ASCII", "User", "M\xc3\xbcller", NULL, NULL, none, 1 },
	{ "one character beyond ASCII", "User", "m?ller", NULL, NULL, none, 1 },
	{ "in a list", "a.b", "192.0.2.33", NULL, NULL, none, 1 },
	{ "text of a broken line", "", "broken.example", NULL, NULL, none, 1 },
	{ "text of syslog", "", "Failed password", NULL, NULL, none, 1 },
	{ "a field of syslog", "appname", "sshd", NULL, NULL, none, 1 },
	{ "a field of CEF", "src", "203.0.113.77", NULL, NULL, none, 1 },
	{ "nothing", "", "no such text", NULL, NULL, none, 0 },
};

static void test_terms(struct history *h)
{
	for (size_t i = 0; i < COUNTOF(searches); i++) {
		struct hunt_term terms[2] = { { str_of(searches[i].field), str_of(searches[i].value), false },
					      { str_of(searches[i].field2), str_of(searches[i].value2), false } };
		struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
		struct hunt_opts o = { 0 };
		struct err err = { 0 };
		struct result r;

		OK(hunt_for_terms(terms, searches[i].field2 == NULL ? 1 : 2, &m, &err) == RC_OK, "%s %s", searches[i].name, err.text);
		(void)run_both(h, m, o, searches[i].name, count(searches[i].holds) + searches[i].more, &r);
	}
}

static void test_limits(struct history *h)
{
	struct hunt_term term = { S("EventID"), S("2"), false };
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	struct hunt_opts o = { .since = EVENT_TIME(1000), .until = EVENT_TIME(1500) };
	struct err err = { 0 };
	struct hunt_stats st;
	struct result r;

	OK(hunt_for_terms(&term, 1, &m, &err) == RC_OK, "a search");
	st = run_both(h, m, o, "within times", 100, &r);
	EQ_INT(r.first, 1002, "from there");
	OK(st.opened <= 4 && st.outside >= 16, "blocks outside are not opened");
	o.source = S("eve");
	st = run_both(h, m, o, "of one input", 50, &r);
	o.source = S("nobody");
	st = run_both(h, m, o, "of no input", 0, &r);
	EQ_INT(st.opened, 0, "opens nothing");
	o = (struct hunt_opts){ .most = 7 };
	st = run_both(h, m, o, "the first seven", 7, &r);
	EQ_INT(r.first, 2, "the first");
}

/* --- rules --- */

static const char rules_text[] =
	"title: Job\nid: 00000000-0000-4000-8000-000000000001\nauthor: A. Uthor\nstatus: test\nlevel: high\nlogsource:\n  product: any\n"
	"detection:\n  s:\n    CommandLine|startswith: 'run --job 1'\n  condition: s\n"
	"---\ntitle: Many\nid: 00000000-0000-4000-8000-000000000002\nname: many\nstatus: test\nlevel: low\nlogsource:\n  product: any\n"
	"detection:\n  s:\n    dns.rrname|endswith: '.evil3.example'\n  condition: s\n"
	"---\ntitle: Often\nid: 00000000-0000-4000-8000-000000000003\nstatus: test\ncorrelation:\n  type: event_count\n  rules:\n    - many\n"
	"  timespan: 1h\n  condition:\n    gte: 5\nlevel: medium\n";

static void test_rules(struct history *h)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct sigma_reader *reader CLEANUP(sigma_reader_freep) = NULL;
	struct hunt_matcher *m CLEANUP(hunt_matcher_freep) = NULL;
	const struct taxonomy empty = { 0 };
	const struct sigma_set *set = NULL;
	struct result with = { 0 };
	struct hunt_opts o = { 0 };
	struct hunt_stats st;
	struct err err = { 0 };
	uint64_t refused = 9;

	OK(sigma_reader_new(a, &reader, &err) == RC_OK && sigma_reader_add(reader, S("t"), str_of(rules_text), &err) == RC_OK &&
	   sigma_reader_end(reader, &set, &err) == RC_OK, "rules are read %s", err.text);
	OK(hunt_for_rules(set, &empty, &m, &refused, &err) == RC_OK && refused == 0, "and run %s", err.text);
	OK(hunt_run(h, m, &o, on_found, &with, &st, &err) == RC_OK, "over the history %s", err.text);
	EQ_INT(with.n, count(job_1) + 1, "each match, and the correlation once");
	EQ_INT(st.bad_lines, 1, "the broken line is counted");
	EQ_INT(st.events, EVENTS + COUNTOF(extra), "every event was looked at");
}

int main(void)
{
	struct history *h = make_history();

	if (h != NULL && make_queue(h)) {
		test_indicators(h);
		test_many(h);
		test_terms(h);
		test_limits(h);
		test_rules(h);
	}
	history_close(h);
	blockq_close(queue);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
