#include "cli/csv_read.h"

#include "base/text.h"

#define FIELD_MAX ((size_t)64 << 10)

/* One field off the front of `*rest`; `*ret_last`: it ends its record. A quote within quotes is written twice (RFC 4180 §2.7). */
static enum rc read_field(struct str *rest, uint32_t *line, struct buf *b, bool *ret_last, struct err *err)
{
	bool quoted = rest->n > 0 && rest->p[0] == '"';
	uint32_t began = *line;
	size_t i = quoted ? 1 : 0;

	for (;; i++) {
		char c = i < rest->n ? rest->p[i] : '\n';

		if (quoted && i >= rest->n)
			return FAIL(err, RC_BAD, "%u: a quote is not closed", began);
		if (quoted && c == '"' && i + 1 < rest->n && rest->p[i + 1] == '"') {
			buf_char(b, '"');
			i++;
			continue;
		}
		if (quoted && c == '"') {
			quoted = false;
			continue;
		}
		if (!quoted && (c == ',' || c == '\n'))
			break;
		if (c == '\n')
			(*line)++;
		if (quoted || c != '\r' || (i + 1 < rest->n && rest->p[i + 1] != '\n'))
			buf_char(b, c);
	}
	*ret_last = i >= rest->n || rest->p[i] == '\n';
	*line += i < rest->n && rest->p[i] == '\n';
	*rest = str_slice(*rest, i + 1, rest->n);
	return buf_check(b, err, "field");
}

static enum rc read_record(struct str *rest, uint32_t *line, struct arena *a, struct csv_record *ret, struct err *err)
{
	bool last = false;
	struct buf b;

	ret->line = *line;
	ret->n = 0;
	buf_init(&b, FIELD_MAX);
	while (!last) {
		enum rc rc;

		buf_clear(&b);
		rc = read_field(rest, line, &b, &last, err);
		if (rc == RC_OK && ret->n == CSV_FIELDS_MAX)
			rc = FAIL(err, RC_LIMIT, "%u: more than %d fields", ret->line, CSV_FIELDS_MAX);
		if (rc == RC_OK) {
			ret->fields[ret->n] = arena_dup(a, str_trim(buf_view(&b)));
			if (ret->fields[ret->n++].p == NULL)
				rc = FAIL(err, RC_NOMEM, "out of memory");
		}
		if (rc != RC_OK) {
			buf_done(&b);
			return rc;
		}
	}
	buf_done(&b);
	return RC_OK;
}

static bool is_blank(const struct csv_record *r)
{
	return r->n == 1 && r->fields[0].n == 0;
}

enum rc csv_each(struct str text, csv_take take, void *ctx, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	uint32_t line = 1;
	size_t bad;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	if (!utf8_valid(text, &bad))
		return FAIL(err, RC_BAD, "not UTF-8 at byte %zu (save the sheet as CSV UTF-8)", bad);
	if (str_starts(text, S("\xEF\xBB\xBF")))
		text = str_slice(text, 3, text.n);
	while (text.n > 0) {
		struct csv_record r;

		arena_reset(a);
		TRY(read_record(&text, &line, a, &r, err));
		if (!is_blank(&r))
			TRY(take(ctx, &r, err));
	}
	return RC_OK;
}
