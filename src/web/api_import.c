/* Imports over REST: begun, fed in pieces, ended. So a file of any size comes in
 * with bounded memory, and the caller sees how far it is.
 *
 * An import that nobody feeds for IMPORT_IDLE is given up when room is needed;
 * what it had admitted stays, as with any cut connection. */
#include "web/api.h"
#include "web/api_boards.h"
#include "web/words.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "desk/desk.h"
#include "intel/import.h"
#include "stix/marking.h"
#include "taxii/dataset.h"

#define IMPORTS_MAX 16
#define IMPORT_IDLE (600 * USEC_PER_SEC)

struct slot {
	char id[UUID_TEXT_LEN + 1]; /* "" = free */
	struct import *import;
	usec used;
	bool busy;
	struct str owner, source;   /* in `memory` */
	struct arena *memory;       /* what the options point to */
};

struct api_imports {
	pthread_mutex_t lock;
	struct slot slots[IMPORTS_MAX];
};

static const char BEGIN_SCHEMA[] = "{\"type\":\"object\",\"properties\":{\"import\":{\"type\":\"string\"}}}";
static const char REPORT_SCHEMA[] = "{\"type\":\"object\"}";
static const struct api_param BEGIN_PARAMS[] = {
	{ "format", "string", "auto (default), stix, misp, csv or list" },
	{ "collection", "string", "ROOT/COLLECTION; without it the objects are kept but in none" },
	{ "source", "string", "who says it: a name for this feed" },
	{ "tlp", "string", "level of objects without one of their own" },
	{ "confidence", "integer", "of objects made from lists (0 to 100)" },
	{ "columns", "string", "CSV without a header: names, comma-separated" },
	{ NULL, NULL, NULL },
};

static const struct api_param DATASET_PARAMS[] = {
	{ "page_size", "integer", "largest page of the API roots it makes (1 to 10000; 100)" },
	{ NULL, NULL, NULL },
};

enum rc api_start(struct api *api, struct err *err)
{
	api->imports = mem_alloc(sizeof *api->imports);
	if (api->imports == NULL)
		return FAIL(err, RC_NOMEM, "api: out of memory");
	pthread_mutex_init(&api->imports->lock, NULL);
	TRY(desk_new(api->desk_packs, &api->desk, err));
	TRY(api_boards_new(api, err));
	return api_words_new(api->rsit, &api->words, err);
}

static void slot_free(struct slot *s)
{
	import_free(s->import);
	arena_free(s->memory);
	*s = (struct slot){ .id = "" };
}

void api_stop(struct api *api)
{
	api_boards_free(api); /* its thread may derive incidents */
	desk_free(api->desk);
	api->desk = NULL;
	api_words_free(api->words);
	api->words = NULL;
	if (api->imports == NULL)
		return;
	for (size_t i = 0; i < IMPORTS_MAX; i++)
		slot_free(&api->imports->slots[i]);
	pthread_mutex_destroy(&api->imports->lock);
	mem_free(api->imports);
	api->imports = NULL;
}

/* A free slot, or the idlest one that nobody uses any more. Under the lock. */
static struct slot *room(struct api_imports *m)
{
	struct slot *oldest = NULL;

	for (size_t i = 0; i < IMPORTS_MAX; i++) {
		struct slot *s = &m->slots[i];

		if (s->id[0] == '\0' && !s->busy)
			return s;
		if (!s->busy && s->used + IMPORT_IDLE < time_mono() && (oldest == NULL || s->used < oldest->used))
			oldest = s;
	}
	if (oldest != NULL)
		slot_free(oldest);
	return oldest;
}

/* The caller's import, marked busy: one piece at a time. */
static enum rc take(struct api_call *c, struct slot **ret, struct err *err)
{
	struct api_imports *m = c->api->imports;
	enum rc rc = RC_NOTFOUND;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < IMPORTS_MAX && rc == RC_NOTFOUND; i++) {
		struct slot *s = &m->slots[i];

		if (s->id[0] == '\0' || !str_eq(str_of(s->id), c->params[0]) || !str_eq(s->owner, c->viewer->name))
			continue;
		rc = s->busy ? RC_BUSY : RC_OK;
		if (rc == RC_OK) {
			s->busy = true;
			*ret = s;
		}
	}
	pthread_mutex_unlock(&m->lock);
	if (rc == RC_NOTFOUND)
		return FAIL(err, rc, "no such import, or it was idle too long: begin again");
	if (rc == RC_BUSY)
		return FAIL(err, rc, "this import is being fed by another request");
	return RC_OK;
}

static void give(struct api_call *c, struct slot *s, bool ended)
{
	pthread_mutex_lock(&c->api->imports->lock);
	s->busy = false;
	s->used = time_mono();
	if (ended)
		slot_free(s);
	pthread_mutex_unlock(&c->api->imports->lock);
}

static struct str keep(struct slot *s, struct str text)
{
	return text.p == NULL ? S("") : arena_dup(s->memory, text);
}

static enum rc begin_options(struct api_call *c, struct slot *s, struct import_opts *o, struct err *err)
{
	struct str format = api_query(c, "format"), tlp = api_query(c, "tlp"), source = api_query(c, "source");
	struct str collection = api_query(c, "collection");
	int64_t confidence;
	enum tlp level = (enum tlp)c->api->default_tlp;

	*o = (struct import_opts){ .warn = c->api->warninglists, .identity = str_of(c->api->identity) };
	if (format.p != NULL && !import_format_find(format, &o->format))
		return FAIL(err, RC_BAD, "format: expected auto, stix, misp, csv or list");
	if (tlp.p != NULL && !tlp_parse(tlp, &level))
		return FAIL(err, RC_BAD, "tlp: expected clear, green, amber, amber+strict or red");
	TRY(api_query_int(c, "confidence", 255, 0, 100, &confidence, err));
	TRY(api_collection(c, collection.p == NULL ? S("") : collection, &o->admit.collection, &o->admit.tlp_ceiling, err));
	o->admit.default_tlp = (uint8_t)level;
	o->admit.upgrade_20 = true;
	o->admit.strict = c->api->strict;
	o->tlp = (uint8_t)level;
	o->confidence = (uint8_t)confidence;
	o->columns = keep(s, api_query(c, "columns"));
	o->source_name = source.p != NULL ? keep(s, source) : arena_fmt(s->memory, "user:%.*s", STR(c->viewer->name));
	if (o->source_name.p == NULL || o->columns.p == NULL)
		return FAIL(err, RC_NOMEM, "import: out of memory");
	return store_source_id(c->api->store, o->source_name, &o->admit.source, err);
}

static enum rc begin(struct api_call *c, struct slot *s, struct err *err)
{
	struct import_opts o;
	struct uuid u;

	s->memory = arena_new((size_t)1 << 20);
	if (s->memory == NULL)
		return FAIL(err, RC_NOMEM, "import: out of memory");
	TRY(begin_options(c, s, &o, err));
	s->source = o.source_name;
	s->owner = keep(s, c->viewer->name);
	TRY(import_new(c->api->store, &o, &s->import, err));
	uuid_v4(&u);
	uuid_format(&u, s->id);
	s->used = time_mono();
	return RC_OK;
}

static enum rc imports_post(struct api_call *c, struct err *err)
{
	struct api_imports *m = c->api->imports;
	struct slot *s;
	enum rc rc = RC_OK;

	pthread_mutex_lock(&m->lock);
	s = room(m);
	if (s != NULL)
		s->busy = true;
	pthread_mutex_unlock(&m->lock);
	if (s == NULL)
		return FAIL(err, RC_BUSY, "%d imports are under way; try again later", IMPORTS_MAX);
	rc = begin(c, s, err);
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_cstr(&c->out, "import", s->id);
		jsonw_object_end(&c->out);
	}
	give(c, s, rc != RC_OK);
	return rc;
}

/* A broken document does not undo what came before it: the caller must know how much that is. */
static enum rc tell_kept(const struct import *im, enum rc rc, struct err *err)
{
	const struct import_report *r = import_report(im);
	struct err was = *err;

	if (rc == RC_OK || r->stored + r->linked + r->duplicates == 0)
		return rc;
	return FAIL(err, rc, "%.280s (the objects before it stay: %llu new, %llu known)", was.text, (unsigned long long)(r->stored + r->linked),
		    (unsigned long long)r->duplicates);
}

/* Who said how much, for the log of facts. */
static enum rc import_fact(struct api_call *c, const struct import *im, struct str source, struct err *err)
{
	const struct import_report *r = import_report(im);
	struct buf b;
	struct jsonw w;
	enum rc rc;

	buf_init(&b, 1024);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_int(&w, "bytes", (int64_t)r->bytes);
	jsonw_m_int(&w, "objects", (int64_t)r->objects);
	jsonw_m_int(&w, "stored", (int64_t)(r->stored + r->linked));
	jsonw_m_int(&w, "failed", (int64_t)r->failed);
	jsonw_object_end(&w);
	rc = api_fact(c, "intel.import", source, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

static enum rc piece_post(struct api_call *c, struct err *err)
{
	struct slot *s = NULL;
	enum rc rc;

	TRY(take(c, &s, err));
	rc = tell_kept(s->import, import_feed(s->import, c->req->body, err), err);
	if (rc == RC_OK)
		import_report_write(import_report(s->import), &c->out);
	give(c, s, rc != RC_OK);
	return rc;
}

static enum rc end_post(struct api_call *c, struct err *err)
{
	struct slot *s = NULL;
	enum rc rc;

	TRY(take(c, &s, err));
	rc = tell_kept(s->import, import_end(s->import, err), err);
	if (rc == RC_OK)
		import_report_write(import_report(s->import), &c->out);
	if (rc == RC_OK)
		rc = import_fact(c, s->import, s->source, err);
	give(c, s, true);
	return rc;
}

static enum rc imports_delete(struct api_call *c, struct err *err)
{
	struct slot *s = NULL;

	TRY(take(c, &s, err));
	give(c, s, true);
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

/* The whole document in one request, for scripts with small files. */
static enum rc import_post(struct api_call *c, struct err *err)
{
	struct slot s = { .id = "" };
	enum rc rc = begin(c, &s, err);

	if (rc == RC_OK)
		rc = tell_kept(s.import, import_feed(s.import, c->req->body, err), err);
	if (rc == RC_OK)
		rc = tell_kept(s.import, import_end(s.import, err), err);
	if (rc == RC_OK)
		import_report_write(import_report(s.import), &c->out);
	if (rc == RC_OK)
		rc = import_fact(c, s.import, s.source, err);
	slot_free(&s);
	return rc;
}

static void put_problems(struct jsonw *w, struct str lines)
{
	struct str line;

	jsonw_name(w, "failures");
	jsonw_array(w);
	while (str_next(&lines, '\n', &line)) {
		jsonw_object(w);
		jsonw_m_str(w, "message", line);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* A whole TAXII server's data: roots, collections, rights, objects with their dates. */
static enum rc dataset_post(struct api_call *c, struct err *err)
{
	struct dataset_opts o = { .default_tlp = TLP_CLEAR, .tlp_max = TLP_RED };
	struct dataset_report r = { .roots = 0 };
	int64_t page_size;
	enum rc rc;

	TRY(api_query_int(c, "page_size", 0, 0, PAGE_LIMIT_MAX, &page_size, err));
	o.page_size = (uint32_t)page_size;
	rc = dataset_load(c->api->store, c->req->body, &o, &r, err);
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_int(&c->out, "roots", r.roots);
		jsonw_m_int(&c->out, "collections", r.collections);
		jsonw_m_int(&c->out, "statuses", r.statuses);
		jsonw_m_int(&c->out, "stored", (int64_t)r.stored);
		jsonw_m_int(&c->out, "duplicates", (int64_t)r.known);
		jsonw_m_int(&c->out, "failed", (int64_t)r.failed);
		put_problems(&c->out, buf_view(&r.problems));
		jsonw_object_end(&c->out);
	}
	buf_done(&r.problems);
	return rc == RC_OK ? api_fact(c, "intel.dataset", S(""), S("{}"), err) : rc;
}

const struct api_route API_ROUTES_IMPORT[] = {
	{ "POST", "/dataset", API_ADMIN, dataset_post, "Load a TAXII data set: API roots, collections, objects with date_added", DATASET_PARAMS,
	  NULL, REPORT_SCHEMA },
	{ "POST", "/import", API_FEEDER, import_post, "Import one document", BEGIN_PARAMS, NULL, REPORT_SCHEMA },
	{ "POST", "/imports", API_FEEDER, imports_post, "Begin an import that comes in pieces", BEGIN_PARAMS, NULL, BEGIN_SCHEMA },
	{ "POST", "/imports/{import}", API_FEEDER, piece_post, "The next piece", NULL, NULL, REPORT_SCHEMA },
	{ "POST", "/imports/{import}/end", API_FEEDER, end_post, "End of the document: the report", NULL, NULL, REPORT_SCHEMA },
	{ "DELETE", "/imports/{import}", API_FEEDER, imports_delete, "Give an import up", NULL, NULL, REPORT_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
