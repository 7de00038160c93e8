/* One pass of a board's mapping with one of two listeners: the first adds up measures, the second keeps the records of one
 * measure of one row. */
#include "picture/board_int.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "picture/stat.h"

#define VALUES_MAX ((size_t)64 << 20)
#define BEHIND_MAX 100000
#define LATELY_BITS 14
#define LATELY (1u << LATELY_BITS)
#define MONDAY 3 /* 1970-01-05 is day 4; weeks are counted from day -3 */

/* What one measure of one row came to. */
struct measure {
	int64_t n;
	double least, most;
	uint32_t values;          /* last of a chain in `values`, + 1 */
	uint64_t *members;        /* one bit each, when somebody asks for them */
};

struct value { double v; uint32_t before; };

struct adding {
	struct board_run run;     /* first: the listeners find the rest by it */
	struct arena *a;
	struct map *row_of;
	struct { uint32_t key; bool no_report; struct measure m[MEASURES_MAX]; } *rows;
	size_t n, cap, cut;
	struct { uint32_t key, row; } lately[LATELY]; /* row + 1; 0 = none: spares the map for keys that come often */
	struct value *values;
	size_t n_values, cap_values;
	uint32_t wants_values, wants_members; /* by measure: 1u << measure */
	size_t member_words;
	enum rc rc;
};

/* --- what mappings ask --- */

uint32_t run_sector(const struct picture *p, uint32_t member)
{
	return member < p->members.n ? p->members.p[member].sector : 0;
}

uint32_t run_region(const struct picture *p, uint32_t member)
{
	return member < p->members.n ? p->members.p[member].region : 0;
}

bool run_wants_member(const struct board_run *r, uint32_t member)
{
	const struct board_query *q = r->q;

	return (q->member == NO_MEMBER || q->member == member) && (q->sector == 0 || run_sector(r->p, member) == q->sector) &&
	       (q->region == 0 || run_region(r->p, member) == q->region);
}

bool run_wants_incident(const struct board_run *r, const struct picture_incident *i)
{
	return !i->void_ && i->exercise == r->q->exercise && i->pack == r->q->pack && run_wants_member(r, i->member);
}

enum picture_verdict run_verdict(const struct board_run *r, const struct picture_clock *c)
{
	bool late = c->verdict == PICTURE_RUNNING && c->due != PICTURE_NEVER && c->due < r->q->now;

	return late ? PICTURE_BREACHED : (enum picture_verdict)c->verdict;
}

enum picture_state run_state(const struct board_run *r, const struct picture_member *m)
{
	if (!m->linked || m->heard == PICTURE_NEVER)
		return PICTURE_UNKNOWN;
	return r->q->now - m->heard > BOARD_SILENT_AFTER ? PICTURE_SILENT : PICTURE_HEARD;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t bin_of(const struct board_query *q, usec at)
{
	int64_t day = floor_div(at + (usec)q->zone * USEC_PER_SEC, BOARD_DAY);

	return q->bin_days == 1 ? day : floor_div(day + MONDAY, q->bin_days) * q->bin_days - MONDAY;
}

usec bin_begin(const struct board_query *q, int64_t day)
{
	return day * BOARD_DAY - (usec)q->zone * USEC_PER_SEC;
}

usec board_bin_begin(const struct board_query *q, usec at)
{
	return bin_begin(q, bin_of(q, at));
}

/* --- adding up --- */

static struct adding *adding_of(struct board_run *r)
{
	return (struct adding *)(void *)r;
}

static size_t new_row(struct adding *d, uint32_t key, bool no_report)
{
	struct str bytes = str_make((const char *)&key, sizeof key);

	if (d->n == BOARD_ROWS_MAX) {
		d->cut++;
		return SIZE_MAX;
	}
	if (d->n == d->cap) {
		size_t more = d->cap == 0 ? 64 : d->cap * 2;
		void *p = arena_resize(d->a, d->rows, d->cap * sizeof *d->rows, more * sizeof *d->rows);

		if (p == NULL) {
			d->rc = RC_NOMEM;
			return SIZE_MAX;
		}
		d->rows = p;
		d->cap = more;
	}
	if (map_put(d->row_of, bytes, d->n) != RC_OK) {
		d->rc = RC_NOMEM;
		return SIZE_MAX;
	}
	memset(&d->rows[d->n], 0, sizeof d->rows[0]);
	d->rows[d->n].key = key;
	d->rows[d->n].no_report = no_report;
	return d->n++;
}

static size_t find_row(struct adding *d, uint32_t key, bool no_report)
{
	struct str bytes = str_make((const char *)&key, sizeof key);
	size_t slot = (key * 2654435761u) >> (32 - LATELY_BITS), row;
	uint64_t at;

	if (d->lately[slot].row != 0 && d->lately[slot].key == key)
		return d->lately[slot].row - 1;
	row = map_get(d->row_of, bytes, &at) ? (size_t)at : new_row(d, key, no_report);
	if (row != SIZE_MAX) {
		d->lately[slot].key = key;
		d->lately[slot].row = (uint32_t)row + 1;
	}
	return row;
}

static void add_row(struct board_run *r, uint32_t key, bool no_report)
{
	(void)find_row(adding_of(r), key, no_report);
}

static void keep_value(struct adding *d, struct measure *m, double v)
{
	if (d->n_values == d->cap_values) {
		size_t more = d->cap_values == 0 ? 1024 : d->cap_values * 2;
		void *p = more > VALUES_MAX ? NULL : mem_resize(d->values, more * sizeof *d->values);

		if (p == NULL) {
			d->rc = RC_NOMEM;
			return;
		}
		d->values = p;
		d->cap_values = more;
	}
	d->values[d->n_values] = (struct value){ v, m->values };
	m->values = (uint32_t)++d->n_values;
}

static void keep_member(struct adding *d, struct measure *m, uint32_t member)
{
	if (member >= d->member_words * 64)
		return;
	if (m->members == NULL)
		m->members = arena_array(d->a, d->member_words, sizeof *m->members);
	if (m->members == NULL)
		d->rc = RC_NOMEM;
	else
		m->members[member / 64] |= (uint64_t)1 << member % 64;
}

static void add_one(struct board_run *r, uint32_t key, uint8_t measure, double value, uint32_t member, enum board_record kind UNUSED, uint32_t index UNUSED)
{
	struct adding *d = adding_of(r);
	size_t at = d->rc == RC_OK ? find_row(d, key, false) : SIZE_MAX;
	struct measure *m;

	if (at == SIZE_MAX)
		return;
	m = &d->rows[at].m[measure];
	m->least = m->n == 0 || value < m->least ? value : m->least;
	m->most = m->n == 0 || value > m->most ? value : m->most;
	m->n++;
	if (d->wants_values >> measure & 1)
		keep_value(d, m, value);
	if (d->wants_members >> measure & 1)
		keep_member(d, m, member);
}

static void add_many(struct board_run *r, uint32_t key, uint8_t measure, int64_t n)
{
	struct adding *d = adding_of(r);
	size_t at = d->rc == RC_OK && n > 0 ? find_row(d, key, false) : SIZE_MAX;

	if (at != SIZE_MAX)
		d->rows[at].m[measure].n += n;
}

/* --- from measures to cells --- */

static int64_t members_in(const struct adding *d, const struct measure *m)
{
	int64_t n = 0;

	for (size_t i = 0; m->members != NULL && i < d->member_words; i++)
		n += __builtin_popcountll(m->members[i]);
	return n;
}

static int64_t sectors_in(const struct adding *d, const struct measure *m)
{
	uint32_t seen[256];
	int64_t n = 0;

	for (uint32_t i = 0; m->members != NULL && i < d->run.p->members.n; i++) {
		uint32_t sector = run_sector(d->run.p, i);
		int64_t have = 0;

		if (!(m->members[i / 64] >> i % 64 & 1) || sector == 0)
			continue;
		while (have < n && seen[have] != sector)
			have++;
		if (have == n && n < (int64_t)COUNTOF(seen))
			seen[n++] = sector;
	}
	return n;
}

static bool quantile(struct adding *d, const struct measure *m, double part, double *ret)
{
	double *list = m->n == 0 ? NULL : mem_array((size_t)m->n, sizeof *list);
	size_t n = 0;

	if (list == NULL) {
		d->rc = m->n == 0 ? d->rc : RC_NOMEM;
		return false;
	}
	for (uint32_t at = m->values; at != 0; at = d->values[at - 1].before)
		list[n++] = d->values[at - 1].v;
	*ret = stat_quantile(list, n, part);
	mem_free(list);
	return true;
}

static struct board_cell cell_of(struct adding *d, const struct board_column *c, const struct measure *all)
{
	const struct measure *a = &all[c->a], *b = &all[c->b];
	struct board_cell x = { .state = CELL_VALUE };

	switch (c->op) {
	case BOARD_COUNT: x.value = (double)a->n; break;
	case BOARD_MEMBERS: x.value = (double)members_in(d, a); break;
	case BOARD_SECTORS: x.value = (double)sectors_in(d, a); break;
	case BOARD_CHANGE: x.value = (double)(a->n - b->n); break;
	case BOARD_LEAST: x.value = a->least; break;
	case BOARD_MOST: x.value = a->most; break;
	case BOARD_MEDIAN: (void)quantile(d, a, 0.5, &x.value); break;
	case BOARD_P90: (void)quantile(d, a, 0.9, &x.value); break;
	case BOARD_SHARE:
		if (b->n > 0) {
			x.value = (double)a->n / (double)b->n;
			stat_wilson(a->n, b->n, &x.low, &x.high);
		}
		break;
	case BOARD_SHARE_OF:
		if (b->n > 0) {
			int64_t n = members_in(d, a);

			n = n > b->n ? b->n : n;
			x.value = (double)n / (double)b->n;
			stat_wilson(n, b->n, &x.low, &x.high);
		}
		break;
	case BOARD_PER_100:
		if (b->n > 0) {
			x.value = 100 * (double)a->n / (double)b->n;
			stat_rate(a->n, b->n, 100, &x.low, &x.high);
		}
		break;
	}
	if ((c->op >= BOARD_MEDIAN && c->op <= BOARD_MOST && a->n == 0) || (c->op >= BOARD_SHARE && c->op <= BOARD_PER_100 && b->n == 0))
		x.state = CELL_EMPTY;
	return x;
}

/* For the public: what fewer than k members stand behind, and what would follow by taking away from a sum. */
static bool is_small(const struct adding *d, const struct board_column *c, const struct measure *all, int k)
{
	const struct measure *a = &all[c->a], *b = &all[c->b];

	return (a->n > 0 && members_in(d, a) < k) || (c->op >= BOARD_SHARE && b->n > 0 && members_in(d, b) < k);
}

/* One hidden count of a column could be found from the others and their sum in a wider board: then the smallest of the others
 * goes too. */
static void hide_second(struct board *b, size_t column)
{
	size_t hidden = 0, least = SIZE_MAX;

	for (size_t i = 0; i < b->n; i++) {
		const struct board_cell *x = &b->rows[i].cells[column];

		hidden += x->state == CELL_HIDDEN;
		if (x->state == CELL_VALUE && x->value > 0 && (least == SIZE_MAX || x->value < b->rows[least].cells[column].value))
			least = i;
	}
	if (hidden == 1 && least != SIZE_MAX) {
		b->rows[least].cells[column] = (struct board_cell){ .state = CELL_HIDDEN };
		b->hidden++;
	}
}

/* The same across the columns of a row: a total tells the one part that is hidden. A row with a hidden part tells no total. */
static void hide_totals(struct board *b)
{
	for (size_t i = 0; i < b->n; i++) {
		bool any = false;

		for (size_t c = 1; c < b->n_columns; c++)
			any = any || b->rows[i].cells[c].state == CELL_HIDDEN;
		if (any && b->rows[i].cells[0].state == CELL_VALUE) {
			b->rows[i].cells[0] = (struct board_cell){ .state = CELL_HIDDEN };
			b->hidden++;
		}
	}
}

static struct str row_key(const struct adding *d, const struct board_spec *spec, struct board_row *row)
{
	char text[TIME_TEXT_MAX];

	if (!spec->by_time)
		return picture_text(d->run.p, row->word);
	time_format(row->from + (usec)d->run.q->zone * USEC_PER_SEC, text);
	return arena_dup(d->a, str_make(text, 10));
}

static void fill_row(struct adding *d, struct board *b, size_t i)
{
	struct board_row *row = &b->rows[i];
	const struct board_query *q = d->run.q;

	row->word = d->rows[i].key;
	row->no_report = d->rows[i].no_report;
	if (b->spec->by_time) {
		row->from = bin_begin(q, (int32_t)d->rows[i].key);
		row->until = row->from + q->bin_days * BOARD_DAY;
		row->running = row->until > q->now;
		row->no_report = d->run.p->since == PICTURE_NEVER || row->until <= d->run.p->since;
	}
	row->key = row_key(d, b->spec, row);
	for (size_t c = 0; c < b->n_columns; c++) {
		const struct board_column *column = &b->spec->columns[c];

		row->cells[c] = cell_of(d, column, d->rows[i].m);
		if (row->no_report && row->cells[c].state == CELL_VALUE && d->rows[i].m[column->a].n == 0)
			row->cells[c] = (struct board_cell){ .state = CELL_NO_REPORT };
		if (q->k > 0 && is_small(d, column, d->rows[i].m, q->k)) {
			row->cells[c] = (struct board_cell){ .state = CELL_HIDDEN };
			b->hidden++;
		}
	}
}

/* qsort has no argument of its own: the column to sort by lies in the row's `from` and `until` of boards without bins, which have no use for
 * them; ties go by the key, so that the same rows always come in the same order. */
static int by_from(const void *a, const void *b)
{
	const struct board_row *x = *(struct board_row *const *)a, *y = *(struct board_row *const *)b;

	if (x->from != y->from)
		return x->from > y->from ? -1 : 1;
	return str_cmp(x->key, y->key);
}

static enum rc sort_rows(struct board *b, struct arena *a, struct err *err)
{
	struct board_row **list = arena_array(a, b->n + 1, sizeof *list), *sorted = arena_array(a, b->n + 1, sizeof *sorted);
	size_t by = 0;

	if (b->spec->order == NULL)
		return RC_OK;
	if (list == NULL || sorted == NULL)
		return FAIL(err, RC_NOMEM, "board: out of memory");
	while (by + 1 < b->n_columns && strcmp(b->spec->columns[by].id, b->spec->order) != 0)
		by++;
	for (size_t i = 0; i < b->n; i++)
		b->rows[i].from = b->rows[i].cells[by].state == CELL_VALUE ? (usec)(b->rows[i].cells[by].value * 1e6) : INT64_MIN;
	for (size_t i = 0; i < b->n; i++)
		list[i] = &b->rows[i];
	qsort(list, b->n, sizeof *list, by_from);
	for (size_t i = 0; i < b->n; i++) {
		sorted[i] = *list[i];
		sorted[i].from = 0;
	}
	b->rows = sorted;
	return RC_OK;
}

static int by_bin(const void *a, const void *b)
{
	const struct board_row *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static void wants(struct adding *d, const struct board_spec *spec, int k)
{
	for (const struct board_column *c = spec->columns; c->id != NULL; c++) {
		if (c->op == BOARD_MEDIAN || c->op == BOARD_P90)
			d->wants_values |= 1u << c->a;
		if (k > 0 || c->op == BOARD_MEMBERS || c->op == BOARD_SECTORS || c->op == BOARD_SHARE_OF)
			d->wants_members |= 1u << c->a;
		if (k > 0)
			d->wants_members |= 1u << c->b;
	}
}

static void count_heard(const struct picture *p, const struct board_run *r, struct board *b)
{
	for (uint32_t i = 0; i < p->members.n; i++) {
		if (!p->members.p[i].linked || !run_wants_member(r, i))
			continue;
		b->members++;
		b->heard += run_state(r, &p->members.p[i]) == PICTURE_HEARD;
	}
}

/* All bins between the ends, also those in which nothing happened. */
static void add_bins(struct adding *d)
{
	const struct board_query *q = d->run.q;
	int64_t last = bin_of(q, q->until - 1);

	for (int64_t day = bin_of(q, q->from); day <= last; day += q->bin_days)
		add_row(&d->run, (uint32_t)(int32_t)day, false);
}

static enum rc check_query(const struct board_query *q, struct err *err)
{
	if (q->until <= q->from || q->until - q->from > 40 * 366 * BOARD_DAY)
		return FAIL(err, RC_BAD, "board: the period ends before it begins, or is longer than forty years");
	if (q->bin_days != 1 && q->bin_days != 7 && q->bin_days != 28)
		return FAIL(err, RC_BAD, "board: bins are of 1, 7 or 28 days");
	return RC_OK;
}

static enum rc fill(struct adding *d, struct board *b, struct err *err)
{
	b->n = d->n;
	b->cut = d->cut;
	b->rows = arena_array(d->a, d->n + 1, sizeof *b->rows);
	if (b->rows == NULL)
		return FAIL(err, RC_NOMEM, "board: out of memory");
	for (size_t i = 0; i < d->n; i++)
		fill_row(d, b, i);
	if (d->rc != RC_OK)
		return FAIL(err, d->rc, "board: out of memory");
	if (b->spec->by_time)
		qsort(b->rows, b->n, sizeof *b->rows, by_bin);
	else
		TRY(sort_rows(b, d->a, err));
	if (b->query.k > 0) {
		for (size_t c = 0; c < b->n_columns; c++)
			hide_second(b, c);
		hide_totals(b);
	}
	return RC_OK;
}

enum rc board_make(const struct picture *p, const struct board_spec *spec, const struct board_query *q, struct arena *a, struct board *ret, struct err *err)
{
	struct adding *d = arena_alloc(a, sizeof *d);
	enum rc rc;

	if (d == NULL)
		return FAIL(err, RC_NOMEM, "board: out of memory");
	d->run = (struct board_run){ .p = p, .q = &ret->query, .row = add_row, .add = add_one, .add_many = q->k > 0 ? NULL : add_many };
	d->a = a;
	d->member_words = p->members.n / 64 + 1;
	*ret = (struct board){ .spec = spec, .query = *q };
	TRY(check_query(q, err));
	ret->query.before = q->from - (q->until - q->from);
	while (spec->columns[ret->n_columns].id != NULL)
		ret->n_columns++;
	d->row_of = map_new(BOARD_ROWS_MAX + 1);
	if (d->row_of == NULL)
		return FAIL(err, RC_NOMEM, "board: out of memory");
	wants(d, spec, q->k);
	if (spec->by_time)
		add_bins(d);
	spec->map(&d->run);
	d->rc = d->run.failed ? RC_NOMEM : d->rc;
	count_heard(p, &d->run, ret);
	rc = d->rc != RC_OK ? FAIL(err, d->rc, "board: out of memory") : fill(d, ret, err);
	map_free(d->row_of);
	mem_free(d->values);
	return rc;
}

/* --- the records behind a number --- */

struct behind {
	struct board_run run;
	struct arena *a;
	uint32_t key;
	bool any;                 /* of all rows */
	bool found;
	uint8_t ma, mb;
	bool with_b;
	struct board_record_ref *list;
	size_t n, cap;
	enum rc rc;
};

static void behind_row(struct board_run *r, uint32_t key, bool no_report UNUSED)
{
	struct behind *h = (struct behind *)(void *)r;

	h->found = h->found || key == h->key;
}

static void behind_add(struct board_run *r, uint32_t key, uint8_t measure, double value, uint32_t member UNUSED, enum board_record kind, uint32_t index)
{
	struct behind *h = (struct behind *)(void *)r;
	bool in_a = measure == h->ma, in_b = h->with_b && measure == h->mb;

	h->found = h->found || key == h->key;
	if ((key != h->key && !h->any) || (!in_a && !in_b) || h->rc != RC_OK)
		return;
	/* A record that counts in both is one line: its measures come one behind the other. */
	if (h->n > 0 && h->list[h->n - 1].kind == kind && h->list[h->n - 1].index == index && h->with_b) {
		h->list[h->n - 1].in_a = h->list[h->n - 1].in_a || in_a;
		h->list[h->n - 1].in_b = h->list[h->n - 1].in_b || in_b;
		return;
	}
	if (h->n == h->cap) {
		size_t more = h->cap == 0 ? 256 : h->cap * 2;
		void *p = more > BEHIND_MAX * 2 ? NULL : arena_resize(h->a, h->list, h->cap * sizeof *h->list, more * sizeof *h->list);

		if (p == NULL) {
			h->rc = RC_LIMIT;
			return;
		}
		h->list = p;
		h->cap = more;
	}
	h->list[h->n++] = (struct board_record_ref){ kind, index, in_a, in_b, value };
}

static bool key_of(const struct picture *p, const struct board_spec *spec, const struct board_query *q, struct str row, uint32_t *ret)
{
	char text[TIME_TEXT_MAX];
	usec at;

	if (!spec->by_time) {
		*ret = picture_known(p, row);
		return *ret != 0 || row.n == 0;
	}
	if (row.n != 10)
		return false;
	snprintf(text, sizeof text, "%.10sT00:00:00Z", row.p);
	if (time_parse(str_of(text), &at, NULL, NULL) != RC_OK)
		return false;
	*ret = (uint32_t)(int32_t)bin_of(q, at - (usec)q->zone * USEC_PER_SEC);
	return true;
}

enum rc board_behind(const struct picture *p, const struct board_spec *spec, const struct board_query *q, struct str row, struct str column,
		     struct arena *a, struct board_record_ref **ret, size_t *ret_n, struct err *err)
{
	struct board_query question = *q;
	struct behind h = { .run = { .p = p, .q = &question, .row = behind_row, .add = behind_add }, .a = a };
	const struct board_column *c = spec->columns;

	if (q->k > 0)
		return FAIL(err, RC_DENIED, "board: what is behind a number is not for the public");
	TRY(check_query(q, err));
	question.before = q->from - (q->until - q->from);
	while (c->id != NULL && !str_eq(column, str_of(c->id)))
		c++;
	if (column.p == NULL)
		c = spec->columns;
	h.any = row.p == NULL;
	if (c->id == NULL || (!h.any && !key_of(p, spec, q, row, &h.key)))
		return FAIL(err, RC_NOTFOUND, "board: no such row or column");
	h.ma = c->a;
	h.mb = c->b;
	h.with_b = c->op >= BOARD_SHARE;
	spec->map(&h.run);
	h.rc = h.run.failed ? RC_NOMEM : h.rc;
	if (h.rc != RC_OK)
		return FAIL(err, h.rc, "board: too many records behind this number");
	if (!h.found && !h.any && !spec->by_time)
		return FAIL(err, RC_NOTFOUND, "board: no such row");
	*ret = h.list;
	*ret_n = h.n;
	return RC_OK;
}
