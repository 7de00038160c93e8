/* The figures follow how long each kind of infrastructure stays in hostile use:
 * addresses change hands within weeks, domains within months, a file never becomes
 * another file. */
#include "intel/decay.h"

#include <math.h>

static const struct decay_rule rules[OBS_KINDS + 1] = {
	[OBS_IPV4] = { "ipv4", 14 * DECAY_DAY, 90 * DECAY_DAY },
	[OBS_IPV6] = { "ipv6", 14 * DECAY_DAY, 90 * DECAY_DAY },
	[OBS_DOMAIN] = { "domain", 60 * DECAY_DAY, 365 * DECAY_DAY },
	[OBS_URL] = { "url", 30 * DECAY_DAY, 180 * DECAY_DAY },
	[OBS_EMAIL] = { "email", 90 * DECAY_DAY, 365 * DECAY_DAY },
	[OBS_MD5] = { "md5", 730 * DECAY_DAY, 3650 * DECAY_DAY },
	[OBS_SHA1] = { "sha1", 730 * DECAY_DAY, 3650 * DECAY_DAY },
	[OBS_SHA256] = { "sha256", 730 * DECAY_DAY, 3650 * DECAY_DAY },
	[OBS_SHA512] = { "sha512", 730 * DECAY_DAY, 3650 * DECAY_DAY },
	[OBS_KINDS] = { "other", 365 * DECAY_DAY, 1825 * DECAY_DAY },
};

const struct decay_rule *decay_rule(enum observable_kind kind)
{
	return &rules[(size_t)kind < OBS_KINDS ? kind : OBS_KINDS];
}

usec decay_expiry(const struct decay_facts *f)
{
	usec end;

	if (f->revoked)
		return INT64_MIN;
	if (f->valid_until != 0)
		return f->valid_until;
	return __builtin_add_overflow(f->seen, decay_rule(f->kind)->lifetime, &end) ? INT64_MAX : end;
}

#define STATED_WEIGHT 4 /* verdicts that a statement weighs */
#define VERDICTS_MAX 1000000 /* more change nothing that shows */

uint8_t decay_confidence(uint8_t stated, int64_t confirmed, int64_t false_positives)
{
	int64_t k = confirmed < 0 ? 0 : confirmed < VERDICTS_MAX ? confirmed : VERDICTS_MAX;
	int64_t f = false_positives < 0 ? 0 : false_positives < VERDICTS_MAX ? false_positives : VERDICTS_MAX;
	int64_t c = stated <= 100 ? stated : CONFIDENCE_DEFAULT, weight = STATED_WEIGHT + k + f;

	if (stated == 0 || (k == 0 && f == 0))
		return stated;
	return (uint8_t)((STATED_WEIGHT * c + 100 * k + weight / 2) / weight);
}

uint8_t decay_score(const struct decay_facts *f, usec t)
{
	uint8_t confidence = decay_confidence(f->confidence, f->confirmed, f->false_positives);
	double base = confidence <= 100 ? confidence : CONFIDENCE_DEFAULT, age;
	usec seen = f->confirmed_at > f->seen ? f->confirmed_at : f->seen;

	if (t >= decay_expiry(f))
		return 0;
	if (t <= seen)
		return (uint8_t)base;
	age = ((double)t - (double)seen) / (double)decay_rule(f->kind)->half_life;
	return (uint8_t)lround(base * exp2(-age));
}
