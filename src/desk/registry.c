#include "desk/registry.h"

#include "base/jsonw.h"
#include "stix/marking.h"
#include "sys/mail.h"

#define HOURS_MAX 100000
#define KIND_MAX 40

#define FIELD(member, option_, type_, required_, arg_, en_, zh_) \
	{ .name = #member, .option = option_, .arg = arg_, .en = en_, .zh = zh_, .type = REGISTRY_##type_, .required = required_ },
static const struct registry_field organisation[] = { REGISTRY_ORGANISATION(FIELD) { .name = NULL } };
static const struct registry_field system_[] = { REGISTRY_SYSTEM(FIELD) { .name = NULL } };
static const struct registry_field person[] = { REGISTRY_PERSON(FIELD) { .name = NULL } };
static const struct registry_field duty[] = { REGISTRY_DUTY(FIELD) { .name = NULL } };
#undef FIELD

const struct registry_kind REGISTRY[REGISTER_KINDS] = {
	[REGISTER_ORGANISATION] = { "organisations", "org", organisation },
	[REGISTER_SYSTEM] = { "systems", "system", system_ },
	[REGISTER_PERSON] = { "people", "person", person },
	[REGISTER_DUTY] = { "duty", "duty", duty },
};

const struct registry_field *registry_field(enum register_kind kind, struct str name)
{
	for (const struct registry_field *f = REGISTRY[kind].fields; f->name != NULL; f++)
		if (str_eq(name, str_of(f->name)))
			return f;
	return NULL;
}

struct reading {
	const struct pack *const *packs;
	size_t n_packs;
	struct register_entry *e;
	struct jsonw w;
	struct err *err;
};

/* --- one member --- */

static enum rc bad(const struct reading *r, const struct registry_field *f, const char *why)
{
	return FAIL(r->err, RC_BAD, "/%s: %s", f->name, why);
}

static bool is_oid(struct str s)
{
	bool digit = false;

	for (size_t i = 0; i < s.n; i++) {
		bool dot = s.p[i] == '.';

		if (dot ? !digit : !(s.p[i] >= '0' && s.p[i] <= '9'))
			return false;
		digit = !dot;
	}
	return digit && s.n <= 128;
}

static bool is_date(struct str s)
{
	char text[TIME_TEXT_MAX];
	usec t;

	if (s.n != 10)
		return false;
	snprintf(text, sizeof text, "%.*sT00:00:00Z", STR(s));
	return time_parse(str_of(text), &t, NULL, NULL) == RC_OK;
}

bool registry_contact(struct str text, struct str *ret_kind, struct str *ret_value, struct str *ret_verified)
{
	size_t colon = str_find(text, S(":"), 0), blank = text.n;

	if (colon == SIZE_MAX || colon == 0 || colon > KIND_MAX)
		return false;
	while (blank > colon && text.p[blank - 1] != ' ')
		blank--;
	*ret_kind = str_trim(str_slice(text, 0, colon));
	*ret_verified = S("");
	*ret_value = str_trim(str_slice(text, colon + 1, text.n));
	if (blank > colon && is_date(str_slice(text, blank, text.n))) {
		*ret_verified = str_slice(text, blank, text.n);
		*ret_value = str_trim(str_slice(text, colon + 1, blank));
	}
	return ret_kind->n > 0 && ret_value->n > 0;
}

/* The values of what is asked about the secrecy of information. */
static void secrecy_of(const struct pack *p, const struct pack_term **ret, size_t *ret_n)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (str_eq(p->attributes[i].term.id, json_str(json_path(p->words, "registers.secrecy")))) {
			*ret = p->attributes[i].values;
			*ret_n = p->attributes[i].n_values;
		}
}

static bool in_words(const struct pack *p, enum registry_type type, struct str word)
{
	const struct json *levels = json_path(p->words, "registers.levels");
	const struct pack_term *terms = NULL;
	size_t n = 0;

	if (type == REGISTRY_SECTOR)
		return pack_find(p->sectors, p->n_sectors, word) >= 0;
	if (type == REGISTRY_SECRECY) {
		secrecy_of(p, &terms, &n);
		return pack_find(terms, n, word) >= 0;
	}
	if (json_is(levels, JSON_ARRAY))
		JSON_EACH(one, levels)
			if (str_eq(json_get_str(one, S("id")), word))
				return true;
	return false;
}

/* "energy, water, ...": what the first pack would have understood. */
static void put_words(const struct pack *p, enum registry_type type, struct buf *out)
{
	const struct json *levels = json_path(p->words, "registers.levels");
	const struct pack_term *terms = p->sectors;
	size_t n = p->n_sectors;

	if (type == REGISTRY_LEVEL) {
		if (json_is(levels, JSON_ARRAY))
			JSON_EACH(one, levels)
				buf_fmt(out, "%s%.*s", out->n > 0 ? ", " : "", STR(json_get_str(one, S("id"))));
		return;
	}
	if (type == REGISTRY_SECRECY) {
		n = 0;
		secrecy_of(p, &terms, &n);
	}
	for (size_t i = 0; i < n; i++)
		buf_fmt(out, "%s%.*s", i > 0 ? ", " : "", STR(terms[i].id));
}

static enum rc check_word(const struct reading *r, const struct registry_field *f, struct str word)
{
	struct buf known;

	for (size_t i = 0; i < r->n_packs; i++)
		if (in_words(r->packs[i], f->type, word))
			return RC_OK;
	buf_init(&known, ERR_TEXT_MAX);
	if (r->n_packs > 0)
		put_words(r->packs[0], f->type, &known);
	err_set(r->err, RC_BAD, "/%s: the node's pack of law knows no '%.*s' (%.*s)", f->name, STR(str_slice(word, 0, 60)), STR(buf_view(&known)));
	buf_done(&known);
	return RC_BAD;
}

static enum rc check_tier(const struct reading *r, const struct registry_field *f, struct str word)
{
	static const char *const tiers[] = { "provider", "region", "sector", "nation", "partner" };

	for (size_t i = 0; i < COUNTOF(tiers); i++)
		if (str_eq(word, str_of(tiers[i])))
			return RC_OK;
	return bad(r, f, "expected provider, region, sector, nation or partner");
}

static enum rc put_text(struct reading *r, const struct registry_field *f, struct str s)
{
	enum tlp tlp;
	usec t;

	if (s.n > (f->type == REGISTRY_TEXT ? REGISTRY_TEXT_MAX : 200))
		return bad(r, f, "too long");
	if (f->type == REGISTRY_OID && !is_oid(s))
		return bad(r, f, "expected an object identifier (2.16.886.101)");
	if (f->type == REGISTRY_EMAIL && !mail_address_good(s))
		return bad(r, f, "expected an address (soc@a.example)");
	if (f->type == REGISTRY_TLP && !tlp_parse(s, &tlp))
		return bad(r, f, "expected clear, green, amber, amber+strict or red");
	if (f->type == REGISTRY_TIER)
		TRY(check_tier(r, f, s));
	if (f->type == REGISTRY_SECTOR || f->type == REGISTRY_LEVEL || f->type == REGISTRY_SECRECY)
		TRY(check_word(r, f, s));
	if (f->type == REGISTRY_TIME) {
		if (time_parse_offset(s, &t, NULL) != RC_OK)
			return bad(r, f, "expected an instant (2026-02-27T20:00:00+08:00)");
		*(f->required && str_eq(str_of(f->name), S("from")) ? &r->e->starts : &r->e->ends) = t;
	}
	jsonw_m_str(&r->w, f->name, s);
	return RC_OK;
}

static enum rc put_list(struct reading *r, const struct registry_field *f, const struct json *v)
{
	if (v->type != JSON_ARRAY || v->n > REGISTRY_LIST_MAX)
		return bad(r, f, "expected an array of at most 200 texts");
	jsonw_name(&r->w, f->name);
	jsonw_array(&r->w);
	JSON_EACH(one, v) {
		if (one->type != JSON_STRING || one->n == 0 || one->n > 1000)
			return bad(r, f, "expected texts of 1 to 1000 bytes");
		jsonw_str(&r->w, json_str(one));
	}
	jsonw_array_end(&r->w);
	return RC_OK;
}

static enum rc put_contact(struct reading *r, const struct registry_field *f, const struct json *v)
{
	struct str kind = json_get_str(v, S("kind")), value = json_get_str(v, S("value")), verified = json_get_str(v, S("verified"));

	if (v->type == JSON_STRING && !registry_contact(json_str(v), &kind, &value, &verified))
		return bad(r, f, "expected KIND:VALUE, and behind a blank the day when it was verified (mail:soc@a.example 2026-01-05)");
	if (kind.n == 0 || kind.n > KIND_MAX || value.n == 0 || value.n > 1000)
		return bad(r, f, "expected kind and value of each");
	if (verified.n > 0 && !is_date(verified))
		return bad(r, f, "verified: expected a day (2026-01-05)");
	jsonw_object(&r->w);
	jsonw_m_str(&r->w, "kind", kind);
	jsonw_m_str(&r->w, "value", value);
	if (verified.n > 0)
		jsonw_m_str(&r->w, "verified", verified);
	jsonw_object_end(&r->w);
	return RC_OK;
}

static enum rc put_contacts(struct reading *r, const struct registry_field *f, const struct json *v)
{
	if (v->type != JSON_ARRAY || v->n > REGISTRY_LIST_MAX)
		return bad(r, f, "expected an array of at most 200 contacts");
	jsonw_name(&r->w, f->name);
	jsonw_array(&r->w);
	JSON_EACH(one, v)
		TRY(put_contact(r, f, one));
	jsonw_array_end(&r->w);
	return RC_OK;
}

static enum rc put_member(struct reading *r, const struct registry_field *f, const struct json *v)
{
	int64_t hours;

	switch (f->type) {
	case REGISTRY_FLAG:
		if (v->type != JSON_TRUE && v->type != JSON_FALSE)
			return bad(r, f, "expected true or false");
		jsonw_m_bool(&r->w, f->name, v->type == JSON_TRUE);
		return RC_OK;
	case REGISTRY_HOURS:
		if (!json_int(v, &hours) || hours < 0 || hours > HOURS_MAX)
			return bad(r, f, "expected whole hours, 0 to 100000");
		jsonw_m_int(&r->w, f->name, hours);
		return RC_OK;
	case REGISTRY_LIST:
		return put_list(r, f, v);
	case REGISTRY_CONTACTS:
		return put_contacts(r, f, v);
	case REGISTRY_TEXT: case REGISTRY_OID: case REGISTRY_EMAIL: case REGISTRY_OWNER: case REGISTRY_TIME: case REGISTRY_TLP: case REGISTRY_TIER: case REGISTRY_SECTOR:
	case REGISTRY_LEVEL: case REGISTRY_SECRECY:
		break;
	}
	if (v->type != JSON_STRING)
		return bad(r, f, "expected a string");
	return put_text(r, f, json_str(v));
}

/* --- the entry --- */

static bool is_empty(const struct json *v)
{
	return v == NULL || v->type == JSON_NULL || (v->type == JSON_STRING && v->n == 0);
}

static bool is_id(struct str s)
{
	bool good = s.n >= 1 && s.n <= 64;

	for (size_t i = 0; good && i < s.n; i++)
		good = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' || s.p[i] == '_' || s.p[i] == '-';
	return good;
}

static enum rc check_names(enum register_kind kind, const struct json *in, struct err *err)
{
	JSON_MEMBERS(name, value, in)
		if (registry_field(kind, json_str(name)) == NULL && !str_eq(json_str(name), S("id")) && !str_eq(json_str(name), S("line")))
			return FAIL(err, RC_BAD, "/%.*s: a%s has no such member", STR(str_slice(json_str(name), 0, 100)),
				    kind == REGISTER_ORGANISATION ? "n organisation" : kind == REGISTER_SYSTEM ? " system" : kind == REGISTER_PERSON ? " person" : " duty");
	return RC_OK;
}

static enum rc put_members(struct reading *r, enum register_kind kind, const struct json *in, const struct json *old, struct str owner)
{
	for (const struct registry_field *f = REGISTRY[kind].fields; f->name != NULL; f++) {
		const struct json *v = json_get(in, str_of(f->name));

		if (v == NULL && f->type == REGISTRY_OWNER) {
			r->e->owner = owner;
			if (f->required && owner.n == 0)
				return bad(r, f, "is required");
			continue;
		}
		if (v == NULL)
			v = json_get(old, str_of(f->name));
		if (is_empty(v)) {
			if (f->required)
				return bad(r, f, "is required");
			continue;
		}
		if (f->type == REGISTRY_OWNER) {
			if (v->type != JSON_STRING || v->n > 200)
				return bad(r, f, "expected a string");
			r->e->owner = json_str(v);
			continue;
		}
		TRY(put_member(r, f, v));
	}
	return RC_OK;
}

static enum rc keep(struct reading *r, enum register_kind kind, const struct buf *b, struct arena *a)
{
	const struct json *body;

	r->e->body = arena_dup(a, buf_view(b));
	r->e->owner = arena_dup(a, r->e->owner.p == NULL ? S("") : r->e->owner);
	if (r->e->body.p == NULL || r->e->owner.p == NULL)
		return FAIL(r->err, RC_NOMEM, "register: out of memory");
	TRY(json_parse(a, r->e->body, &JSON_LIMITS, &body, r->err));
	r->e->name = desk_text(body, "name");
	r->e->alias = kind == REGISTER_ORGANISATION ? desk_text(body, "oid") : S("");
	r->e->sector = desk_text(body, "sector");
	r->e->level = desk_text(body, "level");
	r->e->tier = desk_text(body, "tier");
	r->e->region = desk_text(body, "region");
	if (kind == REGISTER_DUTY && r->e->ends <= r->e->starts)
		return FAIL(r->err, RC_BAD, "/until: lies before from");
	return RC_OK;
}

enum rc registry_entry(enum register_kind kind, const struct pack *const *packs, size_t n_packs, const struct json *in, const struct register_entry *had,
		       struct arena *a, struct register_entry *ret, struct err *err)
{
	struct reading r = { .packs = packs, .n_packs = n_packs, .e = ret, .err = err };
	const struct json *old = NULL, *id = json_get(in, S("id"));
	struct buf b;
	enum rc rc;

	*ret = (struct register_entry){ .kind = kind, .id = had != NULL ? had->id : S(""), .version = had != NULL ? had->version : 0 };
	if (!json_is(in, JSON_OBJECT))
		return FAIL(err, RC_BAD, "entry: expected an object");
	if (had == NULL && !is_empty(id)) {
		if (!is_id(json_str(id)))
			return FAIL(err, RC_BAD, "/id: expected 1 to 64 of a-z 0-9 . _ -");
		ret->id = json_str(id);
	}
	TRY(check_names(kind, in, err));
	if (had != NULL)
		TRY(json_parse(a, had->body, &JSON_LIMITS, &old, err));
	buf_init(&b, REGISTER_BODY_MAX);
	jsonw_init(&r.w, &b);
	jsonw_object(&r.w);
	rc = put_members(&r, kind, in, old, had != NULL ? had->owner : S(""));
	if (rc == RC_OK) {
		jsonw_object_end(&r.w);
		rc = buf_check(&b, err, "entry");
	}
	if (rc == RC_OK)
		rc = keep(&r, kind, &b, a);
	buf_done(&b);
	return rc;
}
