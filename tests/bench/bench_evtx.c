/* Event logs: records a second against libevtx's evtxexport on the same files in
 * the same run (processor time of both; skipped when it is not installed).
 *
 *	bench-evtx [FILE|FOLDER...]      (none: $LIANFANG_DATA/logs/evtx-attack-samples) */
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "intel/material.h"
#include "sys/file.h"
#include "wire/evtx.h"

#define FILES_MAX 4096
#define PEER_FILES 12 /* of the largest: the peer is slow */
#define NOISE_MS 300  /* at least that long a round */

struct log {
	char *path;
	struct buf bytes;
	uint64_t records;
};

static struct log logs[FILES_MAX];
static size_t n_logs;
static struct fields *dict;
static struct flat *f;
static uint64_t values, raw;

extern char **environ;

static double cpu(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int add(const char *path, const struct stat *st UNUSED, int kind, struct FTW *at UNUSED)
{
	struct log *l = &logs[n_logs];
	struct err err;

	if (kind != FTW_F || n_logs == FILES_MAX || !str_ends(str_of(path), S(".evtx")))
		return 0;
	if (file_read(path, (size_t)1 << 30, &l->bytes, &err) == RC_OK && (l->path = mem_strdup(path)) != NULL)
		n_logs++;
	return 0;
}

static uint64_t read_log(struct log *l)
{
	CLEANUP(evtx_closep) struct evtx *e = NULL;
	struct evtx_stats s;
	struct err err;

	if (evtx_open(buf_view(&l->bytes), dict, &e, &err) != RC_OK)
		return 0;
	while (evtx_next(e, f)) {
		values += f->n;
		raw += f->raw.n;
	}
	evtx_stats(e, &s);
	l->records = s.records;
	return s.records;
}

static int by_records(const void *a, const void *b)
{
	uint64_t x = ((const struct log *)a)->records, y = ((const struct log *)b)->records;

	return (x < y) - (x > y);
}

/* Processor seconds that evtxexport takes for a file; negative: it cannot be run. */
static double peer(char *path)
{
	char *argv[] = { (char[]){ "evtxexport" }, (char[]){ "-f" }, (char[]){ "xml" }, path, NULL };
	posix_spawn_file_actions_t to;
	double start = cpu(RUSAGE_CHILDREN);
	pid_t pid;
	int status = 1;

	posix_spawn_file_actions_init(&to);
	posix_spawn_file_actions_addopen(&to, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&to, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &to, NULL, argv, environ) != 0)
		return -1;
	posix_spawn_file_actions_destroy(&to);
	waitpid(pid, &status, 0);
	return status == 0 ? cpu(RUSAGE_CHILDREN) - start : -1;
}

/* The files of `n`, again and again until the clock can tell. */
static double our_rate(struct log *l, size_t n)
{
	double start = cpu(RUSAGE_SELF), spent;
	uint64_t records = 0;

	do {
		for (size_t i = 0; i < n; i++)
			records += read_log(&l[i]);
		spent = cpu(RUSAGE_SELF) - start;
	} while (spent < NOISE_MS / 1e3);
	return (double)records / spent;
}

static void against_peer(void)
{
	size_t n = n_logs < PEER_FILES ? n_logs : PEER_FILES;
	double ours[5], theirs[5], ratio[5];

	for (int round = 0; round < 5; round++) {
		double spent = 0, records = 0;

		ours[round] = our_rate(logs, n);
		for (size_t i = 0; i < n; i++) {
			double s = peer(logs[i].path);

			if (s < 0) {
				printf("# evtxexport cannot be run: no peer\n");
				return;
			}
			spent += s;
			records += (double)logs[i].records;
		}
		theirs[round] = records / spent;
		ratio[round] = ours[round] / theirs[round];
	}
	bench_print("evtx_large_files", ours, 5, "records/s");
	bench_print("evtxexport_large_files", theirs, 5, "records/s");
	bench_print("evtx_to_evtxexport", ratio, 5, "times");
}

int main(int argc, char **argv)
{
	char folder[4096];
	double rates[BENCH_ROUNDS];
	struct err err;

	if (argc < 2 && material("logs/evtx-attack-samples", folder))
		nftw(folder, add, 8, FTW_PHYS);
	for (int i = 1; i < argc; i++)
		nftw(argv[i], add, 8, FTW_PHYS);
	dict = fields_new();
	if (n_logs == 0 || dict == NULL || fields_add_windows(dict, &err) != RC_OK || flat_new(&f, &err) != RC_OK) {
		printf("# no event log to read\n");
		return n_logs == 0 ? 0 : 1;
	}
	uint64_t records = 0;
	for (size_t i = 0; i < n_logs; i++)
		records += read_log(&logs[i]);
	printf("# %zu files, %llu records of %llu bytes and %llu values\n", n_logs, (unsigned long long)records,
		(unsigned long long)(raw / (records == 0 ? 1 : records)), (unsigned long long)(values / (records == 0 ? 1 : records)));
	qsort(logs, n_logs, sizeof logs[0], by_records);
	for (int i = 0; i < BENCH_ROUNDS; i++)
		rates[i] = our_rate(logs, n_logs);
	bench_print("evtx_all_files", rates, BENCH_ROUNDS, "records/s");
	against_peer();
	flat_free(f);
	fields_free(dict);
	return 0;
}
