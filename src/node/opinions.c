/* The opinion's value says how far the verdicts agree, its explanation how many there are; what a person noted stays here. */
#include "node/opinions.h"

#include "base/log.h"
#include "base/uuid.h"
#include "gate/admit.h"
#include "node/core.h"
#include "stix/marking.h"
#include "stix/write.h"
#include "store/verdicts.h"

#define ID_MAX 64
#define PAGE 1000
#define MEMORY ((size_t)4 << 20)

struct opinion {
	char id[ID_MAX];
	struct str indicator;
	struct verdict verdict;
	uint8_t tlp;
	usec created, modified; /* of the version that is there; 0 and 0: none */
};

/* The same for the same indicator, on this node. */
static void opinion_id(const struct core *c, struct str indicator, char id[static ID_MAX])
{
	struct str identity = str_of(c->node.config.identity);
	size_t at = str_find(identity, S("--"), 0);
	char name[128], text[UUID_TEXT_LEN + 1];
	struct uuid space, u;

	if (at == SIZE_MAX || !uuid_parse(str_slice(identity, at + 2, identity.n), &space))
		uuid_v5(&(struct uuid){ { 0 } }, identity, &space);
	snprintf(name, sizeof name, "opinion %.*s", STR(str_slice(indicator, 0, 100)));
	uuid_v5(&space, str_of(name), &u);
	snprintf(id, ID_MAX, "opinion--%s", uuid_format(&u, text).p);
}

/* The newest version of an object; its level, and what its dates say. */
static enum rc look(struct core *c, struct str id, struct arena *a, uint8_t *ret_tlp, usec *ret_created, usec *ret_modified, struct err *err)
{
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = &id, .n_ids = 1, .tlp_mask = UINT32_MAX,
				.limit = 1, .bodies = true };
	const struct json *v = NULL;
	struct page page;

	TRY(store_page(c->node.store, &q, &page, err));
	if (page.n == 0) {
		page_done(&page);
		return FAIL(err, RC_NOTFOUND, "%.*s: not known", STR(id));
	}
	*ret_tlp = page.entries[0].tlp;
	*ret_created = *ret_modified = 0;
	if (json_parse(a, page.entries[0].body, &JSON_LIMITS, &v, NULL) != RC_OK ||
	    time_parse(json_get_str(v, S("created")), ret_created, NULL, NULL) != RC_OK ||
	    time_parse(json_get_str(v, S("modified")), ret_modified, NULL, NULL) != RC_OK)
		*ret_created = *ret_modified = 0;
	page_done(&page);
	return RC_OK;
}

/* STIX 2.1 §10.13, opinion-enum. */
static const char *value_of(const struct verdict *v)
{
	if (v->confirmed == v->false_positives)
		return "neutral";
	if (v->confirmed > v->false_positives)
		return v->false_positives == 0 ? "strongly-agree" : "agree";
	return v->confirmed == 0 ? "strongly-disagree" : "disagree";
}

static void write_opinion(const struct core *c, const struct opinion *o, usec now, struct buf *out)
{
	char why[128];
	struct jsonw w;

	snprintf(why, sizeof why, "met here: confirmed %lld times, a false positive %lld times", (long long)o->verdict.confirmed,
		 (long long)o->verdict.false_positives);
	jsonw_init(&w, out);
	jsonw_object(&w);
	stix_write_head(&w, "opinion", str_of(o->id), str_of(c->node.config.identity), o->created == 0 ? now : o->created,
			now > o->modified ? now : o->modified + 1000);
	jsonw_m_cstr(&w, "explanation", why);
	jsonw_m_cstr(&w, "opinion", value_of(&o->verdict));
	jsonw_name(&w, "object_refs");
	jsonw_array(&w);
	jsonw_str(&w, o->indicator);
	jsonw_array_end(&w);
	stix_write_tlp(&w, (enum tlp)o->tlp);
	jsonw_object_end(&w);
}

static enum rc put(struct core *c, struct arena *a, const struct opinion *o, struct err *err)
{
	struct admit_opts how = { .collection = c->up, .tlp_ceiling = TLP_RED, .default_tlp = o->tlp };
	struct admitted *done;
	struct buf b;
	struct str raw;
	enum rc rc;

	buf_init(&b, 4096);
	write_opinion(c, o, time_now(), &b);
	raw = buf_view(&b);
	rc = buf_check(&b, err, "opinion");
	if (rc == RC_OK)
		rc = store_source_id(c->node.store, S("node:desk"), &how.source, err);
	if (rc == RC_OK)
		rc = admit_objects(c->node.store, a, &how, &raw, 1, &done, err);
	if (rc == RC_OK && done[0].result == ADMIT_FAILED)
		rc = FAIL(err, RC_INTERNAL, "opinion: %.*s", STR(done[0].message));
	buf_done(&b);
	return rc;
}

/* `again`: also when the version that is there is not older than the verdict. */
static enum rc tell(struct core *c, struct str indicator, bool again, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct opinion o = { .indicator = indicator };
	uint8_t own;
	usec unused;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "opinion: out of memory");
	TRY(verdict_get(c->node.store, indicator, a, &o.verdict, err));
	TRY(look(c, indicator, a, &o.tlp, &unused, &unused, err));
	opinion_id(c, indicator, o.id);
	rc = look(c, str_of(o.id), a, &own, &o.created, &o.modified, NULL);
	if (rc != RC_OK && rc != RC_NOTFOUND)
		return FAIL(err, rc, "opinion: the records cannot be read");
	/* Versions carry milliseconds. */
	if (!again && rc == RC_OK && o.modified + 1000 > o.verdict.at)
		return RC_OK;
	return put(c, a, &o, err);
}

enum rc opinion_tell(struct core *c, struct str indicator, struct err *err)
{
	return c->node.config.opinions ? tell(c, indicator, true, err) : RC_OK;
}

void opinions_catch_up(struct core *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	char after[ID_MAX] = "";
	struct verdict *list;
	size_t n = PAGE;

	while (c->node.config.opinions && a != NULL && n == PAGE && verdict_list(c->node.store, str_of(after), PAGE, a, &list, &n, NULL) == RC_OK) {
		for (size_t i = 0; i < n; i++) {
			struct err err = { 0 };
			enum rc rc = tell(c, list[i].indicator, false, &err);

			if (rc != RC_OK && rc != RC_NOTFOUND)
				log_line(LOG_LEVEL_WARN, "opinion", "is not told: %s", rc_name(rc));
			snprintf(after, sizeof after, "%.*s", STR(list[i].indicator));
		}
		arena_reset(a);
	}
}
