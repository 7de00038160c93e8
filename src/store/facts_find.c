/* Searching the fact log by who, what, about what and when, newest first: for people who look into what happened. */
#include "store/facts_find.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "store/facts_internal.h"
#include "store/internal.h"

#define TEXT_MAX 200

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct fact view, *f = row;

	if (fact_from_row(q, &view, NULL) != RC_OK)
		return false;
	*f = view;
	f->kind = arena_dup(a, view.kind);
	f->actor = arena_dup(a, view.actor);
	f->subject = arena_dup(a, view.subject);
	f->body = arena_dup(a, view.body);
	return f->kind.p != NULL && f->actor.p != NULL && f->subject.p != NULL && f->body.p != NULL;
}

/* A pattern for LIKE that finds `text` anywhere, or at the beginning; "" stays "" and finds all. */
static struct str pattern(struct arena *a, struct str text, bool anywhere)
{
	struct str out;
	struct buf b;

	if (text.n == 0)
		return S("");
	buf_init(&b, 2 * TEXT_MAX + 4);
	if (anywhere)
		buf_char(&b, '%');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%' || text.p[i] == '_' || text.p[i] == '\\')
			buf_char(&b, '\\');
		buf_char(&b, ascii_to_lower(text.p[i]));
	}
	buf_char(&b, '%');
	out = b.bad == RC_OK ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	return out;
}

enum rc facts_find(struct store *s, const struct fact_filter *f, uint32_t limit, struct arena *a, struct fact **ret, size_t *ret_n, struct err *err)
{
	struct str who = pattern(a, f->who, true), what = pattern(a, f->what, false), about = pattern(a, f->about, true), text = pattern(a, f->text, true);
	struct listing l = {
		.what = "facts", .a = a, .size = sizeof **ret, .fill = fill, .n_v = 8,
		.v = { DB_INT(f->before == 0 ? INT64_MAX : (int64_t)f->before), DB_INT(f->since), DB_INT(f->until == 0 ? INT64_MAX : f->until),
		       DB_TEXT(who), DB_TEXT(what), DB_TEXT(about), DB_TEXT(text), DB_INT(limit) },
		.sql = "SELECT " FACT_COLUMNS " FROM fact WHERE seq < $1 AND at >= $2 AND at < $3"
		       " AND ($4 = '' OR lower(actor) LIKE $4 ESCAPE '\\') AND ($5 = '' OR lower(kind) LIKE $5 ESCAPE '\\')"
		       " AND ($6 = '' OR lower(subject) LIKE $6 ESCAPE '\\') AND ($7 = '' OR lower(body) LIKE $7 ESCAPE '\\')"
		       " ORDER BY seq DESC LIMIT $8",
	};

	TRY(text_check(f->who, TEXT_MAX, "who", err));
	TRY(text_check(f->what, TEXT_MAX, "what", err));
	TRY(text_check(f->about, TEXT_MAX, "about", err));
	TRY(text_check(f->text, TEXT_MAX, "text", err));
	if (who.p == NULL || what.p == NULL || about.p == NULL || text.p == NULL)
		return FAIL(err, RC_NOMEM, "facts: the caller's memory is full");
	TRY(store_list(s, &l, limit, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}
