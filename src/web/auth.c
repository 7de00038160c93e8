#include "web/auth.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/facts.h"
#include "store/peers.h"
#include "sys/keys.h"
#include "web/session.h"
#include "web/throttle.h"

#define CREDENTIALS_MAX 1024
#define CHALLENGE_MAX 200
#define REALM_MAX 60
#define WAYS 4 /* places that one hash may take */
#define HASHERS 16 /* locks under which passwords are hashed */

enum scheme { SCHEME_NONE, SCHEME_BASIC, SCHEME_BEARER, SCHEME_CERT, SCHEME_SESSION, SCHEME_UNKNOWN };

/* A password verified lately. `proof` stands for (name, password, stored hash): when the
 * stored hash changes, the proof is another one and the entry is of no use any more. */
struct remembered {
	unsigned char proof[32];
	usec until; /* time_mono() */
};

/* Refused passwords of one address since `since`. Addresses that share a place share a count. */
struct guesses {
	uint64_t address;
	uint32_t n;
	usec since; /* time_mono() */
};

struct auth {
	struct store *store;
	bool no_basic;
	_Atomic usec password_most;
	uint8_t anonymous_tlp;
	char challenge[CHALLENGE_MAX];
	char dummy[PASSWORD_HASH_MAX]; /* verified for unknown names, so that they take as long */
	unsigned char key[crypto_generichash_KEYBYTES];
	pthread_mutex_t lock;
	/* The same credentials are hashed once although thirty connections bring them at once: the others wait and remember. */
	pthread_mutex_t hashing[HASHERS];
	struct remembered cache[AUTH_CACHE_ENTRIES];
	struct guesses guesses[AUTH_CACHE_ENTRIES];
	struct throttle *throttle; /* of sign-ins by form */
	struct begun_table *begun;
};

struct offer {
	enum scheme scheme;
	struct str user, secret;
};

/* What became of one attempt; `why` goes into the fact, never to the client. */
struct outcome {
	bool good;
	bool fresh; /* verified just now, not from memory: worth a fact */
	bool old;   /* the password is right, and too old */
	const char *why;
	struct str name;
	enum rc rc; /* RC_OK, or a failure of ours */
};

enum rc auth_new(const struct auth_config *c, struct auth **ret, struct err *err)
{
	const char *realm = c->realm == NULL ? "lianfang" : c->realm;
	struct auth *a;
	unsigned char noise[24];
	enum rc rc;

	for (const char *p = realm; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f)
			return FAIL(err, RC_BAD, "realm: a character that no header may hold");
	if (strlen(realm) > REALM_MAX)
		return FAIL(err, RC_LIMIT, "realm: longer than %d bytes", REALM_MAX);
	if (sodium_init() < 0)
		return FAIL(err, RC_INTERNAL, "auth: libsodium does not start");
	a = mem_alloc(sizeof *a);
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "auth: no memory");
	a->throttle = throttle_new();
	a->begun = begun_new();
	if (a->throttle == NULL || a->begun == NULL) {
		throttle_free(a->throttle);
		begun_free(a->begun);
		mem_free(a);
		return FAIL(err, RC_NOMEM, "auth: no memory");
	}
	a->store = c->store;
	a->no_basic = c->no_basic;
	a->password_most = c->password_most;
	a->anonymous_tlp = c->anonymous_tlp;
	snprintf(a->challenge, sizeof a->challenge, "%s%s%sBearer realm=\"%s\"", c->no_basic ? "" : "Basic realm=\"",
		 c->no_basic ? "" : realm, c->no_basic ? "" : "\", charset=\"UTF-8\", ", realm);
	random_bytes(a->key, sizeof a->key);
	random_bytes(noise, sizeof noise);
	pthread_mutex_init(&a->lock, NULL);
	for (size_t i = 0; i < HASHERS; i++)
		pthread_mutex_init(&a->hashing[i], NULL);
	rc = password_hash(str_make((const char *)noise, sizeof noise), a->dummy, err);
	if (rc != RC_OK) {
		auth_free(a);
		return rc;
	}
	*ret = a;
	return RC_OK;
}

void auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	pthread_mutex_destroy(&a->lock);
	for (size_t i = 0; i < HASHERS; i++)
		pthread_mutex_destroy(&a->hashing[i]);
	throttle_free(a->throttle);
	begun_free(a->begun);
	secret_wipe(a, sizeof *a);
	mem_free(a);
}

struct begun_table *auth_begun(struct auth *a)
{
	return a->begun;
}

const char *auth_challenge(const struct auth *a)
{
	return a->challenge;
}

/* --- what the client offers --- */

static bool read_basic(struct str text, struct arena *arena, struct offer *o)
{
	struct buf b;
	struct str plain;
	size_t colon;

	buf_init(&b, CREDENTIALS_MAX);
	plain = base64_get(&b, text) && b.bad == RC_OK ? arena_dup(arena, buf_view(&b)) : (struct str){ NULL, 0 };
	if (b.p != NULL)
		secret_wipe(b.p, b.n);
	buf_done(&b);
	if (plain.p == NULL)
		return false;
	colon = str_find(plain, S(":"), 0);
	if (colon == SIZE_MAX || !utf8_valid(plain, NULL) || memchr(plain.p, '\0', plain.n) != NULL)
		return false;
	o->user = str_slice(plain, 0, colon);
	o->secret = str_slice(plain, colon + 1, plain.n);
	return true;
}

static struct offer read_offer(const struct auth *a, const struct http_req *r)
{
	struct offer o = { .scheme = SCHEME_NONE };
	struct str header = str_trim(http_header(r, "Authorization")), scheme, rest;
	size_t space;

	if (http_header_count(r, "Authorization") == 0) {
		if (str_starts(r->path, S("/api/v1/")) && session_hash(r, &o.secret))
			o.scheme = SCHEME_SESSION;
		else if (r->peer.cert_sha256[0] != '\0') {
			o.scheme = SCHEME_CERT;
			o.secret = str_of(r->peer.cert_sha256);
		}
		return o;
	}
	o.scheme = SCHEME_UNKNOWN;
	space = str_find(header, S(" "), 0);
	if (space == SIZE_MAX || header.n > CREDENTIALS_MAX || http_header_count(r, "Authorization") > 1)
		return o;
	scheme = str_slice(header, 0, space);
	rest = str_trim(str_slice(header, space, header.n));
	if (str_eq_nocase(scheme, S("Basic")) && !a->no_basic && read_basic(rest, r->arena, &o)) {
		o.scheme = SCHEME_BASIC;
	} else if ((str_eq_nocase(scheme, S("Bearer")) || str_eq_nocase(scheme, S("Token"))) && rest.n > 0) {
		/* "Token" is what taxii2-client's own token class sends. */
		o.scheme = SCHEME_BEARER;
		o.secret = rest;
	}
	return o;
}

/* --- remembered passwords --- */

static void hash_part(crypto_generichash_state *s, struct str part)
{
	uint64_t n = part.n;

	crypto_generichash_update(s, (const unsigned char *)&n, sizeof n);
	crypto_generichash_update(s, (const unsigned char *)part.p, part.n);
}

static void make_proof(const struct auth *a, const struct offer *o, struct str stored, unsigned char out[static 32])
{
	crypto_generichash_state s;

	crypto_generichash_init(&s, a->key, sizeof a->key, 32);
	hash_part(&s, o->user);
	hash_part(&s, o->secret);
	hash_part(&s, stored);
	crypto_generichash_final(&s, out, 32);
}

static struct remembered *ways_of(struct auth *a, const unsigned char proof[static 32])
{
	uint32_t at;

	memcpy(&at, proof, sizeof at);
	return &a->cache[at % (AUTH_CACHE_ENTRIES / WAYS) * WAYS];
}

static bool is_remembered(struct auth *a, const unsigned char proof[static 32])
{
	struct remembered *e = ways_of(a, proof);
	usec now = time_mono();
	bool found = false;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < WAYS; i++)
		found |= e[i].until > now && sodium_memcmp(e[i].proof, proof, 32) == 0;
	pthread_mutex_unlock(&a->lock);
	return found;
}

static void remember(struct auth *a, const unsigned char proof[static 32])
{
	struct remembered *e = ways_of(a, proof), *oldest = e;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 1; i < WAYS; i++)
		if (e[i].until < oldest->until)
			oldest = &e[i];
	memcpy(oldest->proof, proof, 32);
	oldest->until = time_mono() + AUTH_REMEMBER;
	pthread_mutex_unlock(&a->lock);
}

/* --- addresses that guess --- */

static bool counts_guesses(const struct http_req *r)
{
	struct str addr = str_of(r->peer.addr);

	return addr.n > 0 && !str_starts(addr, S("127.")) && !str_eq(addr, S("::1"));
}

/* With the lock held: this address's count of the running minute. */
static struct guesses *guesses_of(struct auth *a, const struct http_req *r)
{
	uint64_t address = hash_table(str_of(r->peer.addr));
	struct guesses *g = &a->guesses[address % AUTH_CACHE_ENTRIES];
	usec now = time_mono();

	if (g->address != address || now - g->since >= 60 * USEC_PER_SEC)
		*g = (struct guesses){ .address = address, .since = now };
	return g;
}

static bool guesses_too_much(struct auth *a, const struct http_req *r)
{
	bool much;

	if (!counts_guesses(r))
		return false;
	pthread_mutex_lock(&a->lock);
	much = guesses_of(a, r)->n >= AUTH_GUESSES_A_MINUTE;
	pthread_mutex_unlock(&a->lock);
	return much;
}

static void count_guess(struct auth *a, const struct http_req *r)
{
	if (!counts_guesses(r))
		return;
	pthread_mutex_lock(&a->lock);
	guesses_of(a, r)->n++;
	pthread_mutex_unlock(&a->lock);
}

/* A token or certificate is checked each time; its fact is written once in a while. */
static bool first_lately(struct auth *a, const struct offer *o, struct str name)
{
	unsigned char proof[32];

	make_proof(a, o, name, proof);
	if (is_remembered(a, proof))
		return false;
	remember(a, proof);
	return true;
}

/* --- each scheme --- */

void auth_viewer_of(const struct user *u, struct viewer *ret)
{
	*ret = (struct viewer){ .kind = VIEWER_USER, .name = u->name, .role = u->role, .org = u->org, .tlp_max = u->tlp_max };
}

static struct outcome refused(const char *why, struct str name)
{
	return (struct outcome){ .why = why, .name = name };
}

static struct outcome failed(enum rc rc, struct str name)
{
	return (struct outcome){ .why = "failure", .name = name, .rc = rc };
}

/* The slow way, under the lock of these credentials. */
static struct outcome hash_password(struct auth *a, const struct offer *o, const struct user *u, const unsigned char proof[static 32])
{
	struct outcome out = { .good = true, .name = u->name };
	usec locked = 0;

	if (is_remembered(a, proof))
		return out;
	out.fresh = true;
	if (!password_verify(u->pass_hash.p, o->secret)) {
		out.rc = user_login_failed(a->store, u->name, time_now(), &locked, NULL);
		out.good = false;
		out.why = locked != 0 ? "password, now locked" : "password";
		return out;
	}
	if (u->failures > 0)
		out.rc = user_login_ok(a->store, u->name, NULL);
	remember(a, proof);
	return out;
}

static struct outcome check_password(struct auth *a, const struct offer *o, const struct user *u)
{
	struct outcome out = { .good = true, .name = u->name };
	unsigned char proof[32];
	pthread_mutex_t *hashing;

	if (u->locked_until > time_now())
		return refused("locked", u->name);
	make_proof(a, o, u->pass_hash, proof);
	if (is_remembered(a, proof))
		return out;
	hashing = &a->hashing[proof[31] % HASHERS];
	pthread_mutex_lock(hashing);
	out = hash_password(a, o, u, proof);
	pthread_mutex_unlock(hashing);
	return out;
}

void auth_password_most(struct auth *a, usec most)
{
	atomic_store(&a->password_most, most);
}

bool auth_password_is_old(const struct auth *a, const struct user *u)
{
	usec since = u->pass_at > u->created ? u->pass_at : u->created;

	usec most = atomic_load(&a->password_most);

	return most > 0 && time_now() - since >= most;
}

static struct outcome by_basic(struct auth *a, const struct offer *o, struct arena *arena, struct viewer *ret)
{
	struct user u;
	enum rc rc = user_get(a->store, o->user, arena, &u, NULL);
	struct str hash;
	struct outcome out;

	if (rc != RC_OK && rc != RC_NOTFOUND && rc != RC_BAD)
		return failed(rc, o->user);
	if (rc != RC_OK || !user_is_open(&u, time_now()) || u.pass_hash.n == 0) {
		/* An unknown name must not answer faster than a wrong password. */
		(void)!password_verify(a->dummy, o->secret);
		return refused(rc == RC_OK ? "disabled or without password" : "unknown user", o->user);
	}
	hash = arena_dup(arena, u.pass_hash);
	if (hash.p == NULL)
		return failed(RC_NOMEM, o->user);
	u.pass_hash = hash;
	out = check_password(a, o, &u);
	out.old = auth_password_is_old(a, &u);
	if (out.good)
		auth_viewer_of(&u, ret);
	return out;
}

static int rank_of(struct str role)
{
	static const struct str ranks[] = { S("reader"), S("feeder"), S("analyst"), S("admin") };

	for (size_t i = 0; i < COUNTOF(ranks); i++)
		if (str_eq(role, ranks[i]))
			return (int)i;
	return -1;
}

/* What was a lesser role when the token was made stays one, and a user who lost a role takes it from the token. */
static void limit(struct viewer *v, const struct token *t)
{
	if (t->role.n > 0 && rank_of(t->role) < rank_of(v->role))
		v->role = t->role;
	if (t->tlp_max < v->tlp_max)
		v->tlp_max = t->tlp_max;
}

static struct outcome by_token(struct auth *a, const struct offer *o, struct arena *arena, struct viewer *ret)
{
	unsigned char sum[SHA256_LEN];
	struct buf hex;
	struct token t;
	struct user u;
	enum rc rc;

	hash_sha256(o->secret, sum);
	buf_init(&hex, 2 * SHA256_LEN);
	hex_put(&hex, str_make((const char *)sum, sizeof sum));
	rc = hex.bad == RC_OK ? token_by_secret(a->store, buf_view(&hex), arena, &t, NULL) : hex.bad;
	buf_done(&hex);
	if (rc == RC_NOTFOUND || rc == RC_DENIED)
		return refused(rc == RC_DENIED ? "expired token" : "unknown token", S(""));
	if (rc != RC_OK)
		return failed(rc, S(""));
	rc = user_get(a->store, t.user, arena, &u, NULL);
	if (rc == RC_NOTFOUND || (rc == RC_OK && !user_is_open(&u, time_now())))
		return refused("token of a user who may not sign in", t.user);
	if (rc != RC_OK)
		return failed(rc, t.user);
	auth_viewer_of(&u, ret);
	limit(ret, &t);
	return (struct outcome){ .good = true, .fresh = first_lately(a, o, u.name), .name = u.name };
}

/* A peer is pinned: its certificate's digest is compared, whoever signed it. */
static struct outcome by_peer(struct auth *a, const struct offer *o, const struct peer *p, struct arena *arena,
			      struct viewer *ret)
{
	struct user u = { .role = S("peer"), .org = S(""), .tlp_max = p->tlp_max };
	enum rc rc;

	if (p->disabled)
		return refused("disabled peer", p->name);
	if (p->user.n > 0) {
		rc = user_get(a->store, p->user, arena, &u, NULL);
		if (rc == RC_NOTFOUND || (rc == RC_OK && !user_is_open(&u, time_now())))
			return refused("peer's user may not sign in", p->name);
		if (rc != RC_OK)
			return failed(rc, p->name);
	}
	*ret = (struct viewer){ .kind = VIEWER_PEER, .name = p->name, .account = p->user, .role = u.role, .org = u.org,
				.tlp_max = u.tlp_max < p->tlp_max ? u.tlp_max : p->tlp_max };
	return (struct outcome){ .good = true, .fresh = first_lately(a, o, p->name), .name = p->name };
}

static struct outcome by_cert(struct auth *a, const struct offer *o, const struct http_req *r, struct viewer *ret)
{
	struct peer p;
	struct user u;
	enum rc rc = peer_by_cert(a->store, o->secret, r->arena, &p, NULL);

	if (rc == RC_OK)
		return by_peer(a, o, &p, r->arena, ret);
	if (rc == RC_NOTFOUND)
		rc = user_by_cert(a->store, o->secret, r->arena, &u, NULL);
	if (rc == RC_NOTFOUND) /* a certificate that means nothing here is as good as none */
		return (struct outcome){ .good = true };
	if (rc != RC_OK)
		return failed(rc, S(""));
	if (!user_is_open(&u, time_now()))
		return refused("disabled", u.name);
	auth_viewer_of(&u, ret);
	return (struct outcome){ .good = true, .fresh = first_lately(a, o, u.name), .name = u.name };
}

/* A session that is over is as good as none: the console's first question must be answered without it. */
static struct outcome by_session(struct auth *a, const struct offer *o, const struct http_req *r, struct viewer *ret)
{
	struct offer cert = { .scheme = SCHEME_CERT, .secret = str_of(r->peer.cert_sha256) };
	bool touch = !str_eq(http_header(r, CONSOLE_HEADER), S(CONSOLE_POLL));
	struct session x;
	struct user u;
	enum rc rc = session_find(a->store, o->secret, time_now(), touch, r->arena, &x, NULL);

	if (rc == RC_OK)
		rc = user_get(a->store, x.user, r->arena, &u, NULL);
	if (rc == RC_NOTFOUND || (rc == RC_OK && !user_is_open(&u, time_now())))
		return cert.secret.n > 0 ? by_cert(a, &cert, r, ret) : (struct outcome){ .good = true };
	if (rc != RC_OK)
		return failed(rc, S(""));
	auth_viewer_of(&u, ret);
	return (struct outcome){ .good = true, .name = u.name };
}

/* --- the whole --- */

static void note(struct auth *a, const struct http_req *r, const struct outcome *out, const struct viewer *v)
{
	struct fact f = { .kind = out->good ? S("login.ok") : S("login.fail") };
	struct buf b;
	struct jsonw w;

	buf_init(&b, 2048);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "from", r->peer.addr);
	if (out->why != NULL)
		jsonw_m_cstr(&w, out->good ? "by" : "why", out->why);
	jsonw_object_end(&w);
	f.actor = out->name.n > 0 ? arena_fmt(r->arena, "%s:%.*s", v->kind == VIEWER_PEER ? "peer" : "user", STR(out->name))
				  : S("anonymous");
	f.subject = out->name;
	f.body = buf_view(&b);
	/* A full queue or disk must not keep anybody out; the store counts what it refuses. */
	if (b.bad == RC_OK && f.actor.p != NULL)
		(void)!fact_append_soon(a->store, &f, NULL);
	buf_done(&b);
}

/* The console has its own form: the browser's would stand in its way, so it gets no challenge. */
static void answer(const struct auth *a, const struct http_req *r, struct http_res *res, int status, const char *title, const char *text)
{
	bool challenge = !request_is_console(r);
	char digits[8];
	struct jsonw w;

	snprintf(digits, sizeof digits, "%d", status);
	buf_clear(&res->body);
	jsonw_init(&w, &res->body);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "title", title);
	jsonw_m_cstr(&w, "description", text);
	jsonw_m_cstr(&w, "http_status", digits);
	jsonw_object_end(&w);
	res->status = status;
	res->content_type = "application/taxii+json;version=2.1";
	if (status == 401 && challenge)
		http_res_header(res, "WWW-Authenticate", a->challenge);
	if (status == 503 || status == 429)
		http_res_header(res, "Retry-After", status == 503 ? "2" : "60");
}

static bool is_forged(const struct http_req *r, const struct offer *o)
{
	if (str_eq(r->method, S("GET")) || str_eq(r->method, S("HEAD")) || str_eq(r->method, S("OPTIONS")))
		return false;
	return request_is_foreign(r) || (o->scheme == SCHEME_SESSION && !request_is_console(r));
}

bool auth_viewer(struct auth *a, struct http_req *r, struct viewer *ret, struct http_res *res)
{
	struct offer o = read_offer(a, r);
	struct outcome out = { .good = true };

	*ret = (struct viewer){ .kind = VIEWER_ANONYMOUS, .name = S(""), .role = S(""), .org = S(""), .tlp_max = a->anonymous_tlp };
	if (is_forged(r, &o)) {
		answer(a, r, res, 403, "Forbidden", "This request came from another site, or not from the console.");
		return false;
	}
	switch (o.scheme) {
	case SCHEME_NONE: break;
	case SCHEME_BASIC:
		if (guesses_too_much(a, r)) {
			answer(a, r, res, 429, "TooManyRequests", "Too many refused passwords from this address; wait a minute.");
			return false;
		}
		out = by_basic(a, &o, r->arena, ret);
		if (out.good && out.old)
			out = refused("password too old", out.name);
		if (!out.good && out.rc == RC_OK)
			count_guess(a, r);
		break;
	case SCHEME_BEARER: out = by_token(a, &o, r->arena, ret); break;
	case SCHEME_CERT: out = by_cert(a, &o, r, ret); break;
	case SCHEME_SESSION: out = by_session(a, &o, r, ret); break;
	case SCHEME_UNKNOWN: out = refused("malformed or unknown scheme", S("")); break;
	}
	if (!out.good || out.fresh)
		note(a, r, &out, ret);
	if (out.rc != RC_OK && !out.good)
		answer(a, r, res, 503, "TryAgainLater", "");
	else if (!out.good)
		answer(a, r, res, 401, "Unauthorized", "The credentials are not accepted.");
	return out.good;
}

/* An address is slowed down, too, but not a proxy on this machine: all its clients come from there. */
static struct str address_key(const struct http_req *r)
{
	return counts_guesses(r) ? str_of(r->peer.addr) : S("");
}

void auth_came(struct auth *a, struct http_req *r, struct str user, bool good, const char *how)
{
	struct str address = address_key(r);

	if (!good && address.n > 0)
		throttle_failed(a->throttle, address, time_mono());
	note(a, r, &(struct outcome){ .good = good, .why = how, .name = user }, &(struct viewer){ .kind = VIEWER_USER });
}

usec auth_wait(struct auth *a, const struct http_req *r)
{
	struct str address = address_key(r);

	return address.n > 0 ? throttle_wait(a->throttle, address, time_mono()) : 0;
}

void auth_attempt(struct auth *a, struct http_req *r, struct str user, bool good)
{
	struct str address = address_key(r);
	usec locked, now = time_mono();

	if (good) {
		throttle_passed(a->throttle, user);
		(void)!user_login_ok(a->store, user, NULL); /* a count that stays is no reason to refuse */
		return;
	}
	throttle_failed(a->throttle, user, now);
	if (address.n > 0)
		throttle_failed(a->throttle, address, now);
	(void)!user_login_failed(a->store, user, time_now(), &locked, NULL);
	note(a, r, &(struct outcome){ .why = "second factor", .name = user }, &(struct viewer){ .kind = VIEWER_USER });
}

enum rc auth_password(struct auth *a, struct http_req *r, struct str user, struct str password, struct viewer *ret, usec *ret_wait,
		      struct err *err)
{
	struct offer o = { .scheme = SCHEME_BASIC, .user = user, .secret = password };
	struct str address = address_key(r);
	struct outcome out;
	usec now = time_mono(), wait = throttle_wait(a->throttle, user, now);

	if (address.n > 0 && throttle_wait(a->throttle, address, now) > wait)
		wait = throttle_wait(a->throttle, address, now);
	*ret_wait = wait;
	if (wait > 0)
		return FAIL(err, RC_BUSY, "too many refused sign-ins: wait %lld seconds", (long long)(wait / USEC_PER_SEC + 1));
	out = by_basic(a, &o, r->arena, ret);
	if (!out.good && out.rc != RC_OK)
		return FAIL(err, out.rc, "sign-in: %s", rc_name(out.rc));
	if (!out.good) {
		note(a, r, &out, ret);
		now = time_mono(); /* the wait begins when the answer goes out: hashing took its time */
		throttle_failed(a->throttle, user, now);
		if (address.n > 0)
			throttle_failed(a->throttle, address, now);
		return FAIL(err, RC_DENIED, "name or password is not right, or the account is locked");
	}
	note(a, r, &out, ret);
	return RC_OK;
}

bool auth_is_slow(struct auth *a, const struct http_req *r)
{
	struct offer o = read_offer(a, r);
	unsigned char proof[32];
	struct user u;

	if (o.scheme != SCHEME_BASIC)
		return false;
	if (user_get(a->store, o.user, r->arena, &u, NULL) != RC_OK)
		return true;
	make_proof(a, &o, u.pass_hash, proof);
	return !is_remembered(a, proof);
}
