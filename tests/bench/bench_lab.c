/* The lab: a submission's way through a worker of its own, at rest and beside bombs; many small files; memory at rest. The floor of the
 * same run is a fork that does nothing. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bench.h"
#include "lab/lab.h"
#include "lab/zipmake.h"
#include "sys/file.h"

#define ROUNDS 1000
#define EICAR "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" "ANTIVIRUS-TEST-FILE!$H+H*"

static double *took;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_spread(const char *name, size_t n)
{
	qsort(took, n, sizeof *took, by_value);
	printf("%s-p50 %.3f ms\n%s-p99 %.3f ms\n%s-max %.3f ms\n", name, took[n / 2], name, took[n * 99 / 100], name, took[n - 1]);
}

static int file_of(struct str bytes)
{
	int fd = memfd_create("job", MFD_CLOEXEC);

	return fd >= 0 && file_write_at(fd, 0, bytes, NULL) == RC_OK ? fd : -1;
}

static double now_ms(void)
{
	return (double)time_mono() / 1000;
}

static bool take(struct lab *l, void **tag, enum lab_verdict *v)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct lab_report r;
	struct err err = { 0 };
	bool good = lab_next(l, a, 60 * USEC_PER_SEC, &r, tag, &err) == RC_OK;

	if (good)
		*v = lab_verdict_of(&r);
	else
		fprintf(stderr, "%s\n", err.text);
	arena_free(a);
	return good;
}

static void forks(void)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		double begun = now_ms();
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		took[i] = now_ms() - begun;
	}
	print_spread("fork", ROUNDS);
}

static void one_by_one(struct lab *l, const char *name, int fd, enum lab_verdict want)
{
	struct lab_submission s = { .fd = fd, .path = S("job") };
	size_t right = 0;
	void *tag;

	for (size_t i = 0; i < ROUNDS; i++) {
		enum lab_verdict v = LAB_V_INCOMPLETE;
		double begun = now_ms();

		if (lab_submit(l, &s, NULL) != RC_OK || !take(l, &tag, &v))
			return;
		took[i] = now_ms() - begun;
		right += v == want;
	}
	print_spread(name, ROUNDS);
	printf("%s-right %zu of-%d\n", name, right, ROUNDS);
}

static void side_by_side(struct lab *l, const char *name, int fd, size_t lanes)
{
	struct lab_submission s = { .fd = fd, .path = S("job") };
	double begun = now_ms();
	size_t in = 0, out = 0;
	enum lab_verdict v;
	void *tag;

	while (out < ROUNDS * 2) {
		while (in < ROUNDS * 2 && in - out < lanes && lab_submit(l, &s, NULL) == RC_OK)
			in++;
		if (!take(l, &tag, &v))
			return;
		out++;
	}
	printf("%s-rate %.0f files/s\n", name, (double)out / (now_ms() - begun) * 1000);
}

static void memory_of(const char *name, const char *path)
{
	struct buf b;
	size_t at;

	if (file_read(path, 65536, &b, NULL) != RC_OK)
		return;
	at = str_find(buf_view(&b), S("VmRSS:"), 0);
	if (at != SIZE_MAX)
		printf("%s-rss %ld KiB\n", name, strtol(b.p + at + 6, NULL, 10));
	buf_done(&b);
}

/* One bomb for each normal file, two lanes: how long the normal ones take. Of as many as LIANFANG_BOMBS says; p99 of fewer than a hundred
 * would be their worst. */
static void beside_bombs(struct lab *l, int normal, int bomb, double alone)
{
	const char *said = getenv("LIANFANG_BOMBS");
	uint64_t bombs = 200;

	static const double is_bomb = 0;
	double begun[8] = { 0 };
	size_t in = 0, out = 0, n = 0;
	enum lab_verdict v;
	void *tag;

	if (said != NULL)
		(void)str_to_u64(str_of(said), &bombs);
	bombs = bombs < ROUNDS ? bombs : ROUNDS;
	while (out < bombs * 2) {
		while (in < bombs * 2 && in - out < 2) {
			size_t slot = in % 8;
			struct lab_submission s = { .fd = in % 2 ? bomb : normal, .path = S("job"), .tag = in % 2 ? (void *)(uintptr_t)&is_bomb : (void *)&begun[slot] };

			begun[slot] = now_ms();
			if (lab_submit(l, &s, NULL) != RC_OK)
				return;
			in++;
		}
		if (!take(l, &tag, &v))
			return;
		if (tag != &is_bomb)
			took[n++] = now_ms() - *(double *)tag;
		out++;
	}
	print_spread("beside-bombs", n);
	printf("beside-bombs-p99-to-alone %.2f times\n", took[n * 99 / 100] / alone);
}

/* Small files of a folder as they come, all facts and rules, as many lanes as processors: and what one costs the processor. */
static void mixed(struct lab *l, const char *folder, size_t *ret_files)
{
	DIR *d = opendir(folder);
	struct lab_submission s = { .path = S("file") };
	double begun = now_ms();
	size_t in = 0, out = 0;
	struct dirent *e;
	enum lab_verdict v;
	char path[4096];
	void *tag;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct stat st;

		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		s.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (s.fd >= 0 && fstat(s.fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= 64 << 10)
			in += lab_submit(l, &s, NULL) == RC_OK;
		if (s.fd >= 0)
			close(s.fd);
		while (in - out >= 2 && take(l, &tag, &v))
			out++;
	}
	while (in - out > 0 && take(l, &tag, &v))
		out++;
	if (d != NULL)
		closedir(d);
	printf("mixed-files %zu\nmixed-rate %.0f files/s\n", out, (double)out / (now_ms() - begun) * 1000);
	*ret_files = out;
}

static void zygote_memory(void)
{
	struct buf b;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	if (file_read(path, 4096, &b, NULL) != RC_OK)
		return;
	snprintf(path, sizeof path, "/proc/%ld/status", strtol(b.n > 0 ? b.p : "0", NULL, 10));
	memory_of("zygote", path);
	buf_done(&b);
}

static struct buf bomb_of(size_t mib)
{
	struct zip_make z;
	struct buf zeros;

	buf_init(&zeros, (size_t)1 << 30);
	for (size_t i = 0; i < mib && buf_room(&zeros, (size_t)1 << 20) != NULL; i++) {
		memset(zeros.p + zeros.n, 0, (size_t)1 << 20);
		buf_grew(&zeros, (size_t)1 << 20);
	}
	zip_begin(&z);
	zip_add(&z, S("zeros"), buf_view(&zeros));
	zip_end(&z);
	buf_done(&zeros);
	return z.out;
}

static double seconds_of(const struct rusage *r)
{
	return (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) + (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	const char *rules[] = { argc > 1 && argv[1][0] != '-' ? argv[1] : NULL, NULL };
	struct lab_setup s = { .limits = LAB_LIMITS, .rules = rules };
	struct lab *l = NULL;
	struct err err;
	struct buf bomb = bomb_of(200), text;
	double begun = now_ms(), alone;
	int eicar = file_of(S(EICAR)), bomb_fd = file_of(buf_view(&bomb)), text_fd;

	took = mem_array(ROUNDS, sizeof *took);
	buf_init(&text, (size_t)1 << 20);
	for (int i = 0; text.n < 64 << 10; i++)
		buf_fmt(&text, "line %d of a text that nobody minds, https://example.org/%d\n", i, i * 7);
	text_fd = file_of(buf_view(&text));
	if (lab_open(&s, &l, &err) != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("start %.1f ms\n", now_ms() - begun);
	memory_of("caller", "/proc/self/status");
	zygote_memory();
	forks();
	one_by_one(l, "eicar", eicar, LAB_V_MALICIOUS);
	one_by_one(l, "text-64k", text_fd, LAB_V_NO_FINDING);
	alone = took[ROUNDS * 99 / 100];
	side_by_side(l, "eicar", eicar, 2);
	side_by_side(l, "text-64k", text_fd, 2);
	beside_bombs(l, text_fd, bomb_fd, alone);
	lab_close(l);
	if (argc > 2 && lab_open(&s, &l, &err) == RC_OK) {
		struct rusage before, after;
		size_t files = 0;

		getrusage(RUSAGE_CHILDREN, &before);
		mixed(l, argv[2], &files);
		lab_close(l);
		getrusage(RUSAGE_CHILDREN, &after);
		printf("mixed-processor %.2f ms/file\n", files == 0 ? 0 : (seconds_of(&after) - seconds_of(&before)) * 1000 / (double)files);
	}
	return 0;
}
