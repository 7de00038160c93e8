/* Lines in, hits out. A line that is too long or no JSON is counted and skipped;
 * the rest of the log is not held up by it. */
#include "detect/watch.h"

#include "base/map.h"
#include "base/mem.h"
#include "detect/also.h"
#include "detect/spot.h"
#include "detect/where.h"
#include "wire/flat_json.h"
#include "wire/log_line.h"

#define LINE_ARENA ((size_t)64 << 20)
#define MATCHES_MAX 64
#define SCRATCH (4096 + MATCHES_MAX * ALSO_MAX)
#define HEADER_MAX ((size_t)64 << 10)

/* One log: what is known of its lines. */
struct part {
	enum log_format format;    /* LOG_UNKNOWN until the first line */
	struct log_lines *lines[LOG_FORMATS]; /* of formats that are no JSON */
	const struct fields *dict; /* the one that `lines` were made with */
	struct buf header;         /* Zeek's, for a reader that begins in the middle */
};

struct watch {
	const struct image *image;
	char input[256];
	watch_hit fn;
	void *ctx;
	struct arena *arena;
	enum log_format given;     /* by the configuration; LOG_UNKNOWN: found out for each part */
	enum log_format format;    /* of the line at hand */
	struct part *part, *first; /* of the line at hand; the one without a name */
	struct part **parts;
	struct map *part_at;       /* name -> index in `parts` */
	size_t n_parts;
	struct flat *flat;
	struct fields *no_fields;  /* dictionary of a watch without rules */
	struct live_run *rules;    /* or NULL */
	live_hit rule_fn;
	struct patterns_run *patterns; /* or NULL */
	watch_event event_fn;      /* or NULL */
	enum rc end;               /* what the taker of events says */
	struct err end_err;
	struct spotter *spotter;   /* of the image: most events hold nothing, and need no closer look */
	struct buf spare;          /* a line with bytes of another coding, mended */
	struct buf json;           /* a line of another format as JSON */
	struct str line;           /* the event at hand */
	struct event_view view;    /* of it, once `viewed` */
	bool inside, viewed, printed; /* an event is at hand; written to `json` */
	struct buf partial;  /* a torn last line */
	bool skipping;       /* inside a line that is too long */
	struct watch_stats stats;
	struct err last;
};

static void part_free(struct part *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < LOG_FORMATS; i++)
		log_lines_free(p->lines[i]);
	buf_done(&p->header);
	mem_free(p);
}

static struct part *part_new(void)
{
	struct part *p = mem_alloc(sizeof *p);

	if (p != NULL)
		buf_init(&p->header, HEADER_MAX);
	return p;
}

enum rc watch_new(const struct image *m, struct str input, watch_hit fn, void *ctx, struct watch **ret, struct err *err)
{
	struct watch *w = mem_alloc(sizeof *w);

	if (w == NULL)
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	w->image = m;
	snprintf(w->input, sizeof w->input, "%.*s", STR(input));
	w->fn = fn;
	w->ctx = ctx;
	buf_init(&w->partial, WATCH_LINE_MAX);
	buf_init(&w->spare, 3 * WATCH_LINE_MAX);
	buf_init(&w->json, 4 * WATCH_LINE_MAX);
	w->first = w->part = part_new();
	w->arena = arena_new(LINE_ARENA);
	w->no_fields = fields_new();
	if (w->first == NULL || w->arena == NULL || w->no_fields == NULL || flat_new(&w->flat, NULL) != RC_OK ||
	    spotter_new(NULL, m, &w->spotter, NULL) != RC_OK) {
		watch_free(w);
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	}
	*ret = w;
	return RC_OK;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	arena_free(w->arena);
	live_run_free(w->rules);
	patterns_run_free(w->patterns);
	for (size_t i = 0; i < w->n_parts; i++)
		part_free(w->parts[i]);
	mem_free(w->parts);
	map_free(w->part_at);
	part_free(w->first);
	spotter_free(w->spotter);
	flat_free(w->flat);
	fields_free(w->no_fields);
	buf_done(&w->json);
	buf_done(&w->spare);
	buf_done(&w->partial);
	mem_free(w);
}

static void report(struct watch *w, const struct event_view *e, const struct observable *o, const struct image_match *m, struct str line,
		   struct str list)
{
	struct hit h = { .indicator = str_of(m->id), .what = *o, .matched = m->matched, .at = w->flat->time != 0 ? w->flat->time : time_now(),
			 .where = event_where(e->tree, w->format, w->flat->host), .input = str_of(w->input), .event = line, .tlp = m->tlp,
			 .confidence = m->confidence, .suppressed = list };

	if (list.n > 0)
		w->stats.suppressed++;
	else
		w->stats.hits++;
	w->fn(w->ctx, &h);
}

static void bad_line(struct watch *w, const struct err *why)
{
	w->stats.bad_lines++;
	w->last = *why;
	err_prefix(&w->last, "line %llu", (unsigned long long)w->stats.lines);
}

/* The event as JSON: its line, or written anew once. */
static enum rc event_json(struct watch *w, struct str *ret, struct err *err)
{
	*ret = w->line;
	if (w->format == LOG_JSON)
		return RC_OK;
	if (!w->printed) {
		buf_clear(&w->json);
		flat_json_print(w->flat, &w->json);
		TRY(buf_check(&w->json, err, "event"));
		w->printed = true;
	}
	*ret = buf_view(&w->json);
	return RC_OK;
}

/* The event as a tree with all its observables: for the few that need it. */
static enum rc view_event(struct watch *w, struct err *err)
{
	struct str json;

	if (w->viewed)
		return RC_OK;
	TRY(event_json(w, &json, err));
	TRY(event_observe(w->arena, json, &w->view, err));
	w->viewed = true;
	w->stats.cut += w->view.cut && w->flat->left_out == 0;
	return RC_OK;
}

static struct str place_of(void *ctx)
{
	struct watch *w = ctx;

	return w->inside && view_event(w, NULL) == RC_OK ? event_where(w->view.tree, w->format, w->flat->host) : S("");
}

static void look_up(struct watch *w, const struct event_view *e)
{
	struct image_match matches[MATCHES_MAX] UNINIT;
	char scratch[SCRATCH] UNINIT;
	usec now = time_now();

	for (size_t i = 0; i < e->n; i++) {
		/* What is active now counts, also for an old log: that it was seen then is what the hit says. */
		struct str list;
		size_t n = image_lookup(w->image, &e->list[i], now, matches, MATCHES_MAX, scratch, sizeof scratch, &list);

		for (size_t k = 0; k < n; k++) {
			if (matches[k].also.n == 0 || also_met(matches[k].also, e))
				report(w, e, &e->list[i], &matches[k], w->line, list);
		}
	}
}

/* A match of a rule says where the event was; a correlation may end between two events. */
static void on_rule(void *ctx, const struct rule_hit *h)
{
	struct watch *w = ctx;
	struct rule_hit with = *h;

	w->stats.rule_hits++;
	with.where = place_of(w);
	w->rule_fn(w->ctx, &with);
}

static void on_pattern(void *ctx, const struct hit *h)
{
	struct watch *w = ctx;

	if (h->suppressed.n > 0)
		w->stats.suppressed++;
	else
		w->stats.hits++;
	w->fn(w->ctx, h);
}

static enum rc match_patterns(struct watch *w, struct err *err)
{
	struct patterns_event pe = { .line = w->line, .format = w->format, .input = str_of(w->input), .at = w->flat->time, .where = place_of,
				     .ctx = w };

	TRY(event_json(w, &pe.json, err));
	return patterns_match(w->patterns, &pe, on_pattern, w, err);
}

/* A header begins with #separator; each of its lines may change what the lines below it mean. */
static void keep_header(struct watch *w, struct str line)
{
	if (w->format != LOG_ZEEK || line.p[0] != '#')
		return;
	if (str_starts(line, S("#separator")))
		buf_clear(&w->part->header);
	buf_str(&w->part->header, line);
	buf_char(&w->part->header, '\n');
}

static void drop_readers(struct part *p)
{
	for (int i = 0; i < LOG_FORMATS; i++) {
		log_lines_free(p->lines[i]);
		p->lines[i] = NULL;
	}
}

/* A reader that begins in the middle is told what the lines before meant. */
static enum rc new_reader(struct watch *w, const struct fields *dict, struct err *err)
{
	struct str header = w->format == LOG_ZEEK ? buf_view(&w->part->header) : S(""), line;
	struct log_lines *lines;
	bool event;

	TRY(log_lines_new(w->format, dict, time_now(), &lines, err));
	while (str_next(&header, '\n', &line))
		(void)!log_lines_next(lines, w->flat, line, &event, NULL);
	w->part->lines[w->format] = lines;
	return RC_OK;
}

/* What the first line is holds for the log, but senders that share a port may each speak their own: JSON and what is none are told
 * apart by the first byte. Text that is nothing we know may be what a crash left in the middle of a log: the next line is asked again. */
static enum rc find_format(struct watch *w, struct str line, struct err *err)
{
	enum log_format known = w->given != LOG_UNKNOWN ? w->given : w->part->format, found;

	w->format = known;
	if (known != LOG_UNKNOWN && (w->given != LOG_UNKNOWN || (line.p[0] == '{') == (known == LOG_JSON)))
		return RC_OK;
	found = log_format_detect(line);
	if (found == LOG_TEXT)
		return known != LOG_UNKNOWN ? RC_OK : FAIL(err, RC_BAD, "neither JSON nor another format of logs that we know");
	w->format = found;
	if (known == LOG_UNKNOWN)
		w->part->format = found;
	return RC_OK;
}

/* Rules read anew bring another dictionary, which takes other readers. */
static enum rc choose_reader(struct watch *w, struct str line, enum log_format format, struct err *err)
{
	const struct fields *dict = w->no_fields;

	w->format = format;
	if (format == LOG_UNKNOWN)
		TRY(find_format(w, line, err));
	if (w->rules != NULL)
		TRY(live_fields(w->rules, &dict, err));
	if (dict != w->part->dict)
		drop_readers(w->part);
	w->part->dict = dict;
	if (w->format != LOG_JSON && w->part->lines[w->format] == NULL)
		TRY(new_reader(w, dict, err));
	keep_header(w, line);
	return RC_OK;
}

static enum rc match_event(struct watch *w, struct err *err)
{
	/* Asked for once: whoever takes the event asks again. */
	usec at = w->flat->time = flat_time(w->flat);

	if (at > w->stats.latest)
		w->stats.latest = at;
	if (spotter_maybe(w->spotter, w->flat)) {
		TRY(view_event(w, err));
		look_up(w, &w->view);
	}
	if (w->patterns != NULL && patterns_any(w->patterns))
		TRY(match_patterns(w, err));
	if (w->rules != NULL)
		TRY(live_match(w->rules, w->flat, str_of(w->input), S(""), on_rule, w, err));
	return RC_OK;
}

static enum rc match_line(struct watch *w, struct str line, enum log_format format, struct err *err)
{
	bool event = true;
	enum rc rc;

	TRY(choose_reader(w, line, format, err));
	if (w->format == LOG_JSON)
		TRY(flat_json_mended(w->flat, w->part->dict, &line, &w->spare, err));
	else
		TRY(log_lines_next(w->part->lines[w->format], w->flat, line, &event, err));
	if (!event)
		return RC_OK;
	w->stats.cut += w->flat->left_out > 0;
	w->line = line;
	w->viewed = w->printed = false;
	w->inside = true;
	rc = match_event(w, err);
	w->inside = false;
	if (rc != RC_OK)
		return rc;
	w->stats.events++;
	if (w->event_fn != NULL)
		w->end = w->event_fn(w->ctx, w->flat, line, &w->end_err);
	return RC_OK;
}

static void take_line(struct watch *w, struct str line, enum log_format format)
{
	struct err err = { 0 };

	w->end = RC_OK;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (str_trim(line).n == 0)
		return;
	w->stats.lines++;
	arena_reset(w->arena);
	if (match_line(w, line, format, &err) != RC_OK)
		bad_line(w, &err);
	if (w->end != RC_OK) { /* it comes again */
		w->stats.lines--;
		w->stats.events--;
	}
}

void watch_format(struct watch *w, enum log_format format)
{
	w->given = format;
}

enum rc watch_rules(struct watch *w, struct live *l, live_hit fn, struct err *err)
{
	w->rule_fn = fn;
	return live_run_new(l, &w->rules, err);
}

enum rc watch_patterns(struct watch *w, struct patterns *p, struct err *err)
{
	return patterns_run_new(p, &w->patterns, err);
}

void watch_events(struct watch *w, watch_event fn)
{
	w->event_fn = fn;
}

enum rc watch_note_keys(struct watch *w, const struct event_keys **ret, struct err *err)
{
	return spotter_note(w->spotter, ret, err);
}

enum rc watch_idle(struct watch *w, struct err *err)
{
	if (w->patterns != NULL)
		TRY(patterns_idle(w->patterns, on_pattern, w, err));
	return w->rules == NULL ? RC_OK : live_idle(w->rules, str_of(w->input), on_rule, w, err);
}

/* Keeps the piece of an unfinished line; one that grows too long is skipped to its end. */
static enum rc keep_partial(struct watch *w, struct str piece, struct err *err)
{
	struct err why = { 0 };

	if (w->skipping || piece.n == 0)
		return RC_OK;
	buf_str(&w->partial, piece);
	if (w->partial.bad == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	if (w->partial.bad == RC_LIMIT) {
		w->skipping = true;
		w->stats.lines++;
		err_set(&why, RC_LIMIT, "longer than %zu bytes", WATCH_LINE_MAX);
		bad_line(w, &why);
		buf_clear(&w->partial);
	}
	return RC_OK;
}

static enum rc end_line(struct watch *w, struct str piece, struct err *err)
{
	if (w->skipping) {
		w->skipping = false;
		return RC_OK;
	}
	if (w->partial.n == 0) {
		take_line(w, piece, LOG_UNKNOWN);
		return RC_OK;
	}
	TRY(keep_partial(w, piece, err));
	if (!w->skipping)
		take_line(w, buf_view(&w->partial), LOG_UNKNOWN);
	w->skipping = false;
	buf_clear(&w->partial);
	return RC_OK;
}

/* The part of that name; the one without a name when there are too many, or no memory. */
static struct part *find_part(struct watch *w, struct str name)
{
	struct part *p;
	uint64_t at;

	if (name.n == 0 || (w->part_at == NULL && (w->part_at = map_new(WATCH_PARTS_MAX)) == NULL))
		return w->first;
	if (map_get(w->part_at, name, &at))
		return w->parts[at];
	if (w->parts == NULL)
		w->parts = mem_array(WATCH_PARTS_MAX, sizeof(struct part *));
	p = w->parts == NULL || w->n_parts == WATCH_PARTS_MAX ? NULL : part_new();
	if (p == NULL || map_put(w->part_at, name, w->n_parts) != RC_OK) {
		part_free(p);
		return w->first;
	}
	w->parts[w->n_parts++] = p;
	return p;
}

enum rc watch_message(struct watch *w, struct str part, enum log_format format, struct str message, struct err *err)
{
	w->part = find_part(w, part);
	take_line(w, message, format);
	w->part = w->first;
	return w->end == RC_OK ? RC_OK : FAIL(err, w->end, "%s", w->end_err.text);
}

enum rc watch_feed(struct watch *w, struct str bytes, struct err *err)
{
	while (bytes.n > 0) {
		const char *nl = memchr(bytes.p, '\n', bytes.n);
		size_t n = nl == NULL ? bytes.n : (size_t)(nl - bytes.p);

		if (nl == NULL)
			return keep_partial(w, bytes, err);
		TRY(end_line(w, str_slice(bytes, 0, n), err));
		if (w->end != RC_OK)
			return FAIL(err, w->end, "%s", w->end_err.text);
		bytes = str_slice(bytes, n + 1, bytes.n);
	}
	return RC_OK;
}

enum rc watch_end(struct watch *w, struct err *err)
{
	TRY(end_line(w, S(""), err));
	return w->end == RC_OK ? RC_OK : FAIL(err, w->end, "%s", w->end_err.text);
}

enum rc watch_flush(struct watch *w, struct err *err)
{
	return w->patterns == NULL ? RC_OK : patterns_end(w->patterns, on_pattern, w, err);
}

void watch_stats(const struct watch *w, struct watch_stats *ret)
{
	*ret = w->stats;
}

const char *watch_last_error(const struct watch *w)
{
	return w->last.text;
}
