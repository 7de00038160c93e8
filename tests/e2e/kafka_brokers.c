/* Kafka brokers for kafka.py: those that librdkafka brings for tests, on real sockets. Prints their addresses, then reads
 * commands, one a line, and answers each with "ok": topic NAME PARTITIONS; put NAME PARTITION VALUE (answered by the next
 * flush); flush; down; up. Ends with its input. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/str.h"

#define COMMAND_MAX ((size_t)8 << 20)

/* `line`: whose end `rest` is. */
static void put(rd_kafka_t *rk, char *line, struct str rest)
{
	struct str topic, part;
	char name[250];
	uint64_t n;

	if (!str_next(&rest, ' ', &topic) || !str_next(&rest, ' ', &part) || !str_to_u64(part, &n))
		return;
	snprintf(name, sizeof name, "%.*s", STR(topic));
	while (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_PARTITION((int32_t)n), RD_KAFKA_V_VALUE(line + (rest.p - line), rest.n),
				 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(rk, 100);
}

static void obey(rd_kafka_t *rk, rd_kafka_mock_cluster_t *mock, char *text, size_t length)
{
	struct str line = str_make(text, length), word, name;
	char topic[250];
	uint64_t n;
	int left = 0;

	if (!str_next(&line, ' ', &word))
		return;
	if (str_eq(word, S("put"))) {
		put(rk, text, line);
		return;
	}
	if (str_eq(word, S("topic")) && str_next(&line, ' ', &name) && str_to_u64(line, &n)) {
		snprintf(topic, sizeof topic, "%.*s", STR(name));
		left = (int)rd_kafka_mock_topic_create(mock, topic, (int)n, 1);
	} else if (str_eq(word, S("flush"))) {
		left = (int)rd_kafka_flush(rk, 60000);
	} else if (str_eq(word, S("down"))) {
		left = (int)rd_kafka_mock_broker_set_down(mock, -1);
	} else if (str_eq(word, S("up"))) {
		left = (int)rd_kafka_mock_broker_set_up(mock, -1);
	}
	printf("%s\n", left == 0 ? "ok" : "failed");
	fflush(stdout);
}

int main(void)
{
	char text[200];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *mock;
	rd_kafka_t *rk;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	(void)rd_kafka_conf_set(conf, "message.max.bytes", "8000000", text, sizeof text);
	(void)rd_kafka_conf_set(conf, "linger.ms", "5", text, sizeof text);
	(void)rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	mock = rd_kafka_mock_cluster_new(rk, 3);
	(void)rd_kafka_brokers_add(rk, rd_kafka_mock_cluster_bootstraps(mock));
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(mock));
	fflush(stdout);
	while ((n = getline(&line, &room, stdin)) > 0 && (size_t)n < COMMAND_MAX)
		obey(rk, mock, line, (size_t)n - (line[n - 1] == '\n'));
	free(line);
	rd_kafka_mock_cluster_destroy(mock);
	rd_kafka_destroy(rk);
	return 0;
}
