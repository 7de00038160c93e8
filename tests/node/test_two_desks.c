/* Two worlds of the desk: twins whose incidents are the same but for the words of facts that are marked above a viewer's level, and, for who may
 * see no incident, whose incidents differ altogether. Every byte of lists, views, facts, observables, forms, exports and objects for other nodes
 * must be equal. That a marked fact is there, when it was stated, of what type and by whom, is no secret of it (docs/internals/desk.md).
 * `test-node-two_desks RUNS SEED`; 60 runs without arguments. */
#include "node/cases.h"
#include "node/exchange.h"
#include "store/incidents.h"
#include "web/casefile.h"
#include "worlds.h"

enum { HIDDEN = 6, TEXT = 4000 };

static unsigned number;  /* of the incident of this run */
static unsigned objects; /* that were compared */

static void id_of(char out[static 80], unsigned n)
{
	snprintf(out, 80, "incident--00000000-0000-4000-8000-%08u0000", n);
}

/* --- facts --- */

static void stamp(char out[static TIME_TEXT_MAX])
{
	time_fake_step((int64_t)1000 * (1 + below(900000)));
	time_format(time_now(), out);
}

static const char *word(uint64_t w)
{
	static char text[200];

	snprintf(text, sizeof text, "w%llx %.*s", (unsigned long long)w, (int)(w % 100),
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	return text;
}

/* One that is marked: the same type, instant and author in both worlds, other words. */
static void write_hidden(char out[static TEXT], unsigned kind, unsigned i, const char *at, enum tlp level, uint64_t w)
{
	static const char *const types[] = { "note", "evidence", "observable", "entry", "warned", "observable" };
	char more[900];

	if (kind == 2) /* a value of its own, or one that is stated openly, too */
		snprintf(more, sizeof more, ",\"kind\":\"ipv4\",\"value\":\"%s%u\",\"role\":\"%s\"", w % 2 == 0 ? "203.0.113." : "198.51.100.", (unsigned)(w % 4),
			 w % 3 == 0 ? "attacker" : "victim");
	else if (kind == 5)
		snprintf(more, sizeof more, ",\"kind\":\"host\",\"value\":\"%s\",\"role\":\"victim\"", word(w));
	else if (kind == 3)
		snprintf(more, sizeof more, ",\"entries\":{\"%s\":\"%s\"}", w % 2 == 0 ? "scope" : "root_cause", word(w));
	else
		snprintf(more, sizeof more, ",\"note\":\"%s\"", word(w));
	snprintf(out, TEXT, "{\"id\":\"h%u\",\"at\":\"%s\",\"type\":\"%s\",\"by\":\"reporter\",\"tlp\":\"%s\"%s}", i, at, types[kind], tlp_name(level), more);
}

static const char *type_of(const char *line, char out[static 32])
{
	struct str text = str_of(line);
	size_t at = str_find(text, S("\"type\":\""), 0) + 8;

	snprintf(out, 32, "%.*s", STR(str_slice(text, at, str_find(text, S("\""), at))));
	return out;
}

struct lines {
	char text[24][TEXT], id[24][16];
	size_t n;
};

static void add(struct lines *l, const char *id, const char *text)
{
	snprintf(l->id[l->n], sizeof l->id[0], "%s", id);
	snprintf(l->text[l->n++], TEXT, "%s", text);
}

/* What everybody knows of it. */
static void make_open(struct lines *l, unsigned level, uint64_t w)
{
	char at[TIME_TEXT_MAX], text[TEXT];

	stamp(at);
	snprintf(text, sizeof text, "{\"id\":\"a\",\"at\":\"%s\",\"type\":\"aware\",\"by\":\"reporter\"}", at);
	add(l, "a", text);
	stamp(at);
	snprintf(text, sizeof text, "{\"id\":\"r\",\"at\":\"%s\",\"type\":\"reported\",\"by\":\"reporter\",\"level\":%u}", at, level);
	add(l, "r", text);
	for (unsigned i = 0; i < 2; i++) {
		char id[16];

		stamp(at);
		snprintf(id, sizeof id, "o%u", i);
		snprintf(text, sizeof text, "{\"id\":\"%s\",\"at\":\"%s\",\"type\":\"observable\",\"by\":\"reporter\",\"kind\":\"ipv4\",\"value\":\"203.0.113.%u\",\"role\":\"attacker\"}",
			 id, at, (unsigned)((w + i) % 4));
		add(l, id, text);
	}
}

static bool keep(size_t world, const char *id, const char *title, const struct lines *l)
{
	struct core *c = &cores[world];
	struct arena *a = arena_new((size_t)256 << 20);
	struct incident_fact f[24];
	struct incident_row r = { .id = str_of(id), .title = str_of(title), .packs = S("tw-2026") };
	struct casefile_more more = { .incident = r.id, .f = f, .n = l->n };
	struct desk_view v;
	char types[24][32];
	bool good;

	for (size_t i = 0; i < l->n; i++)
		f[i] = (struct incident_fact){ .id = str_of(l->id[i]), .type = str_of(type_of(l->text[i], types[i])), .body = str_of(l->text[i]) };
	good = casefile_look(c->api.desk, c->node.store, a, &r, &more, 1, time_now(), &v, &err) == RC_OK;
	if (good) {
		r.now = casefile_derived(&v, casefile_rung(&v, time_now()));
		good = incident_open(c->node.store, &r, f, l->n, S("user:alice"), &err) == RC_OK;
	}
	if (!good)
		printf("# %s\n", err.text);
	arena_free(a);
	return good;
}

/* --- what leaves --- */

static void compare_incident(const struct viewer *v, struct arena *a, const char *id)
{
	static const char *const tails[] = { "", "/facts", "/observables", "/forms", "/forms/first-report", "/forms/final-report", "/forms/final-report?format=html",
					     "/forms/final-report?format=text", "/forms/publication", "/export?format=iodef", "/export?format=stix" };

	for (size_t i = 0; i < COUNTOF(tails); i++)
		compare(v, arena_fmt(a, "/api/v1/incidents/%s%s", id, tails[i]));
}

static void compare_lists(const struct viewer *v, struct arena *a)
{
	static const char *const paths[] = { "/incidents", "/incidents?order=newest&all=true", "/incidents?order=changed", "/incidents?level=3", "/clocks", "/boards",
					     "/bulletins", "/tickets", "/collections", "/intake", "/search?q=203.0.113.1" };

	for (size_t i = 0; i < COUNTOF(paths); i++)
		compare(v, arena_fmt(a, "/api/v1%s", paths[i]));
}

/* What would go to other nodes: facts as signed objects. */
static void compare_objects(struct arena *a, const char *id)
{
	struct case_row *rows[WORLDS];
	size_t n[WORLDS];
	struct str own[WORLDS];

	for (size_t w = 0; w < WORLDS; w++)
		if (case_objects(&cores[w], str_of(id), a, &rows[w], &n[w], &own[w], &err) != RC_OK) {
			printf("# %s\n", err.text);
			differ++;
			return;
		}
	differ += n[0] != n[1] || !str_eq(own[0], own[1]);
	for (size_t i = 0; i < n[0] && i < n[1]; i++, objects++)
		if (!str_eq(rows[0][i].body, rows[1][i].body) && differ++ < 3)
			printf("# a %.*s\n# b %.*s\n", STR(rows[0][i].body), STR(rows[1][i].body));
}

/* --- runs --- */

/* Marked facts of other words. */
static void run_marked(enum tlp ceiling)
{
	static const char *const roles[] = { "reader", "analyst" };
	struct viewer v = { .kind = VIEWER_USER, .name = S("u"), .account = S("u"), .role = str_of(roles[below(2)]), .tlp_max = (uint8_t)ceiling };
	struct lines *l = mem_array(WORLDS, sizeof *l);
	struct arena *a = arena_new(MEMORY * 4);
	char id[80];

	id_of(id, ++number);
	make_open(&l[0], 1 + below(4), rnd());
	l[1] = l[0];
	for (unsigned i = 0; i < HIDDEN; i++) {
		unsigned kind = below(6);
		enum tlp level = (enum tlp)(ceiling + 1 + below((unsigned)(TLP_RED - ceiling)));
		char at[TIME_TEXT_MAX], text[TEXT], name[16];

		stamp(at);
		snprintf(name, sizeof name, "h%u", i);
		for (size_t w = 0; w < WORLDS; w++) {
			write_hidden(text, kind, i, at, level, rnd());
			add(&l[w], name, text);
		}
	}
	for (size_t w = 0; w < WORLDS; w++)
		if (!keep(w, id, "the same", &l[w]))
			exit(3);
	time_fake_step(1000000);
	compare_incident(&v, a, id);
	compare_lists(&v, a);
	if (ceiling >= TLP_AMBER)
		compare_objects(a, id);
	arena_free(a);
	mem_free(l);
}

/* Incidents that only one world has, or that differ in everything, for who may see none. */
static void run_outside(void)
{
	static const struct { enum viewer_kind kind; const char *name, *role; } who[] = {
		{ VIEWER_ANONYMOUS, "", "" }, { VIEWER_USER, "outsider", "reader" }, { VIEWER_USER, "outsider", "analyst" }, { VIEWER_PEER, "partner", "peer" } };
	unsigned pick = below(COUNTOF(who));
	struct viewer v = { .kind = who[pick].kind, .name = str_of(who[pick].name), .account = S(""), .role = str_of(who[pick].role), .org = S(""),
			    .tlp_max = (uint8_t)(pick == 0 ? TLP_CLEAR : below(TLP_GREEN + 1)) };
	struct lines *l = mem_array(1, sizeof *l);
	struct arena *a = arena_new(MEMORY * 4);
	char id[80];

	id_of(id, ++number);
	for (size_t w = 0; w < WORLDS; w++) {
		if (below(3) == 0)
			continue;
		l->n = 0;
		make_open(l, 1 + below(4), rnd());
		if (!keep(w, id, word(rnd()), l))
			exit(3);
	}
	time_fake_step(1000000);
	compare_incident(&v, a, id);
	compare_lists(&v, a);
	compare(&v, S("/api/v1/pulse")); /* others see that something was stored, if only the gate's own account of what they read */
	arena_free(a);
	mem_free(l);
}

static bool desks_up(void)
{
	for (size_t w = 0; w < WORLDS; w++)
		atomic_store(&cores[w].stopping, false);
	for (size_t w = 0; w < WORLDS; w++)
		if (exchange_open(&cores[w], &err) != RC_OK || cases_start(&cores[w], &err) != RC_OK)
			return false;
	return true;
}

static void live(unsigned runs, enum tlp ceiling)
{
	if (!OK(begin() && desks_up(), "a node and its twin whose incidents differ above %s", tlp_name(ceiling))) {
		printf("# %s\n", err.text);
		return;
	}
	for (unsigned i = 0; i < runs; i++)
		if (ceiling < TLP_AMBER)
			run_outside();
		else
			run_marked(ceiling);
	for (size_t w = 0; w < WORLDS; w++) {
		atomic_store(&cores[w].stopping, true);
		cases_stop(&cores[w]);
		exchange_stop(&cores[w]);
	}
	for (size_t w = 0; w < WORLDS; w++)
		exchange_free(&cores[w]);
	end();
}

int main(int argc, char **argv)
{
	uint64_t runs = 60;

	if ((argc > 1 && !str_to_u64(str_of(argv[1]), &runs)) || (argc > 2 && !str_to_u64(str_of(argv[2]), &seed)))
		return fputs("usage: test-node-two_desks [RUNS [SEED]]\n", stderr), 2;
	time_fake_set(T0);
	for (enum tlp ceiling = TLP_GREEN; ceiling <= TLP_AMBER_STRICT; ceiling++)
		live((unsigned)(runs / 3), ceiling);
	EQ_INT(differ, 0, "every byte is the same in both worlds");
	OK(answered * 2 > compared && bytes > runs * 1000 && objects > runs, "%zu replies compared, %zu bytes; %zu of both worlds were answered with 200; %u objects",
	   compared, bytes, answered, objects);
	time_fake_off();
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
