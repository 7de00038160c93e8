/* Units of work are numbered over all files in order. Threads take them one after the other and run ahead of the one
 * who hands over by a bounded number of units; what they find is handed over in the order of the numbers. */
#include "detect/scan.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "detect/scan_int.h"

#define THREADS_MAX 64
#define AHEAD 4             /* units that a thread may be ahead */
#define FILES_MAX 1000000
#define WALK_DEPTH 32
#define PATHS_MAX ((size_t)512 << 20)
#define INPUTS_MAX ((size_t)1 << 30) /* bytes of matches kept for correlations */
#define PROGRESS_EACH (USEC_PER_SEC / 5)

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_PART, SLOT_DONE };

struct slot {
	enum slot_state state;
	uint64_t unit;
	struct findings found;
	enum rc rc;
	struct err err;
};

struct scan {
	const struct scan_opts *o;
	struct scan_stats *st;
	struct arena *paths;
	struct source_file *files;
	uint64_t *first_unit; /* by file, and behind the last */
	size_t n_files, cap_files;
	uint64_t bytes;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot *slots;
	size_t n_slots;
	uint64_t units, taken, given; /* units taken by threads; handed over */
	bool stop;

	/* the one who hands over */
	uint32_t file;          /* of the unit at hand */
	uint64_t base;          /* records of that file in the units before */
	uint64_t done_bytes;
	usec told;
	struct { struct corr_input *p; size_t n, cap; struct arena *a; } inputs;
	struct correlator *correlator;
};

/* --- files --- */

static void trouble(struct scan *s, const char *file, uint64_t record, const struct err *why)
{
	s->o->trouble(s->o->ctx, file, record, why);
}

static enum rc add_file(struct scan *s, const char *path, struct err *err)
{
	struct source_file f;
	struct err why = { 0 };
	enum rc rc = source_probe(path, s->o->format, &f, &why);

	if (rc == RC_NOMEM)
		return FAIL(err, rc, "%s", why.text);
	if (rc != RC_OK) {
		s->st->failed_files++;
		trouble(s, path, 0, &why);
		return RC_OK;
	}
	if (s->n_files == FILES_MAX)
		return FAIL(err, RC_LIMIT, "more than %d files", FILES_MAX);
	if (s->n_files == s->cap_files) {
		size_t cap = s->cap_files == 0 ? 64 : s->cap_files * 2;
		struct source_file *p = mem_resize(s->files, cap * sizeof *p);

		if (p == NULL)
			return FAIL(err, RC_NOMEM, "scan: out of memory");
		s->files = p;
		s->cap_files = cap;
	}
	s->bytes += f.size;
	s->files[s->n_files++] = f;
	return RC_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

struct walk { /* a folder, and the one it stands in */
	const struct walk *in;
	dev_t dev;
	ino_t ino;
	int depth;
};

/* A link that leads back: what it leads to is being read. */
static bool within_itself(const struct walk *w, const struct stat *st)
{
	for (; w != NULL; w = w->in)
		if (w->dev == st->st_dev && w->ino == st->st_ino)
			return true;
	return false;
}

static enum rc add_path(struct scan *s, const char *path, const struct walk *in, struct err *err)
{
	struct dirent **list = NULL;
	struct stat st;
	const char *slash = path[0] != '\0' && path[strlen(path) - 1] == '/' ? "" : "/";
	struct walk here;
	enum rc rc = RC_OK;
	int n;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return add_file(s, path, err);
	if (within_itself(in, &st))
		return RC_OK;
	here = (struct walk){ in, st.st_dev, st.st_ino, in == NULL ? 0 : in->depth + 1 };
	n = here.depth > WALK_DEPTH ? -1 : scandir(path, &list, not_dots, by_name);
	if (n < 0) {
		struct err why = { 0 };

		err_set(&why, RC_IO, "%s: %s", path, here.depth > WALK_DEPTH ? "folders nested too deep" : strerror(errno));
		s->st->failed_files++;
		trouble(s, path, 0, &why);
		return RC_OK;
	}
	for (int i = 0; i < n; i++) {
		struct str full = rc == RC_OK ? arena_fmt(s->paths, "%s%s%s", path, slash, list[i]->d_name) : S("");

		if (rc == RC_OK)
			rc = full.p == NULL ? FAIL(err, RC_LIMIT, "too many files") : add_path(s, full.p, &here, err);
		free(list[i]); /* scandir's own */
	}
	free(list);
	return rc;
}

static enum rc list_files(struct scan *s, struct err *err)
{
	for (size_t i = 0; i < s->o->n_paths; i++)
		TRY(add_path(s, s->o->paths[i], NULL, err));
	s->first_unit = mem_array(s->n_files + 1, sizeof *s->first_unit);
	if (s->first_unit == NULL)
		return FAIL(err, RC_NOMEM, "scan: out of memory");
	for (size_t i = 0; i < s->n_files; i++)
		s->first_unit[i + 1] = s->first_unit[i] + source_units(&s->files[i]);
	s->units = s->first_unit[s->n_files];
	s->st->files = s->n_files;
	return RC_OK;
}

static uint32_t file_of(const struct scan *s, uint64_t unit)
{
	size_t lo = 0, hi = s->n_files;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->first_unit[mid] <= unit)
			lo = mid;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

/* --- handing over --- */

static void add_engine_stats(struct engine_stats *to, const struct engine_stats *x)
{
	to->events += x->events;
	to->unrouted += x->unrouted;
	to->candidates += x->candidates;
	to->matches += x->matches;
	to->cache_hits += x->cache_hits;
	to->cache_misses += x->cache_misses;
	to->regex_limits += x->regex_limits;
	to->matches_left_out += x->matches_left_out;
}

static void worker_stats(struct scan *s, struct scan_worker *w)
{
	struct engine_stats es;
	struct spotter_stats ss;
	double parse, match;

	if (w->engine == NULL)
		return;
	if (w->spotter != NULL) {
		spotter_stats(w->spotter, &ss);
		s->st->spotter.observables += ss.observables;
		s->st->spotter.values += ss.values;
		s->st->spotter.looked_at += ss.looked_at;
		s->st->spotter.hits += ss.hits;
		s->st->spotter.left_out += ss.left_out;
	}
	engine_stats(w->engine, &es);
	add_engine_stats(&s->st->engine, &es);
	scan_worker_times(w, &parse, &match);
	s->st->parse += parse;
	s->st->match += match;
}

/* The inputs of correlations outlive their unit. */
static bool keep_inputs(struct scan *s, const struct findings *f)
{
	if (s->inputs.n + f->inputs.n > s->inputs.cap) {
		size_t cap = (s->inputs.n + f->inputs.n) * 2;
		struct corr_input *p = mem_resize(s->inputs.p, cap * sizeof *p);

		if (p == NULL)
			return false;
		s->inputs.p = p;
		s->inputs.cap = cap;
	}
	for (size_t i = 0; i < f->inputs.n; i++) {
		struct corr_input in = f->inputs.p[i];
		struct scan_field *fields = arena_array(s->inputs.a, in.n_fields + 1, sizeof *fields);

		if (fields == NULL)
			return false;
		for (uint32_t k = 0; k < in.n_fields; k++) {
			fields[k] = (struct scan_field){ in.fields[k].name, arena_dup(s->inputs.a, in.fields[k].value) };
			if (fields[k].value.p == NULL)
				return false;
		}
		in.fields = fields;
		in.record += s->base;
		s->inputs.p[s->inputs.n++] = in;
	}
	return true;
}

static bool hand_over(struct scan *s, struct findings *f, uint32_t file)
{
	bool go = true;

	for (struct finding *x = f->first; go && x != NULL; x = x->next) {
		x->m.file = s->files != NULL ? s->files[file].path : "-";
		x->m.record += s->base;
		if (x->why != NULL) {
			struct err why = { .rc = x->rc };

			snprintf(why.text, sizeof why.text, "%s", x->why);
			trouble(s, x->m.file, x->m.record, &why);
			continue;
		}
		s->st->matches++;
		s->st->indicators += x->m.spot != NULL || x->m.rule->indicator != NULL;
		go = s->o->sink(s->o->ctx, &x->m);
	}
	if (!keep_inputs(s, f))
		s->st->left_out += f->inputs.n;
	findings_clear(f);
	return go;
}

static void progress(struct scan *s)
{
	usec now = time_mono();

	if (s->o->progress == NULL || now - s->told < PROGRESS_EACH)
		return;
	s->told = now;
	s->o->progress(s->o->ctx, s->done_bytes, s->bytes, s->st->events, s->st->matches);
}

static void count_unit(struct scan *s, const struct slot *x)
{
	const struct source_file *f = &s->files[s->file];
	uint64_t units = s->first_unit[s->file + 1] - s->first_unit[s->file];

	s->base += x->found.events + x->found.bad;
	s->st->events += x->found.events;
	s->st->bad += x->found.bad;
	s->st->altered += x->found.altered;
	s->st->left_out += x->found.left_out;
	s->st->suppressed += x->found.suppressed;
	s->st->cut += x->found.cut;
	s->done_bytes += f->size / units;
	if (x->rc != RC_OK) {
		s->st->failed_files++;
		trouble(s, f->path, 0, &x->err);
	}
}

/* --- threads --- */

static struct slot *slot_of(struct scan *s, uint64_t unit)
{
	return &s->slots[unit % s->n_slots];
}

/* Waits until it is this unit's turn and what it has so far was taken. */
static bool part_full(struct scan_worker *w)
{
	struct scan *s = w->full_ctx;
	struct slot *x = (struct slot *)((char *)w->out - offsetof(struct slot, found));
	bool go;

	pthread_mutex_lock(&s->lock);
	x->state = SLOT_PART;
	pthread_cond_broadcast(&s->changed);
	while (x->state == SLOT_PART && !s->stop)
		pthread_cond_wait(&s->changed, &s->lock);
	x->state = SLOT_RUNNING;
	go = !s->stop;
	pthread_mutex_unlock(&s->lock);
	return go;
}

static struct slot *take_unit(struct scan *s)
{
	struct slot *x = NULL;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && s->taken < s->units && s->taken >= s->given + s->n_slots)
		pthread_cond_wait(&s->changed, &s->lock);
	if (!s->stop && s->taken < s->units) {
		x = slot_of(s, s->taken);
		x->unit = s->taken++;
		x->state = SLOT_RUNNING;
	}
	pthread_mutex_unlock(&s->lock);
	return x;
}

static void *work(void *arg)
{
	struct scan *s = arg;
	struct scan_worker w;
	struct err err = { 0 };
	enum rc rc = scan_worker_new(&w, s->o, s->correlator, &err);
	struct slot *x;

	w.full = part_full;
	w.full_ctx = s;
	while ((x = take_unit(s)) != NULL) {
		uint32_t file = file_of(s, x->unit);

		x->found.events = x->found.bad = x->found.altered = x->found.left_out = x->found.suppressed = x->found.cut = 0;
		w.out = &x->found;
		w.file = file;
		x->rc = rc;
		x->err = err;
		w.busy -= scan_clock(&w);
		if (rc == RC_OK)
			x->rc = source_read(w.reader, &s->files[file], x->unit - s->first_unit[file], scan_worker_event, &w, &x->err);
		w.busy += scan_clock(&w);
		if (x->rc == RC_OK && w.rc != RC_OK) {
			x->rc = w.rc;
			x->err = w.err;
			w.rc = RC_OK;
		}
		pthread_mutex_lock(&s->lock);
		x->state = SLOT_DONE;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_lock(&s->lock);
	worker_stats(s, &w);
	pthread_mutex_unlock(&s->lock);
	scan_worker_done(&w);
	return NULL;
}

static void stop_all(struct scan *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* The unit whose turn it is, when it has something to give. */
static struct slot *wait_turn(struct scan *s)
{
	struct slot *x = slot_of(s, s->given);

	pthread_mutex_lock(&s->lock);
	while (s->taken <= s->given || (x->state != SLOT_DONE && x->state != SLOT_PART))
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return x;
}

static bool give_turn(struct scan *s)
{
	struct slot *x = wait_turn(s);
	uint32_t file = file_of(s, s->given);
	bool go, part = x->state == SLOT_PART;

	if (file != s->file) {
		s->file = file;
		s->base = 0;
	}
	go = hand_over(s, &x->found, file);
	if (!part)
		count_unit(s, x);
	progress(s);
	pthread_mutex_lock(&s->lock);
	x->state = part ? SLOT_RUNNING : SLOT_FREE;
	s->given += !part;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return go;
}

static unsigned thread_count(const struct scan *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = s->o->threads != 0 ? s->o->threads : cores > 0 ? (unsigned)cores : 1;

	if (n > THREADS_MAX)
		n = THREADS_MAX;
	return n > s->units ? (unsigned)s->units : n;
}

static enum rc scan_files(struct scan *s, struct err *err)
{
	pthread_t threads[THREADS_MAX];
	unsigned want = thread_count(s), n = 0;
	enum rc rc = RC_OK;

	if (s->units == 0)
		return RC_OK;
	s->n_slots = (size_t)want * AHEAD;
	s->slots = mem_array(s->n_slots, sizeof *s->slots);
	if (s->slots == NULL)
		return FAIL(err, RC_NOMEM, "scan: out of memory");
	for (size_t i = 0; i < s->n_slots && rc == RC_OK; i++)
		rc = findings_new(&s->slots[i].found, err);
	while (rc == RC_OK && n < want && pthread_create(&threads[n], NULL, work, s) == 0)
		n++;
	if (rc == RC_OK && n == 0)
		rc = FAIL(err, RC_NOMEM, "scan: no thread could be started");
	while (rc == RC_OK && s->given < s->units && give_turn(s))
		;
	stop_all(s);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	return rc;
}

/* --- correlations --- */

struct asked { const struct scan_field *fields; uint32_t n; };

static bool asked_field(void *ctx, struct str field, struct str *ret)
{
	const struct asked *q = ctx;

	for (uint32_t i = 0; i < q->n; i++) {
		if (str_eq(q->fields[i].name, field)) {
			*ret = q->fields[i].value;
			return true;
		}
	}
	return false;
}

#define EVENT_FILE_SHIFT 40 /* an event is known to the correlator by file and record */

static uint64_t event_key(uint32_t file, uint64_t record)
{
	return (uint64_t)file << EVENT_FILE_SHIFT | (record & (((uint64_t)1 << EVENT_FILE_SHIFT) - 1));
}

/* A correlation as a match: its group and its value are what it shows. */
static void on_fire(void *ctx, const struct correlation *c)
{
	struct scan *s = ctx;
	const struct sigma_rule *rule = &s->o->rules->rules[c->rule];
	struct scan_field fields[SCAN_FIELDS_MAX];
	uint64_t records[CORRELATE_EVENTS_MAX];
	const char *files[CORRELATE_EVENTS_MAX];
	char value[32];
	struct correlated made = { s->o->rules, c };
	struct scan_match m = { .rule = rule, .time = c->at, .host = S(""), .fields = fields, .records = records, .files = files, .made = &made };

	if (rule->hidden || !scan_shows(s->o, rule) || s->stop)
		return;
	for (uint32_t i = 0; i < c->n_group && i < SCAN_FIELDS_MAX - 1; i++)
		fields[m.n_fields++] = (struct scan_field){ rule->corr->group_by[i], c->group[i] };
	snprintf(value, sizeof value, "%.15g", c->value);
	fields[m.n_fields++] = (struct scan_field){ S("value"), str_of(value) };
	for (uint32_t i = 0; i < c->n_events && i < COUNTOF(records); i++) {
		files[m.n_records] = s->files == NULL ? "-" : s->files[c->events[i] >> EVENT_FILE_SHIFT].path;
		records[m.n_records++] = c->events[i] & (((uint64_t)1 << EVENT_FILE_SHIFT) - 1);
	}
	m.file = m.n_records == 0 ? "-" : files[0];
	m.record = c->n_events > 0 ? records[0] : 0;
	s->st->matches++;
	s->st->correlations += rule->indicator == NULL;
	s->st->indicators += rule->indicator != NULL;
	if (!s->o->sink(s->o->ctx, &m))
		s->stop = true;
}

static int by_time(const void *a, const void *b)
{
	const struct corr_input *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->record != y->record)
		return x->record < y->record ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* All files' matches in the order of time: hunting needs no tolerance. */
static enum rc correlate_files(struct scan *s, struct err *err)
{
	s->stop = false;
	if (s->inputs.n > 1)
		qsort(s->inputs.p, s->inputs.n, sizeof *s->inputs.p, by_time);
	for (size_t i = 0; i < s->inputs.n && !s->stop; i++) {
		const struct corr_input *in = &s->inputs.p[i];
		struct asked q = { in->fields, in->n_fields };

		TRY(correlator_add(s->correlator, in->rule, in->at, event_key(in->file, in->record), asked_field, &q, on_fire, s, err));
	}
	return s->stop ? RC_OK : correlator_end(s->correlator, on_fire, s, err);
}

/* --- a stream --- */

struct live_field { struct engine *e; struct flat *f; uint32_t rule; };

static bool live_field(void *ctx, struct str field, struct str *ret)
{
	const struct live_field *q = ctx;

	return engine_field(q->e, q->f, q->rule, field, ret);
}

static bool stream_out(struct scan_worker *w)
{
	return hand_over(w->full_ctx, w->out, 0);
}

static bool stream_match(struct scan_worker *w, struct flat *f, uint32_t rule, usec at, uint64_t record)
{
	struct scan *s = w->full_ctx;
	struct live_field q = { w->engine, f, rule };

	/* What the rule itself found stands before what follows from it. */
	if (!hand_over(s, w->out, 0))
		return false;
	w->rc = correlator_add(s->correlator, rule, at != 0 ? at : time_now(), record, live_field, &q, on_fire, s, &w->err);
	return w->rc == RC_OK && !s->stop;
}

static bool stream_event(void *worker, struct flat *f, const struct err *why)
{
	struct scan_worker *w = worker;
	bool go = scan_worker_event(w, f, why);
	double begun;

	if (!go || w->out->first == NULL)
		return go;
	begun = scan_clock(w);
	go = hand_over(w->full_ctx, w->out, 0);
	w->waited += scan_clock(w) - begun;
	return go;
}

static enum rc scan_stream(struct scan *s, struct err *err)
{
	struct findings found = { 0 };
	struct scan_worker w;
	enum rc rc = findings_new(&found, err);

	if (rc == RC_OK)
		rc = scan_worker_new(&w, s->o, s->correlator, err);
	if (rc == RC_OK) {
		w.out = &found;
		w.full = stream_out;
		w.live = stream_match;
		w.full_ctx = s;
		s->st->files++;
		w.busy = -scan_clock(&w);
		rc = source_stream(w.reader, STDIN_FILENO, s->o->format, stream_event, &w, err);
		w.busy += scan_clock(&w);
		if (rc == RC_OK && w.rc != RC_OK)
			rc = FAIL(err, w.rc, "%s", w.err.text);
		if (rc == RC_OK && !s->stop)
			rc = correlator_end(s->correlator, on_fire, s, err);
		s->st->events += found.events;
		s->st->bad += found.bad;
		s->st->altered += found.altered;
		s->st->left_out += found.left_out;
		s->st->suppressed += found.suppressed;
		s->st->cut += found.cut;
		worker_stats(s, &w);
		scan_worker_done(&w);
	}
	findings_done(&found);
	return rc;
}

static void scan_done(struct scan *s)
{
	for (size_t i = 0; i < s->n_slots && s->slots != NULL; i++)
		findings_done(&s->slots[i].found);
	mem_free(s->slots);
	mem_free(s->inputs.p);
	arena_free(s->inputs.a);
	correlator_free(s->correlator);
	mem_free(s->first_unit);
	mem_free(s->files);
	arena_free(s->paths);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static enum rc scan_all(struct scan *s, struct err *err)
{
	bool stream = s->o->n_paths == 1 && str_eq(str_of(s->o->paths[0]), S("-"));
	struct correlator_opts co = { .tolerance = stream ? s->o->tolerance : CORRELATE_ORDERED };

	s->paths = arena_new(PATHS_MAX);
	s->inputs.a = arena_new(INPUTS_MAX);
	if (s->paths == NULL || s->inputs.a == NULL)
		return FAIL(err, RC_NOMEM, "scan: out of memory");
	TRY(correlator_new(s->o->rules, &co, &s->correlator, err));
	if (stream)
		return scan_stream(s, err);
	TRY(list_files(s, err));
	TRY(scan_files(s, err));
	TRY(correlate_files(s, err));
	s->st->bytes = s->bytes;
	return RC_OK;
}

enum rc scan_run(const struct scan_opts *o, struct scan_stats *ret, struct err *err)
{
	struct scan s = { .o = o, .st = ret, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	usec begun = time_mono();
	enum rc rc;

	*ret = (struct scan_stats){ 0 };
	rc = scan_all(&s, err);
	if (s.correlator != NULL)
		correlator_stats(s.correlator, &ret->correlator);
	ret->wall = (double)(time_mono() - begun) / (double)USEC_PER_SEC;
	scan_done(&s);
	return rc;
}
