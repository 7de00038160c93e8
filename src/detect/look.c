/* Blocks are looked at from the last to the first. Of a block the findings are
 * counted, and, when some of them are to be told, it is gone through again up to
 * those: a page is told in milliseconds even where every event is a finding, because
 * only what is told is put into words.
 *
 * Without terms a block's head says how many events it holds and from when to when;
 * it is opened for what is told only. */
#include "detect/look.h"

#include "base/jsonw.h"

#define PROGRESS_EVERY (USEC_PER_SEC / 4)
#define FIELDS_SHOWN 200
#define VALUES_SHOWN 50
#define VALUE_SHOWN 4096
#define LINE_SHOWN ((size_t)64 << 10)
#define TOLD_BYTES ((size_t)32 << 20) /* of one block's events; those beyond are told in the next look */

/* --- places --- */

struct str look_place_print(const struct look_place *p, char out[static LOOK_PLACE_MAX])
{
	int n = p->first ? snprintf(out, LOOK_PLACE_MAX, "-.%u", p->n) :
		snprintf(out, LOOK_PLACE_MAX, "%llu.%llu.%u", (unsigned long long)p->segment, (unsigned long long)p->at, p->n);

	return str_make(out, (size_t)n);
}

enum rc look_place_read(struct str text, struct look_place *ret, struct err *err)
{
	struct str rest = text, segment, at, n;
	struct look_place p = { 0 };
	uint64_t events;
	bool good = str_next(&rest, '.', &segment);

	p.first = good && str_eq(segment, S("-"));
	good = good && (p.first || (str_next(&rest, '.', &at) && str_to_u64(segment, &p.segment) && str_to_u64(at, &p.at)));
	good = good && str_next(&rest, '.', &n) && str_to_u64(n, &events) && events <= UINT32_MAX && rest.n == 0;
	if (!good)
		return FAIL(err, RC_BAD, "'%.*s' is no place in the history", STR(str_slice(text, 0, 40)));
	p.n = (uint32_t)events;
	*ret = p;
	return RC_OK;
}

static struct look_place place_at(struct history *h, size_t block, uint64_t n)
{
	struct look_place p = { .first = block == 0, .n = (uint32_t)n };

	if (block > 0) {
		p.segment = history_block(h, block - 1)->segment;
		p.at = history_block(h, block - 1)->at;
	}
	return p;
}

/* The block that the place is in; the number of blocks when it is behind the last one, SIZE_MAX when it was removed. */
static size_t block_of_place(struct history *h, const struct look_place *p)
{
	if (p->first)
		return 0;
	for (size_t i = history_blocks(h); i-- > 0;)
		if (history_block(h, i)->segment == p->segment && history_block(h, i)->at == p->at)
			return i + 1;
	return SIZE_MAX;
}

/* --- showing --- */

static void put_values(struct jsonw *w, struct flat *f, uint32_t from, struct str path, const struct str *paths)
{
	uint32_t n = 0;

	for (uint32_t i = from; i < f->n && i < FIELDS_SHOWN; i++)
		n += str_eq(paths[i], path);
	if (n > 1)
		jsonw_array(w);
	for (uint32_t i = from, shown = 0; i < f->n && i < FIELDS_SHOWN && shown < VALUES_SHOWN; i++) {
		if (!str_eq(paths[i], path))
			continue;
		if (f->v[i].type == FLAT_NULL)
			jsonw_null(w);
		else
			jsonw_str(w, str_slice(flat_text(f, &f->v[i]), 0, VALUE_SHOWN));
		shown++;
	}
	if (n > 1)
		jsonw_array_end(w);
}

static void put_fields(struct jsonw *w, struct flat *f)
{
	struct str paths[FIELDS_SHOWN];

	for (uint32_t i = 0; i < f->n && i < FIELDS_SHOWN; i++)
		paths[i] = flat_path(f, &f->v[i]);
	for (uint32_t i = 0; i < f->n && i < FIELDS_SHOWN; i++) {
		bool before = paths[i].n == 0;

		for (uint32_t k = 0; k < i && !before; k++)
			before = str_eq(paths[k], paths[i]);
		if (before)
			continue;
		jsonw_name_str(w, paths[i]);
		put_values(w, f, i, paths[i], paths);
	}
}

static void put_event(struct jsonw *w, const struct hunt_found *f)
{
	struct str line = str_slice(f->event->line, 0, LINE_SHOWN);

	jsonw_object(w);
	jsonw_m_time(w, "time", f->at);
	jsonw_m_str(w, "source", f->source);
	jsonw_m_int(w, "record", (int64_t)f->event->ordinal);
	jsonw_m_cstr(w, "format", log_format_name(f->event->format));
	jsonw_name(w, "fields");
	jsonw_object(w);
	if (f->f != NULL)
		put_fields(w, f->f);
	jsonw_object_end(w);
	jsonw_m_str(w, "event", line);
	if (line.n < f->event->line.n)
		jsonw_m_bool(w, "cut", true);
	jsonw_object_end(w);
}

/* --- one block --- */

struct looking {
	struct look *s;
	struct history *h;
	struct hunt_matcher *m;
	struct hunt_opts o;
	struct buf bytes;
	size_t read;             /* the block in `bytes`, SIZE_MAX: none */
	uint64_t in_block;       /* findings so far, */
	uint64_t from, to;       /* of which those in [from, to) are told */
	struct buf told;         /* these as JSON, in the order of the block, */
	size_t ends[LOOK_EVENTS_MAX]; /* and where each ends */
	size_t n_told;
	usec begun, said;
};

static uint32_t bucket_of(const struct look *s, usec at)
{
	return (uint32_t)((double)(at - s->since) / (double)(s->until - s->since) * s->buckets) % s->buckets;
}

static void count_at(struct look *s, usec at, uint64_t n)
{
	if (s->buckets > 0 && at >= s->since && at < s->until)
		s->bucket[bucket_of(s, at)] += n;
	s->matched += n;
}

static bool on_counted(void *ctx, const struct hunt_found *f)
{
	struct looking *l = ctx;

	l->in_block++;
	if (l->s->buckets > 0)
		count_at(l->s, f->at, 1);
	else
		l->s->matched++;
	return true;
}

static bool on_told(void *ctx, const struct hunt_found *f)
{
	struct looking *l = ctx;
	uint64_t i = l->in_block++;
	struct jsonw w;

	if (i < l->from)
		return true;
	if (i >= l->to)
		return false;
	jsonw_init(&w, &l->told);
	put_event(&w, f);
	if (l->told.bad != RC_OK)
		return false;
	l->ends[l->n_told++] = l->told.n;
	return true;
}

static struct str told_at(const struct looking *l, size_t i)
{
	return str_slice(buf_view(&l->told), i == 0 ? 0 : l->ends[i - 1], l->ends[i]);
}

static enum rc go_through(struct looking *l, size_t i, hunt_fn fn, struct err *err)
{
	struct hunt_stats again = { 0 };
	enum rc rc = l->read == i ? RC_OK : history_read(l->h, i, &l->bytes, err);

	l->in_block = 0;
	l->read = i;
	if (rc == RC_CORRUPT || rc == RC_NOTFOUND) {
		l->s->stats.unreadable++;
		l->read = SIZE_MAX;
		return RC_OK;
	}
	TRY(rc);
	return hunt_block(l->m, buf_view(&l->bytes), &l->o, fn, l, fn == on_counted ? &l->s->stats : &again, err);
}

/* --- counting --- */

/* A block that lies in several buckets, or partly outside, is shared out evenly between its first and last event. */
static void count_head(struct look *s, const struct block_head *h)
{
	usec first = h->first, last = h->last > h->first ? h->last : h->first + 1;
	usec low = first > s->since ? first : s->since, high = last < s->until ? last : s->until - 1;
	double each = (double)h->events / (double)(last - first), width = (double)(s->until - s->since) / s->buckets;

	if (low == first && high == last && bucket_of(s, low) == bucket_of(s, high)) {
		count_at(s, low, h->events);
		return;
	}
	s->estimated = true;
	for (uint32_t i = bucket_of(s, low); high > low && i <= bucket_of(s, high); i++) {
		double from = (double)s->since + width * i, to = from + width;

		from = from > (double)low ? from : (double)low;
		to = to < (double)high ? to : (double)high;
		if (to > from)
			count_at(s, (usec)from, (uint64_t)(each * (to - from) + 0.5));
	}
}

static enum rc count_block(struct looking *l, size_t i, struct err *err)
{
	struct look *s = l->s;
	const struct history_block *b = history_block(l->h, i);

	if (!hunt_may(l->m, b->index, &l->o, &s->stats))
		return RC_OK;
	if (s->n_terms == 0 && s->source.n == 0 && s->buckets > 0) {
		count_head(s, &b->head);
		return RC_OK;
	}
	return go_through(l, i, on_counted, err);
}

/* --- telling --- */

/* Of the events [from, to) of a block as many as there is room for, nearest to where the look came from first. */
static enum rc tell(struct looking *l, size_t i, struct err *err)
{
	for (;;) {
		buf_clear(&l->told);
		l->n_told = 0;
		if (l->from < l->to)
			TRY(go_through(l, i, on_told, err));
		if (l->told.bad != RC_LIMIT)
			break;
		if (l->s->onward)
			l->to = l->from + l->n_told;
		else
			l->from = l->to - (l->n_told + 1) / 2;
	}
	if (l->told.bad == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "search: out of memory");
	for (size_t k = 0; k < l->n_told; k++)
		l->s->event(l->s->ctx, told_at(l, l->s->onward ? k : l->n_told - 1 - k));
	l->s->told += (uint32_t)l->n_told;
	return RC_OK;
}

/* `upto`: findings of the block behind that were told before; UINT64_MAX: none were. */
static enum rc tell_block(struct looking *l, size_t i, uint64_t upto, struct err *err)
{
	struct look *s = l->s;
	uint64_t left = s->most - s->told;

	l->in_block = 0;
	if (hunt_may(l->m, history_block(l->h, i)->index, &l->o, &s->stats))
		TRY(go_through(l, i, on_counted, err));
	if (i + 1 == history_blocks(l->h))
		s->end = place_at(l->h, i, l->in_block);
	l->to = l->in_block < upto ? l->in_block : upto;
	l->from = l->to > left ? l->to - left : 0;
	TRY(tell(l, i, err));
	if (l->from > 0) {
		s->more = true;
		s->next = place_at(l->h, i, l->from);
	}
	return RC_OK;
}

static void tell_progress(struct looking *l, bool now)
{
	struct look *s = l->s;
	usec at = time_mono();

	s->seconds = (double)(at - l->begun) / 1e6;
	if (s->progress == NULL || (!now && at - l->said < PROGRESS_EVERY))
		return;
	l->said = at;
	s->progress(s->ctx, s);
}

/* What is behind the events told is only counted, and only while there is time. */
static bool leave(const struct looking *l)
{
	const struct look *s = l->s;

	if (s->told >= s->most && (s->buckets == 0 || (s->within > 0 && time_mono() - l->begun > s->within)))
		return true;
	return !s->go_on(s->ctx);
}

static enum rc run_back(struct looking *l, struct err *err)
{
	struct look *s = l->s;
	size_t all = history_blocks(l->h), top = s->from == NULL ? all : block_of_place(l->h, s->from);
	uint64_t upto = UINT64_MAX;

	if (top == SIZE_MAX) { /* what comes next was removed: there is nothing older */
		top = 0;
	} else if (s->from != NULL && top < all) {
		upto = s->from->n;
		top++;
	}
	s->all = top;
	for (size_t i = top; i-- > 0; upto = UINT64_MAX) {
		bool telling = s->told < s->most && !s->more, left = leave(l);

		if (!s->more && (left || !telling)) {
			s->more = true;
			s->next = place_at(l->h, i, UINT32_MAX);
		}
		if (left)
			return RC_OK;
		TRY(telling ? tell_block(l, i, upto, err) : count_block(l, i, err));
		s->done = top - i;
		tell_progress(l, telling && l->n_told > 0);
	}
	s->whole = true;
	return RC_OK;
}

/* What came behind a place. A block's findings are all counted, so that the place of the end is right. */
static enum rc run_on(struct looking *l, struct err *err)
{
	struct look *s = l->s;
	size_t all = history_blocks(l->h), i = s->from == NULL ? SIZE_MAX : block_of_place(l->h, s->from);
	uint64_t before = s->from == NULL ? UINT64_MAX : s->from->n;

	if (i == SIZE_MAX) { /* from the end; or what came next was removed: from the oldest there is */
		i = s->from == NULL && all > 0 ? all - 1 : 0;
		before = s->from == NULL ? UINT64_MAX : 0;
	}
	s->next = place_at(l->h, i, before);
	for (s->all = all; i < all; i++, before = 0) {
		uint64_t left = s->most - s->told, found;

		if (left == 0 || !s->go_on(s->ctx)) {
			s->more = true;
			break;
		}
		l->in_block = 0;
		if (hunt_may(l->m, history_block(l->h, i)->index, &l->o, &s->stats))
			TRY(go_through(l, i, on_counted, err));
		l->from = before < l->in_block ? before : l->in_block;
		found = l->in_block;
		l->to = found - l->from > left ? l->from + left : found;
		TRY(tell(l, i, err));
		s->more = l->to < found;
		s->next = place_at(l->h, i, l->to);
		s->done++;
		if (s->more)
			break;
	}
	s->whole = !s->more;
	s->end = s->next;
	return RC_OK;
}

static enum rc check(const struct look *s, struct err *err)
{
	if (s->most > LOOK_EVENTS_MAX || s->buckets > LOOK_BUCKETS_MAX)
		return FAIL(err, RC_LIMIT, "search: at most %d events and %d buckets", LOOK_EVENTS_MAX, LOOK_BUCKETS_MAX);
	if (s->buckets > 0 && (s->since == INT64_MIN || s->until <= s->since))
		return FAIL(err, RC_BAD, "search: counting over time needs a beginning and a later end");
	return RC_OK;
}

enum rc look_run(struct history *h, struct look *s, struct err *err)
{
	struct looking l = { .s = s, .h = h, .read = SIZE_MAX, .begun = time_mono() };
	enum rc rc;

	s->stats = (struct hunt_stats){ 0 };
	s->told = 0;
	s->done = s->all = 0;
	s->more = s->whole = s->estimated = false;
	s->next = s->end = (struct look_place){ .first = true };
	memset(s->bucket, 0, sizeof s->bucket);
	s->matched = 0;
	TRY(check(s, err));
	TRY(hunt_for_terms(s->terms, s->n_terms, &l.m, err));
	l.o = (struct hunt_opts){ .since = s->since, .until = s->until, .source = s->source };
	buf_init(&l.bytes, BLOCK_BYTES_MAX);
	buf_init(&l.told, TOLD_BYTES);
	rc = s->onward ? run_on(&l, err) : run_back(&l, err);
	s->seconds = (double)(time_mono() - l.begun) / 1e6;
	buf_done(&l.bytes);
	buf_done(&l.told);
	hunt_matcher_free(l.m);
	return rc;
}

