/* Sessions, second factors and links: what ends, and what counts once. */
#include "conformance.h"

#include "stix/marking.h"
#include "store/accounts.h"
#include "store/approvals.h"
#include "store/credentials.h"
#include "store/searches.h"
#include "store/sessions.h"

#define HASH_A S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
#define HASH_B S("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
#define HASH_C S("cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc")
#define KEY S("0123456789abcdef0123456789abcdef01234567")
#define NOW ((usec)1800000000 * USEC_PER_SEC)

static void user(struct scene *sc, const char *name)
{
	struct user u = { .name = str_of(name), .role = S("analyst"), .org = S(""), .pass_hash = S("old"), .cert_sha256 = S(""), .tlp_max = TLP_AMBER };

	DONE(sc, user_put(sc->s, &u, &sc->err), name);
}

static enum rc begin(struct scene *sc, const char *name, struct str hash, usec at)
{
	return session_add(sc->s, &(struct session){ .hash = hash, .user = str_of(name), .from = S("192.0.2.1"), .created = at, .seen = at }, &sc->err);
}

static enum rc find(struct scene *sc, struct str hash, usec now, bool touch, struct session *ret)
{
	return session_find(sc->s, hash, now, touch, sc->a, ret, &sc->err);
}

static void times(struct scene *sc)
{
	struct session x = { 0 };
	usec now = NOW;

	user(sc, "a");
	GIVES(sc, RC_NOTFOUND, begin(sc, "none", HASH_A, NOW), "no session for nobody");
	GIVES(sc, RC_BAD, begin(sc, "a", S("short"), NOW), "a hash is 64 digits");
	DONE(sc, begin(sc, "a", HASH_A, NOW), "begun");
	DONE(sc, find(sc, HASH_A, NOW + SESSION_IDLE - 1, false, &x), "found to the end of the idle time");
	OK(str_eq(x.user, S("a")) && str_eq(x.from, S("192.0.2.1")) && x.created == NOW && x.seen == NOW, "whole, and a look does not touch it");
	GIVES(sc, RC_NOTFOUND, find(sc, HASH_A, NOW + SESSION_IDLE, false, &x), "idle: over");
	GIVES(sc, RC_NOTFOUND, find(sc, HASH_B, NOW, true, &x), "another is not there");
	DONE(sc, find(sc, HASH_A, NOW + SESSION_TOUCH_EVERY - 1, true, &x), "touched at once again");
	EQ_INT(x.seen, NOW, "costs no write");
	while (now + SESSION_IDLE - 1 < NOW + SESSION_LONGEST) {
		now += SESSION_IDLE - 1;
		if (find(sc, HASH_A, now, true, &x) != RC_OK || x.seen != now)
			break;
	}
	OK(now + SESSION_IDLE - 1 >= NOW + SESSION_LONGEST, "%s: who works stays in", sc->engine->name);
	GIVES(sc, RC_NOTFOUND, find(sc, HASH_A, NOW + SESSION_LONGEST, true, &x), "but not for longer than the longest");
	DONE(sc, session_end(sc->s, HASH_A, &sc->err), "ended");
	GIVES(sc, RC_NOTFOUND, find(sc, HASH_A, NOW, false, &x), "and gone");
	DONE(sc, session_end(sc->s, HASH_A, &sc->err), "ending again is no failure");
}

static void many(struct scene *sc)
{
	char hash[65];
	struct session x;
	int left = 0;

	user(sc, "a");
	user(sc, "b");
	DONE(sc, begin(sc, "b", HASH_B, NOW), "somebody else's");
	for (int i = 0; i <= SESSIONS_A_USER; i++) {
		snprintf(hash, sizeof hash, "%064d", i);
		DONE(sc, begin(sc, "a", str_of(hash), NOW + i), "one more");
	}
	for (int i = 0; i <= SESSIONS_A_USER; i++) {
		snprintf(hash, sizeof hash, "%064d", i);
		left += find(sc, str_of(hash), NOW + 100, false, &x) == RC_OK;
	}
	EQ_INT(left, SESSIONS_A_USER, "so many at most");
	snprintf(hash, sizeof hash, "%064d", 0);
	GIVES(sc, RC_NOTFOUND, find(sc, str_of(hash), NOW + 100, false, &x), "the longest unused made room");
	snprintf(hash, sizeof hash, "%064d", 5);
	DONE(sc, sessions_end_of(sc->s, S("a"), str_of(hash), &sc->err), "all but one end");
	DONE(sc, find(sc, str_of(hash), NOW + 100, false, &x), "this one stays");
	snprintf(hash, sizeof hash, "%064d", 6);
	GIVES(sc, RC_NOTFOUND, find(sc, str_of(hash), NOW + 100, false, &x), "that one is gone");
	DONE(sc, find(sc, HASH_B, NOW + 100, false, &x), "the other user's stays");
	DONE(sc, user_delete(sc->s, S("b"), &sc->err), "a user goes");
	user(sc, "b");
	GIVES(sc, RC_NOTFOUND, find(sc, HASH_B, NOW + 100, false, &x), "a later one of the name has no session");
}

static void factors(struct scene *sc)
{
	const struct str codes[2] = { HASH_A, HASH_B };
	struct factor f;

	user(sc, "a");
	DONE(sc, factor_get(sc->s, S("a"), sc->a, &f, &sc->err), "asked for");
	OK(f.key.n == 0 && f.proposed.n == 0, "none yet");
	GIVES(sc, RC_CONFLICT, factor_confirm(sc->s, S("a"), 5, codes, 2, &sc->err), "nothing to confirm");
	DONE(sc, factor_propose(sc->s, S("a"), KEY, &sc->err), "proposed");
	DONE(sc, factor_get(sc->s, S("a"), sc->a, &f, &sc->err), "asked for");
	OK(f.key.n == 0 && str_eq(f.proposed, KEY), "proposed is not in force");
	DONE(sc, factor_confirm(sc->s, S("a"), 5, codes, 2, &sc->err), "confirmed");
	DONE(sc, factor_get(sc->s, S("a"), sc->a, &f, &sc->err), "asked for");
	OK(str_eq(f.key, KEY) && f.proposed.n == 0, "in force");
	GIVES(sc, RC_CONFLICT, factor_use(sc->s, S("a"), 5, &sc->err), "the code that confirmed is used up");
	DONE(sc, factor_use(sc->s, S("a"), 6, &sc->err), "the next");
	GIVES(sc, RC_CONFLICT, factor_use(sc->s, S("a"), 6, &sc->err), "counts once");
	GIVES(sc, RC_CONFLICT, factor_use(sc->s, S("b"), 7, &sc->err), "nobody has none");
	GIVES(sc, RC_NOTFOUND, factor_recover(sc->s, S("a"), HASH_C, &sc->err), "not a recovery code");
	DONE(sc, factor_recover(sc->s, S("a"), HASH_A, &sc->err), "a recovery code");
	GIVES(sc, RC_NOTFOUND, factor_recover(sc->s, S("a"), HASH_A, &sc->err), "counts once");
	DONE(sc, factor_remove(sc->s, S("a"), &sc->err), "removed");
	GIVES(sc, RC_NOTFOUND, factor_recover(sc->s, S("a"), HASH_B, &sc->err), "its recovery codes, too");
}

static void links(struct scene *sc)
{
	struct session x;
	struct user u;
	struct str who;

	user(sc, "a");
	DONE(sc, begin(sc, "a", HASH_C, NOW), "signed in");
	GIVES(sc, RC_NOTFOUND, passlink_first(sc->s, sc->a, &who, &sc->err), "no first link");
	GIVES(sc, RC_BAD, passlink_put(sc->s, S("a"), S(""), NOW, false, &sc->err), "a link has a secret");
	DONE(sc, passlink_put(sc->s, S("a"), S(""), 0, true, &sc->err), "but the first one waits for its own");
	DONE(sc, passlink_first(sc->s, sc->a, &who, &sc->err), "there is one");
	EQ_STR(who, S("a"), "whose");
	DONE(sc, passlink_put(sc->s, S("a"), HASH_A, NOW + LINK_SPAN, true, &sc->err), "drawn");
	DONE(sc, passlink_put(sc->s, S("a"), HASH_B, NOW + LINK_SPAN, true, &sc->err), "drawn anew");
	GIVES(sc, RC_NOTFOUND, passlink_find(sc->s, HASH_A, NOW, sc->a, &who, &sc->err), "the one before is void");
	GIVES(sc, RC_NOTFOUND, passlink_find(sc->s, HASH_B, NOW + LINK_SPAN, sc->a, &who, &sc->err), "after a day, too");
	DONE(sc, passlink_find(sc->s, HASH_B, NOW + LINK_SPAN - 1, sc->a, &who, &sc->err), "not before");
	GIVES(sc, RC_NOTFOUND, passlink_use(sc->s, HASH_B, NOW + LINK_SPAN, S("new"), &sc->err), "used too late");
	DONE(sc, passlink_use(sc->s, HASH_B, NOW, S("new"), &sc->err), "used");
	DONE(sc, user_get(sc->s, S("a"), sc->a, &u, &sc->err), "the user");
	EQ_STR(u.pass_hash, S("new"), "has the new password");
	GIVES(sc, RC_NOTFOUND, find(sc, HASH_C, NOW, false, &x), "and no session");
	GIVES(sc, RC_NOTFOUND, passlink_use(sc->s, HASH_B, NOW, S("again"), &sc->err), "counts once");
	GIVES(sc, RC_NOTFOUND, passlink_first(sc->s, sc->a, &who, &sc->err), "and none is the first any more");
}

static void old_passwords(struct scene *sc)
{
	struct str past[PASSWORDS_PAST];
	struct user u;
	size_t n;

	user(sc, "a");
	DONE(sc, user_passwords_past(sc->s, S("a"), sc->a, past, &n, &sc->err), "asked for");
	EQ_INT(n, 0, "the first password has none before it");
	DONE(sc, user_get(sc->s, S("a"), sc->a, &u, &sc->err), "the user");
	OK(u.pass_at > 0, "%s: since when is known", sc->engine->name);
	u.role = S("reader");
	DONE(sc, user_put(sc->s, &u, &sc->err), "another role");
	DONE(sc, user_passwords_past(sc->s, S("a"), sc->a, past, &n, &sc->err), "asked for");
	EQ_INT(n, 0, "is no other password");
	for (int i = 0; i <= PASSWORDS_PAST; i++) {
		char hash[8];

		snprintf(hash, sizeof hash, "h%d", i);
		u.pass_hash = str_of(hash);
		DONE(sc, user_put(sc->s, &u, &sc->err), "another password");
	}
	DONE(sc, user_passwords_past(sc->s, S("a"), sc->a, past, &n, &sc->err), "asked for");
	OK(n == 3 && str_eq(past[0], S("h2")) && str_eq(past[1], S("h1")) && str_eq(past[2], S("h0")), "%s: the last three, newest first", sc->engine->name);
	DONE(sc, passlink_put(sc->s, S("a"), HASH_A, NOW + LINK_SPAN, false, &sc->err), "a link");
	DONE(sc, passlink_use(sc->s, HASH_A, NOW, S("by link"), &sc->err), "sets one, too");
	DONE(sc, user_passwords_past(sc->s, S("a"), sc->a, past, &n, &sc->err), "asked for");
	OK(n == 3 && str_eq(past[0], S("h3")), "%s: and remembers", sc->engine->name);
	DONE(sc, user_get(sc->s, S("a"), sc->a, &u, &sc->err), "the user");
	EQ_INT(u.pass_at, NOW, "and since when");
	DONE(sc, user_delete(sc->s, S("a"), &sc->err), "removed");
	user(sc, "a");
	DONE(sc, user_passwords_past(sc->s, S("a"), sc->a, past, &n, &sc->err), "asked for");
	EQ_INT(n, 0, "a later user of the name has none of them");
}

static void scope(struct scene *sc)
{
	struct token t = { .id = S("t"), .user = S("a"), .secret_sha256 = HASH_A, .note = S(""), .role = S("reader"), .tlp_max = TLP_GREEN }, got;

	user(sc, "a");
	DONE(sc, token_put(sc->s, &t, &sc->err), "a token that may do less");
	DONE(sc, token_by_secret(sc->s, HASH_A, sc->a, &got, &sc->err), "by its secret");
	OK(str_eq(got.role, S("reader")) && got.tlp_max == TLP_GREEN, "%s: its scope", sc->engine->name);
	t.role = S("");
	t.tlp_max = TLP_RED;
	DONE(sc, token_put(sc->s, &t, &sc->err), "changed");
	DONE(sc, token_by_secret(sc->s, HASH_A, sc->a, &got, &sc->err), "by its secret");
	OK(got.role.n == 0 && got.tlp_max == TLP_RED, "%s: as its user", sc->engine->name);
}

static void approvals(struct scene *sc)
{
	struct approval x = { .id = S("a1"), .asker = S("a"), .method = S("DELETE"), .path = S("/api/v1/users/c"), .body = S("{}"), .at = NOW }, got, *list;
	char id[8];
	size_t n;

	DONE(sc, approval_add(sc->s, &x, &sc->err), "asked");
	DONE(sc, approval_get(sc->s, S("a1"), NOW, sc->a, &got, &sc->err), "found");
	OK(str_eq(got.id, S("a1")) && str_eq(got.asker, S("a")) && str_eq(got.method, S("DELETE")) && str_eq(got.path, x.path) && str_eq(got.body, S("{}")) &&
	   got.at == NOW && str_eq(got.state, S("waits")) && got.decided == 0 && got.decider.n == 0 && got.reason.n == 0 && got.result.n == 0, "%s: whole", sc->engine->name);
	DONE(sc, approval_get(sc->s, S("a1"), NOW + APPROVAL_SPAN, sc->a, &got, &sc->err), "found");
	EQ_STR(got.state, S("void"), "nobody decided in time");
	GIVES(sc, RC_CONFLICT, approval_decide(sc->s, S("a1"), true, S("b"), S(""), NOW + APPROVAL_SPAN, &sc->err), "too late");
	GIVES(sc, RC_CONFLICT, approval_decide(sc->s, S("a1"), true, S("a"), S(""), NOW, &sc->err), "not by who asked");
	DONE(sc, approval_decide(sc->s, S("a1"), true, S("b"), S(""), NOW + 1, &sc->err), "by another");
	GIVES(sc, RC_CONFLICT, approval_decide(sc->s, S("a1"), false, S("c"), S("no"), NOW + 2, &sc->err), "once");
	DONE(sc, approval_done(sc->s, S("a1"), S("200"), &sc->err), "done");
	DONE(sc, approval_get(sc->s, S("a1"), NOW + APPROVAL_SPAN, sc->a, &got, &sc->err), "found");
	OK(str_eq(got.state, S("approved")) && str_eq(got.decider, S("b")) && got.decided == NOW + 1 && str_eq(got.result, S("200")) && got.body.n == 0, "%s: with what became of it", sc->engine->name);
	x.id = S("a2");
	DONE(sc, approval_add(sc->s, &x, &sc->err), "another");
	DONE(sc, approval_decide(sc->s, S("a2"), false, S("b"), S("why"), NOW + 1, &sc->err), "refused");
	for (int i = 0; i < APPROVALS_WAIT_MAX; i++) {
		snprintf(id, sizeof id, "b%d", i);
		x.id = str_of(id);
		if (approval_add(sc->s, &x, &sc->err) != RC_OK)
			OK(false, "%s: one more", id);
	}
	x.id = S("c");
	GIVES(sc, RC_LIMIT, approval_add(sc->s, &x, &sc->err), "so many wait at most");
	DONE(sc, approval_list(sc->s, NOW, 1000, sc->a, &list, &n, &sc->err), "all");
	EQ_INT(n, APPROVALS_WAIT_MAX + 2, "of them");
	GIVES(sc, RC_NOTFOUND, approval_get(sc->s, S("none"), NOW, sc->a, &got, &sc->err), "another is not known");
}

static enum rc keep(struct scene *sc, const char *user_name, const char *id, int64_t counter)
{
	return passkey_add(sc->s, &(struct passkey){ .id = str_of(id), .user = str_of(user_name), .name = S("laptop"), .rp_id = S("node.example"),
						     .key = S("pQECAyY"), .counter = counter, .created = NOW }, &sc->err);
}

static void passkeys(struct scene *sc)
{
	struct passkey p, *list;
	char id[8];
	size_t n;

	user(sc, "a");
	user(sc, "b");
	GIVES(sc, RC_NOTFOUND, keep(sc, "none", "AAAA", 0), "no passkey for nobody");
	GIVES(sc, RC_BAD, keep(sc, "a", "", 0), "nor without a name");
	DONE(sc, keep(sc, "a", "AAAA", 5), "kept");
	GIVES(sc, RC_CONFLICT, keep(sc, "b", "AAAA", 5), "one passkey is one user's");
	DONE(sc, keep(sc, "b", "BBBB", 0), "another, that does not count");
	DONE(sc, passkey_get(sc->s, S("AAAA"), sc->a, &p, &sc->err), "found");
	OK(str_eq(p.id, S("AAAA")) && str_eq(p.user, S("a")) && str_eq(p.name, S("laptop")) && str_eq(p.rp_id, S("node.example")) && str_eq(p.key, S("pQECAyY")) &&
	   p.counter == 5 && p.created == NOW && p.used == 0, "%s: whole", sc->engine->name);
	GIVES(sc, RC_NOTFOUND, passkey_get(sc->s, S(""), sc->a, &p, &sc->err), "no name, no passkey");
	GIVES(sc, RC_CONFLICT, passkey_used(sc->s, S("AAAA"), 5, NOW + 1, &sc->err), "the count must rise");
	GIVES(sc, RC_CONFLICT, passkey_used(sc->s, S("AAAA"), 0, NOW + 1, &sc->err), "and not begin anew");
	DONE(sc, passkey_used(sc->s, S("AAAA"), 6, NOW + 1, &sc->err), "it did");
	DONE(sc, passkey_used(sc->s, S("BBBB"), 0, NOW + 1, &sc->err), "who does not count");
	DONE(sc, passkey_used(sc->s, S("BBBB"), 0, NOW + 2, &sc->err), "need not begin");
	DONE(sc, passkey_list(sc->s, S("a"), sc->a, &list, &n, &sc->err), "a user's");
	OK(n == 1 && list[0].counter == 6 && list[0].used == NOW + 1, "with its last use");
	DONE(sc, passkey_list(sc->s, S(""), sc->a, &list, &n, &sc->err), "all");
	EQ_INT(n, 2, "of both");
	GIVES(sc, RC_NOTFOUND, passkey_remove(sc->s, S("b"), S("AAAA"), &sc->err), "nobody removes another's");
	for (int i = 1; i < PASSKEYS_A_USER; i++) {
		snprintf(id, sizeof id, "C%d", i);
		DONE(sc, keep(sc, "a", id, 0), "one more");
	}
	GIVES(sc, RC_LIMIT, keep(sc, "a", "last", 0), "so many at most");
	DONE(sc, passkey_remove(sc->s, S("a"), S("AAAA"), &sc->err), "one removed");
	GIVES(sc, RC_NOTFOUND, passkey_get(sc->s, S("AAAA"), sc->a, &p, &sc->err), "is gone");
	DONE(sc, passkey_remove(sc->s, S("a"), S(""), &sc->err), "all removed");
	DONE(sc, passkey_list(sc->s, S("a"), sc->a, &list, &n, &sc->err), "a user's");
	EQ_INT(n, 0, "none");
	DONE(sc, user_delete(sc->s, S("b"), &sc->err), "a user goes");
	GIVES(sc, RC_NOTFOUND, passkey_get(sc->s, S("BBBB"), sc->a, &p, &sc->err), "with their passkeys");
}

static enum rc know(struct scene *sc, const char *user_name, const char *issuer, const char *subject)
{
	return identity_add(sc->s, &(struct identity){ .issuer = str_of(issuer), .subject = str_of(subject), .user = str_of(user_name), .created = NOW }, &sc->err);
}

static void identities(struct scene *sc)
{
	struct identity x, *list;
	size_t n;

	user(sc, "a");
	user(sc, "b");
	GIVES(sc, RC_NOTFOUND, know(sc, "none", "https://i", "1"), "no identity for nobody");
	GIVES(sc, RC_BAD, know(sc, "a", "https://i", ""), "nor without a subject");
	DONE(sc, know(sc, "a", "https://i", "1"), "known");
	GIVES(sc, RC_CONFLICT, know(sc, "b", "https://i", "1"), "one identity is one user's");
	DONE(sc, know(sc, "b", "https://j", "1"), "at another provider it is somebody else");
	DONE(sc, identity_find(sc->s, S("https://i"), S("1"), sc->a, &x, &sc->err), "found");
	OK(str_eq(x.issuer, S("https://i")) && str_eq(x.subject, S("1")) && str_eq(x.user, S("a")) && x.created == NOW && x.used == 0, "%s: whole", sc->engine->name);
	GIVES(sc, RC_NOTFOUND, identity_find(sc->s, S("https://i"), S("2"), sc->a, &x, &sc->err), "another is not");
	DONE(sc, identity_used(sc->s, S("https://i"), S("1"), NOW + 3, &sc->err), "used");
	DONE(sc, identity_list(sc->s, S("a"), sc->a, &list, &n, &sc->err), "a user's");
	OK(n == 1 && list[0].used == NOW + 3, "with its last use");
	GIVES(sc, RC_NOTFOUND, identity_remove(sc->s, S("b"), S("https://i"), S("1"), &sc->err), "nobody removes another's");
	DONE(sc, identity_remove(sc->s, S("a"), S("https://i"), S("1"), &sc->err), "removed");
	GIVES(sc, RC_NOTFOUND, identity_find(sc->s, S("https://i"), S("1"), sc->a, &x, &sc->err), "is gone");
	DONE(sc, user_delete(sc->s, S("b"), &sc->err), "a user goes");
	GIVES(sc, RC_NOTFOUND, identity_find(sc->s, S("https://j"), S("1"), sc->a, &x, &sc->err), "with who they were elsewhere");
}

static enum rc save(struct scene *sc, const char *user_name, const char *view, const char *name, const char *query)
{
	return search_put(sc->s, &(struct saved_search){ .user = str_of(user_name), .view = str_of(view), .name = str_of(name), .query = str_of(query), .at = NOW },
			  &sc->err);
}

static void searches(struct scene *sc)
{
	struct saved_search *list;
	char name[16];
	size_t n;

	user(sc, "a");
	user(sc, "b");
	GIVES(sc, RC_NOTFOUND, save(sc, "none", "events", "x", "?q=1"), "no search for nobody");
	GIVES(sc, RC_BAD, save(sc, "a", "events", "", "?q=1"), "nor without a name");
	GIVES(sc, RC_BAD, save(sc, "a", "Events!", "x", "?q=1"), "nor of such a view");
	DONE(sc, save(sc, "a", "events", "z", "?q=1"), "saved");
	DONE(sc, save(sc, "a", "events", "y/%", "?q=2"), "another");
	DONE(sc, save(sc, "a", "events", "z", "?q=3"), "saved anew");
	DONE(sc, save(sc, "b", "events", "z", "?q=b"), "of somebody else");
	DONE(sc, search_list(sc->s, S("a"), sc->a, &list, &n, &sc->err), "one's own");
	OK(n == 2 && str_eq(list[0].name, S("y/%")) && str_eq(list[1].name, S("z")) && str_eq(list[1].query, S("?q=3")) && str_eq(list[1].view, S("events")) &&
	   str_eq(list[1].user, S("a")) && list[1].at == NOW, "%s: whole, by name", sc->engine->name);
	GIVES(sc, RC_NOTFOUND, search_remove(sc->s, S("b"), S("events"), S("y/%"), &sc->err), "nobody removes another's");
	DONE(sc, search_remove(sc->s, S("a"), S("events"), S("y/%"), &sc->err), "removed");
	for (int i = 1; i < SEARCHES_A_USER; i++) {
		snprintf(name, sizeof name, "n%d", i);
		if (save(sc, "a", "tickets", name, "") != RC_OK)
			OK(false, "%s: one more", name);
	}
	GIVES(sc, RC_LIMIT, save(sc, "a", "tickets", "last", ""), "so many at most");
	DONE(sc, save(sc, "a", "tickets", "n1", "?x"), "but one of them changes");
	DONE(sc, user_delete(sc->s, S("a"), &sc->err), "a user goes");
	DONE(sc, search_list(sc->s, S("a"), sc->a, &list, &n, &sc->err), "with their searches");
	EQ_INT(n, 0, "none");
}

static void ends(struct scene *sc)
{
	struct user u = { .name = S("a"), .role = S("analyst"), .org = S(""), .pass_hash = S("h"), .cert_sha256 = S(""), .tlp_max = TLP_AMBER, .expires = NOW }, got;

	DONE(sc, user_put(sc->s, &u, &sc->err), "an account that ends");
	DONE(sc, user_get(sc->s, S("a"), sc->a, &got, &sc->err), "found");
	OK(got.expires == NOW && user_is_open(&got, NOW - 1) && !user_is_open(&got, NOW), "%s: shut from that instant on", sc->engine->name);
	u.expires = 0;
	DONE(sc, user_put(sc->s, &u, &sc->err), "changed");
	DONE(sc, user_get(sc->s, S("a"), sc->a, &got, &sc->err), "found");
	OK(user_is_open(&got, NOW), "%s: without an end", sc->engine->name);
	got.disabled = true;
	OK(!user_is_open(&got, NOW), "disabled is shut");
}

const struct conformance_case CASES_SESSIONS[] = {
	{ "sessions: searches", searches }, { "sessions: ends", ends },
	{ "sessions: old passwords", old_passwords }, { "sessions: scope", scope }, { "sessions: approvals", approvals }, { "sessions: passkeys", passkeys }, { "sessions: identities", identities }, { "sessions: times", times }, { "sessions: many", many }, { "sessions: second factors", factors }, { "sessions: links", links }, { NULL, NULL },
};
