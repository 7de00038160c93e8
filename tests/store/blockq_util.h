/* What the tests of the block queue share: blocks that are told by their number,
 * the effects that each must have once, and the look whether it has. */
#ifndef TESTS_BLOCKQ_UTIL_H
#define TESTS_BLOCKQ_UTIL_H

#include "base/mem.h"
#include "store/blockq.h"
#include "tap.h"

#define ALERTS_OF(i) ((i) % 3)
#define COUNT_OF(i) ((i) % 7 + 1)
#define INDICATORS 5

__attribute__((unused)) static enum rc put_numbers(struct blockq *q, uint64_t from, size_t n, uint64_t *ret_new, struct err *err)
{
	static char bytes[5000];
	struct blockq_block b[16];
	char id[16][32];

	for (size_t i = 0; i < n; i++) {
		snprintf(id[i], sizeof id[i], "collector-%llu", (unsigned long long)(from + i));
		b[i] = (struct blockq_block){ .id = str_of(id[i]), .bytes = str_make(bytes, 1000 + (from + i) % 4000), .index_n = 100, .events = 10,
					      .first = (usec)(from + i) * 100, .last = (usec)(from + i) * 100 + 99 };
	}
	return blockq_put(q, b, n, ret_new, err);
}

__attribute__((unused)) static uint64_t number_of(struct str id)
{
	uint64_t n = 0;

	(void)!str_to_u64(str_slice(id, 10, id.n), &n);
	return n;
}

/* The effects of blocks, from their numbers alone. */
__attribute__((unused)) static enum rc finish(struct blockq *q, struct str taker, const struct blockq_taken *t, size_t n, size_t *ret_lost, struct err *err)
{
	struct blockq_result r[16];
	struct blockq_alert alerts[16][3];
	struct blockq_sighting s[16];
	struct blockq_steps m[16];
	static const char *const names[INDICATORS] = { "i0", "i1", "i2", "i3", "i4" };
	enum rc rc;

	for (size_t i = 0; i < n; i++) {
		uint64_t number = number_of(t[i].id);

		for (uint64_t k = 0; k < ALERTS_OF(number); k++)
			alerts[i][k] = (struct blockq_alert){ k * 10, S("rule"), t[i].id };
		s[i] = (struct blockq_sighting){ str_of(names[number % INDICATORS]), S("eve"), 20000, COUNT_OF(number), (usec)number, (usec)number };
		m[i] = (struct blockq_steps){ (uint32_t)(number % blockq_shards(q)), t[i].id };
		r[i] = (struct blockq_result){ .block = &t[i], .alerts = alerts[i], .n_alerts = ALERTS_OF(number), .sightings = &s[i], .n_sightings = 1,
					       .steps = &m[i], .n_steps = 1 };
	}
	rc = blockq_done(q, taker, r, n, err);
	for (size_t i = 0; i < n && ret_lost != NULL; i++)
		*ret_lost += r[i].lost;
	return rc;
}

struct effects { uint64_t alerts, sum, rows, last_seq, unordered; uint64_t count[INDICATORS]; };

__attribute__((unused)) static enum rc on_alert(void *ctx, const struct blockq_alert_row *a, struct err *err UNUSED)
{
	struct effects *e = ctx;

	e->alerts++;
	e->sum += number_of(a->body) * 31 + a->ordinal;
	e->unordered += (uint64_t)a->seq <= e->last_seq;
	e->last_seq = (uint64_t)a->seq;
	return RC_OK;
}

__attribute__((unused)) static enum rc on_sighting(void *ctx, const struct blockq_sighting *s, struct err *err UNUSED)
{
	struct effects *e = ctx;

	e->rows++;
	e->count[(s->indicator.p[1] - '0') % INDICATORS] += s->count;
	return RC_OK;
}

/* Blocks 0 .. n - 1 are done, and each has had its effects once. */
__attribute__((unused)) static void check_effects(struct blockq *q, uint64_t n, const char *name)
{
	struct effects got = { 0 }, want = { 0 };
	struct blockq_stats st = { 0 };
	struct err err = { 0 };

	for (uint64_t i = 0; i < n; i++) {
		want.alerts += ALERTS_OF(i);
		for (uint64_t k = 0; k < ALERTS_OF(i); k++)
			want.sum += i * 31 + k * 10;
		want.count[i % INDICATORS] += COUNT_OF(i);
	}
	if (blockq_stats(q, &st, &err) != RC_OK)
		OK(false, "%s: %s", name, err.text);
	OK(st.done == n && st.ready == 0 && st.taken == 0 && st.stuck == 0,
	   "%s: %llu of %llu blocks are done, %llu ready, %llu taken, %llu stuck %s", name, (unsigned long long)st.done, (unsigned long long)n,
	   (unsigned long long)st.ready, (unsigned long long)st.taken, (unsigned long long)st.stuck, err.text);
	OK(blockq_alerts(q, 0, 1000000000, on_alert, &got, &err) == RC_OK && blockq_sightings(q, on_sighting, &got, &err) == RC_OK, "%s: read %s", name,
	   err.text);
	EQ_INT(got.alerts, want.alerts, "each alert once");
	EQ_INT(got.sum, want.sum, "the right ones");
	EQ_INT(got.unordered, 0, "in order");
	OK(memcmp(got.count, want.count, sizeof got.count) == 0, "%s: sightings counted once (%llu of %llu)", name, (unsigned long long)got.count[0],
	   (unsigned long long)want.count[0]);
	EQ_INT(st.steps, n, "steps of each block once");
}

#endif
