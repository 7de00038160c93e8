/* Sources by number (declared in objects.h). A number is given once and stays, so
 * both directions are remembered for as long as the store is open. */
#include "base/map.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/internal.h"

#define NAME_BYTES_MAX 256
#define KNOWN_MAX 100000 /* remembered; beyond, the database is asked */

struct store_sources {
	pthread_mutex_t lock;
	struct map *by_name;
};

struct store_sources *sources_new(void)
{
	struct store_sources *t = mem_alloc(sizeof *t);

	if (t == NULL)
		return NULL;
	t->by_name = map_new(KNOWN_MAX);
	if (t->by_name == NULL) {
		mem_free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void sources_free(struct store_sources *t)
{
	if (t == NULL)
		return;
	map_free(t->by_name);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

struct source {
	struct str name;
	int64_t id;
	struct arena *a;
};

static enum rc find(struct db *d, void *ctx, struct err *err)
{
	struct source *src = ctx;

	return DB_ONE_INT(d, &src->id, err, "SELECT id FROM source WHERE name = $1", DB_TEXT(src->name));
}

static enum rc make(struct store *s, void *ctx, struct err *err)
{
	struct source *src = ctx;
	enum rc rc = find(s->write_db, src, err);

	if (rc != RC_NOTFOUND)
		return rc;
	TRY(db_count_on(s->write_db, S("source"), 1, &src->id, err));
	return DB_RUN(s->write_db, err, "INSERT INTO source (id, name) VALUES ($1, $2)", DB_INT(src->id), DB_TEXT(src->name));
}

enum rc store_source_id(struct store *s, struct str name, uint32_t *ret, struct err *err)
{
	struct source src = { .name = name };
	uint64_t known;
	bool is_known;

	if (name.n == 0)
		return FAIL(err, RC_BAD, "source: a name is needed");
	TRY(text_check(name, NAME_BYTES_MAX, "source", err));
	pthread_mutex_lock(&s->sources->lock);
	is_known = map_get(s->sources->by_name, name, &known);
	pthread_mutex_unlock(&s->sources->lock);
	if (is_known) {
		*ret = (uint32_t)known;
		return RC_OK;
	}
	TRY(writer_do(s->writer, make, &src, err));
	pthread_mutex_lock(&s->sources->lock);
	/* Not remembered when full or out of memory: then it is asked for again. */
	is_known = map_put(s->sources->by_name, name, (uint64_t)src.id) == RC_OK;
	pthread_mutex_unlock(&s->sources->lock);
	*ret = (uint32_t)src.id;
	return RC_OK;
}

static enum rc read_name(struct db *d, void *ctx, struct err *err)
{
	struct source *src = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;

	TRY(DB_START(d, &q, err, "SELECT name FROM source WHERE id = $1", DB_INT(src->id)));
	TRY(db_next(q, &row, err));
	if (!row)
		return FAIL(err, RC_NOTFOUND, "source %lld: not known", (long long)src->id);
	src->name = arena_dup(src->a, db_text(q, 0));
	return src->name.p != NULL ? RC_OK : RC_NOMEM;
}

enum rc store_source_name(struct store *s, uint32_t id, struct arena *a, struct str *ret)
{
	struct source src = { .id = id, .a = a };

	TRY(store_read(s, read_name, &src, NULL));
	*ret = src.name;
	return RC_OK;
}
