/* One line of a list or table becomes one indicator. */
#include "intel/import_int.h"
#include "stix/id.h"
#include "stix/marking.h"

struct made {
	enum observable_kind kind;
	struct buf value, pattern, out;
	uint8_t tlp, confidence;
	usec valid_from, valid_until;
};

static void made_init(struct made *m)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->value, VALUE_MAX * 2);
	buf_init(&m->pattern, VALUE_MAX * 4);
	buf_init(&m->out, OBJECT_BODY_MAX);
}

static void made_done(struct made *m)
{
	buf_done(&m->value);
	buf_done(&m->pattern);
	buf_done(&m->out);
}

/* RFC 3339, a bare date, or seconds since 1970. */
static enum rc read_time(struct str text, usec *ret, struct err *err)
{
	char full[64];
	int64_t seconds;

	if (text.n == 10 && text.p[4] == '-') {
		snprintf(full, sizeof full, "%.*sT00:00:00Z", STR(text));
		return time_parse(str_of(full), ret, NULL, err);
	}
	if (text.n <= 11 && str_to_i64(text, &seconds)) {
		*ret = seconds * USEC_PER_SEC;
		return RC_OK;
	}
	if (text.n == 19 && (text.p[10] == ' ' || text.p[10] == 'T')) {
		snprintf(full, sizeof full, "%.10sT%.8sZ", text.p, text.p + 11);
		return time_parse(str_of(full), ret, NULL, err);
	}
	return time_parse(text, ret, NULL, err);
}

/* "198.51.100.7:4444", "[2001:db8::1]:53", "evil.example:8080": what the node looks for is the host, so all its ports
 * are one indicator. */
static bool host_of_port(struct str text, struct str *ret)
{
	size_t i = text.n;
	uint64_t port;

	while (i > 0 && text.p[i - 1] >= '0' && text.p[i - 1] <= '9')
		i--;
	if (i < 2 || text.p[i - 1] != ':' || !str_to_u64(str_slice(text, i, text.n), &port) || port > 65535)
		return false;
	*ret = str_slice(text, 0, i - 1);
	if (ret->p[0] == '[' && ret->p[ret->n - 1] == ']')
		*ret = str_slice(*ret, 1, ret->n - 1);
	else if (memchr(ret->p, ':', ret->n) != NULL)
		return false;
	return true;
}

/* By its form; feeds also write hosts with a port and URLs without a scheme. `why` is about the plain reading. */
static enum rc detect(struct made *m, struct str text, struct err *why)
{
	struct str host;
	struct buf url;
	enum rc rc = value_detect(text, &m->kind, &m->value, why);

	if (rc != RC_BAD)
		return rc;
	buf_clear(&m->value);
	if (host_of_port(text, &host)) {
		if (value_detect(host, &m->kind, &m->value, NULL) == RC_OK && m->kind <= OBS_DOMAIN)
			return RC_OK;
	} else if (str_find(text, S("/"), 1) != SIZE_MAX && str_find(text, S("://"), 0) == SIZE_MAX) {
		size_t slash = str_find(text, S("/"), 0);

		if (value_detect(str_slice(text, 0, slash), &m->kind, &m->value, NULL) == RC_OK && m->kind <= OBS_DOMAIN) {
			buf_init(&url, VALUE_MAX * 2);
			buf_fmt(&url, "http://%.*s", STR(text));
			buf_clear(&m->value);
			rc = value_detect(buf_view(&url), &m->kind, &m->value, NULL);
			buf_done(&url);
			if (rc == RC_OK)
				return RC_OK;
		}
	}
	buf_clear(&m->value);
	return RC_BAD;
}

static enum rc read_value(struct made *m, const struct row *r, struct err *err)
{
	struct buf plain;
	struct str text;
	enum rc rc;

	buf_init(&plain, VALUE_MAX * 2);
	if (r->value.n > VALUE_MAX)
		return FAIL(err, RC_LIMIT, "a value has at most %d bytes", VALUE_MAX);
	value_refang(&plain, r->value);
	text = buf_view(&plain);
	if (r->kind.n == 0 || str_eq_nocase(r->kind, S("ip")) || str_eq_nocase(r->kind, S("hash")))
		rc = detect(m, text, err);
	else if (value_kind_find(r->kind, &m->kind))
		rc = value_normalise(m->kind, text, &m->value, err);
	else
		rc = FAIL(err, RC_UNSUPPORTED, "type %.*s is not known", STR(str_slice(r->kind, 0, 60)));
	buf_done(&plain);
	return rc == RC_OK ? buf_check(&m->value, err, "value") : rc;
}

static enum rc read_row(const struct sink *s, struct made *m, const struct row *r, struct err *err)
{
	uint64_t confidence;
	enum tlp tlp;

	TRY(read_value(m, r, err));
	m->tlp = s->o->tlp;
	m->confidence = s->o->confidence;
	m->valid_from = s->o->now;
	if (r->tlp.n > 0) {
		if (!tlp_parse(r->tlp, &tlp))
			return FAIL(err, RC_BAD, "no TLP level: %.*s", STR(str_slice(r->tlp, 0, 40)));
		m->tlp = (uint8_t)tlp;
	}
	if (r->confidence.n > 0) {
		if (!str_to_u64(r->confidence, &confidence) || confidence > 100)
			return FAIL(err, RC_BAD, "confidence is not 0..100");
		m->confidence = (uint8_t)confidence;
	}
	if (r->valid_from.n > 0)
		TRY(read_time(r->valid_from, &m->valid_from, err));
	if (r->valid_until.n > 0)
		TRY(read_time(r->valid_until, &m->valid_until, err));
	if (m->valid_until != 0 && m->valid_until <= m->valid_from)
		return FAIL(err, RC_BAD, "valid_until is not later than valid_from");
	return RC_OK;
}

static void write_labels(struct jsonw *w, struct str labels)
{
	char sep = str_find(labels, S("|"), 0) != SIZE_MAX ? '|' : str_find(labels, S(";"), 0) != SIZE_MAX ? ';' : ',';
	struct str label;
	bool open = false;

	while (str_next(&labels, sep, &label)) {
		label = str_trim(label);
		if (label.n == 0)
			continue;
		if (!open) {
			jsonw_name(w, "labels");
			jsonw_array(w);
			open = true;
		}
		jsonw_str(w, label);
	}
	if (open)
		jsonw_array_end(w);
}

static enum rc write_indicator(const struct sink *s, struct made *m, const struct row *r, struct err *err)
{
	char id[STIX_ID_MAX + 1], text[TIME_TEXT_MAX];
	struct buf name;
	struct jsonw w;

	value_pattern(&m->pattern, m->kind, buf_view(&m->value));
	buf_init(&name, VALUE_MAX * 8);
	buf_fmt(&name, "%.*s\n%.*s", STR(s->o->source_name), STR(buf_view(&m->pattern)));
	jsonw_init(&w, &m->out);
	jsonw_object(&w);
	made_head(&w, s, "indicator", stix_derived_id(S("indicator"), buf_view(&name), id), s->o->now, s->o->now);
	buf_done(&name);
	jsonw_m_str(&w, "name", r->name.n > 0 ? r->name : buf_view(&m->value));
	if (r->description.n > 0)
		jsonw_m_str(&w, "description", r->description);
	if (m->confidence <= 100)
		jsonw_m_int(&w, "confidence", m->confidence);
	write_labels(&w, r->labels);
	jsonw_m_str(&w, "pattern", buf_view(&m->pattern));
	jsonw_m_cstr(&w, "pattern_type", "stix");
	jsonw_m_str(&w, "valid_from", time_format_ms(m->valid_from, text));
	if (m->valid_until != 0)
		jsonw_m_str(&w, "valid_until", time_format_ms(m->valid_until, text));
	made_marking(&w, m->tlp);
	jsonw_object_end(&w);
	return buf_check(&m->out, err, "indicator");
}

/* The id of a further statement about the value: from all that the row says of it but the beginning. */
static struct str further_id(const struct sink *s, const struct made *m, const struct row *r, char out[static STIX_ID_MAX + 1])
{
	struct buf said;

	buf_init(&said, OBJECT_BODY_MAX);
	buf_fmt(&said, "%.*s\n%.*s\n%u %u %lld\n%.*s\n%.*s\n%.*s", STR(s->o->source_name), STR(buf_view(&m->pattern)), m->tlp,
		m->confidence, (long long)m->valid_until, STR(r->name), STR(r->labels), STR(r->description));
	stix_derived_id(S("indicator"), buf_view(&said), out);
	buf_done(&said);
	return str_of(out);
}

enum rc row_put(struct sink *s, const struct row *r, struct err *err)
{
	struct place at = { r->line, S("") };
	char further[STIX_ID_MAX + 1];
	struct err why = { 0 };
	struct made m;
	enum rc rc;

	made_init(&m);
	rc = read_row(s, &m, r, &why);
	if (rc == RC_OK)
		rc = write_indicator(s, &m, r, &why);
	if (rc == RC_OK) {
		s->report->values++;
		rc = sink_put_row(s, buf_view(&m.out), at, further_id(s, &m, r, further), err);
	} else if (rc == RC_NOMEM) {
		err_set(err, rc, "%s", why.text);
	} else {
		sink_fail(s, at, str_of(why.text));
		rc = RC_OK;
	}
	made_done(&m);
	return rc;
}
