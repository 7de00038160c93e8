#include "node/lab_retro.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/observable.h"
#include "node/core.h"
#include "node/once.h"
#include "store/alike.h"
#include "store/peers.h"

#define SWEEP_CURSOR S("lab-retro")
#define LEARN_CURSOR S("lab-learned")
#define SWEEP_PAGE 32
#define SWEEP_WAITING 16     /* so many wait at most, that what is new need not wait long */
#define LEARN_PAGE 500
#define FOUND_MAX 200        /* files that one digest is looked for in */
#define GENERATION_MAX 256
#define MEMORY ((size_t)64 << 20)

struct lab_retro {
	struct core *core;
	bool read;                        /* the cursors were */
	char generation[GENERATION_MAX];  /* that the sweep is for */
	int64_t row;                      /* behind which it goes on; INT64_MAX: it is done */
	usec learned;                     /* date_added of the last indicator that was looked for */
};

/* --- cursors --- */

static enum rc keep_sweep(struct lab_retro *r, struct err *err)
{
	char text[GENERATION_MAX + 32];

	snprintf(text, sizeof text, "%lld %s", (long long)r->row, r->generation);
	return cursor_put(r->core->node.store, SWEEP_CURSOR, str_of(text), err);
}

static enum rc keep_learned(struct lab_retro *r, usec at, struct err *err)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)at);
	TRY(cursor_put(r->core->node.store, LEARN_CURSOR, str_of(text), err));
	r->learned = at;
	return RC_OK;
}

static enum rc read_cursors(struct lab_retro *r, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct str text, row;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	rc = cursor_get(r->core->node.store, SWEEP_CURSOR, a, &text, err);
	if (rc == RC_OK && str_next(&text, ' ', &row) && str_to_i64(row, &r->row))
		snprintf(r->generation, sizeof r->generation, "%.*s", STR(text));
	else if (rc != RC_OK && rc != RC_NOTFOUND)
		return rc;
	r->learned = INT64_MIN;
	rc = cursor_get(r->core->node.store, LEARN_CURSOR, a, &text, err);
	if (rc != RC_OK && rc != RC_NOTFOUND)
		return rc;
	if (rc == RC_OK && !str_to_i64(text, &r->learned))
		return FAIL(err, RC_CORRUPT, "lab: cursor '%.*s'", STR(text));
	r->read = true;
	return RC_OK;
}

/* --- a new generation --- */

/* Those that were inspected with it already are passed. */
static enum rc sweep_some(struct lab_retro *r, bool *ret_more, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct submission *list;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	TRY(submission_stored(r->core->node.store, r->row, SWEEP_PAGE, a, &list, &n, err));
	for (size_t i = 0; i < n; i++) {
		enum rc rc = RC_OK;

		if (submission_count_waiting(r->core->node.store) >= SWEEP_WAITING)
			return keep_sweep(r, err); /* the next verdict rings */
		if (!str_eq(list[i].generation, str_of(r->generation)))
			rc = lab_desk_again(r->core->lab, list[i].id, err);
		if (rc != RC_OK && rc != RC_CONFLICT && rc != RC_NOTFOUND)
			return rc;
		r->row = list[i].row;
	}
	if (n < SWEEP_PAGE) {
		r->row = INT64_MAX;
		log_line(LOG_LEVEL_INFO, "lab", "every stored sample is handed in to generation %s", r->generation);
	}
	*ret_more = n == SWEEP_PAGE;
	return keep_sweep(r, err);
}

static enum rc sweep(struct lab_retro *r, bool *ret_more, struct err *err)
{
	char now[GENERATION_MAX];

	lab_desk_generation(r->core->lab, now, sizeof now);
	if (now[0] == '\0')
		return RC_OK;
	if (strcmp(now, r->generation) != 0) {
		bool first = r->generation[0] == '\0';

		memcpy(r->generation, now, sizeof now);
		r->row = first ? INT64_MAX : 0; /* there was none before: what lies here is of this one, or will be */
		TRY(keep_sweep(r, err));
	}
	return r->row == INT64_MAX ? RC_OK : sweep_some(r, ret_more, err);
}

/* --- new indicators --- */

static enum rc tell_found(struct lab_retro *r, struct arena *a, const struct page_entry *e, const struct value *v, const struct alike_part *p, struct err *err)
{
	struct core *c = r->core;
	struct submission s;
	struct hit h = { .indicator = e->id, .matched = v->text, .what = { .kind = v->kind, .value = v->text, .field = S("sha256") }, .where = p->submission,
			 .input = S("lab"), .suppressed = S(""), .tlp = e->tlp, .confidence = e->confidence };
	struct buf key;
	enum rc rc = RC_OK;

	rc = submission_get(c->node.store, p->submission, a, &s, err);
	if (rc == RC_NOTFOUND || (rc == RC_OK && s.state == SUBMISSION_DELETED))
		return RC_OK;
	TRY(rc);
	h.at = s.at;
	h.event = arena_fmt(a, "{\"lab\":{\"submission\":\"%.*s\",\"sha256\":\"%.*s\",\"part\":%u}}", STR(p->submission), STR(p->sha256), p->part);
	if (h.event.p == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	buf_init(&key, 4096);
	once_key_hit(&key, h.input, h.indicator, h.where);
	if (key.bad != RC_OK || !once_has(c->kept, buf_view(&key))) {
		rc = sighting_from_hit(c, &h, c->up, err);
		if (rc == RC_OK && key.bad == RC_OK)
			once_note(c->kept, buf_view(&key));
	}
	buf_done(&key);
	return rc;
}

/* A digest of a file, in the one spelling that is kept. */
static bool is_digest(const struct value *v)
{
	return v->kind == OBS_SHA256 || v->kind == OBS_SHA1 || v->kind == OBS_MD5;
}

static enum rc look_for(struct lab_retro *r, const struct page_entry *e, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	const struct json *v;
	struct value *values;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	if ((e->flags & OBJECT_REVOKED) != 0 || json_parse(a, e->body, &JSON_LIMITS, &v, NULL) != RC_OK || !str_eq(json_get_str(v, S("pattern_type")), S("stix")))
		return RC_OK;
	/* What this lab said itself it knows. */
	if (str_eq(json_get_str(v, S("created_by_ref")), str_of(r->core->node.config.identity)) ||
	    value_named_in_pattern(a, json_get_str(v, S("pattern")), &values, &n, NULL) != RC_OK)
		return RC_OK;
	for (size_t i = 0; i < n; i++) {
		struct alike_part *list;
		size_t found;

		if (!is_digest(&values[i]))
			continue;
		TRY(alike_same(r->core->node.store, values[i].text, FOUND_MAX, a, &list, &found, err));
		for (size_t k = 0; k < found; k++)
			TRY(tell_found(r, a, e, &values[i], &list[k], err));
	}
	return RC_OK;
}

static enum rc learn(struct lab_retro *r, bool *ret_more, struct err *err)
{
	static const struct str types[] = { S("indicator") };
	struct page_query q = { .collection = NO_COLLECTION, .added_after = r->learned, .types = types, .n_types = 1, .tlp_mask = UINT32_MAX, .limit = LEARN_PAGE,
				.bodies = true };
	struct page page;
	enum rc rc = RC_OK;

	TRY(store_page(r->core->node.store, &q, &page, err));
	for (size_t i = 0; i < page.n && rc == RC_OK; i++)
		rc = look_for(r, &page.entries[i], err);
	if (rc == RC_OK && page.n > 0)
		rc = keep_learned(r, page.entries[page.n - 1].added, err);
	*ret_more = *ret_more || (page.more && page.n > 0);
	page_done(&page);
	return rc;
}

enum rc lab_retro_step(struct lab_retro *r, bool *ret_more, struct err *err)
{
	*ret_more = false;
	if (!r->read)
		TRY(read_cursors(r, err));
	TRY(learn(r, ret_more, err));
	return sweep(r, ret_more, err);
}

enum rc lab_retro_new(struct core *c, struct lab_retro **ret, struct err *err)
{
	struct lab_retro *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	*r = (struct lab_retro){ .core = c, .row = INT64_MAX };
	*ret = r;
	return RC_OK;
}

void lab_retro_free(struct lab_retro *r)
{
	mem_free(r);
}
