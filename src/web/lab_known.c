#include "web/lab_known.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/text.h"

#define HEADS ((size_t)1 << LAB_PREFIX_BITS)
#define PAGE 1000
#define ARENA ((size_t)32 << 20)
#define NOBODY UINT32_MAX

enum reach { REACH_NONE, REACH_ACCOUNTS, REACH_ALL };

struct entry {
	unsigned char sha256[SHA256_LEN];
	uint32_t next;
	uint8_t verdict, reach; /* verdict: place in VERDICTS; reach: enum reach */
};

struct lab_known {
	pthread_rwlock_t lock;
	uint32_t *heads;
	struct entry *entries;
	size_t n, cap;
};

/* In words, as rows hold them: the lab's own numbers are none of the store's business. */
static const char *const VERDICTS[] = { "incomplete", "no-finding", "known-good", "unsupported", "suspicious", "malicious" };

static uint8_t verdict_of(struct str name)
{
	for (size_t i = 0; i < COUNTOF(VERDICTS); i++)
		if (str_eq(name, str_of(VERDICTS[i])))
			return (uint8_t)i;
	return 0;
}

static enum reach reach_of(const struct submission *s)
{
	switch (s->privacy) {
	case PRIVACY_PUBLIC: return REACH_ALL;
	case PRIVACY_GOVERNMENT: return REACH_ACCOUNTS;
	case PRIVACY_VERDICT: return str_eq(s->verdict, S("malicious")) ? REACH_ALL : REACH_NONE;
	case PRIVACY_HASH: break;
	}
	return REACH_NONE;
}

static bool digest_of(struct str hex, unsigned char ret[static SHA256_LEN])
{
	if (hex.n != 2 * SHA256_LEN)
		return false;
	for (size_t i = 0; i < SHA256_LEN; i++) {
		int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static uint32_t prefix_of(const unsigned char *digest)
{
	return (uint32_t)digest[0] << 12 | (uint32_t)digest[1] << 4 | digest[2] >> 4;
}

static struct entry *find(struct lab_known *k, const unsigned char *digest)
{
	for (uint32_t i = k->heads[prefix_of(digest)]; i != NOBODY; i = k->entries[i].next)
		if (memcmp(k->entries[i].sha256, digest, SHA256_LEN) == 0)
			return &k->entries[i];
	return NULL;
}

static struct entry *add(struct lab_known *k, const unsigned char *digest)
{
	struct entry *e;

	if (k->n == LAB_KNOWN_MAX)
		return NULL;
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 1024 : k->cap * 2;
		struct entry *more = mem_resize(k->entries, cap * sizeof *more);

		if (more == NULL)
			return NULL;
		k->entries = more;
		k->cap = cap;
	}
	e = &k->entries[k->n];
	*e = (struct entry){ .next = k->heads[prefix_of(digest)] };
	memcpy(e->sha256, digest, SHA256_LEN);
	k->heads[prefix_of(digest)] = (uint32_t)k->n++;
	return e;
}

static void learn(struct lab_known *k, const struct submission *s)
{
	unsigned char digest[SHA256_LEN];
	enum reach reach = reach_of(s);
	struct entry *e;

	if (s->state != SUBMISSION_DONE || !digest_of(s->sha256, digest))
		return;
	e = find(k, digest);
	/* What is told must also be told to be wrong: a later verdict of a file that is not told by itself takes the earlier one back. */
	if (reach == REACH_NONE && (e == NULL || e->reach == REACH_NONE))
		return;
	if (e == NULL)
		e = add(k, digest);
	if (e == NULL)
		return;
	e->verdict = verdict_of(s->verdict);
	e->reach = e->reach > (uint8_t)reach ? e->reach : (uint8_t)reach;
}

void lab_known_learn(struct lab_known *k, const struct submission *s)
{
	pthread_rwlock_wrlock(&k->lock);
	learn(k, s);
	pthread_rwlock_unlock(&k->lock);
}

void lab_known_relearn(struct lab_known *k, struct store *s, struct str sha256)
{
	const struct submission_filter f = { .state = SUBMISSION_DONE, .sha256 = sha256, .limit = PAGE, .every_class = true };
	struct arena *a CLEANUP(arena_freep) = arena_new(ARENA);
	unsigned char digest[SHA256_LEN];
	struct submission *list;
	struct entry *e;
	size_t n = 0;

	if (a == NULL || !digest_of(sha256, digest) || submission_list(s, &f, a, &list, &n, NULL) != RC_OK)
		n = 0; /* then it is told no more: the safe side */
	pthread_rwlock_wrlock(&k->lock);
	e = find(k, digest);
	if (e != NULL)
		e->reach = REACH_NONE;
	while (n > 0)
		learn(k, &list[--n]);
	pthread_rwlock_unlock(&k->lock);
}

static enum rc read_all(struct lab_known *k, struct store *s, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ARENA);
	struct submission *list;
	int64_t after = 0;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	do {
		TRY(submission_done_after(s, after, PAGE, a, &list, &n, err));
		for (size_t i = 0; i < n; i++)
			learn(k, &list[i]);
		after = n > 0 ? list[n - 1].done : after;
		arena_reset(a);
	} while (n == PAGE);
	return RC_OK;
}

enum rc lab_known_new(struct store *s, struct lab_known **ret, struct err *err)
{
	struct lab_known *k = mem_alloc(sizeof *k);
	enum rc rc;

	if (k == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	pthread_rwlock_init(&k->lock, NULL);
	k->heads = mem_array(HEADS, sizeof *k->heads);
	if (k->heads != NULL)
		memset(k->heads, 0xFF, HEADS * sizeof *k->heads);
	rc = k->heads == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : read_all(k, s, err);
	if (rc != RC_OK) {
		lab_known_free(k);
		return rc;
	}
	*ret = k;
	return RC_OK;
}

void lab_known_free(struct lab_known *k)
{
	if (k == NULL)
		return;
	pthread_rwlock_destroy(&k->lock);
	mem_free(k->entries);
	mem_free(k->heads);
	mem_free(k);
}

void lab_known_put(struct lab_known *k, uint32_t prefix, bool account, struct jsonw *w)
{
	char hex[2 * SHA256_LEN + 1];

	if (prefix >= HEADS)
		return;
	pthread_rwlock_rdlock(&k->lock);
	for (uint32_t i = k->heads[prefix]; i != NOBODY; i = k->entries[i].next) {
		const struct entry *e = &k->entries[i];

		if (e->reach < (account ? REACH_ACCOUNTS : REACH_ALL))
			continue;
		for (size_t b = 0; b < SHA256_LEN; b++)
			snprintf(hex + 2 * b, 3, "%02x", e->sha256[b]);
		jsonw_object(w);
		jsonw_m_cstr(w, "sha256", hex);
		jsonw_m_cstr(w, "verdict", VERDICTS[e->verdict]);
		jsonw_object_end(w);
	}
	pthread_rwlock_unlock(&k->lock);
}

size_t lab_known_count(struct lab_known *k)
{
	size_t n;

	pthread_rwlock_rdlock(&k->lock);
	n = k->n;
	pthread_rwlock_unlock(&k->lock);
	return n;
}
