/* The few statistics that boards show. Pure. */
#ifndef PICTURE_STAT_H
#define PICTURE_STAT_H

#include <stddef.h>
#include <stdint.h>

/* 95 % */
#define STAT_Z 1.959963984540054

/* Nearest rank: the ceil(part * n)-th smallest of n >= 1 values, which change their places. */
double stat_quantile(double *values, size_t n, double part);

/* Wilson score interval of `hits` in `n` >= 1 trials (Wilson 1927). */
void stat_wilson(int64_t hits, int64_t n, double *ret_low, double *ret_high);

/* Score interval of a count that has no upper bound, per `per` of `n` >= 1 (the same construction for a Poisson count). */
void stat_rate(int64_t count, int64_t n, double per, double *ret_low, double *ret_high);

#endif
