/* Rules behind the router beside libyara alone, on the same files in the same run: bench-yara RULES FOLDER [MB]. Every match of both (rule,
 * string, offset, length, order) and every error are compared; one core. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "bench.h"
#include "lab/rules.h"

#define FILES_MAX 200000
#define ROUNDS 3

struct sample {
	char *path;
	struct str bytes;
};

static struct sample *samples;
static size_t n_samples;
static uint64_t all, wanted;

static int met(const char *path, const struct stat *st, int type, struct FTW *f)
{
	struct str bytes;
	int fd;

	(void)f;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0 || all >= wanted || n_samples == FILES_MAX)
		return 0;
	/* Some of every folder, and not the first folders alone. */
	if (hash_stable(str_of(path)) % 4 != 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	bytes = str_make(mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0), (size_t)st->st_size);
	close(fd);
	if (bytes.p == MAP_FAILED)
		return 0;
	samples[n_samples++] = (struct sample){ .path = mem_strdup(path), .bytes = bytes };
	all += bytes.n;
	return 0;
}

static void note(void *ctx, const struct lab_match *m)
{
	buf_fmt(ctx, "%.*s %.*s %llu %llu\n", STR(m->id), STR(m->part), (unsigned long long)m->at, (unsigned long long)m->length);
}

static struct buf *run(const struct lab_rules *r, double *seconds)
{
	struct buf *out = mem_array(n_samples + 1, sizeof *out);
	double begun = bench_seconds();

	for (size_t i = 0; i < n_samples; i++) {
		struct err err = { 0 };
		bool too_many;

		buf_init(&out[i], (size_t)1 << 30);
		if (lab_rules_scan(r, samples[i].bytes, 600, note, &out[i], &too_many, &err) != RC_OK)
			buf_fmt(&out[i], "error %s\n", err.text);
		if (too_many)
			buf_cstr(&out[i], "too many\n");
	}
	*seconds = bench_seconds() - begun;
	return out;
}

static size_t compare(const struct buf *a, const struct buf *b, size_t *matches)
{
	size_t differ = 0;

	for (size_t i = 0; i < n_samples; i++) {
		for (struct str s = buf_view(&a[i]), line; str_next(&s, '\n', &line);)
			*matches += line.n > 0;
		if (str_eq(buf_view(&a[i]), buf_view(&b[i])))
			continue;
		if (differ++ < 5)
			printf("# differs: %s\n# alone:\n%.300s# routed:\n%.300s", samples[i].path, a[i].p == NULL ? "" : a[i].p, b[i].p == NULL ? "" : b[i].p);
	}
	return differ;
}

static void forget(struct buf *list)
{
	for (size_t i = 0; i < n_samples; i++)
		buf_done(&list[i]);
	mem_free(list);
}

int main(int argc, char **argv)
{
	const char *paths[] = { argc > 1 ? argv[1] : NULL, NULL };
	double routed[ROUNDS], alone[ROUNDS], ratio[ROUNDS], mb;
	struct lab_rules *fast, *slow;
	size_t matches = 0, differ = 0;
	struct buf generation;
	struct err err = { 0 };

	if (argc < 3) {
		printf("# bench-yara RULES FOLDER [MB]\n");
		return 0;
	}
	wanted = (uint64_t)(argc > 3 ? strtoull(argv[3], NULL, 10) : 500) << 20;
	samples = mem_array(FILES_MAX, sizeof *samples);
	buf_init(&generation, (size_t)1 << 20);
	nftw(argv[2], met, 64, FTW_PHYS);
	if (lab_rules_load(paths, true, &generation, &fast, &err) != RC_OK || lab_rules_load(paths, true, &generation, &slow, &err) != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	lab_rules_unroute(slow);
	mb = (double)all / 1e6;
	printf("rules %zu\nfiles %zu\nbytes %.1f MB\n", lab_rules_count(fast), n_samples, mb);
	for (int i = 0; i < ROUNDS; i++) {
		struct buf *a = run(slow, &alone[i]), *b = run(fast, &routed[i]);

		ratio[i] = alone[i] / routed[i];
		differ += compare(a, b, &matches);
		forget(a);
		forget(b);
		alone[i] = mb / alone[i];
		routed[i] = mb / routed[i];
	}
	bench_print("libyara-alone", alone, ROUNDS, "MB/s");
	bench_print("routed", routed, ROUNDS, "MB/s");
	bench_print("times-faster", ratio, ROUNDS, "x");
	printf("matches %zu\nfiles-that-differ %zu\n", matches / ROUNDS, differ / ROUNDS);
	return differ != 0;
}
