/* One walker or fact maker over any bytes, as the only thing that looks at them: what it makes of them is measured by digests and no more, so
 * that the machine's time goes into one parser. */
#ifndef TESTS_FUZZ_LAB_ONE_H
#define TESTS_FUZZ_LAB_ONE_H

#include <fcntl.h>

#include "base/mem.h"
#include "lab/make.h"
#include "lab/walk.h"
#include "lab/work.h"

typedef enum rc (*lab_look)(struct lab_node *n, struct err *err);

/* The node is a child called `name` of a container that says `how`. */
static inline void lab_one(lab_look look, struct str bytes, uint64_t types, const char *how, const char *name)
{
	static struct lab_stock stock = { .only_rules = true };
	static int out = -1;
	struct lab_work w = { .stock = &stock, .size = bytes.n, .until = time_mono() + 5 * USEC_PER_SEC };
	struct lab_ledger ledger = { 0 }, above = { 0 };
	struct lab_node top = { .work = &w, .bytes = bytes, .from = { .name = S(""), .how = "submission" }, .ledger = &above };
	struct lab_node n = { .work = &w, .parent = &top, .bytes = bytes, .from = { .name = str_of(name), .how = how }, .depth = 1, .number = 1, .types = types, .ledger = &ledger };
	struct err err;

	if (out < 0) {
		out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		stock.limits = LAB_LIMITS;
		stock.limits.bytes = stock.limits.memory = (uint64_t)16 << 20;
		stock.limits.children = 300;
	}
	w.out_fd = out;
	w.twins = map_new(4096);
	buf_init(&w.out, (size_t)1 << 20);
	n.a = arena_new((size_t)64 << 20);
	if (w.twins != NULL && n.a != NULL)
		(void)look(&n, &err);
	arena_free(n.a);
	map_free(w.twins);
	buf_done(&w.out);
	lab_ranges_done(&ledger.claimed);
	lab_ranges_done(&ledger.unseen);
	mem_free(ledger.lost);
	if (w.live != 0)
		abort();
}

#endif
