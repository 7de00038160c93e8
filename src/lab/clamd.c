/* clamd(8), command INSTREAM in its form with NUL: "zINSTREAM\0", then pieces of 4 bytes big-endian length and so many bytes, then length 0; the answer is
 * "stream: OK\0", "stream: NAME FOUND\0" or "... ERROR\0". clamd may answer and close in the middle, when the file is longer than it takes:
 * a failed write is therefore no reason not to read. */
#include "lab/clamd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "sys/file.h"
#include "sys/unixsock.h"

#define PIECE ((size_t)64 << 10)
#define ANSWER_MAX 1024

struct talk {
	int sock;
	usec until;
	struct clamd_says *to;
};

static bool trouble(struct talk *t, const char *why)
{
	if (t->to->trouble[0] == '\0')
		snprintf(t->to->trouble, sizeof t->to->trouble, "clamd: %s", why);
	return false;
}

/* What it waited for that came; 0: nothing, and why is said. */
static short wait_for(struct talk *t, short events)
{
	for (;;) {
		struct pollfd p = { .fd = t->sock, .events = events };
		usec left = t->until - time_mono();
		int n = left <= 0 ? 0 : poll(&p, 1, (int)(left / 1000) + 1);

		if (n > 0)
			return p.revents;
		if (n < 0 && errno == EINTR)
			continue;
		trouble(t, n == 0 ? "no answer in time" : "the socket failed");
		return 0;
	}
}

/* False: no more can be sent. Without `trouble` the other side may have answered already. */
static bool put(struct talk *t, const char *p, size_t n)
{
	while (n > 0) {
		short came = wait_for(t, POLLOUT | POLLIN);
		ssize_t done;

		/* It answers before it has all: it will not take more. */
		if (came == 0 || (came & POLLIN) != 0)
			return false;
		done = send(t->sock, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool put_piece(struct talk *t, const char *bytes, size_t n)
{
	char head[4] = { (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n };

	return put(t, head, sizeof head) && put(t, bytes, n);
}

static void put_file(struct talk *t, int fd, uint64_t size)
{
	char piece[PIECE];
	uint64_t at = 0;

	if (!put(t, "zINSTREAM", sizeof "zINSTREAM"))
		return;
	while (at < size) {
		size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE;
		ssize_t n = pread(fd, piece, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			trouble(t, "the file could not be read");
			return;
		}
		if (!put_piece(t, piece, (size_t)n))
			return;
		at += (uint64_t)n;
	}
	put_piece(t, "", 0);
}

static bool take_answer(struct talk *t, char out[static ANSWER_MAX])
{
	size_t n = 0;
	bool reset = false;

	while (n < ANSWER_MAX - 1) {
		ssize_t got;

		if (wait_for(t, POLLIN) == 0)
			return false;
		got = recv(t->sock, out + n, ANSWER_MAX - 1 - n, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		/* It closed before it had read all: what it said may stand behind that. */
		if (got < 0 && errno == ECONNRESET && !reset) {
			reset = true;
			continue;
		}
		if (got < 0)
			return trouble(t, "the connection broke");
		n += (size_t)got;
		out[n] = '\0';
		if (memchr(out, '\0', n) != NULL || got == 0)
			return n > 0 || trouble(t, "closed without an answer");
	}
	return trouble(t, "an answer that is too long");
}

static void keep_name(struct clamd_says *to, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n + 1 < sizeof to->name; i++)
		to->name[n++] = name.p[i] > ' ' && name.p[i] < 0x7f ? name.p[i] : '?';
	to->name[n] = '\0';
}

static void read_answer(struct talk *t, struct str answer)
{
	struct str rest = str_trim(answer);

	if (str_eq(rest, S("stream: OK")))
		return;
	if (str_starts(rest, S("stream: ")) && str_ends(rest, S(" FOUND"))) {
		rest = str_slice(rest, 8, rest.n - 6);
		t->to->found = true;
		keep_name(t->to, rest);
	} else if (str_starts(rest, S("INSTREAM size limit exceeded")))
		trouble(t, "the file is longer than it takes");
	else
		trouble(t, "an answer that is none");
}

void clamd_ask(const char *path, int fd, uint64_t size, usec timeout, struct clamd_says *ret)
{
	CLEANUP(file_closep) int sock = -1;
	struct talk t = { .until = time_mono() + timeout, .to = ret };
	char answer[ANSWER_MAX];

	*ret = (struct clamd_says){ .asked = true };
	if (unix_connect(path, &sock, NULL) != RC_OK) {
		trouble(&t, "nobody listens at its socket");
		return;
	}
	t.sock = sock;
	put_file(&t, fd, size);
	if (ret->trouble[0] == '\0' && take_answer(&t, answer))
		read_answer(&t, str_of(answer));
}

void clamd_tell(const struct clamd_says *s, struct lab_report *r)
{
	struct lab_match m = { .kind = LAB_CLAMAV, .weight = LAB_MALICIOUS, .id = str_of(s->name), .author = S("ClamAV"), .length = r->size,
			       .why = S("ClamAV knows it by this name") };

	if (s->found)
		lab_report_add(r, &m);
	if (s->trouble[0] != '\0')
		lab_report_not_seen(r, s->trouble);
}
