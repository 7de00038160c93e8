/* What people do with tickets: each act is one transaction of the row, its fact, and what follows from it. */
#include "store/tickets_internal.h"

#include "base/jsonw.h"

#define BODY_MAX ((size_t)48 << 10)

struct doing {
	const struct ticket_change *c;
	int64_t row;
	char state[16], disposition[24];
	int64_t hits;
};

static enum rc find(struct db *d, struct str number, struct doing *x, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool there;

	TRY(DB_START(d, &q, err, "SELECT row, hits, state, disposition FROM ticket WHERE number = $1", DB_TEXT(number)));
	TRY(db_next(q, &there, err));
	if (!there)
		return FAIL(err, RC_NOTFOUND, "ticket %.*s: not known", STR(str_slice(number, 0, TICKET_NUMBER_MAX)));
	x->row = db_int(q, 0);
	x->hits = db_int(q, 1);
	snprintf(x->state, sizeof x->state, "%.*s", STR(db_text(q, 2)));
	snprintf(x->disposition, sizeof x->disposition, "%.*s", STR(db_text(q, 3)));
	return RC_OK;
}

/* {"NAME": value, "note": note} with what the act needs. */
static enum rc tell(struct store *s, const char *kind, const struct doing *x, const char *name, struct str value, struct err *err)
{
	struct buf b;
	struct jsonw w;
	enum rc rc;

	buf_init(&b, BODY_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	if (name != NULL)
		jsonw_m_str(&w, name, value);
	if (x->c->act == TICKET_CLOSE)
		jsonw_m_int(&w, "hits", x->hits);
	if (x->c->act == TICKET_CLOSE && x->c->n_suppress > 0)
		jsonw_m_int(&w, "suppression", x->c->suppress[0].row);
	if (x->c->note.n > 0)
		jsonw_m_str(&w, "note", x->c->note);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "ticket");
	if (rc == RC_OK)
		rc = ticket_fact(s, kind, x->c->actor, x->c->number, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

static bool is_closed(const struct doing *x)
{
	return str_eq(str_of(x->state), S("closed"));
}

static enum rc assign(struct store *s, struct doing *x, struct err *err)
{
	if (is_closed(x))
		return FAIL(err, RC_CONFLICT, "ticket %.*s: is closed", STR(x->c->number));
	TRY(DB_RUN(s->write_db, err, "UPDATE ticket SET assignee = $2, state = $3 WHERE row = $1", DB_INT(x->row), DB_TEXT(x->c->who),
		   DB_TEXT(x->c->who.n > 0 ? S("in-progress") : S("open"))));
	return tell(s, "ticket.assign", x, "to", x->c->who, err);
}

static enum rc close_it(struct store *s, struct doing *x, struct err *err)
{
	const struct ticket_change *c = x->c;

	if (is_closed(x))
		return FAIL(err, RC_CONFLICT, "ticket %.*s: is closed already (%s)", STR(c->number), x->disposition);
	TRY(DB_RUN(s->write_db, err, "UPDATE ticket SET state = 'closed', disposition = $2, closed = $3, closed_by = $4 WHERE row = $1",
		   DB_INT(x->row), DB_TEXT(c->disposition), DB_INT(time_now()), DB_TEXT(c->actor)));
	for (size_t i = 0; i < c->n_suppress; i++)
		TRY(suppression_insert(s, &c->suppress[i], err));
	TRY(verdicts_count(s, x->row, c->disposition, 1, err));
	return tell(s, "ticket.close", x, "disposition", c->disposition, err);
}

static enum rc reopen(struct store *s, struct doing *x, struct err *err)
{
	if (!is_closed(x))
		return FAIL(err, RC_CONFLICT, "ticket %.*s: is not closed", STR(x->c->number));
	if (str_eq(str_of(x->disposition), S("merged")))
		return FAIL(err, RC_CONFLICT, "ticket %.*s: went into another one", STR(x->c->number));
	TRY(DB_RUN(s->write_db, err, "UPDATE ticket SET state = $2, disposition = '', closed = 0, closed_by = '' WHERE row = $1",
		   DB_INT(x->row), DB_TEXT(S("open"))));
	TRY(verdicts_count(s, x->row, str_of(x->disposition), -1, err));
	TRY(suppressions_end(s, x->c->number, x->c->actor, err));
	return tell(s, "ticket.reopen", x, NULL, S(""), err);
}

static enum rc relate(struct store *s, struct doing *x, struct err *err)
{
	const struct ticket_ref there = { S("related"), x->c->other, S("said so"), 0 }, back = { S("related"), x->c->number, S("said so"), 0 };
	struct doing other = { .c = x->c };

	TRY(find(s->write_db, x->c->other, &other, err));
	if (other.row == x->row)
		return FAIL(err, RC_BAD, "ticket %.*s: related to itself", STR(x->c->number));
	TRY(ticket_ref_put(s->write_db, x->row, &there, err));
	TRY(ticket_ref_put(s->write_db, other.row, &back, err));
	return tell(s, "ticket.relate", x, "related", x->c->other, err);
}

static enum rc raise(struct store *s, struct doing *x, struct err *err)
{
	const struct ticket_ref there = { S("incident"), x->c->other, x->c->other_id, 0 };

	TRY(ticket_ref_put(s->write_db, x->row, &there, err));
	return tell(s, "ticket.raise", x, "incident", x->c->other, err);
}

static enum rc act(struct store *s, void *ctx, struct err *err)
{
	struct doing *x = ctx;

	TRY(find(s->write_db, x->c->number, x, err));
	switch (x->c->act) {
	case TICKET_ASSIGN: return assign(s, x, err);
	case TICKET_NOTE: return tell(s, "ticket.note", x, NULL, S(""), err);
	case TICKET_CLOSE: return close_it(s, x, err);
	case TICKET_REOPEN: return reopen(s, x, err);
	case TICKET_RELATE: return relate(s, x, err);
	case TICKET_RAISE: return raise(s, x, err);
	}
	return FAIL(err, RC_INTERNAL, "ticket: act %d", (int)x->c->act);
}

static bool is_disposition(struct str d)
{
	return str_eq(d, S("false-positive")) || str_eq(d, S("confirmed")) || str_eq(d, S("undetermined"));
}

enum rc ticket_do(struct store *s, const struct ticket_change *c, struct err *err)
{
	struct doing x = { .c = c };

	TRY(text_check(c->number, TICKET_NUMBER_MAX, "ticket", err));
	TRY(text_check(c->note, TICKET_NOTE_MAX, "note", err));
	TRY(text_check(c->who, 64, "who", err));
	TRY(text_check(c->other, TICKET_NUMBER_MAX, "related", err));
	if (c->act == TICKET_RAISE)
		TRY(text_check(c->other_id, 200, "incident", err));
	if (c->act == TICKET_NOTE && c->note.n == 0)
		return FAIL(err, RC_BAD, "note: is empty");
	if (c->act == TICKET_CLOSE && !is_disposition(c->disposition))
		return FAIL(err, RC_BAD, "disposition: expected false-positive, confirmed or undetermined");
	if (c->act == TICKET_CLOSE && c->n_suppress > 0 && !str_eq(c->disposition, S("false-positive")))
		return FAIL(err, RC_BAD, "scope: only with the disposition false-positive");
	for (size_t i = 0; i < c->n_suppress; i++)
		TRY(suppression_check(&c->suppress[i], err));
	return writer_do(s->writer, act, &x, err);
}
