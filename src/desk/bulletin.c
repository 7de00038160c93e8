/* Everything that is read or written goes through the tables below: a member more is a line more. */
#include "desk/bulletin.h"

#include "base/ascii.h"
#include "base/text.h"
#include "model/observable.h"

#define LINE_MAX ((size_t)1000)
#define PROSE_MAX ((size_t)32 << 10)
#define ROWS_STEP 8

enum sort { LINE, PROSE, PORT, OBSERVABLE, CONTENT };

static const char *const codes[BULLETIN_CODES] = { "ANA", "EWA", "INT", "DEF", "FBI" };
static const char *const dispositions[DISPOSITIONS] = { "", "false-positive", "confirmed", "undetermined" };
static const struct { const char *name; enum sort sort; } texts[BULLETIN_TEXTS] = {
	[BT_CATEGORY] = { "category", LINE },
	[BT_TITLE] = { "title", LINE },
	[BT_DESCRIPTION] = { "description", PROSE },
	[BT_METHOD] = { "method", PROSE },
	[BT_PRODUCER] = { "producer", LINE },
	[BT_PRODUCER_ID] = { "producer_id", LINE },
	[BT_REPORTER] = { "reporter", LINE },
	[BT_REPORTER_PHONE] = { "reporter_phone", LINE },
	[BT_REPORTER_MAIL] = { "reporter_mail", LINE },
	[BT_RESPONDER] = { "responder", LINE },
	[BT_RESPONDER_PHONE] = { "responder_phone", LINE },
	[BT_RESPONDER_MAIL] = { "responder_mail", LINE },
	[BT_SOURCE] = { "source", LINE },
	[BT_DISPOSITION] = { "disposition", LINE },
	[BT_REASON] = { "reason", PROSE },
	[BT_INCIDENT] = { "incident", LINE },
};
static const char *const times[BULLETIN_TIMES] = {
	[BW_FOUND] = "found", [BW_REPORTED] = "reported", [BW_CLOSED] = "closed", [BW_ISSUED] = "issued", [BW_DUE] = "due",
};
struct column { const char *name; enum sort sort; };
static const struct { const char *name; struct column column[BULLETIN_COLUMNS_MAX]; } lists[BULLETIN_LISTS] = {
	[BL_AFFECTED] = { "affected", { { "product", LINE }, { "vendor", LINE }, { "version", LINE } } },
	[BL_ACTIONS] = { "actions", { { "", PROSE } } },
	[BL_REFERENCES] = { "references", { { "", LINE } } },
	[BL_OBSERVABLES] = { "observables", { { "type", LINE }, { "value", OBSERVABLE } } },
	[BL_TARGETS] = { "targets", { { "address", LINE }, { "port", PORT }, { "protocol", LINE } } },
	[BL_CONNECTIONS] = { "connections",
			     { { "protocol", LINE }, { "source_address", LINE }, { "source_host", LINE }, { "source_port", PORT },
			       { "via_address", LINE }, { "via_host", LINE }, { "via_port", PORT }, { "destination_address", LINE },
			       { "destination_host", LINE }, { "destination_port", PORT } } },
	[BL_SCANS] = { "scans", { { "engine", LINE }, { "version", LINE }, { "result", LINE } } },
	[BL_ATTACHMENTS] = { "attachments", { { "name", LINE }, { "media_type", LINE }, { "content", CONTENT } } },
};

const char *bulletin_code_name(enum bulletin_code code) { return code < BULLETIN_CODES ? codes[code] : "?"; }
const char *disposition_name(enum disposition d) { return d < DISPOSITIONS ? dispositions[d] : ""; }
const char *bulletin_text_name(enum bulletin_text t) { return texts[t].name; }
const char *bulletin_time_name(enum bulletin_time t) { return times[t]; }
const char *bulletin_list_name(enum bulletin_list l) { return lists[l].name; }
const char *bulletin_column_name(enum bulletin_list l, size_t column) { return lists[l].column[column].name; }

static unsigned find(const char *const *names, unsigned n, struct str name)
{
	unsigned i = 0;

	while (i < n && !str_eq(name, str_of(names[i])))
		i++;
	return i;
}

enum bulletin_code bulletin_code_find(struct str name) { return (enum bulletin_code)find(codes, BULLETIN_CODES, name); }
enum disposition disposition_find(struct str name) { return (enum disposition)find(dispositions, DISPOSITIONS, name); }

size_t bulletin_columns(enum bulletin_list l)
{
	size_t n = 0;

	while (n < BULLETIN_COLUMNS_MAX && lists[l].column[n].name != NULL)
		n++;
	return n;
}

void bulletin_init(struct bulletin *b)
{
	*b = (struct bulletin){ .code = BULLETIN_ANA };
	for (size_t i = 0; i < BULLETIN_TEXTS; i++)
		b->text[i] = S("");
}

struct str *bulletin_add(struct arena *a, struct bulletin *b, enum bulletin_list l)
{
	struct bulletin_rows *r = &b->list[l];
	size_t width = bulletin_columns(l), now = r->n * width * sizeof(struct str), step = ROWS_STEP * width * sizeof(struct str);
	struct str *row;

	if (r->n == BULLETIN_ROWS_MAX)
		return NULL;
	if (r->n % ROWS_STEP == 0) {
		struct str *more = arena_resize(a, r->cell, now, now + step);

		if (more == NULL)
			return NULL;
		r->cell = more;
	}
	row = r->cell + r->n++ * width;
	for (size_t i = 0; i < width; i++)
		row[i] = S("");
	return row;
}

/* --- checking --- */

/* Characters that no text of ours has: controls (XML 1.0 §2.2 has no place for them), the two that are none, and those that
 * turn the direction of writing, with which one text passes for another. */
static bool allowed(uint32_t ch, bool lines)
{
	if (ch < 0x20)
		return ch == '\t' || (lines && ch == '\n');
	return !((ch >= 0x7F && ch <= 0x9F) || (ch >= 0x202A && ch <= 0x202E) || (ch >= 0x2066 && ch <= 0x2069) || ch == 0xFFFE || ch == 0xFFFF);
}

static enum rc check_text(struct str s, enum sort sort, const char *list, const char *name, struct err *err)
{
	size_t most = sort == CONTENT ? BULLETIN_BODY_MAX : sort == PROSE ? PROSE_MAX : LINE_MAX, at = 0;
	const char *slash = list[0] != '\0' && name[0] != '\0' ? "/" : "";

	if (s.n > most)
		return FAIL(err, RC_LIMIT, "/%s%s%s: more than %zu bytes", list, slash, name, most);
	if (!utf8_valid(s, NULL))
		return FAIL(err, RC_BAD, "/%s%s%s: is not UTF-8", list, slash, name);
	while (at < s.n && sort != CONTENT) {
		uint32_t ch = utf8_next(s, &at);

		if (!allowed(ch, sort == PROSE))
			return FAIL(err, RC_BAD, "/%s%s%s: has the character U+%04X, which no text may have", list, slash, name, ch);
	}
	return RC_OK;
}

static enum rc check_port(struct str s, const char *list, const char *name, struct err *err)
{
	uint64_t port;

	return s.n == 0 || (str_to_u64(s, &port) && port >= 1 && port <= 65535 && s.p[0] != '0') ? RC_OK :
	       FAIL(err, RC_BAD, "/%s/%s: a port is 1 to 65535", list, name);
}

static size_t decoded_size(struct str base64)
{
	size_t pad = str_ends(base64, S("==")) ? 2 : str_ends(base64, S("=")) ? 1 : 0;

	return base64.n / 4 * 3 - (base64.n == 0 ? 0 : pad);
}

static enum rc check_content(struct str s, struct err *err)
{
	struct buf b;
	bool good;

	buf_init(&b, BULLETIN_ATTACHED_MAX + 3);
	good = base64_get(&b, s);
	buf_done(&b);
	return good ? RC_OK : FAIL(err, RC_BAD, "/attachments/content: is not base64");
}

static enum rc check_lists(const struct bulletin *b, struct err *err)
{
	size_t attached = 0;

	for (unsigned l = 0; l < BULLETIN_LISTS; l++)
		for (size_t i = 0; i < b->list[l].n; i++)
			for (size_t k = 0; k < bulletin_columns(l); k++) {
				const struct column *c = &lists[l].column[k];
				struct str s = bulletin_cell(b, l, i, k);

				TRY(check_text(s, c->sort, lists[l].name, c->name, err));
				if (c->sort == PORT)
					TRY(check_port(s, lists[l].name, c->name, err));
				if (c->sort != CONTENT)
					continue;
				attached += decoded_size(s);
				if (attached > BULLETIN_ATTACHED_MAX)
					return FAIL(err, RC_LIMIT, "/attachments: more than %zu bytes in all", BULLETIN_ATTACHED_MAX);
				TRY(check_content(s, err));
			}
	return RC_OK;
}

enum rc disposition_check(enum disposition d, struct str reason, struct str incident, struct err *err)
{
	switch (d) {
	case DISPOSITION_NONE:
		return reason.n == 0 && incident.n == 0 ? RC_OK : FAIL(err, RC_BAD, "/disposition: is needed with a reason or an incident");
	case DISPOSITION_FALSE_POSITIVE:
	case DISPOSITION_UNDETERMINED:
		if (incident.n > 0)
			return FAIL(err, RC_BAD, "/incident: only what is confirmed has an incident");
		return reason.n > 0 ? RC_OK : FAIL(err, RC_BAD, "/reason: %s needs a reason", disposition_name(d));
	case DISPOSITION_CONFIRMED:
		return incident.n > 0 ? RC_OK : FAIL(err, RC_BAD, "/incident: confirmed needs the number of the incident");
	case DISPOSITIONS:
		break;
	}
	return FAIL(err, RC_BAD, "/disposition: expected false-positive, confirmed or undetermined");
}

enum rc bulletin_number_check(struct str number, struct err *err)
{
	if (number.n == 0 || number.n > BULLETIN_NUMBER_MAX)
		return FAIL(err, RC_BAD, "/number: is required, of at most %d bytes", BULLETIN_NUMBER_MAX);
	return check_text(number, LINE, "", "number", err);
}

enum rc bulletin_check(const struct bulletin *b, struct err *err)
{
	struct str category = b->text[BT_CATEGORY];

	if (b->code >= BULLETIN_CODES)
		return FAIL(err, RC_BAD, "/code: expected ANA, EWA, INT, DEF or FBI");
	if (b->impact > BULLETIN_IMPACT_MAX)
		return FAIL(err, RC_BAD, "/impact: expected 1 to %d", BULLETIN_IMPACT_MAX);
	if (b->tlp >= TLP_COUNT)
		return FAIL(err, RC_BAD, "/tlp: no such level");
	if (b->text[BT_TITLE].n == 0)
		return FAIL(err, RC_BAD, "/title: is required");
	if (category.n > 0 && (category.n != 3 || !ascii_digit(category.p[0]) || !ascii_digit(category.p[1]) || !ascii_digit(category.p[2])))
		return FAIL(err, RC_BAD, "/category: expected three digits");
	for (size_t i = 0; i < BULLETIN_TEXTS; i++)
		TRY(check_text(b->text[i], texts[i].sort, "", texts[i].name, err));
	if (b->code == BULLETIN_FBI && b->text[BT_SOURCE].n == 0)
		return FAIL(err, RC_BAD, "/source: a feedback names the bulletin it answers");
	TRY(disposition_check(disposition_find(b->text[BT_DISPOSITION]), b->text[BT_REASON], b->text[BT_INCIDENT], err));
	if (b->text[BT_DISPOSITION].n > 0 && b->code != BULLETIN_FBI)
		return FAIL(err, RC_BAD, "/disposition: only a feedback has one");
	return check_lists(b, err);
}

/* --- JSON in --- */

/* White space at the ends of a text says nothing. */
static enum rc read_text(const struct json *v, const char *list, const char *name, struct str *ret, struct err *err)
{
	if (v == NULL)
		return RC_OK;
	if (v->type != JSON_STRING)
		return FAIL(err, RC_BAD, "/%s%s%s: expected a text", list, list[0] != '\0' && name[0] != '\0' ? "/" : "", name);
	*ret = str_trim(json_str(v));
	return RC_OK;
}

static enum rc read_port(struct arena *a, const struct json *v, const char *list, const char *name, struct str *ret, struct err *err)
{
	int64_t port;

	if (v == NULL)
		return RC_OK;
	if (!json_int(v, &port) || port < 1 || port > 65535)
		return FAIL(err, RC_BAD, "/%s/%s: a port is 1 to 65535", list, name);
	*ret = arena_fmt(a, "%lld", (long long)port);
	return ret->p == NULL ? FAIL(err, RC_NOMEM, "bulletin: out of memory") : RC_OK;
}

/* Type and value of an observable in their normal form. Without a type it is told by its form. */
static enum rc normalise(struct arena *a, struct str *row, struct err *err)
{
	enum observable_kind kind = OBS_KINDS;
	struct buf plain, out;
	enum rc rc;

	if (row[0].n > 0 && !value_kind_find(row[0], &kind))
		return FAIL(err, RC_BAD, "/observables/type: nobody knows '%.*s'", STR(str_slice(row[0], 0, 40)));
	buf_init(&plain, VALUE_MAX + 1);
	buf_init(&out, VALUE_MAX + 1);
	value_refang(&plain, row[1]);
	rc = kind == OBS_KINDS ? value_detect(str_trim(buf_view(&plain)), &kind, &out, err) : value_normalise(kind, str_trim(buf_view(&plain)), &out, err);
	if (rc == RC_OK)
		rc = buf_check(&out, err, "observable");
	if (rc == RC_OK) {
		row[0] = str_of(value_kind_name(kind));
		row[1] = arena_dup(a, buf_view(&out));
		if (row[1].p == NULL)
			rc = FAIL(err, RC_NOMEM, "bulletin: out of memory");
	} else {
		err_prefix(err, "/observables/value");
	}
	buf_done(&plain);
	buf_done(&out);
	return rc;
}

static enum rc read_row(struct arena *a, enum bulletin_list l, const struct json *v, struct str *row, struct err *err)
{
	bool plain = lists[l].column[0].name[0] == '\0';

	if (!plain && v->type != JSON_OBJECT)
		return FAIL(err, RC_BAD, "/%s: expected an array of objects", lists[l].name);
	for (size_t k = 0; k < bulletin_columns(l); k++) {
		const struct column *c = &lists[l].column[k];
		const struct json *cell = plain ? v : json_get(v, str_of(c->name));

		TRY(c->sort == PORT ? read_port(a, cell, lists[l].name, c->name, &row[k], err) : read_text(cell, lists[l].name, c->name, &row[k], err));
	}
	return l == BL_OBSERVABLES ? normalise(a, row, err) : RC_OK;
}

static enum rc read_lists(struct arena *a, const struct json *object, struct bulletin *b, struct err *err)
{
	for (unsigned l = 0; l < BULLETIN_LISTS; l++) {
		const struct json *v = json_get(object, str_of(lists[l].name));

		if (v == NULL)
			continue;
		if (v->type != JSON_ARRAY)
			return FAIL(err, RC_BAD, "/%s: expected an array", lists[l].name);
		JSON_EACH(one, v) {
			struct str *row = bulletin_add(a, b, l);

			if (row == NULL)
				return FAIL(err, RC_LIMIT, "/%s: more than %d", lists[l].name, BULLETIN_ROWS_MAX);
			TRY(read_row(a, l, one, row, err));
		}
	}
	return RC_OK;
}

static enum rc read_times(const struct json *object, struct bulletin *b, struct err *err)
{
	for (size_t i = 0; i < BULLETIN_TIMES; i++) {
		struct str s = S("");

		TRY(read_text(json_get(object, str_of(times[i])), "", times[i], &s, err));
		if (s.n > 0 && time_parse_offset(s, &b->at[i], err) != RC_OK) {
			err_prefix(err, "/%s", times[i]);
			return RC_BAD;
		}
	}
	return RC_OK;
}

enum rc bulletin_read(struct arena *a, const struct json *object, uint8_t default_tlp, struct bulletin *ret, struct err *err)
{
	const struct json *impact = json_get(object, S("impact")), *exercise = json_get(object, S("exercise"));
	struct str code = S(""), tlp = S("");
	enum tlp level = (enum tlp)default_tlp;
	int64_t n = 0;

	bulletin_init(ret);
	TRY(read_text(json_get(object, S("code")), "", "code", &code, err));
	ret->code = bulletin_code_find(code);
	TRY(read_text(json_get(object, S("tlp")), "", "tlp", &tlp, err));
	if (tlp.n > 0 && !tlp_parse(tlp, &level))
		return FAIL(err, RC_BAD, "/tlp: expected clear, green, amber, amber+strict or red");
	ret->tlp = (uint8_t)level;
	if (impact != NULL && (!json_int(impact, &n) || n < 1 || n > BULLETIN_IMPACT_MAX))
		return FAIL(err, RC_BAD, "/impact: expected 1 to %d", BULLETIN_IMPACT_MAX);
	ret->impact = (uint8_t)n;
	if (exercise != NULL && !json_bool(exercise, &ret->exercise))
		return FAIL(err, RC_BAD, "/exercise: expected true or false");
	for (size_t i = 0; i < BULLETIN_TEXTS; i++)
		TRY(read_text(json_get(object, str_of(texts[i].name)), "", texts[i].name, &ret->text[i], err));
	TRY(read_times(object, ret, err));
	TRY(read_lists(a, object, ret, err));
	return bulletin_check(ret, err);
}

/* --- JSON out --- */

static void write_row(struct jsonw *w, const struct bulletin *b, enum bulletin_list l, size_t i)
{
	if (lists[l].column[0].name[0] == '\0') {
		jsonw_str(w, bulletin_cell(b, l, i, 0));
		return;
	}
	jsonw_object(w);
	for (size_t k = 0; k < bulletin_columns(l); k++) {
		struct str s = bulletin_cell(b, l, i, k);

		if (s.n == 0)
			continue;
		jsonw_name(w, lists[l].column[k].name);
		if (lists[l].column[k].sort == PORT)
			jsonw_raw(w, s);
		else
			jsonw_str(w, s);
	}
	jsonw_object_end(w);
}

void bulletin_write(struct jsonw *w, const struct bulletin *b)
{
	jsonw_m_cstr(w, "code", bulletin_code_name(b->code));
	jsonw_m_cstr(w, "tlp", tlp_name((enum tlp)b->tlp));
	if (b->impact > 0)
		jsonw_m_int(w, "impact", b->impact);
	if (b->exercise)
		jsonw_m_bool(w, "exercise", true);
	for (size_t i = 0; i < BULLETIN_TEXTS; i++)
		if (b->text[i].n > 0)
			jsonw_m_str(w, texts[i].name, b->text[i]);
	for (size_t i = 0; i < BULLETIN_TIMES; i++)
		if (b->at[i] != 0)
			jsonw_m_time(w, times[i], b->at[i]);
	for (unsigned l = 0; l < BULLETIN_LISTS; l++) {
		if (b->list[l].n == 0)
			continue;
		jsonw_name(w, lists[l].name);
		jsonw_array(w);
		for (size_t i = 0; i < b->list[l].n; i++)
			write_row(w, b, l, i);
		jsonw_array_end(w);
	}
}
