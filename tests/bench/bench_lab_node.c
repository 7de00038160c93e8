/* The lab of a running node over HTTP on loopback: EICAR handed in until its verdict with report is durable and here, and look-ups by prefix. Prints the fsync of the
 * disk beside them, which bounds the first. usage: bench-lab-node PORT TOKEN|- FOLDER [threads] [seconds]; see lab_node.sh. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#define SAMPLES_MAX 2000000
#define REPLY_MAX ((size_t)1 << 20)

static const char EICAR[] = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
static int port;
static const char *token;

struct client {
	pthread_t thread;
	bool lookups;
	usec until;
	usec *took;
	size_t n, failed;
	unsigned seed;
};

static int dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		perror("connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* One reply, by its Content-Length; NUL behind it. Its status, or 0. */
static int reply(int fd, char *to)
{
	size_t n = 0, want = 0;

	for (;;) {
		ssize_t got = recv(fd, to + n, REPLY_MAX - 1 - n, 0);
		const char *end, *length;

		if (got <= 0)
			return 0;
		n += (size_t)got;
		to[n] = '\0';
		end = strstr(to, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strstr(to, "Content-Length: ");
		want = (size_t)(end - to) + 4 + (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
		if (n >= want)
			return (int)strtol(to + 9, NULL, 10);
	}
}

static size_t request(struct client *c, char *to, size_t room)
{
	char auth[600] = "";

	if (strcmp(token, "-") != 0)
		snprintf(auth, sizeof auth, "Authorization: Bearer %s\r\n", token);
	if (c->lookups) /* EICAR's own prefix now and then, others else */
		return (size_t)snprintf(to, room, "GET /api/v1/lab/hashes/%05x HTTP/1.1\r\nHost: x\r\n%s\r\n", rand_r(&c->seed) % 8 == 0 ? 0x275a0 : rand_r(&c->seed) & 0xFFFFF, auth);
	return (size_t)snprintf(to, room, "POST /api/v1/lab/submissions?privacy=government&name=eicar.com&wait=30 HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n%s",
				sizeof EICAR - 1, auth, EICAR);
}

static bool good(const struct client *c, int status, const char *text)
{
	return c->lookups ? status == 200 : status == 201 && strstr(text, "\"verdict\":\"malicious\"") != NULL && strstr(text, "\"report\":{") != NULL;
}

static void *run(void *arg)
{
	struct client *c = arg;
	char *in = mem_alloc(REPLY_MAX), out[2048];
	int fd = dial();

	while (time_mono() < c->until && c->n < SAMPLES_MAX) {
		size_t n = request(c, out, sizeof out);
		usec begun = time_mono();
		int status = send(fd, out, n, MSG_NOSIGNAL) == (ssize_t)n ? reply(fd, in) : 0;

		if (!good(c, status, in)) {
			if (c->failed++ == 0)
				fprintf(stderr, "status %d: %.300s\n", status, in);
			if (status == 0) {
				close(fd);
				fd = dial();
			}
			continue;
		}
		c->took[c->n++] = time_mono() - begun;
	}
	close(fd);
	mem_free(in);
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	const usec *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(const char *name, bool lookups, int threads, int seconds)
{
	struct client *c = mem_array((size_t)threads, sizeof *c);
	size_t each = SAMPLES_MAX / (size_t)threads, n = 0, failed = 0;
	usec *all = mem_array(SAMPLES_MAX, sizeof *all), begun = time_mono();
	double span;

	if (c == NULL || all == NULL)
		exit(1);
	for (int i = 0; i < threads; i++) {
		c[i] = (struct client){ .lookups = lookups, .until = begun + seconds * USEC_PER_SEC, .took = all + each * (size_t)i, .seed = (unsigned)i };
		pthread_create(&c[i].thread, NULL, run, &c[i]);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(c[i].thread, NULL);
	span = (double)(time_mono() - begun) / USEC_PER_SEC;
	for (int i = 0; i < threads; i++) {
		memmove(all + n, c[i].took, c[i].n * sizeof *all);
		n += c[i].n;
		failed += c[i].failed;
	}
	qsort(all, n, sizeof *all, by_time);
	printf("%s_%d_rate %.0f 1/s\n", name, threads, (double)n / span);
	if (n > 0)
		printf("%s_%d_p50 %.3f ms\n%s_%d_p99 %.3f ms\n", name, threads, (double)all[n / 2] / 1000, name, threads, (double)all[n - 1 - n / 100] / 1000);
	printf("%s_%d_failed %zu\n", name, threads, failed);
	mem_free(all);
	mem_free(c);
}

/* What a file that is made and synced costs here: a submission costs a few of them. */
static void floor_of_disk(const char *folder)
{
	usec took[200];
	char path[4200];

	for (size_t i = 0; i < COUNTOF(took); i++) {
		usec begun = time_mono();
		int fd;

		snprintf(path, sizeof path, "%s/bench-%zu", folder, i);
		fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
		if (fd < 0 || write(fd, EICAR, sizeof EICAR) < 0 || fsync(fd) != 0)
			exit(1);
		close(fd);
		took[i] = time_mono() - begun;
		unlink(path);
	}
	qsort(took, COUNTOF(took), sizeof took[0], by_time);
	printf("file_synced_p50 %.3f ms\nfile_synced_p99 %.3f ms\n", (double)took[100] / 1000, (double)took[198] / 1000);
}

int main(int argc, char **argv)
{
	int threads = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 8, seconds = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 5;

	if (argc < 4 || threads < 1 || threads > 256)
		return 2;
	port = (int)strtol(argv[1], NULL, 10);
	token = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	floor_of_disk(argv[3]);
	measure("eicar", false, 1, seconds);
	measure("eicar", false, threads, seconds);
	measure("lookup", true, 1, seconds);
	measure("lookup", true, threads, seconds);
	return 0;
}
