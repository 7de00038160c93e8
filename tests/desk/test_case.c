/* Facts as signed objects: they come back as they went, are what the standard allows, and no change of them goes unseen. And who may
 * state what to whom. */
#include "desk/case.h"

#include "base/mem.h"
#include "desk/fact.h"
#include "stix/marking.h"
#include "stix/validate.h"
#include "tap.h"

#define ANNA "identity--2928484e-42c6-4382-ac16-c77fc0ac729c"
#define BERT "identity--a817738f-f88b-4342-b8b0-f955051aa4c8"
#define INCIDENT "incident--0c7b5495-26d8-4304-adf9-637685758ee7"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define REPORTED "{\"id\":\"f-1\",\"at\":\"2026-02-27T15:40:00.123456Z\",\"by\":\"reporter\",\"type\":\"reported\",\"level\":3,\"grounds\":\"\\\"核心\\\" \\n down\"}"

static unsigned char pub[SIGN_PUBLIC_LEN], sec[SIGN_SECRET_LEN];
static char key[CASE_HASH_LEN + 1];

static void draw_key(void)
{
	sign_keypair(pub, sec);
	for (size_t i = 0; i < sizeof pub; i++)
		snprintf(key + 2 * i, 3, "%02x", pub[i]);
}

static struct case_fact sample(void)
{
	return (struct case_fact){ .author = S(ANNA), .incident = S(INCIDENT), .opened_by = S(BERT), .number = S("2026-000001"),
				   .title = S("勒索 note"), .packs = S("tw-2026 eu-nis2"), .exercise = true, .n = 2, .previous = S(HASH),
				   .fact = S(REPORTED), .tlp = TLP_AMBER };
}

static struct str written(struct arena *a, const struct case_fact *f, char *hash)
{
	struct err err = { 0 };
	struct buf b;
	struct str s;

	buf_init(&b, CASE_OBJECT_MAX);
	OK(case_fact_write(f, sec, &b, hash, &err) == RC_OK, "written: %s", err.text);
	s = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return s;
}

static const struct json *tree(struct arena *a, struct str text)
{
	const struct json *v = NULL;
	struct err err = { 0 };

	OK(json_parse(a, text, &JSON_LIMITS, &v, &err) == RC_OK, "is JSON: %s", err.text);
	return v;
}

static void is_stix(struct arena *a, struct str text, const char *name)
{
	struct stix_validate_opts opts = { .shoulds = true, .strict = true };
	struct stix_verdict verdict;
	struct err err = { 0 };

	OK(stix_validate(tree(a, text), &opts, NULL, NULL, &verdict, &err) == RC_OK && verdict.musts == 0, "%s is STIX 2.1 to the letter: %s", name, err.text);
}

static void whole_fact(struct arena *a)
{
	struct case_fact f = sample(), got;
	char hash[CASE_HASH_LEN + 1], again[CASE_HASH_LEN + 1];
	struct str text = written(a, &f, hash);
	struct err err = { 0 };
	unsigned char other_pub[SIGN_PUBLIC_LEN], other_sec[SIGN_SECRET_LEN];
	char other[CASE_HASH_LEN + 1];

	OK(case_fact_read(a, tree(a, text), &got, again, &err) == RC_OK, "read: %s", err.text);
	EQ_STR(got.author, f.author, "author");
	EQ_STR(got.incident, f.incident, "incident");
	EQ_STR(got.opened_by, f.opened_by, "opened by");
	EQ_STR(got.number, f.number, "number");
	EQ_STR(got.title, f.title, "title");
	EQ_STR(got.packs, f.packs, "packs");
	EQ_STR(got.previous, f.previous, "previous");
	EQ_STR(got.fact, f.fact, "the fact, as it is kept");
	EQ_STR(got.fact_id, S("f-1"), "its id");
	EQ_STR(got.fact_type, S("reported"), "its type");
	EQ_STR(got.fact_by, S("reporter"), "who states it");
	EQ_STR(str_of(again), str_of(hash), "the hash");
	OK(got.exercise && got.n == 2 && got.fact_at == 1772206800123456, "drill, serial, instant");
	EQ_STR(written(a, &f, again), text, "whoever writes it again writes the same");
	OK(case_signed_by(a, tree(a, text), str_of(key)), "signed by its author");
	sign_keypair(other_pub, other_sec);
	for (size_t i = 0; i < sizeof other_pub; i++)
		snprintf(other + 2 * i, 3, "%02x", other_pub[i]);
	OK(!case_signed_by(a, tree(a, text), str_of(other)), "and by nobody else");
	OK(!case_signed_by(a, tree(a, text), S("zz")) && !case_signed_by(a, tree(a, text), S("")), "nor by what is no key");
	is_stix(a, text, "a fact");
}

static void titles(struct arena *a)
{
	static const struct { const char *wrote, *goes; } rows[] = { { "two\nlines\t", "two lines " }, { "", "-" }, { "\x1b[2J", " [2J" }, { "勒索", "勒索" } };
	struct case_fact f = sample(), got;
	char hash[CASE_HASH_LEN + 1];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		f.title = str_of(rows[i].wrote);
		OK(case_fact_read(a, tree(a, written(a, &f, NULL)), &got, hash, NULL) == RC_OK && str_eq(got.title, str_of(rows[i].goes)),
		   "whatever the title is, the fact is taken in: %s", rows[i].goes);
	}
}

/* Every byte counts: none can be changed without the signature or the form telling. */
static void every_byte(struct arena *a)
{
	struct case_fact f = sample(), got;
	char hash[CASE_HASH_LEN + 1];
	struct str text = written(a, &f, hash);
	struct arena *b = arena_new((size_t)8 << 20);
	char *copy = arena_alloc(a, text.n);
	size_t unseen = 0;

	for (size_t i = 0; i < text.n; i++) {
		const struct json *v;

		arena_reset(b);
		memcpy(copy, text.p, text.n);
		copy[i] = copy[i] == '1' ? '2' : '1';
		if (json_parse(b, str_make(copy, text.n), &JSON_LIMITS, &v, NULL) == RC_OK && case_fact_read(b, v, &got, hash, NULL) == RC_OK &&
		    case_signed_by(b, v, str_of(key)) && copy[i] != text.p[i])
			unseen++;
	}
	EQ_INT((long long)unseen, 0, "no byte can be changed unseen");
	arena_free(b);
}

static void canonical(struct arena *a)
{
	struct case_fact f = sample(), got;
	char hash[CASE_HASH_LEN + 1], again[CASE_HASH_LEN + 1];
	struct str text = written(a, &f, hash);
	const struct json *v = tree(a, text);
	struct buf b;
	bool first = true;

	/* The same object with its members the other way round, and white space. */
	buf_init(&b, CASE_OBJECT_MAX);
	buf_cstr(&b, "{ ");
	JSON_MEMBERS(name, value, v)
		if (!str_eq(json_str(name), S("type"))) {
			buf_cstr(&b, first ? "" : " , ");
			json_print(name, &b);
			buf_cstr(&b, " :\n ");
			json_print(value, &b);
			first = false;
		}
	buf_cstr(&b, ", \"type\": \"" CASE_FACT "\" }");
	v = tree(a, arena_dup(a, buf_view(&b)));
	buf_done(&b);
	OK(case_fact_read(a, v, &got, again, NULL) == RC_OK && case_signed_by(a, v, str_of(key)), "a relay may write it otherwise");
	EQ_STR(str_of(again), str_of(hash), "it is the same");
}

/* Put in place of a part of a good object. */
static void refused(struct arena *a)
{
	static const struct { const char *what, *with, *why; } rows[] = {
		{ "\"type\":\"x-lianfang-fact\"", "\"type\":\"note\"", "expected an object of type" },
		{ "\"incident\":\"incident--", "\"incident\":\"indicator-", "/incident" },
		{ "\"incident\":\"" INCIDENT "\"", "\"incident\":7", "/incident" },
		{ "\"opened_by\":\"" BERT "\"", "\"opened_by\":\"bert\"", "/opened_by" },
		{ "\"number\":\"2026-000001\"", "\"number\":\"\"", "/number" },
		{ "\"title\":\"勒索 note\"", "\"title\":\"a\\u001b[2Jb\"", "/title" },
		{ "\"title\":\"勒索 note\",", "", "/title" },
		{ "[\"tw-2026\",\"eu-nis2\"]", "[]", "/packs" },
		{ "[\"tw-2026\",\"eu-nis2\"]", "[\"a b\"]", "/packs" },
		{ "[\"tw-2026\",\"eu-nis2\"]", "[7]", "/packs" },
		{ "[\"tw-2026\",\"eu-nis2\"]", "{}", "/packs" },
		{ "\"exercise\":true", "\"exercise\":1", "/exercise" },
		{ "\"serial\":2", "\"serial\":0", "/serial" },
		{ "\"serial\":2", "\"serial\":1", "/serial" },
		{ "\"serial\":2", "\"serial\":100001", "/serial" },
		{ "\"serial\":2", "\"serial\":2.5", "/serial" },
		{ "\"previous\":\"" HASH "\",", "", "/serial" },
		{ "\"previous\":\"0011", "\"previous\":\"00ZZ", "/previous" },
		{ "\"previous\":\"0011", "\"previous\":\"11", "/previous" },
		{ "\"id\":\"f-1\"", "\"id\":\"f-2\"", "/id" },
		{ "\"id\":\"f-1\",", "", "/id" },
		{ "\"at\":\"2026-02-27T15:40:00.123456Z\"", "\"at\":\"noon\"", "/at" },
		{ "\"level\":3", "\"level\":77", "level" },
		{ "\"fact\":{", "\"fact\":[", NULL },
		{ "\"by\":\"reporter\"", "\"by\":[]", "/by" },
		{ "\"created\":\"2026", "\"created\":\"20x6", "/created" },
	};
	struct case_fact f = sample(), got;
	char hash[CASE_HASH_LEN + 1];
	struct str text = written(a, &f, hash);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		size_t at = str_find(text, str_of(rows[i].what), 0);
		const struct json *v = NULL;
		struct err err = { 0 };
		struct buf b;
		enum rc rc;

		buf_init(&b, CASE_OBJECT_MAX);
		buf_str(&b, str_slice(text, 0, at));
		buf_cstr(&b, rows[i].with);
		buf_str(&b, str_slice(text, at + strlen(rows[i].what), text.n));
		rc = json_parse(a, arena_dup(a, buf_view(&b)), &JSON_LIMITS, &v, &err);
		if (rows[i].why == NULL)
			OK(at != SIZE_MAX && rc != RC_OK, "%s: is no JSON", rows[i].with);
		else
			OK(at != SIZE_MAX && rc == RC_OK && case_fact_read(a, v, &got, hash, &err) == RC_BAD && strstr(err.text, rows[i].why) != NULL,
			   "refused: %s (%s)", rows[i].with, err.text);
		buf_done(&b);
	}
}

static void others(struct arena *a)
{
	struct case_receipt_word r = { .author = S(BERT), .incident = S(INCIDENT), .object = S(CASE_FACT "--0c7b5495-26d8-5304-adf9-637685758ee7"),
				       .at = 1772206800123000, .tlp = TLP_AMBER, .refused = S("") }, got;
	struct case_node n = { .author = S(ANNA), .name = S("醫院"), .tier = S("provider"), .key = str_of(key), .cert = S(HASH), .at = 1772206800123000 }, who;
	struct case_incident i = { .id = S(INCIDENT), .author = S(ANNA), .title = S("t"), .created = 1772206800000000, .modified = 1772206900000000,
				   .open = true, .suspected = true, .exercise = true, .criticality = 75, .tlp = TLP_AMBER };
	struct err err = { 0 };
	struct buf b, c;
	size_t at;

	buf_init(&b, CASE_OBJECT_MAX);
	buf_init(&c, CASE_OBJECT_MAX);
	OK(case_receipt_write(&r, sec, &b, &err) == RC_OK, "a receipt: %s", err.text);
	OK(case_receipt_read(a, tree(a, arena_dup(a, buf_view(&b))), &got, &err) == RC_OK && got.at == r.at && str_eq(got.object, r.object) &&
	   str_eq(got.incident, r.incident) && str_eq(got.author, r.author) && got.refused.n == 0, "comes back: %s", err.text);
	OK(case_signed_by(a, tree(a, arena_dup(a, buf_view(&b))), str_of(key)), "signed");
	is_stix(a, arena_dup(a, buf_view(&b)), "a receipt");
	buf_clear(&b);
	r.refused = S("no pack 'xx'");
	OK(case_receipt_write(&r, sec, &b, &err) == RC_OK && case_receipt_read(a, tree(a, arena_dup(a, buf_view(&b))), &got, &err) == RC_OK &&
	   str_eq(got.refused, r.refused), "a refusal says why");
	buf_clear(&b);
	OK(case_node_write(&n, sec, &b, &err) == RC_OK, "a node says who it is: %s", err.text);
	OK(case_node_read(a, tree(a, arena_dup(a, buf_view(&b))), &who, &err) == RC_OK && str_eq(who.author, n.author) && str_eq(who.name, n.name) &&
	   str_eq(who.tier, n.tier) && str_eq(who.key, n.key) && str_eq(who.cert, n.cert) && who.at == n.at, "comes back: %s", err.text);
	is_stix(a, arena_dup(a, buf_view(&b)), "a node");
	at = str_find(buf_view(&b), S("provider"), 0);
	memcpy(b.p + at, "regional", 8);
	OK(case_node_read(a, tree(a, arena_dup(a, buf_view(&b))), &who, &err) == RC_BAD, "no such tier: %s", err.text);
	memcpy(b.p + at, "provider", 8);
	at = str_find(buf_view(&b), str_of("醫"), 0);
	b.p[at + 2]++;
	OK(case_node_read(a, tree(a, arena_dup(a, buf_view(&b))), &who, &err) == RC_BAD && strstr(err.text, "/signature") != NULL, "not signed so: %s", err.text);
	buf_clear(&b);
	n.tier = S("empire");
	OK(case_node_write(&n, sec, &b, &err) == RC_OK && case_node_read(a, tree(a, arena_dup(a, buf_view(&b))), &who, &err) == RC_BAD, "nobody knows that tier");
	buf_clear(&b);
	case_incident_write(&i, &b);
	is_stix(a, arena_dup(a, buf_view(&b)), "an incident");
	OK(str_find(buf_view(&b), S("\"created\":\"2026-02-27T15:40:00.000Z\",\"modified\":\"2026-02-27T15:41:40.000Z\""), 0) != SIZE_MAX &&
	   str_find(buf_view(&b), S("\"determination\":\"suspected\",\"investigation_status\":\"open\",\"criticality\":75"), 0) != SIZE_MAX &&
	   str_find(buf_view(&b), S("\"labels\":[\"exercise\"]"), 0) != SIZE_MAX, "with the common extension");
	buf_clear(&b);
	case_definition_write(&b, &c);
	is_stix(a, arena_dup(a, buf_view(&b)), "who made the extension");
	is_stix(a, arena_dup(a, buf_view(&c)), "the extension's definition");
	buf_done(&b);
	buf_done(&c);
}

static void bundle(struct arena *a)
{
	struct keys_cert_request q = { .common_name = "a", .valid_from = 0, .valid_until = 86400 * USEC_PER_SEC };
	struct case_seal seal = { .author = S(ANNA), .incident = S(INCIDENT), .at = 1772206800123000, .tlp = TLP_AMBER }, got;
	struct buf cert, keyp, out;
	struct case_fact f = sample();
	struct str objects[2], text;
	struct err err = { 0 };
	size_t unseen = 0;
	uint32_t n = 9;
	char *copy;

	buf_init(&cert, 65536);
	buf_init(&keyp, 65536);
	buf_init(&out, (size_t)1 << 20);
	OK(keys_make_cert(&q, NULL, NULL, &cert, &keyp, &err) == RC_OK, "a certificate");
	seal.cert = buf_view(&cert);
	objects[0] = written(a, &f, NULL);
	f.n = 3;
	f.fact = S("{\"id\":\"f-2\",\"at\":\"2026-02-27T15:50:00Z\",\"by\":\"reporter\",\"type\":\"contained\"}");
	objects[1] = written(a, &f, NULL);
	OK(case_bundle_write(&seal, keyp.p, objects, 2, &out, &err) == RC_OK, "a bundle: %s", err.text);
	text = arena_dup(a, str_trim(buf_view(&out)));
	OK(case_bundle_read(a, tree(a, text), &got, &n, &err) == RC_OK && n == 2, "is proved: %s", err.text);
	OK(str_eq(got.author, seal.author) && str_eq(got.incident, seal.incident) && str_eq(got.cert, seal.cert) && got.at == seal.at, "and says who wrote it");
	is_stix(a, text, "a bundle");
	copy = arena_alloc(a, text.n);
	for (size_t i = 0; i < text.n; i++) {
		struct arena *b = arena_new((size_t)8 << 20);
		const struct json *v;

		memcpy(copy, text.p, text.n);
		copy[i] = copy[i] == '1' ? '2' : '1';
		if (json_parse(b, str_make(copy, text.n), &JSON_LIMITS, &v, NULL) == RC_OK && case_bundle_read(b, v, &got, &n, NULL) == RC_OK)
			unseen++;
		arena_free(b);
	}
	/* The id of the bundle itself, and the facts' own signatures, which are looked at with the facts. */
	OK(unseen > 0 && unseen <= 36 + 2 * 88 + 16, "only what means nothing can be changed: %zu bytes", unseen);
	buf_clear(&out);
	OK(case_bundle_write(&seal, "no key", objects, 2, &out, &err) == RC_BAD, "without a key: %s", err.text);
	buf_clear(&out);
	OK(case_bundle_write(&seal, keyp.p, objects, 0, &out, &err) == RC_OK && case_bundle_read(a, tree(a, arena_dup(a, buf_view(&out))), &got, &n, &err) == RC_OK &&
	   n == 0, "an empty one");
	for (size_t i = 0; i < 3; i++) {
		static const char *const bad[] = { "{\"type\":\"bundle\",\"objects\":[]}", "{\"type\":\"bundle\",\"objects\":[7]}", "{\"type\":\"note\"}" };

		OK(case_bundle_read(a, tree(a, str_of(bad[i])), &got, &n, &err) == RC_BAD, "no bundle: %s", err.text);
	}
	buf_done(&cert);
	buf_done(&keyp);
	buf_done(&out);
}

static void no_memory(void)
{
	int64_t live = mem_live();
	bool done = false;

	for (uint64_t n = 1; !done && n < 1000; n++) {
		struct arena *a = arena_new((size_t)8 << 20);
		struct case_fact f = sample(), got;
		char hash[CASE_HASH_LEN + 1];
		const struct json *v;
		struct buf b;
		enum rc rc;

		buf_init(&b, CASE_OBJECT_MAX);
		mem_fail_at(n, 1);
		rc = case_fact_write(&f, sec, &b, hash, NULL);
		if (rc == RC_OK)
			rc = json_parse(a, buf_view(&b), &JSON_LIMITS, &v, NULL);
		if (rc == RC_OK)
			rc = case_fact_read(a, v, &got, hash, NULL);
		done = rc == RC_OK && case_signed_by(a, v, str_of(key));
		mem_fail_at(0, 0);
		buf_done(&b);
		arena_free(a);
	}
	OK(done, "without memory it fails, until there is some");
	EQ_INT(mem_live(), live, "and keeps nothing");
}

static void rights(void)
{
	enum { D = 1, UP = 2, OPENER = 4, BELOW = 8, HERE = 16, KNOWN = 32, OTHER = 64, NONE = 128 };
	static const struct { enum case_relation relation; int bits; const char *role, *type, *why; } rows[] = {
		/* a provider about its own incident */
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "reported", NULL },
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "contained", NULL },
		{ CASE_CHILD, D | OPENER | BELOW, "reviewer", "reviewed", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW | KNOWN, "reporter", "reviewed", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW, "authority", "rereviewed", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "forwarded", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "extended", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "returned", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "accepted", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW, "reporter", "decided", "does not decide" },
		{ CASE_CHILD, D | OPENER | BELOW | KNOWN, "reporter", "corrected", NULL },
		{ CASE_CHILD, D | OPENER | BELOW | KNOWN | OTHER, "reporter", "corrected", "what another office stated" },
		{ CASE_PARTNER, D | KNOWN | OTHER, "responder", "corrected", "what another office stated" },
		{ CASE_PARENT, D | UP | HERE | KNOWN | OTHER, "reviewer", "corrected", NULL },
		/* a provider about somebody else's */
		{ CASE_CHILD, D, "reporter", "contained", "of its own incidents" },
		{ CASE_CHILD, D | HERE, "reporter", "contained", "of its own incidents" },
		{ CASE_CHILD, D | HERE | KNOWN, "responder", "acknowledged", NULL },
		{ CASE_CHILD, D | HERE | KNOWN, "reporter", "contained", "only the node that opened" },
		{ CASE_CHILD, D | HERE | KNOWN, "reviewer", "reviewed", "only a region or a sector" },
		{ CASE_CHILD, D | HERE | KNOWN, "authority", "rereviewed", "not the authority" },
		{ CASE_CHILD, D | OPENER, "reporter", "reported", "of its own incidents" },
		{ CASE_CHILD, D | HERE | KNOWN, "responder", "rereviewed", "only a region or a sector" },
		{ CASE_CHILD, D | HERE | KNOWN, "responder", "closed", "only a region or a sector" },
		/* in a role that no pack knows */
		{ CASE_CHILD, D | HERE | KNOWN | NONE, "", "rereviewed", "no pack" },
		{ CASE_CHILD, D | OPENER | BELOW | NONE, "", "closed", "no pack" },
		{ CASE_CHILD, D | OPENER | BELOW | NONE, "", "dismissed", "no pack" },
		{ CASE_CHILD, D | OPENER | BELOW | NONE, "", "note", NULL },
		{ CASE_PARTNER, D | HERE | KNOWN | NONE, "friend", "reopened", "no pack" },
		{ CASE_PARENT, D | UP | HERE | KNOWN | NONE, "", "closed", "no pack" },
		/* a sector about its members' */
		{ CASE_CHILD, D | UP | BELOW, "reviewer", "reviewed", NULL },
		{ CASE_CHILD, D | UP | BELOW, "reviewer", "forwarded", NULL },
		{ CASE_CHILD, D | UP | BELOW, "authority", "rereviewed", "not the authority" },
		{ CASE_CHILD, D | UP | BELOW, "reporter", "contained", "only the node that opened" },
		{ CASE_CHILD, D | UP, "reviewer", "reviewed", "of its own incidents" },
		{ CASE_CHILD, OPENER | BELOW, "reporter", "reported", NULL },
		/* from above */
		{ CASE_PARENT, D | UP | HERE | KNOWN, "reviewer", "reviewed", NULL },
		{ CASE_PARENT, HERE | KNOWN, "authority", "rereviewed", NULL },
		{ CASE_PARENT, D | UP, "reviewer", "dispatched", NULL },
		{ CASE_PARENT, D | UP | HERE, "reporter", "contained", "reports its incident itself" },
		{ CASE_PARENT, D | UP, "reporter", "contained", "only the node that opened" },
		{ CASE_PARENT, D | UP | OPENER, "reporter", "contained", NULL },
		/* beside */
		{ CASE_PARTNER, D, "responder", "acknowledged", "was not shared" },
		{ CASE_PARTNER, D | HERE | KNOWN, "responder", "acknowledged", NULL },
		{ CASE_PARTNER, D | HERE | KNOWN, "investigator", "evidence", NULL },
		{ CASE_PARTNER, D | HERE | KNOWN, "reviewer", "reviewed", "neither reports nor reviews" },
		{ CASE_PARTNER, D | HERE | KNOWN, "reporter", "contained", "neither reports nor reviews" },
		{ CASE_PARTNER, D | HERE | KNOWN, "responder", "closed", "neither reports nor reviews" },
		{ CASE_PARTNER, D | KNOWN | OPENER, "reporter", "contained", NULL },
		{ CASE_PARTNER, BELOW | OPENER, "reporter", "reported", NULL },
		{ CASE_PARTNER, D | UP | BELOW, "reviewer", "dispatched", NULL },
		{ CASE_PARTNER, BELOW, "authority", "rereviewed", NULL },
		{ CASE_PARTNER, D | UP | BELOW, "reporter", "contained", "only the node that opened" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int b = rows[i].bits;
		struct case_side s = { .relation = rows[i].relation, .direct = b & D, .above = b & UP, .by_opener = b & OPENER, .opened_below = b & BELOW,
				       .opened_here = b & HERE, .known = b & KNOWN, .of_other = b & OTHER, .has_role = (b & NONE) == 0 };
		const char *why = case_refused(&s, str_of(rows[i].role), str_of(rows[i].type));

		OK(rows[i].why == NULL ? why == NULL : why != NULL && strstr(why, rows[i].why) != NULL, "%s %s %s: %s",
		   s.relation == CASE_CHILD ? "from below" : s.relation == CASE_PARENT ? "from above" : "from beside", rows[i].role, rows[i].type,
		   why == NULL ? "yes" : why);
	}
}

int main(void)
{
	struct arena *a = arena_new((size_t)64 << 20);

	draw_key();
	whole_fact(a);
	titles(a);
	every_byte(a);
	canonical(a);
	refused(a);
	others(a);
	bundle(a);
	no_memory();
	rights();
	arena_free(a);
	return tap_done();
}
