/* One function a kind of value (STIX 2.1 §2), joined in a table at the end. */
#include "stix/check.h"
#include "stix/format.h"
#include "stix/marking.h"
#include "stix/vocab.h"

typedef void (*kind_fn)(struct stix_check *c, const struct stix_prop *p, const struct json *v);

#define DICT_KEY_MAX 250
#define FEW 64 /* searched one by one */

static bool is_string(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (v->type == JSON_STRING)
		return true;
	MUST(c, v, "type", "'%.*s' must be a string", STR(p->name));
	return false;
}

/* A string of a format: `wrong` is NULL when it fits. */
static void by_format(struct stix_check *c, const struct stix_prop *p, const struct json *v, const char *rule,
		      const char *clause, const char *(*format)(struct str))
{
	const char *wrong;

	if (!is_string(c, p, v))
		return;
	wrong = format(json_str(v));
	if (wrong != NULL)
		MUST_BY(c, v, rule, clause, "'%.*s' is '%.*s': %s", STR(p->name), STR(str_slice(json_str(v), 0, 100)), wrong);
}

static void kind_any(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	(void)c;
	(void)p;
	(void)v;
}

static void kind_string(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	(void)is_string(c, p, v);
}

static void in_range(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	double d;

	if (p->min < p->max && json_double(v, &d) && (d < p->min || d > p->max))
		MUST(c, v, "range", "'%.*s' must be between %.0f and %.0f", STR(p->name), p->min, p->max);
}

static void kind_int(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	int64_t n;

	if (!json_int(v, &n))
		MUST_BY(c, v, "integer", "STIX 2.1 §2.10", "'%.*s' must be an integer within +-(2^53-1)", STR(p->name));
	else
		in_range(c, p, v);
}

static void kind_float(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	double d;

	if (!json_double(v, &d))
		MUST_BY(c, v, "float", "STIX 2.1 §2.6", "'%.*s' must be a number", STR(p->name));
	else
		in_range(c, p, v);
}

static void kind_bool(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	bool b;

	if (!json_bool(v, &b))
		MUST_BY(c, v, "boolean", "STIX 2.1 §2.2", "'%.*s' must be true or false", STR(p->name));
}

/* The fraction digits of the timestamp, or -1 after telling that it is none. */
static int timestamp(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	struct err why;
	int digits = 0;
	usec t;

	if (!is_string(c, p, v))
		return -1;
	if (time_parse(json_str(v), &t, &digits, &why) == RC_OK)
		return digits;
	MUST_BY(c, v, "timestamp", "STIX 2.1 §2.16", "'%.*s' is '%.*s': %s", STR(p->name),
		STR(str_slice(json_str(v), 0, 60)), why.text);
	return -1;
}

static void kind_time(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	(void)timestamp(c, p, v);
}

static void kind_time_ms(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	int digits = timestamp(c, p, v);

	if (digits >= 0 && (digits < 3 || (digits > 3 && c->spec == STIX_SPEC_20)))
		MUST_BY(c, v, "timestamp-precision", "STIX 2.1 §3.2", "'%.*s' must be precise to the millisecond%s",
			STR(p->name), c->spec == STIX_SPEC_20 ? " and no finer" : " or finer");
}

static void kind_time_s(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (timestamp(c, p, v) > 0)
		MUST_BY(c, v, "timestamp-precision", "STIX 2.1 §6.7.6", "'%.*s' must be precise to the second", STR(p->name));
}

static void kind_type(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_string(c, p, v) && !stix_type_name_ok(json_str(v)))
		MUST_BY(c, v, "type-name", "STIX 2.1 §11.2", "'%.*s' is no type name: 3 to 250 of a-z, 0-9 and single hyphens",
			STR(str_slice(json_str(v), 0, 100)));
}

/* An identifier; false after telling that it is none. 2.0 knows only UUIDv4 (part 1 §2.7). */
static bool identifier(struct stix_check *c, const struct stix_prop *p, const struct json *v, struct str *ret_type,
		       struct uuid *ret_uuid)
{
	int version;

	if (!is_string(c, p, v))
		return false;
	if (!stix_id_split(json_str(v), ret_type, ret_uuid)) {
		MUST_BY(c, v, "identifier", "STIX 2.1 §2.9", "'%.*s' is '%.*s', not type--UUID", STR(p->name),
			STR(str_slice(json_str(v), 0, 100)));
		return false;
	}
	version = uuid_version(ret_uuid);
	if (c->spec == STIX_SPEC_20 ? version != 4 : version > 5)
		MUST_BY(c, v, "identifier", "STIX 2.1 §2.9", "'%.*s' holds a UUID of version %d", STR(p->name), version);
	return true;
}

static void kind_own_id(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	struct str type;
	struct uuid uuid;

	if (!identifier(c, p, v, &type, &uuid))
		return;
	if (c->container == NULL && json_get(c->object, S("type")) != NULL && !str_eq(type, json_get_str(c->object, S("type"))))
		MUST_BY(c, v, "identifier", "STIX 2.1 §2.9", "the id must begin with the object's own type");
	if (c->class != STIX_SCO && uuid_version(&uuid) != 4)
		SHOULD(c, v, "uuid-check", "the id should hold a UUIDv4");
}

static bool ref_allowed(const char *refs, struct str type)
{
	bool listed = false, forbids = refs[0] == '!';
	enum stix_class class = stix_class_of(type);
	struct str rest = str_of(refs + (forbids || refs[0] == '?' ? 1 : 0)), word;

	while (!listed && str_next(&rest, ' ', &word)) {
		listed = str_eq(word, type) || (str_eq(word, S("@sco")) && (class == STIX_SCO || class == STIX_CUSTOM)) ||
			 (str_eq(word, S("@sdo")) && (class == STIX_SDO || class == STIX_CUSTOM)) ||
			 (str_eq(word, S("@sro")) && (class == STIX_SRO || class == STIX_CUSTOM));
	}
	return listed != forbids;
}

static void ref_target(struct stix_check *c, const struct stix_prop *p, const struct json *v, struct str type)
{
	if (p->refs == NULL || ref_allowed(p->refs, type))
		return;
	if (p->refs[0] == '?' && stix_class_of(type) != STIX_CUSTOM)
		SHOULD(c, v, "reference-type", "'%.*s' should not refer to %.*s", STR(p->name), STR(str_slice(type, 0, 100)));
	if (p->refs[0] != '?')
		MUST(c, v, "reference-type", "'%.*s' may not refer to %.*s", STR(p->name), STR(str_slice(type, 0, 100)));
}

/* The observable under this key, by an index when they are many. */
static const struct json *inside(struct stix_check *c, struct str key)
{
	uint64_t at;

	if (c->container->n <= FEW)
		return json_get(c->container, key);
	if (c->by_key == NULL) {
		c->by_key = map_new(c->container->n);
		if (c->by_key == NULL)
			c->fatal = RC_NOMEM;
		JSON_MEMBERS(name, value, c->container)
			if (c->fatal == RC_OK)
				c->fatal = map_put(c->by_key, json_str(name), (uint64_t)(value - c->root));
	}
	return c->fatal == RC_OK && map_get(c->by_key, key, &at) ? c->root + at : NULL;
}

/* Inside an observed-data container a reference is a key of it (STIX 2.1 §2.13). */
static void ref_inside(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	const struct json *target;
	struct str type;

	if (!is_string(c, p, v))
		return;
	target = inside(c, json_str(v));
	if (target == NULL && c->spec == STIX_SPEC_21 && stix_id_split(json_str(v), &type, NULL))
		ref_target(c, p, v, type); /* 2.1 observables have ids, and some producers use them here too */
	else if (target == NULL)
		MUST_BY(c, v, "object-reference", "STIX 2.1 §2.13", "'%.*s': no object '%.*s' in this observed-data",
			STR(p->name), STR(str_slice(json_str(v), 0, 60)));
	else if (json_get_str(target, S("type")).p != NULL)
		ref_target(c, p, v, json_get_str(target, S("type")));
}

static void kind_id(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	struct str type;
	struct uuid uuid;

	if ((p->flags & INSIDE) != 0 && c->container != NULL)
		ref_inside(c, p, v);
	else if (identifier(c, p, v, &type, &uuid))
		ref_target(c, p, v, type);
}

static void kind_enum(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_string(c, p, v) && !stix_vocab_has(p->vocab, json_str(v)))
		MUST_BY(c, v, "enum", "STIX 2.1 §10", "'%.*s' is '%.*s', which is not in %s", STR(p->name),
			STR(str_slice(json_str(v), 0, 60)), p->vocab->name);
}

static void kind_vocab(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	struct str word = json_str(v);

	if (!is_string(c, p, v) || !c->opts->shoulds || stix_vocab_has(p->vocab, word))
		return;
	SHOULD(c, v, p->vocab->rule, "'%.*s' is '%.*s', which is not in %s", STR(p->name), STR(str_slice(word, 0, 60)),
	       p->vocab->name);
	if (!format_is_word(word) && p->vocab != &VOC_ENCRYPTION_20)
		SHOULD(c, v, "open-vocab-format", "'%.*s': a word of one's own should be lower case with hyphens",
		       STR(p->name));
}

static void kind_lang(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	by_format(c, p, v, "language", "STIX 2.1 §3.2", format_lang);
}

/* Languages of software: ISO 639-2 in 2.0 (part 4 §2.14), RFC 5646 since. */
static void kind_lang_soft(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	by_format(c, p, v, "language", "STIX 2.1 §6.14.1", c->spec == STIX_SPEC_20 ? format_lang_639_2 : format_lang);
}

static void kind_url(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	by_format(c, p, v, "uri", "STIX 2.1 §2.5.1", format_uri);
}

/* The url of an external reference: the text gives it no MUST (STIX 2.1 §2.5.1), and old reports hold titles there. */
static void kind_link(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	const char *wrong = is_string(c, p, v) ? format_uri(json_str(v)) : NULL;

	if (wrong != NULL)
		SHOULD(c, v, "uri", "'%.*s' is '%.*s': %s", STR(p->name), STR(str_slice(json_str(v), 0, 100)), wrong);
}

static void kind_hex(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	by_format(c, p, v, "hex", "STIX 2.1 §2.8", format_hex);
	for (size_t i = 0; v->type == JSON_STRING && i < v->n; i++)
		if (v->p[i] >= 'A' && v->p[i] <= 'F') {
			SHOULD(c, v, "hex-case", "'%.*s' should be written in lower case", STR(p->name));
			break;
		}
}

static void kind_binary(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	by_format(c, p, v, "binary", "STIX 2.1 §2.1", format_base64);
}

static bool is_dict(struct stix_check *c, const struct stix_prop *p, const struct json *v, const char *clause)
{
	if (v->type == JSON_OBJECT && v->n > 0)
		return true;
	MUST_BY(c, v, "dictionary", clause, "'%.*s' must be a dictionary with at least one entry", STR(p->name));
	return false;
}

static void kind_hashes(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	const struct stix_vocab *known = c->spec == STIX_SPEC_20 ? &VOC_HASH_20 : &VOC_HASH;

	if (!is_dict(c, p, v, "STIX 2.1 §2.7"))
		return;
	JSON_MEMBERS(name, value, v) {
		struct str key = json_str(name);
		const char *wrong = format_dict_key(key, 3, DICT_KEY_MAX);

		if (wrong != NULL)
			MUST_BY(c, value, "hash-key", "STIX 2.1 §2.7", "hash '%.*s': %s", STR(str_slice(key, 0, 60)), wrong);
		if (value->type != JSON_STRING)
			MUST_BY(c, value, "hash", "STIX 2.1 §2.7", "hash '%.*s' must be a string", STR(str_slice(key, 0, 60)));
		else if ((wrong = format_hash(key, json_str(value))) != NULL)
			MUST_BY(c, value, "hash", "STIX 2.1 §2.7", "hash '%.*s': %s", STR(str_slice(key, 0, 60)), wrong);
		if (stix_vocab_has(known, key))
			continue;
		if (p->vocab != NULL && c->spec == STIX_SPEC_21)
			MUST_BY(c, value, "hash-key", "STIX 2.1 §2.5.1", "hash '%.*s' is not in %s",
				STR(str_slice(key, 0, 60)), known->name);
		if (c->spec == STIX_SPEC_20 && str_starts(key, S("x_")))
			continue;
		SHOULD(c, value, "hash-algo", "hash '%.*s' is not in %s", STR(str_slice(key, 0, 60)), known->name);
	}
}

static void dict_key(struct stix_check *c, const struct stix_prop *p, const struct json *name)
{
	struct str key = json_str(name);
	const char *wrong = format_dict_key(key, c->spec == STIX_SPEC_20 ? 3 : 1, c->spec == STIX_SPEC_20 ? 256 : DICT_KEY_MAX);

	if (wrong != NULL)
		MUST_BY(c, name + 1, "dictionary-key", "STIX 2.1 §2.3", "'%.*s', key '%.*s': %s", STR(p->name),
			STR(str_slice(key, 0, 60)), wrong);
	if (c->spec != STIX_SPEC_20 || !c->opts->shoulds || p->vocab != NULL || p->kind != SK_DICT)
		return;
	if (key.n > 30)
		SHOULD(c, name + 1, "observable-dictionary-keys", "a dictionary key should be no longer than 30 characters");
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] >= 'A' && key.p[i] <= 'Z') {
			SHOULD(c, name + 1, "observable-dictionary-keys", "a dictionary key should be lower case");
			break;
		}
}

/* Entries of a dictionary: `fits` judges each value, `what` says what it should be. */
static void dict_of(struct stix_check *c, const struct stix_prop *p, const struct json *v,
		    bool (*fits)(const struct json *value), const char *what)
{
	if (!is_dict(c, p, v, "STIX 2.1 §2.3"))
		return;
	JSON_MEMBERS(name, value, v) {
		dict_key(c, p, name);
		if (!fits(value))
			MUST_BY(c, value, "dictionary", "STIX 2.1 §2.3", "'%.*s', key '%.*s' must be %s", STR(p->name),
				STR(str_slice(json_str(name), 0, 60)), what);
		if (p->vocab != NULL && !stix_vocab_has(p->vocab, json_str(name)))
			SHOULD(c, value, p->vocab->rule, "'%.*s' is none of the %s", STR(str_slice(json_str(name), 0, 60)),
			       p->vocab->name);
	}
}

static bool fits_any(const struct json *v) { return v->type != JSON_ARRAY || v->n > 0; }
static bool fits_string(const struct json *v) { return v->type == JSON_STRING; }
static bool fits_int(const struct json *v) { int64_t n; return json_int(v, &n); }
static bool fits_scalar(const struct json *v) { return fits_string(v) || fits_int(v); }

static bool fits_strings(const struct json *v)
{
	if (v->type != JSON_ARRAY || v->n == 0)
		return false;
	JSON_EACH(item, v)
		if (item->type != JSON_STRING)
			return false;
	return true;
}

static bool fits_header(const struct json *v) { return fits_string(v) || fits_strings(v); }

static void kind_dict(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	dict_of(c, p, v, fits_any, "no empty list");
}

static void kind_dict_string(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	dict_of(c, p, v, fits_string, "a string");
}

static void kind_dict_lists(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	dict_of(c, p, v, fits_strings, "a list of strings");
}

static void kind_dict_scalar(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	dict_of(c, p, v, fits_scalar, "a string or an integer");
}

static void kind_dict_int(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	dict_of(c, p, v, fits_int, "an integer");
}

static void kind_headers(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	dict_of(c, p, v, fits_header, "a string or a list of strings");
}

static void kind_struct(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	check_struct(c, p->sub, v);
}

static void kind_extensions(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_dict(c, p, v, "STIX 2.1 §3.2"))
		check_extensions(c, v);
}

static void kind_observables(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (!is_dict(c, p, v, "STIX 2.1 §2.13") || c->container != NULL)
		return;
	c->container = v;
	JSON_MEMBERS(name, value, v) {
		uint64_t n;

		if (!str_to_u64(json_str(name), &n))
			SHOULD(c, value, "observable-object-keys", "the key '%.*s' should be a non-negative integer",
			       STR(str_slice(json_str(name), 0, 60)));
		check_observable(c, value);
	}
	map_free(c->by_key);
	c->by_key = NULL;
	c->container = NULL;
}

static void kind_selector(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	const char *why = "";

	/* A search may pass all members of the object, or all its nodes when a list is indexed. */
	c->work += memchr(v->p, '[', v->type == JSON_STRING ? v->n : 0) != NULL ? c->object->skip : c->object->n;
	if (c->work > STIX_WORK_MAX)
		c->fatal = RC_LIMIT;
	else if (is_string(c, p, v) && stix_selector_find(c->object, json_str(v), &why) == NULL)
		MUST_BY(c, v, "selector", "STIX 2.1 §7.2.3.1", "selector '%.*s': %s", STR(str_slice(json_str(v), 0, 100)), why);
}

static void kind_mime(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_string(c, p, v) && format_mime(json_str(v)) != NULL)
		SHOULD(c, v, "mime-type", "'%.*s' is '%.*s': %s", STR(p->name), STR(str_slice(json_str(v), 0, 60)),
		       format_mime(json_str(v)));
}

#define BY_FORMAT(kind, rule, clause) \
	static void kind_##kind(struct stix_check *c, const struct stix_prop *p, const struct json *v) \
	{ \
		by_format(c, p, v, rule, clause, format_##kind); \
	}
BY_FORMAT(charset, "character-set", "STIX 2.1 §6.7.1")
BY_FORMAT(cpe, "cpe", "STIX 2.1 §6.14.1")
BY_FORMAT(email, "email", "STIX 2.1 §6.5.1")
BY_FORMAT(domain, "domain", "STIX 2.1 §6.4.1")
BY_FORMAT(ipv4, "ipv4", "STIX 2.1 §6.8.1")
BY_FORMAT(ipv6, "ipv6", "STIX 2.1 §6.9.1")
BY_FORMAT(mac, "mac", "STIX 2.1 §6.10.1")

static void kind_rel_type(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_string(c, p, v) && !format_is_word(json_str(v)))
		MUST_BY(c, v, "relationship-type", "STIX 2.1 §5.1.2", "'%.*s' must be of a-z, 0-9 and hyphens", STR(p->name));
}

static void kind_spec(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_string(c, p, v) && !str_eq(json_str(v), S("2.1")) && !str_eq(json_str(v), S("2.0")))
		MUST_BY(c, v, "spec-version", "STIX 2.1 §3.2", "'spec_version' is '%.*s', neither 2.0 nor 2.1",
			STR(str_slice(json_str(v), 0, 20)));
}

/* The registry of service names has no underscore and no upper case (RFC 6335 §5.1). */
static void kind_protocol(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (!is_string(c, p, v) || !c->opts->shoulds)
		return;
	for (size_t i = 0; i < v->n; i++)
		if (!((v->p[i] >= 'a' && v->p[i] <= 'z') || (v->p[i] >= '0' && v->p[i] <= '9') || strchr("-+./", v->p[i]))) {
			SHOULD(c, v, "protocols", "'%.*s' is no registered protocol name", STR(str_slice(json_str(v), 0, 60)));
			break;
		}
}

static void kind_phase(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if (is_string(c, p, v) && !format_is_word(json_str(v)))
		SHOULD(c, v, "kill-chain-names", "'%.*s' should be lower case with hyphens", STR(p->name));
}

static const kind_fn KINDS[SK_COUNT] = {
	[SK_ANY] = kind_any, [SK_STRING] = kind_string, [SK_INT] = kind_int, [SK_FLOAT] = kind_float, [SK_BOOL] = kind_bool,
	[SK_TIME] = kind_time, [SK_TIME_MS] = kind_time_ms, [SK_TIME_S] = kind_time_s, [SK_TYPE] = kind_type,
	[SK_ID] = kind_id, [SK_OWN_ID] = kind_own_id, [SK_ENUM] = kind_enum, [SK_VOCAB] = kind_vocab,
	[SK_LANG] = kind_lang, [SK_LANG_SOFT] = kind_lang_soft, [SK_URL] = kind_url, [SK_LINK] = kind_link, [SK_HEX] = kind_hex, [SK_BINARY] = kind_binary,
	[SK_HASHES] = kind_hashes, [SK_DICT] = kind_dict, [SK_DICT_STRING] = kind_dict_string,
	[SK_DICT_LISTS] = kind_dict_lists, [SK_DICT_SCALAR] = kind_dict_scalar, [SK_DICT_INT] = kind_dict_int,
	[SK_HEADERS] = kind_headers, [SK_STRUCT] = kind_struct, [SK_EXTENSIONS] = kind_extensions,
	[SK_OBSERVABLES] = kind_observables, [SK_SELECTOR] = kind_selector, [SK_MIME] = kind_mime,
	[SK_CHARSET] = kind_charset, [SK_CPE] = kind_cpe, [SK_EMAIL] = kind_email, [SK_DOMAIN] = kind_domain,
	[SK_IPV4] = kind_ipv4, [SK_IPV6] = kind_ipv6, [SK_MAC] = kind_mac, [SK_REL_TYPE] = kind_rel_type,
	[SK_SPEC] = kind_spec, [SK_PROTOCOL] = kind_protocol, [SK_PHASE] = kind_phase,
};

void check_value(struct stix_check *c, const struct stix_prop *p, const struct json *v)
{
	if ((p->flags & LIST) == 0) {
		KINDS[p->kind](c, p, v);
		return;
	}
	if (v->type != JSON_ARRAY) {
		MUST_BY(c, v, "list", "STIX 2.1 §2.12", "'%.*s' must be a list", STR(p->name));
		return;
	}
	if (v->n == 0 && (p->flags & MAY_EMPTY) == 0)
		MUST_BY(c, v, "empty-list", "STIX 2.1 §2.12", "'%.*s': an empty list is left out", STR(p->name));
	JSON_EACH(item, v)
		if (c->fatal == RC_OK)
			KINDS[p->kind](c, p, item);
}
