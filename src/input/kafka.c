/* kafka://HOST:PORT[,HOST:PORT]/TOPIC?group=NAME[&from=begin|end&session=SECONDS]: a member of a consumer group of Apache Kafka.
 *
 * Offsets are committed only behind what is durable here, so the broker hands out again whatever a crash may have cost.
 * What it would hand out twice is known, too: the place that the history keeps with the events holds our offsets, and a
 * partition is resumed behind the later of the two, committed or kept. A message is thus seen twice only when its
 * partition moved to another member of the group before its offset was committed.
 *
 * A place is "CRC NUMBER PARTITION:OFFSET ...": the checksum ties it to topic and group, the number tells `settled` what
 * was handed over up to it in this life, and the partition at hand comes first. Partitions that do not fit resume from
 * what is committed.
 *
 * What this needs of a fence: sockets out (IPv4, IPv6, UNIX for name lookup), /etc/resolv.conf, /etc/hosts,
 * /etc/nsswitch.conf, /usr/lib and, for TLS without `ca`, /etc/ssl. The library starts its threads in the first run(),
 * behind the fence; keys and certificates come as text. Hostile here: everything a broker says, which librdkafka reads. */
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/mem.h"
#include "input/input.h"
#include "input/marks.h"
#include "input/url.h"

#define EXAMPLE "kafka://HOST:PORT[,HOST:PORT]/TOPIC?group=NAME"
#define MARKS_MAX 65536
#define PARTITIONS_MAX 20000          /* of one input */
#define ROUND_EVERY USEC_PER_SEC      /* commits, lag */
#define ASK_EVERY (2 * USEC_PER_SEC)  /* whether a trouble is over */
#define ASK_MS 500
#define COMMITTED_MS 5000
#define AGAIN_AFTER (10 * USEC_PER_SEC) /* a client that gave up is made anew */
#define SESSION 10                    /* seconds */
#define CLOSE_WAIT (3 * USEC_PER_SEC)

struct partition {
	int32_t id;
	bool ours;
	int64_t next;      /* behind what was handed over, in this life or as the place says; -1: unknown */
	int64_t settled;   /* behind what is durable here; -1: nothing yet */
	int64_t committed; /* as the broker has it; -1: unknown */
};

struct kafka {
	char topic_name[256], group[256];
	uint32_t crc;
	rd_kafka_conf_t *conf;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic; /* to ask for by itself */
	rd_kafka_message_t *held; /* was not taken */
	struct partition *parts;
	size_t n_parts, room, at; /* at: partition of the last message */
	struct marks *marks;
	uint64_t number;         /* of the message at hand */
	struct buf others;       /* " P:O" of the partitions that are ours, but that of the last message */
	size_t others_of;        /* index of the partition for which `others` was made; SIZE_MAX: must be made */
	usec rounded, asked, made;
	struct err trouble;      /* rc RC_OK: none */
	char away[200];          /* what was last said about a broker */
	_Atomic uint64_t messages, bytes, too_long, ours;
	_Atomic int64_t lag;
	_Atomic usec last_message;
};

/* --- what goes wrong --- */

static void set_trouble(struct kafka *k, const char *what, const char *detail)
{
	err_set(&k->trouble, RC_PEER, "%s: %s%s%s", k->topic_name, what, detail[0] == '\0' ? "" : ": ", detail);
}

/* One broker of several that is away is the cluster's business; all of them are ours. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka *k = opaque;

	(void)rk;
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		set_trouble(k, "no broker answers", k->away);
	else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__FATAL)
		set_trouble(k, rd_kafka_err2str((rd_kafka_resp_err_t)code), reason);
	snprintf(k->away, sizeof k->away, "%s", reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	(void)rk; /* only node/ logs: errors come as trouble */
	(void)level;
	(void)fac;
	(void)text;
}

/* --- partitions --- */

static struct partition *find_partition(struct kafka *k, int32_t id)
{
	if (k->at < k->n_parts && k->parts[k->at].id == id)
		return &k->parts[k->at];
	for (size_t i = 0; i < k->n_parts; i++)
		if (k->parts[i].id == id)
			return &k->parts[i];
	return NULL;
}

static struct partition *add_partition(struct kafka *k, int32_t id)
{
	struct partition *p = find_partition(k, id);

	if (p != NULL || k->n_parts == PARTITIONS_MAX)
		return p;
	if (k->n_parts == k->room) {
		size_t room = k->room == 0 ? 16 : 2 * k->room;

		p = mem_resize(k->parts, room * sizeof *p);
		if (p == NULL)
			return NULL;
		k->parts = p;
		k->room = room;
	}
	k->parts[k->n_parts] = (struct partition){ .id = id, .next = -1, .settled = -1, .committed = -1 };
	return &k->parts[k->n_parts++];
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	(void)rk;
	for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL && i < list->cnt; i++) {
		struct partition *p = find_partition(opaque, list->elems[i].partition);

		if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && p != NULL && list->elems[i].offset > p->committed)
			p->committed = list->elems[i].offset;
	}
}

/* Sends what became durable since; `wait`: and waits for the answer. */
static void commit(struct kafka *k, bool wait)
{
	rd_kafka_topic_partition_list_t *list = NULL;

	for (size_t i = 0; i < k->n_parts; i++) {
		const struct partition *p = &k->parts[i];

		if (!p->ours || p->settled <= p->committed)
			continue;
		if (list == NULL)
			list = rd_kafka_topic_partition_list_new(16);
		rd_kafka_topic_partition_list_add(list, k->topic_name, p->id)->offset = p->settled;
	}
	if (list == NULL)
		return;
	/* What fails is sent again with the next round. */
	(void)rd_kafka_commit(k->rk, list, !wait);
	rd_kafka_topic_partition_list_destroy(list);
}

/* What the broker has of these, and where that leaves us: behind the later of what is committed and what we have. A partition
 * that nobody knows anything of begins as `from` says. */
static bool take_partitions(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_partition_list_t *had = rd_kafka_topic_partition_list_copy(list);
	bool known = rd_kafka_committed(k->rk, had, COMMITTED_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;

	for (int i = 0; i < list->cnt; i++) {
		struct partition *p = add_partition(k, list->elems[i].partition);
		int64_t committed = known && had->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR ? had->elems[i].offset : -1;

		if (p == NULL) {
			rd_kafka_topic_partition_list_destroy(had);
			return false;
		}
		p->ours = true;
		p->committed = committed >= 0 ? committed : -1;
		if (p->committed > p->next)
			p->next = p->committed;
		list->elems[i].offset = p->next >= 0 ? p->next : RD_KAFKA_OFFSET_INVALID;
	}
	rd_kafka_topic_partition_list_destroy(had);
	return true;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka *k = opaque;

	k->others_of = SIZE_MAX;
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && take_partitions(k, list)) {
		(void)rd_kafka_assign(rk, list);
		atomic_store(&k->ours, (uint64_t)list->cnt);
		k->trouble.rc = RC_OK;
		return;
	}
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		err_set(&k->trouble, RC_NOMEM, "%s: no room for %d partitions", k->topic_name, list->cnt);
	else if (!rd_kafka_assignment_lost(rk))
		commit(k, true);
	for (size_t i = 0; i < k->n_parts; i++)
		k->parts[i].ours = false;
	atomic_store(&k->ours, 0);
	(void)rd_kafka_assign(rk, NULL);
}

/* --- places --- */

/* "PARTITION:OFFSET ..." */
static enum rc read_place(struct kafka *k, struct str text, struct err *err)
{
	struct str word, id;
	char crc[16];

	snprintf(crc, sizeof crc, "%08x", k->crc);
	if (!str_next(&text, ' ', &word) || !str_eq(word, str_of(crc)) || !str_next(&text, ' ', &word))
		return RC_OK; /* of another topic or group */
	while (str_next(&text, ' ', &word)) {
		struct partition *p;
		uint64_t number, next;

		if (!str_next(&word, ':', &id) || !str_to_u64(id, &number) || !str_to_u64(word, &next) || number > INT32_MAX || next > INT64_MAX)
			return FAIL(err, RC_CORRUPT, "%s: its place is damaged", k->topic_name);
		p = add_partition(k, (int32_t)number);
		if (p == NULL)
			return FAIL(err, RC_NOMEM, "%s: out of memory", k->topic_name);
		p->next = (int64_t)next;
	}
	return RC_OK;
}

/* The other partitions stand still while messages of one follow each other. */
static void list_others(struct kafka *k)
{
	buf_clear(&k->others);
	for (size_t i = 0; i < k->n_parts && k->others.n + 40 < k->others.max; i++)
		if (i != k->at && k->parts[i].ours && k->parts[i].next >= 0)
			buf_fmt(&k->others, " %d:%lld", k->parts[i].id, (long long)k->parts[i].next);
	k->others_of = k->at;
}

static void kafka_place(void *self, char out[INPUT_PLACE_MAX + 1])
{
	struct kafka *k = self;

	out[0] = '\0';
	if (k->at >= k->n_parts || k->number == 0)
		return;
	if (k->others_of != k->at)
		list_others(k);
	snprintf(out, INPUT_PLACE_MAX + 1, "%08x %llu %d:%lld%.*s", k->crc, (unsigned long long)k->number, k->parts[k->at].id,
		 (long long)k->parts[k->at].next, STR(buf_view(&k->others)));
}

static void settle_partition(void *ctx, uint32_t id, int64_t next)
{
	struct partition *p = find_partition(ctx, (int32_t)id);

	if (p != NULL && next > p->settled)
		p->settled = next;
}

static void kafka_settled(void *self, struct str place)
{
	struct kafka *k = self;
	struct str crc, number;
	uint64_t n;

	if (str_next(&place, ' ', &crc) && str_next(&place, ' ', &number) && str_to_u64(number, &n))
		marks_settle(k->marks, n, settle_partition, k);
}

/* --- messages --- */

/* Moves behind the message at hand before it is handed over, since its place is asked for meanwhile; back if it is not taken. */
static enum rc hand_over(struct kafka *k, const rd_kafka_message_t *m, struct str bytes, input_take take, void *ctx, struct err *err)
{
	struct input_message message = { .bytes = bytes, .part = S("") };
	struct partition *p = find_partition(k, m->partition);
	int64_t before;
	enum rc rc = RC_OK;

	if (p == NULL) /* cannot be: it was assigned */
		return FAIL(err, RC_INTERNAL, "%s: partition %d was never ours", k->topic_name, m->partition);
	if (m->offset < p->next) /* the log was made anew: what was committed in the old one means nothing here */
		p->settled = p->committed = -1;
	before = p->next;
	k->at = (size_t)(p - k->parts);
	k->number = marks_last(k->marks) + 1;
	p->next = m->offset + 1;
	if (bytes.n > 0)
		rc = take(ctx, &message, err);
	if (rc != RC_OK) {
		p->next = before;
		k->number--;
		return rc;
	}
	(void)marks_add(k->marks, (uint32_t)m->partition, p->next);
	return RC_OK;
}

static enum rc take_message(struct kafka *k, const rd_kafka_message_t *m, input_take take, void *ctx, struct err *err)
{
	struct str bytes = str_make(m->payload == NULL ? "" : m->payload, m->payload == NULL ? 0 : m->len);
	bool too_long;

	while (bytes.n > 0 && (bytes.p[bytes.n - 1] == '\n' || bytes.p[bytes.n - 1] == '\r'))
		bytes.n--;
	too_long = bytes.n > INPUT_MESSAGE_MAX;
	if (too_long)
		bytes = S("");
	TRY(hand_over(k, m, bytes, take, ctx, err));
	atomic_fetch_add(&k->too_long, too_long);
	atomic_fetch_add(&k->messages, bytes.n > 0);
	atomic_fetch_add(&k->bytes, m->len);
	atomic_store(&k->last_message, time_now());
	return RC_OK;
}

/* Errors come in the place of messages; those that pass by themselves are not worth a word. */
static void note_error(struct kafka *k, const rd_kafka_message_t *m)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
		return;
	set_trouble(k, rd_kafka_err2str(m->err), m->payload == NULL ? "" : rd_kafka_message_errstr(m));
}

/* The held message, or the next one; NULL: none came. */
static rd_kafka_message_t *next_message(struct kafka *k, usec wait)
{
	rd_kafka_message_t *m = k->held;

	k->held = NULL;
	if (m == NULL)
		m = rd_kafka_consumer_poll(k->rk, (int)((wait + 999) / 1000));
	return m;
}

static enum rc take_messages(struct kafka *k, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	usec until = time_mono() + wait, left = wait;

	do {
		rd_kafka_message_t *m = next_message(k, left);

		if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			enum rc rc = take_message(k, m, take, ctx, err);

			if (rc != RC_OK) {
				k->held = m;
				return rc;
			}
			*ret_any = true;
			k->trouble.rc = RC_OK;
		} else if (m != NULL) {
			note_error(k, m);
		}
		if (m != NULL)
			rd_kafka_message_destroy(m);
		left = until - time_mono();
	} while (left > 0 && !marks_full(k->marks));
	return RC_OK;
}

/* --- the client --- */

static void count_lag(struct kafka *k)
{
	int64_t sum = 0;
	bool known = false;

	for (size_t i = 0; i < k->n_parts; i++) {
		const struct partition *p = &k->parts[i];
		int64_t low, high, at;

		if (!p->ours || rd_kafka_get_watermark_offsets(k->rk, k->topic_name, p->id, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0)
			continue;
		at = p->committed >= 0 ? p->committed : low >= 0 ? low : 0;
		sum += high > at ? high - at : 0;
		known = true;
	}
	atomic_store(&k->lag, known ? sum : -1);
}

/* A topic that nothing comes from says nothing when its broker is back: it is asked for. */
static void ask(struct kafka *k)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(k->rk, 0, k->topic, &md, ASK_MS);

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && md->topic_cnt == 1)
		code = md->topics[0].err;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		k->trouble.rc = RC_OK;
	if (md != NULL)
		rd_kafka_metadata_destroy(md);
}

static void end_client(struct kafka *k)
{
	if (k->held != NULL)
		rd_kafka_message_destroy(k->held);
	k->held = NULL;
	if (k->topic != NULL)
		rd_kafka_topic_destroy(k->topic);
	k->topic = NULL;
	if (k->rk != NULL)
		rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	k->rk = NULL;
	for (size_t i = 0; i < k->n_parts; i++)
		k->parts[i].ours = false;
	atomic_store(&k->ours, 0);
}

static enum rc start_client(struct kafka *k, struct err *err)
{
	char text[300] = "";
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_conf_t *conf;
	rd_kafka_resp_err_t code;

	if (k->made != 0 && time_mono() - k->made < AGAIN_AFTER)
		return FAIL(err, k->trouble.rc == RC_OK ? RC_PEER : k->trouble.rc, "%s", k->trouble.text);
	k->made = time_mono();
	conf = rd_kafka_conf_dup(k->conf);
	k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (k->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		set_trouble(k, "no client", text);
		return FAIL(err, RC_PEER, "%s", k->trouble.text);
	}
	(void)rd_kafka_poll_set_consumer(k->rk);
	k->topic = rd_kafka_topic_new(k->rk, k->topic_name, NULL);
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, k->topic_name, RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(k->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return RC_OK;
	end_client(k);
	set_trouble(k, "cannot subscribe", rd_kafka_err2str(code));
	return FAIL(err, RC_PEER, "%s", k->trouble.text);
}

static void go_round(struct kafka *k)
{
	usec now = time_mono();

	if (now - k->rounded < ROUND_EVERY)
		return;
	k->rounded = now;
	commit(k, false);
	count_lag(k);
	if (k->trouble.rc == RC_PEER && k->topic != NULL && now - k->asked >= ASK_EVERY) {
		ask(k);
		k->asked = time_mono();
	}
}

static enum rc kafka_run(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err)
{
	struct kafka *k = self;
	char text[300];

	*ret_any = false;
	if (k->rk == NULL)
		TRY(start_client(k, err));
	/* The history has not taken what we have handed over: it seals by itself. */
	if (marks_full(k->marks))
		nanosleep(&(struct timespec){ .tv_nsec = (wait < USEC_PER_SEC ? wait : USEC_PER_SEC - 1) * 1000 }, NULL);
	else
		TRY(take_messages(k, wait, take, ctx, ret_any, err));
	go_round(k);
	/* A client that is finished, or that had no room for its partitions, is made anew. */
	if (rd_kafka_fatal_error(k->rk, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		set_trouble(k, "the client gave up", text);
		end_client(k);
	} else if (k->trouble.rc == RC_NOMEM) {
		end_client(k);
	}
	return k->trouble.rc == RC_OK ? RC_OK : FAIL(err, k->trouble.rc, "%s", k->trouble.text);
}

/* --- opening and closing --- */

static enum rc set(struct kafka *k, const char *key, const char *value, struct err *err)
{
	char text[300] = "";

	if (rd_kafka_conf_set(k->conf, key, value, text, sizeof text) != RD_KAFKA_CONF_OK)
		return FAIL(err, RC_BAD, "kafka: %s", text);
	return RC_OK;
}

static enum rc set_str(struct kafka *k, const char *key, struct str value, struct err *err)
{
	char copy[1024];

	if (value.n >= sizeof copy)
		return FAIL(err, RC_BAD, "kafka: %s is longer than %zu bytes", key, sizeof copy - 1);
	snprintf(copy, sizeof copy, "%.*s", STR(value));
	return set(k, key, copy, err);
}

/* A member that says nothing for so long is taken for dead, and its partitions go to others. */
static enum rc set_session(struct kafka *k, uint64_t seconds, struct err *err)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", (unsigned long long)seconds * 1000);
	TRY(set(k, "session.timeout.ms", text, err));
	snprintf(text, sizeof text, "%llu", (unsigned long long)seconds * 200);
	return set(k, "heartbeat.interval.ms", text, err);
}

/* Memory: 64 MiB of messages wait at most, besides one answer of a broker (16 MiB, or one message that is larger). */
static enum rc configure(struct kafka *k, struct err *err)
{
	static const struct { const char *key, *value; } fixed[] = {
		{ "client.id", "lianfang" },
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "earliest" },
		{ "allow.auto.create.topics", "false" },
		{ "topic.metadata.refresh.interval.ms", "10000" }, /* a topic that is made later is found so soon */
		{ "partition.assignment.strategy", "range,roundrobin" },
		{ "queued.max.messages.kbytes", "65536" },
		{ "queued.min.messages", "10000" },
		{ "fetch.max.bytes", "16777216" },
		{ "max.partition.fetch.bytes", "2097152" },
		{ "fetch.wait.max.ms", "100" },
		{ "reconnect.backoff.max.ms", "5000" },
		{ "check.crcs", "true" },
		{ "log.connection.close", "false" },
	};

	for (size_t i = 0; i < COUNTOF(fixed); i++)
		TRY(set(k, fixed[i].key, fixed[i].value, err));
	TRY(set_session(k, SESSION, err));
	rd_kafka_conf_set_opaque(k->conf, k);
	rd_kafka_conf_set_error_cb(k->conf, on_error);
	rd_kafka_conf_set_log_cb(k->conf, on_log);
	rd_kafka_conf_set_rebalance_cb(k->conf, on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(k->conf, on_commit);
	return RC_OK;
}

static enum rc secure(struct kafka *k, const struct input_opts *o, struct err *err)
{
	const char *sasl = o->sasl == NULL ? "SCRAM-SHA-512" : o->sasl;
	bool sign_in = o->user != NULL;

	TRY(set(k, "security.protocol", o->tls ? (sign_in ? "sasl_ssl" : "ssl") : (sign_in ? "sasl_plaintext" : "plaintext"), err));
	if (o->tls && o->ca_pem != NULL)
		TRY(set(k, "ssl.ca.pem", o->ca_pem, err));
	if (o->tls && o->cert_pem != NULL)
		TRY(set(k, "ssl.certificate.pem", o->cert_pem, err));
	if (o->tls && o->key_pem != NULL)
		TRY(set(k, "ssl.key.pem", o->key_pem, err));
	if (!sign_in)
		return RC_OK;
	if (o->secret == NULL)
		return FAIL(err, RC_BAD, "kafka: `user` needs `secret`");
	if (!o->tls && str_eq(str_of(sasl), S("PLAIN")))
		return FAIL(err, RC_BAD, "kafka: sasl = PLAIN would show the password to the network: it needs tls = yes");
	if (!str_eq(str_of(sasl), S("PLAIN")) && !str_eq(str_of(sasl), S("SCRAM-SHA-256")) && !str_eq(str_of(sasl), S("SCRAM-SHA-512")))
		return FAIL(err, RC_UNSUPPORTED, "kafka: sasl = %s is not known", sasl);
	TRY(set(k, "sasl.mechanisms", sasl, err));
	TRY(set(k, "sasl.username", o->user, err));
	return set_str(k, "sasl.password", str_trim(str_of(o->secret)), err);
}

static bool is_topic(struct str s)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (size_t i = 0; i < s.n; i++)
		if (memchr(fine, s.p[i], sizeof fine - 1) == NULL)
			return false;
	return s.n >= 1 && s.n <= 249;
}

static enum rc read_path(struct kafka *k, const char *path, struct err *err)
{
	struct str key, value, group = S("");
	struct input_url u;
	uint64_t seconds;
	bool more;

	TRY(input_url_split(path, EXAMPLE, &u, err));
	if (!is_topic(u.name))
		return FAIL(err, RC_BAD, "%s: '%.*s' is no name of a topic", path, STR(u.name));
	TRY(set_str(k, "bootstrap.servers", u.hosts, err));
	for (;;) {
		TRY(input_url_next(&u, &key, &value, &more, err));
		if (!more)
			break;
		if (str_eq(key, S("group")) && value.n < sizeof k->group)
			group = value;
		else if (str_eq(key, S("from")) && (str_eq(value, S("begin")) || str_eq(value, S("end"))))
			TRY(set(k, "auto.offset.reset", str_eq(value, S("end")) ? "latest" : "earliest", err));
		else if (str_eq(key, S("session")) && str_to_u64(value, &seconds) && seconds >= 1 && seconds <= 1800)
			TRY(set_session(k, seconds, err));
		else
			return FAIL(err, RC_BAD, "%s: '%.*s=%.*s' is none of group=NAME, from=begin|end, session=SECONDS", path, STR(key), STR(value));
	}
	if (group.n == 0)
		return FAIL(err, RC_BAD, "%s: expected %s", path, EXAMPLE);
	snprintf(k->topic_name, sizeof k->topic_name, "%.*s", STR(u.name));
	snprintf(k->group, sizeof k->group, "%.*s", STR(group));
	k->crc = hash_crc32c(hash_crc32c(0, u.name), group);
	return set(k, "group.id", k->group, err);
}

static void kafka_close(void *self)
{
	struct kafka *k = self;

	if (k == NULL)
		return;
	if (k->rk != NULL) {
		rd_kafka_queue_t *q = rd_kafka_queue_new(k->rk);
		usec until = time_mono() + CLOSE_WAIT;

		/* The last commit goes out and the group hears that we leave, if the broker is there to hear it. */
		commit(k, false);
		rd_kafka_error_destroy(rd_kafka_consumer_close_queue(k->rk, q));
		while (!rd_kafka_consumer_closed(k->rk) && time_mono() < until) {
			rd_kafka_message_t *m = rd_kafka_consume_queue(q, 100);

			if (m != NULL)
				rd_kafka_message_destroy(m);
		}
		rd_kafka_queue_destroy(q);
	}
	end_client(k);
	if (k->conf != NULL)
		rd_kafka_conf_destroy(k->conf);
	marks_free(k->marks);
	buf_done(&k->others);
	mem_free(k->parts);
	mem_free(k);
}

static enum rc open_parts(struct kafka *k, const struct input_opts *o, struct str place, struct err *err)
{
	/* Numbers of another life must not look like ours: they begin at the clock. */
	k->marks = marks_new(MARKS_MAX, (uint64_t)time_now());
	k->conf = rd_kafka_conf_new();
	if (k->marks == NULL)
		return FAIL(err, RC_NOMEM, "kafka: out of memory");
	TRY(configure(k, err));
	TRY(read_path(k, o->path, err));
	TRY(secure(k, o, err));
	return read_place(k, place, err);
}

static enum rc kafka_open(const struct input_opts *o, struct str place, void **ret, struct err *err)
{
	struct kafka *k = mem_alloc(sizeof *k);
	enum rc rc;

	if (k == NULL)
		return FAIL(err, RC_NOMEM, "kafka: out of memory");
	k->others_of = SIZE_MAX;
	buf_init(&k->others, INPUT_PLACE_MAX - 100);
	atomic_init(&k->lag, -1);
	rc = open_parts(k, o, place, err);
	if (rc == RC_OK)
		*ret = k;
	else
		kafka_close(k);
	return rc;
}

static void kafka_stats(void *self, struct input_stats *ret)
{
	struct kafka *k = self;

	*ret = (struct input_stats){ .messages = atomic_load(&k->messages), .bytes = atomic_load(&k->bytes), .senders = atomic_load(&k->ours),
				     .too_long = atomic_load(&k->too_long), .lag = atomic_load(&k->lag),
				     .last_message = atomic_load(&k->last_message) };
}

const struct input_kind INPUT_KAFKA = {
	.scheme = "kafka://",
	.traits = INPUT_CONNECTS | INPUT_HAS_PLACE,
	.open = kafka_open,
	.run = kafka_run,
	.place = kafka_place,
	.settled = kafka_settled,
	.stats = kafka_stats,
	.close = kafka_close,
};
