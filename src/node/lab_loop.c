/* The cursor is the number of the last verdict that was dealt with: a crash repeats some, and repeating changes nothing (lab_share.h). What
 * cannot be done now, since the disk is full or the database away, is tried again and holds up the verdicts behind it; what can
 * never be done, since its report is gone or damaged, is said and passed. */
#include "node/lab_loop.h"

#include "base/bell.h"
#include "base/log.h"
#include "base/mem.h"
#include "lab/report_read.h"
#include "node/core.h"
#include "node/lab_retro.h"
#include "store/peers.h"
#include "web/lab_alike.h"
#include "web/lab_share.h"

#define CURSOR S("lab-loop")
#define AT_ONCE 64
#define LOOK_EACH (5 * USEC_PER_SEC)
#define AGAIN (USEC_PER_SEC / 2)
#define REPORT_ARENA ((size_t)256 << 20)
#define LIST_ARENA ((size_t)4 << 20)

struct lab_loop {
	struct core *core;
	struct lab_retro *retro;
	struct bell bell;
	pthread_t thread;
	bool runs;
	int64_t done; /* the cursor */
};

static void heard(void *ctx, const struct submission *s)
{
	struct lab_loop *l = ctx;

	(void)s;
	bell_ring(&l->bell);
}

void lab_loop_ring(struct lab_loop *l)
{
	if (l != NULL)
		bell_ring(&l->bell);
}

/* --- one verdict --- */

static enum rc read_report(struct lab_loop *l, struct arena *a, const struct submission *s, struct lab_report *ret, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, SAMPLE_REPORT_MAX);
	rc = samples_read(lab_desk_samples(l->core->lab), SAMPLE_REPORT, s->id, &b, err);
	if (rc == RC_OK)
		rc = lab_report_read(a, buf_view(&b), ret, err);
	buf_done(&b);
	return rc;
}

static enum rc share(struct lab_loop *l, struct arena *a, const struct submission *s, const struct lab_report *r, struct err *err)
{
	struct lab_share x = { .store = l->core->node.store, .identity = str_of(l->core->node.config.identity), .up = l->core->up, .down = l->core->down,
			       .actor = S("node"), .submission = s->id };
	struct lab_shared *list;
	size_t n;
	enum rc rc = lab_share_report(&x, a, r, lab_share_level(s->privacy), &list, &n, err);

	return rc == RC_CONFLICT ? RC_OK : rc; /* it was revoked */
}

static enum rc keep_looks(struct lab_loop *l, struct arena *a, const struct submission *s, const struct lab_report *r, struct err *err)
{
	struct alike_part *parts;
	size_t n;

	TRY(lab_alike_parts(a, r, s->row, s->id, &parts, &n, err));
	return n == 0 ? RC_OK : alike_put(l->core->node.store, parts, n, err);
}

/* Whether it is to be tried again. */
static bool passing(enum rc rc)
{
	return rc == RC_FULL || rc == RC_NOMEM || rc == RC_PEER || rc == RC_BUSY || rc == RC_IO;
}

static bool is_shared(const struct lab_loop *l, const struct submission *s)
{
	return l->core->node.config.lab_indicators && str_eq(s->verdict, str_of(lab_verdict_name(LAB_V_MALICIOUS)));
}

/* Nothing of what was handed in for its verdict alone is kept beyond that. */
static bool is_kept(const struct submission *s)
{
	return s->privacy >= PRIVACY_GOVERNMENT;
}

enum step { STEP_SHARE, STEP_LOOKS };

static enum rc follow_one(struct lab_loop *l, const struct submission *s, enum step step, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = NULL;
	struct lab_report r;
	enum rc rc;

	if (!(step == STEP_SHARE ? is_shared(l, s) : is_kept(s)))
		return RC_OK;
	a = arena_new(REPORT_ARENA);
	rc = a == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : read_report(l, a, s, &r, err);
	if (rc == RC_OK)
		rc = step == STEP_SHARE ? share(l, a, s, &r, err) : keep_looks(l, a, s, &r, err);
	if (passing(rc))
		return rc;
	/* RC_NOTFOUND: its sender deleted it meanwhile. */
	if (rc != RC_OK && rc != RC_NOTFOUND)
		log_line(LOG_LEVEL_ERROR, "lab", "submission %.*s: nothing follows from its verdict: %s", STR(s->id), rc_name(rc));
	return RC_OK;
}

/* --- all of them --- */

static enum rc keep_cursor(struct lab_loop *l, int64_t done, struct err *err)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)done);
	TRY(cursor_put(l->core->node.store, CURSOR, str_of(text), err));
	l->done = done;
	return RC_OK;
}

/* First what others wait for. */
static enum rc follow_some(struct lab_loop *l, bool *ret_more, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(LIST_ARENA);
	struct submission *list;
	size_t n;

	*ret_more = false;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	TRY(submission_done_after(l->core->node.store, l->done, AT_ONCE, a, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		TRY(follow_one(l, &list[i], STEP_SHARE, err));
	for (size_t i = 0; i < n; i++)
		TRY(follow_one(l, &list[i], STEP_LOOKS, err));
	if (n > 0)
		TRY(keep_cursor(l, list[n - 1].done, err));
	*ret_more = n == AT_ONCE;
	return RC_OK;
}

static void *run(void *ctx)
{
	struct lab_loop *l = ctx;
	bool more = true;

	while (more || bell_wait(&l->bell, LOOK_EACH)) {
		struct err err = { 0 };
		enum rc rc = follow_some(l, &more, &err);
		bool also = false;

		if (rc == RC_OK)
			rc = lab_retro_step(l->retro, &also, &err);
		more = more || also;
		if (rc == RC_OK)
			continue;
		log_line(LOG_LEVEL_WARN, "lab", "what follows from verdicts waits: %s", err.text);
		more = bell_sleep(&l->bell, AGAIN);
		if (!more)
			break;
	}
	return NULL;
}

/* --- life --- */

enum rc lab_loop_new(struct core *c, struct lab_loop **ret, struct err *err)
{
	struct lab_loop *l;
	enum rc rc;

	*ret = NULL;
	if (c->lab == NULL)
		return RC_OK;
	l = mem_alloc(sizeof *l);
	if (l == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	*l = (struct lab_loop){ .core = c };
	bell_init(&l->bell);
	rc = lab_retro_new(c, &l->retro, err);
	if (rc == RC_OK)
		rc = lab_desk_listen(c->lab, heard, l, err);
	if (rc != RC_OK) {
		lab_loop_free(l);
		return rc;
	}
	*ret = l;
	return RC_OK;
}

enum rc lab_loop_start(struct lab_loop *l, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	struct str text;
	enum rc rc;

	if (l == NULL)
		return RC_OK;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	rc = cursor_get(l->core->node.store, CURSOR, a, &text, err);
	if (rc != RC_OK && rc != RC_NOTFOUND)
		return rc;
	if (rc == RC_OK && !str_to_i64(text, &l->done))
		return FAIL(err, RC_CORRUPT, "lab: cursor '%.*s'", STR(text));
	if (pthread_create(&l->thread, NULL, run, l) != 0)
		return FAIL(err, RC_NOMEM, "lab: no thread");
	l->runs = true;
	return RC_OK;
}

void lab_loop_stop(struct lab_loop *l)
{
	if (l == NULL || !l->runs)
		return;
	bell_stop(&l->bell);
	pthread_join(l->thread, NULL);
	l->runs = false;
}

void lab_loop_free(struct lab_loop *l)
{
	if (l == NULL)
		return;
	lab_retro_free(l->retro);
	bell_done(&l->bell);
	mem_free(l);
}
