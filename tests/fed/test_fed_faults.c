/* Every allocation of an exchange fails once, on both sides: what fails ends in an error or another try, the next life
 * of the exchange brings over what is missing, nothing comes twice and nothing leaks. */
#include <signal.h>

#include "fed/mesh.h"

#define ROUNDS 160
#define LIFE 40000 /* microseconds */

static struct node a, b;

/* One life of b's workers in which allocation number `nth`, wherever in the process, fails. */
static bool live_through(uint64_t nth)
{
	struct fed_config c = { .store = b.store, .cert_pem = b.pair.cert.p, .key_pem = b.pair.key.p, .default_tlp = TLP_AMBER, .log = node_log, .ctx = &b };
	struct fed *fed = NULL;
	struct err err = { 0 };
	enum rc rc;

	mem_fail_at(nth, 0);
	rc = fed_start(&c, &fed, &err);
	if (rc == RC_OK) {
		atomic_store(&b.fed, fed);
		usleep(LIFE);
		node_stop(&b);
	}
	mem_fail_at(0, 0);
	return rc == RC_OK || rc == RC_NOMEM;
}

int main(void)
{
	bool clean = true;
	unsigned n = 0;

	signal(SIGPIPE, SIG_IGN);
	node_up(&a, "a");
	node_up(&b, "b");
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&b, &a, LINK_PULL, TLP_RED);
	for (uint64_t nth = 1; nth <= ROUNDS && clean; nth++) {
		if (nth % 8 == 1)
			node_add(&a, n++, 0, TLP_CLEAR, false);
		clean = live_through(nth);
	}
	OK(clean, "each of %d allocations may fail in a life of the exchange", ROUNDS);
	node_start(&b);
	OK(wait_count(&b, n, 20), "in the end all is there: %llu of %u", (unsigned long long)node_count(&b), n);
	node_add(&a, n++, 0, TLP_CLEAR, false);
	OK(wait_count(&b, n, 20), "and what is new comes");
	EQ_INT(node_count(&b), n, "nothing twice");
	node_stop(&b);
	node_down(&b);
	node_down(&a);
	pair_done(&mesh_ca);
	EQ_INT(mem_live(), 0, "everything given back");
	return tap_done();
}
