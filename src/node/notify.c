#include "node/notify.h"

#include <stdio.h>

#include "base/bell.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "node/core.h"
#include "node/news.h"
#include "node/on_duty.h"
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

/* --- sending --- */

static enum rc send_mail(struct notify *n, const struct news *w, struct err *err)
{
	struct mail m = { .date = w->at, .automatic = true, .id = str_of(w->id), .subject = buf_view(&w->subject), .body = buf_view(&w->body) };

	memcpy(m.to, n->to, sizeof m.to);
	TRY(mail_send(&n->mail, &m, TIMEOUT, err));
	if (n->core->node.config.mail_duty)
		on_duty_mail(n->core, &n->mail, &m, TIMEOUT);
	return RC_OK;
}

static enum rc send_webhook(struct notify *n, const struct news *w, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct httpc_res res;
	enum rc rc = httpc_do(n->http, "POST", n->webhook, headers, buf_view(&w->json), &res, err);

	if (rc != RC_OK)
		return rc;
	if (res.status < 200 || res.status > 299)
		rc = FAIL(err, RC_PEER, "%s answers %d", n->webhook, res.status);
	httpc_res_done(&res);
	return rc;
}

static enum rc send_command(struct notify *n, const struct news *w, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, w->json.n + 2);
	buf_str(&b, buf_view(&w->json));
	buf_char(&b, '\n');
	rc = buf_check(&b, err, "alarm");
	if (rc == RC_OK)
		rc = runner_do(n->core->runner, buf_view(&b), &n->ending, err);
	buf_done(&b);
	return rc;
}

/* The ways by which word goes out. One that does not work holds up no other. */
static const struct way {
	enum rc (*send)(struct notify *n, const struct news *w, struct err *err);
} WAYS[] = { { send_mail }, { send_webhook }, { send_command } };

static unsigned ways_of(const struct notify *n)
{
	return (n->mail.url != NULL ? 1u : 0) | (n->http != NULL ? 2u : 0) | (n->core->runner != NULL ? 4u : 0);
}

/* By each way that has not taken it yet and has not failed in this round; true: all have it. What a way took is remembered while
 * another waits, so that it is not told again every half minute. */
static bool send_one(struct notify *n, const struct news *w, unsigned *failed, struct err *err)
{
	unsigned all = ways_of(n);
	uint64_t taken = 0;

	(void)map_get(n->taken, str_of(w->key), &taken);
	for (unsigned i = 0; i < COUNTOF(WAYS); i++) {
		unsigned bit = 1u << i;

		if ((all & bit & ~*failed & ~taken) == 0 || atomic_load(&n->ending))
			continue;
		if (WAYS[i].send(n, w, err) == RC_OK)
			taken |= bit;
		else
			*failed |= bit;
	}
	if ((taken & all) == all)
		(void)map_del(n->taken, str_of(w->key));
	else
		(void)!map_put(n->taken, str_of(w->key), taken); /* full: it is told again */
	return (taken & all) == all;
}

/* Of clocks; *ret_more: there are more. */
static enum rc send_alarms(struct notify *n, struct arena *a, unsigned *failed, bool *ret_more, struct err *err)
{
	struct store *s = n->core->node.store;
	struct incident_untold *list;
	enum rc rc;
	size_t count;

	TRY(incident_untold(s, AT_A_TIME, a, &list, &count, err));
	*ret_more |= count == AT_A_TIME;
	for (size_t i = 0; i < count && *failed != ways_of(n) && !atomic_load(&n->ending); i++) {
		struct incident_untold *u = &list[i];
		struct news w;

		news_init(&w);
		rc = news_of_alarm(n->core->api.desk, u, &w, err);
		if (rc == RC_OK && send_one(n, &w, failed, err))
			rc = incident_told(s, u->incident.row, u->alarm.clock, u->alarm.percent, err);
		news_done(&w);
		TRY(rc);
	}
	return RC_OK;
}

/* Of alerts that want an answer. */
static enum rc send_bulletins(struct notify *n, struct arena *a, unsigned *failed, bool *ret_more, struct err *err)
{
	struct store *s = n->core->node.store;
	struct bulletin_word *list;
	enum rc rc;
	size_t count;

	TRY(bulletin_words(s, AT_A_TIME, a, &list, &count, err));
	*ret_more |= count == AT_A_TIME;
	for (size_t i = 0; i < count && *failed != ways_of(n) && !atomic_load(&n->ending); i++) {
		struct news w;

		news_init(&w);
		rc = news_of_bulletin(n->core->api.desk, str_of(n->core->api.desk_pack), &list[i], &w, err);
		if (rc == RC_OK && send_one(n, &w, failed, err))
			rc = bulletin_word_done(s, &list[i], err);
		news_done(&w);
		TRY(rc);
	}
	return RC_OK;
}

/* False: more waits. */
static bool send_all(struct notify *n, struct arena *a)
{
	struct err err = { 0 };
	unsigned failed = 0;
	bool more = false;
	enum rc rc = send_alarms(n, a, &failed, &more, &err);

	if (rc == RC_OK)
		rc = send_bulletins(n, a, &failed, &more, &err);
	if (rc == RC_OK && failed == 0) {
		n->said = false;
		return !more;
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
