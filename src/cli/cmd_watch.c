/* Matching a log against a node's active indicators, here and now. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cli/node_cmd.h"
#include "detect/watch.h"
#include "input/input.h"
#include "model/observable.h"
#include "node/lookout.h"
#include "stix/marking.h"
#include "sys/file.h"

#define PIECE ((size_t)1 << 20)

static const struct cli_opt opts[] = {
	{ "node", 'n', "DIR", { "the node whose indicators are matched (LIANFANG_DIR, else /var/lib/lianfang)", "節點資料夾（LIANFANG_DIR，或 /var/lib/lianfang）" }, false },
	{ "follow", 'f', NULL, { "go on when the file grows, like tail -F", "持續追蹤" }, false },
	{ "record", 0, NULL, { "make alerts and sightings in the node, as a configured input does", "於節點建立警示與目擊" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const examples[] = {
	"an old log", "lianfang watch eve.json --node /var/lib/lianfang",
	"a live one", "tail -F /var/log/suricata/eve.json | lianfang watch - --node /var/lib/lianfang --json", NULL,
};

struct watching {
	const struct cli *c;
	struct lookout *lookout;
	bool record, failed;
};

static void print_json(const struct hit *h)
{
	char id[VALUE_ID_MAX];
	struct buf b;
	struct jsonw w;

	buf_init(&b, (size_t)4 << 20);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_time(&w, "at", h->at);
	jsonw_m_str(&w, "indicator", h->indicator);
	jsonw_m_str(&w, "indicator_id", h->indicator);
	if (value_id_of(h->matched, id).n > 0)
		jsonw_m_cstr(&w, "value_id", id);
	jsonw_m_str(&w, "field", h->what.field);
	jsonw_m_str(&w, "value", h->what.value);
	jsonw_m_str(&w, "matched", h->matched);
	jsonw_m_str(&w, "where", h->where);
	jsonw_m_cstr(&w, "tlp", tlp_name((enum tlp)h->tlp));
	if (h->confidence <= 100) /* else not stated */
		jsonw_m_int(&w, "confidence", h->confidence);
	jsonw_object_end(&w);
	(void)cli_print(&b);
	buf_done(&b);
}

static void on_hit(void *ctx, const struct hit *h)
{
	struct watching *x = ctx;
	char when[TIME_TEXT_MAX];
	struct err err = { 0 };

	if (h->suppressed.n > 0) {
		fprintf(stderr, "suppressed: %.*s = %.*s (%.*s) is on the warning list '%.*s'\n", STR(h->what.field), STR(h->what.value),
			STR(h->indicator), STR(h->suppressed));
		return;
	}
	if (x->c->json) {
		print_json(h);
	} else {
		time_format(h->at, when);
		printf("%s  %.*s  %.*s = %.*s  (%.*s)\n", when, STR(h->where.n > 0 ? h->where : S("-")), STR(h->what.field), STR(h->what.value),
		       STR(h->indicator));
		fflush(stdout);
	}
	if (x->record && lookout_record(x->lookout, h, &err) != RC_OK) {
		fprintf(stderr, "lianfang watch: not recorded: %s\n", err.text);
		x->failed = true;
	}
}

static enum rc feed(void *ctx, struct str piece, struct err *err)
{
	return watch_feed(ctx, piece, err);
}

static enum rc feed_all(int fd, const char *name, struct watch *w, struct err *err)
{
	TRY(cli_pieces(fd, name, feed, w, err));
	TRY(watch_end(w, err));
	return watch_flush(w, err);
}

static enum rc take(void *ctx, const struct input_message *m, struct err *err)
{
	return watch_message(ctx, m->part, m->format, m->bytes, err);
}

/* Until a signal ends the process: its default action is what the user wants. */
static enum rc follow(const char *path, struct watch *w, struct err *err)
{
	void *self = NULL;
	bool any;
	enum rc rc;

	TRY(INPUT_FILE.open(&(struct input_opts){ .name = path, .path = path }, S(""), &self, err));
	while ((rc = INPUT_FILE.run(self, USEC_PER_SEC, take, w, &any, err)) == RC_OK || rc == RC_NOTFOUND)
		;
	INPUT_FILE.close(self);
	return rc;
}

static int summary(const struct watching *x, const struct watch *w)
{
	struct watch_stats st;

	watch_stats(w, &st);
	fprintf(stderr, x->c->zh ? "%llu 個事件，%llu 次命中，%llu 次抑制，%llu 行錯誤，%llu 個截斷%s%s\n" :
		"%llu events, %llu hits, %llu suppressed, %llu bad lines, %llu cut%s%s\n", (unsigned long long)st.lines,
		(unsigned long long)st.hits, (unsigned long long)st.suppressed, (unsigned long long)st.bad_lines,
		(unsigned long long)st.cut,
		st.bad_lines > 0 ? (x->c->zh ? "；最後一個：" : "; the last: ") : "", st.bad_lines > 0 ? watch_last_error(w) : "");
	return x->failed ? CLI_ERROR : st.hits > 0 ? CLI_NO : CLI_OK;
}

static int run(struct cli *c)
{
	const char *preset = getenv("LIANFANG_DIR");
	const char *dir = cli_get(c, "node", preset != NULL ? preset : "/var/lib/lianfang"), *file = c->operands[0];
	bool from_stdin = str_eq(str_of(file), S("-"));
	struct watching x = { .c = c, .record = cli_has(c, "record") };
	int fd CLEANUP(file_closep) = -1;
	struct watch *w = NULL;
	struct err err = { 0 };
	enum rc rc;
	int status;

	rc = lookout_open(dir, x.record, &x.lookout, &err);
	if (rc == RC_OK)
		rc = watch_new(lookout_image(x.lookout), str_of(from_stdin ? "stdin" : file), on_hit, &x, &w, &err);
	if (rc == RC_OK)
		rc = watch_patterns(w, lookout_patterns(x.lookout), &err);
	if (rc == RC_OK && cli_has(c, "follow") && !from_stdin) {
		rc = follow(file, w, &err);
	} else if (rc == RC_OK) {
		fd = from_stdin ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
		rc = fd < 0 ? FAIL(&err, RC_IO, "%s: %s", file, strerror(errno)) : feed_all(fd, file, w, &err);
	}
	status = rc == RC_OK ? summary(&x, w) : cli_fail(c, &err);
	watch_free(w);
	lookout_close(x.lookout);
	return status;
}

const struct cli_cmd CMD_WATCH = {
	"watch", { "match a log (JSON lines) against the node's active indicators", "以有效指標比對紀錄（JSON lines）" }, "FILE|-",
	{ "Reads Suricata EVE, Zeek JSON, Sysmon and Windows JSON, or any JSON lines; addresses, domains with their parents, URLs,\n"
	  "hashes and e-mail addresses are looked up, and STIX patterns matched. Works beside a running node. 0: nothing matched; 1: something did; 2: error.",
	  "讀取 Suricata EVE、Zeek、Sysmon/Windows JSON；比對位址、網域（含上層）、URL、雜湊與電子郵件。0 無命中，1 有命中。" },
	opts, examples, 1, 1, run,
};
