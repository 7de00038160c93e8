/* Hits into tickets on an opened node: floods, gaps that close late, what people closed, restarts, no memory. */
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/core.h"
#include "node/tickets.h"
#include "store/suppressions.h"
#include "tap.h"

#define MINUTE ((usec)60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define T0 (INT64_C(1767323045) * USEC_PER_SEC)
#define MEMORY ((size_t)64 << 20)

static char base[64];
static struct core core;
static struct err err;

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static bool begin(void)
{
	char password[32], print[65], dir[80];
	struct node_init_opts o = { .dir = dir, .name = "Hospital", .tier = "provider", .admin_password = S("correct horse battery") };

	snprintf(base, sizeof base, "/tmp/lianfang-tickets-XXXXXX");
	if (mkdtemp(base) == NULL)
		return false;
	snprintf(dir, sizeof dir, "%s/node", base);
	return node_init(&o, password, print, &err) == RC_OK && node_open(dir, false, &core.node, &err) == RC_OK &&
	       core_find_rows(&core, &err) == RC_OK && tickets_start(&core, &core.tickets, &err) == RC_OK;
}

static bool restart(void)
{
	tickets_stop(core.tickets);
	return tickets_start(&core, &core.tickets, &err) == RC_OK;
}

static enum rc match(const char *rule, const char *host, usec at, uint64_t count)
{
	static const struct str tags[] = { S("attack.t1059.001"), S("attack.execution"), S("attack.g0016"), S("cve.2021-1") };
	static const struct rule_hit_field fields[] = { { S("Image"), S("x.exe") } };
	struct rule_hit h = { .id = str_of(rule), .title = S("Title"), .level = S("medium"), .author = S("A"), .tags = tags, .n_tags = COUNTOF(tags),
			      .fields = fields, .n_fields = 1, .at = at, .where = str_of(host), .input = S("win"),
			      .event = S("{\"SourceIp\":\"10.0.0.1\",\"DestinationIp\":\"192.0.2.9\",\"DestinationPort\":443,\"Image\":\"x.exe\"}"),
			      .count = count, .last = at };

	return alert_from_rule(&core, &h, &err);
}

/* Tickets of a rule; the newest is shown. */
static size_t tickets_of(struct arena *a, const char *rule, struct ticket *ret)
{
	struct ticket_query q = { .limit = 1000, .kind = S("rule"), .value = str_of(rule) };
	struct ticket *list;
	size_t n = 0;

	if (tickets_flush(core.tickets, &err) != RC_OK || ticket_list(core.node.store, &q, a, &list, &n, &err) != RC_OK)
		return SIZE_MAX;
	if (n > 0 && ticket_get(core.node.store, list[0].number, a, ret, &err) != RC_OK)
		return SIZE_MAX;
	return n;
}

static size_t items(const struct ticket *t, const char *kind, const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_refs; i++)
		n += str_eq(t->refs[i].kind, str_of(kind)) && (value == NULL || str_eq(t->refs[i].value, str_of(value)));
	return n;
}

static void flood(struct arena *a)
{
	struct store_stats before, after;
	struct alert_row *alerts;
	struct ticket t;
	size_t n = 0;
	bool good = true;

	store_stats(core.node.store, &before);
	for (int i = 0; i < 100000 && good; i++)
		good = match("flood", "pc1", T0 + i * 1000, 0) == RC_OK;
	OK(good, "a hundred thousand hits: %s", err.text);
	EQ_INT(tickets_of(a, "flood", &t), 1, "are one ticket");
	store_stats(core.node.store, &after);
	OK(t.hits == 100000 && t.first == T0 && t.last == T0 + 99999 * 1000, "that counts them: %lld", (long long)t.hits);
	EQ_INT(after.facts - before.facts, 1, "of one fact");
	OK(after.commits - before.commits < 400, "and few commits: %llu", (unsigned long long)(after.commits - before.commits));
	OK(alert_of_ticket(core.node.store, t.row, 10, a, &alerts, &n, &err) == RC_OK && n == 1 && alerts[0].hits == 100000, "one alert, counted");
	EQ_STR(t.class, S("intrusions"), "class by the rule's tactic");
	OK(t.impact == 2 && items(&t, "technique", "T1059.001") == 1 && items(&t, "tactic", "execution") == 1 && items(&t, "tactic", NULL) == 1, "level, technique, tactic");
	EQ_INT(items(&t, "connection", "{\"src\":{\"ip\":\"10.0.0.1\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"443\"}}"), 1, "who spoke");
	EQ_STR(t.protection, S("edr"), "device by its events");
}

static void gaps(struct arena *a)
{
	struct ticket t;
	struct ticket_query q = { .limit = 10, .kind = S("rule"), .value = S("gap"), .state = S("active") };
	struct ticket *list;
	size_t n = 0;

	OK(match("gap", "pc1", T0, 1) == RC_OK && match("gap", "PC1", T0 + HOUR, 2) == RC_OK, "an hour apart, the host in capitals");
	EQ_INT(tickets_of(a, "gap", &t), 1, "one ticket");
	OK(match("gap", "pc1", T0 + 2 * HOUR + 2 * MINUTE, 4) == RC_OK, "more than an hour later");
	EQ_INT(tickets_of(a, "gap", &t), 2, "another");
	OK(items(&t, "related", NULL) == 0, "not in the same time");
	OK(match("gap", "pc1", T0 + HOUR + 30 * MINUTE, 8) == RC_OK, "what lies between comes late");
	OK(tickets_flush(core.tickets, &err) == RC_OK && ticket_list(core.node.store, &q, a, &list, &n, &err) == RC_OK && n == 1, "they are one");
	OK(n == 1 && list[0].hits == 15 && list[0].first == T0 && list[0].last == T0 + 2 * HOUR + 2 * MINUTE, "with all hits: %lld", n == 1 ? (long long)list[0].hits : -1);
	OK(match("gap", "pc1", T0 + 2 * HOUR, 16) == RC_OK && ticket_list(core.node.store, &q, a, &list, &n, &err) == RC_OK && n == 1, "and goes on as one");
	OK(match("gap", "pc2", T0, 1) == RC_OK, "another host");
	(void)tickets_of(a, "gap", &t);
	EQ_STR(t.where, S("pc2"), "has its own");
	OK(match("gap2", "pc2", T0 + MINUTE, 1) == RC_OK && tickets_of(a, "gap2", &t) == 1 && items(&t, "related", NULL) == 1, "another rule there is related");
}

static void closed(struct arena *a)
{
	struct ticket t, u;
	struct suppression x = { .scope = S("rule+host"), .rule = S("shut"), .where = S("PC7"), .until = time_now() + HOUR };
	struct suppression *list;
	struct ticket_change c = { .act = TICKET_CLOSE, .actor = S("user:a"), .disposition = S("false-positive") };
	size_t n = 0;

	OK(match("shut", "pc7", T0, 1) == RC_OK && tickets_of(a, "shut", &t) == 1, "a ticket");
	c.number = t.number;
	OK(ticket_do(core.node.store, &c, &err) == RC_OK, "is closed: %s", err.text);
	tickets_changed(core.tickets);
	OK(match("shut", "pc7", T0 + MINUTE, 1) == RC_OK && tickets_of(a, "shut", &u) == 2 && !str_eq(u.number, t.number), "what comes then opens another");
	EQ_INT(items(&u, "related", NULL), 1, "related to it");
	OK(suppression_add(core.node.store, &x, &err) == RC_OK, "suppressed at this host: %s", err.text);
	tickets_changed(core.tickets);
	OK(match("shut", "pc7", T0 + 9 * HOUR, 5) == RC_OK && match("shut", "pc8", T0 + 9 * HOUR, 1) == RC_OK, "there and at another");
	OK(tickets_of(a, "shut", &u) == 3 && str_eq(u.where, S("pc8")), "only the other is a ticket");
	OK(suppression_list(core.node.store, true, time_now(), 0, 10, a, &list, &n, &err) == RC_OK && n == 1 && list[0].held == 5, "the others are counted");
	time_fake_set(time_now() + 2 * HOUR);
	OK(match("shut", "pc7", T0 + 20 * HOUR, 1) == RC_OK && tickets_of(a, "shut", &u) == 4, "after its end they are tickets again");
	time_fake_off();
}

static void restarts(struct arena *a)
{
	struct ticket t, u;

	OK(match("again", "pc1", T0, 3) == RC_OK && restart(), "a restart: %s", err.text);
	OK(match("again", "pc1", T0 + MINUTE, 4) == RC_OK && tickets_of(a, "again", &t) == 1 && t.hits == 7, "it goes on counting");
	/* More matters than fit in memory. */
	for (int i = 0; i < 300; i++) {
		char host[16];

		snprintf(host, sizeof host, "h%d", i);
		if (match("many", host, T0, 1) != RC_OK)
			break;
	}
	EQ_INT(tickets_of(a, "many", &u), 300, "three hundred hosts, three hundred tickets");
	OK(match("again", "pc1", T0 + 2 * MINUTE, 1) == RC_OK && tickets_of(a, "again", &t) == 1 && t.hits == 8, "what was before goes on");
}

/* Logs hold any bytes. */
static void strange(struct arena *a)
{
	struct ticket t;
	struct rule_hit h = { .id = S("odd"), .title = S("T\xff\0T"), .where = S("h\xc3("), .input = S("win"), .event = S("\xff\0\x01"), .level = S(""),
			      .author = S("\xff"), .at = INT64_MAX };

	OK(alert_from_rule(&core, &h, &err) == RC_OK, "bytes that are no text, at the end of time: %s", err.text);
	h.at = INT64_MIN;
	OK(alert_from_rule(&core, &h, &err) == RC_OK && tickets_of(a, "odd", &t) == 2, "and at its beginning");
	EQ_STR(t.title, S("T? T"), "are shown as such");
	EQ_STR(t.where, S("h?("), "also the host");
}

static void no_memory(struct arena *a)
{
	struct ticket t;
	int64_t done = 0;
	size_t n;
	bool known = true;

	for (uint64_t nth = 1; nth < 150; nth++) {
		enum rc rc;

		mem_fail_at(nth, 0);
		rc = match("memory", "pc1", T0, 1);
		mem_fail_at(0, 0);
		known = known && (rc == RC_OK || rc == RC_NOMEM || rc == RC_IO || rc == RC_FULL || rc == RC_LIMIT);
		done += rc == RC_OK;
	}
	OK(known, "whichever allocation fails: it is kept, or may be tried again");
	n = tickets_of(a, "memory", &t);
	OK(n == 1 && t.hits >= done && done > 0, "one ticket that counts %lld of %lld", (long long)t.hits, (long long)done);
}

int main(void)
{
	struct arena *a = arena_new(MEMORY);

	if (OK(begin() && a != NULL, "a node: %s", err.text)) {
		flood(a);
		gaps(a);
		closed(a);
		restarts(a);
		strange(a);
		no_memory(a);
		tickets_stop(core.tickets);
		node_close(&core.node);
	}
	arena_free(a);
	EQ_INT(mem_live(), 0, "every block was given back");
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
