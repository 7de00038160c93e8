/* Tickets, dispositions, suppressions, verdicts and tallies. */
#include "base/json.h"
#include "conformance.h"
#include "store/suppressions.h"
#include "store/tallies.h"
#include "store/tickets.h"
#include "store/verdicts.h"

#define HOUR (3600 * USEC_PER_SEC)
#define T0 ((usec)1767322800 * USEC_PER_SEC) /* 2026-01-02T03:00:00Z */

static struct ticket_ref RULE_REFS[] = {
	{ { "rule", 4 }, { "r1", 2 }, { "Title", 5 }, 0 },
	{ { "technique", 9 }, { "T1033", 5 }, { "", 0 }, 0 },
	{ { "indicator", 9 }, { "indicator--1", 12 }, { "", 0 }, 0 },
};

static struct ticket draft(struct str cluster, usec at)
{
	return (struct ticket){ .cluster = cluster, .entity = S("host:pc1"), .title = S("嘗試取得權限"), .description = S("d"),
				.class = S("intrusions"), .type = S("privileged-account-compromise"), .level = S("high"), .impact = 3,
				.reporter = S("SOC"), .victim = S("identity--1"), .victim_name = S("Hospital"), .sector = S("health"),
				.region = S("TW-TPE"), .protection = S("edr"), .input = S("windows"), .where = S("pc1"), .tlp = 1, .hits = 2,
				.first = at, .last = at + 10, .refs = RULE_REFS, .n_refs = 3 };
}

static struct alert_row an_alert(usec at)
{
	return (struct alert_row){ .at = at, .input = S("windows"), .observable = S("rule:Title"), .where = S("pc1"), .body = S("{}"), .tlp = 1,
				   .rule = S("r1"), .level = S("high"), .cluster = S("k"), .hits = 2, .first = at, .last = at + 10 };
}

static enum rc make(struct scene *sc, struct str cluster, usec at, struct ticket *t, struct alert_row *a)
{
	*t = draft(cluster, at);
	*a = an_alert(at);
	return ticket_open(sc->s, t, a, 1, HOUR, &sc->err);
}

static size_t refs_of(const struct ticket *t, struct str kind, struct str value, int64_t *ret_hits)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_refs; i++)
		if (str_eq(t->refs[i].kind, kind) && (value.n == 0 || str_eq(t->refs[i].value, value))) {
			n++;
			if (ret_hits != NULL)
				*ret_hits = t->refs[i].hits;
		}
	return n;
}

static void opened(struct scene *sc)
{
	struct ticket t, u, got;
	struct alert_row a, *list;
	char year[TIME_TEXT_MAX];
	size_t n;

	time_format(time_now(), year);
	DONE(sc, make(sc, S("k"), T0, &t, &a), "a ticket");
	EQ_STR(t.number, arena_fmt(sc->a, "%.4s-000001", year), "the first of its year");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "read");
	OK(got.row == t.row && got.hits == 2 && got.first == T0 && got.last == T0 + 10 && got.impact == 3 && got.tlp == 1 && got.opened > 0 &&
	   got.closed == 0 && got.cut == 0, "figures");
	EQ_STR(got.title, t.title, "title");
	EQ_STR(got.description, t.description, "description");
	EQ_STR(got.class, t.class, "class");
	EQ_STR(got.type, t.type, "type");
	EQ_STR(got.level, t.level, "level");
	EQ_STR(got.reporter, t.reporter, "reporter");
	EQ_STR(got.victim, t.victim, "victim");
	EQ_STR(got.victim_name, t.victim_name, "its name");
	EQ_STR(got.sector, t.sector, "sector");
	EQ_STR(got.region, t.region, "region");
	EQ_STR(got.protection, t.protection, "protection");
	EQ_STR(got.input, t.input, "input");
	EQ_STR(got.where, t.where, "host");
	EQ_STR(got.cluster, t.cluster, "cluster");
	EQ_STR(got.entity, t.entity, "entity");
	EQ_STR(got.state, S("open"), "state");
	OK(got.n_refs == 3 && refs_of(&got, S("technique"), S("T1033"), NULL) == 1, "lists");
	DONE(sc, alert_of_ticket(sc->s, t.row, 10, sc->a, &list, &n, &sc->err), "its alerts");
	OK(n == 1 && list[0].row == a.row && list[0].ticket == t.row && list[0].hits == 2 && list[0].last == T0 + 10, "one");
	EQ_STR(list[0].number, t.number, "that names it");
	EQ_STR(list[0].rule, S("r1"), "rule");
	EQ_STR(list[0].level, S("high"), "level");
	EQ_STR(list[0].cluster, S("k"), "cluster");
	DONE(sc, make(sc, S("other"), T0 + HOUR, &u, &a), "another at the same host");
	DONE(sc, ticket_get(sc->s, u.number, sc->a, &got, &sc->err), "read");
	EQ_INT(refs_of(&got, S("related"), t.number, NULL), 1, "is related to the first");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "and");
	EQ_INT(refs_of(&got, S("related"), u.number, NULL), 1, "the first to it");
	DONE(sc, make(sc, S("far"), T0 + 9 * HOUR, &u, &a), "another much later");
	DONE(sc, ticket_get(sc->s, u.number, sc->a, &got, &sc->err), "read");
	EQ_INT(refs_of(&got, S("related"), S(""), NULL), 0, "is not related");
	GIVES(sc, RC_NOTFOUND, ticket_get(sc->s, S("2020-000001"), sc->a, &got, &sc->err), "no such number");
	t = draft(S(""), T0);
	GIVES(sc, RC_BAD, ticket_open(sc->s, &t, NULL, 0, HOUR, &sc->err), "without a cluster");
	t = draft(S("k"), T0);
	t.title = S("\xff");
	GIVES(sc, RC_BAD, ticket_open(sc->s, &t, NULL, 0, HOUR, &sc->err), "a title that is no UTF-8");
}

static void grown(struct scene *sc)
{
	struct ticket t, got, *near;
	struct alert_row a, second = an_alert(T0 + 50), *list;
	struct ticket_ref many[TICKET_REFS_MAX + 2], more[2] = { { S("rule"), S("r1"), S("Title"), 7 }, { S("connection"), S("{\"a\":1}"), S(""), 3 } };
	struct alert_growth ag;
	struct ticket_growth g[2] = { { .hits = 100, .first = T0 - 5, .last = T0 + 60, .tlp = 2, .refs = more, .n_refs = 2, .fresh = &second,
					.n_fresh = 1, .alerts = &ag, .n_alerts = 1 } };
	int64_t hits = 0;
	size_t n;

	DONE(sc, make(sc, S("k"), T0, &t, &a), "a ticket");
	ag = (struct alert_growth){ a.row, 99, T0 - 5, T0 + 60 };
	g[0].ticket = t.row;
	DONE(sc, ticket_grow(sc->s, g, 1, &sc->err), "grows");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "read");
	OK(got.hits == 102 && got.first == T0 - 5 && got.last == T0 + 60 && got.tlp == 2, "hits, times, TLP");
	OK(refs_of(&got, S("rule"), S("r1"), &hits) == 1 && hits == 8, "a known item is counted");
	OK(refs_of(&got, S("connection"), S(""), &hits) == 1 && hits == 3, "a new one is there");
	DONE(sc, alert_of_ticket(sc->s, t.row, 10, sc->a, &list, &n, &sc->err), "alerts");
	OK(n == 2 && list[0].hits == 101 && list[0].first == T0 - 5 && list[0].last == T0 + 60 && list[1].row == second.row, "two, the first grown");
	g[0] = (struct ticket_growth){ .ticket = t.row, .hits = 1, .first = T0 + 1, .last = T0 + 2, .refs = many, .n_refs = COUNTOF(many) };
	for (size_t i = 0; i < COUNTOF(many); i++)
		many[i] = (struct ticket_ref){ S("sighting"), arena_fmt(sc->a, "sighting--%zu", i), S(""), 0 };
	DONE(sc, ticket_grow(sc->s, g, 1, &sc->err), "too many items");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "read");
	OK(refs_of(&got, S("sighting"), S(""), NULL) == TICKET_REFS_MAX && got.cut == 2, "the others are counted");
	OK(got.first == T0 - 5 && got.last == T0 + 60 && got.tlp == 2, "what lies inside widens nothing");
	DONE(sc, ticket_near(sc->s, S("k"), T0 + 60, T0 + HOUR, 5, sc->a, &near, &n, &sc->err), "near its end");
	OK(n == 1 && near[0].row == t.row, "found");
	DONE(sc, ticket_near(sc->s, S("k"), T0 + 61, T0 + HOUR, 5, sc->a, &near, &n, &sc->err), "behind it");
	EQ_INT(n, 0, "none");
	DONE(sc, ticket_near(sc->s, S("x"), T0, T0 + HOUR, 5, sc->a, &near, &n, &sc->err), "of another key");
	EQ_INT(n, 0, "none");
}

static void merged(struct scene *sc)
{
	struct ticket t, u, got;
	struct alert_row a, b, *list;
	int64_t hits;
	size_t n;

	DONE(sc, make(sc, S("k"), T0, &t, &a), "one");
	DONE(sc, make(sc, S("k"), T0 + 2 * HOUR, &u, &b), "and another");
	GIVES(sc, RC_BAD, ticket_merge(sc->s, t.row, t.row, &sc->err), "with itself");
	DONE(sc, ticket_merge(sc->s, t.row, u.row, &sc->err), "are the same");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "the first");
	OK(got.hits == 4 && got.last == T0 + 2 * HOUR + 10 && got.first == T0, "has both");
	OK(refs_of(&got, S("rule"), S("r1"), &hits) == 1 && hits == 2 && refs_of(&got, S("related"), u.number, NULL) == 1, "and their lists");
	DONE(sc, alert_of_ticket(sc->s, t.row, 10, sc->a, &list, &n, &sc->err), "and alerts");
	EQ_INT(n, 2, "two");
	DONE(sc, ticket_get(sc->s, u.number, sc->a, &got, &sc->err), "the second");
	EQ_STR(got.state, S("closed"), "is closed");
	EQ_STR(got.disposition, S("merged"), "as merged");
	EQ_STR(got.merged_into, t.number, "into the first");
}

struct seen_facts {
	struct arena *a;
	struct str kinds, last_body;
};

static bool see(void *ctx, const struct fact *f)
{
	struct seen_facts *x = ctx;

	x->kinds = arena_fmt(x->a, "%.*s %.*s", STR(x->kinds), STR(f->kind));
	x->last_body = arena_dup(x->a, f->body);
	return true;
}

static void handled(struct scene *sc)
{
	struct ticket t, u, got;
	struct alert_row a;
	struct verdict v;
	struct suppression *list, x = { .scope = S("rule+host"), .rule = S("r1"), .where = S("pc1"), .until = time_now() + HOUR };
	struct ticket_change c = { .act = TICKET_ASSIGN, .actor = S("user:alice"), .who = S("alice") };
	struct seen_facts facts = { .a = sc->a };
	struct fact_verdict chain;
	size_t n;

	DONE(sc, make(sc, S("k"), T0, &t, &a), "a ticket");
	DONE(sc, make(sc, S("far"), T0 + 99 * HOUR, &u, &a), "another");
	c.number = t.number;
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "assigned");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "read");
	EQ_STR(got.assignee, S("alice"), "to alice");
	EQ_STR(got.state, S("in-progress"), "in progress");
	c = (struct ticket_change){ .act = TICKET_NOTE, .number = t.number, .actor = S("user:alice"), .note = S("已電洽\n\"使用者\"") };
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "a note");
	c.note = S("");
	GIVES(sc, RC_BAD, ticket_do(sc->s, &c, &sc->err), "an empty one");
	c = (struct ticket_change){ .act = TICKET_RELATE, .number = t.number, .actor = S("user:alice"), .other = u.number };
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "related by hand");
	DONE(sc, ticket_get(sc->s, u.number, sc->a, &got, &sc->err), "the other");
	EQ_INT(refs_of(&got, S("related"), t.number, NULL), 1, "knows it");
	c = (struct ticket_change){ .act = TICKET_REOPEN, .number = t.number, .actor = S("user:alice") };
	GIVES(sc, RC_CONFLICT, ticket_do(sc->s, &c, &sc->err), "what is open is not reopened");
	c = (struct ticket_change){ .act = TICKET_CLOSE, .number = t.number, .actor = S("user:alice"), .disposition = S("maybe") };
	GIVES(sc, RC_BAD, ticket_do(sc->s, &c, &sc->err), "no such disposition");
	c.disposition = S("confirmed");
	c.suppress = &x;
	c.n_suppress = 1;
	GIVES(sc, RC_BAD, ticket_do(sc->s, &c, &sc->err), "what is confirmed is not suppressed");
	c.disposition = S("false-positive");
	c.note = S("Inventory");
	x.ticket = t.number;
	x.created_by = c.actor;
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "closed as false positive");
	GIVES(sc, RC_CONFLICT, ticket_do(sc->s, &c, &sc->err), "once");
	DONE(sc, ticket_get(sc->s, t.number, sc->a, &got, &sc->err), "read");
	EQ_STR(got.state, S("closed"), "closed");
	EQ_STR(got.disposition, S("false-positive"), "as");
	EQ_STR(got.closed_by, S("user:alice"), "by");
	OK(got.closed > 0, "when");
	DONE(sc, suppression_list(sc->s, true, time_now(), 0, 10, sc->a, &list, &n, &sc->err), "suppressions");
	OK(n == 1 && list[0].row == x.row && list[0].until == x.until && str_eq(list[0].ticket, t.number), "one, from this ticket");
	DONE(sc, verdict_get(sc->s, S("indicator--1"), sc->a, &v, &sc->err), "a verdict on its indicator");
	OK(v.false_positives == 1 && v.confirmed == 0, "false positive");
	c = (struct ticket_change){ .act = TICKET_REOPEN, .number = t.number, .actor = S("user:bob") };
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "reopened");
	DONE(sc, suppression_list(sc->s, true, time_now(), 0, 10, sc->a, &list, &n, &sc->err), "suppressions");
	EQ_INT(n, 0, "ended");
	DONE(sc, verdict_get(sc->s, S("indicator--1"), sc->a, &v, &sc->err), "the verdict");
	OK(v.false_positives == 0 && v.confirmed == 0, "is taken back");
	c = (struct ticket_change){ .act = TICKET_CLOSE, .number = t.number, .actor = S("user:bob"), .disposition = S("undetermined") };
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "closed as undetermined");
	DONE(sc, verdict_get(sc->s, S("indicator--1"), sc->a, &v, &sc->err), "the verdict");
	OK(v.false_positives == 0 && v.confirmed == 0, "is as before");
	c.number = u.number;
	c.disposition = S("confirmed");
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "the other is confirmed");
	DONE(sc, verdict_list(sc->s, S(""), 10, sc->a, &(struct verdict *){ NULL }, &n, &sc->err), "verdicts");
	EQ_INT(n, 1, "of one indicator");
	DONE(sc, verdict_get(sc->s, S("indicator--1"), sc->a, &v, &sc->err), "the verdict");
	EQ_INT(v.confirmed, 1, "confirmed");
	DONE(sc, ticket_facts(sc->s, t.number, see, &facts, &sc->err), "its history");
	EQ_STR(facts.kinds, S(" ticket.open ticket.assign ticket.note ticket.relate ticket.close ticket.reopen ticket.close"), "in order");
	EQ_STR(facts.last_body, S("{\"disposition\":\"undetermined\",\"hits\":2}"), "with what was said");
	DONE(sc, fact_verify(sc->s, NULL, &chain, &sc->err), "the chain of facts");
	EQ_INT(chain.first_bad, 0, "is whole");
	c.number = S("2020-000001");
	GIVES(sc, RC_NOTFOUND, ticket_do(sc->s, &c, &sc->err), "no such ticket");
}

static void listed(struct scene *sc)
{
	struct ticket t[5], *list;
	struct alert_row a;
	struct ticket_stats st;
	struct ticket_change c = { .act = TICKET_CLOSE, .actor = S("user:a"), .disposition = S("confirmed") };
	size_t n;

	for (int i = 0; i < 5; i++)
		DONE(sc, make(sc, arena_fmt(sc->a, "k%d", i), T0 + i * 24 * HOUR, &t[i], &a), "a ticket");
	c.number = t[1].number;
	DONE(sc, ticket_do(sc->s, &c, &sc->err), "one is closed");
	{
		const struct { const char *name; struct ticket_query q; size_t n; int64_t first; } rows[] = {
			{ "all, newest first", { .limit = 10 }, 5, t[4].row },
			{ "a page", { .limit = 2 }, 2, t[4].row },
			{ "the next", { .limit = 10, .before = t[3].row }, 3, t[2].row },
			{ "open ones", { .limit = 10, .state = S("open") }, 4, t[4].row },
			{ "those not closed", { .limit = 10, .state = S("active") }, 4, t[4].row },
			{ "closed ones", { .limit = 10, .state = S("closed") }, 1, t[1].row },
			{ "confirmed ones", { .limit = 10, .disposition = S("confirmed") }, 1, t[1].row },
			{ "by technique", { .limit = 10, .kind = S("technique"), .value = S("T1033") }, 5, t[4].row },
			{ "by another", { .limit = 10, .kind = S("technique"), .value = S("T1059") }, 0, 0 },
			{ "by class", { .limit = 10, .class = S("intrusions") }, 5, t[4].row },
			{ "by host", { .limit = 10, .where = S("pc2") }, 0, 0 },
			{ "by level", { .limit = 10, .level = S("high") }, 5, t[4].row },
			{ "by assignee", { .limit = 10, .assignee = S("alice") }, 0, 0 },
			{ "since", { .limit = 10, .since = T0 + 4 * 24 * HOUR }, 1, t[4].row },
			{ "until", { .limit = 10, .until = T0 + 1 }, 1, t[0].row },
		};

		for (size_t i = 0; i < COUNTOF(rows); i++) {
			DONE(sc, ticket_list(sc->s, &rows[i].q, sc->a, &list, &n, &sc->err), rows[i].name);
			OK(n == rows[i].n && (n == 0 || list[0].row == rows[i].first), "%s: %zu of %zu", rows[i].name, n, rows[i].n);
		}
	}
	DONE(sc, ticket_count(sc->s, &st, &sc->err), "counted");
	OK(st.tickets == 5 && st.open == 4 && st.closed == 1 && st.in_progress == 0 && st.hits == 10, "by state");
}

static void suppressed(struct scene *sc)
{
	const usec now = time_now();
	const struct { const char *name; struct suppression x; enum rc want; } rows[] = {
		{ "a rule", { .scope = S("rule"), .rule = S("r"), .until = now + HOUR }, RC_OK },
		{ "at a host", { .scope = S("rule+host"), .rule = S("r"), .where = S("h"), .tlp = 3, .until = now + HOUR }, RC_OK },
		{ "with a value", { .scope = S("rule+value"), .rule = S("r"), .value = S("v"), .until = now + HOUR }, RC_OK },
		{ "an indicator", { .scope = S("indicator"), .indicator = S("indicator--1"), .until = now + HOUR }, RC_OK },
		{ "at a host", { .scope = S("indicator+host"), .indicator = S("indicator--1"), .where = S("h"), .until = now + HOUR }, RC_OK },
		{ "no scope", { .rule = S("r"), .until = now + HOUR }, RC_BAD },
		{ "a scope without its rule", { .scope = S("rule"), .until = now + HOUR }, RC_BAD },
		{ "a scope with more", { .scope = S("rule"), .rule = S("r"), .where = S("h"), .until = now + HOUR }, RC_BAD },
		{ "over already", { .scope = S("rule"), .rule = S("r"), .until = now - 1 }, RC_BAD },
	};
	struct suppression *list, x;
	struct suppression_held held[2] = { { 0 } };
	size_t n;

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		x = rows[i].x;
		GIVES(sc, rows[i].want, suppression_add(sc->s, &x, &sc->err), rows[i].name);
	}
	DONE(sc, suppression_list(sc->s, true, now, 0, 10, sc->a, &list, &n, &sc->err), "in force");
	EQ_INT(n, 5, "five");
	OK(list[1].tlp == 3 && str_eq(list[1].where, S("h")) && str_eq(list[2].value, S("v")) && str_eq(list[3].indicator, S("indicator--1")), "as they were made");
	held[0] = (struct suppression_held){ list[0].row, 3, 77 };
	held[1] = (struct suppression_held){ list[0].row, 4, 66 };
	DONE(sc, suppression_count(sc->s, held, 2, &sc->err), "held back");
	DONE(sc, suppression_remove(sc->s, list[1].row, S("user:a"), &sc->err), "removed");
	GIVES(sc, RC_NOTFOUND, suppression_remove(sc->s, list[1].row, S("user:a"), &sc->err), "once");
	DONE(sc, suppression_list(sc->s, true, now, 0, 10, sc->a, &list, &n, &sc->err), "in force");
	OK(n == 4 && list[0].held == 7 && list[0].last == 77, "four, and counted");
	DONE(sc, suppression_list(sc->s, false, now, 0, 10, sc->a, &list, &n, &sc->err), "all");
	OK(n == 5 && list[1].removed > 0, "are remembered");
	DONE(sc, suppression_list(sc->s, true, now + 2 * HOUR, 0, 10, sc->a, &list, &n, &sc->err), "later");
	EQ_INT(n, 0, "none holds anything back");
}

static void tallied(struct scene *sc)
{
	struct tally t = { .id = S("sighting--1"), .indicator = S("indicator--1"), .input = S("fw"), .day = 20000, .collection = 3, .tlp = 1,
			   .first = 50, .last = 60, .hits = 5 }, got, *list;
	size_t n;

	GIVES(sc, RC_NOTFOUND, tally_get(sc->s, t.id, sc->a, &got, &sc->err), "none");
	DONE(sc, tally_add(sc->s, &t, 1, &sc->err), "one");
	t.first = 40;
	t.last = 55;
	t.hits = 2;
	DONE(sc, tally_add(sc->s, &t, 1, &sc->err), "more");
	DONE(sc, tally_get(sc->s, t.id, sc->a, &got, &sc->err), "read");
	OK(got.hits == 7 && got.first == 40 && got.last == 60 && got.sent == 0 && got.day == 20000 && got.collection == 3 && got.tlp == 1 &&
	   got.created > 0, "added up");
	EQ_STR(got.indicator, t.indicator, "indicator");
	EQ_STR(got.input, t.input, "input");
	DONE(sc, tally_due(sc->s, 1, 0, 10, sc->a, &list, &n, &sc->err), "due");
	EQ_INT(n, 1, "was never sent");
	DONE(sc, tally_sent(sc->s, t.id, 7, 1000, &sc->err), "sent");
	DONE(sc, tally_due(sc->s, 5000, 30000, 10, sc->a, &list, &n, &sc->err), "due");
	EQ_INT(n, 0, "nothing new");
	DONE(sc, tally_add(sc->s, &t, 1, &sc->err), "more");
	DONE(sc, tally_due(sc->s, 1000, 20000, 10, sc->a, &list, &n, &sc->err), "soon");
	EQ_INT(n, 0, "not yet");
	DONE(sc, tally_due(sc->s, 1001, 20000, 10, sc->a, &list, &n, &sc->err), "later");
	OK(n == 1 && list[0].hits == 9 && list[0].sent == 7, "due");
	DONE(sc, tally_due(sc->s, 0, 20001, 10, sc->a, &list, &n, &sc->err), "when its day is over");
	EQ_INT(n, 1, "due");
}

/* Replays a ticket's facts: what they say is what its row says. */
struct replay {
	struct str state, disposition;
	struct arena *a;
};

static bool play(void *ctx, const struct fact *f)
{
	struct replay *r = ctx;
	struct arena *scratch CLEANUP(arena_freep) = arena_new(1 << 20);
	const struct json *v = NULL;

	if (scratch == NULL || json_parse(scratch, f->body, &JSON_LIMITS, &v, NULL) != RC_OK)
		return false;
	if (str_eq(f->kind, S("ticket.open")) || str_eq(f->kind, S("ticket.reopen"))) {
		r->state = S("open");
		r->disposition = S("");
	} else if (str_eq(f->kind, S("ticket.assign"))) {
		r->state = json_get_str(v, S("to")).n > 0 ? S("in-progress") : S("open");
	} else if (str_eq(f->kind, S("ticket.close"))) {
		r->state = S("closed");
		r->disposition = arena_dup(r->a, json_get_str(v, S("disposition")));
	}
	return true;
}

static void replayed(struct scene *sc)
{
	struct ticket t, got;
	struct alert_row a;
	uint32_t seed = 7;

	DONE(sc, make(sc, S("k"), T0, &t, &a), "a ticket");
	for (int i = 0; i < 60; i++) {
		static const struct str dispositions[] = { S("confirmed"), S("false-positive"), S("undetermined") };
		struct ticket_change c = { .number = t.number, .actor = S("user:a"), .note = S("n") };
		struct replay r = { .a = sc->a };

		seed = seed * 1103515245 + 12345;
		c.act = (enum ticket_act)((seed >> 16) % 4);
		c.disposition = dispositions[(seed >> 20) % 3];
		c.who = (seed >> 24) % 2 == 0 ? S("") : S("bob");
		(void)!ticket_do(sc->s, &c, NULL); /* some are refused */
		if (ticket_get(sc->s, t.number, sc->a, &got, &sc->err) != RC_OK || ticket_facts(sc->s, t.number, play, &r, &sc->err) != RC_OK ||
		    !str_eq(r.state, got.state) || !str_eq(r.disposition, got.disposition)) {
			OK(false, "%s: step %d: facts say %.*s, the row %.*s", sc->engine->name, i, STR(r.state), STR(got.state));
			return;
		}
	}
	OK(true, "%s: after each act the facts alone tell state and disposition", sc->engine->name);
}

const struct conformance_case CASES_TICKETS[] = {
	{ "tickets opened", opened }, { "tickets grown", grown }, { "tickets merged", merged }, { "tickets handled", handled },
	{ "tickets listed", listed }, { "suppressions", suppressed }, { "tallies", tallied }, { "tickets replayed", replayed }, { NULL, NULL },
};
