/* State as bytes and back. Our own record, checked as if it were not: a sum over
 * all of it, and every number that is used as a place is held against its range.
 * Layout: magic, sum of the rest, secret, times, then each plan by the print of
 * its definition with its groups, then what waits. */
#include "detect/correlate_int.h"

#include "base/mem.h"
#include "base/rd.h"

#define MAGIC "LFCORR1"
#define HEAD (sizeof MAGIC + 4)
#define TIME_MAX ((usec)1 << 61) /* windows end beyond what is believed of an event */

static void put_group(const struct correlator *c, const struct plan *p, struct group *g, struct buf *b)
{
	struct past trail[CORRELATE_EVENTS_MAX];
	size_t n = past_read(c, g, INT64_MIN, trail, CORRELATE_EVENTS_MAX);
	void **block = step_block(p, g);

	buf_put(b, g, p->groups.stride);
	buf_le32(b, (uint32_t)n);
	for (size_t i = n; i > 0; i--) {
		buf_le64(b, trail[i - 1].event);
		buf_le64(b, (uint64_t)trail[i - 1].at);
	}
	if (block != NULL) {
		uint64_t size = *block == NULL ? 0 : *(uint64_t *)*block;

		buf_le64(b, size);
		if (size > 0)
			buf_put(b, *block, size);
	}
	if (p->machine == MACHINE_WINDOW)
		buf_str(b, str_make((const char *)window_of(g)->key, window_of(g)->n_key));
}

static void put_plan(const struct correlator *c, const struct plan *p, struct buf *b)
{
	size_t length_at, start;

	buf_le64(b, p->print);
	buf_le32(b, p->groups.live);
	length_at = b->n;
	buf_le64(b, 0);
	start = b->n;
	/* Windows in the order in which they end. */
	if (p->machine == MACHINE_WINDOW)
		for (uint32_t i = p->first_open; i != 0; i = window_of(groups_at(&p->groups, i - 1))->after)
			put_group(c, p, groups_at(&p->groups, i - 1), b);
	else
		for (uint32_t i = 0; i < p->groups.used; i++)
			if ((groups_at(&p->groups, i)->flags & GROUP_LIVE) != 0)
				put_group(c, p, groups_at(&p->groups, i), b);
	if (b->bad == RC_OK) {
		uint64_t length = b->n - start;

		for (unsigned i = 0; i < 8; i++)
			b->p[length_at + i] = (char)(length >> 8 * i);
	}
}

static void put_waiting(const struct correlator *c, const struct waiting *w, struct buf *b)
{
	buf_le64(b, c->plans[w->hit.plan].print);
	buf_le32(b, w->hit.slot);
	buf_le64(b, (uint64_t)w->hit.at);
	buf_le64(b, w->hit.event);
	buf_le64(b, w->hit.value);
	buf_le64(b, w->hit.h[0]);
	buf_le64(b, w->hit.h[1]);
	buf_le64(b, w->seq);
	buf_le32(b, w->hit.n_key);
	buf_str(b, str_make((const char *)w->hit.key, w->hit.n_key));
}

enum rc correlator_save(const struct correlator *c, struct buf *out, struct err *err)
{
	size_t start = out->n;
	uint32_t sum;

	buf_put(out, MAGIC, sizeof MAGIC);
	buf_le32(out, 0);
	buf_put(out, c->secret.bytes, sizeof c->secret.bytes);
	buf_le64(out, (uint64_t)c->newest);
	buf_le64(out, (uint64_t)c->floor);
	buf_le64(out, c->pending.seq);
	buf_le32(out, c->n_plans);
	for (uint32_t i = 0; i < c->n_plans; i++)
		put_plan(c, &c->plans[i], out);
	buf_le64(out, c->pending.n);
	for (const struct waiting *w = c->pending.first; w != NULL; w = w->next)
		put_waiting(c, w, out);
	for (size_t i = 0; i < c->pending.n_heap; i++)
		put_waiting(c, c->pending.heap[i], out);
	TRY(buf_check(out, err, "state of correlations"));
	sum = hash_crc32c(0, str_make(out->p + start + HEAD, out->n - start - HEAD));
	for (unsigned i = 0; i < 4; i++)
		out->p[start + sizeof MAGIC + i] = (char)(sum >> 8 * i);
	return RC_OK;
}

static bool block_sound(const struct plan *p, void *block, uint64_t size)
{
	bool window = p->machine == MACHINE_WINDOW;
	enum sigma_corr_type type = p->corr->type;
	struct distinct *d = block;
	struct values *v = block;

	if (type == SIGMA_VALUE_COUNT)
		return size >= sizeof *d && d->size == size && distinct_sound(d, p->need) && (!window || d->n > 0);
	/* A window without a value would have no mean. */
	if (size < sizeof *v || v->size != size || (window && v->n == 0))
		return false;
	if (type == SIGMA_EVENT_COUNT)
		return !window && values_renew(v, VALUES_TIMES, p->need);
	if (type == SIGMA_VALUE_PERCENTILE || type == SIGMA_VALUE_MEDIAN)
		return values_renew(v, VALUES_RANK, CORRELATE_RANK_MAX);
	return (type == SIGMA_VALUE_SUM || type == SIGMA_VALUE_AVG) && values_renew(v, VALUES_SUM, CORRELATE_SUM_MAX);
}

/* The block of a group, if it has one: into memory of its own. */
static enum rc get_block(struct correlator *c, const struct plan *p, struct group *g, struct rd *r)
{
	void **block = step_block(p, g);
	struct str bytes;
	uint64_t size;

	if (block == NULL)
		return RC_OK;
	*block = NULL;
	size = rd_le64(r);
	if (size == 0)
		return RC_OK;
	bytes = rd_bytes(r, size > rd_left(r) ? SIZE_MAX : (size_t)size);
	if (r->bad)
		return RC_CORRUPT;
	*block = budget_alloc(&c->budget, bytes.n);
	if (*block == NULL)
		return RC_NOMEM;
	memcpy(*block, bytes.p, bytes.n);
	if (block_sound(p, *block, size))
		return RC_OK;
	budget_free(&c->budget, *block, bytes.n);
	*block = NULL;
	return RC_CORRUPT;
}

static enum rc get_window_key(struct correlator *c, const struct plan *p, struct window *w, uint32_t n, struct rd *r)
{
	struct str values[2 * CORRELATE_FIELDS_MAX], key = rd_bytes(r, n);

	if (r->bad || !key_read(key, values, p->n_group + p->n_carried))
		return RC_CORRUPT;
	if (key.n == 0)
		return RC_OK;
	w->key = budget_alloc(&c->budget, key.n);
	if (w->key == NULL)
		return RC_NOMEM;
	memcpy(w->key, key.p, key.n);
	w->n_key = n;
	return RC_OK;
}

static bool time_sound(usec t)
{
	return t > -TIME_MAX && t < TIME_MAX;
}

static bool small_sound(const struct plan *p, struct group *g)
{
	enum sigma_corr_type type = p->corr->type;

	if (!time_sound(g->last))
		return false;
	if (p->machine == MACHINE_WINDOW)
		return time_sound(window_of(g)->open) && window_of(g)->n > 0 &&
		       (window_of(g)->block != NULL || type == SIGMA_EVENT_COUNT || type == SIGMA_TEMPORAL || type == SIGMA_TEMPORAL_ORDERED);
	if (p->machine == MACHINE_RING)
		return g->n <= p->need && g->head < p->need;
	if (p->machine == MACHINE_RECENT)
		return g->n <= p->need && g->n > 0;
	return true;
}

static enum rc get_group(struct correlator *c, struct plan *p, struct rd *r)
{
	struct str bytes = rd_bytes(r, p->groups.stride);
	uint64_t h[2];
	uint32_t n_trail = rd_le32(r), n_key = 0;
	struct rd trail = *r;
	struct group *g;
	enum rc rc;

	rd_skip(r, (size_t)n_trail * 2 * sizeof(uint64_t));
	if (r->bad || n_trail > CORRELATE_EVENTS_MAX)
		return RC_CORRUPT;
	memcpy(h, bytes.p, sizeof h);
	if (groups_find(&p->groups, h) != NULL)
		return RC_CORRUPT;
	g = groups_make(&p->groups, h, &c->budget);
	if (g == NULL)
		return RC_NOMEM;
	memcpy(g, bytes.p, p->groups.stride);
	g->past = 0;
	g->flags = (uint8_t)(GROUP_LIVE | (g->flags & GROUP_FIRING));
	if (p->machine == MACHINE_WINDOW) {
		n_key = window_of(g)->n_key;
		window_of(g)->key = NULL;
		window_of(g)->n_key = 0;
		window_link(p, g);
	}
	rc = get_block(c, p, g, r);
	if (rc == RC_OK && p->machine == MACHINE_WINDOW)
		rc = get_window_key(c, p, window_of(g), n_key, r);
	if (rc == RC_OK && !small_sound(p, g))
		rc = RC_CORRUPT;
	while (rc == RC_OK && n_trail-- > 0) {
		uint64_t event = rd_le64(&trail);

		past_add(c, g, (usec)rd_le64(&trail), event);
	}
	return rc;
}

static enum rc get_plan(struct correlator *c, struct rd *r, uint64_t *left_out)
{
	struct plan *p = plan_by_print(c, rd_le64(r));
	uint32_t n = rd_le32(r);
	uint64_t length = rd_le64(r);
	struct str bytes = rd_bytes(r, length > rd_left(r) ? SIZE_MAX : (size_t)length);
	struct rd own;

	if (r->bad)
		return RC_CORRUPT;
	if (p == NULL || p->groups.live > 0) {
		*left_out += n;
		return RC_OK;
	}
	rd_init(&own, bytes);
	for (uint32_t i = 0; i < n; i++)
		TRY(get_group(c, p, &own));
	return rd_left(&own) == 0 ? RC_OK : RC_CORRUPT;
}

static enum rc get_waiting(struct correlator *c, struct rd *r, uint64_t *left_out)
{
	struct str values[2 * CORRELATE_FIELDS_MAX], key;
	struct plan *p = plan_by_print(c, rd_le64(r));
	struct hit h = { .slot = rd_le32(r) };
	struct waiting *w;

	h.at = (usec)rd_le64(r);
	h.event = rd_le64(r);
	h.value = rd_le64(r);
	h.h[0] = rd_le64(r);
	h.h[1] = rd_le64(r);
	c->pending.seq = rd_le64(r);
	h.n_key = rd_le32(r);
	key = rd_bytes(r, h.n_key);
	if (r->bad)
		return RC_CORRUPT;
	if (p == NULL) {
		++*left_out;
		return RC_OK;
	}
	if (!time_sound(h.at) || h.slot >= p->corr->n_rules || key.n > p->key_max || !key_read(key, values, p->n_group + p->n_carried))
		return RC_CORRUPT;
	h.plan = (uint32_t)(p - c->plans);
	w = pending_room(&c->pending, key.n, &c->budget);
	if (w == NULL)
		return RC_NOMEM;
	w->hit = h;
	memcpy(w + 1, key.p, key.n);
	w->hit.key = (const unsigned char *)(w + 1);
	return pending_commit(&c->pending, w, &c->budget);
}

static enum rc get_all(struct correlator *c, struct rd *r, uint64_t *left_out)
{
	struct str secret = rd_bytes(r, sizeof c->secret.bytes);
	uint64_t n, seq;

	if (r->bad)
		return RC_CORRUPT;
	memcpy(c->secret.bytes, secret.p, secret.n);
	c->newest = (usec)rd_le64(r);
	c->floor = (usec)rd_le64(r);
	seq = rd_le64(r);
	for (uint32_t i = rd_le32(r); i > 0; i--)
		TRY(get_plan(c, r, left_out));
	n = rd_le64(r);
	for (; n > 0; n--)
		TRY(get_waiting(c, r, left_out));
	c->pending.seq = seq;
	for (uint32_t i = 0; i < c->n_plans; i++)
		if (c->plans[i].first_open != 0)
			c->next_end = INT64_MIN; /* asked again at the next event */
	return r->bad || rd_left(r) > 0 ? RC_CORRUPT : RC_OK;
}

enum rc correlator_load(struct correlator *c, struct str bytes, uint64_t *ret_left_out, struct err *err)
{
	uint64_t left_out = 0;
	struct rd r;
	uint32_t sum;
	enum rc rc;

	rd_init(&r, bytes);
	if (!str_eq(rd_bytes(&r, sizeof MAGIC), str_make(MAGIC, sizeof MAGIC)))
		return FAIL(err, RC_CORRUPT, "state of correlations: not such a record");
	sum = rd_le32(&r);
	if (r.bad || hash_crc32c(0, str_slice(bytes, HEAD, bytes.n)) != sum)
		return FAIL(err, RC_CORRUPT, "state of correlations: the sum over it does not agree");
	rc = get_all(c, &r, &left_out);
	if (rc != RC_OK) {
		correlator_clear(c);
		return FAIL(err, rc, rc == RC_NOMEM ? "state of correlations: out of memory" : "state of correlations: byte %zu is not sound", r.pos);
	}
	if (ret_left_out != NULL)
		*ret_left_out = left_out;
	return RC_OK;
}
