#include "store/alike.h"

#include "base/map.h"
#include "store/internal.h"

#define TEXT_MAX 4096
#define COLUMNS "p.row, p.part, p.submission, p.path, p.sha256, p.sha1, p.md5, p.ctph, p.tlsh"

struct putting {
	const struct alike_part *parts;
	size_t n;
};

static enum rc put_one(struct db *d, int64_t row, struct str submission, const struct alike_part *p, struct err *err)
{
	TRY(DB_RUN(d, err, "INSERT INTO lab_part (row, part, submission, path, sha256, sha1, md5, ctph, tlsh) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", DB_INT(row),
		   DB_INT(p->part), DB_TEXT(submission), DB_TEXT(p->path), DB_TEXT(p->sha256), DB_TEXT(p->sha1), DB_TEXT(p->md5), DB_TEXT(p->ctph), DB_TEXT(p->tlsh)));
	for (size_t i = 0; i < p->n_keys; i++)
		TRY(DB_RUN(d, err, "INSERT INTO lab_near (key, row, part) VALUES ($1, $2, $3) ON CONFLICT (key, row, part) DO NOTHING", DB_INT(p->keys[i]),
			   DB_INT(row), DB_INT(p->part)));
	return RC_OK;
}

static enum rc put_job(struct store *s, void *ctx, struct err *err)
{
	const struct putting *x = ctx;
	const struct alike_part *first = &x->parts[0];
	int64_t there;
	enum rc rc;

	rc = DB_ONE_INT(s->write_db, &there, err, "SELECT row FROM submission WHERE id = $1 AND state < 3", DB_TEXT(first->submission));
	if (rc != RC_OK)
		return rc;
	TRY(DB_RUN(s->write_db, err, "DELETE FROM lab_near WHERE row = $1", DB_INT(there)));
	TRY(DB_RUN(s->write_db, err, "DELETE FROM lab_part WHERE row = $1", DB_INT(there)));
	for (size_t i = 0; i < x->n; i++)
		TRY(put_one(s->write_db, there, first->submission, &x->parts[i], err));
	return RC_OK;
}

enum rc alike_put(struct store *s, const struct alike_part *parts, size_t n, struct err *err)
{
	struct putting x = { parts, n };

	if (n == 0 || n > ALIKE_PARTS_MAX)
		return FAIL(err, RC_LIMIT, "submission: %zu parts", n);
	for (size_t i = 0; i < n; i++) {
		const struct str texts[] = { parts[i].submission, parts[i].path, parts[i].sha256, parts[i].sha1, parts[i].md5, parts[i].ctph, parts[i].tlsh };

		if (parts[i].n_keys > ALIKE_KEYS_MAX)
			return FAIL(err, RC_LIMIT, "submission: %zu keys", parts[i].n_keys);
		for (size_t k = 0; k < COUNTOF(texts); k++)
			TRY(text_check(texts[k], TEXT_MAX, "part of a submission", err));
	}
	return writer_do(s->writer, put_job, &x, err);
}

/* --- reading --- */

static bool fill(struct arena *a, const struct dbq *q, void *row)
{
	struct alike_part *p = row;
	struct str *const texts[] = { &p->submission, &p->path, &p->sha256, &p->sha1, &p->md5, &p->ctph, &p->tlsh };

	p->row = db_int(q, 0);
	p->part = (uint32_t)db_int(q, 1);
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(a, db_text(q, 2 + (int)i));
		if (texts[i]->p == NULL)
			return false;
	}
	p->keys = NULL;
	p->n_keys = 0;
	return true;
}

struct gathering {
	const struct alike_keys *ranges;
	size_t n;
	struct arena *a;
	struct map *known;
	struct alike_part *out;
	size_t found;
	bool cut;
};

static enum rc gather_range(struct db *d, struct gathering *g, const struct alike_keys *range, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT " COLUMNS " FROM lab_near n JOIN lab_part p ON p.row = n.row AND p.part = n.part WHERE n.key >= $1 AND n.key <= $2",
		     DB_INT(range->first), DB_INT(range->last)));
	for (;;) {
		int64_t key[2];
		struct str name = str_make((const char *)key, sizeof key);

		TRY(db_next(q, &row, err));
		if (!row)
			return RC_OK;
		key[0] = db_int(q, 0);
		key[1] = db_int(q, 1);
		if (map_get(g->known, name, NULL))
			continue;
		if (g->found == ALIKE_FOUND_MAX) {
			g->cut = true;
			return RC_OK;
		}
		if (map_put(g->known, name, 1) != RC_OK || !fill(g->a, q, &g->out[g->found]))
			return FAIL(err, RC_NOMEM, "similar files: out of memory");
		g->found++;
	}
}

static enum rc gather(struct db *d, void *ctx, struct err *err)
{
	struct gathering *g = ctx;

	for (size_t i = 0; i < g->n && !g->cut; i++)
		TRY(gather_range(d, g, &g->ranges[i], err));
	return RC_OK;
}

enum rc alike_near(struct store *s, const struct alike_keys *ranges, size_t n, struct arena *a, struct alike_part **ret, size_t *ret_n, bool *ret_cut, struct err *err)
{
	struct gathering g = { .ranges = ranges, .n = n, .a = a, .known = map_new(ALIKE_FOUND_MAX), .out = arena_array(a, ALIKE_FOUND_MAX, sizeof *g.out) };
	enum rc rc = g.known == NULL || g.out == NULL ? FAIL(err, RC_NOMEM, "similar files: out of memory") : store_read(s, gather, &g, err);

	map_free(g.known);
	*ret = g.out;
	*ret_n = g.found;
	*ret_cut = g.cut;
	return rc;
}

enum rc alike_same(struct store *s, struct str digest, uint32_t limit, struct arena *a, struct alike_part **ret, size_t *ret_n, struct err *err)
{
	struct listing l = { .what = "submissions", .size = sizeof(struct alike_part), .fill = fill, .a = a, .v = { DB_TEXT(digest), DB_INT(limit) }, .n_v = 2 };

	l.sql = digest.n == 64 ? "SELECT " COLUMNS " FROM lab_part p WHERE p.sha256 = $1 ORDER BY p.row, p.part LIMIT $2"
		: digest.n == 40 ? "SELECT " COLUMNS " FROM lab_part p WHERE p.sha1 = $1 AND p.sha1 <> '' ORDER BY p.row, p.part LIMIT $2"
				 : "SELECT " COLUMNS " FROM lab_part p WHERE p.md5 = $1 AND p.md5 <> '' ORDER BY p.row, p.part LIMIT $2";
	TRY(text_check(digest, 64, "digest", err));
	TRY(store_list(s, &l, limit, err));
	*ret = l.rows;
	*ret_n = l.n;
	return RC_OK;
}
