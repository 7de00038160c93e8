/* Frames come from a process that may have been taken over: every length is checked, every list has an end, and no frame can make a
 * verdict lighter than another frame made it. */
#include "lab/report.h"

#include "base/text.h"
#include "lab/frame.h"
#include "lab/walk.h"

#define PATH_BYTES ((size_t)16 << 10)
#define LIST_MAX ((size_t)1 << 20)

void lab_report_begin(struct lab_report *r, struct arena *a, struct str path, struct str generation, uint64_t size)
{
	*r = (struct lab_report){ .a = a, .size = size, .bytes_total = size };
	r->path = arena_dup(a, path);
	r->generation = arena_dup(a, generation);
}

/* Room for one more of `size` bytes; NULL: it is counted as left out. */
static void *more(struct lab_report *r, void **list, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t want = *cap == 0 ? 16 : *cap * 2;
		void *p = want > LIST_MAX ? NULL : arena_resize(r->a, *list, *cap * size, want * size);

		if (p == NULL) {
			r->left_out++;
			return NULL;
		}
		*list = p;
		*cap = want;
	}
	memset((char *)*list + *n * size, 0, size);
	return (char *)*list + (*n)++ * size;
}

#define MORE(r, list) more((r), (void **)&(r)->list.p, &(r)->list.n, &(r)->list.cap, sizeof *(r)->list.p)

static struct str keep(struct lab_report *r, struct str s)
{
	struct str copy = arena_dup(r->a, s);

	return copy.p == NULL ? S("") : copy;
}

static void take_bytes(struct rd *in, unsigned char *to, size_t n)
{
	struct str s = rd_bytes(in, n);

	if (s.n == n)
		memcpy(to, s.p, n);
}

static void take_digests(struct lab_report *r, struct rd *in)
{
	take_bytes(in, r->sha256, SHA256_LEN);
	take_bytes(in, r->sha1, SHA1_LEN);
	take_bytes(in, r->md5, MD5_LEN);
	r->types = rd_le64(in);
	r->hashed = !in->bad;
}

static void take_child(struct lab_report *r, struct rd *in)
{
	struct lab_report_child c = { .path = keep(r, lab_frame_text_read(in, PATH_BYTES)), .how = keep(r, lab_frame_text_read(in, 64)) }, *to;

	c.at = rd_le64(in);
	c.length = rd_le64(in);
	c.size = rd_le64(in);
	c.types = rd_le64(in);
	c.depth = rd_le32(in);
	take_bytes(in, c.sha256, SHA256_LEN);
	to = MORE(r, children);
	if (to != NULL)
		*to = c;
}

static void take_fact(struct lab_report *r, struct rd *in)
{
	struct lab_report_fact f = { .path = keep(r, lab_frame_text_read(in, PATH_BYTES)) }, *to;

	f.name = keep(r, lab_frame_text_read(in, 64));
	f.value = keep(r, lab_frame_text_read(in, LAB_VALUE_MAX));
	to = MORE(r, facts);
	if (to != NULL)
		*to = f;
}

static void take_match(struct lab_report *r, struct rd *in)
{
	struct lab_report_match m = { .path = keep(r, lab_frame_text_read(in, PATH_BYTES)) }, *to;
	unsigned kind = rd_u8(in), weight = rd_u8(in);

	in->bad = in->bad || kind > LAB_CLAMAV || weight > LAB_GOOD;
	m.m.kind = (enum lab_match_kind)kind;
	m.m.weight = (enum lab_weight)weight;
	m.m.id = keep(r, lab_frame_text_read(in, LAB_NAME_MAX));
	m.m.author = keep(r, lab_frame_text_read(in, LAB_NAME_MAX));
	m.m.part = keep(r, lab_frame_text_read(in, LAB_NAME_MAX));
	m.m.why = keep(r, lab_frame_text_read(in, LAB_NAME_MAX));
	m.excerpt = keep(r, lab_frame_text_read(in, LAB_EXCERPT_MAX));
	m.m.at = rd_le64(in);
	m.m.length = rd_le64(in);
	to = in->bad ? NULL : MORE(r, matches);
	if (to != NULL)
		*to = m;
}

static void add_unseen(struct lab_report *r, struct str path, struct str why, uint64_t at, uint64_t length)
{
	struct lab_report_unseen *to = MORE(r, unseen);

	if (to != NULL)
		*to = (struct lab_report_unseen){ keep(r, path), keep(r, why), at, length };
}

static void take_unseen(struct lab_report *r, struct rd *in)
{
	struct str path = lab_frame_text_read(in, PATH_BYTES), why = lab_frame_text_read(in, LAB_NAME_MAX);
	uint64_t at = rd_le64(in);

	add_unseen(r, path, why, at, rd_le64(in));
}

static void take_end(struct lab_report *r, struct rd *in)
{
	r->n_children = rd_le64(in);
	r->bytes_total = rd_le64(in);
	r->bytes_seen = rd_le64(in);
	r->left_out += rd_le64(in);
	in->bad = in->bad || r->bytes_seen > r->bytes_total || r->bytes_total < r->size;
	r->ended = !in->bad;
}

enum rc lab_report_take(struct lab_report *r, struct str frame, struct err *err)
{
	struct rd in;
	uint8_t kind;

	rd_init(&in, frame);
	rd_skip(&in, 4);
	kind = rd_u8(&in);
	if (r->ended)
		return FAIL(err, RC_BAD, "lab: a frame behind the last one");
	switch (kind) {
	case LAB_F_DIGESTS: take_digests(r, &in); break;
	case LAB_F_CHILD: take_child(r, &in); break;
	case LAB_F_FACT: take_fact(r, &in); break;
	case LAB_F_MATCH: take_match(r, &in); break;
	case LAB_F_UNSEEN: take_unseen(r, &in); break;
	case LAB_F_END: take_end(r, &in); break;
	default: return FAIL(err, RC_BAD, "lab: frame of kind %u", kind);
	}
	return in.bad || rd_left(&in) > 0 ? FAIL(err, RC_BAD, "lab: frame of kind %u is damaged", kind) : RC_OK;
}

void lab_report_broken(struct lab_report *r, const char *why)
{
	r->ended = false;
	r->bytes_total = r->bytes_total < r->size ? r->size : r->bytes_total;
	r->bytes_seen = 0;
	add_unseen(r, S(""), str_of(why), 0, r->size);
}

void lab_report_add(struct lab_report *r, const struct lab_match *m)
{
	struct lab_report_match *to = MORE(r, matches);

	if (to == NULL)
		return;
	*to = (struct lab_report_match){ .path = S(""), .m = *m, .excerpt = S("") };
	to->m.id = keep(r, m->id);
	to->m.author = keep(r, m->author);
	to->m.part = keep(r, m->part);
	to->m.why = keep(r, m->why);
}

void lab_report_not_seen(struct lab_report *r, const char *why)
{
	add_unseen(r, S(""), str_of(why), 0, r->size);
}

/* --- verdict --- */

/* A container and nothing that opens it. */
static bool unsupported(const struct lab_report *r)
{
	uint64_t holding = 0;

	for (unsigned t = 0; t < LAB_TYPES; t++)
		if ((r->types & LAB_TYPE(t)) != 0 && lab_type_holds((enum lab_type)t))
			holding |= LAB_TYPE(t);
	return r->ended && holding != 0 && (holding & lab_walkers_types()) == 0;
}

enum lab_verdict lab_verdict_of(const struct lab_report *r)
{
	bool good = false, suspicious = false;

	for (size_t i = 0; i < r->matches.n; i++) {
		const struct lab_report_match *m = &r->matches.p[i];

		if (m->m.weight == LAB_MALICIOUS)
			return LAB_V_MALICIOUS;
		suspicious = suspicious || m->m.weight == LAB_SUSPICIOUS;
		good = good || (m->m.weight == LAB_GOOD && m->path.n == 0);
	}
	if (suspicious)
		return LAB_V_SUSPICIOUS;
	if (good)
		return LAB_V_KNOWN_GOOD;
	if (unsupported(r))
		return LAB_V_UNSUPPORTED;
	if (!r->ended || !r->hashed || r->unseen.n > 0 || r->bytes_seen != r->bytes_total)
		return LAB_V_INCOMPLETE;
	return LAB_V_NO_FINDING;
}

const char *lab_verdict_name(enum lab_verdict v)
{
	static const char *const names[] = { "no-finding", "known-good", "unsupported", "incomplete", "suspicious", "malicious" };

	return (unsigned)v < COUNTOF(names) ? names[v] : "incomplete";
}

/* --- JSON --- */

/* Names and values are strangers' bytes: well-formed, and without what moves or hides letters. */
static void member(struct jsonw *w, const char *name, struct str s)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	json_quote_visible(&b, s);
	jsonw_name(w, name);
	jsonw_raw(w, b.bad == RC_OK ? buf_view(&b) : S("\"\""));
	buf_done(&b);
}

static void member_hex(struct jsonw *w, const char *name, struct str bytes)
{
	struct buf b;

	buf_init(&b, 4096);
	hex_put(&b, bytes);
	jsonw_m_str(w, name, buf_view(&b));
	buf_done(&b);
}

static void member_path(const struct lab_report *r, struct jsonw *w, struct str path)
{
	struct buf b;

	buf_init(&b, 2 * PATH_BYTES + r->path.n);
	buf_str(&b, r->path);
	if (path.n > 0)
		buf_cstr(&b, "//");
	buf_str(&b, path);
	member(w, "path", buf_view(&b));
	buf_done(&b);
}

static void member_types(struct jsonw *w, uint64_t types)
{
	jsonw_name(w, "types");
	jsonw_array(w);
	for (unsigned t = 0; t < LAB_TYPES; t++)
		if ((types & LAB_TYPE(t)) != 0)
			jsonw_cstr(w, lab_type_name((enum lab_type)t));
	jsonw_array_end(w);
}

static void put_unseen(const struct lab_report *r, struct jsonw *w)
{
	jsonw_name(w, "unseen");
	jsonw_array(w);
	for (size_t i = 0; i < r->unseen.n; i++) {
		const struct lab_report_unseen *u = &r->unseen.p[i];

		jsonw_object(w);
		member_path(r, w, u->path);
		jsonw_m_int(w, "offset", (int64_t)u->at);
		jsonw_m_int(w, "length", (int64_t)u->length);
		member(w, "why", u->why);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_matches(const struct lab_report *r, struct jsonw *w)
{
	static const char *const kinds[] = { "rule", "hash", "feature", "clamav" }, *const weights[] = { "note", "suspicious", "malicious", "good" };

	jsonw_name(w, "matches");
	jsonw_array(w);
	for (size_t i = 0; i < r->matches.n; i++) {
		const struct lab_report_match *m = &r->matches.p[i];

		jsonw_object(w);
		jsonw_m_cstr(w, "kind", kinds[m->m.kind]);
		member(w, "id", m->m.id);
		member(w, "author", m->m.author);
		member_path(r, w, m->path);
		jsonw_m_int(w, "offset", (int64_t)m->m.at);
		jsonw_m_int(w, "length", (int64_t)m->m.length);
		jsonw_m_cstr(w, "weight", weights[m->m.weight]);
		if (m->m.part.n > 0)
			member(w, "part", m->m.part);
		if (m->m.why.n > 0)
			member(w, "why", m->m.why);
		member_hex(w, "bytes", m->excerpt);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_facts(const struct lab_report *r, struct jsonw *w)
{
	jsonw_name(w, "facts");
	jsonw_array(w);
	for (size_t i = 0; i < r->facts.n; i++) {
		jsonw_object(w);
		member_path(r, w, r->facts.p[i].path);
		member(w, "name", r->facts.p[i].name);
		member(w, "value", r->facts.p[i].value);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_tree(const struct lab_report *r, struct jsonw *w)
{
	jsonw_name(w, "tree");
	jsonw_array(w);
	for (size_t i = 0; i < r->children.n; i++) {
		const struct lab_report_child *c = &r->children.p[i];

		jsonw_object(w);
		member_path(r, w, c->path);
		member(w, "how", c->how);
		jsonw_m_int(w, "offset", (int64_t)c->at);
		jsonw_m_int(w, "length", (int64_t)c->length);
		jsonw_m_int(w, "size", (int64_t)c->size);
		jsonw_m_int(w, "depth", (int64_t)c->depth);
		member_hex(w, "sha256", str_make((const char *)c->sha256, SHA256_LEN));
		member_types(w, c->types);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

void lab_report_json(const struct lab_report *r, struct jsonw *w)
{
	jsonw_object(w);
	member(w, "path", r->path);
	if (r->hashed) {
		member_hex(w, "sha256", str_make((const char *)r->sha256, SHA256_LEN));
		member_hex(w, "sha1", str_make((const char *)r->sha1, SHA1_LEN));
		member_hex(w, "md5", str_make((const char *)r->md5, MD5_LEN));
	} else {
		jsonw_name(w, "sha256");
		jsonw_null(w);
	}
	jsonw_m_cstr(w, "verdict", lab_verdict_name(lab_verdict_of(r)));
	jsonw_m_int(w, "size", (int64_t)r->size);
	jsonw_m_int(w, "bytes_total", (int64_t)r->bytes_total);
	jsonw_m_int(w, "bytes_seen", (int64_t)r->bytes_seen);
	jsonw_m_int(w, "children", (int64_t)r->n_children);
	member_types(w, r->types);
	put_unseen(r, w);
	put_matches(r, w);
	put_facts(r, w);
	put_tree(r, w);
	jsonw_m_int(w, "left_out", (int64_t)r->left_out);
	jsonw_m_str(w, "generation", r->generation);
	jsonw_object_end(w);
}
