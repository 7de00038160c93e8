/* Ids: files as the standard wants them (STIX 2.1 §2.9), everything else from creator, digest and what it is. Names of files in the
 * bundle are strangers' bytes: mended to well-formed text, last step of their path only. */
#include "lab/report_stix.h"

#include "base/text.h"
#include "lab/similar.h"
#include "stix/id.h"
#include "stix/write.h"

#define UNDATED ((usec)1577836800 * USEC_PER_SEC) /* 2020-01-01: any fixed day does */
#define NAME_BYTES 1024
#define INTEGER_MAX (((uint64_t)1 << 53) - 1) /* STIX 2.1 §2.10 */
#define LINES_MAX 100  /* of matches, and of unseen, in the note */
#define LINE_BYTES ((size_t)16 << 10)
#define NOTE_BYTES ((size_t)1 << 20)

struct stix_file {
	struct str id;
	size_t parent;  /* of the array */
	bool twin;      /* one of this id stands before it */
};

struct writing {
	struct arena *a;
	const struct lab_report *r;
	const struct lab_stix_how *how;
	struct jsonw *w;
	struct stix_file *files; /* the submission, then its children as the report has them */
	size_t n_files;
	char analysis[LAB_STIX_ID], malware[LAB_STIX_ID];
};

static usec moment(const struct lab_stix_how *how)
{
	return how->at != 0 ? how->at : UNDATED;
}

/* --- ids --- */

static struct str make_id(const char *type, const struct lab_stix_how *how, struct str key, struct str generation, char out[static LAB_STIX_ID])
{
	char id[STIX_ID_MAX + 1];
	struct buf name;
	struct str made;

	buf_init(&name, 64 << 10);
	buf_cstr(&name, "lab\n");
	buf_str(&name, how->creator);
	buf_char(&name, '\n');
	buf_str(&name, generation);
	buf_char(&name, '\n');
	buf_str(&name, key);
	made = stix_derived_id(str_of(type), buf_view(&name), id);
	buf_done(&name);
	snprintf(out, LAB_STIX_ID, "%.*s", STR(made));
	return str_of(out);
}

static struct str digest_of(const unsigned char *sha256)
{
	return str_make((const char *)sha256, SHA256_LEN);
}

/* Without digests the submission is known by its name alone. */
static struct str key_of(const struct lab_report *r)
{
	return r->hashed ? digest_of(r->sha256) : r->path;
}

struct str lab_indicator_id(const struct lab_stix_how *how, const unsigned char *sha256, struct str generation, char out[static LAB_STIX_ID])
{
	return make_id("indicator", how, digest_of(sha256), how->at != 0 ? S("") : generation, out);
}

/* --- what is harmful --- */

bool lab_is_file(struct str how)
{
	static const char *const files[] = { "member", "attachment", "object", "unpacked", "mail" };

	for (size_t i = 0; i < COUNTOF(files); i++)
		if (str_eq(how, str_of(files[i])))
			return true;
	return false;
}

static const struct lab_report_match *worst_in(const struct lab_report *r, struct str path, bool anywhere)
{
	for (size_t i = 0; i < r->matches.n; i++)
		if (r->matches.p[i].m.weight == LAB_MALICIOUS && (anywhere || str_eq(r->matches.p[i].path, path)))
			return &r->matches.p[i];
	return NULL;
}

static bool listed(const struct lab_harmful *list, size_t n, const unsigned char *sha256)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(list[i].sha256, sha256, SHA256_LEN) == 0)
			return true;
	return false;
}

size_t lab_harmful(const struct lab_report *r, struct lab_harmful list[static LAB_HARMFUL_MAX])
{
	const struct lab_report_match *m = worst_in(r, S(""), true);
	size_t n = 0;

	if (m == NULL || !r->hashed || r->size == 0)
		return 0;
	list[n++] = (struct lab_harmful){ r->sha256, r->sha1, r->md5, m };
	for (size_t i = 0; i < r->children.n && n < LAB_HARMFUL_MAX; i++) {
		const struct lab_report_child *c = &r->children.p[i];

		m = c->size > 0 && lab_is_file(c->how) ? worst_in(r, c->path, false) : NULL;
		if (m != NULL && !listed(list, n, c->sha256))
			list[n++] = (struct lab_harmful){ c->sha256, NULL, NULL, m };
	}
	return n;
}

/* --- files --- */

static void put_digest(struct jsonw *w, const char *name, const unsigned char *bytes, size_t n)
{
	struct buf hex;

	buf_init(&hex, 256);
	hex_put(&hex, str_make((const char *)bytes, n));
	jsonw_m_str(w, name, buf_view(&hex));
	buf_done(&hex);
}

static struct str fact_of(const struct lab_report *r, const char *name)
{
	for (size_t i = 0; i < r->facts.n; i++)
		if (r->facts.p[i].path.n == 0 && str_eq(r->facts.p[i].name, str_of(name)))
			return r->facts.p[i].value;
	return S("");
}

/* A digest of similarity, if it is one. */
static void put_ctph(const struct lab_report *r, struct jsonw *w)
{
	struct str value = fact_of(r, "ctph");

	if (value.n < CTPH_TEXT_MAX && utf8_valid(value, NULL) && ctph_score(value, value) == 100)
		jsonw_m_str(w, "SSDEEP", value);
}

/* STIX means TLSH as it was before versions stood before it. */
static void put_tlsh(const struct lab_report *r, struct jsonw *w)
{
	struct str value = fact_of(r, "tlsh");

	if (tlsh_place(value) >= 0)
		jsonw_m_str(w, "TLSH", str_starts(value, S("T1")) ? str_slice(value, 2, value.n) : value);
}

static void put_hashes(const struct lab_report *r, size_t file, struct jsonw *w)
{
	if (file == 0 && !r->hashed)
		return;
	jsonw_name(w, "hashes");
	jsonw_object(w);
	if (file == 0) {
		put_digest(w, "MD5", r->md5, MD5_LEN);
		put_digest(w, "SHA-1", r->sha1, SHA1_LEN);
		put_digest(w, "SHA-256", r->sha256, SHA256_LEN);
		put_ctph(r, w);
		put_tlsh(r, w);
	} else {
		put_digest(w, "SHA-256", r->children.p[file - 1].sha256, SHA256_LEN);
	}
	jsonw_object_end(w);
}

static struct str last_step(struct str path)
{
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
			return str_slice(path, i, path.n);
	return path;
}

static void put_name(const struct lab_report *r, size_t file, struct jsonw *w)
{
	struct str name = last_step(file == 0 ? r->path : r->children.p[file - 1].path);
	struct buf b;

	/* What its container gives no name was called by the lab. */
	if (file > 0 && (name.n == 0 || !lab_is_file(r->children.p[file - 1].how)))
		return;
	/* A file has digests or a name (STIX 2.1 §6.7); a worker that died early gave none, and its sender may have given none. */
	if (name.n == 0 && r->hashed)
		return;
	name = name.n == 0 ? S("unnamed") : name;
	buf_init(&b, 4 * NAME_BYTES);
	utf8_mend(&b, str_slice(name, 0, name.n < NAME_BYTES ? name.n : NAME_BYTES));
	jsonw_m_str(w, "name", buf_view(&b));
	buf_done(&b);
}

/* What the id is made of, and the size. */
static void put_file_core(const struct lab_report *r, size_t file, struct jsonw *w)
{
	uint64_t size = file == 0 ? r->size : r->children.p[file - 1].size;

	put_hashes(r, file, w);
	if (size <= INTEGER_MAX)
		jsonw_m_int(w, "size", (int64_t)size);
	put_name(r, file, w);
}

static enum rc file_id(struct writing *x, size_t file, struct err *err)
{
	char id[STIX_ID_MAX + 1];
	const struct json *sco;
	struct str made;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, LINE_BYTES);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", "file");
	put_file_core(x->r, file, &w);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "report as STIX");
	if (rc == RC_OK)
		rc = json_parse(x->a, buf_view(&b), &JSON_LIMITS, &sco, err);
	/* A file of neither digest nor name: then it is known by nothing that lasts. */
	if (rc == RC_OK && !stix_sco_id_fixed(sco))
		made = make_id("file", x->how, key_of(x->r), x->r->generation, id);
	else if (rc == RC_OK)
		rc = stix_sco_id(sco, id, &made, err);
	buf_done(&b);
	TRY(rc);
	x->files[file].id = arena_dup(x->a, made);
	return x->files[file].id.p == NULL ? FAIL(err, RC_NOMEM, "report as STIX: out of memory") : RC_OK;
}

static bool has_id(const struct writing *x, size_t until, struct str id)
{
	for (size_t i = 0; i < until; i++)
		if (str_eq(x->files[i].id, id))
			return true;
	return false;
}

/* Children come in the order in which they were met, each before what is in it: the one above is the last that was one step less deep.
 * Depths are the worker's word and may be anything. */
static enum rc know_files(struct writing *x, struct err *err)
{
	size_t last[LAB_DEPTH_MAX + 2] = { 0 };

	x->n_files = x->r->children.n + 1;
	x->files = arena_array(x->a, x->n_files, sizeof *x->files);
	if (x->files == NULL)
		return FAIL(err, RC_NOMEM, "report as STIX: out of memory");
	for (size_t i = 0; i < x->n_files; i++) {
		uint32_t depth = i == 0 ? 0 : x->r->children.p[i - 1].depth;

		depth = depth > LAB_DEPTH_MAX ? LAB_DEPTH_MAX + 1 : depth;
		TRY(file_id(x, i, err));
		x->files[i].parent = depth == 0 ? 0 : last[depth - 1];
		x->files[i].twin = has_id(x, i, x->files[i].id);
		last[depth] = i;
	}
	return RC_OK;
}

/* Any of those that were merged into this one may be the parent; each id once. */
static void put_contains(struct writing *x, size_t file)
{
	bool open = false;

	for (size_t i = 1; i < x->n_files; i++) {
		bool here = str_eq(x->files[x->files[i].parent].id, x->files[file].id), again = false;

		for (size_t j = 1; j < i && here && !again && x->files[i].twin; j++)
			again = str_eq(x->files[j].id, x->files[i].id) && str_eq(x->files[x->files[j].parent].id, x->files[file].id);
		if (!here || again || str_eq(x->files[i].id, x->files[file].id))
			continue;
		if (!open) {
			jsonw_name(x->w, "contains_refs");
			jsonw_array(x->w);
			open = true;
		}
		jsonw_str(x->w, x->files[i].id);
	}
	if (open)
		jsonw_array_end(x->w);
}

static void put_file(struct writing *x, size_t file)
{
	if (x->files[file].twin)
		return;
	jsonw_object(x->w);
	jsonw_m_cstr(x->w, "type", "file");
	jsonw_m_cstr(x->w, "spec_version", "2.1");
	jsonw_m_str(x->w, "id", x->files[file].id);
	put_file_core(x->r, file, x->w);
	put_contains(x, file);
	stix_write_tlp(x->w, x->how->tlp);
	jsonw_object_end(x->w);
}

/* --- the rest --- */

static void head(struct jsonw *w, const char *type, struct str id, const struct lab_stix_how *how)
{
	jsonw_object(w);
	stix_write_head(w, type, id, how->creator, moment(how), moment(how));
}

static void tail(struct jsonw *w, const struct lab_stix_how *how)
{
	stix_write_tlp(w, how->tlp);
	jsonw_object_end(w);
}

static void put_visible(struct jsonw *w, const char *name, struct str text)
{
	struct buf b;

	buf_init(&b, LINE_BYTES);
	utf8_visible(&b, str_slice(text, 0, text.n < NAME_BYTES ? text.n : NAME_BYTES));
	jsonw_m_str(w, name, buf_view(&b));
	buf_done(&b);
}

/* STIX 2.1 §10.10 malware-result-ov. "benign" is said of known files only; of others nobody knows. */
static const char *result_of(enum lab_verdict v)
{
	switch (v) {
	case LAB_V_MALICIOUS: return "malicious";
	case LAB_V_SUSPICIOUS: return "suspicious";
	case LAB_V_KNOWN_GOOD: return "benign";
	case LAB_V_NO_FINDING:
	case LAB_V_INCOMPLETE:
	case LAB_V_UNSUPPORTED:
	default: return "unknown";
	}
}

static void put_analysis(struct writing *x)
{
	enum lab_verdict v = lab_verdict_of(x->r);
	bool open = false;

	head(x->w, "malware-analysis", make_id("malware-analysis", x->how, key_of(x->r), x->r->generation, x->analysis), x->how);
	jsonw_m_cstr(x->w, "product", "lianfang");
	if (x->r->generation.n > 0)
		put_visible(x->w, "configuration_version", x->r->generation);
	jsonw_m_cstr(x->w, "result_name", lab_verdict_name(v));
	jsonw_m_cstr(x->w, "result", result_of(v));
	jsonw_m_str(x->w, "sample_ref", x->files[0].id);
	for (size_t i = 1; i < x->n_files; i++) {
		if (x->files[i].twin)
			continue;
		if (!open) {
			jsonw_name(x->w, "analysis_sco_refs");
			jsonw_array(x->w);
			open = true;
		}
		jsonw_str(x->w, x->files[i].id);
	}
	if (open)
		jsonw_array_end(x->w);
	tail(x->w, x->how);
}

static void put_malware(struct writing *x, const struct lab_harmful *h)
{
	head(x->w, "malware", make_id("malware", x->how, key_of(x->r), x->how->at != 0 ? S("") : x->r->generation, x->malware), x->how);
	put_visible(x->w, "name", h->match->m.id);
	jsonw_m_bool(x->w, "is_family", false);
	jsonw_name(x->w, "sample_refs");
	jsonw_array(x->w);
	jsonw_str(x->w, x->files[0].id);
	jsonw_array_end(x->w);
	tail(x->w, x->how);
}

static void put_pattern(struct jsonw *w, const struct lab_harmful *h)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_cstr(&b, "[file:hashes.'SHA-256' = '");
	hex_put(&b, digest_of(h->sha256));
	if (h->sha1 != NULL) {
		buf_cstr(&b, "' OR file:hashes.'SHA-1' = '");
		hex_put(&b, str_make((const char *)h->sha1, SHA1_LEN));
	}
	if (h->md5 != NULL) {
		buf_cstr(&b, "' OR file:hashes.MD5 = '");
		hex_put(&b, str_make((const char *)h->md5, MD5_LEN));
	}
	buf_cstr(&b, "']");
	jsonw_m_str(w, "pattern", buf_view(&b));
	buf_done(&b);
}

void lab_stix_indicator(const struct lab_report *r, const struct lab_stix_how *how, const struct lab_harmful *h, struct jsonw *w)
{
	char id[LAB_STIX_ID], from[TIME_TEXT_MAX];

	head(w, "indicator", lab_indicator_id(how, h->sha256, r->generation, id), how);
	if (how->revoked)
		jsonw_m_bool(w, "revoked", true);
	put_visible(w, "name", h->match->m.id);
	if (h->match->m.why.n > 0)
		put_visible(w, "description", h->match->m.why);
	jsonw_name(w, "indicator_types");
	jsonw_array(w);
	jsonw_cstr(w, "malicious-activity");
	jsonw_array_end(w);
	put_pattern(w, h);
	jsonw_m_cstr(w, "pattern_type", "stix");
	jsonw_m_str(w, "valid_from", time_format_ms(moment(how), from));
	tail(w, how);
}

static void put_relation(struct writing *x, const char *what, struct str from, struct str to)
{
	char id[LAB_STIX_ID];
	struct buf key;

	buf_init(&key, 512);
	buf_fmt(&key, "%.*s %s %.*s", STR(from), what, STR(to));
	head(x->w, "relationship", make_id("relationship", x->how, buf_view(&key), S(""), id), x->how);
	buf_done(&key);
	jsonw_m_cstr(x->w, "relationship_type", what);
	jsonw_m_str(x->w, "source_ref", from);
	jsonw_m_str(x->w, "target_ref", to);
	tail(x->w, x->how);
}

static void put_harm(struct writing *x)
{
	struct lab_harmful list[LAB_HARMFUL_MAX];
	size_t n = lab_harmful(x->r, list);
	char id[LAB_STIX_ID];

	if (n == 0)
		return;
	put_malware(x, &list[0]);
	put_relation(x, "static-analysis-of", str_of(x->analysis), str_of(x->malware));
	for (size_t i = 0; i < n; i++) {
		lab_stix_indicator(x->r, x->how, &list[i], x->w);
		put_relation(x, "indicates", lab_indicator_id(x->how, list[i].sha256, x->r->generation, id), str_of(x->malware));
	}
}

/* --- the note --- */

static void put_where(struct buf *b, struct str path)
{
	if (path.n > 0) {
		buf_cstr(b, " in ");
		utf8_visible(b, str_slice(path, 0, path.n < NAME_BYTES ? path.n : NAME_BYTES));
	}
}

static void tell_match(struct buf *b, const struct lab_report_match *m)
{
	static const char *const kinds[] = { "rule", "hash", "feature", "clamav" }, *const weights[] = { "note", "suspicious", "malicious", "good" };

	buf_fmt(b, "\n%s %s: ", weights[m->m.weight], kinds[m->m.kind]);
	utf8_visible(b, m->m.id);
	if (m->m.part.n > 0) {
		buf_char(b, ' ');
		utf8_visible(b, m->m.part);
	}
	buf_fmt(b, ", %llu bytes at %llu", (unsigned long long)m->m.length, (unsigned long long)m->m.at);
	put_where(b, m->path);
	if (m->m.author.n > 0) {
		buf_cstr(b, ", by ");
		utf8_visible(b, m->m.author);
	}
	if (m->m.why.n > 0) {
		buf_cstr(b, ": ");
		utf8_visible(b, m->m.why);
	}
}

static void tell_ledger(const struct lab_report *r, struct buf *b)
{
	buf_fmt(b, "Verdict: %s. %llu of %llu bytes of %llu parts were seen.", lab_verdict_name(lab_verdict_of(r)), (unsigned long long)r->bytes_seen,
		(unsigned long long)r->bytes_total, (unsigned long long)r->n_children + 1);
	for (size_t i = 0; i < r->matches.n && i < LINES_MAX; i++)
		tell_match(b, &r->matches.p[i]);
	if (r->matches.n > LINES_MAX)
		buf_fmt(b, "\nand %zu more matches", r->matches.n - LINES_MAX);
	for (size_t i = 0; i < r->unseen.n && i < LINES_MAX; i++) {
		buf_fmt(b, "\nnot seen: %llu bytes at %llu", (unsigned long long)r->unseen.p[i].length, (unsigned long long)r->unseen.p[i].at);
		put_where(b, r->unseen.p[i].path);
		buf_cstr(b, ": ");
		utf8_visible(b, r->unseen.p[i].why);
	}
	if (r->unseen.n > LINES_MAX)
		buf_fmt(b, "\nand %zu more places", r->unseen.n - LINES_MAX);
}

static enum rc put_note(struct writing *x, struct err *err)
{
	char id[LAB_STIX_ID];
	struct buf b;
	enum rc rc;

	buf_init(&b, NOTE_BYTES);
	tell_ledger(x->r, &b);
	rc = buf_check(&b, err, "report as STIX: note");
	head(x->w, "note", make_id("note", x->how, key_of(x->r), x->r->generation, id), x->how);
	jsonw_m_cstr(x->w, "abstract", "what the inspection found, and what it did not see");
	jsonw_m_str(x->w, "content", rc == RC_OK ? buf_view(&b) : S(""));
	buf_done(&b);
	jsonw_name(x->w, "object_refs");
	jsonw_array(x->w);
	jsonw_cstr(x->w, x->analysis);
	jsonw_str(x->w, x->files[0].id);
	jsonw_array_end(x->w);
	tail(x->w, x->how);
	return rc;
}

enum rc lab_stix_bundle(struct arena *a, const struct lab_report *r, const struct lab_stix_how *how, struct buf *out, struct err *err)
{
	struct writing x = { .a = a, .r = r, .how = how };
	char id[LAB_STIX_ID];
	struct jsonw w;

	x.w = &w;
	TRY(know_files(&x, err));
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", "bundle");
	jsonw_m_str(&w, "id", make_id("bundle", how, key_of(r), r->generation, id));
	jsonw_name(&w, "objects");
	jsonw_array(&w);
	for (size_t i = 0; i < x.n_files; i++)
		put_file(&x, i);
	put_analysis(&x);
	put_harm(&x);
	TRY(put_note(&x, err));
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	return buf_check(out, err, "report as STIX");
}
