/* The joint defence on one machine: a nation, two sectors and three providers as
 * real processes with real TLS on loopback. What is shown is read back from the
 * nodes themselves; nothing is played.
 *
 * Nodes are set up through the same REST calls as `lianfang peer add` makes, so
 * the demo is also the shortest description of how a federation is built. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "base/uuid.h"
#include "cli/demo.h"
#include "stix/marking.h"
#include "sys/file.h"
#include "sys/proc.h"

#define NODES DEMO_NODES
#define STORY_TIMEOUT DEMO_TIMEOUT
#define STOP_TIMEOUT (15 * USEC_PER_SEC)
#define LOOK_EVERY_MS 2
#define ROUNDS_MAX 1000
#define STEPS 9

static const struct {
	const char *folder, *name, *tier;
	int parent; /* enum demo_who, or -1 */
} cast[NODES] = {
	{ "nation", "N-ISAC", "nation", -1 },           { "health", "Health ISAC", "sector", NATION },
	{ "water", "Water ISAC", "sector", NATION },    { "hospital-a", "Hospital A", "provider", HEALTH },
	{ "hospital-b", "Hospital B", "provider", HEALTH }, { "water-c", "Water Utility C", "provider", WATER },
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

const char *demo_say(const struct demo *d, const char *en, const char *zh)
{
	return d->c->zh ? zh : en;
}

bool demo_interrupted(void)
{
	return interrupted != 0;
}

/* --- building the federation --- */

/* A port that is free now; a race with another program shows as a node that does not start. */
static enum rc free_port(int *ret, struct err *err)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) != 0 || getsockname(fd, (struct sockaddr *)&sa, &n) != 0) {
		err_set(err, RC_IO, "no free port on 127.0.0.1: %m");
		file_closep(&fd);
		return RC_IO;
	}
	*ret = ntohs(sa.sin_port);
	close(fd);
	return RC_OK;
}

/* Automatic release in the tiers above, a watched log in the providers, no Landlock demanded. */
static enum rc write_extra_conf(struct demo *d, int i, struct err *err)
{
	char conf[NODE_PATH_MAX + 64];
	struct buf text, out;
	struct str rest, line;
	enum rc rc;

	snprintf(conf, sizeof conf, "%s/lianfang.conf", d->paths[i]);
	TRY(file_read(conf, 65536, &text, err));
	buf_init(&out, 131072);
	rest = buf_view(&text);
	while (str_next(&rest, '\n', &line)) {
		if (str_eq(line, S("#release = manual")) && cast[i].parent != -1 && i <= WATER)
			line = S("release = auto");
		else if (str_eq(line, S("#release = manual")) && i == NATION)
			line = S("release = auto");
		else if (str_eq(line, S("#require_landlock = yes")))
			line = S("require_landlock = no");
		buf_fmt(&out, "%.*s\n", STR(line));
	}
	if (i >= HOSPITAL_A)
		buf_fmt(&out, "\n[input firewall]\npath = %s/eve.json\n\n[detect]\nrules = %s/rules\n", d->paths[i], d->paths[i]);
	rc = buf_check(&out, err, conf);
	if (rc == RC_OK)
		rc = file_replace(conf, buf_view(&out), 0600, err);
	buf_done(&text);
	buf_done(&out);
	return rc;
}

/* What every provider's people would be glad to hear of, whoever's indicator it meets or not. */
static const char demo_rule[] =
	"title: Privileges asked for by a service account\n"
	"id: 5c2f0f4e-8f0b-4a55-9d0e-6f3a1b7c9e21\n"
	"author: Lianfang\n"
	"level: high\n"
	"tags: [attack.t1033]\n"
	"logsource: {product: windows, category: process_creation}\n"
	"detection:\n"
	"  asks: {Image|endswith: '\\whoami.exe', CommandLine|contains: '/priv'}\n"
	"  service: {User|contains: svc_}\n"
	"  condition: asks and service\n"
	"---\n"
	"title: Passwords read from memory\n"
	"id: 0a4de2d4-7b0e-4d5c-9f0a-4c9c2f6d1b33\n"
	"author: Lianfang\n"
	"level: critical\n"
	"tags: [attack.t1003.001, attack.credential-access]\n"
	"logsource: {product: windows, category: process_creation}\n"
	"detection:\n"
	"  dump: {Image|contains: '\\procdump', CommandLine|contains: lsass}\n"
	"  condition: dump\n";

static enum rc make_rules(struct demo *d, int i, struct err *err)
{
	char path[NODE_PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/rules", d->paths[i]);
	TRY(file_mkdir(path, 0700, err));
	snprintf(path, sizeof path, "%s/rules/privileges.yml", d->paths[i]);
	return file_create(path, str_of(demo_rule), 0600, err);
}

static enum rc make_node(struct demo *d, int i, const char *ca, struct err *err)
{
	char listen[64], log[NODE_PATH_MAX + 64], password[32];
	struct node_init_opts o = { .dir = d->paths[i], .name = cast[i].name, .tier = cast[i].tier, .listen = listen, .federation = ca,
				    .admin_password = str_of(d->password) };

	TRY(free_port(&d->ports[i], err));
	snprintf(listen, sizeof listen, "127.0.0.1:%d", d->ports[i]);
	TRY(node_init(&o, password, d->fingerprints[i], err));
	TRY(write_extra_conf(d, i, err));
	if (i < HOSPITAL_A)
		return RC_OK;
	TRY(make_rules(d, i, err));
	snprintf(log, sizeof log, "%s/eve.json", d->paths[i]);
	return file_create(log, S(""), 0600, err);
}

static enum rc take_reply(const struct buf *reply, struct arena *a, const struct json **ret, struct err *err)
{
	return ret == NULL ? RC_OK : json_parse(a, arena_dup(a, buf_view(reply)), &JSON_LIMITS, ret, err);
}

enum rc demo_post(struct demo *d, int who, const char *path, struct arena *a, const struct json **ret, struct err *err, const char *fmt, ...)
{
	struct buf body, reply;
	va_list ap;
	int http = 0;
	enum rc rc;

	buf_init(&body, 65536);
	va_start(ap, fmt);
	buf_vfmt(&body, fmt, ap);
	va_end(ap);
	rc = node_conn_do(d->conns[who], "POST", path, buf_view(&body), &http, &reply, err);
	if (rc == RC_OK && http >= 300) {
		node_reply_error(&reply, http, err);
		err_prefix(err, "%s: %s", cast[who].name, path);
		rc = err->rc;
	}
	if (rc == RC_OK)
		rc = take_reply(&reply, a, ret, err);
	buf_done(&body);
	buf_done(&reply);
	return rc;
}

enum rc demo_get(struct demo *d, int who, const char *path, struct arena *a, int *ret_http, const struct json **ret, struct err *err)
{
	struct buf reply;
	enum rc rc;

	TRY(node_conn_do(d->conns[who], "GET", path, S(""), ret_http, &reply, err));
	rc = take_reply(&reply, a, ret, err);
	buf_done(&reply);
	return rc;
}

/* Both sides pin each other; the child pushes up and pulls down. */
static enum rc join_parent(struct demo *d, int i, struct err *err)
{
	int parent = cast[i].parent;
	char path[128];

	TRY(demo_post(d, parent, "/peers", NULL, NULL, err, "{\"name\":\"%s\",\"relation\":\"child\",\"cert_sha256\":\"%s\",\"tlp_max\":\"amber\"}", cast[i].folder,
		      d->fingerprints[i]));
	TRY(demo_post(d, i, "/peers", NULL, NULL, err, "{\"name\":\"%s\",\"relation\":\"parent\",\"cert_sha256\":\"%s\",\"url\":\"https://127.0.0.1:%d\",\"tlp_max\":\"amber\"}",
		      cast[parent].folder, d->fingerprints[parent], d->ports[parent]));
	snprintf(path, sizeof path, "/peers/%s/links", cast[parent].folder);
	TRY(demo_post(d, i, path, NULL, NULL, err, "{\"direction\":\"push\",\"collection\":\"intel/up\",\"their_collection\":\"intel/up\"}"));
	return demo_post(d, i, path, NULL, NULL, err, "{\"direction\":\"pull\",\"collection\":\"intel/down\",\"their_collection\":\"intel/down\"}");
}

static void close_conns(struct demo *d)
{
	for (int i = 0; i < NODES; i++) {
		node_conn_close(d->conns[i]);
		d->conns[i] = NULL;
	}
}

static enum rc open_conns(struct demo *d, struct err *err)
{
	for (int i = 0; i < NODES; i++)
		TRY(node_conn_open(d->paths[i], &d->conns[i], err));
	return RC_OK;
}

static enum rc build(struct demo *d, struct err *err)
{
	char ca[NODE_PATH_MAX + 16];

	snprintf(ca, sizeof ca, "%s/ca", d->dir);
	TRY(node_federation_init(ca, "Demo federation", err));
	for (int i = 0; i < NODES; i++) {
		if (interrupted)
			return FAIL(err, RC_BUSY, "interrupted");
		snprintf(d->paths[i], sizeof d->paths[i], "%s/%s", d->dir, cast[i].folder);
		TRY(make_node(d, i, ca, err));
	}
	TRY(open_conns(d, err));
	for (int i = 0; i < NODES; i++)
		if (cast[i].parent >= 0)
			TRY(join_parent(d, i, err));
	close_conns(d);
	return RC_OK;
}

/* --- running --- */

static enum rc start_node(struct demo *d, int i, struct err *err)
{
	const char *argv[] = { "lianfang", "serve", d->paths[i], NULL };
	char log[NODE_PATH_MAX + 64];
	int fd CLEANUP(file_closep) = -1;

	snprintf(log, sizeof log, "%s/serve.log", d->paths[i]);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return FAIL(err, RC_IO, "%s: %m", log);
	return proc_spawn_self(argv, fd, fd, &d->pids[i], err);
}

static bool is_up(struct demo *d, int i)
{
	char socket[NODE_PATH_MAX + 64];
	struct buf reply;
	int http = 0;
	bool up;

	/* Before the node has its lock, opening would take the lock and do the call here. */
	snprintf(socket, sizeof socket, "%s/control.sock", d->paths[i]);
	if (!file_exists(socket) || (d->conns[i] == NULL && node_conn_open(d->paths[i], &d->conns[i], NULL) != RC_OK))
		return false;
	up = node_conn_do(d->conns[i], "GET", "/health", S(""), &http, &reply, NULL) == RC_OK && http == 200;
	buf_done(&reply);
	return up;
}

static enum rc wait_up(struct demo *d, int i, struct err *err)
{
	usec until = time_mono() + STORY_TIMEOUT;

	while (!is_up(d, i)) {
		int status;

		if (interrupted)
			return FAIL(err, RC_BUSY, "interrupted");
		if (waitpid(d->pids[i], &status, WNOHANG) == d->pids[i]) {
			d->pids[i] = 0;
			return FAIL(err, RC_IO, "%s did not start; see %s/serve.log", cast[i].name, d->paths[i]);
		}
		if (time_mono() > until)
			return FAIL(err, RC_IO, "%s does not answer; see %s/serve.log", cast[i].name, d->paths[i]);
		(void)poll(NULL, 0, 20);
	}
	return RC_OK;
}

static void stop_nodes(struct demo *d)
{
	usec until = time_mono() + STOP_TIMEOUT;

	for (int i = NODES - 1; i >= 0; i--)
		if (d->pids[i] > 0)
			kill(d->pids[i], SIGTERM);
	for (int i = NODES - 1; i >= 0; i--) {
		while (d->pids[i] > 0 && waitpid(d->pids[i], NULL, WNOHANG) == 0 && time_mono() < until)
			(void)poll(NULL, 0, 10);
		if (d->pids[i] > 0)
			kill(d->pids[i], SIGKILL);
		if (d->pids[i] > 0)
			waitpid(d->pids[i], NULL, 0);
	}
}

/* --- the story --- */

/* Calls until the reply has at least one item in `member`; the time of that, since t0. */
static enum rc wait_for(struct demo *d, int i, const char *path, const char *member, usec *ret_at, struct err *err)
{
	usec until = time_mono() + STORY_TIMEOUT;

	for (;;) {
		struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
		const struct json *v = NULL;
		struct buf reply;
		int http = 0;
		bool there;

		if (a == NULL)
			return FAIL(err, RC_NOMEM, "demo: out of memory");
		TRY(node_conn_do(d->conns[i], "GET", path, S(""), &http, &reply, err));
		there = http == 200 && json_parse(a, buf_view(&reply), &JSON_LIMITS, &v, NULL) == RC_OK &&
			json_is(json_get(v, str_of(member)), JSON_ARRAY) && json_get(v, str_of(member))->n > 0;
		buf_done(&reply);
		if (there) {
			*ret_at = time_mono() - d->t0;
			return RC_OK;
		}
		if (interrupted)
			return FAIL(err, RC_BUSY, "interrupted");
		if (time_mono() > until)
			return FAIL(err, RC_IO, "%s: nothing came within %d s (%s)", cast[i].name, (int)(STORY_TIMEOUT / USEC_PER_SEC), path);
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
}

static enum rc seed_indicator(struct demo *d, const char *domain, char id[static 64], struct err *err)
{
	char now[TIME_TEXT_MAX], uuid[UUID_TEXT_LEN + 1];
	struct uuid u;

	uuid_v4(&u);
	snprintf(id, 64, "indicator--%s", uuid_format(&u, uuid).p);
	time_format_ms(time_now(), now);
	return demo_post(d, HOSPITAL_A, "/import?format=stix&source=hospital-a-analyst", NULL, NULL, err,
			 "{\"type\":\"bundle\",\"id\":\"bundle--%s\",\"objects\":[{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%s\","
			 "\"created\":\"%s\",\"modified\":\"%s\",\"name\":\"Phishing site\",\"indicator_types\":[\"malicious-activity\"],"
			 "\"pattern\":\"[domain-name:value = '%s']\",\"pattern_type\":\"stix\",\"valid_from\":\"%s\",\"confidence\":80,"
			 "\"object_marking_refs\":[\"%.*s\"]}]}",
			 uuid, id, now, now, domain, now, STR(stix_tlp_id(TLP_GREEN)));
}

enum rc demo_log(struct demo *d, int i, const char *line, int n, struct err *err)
{
	char path[NODE_PATH_MAX + 64];
	int fd CLEANUP(file_closep) = -1;

	snprintf(path, sizeof path, "%s/eve.json", d->paths[i]);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		return FAIL(err, RC_IO, "%s: %m", path);
	return RC_OK;
}

/* What a workstation's Sysmon tells of a process. */
static enum rc log_process(struct demo *d, int i, int round, struct err *err)
{
	char line[1024], now[TIME_TEXT_MAX];

	time_format(time_now(), now);
	return demo_log(d, i, line, snprintf(line, sizeof line,
		"{\"@timestamp\":\"%s\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Computer\":\"eng-pc-%d\","
		"\"Image\":\"C:\\\\Windows\\\\System32\\\\whoami.exe\",\"CommandLine\":\"whoami /priv\",\"User\":\"PLANT\\\\svc_scada\"}\n",
		now, round), err);
}

static enum rc log_event(struct demo *d, int i, const char *domain, usec at, struct err *err)
{
	char line[1024], now[TIME_TEXT_MAX];
	int n;

	time_format(at, now);
	n = snprintf(line, sizeof line,
		     "{\"timestamp\":\"%s\",\"event_type\":\"dns\",\"src_ip\":\"10.1.2.3\",\"host\":\"%s-fw\",\"dns\":{\"type\":\"query\","
		     "\"rrname\":\"login.%s\",\"rrtype\":\"A\"}}\n",
		     now, cast[i].folder, domain);
	return demo_log(d, i, line, n, err);
}

/* A number in a reply of the node. */
static enum rc figure(struct demo *d, int i, const char *path, const char *member, int64_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	const struct json *v = NULL;
	struct buf reply;
	int http = 0;
	enum rc rc;

	*ret = 0;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "demo: out of memory");
	TRY(node_conn_do(d->conns[i], "GET", path, S(""), &http, &reply, err));
	rc = json_parse(a, buf_view(&reply), &JSON_LIMITS, &v, err);
	if (rc == RC_OK)
		(void)json_int(json_path(v, member), ret);
	buf_done(&reply);
	return rc;
}

static enum rc last_alert(struct demo *d, int i, int64_t *ret, struct err *err)
{
	return figure(d, i, "/alerts?limit=10000", "last", ret, err);
}

static enum rc live(struct demo *d, int i, int64_t *ret, struct err *err)
{
	return figure(d, i, "/status", "detector.indicators", ret, err);
}

/* Until the node's detector knows more indicators than `before`: the collection has it a moment earlier. */
static enum rc wait_live(struct demo *d, int i, int64_t before, usec *ret_at, struct err *err)
{
	usec until = time_mono() + STORY_TIMEOUT;
	int64_t now = 0;

	for (;;) {
		TRY(live(d, i, &now, err));
		if (now > before)
			break;
		if (interrupted)
			return FAIL(err, RC_BUSY, "interrupted");
		if (time_mono() > until)
			return FAIL(err, RC_IO, "%s: the indicator is not live within %d s", cast[i].name, (int)(STORY_TIMEOUT / USEC_PER_SEC));
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
	*ret_at = time_mono() - d->t0;
	return RC_OK;
}

static enum rc kept(struct demo *d, int i, int64_t *ret, struct err *err)
{
	return figure(d, i, "/status", "history.events", ret, err);
}

/* A query that nobody thought anything of, yesterday: it is in the history when this returns. */
static enum rc log_yesterday(struct demo *d, int i, const char *domain, struct err *err)
{
	usec until = time_mono() + STORY_TIMEOUT;
	int64_t before, now = 0;

	TRY(kept(d, i, &before, err));
	TRY(log_event(d, i, domain, time_now() - (usec)86400 * USEC_PER_SEC, err));
	for (;;) {
		TRY(kept(d, i, &now, err));
		if (now > before)
			return RC_OK;
		if (interrupted || time_mono() > until)
			return FAIL(err, RC_IO, "%s: its log is not read", cast[i].name);
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
}

struct step {
	const char *en, *zh;
	usec at;
};

static void tell(struct demo *d, const struct step *s, bool aloud)
{
	if (!aloud)
		return;
	printf("  %8.1f ms  %s\n", (double)s->at / 1000.0, demo_say(d, s->en, s->zh));
	fflush(stdout);
}

/* What the alert is to those who have to act: number, class, technique, as the node tells them. */
static enum rc tell_ticket(struct demo *d, const char *list, usec at, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	const struct json *v = NULL, *one = NULL;
	struct buf first, second;
	char path[64];
	int http = 0;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "demo: out of memory");
	buf_init(&second, 0);
	rc = node_conn_do(d->conns[WATER_C], "GET", list, S(""), &http, &first, err);
	if (rc == RC_OK)
		rc = json_parse(a, buf_view(&first), &JSON_LIMITS, &v, err);
	if (rc == RC_OK) {
		snprintf(path, sizeof path, "/tickets/%.*s", STR(str_slice(json_get_str(json_item(json_get(v, S("tickets")), 0), S("number")), 0, 24)));
		rc = node_conn_do(d->conns[WATER_C], "GET", path, S(""), &http, &second, err);
	}
	if (rc == RC_OK)
		rc = json_parse(a, buf_view(&second), &JSON_LIMITS, &one, err);
	if (rc == RC_OK)
		printf(demo_say(d, "  %8.1f ms  Utility C    it is monitoring ticket %.*s: %.*s (RSIT %.*s/%.*s), ATT&CK %.*s\n",
			   "  %8.1f ms  自來水 C  已成資安監控單 %.*s：%.*s（RSIT %.*s/%.*s），ATT&CK %.*s\n"), (double)at / 1000.0,
		       STR(json_get_str(one, S("number"))), STR(json_str(json_path(one, d->c->zh ? "class_name.zh" : "class_name.en"))),
		       STR(json_get_str(one, S("class"))), STR(json_get_str(one, S("type"))), STR(json_str(json_item(json_get(one, S("techniques")), 0))));
	buf_done(&first);
	buf_done(&second);
	return rc;
}

/* One sighting from Hospital A's log to Water Utility C's detector. */
static enum rc play(struct demo *d, int round, bool aloud, struct step steps[static STEPS], usec *ret_own, struct err *err)
{
	static const struct step text[STEPS] = {
		{ "Hospital A   alert: its firewall log names the bad domain; a sighting goes up", "醫院 A    警示：防火牆紀錄出現惡意網域，目擊上傳", 0 },
		{ "Health ISAC  has indicator and sighting; releases the indicator to its hospitals", "衛生 ISAC 收到指標與目擊，發布給轄下醫院", 0 },
		{ "N-ISAC       has them; releases the indicator to all sectors", "國家 ISAC 收到，發布給所有領域", 0 },
		{ "Water ISAC   has the released indicator", "水資源 ISAC 收到已發布指標", 0 },
		{ "Utility C    has it; its detector is live", "自來水 C  收到，偵測器生效", 0 },
		{ "Utility C    alert: its own log meets the indicator that Hospital A saw first", "自來水 C  警示：自身紀錄命中醫院 A 首見的指標", 0 },
		{ "Hospital B   alert of the past: it asked for that name yesterday, before anybody knew", "醫院 B    回溯警示：昨日、指標未明之前即曾查詢該網域", 0 },
		{ "Utility C    alert: what an engineer's PC runs is what a Sigma rule describes", "自來水 C  警示：工程師電腦之行為符合 Sigma 規則", 0 },
		{ "Utility C    monitoring ticket", "自來水 C  資安監控單", 0 },
	};
	char domain[64], id[64], path[256];
	int64_t a_last, b_last, c_last, a_live, c_live;

	memcpy(steps, text, sizeof text);
	snprintf(domain, sizeof domain, "update-%d-%04x.example", round, (unsigned)(time_now() & 0xffff));
	TRY(live(d, HOSPITAL_A, &a_live, err));
	TRY(live(d, WATER_C, &c_live, err));
	TRY(last_alert(d, HOSPITAL_A, &a_last, err));
	TRY(last_alert(d, HOSPITAL_B, &b_last, err));
	TRY(last_alert(d, WATER_C, &c_last, err));
	TRY(log_yesterday(d, HOSPITAL_B, domain, err));
	d->t0 = time_mono();
	TRY(seed_indicator(d, domain, id, err));
	TRY(wait_live(d, HOSPITAL_A, a_live, ret_own, err));
	if (aloud)
		printf(demo_say(d, "A log line at Hospital A: a query for login.%s\n", "醫院 A 的一行紀錄：查詢 login.%s\n"), domain);
	d->t0 = time_mono();
	TRY(log_event(d, HOSPITAL_A, domain, time_now(), err));
	snprintf(path, sizeof path, "/alerts?after=%lld", (long long)a_last);
	TRY(wait_for(d, HOSPITAL_A, path, "alerts", &steps[0].at, err));
	tell(d, &steps[0], aloud);
	snprintf(path, sizeof path, "/objects?id=%s&collection=intel/down", id);
	TRY(wait_for(d, HEALTH, path, "objects", &steps[1].at, err));
	tell(d, &steps[1], aloud);
	TRY(wait_for(d, NATION, path, "objects", &steps[2].at, err));
	tell(d, &steps[2], aloud);
	TRY(wait_for(d, WATER, path, "objects", &steps[3].at, err));
	tell(d, &steps[3], aloud);
	TRY(wait_live(d, WATER_C, c_live, &steps[4].at, err));
	tell(d, &steps[4], aloud);
	TRY(log_event(d, WATER_C, domain, time_now(), err));
	snprintf(path, sizeof path, "/alerts?after=%lld", (long long)c_last);
	TRY(wait_for(d, WATER_C, path, "alerts", &steps[5].at, err));
	tell(d, &steps[5], aloud);
	snprintf(path, sizeof path, "/alerts?after=%lld", (long long)b_last);
	TRY(wait_for(d, HOSPITAL_B, path, "alerts", &steps[6].at, err));
	tell(d, &steps[6], aloud);
	TRY(last_alert(d, WATER_C, &c_last, err));
	TRY(log_process(d, WATER_C, round, err));
	snprintf(path, sizeof path, "/alerts?after=%lld", (long long)c_last);
	TRY(wait_for(d, WATER_C, path, "alerts", &steps[7].at, err));
	tell(d, &steps[7], aloud);
	snprintf(path, sizeof path, "/tickets?state=open&limit=1&host=eng-pc-%d", round);
	TRY(wait_for(d, WATER_C, path, "tickets", &steps[8].at, err));
	return aloud ? tell_ticket(d, path, steps[8].at, err) : RC_OK;
}

static int by_value(const void *a, const void *b)
{
	const usec x = *(const usec *)a, y = *(const usec *)b;

	return x < y ? -1 : x > y;
}

/* More rounds for figures: median and p99 of each step. */
static enum rc play_rounds(struct demo *d, int rounds, struct err *err)
{
	static usec times[STEPS][ROUNDS_MAX], own[ROUNDS_MAX];
	struct step steps[STEPS];
	int done = 0;

	for (; done < rounds && !interrupted; done++) {
		TRY(play(d, done + 1, done == 0, steps, &own[done], err));
		for (int s = 0; s < STEPS; s++)
			times[s][done] = steps[s].at;
	}
	if (done < 2)
		return RC_OK;
	printf(demo_say(d, "\n%d rounds (ms): median, p99, most\n", "\n%d 輪（毫秒）：中位數、p99、最大\n"), done);
	qsort(own, (size_t)done, sizeof own[0], by_value);
	printf("  %8.1f %8.1f %8.1f  %s\n", (double)own[done / 2] / 1000.0, (double)own[(done - 1) * 99 / 100] / 1000.0, (double)own[done - 1] / 1000.0,
	       demo_say(d, "Hospital A   from the import of an indicator until its own detector knows it", "醫院 A    匯入指標至自身偵測器生效"));
	for (int s = 0; s < STEPS; s++) {
		qsort(times[s], (size_t)done, sizeof times[s][0], by_value);
		printf("  %8.1f %8.1f %8.1f  %s\n", (double)times[s][done / 2] / 1000.0, (double)times[s][(done - 1) * 99 / 100] / 1000.0,
		       (double)times[s][done - 1] / 1000.0, demo_say(d, steps[s].en, steps[s].zh));
	}
	return RC_OK;
}

/* Last, so that it stands above the prompt. */
static void tell_consoles(const struct demo *d)
{
	static const struct { int who; const char *en, *zh, *view; } consoles[] = {
		{ WATER_C, "provider", "提供者", "incidents" }, { WATER, "sector", "領域", "boards" }, { NATION, "nation", "國家", "boards" },
	};

	printf(demo_say(d, "\nThree consoles with the story in them (admin / %s; each node has a certificate of its own, which your browser does not know):\n",
			"\n三個主控台，皆有上述故事（admin／%s；各節點使用自己的憑證，瀏覽器會提醒）：\n"), d->password);
	for (size_t i = 0; i < COUNTOF(consoles); i++)
		printf("  %-8s %-16s https://127.0.0.1:%d/console/%s\n", demo_say(d, consoles[i].en, consoles[i].zh), cast[consoles[i].who].name, d->ports[consoles[i].who],
		       consoles[i].view);
}

static void advise(struct demo *d)
{
	char self[4096], year[TIME_TEXT_MAX];

	fputs(demo_say(d, "\nSix nodes keep running; Ctrl-C stops them and removes everything. Try in another terminal:\n\n",
		   "\n六個節點持續執行；Ctrl-C 停止並清除一切。可在另一終端機試試：\n\n"), stdout);
	for (int i = 0; i < NODES; i++)
		printf("  %-16s https://127.0.0.1:%d/taxii2/   %s\n", cast[i].name, d->ports[i], d->paths[i]);
	printf("  %s admin / %s\n\n", demo_say(d, "user / password:", "使用者／密碼："), d->password);
	printf("  curl -u admin:%s --cacert %s/tls/ca.crt \\\n    -H 'Accept: application/taxii+json;version=2.1' https://127.0.0.1:%d/intel/collections/\n\n",
	       d->password, d->paths[NATION], d->ports[NATION]);
	if (proc_self_path(self, sizeof self, NULL) == RC_OK && strrchr(self, '/') != NULL)
		printf("  PATH=\"%.*s:$PATH\"\n", (int)(strrchr(self, '/') - self), self);
	time_format(time_now(), year);
	printf("  lianfang ticket list %s\n  lianfang ticket export %s %.4s-000001 --sheet-lang zh-TW\n", d->paths[WATER_C], d->paths[WATER_C], year);
	printf("  lianfang incident list %s --all\n  lianfang incident show %s %.4s-000001\n  lianfang alert list %s\n  lianfang org list %s\n", d->paths[WATER],
	       d->paths[WATER_C], year, d->paths[NATION], d->paths[WATER_C]);
	printf("  lianfang alerts %s\n  lianfang status %s\n  lianfang search %s --collection intel/down\n", d->paths[WATER_C], d->paths[NATION],
	       d->paths[WATER]);
	printf("  lianfang history status --node %s\n  lianfang rules check %s/rules\n", d->paths[HOSPITAL_B], d->paths[HOSPITAL_B]);
	printf("  lianfang audit list %s gate.\n  lianfang audit verify %s\n\n", d->paths[HEALTH], d->paths[HEALTH]);
	printf("  # taxii2-client (PyPI)\n  from taxii2client.v21 import Server\n"
	       "  Server('https://127.0.0.1:%d/taxii2/', user='admin', password='%s', verify='%s/tls/ca.crt').default.collections\n",
	       d->ports[NATION], d->password, d->paths[NATION]);
	tell_consoles(d);
	fflush(stdout);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	(void)(kind == FTW_DP ? rmdir(path) : unlink(path));
	return 0;
}

static enum rc make_dir(struct demo *d, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(d->dir, sizeof d->dir, "%s/lianfang-demo.XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

	if (n < 0 || n >= (int)sizeof d->dir || mkdtemp(d->dir) == NULL)
		return FAIL(err, RC_IO, "%s: %m", d->dir);
	return RC_OK;
}

static enum rc run_demo(struct demo *d, int rounds, struct err *err)
{
	usec begun = time_mono();
	unsigned char raw[9];
	struct buf password;

	random_bytes(raw, sizeof raw);
	buf_init(&password, 64);
	base64url_put(&password, str_make((char *)raw, sizeof raw));
	snprintf(d->password, sizeof d->password, "demo-%.*s", STR(buf_view(&password)));
	buf_done(&password);
	TRY(make_dir(d, err));
	printf(demo_say(d, "Building a federation of six nodes in %s ...\n", "於 %s 建立六個節點的聯盟…\n"), d->dir);
	fflush(stdout);
	TRY(build(d, err));
	for (int i = 0; i < NODES; i++)
		TRY(start_node(d, i, err));
	for (int i = 0; i < NODES; i++)
		TRY(wait_up(d, i, err));
	printf(demo_say(d, "N-ISAC, two sector ISACs and three providers are up after %.1f s (mutual TLS, pinned certificates).\n\n",
		   "國家 ISAC、兩個領域 ISAC 與三個提供者於 %.1f 秒後就緒（雙向 TLS、釘選憑證）。\n\n"),
	       (double)(time_mono() - begun) / 1e6);
	TRY(play_rounds(d, rounds, err));
	return rounds == 1 && !interrupted ? demo_story(d, err) : RC_OK;
}

static const struct cli_opt opts[] = {
	{ "once", 0, NULL, { "end after the story instead of keeping the nodes running", "故事結束即停止" }, false },
	{ "rounds", 0, "N", { "play it so often and print median and p99 of each step (1)", "重複次數並列出統計" }, false },
	{ "keep", 0, NULL, { "leave the folder behind", "保留資料夾" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const examples[] = { "the story, and six nodes to play with", "lianfang demo",
					"figures of the loop", "lianfang demo --once --rounds 100", NULL };

static int run(struct cli *c)
{
	static struct demo d;
	struct sigaction act = { .sa_handler = on_signal };
	struct err err = { 0 };
	int64_t rounds;
	enum rc rc;

	if (!cli_get_int(c, "rounds", 1, 1, ROUNDS_MAX, &rounds))
		return CLI_ERROR;
	d.c = c;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	rc = run_demo(&d, (int)rounds, &err);
	if (rc == RC_OK && !cli_has(c, "once") && !interrupted) {
		advise(&d);
		while (!interrupted)
			(void)poll(NULL, 0, 1000);
		printf("\n%s\n", demo_say(&d, "stopping", "停止中"));
	}
	close_conns(&d);
	stop_nodes(&d);
	if (d.dir[0] != '\0' && !cli_has(c, "keep") && (rc == RC_OK || interrupted))
		nftw(d.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (rc != RC_OK && !interrupted)
		return cli_fail(c, &err);
	return CLI_OK;
}

const struct cli_cmd CMD_DEMO = {
	"demo", { "watch six organisations protect one another, on this machine", "示範：六個機關互相防護" }, "",
	{ "Makes a nation, two sectors and three providers as real processes on loopback with real TLS. A log line at one provider\n"
	  "becomes an alert, a sighting, an indicator of the nation, and protection of a provider in another sector; a third finds\n"
	  "it in its own past, and a Sigma rule finds what no indicator names, which becomes a monitoring ticket. The times are printed. Then the nodes keep running until Ctrl-C.", "於本機建立國家、兩個領域、三個提供者共六個節點，演示一次聯防迴圈並列出時間。" },
	opts, examples, 0, 0, run,
};
