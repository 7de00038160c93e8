/* A list of ten million SHA-256 becomes a table: time, memory at its highest beside what it is afterwards, look-ups. bench-hashes [MILLIONS] */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "bench.h"
#include "lab/hashes.h"

#define LOOKS ((size_t)1 << 20)
#define ROUNDS 5

static void digest_of(uint64_t i, unsigned char out[static SHA256_LEN])
{
	for (unsigned k = 0; k < 4; k++) {
		uint64_t v = (i * 4 + k + 1) * 0x9e3779b97f4a7c15u;

		v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
		v = (v ^ v >> 27) * 0x94d049bb133111ebu;
		v ^= v >> 31;
		memcpy(out + k * 8, &v, 8);
	}
}

static bool write_list(const char *path, uint64_t n)
{
	FILE *f = fopen(path, "we");
	unsigned char d[SHA256_LEN];
	struct buf line;

	buf_init(&line, 128);
	for (uint64_t i = 0; f != NULL && i < n; i++) {
		digest_of(i, d);
		buf_clear(&line);
		hex_put(&line, str_make((const char *)d, sizeof d));
		buf_char(&line, '\n');
		if (fwrite(line.p, 1, line.n, f) != line.n)
			return false;
	}
	buf_done(&line);
	return f != NULL && fclose(f) == 0;
}

/* Memory of the process that is no file's: heap and shared. */
static double own_mb(void)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "RssAnon:", 8) == 0 || strncmp(line, "RssShmem:", 9) == 0)
			kb += strtod(strchr(line, ':') + 1, NULL);
	if (f != NULL)
		fclose(f);
	return kb * 1024 / 1e6;
}

static void look_up(const struct lab_hashes *h, uint64_t n)
{
	static double took[LOOKS / 64];
	double rate[ROUNDS];
	size_t wrong = 0;

	for (int r = 0; r < ROUNDS; r++) {
		double begun = bench_seconds();

		for (uint64_t i = 0; i < LOOKS; i++) {
			unsigned char d[SHA256_LEN];
			struct lab_hash_hit hit;

			/* Every second one is there. */
			digest_of(i % 2 == 0 ? i * 7919 % n : n + i, d);
			if (i % 64 == 0)
				took[i / 64] = bench_seconds();
			wrong += lab_hashes_find(h, d, sizeof d, &hit) != (i % 2 == 0);
			if (i % 64 == 0)
				took[i / 64] = (bench_seconds() - took[i / 64]) * 1e6;
		}
		rate[r] = LOOKS / (bench_seconds() - begun) / 1000;
	}
	qsort(took, COUNTOF(took), sizeof *took, bench_order);
	bench_print("look-ups", rate, ROUNDS, "thousand/s");
	printf("look-up-p50 %.2f us\nlook-up-p99 %.2f us\nlook-ups-wrong %zu\n", took[COUNTOF(took) / 2], took[COUNTOF(took) * 99 / 100], wrong);
}

int main(int argc, char **argv)
{
	uint64_t n = (argc > 1 ? strtoull(argv[1], NULL, 10) : 10) * 1000000;
	double before = own_mb(), begun, built[ROUNDS], parsed;
	char path[] = "/tmp/bench-hashes-XXXXXX";
	int fd = mkstemp(path);
	struct lab_hashes *h = NULL;
	struct buf generation;
	struct err err = { 0 };

	if (fd < 0 || !write_list(path, n))
		return 1;
	buf_init(&generation, 4096);
	for (int i = 0; i < ROUNDS; i++) {
		lab_hashes_free(h);
		begun = bench_seconds();
		if (lab_hashes_new(&h, &err) != RC_OK || lab_hashes_add(h, path, false, &generation, &err) != RC_OK)
			return 1;
		parsed = bench_seconds() - begun;
		if (i == 0)
			printf("gathered %.1f MB of memory, %.2f s\n", own_mb() - before, parsed);
		if (lab_hashes_seal(h, &err) != RC_OK)
			return 1;
		built[i] = bench_seconds() - begun;
	}
	bench_print("list-to-table", built, ROUNDS, "s");
	printf("table %.1f MB of memory\n", own_mb() - before);
	begun = bench_seconds();
	if (lab_hashes_save(h, path, &err) != RC_OK)
		return 1;
	printf("saved %.2f s\n", bench_seconds() - begun);
	lab_hashes_free(h);
	for (int i = 0; i < ROUNDS; i++) {
		begun = bench_seconds();
		if (lab_hashes_new(&h, &err) != RC_OK || lab_hashes_add(h, path, false, &generation, &err) != RC_OK)
			return 1;
		built[i] = bench_seconds() - begun;
		if (i + 1 < ROUNDS)
			lab_hashes_free(h);
	}
	bench_print("table-published", built, ROUNDS, "s");
	printf("published %.1f MB of memory beside the file\n", own_mb() - before);
	look_up(h, n);
	lab_hashes_free(h);
	unlink(path);
	close(fd);
	return 0;
}
