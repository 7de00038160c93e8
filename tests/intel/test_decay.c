#include "intel/decay.h"
#include "tap.h"

#define T0 (INT64_C(1700000000) * USEC_PER_SEC)

int main(void)
{
	static const struct {
		const char *name;
		struct decay_facts f;
		usec t;
		uint8_t want;
	} rows[] = {
		{ "fresh", { OBS_IPV4, 80, T0, 0, false }, T0, 80 },
		{ "before it was seen", { OBS_IPV4, 80, T0, 0, false }, T0 - DECAY_DAY, 80 },
		{ "one half-life", { OBS_IPV4, 80, T0, 0, false }, T0 + 14 * DECAY_DAY, 40 },
		{ "two half-lives", { OBS_IPV4, 80, T0, 0, false }, T0 + 28 * DECAY_DAY, 20 },
		{ "a domain lives longer", { OBS_DOMAIN, 80, T0, 0, false }, T0 + 60 * DECAY_DAY, 40 },
		{ "a hash longer still", { OBS_SHA256, 80, T0, 0, false }, T0 + 730 * DECAY_DAY, 40 },
		{ "a pattern of another sort", { OBS_KINDS, 80, T0, 0, false }, T0 + 365 * DECAY_DAY, 40 },
		{ "end of life", { OBS_IPV4, 80, T0, 0, false }, T0 + 90 * DECAY_DAY, 0 },
		{ "just before", { OBS_IPV4, 80, T0, 0, false }, T0 + 90 * DECAY_DAY - 1, 1 },
		{ "valid_until cuts", { OBS_IPV4, 80, T0, T0 + DECAY_DAY, false }, T0 + DECAY_DAY, 0 },
		{ "valid_until not yet", { OBS_IPV4, 80, T0, T0 + 2 * DECAY_DAY, false }, T0, 80 },
		{ "valid_until beyond the lifetime holds", { OBS_IPV4, 100, T0, T0 + 98 * DECAY_DAY, false }, T0 + 97 * DECAY_DAY, 1 },
		{ "revoked", { OBS_IPV4, 80, T0, 0, true }, T0, 0 },
		{ "a stated 0 stays 0", { OBS_IPV4, 0, T0, 0, false }, T0, 0 },
		{ "not stated", { OBS_IPV4, CONFIDENCE_NONE, T0, 0, false }, T0, CONFIDENCE_DEFAULT },
		{ "far future", { OBS_SHA256, 80, INT64_MAX - 5, 0, false }, INT64_MAX - 5, 80 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(decay_score(&rows[i].f, rows[i].t), rows[i].want, rows[i].name);
	for (size_t k = 0; k <= OBS_KINDS; k++) {
		const struct decay_rule *r = decay_rule((enum observable_kind)k);
		struct decay_facts f = { (enum observable_kind)k, 100, T0, 0, false };
		bool falls = true;

		OK(r->half_life > 0 && r->lifetime > r->half_life, "%s: a half-life inside a lifetime", r->kind);
		for (usec t = T0; t < T0 + r->lifetime; t += r->lifetime / 50)
			falls &= decay_score(&f, t + r->lifetime / 50) <= decay_score(&f, t);
		OK(falls, "%s: the score only falls", r->kind);
		EQ_INT(decay_expiry(&f), T0 + r->lifetime, "  expiry");
	}
	return tap_done();
}
