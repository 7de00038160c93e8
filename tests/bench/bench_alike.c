/* bench-alike [FILES]: relatives among so many stored files (20,000): how fast looks are kept, and how long one question takes, for a file with a
 * near relative and for one without. Beside it: the same digests compared one by one, all of them in memory. */
#include "bench.h"

#include "base/mem.h"
#include "gate/folder.h"
#include "lab/similar.h"
#include "store/submissions.h"
#include "web/lab_alike.h"

#define ROUNDS 100
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

struct looks {
	char ctph[CTPH_TEXT_MAX], tlsh[TLSH_TEXT_MAX];
};

/* Sizes as files have them: ten block sizes, lengths within a sixth of all shelves. */
static void make(struct looks *l)
{
	size_t at = (size_t)snprintf(l->ctph, sizeof l->ctph, "%u:", 3u << (4 + draw(10)));

	for (unsigned i = 0; i < 50 + 1 + 25; i++)
		l->ctph[at++] = i == 50 ? ':' : LETTERS[draw(64)];
	l->ctph[at] = '\0';
	memcpy(l->tlsh, "T1", 2);
	for (size_t i = 2; i < 72; i++)
		l->tlsh[i] = "0123456789ABCDEF"[draw(16)];
	l->tlsh[5] = "3456789A"[draw(8)]; /* the upper digit of the length, which stands behind the lower */
	l->tlsh[72] = '\0';
}

static struct report_of {
	struct lab_report r;
	struct lab_report_child children[ALIKE_PARTS_MAX];
	struct lab_report_fact facts[2 * ALIKE_PARTS_MAX];
	char paths[ALIKE_PARTS_MAX][32];
} one;

/* A report of one archive with these files in it. */
static void report(const struct looks *l, size_t n, struct arena *a)
{
	one.r = (struct lab_report){ .a = a, .hashed = true, .ended = true, .size = 1 };
	for (size_t i = 0; i + 1 < n; i++) {
		snprintf(one.paths[i], sizeof one.paths[i], "m%zu", i);
		one.children[i] = (struct lab_report_child){ .path = str_of(one.paths[i]), .how = S("member"), .size = 1, .depth = 1 };
		for (size_t k = 0; k < SHA256_LEN; k++)
			one.children[i].sha256[k] = (unsigned char)draw(256);
	}
	for (size_t i = 0; i < n; i++) {
		struct str path = i == 0 ? S("") : str_of(one.paths[i - 1]);

		one.facts[2 * i] = (struct lab_report_fact){ path, S("ctph"), str_of(l[i].ctph) };
		one.facts[2 * i + 1] = (struct lab_report_fact){ path, S("tlsh"), str_of(l[i].tlsh) };
	}
	for (size_t k = 0; k < SHA256_LEN; k++)
		one.r.sha256[k] = (unsigned char)draw(256);
	one.r.children.p = one.children;
	one.r.children.n = n - 1;
	one.r.facts.p = one.facts;
	one.r.facts.n = 2 * n;
}

static bool keep(struct store *s, struct arena *a, const struct looks *l, size_t n)
{
	static const struct quota none = { 0 };
	struct submission sub = { .owner = S("user:a"), .from = S(""), .name = S("n"), .privacy = PRIVACY_PUBLIC, .state = SUBMISSION_WAITING, .size = 1, .sha256 = S("ab"),
				  .address = S("1") };
	char id[UUID_TEXT_LEN + 1];
	struct alike_part *parts;
	struct uuid u;
	size_t n_parts;

	uuid_v4(&u);
	sub.id = uuid_format(&u, id);
	report(l, n, a);
	return submission_add(s, &sub, &none, S("user:a"), NULL) == RC_OK && lab_alike_parts(a, &one.r, sub.row, sub.id, &parts, &n_parts, NULL) == RC_OK &&
	       alike_put(s, parts, n_parts, NULL) == RC_OK;
}

static bool ask(struct store *s, const struct looks *l, double *ret_ms, size_t *ret_n)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct lab_relative *list;
	struct alike_part *parts;
	usec begun = time_mono();
	size_t n;
	bool cut, good;

	report(l, 1, a);
	good = lab_alike_parts(a, &one.r, 0, S("x"), &parts, &n, NULL) == RC_OK && lab_alike_find(s, a, parts, n, S("x"), &list, ret_n, &cut, NULL) == RC_OK;
	*ret_ms = (double)(time_mono() - begun) / 1000;
	arena_free(a);
	return good;
}

static double compare_all(const struct looks *all, size_t n, const struct looks *l)
{
	usec begun = time_mono();
	int best = 0;

	for (size_t i = 0; i < n; i++) {
		int score = ctph_score(str_of(all[i].ctph), str_of(l->ctph)), d = tlsh_distance(str_of(all[i].tlsh), str_of(l->tlsh));

		best += score > 0 || d <= LAB_ALIKE_FAR;
	}
	return best < 0 ? 0 : (double)(time_mono() - begun) / 1000;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 20000;
	struct looks *all = mem_array(n, sizeof *all);
	struct folder at = { .store = NULL };
	struct err err = { 0 };
	double with[ROUNDS], without[ROUNDS], plain[ROUNDS];
	usec begun;
	size_t found, met = 0;

	if (all == NULL || n < ALIKE_PARTS_MAX || !folder_open(&at, &err)) {
		printf("%s\n", err.text);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		make(&all[i]);
	begun = time_mono();
	for (size_t i = 0; i + ALIKE_PARTS_MAX <= n; i += ALIKE_PARTS_MAX) {
		struct arena *a = arena_new((size_t)64 << 20);

		if (!keep(at.store, a, &all[i], ALIKE_PARTS_MAX))
			printf("not kept\n");
		arena_free(a);
	}
	printf("kept %.0f files/s\n", (double)n / ((double)(time_mono() - begun) / USEC_PER_SEC));
	for (size_t i = 0; i < ROUNDS; i++) {
		struct looks l = all[draw((uint32_t)(n - ALIKE_PARTS_MAX))];

		l.ctph[10] = '/';
		l.ctph[30] = '+';
		l.tlsh[40] = l.tlsh[40] == '0' ? '1' : '0';
		if (!ask(at.store, &l, &with[i], &found))
			printf("not asked\n");
		met += found > 0;
		plain[i] = compare_all(all, n, &l);
		make(&l);
		if (!ask(at.store, &l, &without[i], &found))
			printf("not asked\n");
	}
	bench_print("question-with-a-relative", with, ROUNDS, "ms");
	bench_print("question-without", without, ROUNDS, "ms");
	bench_print("all-compared-in-memory", plain, ROUNDS, "ms");
	printf("relatives-found %zu of %d\n", met, ROUNDS);
	folder_close(&at);
	mem_free(all);
	return met == ROUNDS ? 0 : 1;
}
