/* jetstream://HOST:PORT[,HOST:PORT]/STREAM?durable=NAME[&subject=FILTER][&from=begin|end][&ack_wait=SECONDS]: a durable consumer of a stream of
 * NATS, pulled from; any number of nodes may share it. A message is acknowledged one by one when what was made of it is
 * durable here, so the server hands out again whatever a crash may have cost.
 *
 * Acknowledgements may get lost on the way, and a node may die between its disk and the server. What comes again is therefore
 * compared with what was handed over: in this life, or, by the place that the history keeps with the events, in a former
 * one. It is acknowledged then and not handed over. Only the latest ranges of numbers are kept: among many nodes on one
 * consumer, whose messages lie scattered, a crash may bring a few twice.
 *
 * A place is "CRC NUMBER CREATED NEWEST LO-HI ...": the checksum ties it to stream and consumer, the number tells `settled` what
 * was handed over up to it in this life, CREATED is the stream's birth, since a stream made anew counts from 1 again. NEWEST is
 * when the newest message that was handed over was stored: a server that lost the end of a stream in a crash gives its
 * numbers to later messages. How often a message was delivered says nothing: a server that was killed forgets it.
 *
 * What this needs of a fence: the same as kafka.c. The library starts its threads in the first run(), behind the fence. */
#include <stdatomic.h>

#include "base/hash.h"
#include "base/mem.h"
#include "input/nats_link.h"
#include "input/seen.h"
#include "input/url.h"

#define EXAMPLE "jetstream://HOST:PORT[,HOST:PORT]/STREAM?durable=NAME[&subject=FILTER]"
#define UNACKED_MAX 20000                    /* handed over and not durable yet: the server gives no more */
#define ACK_WAIT 60                          /* seconds; then it hands out again */
#define BATCH 256
#define BATCH_BYTES ((int64_t)80 << 20)      /* the largest message of any server fits */
#define ASK_EVERY (2 * USEC_PER_SEC)         /* how much waits */
#define AGAIN_AFTER (5 * USEC_PER_SEC)       /* a stream that is not there is asked for again */
#define CREATE_MS 5000
#define FETCH_LEAST 10000                    /* usec: a shorter wait would be over before the server answers */

struct unacked {
	uint64_t number, sequence;
	char *reply;
};

struct jetstream {
	struct nats_link link;
	char stream[NATS_SUBJECT_MAX + 1], durable[NATS_SUBJECT_MAX + 1], filter[NATS_SUBJECT_MAX + 1];
	bool from_end;
	uint64_t ack_wait;       /* seconds */
	uint32_t crc;
	jsCtx *js;
	natsSubscription *sub;
	natsMsgList list;        /* what was fetched ... */
	int at;                  /* ... and the next of it */
	struct unacked *ring;
	size_t first, n;
	uint64_t number;         /* of the message at hand */
	int64_t created;         /* of the stream; 0: unknown */
	int64_t newest;          /* time of the newest message handed over */
	struct seen seen;
	usec again, asked;
	_Atomic uint64_t messages, bytes, too_long, repeated;
	_Atomic int64_t lag;
	_Atomic bool connected;
	_Atomic usec last_message;
};

/* --- places --- */

static void jetstream_place(void *self, char out[INPUT_PLACE_MAX + 1])
{
	struct jetstream *j = self;
	int n = snprintf(out, INPUT_PLACE_MAX + 1, "%08x %llu %lld %lld", j->crc, (unsigned long long)j->number, (long long)j->created,
			 (long long)j->newest);

	seen_print(&j->seen, out + n, INPUT_PLACE_MAX + 1 - (size_t)n);
}

static void read_place(struct jetstream *j, struct str text)
{
	struct str word;
	char crc[16];

	snprintf(crc, sizeof crc, "%08x", j->crc);
	if (str_next(&text, ' ', &word) && str_eq(word, str_of(crc)) && str_next(&text, ' ', &word) && str_next(&text, ' ', &word) &&
	    str_to_i64(word, &j->created) && str_next(&text, ' ', &word) && str_to_i64(word, &j->newest))
		(void)seen_read(&j->seen, text); /* damaged: what comes again is taken for new */
}

static void acknowledge(struct jetstream *j, const char *reply)
{
	if (j->link.nc != NULL && reply != NULL)
		(void)natsConnection_PublishString(j->link.nc, reply, "+ACK"); /* lost: it comes again and is known */
}

static void jetstream_settled(void *self, struct str place)
{
	struct jetstream *j = self;
	struct str word;
	uint64_t number;

	if (!str_next(&place, ' ', &word) || !str_next(&place, ' ', &word) || !str_to_u64(word, &number) || number > j->number)
		return;
	while (j->n > 0 && j->ring[j->first].number <= number) {
		acknowledge(j, j->ring[j->first].reply);
		mem_free(j->ring[j->first].reply);
		j->first = (j->first + 1) % UNACKED_MAX;
		j->n--;
	}
}

static bool is_unacked(const struct jetstream *j, uint64_t sequence)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->ring[(j->first + i) % UNACKED_MAX].sequence == sequence)
			return true;
	return false;
}

/* --- messages --- */

static enum rc hand_over(struct jetstream *j, struct str bytes, const jsMsgMetaData *meta, const char *reply, input_take take, void *ctx,
			 struct err *err)
{
	struct input_message message = { .bytes = bytes, .part = S("") };
	char *copy = mem_strdup(reply);
	int64_t newest = j->newest;
	enum rc rc;

	if (copy == NULL)
		return FAIL(err, RC_NOMEM, "nats: out of memory");
	j->number++;
	seen_add(&j->seen, meta->Sequence.Stream);
	if (meta->Timestamp > newest)
		j->newest = meta->Timestamp;
	rc = take(ctx, &message, err);
	if (rc != RC_OK) {
		j->number--;
		seen_drop_last(&j->seen);
		j->newest = newest;
		mem_free(copy);
		return rc;
	}
	j->ring[(j->first + j->n++) % UNACKED_MAX] = (struct unacked){ j->number, meta->Sequence.Stream, copy };
	return RC_OK;
}

static bool is_known(const struct jetstream *j, const jsMsgMetaData *meta)
{
	return meta->Timestamp <= j->newest && seen_has(&j->seen, meta->Sequence.Stream);
}

static enum rc take_new(struct jetstream *j, natsMsg *m, const jsMsgMetaData *meta, input_take take, void *ctx, struct err *err)
{
	struct str bytes = str_make(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m));

	while (bytes.n > 0 && (bytes.p[bytes.n - 1] == '\n' || bytes.p[bytes.n - 1] == '\r'))
		bytes.n--;
	if (bytes.n > 0 && bytes.n <= INPUT_MESSAGE_MAX) {
		TRY(hand_over(j, bytes, meta, natsMsg_GetReply(m), take, ctx, err));
		atomic_fetch_add(&j->messages, 1);
	} else {
		acknowledge(j, natsMsg_GetReply(m));
		atomic_fetch_add(&j->too_long, bytes.n > 0);
	}
	atomic_fetch_add(&j->bytes, (uint64_t)natsMsg_GetDataLength(m));
	atomic_store(&j->last_message, time_now());
	return RC_OK;
}

static enum rc take_message(struct jetstream *j, natsMsg *m, input_take take, void *ctx, struct err *err)
{
	jsMsgMetaData *meta = NULL;
	enum rc rc = RC_OK;

	if (natsMsg_GetMetaData(&meta, m) != NATS_OK) /* no message of the stream: a word of the server */
		return RC_OK;
	if (is_known(j, meta)) {
		if (!is_unacked(j, meta->Sequence.Stream))
			acknowledge(j, natsMsg_GetReply(m));
		atomic_fetch_add(&j->repeated, 1);
	} else {
		rc = take_new(j, m, meta, take, ctx, err);
	}
	jsMsgMetaData_Destroy(meta);
	return rc;
}

static void drop_list(struct jetstream *j)
{
	natsMsgList_Destroy(&j->list);
	j->list = (natsMsgList){ 0 };
	j->at = 0;
}

static natsStatus fetch(struct jetstream *j, usec wait)
{
	jsFetchRequest r;
	natsStatus s;

	drop_list(j);
	(void)jsFetchRequest_Init(&r);
	r.Batch = j->n + BATCH <= UNACKED_MAX ? BATCH : (int)(UNACKED_MAX - j->n);
	r.MaxBytes = BATCH_BYTES;
	r.Expires = wait * 1000;
	s = natsSubscription_FetchRequest(&j->list, j->sub, &r);
	return s == NATS_TIMEOUT ? NATS_OK : s;
}

/* All that is fetched, while there is room for what is not durable yet. */
static enum rc take_list(struct jetstream *j, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	for (; j->at < j->list.Count && j->n < UNACKED_MAX; j->at++) {
		TRY(take_message(j, j->list.Msgs[j->at], take, ctx, err));
		*ret_any = true;
	}
	return RC_OK;
}

/* Batch after batch: whoever calls makes all of it durable together. */
static enum rc take_messages(struct jetstream *j, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	usec until = time_mono() + wait, left = wait;

	TRY(take_list(j, take, ctx, ret_any, err));
	while (left > 0 && j->n < UNACKED_MAX) {
		natsStatus s = fetch(j, left > FETCH_LEAST ? left : FETCH_LEAST);

		TRY(take_list(j, take, ctx, ret_any, err));
		if (s != NATS_OK)
			return nats_link_failed(&j->link, j->stream, s, err);
		left = until - time_mono();
	}
	if (j->n == UNACKED_MAX && left > 0) /* nothing becomes durable */
		nanosleep(&(struct timespec){ .tv_nsec = (left < USEC_PER_SEC ? left : USEC_PER_SEC - 1) * 1000 }, NULL);
	return RC_OK;
}

/* --- the consumer --- */

/* Messages not acknowledged stay in the ring: they may be acknowledged through any connection. Those not handed over go back at
 * once, if the server is there to take them. */
static void unsubscribe(struct jetstream *j)
{
	for (; j->link.nc != NULL && j->at < j->list.Count; j->at++)
		(void)natsMsg_Nak(j->list.Msgs[j->at], NULL);
	drop_list(j);
	natsSubscription_Destroy(j->sub);
	jsCtx_Destroy(j->js);
	j->sub = NULL;
	j->js = NULL;
}

static natsStatus ask_created(struct jetstream *j)
{
	jsStreamInfo *info = NULL;
	natsStatus s = js_GetStreamInfo(&info, j->js, j->stream, NULL, NULL);

	if (s != NATS_OK)
		return s;
	if (info->Created != j->created) {
		(void)seen_read(&j->seen, S(""));
		j->newest = 0;
		j->created = info->Created;
	}
	jsStreamInfo_Destroy(info);
	return NATS_OK;
}

static natsStatus make_consumer(struct jetstream *j)
{
	jsConsumerInfo *info = NULL;
	jsConsumerConfig c;
	jsErrCode code = 0;
	natsStatus s = js_GetConsumerInfo(&info, j->js, j->stream, j->durable, NULL, &code);

	if (s == NATS_OK) {
		/* Whoever made it may have chosen otherwise: without acknowledgements of each message nothing of this holds. */
		s = info->Config->AckPolicy == js_AckExplicit && info->Config->DeliverSubject == NULL ? NATS_OK : NATS_MISMATCH;
		jsConsumerInfo_Destroy(info);
		return s;
	}
	if (code != JSConsumerNotFoundErr)
		return s;
	(void)jsConsumerConfig_Init(&c);
	c.Durable = j->durable;
	c.DeliverPolicy = j->from_end ? js_DeliverNew : js_DeliverAll;
	c.AckPolicy = js_AckExplicit;
	c.AckWait = (int64_t)j->ack_wait * 1000000000;
	c.MaxAckPending = UNACKED_MAX;
	c.FilterSubject = j->filter[0] == '\0' ? NULL : j->filter;
	return js_AddConsumer(NULL, j->js, j->stream, &c, NULL, NULL);
}

static natsStatus bind_consumer(struct jetstream *j)
{
	jsOptions o;
	jsSubOptions so;
	natsStatus s;

	(void)jsOptions_Init(&o);
	o.Wait = CREATE_MS;
	s = natsConnection_JetStream(&j->js, j->link.nc, &o);
	if (s == NATS_OK)
		s = ask_created(j);
	if (s == NATS_OK)
		s = make_consumer(j);
	if (s != NATS_OK)
		return s;
	(void)jsSubOptions_Init(&so);
	so.Stream = j->stream;
	so.Consumer = j->durable;
	so.ManualAck = true;
	return js_PullSubscribe(&j->sub, j->js, j->filter[0] == '\0' ? NULL : j->filter, j->durable, NULL, &so, NULL);
}

static enum rc subscribe(struct jetstream *j, struct err *err)
{
	natsStatus s;
	char what[600];

	if (time_mono() < j->again)
		return FAIL(err, RC_PEER, "%s", j->link.trouble.text);
	s = bind_consumer(j);
	if (s == NATS_OK)
		return RC_OK;
	unsubscribe(j);
	j->again = time_mono() + AGAIN_AFTER;
	snprintf(what, sizeof what, "stream %s, consumer %s%s", j->stream, j->durable,
		 s == NATS_MISMATCH ? " (is no pull consumer with explicit acknowledgements)" : "");
	return nats_link_failed(&j->link, what, s, err);
}

static void ask_lag(struct jetstream *j)
{
	jsConsumerInfo *info = NULL;

	if (time_mono() - j->asked < ASK_EVERY)
		return;
	j->asked = time_mono();
	if (js_GetConsumerInfo(&info, j->js, j->stream, j->durable, NULL, NULL) != NATS_OK)
		return;
	atomic_store(&j->lag, (int64_t)info->NumPending + info->NumAckPending);
	jsConsumerInfo_Destroy(info);
}

static enum rc jetstream_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct jetstream *j = self;
	enum rc up = nats_link_up(&j->link, err);
	enum rc rc;

	*ret_any = false;
	atomic_store(&j->connected, up == RC_OK);
	/* The list is kept while a server is away: its messages are still ours. */
	if (j->link.nc == NULL && j->sub != NULL)
		unsubscribe(j);
	if (up != RC_OK && j->at == j->list.Count)
		return up;
	if (j->sub == NULL)
		TRY(subscribe(j, err));
	rc = take_messages(j, wait, take, ctx, ret_any, err);
	if (rc == RC_PEER) { /* the stream or the consumer may be gone, or made anew */
		unsubscribe(j);
		j->again = time_mono() + AGAIN_AFTER;
	}
	if (rc != RC_OK)
		return rc;
	if (nats_link_refused(&j->link))
		return nats_link_failed(&j->link, j->stream, NATS_NOT_PERMITTED, err);
	if (up == RC_OK)
		ask_lag(j);
	return up;
}

/* --- opening and closing --- */

static void jetstream_close(void *self)
{
	struct jetstream *j = self;

	if (j == NULL)
		return;
	if (j->link.nc != NULL && natsConnection_Status(j->link.nc) == NATS_CONN_STATUS_CONNECTED)
		(void)natsConnection_FlushTimeout(j->link.nc, 1000); /* the last acknowledgements */
	unsubscribe(j);
	nats_link_done(&j->link);
	for (size_t i = 0; i < j->n; i++)
		mem_free(j->ring[(j->first + i) % UNACKED_MAX].reply);
	mem_free(j->ring);
	mem_free(j);
}

static bool is_name(struct str s, bool dots)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || (!dots && strchr(".*>/\\", s.p[i]) != NULL))
			return false;
	return s.n >= 1 && s.n <= NATS_SUBJECT_MAX;
}

static enum rc read_option(struct jetstream *j, const char *path, struct str key, struct str value, struct err *err)
{
	if (str_eq(key, S("durable")) && is_name(value, false))
		snprintf(j->durable, sizeof j->durable, "%.*s", STR(value));
	else if (str_eq(key, S("subject")) && is_name(value, true))
		snprintf(j->filter, sizeof j->filter, "%.*s", STR(value));
	else if (str_eq(key, S("from")) && (str_eq(value, S("begin")) || str_eq(value, S("end"))))
		j->from_end = str_eq(value, S("end"));
	else if (!str_eq(key, S("ack_wait")) || !str_to_u64(value, &j->ack_wait) || j->ack_wait < 1 || j->ack_wait > 86400)
		return FAIL(err, RC_BAD, "%s: '%.*s=%.*s' is none of durable=NAME, subject=FILTER, from=begin|end, ack_wait=SECONDS", path, STR(key),
			    STR(value));
	return RC_OK;
}

static enum rc read_path(struct jetstream *j, const struct input_opts *o, struct err *err)
{
	struct str key, value;
	struct input_url u;
	bool more;

	TRY(input_url_split(o->path, EXAMPLE, &u, err));
	if (!is_name(u.name, false))
		return FAIL(err, RC_BAD, "%s: '%.*s' is no name of a stream", o->path, STR(u.name));
	snprintf(j->stream, sizeof j->stream, "%.*s", STR(u.name));
	for (;;) {
		TRY(input_url_next(&u, &key, &value, &more, err));
		if (!more)
			break;
		TRY(read_option(j, o->path, key, value, err));
	}
	if (j->durable[0] == '\0')
		return FAIL(err, RC_BAD, "%s: expected %s", o->path, EXAMPLE);
	j->crc = hash_crc32c(hash_crc32c(0, u.name), str_of(j->durable));
	return nats_link_init(&j->link, o, u.hosts, err);
}

static enum rc jetstream_open(const struct input_opts *o, struct str place, void **ret, struct err *err)
{
	struct jetstream *j = mem_alloc(sizeof *j);
	enum rc rc;

	if (j == NULL)
		return FAIL(err, RC_NOMEM, "nats: out of memory");
	atomic_init(&j->lag, -1);
	j->ack_wait = ACK_WAIT;
	j->number = (uint64_t)time_now(); /* numbers of another life must not look like ours */
	j->ring = mem_array(UNACKED_MAX, sizeof *j->ring);
	rc = j->ring == NULL ? FAIL(err, RC_NOMEM, "nats: out of memory") : read_path(j, o, err);
	(void)seen_read(&j->seen, S(""));
	if (rc == RC_OK) {
		read_place(j, place);
		*ret = j;
	} else {
		jetstream_close(j);
	}
	return rc;
}

static void jetstream_stats(void *self, struct input_stats *ret)
{
	struct jetstream *j = self;

	*ret = (struct input_stats){ .messages = atomic_load(&j->messages), .bytes = atomic_load(&j->bytes), .senders = atomic_load(&j->connected),
				     .too_long = atomic_load(&j->too_long), .repeated = atomic_load(&j->repeated), .lag = atomic_load(&j->lag),
				     .last_message = atomic_load(&j->last_message) };
}

const struct input_kind INPUT_JETSTREAM = {
	.scheme = "jetstream://",
	.traits = INPUT_CONNECTS | INPUT_HAS_PLACE,
	.open = jetstream_open,
	.run = jetstream_run,
	.place = jetstream_place,
	.settled = jetstream_settled,
	.stats = jetstream_stats,
	.close = jetstream_close,
};
