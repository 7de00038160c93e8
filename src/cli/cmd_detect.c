/* Hunting through logs, here and now, without a node. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/rules.h"
#include "detect/known.h"
#include "detect/scan.h"
#include "model/observable.h"
#include "stix/marking.h"
#include "wire/log_line.h"

static const struct cli_opt opts[] = {
	CLI_RULES_OPTS,
	{ "indicators", 'i', "FILE", { "indicators: a plain list (addresses, blocks, domains, URLs, hashes, e-mail), or a STIX bundle; - is standard input", "指標清單或 STIX bundle" }, true },
	{ "level", 'l', "LEVEL", { "this level and above: informational, low, medium, high, critical", "此等級以上" }, false },
	{ "format", 0, "NAME", { "what the files hold, when it is not to be found out: json, evtx, zeek, syslog, cef, leef, kv, auditd", "紀錄格式" }, false },
	{ "csv", 0, NULL, { "comma-separated values with a header; not with --json", "輸出 CSV，不可與 --json 併用" }, false },
	{ "timeline", 't', NULL, { "all matches of all files in the order of time", "依時間排序" }, false },
	{ "event", 'e', NULL, { "show the whole event with each match (--json)", "附上完整事件" }, false },
	{ "stats", 0, NULL, { "end with one JSON object (with --csv on standard error): files, events, bytes, matches, rules, seconds, memory",
			      "最後輸出統計（與 --csv 併用時寫至標準錯誤）" }, false },
	{ "threads", 'j', "N", { "threads (as many as processors)", "執行緒數" }, false },
	{ "quiet", 'q', NULL, { "no summary and no progress; only what was left out", "不顯示摘要，僅提示未納入者" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const examples[] = {
	"what happened on a Windows machine", "lianfang detect --rules sigma/rules Security.evtx Sysmon.evtx",
	"a folder of logs as a timeline for a spreadsheet", "lianfang detect --rules sigma/rules --level medium --timeline --csv evidence/ >timeline.csv",
	"known bad addresses and names in a firewall's log", "lianfang detect --indicators blocklist.txt firewall.log",
	"a live stream", "tail -F eve.json | lianfang detect --rules sigma/rules --json -",
	NULL,
};

struct kept { struct scan_match m; size_t order; };

struct detect {
	struct cli *c;
	bool csv, timeline, quiet, tty;
	struct arena *a; /* timeline: what is kept until all is read */
	struct kept *list;
	size_t n, cap;
	uint64_t left_out, bad_told;
	bool failed; /* standard output is gone */
};

#define MADE_SHOWN 8 /* rules and events of a correlation in the table */
#define TIMELINE_MAX ((size_t)4 << 30)
#define BAD_TOLD 20 /* broken pieces that are named; all are counted */

static struct str when(usec t, char text[static TIME_TEXT_MAX])
{
	return t == 0 ? S("") : time_format(t, text);
}

#define TITLE_MAX 320

/* "known domain evil.example" for an indicator. */
static struct str title_of(const struct scan_match *m, char room[static TITLE_MAX])
{
	int n;

	if (m->rule != NULL)
		return m->rule->title;
	n = snprintf(room, TITLE_MAX, "known %s %.*s", value_kind_name(m->spot->what.kind), STR(str_slice(m->spot->matched, 0, 256)));
	return str_make(room, (size_t)n);
}

/* An indicator is as serious as it is sure; one that does not say is taken to be half so. */
static enum sigma_level level_of(const struct scan_match *m)
{
	if (m->rule != NULL)
		return m->rule->level;
	return m->spot->confidence > 100 ? SIGMA_MEDIUM : m->spot->confidence >= 70 ? SIGMA_HIGH : m->spot->confidence >= 30 ? SIGMA_MEDIUM : SIGMA_LOW;
}

static struct str author_of(const struct scan_match *m)
{
	return m->rule != NULL ? m->rule->author : str_of(m->spot->list == NULL ? "" : m->spot->list);
}

/* Above TLP_RED: nobody has said. */
static uint8_t tlp_of(const struct scan_match *m)
{
	return m->spot != NULL ? m->spot->tlp : m->rule->indicator != NULL ? m->rule->indicator->tlp : UINT8_MAX;
}

/* Control bytes of a log must not drive the terminal. */
static void put_visible(struct buf *b, struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	for (size_t i = 0; i < n; i++) {
		unsigned char u = (unsigned char)s.p[i];

		if (u < 0x20 || u == 0x7f)
			buf_char(b, u == '\n' || u == '\t' ? ' ' : '?');
		else
			buf_char(b, s.p[i]);
	}
	if (n < s.n)
		buf_cstr(b, "...");
}

static void json_fields(struct jsonw *w, const struct scan_match *m)
{
	jsonw_name(w, "fields");
	jsonw_object(w);
	for (uint32_t i = 0; i < m->n_fields; i++) {
		uint32_t same = 0;
		bool before = false;

		for (uint32_t k = 0; k < m->n_fields; k++) {
			bool eq = str_eq(m->fields[k].name, m->fields[i].name);

			same += eq;
			before |= eq && k < i;
		}
		if (before)
			continue;
		jsonw_name_str(w, m->fields[i].name.n > 0 ? m->fields[i].name : S("keyword"));
		if (same > 1)
			jsonw_array(w);
		for (uint32_t k = i; k < m->n_fields; k++)
			if (str_eq(m->fields[k].name, m->fields[i].name))
				jsonw_str(w, m->fields[k].value);
		if (same > 1)
			jsonw_array_end(w);
	}
	jsonw_object_end(w);
}

static void json_rule(struct jsonw *w, const struct sigma_rule *r)
{
	jsonw_m_cstr(w, "type", r->kind == SIGMA_CORRELATION ? "correlation" : "rule");
	jsonw_m_str(w, "rule_id", r->id);
	jsonw_m_str(w, "title", r->title);
	jsonw_m_cstr(w, "level", sigma_level_name(r->level));
	jsonw_m_str(w, "author", r->author);
	jsonw_name(w, "tags");
	jsonw_array(w);
	for (uint32_t i = 0; i < r->n_tags; i++)
		jsonw_str(w, r->tags[i]);
	jsonw_array_end(w);
}

/* What the indicator's source says of it, where it does. */
static void json_source(struct jsonw *w, uint8_t tlp, uint8_t confidence)
{
	if (tlp <= TLP_RED)
		jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)tlp));
	if (confidence <= 100)
		jsonw_m_int(w, "confidence", confidence);
}

static void json_spot(struct jsonw *w, const struct scan_match *m, struct str title)
{
	char text[VALUE_ID_MAX];
	struct str id = value_id_of(m->spot->matched, text);

	jsonw_m_cstr(w, "type", "indicator");
	jsonw_m_cstr(w, "indicator_id", m->spot->id);
	if (id.n > 0)
		jsonw_m_str(w, "value_id", id);
	jsonw_m_str(w, "title", title);
	jsonw_m_cstr(w, "level", sigma_level_name(level_of(m)));
	jsonw_m_str(w, "author", author_of(m));
	jsonw_m_cstr(w, "kind", value_kind_name(m->spot->what.kind));
	jsonw_m_str(w, "matched", m->spot->matched);
	json_source(w, m->spot->tlp, m->spot->confidence);
}

/* A pattern that was met; like json_spot for what both can tell. */
static void json_pattern(struct jsonw *w, const struct sigma_rule *r)
{
	jsonw_m_cstr(w, "type", "indicator");
	jsonw_m_str(w, "indicator_id", r->indicator->id);
	jsonw_m_str(w, "title", r->title);
	jsonw_m_cstr(w, "level", sigma_level_name(r->level));
	jsonw_m_str(w, "author", r->author);
	jsonw_m_cstr(w, "kind", "pattern");
	jsonw_m_str(w, "matched", r->indicator->pattern);
	json_source(w, r->indicator->tlp, r->indicator->confidence);
}

/* Its group, its rules, and the events that take part, newest first. */
static void json_made(struct jsonw *w, const struct scan_match *m)
{
	correlated_put(m->made, w);
	jsonw_name(w, "events");
	jsonw_array(w);
	for (uint32_t i = 0; i < m->n_records; i++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "file", m->files[i]);
		jsonw_m_int(w, "record", (int64_t)m->records[i]);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_json(struct buf *b, const struct scan_match *m)
{
	char title[TITLE_MAX];
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_object(&w);
	if (m->rule != NULL && m->rule->indicator != NULL)
		json_pattern(&w, m->rule);
	else if (m->rule != NULL)
		json_rule(&w, m->rule);
	else
		json_spot(&w, m, title_of(m, title));
	jsonw_m_cstr(&w, "file", m->file);
	jsonw_m_int(&w, "record", (int64_t)m->record);
	if (m->n_records > 0) {
		jsonw_name(&w, "records");
		jsonw_array(&w);
		for (uint32_t i = 0; i < m->n_records; i++)
			jsonw_int(&w, (int64_t)m->records[i]);
		jsonw_array_end(&w);
	}
	if (m->made != NULL)
		json_made(&w, m);
	jsonw_name(&w, "time");
	if (m->time != 0)
		jsonw_time(&w, m->time);
	else
		jsonw_null(&w);
	jsonw_m_str(&w, "host", m->host);
	json_fields(&w, m);
	if (m->event.p != NULL)
		jsonw_m_str(&w, "event", m->event);
	jsonw_object_end(&w);
	buf_char(b, '\n');
}

static const char csv_header[] = "time,level,rule,rule_id,author,host,file,record,what\n";

static void put_row(struct buf *b, const struct scan_match *m)
{
	char text[TIME_TEXT_MAX], title[TITLE_MAX];

	cli_csv(b, when(m->time, text));
	buf_char(b, ',');
	buf_cstr(b, sigma_level_name(level_of(m)));
	buf_char(b, ',');
	cli_csv(b, title_of(m, title));
	buf_char(b, ',');
	cli_csv(b, m->rule != NULL ? m->rule->id : str_of(m->spot->id));
	buf_char(b, ',');
	cli_csv(b, author_of(m));
	buf_char(b, ',');
	cli_csv(b, m->host);
	buf_char(b, ',');
	cli_csv(b, str_of(m->file));
	buf_fmt(b, ",%llu,", (unsigned long long)m->record);
	{
		struct buf what;

		buf_init(&what, (size_t)1 << 20);
		for (uint32_t i = 0; i < m->n_fields; i++) {
			if (i > 0)
				buf_cstr(&what, "; ");
			buf_str(&what, m->fields[i].name.n > 0 ? m->fields[i].name : S("keyword"));
			buf_char(&what, '=');
			buf_str(&what, m->fields[i].value);
		}
		cli_csv(b, buf_view(&what));
		buf_done(&what);
	}
	buf_char(b, '\n');
}

static const char *colour(const struct detect *d, enum sigma_level l)
{
	static const char *const by_level[] = { "", "\033[2m", "", "\033[33m", "\033[31m", "\033[1;31m" };

	return d->tty ? by_level[l] : "";
}

/* What it was made of: "    of Failed logon, since 2026-01-02T04:01:00: b.json:3, b.json:1, a.json:4". */
static void put_made(struct buf *b, const struct scan_match *m)
{
	const struct sigma_corr *corr = m->rule->corr;
	char text[TIME_TEXT_MAX];

	buf_cstr(b, m->rule->indicator != NULL ? "    of its observations" : "");
	for (uint32_t i = 0; i < corr->n_rules && i < MADE_SHOWN && m->rule->indicator == NULL; i++) {
		const struct sigma_rule *r = &m->made->set->rules[corr->rules[i]];

		buf_cstr(b, i == 0 ? "    of " : " + ");
		put_visible(b, r->title.n > 0 ? r->title : r->id, 120);
	}
	buf_fmt(b, "%s, since %.19s", corr->n_rules > MADE_SHOWN ? " + ..." : "", when(m->made->c->first, text).p);
	for (uint32_t i = 0; i < m->n_records && i < MADE_SHOWN; i++)
		buf_fmt(b, "%s%s:%llu", i == 0 ? ": " : ", ", m->files[i], (unsigned long long)m->records[i]);
	buf_cstr(b, m->n_records > MADE_SHOWN ? ", ...\n" : "\n");
}

static void put_table(const struct detect *d, struct buf *b, const struct scan_match *m)
{
	char text[TIME_TEXT_MAX], title[TITLE_MAX];
	struct str t = when(m->time, text), author = author_of(m);
	const char *level = sigma_level_name(level_of(m));

	buf_fmt(b, "%-20.*s%s %s%-13s%s ", (int)(t.n > 19 ? 19 : t.n), t.p == NULL ? "" : t.p, "", colour(d, level_of(m)), level,
		d->tty ? "\033[0m" : "");
	put_visible(b, title_of(m, title), 200);
	buf_cstr(b, "  ");
	put_visible(b, m->host.n > 0 ? m->host : S("-"), 80);
	buf_fmt(b, "  %s:%llu\n", m->file, (unsigned long long)m->record);
	for (uint32_t i = 0; i < m->n_fields; i++) {
		buf_cstr(b, "    ");
		put_visible(b, m->fields[i].name.n > 0 ? m->fields[i].name : S("keyword"), 80);
		buf_cstr(b, " = ");
		put_visible(b, m->fields[i].value, 240);
		buf_char(b, '\n');
	}
	if (m->made != NULL)
		put_made(b, m);
	if (author.n > 0) {
		buf_cstr(b, m->rule == NULL || m->rule->indicator != NULL ? "    " : d->c->zh ? "    規則作者 " : "    rule by ");
		put_visible(b, author, 200);
		buf_char(b, '\n');
	}
	if (tlp_of(m) <= TLP_RED)
		buf_fmt(b, "    %s\n", tlp_name((enum tlp)tlp_of(m)));
}

static bool show(struct detect *d, const struct scan_match *m)
{
	struct buf b;

	buf_init(&b, (size_t)64 << 20);
	if (d->c->json)
		put_json(&b, m);
	else if (d->csv)
		put_row(&b, m);
	else
		put_table(d, &b, m);
	if (b.n > 0 && fwrite(b.p, 1, b.n, stdout) != b.n)
		d->failed = true;
	buf_done(&b);
	return !d->failed;
}

static bool copy_str(struct arena *a, struct str *s)
{
	if (s->p == NULL)
		return true;
	*s = arena_dup(a, *s);
	return s->p != NULL;
}

static bool copy_match(struct arena *a, struct scan_match *m)
{
	struct scan_field *fields = arena_array(a, m->n_fields + 1, sizeof *fields);
	uint64_t *records = arena_array(a, m->n_records + 1, sizeof *records);
	const char **files = arena_array(a, m->n_records + 1, sizeof *files);

	if (fields == NULL || records == NULL)
		return false;
	for (uint32_t i = 0; i < m->n_fields; i++) {
		fields[i] = m->fields[i];
		if (!copy_str(a, &fields[i].name) || !copy_str(a, &fields[i].value))
			return false;
	}
	if (files == NULL || (m->made != NULL && !correlated_copy(a, m->made, &m->made)))
		return false;
	for (uint32_t i = 0; i < m->n_records; i++) {
		records[i] = m->records[i];
		files[i] = arena_dup(a, str_of(m->files[i])).p;
		if (files[i] == NULL)
			return false;
	}
	m->files = files;
	m->fields = fields;
	m->records = records;
	m->file = arena_dup(a, str_of(m->file)).p;
	if (m->file == NULL)
		return false;
	if (m->spot != NULL) {
		struct spot *spot = arena_alloc(a, sizeof *spot);

		if (spot == NULL)
			return false;
		*spot = *m->spot;
		if (!copy_str(a, &spot->matched) || !copy_str(a, &spot->what.value) || !copy_str(a, &spot->what.field))
			return false;
		m->spot = spot;
	}
	return copy_str(a, &m->host) && copy_str(a, &m->event);
}

static bool on_match(void *ctx, const struct scan_match *m)
{
	struct detect *d = ctx;

	if (!d->timeline)
		return show(d, m);
	if (d->n == d->cap) {
		size_t cap = d->cap == 0 ? 1024 : d->cap * 2;
		struct kept *p = mem_resize(d->list, cap * sizeof *p);

		if (p == NULL)
			return d->left_out++, true;
		d->list = p;
		d->cap = cap;
	}
	d->list[d->n] = (struct kept){ *m, d->n };
	if (copy_match(d->a, &d->list[d->n].m))
		d->n++;
	else
		d->left_out++;
	return true;
}

static void on_trouble(void *ctx, const char *file, uint64_t record, const struct err *why)
{
	struct detect *d = ctx;

	if (why->rc == RC_CORRUPT) {
		if (!d->quiet && d->bad_told++ < BAD_TOLD)
			fprintf(stderr, "%slianfang detect: %s: %s\n", d->tty ? "\r\033[K" : "", file, why->text);
	} else if (record == 0) {
		fprintf(stderr, "%slianfang detect: %s\n", d->tty ? "\r\033[K" : "", why->text);
	} else if (!d->quiet && d->bad_told++ < BAD_TOLD) {
		fprintf(stderr, "%slianfang detect: %s: record %llu: %s%s\n", d->tty ? "\r\033[K" : "", file, (unsigned long long)record, why->text,
			d->bad_told == BAD_TOLD ? " (further ones are only counted)" : "");
	}
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t of, uint64_t events, uint64_t matches)
{
	struct detect *d = ctx;

	if (d->tty && isatty(STDERR_FILENO) && !d->quiet)
		fprintf(stderr, "\r\033[K%3.0f %%  %llu events  %llu matches", of > 0 ? 100.0 * (double)bytes / (double)of : 100.0,
			(unsigned long long)events, (unsigned long long)matches);
}

static int by_time(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	if (x->m.time != y->m.time)
		return x->m.time < y->m.time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void show_timeline(struct detect *d)
{
	if (d->n > 1)
		qsort(d->list, d->n, sizeof *d->list, by_time);
	for (size_t i = 0; i < d->n && show(d, &d->list[i].m); i++)
		;
}

static uint64_t peak_memory(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss * 1024 : 0;
}

static void put_stats(FILE *to, const struct cli_rules *rules, const struct known *known, const struct scan_stats *st)
{
	struct engine_image_stats is;
	struct jsonw w;
	struct buf b;

	engine_image_stats(rules->image, &is);
	buf_init(&b, 1 << 16);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_int(&w, "files", (int64_t)st->files);
	jsonw_m_int(&w, "files_failed", (int64_t)st->failed_files);
	jsonw_m_int(&w, "events", (int64_t)st->events);
	jsonw_m_int(&w, "bad", (int64_t)st->bad);
	jsonw_m_int(&w, "bad_checksums", (int64_t)st->altered);
	jsonw_m_int(&w, "bytes", (int64_t)st->bytes);
	jsonw_m_int(&w, "matches", (int64_t)st->matches);
	jsonw_m_int(&w, "correlations", (int64_t)st->correlations);
	jsonw_m_int(&w, "indicator_matches", (int64_t)st->indicators);
	jsonw_m_int(&w, "left_out", (int64_t)(st->left_out + st->engine.matches_left_out));
	jsonw_m_int(&w, "cut", (int64_t)st->cut);
	jsonw_m_int(&w, "unknown_source", (int64_t)st->engine.unrouted);
	jsonw_m_int(&w, "regex_limits", (int64_t)st->engine.regex_limits);
	jsonw_m_int(&w, "rules_loaded", (int64_t)cli_rules_loaded(rules));
	jsonw_m_int(&w, "rules_refused", (int64_t)cli_rules_refused(rules));
	jsonw_m_int(&w, "indicators_loaded", (int64_t)known->indicators);
	jsonw_m_int(&w, "indicators_refused", (int64_t)known->refused);
	jsonw_m_int(&w, "indicators_partial", (int64_t)known->partial);
	jsonw_name(&w, "seconds_load");
	jsonw_double(&w, rules->seconds);
	jsonw_name(&w, "seconds_parse");
	jsonw_double(&w, st->parse);
	jsonw_name(&w, "seconds_match");
	jsonw_double(&w, st->match);
	jsonw_name(&w, "seconds");
	jsonw_double(&w, st->wall);
	jsonw_m_int(&w, "peak_memory", (int64_t)peak_memory());
	jsonw_object_end(&w);
	buf_char(&b, '\n');
	if (buf_check(&b, NULL, "statistics") == RC_OK)
		fwrite(b.p, 1, b.n, to);
	buf_done(&b);
}

#define MANY_MAX 96

/* "1 match", "2 matches" */
static const char *many_of(uint64_t n, const char *one, const char *several, char out[static MANY_MAX])
{
	snprintf(out, MANY_MAX, "%llu %s", (unsigned long long)n, n == 1 ? one : several);
	return out;
}

static const char *many(uint64_t n, const char *what, char out[static MANY_MAX])
{
	snprintf(out, MANY_MAX, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
	return out;
}

/* Nobody is to think that all rules were tried. */
static void put_unknown(const struct cli_rules *rules, uint64_t events)
{
	struct engine_image_stats is;
	char n[MANY_MAX];

	engine_image_stats(rules->image, &is);
	fprintf(stderr, "%s of no known log source", many_of(events, "event is", "events are", n));
	if (is.by_source > 0)
		fprintf(stderr, ": %s by keywords or exclusions alone %s not tried there (--assume product=...,service=... says what they are,"
			" --all-sources tries all)", many(is.by_source, "rule", n), is.by_source == 1 ? "was" : "were");
	fputc('\n', stderr);
}

static void put_summary(const struct detect *d, const struct cli_rules *rules, const struct known *known, const struct scan_stats *st)
{
	char n[4][MANY_MAX];
	size_t refused = cli_rules_refused(rules);

	fprintf(stderr, "%s%s, %s, %s; %s loaded in %.2f s", d->tty ? "\r\033[K" : "", many(st->files, "file", n[0]), many(st->events, "event", n[1]),
		many_of(st->matches, "match", "matches", n[2]), many(cli_rules_loaded(rules), "rule", n[3]), rules->seconds);
	if (refused > 0)
		fprintf(stderr, ", %zu refused", refused);
	fprintf(stderr, "; %s/s\n", many(st->wall > 0 ? (uint64_t)((double)st->events / st->wall) : 0, "event", n[0]));
	if (known->indicators + known->refused > 0)
		fprintf(stderr, "%s", many(known->indicators, "indicator", n[0]));
	if (known->refused > 0)
		fprintf(stderr, ", %llu refused; the first: %s", (unsigned long long)known->refused, known->first_refused);
	if (known->indicators + known->refused > 0)
		fputc('\n', stderr);
	if (known->partial > 0)
		fprintf(stderr, "%s matched only in part; the first: %s\n", many_of(known->partial, "pattern is", "patterns are", n[0]), known->first_partial);
	if (refused > 0) {
		fprintf(stderr, "rules that were not loaded:\n");
		cli_rules_print_refused(rules, stderr);
	}
	if (st->bad > 0)
		fprintf(stderr, "%s and not searched\n", many_of(st->bad, "piece was no event", "pieces were no events", n[0]));
	if (st->altered > 0)
		fprintf(stderr, "%s: damaged or altered, and read all the same\n",
			many_of(st->altered, "part of an event log fails its own checksum", "parts of event logs fail their own checksum", n[0]));
	if (st->failed_files > 0)
		fprintf(stderr, "%s could not be read\n", many(st->failed_files, "file", n[0]));
	if (st->cut > 0)
		fprintf(stderr, "%s more than is looked at (%d values, of %u bytes each)\n", many_of(st->cut, "event holds", "events hold", n[0]),
			FLAT_VALUES_MAX, FLAT_VALUE_MAX);
	if (st->engine.unrouted > 0)
		put_unknown(rules, st->engine.unrouted);
	if (st->engine.regex_limits > 0)
		fprintf(stderr, "%s a regular expression reached its limit and counted as no match\n", many(st->engine.regex_limits, "time", n[0]));
	if (st->left_out + st->engine.matches_left_out + d->left_out > 0)
		fprintf(stderr, "%s too many to be kept\n",
			many_of(st->left_out + st->engine.matches_left_out + d->left_out, "match was", "matches were", n[0]));
}

static bool find_level(const char *name, enum sigma_level *ret)
{
	for (enum sigma_level l = SIGMA_INFORMATIONAL; l <= SIGMA_CRITICAL; l++) {
		if (strcmp(sigma_level_name(l), name) == 0) {
			*ret = l;
			return true;
		}
	}
	return false;
}

static int lists_of_stdin(const struct cli *c)
{
	const char *path;
	int n = 0;

	for (int i = 0; (path = cli_get_nth(c, "indicators", i)) != NULL; i++)
		n += strcmp(path, "-") == 0;
	return n;
}

static bool read_options(struct cli *c, struct scan_opts *o)
{
	const char *level = cli_get(c, "level", NULL), *format = cli_get(c, "format", NULL);
	int64_t threads = 0;

	if (cli_has(c, "csv") && c->json)
		return cli_failf(c, "--csv or --json: one form at a time"), false;
	if (level != NULL && !find_level(level, &o->least))
		return cli_failf(c, "--level %s: not one of informational, low, medium, high, critical", level), false;
	if (format != NULL)
		o->format = log_format_find(str_of(format));
	if (format != NULL && o->format == LOG_UNKNOWN)
		return cli_failf(c, "--format %s: not one of json, evtx, zeek, syslog, cef, leef, kv, auditd, text", format), false;
	if (!cli_get_int(c, "threads", 0, 0, 64, &threads))
		return false;
	o->threads = (unsigned)threads;
	if (!cli_has(c, "rules") && !cli_has(c, "indicators"))
		return cli_failf(c, "name what to look for: --rules DIR (Sigma rules, *.yml) or --indicators FILE"), false;
	for (int i = 0; i < c->n_operands; i++)
		if (c->n_operands > 1 && strcmp(c->operands[i], "-") == 0)
			return cli_failf(c, "standard input (-) cannot be read beside files"), false;
	if (lists_of_stdin(c) + (strcmp(c->operands[0], "-") == 0) > 1)
		return cli_failf(c, "standard input (-) is read once: as one list of indicators, or as the log"), false;
	return true;
}

static enum rc load_known(const struct cli *c, struct known *ret, struct err *err)
{
	const char *paths[IOCS_FILES_MAX];
	size_t n = 0;

	while (n < COUNTOF(paths) && (paths[n] = cli_get_nth(c, "indicators", (int)n)) != NULL)
		n++;
	return known_load(paths, n, ret, err);
}

/* A script must not take this for logs in which nothing stands. */
static enum rc nothing_loaded(const struct cli_rules *rules, const struct known *known, struct err *err)
{
	if (cli_rules_refused(rules) > 0) {
		fprintf(stderr, "rules that were not loaded:\n");
		cli_rules_print_refused(rules, stderr);
	}
	return FAIL(err, RC_BAD, "nothing to look for: %zu rules and %llu indicators were refused%s%s", cli_rules_refused(rules),
		    (unsigned long long)known->refused, known->refused > 0 ? "; the first indicator: " : "", known->first_refused);
}

static int run(struct cli *c)
{
	struct scan_opts o = { .paths = c->operands, .n_paths = (size_t)c->n_operands, .sink = on_match, .trouble = on_trouble,
			       .progress = on_progress, .with_event = cli_has(c, "event"), .measure = cli_has(c, "stats") };
	struct detect d = { .c = c, .csv = cli_has(c, "csv"), .timeline = cli_has(c, "timeline"), .quiet = cli_has(c, "quiet"),
			    .tty = isatty(STDOUT_FILENO) != 0 };
	struct cli_rules rules = { 0 };
	struct known known = { 0 };
	struct scan_stats st = { 0 };
	struct err err = { 0 };
	char n[MANY_MAX];
	enum rc rc;

	if (!read_options(c, &o))
		return CLI_ERROR;
	o.ctx = &d;
	d.a = arena_new(TIMELINE_MAX);
	rc = d.a == NULL ? FAIL(&err, RC_NOMEM, "out of memory") : load_known(c, &known, &err);
	if (rc == RC_OK)
		rc = cli_rules_load_with(c, known.patterns, &rules, &err);
	if (rc == RC_OK && cli_rules_loaded(&rules) + known.indicators == 0)
		rc = nothing_loaded(&rules, &known, &err);
	if (rc == RC_OK) {
		o.lists = known.lists;
		o.indicators = known.image;
		o.patterns = known.patterns;
		o.rules = rules.set;
		o.image = rules.image;
		if (d.csv)
			fputs(csv_header, stdout);
		rc = scan_run(&o, &st, &err);
	}
	if (rc == RC_OK && st.files + st.failed_files == 0)
		rc = FAIL(&err, RC_NOTFOUND, "no file to look into: %s%s", c->n_operands == 1 ? c->operands[0] : "the folders named",
			  c->n_operands == 1 ? " is an empty folder" : " are empty");
	if (rc == RC_OK) {
		show_timeline(&d);
		fflush(stdout);
		if (!d.quiet)
			put_summary(&d, &rules, &known, &st);
		else if (cli_rules_refused(&rules) > 0 && !cli_has(c, "stats")) /* which tells it */
			fprintf(stderr, "%s not loaded (lianfang rules check says why)\n", many_of(cli_rules_refused(&rules), "rule was", "rules were", n));
		if (cli_has(c, "stats"))
			put_stats(d.csv ? stderr : stdout, &rules, &known, &st); /* no reader of CSV expects an object */
	}
	cli_rules_done(&rules);
	known_done(&known);
	arena_free(d.a);
	mem_free(d.list);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	return st.failed_files > 0 || d.failed ? CLI_ERROR : st.matches > 0 ? CLI_NO : CLI_OK;
}

const struct cli_cmd CMD_DETECT = {
	"detect", { "find what Sigma rules and indicators describe in logs, without a server", "以 Sigma 規則與指標搜尋紀錄檔" }, "FILE|DIR|-...",
	{ "Reads Windows event logs (EVTX), JSON lines and documents (Suricata EVE, Sysmon and Windows as Winlogbeat, NXLog and\n"
	  "evtx_dump write them, CloudTrail, Zeek), Zeek TSV, syslog, CEF, LEEF, key=value and auditd, plain or within gzip or zstd,\nin UTF-8 or UTF-16; finds out which. A match names\n"
	  "the rule and its author, and the fields that made it match. Correlation rules see all files in the order of time.\n"
	  "0: nothing matched; 1: something did; 2: error, a file that could not be read, or no file at all.",
	  "讀取 EVTX、JSON、Zeek、syslog、CEF、LEEF、key=value、auditd 紀錄並比對 Sigma 規則。0 無命中，1 有命中，2 錯誤。" },
	opts, examples, 1, CLI_OPERANDS_MAX, run,
};
