/* The detection engine: all rules compiled into one immutable image, run over
 * flat events. Tests are shared over all rules, routed by log source first, and
 * a rule is evaluated only when a test that it needs has held. Exact: the same
 * matches as trying every rule on every event. */
#ifndef DETECT_ENGINE_H
#define DETECT_ENGINE_H

#include "detect/sigma.h"
#include "detect/taxonomy.h"
#include "wire/flat.h"

struct engine_image; /* immutable, shared by threads, counted */

struct engine_refusal { uint32_t rule; struct str reason; }; /* a regular expression that does not compile, say */

/* Compiles. The set, the taxonomy and their arena must outlive the image. A rule that cannot be compiled is refused with
 * its reason and the others go on. RC_NOMEM, RC_LIMIT. */
enum rc engine_image_build(const struct sigma_set *rules, const struct taxonomy *t, struct engine_image **ret, struct err *err) MUSTUSE;
/* Makes ahead what the events will need that `like` has met, an image over the same taxonomy: else it is made at the first event of
 * each sort. What cannot be made now is made then. */
void engine_image_warm(struct engine_image *m, const struct engine_image *like);
struct engine_image *engine_image_ref(struct engine_image *m);
void engine_image_unref(struct engine_image *m);
void engine_image_unrefp(struct engine_image **m);

/* The dictionary that events for this image are parsed with. */
const struct fields *engine_image_fields(const struct engine_image *m);
size_t engine_image_refused(const struct engine_image *m, const struct engine_refusal **ret);

struct engine_image_stats {
	uint64_t rules, tests, groups, always, bytes; /* always: rules without a witness, tried on each event of their source */
	uint64_t by_source; /* rules that events of no known source never match, for they ask for no field */
};
void engine_image_stats(const struct engine_image *m, struct engine_image_stats *ret);

/* One thread's way of running an image: value cache (keyed with a random secret), marks, scratch. */
struct engine;
enum rc engine_new(struct engine_image *m, struct engine **ret, struct err *err) MUSTUSE; /* takes a reference of its own */
void engine_free(struct engine *e);
void engine_freep(struct engine **e);

/* The rules (indexes into the set, ascending, rules only, hidden ones too) that match `f`, at most ENGINE_MATCHES_MAX.
 * Valid until the next call. `f` was parsed with engine_image_fields. Values are matched whatever their length within
 * FLAT_VALUE_MAX; a regular expression that reaches its match limit counts as no match and is counted. */
#define ENGINE_MATCHES_MAX 4096
size_t engine_run(struct engine *e, struct flat *f, const uint32_t **ret);

/* Which of the image's assumed variants (taxonomy_assume) events from now on are taken for when no other knows them: an index into the
 * taxonomy, ENGINE_ASSUME_ALL (at first) or ENGINE_ASSUME_NONE. */
#define ENGINE_ASSUME_ALL UINT32_MAX
#define ENGINE_ASSUME_NONE (UINT32_MAX - 1)
void engine_assume(struct engine *e, uint32_t variant);

/* The log source variants the event was routed by; 0: unknown source; rules were tried as far as a match rests
 * on a field that the event has (engine_ground.c), or whole (taxonomy.all_sources). */
size_t engine_variants(const struct engine *e, const struct taxonomy_variant *const **ret);

/* Why rule `rule` matched the event just run: the tests of its tree that held (under no NOT), each with the value. */
struct engine_why { struct str field; struct str value; const struct sigma_test *test; };
size_t engine_explain(struct engine *e, struct flat *f, uint32_t rule, struct engine_why *out, size_t max);
/* For people: several tests of one value are one reason. Leaves each field with a value once; yields how many are left. */
size_t engine_why_once(struct engine_why *why, size_t n);

/* The value of a rule's field in this event, by the variant's field names (for group-by, sightings, tables). False: absent. */
bool engine_field(struct engine *e, struct flat *f, uint32_t rule, struct str field, struct str *ret);

struct engine_stats {
	uint64_t events, unrouted, candidates, matches, cache_hits, cache_misses, regex_limits, matches_left_out;
};
void engine_stats(const struct engine *e, struct engine_stats *ret);

#endif
