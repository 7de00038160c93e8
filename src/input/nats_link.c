#include "input/nats_link.h"

#include "base/mem.h"
#include "sys/keys.h"

#define AGAIN_AFTER (2 * USEC_PER_SEC) /* after a connection that never stood */
#define RECONNECT_MS 1000
#define CONNECT_MS 2000
#define PING_MS 10000
#define JWT_BEGIN S("-----BEGIN NATS USER JWT-----")
#define SEED_BEGIN S("-----BEGIN USER NKEY SEED-----")

static enum rc copy(char **to, const char *from, struct err *err)
{
	if (from == NULL)
		return RC_OK;
	*to = mem_strdup(from);
	return *to != NULL ? RC_OK : FAIL(err, RC_NOMEM, "nats: out of memory");
}

/* The line behind `begin`. */
static bool find_part(struct str text, struct str begin, struct str *ret)
{
	size_t at = str_find(text, begin, 0);
	struct str rest;

	if (at == SIZE_MAX)
		return false;
	rest = str_trim(str_slice(text, at + begin.n, text.n));
	return str_next(&rest, '\n', ret) && (*ret = str_trim(*ret)).n > 0;
}

static enum rc read_secret(struct nats_link *l, struct err *err)
{
	struct str text = str_of(l->secret), trimmed = str_trim(text);

	if (l->user != NULL && l->secret == NULL)
		return FAIL(err, RC_BAD, "nats: `user` needs `secret`");
	if (l->secret == NULL)
		return RC_OK;
	if (str_find(text, JWT_BEGIN, 0) != SIZE_MAX) {
		if (!find_part(text, JWT_BEGIN, &l->jwt) || !find_part(text, SEED_BEGIN, &l->seed) || l->user != NULL)
			return FAIL(err, RC_BAD, "nats: a file of credentials holds a JWT and a seed, and needs no `user`");
		return RC_OK;
	}
	if (trimmed.n == 0)
		return FAIL(err, RC_BAD, "nats: `secret` is empty");
	memmove(l->secret, trimmed.p, trimmed.n);
	l->secret[trimmed.n] = '\0';
	return RC_OK;
}

enum rc nats_link_init(struct nats_link *l, const struct input_opts *o, struct str hosts, struct err *err)
{
	struct str one;

	*l = (struct nats_link){ .tls = o->tls };
	pthread_mutex_init(&l->lock, NULL);
	while (str_next(&hosts, ',', &one)) {
		char url[300];

		if (l->n_servers == NATS_SERVERS_MAX || one.n > 260)
			return FAIL(err, RC_LIMIT, "nats: more than %d servers, or a name that is too long", NATS_SERVERS_MAX);
		snprintf(url, sizeof url, "%s://%.*s", o->tls ? "tls" : "nats", STR(one));
		TRY(copy(&l->servers[l->n_servers], url, err));
		l->n_servers++;
	}
	TRY(copy(&l->ca_pem, o->ca_pem, err));
	TRY(copy(&l->cert_pem, o->cert_pem, err));
	TRY(copy(&l->key_pem, o->key_pem, err));
	TRY(copy(&l->user, o->user, err));
	TRY(copy(&l->secret, o->secret, err));
	return read_secret(l, err);
}

static void wipe(char *secret)
{
	if (secret != NULL)
		secret_wipe(secret, strlen(secret));
	mem_free(secret);
}

void nats_link_done(struct nats_link *l)
{
	natsConnection_Destroy(l->nc);
	for (int i = 0; i < l->n_servers; i++)
		mem_free(l->servers[i]);
	mem_free(l->ca_pem);
	mem_free(l->cert_pem);
	mem_free(l->user);
	wipe(l->key_pem);
	wipe(l->secret);
	pthread_mutex_destroy(&l->lock);
}

/* --- what the library asks and says --- */

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
	struct nats_link *l = closure;
	const char *text = NULL;

	(void)sub;
	if (s == NATS_SLOW_CONSUMER) /* counted where it is dropped */
		return;
	(void)natsConnection_GetLastError(nc, &text);
	pthread_mutex_lock(&l->lock);
	snprintf(l->said, sizeof l->said, "%s%s%s", natsStatus_GetText(s), text == NULL || text[0] == '\0' ? "" : ": ", text == NULL ? "" : text);
	l->refused = l->refused || s == NATS_NOT_PERMITTED || s == NATS_ERR;
	pthread_mutex_unlock(&l->lock);
}

/* The library frees what it is given, so this is libc's own memory. */
static natsStatus on_jwt(char **ret, char **error, void *closure)
{
	const struct nats_link *l = closure;

	(void)error;
	*ret = strndup(l->jwt.p, l->jwt.n);
	return *ret != NULL ? NATS_OK : NATS_NO_MEMORY;
}

static natsStatus on_nonce(char **error, unsigned char **ret, int *ret_n, const char *nonce, void *closure)
{
	const struct nats_link *l = closure;
	char seed[128];
	natsStatus s;

	(void)error;
	snprintf(seed, sizeof seed, "%.*s", STR(l->seed));
	s = nats_Sign(seed, nonce, ret, ret_n);
	secret_wipe(seed, sizeof seed);
	return s;
}

/* --- connecting --- */

static natsStatus secure(struct nats_link *l, natsOptions *o)
{
	natsStatus s = l->tls ? natsOptions_SetSecure(o, true) : NATS_OK;

	if (s == NATS_OK && l->tls && l->ca_pem != NULL)
		s = natsOptions_SetCATrustedCertificates(o, l->ca_pem);
	if (s == NATS_OK && l->tls && l->cert_pem != NULL && l->key_pem != NULL)
		s = natsOptions_SetCertificatesChain(o, l->cert_pem, l->key_pem);
	if (s != NATS_OK || l->secret == NULL)
		return s;
	if (l->jwt.n > 0)
		return natsOptions_SetUserCredentialsCallbacks(o, on_jwt, l, on_nonce, l);
	return l->user != NULL ? natsOptions_SetUserInfo(o, l->user, l->secret) : natsOptions_SetToken(o, l->secret);
}

/* A first connection fails with a reason; one that stood is made again by the library, without end. */
static natsStatus set_options(struct nats_link *l, natsOptions *o)
{
	const char *servers[NATS_SERVERS_MAX];
	natsStatus s;

	for (int i = 0; i < l->n_servers; i++)
		servers[i] = l->servers[i];
	s = natsOptions_SetServers(o, servers, l->n_servers);
	if (s == NATS_OK)
		s = natsOptions_SetName(o, "lianfang");
	if (s == NATS_OK)
		s = natsOptions_SetTimeout(o, CONNECT_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(o, -1);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(o, RECONNECT_MS);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(o, PING_MS);
	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(o, on_error, l);
	return s == NATS_OK ? secure(l, o) : s;
}

static natsStatus connect_link(struct nats_link *l)
{
	natsOptions *o = NULL;
	natsStatus s = natsOptions_Create(&o);

	if (s == NATS_OK)
		s = set_options(l, o);
	if (s == NATS_OK)
		s = natsConnection_Connect(&l->nc, o);
	natsOptions_Destroy(o);
	return s;
}

static void note_last(struct nats_link *l)
{
	const char *text = NULL;

	if (natsConnection_GetLastError(l->nc, &text) == NATS_OK || text == NULL || text[0] == '\0')
		return;
	pthread_mutex_lock(&l->lock);
	snprintf(l->said, sizeof l->said, "%s", text);
	pthread_mutex_unlock(&l->lock);
}

/* Why this thread's last call failed. */
static void note_reason(struct nats_link *l)
{
	natsStatus s;
	const char *text = nats_GetLastError(&s);

	pthread_mutex_lock(&l->lock);
	snprintf(l->said, sizeof l->said, "%s", text == NULL ? "" : text);
	pthread_mutex_unlock(&l->lock);
}

static enum rc away(struct nats_link *l, const char *why, struct err *err)
{
	pthread_mutex_lock(&l->lock);
	err_set(&l->trouble, RC_PEER, "%s: %s%s%s", l->servers[0], why, l->said[0] == '\0' ? "" : ": ", l->said);
	pthread_mutex_unlock(&l->lock);
	return FAIL(err, RC_PEER, "%s", l->trouble.text);
}

enum rc nats_link_failed(struct nats_link *l, const char *what, natsStatus s, struct err *err)
{
	char why[200];

	snprintf(why, sizeof why, "%s: %s", what, natsStatus_GetText(s));
	return away(l, why, err);
}

enum rc nats_link_up(struct nats_link *l, struct err *err)
{
	natsStatus s;

	if (l->nc != NULL && natsConnection_IsClosed(l->nc)) {
		natsConnection_Destroy(l->nc);
		l->nc = NULL;
		l->again = time_mono() + AGAIN_AFTER;
		return away(l, "the connection was closed", err);
	}
	if (l->nc == NULL) {
		if (time_mono() < l->again)
			return FAIL(err, RC_PEER, "%s", l->trouble.text);
		s = connect_link(l);
		if (s != NATS_OK) {
			l->again = time_mono() + AGAIN_AFTER;
			note_reason(l);
			return nats_link_failed(l, s == NATS_NO_SERVER ? "no server answers" : "no connection", s, err);
		}
	}
	if (natsConnection_Status(l->nc) == NATS_CONN_STATUS_CONNECTED)
		return RC_OK;
	note_last(l);
	return away(l, "no server answers", err);
}

bool nats_link_refused(struct nats_link *l)
{
	bool was;

	pthread_mutex_lock(&l->lock);
	was = l->refused;
	l->refused = false;
	if (!was)
		l->said[0] = '\0';
	pthread_mutex_unlock(&l->lock);
	return was;
}
