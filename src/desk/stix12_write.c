/* Elements in the order of the schemas (STIX 1.2 IncidentType, CybOX 2.1). What STIX 1.2 has no member for - the end of the time to
 * answer, the answer itself, a drill - stands in entries of the incident's journal whose author is "lianfang", so that other
 * readers show it as text and ours reads it back. */
#include "desk/stix12.h"

#include "desk/stix12_names.h"
#include "event/hit.h"
#include "model/observable.h"
#include "wire/xml.h"

static const struct { const char *prefix, *ns; } namespaces[] = {
	{ "xmlns:stix", STIX12_NS },
	{ "xmlns:stixCommon", "http://stix.mitre.org/common-1" },
	{ "xmlns:incident", "http://stix.mitre.org/Incident-1" },
	{ "xmlns:coa", "http://stix.mitre.org/CourseOfAction-1" },
	{ "xmlns:ttp", "http://stix.mitre.org/TTP-1" },
	{ "xmlns:marking", "http://data-marking.mitre.org/Marking-1" },
	{ "xmlns:tlpMarking", "http://data-marking.mitre.org/extensions/MarkingStructure#TLP-1" },
	{ "xmlns:simpleMarking", "http://data-marking.mitre.org/extensions/MarkingStructure#Simple-1" },
	{ "xmlns:ciq", "http://stix.mitre.org/extensions/Identity#CIQIdentity3.0-1" },
	{ "xmlns:xpil", "urn:oasis:names:tc:ciq:xpil:3" },
	{ "xmlns:xnl", "urn:oasis:names:tc:ciq:xnl:3" },
	{ "xmlns:cybox", "http://cybox.mitre.org/cybox-2" },
	{ "xmlns:cyboxCommon", "http://cybox.mitre.org/common-2" },
	{ "xmlns:AddressObj", "http://cybox.mitre.org/objects#AddressObject-2" },
	{ "xmlns:ArtifactObj", "http://cybox.mitre.org/objects#ArtifactObject-2" },
	{ "xmlns:DomainNameObj", "http://cybox.mitre.org/objects#DomainNameObject-1" },
	{ "xmlns:FileObj", "http://cybox.mitre.org/objects#FileObject-2" },
	{ "xmlns:HostnameObj", "http://cybox.mitre.org/objects#HostnameObject-1" },
	{ "xmlns:NetworkConnectionObj", "http://cybox.mitre.org/objects#NetworkConnectionObject-2" },
	{ "xmlns:PortObj", "http://cybox.mitre.org/objects#PortObject-2" },
	{ "xmlns:ProductObj", "http://cybox.mitre.org/objects#ProductObject-2" },
	{ "xmlns:SocketAddressObj", "http://cybox.mitre.org/objects#SocketAddressObject-1" },
	{ "xmlns:URIObj", "http://cybox.mitre.org/objects#URIObject-2" },
	{ "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance" },
	{ "xmlns:lianfang", OWN_NS },
};

struct out {
	struct xmlw w;
	const struct bulletin *b;
};

static void start(struct out *o, const char *name) { xmlw_start(&o->w, name); }
static void end(struct out *o) { xmlw_end(&o->w); }

static void opt(struct out *o, const char *name, struct str text)
{
	if (text.n > 0)
		xmlw_element(&o->w, name, text);
}

static void opt_time(struct out *o, const char *name, usec at)
{
	char text[TIME_TEXT_MAX];

	if (at != 0)
		xmlw_element(&o->w, name, time_format(at, text));
}

static struct str text_of(const struct out *o, enum bulletin_text t) { return o->b->text[t]; }

static void starts_with_type(struct out *o, const char *name, const char *type)
{
	start(o, name);
	xmlw_attr(&o->w, "xsi:type", str_of(type));
}

/* --- header --- */

/* STIX 1.2 knows four colours. AMBER+STRICT goes as RED, which nobody relaxes, beside a statement that says what was meant. */
static const char *colour(uint8_t tlp)
{
	switch ((enum tlp)tlp) {
	case TLP_CLEAR: return "WHITE";
	case TLP_GREEN: return "GREEN";
	case TLP_AMBER: return "AMBER";
	case TLP_AMBER_STRICT:
	case TLP_RED: break;
	}
	return "RED";
}

static void put_handling(struct out *o)
{
	start(o, "stix:Handling");
	start(o, "marking:Marking");
	xmlw_element(&o->w, "marking:Controlled_Structure", S(WHOLE_DOCUMENT));
	starts_with_type(o, "marking:Marking_Structure", "tlpMarking:TLPMarkingStructureType");
	xmlw_attr(&o->w, "color", str_of(colour(o->b->tlp)));
	end(o);
	if (o->b->tlp == TLP_AMBER_STRICT) {
		starts_with_type(o, "marking:Marking_Structure", "simpleMarking:SimpleMarkingStructureType");
		xmlw_element(&o->w, "simpleMarking:Statement", str_of(tlp_name(TLP_AMBER_STRICT)));
		end(o);
	}
	end(o);
	end(o);
}

static void put_header(struct out *o)
{
	start(o, "stix:STIX_Header");
	xmlw_element(&o->w, "stix:Title", str_of(bulletin_code_name(o->b->code)));
	start(o, "stix:Description");
	if (o->b->exercise)
		xmlw_text(&o->w, S(DRILL_MARK));
	xmlw_text(&o->w, text_of(o, BT_TITLE));
	end(o);
	put_handling(o);
	start(o, "stix:Information_Source");
	if (text_of(o, BT_PRODUCER).n > 0) {
		start(o, "stixCommon:Identity");
		xmlw_element(&o->w, "stixCommon:Name", text_of(o, BT_PRODUCER));
		end(o);
	}
	start(o, "stixCommon:Time");
	opt_time(o, "cyboxCommon:Produced_Time", o->b->at[BW_ISSUED]);
	end(o);
	end(o);
	end(o);
}

/* --- people --- */

static void put_person(struct out *o, const char *element, enum bulletin_text name, enum bulletin_text phone, enum bulletin_text mail)
{
	if (text_of(o, name).n + text_of(o, phone).n + text_of(o, mail).n == 0)
		return;
	start(o, element);
	starts_with_type(o, "stixCommon:Identity", "ciq:CIQIdentity3.0InstanceType");
	start(o, "ciq:Specification");
	if (text_of(o, name).n > 0) {
		start(o, "xpil:PartyName");
		start(o, "xnl:PersonName");
		xmlw_element(&o->w, "xnl:NameElement", text_of(o, name));
		end(o);
		end(o);
	}
	if (text_of(o, phone).n > 0) {
		start(o, "xpil:ContactNumbers");
		start(o, "xpil:ContactNumber");
		xmlw_element(&o->w, "xpil:ContactNumberElement", text_of(o, phone));
		end(o);
		end(o);
	}
	if (text_of(o, mail).n > 0) {
		start(o, "xpil:ElectronicAddressIdentifiers");
		xmlw_element(&o->w, "xpil:ElectronicAddressIdentifier", text_of(o, mail));
		end(o);
	}
	end(o);
	end(o);
	end(o);
}

/* --- CybOX --- */

static void put_port(struct out *o, struct str port, struct str protocol)
{
	if (port.n + protocol.n == 0)
		return;
	starts_with_type(o, "SocketAddressObj:Port", "PortObj:PortObjectType");
	opt(o, "PortObj:Port_Value", port);
	opt(o, "PortObj:Layer4_Protocol", protocol);
	end(o);
}

/* Members of an open socket address. */
static void put_socket(struct out *o, struct str address, struct str host, struct str port, struct str protocol)
{
	if (address.n > 0) {
		starts_with_type(o, "SocketAddressObj:IP_Address", "AddressObj:AddressObjectType");
		xmlw_element(&o->w, "AddressObj:Address_Value", address);
		end(o);
	}
	if (host.n > 0) {
		starts_with_type(o, "SocketAddressObj:Hostname", "HostnameObj:HostnameObjectType");
		xmlw_element(&o->w, "HostnameObj:Hostname_Value", host);
		end(o);
	}
	put_port(o, port, protocol);
}

static void start_observable(struct out *o, struct str title, const char *type)
{
	start(o, "incident:Related_Observable");
	start(o, "stixCommon:Observable");
	opt(o, "cybox:Title", title);
	start(o, "cybox:Object");
	starts_with_type(o, "cybox:Properties", type);
}

static void end_observable(struct out *o, const char *relationship)
{
	end(o);
	end(o);
	opt(o, "stixCommon:Relationship", str_of(relationship));
	end(o);
}

static const char *hash_name(enum observable_kind kind)
{
	return kind == OBS_MD5 ? "MD5" : kind == OBS_SHA1 ? "SHA1" : kind == OBS_SHA256 ? "SHA256" : kind == OBS_SHA512 ? "SHA512" : NULL;
}

static void put_hash(struct out *o, const char *name, struct str value)
{
	start(o, "FileObj:Hashes");
	start(o, "cyboxCommon:Hash");
	xmlw_element(&o->w, "cyboxCommon:Type", str_of(name));
	xmlw_element(&o->w, "cyboxCommon:Simple_Hash_Value", value);
	end(o);
	end(o);
}

static void put_observable(struct out *o, struct str type, struct str value)
{
	enum observable_kind kind = OBS_KINDS;

	if (!value_kind_find(type, &kind))
		return;
	if (kind == OBS_DOMAIN) {
		start_observable(o, S(""), "DomainNameObj:" TYPE_DOMAIN);
		xmlw_element(&o->w, "DomainNameObj:Value", value);
	} else if (kind == OBS_URL) {
		start_observable(o, S(""), "URIObj:" TYPE_URI);
		xmlw_attr(&o->w, "type", S("URL"));
		xmlw_element(&o->w, "URIObj:Value", value);
	} else if (hash_name(kind) != NULL) {
		start_observable(o, S(""), "FileObj:" TYPE_FILE);
		put_hash(o, hash_name(kind), value);
	} else {
		start_observable(o, S(""), "AddressObj:" TYPE_ADDRESS);
		xmlw_attr(&o->w, "category", kind == OBS_EMAIL ? S("e-mail") : kind == OBS_IPV6 ? S("ipv6-addr") : S("ipv4-addr"));
		xmlw_element(&o->w, "AddressObj:Address_Value", value);
	}
	end(o);
	end_observable(o, NULL);
}

static void put_target(struct out *o, size_t i)
{
	start_observable(o, S(""), "SocketAddressObj:" TYPE_SOCKET);
	put_socket(o, bulletin_cell(o->b, BL_TARGETS, i, 0), S(""), bulletin_cell(o->b, BL_TARGETS, i, 1), bulletin_cell(o->b, BL_TARGETS, i, 2));
	end(o);
	end_observable(o, REL_TARGET);
}

static struct str end_of(const struct out *o, size_t i, size_t side, size_t what) { return bulletin_cell(o->b, BL_CONNECTIONS, i, side + what); }

static void put_side(struct out *o, const char *element, size_t i, size_t side)
{
	if (end_of(o, i, side, BC_ADDRESS).n + end_of(o, i, side, BC_HOST).n + end_of(o, i, side, BC_PORT).n == 0)
		return;
	starts_with_type(o, element, "SocketAddressObj:" TYPE_SOCKET);
	put_socket(o, end_of(o, i, side, BC_ADDRESS), end_of(o, i, side, BC_HOST), end_of(o, i, side, BC_PORT), S(""));
	end(o);
}

/* Source and destination are the connection's own; what lies between is an object that it relates to. */
static void put_connection(struct out *o, size_t i)
{
	start_observable(o, S(""), "NetworkConnectionObj:" TYPE_CONNECTION);
	opt(o, "NetworkConnectionObj:Layer4_Protocol", bulletin_cell(o->b, BL_CONNECTIONS, i, BC_PROTOCOL));
	put_side(o, "NetworkConnectionObj:Source_Socket_Address", i, BC_SOURCE);
	put_side(o, "NetworkConnectionObj:Destination_Socket_Address", i, BC_DESTINATION);
	end(o);
	if (end_of(o, i, BC_VIA, BC_ADDRESS).n + end_of(o, i, BC_VIA, BC_HOST).n + end_of(o, i, BC_VIA, BC_PORT).n > 0) {
		start(o, "cybox:Related_Objects");
		start(o, "cybox:Related_Object");
		put_side(o, "cybox:Properties", i, BC_VIA);
		xmlw_element(&o->w, "cybox:Relationship", S(REL_VIA));
		end(o);
		end(o);
	}
	end_observable(o, NULL);
}

static void put_scan(struct out *o, size_t i)
{
	struct str result = bulletin_cell(o->b, BL_SCANS, i, 2);

	start_observable(o, S(""), "ProductObj:" TYPE_PRODUCT);
	if (result.n > 0) {
		start(o, "cyboxCommon:Custom_Properties");
		start(o, "cyboxCommon:Property");
		xmlw_attr(&o->w, "name", S("result"));
		xmlw_text(&o->w, result);
		end(o);
		end(o);
	}
	opt(o, "ProductObj:Product", bulletin_cell(o->b, BL_SCANS, i, 0));
	opt(o, "ProductObj:Version", bulletin_cell(o->b, BL_SCANS, i, 1));
	end(o);
	end_observable(o, REL_SCAN);
}

static void put_attachment(struct out *o, size_t i)
{
	struct str type = bulletin_cell(o->b, BL_ATTACHMENTS, i, BA_MEDIA_TYPE);

	start_observable(o, bulletin_cell(o->b, BL_ATTACHMENTS, i, BA_NAME), "ArtifactObj:" TYPE_ARTIFACT);
	if (type.n > 0)
		xmlw_attr(&o->w, "content_type", type);
	start(o, "ArtifactObj:Packaging");
	start(o, "ArtifactObj:Encoding");
	xmlw_attr(&o->w, "algorithm", S("Base64"));
	end(o);
	end(o);
	xmlw_element(&o->w, "ArtifactObj:Raw_Artifact", bulletin_cell(o->b, BL_ATTACHMENTS, i, BA_CONTENT));
	end(o);
	end_observable(o, NULL);
}

static void put_observables(struct out *o)
{
	const struct bulletin *b = o->b;

	if (b->list[BL_OBSERVABLES].n + b->list[BL_TARGETS].n + b->list[BL_CONNECTIONS].n + b->list[BL_SCANS].n + b->list[BL_ATTACHMENTS].n == 0)
		return;
	start(o, "incident:Related_Observables");
	for (size_t i = 0; i < b->list[BL_OBSERVABLES].n; i++)
		put_observable(o, bulletin_cell(b, BL_OBSERVABLES, i, 0), bulletin_cell(b, BL_OBSERVABLES, i, 1));
	for (size_t i = 0; i < b->list[BL_TARGETS].n; i++)
		put_target(o, i);
	for (size_t i = 0; i < b->list[BL_CONNECTIONS].n; i++)
		put_connection(o, i);
	for (size_t i = 0; i < b->list[BL_SCANS].n; i++)
		put_scan(o, i);
	for (size_t i = 0; i < b->list[BL_ATTACHMENTS].n; i++)
		put_attachment(o, i);
	end(o);
}

/* --- the incident --- */

static void put_affected(struct out *o)
{
	if (o->b->list[BL_AFFECTED].n == 0)
		return;
	start(o, "incident:Affected_Assets");
	for (size_t i = 0; i < o->b->list[BL_AFFECTED].n; i++) {
		start(o, "incident:Affected_Asset");
		start(o, "incident:Structured_Description");
		xmlw_attr(&o->w, "cybox_major_version", S("2"));
		xmlw_attr(&o->w, "cybox_minor_version", S("1"));
		start(o, "cybox:Observable");
		start(o, "cybox:Object");
		starts_with_type(o, "cybox:Properties", "ProductObj:" TYPE_PRODUCT);
		opt(o, "ProductObj:Product", bulletin_cell(o->b, BL_AFFECTED, i, 0));
		opt(o, "ProductObj:Vendor", bulletin_cell(o->b, BL_AFFECTED, i, 1));
		opt(o, "ProductObj:Version", bulletin_cell(o->b, BL_AFFECTED, i, 2));
		for (int k = 0; k < 5; k++)
			end(o);
	}
	end(o);
}

static void put_method(struct out *o)
{
	if (text_of(o, BT_METHOD).n == 0)
		return;
	start(o, "incident:Leveraged_TTPs");
	start(o, "incident:Leveraged_TTP");
	starts_with_type(o, "stixCommon:TTP", "ttp:TTPType");
	xmlw_element(&o->w, "ttp:Description", text_of(o, BT_METHOD));
	end(o);
	end(o);
	end(o);
}

static void put_source(struct out *o)
{
	if (text_of(o, BT_SOURCE).n == 0)
		return;
	start(o, "incident:Related_Incidents");
	start(o, "incident:Related_Incident");
	starts_with_type(o, "stixCommon:Incident", "incident:IncidentType");
	xmlw_element(&o->w, "incident:External_ID", text_of(o, BT_SOURCE));
	end(o);
	end(o);
	end(o);
}

static void put_actions(struct out *o)
{
	for (size_t i = 0; i < o->b->list[BL_ACTIONS].n; i++) {
		start(o, "incident:COA_Requested");
		starts_with_type(o, "incident:Course_Of_Action", "coa:CourseOfActionType");
		xmlw_element(&o->w, "coa:Description", bulletin_cell(o->b, BL_ACTIONS, i, 0));
		end(o);
		end(o);
	}
}

static void put_entry(struct out *o, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	start(o, "incident:History_Item");
	start(o, "incident:Journal_Entry");
	xmlw_attr(&o->w, "author", S(OWN_AUTHOR));
	xmlw_text(&o->w, str_of(name));
	xmlw_text(&o->w, S(": "));
	xmlw_text(&o->w, value);
	end(o);
	end(o);
}

static void put_journal(struct out *o)
{
	static const enum bulletin_text texts[] = { BT_PRODUCER_ID, BT_DISPOSITION, BT_REASON, BT_INCIDENT };
	char due[TIME_TEXT_MAX];
	bool any = o->b->exercise || o->b->at[BW_DUE] != 0;

	for (size_t i = 0; i < COUNTOF(texts); i++)
		any |= text_of(o, texts[i]).n > 0;
	if (!any)
		return;
	start(o, "incident:History");
	if (o->b->exercise)
		put_entry(o, "exercise", S("true"));
	if (o->b->at[BW_DUE] != 0)
		put_entry(o, bulletin_time_name(BW_DUE), time_format(o->b->at[BW_DUE], due));
	for (size_t i = 0; i < COUNTOF(texts); i++)
		put_entry(o, bulletin_text_name(texts[i]), text_of(o, texts[i]));
	end(o);
}

static void put_references(struct out *o)
{
	if (o->b->list[BL_REFERENCES].n == 0)
		return;
	start(o, "incident:Information_Source");
	start(o, "stixCommon:References");
	for (size_t i = 0; i < o->b->list[BL_REFERENCES].n; i++)
		xmlw_element(&o->w, "stixCommon:Reference", bulletin_cell(o->b, BL_REFERENCES, i, 0));
	end(o);
	end(o);
}

static void put_times(struct out *o)
{
	if (o->b->at[BW_FOUND] == 0 && o->b->at[BW_REPORTED] == 0 && o->b->at[BW_CLOSED] == 0)
		return;
	start(o, "incident:Time");
	opt_time(o, "incident:Incident_Discovery", o->b->at[BW_FOUND]);
	opt_time(o, "incident:Incident_Reported", o->b->at[BW_REPORTED]);
	opt_time(o, "incident:Incident_Closed", o->b->at[BW_CLOSED]);
	end(o);
}

static void put_class(struct out *o)
{
	if (text_of(o, BT_CATEGORY).n == 0)
		return;
	start(o, "incident:Categories");
	start(o, "incident:Category");
	xmlw_attr(&o->w, "vocab_name", text_of(o, BT_CATEGORY));
	xmlw_text(&o->w, text_of(o, BT_CATEGORY));
	end(o);
	end(o);
}

static void put_impact(struct out *o)
{
	const char digit[] = { (char)('0' + o->b->impact), '\0' };

	if (o->b->impact == 0)
		return;
	start(o, "incident:Impact_Assessment");
	xmlw_element(&o->w, "incident:Impact_Qualification", str_of(digit));
	end(o);
}

static void put_incident(struct out *o, struct str number)
{
	xmlw_element(&o->w, "incident:External_ID", number);
	put_times(o);
	opt(o, "incident:Description", text_of(o, BT_DESCRIPTION));
	put_class(o);
	put_person(o, "incident:Reporter", BT_REPORTER, BT_REPORTER_PHONE, BT_REPORTER_MAIL);
	put_person(o, "incident:Responder", BT_RESPONDER, BT_RESPONDER_PHONE, BT_RESPONDER_MAIL);
	put_affected(o);
	put_impact(o);
	put_observables(o);
	put_method(o);
	put_source(o);
	put_actions(o);
	put_journal(o);
	put_references(o);
}

void stix12_write(const struct bulletin *b, struct str id, struct str number, struct buf *out)
{
	struct out o = { .b = b };
	size_t dashes = str_find(id, S("--"), 0);
	struct str uuid = dashes == SIZE_MAX ? id : str_slice(id, dashes + 2, id.n);
	struct buf own;
	char at[TIME_TEXT_MAX];

	buf_init(&own, 256);
	buf_fmt(&own, OWN_ID "%.*s", STR(str_slice(uuid, 0, 100)));
	time_format(b->at[BW_ISSUED], at);
	xmlw_init(&o.w, out);
	start(&o, "stix:STIX_Package");
	for (size_t i = 0; i < COUNTOF(namespaces); i++)
		xmlw_attr(&o.w, namespaces[i].prefix, str_of(namespaces[i].ns));
	buf_fmt(out, " id=\"lianfang:package-%.*s\"", STR(str_slice(uuid, 0, 100)));
	xmlw_attr(&o.w, "version", S("1.2"));
	xmlw_attr(&o.w, "timestamp", str_of(at));
	put_header(&o);
	start(&o, "stix:Incidents");
	starts_with_type(&o, "stix:Incident", "incident:IncidentType");
	xmlw_attr(&o.w, "id", buf_view(&own));
	xmlw_attr(&o.w, "timestamp", str_of(at));
	xmlw_attr(&o.w, "version", S("1.2"));
	put_incident(&o, number);
	end(&o);
	end(&o);
	end(&o);
	buf_char(out, '\n');
	buf_done(&own);
}
