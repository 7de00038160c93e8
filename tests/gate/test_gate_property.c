/* Random objects with random markings, references and versions, read by random
 * viewers through every way out of the gate, against a naive oracle that knows only
 * the rules: strictest marking, unknown is RED, anonymous sees CLEAR, an object
 * that names a held one which the viewer may not see is withheld, and a question over
 * everything gives no more than the collections that the viewer may read. The oracle works
 * on what the generator chose and shares no code with the gate. */
#include "gate/admit.h"
#include "gate/folder.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/engine.h"
#include "tap.h"

#define OBJECTS 160
#define VERSIONS 3
#define REFS 3
#define ROUNDS 12
#define UNKNOWNS 4

enum form { IDENTITY, INDICATOR, DOMAIN, RELATIONSHIP, REPORT, NOTE, SIGHTING, FORMS };

/* One version as the generator chose it. */
struct version {
	int level;                  /* oracle's: 0 CLEAR .. 4 RED */
	int unknown;                /* number of an unknown marking, or -1 */
	int without_unknown;        /* level when that one turns out to be a statement */
	int refs[REFS], n_refs;     /* objects that it names; >= OBJECTS: not held here */
	char body[4000];
};

struct thing {
	enum form form;
	char id[120];
	int collection;             /* 1 or 2 */
	struct version v[VERSIONS];
	int n;
};

static struct thing things[OBJECTS];
static bool unknown_shown[UNKNOWNS];
static struct folder at;
static uint64_t checks, leaks, losses, seed;
static bool may_read[3];     /* of the viewer at hand: collections 1 and 2 */

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int below(int n)
{
	return (int)(rnd() % (uint64_t)n);
}

static const char *const tlp1[] = { "613f2e26-407d-48c7-9eca-b8e91df99dc9", "34098fce-860f-48ae-8e50-ebd3cc5e41da",
				    "f88d31f6-486f-44da-b317-01333bde0b82", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed" };
static const int tlp1_level[] = { 0, 1, 2, 4 };
static const char *const tlp2[] = { "94868c89-83c2-464b-929b-a1a8aa3c8487", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
				    "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "939a9414-2ddd-4d32-a0cd-375ea402b003",
				    "e828b379-4e03-4974-9ac4-e53a884c97c1" };
#define STATEMENT "00000000-0000-4000-8000-0000000000aa"

/* One marking reference; raises the version's level. -1 as level: it states none. */
static void one_marking(struct version *v, int *stated, char *out, size_t n)
{
	int pick = below(12), level;

	if (pick < 4) {
		level = tlp1_level[pick];
		snprintf(out, n, "%s", tlp1[pick]);
	} else if (pick < 9) {
		level = pick - 4;
		snprintf(out, n, "%s", tlp2[level]);
	} else if (pick < 11) {
		snprintf(out, n, STATEMENT);
		return;
	} else {
		if (v->unknown < 0)
			v->unknown = below(UNKNOWNS);
		snprintf(out, n, "00000000-0000-4000-8000-0000000000b%d", v->unknown);
		return;
	}
	if (level > *stated)
		*stated = level;
}

static void add_markings(struct version *v, bool granular_ok, const char *selector, char *out, size_t max)
{
	int n = below(4) == 0 ? 0 : 1 + (below(4) == 0), stated = -1;
	char ref[64], other[64];

	v->unknown = -1;
	out[0] = '\0';
	if (n == 2) {
		one_marking(v, &stated, ref, sizeof ref);
		one_marking(v, &stated, other, sizeof other);
		if (strcmp(ref, other) == 0)
			n = 1;
	} else if (n == 1) {
		one_marking(v, &stated, ref, sizeof ref);
	}
	if (n == 1)
		snprintf(out, max, ",\"object_marking_refs\":[\"marking-definition--%s\"]", ref);
	else if (n == 2)
		snprintf(out, max, ",\"object_marking_refs\":[\"marking-definition--%s\",\"marking-definition--%s\"]", ref, other);
	if (granular_ok && below(6) == 0) {
		one_marking(v, &stated, ref, sizeof ref);
		snprintf(out + strlen(out), max - strlen(out),
			 ",\"granular_markings\":[{\"selectors\":[\"%s\"],\"marking_ref\":\"marking-definition--%s\"}]", selector, ref);
	}
	v->without_unknown = stated < 0 ? 2 : stated; /* the source's default is AMBER */
	v->level = v->unknown < 0 ? v->without_unknown : 4;
}

static void name_of(int i, char *out, size_t n)
{
	if (i < OBJECTS)
		snprintf(out, n, "%s", things[i].id);
	else
		snprintf(out, n, "identity--00000000-0000-4000-8000-0000000001%02d", i - OBJECTS);
}

/* Someone who may be named: an identity, an indicator, or nobody that is here. */
static int pick_target(void)
{
	if (below(8) == 0)
		return OBJECTS + below(10);
	for (;;) {
		int i = below(OBJECTS);

		if (things[i].form == IDENTITY || things[i].form == INDICATOR)
			return i;
	}
}

static const char *const form_names[] = { "identity", "indicator", "domain-name", "relationship", "report", "note", "sighting" };

static void own_members(struct version *v, enum form form, char *out, size_t n)
{
	char a[120], b[120];

	for (int i = 0; i < v->n_refs; i++)
		v->refs[i] = pick_target();
	name_of(v->refs[0], a, sizeof a);
	name_of(v->refs[1], b, sizeof b);
	switch (form) {
	case IDENTITY:
		snprintf(out, n, ",\"name\":\"x\"");
		break;
	case INDICATOR:
		snprintf(out, n, ",\"name\":\"x\",\"pattern\":\"[url:value = 'http://x.example/%d']\",\"pattern_type\":\"stix\","
			 "\"valid_from\":\"2026-01-01T00:00:00Z\"", below(1000000));
		break;
	case DOMAIN:
		snprintf(out, n, ",\"value\":\"x%d.example\"", below(1000000));
		break;
	case RELATIONSHIP:
		snprintf(out, n, ",\"relationship_type\":\"related-to\",\"source_ref\":\"%s\",\"target_ref\":\"%s\"", a, b);
		break;
	case REPORT:
		snprintf(out, n, ",\"name\":\"x\",\"published\":\"2026-01-01T00:00:00Z\",\"object_refs\":[\"%s\",\"%s\"]", a, b);
		break;
	case NOTE:
		snprintf(out, n, ",\"content\":\"x\",\"object_refs\":[\"%s\"]", a);
		break;
	case SIGHTING:
		if (v->refs[0] < OBJECTS && things[v->refs[0]].form != INDICATOR)
			v->refs[0] = OBJECTS + 1, name_of(v->refs[0], a, sizeof a);
		snprintf(out, n, ",\"sighting_of_ref\":\"%s\"", a);
		break;
	case FORMS:
		break;
	}
}

static int refs_of_form(enum form f)
{
	return f == RELATIONSHIP || f == REPORT ? 2 : f == NOTE || f == SIGHTING ? 1 : 0;
}

static void make_version(struct thing *t, int k)
{
	struct version *v = &t->v[k];
	char marks[600], own[600], stamp[200] = "";

	add_markings(v, t->form == IDENTITY || t->form == INDICATOR || t->form == REPORT, "name", marks, sizeof marks);
	v->n_refs = refs_of_form(t->form);
	own_members(v, t->form, own, sizeof own);
	if (t->form != DOMAIN)
		snprintf(stamp, sizeof stamp, ",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-0%dT00:00:00.000Z\"", k + 1);
	snprintf(v->body, sizeof v->body, "{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s\"%s%s%s}", form_names[t->form], t->id, stamp,
		 own, marks);
}

static void make_things(int round)
{
	for (int i = 0; i < OBJECTS; i++) {
		struct thing *t = &things[i];

		memset(t, 0, sizeof *t);
		t->form = i < 30 ? (i % 2 ? IDENTITY : INDICATOR) : (enum form)below(FORMS);
		t->collection = 1 + below(2);
		t->n = t->form == DOMAIN ? 1 : 1 + below(VERSIONS);
		snprintf(t->id, sizeof t->id, "%s--%08x-0000-4000-8000-%012x", form_names[t->form], (unsigned)round, (unsigned)i);
	}
	for (int i = 0; i < OBJECTS; i++) {
		for (int k = 0; k < things[i].n; k++)
			make_version(&things[i], k);
	}
}

static void put(int collection, const struct str *raw, size_t n)
{
	struct admit_opts o = { .collection = (uint32_t)collection, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
	struct arena *a = arena_new(1 << 26);
	struct admitted *done;
	struct err err = { 0 };

	if (admit_objects(at.store, a, &o, raw, n, &done, &err) != RC_OK) {
		OK(false, "admit: %s", err.text);
		exit(1);
	}
	for (size_t i = 0; i < n; i++) {
		if (done[i].result == ADMIT_FAILED) {
			OK(false, "admit: %.*s: %.*s", STR(done[i].message), STR(raw[i]));
			exit(1);
		}
	}
	arena_free(a);
}

/* In random order, so that what is named comes before and after what names it. */
static void put_things(void)
{
	struct str raw[2][OBJECTS * VERSIONS];
	size_t n[2] = { 0, 0 };

	for (int i = 0; i < OBJECTS; i++) {
		for (int k = 0; k < things[i].n; k++) {
			int c = things[i].collection - 1;
			size_t at_ = (size_t)below((int)n[c] + 1);

			raw[c][n[c]++] = raw[c][at_];
			raw[c][at_] = str_of(things[i].v[k].body);
		}
	}
	for (int c = 0; c < 2; c++) {
		for (size_t i = 0; i < n[c]; i += 50)
			put(c + 1, raw[c] + i, n[c] - i < 50 ? n[c] - i : 50);
	}
}

/* --- the oracle --- */

static int oracle_level(const struct version *v)
{
	return v->unknown >= 0 && unknown_shown[v->unknown] ? v->without_unknown : v->level;
}

static int oracle_top(const struct viewer *v, int ceiling)
{
	int top = v->kind == VIEWER_ANONYMOUS ? 0 : v->tlp_max;

	return top < ceiling ? top : ceiling;
}

static bool oracle_knows(int thing, int top)
{
	for (int k = 0; k < things[thing].n; k++) {
		if (oracle_level(&things[thing].v[k]) <= top)
			return true;
	}
	return false;
}

static bool oracle_may(const struct version *v, int top)
{
	if (oracle_level(v) > top)
		return false;
	for (int i = 0; i < v->n_refs; i++) {
		if (v->refs[i] < OBJECTS && !oracle_knows(v->refs[i], top))
			return false;
	}
	return true;
}

static bool oracle_bounded(const struct viewer *v)
{
	return v->kind != VIEWER_LOCAL && !str_eq(v->role, S("admin")) && !str_eq(v->role, S("analyst"));
}

struct ask {
	int collection;          /* 0 = everything */
	enum version_match match;
	int form;                /* FORMS = all types */
};

/* Versions are picked among those of a permitted level; what names something hidden is taken out then. */
static bool oracle_in_page(const struct viewer *v, const struct ask *a, int i, int k, int top)
{
	const struct thing *t = &things[i];
	int first = -1, last = -1;

	if (a->collection == 0 && oracle_bounded(v) && (v->kind == VIEWER_ANONYMOUS || !may_read[t->collection]))
		return false;
	if ((a->collection != 0 && t->collection != a->collection) || (a->form != FORMS && t->form != (enum form)a->form))
		return false;
	for (int j = 0; j < t->n; j++) {
		if (oracle_level(&t->v[j]) <= top) {
			first = first < 0 ? j : first;
			last = j;
		}
	}
	if ((a->match == VERSION_LAST && k != last) || (a->match == VERSION_FIRST && k != first))
		return false;
	return oracle_may(&t->v[k], top);
}

/* --- the gate --- */

static void find_entry(const struct page_entry *e, int *ret_i, int *ret_k)
{
	*ret_i = -1;
	for (int i = 0; i < OBJECTS; i++) {
		if (!str_eq(e->id, str_of(things[i].id)))
			continue;
		*ret_i = i;
		*ret_k = e->version.n == 0 ? 0 : e->version.p[9] - '1';
		return;
	}
}

static void judge(bool got, bool want, const char *path, const struct viewer *v, int ceiling, const char *id)
{
	checks++;
	if (got == want)
		return;
	if (got)
		leaks++;
	else
		losses++;
	if (leaks + losses < 20)
		printf("# %s: %s %s to kind %d max %d ceiling %d\n", path, id, got ? "leaks" : "is lost", v->kind, v->tlp_max, ceiling);
}

static bool seen[OBJECTS][VERSIONS];

static uint64_t read_pages(const struct viewer *v, int ceiling, const struct ask *a, bool bodies)
{
	struct str type = str_of(a->form == FORMS ? "" : form_names[a->form]);
	struct page_query q = { .collection = (uint32_t)a->collection, .added_after = INT64_MIN, .limit = (uint32_t)(1 + below(60)),
				.bodies = bodies, .types = &type, .n_types = a->form != FORMS, .want_all = a->match == VERSION_ALL,
				.want_first = a->match == VERSION_FIRST };
	uint64_t n = 0;
	bool more = true, promised = false;

	memset(seen, 0, sizeof seen);
	while (more) {
		struct page p;
		struct err err = { 0 };

		if (gate_page(at.store, v, PATH_TAXII, (uint8_t)ceiling, S("c"), &q, &p, &err) != RC_OK) {
			OK(false, "gate_page: %s", err.text);
			exit(1);
		}
		for (size_t i = 0; i < p.n; i++) {
			int thing, k = 0;

			find_entry(&p.entries[i], &thing, &k);
			judge(p.entries[i].body.n > 0, bodies, "body", v, ceiling, "body");
			/* Definitions of markings are ours too; they are not under test. */
			if (thing >= 0) {
				seen[thing][k] = true;
				n++;
			}
		}
		/* "More" is a statement about what this viewer may see. */
		judge(promised && p.n == 0, false, "more", v, ceiling, "nothing");
		more = promised = p.more;
		q.added_after = p.last;
		page_done(&p);
	}
	return n;
}

static void check_pages(const struct viewer *v, int ceiling)
{
	struct ask a = { .collection = below(3), .match = (enum version_match)below(3), .form = below(3) ? FORMS : below(FORMS) };
	bool bodies = below(2) != 0;
	uint64_t got = read_pages(v, ceiling, &a, bodies), want = 0, count = 0;
	struct str type = str_of(a.form == FORMS ? "" : form_names[a.form]);
	struct page_query q = { .collection = (uint32_t)a.collection, .limit = 1, .types = &type, .n_types = a.form != FORMS,
				.want_all = a.match == VERSION_ALL, .want_first = a.match == VERSION_FIRST };
	struct err err = { 0 };
	int top = oracle_top(v, ceiling);

	for (int i = 0; i < OBJECTS; i++) {
		for (int k = 0; k < things[i].n; k++) {
			bool in = oracle_in_page(v, &a, i, k, top);

			want += in;
			judge(seen[i][k], in, bodies ? "page" : "manifest", v, ceiling, things[i].id);
		}
	}
	judge(got > want, false, "page length", v, ceiling, "");
	/* Definitions lie in no collection, so counts are compared inside one, or where none of them shows. */
	if (a.collection == 0 && !oracle_bounded(v))
		return;
	if (gate_count(at.store, v, (uint8_t)ceiling, &q, &count, &err) != RC_OK)
		OK(false, "gate_count: %s", err.text);
	judge(count > want, false, "count", v, ceiling, "too many");
	judge(count < want, false, "count", v, ceiling, "too few");
}

static void check_single(const struct viewer *v, int ceiling, const struct page *all)
{
	int top = oracle_top(v, ceiling);

	for (size_t i = 0; i < all->n; i++) {
		int thing, k = 0;

		find_entry(&all->entries[i], &thing, &k);
		if (thing < 0)
			continue;
		judge(gate_may(v, (uint8_t)ceiling, all->entries[i].tlp, all->entries[i].flags, NULL),
		      oracle_level(&things[thing].v[k]) <= top, "may", v, ceiling, things[thing].id);
		judge(gate_release(at.store, v, PATH_STREAM, (uint8_t)ceiling, &all->entries[i]), oracle_may(&things[thing].v[k], top),
		      "release", v, ceiling, things[thing].id);
	}
}

/* What the viewer may read: nothing, one of the two, or both, by its name, its role or as any signed-in user. */
static void draw_rights(struct viewer *v)
{
	static const struct str roles[] = { S(""), S("reader"), S("reader"), S("feeder"), S("analyst"), S("admin") };
	bool by_role = below(2) != 0;
	struct err err = { 0 };

	v->role = roles[below((int)COUNTOF(roles))];
	for (uint32_t row = 1; row <= 2; row++) {
		struct right mine = { .subject = S("user:v") }, ours = { .subject = S("role:reader") };

		may_read[row] = below(2) != 0;
		if (by_role && str_eq(v->role, S("reader")))
			ours.can_read = may_read[row];
		else
			mine.can_read = may_read[row];
		if (right_put(at.store, row, &mine, &err) != RC_OK || right_put(at.store, row, &ours, &err) != RC_OK)
			OK(false, "rights: %s", err.text);
	}
}

/* The collections 1 and 2 of a fresh store. */
static void make_collections(void)
{
	struct api_root root = { .name = S("r"), .title = S("r"), .max_content_length = 1000, .page_size = 10 };
	struct err err = { 0 };

	if (root_put(at.store, &root, &err) != RC_OK)
		OK(false, "root: %s", err.text);
	for (uint32_t row = 1; row <= 2; row++) {
		struct collection c = { .root = S("r"), .id = row == 1 ? S("00000000-0000-4000-8000-00000000c001") : S("00000000-0000-4000-8000-00000000c002"),
					.title = S("c"), .tlp_max = TLP_RED };

		if (collection_put(at.store, &c, &err) != RC_OK || c.row != row)
			OK(false, "collection %u: row %u %s", row, c.row, err.text);
	}
}

static void check_viewers(void)
{
	struct page_query q = { .added_after = INT64_MIN, .limit = PAGE_LIMIT_MAX, .want_all = true, .bodies = true, .tlp_mask = UINT32_MAX };
	struct page all;
	struct err err;

	if (store_page(at.store, &q, &all, &err) != RC_OK) {
		OK(false, "store_page: %s", err.text);
		return;
	}
	for (int kind = VIEWER_ANONYMOUS; kind <= VIEWER_LOCAL; kind++) {
		for (int max = 0; max < TLP_COUNT; max++) {
			for (int ceiling = 0; ceiling < TLP_COUNT; ceiling++) {
				struct viewer v = { .kind = (enum viewer_kind)kind, .name = S("v"), .tlp_max = (uint8_t)max };

				draw_rights(&v);
				for (int n = 0; n < 3; n++)
					check_pages(&v, ceiling);
				check_single(&v, ceiling, &all);
			}
		}
	}
	page_done(&all);
}

static void show_unknown(int i)
{
	char raw[600];
	struct str text;

	snprintf(raw, sizeof raw, "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"marking-definition--00000000-0000-4000-8000-"
		 "0000000000%s%d\",\"created\":\"2026-01-01T00:00:00.000Z\",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"x\"}}",
		 i < 0 ? "a" : "b", i < 0 ? 0 : i);
	if (i < 0)
		memcpy(strstr(raw, "0000000000a0"), "0000000000aa", 12);
	text = str_of(raw);
	put(0, &text, 1);
	if (i >= 0)
		unknown_shown[i] = true;
}

/* One world: fresh objects, all viewers; then some unknown markings become known, and all viewers again. */
static void run_round(uint64_t round, uint64_t first)
{
	seed = (first + round) * UINT64_C(0x9E3779B97F4A7C15) + 1;
	memset(unknown_shown, 0, sizeof unknown_shown);
	make_collections();
	show_unknown(-1);
	make_things((int)round);
	put_things();
	check_viewers();
	show_unknown(0);
	show_unknown(1);
	check_viewers();
}

static void report(const char *engine)
{
	printf("# %s: %llu checks, %llu leaks, %llu losses\n", engine, (unsigned long long)checks, (unsigned long long)leaks,
	       (unsigned long long)losses);
	EQ_INT((long long)leaks, 0, "nothing leaks");
	EQ_INT((long long)losses, 0, "nothing is lost");
}

/* The other engine behind the same interface. */
static void test_postgresql(uint64_t first)
{
	struct engine e;
	char why[WHY_MAX];

	checks = 0;
	if (!engine_start(&e, "postgresql", why)) {
		SKIP(why, "PostgreSQL");
		return;
	}
	at.store = engine_fresh(&e);
	if (OK(at.store != NULL, "a store in PostgreSQL"))
		run_round(1, first);
	store_close(at.store);
	engine_stop(&e);
	report("postgresql");
	OK(checks > 100000, "at least a hundred thousand checks");
}

int main(void)
{
	const char *rounds = getenv("ROUNDS"), *from = getenv("SEED");
	uint64_t n = ROUNDS, first = 20261122;

	if (rounds != NULL)
		(void)str_to_u64(str_of(rounds), &n);
	if (from != NULL)
		(void)str_to_u64(str_of(from), &first);
	for (uint64_t round = 0; round < n; round++) {
		struct err err = { 0 };

		if (!folder_open(&at, &err)) {
			OK(false, "a store: %s", err.text);
			break;
		}
		run_round(round, first);
		folder_close(&at);
	}
	report("sqlite");
	OK(rounds != NULL || checks >= 1000000, "at least a million checks");
	test_postgresql(first);
	return tap_done();
}
