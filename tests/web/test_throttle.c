/* Waiting times after failures: none, then doubling, with an end; forgotten by success and by time. */
#include "web/throttle.h"

#include "base/mem.h"
#include "tap.h"

#define SECONDS(us) ((us) / USEC_PER_SEC)

int main(void)
{
	static const int64_t waits[] = { 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900 };
	struct throttle *t = throttle_new();
	usec now = 1000 * USEC_PER_SEC;

	if (!OK(t != NULL, "made"))
		return tap_done();
	for (size_t i = 0; i < COUNTOF(waits); i++) {
		EQ_INT(throttle_wait(t, S("a"), now), 0, "who waited may try");
		throttle_failed(t, S("a"), now);
		EQ_INT(SECONDS(throttle_wait(t, S("a"), now)), waits[i], "so long after this failure");
		OK(waits[i] == 0 || throttle_wait(t, S("a"), now + waits[i] * USEC_PER_SEC - 1) > 0, "not a moment less");
		EQ_INT(throttle_wait(t, S("b"), now), 0, "others do not wait");
		now += waits[i] * USEC_PER_SEC;
	}
	throttle_passed(t, S("a"));
	throttle_failed(t, S("a"), now);
	EQ_INT(throttle_wait(t, S("a"), now), 0, "success begins anew");
	for (int i = 0; i < 5; i++)
		throttle_failed(t, S("c"), now);
	now += THROTTLE_FORGET;
	throttle_failed(t, S("c"), now);
	EQ_INT(throttle_wait(t, S("c"), now), 0, "so does a long rest");
	throttle_free(t);
	throttle_free(NULL);
	mem_fail_at(1, 0);
	OK(throttle_new() == NULL, "no memory: none");
	mem_fail_at(0, 0);
	EQ_INT(mem_live(), 0, "nothing leaked");
	return tap_done();
}
