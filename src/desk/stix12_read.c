/* Elements are found by their local names: producers differ in prefixes, not in structure. */
#include "desk/stix12.h"

#include "base/ascii.h"
#include "base/text.h"
#include "base/uuid.h"
#include "desk/bulletin_object.h"
#include "desk/stix12_names.h"
#include "model/observable.h"
#include "wire/xml.h"

#define MEMORY ((size_t)64 << 20)

struct in {
	struct arena *a;       /* of the result */
	struct bulletin *b;
	const struct xml_node *package, *header, *incident;
	size_t left_out;
	bool full;             /* the memory for the result is */
	struct err *err;
};

/* --- texts --- */

/* One line: where it was broken is one blank. */
static struct str one_line(struct in *in, struct str s)
{
	char *p = arena_alloc(in->a, s.n + 1);
	size_t n = 0;

	if (p == NULL) {
		in->full = true;
		return S("");
	}
	s = str_trim(s);
	for (size_t i = 0; i < s.n;) {
		size_t from = i;
		bool broken = false;

		for (; i < s.n && ascii_space(s.p[i]); i++)
			broken |= s.p[i] == '\n' || s.p[i] == '\r';
		if (broken)
			p[n++] = ' ';
		for (size_t k = from; k < i && !broken; k++)
			p[n++] = s.p[k];
		if (i < s.n)
			p[n++] = s.p[i++];
	}
	return str_make(p, n);
}

static struct str prose(struct in *in, struct str s)
{
	char *p = arena_alloc(in->a, s.n + 1);
	size_t n = 0;

	if (p == NULL) {
		in->full = true;
		return S("");
	}
	s = str_trim(s);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r')
			p[n++] = s.p[i];
	return str_make(p, n);
}

static struct str line_at(struct in *in, const struct xml_node *n, const char *path) { return one_line(in, xml_text(n, path)); }

static struct str first_of(struct str a, struct str b) { return a.n > 0 ? a : b; }

static enum rc read_time(struct in *in, struct str text, const char *what, usec *ret)
{
	if (text.n == 0)
		return RC_OK;
	if (time_parse_offset(text, ret, in->err) == RC_OK)
		return RC_OK;
	err_prefix(in->err, "%s", what);
	return RC_BAD;
}

static struct str *row(struct in *in, enum bulletin_list l)
{
	return bulletin_add(in->a, in->b, l);
}

#define FULL(in, l) FAIL((in)->err, RC_LIMIT, "/%s: more than %d", bulletin_list_name(l), BULLETIN_ROWS_MAX)

/* --- header --- */

static bool colour_of(struct str name, enum tlp *ret)
{
	static const struct { const char *name; enum tlp tlp; } rows[] = { { "WHITE", TLP_CLEAR }, { "GREEN", TLP_GREEN }, { "AMBER", TLP_AMBER }, { "RED", TLP_RED } };

	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (str_eq_nocase(name, str_of(rows[i].name))) {
			*ret = rows[i].tlp;
			return true;
		}
	return false;
}

/* The strictest of all colours; a statement can only say which RED is meant. */
static enum rc read_handling(struct in *in, const struct xml_node *handling, bool *ret_any)
{
	bool strict = false;

	for (const struct xml_node *m = xml_path(handling, "Marking"); m != NULL; m = xml_again(m))
		for (const struct xml_node *s = xml_path(m, "Marking_Structure"); s != NULL; s = xml_again(s)) {
			struct str colour = xml_attr(s, "color");
			enum tlp tlp;

			strict |= str_eq(xml_text(s, "Statement"), str_of(tlp_name(TLP_AMBER_STRICT)));
			if (colour.n == 0)
				continue;
			if (!colour_of(colour, &tlp))
				return FAIL(in->err, RC_BAD, "Handling: no TLP colour is called '%.*s'", STR(str_slice(colour, 0, 40)));
			in->b->tlp = *ret_any ? (uint8_t)tlp_stricter(tlp, (enum tlp)in->b->tlp) : (uint8_t)tlp;
			*ret_any = true;
		}
	if (*ret_any && strict && in->b->tlp == TLP_RED)
		in->b->tlp = TLP_AMBER_STRICT;
	return RC_OK;
}

static struct str name_of(struct in *in, const struct xml_node *identity)
{
	const struct xml_node *party = xml_path(identity, "Specification/PartyName");
	struct str name = first_of(line_at(in, party, "PersonName/NameElement"), line_at(in, party, "OrganisationName/NameElement"));

	return first_of(first_of(name, line_at(in, party, "NameLine")), line_at(in, identity, "Name"));
}

static enum rc read_header(struct in *in)
{
	struct bulletin *b = in->b;
	struct str code = xml_text(in->header, "Title");
	const struct xml_node *source = xml_path(in->header, "Information_Source");
	bool marked = false;

	b->code = bulletin_code_find(code);
	if (b->code == BULLETIN_CODES)
		return FAIL(in->err, RC_BAD, "Title: expected ANA, EWA, INT, DEF or FBI, got '%.*s'", STR(str_slice(code, 0, 40)));
	b->text[BT_TITLE] = first_of(line_at(in, in->header, "Description"), line_at(in, in->incident, "Title"));
	TRY(read_handling(in, xml_path(in->header, "Handling"), &marked));
	b->text[BT_PRODUCER] = name_of(in, xml_path(source, "Identity"));
	TRY(read_time(in, xml_text(source, "Time/Produced_Time"), "Produced_Time", &b->at[BW_ISSUED]));
	if (b->at[BW_ISSUED] == 0)
		TRY(read_time(in, first_of(xml_attr(in->incident, "timestamp"), xml_attr(in->package, "timestamp")), "timestamp", &b->at[BW_ISSUED]));
	return RC_OK;
}

/* --- people --- */

static void read_person(struct in *in, const char *element, enum bulletin_text name, enum bulletin_text phone, enum bulletin_text mail)
{
	const struct xml_node *identity = xml_path(xml_path(in->incident, element), "Identity"), *who = xml_path(identity, "Specification");

	in->b->text[name] = name_of(in, identity);
	in->b->text[phone] = line_at(in, who, "ContactNumbers/ContactNumber/ContactNumberElement");
	in->b->text[mail] = line_at(in, who, "ElectronicAddressIdentifiers/ElectronicAddressIdentifier");
}

/* --- CybOX --- */

static struct str type_of(const struct xml_node *properties)
{
	struct str type = xml_attr(properties, "type");
	size_t colon;

	/* xsi:type beside an attribute "type" of the object's own. */
	for (size_t i = 0; properties != NULL && i < properties->n_attrs; i++)
		if (str_eq(properties->attrs[i].name, S("type")) && properties->attrs[i].ns.n > 0)
			type = properties->attrs[i].value;
	colon = str_find(type, S(":"), 0);
	return colon == SIZE_MAX ? type : str_slice(type, colon + 1, type.n);
}

/* What the node has no normal form for is left out, and counted. */
static enum rc add_value(struct in *in, struct str text, enum observable_kind kind)
{
	struct buf plain, out;
	struct str *r;
	enum rc rc;

	buf_init(&plain, VALUE_MAX + 1);
	buf_init(&out, VALUE_MAX + 1);
	value_refang(&plain, text);
	rc = kind == OBS_KINDS ? value_detect(str_trim(buf_view(&plain)), &kind, &out, NULL) : value_normalise(kind, str_trim(buf_view(&plain)), &out, NULL);
	if (rc != RC_OK || out.bad != RC_OK) {
		in->left_out++;
		rc = RC_OK;
	} else if ((r = row(in, BL_OBSERVABLES)) == NULL) {
		rc = FULL(in, BL_OBSERVABLES);
	} else {
		r[0] = str_of(value_kind_name(kind));
		r[1] = arena_dup(in->a, buf_view(&out));
		rc = r[1].p == NULL ? FAIL(in->err, RC_NOMEM, "alert: out of memory") : RC_OK;
	}
	buf_done(&plain);
	buf_done(&out);
	return rc;
}

static enum rc read_file(struct in *in, const struct xml_node *p)
{
	for (const struct xml_node *h = xml_path(p, "Hashes/Hash"); h != NULL; h = xml_again(h)) {
		struct str value = xml_text(h, "Simple_Hash_Value");

		TRY(add_value(in, value.n > 0 ? value : xml_text(h, "Fuzzy_Hash_Value"), OBS_KINDS));
	}
	return RC_OK;
}

static void read_socket(struct in *in, const struct xml_node *s, struct str *address, struct str *host, struct str *port, struct str *protocol)
{
	*address = line_at(in, s, "IP_Address/Address_Value");
	if (host != NULL)
		*host = line_at(in, s, "Hostname/Hostname_Value");
	*port = line_at(in, s, "Port/Port_Value");
	if (protocol != NULL)
		*protocol = line_at(in, s, "Port/Layer4_Protocol");
}

static enum rc read_target(struct in *in, const struct xml_node *p)
{
	struct str *r = row(in, BL_TARGETS), host;

	if (r == NULL)
		return FULL(in, BL_TARGETS);
	read_socket(in, p, &r[0], &host, &r[1], &r[2]);
	r[0] = first_of(r[0], host);
	return RC_OK;
}

static enum rc read_connection(struct in *in, const struct xml_node *object, const struct xml_node *p)
{
	struct str *r = row(in, BL_CONNECTIONS);

	if (r == NULL)
		return FULL(in, BL_CONNECTIONS);
	r[BC_PROTOCOL] = line_at(in, p, "Layer4_Protocol");
	read_socket(in, xml_path(p, "Source_Socket_Address"), &r[BC_SOURCE + BC_ADDRESS], &r[BC_SOURCE + BC_HOST], &r[BC_SOURCE + BC_PORT], NULL);
	read_socket(in, xml_path(object, "Related_Objects/Related_Object/Properties"), &r[BC_VIA + BC_ADDRESS], &r[BC_VIA + BC_HOST], &r[BC_VIA + BC_PORT], NULL);
	read_socket(in, xml_path(p, "Destination_Socket_Address"), &r[BC_DESTINATION + BC_ADDRESS], &r[BC_DESTINATION + BC_HOST],
		    &r[BC_DESTINATION + BC_PORT], NULL);
	return RC_OK;
}

static enum rc read_scan(struct in *in, const struct xml_node *p)
{
	struct str *r = row(in, BL_SCANS);

	if (r == NULL)
		return FULL(in, BL_SCANS);
	r[0] = line_at(in, p, "Product");
	r[1] = line_at(in, p, "Version");
	r[2] = line_at(in, p, "Custom_Properties/Property");
	return RC_OK;
}

/* base64 without the line ends that XML writers put in. */
static enum rc read_attachment(struct in *in, const struct xml_node *observable, const struct xml_node *p)
{
	struct str raw = xml_text(p, "Raw_Artifact"), *r = row(in, BL_ATTACHMENTS);
	char *packed = arena_alloc(in->a, raw.n + 1);
	size_t n = 0;

	if (r == NULL)
		return FULL(in, BL_ATTACHMENTS);
	if (packed == NULL)
		return FAIL(in->err, RC_LIMIT, "Raw_Artifact: takes too much memory");
	for (size_t i = 0; i < raw.n; i++)
		if (!ascii_space(raw.p[i]))
			packed[n++] = raw.p[i];
	r[BA_NAME] = line_at(in, observable, "Title");
	r[BA_MEDIA_TYPE] = one_line(in, xml_attr(p, "content_type"));
	r[BA_CONTENT] = str_make(packed, n);
	return RC_OK;
}

static enum rc read_observable(struct in *in, const struct xml_node *related)
{
	const struct xml_node *o = xml_path(related, "Observable"), *object = xml_path(o, "Object"), *p = xml_path(object, "Properties");
	struct str type = type_of(p), relationship = xml_text(related, "Relationship");

	if (str_eq(type, S(TYPE_ADDRESS)))
		return add_value(in, xml_text(p, "Address_Value"), OBS_KINDS);
	if (str_eq(type, S(TYPE_DOMAIN)))
		return add_value(in, xml_text(p, "Value"), OBS_DOMAIN);
	if (str_eq(type, S(TYPE_URI)))
		return add_value(in, xml_text(p, "Value"), OBS_KINDS);
	if (str_eq(type, S(TYPE_FILE)))
		return read_file(in, p);
	if (str_eq(type, S(TYPE_SOCKET)))
		return read_target(in, p);
	if (str_eq(type, S(TYPE_CONNECTION)))
		return read_connection(in, object, p);
	if (str_eq(type, S(TYPE_PRODUCT)) && str_eq(relationship, S(REL_SCAN)))
		return read_scan(in, p);
	if (str_eq(type, S(TYPE_ARTIFACT)))
		return read_attachment(in, o, p);
	in->left_out++;
	return RC_OK;
}

/* --- the incident --- */

static enum rc read_affected(struct in *in)
{
	for (const struct xml_node *x = xml_path(in->incident, "Affected_Assets/Affected_Asset"); x != NULL; x = xml_again(x)) {
		const struct xml_node *p = xml_path(x, "Structured_Description/Observable/Object/Properties");
		struct str *r = row(in, BL_AFFECTED);

		if (r == NULL)
			return FULL(in, BL_AFFECTED);
		r[0] = first_of(line_at(in, p, "Product"), first_of(line_at(in, x, "Description"), line_at(in, x, "Type")));
		r[1] = line_at(in, p, "Vendor");
		r[2] = line_at(in, p, "Version");
	}
	return RC_OK;
}

static enum rc read_texts(struct in *in, enum bulletin_list l, const struct xml_node *first, const char *path)
{
	for (const struct xml_node *x = first; x != NULL; x = xml_again(x)) {
		struct str *r = row(in, l);

		if (r == NULL)
			return FULL(in, l);
		r[0] = l == BL_REFERENCES ? one_line(in, x->text) : prose(in, xml_text(x, path));
	}
	return RC_OK;
}

/* "name: value" of our own entries; the journals of others are not ours to read. */
static enum rc read_journal(struct in *in)
{
	static const enum bulletin_text texts[] = { BT_PRODUCER_ID, BT_DISPOSITION, BT_REASON, BT_INCIDENT };

	for (const struct xml_node *h = xml_path(in->incident, "History/History_Item"); h != NULL; h = xml_again(h)) {
		const struct xml_node *e = xml_path(h, "Journal_Entry");
		struct str text = e == NULL ? S("") : str_trim(e->text), value;
		size_t colon = str_find(text, S(": "), 0);

		if (colon == SIZE_MAX || !str_eq(xml_attr(e, "author"), S(OWN_AUTHOR)))
			continue;
		value = str_slice(text, colon + 2, text.n);
		text = str_slice(text, 0, colon);
		if (str_eq(text, S("exercise")))
			in->b->exercise = str_eq(value, S("true"));
		if (str_eq(text, str_of(bulletin_time_name(BW_DUE))))
			TRY(read_time(in, value, "due", &in->b->at[BW_DUE]));
		for (size_t i = 0; i < COUNTOF(texts); i++)
			if (str_eq(text, str_of(bulletin_text_name(texts[i]))))
				in->b->text[texts[i]] = texts[i] == BT_REASON ? prose(in, value) : one_line(in, value);
	}
	if (in->b->exercise && str_starts(in->b->text[BT_TITLE], S(DRILL_MARK)))
		in->b->text[BT_TITLE] = str_trim(str_slice(in->b->text[BT_TITLE], S(DRILL_MARK).n, in->b->text[BT_TITLE].n));
	return RC_OK;
}

static bool three_digits(struct str s)
{
	return s.n == 3 && ascii_digit(s.p[0]) && ascii_digit(s.p[1]) && ascii_digit(s.p[2]);
}

static void read_class(struct in *in)
{
	const struct xml_node *category = xml_path(in->incident, "Categories/Category");
	struct str named = one_line(in, xml_attr(category, "vocab_name")), impact = xml_text(in->incident, "Impact_Assessment/Impact_Qualification");
	struct str text = category == NULL ? S("") : one_line(in, category->text);

	in->b->text[BT_CATEGORY] = three_digits(named) ? named : three_digits(text) ? text : S("");
	in->left_out += category != NULL && in->b->text[BT_CATEGORY].n == 0;
	if (impact.n == 1 && impact.p[0] >= '1' && impact.p[0] <= '0' + BULLETIN_IMPACT_MAX)
		in->b->impact = (uint8_t)(impact.p[0] - '0');
	else
		in->left_out += impact.n > 0;
}

static enum rc read_incident(struct in *in)
{
	const struct xml_node *n = in->incident;
	struct bulletin *b = in->b;

	TRY(read_time(in, xml_text(n, "Time/Incident_Discovery"), "Incident_Discovery", &b->at[BW_FOUND]));
	TRY(read_time(in, xml_text(n, "Time/Incident_Reported"), "Incident_Reported", &b->at[BW_REPORTED]));
	TRY(read_time(in, xml_text(n, "Time/Incident_Closed"), "Incident_Closed", &b->at[BW_CLOSED]));
	b->text[BT_DESCRIPTION] = prose(in, xml_text(n, "Description"));
	b->text[BT_METHOD] = prose(in, xml_text(n, "Leveraged_TTPs/Leveraged_TTP/TTP/Description"));
	b->text[BT_SOURCE] = line_at(in, n, "Related_Incidents/Related_Incident/Incident/External_ID");
	read_class(in);
	read_person(in, "Reporter", BT_REPORTER, BT_REPORTER_PHONE, BT_REPORTER_MAIL);
	read_person(in, "Responder", BT_RESPONDER, BT_RESPONDER_PHONE, BT_RESPONDER_MAIL);
	TRY(read_affected(in));
	for (const struct xml_node *o = xml_path(n, "Related_Observables/Related_Observable"); o != NULL; o = xml_again(o))
		TRY(read_observable(in, o));
	TRY(read_texts(in, BL_ACTIONS, xml_path(n, "COA_Requested"), "Course_Of_Action/Description"));
	TRY(read_texts(in, BL_REFERENCES, xml_path(n, "Information_Source/References/Reference"), ""));
	return read_journal(in);
}

/* The id that we gave it, or one that follows from the other system's. */
static struct str id_of(struct in *in, struct str number)
{
	struct str said = xml_attr(in->incident, "id"), own = S(OWN_ID);
	struct uuid space = { { 0x5a, 0x0c, 0xd6, 0xf4, 0x8c, 0x1e, 0x4c, 0x56, 0x9d, 0x4f, 0x0f, 0x6c, 0x3b, 0x1e, 0x7a, 0x92 } }, u;
	char text[UUID_TEXT_LEN + 1];

	if (!str_starts(said, own) || !uuid_parse(str_slice(said, own.n, said.n), &u))
		uuid_v5(&space, arena_fmt(in->a, "%.*s %.*s", STR(said), STR(number)), &u);
	uuid_format(&u, text);
	return arena_fmt(in->a, BULLETIN_TYPE "--%s", text);
}

static enum rc find_incident(struct in *in)
{
	struct str version = xml_attr(in->package, "version");

	if (!str_eq(in->package->name, S("STIX_Package")) || !str_eq(in->package->ns, S(STIX12_NS)))
		return FAIL(in->err, RC_BAD, "expected a STIX_Package of STIX 1");
	if (!str_eq(version, S("1.2")) && !str_eq(version, S("1.1.1")) && !str_eq(version, S("1.1")))
		return FAIL(in->err, RC_UNSUPPORTED, "STIX_Package: version '%.*s' is not read, 1.2 is", STR(str_slice(version, 0, 20)));
	in->header = xml_path(in->package, "STIX_Header");
	in->incident = xml_path(in->package, "Incidents/Incident");
	if (in->header == NULL || in->incident == NULL)
		return FAIL(in->err, RC_BAD, "STIX_Package: has no %s", in->header == NULL ? "STIX_Header" : "Incident");
	return xml_again(in->incident) == NULL ? RC_OK : FAIL(in->err, RC_UNSUPPORTED, "STIX_Package: more than one Incident");
}

enum rc stix12_read(struct arena *a, struct str xml, uint8_t default_tlp, struct stix12_id *ret_id, struct bulletin *ret, struct err *err)
{
	struct arena *tree CLEANUP(arena_freep) = arena_new(MEMORY);
	struct in in = { .a = a, .b = ret, .err = err };

	if (tree == NULL)
		return FAIL(err, RC_NOMEM, "alert: out of memory");
	TRY(xml_parse(tree, xml, &XML_LIMITS, &in.package, err));
	TRY(find_incident(&in));
	bulletin_init(ret);
	ret->tlp = default_tlp;
	TRY(read_header(&in));
	TRY(read_incident(&in));
	ret_id->number = line_at(&in, in.incident, "External_ID");
	TRY(bulletin_number_check(ret_id->number, err));
	ret_id->id = id_of(&in, ret_id->number);
	ret_id->left_out = in.left_out;
	return ret_id->id.p == NULL || in.full ? FAIL(err, RC_LIMIT, "alert: takes too much memory") : bulletin_check(ret, err);
}
