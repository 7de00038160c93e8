/* Timing for the programs in tests/bench: each figure is the median of ROUNDS
 * rounds with its spread (smallest to largest), as "name value unit (from-to)". */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS 9

__attribute__((unused)) static double bench_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int bench_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs `round` until BENCH_ROUNDS rates are measured and prints them; `work` is
 * what one round does, in `unit` (MB, thousand calls, ...). Yields the median. */
__attribute__((unused)) static double bench_rate(const char *name, double work, const char *unit, void (*round)(void *ctx), void *ctx)
{
	double rate[BENCH_ROUNDS];

	round(ctx);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		double start = bench_seconds();

		round(ctx);
		rate[i] = work / (bench_seconds() - start);
	}
	qsort(rate, BENCH_ROUNDS, sizeof rate[0], bench_order);
	printf("%s %.1f %s (%.1f-%.1f)\n", name, rate[BENCH_ROUNDS / 2], unit, rate[0], rate[BENCH_ROUNDS - 1]);
	return rate[BENCH_ROUNDS / 2];
}

/* The same form for figures that were measured otherwise; sorts `figures`. */
__attribute__((unused)) static void bench_print(const char *name, double *figures, size_t n, const char *unit)
{
	qsort(figures, n, sizeof figures[0], bench_order);
	printf("%s %.2f %s (%.2f-%.2f)\n", name, figures[n / 2], unit, figures[0], figures[n - 1]);
	fflush(stdout);
}

#endif
