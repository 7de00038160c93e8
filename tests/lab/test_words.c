/* Reports in words and as STIX, from reports made here by hand: every verdict, every sort of match, and what a worker that means ill could say. */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "lab/citizen.h"
#include "lab/report_read.h"
#include "lab/report_stix.h"
#include "stix/validate.h"
#include "tap.h"

#define ARENA ((size_t)8 << 20)
#define OUT ((size_t)4 << 20)
#define DAY ((usec)1790000000 * USEC_PER_SEC)

static struct arena *a;



/* One of these per row; NULL ends. */
struct row {
	const char *name;
	const char *path;
	struct lab_report_match matches[3];
	struct lab_report_unseen unseen[2];
	bool broken;
	uint64_t types;
	enum lab_verdict verdict;
	const char *en, *zh;               /* the verdict's sentence begins so */
	const char *found_en, *found_zh;   /* first line of what was found */
	const char *unseen_en, *unseen_zh; /* of what was not seen */
	size_t lines[LAB_PARTS];
	const char *result;                /* of the malware-analysis */
	size_t indicators;
};

#define NO_MATCH { { .m.length = 0 } }
#define ALL_SEEN { { .length = 0 } }
#define M(k, wt, i, ...) { .m = { .kind = k, .weight = wt, .id = S(i), __VA_ARGS__ } }

static const struct row rows[] = {
	{ "nothing found", "plain.txt", NO_MATCH, ALL_SEEN, false, 0, LAB_V_NO_FINDING, "Every part of this file was looked at", "這個檔案的每一部分都已檢視",
	  "Nothing in what was looked at.", "已檢視的部分中沒有發現。", "Nothing: all 3 parts, 1000 bytes in all, were looked at.",
	  "沒有：3 個部分、共 1000 位元組都已檢視。", { 1, 1, 3, 3 }, "unknown", 0 },
	{ "malicious by a rule", "/home/kim/letter.doc", { M(LAB_RULE, LAB_MALICIOUS, "Evil_Rule", .author = S("Lin")) }, ALL_SEEN, false, 0, LAB_V_MALICIOUS,
	  "This file is malicious. Do not open it.", "這個檔案是惡意的，請勿開啟。", "It fits the detection rule Evil_Rule (by Lin).",
	  "符合偵測規則 Evil_Rule（作者 Lin）。", "Nothing: all 3 parts", "沒有：3 個部分", { 1, 1, 4, 3 }, "malicious", 1 },
	{ "malicious inside", "x", { M(LAB_FEATURE, LAB_SUSPICIOUS, "zip.names-differ"), { .path = S("in.zip"), .m = { .kind = LAB_FEATURE, .weight = LAB_MALICIOUS,
	  .id = S("EICAR-Test-File") } } }, ALL_SEEN, false, 0, LAB_V_MALICIOUS, "This file is malicious", "這個檔案是惡意的",
	  "It is the EICAR test file: made to be found by every scanner, it does nothing by itself. (in in.zip)",
	  "這是 EICAR 測試檔：專供測試偵測功能之用，本身不會做任何事。（位於 in.zip）", "Nothing", "沒有", { 2, 1, 4, 3 }, "malicious", 2 },
	{ "malicious in a piece that is no file", "x", { { .path = S("in.zip//s"), .m = { .kind = LAB_RULE, .weight = LAB_MALICIOUS, .id = S("R") } } }, ALL_SEEN, false, 0,
	  LAB_V_MALICIOUS, "This", "這", "It fits the detection rule R. (in in.zip//s)", "符合偵測規則 R。（位於 in.zip//s）", "Nothing", "沒有", { 1, 1, 4, 3 }, "malicious", 1 },
	{ "malicious by digest", "x", { M(LAB_HASH, LAB_MALICIOUS, "known-worm") }, ALL_SEEN, false, 0, LAB_V_MALICIOUS, "This file is malicious", "這個檔案是惡意的",
	  "Its fingerprint is on a list of known malicious files: known-worm.", "檔案指紋列於已知惡意清單：known-worm。", "Nothing", "沒有", { 1, 1, 4, 3 },
	  "malicious", 1 },
	{ "malicious for ClamAV", "x", { M(LAB_CLAMAV, LAB_MALICIOUS, "Win.Test"), M(LAB_CLAMAV, LAB_MALICIOUS, "Win.Test", .at = 5) }, ALL_SEEN, false, 0, LAB_V_MALICIOUS,
	  "This file is malicious", "這個檔案是惡意的", "ClamAV calls it Win.Test.", "ClamAV 判定為 Win.Test。", "Nothing", "沒有", { 1, 1, 4, 3 }, "malicious", 1 },
	{ "suspicious", "x", { M(LAB_FEATURE, LAB_SUSPICIOUS, "macro.acts-by-itself"), M(LAB_FEATURE, LAB_SUSPICIOUS, "new.trait", .why = S("it is odd")) }, ALL_SEEN, false, 0,
	  LAB_V_SUSPICIOUS, "This file is suspicious", "這個檔案可疑", "It holds a program (macro) that runs by itself", "文件內含巨集程式，一開啟就會自行執行", "Nothing", "沒有",
	  { 2, 1, 3, 3 }, "suspicious", 0 },
	{ "a trait that has no words yet", "x", { M(LAB_FEATURE, LAB_SUSPICIOUS, "new.trait", .why = S("it is odd")) }, ALL_SEEN, false, 0, LAB_V_SUSPICIOUS,
	  "This file is suspicious", "這個檔案可疑", "It has the trait new.trait: it is odd.", "具有特徵 new.trait（it is odd）。", "Nothing", "沒有", { 1, 1, 3, 3 }, "suspicious", 0 },
	{ "known good", "x", { M(LAB_HASH, LAB_GOOD, "debian") }, ALL_SEEN, false, 0, LAB_V_KNOWN_GOOD, "This file is the same, byte for byte", "這個檔案與已知良好清單",
	  "Its fingerprint is on a list of known good files: debian.", "檔案指紋列於已知良好清單：debian。", "Nothing", "沒有", { 1, 1, 1, 3 }, "benign", 0 },
	{ "encrypted part", "x", NO_MATCH, { { S("s.doc"), S("encrypted: s.doc"), 30, 400 } }, false, 0, LAB_V_INCOMPLETE, "Part of this file could not", "這個檔案有一部分無法檢視",
	  "Nothing in what was looked at.", "已檢視的部分中沒有發現。", "s.doc: It is locked with a password. Hand it in again together with the password.",
	  "s.doc：有密碼保護，無法打開。請連同密碼再送一次。", { 1, 2, 3, 3 }, "unknown", 0 },
	{ "a reason that has no words yet", "x", NO_MATCH, { { S(""), S("gone fishing"), 0, 1000 } }, false, 0, LAB_V_INCOMPLETE, "Part of this file", "這個檔案有一部分",
	  "Nothing", "已檢視", "gone fishing", "gone fishing", { 1, 2, 3, 3 }, "unknown", 0 },
	{ "a worker that came to a bad end", "x", NO_MATCH, { { S(""), S("the worker was killed"), 0, 1000 } }, true, 0, LAB_V_INCOMPLETE, "Part of this file", "這個檔案有一部分",
	  "Nothing", "已檢視", "Its inspection came to a bad end", "檢視中途失敗", { 1, 2, 3, 3 }, "unknown", 0 },
	{ "of a kind nothing opens", "x", NO_MATCH, { { S(""), S("nothing here opens chm"), 0, 1000 } }, false, LAB_TYPE(LAB_CHM), LAB_V_UNSUPPORTED, "This kind of file cannot be opened here",
	  "這裡無法打開這種檔案", "Nothing", "已檢視", "It is of a kind that cannot be opened here.", "這裡無法打開這種格式。", { 1, 2, 3, 3 }, "unknown", 0 },
};

static struct lab_report_child children[] = {
	{ .path = S("in.zip"), .how = S("member"), .size = 300, .depth = 1, .sha256 = { 1 } },
	{ .path = S("in.zip//s"), .how = S("stream"), .size = 20, .depth = 2, .sha256 = { 2 } },
};

static void make(const struct row *row, struct lab_report *r)
{
	lab_report_begin(r, a, str_of(row->path), S("gen-1"), 700);
	for (unsigned i = 0; i < SHA256_LEN; i++)
		r->sha256[i] = (unsigned char)i;
	memset(r->sha1, 0x11, sizeof r->sha1);
	memset(r->md5, 0x22, sizeof r->md5);
	r->hashed = true;
	r->ended = !row->broken;
	r->types = row->types;
	r->bytes_total = 1000;
	r->n_children = 2;
	r->children.p = children;
	r->children.n = COUNTOF(children);
	r->matches.p = (struct lab_report_match *)(uintptr_t)row->matches;
	while (r->matches.n < COUNTOF(row->matches) && row->matches[r->matches.n].m.id.n > 0)
		r->matches.n++;
	r->unseen.p = (struct lab_report_unseen *)(uintptr_t)row->unseen;
	while (r->unseen.n < COUNTOF(row->unseen) && row->unseen[r->unseen.n].why.n > 0)
		r->unseen.n++;
	r->bytes_seen = r->unseen.n > 0 ? 600 : 1000;
}

/* No sentence may call a file safe, in either language. */
static bool promises(struct str text)
{
	return str_find(text, S("safe"), 0) != SIZE_MAX || str_find(text, S("安全的"), 0) != SIZE_MAX || str_find(text, S("可安心"), 0) != SIZE_MAX ||
	       str_find(text, S("無害"), 0) != SIZE_MAX;
}

static void words_of(const struct row *row, const struct lab_report *r, bool zh)
{
	struct lab_citizen c;
	struct err err = { 0 };
	struct buf text;

	if (!OK(lab_citizen_say(a, r, zh, &c, &err) == RC_OK, "%s: is said %s", row->name, err.text))
		return;
	OK(str_starts(c.verdict, str_of(zh ? row->zh : row->en)), "%s: the verdict: %.*s", row->name, STR(c.verdict));
	OK(str_starts(c.part[LAB_PART_FOUND].line[0], str_of(zh ? row->found_zh : row->found_en)), "%s: what was found: %.*s", row->name,
	   STR(c.part[LAB_PART_FOUND].line[0]));
	OK(str_starts(c.part[LAB_PART_NOT_SEEN].line[0], str_of(zh ? row->unseen_zh : row->unseen_en)), "%s: what was not seen: %.*s", row->name,
	   STR(c.part[LAB_PART_NOT_SEEN].line[0]));
	for (size_t p = 0; p < LAB_PARTS; p++)
		OK(c.part[p].n == row->lines[p], "%s: %s: %zu lines", row->name, lab_part_title((enum lab_part)p, zh), c.part[p].n);
	buf_init(&text, OUT);
	lab_citizen_text(&c, &text);
	OK(text.bad == RC_OK && utf8_valid(buf_view(&text), NULL) && !promises(buf_view(&text)), "%s: well-formed, and nothing is promised", row->name);
	buf_done(&text);
}

static const struct json *bundle_of(const struct lab_report *r, const struct lab_stix_how *how, struct str *ret_text)
{
	const struct json *v = NULL;
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, OUT);
	if (lab_stix_bundle(a, r, how, &b, &err) == RC_OK) {
		*ret_text = arena_dup(a, buf_view(&b));
		if (json_parse(a, *ret_text, &JSON_LIMITS, &v, &err) != RC_OK)
			v = NULL;
	}
	if (v == NULL)
		printf("# %s\n", err.text);
	buf_done(&b);
	return v;
}

static const struct json *object_of(const struct json *bundle, const char *type, size_t nth)
{
	JSON_EACH(o, json_get(bundle, S("objects")))
		if (str_eq(json_get_str(o, S("type")), str_of(type)) && nth-- == 0)
			return o;
	return NULL;
}

static struct str first_of(const struct json *list)
{
	JSON_EACH(one, list)
		return json_str(one);
	return S("");
}

static size_t count_of(const struct json *bundle, const char *type)
{
	size_t n = 0;

	while (object_of(bundle, type, n) != NULL)
		n++;
	return n;
}

static void tell_problem(void *ctx, const struct stix_problem *p)
{
	(void)ctx;
	printf("# %.*s: %.*s (%s)\n", STR(p->pointer), STR(p->message), p->clause);
}

static void stix_of(const struct row *row, const struct lab_report *r)
{
	static const struct stix_validate_opts strict = { .spec = 21, .shoulds = true, .strict = true, .refs_inside = true, .without = "uuid-check" };
	struct lab_stix_how how = { .creator = S(""), .tlp = TLP_GREEN };
	struct str text = S(""), again = S("");
	const struct json *b = bundle_of(r, &how, &text);
	struct stix_verdict said = { 0 };

	if (!OK(b != NULL && bundle_of(r, &how, &again) != NULL && str_eq(text, again), "%s: a bundle, byte for byte the same again", row->name))
		return;
	OK(stix_validate(b, &strict, tell_problem, NULL, &said, NULL) == RC_OK && said.shoulds == 0, "%s: sound, %u objects", row->name, said.objects);
	OK(count_of(b, "file") == 3 && count_of(b, "malware-analysis") == 1 && count_of(b, "note") == 1, "%s: files, analysis and note", row->name);
	EQ_STR(json_get_str(object_of(b, "malware-analysis", 0), S("result")), str_of(row->result), "result");
	EQ_STR(json_get_str(object_of(b, "malware-analysis", 0), S("result_name")), str_of(lab_verdict_name(row->verdict)), "result_name");
	OK(count_of(b, "indicator") == row->indicators && count_of(b, "malware") == (row->indicators > 0) &&
	   count_of(b, "relationship") == (row->indicators > 0 ? row->indicators + 1 : 0), "%s: %zu indicators", row->name, count_of(b, "indicator"));
}

static struct str json_of(const struct lab_report *r)
{
	struct jsonw w;
	struct buf b;
	struct str text;

	buf_init(&b, OUT);
	jsonw_init(&w, &b);
	lab_report_json(r, &w);
	text = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return text;
}

/* What was kept says the same. */
static void read_again(const struct row *row, const struct lab_report *r)
{
	struct lab_stix_how how = { .creator = S(""), .tlp = TLP_GREEN };
	struct str text = json_of(r), stix = S(""), stix_again = S("");
	struct lab_report again;
	struct err err = { 0 };

	if (!OK(lab_report_read(a, text, &again, &err) == RC_OK, "%s: is read again %s", row->name, err.text))
		return;
	EQ_STR(json_of(&again), text, "and is the same");
	OK(lab_verdict_of(&again) == row->verdict && bundle_of(r, &how, &stix) != NULL && bundle_of(&again, &how, &stix_again) != NULL && str_eq(stix, stix_again),
	   "%s: of one verdict and one bundle", row->name);
}

static void rows_all(void)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct lab_report r;

		make(&rows[i], &r);
		OK(lab_verdict_of(&r) == rows[i].verdict, "%s: %s", rows[i].name, lab_verdict_name(lab_verdict_of(&r)));
		words_of(&rows[i], &r, false);
		words_of(&rows[i], &r, true);
		stix_of(&rows[i], &r);
		read_again(&rows[i], &r);
		arena_reset(a);
	}
}

/* The objects themselves, member by member. */
static void bundle_exact(void)
{
	struct lab_stix_how how = { .creator = S(""), .tlp = TLP_GREEN };
	struct lab_report_fact facts[] = { { S(""), S("ctph"), S("3:abc:def") }, { S(""), S("tlsh"), S("T1E4253312DE23851C4BFBA621525B147BB05C3F1B79F31A5AFE2E47A2C659C2303D2936") }, { S("in.zip"), S("tlsh"), S("T1FF") } };
	const struct json *b, *f, *i;
	struct str text;
	struct lab_report r;

	make(&rows[2], &r);
	r.facts.p = facts;
	r.facts.n = COUNTOF(facts);
	r.path = S("/home/kim/lett\xFF" "er.doc");
	b = bundle_of(&r, &how, &text);
	f = object_of(b, "file", 0);
	EQ_STR(json_get_str(json_get(f, S("hashes")), S("SHA-256")), S("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), "SHA-256");
	EQ_STR(json_get_str(json_get(f, S("hashes")), S("SHA-1")), S("1111111111111111111111111111111111111111"), "SHA-1");
	EQ_STR(json_get_str(json_get(f, S("hashes")), S("MD5")), S("22222222222222222222222222222222"), "MD5");
	EQ_STR(json_get_str(json_get(f, S("hashes")), S("SSDEEP")), S("3:abc:def"), "SSDEEP");
	EQ_STR(json_get_str(json_get(f, S("hashes")), S("TLSH")), S("E4253312DE23851C4BFBA621525B147BB05C3F1B79F31A5AFE2E47A2C659C2303D2936"), "TLSH as STIX has it");
	EQ_STR(json_get_str(f, S("name")), S("lett\uFFFDer.doc"), "no folder of who handed it in, and well-formed");
	OK(json_get(f, S("contains_refs"))->n == 1 &&
	   str_eq(first_of(json_get(f, S("contains_refs"))), json_get_str(object_of(b, "file", 1), S("id"))), "the file contains its member");
	OK(str_eq(first_of(json_get(object_of(b, "file", 1), S("contains_refs"))), json_get_str(object_of(b, "file", 2), S("id"))) &&
	   json_get(object_of(b, "file", 2), S("contains_refs")) == NULL, "which contains a stream, which contains nothing");
	OK(json_get(object_of(b, "file", 2), S("name")) == NULL, "what has no name gets none");
	facts[0].value = S("x");
	facts[1].value = S("T1zz");
	OK(json_get(json_get(object_of(bundle_of(&r, &how, &text), "file", 0), S("hashes")), S("SSDEEP")) == NULL &&
	   json_get(json_get(object_of(bundle_of(&r, &how, &text), "file", 0), S("hashes")), S("TLSH")) == NULL, "what is no digest is none");
	i = object_of(b, "indicator", 0);
	EQ_STR(json_get_str(i, S("pattern")), S("[file:hashes.'SHA-256' = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' OR "
						 "file:hashes.'SHA-1' = '1111111111111111111111111111111111111111' OR "
						 "file:hashes.MD5 = '22222222222222222222222222222222']"), "pattern of the submission");
	EQ_STR(json_get_str(object_of(b, "indicator", 1), S("pattern")),
	       S("[file:hashes.'SHA-256' = '0100000000000000000000000000000000000000000000000000000000000000']"), "pattern of the member");
	EQ_STR(json_get_str(i, S("name")), S("EICAR-Test-File"), "what it is called");
	OK(str_find(json_get_str(i, S("description")), S("kim"), 0) == SIZE_MAX, "and nothing of where it lay");
	EQ_STR(json_get_str(object_of(b, "note", 0), S("content")),
	       S("Verdict: malicious. 1000 of 1000 bytes of 3 parts were seen.\nsuspicious feature: zip.names-differ, 0 bytes at 0\n"
		 "malicious feature: EICAR-Test-File, 0 bytes at 0 in in.zip"), "the note");
	OK(json_get(i, S("created_by_ref")) == NULL, "nobody made it who has no name");
}

static struct str id_of(const struct lab_report *r, const struct lab_stix_how *how, const char *type)
{
	struct str text;

	return json_get_str(object_of(bundle_of(r, how, &text), type, 0), S("id"));
}

static void ids(void)
{
	struct lab_stix_how how = { .creator = S(""), .tlp = TLP_GREEN }, dated = how, later, other;
	struct lab_report r, next;
	const struct json *i;
	struct str text;

	make(&rows[1], &r);
	make(&rows[1], &next);
	next.generation = S("gen-2");
	dated.at = DAY;
	dated.creator = S("identity--f431f809-377b-45e0-aa1c-6a4751cae5ff");
	later = other = dated;
	later.at = DAY + 3600 * USEC_PER_SEC;
	other.creator = S("identity--a431f809-377b-45e0-aa1c-6a4751cae5ff");
	OK(str_eq(id_of(&r, &how, "file"), id_of(&next, &how, "file")), "a file is the same file in each generation");
	OK(!str_eq(id_of(&r, &how, "indicator"), id_of(&next, &how, "indicator")), "without a date another generation's indicator is another");
	OK(str_eq(id_of(&r, &dated, "indicator"), id_of(&next, &later, "indicator")), "with one it is a version of the same");
	OK(!str_eq(id_of(&r, &dated, "malware-analysis"), id_of(&next, &dated, "malware-analysis")), "an analysis is of its generation");
	OK(!str_eq(id_of(&r, &dated, "indicator"), id_of(&r, &other, "indicator")), "and each node has its own");
	later.revoked = true;
	i = object_of(bundle_of(&r, &later, &text), "indicator", 0);
	OK(json_get(i, S("revoked")) != NULL && str_eq(json_get_str(i, S("modified")), S("2026-09-21T15:13:20.000Z")), "revoked, %.*s",
	   STR(json_get_str(i, S("modified"))));
	EQ_STR(json_get_str(i, S("created_by_ref")), later.creator, "created_by_ref");
	EQ_STR(id_of(&r, &how, "file"), S("file--e7f1d906-bc30-5ddf-abe2-3e2aa6d4e4e6"), "the id that the reference library gives");
	arena_reset(a);
}

/* What a worker in other hands may say. */
static void hostile(void)
{
	static struct lab_report_child many[LAB_SHOWN_MAX];
	struct lab_stix_how how = { .creator = S(""), .tlp = TLP_RED };
	struct lab_citizen c;
	const struct json *b;
	struct lab_report r;
	struct str text;
	struct row row = rows[1];

	row.path = "\xFF\xFE/\xE2\x80\xAE/a\nb";
	for (size_t i = 0; i < COUNTOF(many); i++)
		many[i] = (struct lab_report_child){ .path = i % 3 == 0 ? S("a//b") : S("\xE2\x80\xAEx"), .how = i % 2 == 0 ? S("member") : S("no such"),
						      .size = UINT64_MAX >> 1, .depth = (uint32_t)(i * 2654435761u), .sha256 = { (unsigned char)(i % 7) } };
	make(&row, &r);
	r.children.p = many;
	r.children.n = COUNTOF(many);
	b = bundle_of(&r, &how, &text);
	OK(b != NULL && stix_validate(b, NULL, tell_problem, NULL, NULL, NULL) == RC_OK, "depths and names that cannot be give a sound bundle");
	OK(lab_citizen_say(a, &r, true, &c, NULL) == RC_OK && str_find(c.name, S("\xE2\x80\xAE"), 0) == SIZE_MAX, "what turns letters round is shown: %.*s", STR(c.name));
	make(&row, &r);
	r.hashed = false;
	b = bundle_of(&r, &how, &text);
	OK(b != NULL && count_of(b, "indicator") == 0 && stix_validate(b, NULL, tell_problem, NULL, NULL, NULL) == RC_OK, "without digests: sound, and no indicator");
	r.path = S("");
	b = bundle_of(&r, &how, &text);
	OK(b != NULL && stix_validate(b, NULL, tell_problem, NULL, NULL, NULL) == RC_OK, "without digests and name: sound");
	make(&row, &r);
	r.size = 0;
	OK(count_of(bundle_of(&r, &how, &text), "indicator") == 0, "an empty file is no indicator");
	arena_reset(a);
}

static void kept_badly(void)
{
	static const struct { const char *text; bool good; } texts[] = {
		{ "", false }, { "[]", false }, { "{}", false }, { "{\"verdict\":1}", false }, { "{\"verdict\":\"malicious\"}", true },
		{ "{\"verdict\":\"malicious\",\"tree\":[{}]}", false }, { "{\"verdict\":\"x\",\"tree\":[7]}", false },
		{ "{\"verdict\":\"x\",\"matches\":[7,{\"kind\":\"no\",\"weight\":\"no\",\"bytes\":\"zz\",\"offset\":-1}],\"facts\":{},\"unseen\":[[]]}", true },
	};

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		struct lab_report r;
		struct str out;
		struct lab_stix_how how = { .creator = S(""), .tlp = TLP_RED };
		bool good = lab_report_read(a, str_of(texts[i].text), &r, NULL) == RC_OK;

		OK(good == texts[i].good && (!good || bundle_of(&r, &how, &out) != NULL), "kept badly: %s", texts[i].text);
	}
	arena_reset(a);
}

static void json_exact(void)
{
	struct lab_citizen c = { .zh = true, .verdict = S("v"), .part = { { .line = { S("f\"") }, .n = 1 }, { .n = 0 }, { .line = { S("d"), S("e") }, .n = 2 } } };
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	lab_citizen_json(&c, &w);
	EQ_STR(buf_view(&b), S("{\"language\":\"zh-TW\",\"verdict\":\"v\",\"found\":[\"f\\\"\"],\"not_seen\":[],\"to_do\":[\"d\",\"e\"],\"tell\":[]}"), "as JSON");
	buf_done(&b);
}

static void no_memory(void)
{
	int64_t live = mem_live();
	bool clean = true, done = false;

	for (uint64_t n = 1; n < 5000 && !done; n++) {
		struct lab_stix_how how = { .creator = S(""), .tlp = TLP_RED };
		struct arena *mine;
		struct lab_citizen c;
		struct lab_report r;
		struct buf b;

		make(&rows[2], &r);
		mine = arena_new(ARENA);
		buf_init(&b, OUT);
		mem_fail_at(n, 0);
		done = lab_stix_bundle(mine, &r, &how, &b, NULL) == RC_OK && lab_citizen_say(mine, &r, true, &c, NULL) == RC_OK;
		mem_fail_at(0, 0);
		clean = clean && (!done || b.bad == RC_OK);
		buf_done(&b);
		arena_free(mine);
	}
	OK(done && clean && mem_live() == live, "memory that fails at any place: said, and nothing is left behind");
}

int main(void)
{
	a = arena_new((size_t)64 << 20);
	rows_all();
	bundle_exact();
	ids();
	hostile();
	kept_badly();
	json_exact();
	no_memory();
	arena_free(a);
	return tap_done();
}
