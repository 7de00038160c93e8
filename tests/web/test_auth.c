/* Signing in: Basic with lockout and memory, tokens, certificates, and the facts of it. */
#include "web/auth.h"

#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/text.h"
#include "stix/marking.h"
#include "store/facts.h"
#include "store/peers.h"
#include "sys/keys.h"
#include "tap.h"

static struct store *store;
static struct auth *auth;
static int address = 1; /* each group of tests comes from its own */

static void must(enum rc rc, const struct err *err, const char *what)
{
	if (rc == RC_OK)
		return;
	printf("Bail out! %s: %s\n", what, err->text);
	exit(1);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static void put_user(const char *name, const char *password, bool disabled)
{
	struct user u = { .name = str_of(name), .role = S("analyst"), .org = S("org"), .cert_sha256 = S(""), .tlp_max = TLP_AMBER, .disabled = disabled };
	char hash[PASSWORD_HASH_MAX];
	struct err err = { 0 };

	must(password_hash(str_of(password), hash, &err), &err, "hash");
	u.pass_hash = str_of(hash);
	must(user_put(store, &u, &err), &err, "user");
}

/* The reply to one request: 0 when let in. */
struct answer {
	int status;
	char name[64], role[32], account[64], challenge[200], body[300];
	enum viewer_kind kind;
	uint8_t tlp;
	bool slow;
};

static struct answer ask(const char *authorization, const char *cert)
{
	struct http_header_line line = { S("Authorization"), { NULL, 0 } };
	struct http_req r = { .arena = arena_new((size_t)1 << 20), .headers = &line };
	struct http_res res = { .status = 200 };
	struct answer a = { 0 };
	struct viewer v;

	buf_init(&res.body, 10000);
	if (address == 127)
		snprintf(r.peer.addr, sizeof r.peer.addr, "127.0.0.1");
	else
		snprintf(r.peer.addr, sizeof r.peer.addr, "192.0.2.%d", address);
	line.value = str_of(authorization);
	r.n_headers = authorization != NULL;
	if (cert != NULL)
		snprintf(r.peer.cert_sha256, sizeof r.peer.cert_sha256, "%s", cert);
	a.slow = auth_is_slow(auth, &r);
	if (!auth_viewer(auth, &r, &v, &res)) {
		a.status = res.status;
		snprintf(a.body, sizeof a.body, "%.*s", STR(buf_view(&res.body)));
		for (size_t i = 0; i < res.n_headers; i++)
			if (strcmp(res.headers[i].name, "WWW-Authenticate") == 0)
				snprintf(a.challenge, sizeof a.challenge, "%s", res.headers[i].value);
	} else {
		snprintf(a.name, sizeof a.name, "%.*s", STR(v.name));
		snprintf(a.role, sizeof a.role, "%.*s", STR(v.role));
		snprintf(a.account, sizeof a.account, "%.*s", STR(v.account));
		a.kind = v.kind;
		a.tlp = v.tlp_max;
	}
	buf_done(&res.body);
	arena_free(r.arena);
	return a;
}

static struct answer basic(const char *name, const char *password)
{
	struct buf b;
	char plain[300];
	struct answer a;

	snprintf(plain, sizeof plain, "%s:%s", name, password);
	buf_init(&b, 1000);
	buf_cstr(&b, "Basic ");
	base64_put(&b, str_of(plain));
	a = ask(b.p, NULL);
	buf_done(&b);
	return a;
}

struct counter {
	struct str subject;
	int n;
};

static bool count_fact(void *ctx, const struct fact *f)
{
	struct counter *c = ctx;

	c->n += str_eq(f->subject, c->subject);
	return true;
}

static int facts_of(const char *kind, const char *subject)
{
	struct counter c = { str_of(subject), 0 };
	struct err err = { 0 };

	must(fact_flush(store, &err), &err, "flush");
	must(fact_each(store, 0, str_of(kind), count_fact, &c, &err), &err, "facts");
	return c.n;
}

static void test_basic(void)
{
	struct answer a;
	usec before;

	put_user("alice", "right", false);
	a = basic("alice", "right");
	OK(a.status == 0 && a.kind == VIEWER_USER && strcmp(a.name, "alice") == 0 && strcmp(a.role, "analyst") == 0 && a.tlp == TLP_AMBER, "name and password");
	OK(a.slow, "the first time is slow");
	before = time_mono();
	a = basic("alice", "right");
	OK(a.status == 0 && !a.slow && time_mono() - before < 20000, "the second is remembered");
	OK(facts_of("login.ok", "alice") == 1, "and is one log-in, not two");
	a = basic("alice", "wrong");
	OK(a.status == 401 && strstr(a.challenge, "Basic realm=") != NULL && strstr(a.challenge, "Bearer realm=") != NULL, "a wrong password is 401 with the schemes");
	OK(facts_of("login.fail", "alice") == 1, "and a fact");
	put_user("alice", "changed", false);
	OK(basic("alice", "right").status == 401 && basic("alice", "changed").status == 0, "a changed password counts at once");
	put_user("alice", "changed", true);
	OK(basic("alice", "changed").status == 401, "a disabled user is out at once");
	OK(strcmp(basic("alice", "x").body, basic("nobody", "x").body) == 0, "unknown, disabled and wrong are answered in the same words");
	OK(basic("", "").status == 401 && basic("a/b", "x").status == 401, "names that cannot be");
}

static void test_lockout(void)
{
	struct answer a = { 0 };
	usec now = time_now();

	put_user("carol", "right", false);
	time_fake_set(now);
	OK(basic("carol", "right").status == 0, "let in and remembered");
	for (int i = 0; i < 5; i++)
		a = basic("carol", "guess");
	OK(a.status == 401 && basic("carol", "right").status == 401, "the fifth failure locks, also the remembered right password");
	time_fake_set(now + 14 * 60 * USEC_PER_SEC);
	OK(basic("carol", "right").status == 401, "for 15 minutes");
	time_fake_set(now + 16 * 60 * USEC_PER_SEC);
	OK(basic("carol", "right").status == 0, "then it is open again");
	for (int i = 0; i < 4; i++)
		a = basic("carol", "guess");
	time_fake_set(now + 20 * 60 * USEC_PER_SEC);
	OK(basic("carol", "right").status == 0, "four failures do not lock");
	for (int i = 0; i < 4; i++)
		a = basic("carol", "guess");
	OK(a.status == 401 && basic("carol", "right").status == 0, "and a log-in begins the count anew");
	time_fake_off();
}

static void *sign_in(void *arg)
{
	*(int *)arg = basic("herd", "right").status;
	return NULL;
}

static void test_herd(void)
{
	pthread_t t[8];
	int status[8];
	bool good = true;

	put_user("herd", "right", false);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, sign_in, &status[i]);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		good &= status[i] == 0;
	}
	OK(good && facts_of("login.ok", "herd") == 1, "eight connections with the same password hash it once");
}

static void put_token(const char *id, const char *secret, const char *user, usec expires)
{
	unsigned char sum[SHA256_LEN];
	struct buf hex;
	struct err err = { 0 };
	struct token t = { .id = str_of(id), .user = str_of(user), .note = S(""), .created = time_now(), .expires = expires, .tlp_max = TLP_RED };

	hash_sha256(str_of(secret), sum);
	buf_init(&hex, 100);
	hex_put(&hex, str_make((const char *)sum, sizeof sum));
	t.secret_sha256 = buf_view(&hex);
	must(token_put(store, &t, &err), &err, "token");
	buf_done(&hex);
}

static void test_tokens(void)
{
	struct answer a;
	struct err err = { 0 };

	put_user("dave", "x", false);
	put_token("t1", "sesame", "dave", 0);
	put_token("t2", "old", "dave", time_now() - 1);
	a = ask("Bearer sesame", NULL);
	OK(a.status == 0 && strcmp(a.name, "dave") == 0 && !a.slow, "a bearer token is its user, and quick");
	OK(ask("bearer   sesame", NULL).status == 0 && ask("Token sesame", NULL).status == 0, "schemes in any case, and taxii2-client's Token");
	OK(facts_of("login.ok", "dave") == 1, "one fact for many uses");
	OK(ask("Bearer old", NULL).status == 401, "an expired one is 401");
	OK(ask("Bearer sesam", NULL).status == 401 && ask("Bearer ", NULL).status == 401 && ask("Bearer", NULL).status == 401, "as is a made-up one");
	must(token_delete(store, S("t1"), &err), &err, "delete");
	OK(ask("Bearer sesame", NULL).status == 401, "a deleted one is out at once");
	put_token("t3", "third", "dave", 0);
	put_user("dave", "x", true);
	OK(ask("Bearer third", NULL).status == 401, "a disabled user's token, too");
}

#define CERT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CERT_P "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CERT_X "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void test_certificates(void)
{
	struct user erin = { .name = S("erin"), .role = S("reader"), .org = S(""), .pass_hash = S(""), .cert_sha256 = S(CERT_A), .tlp_max = TLP_GREEN };
	struct user peer_user = { .name = S("sector"), .role = S("peer"), .org = S("s"), .pass_hash = S(""), .cert_sha256 = S(""), .tlp_max = TLP_RED };
	struct peer p = { .name = S("sector-a"), .relation = S("child"), .url = S(""), .cert_sha256 = S(CERT_P), .user = S("sector"), .tlp_max = TLP_AMBER,
			  .last_error = S("") };
	struct err err = { 0 };
	struct answer a;

	must(user_put(store, &erin, &err), &err, "erin");
	must(user_put(store, &peer_user, &err), &err, "peer's user");
	must(peer_put(store, &p, &err), &err, "peer");
	a = ask(NULL, CERT_A);
	OK(a.status == 0 && a.kind == VIEWER_USER && strcmp(a.name, "erin") == 0 && a.tlp == TLP_GREEN, "a user's certificate");
	a = ask(NULL, CERT_P);
	OK(a.status == 0 && a.kind == VIEWER_PEER && strcmp(a.name, "sector-a") == 0 && strcmp(a.account, "sector") == 0 && strcmp(a.role, "peer") == 0
	   && a.tlp == TLP_AMBER, "a peer's certificate: rights of its user, TLP the stricter of both");
	a = ask(NULL, CERT_X);
	OK(a.status == 0 && a.kind == VIEWER_ANONYMOUS, "a certificate that means nothing here is none");
	OK(ask(NULL, NULL).kind == VIEWER_ANONYMOUS, "nothing offered: anonymous");
	put_user("frank", "pw", false);
	OK(basic("erin", "").status == 401, "no password set: no password log-in");
	p.disabled = true;
	must(peer_put(store, &p, &err), &err, "peer");
	OK(ask(NULL, CERT_P).status == 401, "a disabled peer is out");
}

static void test_malformed(void)
{
	static const char *const rows[] = { "", " ", "Basic", "Basic ", "Basic !!!", "Basic YWxpY2U=", "Basic AAAA", "Negotiate abc", "Basic YTpi\tx", "Digest username=\"a\"" };
	char big[3000];

	for (size_t i = 0; i < COUNTOF(rows); i++)
		OK(ask(rows[i], NULL).status == 401, "'%s' is 401", rows[i]);
	memset(big, 'A', sizeof big);
	memcpy(big, "Basic ", 6);
	big[sizeof big - 1] = '\0';
	OK(ask(big, NULL).status == 401, "3,000 bytes of credentials are 401");
	OK(ask("Basic !!!", CERT_A).status == 401, "bad credentials are not healed by a certificate");
}

static void test_guessing(void)
{
	char name[20];
	int before = 0, tried = 0;
	usec start;

	put_user("gail", "right", false);
	for (int i = 0; i < AUTH_GUESSES_A_MINUTE; i++) {
		snprintf(name, sizeof name, "guess%d", i);
		before += basic(name, "x").status == 401;
	}
	start = time_mono();
	for (int i = 0; i < 20; i++)
		tried += basic("gail", "right").status == 429;
	OK(before == AUTH_GUESSES_A_MINUTE && tried == 20 && time_mono() - start < 200000, "an address that guesses waits, and costs nothing more");
	address++;
	OK(basic("gail", "right").status == 0, "another does not");
	address--;
	time_fake_set(time_now());
	time_fake_step(61 * USEC_PER_SEC);
	OK(basic("gail", "right").status == 0, "nor the same a minute later");
	time_fake_off();
	address = 127;
	for (int i = 0; i < AUTH_GUESSES_A_MINUTE + 1; i++)
		tried += basic("gail2", "x").status == 429;
	OK(tried == 20, "a proxy on this machine is not held to it");
	address = 99;
}

static void test_configuration(void)
{
	struct auth_config c = { .store = store, .no_basic = true, .realm = "x" };
	struct auth *keep = auth;
	struct err err = { 0 };

	must(auth_new(&c, &auth, &err), &err, "auth");
	OK(strcmp(auth_challenge(auth), "Bearer realm=\"x\"") == 0, "Basic can be switched off");
	OK(basic("frank", "pw").status == 401, "and is");
	auth_free(auth);
	auth = keep;
	c.realm = "a\"b";
	OK(auth_new(&c, &keep, &err) == RC_BAD, "a realm that would break the header is refused");
	OK(basic("frank", "pw").status == 0, "while elsewhere it goes on");
}

int main(void)
{
	char dir[] = "/tmp/auth-test-XXXXXX";
	struct store_config sc = { .dir = dir, .create = true };
	struct auth_config ac = { 0 };
	struct err err = { 0 };

	if (mkdtemp(dir) == NULL)
		return 1;
	must(store_open(&sc, &store, &err), &err, "store");
	ac.store = store;
	must(auth_new(&ac, &auth, &err), &err, "auth");
	test_basic();
	address++;
	test_lockout();
	address++;
	test_herd();
	address++;
	test_tokens();
	address++;
	test_certificates();
	address++;
	test_malformed();
	address++;
	test_guessing();
	test_configuration();
	auth_free(auth);
	store_close(store);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
