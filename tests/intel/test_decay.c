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
		{ "fresh", { OBS_IPV4, 80, T0, 0, false, 0, 0, 0 }, T0, 80 },
		{ "before it was seen", { OBS_IPV4, 80, T0, 0, false, 0, 0, 0 }, T0 - DECAY_DAY, 80 },
		{ "one half-life", { OBS_IPV4, 80, T0, 0, false, 0, 0, 0 }, T0 + 14 * DECAY_DAY, 40 },
		{ "two half-lives", { OBS_IPV4, 80, T0, 0, false, 0, 0, 0 }, T0 + 28 * DECAY_DAY, 20 },
		{ "a domain lives longer", { OBS_DOMAIN, 80, T0, 0, false, 0, 0, 0 }, T0 + 60 * DECAY_DAY, 40 },
		{ "a hash longer still", { OBS_SHA256, 80, T0, 0, false, 0, 0, 0 }, T0 + 730 * DECAY_DAY, 40 },
		{ "a pattern of another sort", { OBS_KINDS, 80, T0, 0, false, 0, 0, 0 }, T0 + 365 * DECAY_DAY, 40 },
		{ "end of life", { OBS_IPV4, 80, T0, 0, false, 0, 0, 0 }, T0 + 90 * DECAY_DAY, 0 },
		{ "just before", { OBS_IPV4, 80, T0, 0, false, 0, 0, 0 }, T0 + 90 * DECAY_DAY - 1, 1 },
		{ "valid_until cuts", { OBS_IPV4, 80, T0, T0 + DECAY_DAY, false, 0, 0, 0 }, T0 + DECAY_DAY, 0 },
		{ "valid_until not yet", { OBS_IPV4, 80, T0, T0 + 2 * DECAY_DAY, false, 0, 0, 0 }, T0, 80 },
		{ "valid_until beyond the lifetime holds", { OBS_IPV4, 100, T0, T0 + 98 * DECAY_DAY, false, 0, 0, 0 }, T0 + 97 * DECAY_DAY, 1 },
		{ "revoked", { OBS_IPV4, 80, T0, 0, true, 0, 0, 0 }, T0, 0 },
		{ "a stated 0 stays 0", { OBS_IPV4, 0, T0, 0, false, 0, 0, 0 }, T0, 0 },
		{ "not stated", { OBS_IPV4, CONFIDENCE_NONE, T0, 0, false, 0, 0, 0 }, T0, CONFIDENCE_DEFAULT },
		{ "once a false positive", { OBS_IPV4, 80, T0, 0, false, 0, 1, 0 }, T0, 64 },
		{ "four times", { OBS_IPV4, 80, T0, 0, false, 0, 4, 0 }, T0, 40 },
		{ "confirmed", { OBS_IPV4, 40, T0, 0, false, 2, 0, 0 }, T0, 60 },
		{ "both", { OBS_IPV4, 80, T0, 0, false, 1, 1, 0 }, T0, 70 },
		{ "not stated, but confirmed", { OBS_IPV4, CONFIDENCE_NONE, T0, 0, false, 1, 0, 0 }, T0, 60 },
		{ "a stated 0 stays 0, whoever confirms", { OBS_IPV4, 0, T0, 0, false, 9, 0, 0 }, T0, 0 },
		{ "confirmed later: it decays from then", { OBS_IPV4, 100, T0, 0, false, 1, 0, T0 + 14 * DECAY_DAY }, T0 + 28 * DECAY_DAY, 50 },
		{ "counts below 0 are none", { OBS_IPV4, 80, T0, 0, false, -1, -1, 0 }, T0, 80 },
		{ "very many", { OBS_IPV4, 80, T0, 0, false, INT64_MAX, INT64_MAX, 0 }, T0, 50 },
		{ "far future", { OBS_SHA256, 80, INT64_MAX - 5, 0, false, 0, 0, 0 }, INT64_MAX - 5, 80 },
	};

	EQ_INT(decay_confidence(CONFIDENCE_NONE, 0, 0), CONFIDENCE_NONE, "nothing stated, nothing found out");
	EQ_INT(decay_confidence(80, 0, 0), 80, "nothing found out");
	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(decay_score(&rows[i].f, rows[i].t), rows[i].want, rows[i].name);
	for (size_t k = 0; k <= OBS_KINDS; k++) {
		const struct decay_rule *r = decay_rule((enum observable_kind)k);
		struct decay_facts f = { .kind = (enum observable_kind)k, .confidence = 100, .seen = T0 };
		bool falls = true;

		OK(r->half_life > 0 && r->lifetime > r->half_life, "%s: a half-life inside a lifetime", r->kind);
		for (usec t = T0; t < T0 + r->lifetime; t += r->lifetime / 50)
			falls &= decay_score(&f, t + r->lifetime / 50) <= decay_score(&f, t);
		OK(falls, "%s: the score only falls", r->kind);
		EQ_INT(decay_expiry(&f), T0 + r->lifetime, "  expiry");
	}
	return tap_done();
}
