/* What a message of syslog costs on its way into the history, step by step, in one process and on one thread: thread time, each
 * step with all before it, in turns.
 *
 *	bench-ingest [MESSAGES [STEP]]     (a step alone: for a profiler)
 *
 * frames: cut out of the stream; match: read, looked up among the indicators, matched by one rule of keywords; keys: with what the
 * block's filter is made of; all: journal, block and sealing in a hurry, as node/memory.c does them. The messages are those of
 * syslog.py. */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "detect/history.h"
#include "detect/watch.h"
#include "input/frames.h"

#define TURNS 5

enum step { STEP_FRAMES, STEP_MATCH, STEP_KEYS, STEP_ALL, STEPS };

struct work {
	struct buf stream, sealed;
	uint64_t messages, seed, hits, rule_hits, bytes;
	enum step step;
	struct watch *watch;
	const struct event_keys *known;
	struct history *history;
	struct block_maker *maker;
};

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err == NULL ? "" : err->text);
	exit(1);
}

static unsigned draw(struct work *w, unsigned below)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((w->seed >> 33) % below);
}

static void put_ip(struct work *w, struct buf *b)
{
	buf_fmt(b, "10.%u.%u.%u", draw(w, 4), draw(w, 256), 1 + draw(w, 254));
}

static unsigned put_text(struct work *w, struct buf *b, unsigned kind)
{
	static const unsigned priorities[] = { 38, 38, 30, 78, 30, 30, 4, 86 };
	unsigned name;

	switch (kind) {
	case 0:
		buf_fmt(b, "Accepted publickey for user%u from ", draw(w, 400));
		put_ip(w, b);
		buf_fmt(b, " port %u ssh2: ED25519 SHA256:%08x%08x%08x%08x", 1024 + draw(w, 64000), draw(w, 1u << 31), draw(w, 1u << 31), draw(w, 1u << 31),
			draw(w, 1u << 31));
		break;
	case 1:
		buf_cstr(b, "Failed password for invalid user guest from ");
		put_ip(w, b);
		buf_fmt(b, " port %u ssh2", 1024 + draw(w, 64000));
		break;
	case 2:
		buf_fmt(b, "Started Session %u of user user%u.", draw(w, 100000), draw(w, 400));
		break;
	case 3:
		buf_fmt(b, "(root) CMD (/usr/lib/checks/run --job %u)", draw(w, 50));
		break;
	case 4:
		name = draw(w, 5000);
		buf_fmt(b, "client @0x7f%08x ", draw(w, 1u << 31));
		put_ip(w, b);
		buf_fmt(b, "#%u (w%u.example.net): query: w%u.example.net IN A +E(0)K", 1024 + draw(w, 64000), name, draw(w, 5000));
		break;
	case 5:
		buf_cstr(b, "DHCPACK on ");
		put_ip(w, b);
		buf_fmt(b, " to 52:54:00:%02x:%02x:%02x via eth0", draw(w, 256), draw(w, 256), draw(w, 256));
		break;
	case 6:
		buf_fmt(b, "[%u.%06u] DROP IN=eth0 OUT= SRC=", draw(w, 1000000), draw(w, 1000000));
		put_ip(w, b);
		buf_cstr(b, " DST=");
		put_ip(w, b);
		buf_fmt(b, " LEN=60 TTL=63 ID=%u PROTO=TCP SPT=%u DPT=443 SYN", draw(w, 65536), 1024 + draw(w, 64000));
		break;
	default:
		buf_fmt(b, "user%u : TTY=pts/%u ; PWD=/home/user%u ; USER=root ; COMMAND=/usr/bin/systemctl status app%u", draw(w, 400), draw(w, 9),
			draw(w, 400), draw(w, 60));
	}
	return priorities[kind];
}

static void make_stream(struct work *w)
{
	static const char *const apps[] = { "sshd", "sshd", "systemd", "CRON", "named", "dhcpd", "kernel", "sudo" };
	struct buf text, line;

	buf_init(&w->stream, (size_t)1 << 30);
	buf_init(&text, 4096);
	buf_init(&line, 4096);
	w->seed = 5;
	for (unsigned i = 0; i < w->messages; i++) {
		unsigned kind = draw(w, 8), priority;

		buf_clear(&text);
		buf_clear(&line);
		priority = put_text(w, &text, kind);
		if (i % 20000 == 19999) {
			buf_clear(&text);
			buf_fmt(&text, "Failed password for svc-%u from 198.51.100.77 port 4711 ssh2", i);
		}
		buf_fmt(&line, "<%u>1 2026-01-02T03:%02u:%02u.%03uZ host%u %s %u - - ", priority, i / 60 % 60, i % 60, i % 1000, draw(w, 300), apps[kind],
			400 + draw(w, 59600));
		buf_str(&line, buf_view(&text));
		buf_fmt(&w->stream, "%zu ", line.n);
		buf_str(&w->stream, buf_view(&line));
	}
	buf_done(&text);
	buf_done(&line);
	if (w->stream.bad != RC_OK)
		die("messages", NULL);
}

static void on_hit(void *ctx, const struct hit *h)
{
	((struct work *)ctx)->hits += h->suppressed.n == 0;
}

static void on_rule(void *ctx, const struct rule_hit *h UNUSED)
{
	((struct work *)ctx)->rule_hits++;
}

static void seal(struct work *w)
{
	struct err err = { 0 };

	buf_clear(&w->sealed);
	block_maker_mark(w->maker, w->step == STEP_ALL ? history_mark(w->history) : 0);
	block_maker_hurry(w->maker, true);
	if (block_maker_seal(w->maker, time_now(), 0, &w->sealed, &err) != RC_OK ||
	    (w->step == STEP_ALL && history_append(w->history, buf_view(&w->sealed), &err) != RC_OK))
		die("seal", &err);
	w->bytes += w->sealed.n;
}

static enum rc on_event(void *ctx, struct flat *f, struct str line, struct err *err)
{
	struct work *w = ctx;
	struct block_event e = { .line = line, .format = f->format, .source = S("stream"), .time = flat_time(f), .ordinal = 1, .known = w->known };

	if (w->step == STEP_MATCH)
		return RC_OK;
	if (block_maker_full(w->maker)) {
		if (w->step == STEP_ALL)
			seal(w);
		else
			block_maker_empty(w->maker);
	}
	if (w->step == STEP_ALL)
		TRY(history_keep(w->history, &e, S(""), err));
	return block_maker_add(w->maker, &e, f, err);
}

static void walk(struct work *w)
{
	struct str rest = buf_view(&w->stream), m;
	struct err err = { 0 };
	struct frames f;
	uint64_t n = 0;

	frames_init(&f, true);
	while (rest.n > 0) {
		if (frames_put(&f, str_slice(rest, 0, FRAMES_PIECE)) != RC_OK)
			die("frames", NULL);
		for (; frames_next(&f, &m); frames_taken(&f), n++)
			if (w->step != STEP_FRAMES && watch_message(w->watch, S(""), LOG_UNKNOWN, m, &err) != RC_OK)
				die("match", &err);
		rest = str_slice(rest, FRAMES_PIECE, rest.n);
	}
	frames_done(&f);
	if (n != w->messages)
		die("messages are missing", NULL);
}

static double ns_a_message(struct work *w, enum step step)
{
	struct timespec from, to;

	w->step = step;
	w->hits = w->rule_hits = w->bytes = 0;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	walk(w);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	if (step != STEP_FRAMES && (w->hits != w->messages / 20000 || w->rule_hits != w->messages / 20000))
		die("not all was found", NULL);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)w->messages;
}

static struct live *make_rule(const char *dir)
{
	char path[4200];
	struct live_opts o = { .rules = path };
	struct err err = { 0 };
	struct live *live;
	FILE *f;

	snprintf(path, sizeof path, "%s/rule.yml", dir);
	f = fopen(path, "w");
	if (f == NULL || fputs("title: Password of a service account was tried\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n"
			       "logsource: {product: linux}\ndetection: {k: ['Failed password for svc-'], condition: k}\n", f) < 0 || fclose(f) != 0)
		die(path, NULL);
	if (live_new(&o, &live, &err) != RC_OK)
		die("rule", &err);
	return live;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

int main(int argc, char **argv)
{
	static const char *const names[STEPS] = { "ingest.frames", "ingest.match", "ingest.keys", "ingest.all" };
	static struct work w;
	struct image_indicator i = { .id = S("indicator--00000000-0000-4000-8000-000000000001"), .pattern = S("[ipv4-addr:value = '198.51.100.77']") };
	char dir[] = "/var/tmp/lianfang-bench-XXXXXX", history[64];
	struct history_opts o = { .dir = history, .write = true, .unsynced = true };
	struct image *image = image_new(1000);
	struct str only = argc > 2 ? str_of(argv[2]) : S("");
	double took[STEPS][TURNS] = { { 0 } };
	struct err err = { 0 };
	struct live *live;

	w.messages = argc > 1 ? strtoull(argv[1], NULL, 10) : 300000;
	make_stream(&w);
	if (mkdtemp(dir) == NULL)
		die(dir, NULL);
	snprintf(history, sizeof history, "%s/history", dir);
	live = make_rule(dir);
	buf_init(&w.sealed, BLOCK_BYTES_MAX);
	if (image == NULL || image_update(image, &i, &err) != RC_OK || history_open(&o, &w.history, &err) != RC_OK ||
	    block_maker_new(&w.maker, &err) != RC_OK || watch_new(image, S("stream"), on_hit, &w, &w.watch, &err) != RC_OK ||
	    watch_note_keys(w.watch, &w.known, &err) != RC_OK || watch_rules(w.watch, live, on_rule, &err) != RC_OK)
		die("start", &err);
	watch_events(w.watch, on_event);
	watch_format(w.watch, LOG_SYSLOG);
	for (int turn = 0; turn < TURNS; turn++)
		for (enum step s = 0; s < STEPS; s++) {
			if (only.n > 0 && !str_eq(only, str_of(names[s] + strlen("ingest."))))
				continue;
			block_maker_empty(w.maker);
			took[s][turn] = ns_a_message(&w, s);
		}
	for (enum step s = 0; s < STEPS; s++)
		if (took[s][0] > 0)
			bench_print(names[s], took[s], TURNS, "ns/message");
	printf("ingest.kept %.1f bytes a message of %.1f\n", (double)w.bytes / (double)w.messages, (double)w.stream.n / (double)w.messages);
	watch_free(w.watch);
	live_free(live);
	image_free(image);
	block_maker_free(w.maker);
	history_close(w.history);
	buf_done(&w.sealed);
	buf_done(&w.stream);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
