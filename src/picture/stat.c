#include "picture/stat.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double stat_quantile(double *values, size_t n, double part)
{
	double rank = ceil(part * (double)n);
	size_t i = rank < 1 ? 0 : (size_t)rank - 1;

	qsort(values, n, sizeof *values, by_value);
	return values[i < n ? i : n - 1];
}

void stat_wilson(int64_t hits, int64_t n, double *ret_low, double *ret_high)
{
	double m = (double)n, p = (double)hits / m, z2 = STAT_Z * STAT_Z;
	double middle = (p + z2 / (2 * m)) / (1 + z2 / m);
	double half = STAT_Z / (1 + z2 / m) * sqrt(p * (1 - p) / m + z2 / (4 * m * m));

	*ret_low = hits == 0 ? 0 : middle - half;
	*ret_high = hits == n ? 1 : middle + half;
}

void stat_rate(int64_t count, int64_t n, double per, double *ret_low, double *ret_high)
{
	double k = (double)count, z2 = STAT_Z * STAT_Z, half = STAT_Z * sqrt(k + z2 / 4), scale = per / (double)n;

	*ret_low = count == 0 ? 0 : (k + z2 / 2 - half) * scale;
	*ret_high = (k + z2 / 2 + half) * scale;
}
