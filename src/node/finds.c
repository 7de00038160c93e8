#include "node/finds.h"

#include "base/log.h"
#include "base/mem.h"
#include "detect/where.h"
#include "model/observable.h"
#include "node/once.h"
#include "node/repeats.h"

#define WHERE_BYTES ((size_t)64 << 20) /* for one event as a tree */
#define HAND_ON_EACH 4096u             /* finds: by number and not by time, so that a hunt done again comes to the same */
#define AGAIN_EACH USEC_PER_SEC
#define DAY ((usec)86400 * USEC_PER_SEC)

struct finds {
	const struct sink *to;
	const _Atomic bool *stopping;
	const char *what;
	struct repeats *repeats;
	uint64_t n;
};

enum rc finds_new(const struct sink *to, const _Atomic bool *stopping, const char *what, struct finds **ret, struct err *err)
{
	struct finds *f = mem_alloc(sizeof *f);
	enum rc rc;

	if (f == NULL)
		return FAIL(err, RC_NOMEM, "%s: out of memory", what);
	*f = (struct finds){ .to = to, .stopping = stopping, .what = what };
	rc = repeats_new(&f->repeats, err);
	if (rc == RC_OK)
		*ret = f;
	else
		finds_free(f);
	return rc;
}

void finds_free(struct finds *f)
{
	if (f == NULL)
		return;
	repeats_free(f->repeats);
	mem_free(f);
}

/* As long as the node does not stop, what stands in the way may pass. */
static void record(struct finds *f, const struct hit *hit, struct str key)
{
	struct err err = { 0 };
	enum rc rc;

	while ((rc = f->to->hit(f->to->ctx, hit, key, &err)) == RC_FULL || rc == RC_IO || rc == RC_BUSY) {
		if (atomic_load(f->stopping))
			break;
		time_nap(AGAIN_EACH);
	}
	if (rc == RC_OK)
		log_line(LOG_LEVEL_INFO, "alert", "%s: %.*s", f->what, STR(log_id(hit->indicator, hit->tlp, 0)));
	else if (rc != RC_CONFLICT)
		log_line(LOG_LEVEL_ERROR, f->what, "a finding is not recorded: %s", err.text);
}

static void record_one(struct finds *f, const struct hit *hit, uint64_t ordinal)
{
	struct buf key;

	buf_init(&key, 4096);
	once_key_hit(&key, hit->input, hit->indicator, hit->where);
	buf_fmt(&key, " past %llu %lld", (unsigned long long)ordinal, (long long)hit->at);
	record(f, hit, buf_view(&key));
	buf_done(&key);
}

static void record_held(void *ctx, const struct hit *hit, const struct rule_hit *rule UNUSED)
{
	struct buf key;

	buf_init(&key, 4096);
	once_key_hit(&key, hit->input, hit->indicator, hit->where);
	buf_fmt(&key, " past %lld %lld x%llu", (long long)hit->at, (long long)hit->last, (unsigned long long)hit->count);
	record(ctx, hit, buf_view(&key));
	buf_done(&key);
}

/* One that is too far from those that are held, or of another day (its sighting is another), begins new ones. */
static bool held(struct finds *f, const struct hit *hit)
{
	struct buf sort;
	bool yes;

	buf_init(&sort, 4096);
	once_key_hit(&sort, hit->input, hit->indicator, hit->where);
	buf_fmt(&sort, " %lld", (long long)(hit->at / DAY));
	yes = sort.bad == RC_OK && (repeats_hold_hit(f->repeats, buf_view(&sort), hit) ||
				    (repeats_hand_on_one(f->repeats, buf_view(&sort), record_held, f) && repeats_hold_hit(f->repeats, buf_view(&sort), hit)));
	buf_done(&sort);
	return yes;
}

bool finds_take(void *ctx, const struct hunt_found *found)
{
	struct finds *f = ctx;
	struct arena *a CLEANUP(arena_freep) = found->f == NULL ? NULL : arena_new(WHERE_BYTES);
	struct buf normal;
	struct hit hit = { .indicator = found->id, .matched = found->matched, .at = found->at, .input = found->source,
			   .where = a == NULL ? S("") : flat_where(a, found->f), .suppressed = S(""), .tlp = found->tlp, .confidence = found->confidence,
			   .event = found->event != NULL ? found->event->line : S("") };
	bool pattern = str_starts(found->matched, S("["));

	hit.what = (struct observable){ .kind = OBS_KINDS, .field = S(""), .value = S("") };
	if (found->n_why > 0) {
		hit.what.field = found->why[0].field;
		hit.what.value = found->why[0].value;
	}
	buf_init(&normal, 2 * VALUE_MAX);
	if (value_detect(pattern ? hit.what.value : found->matched, &hit.what.kind, &normal, NULL) != RC_OK)
		hit.what.kind = OBS_KINDS;
	buf_done(&normal);
	if (++f->n % HAND_ON_EACH == 0)
		repeats_hand_on(f->repeats, record_held, f);
	if (!held(f, &hit))
		record_one(f, &hit, found->event != NULL ? found->event->ordinal : found->n_records > 0 ? found->records[0] : 0);
	return !atomic_load(f->stopping);
}

uint64_t finds_end(struct finds *f)
{
	repeats_hand_on(f->repeats, record_held, f);
	return f->n;
}
