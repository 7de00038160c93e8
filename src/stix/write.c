#include "stix/write.h"

void stix_write_head(struct jsonw *w, const char *type, struct str id, struct str creator, usec created, usec modified)
{
	char text[TIME_TEXT_MAX];

	jsonw_m_cstr(w, "type", type);
	jsonw_m_cstr(w, "spec_version", "2.1");
	jsonw_m_str(w, "id", id);
	if (creator.n > 0)
		jsonw_m_str(w, "created_by_ref", creator);
	jsonw_m_str(w, "created", time_format_ms(created, text));
	jsonw_m_str(w, "modified", time_format_ms(modified, text));
}

void stix_write_tlp(struct jsonw *w, enum tlp tlp)
{
	jsonw_name(w, "object_marking_refs");
	jsonw_array(w);
	jsonw_str(w, stix_tlp_id(tlp));
	jsonw_array_end(w);
}

void stix_write_new_sdo(struct jsonw *w, const char *definition)
{
	jsonw_name(w, "extensions");
	jsonw_object(w);
	jsonw_name(w, definition);
	jsonw_object(w);
	jsonw_m_cstr(w, "extension_type", "new-sdo");
	jsonw_object_end(w);
	jsonw_object_end(w);
}
