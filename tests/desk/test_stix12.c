/* STIX 1.2 packages: what we write is read again as it was; what another system writes is read; what is wrong is named. */
#include "desk/stix12.h"

#include "base/mem.h"
#include "bulletin_full.h"
#include "desk/bulletin_object.h"
#include "tap.h"
#include "wire/xml.h"

#define ID "x-lianfang-bulletin--11111111-1111-4111-8111-111111111111"

static enum rc parse(struct arena *a, const char *text, struct bulletin *ret, struct err *err)
{
	const struct json *v;

	TRY(json_parse(a, str_of(text), &JSON_LIMITS, &v, err));
	return bulletin_read(a, v, TLP_GREEN, ret, err);
}

static struct str print(struct arena *a, const struct bulletin *b)
{
	struct jsonw w;
	struct buf out;
	struct str s;

	buf_init(&out, BULLETIN_BODY_MAX);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	bulletin_write(&w, b);
	jsonw_object_end(&w);
	s = arena_dup(a, buf_view(&out));
	buf_done(&out);
	return s;
}

static struct str to_xml(struct arena *a, const struct bulletin *b)
{
	struct buf out;
	struct str s;

	buf_init(&out, STIX12_MAX);
	stix12_write(b, S(ID), S("N-EWA-2026-0001"), &out);
	s = arena_dup(a, buf_view(&out));
	buf_done(&out);
	return s;
}

static void round_trip(struct arena *a)
{
	static const char *const rows[] = {
		FULL,
		"{\"code\":\"ANA\",\"tlp\":\"TLP:CLEAR\",\"title\":\"a  b \\t c\",\"affected\":[{}],\"targets\":[{}],\"connections\":[{}],\"scans\":[{}],\"references\":[\"\"]}",
		"{\"code\":\"INT\",\"tlp\":\"TLP:RED\",\"impact\":1,\"title\":\"t\",\"method\":\"a\\n\\nb\"}",
		"{\"code\":\"DEF\",\"tlp\":\"TLP:AMBER\",\"impact\":4,\"title\":\"]]>\",\"description\":\"<!DOCTYPE a [<!ENTITY x 'y'>]> &x;\"}",
		"{\"code\":\"DEF\",\"tlp\":\"TLP:GREEN\",\"title\":\"t\",\"observables\":[{\"type\":\"url\",\"value\":\"http://evil.example/a?b=c&d\"},{\"type\":"
		"\"ipv6\",\"value\":\"2001:db8::1\"},{\"type\":\"email\",\"value\":\"a@evil.example\"},{\"type\":\"md5\",\"value\":"
		"\"d41d8cd98f00b204e9800998ecf8427e\"},{\"type\":\"sha1\",\"value\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"},{\"type\":\"sha256\",\"value\":"
		"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},{\"type\":\"ipv4\",\"value\":\"198.51.100.0/24\"}]}",
		"{\"code\":\"FBI\",\"tlp\":\"TLP:GREEN\",\"exercise\":true,\"title\":\"t\",\"source\":\"N-EWA-2026-0001\",\"disposition\":\"confirmed\",\"incident\":\"2026-000003\"}",
		"{\"code\":\"FBI\",\"tlp\":\"TLP:GREEN\",\"title\":\"t\",\"source\":\"N\",\"disposition\":\"false-positive\",\"reason\":\"own: scanner\\nof ours\"}",
		"{\"code\":\"FBI\",\"tlp\":\"TLP:GREEN\",\"title\":\"t\",\"source\":\"N\",\"disposition\":\"undetermined\",\"reason\":\"誤判？\"}",
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct bulletin b, back;
		struct stix12_id id;
		struct err err = { 0 };
		struct str xml;

		if (!OK(parse(a, rows[i], &b, &err) == RC_OK, "row %zu is one: %s", i, err.text))
			continue;
		b.at[BW_ISSUED] = (int64_t)1772337600 * USEC_PER_SEC + 123456;
		xml = to_xml(a, &b);
		if (!OK(stix12_read(a, xml, TLP_RED, &id, &back, &err) == RC_OK, "is read again: %s", err.text))
			continue;
		OK(back.at[BW_ISSUED] == b.at[BW_ISSUED] && id.left_out == 0, "when it was issued; nothing left out");
		EQ_STR(id.id, S(ID), "id");
		EQ_STR(id.number, S("N-EWA-2026-0001"), "number");
		EQ_STR(print(a, &back), print(a, &b), "content");
		EQ_STR(to_xml(a, &back), xml, "and written alike");
	}
}

static void shape(struct arena *a)
{
	static const struct { const char *path, *text; } rows[] = {
		{ "STIX_Header/Title", "EWA" },
		{ "STIX_Header/Description", "【演練 EXERCISE】預警 your host" },
		{ "STIX_Header/Handling/Marking/Controlled_Structure", "//node() | //@*" },
		{ "STIX_Header/Information_Source/Identity/Name", "N" },
		{ "Incidents/Incident/External_ID", "N-EWA-2026-0001" },
		{ "Incidents/Incident/Time/Incident_Discovery", "2026-02-27T22:40:00.000000Z" },
		{ "Incidents/Incident/Impact_Assessment/Impact_Qualification", "3" },
		{ "Incidents/Incident/Reporter/Identity/Specification/PartyName/PersonName/NameElement", "R" },
		{ "Incidents/Incident/Related_Incidents/Related_Incident/Incident/External_ID", "X-ANA-2026-0001" },
		{ "Incidents/Incident/COA_Requested/Course_Of_Action/Description", "patch" },
	};
	const struct xml_node *n;
	struct err err = { 0 };
	struct bulletin b;

	OK(parse(a, FULL, &b, &err) == RC_OK && xml_parse(a, to_xml(a, &b), &XML_LIMITS, &n, &err) == RC_OK, "well formed: %s", err.text);
	EQ_STR(xml_attr(n, "version"), S("1.2"), "version");
	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_STR(xml_text(n, rows[i].path), str_of(rows[i].text), rows[i].path);
	EQ_STR(xml_attr(xml_path(n, "Incidents/Incident/Categories/Category"), "vocab_name"), S("200"), "the category's code");
	EQ_STR(xml_attr(xml_path(n, "STIX_Header/Handling/Marking/Marking_Structure"), "color"), S("RED"), "what is stricter than AMBER is RED to others");
}

#define HEAD \
	"<s:STIX_Package xmlns:s='http://stix.mitre.org/stix-1' xmlns:c='http://stix.mitre.org/common-1' xmlns:i='http://stix.mitre.org/Incident-1'" \
	" xmlns:m='m' xmlns:y='y' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' version='1.2' id='o:p-1'>"
#define HEADER(title, color) \
	"<s:STIX_Header><s:Title> " title " </s:Title><s:Description>\n  host may\n  be a relay\n</s:Description><s:Handling><m:Marking><m:Marking_Structure color='" color \
	"'/></m:Marking></s:Handling></s:STIX_Header>"
#define INCIDENT(inside) "<s:Incidents><s:Incident id='o:i-1' timestamp='2018-05-01T10:00:00+08:00'><i:External_ID source='o'>NCCST-EWA-2018-0001</i:External_ID>" inside "</s:Incident></s:Incidents>"
#define OBSERVABLE(inside) "<i:Related_Observable><c:Observable><y:Object>" inside "</y:Object></c:Observable></i:Related_Observable>"

/* Other prefixes, other white space, offsets, several colours, types that we do not keep. */
static void of_others(struct arena *a)
{
	static const char text[] =
		HEAD HEADER("EWA", "GREEN")
		INCIDENT("<i:Time><i:Incident_Discovery>2018-05-01T08:30:00+08:00</i:Incident_Discovery></i:Time><i:Description>\r\n line one\r\n line two </i:Description>"
			 "<i:Categories><i:Category vocab_name=' 213 '>x</i:Category></i:Categories>"
			 "<i:Reporter><c:Identity><c:Name> Center </c:Name></c:Identity></i:Reporter>"
			 "<i:Impact_Assessment><i:Impact_Qualification>2</i:Impact_Qualification></i:Impact_Assessment>"
			 "<i:Related_Observables>"
			 OBSERVABLE("<y:Properties xsi:type='A:AddressObjectType' category='ipv4-addr'><A:Address_Value xmlns:A='a'>198.51.100[.]7</A:Address_Value></y:Properties>")
			 OBSERVABLE("<y:Properties xsi:type='U:URIObjectType' type='URL'><U:Value xmlns:U='u'>hxxp://evil.example/x</U:Value></y:Properties>")
			 OBSERVABLE("<y:Properties xsi:type='W:WinRegistryKeyObjectType'><W:Key xmlns:W='w'>k</W:Key></y:Properties>")
			 OBSERVABLE("<y:Properties xsi:type='A:AddressObjectType'><A:Address_Value xmlns:A='a'>no address</A:Address_Value></y:Properties>")
			 OBSERVABLE("<y:Properties xsi:type='R:ArtifactObjectType'><R:Raw_Artifact xmlns:R='r'>\n aGVs\n bG8=\n</R:Raw_Artifact></y:Properties>")
			 "</i:Related_Observables>"
			 "<i:History><i:History_Item><i:Journal_Entry author='somebody'>disposition: confirmed</i:Journal_Entry></i:History_Item></i:History>")
		"</s:STIX_Package>";
	struct stix12_id id, again;
	struct err err = { 0 };
	struct bulletin b;

	OK(stix12_read(a, str_of(text), TLP_RED, &id, &b, &err) == RC_OK, "read: %s", err.text);
	EQ_STR(id.number, S("NCCST-EWA-2018-0001"), "number");
	OK(stix12_read(a, str_of(text), TLP_RED, &again, &b, &err) == RC_OK && str_eq(id.id, again.id) && bulletin_id_ok(id.id), "the same id each time: %.*s", STR(id.id));
	EQ_INT(id.left_out, 2, "a registry key and what is no address are left out, and counted");
	EQ_STR(print(a, &b),
	       S("{\"code\":\"EWA\",\"tlp\":\"TLP:GREEN\",\"impact\":2,\"category\":\"213\",\"title\":\"host may be a relay\",\"description\":\"line one\\n line two\","
		 "\"reporter\":\"Center\",\"found\":\"2018-05-01T00:30:00.000000Z\",\"issued\":\"2018-05-01T02:00:00.000000Z\",\"observables\":[{\"type\":\"ipv4\",\"value\":"
		 "\"198.51.100.7\"},{\"type\":\"url\",\"value\":\"http://evil.example/x\"}],\"attachments\":[{\"content\":\"aGVsbG8=\"}]}"), "all the rest");
}

static void refused(struct arena *a)
{
	static const struct { const char *text, *says; enum rc rc; } rows[] = {
		{ "<a/>", "expected a STIX_Package", RC_BAD },
		{ "<STIX_Package version='1.2'/>", "expected a STIX_Package", RC_BAD },
		{ "<STIX_Package xmlns='http://stix.mitre.org/stix-1' version='2.0'/>", "version '2.0'", RC_UNSUPPORTED },
		{ HEAD "</s:STIX_Package>", "no STIX_Header", RC_BAD },
		{ HEAD HEADER("EWA", "RED") "</s:STIX_Package>", "no Incident", RC_BAD },
		{ HEAD HEADER("XYZ", "RED") INCIDENT("") "</s:STIX_Package>", "got 'XYZ'", RC_BAD },
		{ HEAD HEADER("EWA", "PINK") INCIDENT("") "</s:STIX_Package>", "called 'PINK'", RC_BAD },
		{ HEAD HEADER("FBI", "RED") INCIDENT("") "</s:STIX_Package>", "/source", RC_BAD },
		{ HEAD HEADER("EWA", "RED") INCIDENT("<i:Time><i:Incident_Discovery>2018-05-01T10:00:00</i:Incident_Discovery></i:Time>") "</s:STIX_Package>", "Incident_Discovery", RC_BAD },
		{ HEAD HEADER("EWA", "RED") "<s:Incidents><s:Incident/><s:Incident/></s:Incidents></s:STIX_Package>", "more than one Incident", RC_UNSUPPORTED },
		{ HEAD HEADER("EWA", "RED") "<s:Incidents><s:Incident/></s:Incidents></s:STIX_Package>", "/number", RC_BAD },
		{ HEAD HEADER("EWA", "RED") INCIDENT("<i:Related_Observables>" OBSERVABLE("<y:Properties xsi:type='R:ArtifactObjectType'><R:Raw_Artifact xmlns:R='r'>%%</R:Raw_Artifact></y:Properties>") "</i:Related_Observables>") "</s:STIX_Package>", "base64", RC_BAD },
		{ HEAD HEADER("EWA", "RED") INCIDENT("<i:Description>a\xe2\x80\xae" "b</i:Description>") "</s:STIX_Package>", "U+202E", RC_BAD },
		{ "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>" HEAD HEADER("EWA", "RED") INCIDENT("<i:Description>&f;</i:Description>") "</s:STIX_Package>", "document type", RC_BAD },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct stix12_id id;
		struct err err = { 0 };
		struct bulletin b;
		enum rc rc = stix12_read(a, str_of(rows[i].text), TLP_RED, &id, &b, &err);

		OK(rc == rows[i].rc && str_find(str_of(err.text), str_of(rows[i].says), 0) != SIZE_MAX, "row %zu: %s: %s", i, rc_name(rc), err.text);
	}
}

static void markings(struct arena *a)
{
	static const char none[] = HEAD "<s:STIX_Header><s:Title>ANA</s:Title><s:Description>t</s:Description></s:STIX_Header>" INCIDENT("") "</s:STIX_Package>";
	static const char two[] = HEAD "<s:STIX_Header><s:Title>ANA</s:Title><s:Description>t</s:Description><s:Handling><m:Marking><m:Marking_Structure color='AMBER'/>"
		"<m:Marking_Structure color='WHITE'/><m:Marking_Structure><m:Statement>TLP:AMBER+STRICT</m:Statement></m:Marking_Structure></m:Marking></s:Handling></s:STIX_Header>"
		INCIDENT("") "</s:STIX_Package>";
	struct stix12_id id;
	struct err err = { 0 };
	struct bulletin b;

	OK(stix12_read(a, str_of(none), TLP_AMBER, &id, &b, &err) == RC_OK && b.tlp == TLP_AMBER, "without a marking: the default: %s", err.text);
	OK(stix12_read(a, str_of(two), TLP_CLEAR, &id, &b, &err) == RC_OK && b.tlp == TLP_AMBER, "of two the stricter; a statement changes nothing but RED: %s", err.text);
}

static void memory(struct arena *a)
{
	struct bulletin b, back;
	struct err err = { 0 };
	struct str xml;
	bool done = false;
	int64_t live;

	if (!OK(parse(a, FULL, &b, &err) == RC_OK, "parsed"))
		return;
	xml = to_xml(a, &b);
	live = mem_live();
	for (uint64_t n = 1; n < 200 && !done; n++) {
		struct arena *mine;
		struct stix12_id id;
		enum rc rc;

		mem_fail_at(n, 0);
		mine = arena_new((size_t)1 << 20);
		rc = mine == NULL ? RC_NOMEM : stix12_read(mine, xml, TLP_RED, &id, &back, &err);
		mem_fail_at(0, 0);
		done = rc == RC_OK;
		if (!done && rc != RC_NOMEM && rc != RC_LIMIT)
			OK(false, "allocation %llu failed: %s", (unsigned long long)n, rc_name(rc));
		arena_free(mine);
		if (mem_live() != live)
			OK(false, "allocation %llu: memory was lost", (unsigned long long)n);
	}
	OK(done, "every allocation may fail");
}

int main(void)
{
	void (*const parts[])(struct arena *) = { round_trip, shape, of_others, refused, markings, memory };

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		struct arena *a = arena_new((size_t)64 << 20);

		if (OK(a != NULL, "memory"))
			parts[i](a);
		arena_free(a);
	}
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
