/* Nothing is lost when processes are killed: workers and zygotes die by SIGKILL at random moments, and every submission gets its one
 * report with the right verdict. LIANFANG_KILLS says how many (1000 in the long run). */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lab/lab.h"
#include "sys/file.h"
#include "tap.h"
#include "lab/zipmake.h"

#define AT_ONCE 8
#define KILLS_A_REPORT 50

/* The children of a process as the kernel lists them; 0 when it has none. */
static size_t children_of(long pid, long *list, size_t max)
{
	char path[64];
	struct buf b;
	struct str rest, word;
	size_t n = 0;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
	if (file_read(path, 65536, &b, NULL) != RC_OK)
		return 0;
	rest = buf_view(&b);
	while (n < max && str_next(&rest, ' ', &word)) {
		uint64_t v;

		if (str_to_u64(str_trim(word), &v))
			list[n++] = (long)v;
	}
	buf_done(&b);
	return n;
}

static long starts_of(pid_t killer_parent, unsigned seed, bool zygote)
{
	long z[16], w[64];
	size_t n = children_of(killer_parent, z, COUNTOF(z)), m;

	for (size_t i = 0; i < n; i++) {
		if (z[i] == getpid())
			continue;
		if (zygote)
			return z[i];
		m = children_of(z[i], w, COUNTOF(w));
		return m == 0 ? 0 : w[seed % m];
	}
	return 0;
}

struct shared {
	_Atomic int kills, reports;
};

/* In a process of its own: kills until it has, or its parent ends it. On a machine where everything takes longer than the time between two
 * kills nothing would ever come to its end: it waits for a report after so many. */
static void kill_some(pid_t parent, struct shared *shared, int want)
{
	unsigned seed = 77;
	int at_report = 0, reports = 0;

	while (shared->kills < want) {
		long victim;

		if (shared->reports != reports) {
			reports = shared->reports;
			at_report = shared->kills;
		}
		if (shared->kills - at_report >= KILLS_A_REPORT) {
			time_nap(10000);
			continue;
		}

		seed = seed * 1103515245u + 12345u;
		victim = starts_of(parent, seed >> 8, (seed >> 16) % 12 == 0);
		if (victim > 0 && kill((pid_t)victim, SIGKILL) == 0)
			shared->kills++;
		usleep(20000 + (seed >> 12) % 30000);
	}
	_exit(0);
}

static int file_of(struct str bytes)
{
	int fd = memfd_create("job", MFD_CLOEXEC);

	return fd >= 0 && file_write_at(fd, 0, bytes, NULL) == RC_OK ? fd : -1;
}

static int fd_of[2]; /* of the harmless job and of the bad one */

static bool hand_in(struct lab *l, bool *bad)
{
	struct lab_submission sub = { .fd = fd_of[*bad], .path = S("job"), .tag = bad };
	struct err err = { 0 };

	if (lab_submit(l, &sub, &err) == RC_OK)
		return true;
	printf("# %s\n", err.text);
	return false;
}

/* One whose workers were killed again and again is handed in again, as its report says it may be. */
static bool take(struct lab *l, int *reports, struct shared *shared)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct lab_report r;
	struct err err = { 0 };
	void *tag = NULL;
	enum rc rc = lab_next(l, a, 90 * USEC_PER_SEC, &r, &tag, &err);
	bool *bad = tag;
	bool good = rc == RC_OK && (r.lost || lab_verdict_of(&r) == (*bad ? LAB_V_MALICIOUS : LAB_V_NO_FINDING));

	if (rc != RC_OK)
		printf("# %s\n", err.text);
	else if (!good)
		printf("# verdict %s: %.*s\n", lab_verdict_name(lab_verdict_of(&r)), r.unseen.n == 0 ? 0 : STR(r.unseen.p[0].why));
	*reports += rc == RC_OK && !r.lost;
	shared->reports++;
	if (rc == RC_OK && r.lost)
		good = hand_in(l, bad);
	arena_free(a);
	return good;
}

int main(void)
{
	static bool yes = true, no = false;
	const char *said = getenv("LIANFANG_KILLS");
	uint64_t want = 40;
	struct lab_setup s = { .limits = LAB_LIMITS };
	struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct lab *l = NULL;
	struct zip_make z;
	int reports = 0, jobs = 0;
	bool fine = true;
	pid_t me = getpid(), killer;

	if (said != NULL)
		(void)str_to_u64(str_of(said), &want);
	zip_begin(&z);
	zip_add(&z, S("eicar.com"), S("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" "ANTIVIRUS-TEST-FILE!$H+H*"));
	for (int i = 0; i < 30; i++)
		zip_add(&z, S("more"), str_make((const char *)&i, sizeof i));
	zip_end(&z);
	fd_of[true] = file_of(buf_view(&z.out));
	fd_of[false] = file_of(S("nothing in it"));
	s.limits.seconds = 20;
	if (!OK(lab_open(&s, &l, NULL) == RC_OK, "the lab starts"))
		return tap_done();
	killer = fork();
	if (killer == 0)
		kill_some(me, shared, (int)want);
	while (fine && shared->kills < (int)want) {
		while (fine && lab_under_way(l) >= AT_ONCE)
			fine = take(l, &reports, shared);
		fine = fine && hand_in(l, jobs % 3 == 0 ? &no : &yes);
		jobs++;
	}
	kill(killer, SIGKILL);
	waitpid(killer, NULL, 0);
	while (fine && lab_under_way(l) > 0)
		fine = take(l, &reports, shared);
	OK(fine, "every report is right");
	OK(reports == jobs, "%d jobs, %d whole reports, %d kills", jobs, reports, shared->kills);
	lab_close(l);
	close(fd_of[false]);
	close(fd_of[true]);
	buf_done(&z.out);
	return tap_done();
}
