/* What all exports share: pages through the gate, output in pieces, and the choice
 * of values that may go into a blocking list. */
#include "intel/export_int.h"

#include "base/hash.h"
#include "base/uuid.h"

#define SEEN_MAX 20000000 /* values in one list; beyond that repeats are let through */

static const struct {
	const char *name, *media;
	enum rc (*run)(struct export *x, struct err *err);
} formats[EXPORT_FORMATS] = {
	[EXPORT_STIX] = { "stix", "application/stix+json;version=2.1", export_stix },
	[EXPORT_MISP] = { "misp", "application/json", export_misp },
	[EXPORT_CSV] = { "csv", "text/csv; charset=utf-8", export_csv },
	[EXPORT_PLAIN] = { "plain", "text/plain; charset=utf-8", export_plain },
	[EXPORT_HOSTS] = { "hosts", "text/plain; charset=utf-8", export_hosts },
	[EXPORT_RPZ] = { "rpz", "text/dns; charset=utf-8", export_rpz },
	[EXPORT_NFTABLES] = { "nftables", "text/plain; charset=utf-8", export_nftables },
	[EXPORT_IPSET] = { "ipset", "text/plain; charset=utf-8", export_ipset },
};

const char *export_format_name(enum export_format f)
{
	return (size_t)f < EXPORT_FORMATS ? formats[f].name : "";
}

const char *export_media_type(enum export_format f)
{
	return (size_t)f < EXPORT_FORMATS ? formats[f].media : "application/octet-stream";
}

bool export_format_find(struct str name, enum export_format *ret)
{
	for (size_t i = 0; i < EXPORT_FORMATS; i++) {
		if (str_eq_nocase(name, str_of(formats[i].name))) {
			*ret = (enum export_format)i;
			return true;
		}
	}
	return false;
}

enum rc export_flush(struct export *x, bool all, struct err *err)
{
	TRY(buf_check(&x->out, err, "export"));
	if (x->out.n == 0 || (!all && x->out.n < EXPORT_PIECE))
		return RC_OK;
	TRY(x->fn(x->ctx, buf_view(&x->out), err));
	buf_clear(&x->out);
	return RC_OK;
}

enum rc export_pages(struct export *x, struct str type, export_page_fn fn, void *ctx, struct err *err)
{
	struct page_query q = { .collection = x->o->collection, .added_after = INT64_MIN, .types = &type, .n_types = type.n > 0,
				.limit = EXPORT_PAGE, .max_bytes = EXPORT_PAGE_BYTES, .bodies = true };
	bool more = true;

	while (more) {
		struct page p;
		enum rc rc;

		TRY(gate_page(x->store, x->viewer, x->path, x->o->ceiling, x->o->collection_name, &q, &p, err));
		rc = fn(x, &p, ctx, err);
		more = p.more;
		q.added_after = p.last;
		page_done(&p);
		TRY(rc);
		TRY(export_flush(x, false, err));
	}
	return RC_OK;
}

/* --- values --- */

struct choosing {
	uint32_t kinds;
	export_value_fn fn;
	void *ctx;
};

/* The keys are digests, so that a million URLs need no more room than a million addresses. */
static bool first_time(struct export *x, const struct value *v)
{
	uint64_t key = hash_table(v->text) + (uint64_t)v->kind;
	struct str bytes = str_make((const char *)&key, sizeof key);

	if (x->seen == NULL || map_get(x->seen, bytes, NULL))
		return x->seen == NULL;
	(void)!map_put(x->seen, bytes, 0);
	return true;
}

static bool chosen(struct export *x, const struct choosing *c, const struct value *v)
{
	uint32_t wanted = x->o->kinds == 0 ? UINT32_MAX : x->o->kinds;
	struct str list;

	if (((wanted & c->kinds) >> v->kind & 1) == 0) {
		x->stats.other++;
		return false;
	}
	if (!x->o->with_warned && x->o->warn != NULL && warninglists_find(x->o->warn, v->kind, v->text, &list, 1) > 0) {
		x->stats.warned++;
		return false;
	}
	return first_time(x, v);
}

static enum rc offer(struct export *x, const struct choosing *c, const struct page_entry *e, struct err *err)
{
	struct export_value v = { .entry = e };
	struct active active;

	arena_reset(x->scratch);
	if (json_parse(x->scratch, e->body, &JSON_LIMITS, &v.indicator, err) != RC_OK)
		return RC_OK;
	TRY(active_read(x->scratch, v.indicator, &active, err));
	v.active = &active;
	v.score = decay_score(&active.facts, x->now);
	if (!x->o->with_expired && !active_at(&active, v.indicator, x->now)) {
		x->stats.expired++;
		return RC_OK;
	}
	if (v.score < x->o->least_score) {
		x->stats.low++;
		return RC_OK;
	}
	x->stats.other += active.n_values == 0;
	x->stats.objects++;
	for (size_t i = 0; i < active.n_values; i++) {
		v.value = &active.values[i];
		if (!chosen(x, c, v.value))
			continue;
		x->stats.values++;
		TRY(c->fn(x, &v, c->ctx, err));
	}
	return RC_OK;
}

static enum rc choose(struct export *x, const struct page *p, void *ctx, struct err *err)
{
	for (size_t i = 0; i < p->n; i++)
		TRY(offer(x, ctx, &p->entries[i], err));
	return RC_OK;
}

enum rc export_values(struct export *x, uint32_t kinds, export_value_fn fn, void *ctx, struct err *err)
{
	struct choosing c = { kinds, fn, ctx };

	map_free(x->seen);
	x->seen = map_new(SEEN_MAX);
	if (x->seen == NULL)
		return FAIL(err, RC_NOMEM, "export: no memory");
	return export_pages(x, S("indicator"), choose, &c, err);
}

/* --- STIX --- */

static enum rc put_objects(struct export *x, const struct page *p, void *ctx, struct err *err)
{
	bool *begun = ctx;

	for (size_t i = 0; i < p->n; i++) {
		if (*begun)
			buf_char(&x->out, ',');
		*begun = true;
		buf_str(&x->out, p->entries[i].body);
	}
	x->stats.objects += p->n;
	return buf_check(&x->out, err, "export");
}

enum rc export_stix(struct export *x, struct err *err)
{
	char id[UUID_TEXT_LEN + 1];
	bool begun = false;
	struct uuid u;

	uuid_v4(&u);
	uuid_format(&u, id);
	buf_fmt(&x->out, "{\"type\":\"bundle\",\"id\":\"bundle--%s\",\"objects\":[", id);
	TRY(export_pages(x, S(""), put_objects, &begun, err));
	/* A bundle's list is not empty (STIX 2.1 §8, §2.12): without objects it has none. */
	if (!begun) {
		buf_clear(&x->out);
		buf_fmt(&x->out, "{\"type\":\"bundle\",\"id\":\"bundle--%s\"}\n", id);
		return RC_OK;
	}
	buf_cstr(&x->out, "]}\n");
	return RC_OK;
}

enum rc export_run(struct store *s, const struct viewer *v, enum gate_path path, const struct export_opts *o,
		   export_write fn, void *ctx, struct export_stats *ret, struct err *err)
{
	struct export x = { .store = s, .viewer = v, .path = path, .o = o, .fn = fn, .ctx = ctx };
	enum rc rc;

	if ((size_t)o->format >= EXPORT_FORMATS)
		return FAIL(err, RC_UNSUPPORTED, "export: no such format");
	x.now = o->now == 0 ? time_now() : o->now;
	x.scratch = arena_new(EXPORT_MEMORY);
	if (x.scratch == NULL)
		return FAIL(err, RC_NOMEM, "export: no memory");
	buf_init(&x.out, EXPORT_PIECE_MAX);
	rc = formats[o->format].run(&x, err);
	if (rc == RC_OK)
		rc = export_flush(&x, true, err);
	buf_done(&x.out);
	arena_free(x.scratch);
	map_free(x.seen);
	if (ret != NULL)
		*ret = x.stats;
	return rc;
}
