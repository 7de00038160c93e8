#include "taxii/dataset.h"

#include "base/jsonw.h"
#include "gate/admit.h"
#include "store/collections.h"
#include "store/peers.h"

#define BATCH 1000
#define PROBLEMS_MAX ((size_t)64 << 10)
#define CONTENT_DEFAULT ((int64_t)10 << 20)

static const struct json_limits limits = { DATASET_MAX, 80, 64u << 20 };

struct loading {
	struct store *s;
	const struct dataset_opts *o;
	struct dataset_report *report;
	struct str text;
	struct arena *a; /* of the whole document */
	uint32_t source;
	struct str standard; /* name of the default root */
};

/* Last segment(s) of an API root's URL: "http://h:1/a/b/" is "a/b". */
static struct str root_name(struct str url)
{
	size_t scheme = str_find(url, S("://"), 0), from = 0;

	if (scheme != SIZE_MAX) {
		from = str_find(url, S("/"), scheme + 3);
		if (from == SIZE_MAX)
			return S("");
	}
	while (from < url.n && url.p[from] == '/')
		from++;
	while (url.n > from && url.p[url.n - 1] == '/')
		url.n--;
	return str_slice(url, from, url.n);
}

/* --- objects with their dates --- */

struct dated {
	usec added;
	struct str id, version, raw;
	const struct json *tree;
};

/* modified, else created, else what the manifest says. */
static struct str version_of(const struct json *object)
{
	struct str v = json_get_str(object, S("modified"));

	return v.n > 0 ? v : json_get_str(object, S("created"));
}

static bool same_instant(struct str a, struct str b)
{
	usec ta, tb;

	return str_eq(a, b) || (time_parse(a, &ta, NULL, NULL) == RC_OK && time_parse(b, &tb, NULL, NULL) == RC_OK && ta == tb);
}

/* Date of (id, version) in the manifest. Data sets are small: a plain walk. */
static usec date_of(const struct json *manifest, struct str id, struct str version, usec fallback)
{
	usec t;

	if (!json_is(manifest, JSON_ARRAY))
		return fallback;
	JSON_EACH(item, manifest)
		if (str_eq(json_get_str(item, S("id")), id) && (version.n == 0 || same_instant(json_get_str(item, S("version")), version))
		    && time_parse(json_get_str(item, S("date_added")), &t, NULL, NULL) == RC_OK)
			return t;
	return fallback;
}

static int by_date(const void *pa, const void *pb)
{
	const struct dated *a = pa, *b = pb;

	if (a->added != b->added)
		return a->added < b->added ? -1 : 1;
	return str_cmp(a->version, b->version);
}

static void note_problem(struct loading *l, const struct admitted *d)
{
	struct buf *b = &l->report->problems;

	if (b->n + 1000 < PROBLEMS_MAX)
		buf_fmt(b, "%.*s %.*s: %.*s\n", STR(str_slice(d->id, 0, 200)), STR(str_slice(d->version, 0, 60)),
			STR(str_slice(d->message, 0, 500)));
}

static enum rc admit_batch(struct loading *l, uint32_t collection, const struct dated *list, size_t n, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)256 << 20);
	struct admit_opts opts = { .collection = collection, .source = l->source, .tlp_ceiling = l->o->tlp_max,
				   .default_tlp = l->o->default_tlp, .lenient = true };
	struct str *raw = a == NULL ? NULL : arena_array(a, n, sizeof *raw);
	usec *dates = a == NULL ? NULL : arena_array(a, n, sizeof *dates);
	const struct json **trees = a == NULL ? NULL : arena_array(a, n, sizeof *trees);
	struct admitted *done;

	if (raw == NULL || dates == NULL || trees == NULL)
		return FAIL(err, RC_NOMEM, "data set: no memory");
	for (size_t i = 0; i < n; i++) {
		raw[i] = list[i].raw;
		dates[i] = list[i].added;
		trees[i] = list[i].tree;
	}
	opts.date_added = dates;
	opts.trees = trees;
	TRY(admit_objects(l->s, a, &opts, raw, n, &done, err));
	for (size_t i = 0; i < n; i++) {
		l->report->stored += done[i].result == ADMIT_STORED || done[i].result == ADMIT_LINKED;
		l->report->known += done[i].result == ADMIT_DUPLICATE;
		l->report->failed += done[i].result == ADMIT_FAILED;
		if (done[i].result == ADMIT_FAILED)
			note_problem(l, &done[i]);
	}
	return RC_OK;
}

static enum rc load_objects(struct loading *l, const struct json *coll, uint32_t row, struct err *err)
{
	const struct json *objects = json_get(coll, S("objects")), *manifest = json_get(coll, S("manifest"));
	struct dated *list;
	usec now = time_now();
	size_t n = 0;

	if (!json_is(objects, JSON_ARRAY) || objects->n == 0)
		return RC_OK;
	list = arena_array(l->a, objects->n, sizeof *list);
	if (list == NULL)
		return FAIL(err, RC_NOMEM, "data set: no memory");
	JSON_EACH(item, objects) {
		struct dated d = { .id = json_get_str(item, S("id")), .version = version_of(item), .raw = json_raw(item, l->text), .tree = item };

		d.added = date_of(manifest, d.id, d.version, now);
		list[n++] = d;
	}
	qsort(list, n, sizeof *list, by_date);
	for (size_t at = 0; at < n; at += BATCH)
		TRY(admit_batch(l, row, list + at, n - at < BATCH ? n - at : BATCH, err));
	return RC_OK;
}

/* --- collections --- */

static enum rc load_collection(struct loading *l, struct str root, const struct json *v, struct err *err)
{
	const struct json *types = json_get(v, S("media_types"));
	struct collection c = { .root = root, .id = json_get_str(v, S("id")), .alias = json_get_str(v, S("alias")),
				.title = json_get_str(v, S("title")), .description = json_get_str(v, S("description")),
				.media_types = S(""), .tlp_max = l->o->tlp_max };
	struct buf b;

	if (c.id.n == 0)
		return FAIL(err, RC_BAD, "data set: root %.*s: a collection without id", STR(root));
	json_bool(json_get(v, S("can_read")), &c.all_read);
	json_bool(json_get(v, S("can_write")), &c.all_write);
	if (json_is(types, JSON_ARRAY) && types->n > 0) {
		buf_init(&b, 4096);
		json_print(types, &b);
		c.media_types = b.bad == RC_OK ? arena_dup(l->a, buf_view(&b)) : S("");
		buf_done(&b);
	}
	c.shown = true; /* such data sets list what is closed, too */
	TRY(collection_put(l->s, &c, err));
	l->report->collections++;
	return load_objects(l, v, c.row, err);
}

/* --- statuses --- */

static const struct {
	const char *list, *count;
} parts[] = {
	{ "successes", "success_count" }, { "failures", "failure_count" }, { "pendings", "pending_count" },
};

/* Data sets hold statuses with empty lists and without sums: written anew as TAXII 2.1 §4.3.1 wants them. */
static void put_status(const struct json *v, struct buf *out)
{
	struct jsonw w;
	int64_t counts[COUNTOF(parts)] = { 0 }, total = 0;
	struct str when = json_get_str(v, S("request_timestamp"));

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		const struct json *list = json_get(v, str_of(parts[i].list));

		if (json_is(list, JSON_ARRAY) && list->n > 0)
			counts[i] = list->n;
		else
			json_int(json_get(v, str_of(parts[i].count)), &counts[i]);
		total += counts[i];
	}
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_str(&w, "id", json_get_str(v, S("id")));
	jsonw_m_cstr(&w, "status", counts[2] > 0 ? "pending" : "complete");
	if (when.n > 0)
		jsonw_m_str(&w, "request_timestamp", when);
	jsonw_m_int(&w, "total_count", total);
	for (size_t i = 0; i < COUNTOF(parts); i++) {
		const struct json *list = json_get(v, str_of(parts[i].list));

		jsonw_m_int(&w, parts[i].count, counts[i]);
		if (!json_is(list, JSON_ARRAY) || list->n == 0)
			continue;
		jsonw_name(&w, parts[i].list);
		jsonw_value(&w, list);
	}
	jsonw_object_end(&w);
}

static enum rc load_status(struct loading *l, struct str root, const struct json *v, struct err *err)
{
	struct status_row row = { .root = root, .id = json_get_str(v, S("id")), .user = S(""), .created = time_now() };
	struct buf b;
	enum rc rc;

	if (row.id.n == 0)
		return FAIL(err, RC_BAD, "data set: root %.*s: a status without id", STR(root));
	buf_init(&b, (size_t)1 << 20);
	put_status(v, &b);
	rc = buf_check(&b, err, "status");
	row.body = buf_view(&b);
	if (rc == RC_OK)
		rc = status_put(l->s, &row, err);
	buf_done(&b);
	l->report->statuses += rc == RC_OK;
	return rc;
}

/* --- roots --- */

static enum rc load_root(struct loading *l, struct str name, const struct json *v, struct err *err)
{
	const struct json *info = json_get(v, S("information")), *collections = json_get(v, S("collections")),
			  *statuses = json_get(v, S("status"));
	struct api_root r = { .name = name, .title = json_get_str(info, S("title")), .description = json_get_str(info, S("description")),
			      .page_size = l->o->page_size == 0 ? 100 : l->o->page_size, .is_default = str_eq(name, l->standard) };

	if (!json_is(v, JSON_OBJECT) || !json_is(info, JSON_OBJECT))
		return FAIL(err, RC_BAD, "data set: root %.*s: no `information`", STR(str_slice(name, 0, 100)));
	if (!json_int(json_get(info, S("max_content_length")), &r.max_content_length) || r.max_content_length <= 0)
		r.max_content_length = CONTENT_DEFAULT;
	TRY(root_put(l->s, &r, err));
	l->report->roots++;
	if (json_is(collections, JSON_ARRAY))
		JSON_EACH(item, collections)
			TRY(load_collection(l, name, item, err));
	if (json_is(statuses, JSON_ARRAY))
		JSON_EACH(item, statuses)
			TRY(load_status(l, name, item, err));
	return RC_OK;
}

static enum rc load_discovery(struct loading *l, const struct json *v, struct err *err)
{
	static const char *const names[] = { "title", "description", "contact" };

	for (size_t i = 0; i < COUNTOF(names); i++) {
		struct str text = json_get_str(v, str_of(names[i]));
		char key[40];

		snprintf(key, sizeof key, "taxii.%s", names[i]);
		if (text.n > 0)
			TRY(meta_put(l->s, str_of(key), text, err));
	}
	l->standard = root_name(json_get_str(v, S("default")));
	return RC_OK;
}

/* Roots in the order in which discovery names them, so that it lists them so again; then the rest. */
static enum rc load_roots(struct loading *l, const struct json *root, struct err *err)
{
	const struct json *order = json_get(json_get(root, S("/discovery")), S("api_roots")), *v;

	if (json_is(order, JSON_ARRAY))
		JSON_EACH(item, order) {
			struct str name = root_name(json_str(item));

			v = json_get(root, name);
			if (name.n > 0 && v != NULL)
				TRY(load_root(l, name, v, err));
		}
	JSON_MEMBERS(name, value, root) {
		bool done = str_starts(json_str(name), S("/"));

		if (json_is(order, JSON_ARRAY))
			JSON_EACH(item, order)
				done |= str_eq(root_name(json_str(item)), json_str(name));
		if (!done && json_is(value, JSON_OBJECT) && json_get(value, S("information")) != NULL)
			TRY(load_root(l, json_str(name), value, err));
	}
	return RC_OK;
}

enum rc dataset_load(struct store *s, struct str text, const struct dataset_opts *o, struct dataset_report *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new((size_t)2 << 30);
	struct loading l = { .s = s, .o = o, .report = ret, .text = text, .a = a };
	const struct json *root;

	*ret = (struct dataset_report){ 0 };
	buf_init(&ret->problems, PROBLEMS_MAX);
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "data set: no memory");
	TRY(json_parse(a, text, &limits, &root, err));
	if (!json_is(root, JSON_OBJECT) || json_get(root, S("/discovery")) == NULL)
		return FAIL(err, RC_BAD, "data set: no \"/discovery\" in it");
	TRY(store_source_id(s, S("dataset"), &l.source, err));
	TRY(load_discovery(&l, json_get(root, S("/discovery")), err));
	return load_roots(&l, root, err);
}
