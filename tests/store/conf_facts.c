/* The fact log: the chain grows without gaps, and every kind of tampering is found and named. */
#include "conformance.h"

#include "store/facts_internal.h"
#include "sys/keys.h"

struct signer {
	unsigned char pub[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN];
};

static bool sign(void *ctx, struct str head, unsigned char sig[static 64])
{
	const struct signer *k = ctx;

	sign_make(k->sec, head, sig);
	return true;
}

static void append(struct scene *sc, int n)
{
	enum rc rc = RC_OK;

	for (int i = 1; i <= n && rc == RC_OK; i++) {
		struct fact f = { .at = 1000 + i, .kind = i % 2 ? S("login.ok") : S("gate.release"), .actor = S("user:alice"),
				  .subject = S("thing"), .body = arena_fmt(sc->a, "{\"n\":%d}", i) };

		rc = fact_append(sc->s, &f, &sc->err);
	}
	DONE(sc, rc, "facts are appended");
}

struct seen {
	uint64_t n, last;
	bool in_order;
	int stop_after;
};

static bool count(void *ctx, const struct fact *f)
{
	struct seen *s = ctx;

	s->in_order = s->in_order && f->seq > s->last;
	s->last = f->seq;
	s->n++;
	return s->stop_after == 0 || s->n < (uint64_t)s->stop_after;
}

static void walk(struct scene *sc)
{
	struct seen all = { .in_order = true }, some = { .in_order = true }, few = { .in_order = true, .stop_after = 3 };

	append(sc, 20);
	DONE(sc, fact_each(sc->s, 0, S(""), count, &all, &sc->err), "all");
	OK(all.n == 20 && all.last == 20 && all.in_order, "twenty in order");
	DONE(sc, fact_each(sc->s, 10, S("gate."), count, &some, &sc->err), "by kind");
	OK(some.n == 5 && some.last == 20, "five releases behind the tenth");
	DONE(sc, fact_each(sc->s, 0, S(""), count, &few, &sc->err), "stopped");
	EQ_INT(few.n, 3, "by the visitor");
}

static void verify(struct scene *sc, const unsigned char *pub, const char *want, uint64_t first_bad)
{
	struct fact_verdict v = { 0 };

	DONE(sc, fact_verify(sc->s, pub, &v, &sc->err), "verified");
	EQ_STR(str_of(v.what), str_of(want), want[0] == '\0' ? "all good" : want);
	EQ_INT(v.first_bad, first_bad, "the first bad fact");
}

static void good_chain(struct scene *sc)
{
	struct signer k, other;
	struct fact_verdict v;

	sign_keypair(k.pub, k.sec);
	sign_keypair(other.pub, other.sec);
	verify(sc, NULL, "", 0);
	verify(sc, k.pub, "", 0);
	append(sc, 5);
	verify(sc, NULL, "", 0);
	verify(sc, k.pub, "the head is not signed", 5);
	fact_set_signer(sc->s, sign, &k);
	append(sc, 7);
	verify(sc, k.pub, "", 0);
	verify(sc, other.pub, "the head's signature does not fit", 12);
	DONE(sc, fact_verify(sc->s, NULL, &v, &sc->err), "verified");
	EQ_INT(v.checked, 12, "checked");
	fact_set_signer(sc->s, NULL, NULL);
}

/* What somebody with the database can do. `sql` may be several statements. */
static const struct tampering {
	const char *what, *sql, *verdict;
	uint64_t first_bad;
} TAMPERINGS[] = {
	{ "body changed", "UPDATE fact SET body = '{}' WHERE seq = 17", "fact 17: its content was changed", 17 },
	{ "actor changed", "UPDATE fact SET actor = 'user:mallory' WHERE seq = 1", "fact 1: its content was changed", 1 },
	{ "subject changed", "UPDATE fact SET subject = subject || 'x' WHERE seq = 20", "fact 20: its content was changed", 20 },
	{ "kind changed", "UPDATE fact SET kind = 'x' WHERE seq = 3", "fact 3: its content was changed", 3 },
	{ "text moved between columns", "UPDATE fact SET actor = actor || 't', subject = 'hing' WHERE seq = 3",
	  "fact 3: its content was changed", 3 },
	{ "time changed", "UPDATE fact SET at = at + 1 WHERE seq = 9", "fact 9: its content was changed", 9 },
	{ "hash changed", "UPDATE fact SET hash = prev WHERE seq = 9", "fact 9: its content was changed", 9 },
	{ "one dropped", "DELETE FROM fact WHERE seq = 18", "fact 18 is missing", 18 },
	{ "several dropped", "DELETE FROM fact WHERE seq BETWEEN 4 AND 6", "facts 4 to 6 are missing", 4 },
	{ "first dropped", "DELETE FROM fact WHERE seq = 1", "fact 1 is missing", 1 },
	{ "two neighbours exchanged",
	  "UPDATE fact SET seq = -3 WHERE seq = 3; UPDATE fact SET seq = 3 WHERE seq = 4; UPDATE fact SET seq = 4 WHERE seq = -3",
	  "facts 3 and 4 are exchanged", 3 },
	{ "two far apart exchanged",
	  "UPDATE fact SET seq = -3 WHERE seq = 3; UPDATE fact SET seq = 3 WHERE seq = 15; UPDATE fact SET seq = 15 WHERE seq = -3",
	  "facts 3 and 15 are exchanged", 3 },
	{ "dropped and closed up", "DELETE FROM fact WHERE seq = 20; UPDATE fact SET seq = 20 WHERE seq = 19",
	  "fact 19 is missing", 19 },
	{ "tail cut", "DELETE FROM fact WHERE seq = 20", "head names 20 facts, 19 are there", 20 },
	{ "all cut", "DELETE FROM fact", "head names 20 facts, 0 are there", 1 },
	{ "tail cut, head moved", "DELETE FROM fact WHERE seq = 20; UPDATE fact_head SET seq = 19",
	  "fact 19 is not the one that the head names", 19 },
	{ "tail cut, head rewritten",
	  "DELETE FROM fact WHERE seq = 20; UPDATE fact_head SET seq = 19, hash = (SELECT hash FROM fact WHERE seq = 19)",
	  "the head's signature does not fit", 19 },
	{ "head gone", "DELETE FROM fact_head", "the head is missing", 20 },
	{ "fact put behind the head",
	  "INSERT INTO fact SELECT 21, at, kind, actor, subject, body, hash, hash FROM fact WHERE seq = 20",
	  "fact 21: its content was changed", 21 },
	{ "head put back", "UPDATE fact_head SET seq = 19", "fact 20 lies behind the head, which names 19 facts", 20 },
	{ "signature gone", "UPDATE fact_head SET signature = hash", "the head is not signed", 20 },
	{ "digest cut short", "UPDATE fact SET prev = substr(prev, 1, 31) WHERE seq = 2", "fact 2: a digest has a wrong length", 2 },
	{ "all facts and the head gone", "DELETE FROM fact; DELETE FROM fact_head", "", 0 },
};

static void tampering(struct scene *sc)
{
	struct signer k;

	sign_keypair(k.pub, k.sec);
	for (size_t i = 0; i < COUNTOF(TAMPERINGS); i++) {
		const struct tampering *t = &TAMPERINGS[i];

		store_close(sc->s);
		sc->s = engine_fresh(sc->engine);
		if (!OK(sc->s != NULL, "%s: a fresh store", t->what))
			return;
		fact_set_signer(sc->s, sign, &k);
		append(sc, 20);
		OK(engine_tamper(sc->engine, t->sql), "%s", t->what);
		verify(sc, k.pub, t->verdict, t->first_bad);
	}
}

/* Long enough to be walked by several threads: where they meet nothing slips through. */
enum { LONG = 6000 };
static const struct tampering LONG_TAMPERINGS[] = {
	{ "nothing", "UPDATE fact SET at = at", "", 0 },
	{ "body changed in the second half", "UPDATE fact SET body = '{}' WHERE seq = 5001", "fact 5001: its content was changed", 5001 },
	{ "dropped where two stretches meet", "DELETE FROM fact WHERE seq = 3000", "fact 3000 is missing", 3000 },
	{ "dropped across it", "DELETE FROM fact WHERE seq BETWEEN 1400 AND 4600", "facts 1400 to 4600 are missing", 1400 },
	{ "another predecessor where they meet", "UPDATE fact SET prev = hash WHERE seq = 3001", "fact 3001: its content was changed", 3001 },
	{ "exchanged across the stretches",
	  "UPDATE fact SET seq = -3 WHERE seq = 3; UPDATE fact SET seq = 3 WHERE seq = 5555; UPDATE fact SET seq = 5555 WHERE seq = -3",
	  "facts 3 and 5555 are exchanged", 3 },
	{ "two things wrong: the first is named", "UPDATE fact SET actor = 'x' WHERE seq = 5900; UPDATE fact SET actor = 'x' WHERE seq = 100",
	  "fact 100: its content was changed", 100 },
	{ "tail cut", "DELETE FROM fact WHERE seq > 4000", "head names 6000 facts, 4000 are there", 4001 },
	{ "a rewritten fact with its hash, where they meet", NULL, "fact 3000 was rewritten: fact 3001 names another predecessor", 3000 },
};

static enum rc append_long(struct store *s, struct err *err)
{
	for (int i = 1; i <= LONG; i++) {
		char subject[24];
		struct fact f = { .at = 1000 + i, .kind = S("incident.reported"), .actor = i % 3 ? S("user:a") : S("user:b"), .body = S("{\"n\":1}") };

		snprintf(subject, sizeof subject, "s%d", i);
		f.subject = str_of(subject);
		TRY(fact_append_soon(s, &f, err));
	}
	return fact_flush(s, err);
}

struct rewritten {
	struct fact f;
	char hash[2 * SHA256_LEN + 1];
};

static bool rewrite(void *ctx, const struct fact *f)
{
	struct rewritten *w = ctx;
	unsigned char h[SHA256_LEN];

	w->f = *f;
	w->f.body = S("{}");
	fact_hash(&w->f, h);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(w->hash + 2 * i, 3, "%02x", h[i]);
	return false;
}

/* With the hash that fits its new content, as somebody would who may write into the database. */
static bool tamper_with_hash(struct scene *sc)
{
	struct rewritten w;
	char sql[300];

	if (fact_each(sc->s, LONG / 2 - 1, S(""), rewrite, &w, &sc->err) != RC_OK)
		return false;
	snprintf(sql, sizeof sql, "UPDATE fact SET body = '{}', hash = %s%s%s WHERE seq = %d", strcmp(sc->engine->name, "sqlite") == 0 ? "x'" : "'\\x",
		 w.hash, "'", LONG / 2);
	return engine_tamper(sc->engine, sql);
}

static void long_chain(struct scene *sc)
{
	struct signer k;

	sign_keypair(k.pub, k.sec);
	for (size_t i = 0; i < COUNTOF(LONG_TAMPERINGS); i++) {
		const struct tampering *t = &LONG_TAMPERINGS[i];

		store_close(sc->s);
		sc->s = engine_fresh(sc->engine);
		if (!OK(sc->s != NULL, "%s: a fresh store", t->what))
			return;
		fact_set_signer(sc->s, sign, &k);
		DONE(sc, append_long(sc->s, &sc->err), "a long chain");
		OK(t->sql != NULL ? engine_tamper(sc->engine, t->sql) : tamper_with_hash(sc), "%s", t->what);
		verify(sc, k.pub, t->verdict, t->first_bad);
	}
}

static void soon(struct scene *sc)
{
	struct seen all = { .in_order = true };
	enum rc rc = RC_OK;

	for (int i = 0; i < 100 && rc == RC_OK; i++) {
		struct fact f = { .kind = S("gate.release"), .actor = S("user:bob"), .subject = S("x"), .body = S("{}") };

		rc = fact_append_soon(sc->s, &f, &sc->err);
	}
	DONE(sc, rc, "queued");
	append(sc, 1);
	DONE(sc, fact_each(sc->s, 0, S(""), count, &all, &sc->err), "all");
	OK(all.n == 101 && all.in_order, "what was queued went first");
	for (int i = 0; i < 10; i++)
		GIVES(sc, RC_OK, fact_append_soon(sc->s, &(struct fact){ .kind = S("x") }, &sc->err), "queued");
	DONE(sc, fact_flush(sc->s, &sc->err), "flushed");
	all = (struct seen){ .in_order = true };
	DONE(sc, fact_each(sc->s, 0, S(""), count, &all, &sc->err), "all");
	EQ_INT(all.n, 111, "flush waits for the disk");
	GIVES(sc, RC_OK, fact_append_soon(sc->s, &(struct fact){ .kind = S("last") }, &sc->err), "one more");
	store_close(sc->s);
	sc->s = NULL;
	DONE(sc, engine_reopen(sc->engine, false, &sc->s, &sc->err), "opened again");
	all = (struct seen){ .in_order = true };
	DONE(sc, fact_each(sc->s, 0, S(""), count, &all, &sc->err), "all");
	EQ_INT(all.n, 112, "closing flushes");
	verify(sc, NULL, "", 0);
}

static void bad_facts(struct scene *sc)
{
	static char big[70000];

	memset(big, 'x', sizeof big);
	GIVES(sc, RC_BAD, fact_append(sc->s, &(struct fact){ .kind = S("") }, &sc->err), "no kind");
	GIVES(sc, RC_BAD, fact_append(sc->s, &(struct fact){ .kind = S("k"), .body = S("\xc0") }, &sc->err), "bad UTF-8");
	GIVES(sc, RC_BAD, fact_append_soon(sc->s, &(struct fact){ .kind = S("k"), .body = S("a\0b") }, &sc->err), "NUL");
	GIVES(sc, RC_LIMIT, fact_append(sc->s, &(struct fact){ .kind = S("k"), .body = str_make(big, sizeof big) }, &sc->err),
	      "too long");
	verify(sc, NULL, "", 0);
}

const struct conformance_case CASES_FACTS[] = {
	{ "walk", walk }, { "good chain", good_chain }, { "tampering", tampering }, { "long chain", long_chain }, { "soon", soon },
	{ "bad facts", bad_facts }, { NULL, NULL },
};
