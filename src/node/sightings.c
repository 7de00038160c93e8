/* A hit becomes an alert for this node's people and a sighting for the tier
 * above. The indicator itself goes into the same collection, so that whoever
 * receives the sighting knows what was seen; the gate decides on the way out
 * whether either may go. */
#include "base/log.h"
#include "base/uuid.h"
#include "gate/admit.h"
#include "node/core.h"
#include "stix/marking.h"
#include "store/alerts.h"

#define EVENT_KEPT 4096 /* bytes of the event in the alert */

static const char *const kind_names[OBS_KINDS] = {
	"ipv4-addr", "ipv6-addr", "domain-name", "url", "email-addr", "file:md5", "file:sha1", "file:sha256", "file:sha512",
};

static void write_sighting(const struct core *c, const struct hit *h, const char *id, struct buf *out)
{
	char now[TIME_TEXT_MAX];
	struct jsonw w;

	time_format_ms(time_now(), now);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", "sighting");
	jsonw_m_cstr(&w, "spec_version", "2.1");
	jsonw_m_cstr(&w, "id", id);
	jsonw_m_cstr(&w, "created_by_ref", c->node.config.identity);
	jsonw_m_cstr(&w, "created", now);
	jsonw_m_cstr(&w, "modified", now);
	jsonw_m_time(&w, "first_seen", h->at);
	jsonw_m_time(&w, "last_seen", h->at);
	jsonw_m_int(&w, "count", 1);
	jsonw_m_str(&w, "sighting_of_ref", h->indicator);
	jsonw_name(&w, "where_sighted_refs");
	jsonw_array(&w);
	jsonw_cstr(&w, c->node.config.identity);
	jsonw_array_end(&w);
	jsonw_name(&w, "object_marking_refs");
	jsonw_array(&w);
	jsonw_str(&w, stix_tlp_id((enum tlp)h->tlp));
	jsonw_array_end(&w);
	jsonw_object_end(&w);
}

/* The newest version of the indicator, linked into `collection`. */
static enum rc link_indicator(struct core *c, const struct hit *h, uint32_t collection, uint32_t source, struct err *err)
{
	struct str ids[1] = { h->indicator };
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = ids, .n_ids = 1, .tlp_mask = UINT32_MAX,
				.limit = 1, .bodies = true };
	struct object_in in;
	enum put_result result;
	struct object_batch b = { .collection = collection, .source = source, .objects = &in, .n = 1, .results = &result };
	struct page page;
	enum rc rc;

	TRY(store_page(c->node.store, &q, &page, err));
	if (page.n == 0) {
		page_done(&page);
		return FAIL(err, RC_NOTFOUND, "the indicator was deleted meanwhile");
	}
	in = (struct object_in){ .id = page.entries[0].id, .type = page.entries[0].type, .version = page.entries[0].version,
				 .body = page.entries[0].body, .spec = page.entries[0].spec, .tlp = page.entries[0].tlp,
				 .flags = page.entries[0].flags, .confidence = page.entries[0].confidence };
	rc = store_put(c->node.store, &b, err);
	page_done(&page);
	return rc;
}

static enum rc store_sighting(struct core *c, const struct hit *h, uint32_t collection, const char *id, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	struct admit_opts o = { .collection = collection, .tlp_ceiling = TLP_RED, .default_tlp = h->tlp };
	struct admitted *done;
	struct buf b;
	struct str raw;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "sighting: out of memory");
	buf_init(&b, 4096);
	write_sighting(c, h, id, &b);
	raw = buf_view(&b);
	rc = buf_check(&b, err, "sighting");
	if (rc == RC_OK)
		rc = store_source_id(c->node.store, S("node:detect"), &o.source, err);
	if (rc == RC_OK)
		rc = link_indicator(c, h, collection, o.source, err);
	if (rc == RC_OK)
		rc = admit_objects(c->node.store, a, &o, &raw, 1, &done, err);
	if (rc == RC_OK && done[0].result == ADMIT_FAILED)
		rc = FAIL(err, RC_INTERNAL, "sighting: %.*s", STR(done[0].message));
	buf_done(&b);
	return rc;
}

static enum rc store_alert(struct core *c, const struct hit *h, const char *sighting, struct err *err)
{
	struct buf observable, body;
	struct jsonw w;
	struct alert_row row = { .at = h->at, .seen = time_now(), .input = h->input, .indicator = h->indicator,
				 .sighting = str_of(sighting), .where = h->where, .tlp = h->tlp };
	enum rc rc;

	buf_init(&observable, 4096);
	buf_init(&body, 65536);
	buf_fmt(&observable, "%s:%.*s", h->what.kind < OBS_KINDS ? kind_names[h->what.kind] : "pattern", STR(h->what.value));
	jsonw_init(&w, &body);
	jsonw_object(&w);
	jsonw_m_str(&w, "field", h->what.field);
	jsonw_m_str(&w, "value", h->what.value);
	jsonw_m_str(&w, "matched", h->matched);
	if (h->confidence <= 100)
		jsonw_m_int(&w, "confidence", h->confidence);
	jsonw_m_str(&w, "event", str_slice(h->event, 0, EVENT_KEPT));
	jsonw_object_end(&w);
	row.observable = buf_view(&observable);
	row.body = buf_view(&body);
	rc = buf_check(&body, err, "alert");
	if (rc == RC_OK)
		rc = alert_put(c->node.store, &row, 1, err);
	buf_done(&observable);
	buf_done(&body);
	return rc;
}

enum rc sighting_from_hit(struct core *c, const struct hit *h, uint32_t collection, struct err *err)
{
	char id[64], text[UUID_TEXT_LEN + 1];
	struct uuid u;

	uuid_v4(&u);
	uuid_format(&u, text);
	snprintf(id, sizeof id, "sighting--%s", text);
	TRY(store_sighting(c, h, collection, id, err));
	return store_alert(c, h, id, err);
}

static void write_rule_body(const struct rule_hit *h, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_str(&w, "rule_id", h->id);
	jsonw_m_str(&w, "title", h->title);
	jsonw_m_str(&w, "level", h->level);
	jsonw_m_str(&w, "author", h->author);
	jsonw_name(&w, "tags");
	jsonw_array(&w);
	for (uint32_t i = 0; i < h->n_tags; i++)
		jsonw_str(&w, h->tags[i]);
	jsonw_array_end(&w);
	jsonw_name(&w, "fields");
	jsonw_array(&w);
	for (uint32_t i = 0; i < h->n_fields; i++) {
		jsonw_object(&w);
		jsonw_m_str(&w, "name", h->fields[i].name);
		jsonw_m_str(&w, "value", str_slice(h->fields[i].value, 0, EVENT_KEPT));
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_m_str(&w, "event", str_slice(h->event, 0, EVENT_KEPT));
	jsonw_object_end(&w);
}

/* What a log of this node says of its own hosts is as secret as an object that carries no marking. */
enum rc alert_from_rule(struct core *c, const struct rule_hit *h, struct err *err)
{
	struct alert_row row = { .at = h->at, .seen = time_now(), .input = h->input, .indicator = S(""), .sighting = S(""), .where = h->where,
				 .tlp = (uint8_t)c->node.config.default_tlp };
	struct buf what, body;
	enum rc rc;

	buf_init(&what, 4096);
	buf_init(&body, 1 << 20);
	buf_fmt(&what, "rule:%.*s", STR(str_slice(h->title, 0, 1024)));
	write_rule_body(h, &body);
	row.observable = buf_view(&what);
	row.body = buf_view(&body);
	rc = buf_check(&body, err, "alert");
	if (rc == RC_OK)
		rc = alert_put(c->node.store, &row, 1, err);
	buf_done(&what);
	buf_done(&body);
	return rc;
}
