/* Generations of a rule set: a folder in which each build is a numbered one, compiled, measured on known good files, signed; one of them is live.
 * What a build found too slow, or what matched a good file, stays in the compiled rules and is off: named with the reason, never run.
 *
 *   STORE/key           secret key of who builds (0600); absent where generations are only used
 *   STORE/trusted.pub   public key that manifests must be signed with
 *   STORE/live          numbers: the live generation, then those that were before it
 *   STORE/N/rules.yarac, manifest, manifest.sig, ledger.tsv */
#ifndef LAB_RULESET_H
#define LAB_RULESET_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/time.h"

#define RULESET_BUDGET 20000   /* microseconds of processor time per MiB of good files, one rule alone */
#define RULESET_WORST 2000     /* milliseconds on one file */
#define RULESET_GOOD_MAX ((uint64_t)1 << 30) /* bytes of good files that are measured */

struct ruleset_off {
	uint32_t rule;             /* index in the compiled rules */
	char name[128];
	char why[128];
};

struct ruleset {
	uint32_t number;
	char made[TIME_TEXT_MAX];
	unsigned char sha256[SHA256_LEN]; /* of the compiled rules */
	uint32_t rules;
	uint64_t good_files, good_bytes;
	struct ruleset_off *off;   /* mem_array memory */
	size_t n_off;
	char path[4096];           /* of the compiled rules */
	bool live;
};

/* Is there a store, or one generation of it, at this path? */
bool ruleset_is(const char *path);
/* The live generation of a store, or the one at the path; its manifest is signed by the trusted key and its rules are what it says. RC_DENIED: not. */
enum rc ruleset_open(const char *path, struct ruleset *ret, struct err *err) MUSTUSE;
void ruleset_done(struct ruleset *s);

struct ruleset_build {
	const char *store;
	const char *const *rules;  /* paths, NULL ends */
	const char *good;          /* folder of known good files, or NULL: not tested, and publishing asks twice */
	uint64_t budget_us_per_mib, worst_ms;
};
/* Compiles, measures, signs, and yields the new generation (ruleset_done). It is not live. RC_BAD: rules do not compile, or a global rule would be off. */
enum rc ruleset_make(const struct ruleset_build *b, struct ruleset *ret, struct err *err) MUSTUSE;

/* From now on this one is live. RC_DENIED: never tested, unless `untested`. */
enum rc ruleset_publish(const char *store, uint32_t number, bool untested, struct err *err) MUSTUSE;
/* The one that was live before is live again. RC_NOTFOUND: there was none. */
enum rc ruleset_rollback(const char *store, uint32_t *ret_number, struct err *err) MUSTUSE;
/* Numbers of all generations, rising; at most `max`. */
enum rc ruleset_numbers(const char *store, uint32_t *out, size_t max, size_t *ret_n, struct err *err) MUSTUSE;

#endif
