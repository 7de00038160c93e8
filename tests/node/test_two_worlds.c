/* Two worlds: one node and its twin - same keys, same accounts, same clock - that take in the same objects, but for what is above a viewer's
 * level: those have other words, other lengths, other types, more or fewer versions, or are not there at all. Every byte that leaves the two - TAXII
 * pages, manifests, versions, counts, digests, REST lists, exports, searches, statuses and headers - must be equal for that viewer.
 * Objects that visible ones name are there in both worlds (an id that is not held is no secret: docs/internals/gate.md).
 * `test-node-two_worlds RUNS SEED`; 60 runs without arguments. */
#include "gate/admit.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "worlds.h"

enum { OBJECTS = 8, TEXT = 2000, LATEST = 24 };

static char hidden_ids[LATEST][80];
static size_t n_hidden;

/* --- what they take in --- */

struct thing {
	char id[80], text[WORLDS][TEXT]; /* "": not in this world */
};

static void write_one(char out[static TEXT], const char *id, unsigned kind, unsigned level, uint64_t word, unsigned version, const char *names)
{
	static const char *const types[] = { "indicator", "malware", "note" };
	char extra[400] = "", padding[200];

	snprintf(padding, sizeof padding, "%.*s", (int)(word % 150), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	if (kind == 0)
		snprintf(extra, sizeof extra, ",\"pattern\":\"[domain-name:value = 'w%llx.example']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\"",
			 (unsigned long long)word);
	else if (kind == 1)
		snprintf(extra, sizeof extra, ",\"is_family\":false");
	else
		snprintf(extra, sizeof extra, ",\"content\":\"c %llx\",\"object_refs\":[\"%s\"]", (unsigned long long)word, names);
	snprintf(out, TEXT, "{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-0%uT00:00:00.000Z\""
		 "%s%llx%s\"%s,\"object_marking_refs\":[\"%.*s\"]}", types[kind], id, 1 + version, kind == 2 ? ",\"abstract\":\"" : ",\"name\":\"n ",
		 (unsigned long long)word, padding, extra, STR(stix_tlp_id((enum tlp)level)));
}

static void name_one(char out[static 80], const char *type)
{
	snprintf(out, 80, "%s--%08llx-0000-4000-8000-%012llx", type, (unsigned long long)(rnd() & 0xffffffff), (unsigned long long)(rnd() & 0xffffffffffff));
}

/* Objects of one batch: `ceiling` is what the viewer of this run may see. Returns how many texts each world gets. */
static void make_batch(struct thing *t, unsigned ceiling)
{
	char seen[80] = "identity--00000000-0000-4000-8000-000000000001";

	for (size_t i = 0; i < OBJECTS; i++) {
		bool hidden = below(2) == 0;
		unsigned level = hidden ? ceiling + 1 + below(TLP_RED - ceiling) : below(ceiling + 1), kind = below(3);
		uint64_t word = rnd();

		name_one(t[i].id, kind == 0 ? "indicator" : kind == 1 ? "malware" : "note");
		write_one(t[i].text[0], t[i].id, kind, level, word, 0, seen);
		memcpy(t[i].text[1], t[i].text[0], TEXT);
		if (hidden) {
			unsigned other = below(4);

			if (other == 0) /* not there */
				t[i].text[1][0] = '\0';
			else if (other == 1) /* another object altogether */
				name_one(t[i].id, "malware"), write_one(t[i].text[1], t[i].id, 1, ceiling + 1 + below(TLP_RED - ceiling), rnd(), 0, seen);
			else /* the same id with other words, perhaps another level above the ceiling, perhaps a later version */
				write_one(t[i].text[1], t[i].id, kind, ceiling + 1 + below(TLP_RED - ceiling), rnd(), below(3), seen);
			snprintf(hidden_ids[n_hidden++ % LATEST], sizeof hidden_ids[0], "%s", t[i].id);
		} else {
			snprintf(seen, sizeof seen, "%s", t[i].id);
		}
	}
}

static bool take_in(struct core *c, size_t world, struct thing *t, uint32_t collection)
{
	struct arena *a = arena_new(MEMORY);
	struct admit_opts o = { .collection = collection, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
	struct admitted *done;
	struct str raw[OBJECTS];
	size_t n = 0;
	bool good;

	for (size_t i = 0; i < OBJECTS; i++)
		if (t[i].text[world][0] != '\0')
			raw[n++] = str_of(t[i].text[world]);
	good = store_source_id(c->node.store, S("user:alice"), &o.source, &err) == RC_OK &&
	       (n == 0 || admit_objects(c->node.store, a, &o, raw, n, &done, &err) == RC_OK);
	for (size_t i = 0; i < n && good; i++)
		if (done[i].result == ADMIT_FAILED) {
			printf("# %.*s\n# %.*s\n", STR(done[i].message), STR(raw[i]));
			good = false;
		}
	arena_free(a);
	return good;
}

static void compare_all(const struct viewer *v, struct arena *a, const char *collection, const char *after, const struct thing *t)
{


	compare(v, arena_fmt(a, "/intel/collections/"));
	compare(v, arena_fmt(a, "/intel/collections/%s/", collection));
	for (size_t i = 0; i < 5; i++) {
		char tail[200];

		snprintf(tail, sizeof tail, i == 0 ? "objects/?added_after=%s" : i == 1 ? "manifest/?added_after=%s" : i == 2 ? "objects/?limit=3&added_after=%s" :
			 i == 3 ? "objects/?match[type]=indicator&added_after=%s" : "manifest/?match[version]=all&added_after=%s", after);
		compare(v, arena_fmt(a, "/intel/collections/%s/%s", collection, tail));
	}
	for (size_t i = 0; i < 3; i++) {
		const char *id = i < 2 ? hidden_ids[below(LATEST)] : t[below(OBJECTS)].id;

		compare(v, arena_fmt(a, "/intel/collections/%s/objects/%s/", collection, id));
		compare(v, arena_fmt(a, "/intel/collections/%s/objects/%s/versions/", collection, id));
		compare(v, arena_fmt(a, "/api/v1/objects/%s", id));
	}
	compare(v, S("/api/v1/collections"));
	compare(v, arena_fmt(a, "/api/v1/search?q=example&limit=20"));
	compare(v, arena_fmt(a, "/api/v1/export?format=stix&added_after=%s&collection=intel/%s", after, collection));
	compare(v, arena_fmt(a, "/api/v1/export?format=plain&collection=intel/%s", collection));
	compare(v, arena_fmt(a, "/fed/v1/intel/%s/digest", collection));
	compare(v, S("/api/v1/status"));
}

static void one_run(const char *collection, uint32_t row, unsigned ceiling)
{
	static const struct { const char *name; enum viewer_kind kind; const char *role; } who[] = {
		{ "", VIEWER_ANONYMOUS, "" }, { "outsider", VIEWER_USER, "reader" }, { "partner", VIEWER_PEER, "peer" }, { "analyst", VIEWER_USER, "analyst" },
		{ "feeder", VIEWER_USER, "feeder" },
	};
	unsigned pick = below(COUNTOF(who));
	struct viewer v = { .kind = who[pick].kind, .name = str_of(who[pick].name), .role = str_of(who[pick].role),
			    .tlp_max = (uint8_t)(pick == 0 ? TLP_CLEAR : below(3) == 0 ? below(ceiling + 1) : ceiling) };
	struct thing *t = mem_array(OBJECTS, sizeof *t);
	struct arena *a = arena_new(MEMORY);
	char after[TIME_TEXT_MAX];

	time_format(time_now(), after);
	make_batch(t, ceiling);
	time_fake_step(1000);
	for (size_t w = 0; w < WORLDS; w++)
		if (!take_in(&cores[w], w, t, row))
			exit(3);
	time_fake_step(1000);
	compare_all(&v, a, collection, after, t);
	arena_free(a);
	mem_free(t);
}

/* A collection each fifty runs, so that pages of the whole stay short. */
static uint32_t new_collection(unsigned number, char id[static UUID_TEXT_LEN + 1])
{
	uint32_t row = 0;

	snprintf(id, UUID_TEXT_LEN + 1, "00000000-0000-4000-8000-%08u0000", number % 100000000);
	for (size_t w = 0; w < WORLDS; w++) {
		struct collection col = { .root = S("intel"), .id = str_of(id), .title = S("t"), .all_read = true, .anon_read = true, .tlp_max = TLP_RED };

		if (collection_put(cores[w].node.store, &col, &err) != RC_OK)
			exit(3);
		row = col.row;
	}
	return row;
}

/* Twins that differ in what is above `ceiling`. */
static void live(unsigned runs, unsigned ceiling)
{
	char id[UUID_TEXT_LEN + 1];
	uint32_t row = 0;

	for (size_t i = 0; i < LATEST; i++)
		name_one(hidden_ids[i], "indicator");
	if (!OK(begin(), "a node and its twin that differ above %s", tlp_name((enum tlp)ceiling))) {
		printf("# %s\n", err.text);
		return;
	}
	for (unsigned i = 0; i < runs; i++) {
		if (i % 50 == 0)
			row = new_collection(i, id);
		one_run(id, row, ceiling);
	}
	end();
}

int main(int argc, char **argv)
{
	uint64_t runs = 60;

	if ((argc > 1 && !str_to_u64(str_of(argv[1]), &runs)) || (argc > 2 && !str_to_u64(str_of(argv[2]), &seed)))
		return fputs("usage: test-node-two_worlds [RUNS [SEED]]\n", stderr), 2;
	time_fake_set(T0);
	for (unsigned ceiling = TLP_GREEN; ceiling <= TLP_AMBER_STRICT; ceiling++)
		live((unsigned)(runs / 3), ceiling);
	EQ_INT(differ, 0, "every byte is the same in both worlds");
	OK(3 * answered > compared && bytes > runs * 1000, "%zu replies compared, %zu bytes; %zu of both worlds were answered with 200", compared, bytes, answered);
	time_fake_off();
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
