/* A board as JSON and as CSV, and the records behind a number. */
#include "picture/board_int.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"

static const char *const units[] = { "count", "share", "rate", "span", "time", "state", "ratio" };
static const char *const states[] = { "unknown", "heard", "silent" };
static const char *const verdicts[] = { "running", "met", "breached", "void" };

void board_words_json(struct jsonw *w, const char *name, const struct board_words *words)
{
	jsonw_name(w, name);
	jsonw_object(w);
	jsonw_m_cstr(w, "en", words->en);
	jsonw_m_cstr(w, "zh-TW", words->zh);
	jsonw_object_end(w);
}

static void put_time(struct jsonw *w, const char *name, usec at)
{
	if (at == PICTURE_NEVER) {
		jsonw_name(w, name);
		jsonw_null(w);
	} else {
		jsonw_m_time(w, name, at);
	}
}

/* Of seconds since 1970 that came through a double: whole microseconds again. */
static usec instant(double v)
{
	return (usec)llround(v * 1e6);
}

static void put_number(struct jsonw *w, const struct board_column *c, double v)
{
	if (c->unit == UNIT_COUNT)
		jsonw_int(w, (int64_t)v);
	else if (c->unit == UNIT_TIME)
		jsonw_time(w, instant(v));
	else if (c->unit == UNIT_STATE)
		jsonw_cstr(w, states[(int)v]);
	else
		jsonw_double(w, v);
}

static void put_cell(struct jsonw *w, const struct board_column *c, const struct board_cell *x)
{
	static const char *const whys[] = { NULL, "empty", "no-report", "hidden" };

	jsonw_object(w);
	if (x->state == CELL_VALUE) {
		jsonw_name(w, "value");
		put_number(w, c, x->value);
	} else {
		jsonw_m_cstr(w, "why", whys[x->state]);
	}
	if (x->state == CELL_VALUE && (c->unit == UNIT_SHARE || c->unit == UNIT_RATE)) {
		jsonw_name(w, "low");
		jsonw_double(w, x->low);
		jsonw_name(w, "high");
		jsonw_double(w, x->high);
	}
	jsonw_object_end(w);
}

static struct str row_name(const struct picture *p, const struct board *b, const struct board_row *row)
{
	uint32_t m = b->spec->by_member ? picture_find_member(p, row->word) : NO_ROW;

	return m == NO_ROW ? row->key : picture_text(p, p->members.p[m].name);
}

static void put_row(const struct picture *p, const struct board *b, const struct board_row *row, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_m_str(w, "key", row->key);
	jsonw_m_str(w, "name", row_name(p, b, row));
	if (b->spec->by_time) {
		jsonw_m_time(w, "from", row->from);
		jsonw_m_time(w, "until", row->until);
		jsonw_m_bool(w, "running", row->running);
	}
	jsonw_name(w, "cells");
	jsonw_array(w);
	for (size_t c = 0; c < b->n_columns; c++)
		put_cell(w, &b->spec->columns[c], &row->cells[c]);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

static void put_columns(const struct board *b, struct jsonw *w)
{
	jsonw_name(w, "columns");
	jsonw_array(w);
	for (size_t i = 0; i < b->n_columns; i++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "id", b->spec->columns[i].id);
		board_words_json(w, "title", &b->spec->columns[i].title);
		board_words_json(w, "formula", &b->spec->columns[i].formula);
		jsonw_m_cstr(w, "unit", units[b->spec->columns[i].unit]);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

void board_json(const struct picture *p, const struct board *b, struct str query_text, struct jsonw *w)
{
	const struct board_query *q = &b->query;

	jsonw_m_cstr(w, "board", b->spec->id);
	board_words_json(w, "title", &b->spec->title);
	board_words_json(w, "row_title", &b->spec->rows);
	jsonw_m_time(w, "as_of", q->now);
	put_time(w, "since", p->since);
	jsonw_m_time(w, "from", q->from);
	jsonw_m_time(w, "until", q->until);
	jsonw_m_int(w, "bin_days", q->bin_days);
	jsonw_m_bool(w, "by_time", b->spec->by_time);
	jsonw_m_str(w, "pack", b->spec->by_law ? picture_text(p, q->pack) : S(""));
	jsonw_m_bool(w, "exercise", q->exercise);
	jsonw_m_str(w, "query", query_text);
	jsonw_m_int(w, "members", (int64_t)b->members);
	jsonw_m_int(w, "heard", (int64_t)b->heard);
	jsonw_m_int(w, "k", q->k);
	jsonw_m_int(w, "hidden", (int64_t)b->hidden);
	jsonw_m_int(w, "rows_left_out", (int64_t)b->cut);
	put_columns(b, w);
	jsonw_name(w, "rows");
	jsonw_array(w);
	for (size_t i = 0; i < b->n; i++)
		put_row(p, b, &b->rows[i], w);
	jsonw_array_end(w);
}

/* --- CSV --- */

static void csv_number(struct buf *out, const struct board_column *c, double v)
{
	char text[TIME_TEXT_MAX];

	if (c->unit == UNIT_COUNT)
		buf_i64(out, (int64_t)v);
	else if (c->unit == UNIT_TIME)
		buf_str(out, time_format(instant(v), text));
	else if (c->unit == UNIT_STATE)
		buf_cstr(out, states[(int)v]);
	else
		json_put_double(out, v);
}

static void csv_cell(struct buf *out, const struct board_column *c, const struct board_cell *x)
{
	static const char *const whys[] = { "", "", "no report", "hidden" };
	bool interval = c->unit == UNIT_SHARE || c->unit == UNIT_RATE;

	buf_char(out, ',');
	if (x->state == CELL_VALUE)
		csv_number(out, c, x->value);
	else
		buf_cstr(out, whys[x->state]);
	for (int i = 0; interval && i < 2; i++) {
		buf_char(out, ',');
		if (x->state == CELL_VALUE)
			json_put_double(out, i == 0 ? x->low : x->high);
	}
}

static void csv_head(const struct board *b, bool zh, struct buf *out)
{
	csv_put(out, str_of(zh ? b->spec->rows.zh : b->spec->rows.en), true);
	if (b->spec->by_time)
		buf_cstr(out, ",running");
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct board_column *c = &b->spec->columns[i];

		buf_char(out, ',');
		csv_put(out, str_of(zh ? c->title.zh : c->title.en), true);
		if (c->unit == UNIT_SHARE || c->unit == UNIT_RATE)
			buf_fmt(out, ",%s.low,%s.high", c->id, c->id);
	}
	buf_cstr(out, ",query,as_of\r\n");
}

void board_csv(const struct picture *p, const struct board *b, struct str query_text, bool zh, struct buf *out)
{
	char now[TIME_TEXT_MAX];

	time_format(b->query.now, now);
	csv_head(b, zh, out);
	for (size_t i = 0; i < b->n; i++) {
		csv_put(out, row_name(p, b, &b->rows[i]), true);
		if (b->spec->by_time)
			buf_cstr(out, b->rows[i].running ? ",yes" : ",no");
		for (size_t c = 0; c < b->n_columns; c++)
			csv_cell(out, &b->spec->columns[c], &b->rows[i].cells[c]);
		buf_char(out, ',');
		csv_put(out, query_text, true);
		buf_fmt(out, ",%s\r\n", now);
	}
}

/* --- records --- */

static void put_member(const struct picture *p, uint32_t member, struct jsonw *w)
{
	const struct picture_member *m = member < p->members.n ? &p->members.p[member] : NULL;

	jsonw_m_str(w, "member", m == NULL ? S("") : picture_text(p, m->name));
	jsonw_m_str(w, "sector", m == NULL ? S("") : picture_text(p, m->sector));
	jsonw_m_str(w, "region", m == NULL ? S("") : picture_text(p, m->region));
}

static void put_incident(const struct picture *p, const struct picture_incident *i, struct jsonw *w)
{
	static const char *const names[PICTURE_TIMES] = { "occurred", "aware", "notified", "reviewed", "contained", "recovered", "reported", "closed" };

	jsonw_m_cstr(w, "kind", "incident");
	jsonw_m_str(w, "number", picture_text(p, i->number));
	jsonw_m_str(w, "title", picture_text(p, i->title));
	jsonw_m_str(w, "pack", picture_text(p, i->pack));
	jsonw_m_int(w, "level", i->level);
	jsonw_m_bool(w, "open", i->open);
	put_member(p, i->member, w);
	put_time(w, "opened", i->opened);
	for (int t = 0; t < PICTURE_TIMES; t++)
		put_time(w, names[t], i->at[t]);
	jsonw_name(w, "clocks");
	jsonw_array(w);
	for (uint32_t k = 0; k < i->n_clocks; k++) {
		const struct picture_clock *c = &p->clocks.p[i->clock_first + k];

		jsonw_object(w);
		jsonw_m_str(w, "id", picture_text(p, c->id));
		jsonw_m_cstr(w, "verdict", verdicts[c->verdict]);
		put_time(w, "start", c->start);
		put_time(w, "due", c->due);
		put_time(w, "stop", c->stop);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_ticket(const struct picture *p, const struct picture_ticket *t, struct jsonw *w)
{
	jsonw_m_cstr(w, "kind", "ticket");
	jsonw_m_str(w, "number", picture_text(p, t->number));
	put_member(p, t->member, w);
	put_time(w, "first", t->first);
	jsonw_m_int(w, "hits", t->hits);
}

static void put_seen(const struct picture *p, const struct picture_seen *s, struct jsonw *w)
{
	jsonw_m_cstr(w, "kind", "sighting");
	jsonw_m_str(w, "indicator", picture_text(p, s->indicator));
	put_member(p, s->member, w);
	put_time(w, "first", s->first);
	put_time(w, "last", s->last);
	jsonw_m_int(w, "hits", s->hits);
}

static void put_source(const struct picture *p, const struct picture_source *s, struct jsonw *w)
{
	uint32_t have = s->n < PICTURE_DELIVERIES ? s->n : PICTURE_DELIVERIES;

	jsonw_m_cstr(w, "kind", "source");
	jsonw_m_str(w, "source", picture_text(p, s->name));
	jsonw_m_int(w, "objects", s->objects);
	put_time(w, "last", s->last);
	jsonw_name(w, "deliveries");
	jsonw_array(w);
	for (uint32_t i = 0; i < have; i++)
		jsonw_time(w, s->deliveries[(s->n - have + i) % PICTURE_DELIVERIES]);
	jsonw_array_end(w);
}

void board_record_json(const struct picture *p, const struct board_record_ref *r, struct jsonw *w)
{
	jsonw_object(w);
	switch (r->kind) {
	case RECORD_INCIDENT: put_incident(p, &p->incidents.p[r->index], w); break;
	case RECORD_TICKET: put_ticket(p, &p->tickets.p[r->index], w); break;
	case RECORD_SEEN: put_seen(p, &p->seen.p[r->index], w); break;
	case RECORD_SOURCE: put_source(p, &p->sources.p[r->index], w); break;
	case RECORD_MEMBER:
		jsonw_m_cstr(w, "kind", "member");
		put_member(p, r->index, w);
		put_time(w, "heard", p->members.p[r->index].heard);
		break;
	case RECORD_TELLER:
		jsonw_m_cstr(w, "kind", "teller");
		put_member(p, p->tellers.p[r->index].member, w);
		jsonw_m_str(w, "behind", picture_text(p, p->tellers.p[r->index].who));
		put_time(w, "since", p->tellers.p[r->index].since);
		break;
	case RECORD_OFFERED:
		jsonw_m_cstr(w, "kind", "release");
		jsonw_m_str(w, "indicator", picture_text(p, p->offered.p[r->index].indicator));
		put_time(w, "at", p->offered.p[r->index].at);
		break;
	}
	jsonw_name(w, "value");
	jsonw_double(w, r->value);
	jsonw_m_bool(w, "counts", r->in_a);
	jsonw_object_end(w);
}
