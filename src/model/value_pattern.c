/* Values and STIX: patterns of one value, and the values of patterns and
 * cyber-observables that others made. */
#include "model/observable.h"
#include "stix/id.h"
#include "stix/pattern.h"
#include "stix/pattern_ast.h"

static const struct {
	const char *type, *path;
	enum observable_kind kind;
} paths[] = {
	{ "ipv4-addr", "value", OBS_IPV4 }, { "ipv6-addr", "value", OBS_IPV6 }, { "domain-name", "value", OBS_DOMAIN },
	{ "url", "value", OBS_URL }, { "email-addr", "value", OBS_EMAIL }, { "file", "hashes.MD5", OBS_MD5 },
	{ "file", "hashes.'SHA-1'", OBS_SHA1 }, { "file", "hashes.'SHA-256'", OBS_SHA256 },
	{ "file", "hashes.'SHA-512'", OBS_SHA512 },
};

static const char *path_of(enum observable_kind kind)
{
	for (size_t i = 0; i < COUNTOF(paths); i++) {
		if (paths[i].kind == kind)
			return paths[i].path;
	}
	return "value";
}

/* STIX 2.1 §9.3: ' and \ are escaped in a string. */
static void put_literal(struct buf *out, struct str s)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'' || s.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
	buf_char(out, '\'');
}

void value_pattern(struct buf *out, enum observable_kind kind, struct str value)
{
	buf_fmt(out, "[%s:%s = ", value_stix_type(kind), path_of(kind));
	put_literal(out, value);
	buf_char(out, ']');
}

struct str value_id(enum observable_kind kind, struct str value, char out[static VALUE_ID_MAX])
{
	char id[STIX_ID_MAX + 1];
	struct buf pattern;
	int n;

	buf_init(&pattern, 2 * VALUE_MAX + 64);
	value_pattern(&pattern, kind, value);
	n = snprintf(out, VALUE_ID_MAX, "%.*s", STR(stix_derived_id(S("indicator"), buf_view(&pattern), id)));
	buf_done(&pattern);
	return str_make(out, (size_t)n);
}

struct str value_id_of(struct str matched, char out[static VALUE_ID_MAX])
{
	enum observable_kind kind;
	struct str id = S("");
	struct buf normal;

	buf_init(&normal, 2 * VALUE_MAX);
	if (matched.n > 0 && matched.p[0] != '[' && value_detect(matched, &kind, &normal, NULL) == RC_OK)
		id = value_id(kind, buf_view(&normal), out);
	buf_done(&normal);
	return id;
}

static bool same_path(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	/* Quotes around a step mean nothing: hashes.'MD5' is hashes.MD5. */
	for (;;) {
		while (i < a.n && a.p[i] == '\'')
			i++;
		while (k < b.n && b.p[k] == '\'')
			k++;
		if (i == a.n || k == b.n)
			return i == a.n && k == b.n;
		if (a.p[i++] != b.p[k++])
			return false;
	}
}

static bool kind_of(struct str type, struct str path, enum observable_kind *ret)
{
	for (size_t i = 0; i < COUNTOF(paths); i++) {
		if (str_eq(type, str_of(paths[i].type)) && same_path(path, str_of(paths[i].path))) {
			*ret = paths[i].kind;
			return true;
		}
	}
	return false;
}

/* Adds the value unless it has no normal form (then nothing we look up can ever equal it). */
static enum rc add_value(struct arena *a, struct value *out, size_t *n, enum observable_kind kind, struct str text, struct err *err)
{
	struct buf b;
	enum rc rc = RC_OK;

	buf_init(&b, VALUE_MAX * 2);
	if (value_normalise(kind, text, &b, NULL) == RC_OK && b.bad == RC_OK) {
		out[*n].kind = kind;
		out[*n].text = arena_dup(a, buf_view(&b));
		rc = out[*n].text.p == NULL ? FAIL(err, RC_NOMEM, "pattern: no memory") : RC_OK;
		*n += rc == RC_OK;
	}
	buf_done(&b);
	return rc;
}

enum rc value_of_pattern(struct arena *a, struct str pattern, struct value **ret, size_t *ret_n, struct err *err)
{
	const struct pattern *p;
	const struct pat_simple *simples;
	struct value *out;
	size_t n, got = 0;

	TRY(stix_pattern_parse(a, pattern, &STIX_PATTERN_LENIENT, &p, err));
	TRY(stix_pattern_simples(a, p, &simples, &n, err));
	out = arena_array(a, n + 1, sizeof *out);
	if (out == NULL)
		return FAIL(err, RC_NOMEM, "pattern: no memory");
	for (size_t i = 0; i < n; i++) {
		enum observable_kind kind;

		if (simples[i].value->type == PAT_STRING && kind_of(simples[i].object_type, simples[i].path, &kind))
			TRY(add_value(a, out, &got, kind, simples[i].value->text, err));
	}
	*ret = out;
	*ret_n = got;
	return RC_OK;
}

static enum rc add_hashes(struct arena *a, const struct json *hashes, struct value *out, size_t *n, struct err *err)
{
	JSON_MEMBERS(name, v, hashes) {
		enum observable_kind kind;

		if (v->type == JSON_STRING && *n < 8 && value_kind_find(json_str(name), &kind) && kind >= OBS_MD5)
			TRY(add_value(a, out, n, kind, json_str(v), err));
	}
	return RC_OK;
}

enum rc value_of_sco(struct arena *a, const struct json *sco, struct value **ret, size_t *ret_n, struct err *err)
{
	struct str type = json_get_str(sco, S("type")), value = json_get_str(sco, S("value"));
	const struct json *hashes = json_get(sco, S("hashes"));
	struct value *out = arena_array(a, 8, sizeof *out);
	enum observable_kind kind;
	size_t n = 0;

	if (out == NULL)
		return FAIL(err, RC_NOMEM, "object: no memory");
	if (value.p != NULL && kind_of(type, S("value"), &kind))
		TRY(add_value(a, out, &n, kind, value, err));
	else if (str_eq(type, S("file")) && json_is(hashes, JSON_OBJECT))
		TRY(add_hashes(a, hashes, out, &n, err));
	*ret = out;
	*ret_n = n;
	return RC_OK;
}
