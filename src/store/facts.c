/* Appending facts. The chain's head is a row of its own that is locked, extended
 * and signed in the same transaction as the facts, so two processes on one
 * PostgreSQL make one chain, and a crash leaves either both or neither.
 *
 * fact_append_soon keeps copies in memory until the next commit of anything, at the
 * latest until the writer's idle second. They leave memory only after the commit. */
#include "store/facts_internal.h"

#include <assert.h>

#include "base/mem.h"

#define SOON_MAX 65536
#define SOON_BYTES_MAX ((size_t)32 << 20)
#define EACH_PAGE 500

struct soon {
	struct soon *next;
	size_t bytes;
	struct fact f; /* its strings lie behind this struct */
};

struct facts {
	pthread_mutex_t lock;
	struct soon *head, **tail; /* waiting; also those in a transaction under way, until it is committed */
	size_t n, bytes;
	fact_signer signer;
	void *signer_ctx;
	/* The SQL writer's thread only: the head inside its transaction. */
	uint64_t seq;
	unsigned char hash[SHA256_LEN];
	bool loaded, grown;
	size_t n_written; /* of the waiting ones, in this transaction */
};

struct facts *facts_new(void)
{
	struct facts *f = mem_alloc(sizeof *f);

	if (f == NULL)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	f->tail = &f->head;
	return f;
}

/* Takes the first `n` off the list; the lock is held. */
static void drop_first(struct facts *f, size_t n)
{
	while (n-- > 0) {
		struct soon *first = f->head;

		assert(first != NULL);
		f->head = first->next;
		f->n--;
		f->bytes -= first->bytes;
		mem_free(first);
	}
	if (f->head == NULL)
		f->tail = &f->head;
}

void facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	drop_first(f, f->n);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
}

void fact_set_signer(struct store *s, fact_signer fn, void *ctx)
{
	pthread_mutex_lock(&s->facts->lock);
	s->facts->signer = fn;
	s->facts->signer_ctx = ctx;
	pthread_mutex_unlock(&s->facts->lock);
}

static unsigned char *put_le64(unsigned char *out, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		*out++ = (unsigned char)(v >> (8 * i));
	return out;
}

/* Where a digest of `text` may lie in the memory; its last byte is where numbered names differ. */
static bool remembered(struct fact_memo *m, struct str text, size_t *ret_slot)
{
	*ret_slot = FACT_MEMO_SLOTS;
	if (m == NULL || text.n == 0 || text.n > FACT_MEMO_TEXT)
		return false;
	*ret_slot = (text.n + (unsigned char)text.p[text.n - 1]) % FACT_MEMO_SLOTS;
	return m->slots[*ret_slot].there && str_eq(text, str_make(m->slots[*ret_slot].text, m->slots[*ret_slot].n));
}

static void digest_memo(struct fact_memo *m, struct str text, unsigned char out[static SHA256_LEN])
{
	size_t slot;

	if (remembered(m, text, &slot)) {
		memcpy(out, m->slots[slot].digest, SHA256_LEN);
		return;
	}
	hash_sha256(text, out);
	if (slot < FACT_MEMO_SLOTS) {
		m->slots[slot].there = true;
		m->slots[slot].n = (uint8_t)text.n;
		memcpy(m->slots[slot].text, text.p, text.n);
		memcpy(m->slots[slot].digest, out, SHA256_LEN);
	}
}

void fact_hash_memo(const struct fact *f, struct fact_memo *m, unsigned char out[static SHA256_LEN])
{
	const struct { struct str text; struct fact_memo *memo; } texts[] = { { f->kind, m }, { f->actor, m }, { f->subject, m }, { f->body, NULL } };
	unsigned char all[8 + 8 + COUNTOF(texts) * SHA256_LEN + SHA256_LEN], *at = all;

	at = put_le64(at, f->seq);
	at = put_le64(at, (uint64_t)f->at);
	for (size_t i = 0; i < COUNTOF(texts); i++, at += SHA256_LEN)
		digest_memo(texts[i].memo, texts[i].text, at);
	memcpy(at, f->prev, SHA256_LEN);
	hash_sha256(str_make((const char *)all, sizeof all), out);
}

void fact_hash(const struct fact *f, unsigned char out[static SHA256_LEN])
{
	fact_hash_memo(f, NULL, out);
}

struct str fact_head_text(uint64_t seq, const unsigned char hash[static SHA256_LEN], char out[static FACT_HEAD_TEXT_MAX])
{
	int n = snprintf(out, FACT_HEAD_TEXT_MAX, "lianfang fact head %llu ", (unsigned long long)seq);

	for (int i = 0; i < SHA256_LEN; i++, n += 2)
		snprintf(out + n, 3, "%02x", hash[i]);
	return str_make(out, (size_t)n);
}

static enum rc check(const struct fact *f, struct err *err)
{
	if (f->kind.n == 0)
		return FAIL(err, RC_BAD, "fact: no kind");
	TRY(text_check(f->kind, FACT_KIND_MAX, "fact: kind", err));
	TRY(text_check(f->actor, FACT_NAME_MAX, "fact: actor", err));
	TRY(text_check(f->subject, FACT_NAME_MAX, "fact: subject", err));
	return text_check(f->body, FACT_BODY_MAX, "fact: body", err);
}

static bool copy_digest(struct str from, unsigned char to[static SHA256_LEN])
{
	if (from.n != SHA256_LEN)
		return false;
	memcpy(to, from.p, SHA256_LEN);
	return true;
}

enum rc fact_head_read(struct db *d, struct fact_head *h, struct err *err)
{
	struct dbq *q CLEANUP(db_endp) = NULL;
	struct str sig;

	*h = (struct fact_head){ 0 };
	TRY(DB_START(d, &q, err, "SELECT seq, hash, signature FROM fact_head WHERE one = 1"));
	TRY(db_next(q, &h->there, err));
	if (!h->there)
		return RC_OK;
	h->seq = (uint64_t)db_int(q, 0);
	if (!copy_digest(db_bytes(q, 1), h->hash))
		return FAIL(err, RC_CORRUPT, "facts: the head's hash has a wrong length");
	sig = db_bytes(q, 2);
	h->is_signed = sig.n == sizeof h->signature;
	if (h->is_signed)
		memcpy(h->signature, sig.p, sig.n);
	return RC_OK;
}

/* An UPDATE that changes nothing, because it locks the head's row against another process on both engines. */
static enum rc load_head(struct facts *f, struct db *d, struct err *err)
{
	struct fact_head h;

	TRY(DB_RUN(d, err, "UPDATE fact_head SET seq = seq WHERE one = 1"));
	TRY(fact_head_read(d, &h, err));
	f->seq = h.seq;
	memcpy(f->hash, h.hash, sizeof f->hash);
	f->loaded = true;
	return RC_OK;
}

enum rc fact_append_here(struct store *s, const struct fact *in, struct err *err)
{
	struct facts *f = s->facts;
	struct fact out = *in;

	if (!f->loaded)
		TRY(load_head(f, s->write_db, err));
	out.seq = f->seq + 1;
	memcpy(out.prev, f->hash, sizeof out.prev);
	fact_hash(&out, out.hash);
	TRY(DB_RUN(s->write_db, err, "INSERT INTO fact (" FACT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		   DB_INT(out.seq), DB_INT(out.at), DB_TEXT(out.kind), DB_TEXT(out.actor), DB_TEXT(out.subject),
		   DB_TEXT(out.body), DB_BYTES(str_make((const char *)out.prev, SHA256_LEN)),
		   DB_BYTES(str_make((const char *)out.hash, SHA256_LEN))));
	f->seq = out.seq;
	memcpy(f->hash, out.hash, sizeof f->hash);
	f->grown = true;
	return RC_OK;
}

enum rc facts_begin(struct store *s, struct err *err)
{
	struct facts *f = s->facts;
	struct soon *first;
	size_t n;

	pthread_mutex_lock(&f->lock);
	first = f->head;
	n = f->n;
	pthread_mutex_unlock(&f->lock);

	/* Only this thread takes from the list, so its first n stay put while others append behind them;
	 * the link of the n-th is theirs to write. */
	f->n_written = 0;
	for (struct soon *e = first; f->n_written < n; e = f->n_written < n ? e->next : NULL) {
		TRY(fact_append_here(s, &e->f, err));
		f->n_written++;
	}
	return RC_OK;
}

enum rc facts_seal(struct store *s, struct err *err)
{
	struct facts *f = s->facts;
	char text[FACT_HEAD_TEXT_MAX];
	unsigned char sig[64];
	struct str signature = S("");
	fact_signer signer;
	void *ctx;

	if (!f->grown)
		return RC_OK;
	pthread_mutex_lock(&f->lock);
	signer = f->signer;
	ctx = f->signer_ctx;
	pthread_mutex_unlock(&f->lock);
	if (signer != NULL) {
		if (!signer(ctx, fact_head_text(f->seq, f->hash, text), sig))
			return FAIL(err, RC_INTERNAL, "facts: the signer gave no signature for the head");
		signature = str_make((const char *)sig, sizeof sig);
	}
	return DB_RUN(s->write_db, err,
		      "INSERT INTO fact_head (one, seq, hash, signature) VALUES (1, $1, $2, $3) ON CONFLICT (one) "
		      "DO UPDATE SET seq = excluded.seq, hash = excluded.hash, signature = excluded.signature",
		      DB_INT(f->seq), DB_BYTES(str_make((const char *)f->hash, SHA256_LEN)), DB_BYTES(signature));
}

void facts_committed(struct store *s)
{
	struct facts *f = s->facts;

	pthread_mutex_lock(&f->lock);
	drop_first(f, f->n_written);
	pthread_mutex_unlock(&f->lock);
	f->n_written = 0;
	f->loaded = f->grown = false;
}

void facts_rolled_back(struct store *s)
{
	s->facts->n_written = 0;
	s->facts->loaded = s->facts->grown = false;
}

bool facts_waiting(struct store *s)
{
	bool waiting;

	pthread_mutex_lock(&s->facts->lock);
	waiting = s->facts->n > 0;
	pthread_mutex_unlock(&s->facts->lock);
	return waiting;
}

static enum rc append_job(struct store *s, void *ctx, struct err *err)
{
	return fact_append_here(s, ctx, err);
}

enum rc fact_append(struct store *s, const struct fact *f, struct err *err)
{
	struct fact in = *f;

	TRY(check(f, err));
	if (in.at == 0)
		in.at = time_now();
	return writer_do(s->writer, append_job, &in, err);
}

static struct str copy_behind(char **at, struct str s)
{
	struct str copy = str_make(*at, s.n);

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static struct soon *soon_new(const struct fact *f)
{
	size_t bytes = sizeof(struct soon) + f->kind.n + f->actor.n + f->subject.n + f->body.n;
	struct soon *e = mem_alloc(bytes);
	char *at;

	if (e == NULL)
		return NULL;
	at = (char *)(e + 1);
	e->bytes = bytes;
	e->f.at = f->at == 0 ? time_now() : f->at;
	e->f.kind = copy_behind(&at, f->kind);
	e->f.actor = copy_behind(&at, f->actor);
	e->f.subject = copy_behind(&at, f->subject);
	e->f.body = copy_behind(&at, f->body);
	return e;
}

enum rc fact_append_soon(struct store *s, const struct fact *f, struct err *err)
{
	struct facts *facts = s->facts;
	struct soon *e;
	bool full;

	TRY(check(f, err));
	if (s->writer == NULL)
		return FAIL(err, RC_DENIED, "store: opened for reading only");
	e = soon_new(f);
	if (e == NULL)
		return FAIL(err, RC_NOMEM, "fact: no memory");
	pthread_mutex_lock(&facts->lock);
	full = facts->n >= SOON_MAX || facts->bytes + e->bytes > SOON_BYTES_MAX;
	if (!full) {
		*facts->tail = e;
		facts->tail = &e->next;
		facts->n++;
		facts->bytes += e->bytes;
	}
	pthread_mutex_unlock(&facts->lock);
	if (!full)
		return RC_OK;
	mem_free(e);
	return FAIL(err, RC_BUSY, "fact: too many facts wait for the disk");
}

static enum rc nothing(struct store *s UNUSED, void *ctx UNUSED, struct err *err UNUSED)
{
	return RC_OK;
}

enum rc fact_flush(struct store *s, struct err *err)
{
	return facts_waiting(s) ? writer_do(s->writer, nothing, NULL, err) : RC_OK;
}

enum rc fact_from_row(const struct dbq *q, struct fact *f, struct err *err)
{
	*f = (struct fact){ .seq = (uint64_t)db_int(q, 0), .at = db_int(q, 1), .kind = db_text(q, 2), .actor = db_text(q, 3),
			    .subject = db_text(q, 4), .body = db_text(q, 5) };
	if (!copy_digest(db_bytes(q, 6), f->prev) || !copy_digest(db_bytes(q, 7), f->hash))
		return FAIL(err, RC_CORRUPT, "fact %llu: a digest has a wrong length", (unsigned long long)f->seq);
	return RC_OK;
}

struct each {
	uint64_t after;
	struct str kind;
	fact_visit fn;
	void *ctx;
	bool more; /* the page was full, and the visitor wants the next */
};

/* One page: neither engine should hold a read of the whole log open while a visitor works. */
static enum rc each_page(struct db *d, void *ctx, struct err *err)
{
	struct each *e = ctx;
	struct dbq *q CLEANUP(db_endp) = NULL;
	bool row;
	int n = 0;

	TRY(DB_START(d, &q, err, "SELECT " FACT_COLUMNS " FROM fact WHERE seq > $1 ORDER BY seq LIMIT $2",
		     DB_INT(e->after), DB_INT(EACH_PAGE)));
	for (e->more = true;; n++) {
		struct fact f;

		TRY(db_next(q, &row, err));
		if (!row)
			break;
		TRY(fact_from_row(q, &f, err));
		e->after = f.seq;
		if (str_starts(f.kind, e->kind) && !e->fn(e->ctx, &f)) {
			e->more = false;
			return RC_OK;
		}
	}
	e->more = n == EACH_PAGE;
	return RC_OK;
}

enum rc fact_each(struct store *s, uint64_t after, struct str kind, fact_visit fn, void *ctx, struct err *err)
{
	struct each e = { .after = after, .kind = kind, .fn = fn, .ctx = ctx, .more = true };

	while (e.more)
		TRY(store_read(s, each_page, &e, err));
	return RC_OK;
}
