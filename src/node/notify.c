#include "node/notify.h"

#include <stdio.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "desk/desk.h"
#include "desk/show.h"
#include "node/core.h"
#include "node/on_duty.h"
#include "store/incidents.h"
#include "sys/file.h"
#include "sys/httpc.h"
#include "sys/mail.h"
#include "sys/runner.h"

#define AT_A_TIME 1000
#define TAKEN_MAX 10000
#define AGAIN_EACH (30 * USEC_PER_SEC) /* when a server did not take it */
#define LOOK_EACH (5 * USEC_PER_SEC)
#define TIMEOUT (20 * USEC_PER_SEC)
#define FILE_MAX ((size_t)1 << 20)
#define MEMORY_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)16 << 10)

struct notify {
	struct core *core;
	pthread_t thread;
	struct bell bell;
	_Atomic int ending;
	struct arena *arena;      /* of the addresses and secrets */
	struct mail_config mail;  /* url NULL: no mail */
	const char *to[MAIL_TO_MAX + 1];
	struct httpc *http;       /* NULL: no webhook */
	const char *webhook;
	struct map *taken;        /* "row percent clock" -> ways that took it, while others did not; of this run */
	bool said;                /* that a way does not take it */
};

/* --- what people read --- */

/* The clock's title; its id when the pack is gone. */
static struct pack_words title_of(const struct desk *d, struct str key)
{
	struct alarm_name name = alarm_name(key);
	const struct pack *p = desk_pack(d, name.pack);

	for (size_t i = 0; p != NULL && i < p->n_clocks; i++)
		if (str_eq(p->clocks[i].term.id, name.clock))
			return p->clocks[i].term.title;
	return (struct pack_words){ name.clock, name.clock };
}

/* The due instant by the wall of the pack's place. */
static void put_due(const struct desk *d, struct str key, usec due, struct buf *out)
{
	const struct pack *p = desk_pack(d, alarm_name(key).pack);
	char text[TIME_TEXT_MAX];

	if (p == NULL) {
		time_format(due, text);
		buf_fmt(out, "%.19sZ", text);
		return;
	}
	show_wall(out, p, due);
	buf_fmt(out, " (%.*s)", STR(p->zone_name));
}

static void write_subject(const struct incident_untold *u, const struct pack_words *title, struct buf *out)
{
	buf_fmt(out, "%s[%.*s] %.*s / %.*s: %s", u->incident.exercise ? "【演練 EXERCISE】" : "", STR(u->incident.number), STR(title->zh), STR(title->en),
		alarm_words(u->alarm.percent)->brief);
}

static void write_body(const struct desk *d, const struct incident_untold *u, const struct pack_words *title, struct buf *out)
{
	const char *drill = u->incident.exercise ? "【演練】此為演練，非真實事件。\n" : "", *drill_en = u->incident.exercise ? "EXERCISE: this is a drill.\n" : "";

	buf_fmt(out, "%s事件 %.*s：%.*s\n%.*s：%s\n期限：", drill, STR(u->incident.number), STR(u->incident.title), STR(title->zh),
		alarm_words(u->alarm.percent)->zh);
	put_due(d, u->alarm.clock, u->alarm.due, out);
	buf_fmt(out, "\n處理：lianfang incident show %.*s\n\n%sIncident %.*s: %.*s\n%.*s %s\nDue: ", STR(u->incident.number), drill_en,
		STR(u->incident.number), STR(u->incident.title), STR(title->en), alarm_words(u->alarm.percent)->en);
	put_due(d, u->alarm.clock, u->alarm.due, out);
	buf_fmt(out, "\nSee: lianfang incident show %.*s\n", STR(u->incident.number));
}

/* --- sending --- */

static enum rc send_mail(struct notify *n, const struct incident_untold *u, const struct pack_words *title, struct err *err)
{
	struct mail m = { .date = u->alarm.at, .automatic = true };
	char id[256];
	struct buf subject, body;
	struct str clock = u->alarm.clock;
	enum rc rc;

	buf_init(&subject, TEXT_MAX);
	buf_init(&body, TEXT_MAX);
	memcpy(m.to, n->to, sizeof m.to);
	write_subject(u, title, &subject);
	write_body(n->core->api.desk, u, title, &body);
	snprintf(id, sizeof id, "%.*s.%.*s.%d@%.60s", STR(u->incident.id), STR(clock), u->alarm.percent, "lianfang");
	for (char *p = id; *p != '\0'; p++) /* blanks of the clock's name */
		if (*p <= ' ' || *p >= 127)
			*p = '.';
	m.id = str_of(id);
	m.subject = buf_view(&subject);
	m.body = buf_view(&body);
	rc = mail_send(&n->mail, &m, TIMEOUT, err);
	if (rc == RC_OK && n->core->node.config.mail_duty)
		on_duty_mail(n->core, &n->mail, &m, TIMEOUT);
	buf_done(&subject);
	buf_done(&body);
	return rc;
}

/* What programs read. */
static enum rc write_alarm(const struct incident_untold *u, const struct pack_words *title, struct buf *out, struct err *err)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", u->alarm.percent >= 100 ? "breach" : "alarm");
	jsonw_m_str(&w, "incident", u->incident.id);
	jsonw_m_str(&w, "number", u->incident.number);
	jsonw_m_str(&w, "title", u->incident.title);
	jsonw_m_bool(&w, "exercise", u->incident.exercise);
	jsonw_m_str(&w, "clock", u->alarm.clock);
	show_words(&w, "clock_title", title);
	jsonw_m_int(&w, "percent", u->alarm.percent);
	show_time(&w, "due", u->alarm.due);
	show_time(&w, "at", u->alarm.at);
	jsonw_object_end(&w);
	return buf_check(out, err, "alarm");
}

static enum rc post(struct notify *n, struct str body, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct httpc_res res;
	enum rc rc = httpc_do(n->http, "POST", n->webhook, headers, body, &res, err);

	if (rc != RC_OK)
		return rc;
	if (res.status < 200 || res.status > 299)
		rc = FAIL(err, RC_PEER, "%s answers %d", n->webhook, res.status);
	httpc_res_done(&res);
	return rc;
}

static enum rc send_webhook(struct notify *n, const struct incident_untold *u, const struct pack_words *title, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, TEXT_MAX);
	rc = write_alarm(u, title, &b, err);
	if (rc == RC_OK)
		rc = post(n, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

static enum rc send_command(struct notify *n, const struct incident_untold *u, const struct pack_words *title, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, TEXT_MAX);
	rc = write_alarm(u, title, &b, err);
	buf_char(&b, '\n');
	if (rc == RC_OK)
		rc = runner_do(n->core->runner, buf_view(&b), &n->ending, err);
	buf_done(&b);
	return rc;
}

/* The ways by which word goes out. One that does not work holds up no other. */
static const struct way {
	enum rc (*send)(struct notify *n, const struct incident_untold *u, const struct pack_words *title, struct err *err);
} WAYS[] = { { send_mail }, { send_webhook }, { send_command } };

static unsigned ways_of(const struct notify *n)
{
	return (n->mail.url != NULL ? 1u : 0) | (n->http != NULL ? 2u : 0) | (n->core->runner != NULL ? 4u : 0);
}

/* By each way that has not taken it yet and has not failed in this round. What a way took is remembered while another waits, so that
 * it is not told again every half minute. */
static enum rc send_one(struct notify *n, const struct incident_untold *u, unsigned *failed, struct err *err)
{
	struct pack_words title = title_of(n->core->api.desk, u->alarm.clock);
	unsigned all = ways_of(n);
	uint64_t taken = 0;
	char key[600];

	snprintf(key, sizeof key, "%lld %d %.*s", (long long)u->incident.row, u->alarm.percent, STR(str_slice(u->alarm.clock, 0, 500)));
	(void)map_get(n->taken, str_of(key), &taken);
	for (unsigned i = 0; i < COUNTOF(WAYS); i++) {
		unsigned bit = 1u << i;

		if ((all & bit & ~*failed & ~taken) == 0 || atomic_load(&n->ending))
			continue;
		if (WAYS[i].send(n, u, &title, err) == RC_OK)
			taken |= bit;
		else
			*failed |= bit;
	}
	if ((taken & all) == all) {
		(void)map_del(n->taken, str_of(key));
		return incident_told(n->core->node.store, u->incident.row, u->alarm.clock, u->alarm.percent, err);
	}
	(void)!map_put(n->taken, str_of(key), taken); /* full: it is told again */
	return RC_OK;
}

/* False: more waits. */
static bool send_all(struct notify *n, struct arena *a)
{
	struct incident_untold *list;
	struct err err = { 0 };
	size_t count = 0;
	unsigned failed = 0;
	enum rc rc = incident_untold(n->core->node.store, AT_A_TIME, a, &list, &count, &err);

	for (size_t i = 0; rc == RC_OK && i < count && failed != ways_of(n) && !atomic_load(&n->ending); i++)
		rc = send_one(n, &list[i], &failed, &err);
	if (rc == RC_OK && failed == 0) {
		n->said = false;
		return count < AT_A_TIME;
	}
	if (!n->said)
		log_line(LOG_LEVEL_ERROR, "notify", "alarms wait to be sent: %s", err.text);
	n->said = true;
	return true;
}

static void *run(void *ctx)
{
	struct notify *n = ctx;
	struct arena *a = arena_new(MEMORY_MAX);

	while (a != NULL && !atomic_load(&n->ending)) {
		bool done = send_all(n, a);

		arena_reset(a);
		/* A server that takes nothing is not asked again at every new alarm. */
		if (done)
			(void)(n->said ? bell_sleep(&n->bell, AGAIN_EACH) : bell_wait(&n->bell, LOOK_EACH));
	}
	arena_free(a);
	return NULL;
}

/* --- life --- */

static enum rc split_addresses(struct notify *n, const char *list, struct err *err)
{
	struct str rest = str_of(list), one;
	size_t count = 0;

	while (str_next(&rest, ' ', &one)) {
		if (one.n == 0)
			continue;
		if (!mail_address_good(one))
			return FAIL(err, RC_BAD, "[notify] mail_to: '%.*s' is no address", STR(one));
		if (count == MAIL_TO_MAX)
			return FAIL(err, RC_LIMIT, "[notify] mail_to: more than %d addresses", MAIL_TO_MAX);
		n->to[count++] = arena_dup(n->arena, one).p;
	}
	return count > 0 ? RC_OK : FAIL(err, RC_BAD, "[notify] mail_to: to whom?");
}

/* The first line of a file; "" for no file. */
static enum rc read_secret(struct notify *n, const char *path, const char **ret, struct err *err)
{
	struct buf b;
	struct str all, line = S("");

	TRY(file_read(path, FILE_MAX, &b, err));
	all = buf_view(&b);
	(void)str_next(&all, '\n', &line);
	*ret = arena_dup(n->arena, line).p;
	secret_wipe(b.p, b.n);
	buf_done(&b);
	return *ret == NULL ? FAIL(err, RC_NOMEM, "notify: out of memory") : RC_OK;
}

static enum rc take_mail(struct notify *n, const struct config *c, struct err *err)
{
	if (c->mail_server[0] == '\0')
		return RC_OK;
	if (!str_starts(str_of(c->mail_server), S("smtp://")) && !str_starts(str_of(c->mail_server), S("smtps://")))
		return FAIL(err, RC_BAD, "[notify] mail_server: expected smtp://HOST:PORT or smtps://HOST:PORT");
	if (!mail_address_good(str_of(c->mail_from)))
		return FAIL(err, RC_BAD, "[notify] mail_from: '%s' is no address", c->mail_from);
	TRY(split_addresses(n, c->mail_to, err));
	n->mail = (struct mail_config){ .url = c->mail_server, .from = c->mail_from, .user = c->mail_user[0] == '\0' ? NULL : c->mail_user,
					.ca_file = c->mail_ca[0] == '\0' ? NULL : c->mail_ca };
	return n->mail.user != NULL && c->mail_password_file[0] != '\0' ? read_secret(n, c->mail_password_file, &n->mail.password, err) : RC_OK;
}

static enum rc take_webhook(struct notify *n, const struct config *c, struct err *err)
{
	struct httpc_config hc = { .total_timeout = TIMEOUT, .max_response = FILE_MAX, .allow_plain_loopback = true, .stop = &n->ending };
	struct buf ca = { 0 };
	enum rc rc = RC_OK;

	if (c->webhook[0] == '\0')
		return RC_OK;
	if (c->webhook_ca[0] != '\0')
		rc = file_read(c->webhook_ca, FILE_MAX, &ca, err);
	if (rc == RC_OK) {
		hc.ca_pem = ca.n > 0 ? ca.p : NULL;
		n->webhook = c->webhook;
		rc = httpc_new(&hc, &n->http, err);
	}
	buf_done(&ca);
	return rc;
}

static void notify_free(struct notify *n)
{
	httpc_free(n->http);
	map_free(n->taken);
	arena_free(n->arena);
	bell_done(&n->bell);
	mem_free(n);
}

enum rc notify_start(struct core *c, struct notify **ret, struct err *err)
{
	const struct config *conf = &c->node.config;
	struct notify *n;
	enum rc rc;

	*ret = NULL;
	if (conf->mail_server[0] == '\0' && conf->webhook[0] == '\0' && c->runner == NULL)
		return RC_OK;
	n = mem_alloc(sizeof *n);
	if (n == NULL)
		return FAIL(err, RC_NOMEM, "notify: out of memory");
	n->core = c;
	bell_init(&n->bell);
	n->arena = arena_new(FILE_MAX);
	n->taken = map_new(TAKEN_MAX);
	rc = n->arena == NULL || n->taken == NULL ? FAIL(err, RC_NOMEM, "notify: out of memory") : take_mail(n, conf, err);
	if (rc == RC_OK)
		rc = take_webhook(n, conf, err);
	if (rc == RC_OK && pthread_create(&n->thread, NULL, run, n) != 0)
		rc = FAIL(err, RC_IO, "notify: cannot start a thread");
	if (rc != RC_OK) {
		notify_free(n);
		return rc;
	}
	*ret = n;
	return RC_OK;
}

void notify_wake(struct notify *n)
{
	if (n != NULL)
		bell_ring(&n->bell);
}

void notify_stop(struct notify *n)
{
	if (n == NULL)
		return;
	atomic_store(&n->ending, 1);
	bell_stop(&n->bell);
	pthread_join(n->thread, NULL);
	notify_free(n);
}
