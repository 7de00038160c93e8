/* Opening, closing, transactions, and what is answered without a page. */
#include "store/objlog.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/objlog_int.h"
#include "sys/file.h"

#define APPLY_SLICE 16u                   /* records applied in one hold of the lock */
#define TEXTS_MAX ((size_t)96 << 20)
#define STAGED_KEEP 2048u                 /* records whose memory stays between transactions */

static void free_index(struct objlog *l)
{
	for (uint32_t i = 0; i < l->n_blocks; i++)
		mem_free(l->blocks[i]);
	for (uint32_t i = 0; i < l->n_chunks; i++)
		mem_free(l->chunks[i]);
	for (uint32_t i = 0; i < l->n_colls; i++) {
		for (uint32_t t = 0; t < l->colls[i]->cap_postings; t++)
			mem_free(l->colls[i]->postings[t].p);
		mem_free(l->colls[i]->postings);
		mem_free(l->colls[i]->refs);
		mem_free(l->colls[i]);
	}
	for (uint32_t i = 0; i < SHARDS; i++)
		mem_free(l->shards[i].slots);
	for (uint32_t i = 0; i < l->n_odds; i++)
		mem_free(l->odds[i]);
	for (uint32_t i = 0; i < l->n_types; i++)
		mem_free(l->types[i].p);
	mem_free(l->blocks);
	mem_free(l->chunks);
	mem_free(l->colls);
	mem_free(l->by_row);
	mem_free(l->claims);
	mem_free(l->odds);
}

static void free_all(struct objlog *l)
{
	objlog_rollback(l);
	free_index(l);
	objlog_compaction_free(l);
	objlog_cache_free(l);
	for (uint32_t i = 0; i < l->n_segments; i++) {
		file_closep(&l->segments[i].fd[0]);
		file_closep(&l->segments[i].fd[1]);
	}
	mem_free(l->staged);
	mem_free(l->staged_ids);
	mem_free(l->batches);
	buf_done(&l->meta);
	buf_done(&l->out);
	buf_done(&l->scratch);
	arena_free(l->texts);
	pthread_rwlock_destroy(&l->lock);
	mem_free(l->dir);
	mem_free(l);
}

static struct objlog *make(const struct objlog_config *c)
{
	struct objlog *l = mem_alloc(sizeof *l);
	pthread_rwlockattr_t attr;

	if (l == NULL)
		return NULL;
	/* Many readers in a row must not keep the writer out for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&l->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	l->read_only = c->read_only;
	l->segment_bytes = c->segment_bytes == 0 ? SEGMENT_BYTES : c->segment_bytes;
	buf_init(&l->meta, FRAME_META_MAX);
	buf_init(&l->out, (size_t)1 << 20);
	buf_init(&l->scratch, OBJECT_BODY_MAX + 1);
	l->dir = mem_strdup(c->dir);
	l->texts = arena_new(TEXTS_MAX);
	if (l->dir == NULL || l->texts == NULL || objlog_cache_new(l, NULL) != RC_OK) {
		free_all(l);
		return NULL;
	}
	return l;
}

static enum rc load(struct objlog *l, const struct objlog_config *c, struct err *err)
{
	bool may_create = c->create && !c->read_only;
	enum rc rc;

	if (may_create)
		TRY(file_mkdir(l->dir, 0700, err));
	rc = objlog_scan(l, err);
	if (rc != RC_NOTFOUND || !may_create)
		return rc;
	random_bytes(l->store_id, sizeof l->store_id);
	return objlog_segment_new(l, err);
}

enum rc objlog_open(const struct objlog_config *c, struct objlog **ret, struct err *err)
{
	struct objlog *l = make(c);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory");
	rc = load(l, c, err);
	if (rc != RC_OK) {
		free_all(l);
		return rc;
	}
	*ret = l;
	return RC_OK;
}

void objlog_close(struct objlog *l)
{
	if (l == NULL)
		return;
	if (!l->read_only && !l->broken && !l->clean && l->segments[l->n_segments - 1].size > SEGMENT_HEAD)
		objlog_append_close(l);
	free_all(l);
}

enum rc objlog_begin(struct objlog *l, struct err *err)
{
	if (l->read_only)
		return FAIL(err, RC_DENIED, "object log: opened for reading only");
	if (l->broken)
		return FAIL(err, RC_IO, "object log: an earlier write failed; open it again");
	if (l->tx != TX_NONE)
		return FAIL(err, RC_INTERNAL, "object log: a transaction is under way");
	l->tx = TX_OPEN;
	return RC_OK;
}

static void end_tx(struct objlog *l)
{
	l->tx = TX_NONE;
	if (l->cap_staged > STAGED_KEEP) {
		mem_free(l->staged);
		mem_free(l->staged_ids);
		l->staged = NULL;
		l->staged_ids = NULL;
		l->cap_staged = l->cap_staged_ids = 0;
	}
	if (l->n_staged > 0 && l->cap_staged_ids > 0)
		memset(l->staged_ids, 0, l->cap_staged_ids * sizeof *l->staged_ids);
	l->n_staged = l->n_batches = 0;
	l->staged_bytes = 0;
}

void objlog_rollback(struct objlog *l)
{
	for (uint32_t i = 0; i < l->n_staged; i++)
		mem_free(l->staged[i].odd);
	objlog_reserve_undo(l);
	end_tx(l);
}

static void apply_batch(struct objlog *l, const struct staged_batch *b)
{
	for (uint32_t i = 0; i < b->n;) {
		pthread_rwlock_wrlock(&l->lock);
		do
			objlog_apply(l, &l->staged[b->first + i++], b);
		while (i < b->n && i % APPLY_SLICE != 0);
		pthread_rwlock_unlock(&l->lock);
	}
}

enum rc objlog_commit(struct objlog *l, struct err *err)
{
	if (l->tx == TX_NONE || l->tx == TX_FAILED)
		return FAIL(err, RC_INTERNAL, "object log: nothing to commit");
	if (l->n_batches > 0)
		TRY(objlog_append(l, err));
	for (uint32_t i = 0; i < l->n_batches; i++)
		apply_batch(l, &l->batches[i]);
	end_tx(l);
	return RC_OK;
}

enum rc objlog_page(struct objlog *l, const struct page_query *q, struct page *ret, struct err *err)
{
	struct hit_limits limits = { .n = q->limit, .bytes = UINT64_MAX };
	struct hits hits;
	uint32_t epoch;
	enum rc rc;

	if (q->bodies)
		limits.bytes = q->max_bytes == 0 || q->max_bytes > PAGE_BYTES_MAX ? PAGE_BYTES_MAX : q->max_bytes;
	epoch = objlog_reader_enter(l);
	rc = objlog_query(l, q, &limits, &hits, err);
	if (rc == RC_OK)
		rc = objlog_reply(l, &hits, q->bodies, ret, err);
	objlog_reader_leave(l, epoch);
	mem_free(hits.p);
	return rc;
}

enum rc objlog_count(struct objlog *l, const struct page_query *q, uint64_t *ret, struct err *err)
{
	struct hit_limits limits = { .count_only = true };
	struct hits hits;

	TRY(objlog_query(l, q, &limits, &hits, err));
	*ret = hits.count;
	return RC_OK;
}

static size_t count_claims(const struct objlog *l, uint32_t newest)
{
	size_t n = 0;

	for (uint32_t x = newest; x != NONE; x = objlog_object(l, x)->next) {
		n++;
		for (uint32_t at = objlog_object(l, x)->claims; at != NONE; at = l->claims[at].next)
			n++;
	}
	return n;
}

static size_t list_claims(const struct objlog *l, uint32_t x, struct arena *a, struct claim *to)
{
	const struct object *o = objlog_object(l, x);
	char text[VERSION_TEXT_MAX];
	struct str version = arena_dup(a, str_make(text, objlog_version_write(o, o->odd ? objlog_odd(l, x) : NULL, text)));
	bool inside = o->claims == NONE || l->claims[o->claims].source != o->source;
	size_t n = 0;

	if (inside)
		to[n++] = (struct claim){ o->source, o->received, (uint8_t)o->claim_tlp, o->confidence, version };
	for (uint32_t at = o->claims; at != NONE; at = l->claims[at].next) {
		const struct claim_more *c = &l->claims[at];

		to[n++] = (struct claim){ c->source, c->received, c->tlp, c->confidence, version };
	}
	return n;
}

static int claim_cmp(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->received != y->received)
		return x->received < y->received ? -1 : 1;
	return x->source < y->source ? -1 : x->source > y->source;
}

static enum rc claims_of(const struct objlog *l, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err)
{
	unsigned char uuid[16];
	uint32_t code, newest;
	struct claim *c;
	struct str type;
	size_t n = 0;

	if (!objlog_id_split(id, &type, uuid, &(bool){ false }) || (code = objlog_type_find(l, type)) == NONE ||
	    (newest = objlog_find(l, objlog_id_hash(code, uuid), code, uuid)) == NONE)
		return FAIL(err, RC_NOTFOUND, "no such object");
	c = arena_array(a, count_claims(l, newest), sizeof *c);
	if (c == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for claims");
	for (uint32_t x = newest; x != NONE; x = objlog_object(l, x)->next)
		n += list_claims(l, x, a, c + n);
	for (size_t i = 0; i < n; i++)
		if (c[i].version.p == NULL)
			return FAIL(err, RC_NOMEM, "object log: no memory for claims");
	*ret = c;
	*ret_n = n;
	return RC_OK;
}

enum rc objlog_claims(struct objlog *l, struct str id, struct arena *a, struct claim **ret, size_t *ret_n, struct err *err)
{
	enum rc rc;

	pthread_rwlock_rdlock(&l->lock);
	rc = claims_of(l, id, a, ret, ret_n, err);
	pthread_rwlock_unlock(&l->lock);
	if (rc == RC_OK)
		qsort(*ret, *ret_n, sizeof **ret, claim_cmp);
	return rc;
}

enum rc objlog_digest(struct objlog *l, uint32_t collection, uint32_t tlp_mask, uint64_t *ret_count,
		      unsigned char out[static 32], struct err *err)
{
	uint64_t lanes[4] = { 0 }, count = 0;
	uint32_t coll;

	(void)err;
	pthread_rwlock_rdlock(&l->lock);
	coll = objlog_coll_find(l, collection);
	for (size_t t = 0; coll != NONE && t < TLP_LEVELS; t++) {
		const struct tally *level = &l->colls[coll]->tally[t];

		if (!(tlp_mask >> t & 1u))
			continue;
		count += level->count;
		for (size_t i = 0; i < COUNTOF(lanes); i++)
			lanes[i] += level->lanes[i];
	}
	pthread_rwlock_unlock(&l->lock);
	for (size_t i = 0; i < 32; i++)
		out[i] = (unsigned char)(lanes[i / 8] >> (8 * (i % 8)));
	*ret_count = count;
	return RC_OK;
}

void objlog_stats(struct objlog *l, struct objlog_stats *ret)
{
	*ret = (struct objlog_stats){ l->ids, l->versions, l->bytes, l->dead, l->cut };
}

/* RC_NOTFOUND behind the last segment. */
static enum rc verify_segment(struct objlog *l, uint32_t number, struct buf *scratch, uint64_t *checked, struct err *err)
{
	struct frames fs;
	struct frame f;
	struct str meta;
	uint64_t bad_at = 0;
	enum rc rc = RC_OK;
	bool good = true, there;

	/* The segment may be written anew while we look: size and file belong together. */
	pthread_rwlock_rdlock(&l->lock);
	there = number <= l->n_segments;
	if (there)
		objlog_frames_init(&fs, l, number, l->segments[number - 1].size, SEGMENT_HEAD);
	pthread_rwlock_unlock(&l->lock);
	if (!there)
		return RC_NOTFOUND;
	for (; fs.at < fs.size && rc == RC_OK && good && bad_at == 0; fs.at += objlog_frame_size(&f)) {
		rc = objlog_frames_next(&fs, &f, &meta, &good, err);
		if (rc != RC_OK || !good)
			break;
		rc = objlog_bodies_check(&fs, &f, meta, scratch, &bad_at, err);
		*checked += f.count;
	}
	if (rc == RC_OK && (!good || bad_at != 0))
		rc = FAIL(err, RC_CORRUPT, "objects-%06u.log: damaged at %llu", number,
			  (unsigned long long)(bad_at != 0 ? bad_at : fs.at));
	objlog_frames_done(&fs);
	return rc;
}

enum rc objlog_verify(struct objlog *l, uint64_t *ret_checked, struct err *err)
{
	struct buf scratch;
	enum rc rc = RC_OK;

	*ret_checked = 0;
	buf_init(&scratch, OBJECT_BODY_MAX + 1);
	for (uint32_t number = 1; rc == RC_OK; number++) {
		uint32_t epoch = objlog_reader_enter(l);

		rc = verify_segment(l, number, &scratch, ret_checked, err);
		objlog_reader_leave(l, epoch);
	}
	rc = rc == RC_NOTFOUND ? RC_OK : rc;
	buf_done(&scratch);
	return rc;
}
