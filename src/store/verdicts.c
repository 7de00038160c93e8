#include "store/verdicts.h"

#include "store/tickets_internal.h"

#define LIST_MAX 10000

enum rc verdicts_count(struct store *s, int64_t ticket, struct str disposition, int by, struct err *err)
{
	int confirmed = str_eq(disposition, S("confirmed")) ? by : 0, wrong = str_eq(disposition, S("false-positive")) ? by : 0;

	if (confirmed == 0 && wrong == 0)
		return RC_OK;
	return DB_RUN(s->write_db, err,
		      "INSERT INTO verdict (indicator, confirmed, false_positives, at) SELECT value, CAST($2 AS BIGINT), CAST($3 AS BIGINT),"
		      " CAST($4 AS BIGINT) FROM ticket_ref WHERE ticket = $1 AND kind = 'indicator' ON CONFLICT (indicator) DO UPDATE SET"
		      " confirmed = verdict.confirmed + excluded.confirmed,"
		      " false_positives = verdict.false_positives + excluded.false_positives, at = excluded.at",
		      DB_INT(ticket), DB_INT(confirmed), DB_INT(wrong), DB_INT(time_now()));
}

struct asking {
	struct str id; /* get: this one; list: behind this one */
	uint32_t limit;
	struct arena *a;
	struct verdict *list;
	size_t n;
};

static enum rc collect(struct asking *x, struct dbq *q, struct err *err)
{
	bool row;

	for (x->n = 0;; x->n++) {
		struct verdict *v = &x->list[x->n];

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		*v = (struct verdict){ arena_dup(x->a, db_text(q, 3)), db_int(q, 0), db_int(q, 1), db_int(q, 2) };
		if (v->indicator.p == NULL)
			return FAIL(err, RC_NOMEM, "verdicts: the caller's memory is full");
	}
}

static enum rc read_one(struct db *d, void *ctx, struct err *err)
{
	struct asking *x = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;

	TRY(DB_START(d, &q, err, "SELECT confirmed, false_positives, at, indicator FROM verdict WHERE indicator = $1", DB_TEXT(x->id)));
	return collect(x, q, err);
}

static enum rc read_list(struct db *d, void *ctx, struct err *err)
{
	struct asking *x = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;

	TRY(DB_START(d, &q, err,
		     "SELECT confirmed, false_positives, at, indicator FROM verdict WHERE indicator > $1 ORDER BY indicator LIMIT $2",
		     DB_TEXT(x->id), DB_INT(x->limit)));
	return collect(x, q, err);
}

enum rc verdict_get(struct store *s, struct str indicator, struct arena *a, struct verdict *ret, struct err *err)
{
	struct verdict room[2];
	struct asking x = { .id = indicator, .a = a, .list = room };

	TRY(store_read(s, read_one, &x, err));
	if (x.n == 0)
		return FAIL(err, RC_NOTFOUND, "%.*s: no verdict", STR(str_slice(indicator, 0, 64)));
	*ret = room[0];
	return RC_OK;
}

enum rc verdict_list(struct store *s, struct str after, uint32_t limit, struct arena *a, struct verdict **ret, size_t *ret_n, struct err *err)
{
	struct asking x = { .id = after, .limit = limit < LIST_MAX ? limit : LIST_MAX, .a = a };

	x.list = arena_array(a, (size_t)x.limit + 1, sizeof *x.list);
	if (x.list == NULL)
		return FAIL(err, RC_NOMEM, "verdicts: the caller's memory is full");
	TRY(store_read(s, read_list, &x, err));
	*ret = x.list;
	*ret_n = x.n;
	return RC_OK;
}
