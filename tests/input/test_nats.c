/* The NATS inputs: what their paths say, what is known to come again, and, with Debian's nats-server, what a consumer that is too
 * slow loses and counts, and a message that is not taken. A real node reads from NATS in tests/e2e/nats.py. */
#include <ftw.h>
#include <netinet/in.h>
#include <nats/nats.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/time.h"
#include "input/input.h"
#include "input/seen.h"
#include "tap.h"

#define FLOOD 100000

static void paths(void)
{
	static const char creds[] = "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\nSUAX\n------END\n";
	static const char half[] = "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n";
	static const struct { const char *path, *user, *secret; enum rc rc; } rows[] = {
		{ "nats://a:4222/logs.>", NULL, NULL, RC_OK },
		{ "nats://a:4222,b:4222/logs.*.x?queue=soc", NULL, NULL, RC_OK },
		{ "nats://a:4222/logs", "u", "p\n", RC_OK },
		{ "nats://a:4222/logs", NULL, "token", RC_OK },
		{ "nats://a:4222/logs", NULL, creds, RC_OK },
		{ "nats://a:4222/logs", "u", creds, RC_BAD },
		{ "nats://a:4222/logs", NULL, half, RC_BAD },
		{ "nats://a:4222/logs", NULL, " \n", RC_BAD },
		{ "nats://a:4222/logs", "u", NULL, RC_BAD },
		{ "nats://a:4222/", NULL, NULL, RC_BAD },
		{ "nats://a:4222", NULL, NULL, RC_BAD },
		{ "nats://a/logs", NULL, NULL, RC_BAD },
		{ "nats://u:p@a:4222/logs", NULL, NULL, RC_BAD },
		{ "nats://a:4222/.logs", NULL, NULL, RC_BAD },
		{ "nats://a:4222/lo gs", NULL, NULL, RC_BAD },
		{ "nats://a:4222/a..b", NULL, NULL, RC_BAD },
		{ "nats://a:4222/logs?group=x", NULL, NULL, RC_BAD },
		{ "nats://a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1/logs", NULL, NULL, RC_LIMIT },
		{ "jetstream://a:4222/LOGS?durable=soc", NULL, NULL, RC_OK },
		{ "jetstream://a:4222/LOGS?durable=soc&subject=logs.*&from=end&ack_wait=5", NULL, NULL, RC_OK },
		{ "jetstream://a:4222/LOGS", NULL, NULL, RC_BAD },
		{ "jetstream://a:4222/LO.GS?durable=soc", NULL, NULL, RC_BAD },
		{ "jetstream://a:4222/LOGS?durable=so.c", NULL, NULL, RC_BAD },
		{ "jetstream://a:4222/LOGS?durable=soc&from=now", NULL, NULL, RC_BAD },
		{ "jetstream://a:4222/LOGS?durable=soc&ack_wait=0", NULL, NULL, RC_BAD },
		{ "jetstream://a:4222/LOGS?durable=soc&ack_wait", NULL, NULL, RC_BAD },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct input_kind *k = input_kind_of(rows[i].path);
		struct input_opts o = { .path = rows[i].path, .user = rows[i].user, .secret = rows[i].secret };
		struct err err = { 0 };
		void *input = NULL;
		enum rc rc = k->open(&o, S(""), &input, &err);

		OK(rc == rows[i].rc && (input != NULL) == (rc == RC_OK), "%s user %d secret %d: %s", rows[i].path, rows[i].user != NULL,
		   rows[i].secret != NULL, rc == RC_OK ? "taken" : err.text);
		k->close(input);
	}
}

static void memory(const char *path, const char *place)
{
	const struct input_kind *k = input_kind_of(path);
	struct input_opts o = { .path = path, .user = "u", .secret = "p" };
	int64_t live = mem_live();
	uint64_t n = 0;
	void *input = NULL;
	enum rc rc;

	do {
		mem_fail_at(++n, 0);
		rc = k->open(&o, str_of(place), &input, NULL);
		mem_fail_at(0, 0);
	} while (rc == RC_NOMEM && n < 50);
	OK(rc == RC_OK && n > 4, "%s each of %llu allocations may fail", k->scheme, (unsigned long long)n - 1);
	k->close(input);
	EQ_INT(mem_live(), live, "and nothing is left");
}

static void ranges(void)
{
	struct seen s, again;
	char text[SEEN_TEXT_MAX + 60];

	OK(seen_read(&s, S("")) && !seen_has(&s, 0) && !seen_has(&s, 1), "at first nothing is known");
	seen_print(&s, text, sizeof text);
	EQ_STR(str_of(text), S(""), "and nothing is written");
	for (uint64_t i = 5; i <= 9; i++)
		seen_add(&s, i);
	seen_add(&s, 12);
	seen_add(&s, 3);
	OK(!seen_has(&s, 4) && seen_has(&s, 5) && seen_has(&s, 9) && !seen_has(&s, 10) && seen_has(&s, 12) && seen_has(&s, 3), "ranges in any order");
	seen_print(&s, text, sizeof text);
	EQ_STR(str_of(text), S(" 5-9 12-12 3-3"), "written");
	seen_drop_last(&s);
	OK(!seen_has(&s, 3), "the last one is taken back");
	seen_add(&s, 13);
	seen_drop_last(&s);
	seen_print(&s, text, sizeof text);
	EQ_STR(str_of(text), S(" 5-9 12-12"), "of a range too");
	OK(seen_read(&again, str_of(text)) && seen_has(&again, 9) && !seen_has(&again, 13), "and read again");
	OK(!seen_read(&again, S(" 5-9 12")) && !seen_has(&again, 5), "a damaged text: nothing is known");
	OK(!seen_read(&again, S(" 9-5")), "nor from an end before the beginning");
	for (uint64_t i = 0; i < 100; i++)
		seen_add(&s, UINT64_MAX - 2 * i);
	seen_print(&s, text, sizeof text);
	OK(!seen_has(&s, 5) && seen_has(&s, UINT64_MAX - 198) && strlen(text) < 900 && seen_read(&again, str_of(text)),
	   "only the latest are kept: %zu bytes at most", strlen(text));
}

/* --- with a server --- */

struct taken {
	uint64_t all, refuse_at;
};

static enum rc take(void *ctx, const struct input_message *m, struct err *err)
{
	struct taken *t = ctx;

	if (t->refuse_at != 0 && t->all == t->refuse_at)
		return FAIL(err, RC_FULL, "no room");
	t->all += m->bytes.n > 0;
	return RC_OK;
}

static int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&a, n) != 0 || getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		a.sin_port = 0;
	close(fd);
	return ntohs(a.sin_port);
}

static pid_t start_server(int port, char *folder)
{
	char text[16];
	char *argv[] = { (char[]){ "nats-server" }, (char[]){ "-a" }, (char[]){ "127.0.0.1" }, (char[]){ "-p" }, text, (char[]){ "-l" }, (char[]){ "/dev/null" },
			 (char[]){ "-js" }, (char[]){ "-sd" }, folder, NULL };
	char *env[] = { (char[]){ "PATH=/usr/bin:/bin:/usr/sbin:/usr/local/bin" }, NULL };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(text, sizeof text, "%d", port);
	execve("/usr/sbin/nats-server", argv, env);
	execve("/usr/local/bin/nats-server", argv, env);
	_exit(127);
}

static enum rc run_until(void *input, struct taken *t, uint64_t all)
{
	usec began = time_mono();
	struct err err = { 0 };
	enum rc rc = RC_OK;

	while (t->all < all && time_mono() - began < 20 * USEC_PER_SEC) {
		bool any;

		rc = INPUT_NATS.run(input, 50000, take, t, &any, &err);
		if (rc == RC_FULL)
			break;
	}
	return rc;
}

static void publish(natsConnection *nc, int n)
{
	for (int i = 0; i < n; i++)
		(void)natsConnection_PublishString(nc, "logs.a", "something to read");
	(void)natsConnection_Flush(nc);
}

static void flood(int port)
{
	char path[64], url[64];
	struct input_opts o = { .path = path };
	struct input_stats st = { 0 };
	struct taken t = { 0 };
	natsConnection *nc = NULL;
	void *input = NULL;

	snprintf(path, sizeof path, "nats://127.0.0.1:%d/logs.>", port);
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
	if (INPUT_NATS.open(&o, S(""), &input, NULL) != RC_OK)
		return;
	for (int i = 0; i < 200 && st.senders == 0; i++) {
		bool any;

		if (INPUT_NATS.run(input, 50000, take, &t, &any, &(struct err){ 0 }) != RC_OK)
			nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		INPUT_NATS.stats(input, &st);
	}
	EQ_INT(st.senders, 1, "connected");
	natsStatus s = natsConnection_ConnectTo(&nc, url);
	OK(s == NATS_OK, "someone publishes: %s", natsStatus_GetText(s));
	publish(nc, 10);
	t.refuse_at = 7;
	EQ_INT(run_until(input, &t, 10), RC_FULL, "one is not taken");
	t.refuse_at = 0;
	(void)run_until(input, &t, 10);
	EQ_INT(t.all, 10, "and comes again");
	publish(nc, FLOOD); /* and nobody reads */
	nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL);
	(void)run_until(input, &t, 60000);
	for (int i = 0; i < 20; i++) { /* what is left */
		bool any;

		(void)INPUT_NATS.run(input, 50000, take, &t, &any, &(struct err){ 0 });
	}
	INPUT_NATS.stats(input, &st);
	OK(st.dropped > 0 && st.messages + st.dropped == 10 + FLOOD && t.all == st.messages, "who is too slow loses messages and counts them: %llu and %llu",
	   (unsigned long long)st.messages, (unsigned long long)st.dropped);
	INPUT_NATS.close(input);
	natsConnection_Destroy(nc);
}

#define STREAMED 100

struct handed {
	void *input;
	uint64_t all, half;
	char at_half[INPUT_PLACE_MAX + 1], place[INPUT_PLACE_MAX + 1];
};

static enum rc take_streamed(void *ctx, const struct input_message *m, struct err *err)
{
	struct handed *h = ctx;

	(void)m;
	(void)err;
	INPUT_JETSTREAM.place(h->input, h->place);
	if (++h->all == h->half)
		snprintf(h->at_half, sizeof h->at_half, "%s", h->place);
	return RC_OK;
}

static void run_stream(struct handed *h, uint64_t all, usec wait)
{
	usec began = time_mono();

	while (h->all < all && time_mono() - began < wait) {
		bool any;

		if (INPUT_JETSTREAM.run(h->input, 50000, take_streamed, h, &any, &(struct err){ 0 }) != RC_OK)
			nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}

/* What the server still waits to hear of; asked until it says `want`. */
static long long unacknowledged(jsCtx *js, long long want)
{
	long long n = -1;

	for (int i = 0; i < 100 && n != want; i++) {
		jsConsumerInfo *info = NULL;

		if (js_GetConsumerInfo(&info, js, "LOGS", "soc", NULL, NULL) == NATS_OK)
			n = info->NumAckPending + (long long)info->NumPending;
		jsConsumerInfo_Destroy(info);
		if (n != want)
			nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return n;
}

static void reopen(struct handed *h, const struct input_opts *o, const char *place)
{
	char copy[INPUT_PLACE_MAX + 1];

	snprintf(copy, sizeof copy, "%s", place);
	INPUT_JETSTREAM.close(h->input);
	*h = (struct handed){ .half = 40 };
	(void)!INPUT_JETSTREAM.open(o, str_of(copy), &h->input, NULL);
}

/* Nothing is acknowledged before it is settled, and exactly that then; what comes again is known by the place alone. */
static void stream(int port)
{
	char path[100], url[64];
	struct input_opts o = { .path = path };
	struct handed h = { 0 };
	struct input_stats st;
	jsStreamConfig config;
	natsConnection *nc = NULL;
	jsCtx *js = NULL;

	snprintf(path, sizeof path, "jetstream://127.0.0.1:%d/LOGS?durable=soc&ack_wait=1", port);
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
	(void)jsStreamConfig_Init(&config);
	config.Name = "LOGS";
	config.Subjects = (const char *[]){ "streamed" };
	config.SubjectsLen = 1;
	OK(natsConnection_ConnectTo(&nc, url) == NATS_OK && natsConnection_JetStream(&js, nc, NULL) == NATS_OK &&
	   js_AddStream(NULL, js, &config, NULL, NULL) == NATS_OK, "a stream");
	for (int i = 0; i < STREAMED; i++)
		(void)natsConnection_PublishString(nc, "streamed", "something to keep");
	(void)natsConnection_Flush(nc);
	reopen(&h, &o, "");
	run_stream(&h, STREAMED, 20 * USEC_PER_SEC);
	EQ_INT((long long)h.all, STREAMED, "all come");
	EQ_INT(unacknowledged(js, STREAMED), STREAMED, "and none is acknowledged yet");
	INPUT_JETSTREAM.settled(h.input, str_of(h.at_half));
	EQ_INT(unacknowledged(js, STREAMED - 40), STREAMED - 40, "40 are settled, 40 are acknowledged");
	reopen(&h, &o, "");
	run_stream(&h, STREAMED - 40, 20 * USEC_PER_SEC);
	EQ_INT((long long)h.all, STREAMED - 40, "after a crash without a place the other ones come again");
	EQ_INT(unacknowledged(js, STREAMED - 40), STREAMED - 40, "not acknowledged");
	reopen(&h, &o, h.place);
	run_stream(&h, 1, 4 * USEC_PER_SEC);
	INPUT_JETSTREAM.stats(h.input, &st);
	OK(h.all == 0 && st.repeated >= STREAMED - 40, "after one with a place they are known: %llu", (unsigned long long)st.repeated);
	EQ_INT(unacknowledged(js, 0), 0, "and acknowledged");
	INPUT_JETSTREAM.close(h.input);
	jsCtx_Destroy(js);
	natsConnection_Destroy(nc);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int main(void)
{
	char folder[] = "/tmp/lianfang-test-nats.XXXXXX";
	int port = free_port();
	pid_t server;

	paths();
	memory("nats://a:4222,b:4222/logs?queue=x", "");
	memory("jetstream://a:4222/LOGS?durable=soc", "00000000 5 6 7 8-9");
	ranges();
	if (mkdtemp(folder) == NULL)
		return 1;
	server = access("/usr/sbin/nats-server", X_OK) == 0 || access("/usr/local/bin/nats-server", X_OK) == 0 ? start_server(port, folder) : -1;
	if (server > 0) {
		flood(port);
		stream(port);
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	} else {
		SKIP("nats-server is not installed", "messages from a server");
	}
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	nats_Close();
	return tap_done();
}
