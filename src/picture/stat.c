#include "picture/stat.h"

#include <math.h>

static void swap(double *a, double *b)
{
	double t = *a;

	*a = *b;
	*b = t;
}

/* The k-th smallest comes to v[k] (Hoare's selection); the middle of three as the pivot. */
static double select_kth(double *v, size_t n, size_t k)
{
	size_t from = 0, to = n - 1;

	while (from < to) {
		size_t i = from, j = to, middle = from + (to - from) / 2;
		double pivot;

		if (v[middle] < v[from])
			swap(&v[middle], &v[from]);
		if (v[to] < v[from])
			swap(&v[to], &v[from]);
		if (v[to] < v[middle])
			swap(&v[to], &v[middle]);
		pivot = v[middle];
		for (;;) {
			while (v[i] < pivot)
				i++;
			while (pivot < v[j])
				j--;
			if (i >= j)
				break;
			swap(&v[i++], &v[j--]);
		}
		if (k <= j)
			to = j;
		else
			from = j + 1;
	}
	return v[k];
}

double stat_quantile(double *values, size_t n, double part)
{
	double rank = ceil(part * (double)n);
	size_t i = rank < 1 ? 0 : (size_t)rank - 1;

	return select_kth(values, n, i < n ? i : n - 1);
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
