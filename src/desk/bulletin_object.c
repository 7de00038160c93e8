#include "desk/bulletin_object.h"

#include <stdio.h>

#include "stix/write.h"

#define EXTENSION "extension-definition--5a0cd6f4-8c1e-4c56-9d4f-0f6c3b1e7a92"

struct str bulletin_new_id(char out[static BULLETIN_ID_MAX])
{
	char uuid[UUID_TEXT_LEN + 1];
	struct uuid u;

	uuid_v4(&u);
	uuid_format(&u, uuid);
	snprintf(out, BULLETIN_ID_MAX, BULLETIN_TYPE "--%s", uuid);
	return str_of(out);
}

static bool id_uuid(struct str id, struct uuid *ret)
{
	struct str prefix = S(BULLETIN_TYPE "--");

	return str_starts(id, prefix) && uuid_parse(str_slice(id, prefix.n, id.n), ret);
}

bool bulletin_id_ok(struct str id)
{
	struct uuid u;

	return id_uuid(id, &u);
}

/* --- kept --- */

static enum rc finish(struct arena *a, struct buf *b, const char *what, struct str *ret, struct err *err)
{
	enum rc rc = buf_check(b, err, what);

	if (rc == RC_OK) {
		*ret = arena_dup(a, buf_view(b));
		if (ret->p == NULL)
			rc = FAIL(err, RC_NOMEM, "%s: out of memory", what);
	}
	buf_done(b);
	return rc;
}

/* When it was issued stands in a column: for ours it is known only when it has its number. */
enum rc bulletin_pack(struct arena *a, const struct bulletin *b, struct bulletin_row *ret, struct err *err)
{
	struct bulletin copy = *b;
	struct jsonw w;
	struct buf out;

	copy.at[BW_ISSUED] = 0;
	buf_init(&out, BULLETIN_CONTENT_MAX);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	bulletin_write(&w, &copy);
	jsonw_object_end(&w);
	TRY(finish(a, &out, "bulletin", &ret->body, err));
	ret->code = str_of(bulletin_code_name(b->code));
	ret->category = b->text[BT_CATEGORY];
	ret->title = b->text[BT_TITLE];
	ret->source = b->text[BT_SOURCE];
	ret->tlp = b->tlp;
	ret->impact = b->impact;
	ret->exercise = b->exercise;
	ret->issued = b->at[BW_ISSUED];
	ret->due = b->at[BW_DUE];
	return RC_OK;
}

enum rc bulletin_unpack(struct arena *a, const struct bulletin_row *row, struct bulletin *ret, struct err *err)
{
	const struct json *v;

	if (json_parse(a, row->body, &JSON_LIMITS, &v, NULL) != RC_OK || bulletin_read(a, v, TLP_RED, ret, NULL) != RC_OK)
		return FAIL(err, RC_CORRUPT, "alert %.*s: its content cannot be read", STR(row->number));
	ret->at[BW_ISSUED] = row->issued;
	return RC_OK;
}

/* --- on its way --- */

static void common(struct jsonw *w, const char *type, struct str id, struct str identity, usec at, uint8_t tlp)
{
	stix_write_head(w, type, id, identity, at, at);
	stix_write_tlp(w, (enum tlp)tlp);
	stix_write_new_sdo(w, EXTENSION);
}

enum rc bulletin_object(struct arena *a, const struct bulletin_row *row, struct str identity, struct str *ret, struct err *err)
{
	struct bulletin b;
	struct jsonw w;
	struct buf out;

	TRY(bulletin_unpack(a, row, &b, err));
	buf_init(&out, BULLETIN_OBJECT_MAX);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	common(&w, BULLETIN_TYPE, row->id, identity, row->issued, row->tlp);
	jsonw_m_str(&w, "number", row->number);
	bulletin_write(&w, &b);
	jsonw_object_end(&w);
	return finish(a, &out, "bulletin", ret, err);
}

enum rc bulletin_of_object(struct arena *a, const struct json *object, struct str *ret_id, struct str *ret_number, struct bulletin *ret,
			   struct err *err)
{
	struct stix_level level;

	stix_level_of(object, NULL, NULL, &level);
	*ret_id = json_get_str(object, S("id"));
	*ret_number = json_get_str(object, S("number"));
	if (!bulletin_id_ok(*ret_id))
		return FAIL(err, RC_BAD, "/id: expected " BULLETIN_TYPE "--UUID");
	TRY(bulletin_number_check(*ret_number, err));
	TRY(bulletin_read(a, object, TLP_RED, ret, err));
	if (level.stated)
		ret->tlp = (uint8_t)tlp_stricter(level.tlp, (enum tlp)ret->tlp);
	return ret->at[BW_ISSUED] != 0 ? RC_OK : FAIL(err, RC_BAD, "/issued: is required");
}

enum rc bulletin_receipt_object(struct arena *a, const struct bulletin_receipt *r, uint8_t tlp, struct str identity, struct str *ret,
				struct err *err)
{
	char id[sizeof BULLETIN_RECEIPT_TYPE + 2 + UUID_TEXT_LEN], text[UUID_TEXT_LEN + 1];
	struct uuid space, u;
	struct str name = arena_fmt(a, "receipt %s %.*s", r->read > 0 ? "read" : "received", STR(identity));
	struct jsonw w;
	struct buf out;

	if (name.p == NULL)
		return FAIL(err, RC_NOMEM, "receipt: out of memory");
	if (!id_uuid(r->bulletin, &space))
		return FAIL(err, RC_BAD, "receipt: not an id of a bulletin");
	uuid_v5(&space, name, &u);
	uuid_format(&u, text);
	snprintf(id, sizeof id, BULLETIN_RECEIPT_TYPE "--%s", text);
	buf_init(&out, 4096);
	jsonw_init(&w, &out);
	jsonw_object(&w);
	common(&w, BULLETIN_RECEIPT_TYPE, str_of(id), identity, r->read > 0 ? r->read : r->received, tlp);
	jsonw_m_str(&w, "bulletin", r->bulletin);
	jsonw_m_time(&w, "received", r->received);
	if (r->read > 0)
		jsonw_m_time(&w, "read", r->read);
	jsonw_object_end(&w);
	return finish(a, &out, "receipt", ret, err);
}

enum rc bulletin_receipt_read(const struct json *object, struct bulletin_receipt *ret, struct err *err)
{
	const struct json *read = json_get(object, S("read"));

	*ret = (struct bulletin_receipt){ .bulletin = json_get_str(object, S("bulletin")) };
	if (!bulletin_id_ok(ret->bulletin))
		return FAIL(err, RC_BAD, "/bulletin: expected " BULLETIN_TYPE "--UUID");
	TRY(time_parse_offset(json_get_str(object, S("received")), &ret->received, err));
	return read == NULL ? RC_OK : time_parse_offset(json_str(read), &ret->read, err);
}
