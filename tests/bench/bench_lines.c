/* Log lines: messages a second of each format, of one core's time. The floor of the same
 * run is a walk from line feed to line feed over the same bytes.
 *
 *	bench-lines [FORMAT FILE]...      (none: generated lines) */
#include <string.h>

#include "base/mem.h"
#include "bench.h"
#include "sys/file.h"
#include "wire/log_line.h"

#define LINES 20000

struct job {
	enum log_format format;
	struct str text;
	struct log_lines *lines;
	uint64_t events, values;
};

static struct fields *dict;
static struct flat *f;

static void floor_round(void *ctx)
{
	struct job *j = ctx;
	struct str rest = j->text, line;

	j->events = 0;
	while (str_next(&rest, '\n', &line))
		j->events++;
}

static void round_of(void *ctx)
{
	struct job *j = ctx;
	struct str rest = j->text, line;
	struct err err;
	bool event;

	j->events = j->values = 0;
	while (str_next(&rest, '\n', &line))
		if (log_lines_next(j->lines, f, line, &event, &err) == RC_OK && event) {
			j->events++;
			j->values += f->n;
		}
}

/* By processor time: the machine has other work. */
static double cpu_rate(const char *name, double work, void (*round)(void *ctx), void *ctx)
{
	double rates[BENCH_ROUNDS];

	for (int i = 0; i < BENCH_ROUNDS; i++) {
		clock_t start = clock(), spent;
		double done = 0;

		do {
			round(ctx);
			done += work;
		} while ((spent = clock() - start) < CLOCKS_PER_SEC / 20);
		rates[i] = done * CLOCKS_PER_SEC / (double)spent;
	}
	bench_print(name, rates, BENCH_ROUNDS, "million/s");
	return rates[BENCH_ROUNDS / 2];
}

static void measure(const char *name, enum log_format format, struct str text)
{
	struct job j = { .format = format, .text = text };
	struct err err;
	char label[64];
	double floor, rate;

	if (log_lines_new(format, dict, time_now(), &j.lines, &err) != RC_OK)
		return;
	floor_round(&j);
	snprintf(label, sizeof label, "%s_lines", name);
	floor = cpu_rate(label, (double)j.events / 1e6, floor_round, &j);
	round_of(&j);
	rate = cpu_rate(name, (double)j.events / 1e6, round_of, &j);
	printf("%s_bytes %.0f %s_values %.1f %s_share %.3f\n", name, (double)text.n / (double)j.events, name,
		(double)j.values / (double)j.events, name, rate / floor);
	log_lines_free(j.lines);
}

static const struct {
	const char *name;
	enum log_format format;
	const char *head, *line;
} made[] = {
	{ "rfc5424", LOG_SYSLOG, "", "<165>1 2024-10-11T22:14:%02u.%06uZ host%u.example.com sshd %u ID47 - Failed password for invalid user "
	  "admin from 192.0.2.7 port 4711 ssh2\n" },
	{ "rfc5424_data", LOG_SYSLOG, "", "<165>1 2024-10-11T22:14:%02u.%06uZ host%u.example.com evntslog %u ID47 [exampleSDID@32473 iut=\"3\" "
	  "eventSource=\"Application\" eventID=\"1011\"] An application event log entry\n" },
	{ "rfc3164", LOG_SYSLOG, "", "<34>Oct 11 22:14:%02u host%06u%u sshd[%u]: Failed password for invalid user admin from 192.0.2.7 port "
	  "4711 ssh2\n" },
	{ "cef", LOG_CEF, "", "CEF:0|Vendor|Firewall|1.0|100|Connection blocked|5|rt=17286846%02u000 cnt=%06u shost=host%u spt=%u "
	  "src=192.0.2.7 dst=198.51.100.1 dpt=443 proto=TCP act=blocked cs1Label=Rule cs1=deny all msg=blocked by policy\n" },
	{ "leef", LOG_LEEF, "", "LEEF:2.0|Vendor|Firewall|1.0|100|^|devTime=17286846%02u000^cnt=%06u^host=host%u^srcPort=%u^src=192.0.2.7^"
	  "dst=198.51.100.1^dstPort=443^proto=TCP\n" },
	{ "kv", LOG_KV, "", "date=2024-10-11 time=22:14:%02u devid=FG%06u devname=\"fw %u\" srcport=%u srcip=192.0.2.7 dstip=198.51.100.1 "
	  "dstport=443 action=\"deny\" policyid=7 service=\"HTTPS\"\n" },
	{ "auditd", LOG_AUDITD, "", "type=SYSCALL msg=audit(17286846%02u.243:%06u): arch=c000003e syscall=59 success=yes exit=0 a0=7fffd19c5592 "
	  "a1=20 items=2 ppid=%u pid=%u auid=1000 uid=0 gid=0 comm=\"cat\" exe=\"/bin/cat\" key=\"exec\"\n" },
	{ "zeek", LOG_ZEEK, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\t"
	  "id.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\ttunnel_parents\n#types\ttime\tstring\taddr\t"
	  "port\taddr\tport\tenum\tstring\tinterval\tcount\tset[string]\n",
	  "17286846%02u.%06u\tCq9tV%u3hs\t192.0.2.7\t%u\t198.51.100.1\t443\ttcp\tssl\t0.104\t1024\t(empty)\n" },
};

static void make(struct buf *b, size_t row)
{
	char line[1024];

	buf_cstr(b, made[row].head);
	for (unsigned i = 0; i < LINES; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int n = snprintf(line, sizeof line, made[row].line, i % 60, i, i % 97, i % 30000);
#pragma GCC diagnostic pop
		buf_put(b, line, (size_t)n);
	}
}

int main(int argc, char **argv)
{
	static const char *const asked[] = { "src", "dst", "user", "exe", "comm", "key", "message", "hostname", "id.orig_h", "id.resp_h", "_path" };
	struct buf b;
	struct err err;

	dict = fields_new();
	if (dict == NULL || flat_new(&f, &err) != RC_OK)
		return 1;
	for (size_t i = 0; i < COUNTOF(asked); i++)
		if (fields_add(dict, str_of(asked[i]), &(uint16_t){ 0 }, &err) != RC_OK)
			return 1;
	for (size_t i = 0; argc < 3 && i < COUNTOF(made); i++) {
		buf_init(&b, (size_t)64 << 20);
		make(&b, i);
		measure(made[i].name, made[i].format, buf_view(&b));
		buf_done(&b);
	}
	for (int i = 1; i + 1 < argc; i += 2)
		if (file_read(argv[i + 1], (size_t)1 << 30, &b, &err) == RC_OK) {
			measure(argv[i], log_format_find(str_of(argv[i])), buf_view(&b));
			buf_done(&b);
		}
	flat_free(f);
	fields_free(dict);
	return 0;
}
