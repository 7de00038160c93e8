#include "web/casefile.h"

struct reading {
	struct store *store;
	const struct incident_row *self;
	const struct casefile_more *more;
	size_t n_more;
};

static enum rc kept_facts(const struct reading *r, struct str id, struct arena *a, struct str *ret, struct err *err)
{
	struct incident_row row;
	enum rc rc;

	*ret = S("");
	if (str_eq(id, r->self->id))
		return r->self->row == 0 ? RC_OK : incident_facts(r->store, r->self->row, a, ret, err);
	rc = incident_get(r->store, id, a, &row, err);
	if (rc == RC_NOTFOUND || rc == RC_BAD) /* of another node, or no id at all: nothing of it counts here */
		return RC_OK;
	return rc == RC_OK ? incident_facts(r->store, row.row, a, ret, err) : rc;
}

static enum rc read_facts(void *ctx, struct str id, struct arena *a, struct str *ret, struct err *err)
{
	const struct reading *r = ctx;
	const struct casefile_more *more = NULL;
	struct buf b;

	TRY(kept_facts(r, id, a, ret, err));
	for (size_t i = 0; i < r->n_more; i++)
		if (str_eq(r->more[i].incident, id))
			more = &r->more[i];
	if (more == NULL)
		return RC_OK;
	buf_init(&b, ret->n + more->n * (INCIDENT_FACT_MAX + 1) + 1);
	buf_str(&b, *ret);
	for (size_t i = 0; i < more->n; i++) {
		buf_str(&b, more->f[i].body);
		buf_char(&b, '\n');
	}
	*ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "facts: out of memory") : RC_OK;
}

enum rc casefile_look(const struct desk *d, struct store *s, struct arena *a, const struct incident_row *r, const struct casefile_more *more,
		      size_t n_more, usec at, struct desk_view *ret, struct err *err)
{
	struct reading reading = { s, r, more, n_more };
	struct join_source src = { .ctx = &reading, .facts = read_facts };

	return desk_look_joined(d, a, r->packs, r->id, &src, at, ret, err);
}

/* A clock that was set back leaves facts that were recorded in what is now the future: they count, and
 * their clocks run, only from then on. */
usec casefile_next(const struct desk_view *v, usec at)
{
	usec next = v->alarm;

	for (size_t i = 0; i < v->facts.n; i++)
		if (v->facts.f[i].at > at && v->facts.f[i].at < next)
			next = v->facts.f[i].at;
	return next;
}

usec casefile_rung(const struct desk_view *v, usec at)
{
	bool due = v->into.n > 0 || v->n_kin > 0 || v->n_joined > 0;

	for (size_t i = 0; i < v->n && !due; i++)
		due = alarm_is_due(v->views[i], at);
	return due ? 0 : casefile_next(v, at);
}

struct incident_derived casefile_derived(const struct desk_view *v, usec rung)
{
	return (struct incident_derived){ .open = v->open, .state = str_of(v->views[0]->state), .level = v->views[0]->overall,
					  .due = v->open ? v->due : INCIDENT_NEVER, .rung = rung };
}
