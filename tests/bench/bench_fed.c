/* Two nodes in one process over real TLS: a full pull of a million objects, what an idle sync of the same million costs,
 * the latency of one new object by stream and by push. bench_fed [OBJECTS] */
#include <signal.h>
#include <sys/resource.h>

#include "bench.h"
#include "fed/mesh.h"

#define LATENCIES 41

static struct node a, b;

static double seconds_since(usec begun)
{
	return (double)(time_mono() - begun) / 1e6;
}

/* From the call that stores at one node to the object's being in the other's store. */
static void latencies(const char *name, struct node *from, struct node *to, unsigned first)
{
	double ms[LATENCIES];

	for (unsigned i = 0; i < LATENCIES; i++) {
		usec begun = time_mono();

		node_add(from, first + i, 0, TLP_CLEAR, false);
		if (!wait_has(to, first + i, 10))
			printf("# %s: lost\n", name);
		ms[i] = seconds_since(begun) * 1e3;
		usleep(20000);
	}
	bench_print(name, ms, LATENCIES, "ms");
}

static void idle(const char *name, const char *how)
{
	uint64_t requests = atomic_load(&a.requests), bytes = atomic_load(&a.http_bytes);
	usec begun = time_mono();

	node_start(&b);
	if (!wait_streams(&a, atomic_load(&a.streams) + 1, 30))
		printf("# no stream\n");
	printf("%s_time %.1f ms\n", name, seconds_since(begun) * 1e3);
	usleep(500000);
	printf("%s_requests %llu\n", name, (unsigned long long)(atomic_load(&a.requests) - requests));
	printf("%s_bytes %llu B of HTTP (%s)\n", name, (unsigned long long)(atomic_load(&a.http_bytes) - bytes), how);
}

int main(int argc, char **argv)
{
	uint64_t n = 1000000;
	struct rusage use;
	usec begun;

	if (argc > 1 && !str_to_u64(str_of(argv[1]), &n))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	node_up(&a, "a");
	node_up(&b, "b");
	node_knows(&a, &b, TLP_RED);
	node_knows(&b, &a, TLP_RED);
	node_link(&b, &a, LINK_PULL, TLP_RED);
	begun = time_mono();
	node_fill(&a, 0, (unsigned)n);
	printf("fill %.1f thousand objects/s\n", (double)n / seconds_since(begun) / 1e3);
	begun = time_mono();
	node_start(&b);
	if (!wait_count(&b, n, 600))
		printf("# not all came\n");
	printf("full_pull %.2f s for %llu objects (%.1f thousand/s)\n", seconds_since(begun), (unsigned long long)n,
	       (double)n / seconds_since(begun) / 1e3);
	wait_status(&b, 0, "state", "streaming", 10);
	node_stop(&b);
	idle("idle", "by its cursor");
	latencies("stream_latency", &a, &b, (unsigned)n);
	node_stop(&b);
	/* Another ceiling is another link: it has no cursor yet. */
	node_link(&b, &a, LINK_PULL, TLP_AMBER);
	idle("idle_new_link", "by digest");
	node_stop(&b);
	node_link(&a, &b, LINK_PUSH, TLP_RED);
	begun = time_mono();
	node_start(&a);
	wait_status(&a, 0, "state", "idle", 600);
	printf("push_repeats %.1f thousand/s\n", (double)node_figure(&a, 0, "delivered") / seconds_since(begun) / 1e3);
	latencies("push_latency", &a, &b, (unsigned)n + LATENCIES);
	getrusage(RUSAGE_SELF, &use);
	printf("resident %ld MB, both nodes\n", use.ru_maxrss / 1024);
	node_down(&b);
	node_down(&a);
	return 0;
}
