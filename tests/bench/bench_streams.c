/* Five thousand event streams on one server: memory for each, CPU for each delivery, and how
 * long after the send the last and the 99th of a hundred clients has its event. */
#include <sys/epoll.h>
#include <sys/resource.h>

#include "bench.h"
#include "base/mem.h"
#include "sys/http.h"
#include "sys/net.h"

#define STREAMS 5000
#define EVENTS 15

static struct http_stream *streams[STREAMS];
static _Atomic int n_streams;
static int fds[STREAMS];

/* Called on the one event loop only. */
static void handle(void *ctx, struct http_req *r, struct http_res *res)
{
	int at = n_streams;

	(void)ctx, (void)r;
	res->stream = http_stream_new(1 << 16);
	if (at < STREAMS)
		streams[at] = res->stream;
	n_streams = at + 1;
}

static bool never(void *ctx, const struct http_req *r)
{
	(void)ctx, (void)r;
	return false;
}

static double resident_kib(void)
{
	unsigned long all = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &all, &resident) != 2)
		return 0;
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool open_all(int port, int ep)
{
	for (int i = 0; i < STREAMS; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
		char head[1024];

		fds[i] = net_connect(port, 10);
		if (fds[i] < 0 || !net_send(fds[i], S("GET / HTTP/1.1\r\nHost: t\r\n\r\n")) || recv(fds[i], head, sizeof head, 0) <= 0)
			return false;
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e);
	}
	return true;
}

/* Sends one event to all and yields when 99 % and all had it, in milliseconds. */
static void deliver(int ep, double *ret_p99, double *ret_all)
{
	static const char event[] = "id: 1\nevent: add\ndata: {\"id\":\"indicator--0\"}\n\n";
	struct epoll_event ready[256];
	double begun = bench_seconds();
	int seen = 0;

	for (int i = 0; i < STREAMS; i++)
		(void)!http_stream_send(streams[i], str_make(event, sizeof event - 1));
	while (seen < STREAMS) {
		int n = epoll_wait(ep, ready, 256, 5000);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++) {
			char in[4096];

			if (recv(fds[ready[i].data.u32], in, sizeof in, 0) > 0 && ++seen == STREAMS * 99 / 100)
				*ret_p99 = (bench_seconds() - begun) * 1e3;
		}
	}
	*ret_all = (bench_seconds() - begun) * 1e3;
}

int main(void)
{
	struct http_config c = { .listen = "127.0.0.1:0", .threads = 1, .max_connections = STREAMS + 10, .max_header_bytes = 16384,
				 .heartbeat_seconds = 600, .handler = handle, .blocking = never };
	struct rlimit files = { 2 * STREAMS + 100, 2 * STREAMS + 100 };
	double p99[EVENTS], all[EVENTS], before, cpu;
	struct http_server *s = NULL;
	struct err err = { 0 };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (setrlimit(RLIMIT_NOFILE, &files) != 0 || http_server_start(&c, &s, &err) != RC_OK) {
		fprintf(stderr, "%d open files are needed %s\n", (int)files.rlim_cur, err.text);
		return 1;
	}
	before = resident_kib();
	if (!open_all(http_server_port(s), ep)) {
		fprintf(stderr, "cannot open %d streams\n", STREAMS);
		return 1;
	}
	before = (resident_kib() - before) / STREAMS;
	bench_print("streams_memory_each", &before, 1, "KiB");
	cpu = cpu_seconds();
	for (int i = 0; i < EVENTS; i++)
		deliver(ep, &p99[i], &all[i]);
	cpu = (cpu_seconds() - cpu) / ((double)EVENTS * STREAMS) * 1e6;
	bench_print("streams_cpu_each_delivery", &cpu, 1, "us");
	bench_print("streams_p99_delivery", p99, EVENTS, "ms");
	bench_print("streams_last_delivery", all, EVENTS, "ms");
	for (int i = 0; i < STREAMS; i++) {
		http_stream_close(streams[i]);
		close(fds[i]);
	}
	http_server_stop(s, 0);
	close(ep);
	return 0;
}
