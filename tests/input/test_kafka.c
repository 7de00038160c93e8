/* The Kafka input against the brokers that librdkafka brings for tests: real sockets and the real protocol on loopback.
 * Every message carries its number, so that what is lost and what comes twice is seen. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/mem.h"
#include "base/time.h"
#include "input/input.h"
#include "tap.h"

#define PARTITIONS 4
#define NUMBERS 10000
#define PATIENCE (60 * USEC_PER_SEC)

struct cluster {
	rd_kafka_t *producer;
	rd_kafka_mock_cluster_t *mock;
	char path[600];
};

/* What came: how often each number did, and up to where it is settled. */
struct taken {
	unsigned short times[NUMBERS];
	uint64_t all, twice, refuse_at;
	char place[INPUT_PLACE_MAX + 1];
	void *input;
	size_t last_length;
};

static void cluster_start(struct cluster *c, const char *topic, int brokers)
{
	char text[200];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	(void)rd_kafka_conf_set(conf, "message.max.bytes", "8000000", text, sizeof text);
	(void)rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
	c->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	c->mock = rd_kafka_mock_cluster_new(c->producer, brokers);
	(void)rd_kafka_brokers_add(c->producer, rd_kafka_mock_cluster_bootstraps(c->mock));
	(void)rd_kafka_mock_topic_create(c->mock, topic, PARTITIONS, 1);
	snprintf(c->path, sizeof c->path, "kafka://%s/%s?group=soc&session=3", rd_kafka_mock_cluster_bootstraps(c->mock), topic);
}

static void cluster_stop(struct cluster *c)
{
	rd_kafka_mock_cluster_destroy(c->mock);
	rd_kafka_destroy(c->producer);
}

static void produce(struct cluster *c, const char *topic, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		char text[40];

		snprintf(text, sizeof text, "%u of them\n", i);
		(void)rd_kafka_producev(c->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)(i % PARTITIONS)),
					RD_KAFKA_V_VALUE(text, strlen(text)), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	}
	(void)rd_kafka_flush(c->producer, 30000);
}

static void *open_input(const char *path, const char *place)
{
	struct input_opts o = { .name = "queue", .path = path };
	struct err err = { 0 };
	void *input = NULL;

	if (INPUT_KAFKA.open(&o, str_of(place), &input, &err) != RC_OK)
		printf("# %s\n", err.text);
	return input;
}

static enum rc take(void *ctx, const struct input_message *m, struct err *err)
{
	struct taken *t = ctx;
	struct str rest = m->bytes, word;
	uint64_t number;

	t->last_length = m->bytes.n;
	if (t->refuse_at != 0 && t->all == t->refuse_at)
		return FAIL(err, RC_FULL, "no room");
	if (!str_next(&rest, ' ', &word) || !str_to_u64(word, &number) || number >= NUMBERS || !str_eq(rest, S("of them")))
		return RC_OK;
	t->all++;
	t->twice += t->times[number]++ > 0;
	INPUT_KAFKA.place(t->input, t->place);
	return RC_OK;
}

/* Until `all` messages were taken or nothing came for `quiet`. The last result of run. */
static enum rc run_until(void *input, struct taken *t, uint64_t all, usec quiet)
{
	usec since = time_mono(), began = since;
	struct err err = { 0 };
	enum rc rc = RC_OK;

	t->input = input;
	while (t->all < all && time_mono() - since < quiet && time_mono() - began < PATIENCE) {
		bool any = false;

		rc = INPUT_KAFKA.run(input, 50000, take, t, &any, &err);
		if (any)
			since = time_mono();
		if (rc == RC_FULL)
			break;
	}
	return rc;
}

static unsigned missing(const struct taken *t, unsigned n)
{
	unsigned gone = 0;

	for (unsigned i = 0; i < n; i++)
		gone += t->times[i] == 0;
	return gone;
}

static int64_t lag_of(void *input, int64_t want)
{
	struct input_stats st = { .lag = -1 };
	struct taken none = { 0 };

	for (int i = 0; i < 100; i++) {
		(void)run_until(input, &none, 1, 50000);
		INPUT_KAFKA.stats(input, &st);
		if (st.lag == want)
			break;
	}
	return st.lag;
}

static void paths(void)
{
	static const struct { const char *path, *user, *secret, *sasl; bool tls; enum rc rc; } rows[] = {
		{ "kafka://a:1/t?group=g", NULL, NULL, NULL, false, RC_OK },
		{ "kafka://a:1,[::1]:9092/t.x-y_z?from=end&group=g", NULL, NULL, NULL, true, RC_OK },
		{ "kafka://a:1/t?group=g", "u", "p", NULL, false, RC_OK },
		{ "kafka://a:1/t?group=g", "u", "p", "PLAIN", true, RC_OK },
		{ "kafka://a:1/t?group=g", "u", "p", "PLAIN", false, RC_BAD },
		{ "kafka://a:1/t?group=g", "u", NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/t?group=g", "u", "p", "MAGIC", true, RC_UNSUPPORTED },
		{ "kafka://a:1/t", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a/t?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:99999/t?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://u:p@a:1/t?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka:///t?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/^t?group=g", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/t?group=g&from=middle", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/t?group=g&session=0", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/t?group=", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/t?group", NULL, NULL, NULL, false, RC_BAD },
		{ "kafka://a:1/t?groups=g", NULL, NULL, NULL, false, RC_BAD },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct input_opts o = { .path = rows[i].path, .user = rows[i].user, .secret = rows[i].secret, .sasl = rows[i].sasl, .tls = rows[i].tls };
		struct err err = { 0 };
		void *input = NULL;
		enum rc rc = INPUT_KAFKA.open(&o, S(""), &input, &err);

		OK(rc == rows[i].rc && (input != NULL) == (rc == RC_OK), "%s user %d sasl %s tls %d: %s", rows[i].path, rows[i].user != NULL,
		   rows[i].sasl == NULL ? "-" : rows[i].sasl, rows[i].tls, rc == RC_OK ? "taken" : err.text);
		INPUT_KAFKA.close(input);
	}
}

static void memory(void)
{
	struct input_opts o = { .path = "kafka://a:1/t?group=g" };
	int64_t live = mem_live();
	uint64_t n = 0;
	enum rc rc;
	void *input = NULL;

	do {
		mem_fail_at(++n, 0);
		rc = INPUT_KAFKA.open(&o, S("d7f1f6f9 5 0:1 1:2"), &input, NULL);
		mem_fail_at(0, 0);
	} while (rc == RC_NOMEM && n < 50);
	OK(rc == RC_OK && n > 2, "each of %llu allocations may fail", (unsigned long long)n - 1);
	INPUT_KAFKA.close(input);
	EQ_INT(mem_live(), live, "and nothing is left");
}

/* A life that ends without a commit, and the next with and without what the history remembers. */
static void resume(struct cluster *c)
{
	static struct taken first, second, third, fourth;
	struct input_stats st;
	void *input = open_input(c->path, "");

	produce(c, "events", 0, 3000);
	(void)run_until(input, &first, 3000, 30 * USEC_PER_SEC);
	EQ_INT(first.all - first.twice, 3000, "all of 3000 in four partitions");
	EQ_INT(first.twice + missing(&first, 3000), 0, "each once");
	INPUT_KAFKA.stats(input, &st);
	OK(st.messages == 3000 && st.senders == PARTITIONS && st.too_long == 0 && st.last_message > 0, "counted: %llu from %llu partitions",
	   (unsigned long long)st.messages, (unsigned long long)st.senders);
	EQ_INT(lag_of(input, 3000), 3000, "what is not settled counts as waiting");
	INPUT_KAFKA.close(input);

	input = open_input(c->path, "");
	(void)run_until(input, &second, 3000, 30 * USEC_PER_SEC);
	EQ_INT(second.all, 3000, "nothing was settled and no place is known: all come again");
	INPUT_KAFKA.close(input);

	produce(c, "events", 3000, 1000);
	input = open_input(c->path, second.place);
	(void)run_until(input, &third, 1000, 30 * USEC_PER_SEC);
	EQ_INT(third.all, 1000, "with the place only the new ones");
	EQ_INT(missing(&third, 4000), 3000, "none of the old ones");
	INPUT_KAFKA.settled(input, str_of(third.place));
	EQ_INT(lag_of(input, 0), 0, "settled: nothing waits");
	INPUT_KAFKA.close(input);

	produce(c, "events", 4000, 100);
	input = open_input(c->path, second.place);
	(void)run_until(input, &fourth, 101, 5 * USEC_PER_SEC);
	OK(fourth.all == 100 && missing(&fourth, 4100) == 4000, "an old place does not go back behind what is committed: %llu", (unsigned long long)fourth.all);
	INPUT_KAFKA.settled(input, str_of(fourth.place));
	INPUT_KAFKA.close(input);

	input = open_input(c->path, "");
	memset(&fourth, 0, sizeof fourth);
	(void)run_until(input, &fourth, 1, 4 * USEC_PER_SEC);
	EQ_INT(fourth.all, 0, "what was settled just before the end was committed");
	INPUT_KAFKA.close(input);
}

/* Settled up to the middle: what is committed is that and no more. */
static void half(struct cluster *c)
{
	static struct taken first, second;
	char middle[INPUT_PLACE_MAX + 1];
	void *input = open_input(c->path, "");

	(void)rd_kafka_mock_topic_create(c->mock, "half", PARTITIONS, 1);
	INPUT_KAFKA.close(input);
	produce(c, "half", 0, 2000);
	snprintf(c->path, sizeof c->path, "kafka://%s/half?group=soc&session=3", rd_kafka_mock_cluster_bootstraps(c->mock));
	input = open_input(c->path, "");
	first.refuse_at = 777;
	EQ_INT(run_until(input, &first, 2000, 30 * USEC_PER_SEC), RC_FULL, "the 778th is not taken");
	snprintf(middle, sizeof middle, "%s", first.place);
	first.refuse_at = 0;
	(void)run_until(input, &first, 2000, 30 * USEC_PER_SEC);
	EQ_INT(first.twice + missing(&first, 2000), 0, "and comes again; nothing is lost or doubled");
	INPUT_KAFKA.settled(input, str_of(middle));
	EQ_INT(lag_of(input, 2000 - 777), 2000 - 777, "777 of 2000 settled");
	INPUT_KAFKA.close(input);
	input = open_input(c->path, "");
	(void)run_until(input, &second, 2000 - 777, 30 * USEC_PER_SEC);
	EQ_INT(second.all, 2000 - 777, "the other ones come again");
	for (unsigned i = 0; i < 2000; i++)
		first.times[i] = (unsigned short)(first.times[i] + second.times[i]);
	EQ_INT(missing(&first, 2000), 0, "none is lost");
	INPUT_KAFKA.settled(input, str_of(second.place));
	INPUT_KAFKA.close(input);
}

static void long_ones(struct cluster *c)
{
	static struct taken t;
	static char big[INPUT_MESSAGE_MAX + 2];
	struct input_stats st;
	const char *topic = "long";
	void *input;

	memset(big, 'x', sizeof big);
	(void)rd_kafka_mock_topic_create(c->mock, topic, PARTITIONS, 1);
	for (size_t n = INPUT_MESSAGE_MAX; n <= INPUT_MESSAGE_MAX + 1; n++)
		(void)rd_kafka_producev(c->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(1), RD_KAFKA_V_VALUE(big, n),
					RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	(void)rd_kafka_producev(c->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(1), RD_KAFKA_V_KEY("k", 1), RD_KAFKA_V_END);
	(void)rd_kafka_flush(c->producer, 30000);
	produce(c, topic, 0, 8);
	snprintf(c->path, sizeof c->path, "kafka://%s/long?group=soc&session=3", rd_kafka_mock_cluster_bootstraps(c->mock));
	input = open_input(c->path, "");
	(void)run_until(input, &t, 8, 30 * USEC_PER_SEC);
	(void)run_until(input, &t, 9, USEC_PER_SEC);
	INPUT_KAFKA.stats(input, &st);
	OK(t.all == 8 && st.too_long == 1 && st.messages == 9, "too long by a byte: counted; just right: taken; without content: passed over (%llu %llu %llu)",
	   (unsigned long long)t.all, (unsigned long long)st.too_long, (unsigned long long)st.messages);
	INPUT_KAFKA.settled(input, str_of(t.place));
	INPUT_KAFKA.close(input);
}

static enum rc wait_for(void *input, struct taken *t, enum rc want, char text[static ERR_TEXT_MAX])
{
	usec began = time_mono();
	enum rc rc;

	t->input = input;
	do {
		struct err err = { 0 };
		bool any;

		rc = INPUT_KAFKA.run(input, 50000, take, t, &any, &err);
		snprintf(text, ERR_TEXT_MAX, "%s", rc == RC_OK ? "" : err.text);
	} while (rc != want && time_mono() - began < PATIENCE);
	return rc;
}

static void away(struct cluster *c)
{
	static struct taken t;
	char text[ERR_TEXT_MAX];
	void *input;
	usec began;

	(void)rd_kafka_mock_topic_create(c->mock, "away", PARTITIONS, 1);
	snprintf(c->path, sizeof c->path, "kafka://%s/away?group=soc&session=3", rd_kafka_mock_cluster_bootstraps(c->mock));
	produce(c, "away", 0, 500);
	input = open_input(c->path, "");
	(void)run_until(input, &t, 500, 30 * USEC_PER_SEC);
	INPUT_KAFKA.settled(input, str_of(t.place));
	(void)rd_kafka_mock_broker_set_down(c->mock, -1);
	EQ_INT(wait_for(input, &t, RC_PEER, text), RC_PEER, "brokers are away");
	OK(str_find(str_of(text), S("no broker answers"), 0) != SIZE_MAX, "and that is said: %s", text);
	(void)rd_kafka_mock_broker_set_up(c->mock, -1);
	EQ_INT(wait_for(input, &t, RC_OK, text), RC_OK, "they are back, though nothing comes");
	produce(c, "away", 500, 500);
	(void)run_until(input, &t, 1000, 30 * USEC_PER_SEC);
	EQ_INT(missing(&t, 1000), 0, "nothing was lost meanwhile");
	printf("# %llu came twice\n", (unsigned long long)t.twice);
	EQ_INT(t.twice, 0, "nor doubled");
	(void)rd_kafka_mock_broker_set_down(c->mock, -1);
	began = time_mono();
	INPUT_KAFKA.close(input);
	OK(time_mono() - began < 10 * USEC_PER_SEC, "the end does not wait for brokers: %.1f s", (double)(time_mono() - began) / 1e6);
	input = open_input(c->path, t.place);
	EQ_INT(wait_for(input, &t, RC_PEER, text), RC_PEER, "a start without brokers waits for them");
	(void)rd_kafka_mock_broker_set_up(c->mock, -1);
	produce(c, "away", 1000, 100);
	(void)run_until(input, &t, 1100, 30 * USEC_PER_SEC);
	OK(missing(&t, 1100) == 0 && t.twice == 0, "and goes on: %llu twice", (unsigned long long)t.twice);
	INPUT_KAFKA.close(input);
}

static void unknown(struct cluster *c)
{
	static struct taken t;
	char text[ERR_TEXT_MAX];
	void *input;

	rd_kafka_mock_topic_set_error(c->mock, "later", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	snprintf(c->path, sizeof c->path, "kafka://%s/later?group=soc&session=3", rd_kafka_mock_cluster_bootstraps(c->mock));
	input = open_input(c->path, "");
	EQ_INT(wait_for(input, &t, RC_PEER, text), RC_PEER, "a topic that is not there");
	OK(str_find(str_of(text), S("later: "), 0) == 0, "is named: %s", text);
	rd_kafka_mock_topic_set_error(c->mock, "later", RD_KAFKA_RESP_ERR_NO_ERROR);
	produce(c, "later", 0, 40);
	(void)run_until(input, &t, 40, 40 * USEC_PER_SEC);
	EQ_INT(missing(&t, 40), 0, "and read when it is");
	INPUT_KAFKA.close(input);
}

/* A second member joins and the first leaves, while messages come and are settled behind each other. */
static void members(struct cluster *c)
{
	static struct taken both;
	void *a, *b;
	struct input_stats st = { 0 }, st2 = { 0 };
	char place_a[INPUT_PLACE_MAX + 1] = "";
	uint64_t before;

	(void)rd_kafka_mock_topic_create(c->mock, "shared", PARTITIONS, 1);
	snprintf(c->path, sizeof c->path, "kafka://%s/shared?group=soc&session=3", rd_kafka_mock_cluster_bootstraps(c->mock));
	produce(c, "shared", 0, 1000);
	a = open_input(c->path, "");
	(void)run_until(a, &both, 1000, 30 * USEC_PER_SEC);
	snprintf(place_a, sizeof place_a, "%s", both.place);
	INPUT_KAFKA.settled(a, str_of(place_a));
	EQ_INT(lag_of(a, 0), 0, "the first member reads all");
	b = open_input(c->path, "");
	for (usec began = time_mono(); time_mono() - began < 30 * USEC_PER_SEC && (st.senders != 2 || st2.senders != 2);) {
		(void)run_until(a, &both, UINT64_MAX, 20000);
		(void)run_until(b, &both, UINT64_MAX, 20000);
		INPUT_KAFKA.stats(a, &st);
		INPUT_KAFKA.stats(b, &st2);
	}
	OK(st.senders == 2 && st2.senders == 2, "two members have two partitions each");
	EQ_INT(both.twice, 0, "what was settled is not handed out again");
	produce(c, "shared", 1000, 1000);
	for (usec began = time_mono(); time_mono() - began < 30 * USEC_PER_SEC && both.all < 2000;) {
		(void)run_until(a, &both, 2000, 20000);
		if (both.all < 2000)
			(void)run_until(b, &both, 2000, 20000);
	}
	INPUT_KAFKA.stats(a, &st);
	INPUT_KAFKA.stats(b, &st2);
	OK(missing(&both, 2000) == 0 && both.twice == 0 && st.messages == 1500 && st2.messages == 500, "and share what comes: %llu and %llu",
	   (unsigned long long)st.messages, (unsigned long long)st2.messages);
	before = both.all;
	INPUT_KAFKA.close(a); /* its 500 are not settled */
	(void)run_until(b, &both, before + 500, 30 * USEC_PER_SEC);
	(void)run_until(b, &both, before + 501, USEC_PER_SEC);
	EQ_INT(both.twice, 500, "what the first had not settled comes to the second, and nothing else");
	INPUT_KAFKA.close(b);
}

int main(void)
{
	struct cluster c;

	paths();
	memory();
	cluster_start(&c, "events", 3);
	resume(&c);
	half(&c);
	long_ones(&c);
	unknown(&c);
	members(&c);
	away(&c);
	cluster_stop(&c);
	return tap_done();
}
