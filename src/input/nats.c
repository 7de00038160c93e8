/* nats://HOST:PORT[,HOST:PORT]/SUBJECT[?queue=NAME]: what is published on a subject of NATS, shared out among the members of
 * a queue group if there is one. The server keeps nothing: what is published while we are away is lost and nobody knows of
 * it; what we are too slow for is dropped here and counted. Where that will not do there is jetstream.c.
 *
 * What this needs of a fence: the same as kafka.c. The library starts its threads in the first run(), behind the fence. */
#include <stdatomic.h>

#include "base/mem.h"
#include "input/nats_link.h"
#include "input/url.h"

#define EXAMPLE "nats://HOST:PORT[,HOST:PORT]/SUBJECT[?queue=NAME]"
#define WAITING_MESSAGES 65536               /* that were not handed over yet; further ones are dropped */
#define WAITING_BYTES (64 << 20)
#define AGAIN_AFTER (10 * USEC_PER_SEC)      /* a subscription that was refused is asked for again */

struct nats {
	struct nats_link link;
	char subject[NATS_SUBJECT_MAX + 1], queue[NATS_SUBJECT_MAX + 1];
	natsSubscription *sub;
	natsMsg *held; /* was not taken */
	usec again;
	uint64_t dropped_before; /* by subscriptions that are gone */
	_Atomic uint64_t messages, bytes, too_long, dropped;
	_Atomic int64_t lag;
	_Atomic bool connected;
	_Atomic usec last_message;
};

static void unsubscribe(struct nats *n)
{
	int64_t dropped = 0;

	if (n->sub != NULL && natsSubscription_GetDropped(n->sub, &dropped) == NATS_OK && dropped > 0)
		n->dropped_before += (uint64_t)dropped;
	natsSubscription_Destroy(n->sub);
	n->sub = NULL;
}

static enum rc subscribe(struct nats *n, struct err *err)
{
	natsStatus s;

	if (time_mono() < n->again)
		return FAIL(err, RC_PEER, "%s", n->link.trouble.text);
	if (n->queue[0] != '\0')
		s = natsConnection_QueueSubscribeSync(&n->sub, n->link.nc, n->subject, n->queue);
	else
		s = natsConnection_SubscribeSync(&n->sub, n->link.nc, n->subject);
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(n->sub, WAITING_MESSAGES, WAITING_BYTES);
	if (s == NATS_OK)
		return RC_OK;
	unsubscribe(n);
	n->again = time_mono() + AGAIN_AFTER;
	return nats_link_failed(&n->link, n->subject, s, err);
}

static enum rc take_message(struct nats *n, natsMsg *m, input_take take, void *ctx, struct err *err)
{
	struct str bytes = str_make(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m));
	struct input_message message = { .part = S("") };

	while (bytes.n > 0 && (bytes.p[bytes.n - 1] == '\n' || bytes.p[bytes.n - 1] == '\r'))
		bytes.n--;
	message.bytes = bytes;
	if (bytes.n > 0 && bytes.n <= INPUT_MESSAGE_MAX)
		TRY(take(ctx, &message, err));
	atomic_fetch_add(&n->messages, bytes.n > 0 && bytes.n <= INPUT_MESSAGE_MAX);
	atomic_fetch_add(&n->too_long, bytes.n > INPUT_MESSAGE_MAX);
	atomic_fetch_add(&n->bytes, (uint64_t)natsMsg_GetDataLength(m));
	atomic_store(&n->last_message, time_now());
	return RC_OK;
}

static enum rc take_messages(struct nats *n, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	usec until = time_mono() + wait, left = wait;

	do {
		natsMsg *m = n->held;

		n->held = NULL;
		/* A slow consumer is told once of what was dropped, in the place of a message. */
		if (m == NULL && natsSubscription_NextMsg(&m, n->sub, (left + 999) / 1000) != NATS_OK)
			m = NULL;
		if (m != NULL) {
			enum rc rc = take_message(n, m, take, ctx, err);

			if (rc != RC_OK) {
				n->held = m;
				return rc;
			}
			*ret_any = true;
			natsMsg_Destroy(m);
		}
		left = until - time_mono();
	} while (left > 0);
	return RC_OK;
}

static void count(struct nats *n)
{
	int64_t dropped = 0;
	int messages = 0, bytes = 0;

	if (n->sub == NULL)
		return;
	if (natsSubscription_GetDropped(n->sub, &dropped) == NATS_OK)
		atomic_store(&n->dropped, n->dropped_before + (uint64_t)(dropped > 0 ? dropped : 0));
	if (natsSubscription_GetPending(n->sub, &messages, &bytes) == NATS_OK)
		atomic_store(&n->lag, messages);
}

static enum rc nats_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct nats *n = self;
	enum rc up = nats_link_up(&n->link, err);

	*ret_any = false;
	atomic_store(&n->connected, up == RC_OK);
	if (n->link.nc == NULL && n->sub != NULL)
		unsubscribe(n);
	/* What came before the connection was lost waits here still. */
	if (up != RC_OK && n->sub == NULL)
		return up;
	if (n->sub == NULL)
		TRY(subscribe(n, err));
	TRY(take_messages(n, wait, take, ctx, ret_any, err));
	count(n);
	if (nats_link_refused(&n->link)) {
		unsubscribe(n);
		n->again = time_mono() + AGAIN_AFTER;
		return nats_link_failed(&n->link, n->subject, NATS_NOT_PERMITTED, err);
	}
	return up;
}

static void nats_place(void *self, char out[INPUT_PLACE_MAX + 1])
{
	(void)self;
	out[0] = '\0';
}

static void nats_close(void *self)
{
	struct nats *n = self;

	if (n == NULL)
		return;
	natsMsg_Destroy(n->held);
	natsSubscription_Destroy(n->sub);
	nats_link_done(&n->link);
	mem_free(n);
}

/* Letters, digits and whatever else the server allows; the words of its protocol are parted by white space. */
static bool is_subject(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n >= 1 && s.n <= NATS_SUBJECT_MAX && s.p[0] != '.' && s.p[s.n - 1] != '.' && str_find(s, S(".."), 0) == SIZE_MAX;
}

static enum rc read_path(struct nats *n, const struct input_opts *o, struct err *err)
{
	struct str key, value;
	struct input_url u;
	bool more;

	TRY(input_url_split(o->path, EXAMPLE, &u, err));
	if (!is_subject(u.name))
		return FAIL(err, RC_BAD, "%s: '%.*s' is no subject", o->path, STR(u.name));
	snprintf(n->subject, sizeof n->subject, "%.*s", STR(u.name));
	for (;;) {
		TRY(input_url_next(&u, &key, &value, &more, err));
		if (!more)
			break;
		if (!str_eq(key, S("queue")) || !is_subject(value))
			return FAIL(err, RC_BAD, "%s: '%.*s=%.*s' is not queue=NAME", o->path, STR(key), STR(value));
		snprintf(n->queue, sizeof n->queue, "%.*s", STR(value));
	}
	return nats_link_init(&n->link, o, u.hosts, err);
}

static enum rc nats_open(const struct input_opts *o, struct str place, void **ret, struct err *err)
{
	struct nats *n = mem_alloc(sizeof *n);
	enum rc rc;

	(void)place;
	if (n == NULL)
		return FAIL(err, RC_NOMEM, "nats: out of memory");
	atomic_init(&n->lag, -1);
	rc = read_path(n, o, err);
	if (rc == RC_OK)
		*ret = n;
	else
		nats_close(n);
	return rc;
}

static void nats_stats(void *self, struct input_stats *ret)
{
	struct nats *n = self;

	*ret = (struct input_stats){ .messages = atomic_load(&n->messages), .bytes = atomic_load(&n->bytes), .senders = atomic_load(&n->connected),
				     .too_long = atomic_load(&n->too_long), .dropped = atomic_load(&n->dropped), .lag = atomic_load(&n->lag),
				     .last_message = atomic_load(&n->last_message) };
}

const struct input_kind INPUT_NATS = {
	.scheme = "nats://",
	.traits = INPUT_CONNECTS,
	.open = nats_open,
	.run = nats_run,
	.place = nats_place,
	.stats = nats_stats,
	.close = nats_close,
};
