/* Several files in one worker: each has its own report, and one that kills the worker costs the others nothing. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lab/work.h"
#include "sys/file.h"
#include "tap.h"

#define PARTS 20

static void fragile(const struct lab_stock *stock, struct str bytes, struct str passwords, int out_fd)
{
	if (str_eq(bytes, S("die")))
		__builtin_trap();
	lab_work_run(stock, bytes, passwords, out_fd);
}

static void parts(const char *name, uint32_t deadly, const char *rules)
{
	const char *paths[] = { rules, NULL };
	struct lab_setup setup = { .rules = paths, .only_rules = true, .limits = LAB_LIMITS, .version = "test", .work = fragile };
	CLEANUP(file_closep) int fd = memfd_create("parts", MFD_CLOEXEC);
	struct lab_piece part[PARTS];
	struct lab_submission sub = { .fd = fd, .parts = part, .n_parts = PARTS };
	struct arena *a = arena_new((size_t)64 << 20);
	int tags[PARTS], right = 0, found = 0, died = 0;
	char paths_of[PARTS][16];
	struct buf b;
	struct err err = { 0 };
	struct lab *l;

	buf_init(&b, 4096);
	for (int i = 0; i < PARTS; i++) {
		struct str bytes = (deadly >> i & 1) != 0 ? S("die") : i % 2 != 0 ? S("a needle") : S("");

		snprintf(paths_of[i], sizeof paths_of[i], "file %d", i);
		part[i] = (struct lab_piece){ .path = str_of(paths_of[i]), .size = bytes.n, .tag = &tags[i] };
		buf_le64(&b, bytes.n);
		buf_str(&b, bytes);
	}
	if (!OK(file_write_at(fd, 0, buf_view(&b), NULL) == RC_OK && lab_open(&setup, &l, &err) == RC_OK && lab_submit(l, &sub, &err) == RC_OK, "%s: handed in %s", name, err.text))
		return;
	for (int i = 0; i < PARTS; i++) {
		struct lab_report r;
		void *tag = NULL;

		if (!OK(lab_next(l, a, 60 * USEC_PER_SEC, &r, &tag, &err) == RC_OK, "%s: report %d", name, i))
			break;
		right += tag == &tags[i] && str_eq(r.path, part[i].path) && r.size == part[i].size;
		found += r.matches.n == 1;
		died += lab_verdict_of(&r) == LAB_V_INCOMPLETE && (deadly >> i & 1) != 0;
	}
	EQ_INT(right, PARTS, "each has its own report, in their order");
	EQ_INT(found, __builtin_popcount(0xaaaaau & ~deadly), "those with a match have it");
	EQ_INT(died, __builtin_popcount(deadly), "those that kill the worker are incomplete, and only they");
	EQ_INT(lab_under_way(l), 0, "nothing is under way any more");
	lab_close(l);
	arena_free(a);
	buf_done(&b);
}

int main(void)
{
	char rules[] = "/tmp/lab-parts-XXXXXX";
	int fd = mkstemp(rules);

	if (fd < 0 || file_replace(rules, S("rule a { strings: $s = \"needle\" condition: $s }"), 0600, NULL) != RC_OK)
		return 1;
	parts("all well", 0, rules);
	parts("one in the middle kills", 1u << 9, rules);
	parts("first, two together and last kill", 1u | 3u << 7 | 1u << 19, rules);
	parts("all kill", 0xfffff, rules);
	close(fd);
	unlink(rules);
	return tap_done();
}
