/* A list of many indicators: load, bytes each, look-ups. usage: bench-iocs [FILE]: without a file 1 M values are made
 * (BENCH_IOCS sets another number). */
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "bench.h"
#include "detect/iocs.h"

#define ASKED 200000

struct asking { struct iocs *t; char (*values)[64]; enum observable_kind kind; size_t found; };

static void round_ask(void *ctx)
{
	struct asking *q = ctx;
	struct ioc_match m[4];
	char scratch[8192];
	size_t n;

	q->found = 0;
	for (size_t i = 0; i < ASKED; i++) {
		struct observable o = { .kind = q->kind, .value = str_of(q->values[i]) };

		if (iocs_lookup(q->t, &o, m, 4, &n, scratch, sizeof scratch, NULL) == RC_OK)
			q->found += n;
	}
}

static uint64_t next(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 20;
}

static void value(uint64_t i, char *out)
{
	uint64_t s = i * 2 + 1, a = next(&s), b = next(&s);

	switch (i % 10) {
	case 0: case 1: case 2: case 3: case 4: snprintf(out, 64, "h%llx.mail.example.net", (unsigned long long)a); break;
	case 5: case 6: snprintf(out, 64, "%u.%u.%u.%u", (unsigned)(a & 255), (unsigned)(a >> 8 & 255), (unsigned)(b & 255), (unsigned)(b >> 8 & 255)); break;
	case 7: snprintf(out, 64, "http://x%llx.example.org/p/%llu", (unsigned long long)a, (unsigned long long)i); break;
	default: snprintf(out, 64, "%016llx%016llx", (unsigned long long)(a * 0x9e3779b97f4a7c15u), (unsigned long long)(b * 0x9e3779b97f4a7c15u)); break;
	}
}

int main(int argc, char **argv)
{
	char made[] = "/tmp/lianfang-iocs-XXXXXX";
	const char *path = argc > 1 ? argv[1] : made, *count = getenv("BENCH_IOCS");
	struct asking miss = { .kind = OBS_DOMAIN, .values = calloc(ASKED, 64) }, parents = { .kind = OBS_DOMAIN, .values = calloc(ASKED, 64) },
		      hit = { .kind = OBS_DOMAIN, .values = calloc(ASKED, 64) };
	struct iocs_stats st;
	struct iocs *t = NULL;
	struct err err = { 0 };
	uint64_t n = count != NULL ? strtoull(count, NULL, 10) : 1000000;
	double begun;

	if (argc < 2) {
		FILE *f = fdopen(mkstemp(made), "w");
		char line[64];

		for (uint64_t i = 0; f != NULL && i < n; i++) {
			value(i, line);
			fprintf(f, "%s\n", line);
		}
		if (f == NULL || fclose(f) != 0)
			return 1;
	}
	begun = bench_seconds();
	if (iocs_load(&path, 1, &t, &err) != RC_OK)
		return fprintf(stderr, "%s\n", err.text), 1;
	iocs_stats(t, &st);
	printf("iocs.values %llu\niocs.load %.2f s\niocs.memory %.2f bytes-each\n", (unsigned long long)st.values, bench_seconds() - begun,
	       (double)st.bytes / (double)st.values);
	miss.t = hit.t = parents.t = t;
	for (uint64_t i = 0; i < ASKED; i++) {
		snprintf(miss.values[i], 64, "%016llx%016llx", (unsigned long long)(i * 0x9e3779b97f4a7c15u), (unsigned long long)i);
		snprintf(parents.values[i], 64, "www%llu.cdn.other.example", (unsigned long long)i);
		value(i * 10 % n, hit.values[i]);
	}
	miss.kind = OBS_MD5;
	bench_rate("iocs.miss", ASKED / 1e6, "M/s", round_ask, &miss);
	bench_rate("iocs.miss_domain_with_parents", ASKED / 1e6, "M/s", round_ask, &parents);
	if (argc < 2) {
		bench_rate("iocs.hit", ASKED / 1e6, "M/s", round_ask, &hit);
		printf("iocs.hits_found %zu of %d\n", hit.found, ASKED);
		unlink(made);
	}
	iocs_free(t);
	return 0;
}
