#include "stix/object.h"

#include "stix/schema.h"

bool stix_type_name_ok(struct str type)
{
	if (type.n < 3 || type.n > STIX_TYPE_MAX || type.p[0] < 'a' || type.p[0] > 'z')
		return false;
	for (size_t i = 1; i < type.n; i++) {
		char c = type.p[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!word && (c != '-' || type.p[i - 1] == '-'))
			return false;
	}
	return type.p[type.n - 1] != '-';
}

bool stix_id_split(struct str id, struct str *ret_type, struct uuid *ret_uuid)
{
	struct str type;
	struct uuid uuid;

	if (id.n < UUID_TEXT_LEN + 5 || id.n > STIX_ID_MAX)
		return false;
	type = str_make(id.p, id.n - UUID_TEXT_LEN - 2);
	if (id.p[type.n] != '-' || id.p[type.n + 1] != '-' || !stix_type_name_ok(type) ||
	    !uuid_parse(str_make(id.p + type.n + 2, UUID_TEXT_LEN), &uuid))
		return false;
	*ret_type = type;
	if (ret_uuid != NULL)
		*ret_uuid = uuid;
	return true;
}

enum stix_class stix_class_of(struct str type)
{
	const struct stix_schema *s = stix_schema_find(type);

	return s == NULL ? STIX_CUSTOM : (enum stix_class)s->class;
}

/* Members that are read, and where each goes. */
enum member { M_ID, M_TYPE, M_CREATED, M_MODIFIED, M_CREATOR, M_SPEC, M_REVOKED, M_CONFIDENCE, M_MARKINGS, M_GRANULAR, M_OTHER };

static enum member member_of(struct str name)
{
	static const struct { struct str name; uint8_t member; } rows[] = {
		{ NAME("id"), M_ID }, { NAME("type"), M_TYPE }, { NAME("created"), M_CREATED },
		{ NAME("modified"), M_MODIFIED }, { NAME("created_by_ref"), M_CREATOR }, { NAME("spec_version"), M_SPEC },
		{ NAME("revoked"), M_REVOKED }, { NAME("confidence"), M_CONFIDENCE },
		{ NAME("object_marking_refs"), M_MARKINGS }, { NAME("granular_markings"), M_GRANULAR },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (rows[i].name.n == name.n && memcmp(rows[i].name.p, name.p, name.n) == 0)
			return (enum member)rows[i].member;
	return M_OTHER;
}

struct reading {
	struct stix_object *o;
	struct str spec;
	const struct json *granular;
};

/* False when the member has another JSON type than the object's identity needs. */
static bool take_member(struct reading *r, enum member m, const struct json *value)
{
	struct stix_object *o = r->o;
	struct str *text = NULL;
	int64_t number;

	switch (m) {
	case M_ID: text = &o->id; break;
	case M_TYPE: text = &o->type; break;
	case M_CREATED: text = &o->created; break;
	case M_MODIFIED: text = &o->modified; break;
	case M_CREATOR: text = &o->created_by_ref; break;
	case M_SPEC: text = &r->spec; break;
	case M_REVOKED: return json_bool(value, &o->revoked);
	case M_CONFIDENCE:
		if (json_int(value, &number) && number >= 0 && number <= 100)
			o->confidence = (uint8_t)number;
		return true;
	case M_MARKINGS:
		o->markings = value;
		return value->type == JSON_ARRAY;
	case M_GRANULAR:
		o->granular = value;
		return value->type == JSON_ARRAY;
	case M_OTHER: return true;
	}
	if (text == NULL || value->type != JSON_STRING)
		return false;
	*text = json_str(value);
	return true;
}

static enum rc read_spec(struct str spec, struct stix_object *o, struct err *err)
{
	if (spec.p == NULL)
		o->spec = o->class == STIX_SCO || o->class == STIX_BUNDLE ? STIX_SPEC_21 : STIX_SPEC_20;
	else if (str_eq(spec, S("2.1")))
		o->spec = STIX_SPEC_21;
	else if (str_eq(spec, S("2.0")))
		o->spec = STIX_SPEC_20;
	else
		return FAIL(err, RC_UNSUPPORTED, "spec_version '%.*s' is neither 2.0 nor 2.1", STR(str_slice(spec, 0, 20)));
	return RC_OK;
}

enum rc stix_object_read(const struct json *v, struct str raw, struct stix_object *ret, struct err *err)
{
	struct stix_object o = { .confidence = 255, .json = v, .raw = raw };
	struct reading r = { .o = &o };
	struct str type;

	if (!json_is(v, JSON_OBJECT))
		return FAIL(err, RC_BAD, "a STIX object must be a JSON object");
	JSON_MEMBERS(name, value, v)
		if (!take_member(&r, member_of(json_str(name)), value))
			return FAIL(err, RC_BAD, "'%.*s' has the wrong JSON type", STR(json_str(name)));
	if (o.type.p == NULL)
		return FAIL(err, RC_BAD, "'type' is missing");
	if (o.id.p == NULL)
		return FAIL(err, RC_BAD, "'id' is missing");
	if (!stix_id_split(o.id, &type, &o.uuid))
		return FAIL(err, RC_BAD, "id '%.*s' is not type--UUID", STR(str_slice(o.id, 0, 100)));
	if (!str_eq(type, o.type))
		return FAIL(err, RC_BAD, "id '%.*s' does not begin with the type '%.*s'", STR(str_slice(o.id, 0, 100)),
			    STR(str_slice(o.type, 0, 100)));
	o.class = stix_class_of(o.type);
	TRY(read_spec(r.spec, &o, err));
	o.version = o.modified.n > 0 ? o.modified : o.created;
	if (o.version.p == NULL)
		o.version = S("");
	*ret = o;
	return RC_OK;
}

static bool is_instant(struct str text)
{
	usec t;

	return time_parse(text, &t, NULL, NULL) == RC_OK;
}

int stix_version_cmp(struct str a, struct str b)
{
	bool a_ok, b_ok;

	if (str_eq(a, b))
		return 0;
	a_ok = is_instant(a);
	b_ok = is_instant(b);
	if (a_ok && b_ok)
		return time_text_cmp(a, b);
	return a_ok != b_ok ? (a_ok ? 1 : -1) : str_cmp(a, b);
}

enum stix_arrival stix_arrives(const struct stix_object *known, const struct stix_object *incoming)
{
	int order = stix_version_cmp(incoming->version, known->version);

	if (order == 0)
		return json_same(known->json, incoming->json) ? STIX_SAME : STIX_CLASH;
	if (order < 0)
		return STIX_OLDER;
	if (known->revoked)
		return STIX_REVOKED;
	return str_eq(known->created_by_ref, incoming->created_by_ref) ? STIX_NEWER : STIX_FOREIGN;
}
