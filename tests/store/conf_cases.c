/* Incidents that nodes share: facts as objects, links, receipts, and whose key is whose. */
#include "conformance.h"

#include "store/cases.h"
#include "store/peers.h"

static struct case_row fact(const char *object, const char *id, const char *author, int64_t n, const char *hash, const char *previous)
{
	return (struct case_row){ .object = str_of(object), .incident = S("incident--1"), .fact = str_of(id), .author = str_of(author), .n = n,
				  .hash = str_of(hash), .previous = str_of(previous), .peer = S("alpha"), .body = S("{\"x\":\"事\"}") };
}

static const struct case_info INFO = { { "incident--1", 11 }, { "identity--a", 11 }, { "2026-000007", 11 }, { "alpha", 5 } };

static void objects(struct scene *sc)
{
	struct case_row first = fact("o1", "f1", "identity--a", 1, "h1", ""), again = fact("o1", "f9", "identity--b", 7, "h9", ""), *list,
			third = fact("o3", "f3", "identity--a", 3, "h3", "h2"), same_id = fact("o4", "f1", "identity--b", 1, "h4", ""),
			same_n = fact("o5", "f5", "identity--a", 1, "h5", ""), bad = fact("o2", "f2", "identity--a", 2, "h2x", "h1"),
			second = fact("o2", "f2", "identity--a", 2, "h2", "h1"), bad_back = fact("o2", "f2", "identity--a", 2, "h2", "hx");
	struct case_info other = INFO, got_info;
	struct case_row got;
	size_t n;

	GIVES(sc, RC_NOTFOUND, case_info_get(sc->s, S("incident--1"), sc->a, &got_info, &sc->err), "nothing is shared");
	DONE(sc, case_put(sc->s, &first, &INFO, &sc->err), "a fact");
	OK(first.row > 0 && first.came > 0, "numbered and dated");
	DONE(sc, case_put(sc->s, &again, &INFO, &sc->err), "the same object");
	OK(again.row == first.row && again.came == first.came, "stays what it was");
	other.opened_by = S("identity--b");
	GIVES(sc, RC_CONFLICT, case_put(sc->s, &third, &other, &sc->err), "another node opened it");
	DONE(sc, case_put(sc->s, &third, &INFO, &sc->err), "a later one first");
	GIVES(sc, RC_CONFLICT, case_put(sc->s, &same_id, &INFO, &sc->err), "the id of a fact");
	GIVES(sc, RC_CONFLICT, case_put(sc->s, &same_n, &INFO, &sc->err), "the number of a fact");
	GIVES(sc, RC_CONFLICT, case_put(sc->s, &bad, &INFO, &sc->err), "not the one that the later one follows");
	GIVES(sc, RC_CONFLICT, case_put(sc->s, &bad_back, &INFO, &sc->err), "not behind the one before");
	DONE(sc, case_put(sc->s, &second, &INFO, &sc->err), "the one between");
	DONE(sc, case_list(sc->s, S("incident--1"), 0, sc->a, &list, &n, &sc->err), "all");
	if (OK(n == 3 && list[0].row == first.row && list[1].row == third.row && list[2].row == second.row, "in the order in which they came")) {
		EQ_STR(list[1].object, S("o3"), "object");
		EQ_STR(list[1].incident, S("incident--1"), "incident");
		EQ_STR(list[1].fact, S("f3"), "fact");
		EQ_STR(list[1].author, S("identity--a"), "author");
		EQ_STR(list[1].hash, S("h3"), "hash");
		EQ_STR(list[1].previous, S("h2"), "previous");
		EQ_STR(list[1].peer, S("alpha"), "peer");
		EQ_STR(list[1].body, third.body, "body");
		EQ_INT(list[1].n, 3, "serial");
	}
	DONE(sc, case_list(sc->s, S("incident--1"), third.row, sc->a, &list, &n, &sc->err), "behind a row");
	OK(n == 1 && list[0].row == second.row, "only what is behind it");
	DONE(sc, case_get(sc->s, S("o3"), sc->a, &got, &sc->err), "by object");
	OK(got.row == third.row && got.body.n == 0, "without its body");
	GIVES(sc, RC_NOTFOUND, case_get(sc->s, S("o9"), sc->a, &got, &sc->err), "no such object");
	DONE(sc, case_info_get(sc->s, S("incident--1"), sc->a, &got_info, &sc->err), "what all say alike");
	EQ_STR(got_info.opened_by, INFO.opened_by, "opened by");
	EQ_STR(got_info.number, INFO.number, "number");
	EQ_STR(got_info.from, INFO.from, "from");
}

static void links(struct scene *sc)
{
	struct case_link l = { .peer = S("alpha"), .collection = 7, .sent = 5 }, *list;
	size_t n;

	DONE(sc, case_link_put(sc->s, S("incident--1"), &l, &sc->err), "a link");
	l.sent = 3;
	DONE(sc, case_link_put(sc->s, S("incident--1"), &l, &sc->err), "an old word");
	DONE(sc, case_links(sc->s, S("incident--1"), sc->a, &list, &n, &sc->err), "links");
	OK(n == 1 && list[0].sent == 5 && list[0].collection == 7 && str_eq(list[0].peer, S("alpha")), "do not go back");
	l.collection = 8;
	DONE(sc, case_link_put(sc->s, S("incident--1"), &l, &sc->err), "another way to the peer");
	DONE(sc, case_links(sc->s, S("incident--1"), sc->a, &list, &n, &sc->err), "links");
	OK(n == 1 && list[0].sent == 0 && list[0].collection == 8, "begins anew");
	DONE(sc, case_links(sc->s, S("incident--2"), sc->a, &list, &n, &sc->err), "of another");
	EQ_INT(n, 0, "none");
}

static void receipts(struct scene *sc)
{
	struct case_receipt r = { .object = S("o1"), .incident = S("incident--1"), .by = S("identity--b"), .at = 10, .refused = S("no pack") }, *list;
	bool fresh = false;
	size_t n;

	DONE(sc, case_receipt_put(sc->s, &r, &fresh, &sc->err), "a refusal");
	OK(fresh, "is new");
	r.refused = S("");
	r.at = 20;
	DONE(sc, case_receipt_put(sc->s, &r, &fresh, &sc->err), "received after all");
	OK(fresh, "is new");
	r.at = 30;
	DONE(sc, case_receipt_put(sc->s, &r, &fresh, &sc->err), "said again");
	OK(!fresh, "is not");
	r.refused = S("late");
	DONE(sc, case_receipt_put(sc->s, &r, &fresh, &sc->err), "refused later");
	OK(!fresh, "what is received stays received");
	DONE(sc, case_receipts(sc->s, S("incident--1"), sc->a, &list, &n, &sc->err), "list");
	OK(n == 1 && list[0].at == 20 && list[0].refused.n == 0 && str_eq(list[0].object, S("o1")) && str_eq(list[0].by, S("identity--b")), "one word a node");
}

static void authors(struct scene *sc)
{
	struct peer alpha = { .name = S("alpha"), .relation = S("child"), .url = S(""), .cert_sha256 = S("a"), .user = S(""), .last_error = S("") },
		    beta = alpha;
	struct case_author a = { .id = S("identity--a"), .name = S("Alpha"), .tier = S("provider"), .key = S("k1"), .body = S("{}"), .at = 5 }, got;
	bool known = true, direct = true;

	beta.name = S("beta");
	beta.cert_sha256 = S("b");
	DONE(sc, peer_put(sc->s, &alpha, &sc->err), "a peer");
	DONE(sc, peer_put(sc->s, &beta, &sc->err), "and another");
	GIVES(sc, RC_NOTFOUND, case_author_get(sc->s, a.id, sc->a, &got, &sc->err), "nobody knows it");
	DONE(sc, case_author_via(sc->s, a.id, S("alpha"), &known, &direct, &sc->err), "over a peer");
	OK(!known && !direct, "neither");
	DONE(sc, case_author_put(sc->s, &a, S("alpha"), true, &sc->err), "it says who it is");
	DONE(sc, case_author_put(sc->s, &a, S("beta"), false, &sc->err), "another vouches for the same");
	DONE(sc, case_author_via(sc->s, a.id, S("beta"), &known, &direct, &sc->err), "over the other");
	OK(known && !direct, "known, and not it");
	DONE(sc, case_author_of(sc->s, S("alpha"), sc->a, &got, &sc->err), "who is alpha?");
	EQ_STR(got.id, a.id, "that one");
	GIVES(sc, RC_NOTFOUND, case_author_of(sc->s, S("beta"), sc->a, &got, &sc->err), "beta did not say");
	GIVES(sc, RC_CONFLICT, case_author_put(sc->s, &a, S("beta"), true, &sc->err), "beta is not alpha");
	a.key = S("k2");
	GIVES(sc, RC_CONFLICT, case_author_put(sc->s, &a, S("beta"), false, &sc->err), "nor may it give alpha a key");
	a.at = 9;
	DONE(sc, case_author_put(sc->s, &a, S("alpha"), true, &sc->err), "alpha itself may");
	DONE(sc, case_author_get(sc->s, a.id, sc->a, &got, &sc->err), "known");
	OK(str_eq(got.key, S("k2")) && str_eq(got.name, S("Alpha")) && str_eq(got.tier, S("provider")) && got.at == 9, "with its new key");
	a.at = 7;
	a.name = S("Old");
	DONE(sc, case_author_put(sc->s, &a, S("alpha"), true, &sc->err), "an old word played back");
	DONE(sc, case_author_get(sc->s, a.id, sc->a, &got, &sc->err), "known");
	EQ_STR(got.name, S("Alpha"), "changes nothing");
	DONE(sc, peer_delete(sc->s, S("alpha"), &sc->err), "alpha leaves");
	DONE(sc, case_author_put(sc->s, &a, S("beta"), true, &sc->err), "and comes again under another name");
}

const struct conformance_case CASES_CASES[] = {
	{ "facts as objects", objects }, { "links", links }, { "receipts", receipts }, { "who is who", authors }, { NULL, NULL },
};
