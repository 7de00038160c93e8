#include "cli/hunting.h"

#include <unistd.h>

#include "base/ascii.h"
#include "cli/queueing.h"

bool hunting_dir(const struct cli *c, char *out, size_t n)
{
	const char *dir = cli_get(c, "history", NULL), *preset = getenv("LIANFANG_DIR");
	const char *node = cli_get(c, "node", preset != NULL ? preset : "/var/lib/lianfang");
	int want = dir != NULL ? snprintf(out, n, "%s", dir) : snprintf(out, n, "%s/history", node);

	return want > 0 && (size_t)want < n;
}

/* --- limits --- */

/* "7d" and so on, back from now. */
static bool ago(struct str s, usec *ret)
{
	static const struct { char unit; usec span; } units[] = { { 's', USEC_PER_SEC }, { 'm', 60 * USEC_PER_SEC },
		{ 'h', 3600 * USEC_PER_SEC }, { 'd', 86400 * USEC_PER_SEC }, { 'w', 604800 * USEC_PER_SEC } };
	uint64_t n;

	if (s.n < 2 || !str_to_u64(str_slice(s, 0, s.n - 1), &n) || n > 100000)
		return false;
	for (size_t i = 0; i < COUNTOF(units); i++)
		if (ascii_to_lower(s.p[s.n - 1]) == units[i].unit) {
			*ret = time_now() - (usec)n * units[i].span;
			return true;
		}
	return false;
}

static bool read_when(const struct cli *c, const char *option, usec *ret)
{
	struct str s = str_of(cli_get(c, option, ""));
	char text[64];

	if (s.n == 0 || ago(s, ret))
		return true;
	if (s.n == 10) {
		snprintf(text, sizeof text, "%.*sT00:00:00Z", STR(s));
		s = str_of(text);
	}
	if (log_time_read(s, ret))
		return true;
	(void)cli_failf(c, "--%s: '%s' is no time: 2026-11-01, 2026-11-01T08:00:00Z, or 7d, 12h, 30m ago", option, cli_get(c, option, ""));
	return false;
}

bool hunting_opts(const struct cli *c, struct hunt_opts *ret)
{
	int64_t limit = 0;

	*ret = (struct hunt_opts){ .since = INT64_MIN, .source = str_of(cli_get(c, "source", "")) };
	if (!read_when(c, "since", &ret->since) || !read_when(c, "until", &ret->until) ||
	    !cli_get_int(c, "limit", 0, 0, INT64_MAX, &limit))
		return false;
	ret->most = (uint64_t)limit;
	return true;
}

/* --- showing --- */

void hunting_put_event(struct jsonw *w, const struct hunt_found *f, bool with_event)
{
	if (f->made != NULL)
		correlated_put(f->made, w);
	jsonw_m_time(w, "time", f->at);
	if (f->event == NULL && f->n_records == 0)
		return;
	jsonw_m_str(w, "file", f->source);
	jsonw_m_int(w, "record", (int64_t)(f->event != NULL ? f->event->ordinal : f->records[0]));
	if (f->event == NULL) {
		jsonw_name(w, "records");
		jsonw_array(w);
		for (size_t i = 0; i < f->n_records; i++)
			jsonw_int(w, (int64_t)f->records[i]);
		jsonw_array_end(w);
	}
	if (!with_event || f->event == NULL)
		return;
	jsonw_m_cstr(w, "format", log_format_name(f->event->format));
	jsonw_m_str(w, "event", f->event->line);
}

static void on_progress(void *ctx UNUSED, size_t done, size_t all)
{
	fprintf(stderr, "\r%zu of %zu blocks ", done, all);
	if (done == all)
		fputc('\n', stderr);
}

static void put_stats(const struct hunt_stats *st, double seconds)
{
	struct buf b;
	struct jsonw w;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_int(&w, "blocks", (int64_t)st->blocks);
	jsonw_m_int(&w, "outside", (int64_t)st->outside);
	jsonw_m_int(&w, "probed", (int64_t)st->probed);
	jsonw_m_int(&w, "opened", (int64_t)st->opened);
	jsonw_m_int(&w, "false_openings", (int64_t)st->false_openings);
	jsonw_m_int(&w, "unreadable", (int64_t)st->unreadable);
	jsonw_m_int(&w, "events", (int64_t)st->events);
	jsonw_m_int(&w, "bytes", (int64_t)st->bytes);
	jsonw_m_int(&w, "bad_lines", (int64_t)st->bad_lines);
	jsonw_m_int(&w, "found", (int64_t)st->found);
	jsonw_name(&w, "seconds");
	jsonw_double(&w, seconds);
	jsonw_object_end(&w);
	(void)cli_print(&b);
	buf_done(&b);
}

static void sum_up(const struct hunt_stats *st, double seconds)
{
	fprintf(stderr, "%llu found; %llu blocks, %llu opened", (unsigned long long)st->found, (unsigned long long)st->blocks,
		(unsigned long long)st->opened);
	if (st->probed > 0)
		fprintf(stderr, " (%llu for nothing)", (unsigned long long)st->false_openings);
	fprintf(stderr, ", %llu events looked at, %.3f s\n", (unsigned long long)st->events, seconds);
	if (st->unreadable > 0)
		fprintf(stderr, "%llu blocks are damaged or were removed meanwhile: lianfang history verify\n", (unsigned long long)st->unreadable);
}

struct run {
	const struct cli *c;
	struct hunt_matcher *m;
	hunt_fn show;
	void *ctx;
	struct hunt_opts o;
	struct hunt_stats st;
};

static enum rc run_queue(struct run *r, struct err *err)
{
	struct blockq *q CLEANUP(blockq_closep) = NULL;

	if (cli_has(r->c, "history") || cli_has(r->c, "node"))
		return FAIL(err, RC_BAD, "one place at a time: --queue, --history or --node");
	TRY(queueing_open(r->c, false, &q, err));
	return hunt_queue(q, r->m, &r->o, r->show, r->ctx, &r->st, err);
}

static enum rc run_folder(struct run *r, struct err *err)
{
	struct history *h CLEANUP(history_closep) = NULL;
	struct history_opts where = { 0 };
	char dir[4096];

	if (!hunting_dir(r->c, dir, sizeof dir))
		return FAIL(err, RC_LIMIT, "the folder's name is too long");
	where.dir = dir;
	TRY(history_open(&where, &h, err));
	return hunt_run(h, r->m, &r->o, r->show, r->ctx, &r->st, err);
}

int hunting_run(const struct cli *c, struct hunt_matcher *m, hunt_fn show, void *ctx, int found, int none)
{
	struct run r = { .c = c, .m = m, .show = show, .ctx = ctx };
	struct err err = { 0 };
	usec start = time_mono();
	double seconds;
	enum rc rc;

	if (!hunting_opts(c, &r.o))
		return CLI_ERROR;
	if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && !cli_has(c, "quiet"))
		r.o.progress = on_progress;
	rc = cli_has(c, "queue") ? run_queue(&r, &err) : run_folder(&r, &err);
	fflush(stdout);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	seconds = (double)(time_mono() - start) / 1e6;
	if (r.o.source.n > 0 && r.st.named == 0)
		fprintf(stderr, "lianfang: %s: there are no events of an input or file '%.*s' here%s\n", c->cmd->name, STR(r.o.source),
			cli_has(c, "since") || cli_has(c, "until") ? " in that time" : "");
	if (!cli_has(c, "quiet"))
		sum_up(&r.st, seconds);
	if (cli_has(c, "stats"))
		put_stats(&r.st, seconds);
	return r.st.unreadable > 0 ? CLI_ERROR : r.st.found > 0 ? found : none;
}
