/* Hostile bytes come in here as a tree that json_parse made (bounded in depth, size and nodes); every member is asked for by
 * name and type, and what is not there or too long is RC_BAD. */
#include "desk/case_int.h"

#include "base/hash.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "base/uuid.h"
#include "desk/fact.h"
#include "stix/marking.h"
#include "stix/write.h"

#define SIGNED_PREFIX "lianfang case\n"
#define TITLE_MAX 1000
#define SHORT_MAX 200
#define FACT_MAX ((size_t)32 << 10)
#define PACKS_MAX 8
#define MAKER "identity--4b4af577-bec8-417c-8c74-b63abb978c8d"
#define MADE "2026-01-01T00:00:00.000Z"

/* --- signature --- */

enum rc case_signed_bytes(struct arena *a, const struct json *object, struct buf *out, struct err *err)
{
	const struct json *bare;
	struct buf b;
	struct jsonw w;
	struct str text;
	enum rc rc;

	buf_init(&b, CASE_OBJECT_MAX * 2);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	JSON_MEMBERS(name, value, object)
		if (!str_eq(json_str(name), S("signature"))) {
			jsonw_name_str(&w, json_str(name));
			jsonw_value(&w, value);
		}
	jsonw_object_end(&w);
	text = arena_dup(a, buf_view(&b));
	rc = text.p == NULL ? FAIL(err, RC_NOMEM, "case: out of memory") : buf_check(&b, err, "case");
	buf_done(&b);
	TRY(rc);
	TRY(json_parse(a, text, &JSON_LIMITS, &bare, err));
	buf_cstr(out, SIGNED_PREFIX);
	TRY(json_canonical(bare, out, err));
	return buf_check(out, err, "case");
}

static void hex_of(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

enum rc case_hash(struct arena *a, const struct json *object, char ret[static CASE_HASH_LEN + 1], struct err *err)
{
	unsigned char hash[SHA256_LEN];
	struct buf b;
	enum rc rc;

	buf_init(&b, CASE_OBJECT_MAX * 2);
	rc = case_signed_bytes(a, object, &b, err);
	if (rc == RC_OK) {
		hash_sha256(str_slice(buf_view(&b), sizeof SIGNED_PREFIX - 1, b.n), hash);
		hex_of(hash, sizeof hash, ret);
	}
	buf_done(&b);
	return rc;
}

/* Puts ,"signature":"..." before the last bracket of the object in `out`. */
static enum rc seal(struct buf *out, const unsigned char sec[static SIGN_SECRET_LEN], char *ret_hash, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
	unsigned char sig[SIGN_LEN];
	const struct json *tree;
	struct buf b;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(buf_check(out, err, "case"));
	TRY(json_parse(a, buf_view(out), &JSON_LIMITS, &tree, err));
	if (ret_hash != NULL)
		TRY(case_hash(a, tree, ret_hash, err));
	buf_init(&b, CASE_OBJECT_MAX * 2);
	rc = case_signed_bytes(a, tree, &b, err);
	if (rc == RC_OK)
		sign_make(sec, buf_view(&b), sig);
	buf_done(&b);
	TRY(rc);
	buf_cut(out, out->n - 1);
	buf_cstr(out, ",\"signature\":\"");
	base64_put(out, str_make((const char *)sig, sizeof sig));
	buf_cstr(out, "\"}");
	return buf_check(out, err, "case");
}

bool case_signed_by(struct arena *a, const struct json *object, struct str key)
{
	struct buf pub, sig, bytes;
	bool good;

	buf_init(&pub, SIGN_PUBLIC_LEN);
	buf_init(&sig, SIGN_LEN + 3);
	buf_init(&bytes, CASE_OBJECT_MAX * 2);
	good = hex_get(&pub, key) && pub.bad == RC_OK && pub.n == SIGN_PUBLIC_LEN && base64_get(&sig, json_get_str(object, S("signature"))) &&
	       sig.bad == RC_OK && sig.n == SIGN_LEN && case_signed_bytes(a, object, &bytes, NULL) == RC_OK &&
	       sign_verify((const unsigned char *)pub.p, buf_view(&bytes), (const unsigned char *)sig.p);
	buf_done(&pub);
	buf_done(&sig);
	buf_done(&bytes);
	return good;
}

/* --- what all have in common --- */

bool case_make_id(const char *type, struct str author, struct str name, struct str more, char out[static CASE_ID_MAX])
{
	size_t at = str_find(author, S("--"), 0);
	char text[UUID_TEXT_LEN + 1], whole[2 * SHORT_MAX + 2];
	struct uuid space, u;

	if (at == SIZE_MAX || !uuid_parse(str_slice(author, at + 2, author.n), &space))
		return false;
	if (snprintf(whole, sizeof whole, "%.*s %.*s", STR(name), STR(more)) >= (int)sizeof whole)
		return false;
	uuid_v5(&space, str_of(whole), &u);
	snprintf(out, CASE_ID_MAX, "%s--%s", type, uuid_format(&u, text).p);
	return true;
}

void case_begin(struct jsonw *w, struct buf *out, const char *type, struct str id, struct str author, usec created, usec modified)
{
	jsonw_init(w, out);
	jsonw_object(w);
	stix_write_head(w, type, id, author, created, modified);
}

void case_end(struct jsonw *w, uint8_t tlp)
{
	stix_write_tlp(w, (enum tlp)tlp);
	stix_write_new_sdo(w, CASE_EXTENSION);
	jsonw_object_end(w);
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return utf8_valid(s, NULL);
}

static enum rc read_text(const struct json *v, const char *name, size_t least, size_t most, struct str *ret, struct err *err)
{
	const struct json *m = json_get(v, str_of(name));

	*ret = m == NULL && least == 0 ? S("") : json_str(m);
	if (ret->p == NULL || ret->n < least || ret->n > most || !is_printable(*ret))
		return FAIL(err, RC_BAD, "/%s: expected a text of %zu to %zu bytes", name, least, most);
	return RC_OK;
}

enum rc case_read_id(const struct json *v, const char *name, const char *type, struct str *ret, struct err *err)
{
	size_t n = strlen(type);
	struct uuid u;

	TRY(read_text(v, name, 1, CASE_ID_MAX - 1, ret, err));
	if (ret->n == n + 2 + UUID_TEXT_LEN && str_starts(*ret, str_of(type)) && str_starts(str_slice(*ret, n, ret->n), S("--")) &&
	    uuid_parse(str_slice(*ret, n + 2, ret->n), &u))
		return RC_OK;
	return FAIL(err, RC_BAD, "/%s: expected an id of type %s", name, type);
}

static enum rc read_hex(const struct json *v, const char *name, bool needed, struct str *ret, struct err *err)
{
	TRY(read_text(v, name, needed ? CASE_HASH_LEN : 0, CASE_HASH_LEN, ret, err));
	for (size_t i = 0; i < ret->n; i++)
		if (!((ret->p[i] >= '0' && ret->p[i] <= '9') || (ret->p[i] >= 'a' && ret->p[i] <= 'f')))
			return FAIL(err, RC_BAD, "/%s: expected hexadecimal digits", name);
	return ret->n == 0 || ret->n == CASE_HASH_LEN ? RC_OK : FAIL(err, RC_BAD, "/%s: expected %d hexadecimal digits", name, CASE_HASH_LEN);
}

static enum rc read_instant(const struct json *v, const char *name, usec *ret, struct err *err)
{
	enum rc rc = time_parse_offset(json_get_str(v, str_of(name)), ret, err);

	if (rc != RC_OK)
		err_prefix(err, "/%s", name);
	return rc;
}

enum rc case_read_head(const struct json *v, const char *type, struct str *ret_id, struct str *ret_author, usec *ret_at, struct err *err)
{
	if (!json_is(v, JSON_OBJECT) || !str_eq(json_get_str(v, S("type")), str_of(type)))
		return FAIL(err, RC_BAD, "expected an object of type %s", type);
	TRY(case_read_id(v, "id", type, ret_id, err));
	TRY(case_read_id(v, "created_by_ref", "identity", ret_author, err));
	return read_instant(v, "created", ret_at, err);
}

enum rc case_check_id(struct str id, const char *type, struct str author, struct str name, struct str more, struct err *err)
{
	char want[CASE_ID_MAX];

	return case_make_id(type, author, name, more, want) && str_eq(id, str_of(want)) ? RC_OK :
	       FAIL(err, RC_BAD, "/id: is not the one of this author and content");
}

/* --- facts --- */

static void put_packs(struct jsonw *w, struct str packs)
{
	struct str one;

	jsonw_name(w, "packs");
	jsonw_array(w);
	while (str_next(&packs, ' ', &one))
		jsonw_str(w, one);
	jsonw_array_end(w);
}

/* One line that is not empty, whatever somebody wrote: a title must not keep a report from being taken in. */
static void put_title(struct jsonw *w, struct arena *a, struct str title)
{
	char *p = arena_alloc(a, title.n + 1);

	for (size_t i = 0; p != NULL && i < title.n; i++)
		p[i] = (unsigned char)title.p[i] < 0x20 || title.p[i] == 0x7f ? ' ' : title.p[i];
	jsonw_m_str(w, "title", p == NULL || title.n == 0 ? S("-") : str_make(p, title.n));
}

enum rc case_fact_write(const struct case_fact *f, const unsigned char sec[static SIGN_SECRET_LEN], struct buf *out, char *ret_hash,
			struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)2 << 20);
	const struct json *fact;
	char id[CASE_ID_MAX];
	struct jsonw w;
	usec at;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	TRY(json_parse(a, f->fact, &JSON_LIMITS, &fact, err));
	TRY(read_instant(fact, "at", &at, err));
	if (!case_make_id(CASE_FACT, f->author, f->incident, json_get_str(fact, S("id")), id))
		return FAIL(err, RC_BAD, "case: '%.*s' is no identity", STR(f->author));
	case_begin(&w, out, CASE_FACT, str_of(id), f->author, at, at);
	jsonw_m_str(&w, "incident", f->incident);
	jsonw_m_str(&w, "opened_by", f->opened_by);
	jsonw_m_str(&w, "number", f->number);
	put_title(&w, a, f->title);
	put_packs(&w, f->packs);
	jsonw_m_bool(&w, "exercise", f->exercise);
	jsonw_m_int(&w, "serial", f->n);
	if (f->previous.n > 0)
		jsonw_m_str(&w, "previous", f->previous);
	jsonw_name(&w, "fact");
	jsonw_raw(&w, f->fact);
	case_end(&w, f->tlp);
	return seal(out, sec, ret_hash, err);
}

static enum rc read_packs(struct arena *a, const struct json *v, struct str *ret, struct err *err)
{
	const struct json *list = json_get(v, S("packs"));
	bool good = true;
	struct buf b;

	if (!json_is(list, JSON_ARRAY) || list->n == 0 || list->n > PACKS_MAX)
		return FAIL(err, RC_BAD, "/packs: expected 1 to %d packs", PACKS_MAX);
	buf_init(&b, SHORT_MAX);
	JSON_EACH(one, list) {
		struct str id = json_str(one);

		good &= id.n > 0 && is_printable(id) && str_find(id, S(" "), 0) == SIZE_MAX;
		buf_fmt(&b, "%s%.*s", b.n > 0 ? " " : "", STR(id));
	}
	*ret = good && b.bad == RC_OK ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	return ret->p == NULL ? FAIL(err, RC_BAD, "/packs: no list of packs") : RC_OK;
}

/* As the store would keep it: one that could not be read later would take the whole incident with it. */
static enum rc read_fact_itself(struct arena *a, const struct json *v, struct case_fact *ret, struct err *err)
{
	const struct json *fact = json_get(v, S("fact"));
	struct desk_facts read;
	struct buf b;
	bool good;

	if (!json_is(fact, JSON_OBJECT))
		return FAIL(err, RC_BAD, "/fact: expected an object");
	TRY(read_text(fact, "id", 1, SHORT_MAX, &ret->fact_id, err));
	TRY(read_text(fact, "type", 1, SHORT_MAX, &ret->fact_type, err));
	TRY(read_text(fact, "by", 0, SHORT_MAX, &ret->fact_by, err));
	TRY(read_instant(fact, "at", &ret->fact_at, err));
	buf_init(&b, FACT_MAX);
	json_print(fact, &b);
	good = b.bad == RC_OK;
	ret->fact = arena_dup(a, buf_view(&b));
	buf_done(&b);
	if (!good)
		return FAIL(err, RC_BAD, "/fact: more than %zu bytes", FACT_MAX);
	if (ret->fact.p == NULL)
		return FAIL(err, RC_NOMEM, "case: out of memory");
	return desk_facts_parse(a, "fact", ret->fact, &read, err);
}

enum rc case_fact_read(struct arena *a, const struct json *v, struct case_fact *ret, char ret_hash[static CASE_HASH_LEN + 1], struct err *err)
{
	usec created;

	*ret = (struct case_fact){ .n = 0 };
	TRY(case_read_head(v, CASE_FACT, &ret->id, &ret->author, &created, err));
	TRY(case_read_id(v, "incident", "incident", &ret->incident, err));
	TRY(case_read_id(v, "opened_by", "identity", &ret->opened_by, err));
	TRY(read_text(v, "number", 1, 40, &ret->number, err));
	TRY(read_text(v, "title", 1, TITLE_MAX, &ret->title, err));
	TRY(read_packs(a, v, &ret->packs, err));
	TRY(read_hex(v, "previous", false, &ret->previous, err));
	if (!json_bool(json_get(v, S("exercise")), &ret->exercise))
		return FAIL(err, RC_BAD, "/exercise: expected true or false");
	if (!json_int(json_get(v, S("serial")), &ret->n) || ret->n < 1 || ret->n > CASE_N_MAX || (ret->n == 1) != (ret->previous.n == 0))
		return FAIL(err, RC_BAD, "/serial: expected a number from 1 on, and /previous behind the first");
	TRY(read_fact_itself(a, v, ret, err));
	TRY(case_check_id(ret->id, CASE_FACT, ret->author, ret->incident, ret->fact_id, err));
	return case_hash(a, v, ret_hash, err);
}

/* --- receipts --- */

enum rc case_receipt_write(const struct case_receipt_word *r, const unsigned char sec[static SIGN_SECRET_LEN], struct buf *out, struct err *err)
{
	char id[CASE_ID_MAX];
	struct jsonw w;

	if (!case_make_id(CASE_RECEIPT, r->author, r->object, r->refused.n > 0 ? S("refused") : S("received"), id))
		return FAIL(err, RC_BAD, "case: '%.*s' is no identity", STR(r->author));
	case_begin(&w, out, CASE_RECEIPT, str_of(id), r->author, r->at, r->at);
	jsonw_m_str(&w, "incident", r->incident);
	jsonw_m_str(&w, "fact_id", r->object);
	if (r->refused.n > 0)
		jsonw_m_str(&w, "refused", r->refused);
	case_end(&w, r->tlp);
	return seal(out, sec, NULL, err);
}

enum rc case_receipt_read(struct arena *a, const struct json *v, struct case_receipt_word *ret, struct err *err)
{
	(void)a;
	*ret = (struct case_receipt_word){ .at = 0 };
	TRY(case_read_head(v, CASE_RECEIPT, &ret->id, &ret->author, &ret->at, err));
	TRY(case_read_id(v, "incident", "incident", &ret->incident, err));
	TRY(case_read_id(v, "fact_id", CASE_FACT, &ret->object, err));
	TRY(read_text(v, "refused", 0, TITLE_MAX, &ret->refused, err));
	return case_check_id(ret->id, CASE_RECEIPT, ret->author, ret->object, ret->refused.n > 0 ? S("refused") : S("received"), err);
}

/* --- nodes --- */

#define NODE_NAME_MAX (2 * CASE_HASH_LEN + TIME_TEXT_MAX + 4)

/* Said anew at each start of the node, so its instant is a part of what tells one statement from another. */
static struct str node_name(const struct case_node *n, char out[static NODE_NAME_MAX])
{
	char at[TIME_TEXT_MAX];

	time_format_ms(n->at, at);
	snprintf(out, NODE_NAME_MAX, "%.*s %.*s %s", STR(n->key), STR(n->cert), at);
	return str_of(out);
}

enum rc case_node_write(const struct case_node *n, const unsigned char sec[static SIGN_SECRET_LEN], struct buf *out, struct err *err)
{
	char id[CASE_ID_MAX], more[NODE_NAME_MAX];
	struct jsonw w;

	if (!case_make_id(CASE_NODE, n->author, n->tier, node_name(n, more), id))
		return FAIL(err, RC_BAD, "case: '%.*s' is no identity", STR(n->author));
	case_begin(&w, out, CASE_NODE, str_of(id), n->author, n->at, n->at);
	jsonw_m_str(&w, "name", n->name);
	jsonw_m_str(&w, "tier", n->tier);
	jsonw_m_str(&w, "signing_key", n->key);
	jsonw_m_str(&w, "certificate_sha256", n->cert);
	case_end(&w, TLP_CLEAR);
	return seal(out, sec, NULL, err);
}

enum rc case_node_read(struct arena *a, const struct json *v, struct case_node *ret, struct err *err)
{
	static const struct str tiers[] = { S("provider"), S("region"), S("sector"), S("nation"), S("partner") };
	char more[NODE_NAME_MAX];
	bool known = false;

	*ret = (struct case_node){ .at = 0 };
	TRY(case_read_head(v, CASE_NODE, &ret->id, &ret->author, &ret->at, err));
	TRY(read_text(v, "name", 1, SHORT_MAX, &ret->name, err));
	TRY(read_text(v, "tier", 1, SHORT_MAX, &ret->tier, err));
	for (size_t i = 0; i < COUNTOF(tiers); i++)
		known |= str_eq(ret->tier, tiers[i]);
	if (!known)
		return FAIL(err, RC_BAD, "/tier: nobody knows the tier '%.*s'", STR(ret->tier));
	TRY(read_hex(v, "signing_key", true, &ret->key, err));
	TRY(read_hex(v, "certificate_sha256", true, &ret->cert, err));
	TRY(case_check_id(ret->id, CASE_NODE, ret->author, ret->tier, node_name(ret, more), err));
	/* Whoever says this holds the key that is named. */
	return case_signed_by(a, v, ret->key) ? RC_OK : FAIL(err, RC_BAD, "/signature: is not of the key that is named");
}

/* --- for others --- */

void case_incident_write(const struct case_incident *i, struct buf *out)
{
	struct jsonw w;

	case_begin(&w, out, "incident", i->id, i->author, i->created, i->modified);
	jsonw_m_str(&w, "name", i->title);
	if (i->exercise) {
		jsonw_name(&w, "labels");
		jsonw_array(&w);
		jsonw_cstr(&w, "exercise");
		jsonw_array_end(&w);
	}
	stix_write_tlp(&w, (enum tlp)i->tlp);
	jsonw_name(&w, "extensions");
	jsonw_object(&w);
	jsonw_name(&w, CASE_INCIDENT_CORE);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "extension_type", "property-extension");
	jsonw_m_cstr(&w, "determination", i->suspected ? "suspected" : "successful-attempt");
	jsonw_m_cstr(&w, "investigation_status", i->open ? "open" : "closed");
	if (i->criticality >= 0)
		jsonw_m_int(&w, "criticality", i->criticality);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
}

void case_definition_write(struct buf *out_identity, struct buf *out_definition)
{
	static const char marking[] = "\"object_marking_refs\":[\"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487\"]";

	buf_fmt(out_identity,
		"{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"" MAKER "\",\"created\":\"" MADE "\",\"modified\":\"" MADE "\","
		"\"name\":\"Lianfang\",\"identity_class\":\"system\",%s}", marking);
	buf_fmt(out_definition,
		"{\"type\":\"extension-definition\",\"spec_version\":\"2.1\",\"id\":\"" CASE_EXTENSION "\",\"created_by_ref\":\"" MAKER "\","
		"\"created\":\"" MADE "\",\"modified\":\"" MADE "\",\"name\":\"Facts of an incident between nodes\",\"description\":\"Objects of the "
		"types " CASE_FACT ", " CASE_RECEIPT " and " CASE_NODE ": what offices state about an incident, each statement signed\","
		"\"schema\":\"docs/internals/tiers.md\",\"version\":\"1.0.0\",\"extension_types\":[\"new-sdo\"],%s}", marking);
}

/* --- rights --- */

/* What only those decide who are not the reporter. */
static bool is_decision(struct str type)
{
	static const enum fact_type decisions[] = { FACT_REVIEWED, FACT_REREVIEWED, FACT_FORWARDED, FACT_EXTENDED, FACT_RETURNED, FACT_ACCEPTED,
						  FACT_DECIDED, FACT_PUBLISHED };

	for (size_t i = 0; i < COUNTOF(decisions); i++)
		if (desk_fact_find(type) == decisions[i])
			return true;
	return false;
}

/* And what ends it, or takes it up again: whose incident it is not has no say in that. */
static bool is_for_others(struct str type)
{
	static const enum fact_type ends[] = { FACT_CLOSED, FACT_DISMISSED, FACT_REOPENED };

	for (size_t i = 0; i < COUNTOF(ends); i++)
		if (desk_fact_find(type) == ends[i])
			return false;
	return !is_decision(type);
}

static const char *refused_below(const struct case_side *s, struct str role, struct str type)
{
	if (!s->opened_below && !s->known)
		return "a tier below may state facts of its own incidents, and of those that it was asked about";
	if (s->by_opener)
		return is_decision(type) ? "who reports an incident does not decide about it" : NULL;
	if (str_eq(role, S("reporter")))
		return "only the node that opened an incident reports it";
	if (str_eq(role, S("authority")))
		return "a tier below is not the authority";
	if ((str_eq(role, S("reviewer")) || !is_for_others(type)) && !s->above)
		return "only a region or a sector reviews";
	return NULL;
}

static const char *refused_above(const struct case_side *s, struct str role)
{
	if (str_eq(role, S("reporter")) && !s->by_opener)
		return s->opened_here ? "this node reports its incident itself" : "only the node that opened an incident reports it";
	return NULL;
}

static const char *refused_beside(const struct case_side *s, struct str role, struct str type)
{
	if (!s->known && !s->opened_below)
		return "this incident was not shared with that partner";
	if (str_eq(role, S("reporter")) && s->by_opener)
		return NULL;
	if (s->opened_below) /* which asks us to help with one of its own */
		return str_eq(role, S("reporter")) ? "only the node that opened an incident reports it" : NULL;
	if (str_eq(role, S("reporter")) || str_eq(role, S("reviewer")) || str_eq(role, S("authority")) || !is_for_others(type))
		return "a partner neither reports nor reviews another's incident";
	return NULL;
}

const char *case_refused(const struct case_side *s, struct str role, struct str type)
{
	if (s->of_other && s->relation != CASE_PARENT)
		return "it corrects what another office stated";
	/* Who has no role there is heard, and decides nothing: no pack says what it may. */
	if (!s->has_role && !is_for_others(type))
		return "no pack of the incident knows the role in which this is decided";
	switch (s->relation) {
	case CASE_PARENT:
		return refused_above(s, role);
	case CASE_CHILD:
		return refused_below(s, role, type);
	case CASE_PARTNER:
		return refused_beside(s, role, type);
	}
	return "no such relation";
}
