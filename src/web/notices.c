/* What is shown is read once for each fact of the chain that publishes, and kept: strangers who ask cost no look at records but
 * one at the end of the chain. */
#include "web/notices.h"

#include <pthread.h>
#include <stdio.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "desk/form.h"
#include "desk/show.h"
#include "stix/marking.h"
#include "store/cases.h"
#include "store/facts.h"
#include "store/incidents.h"
#include "web/window_pages.h"

#define MEMORY ((size_t)64 << 20)
#define LOOK_MEMORY ((size_t)256 << 20) /* one incident of many facts */
#define ID_LEN 16
#define SUBJECTS_MAX 10000

struct notice {
	char id[ID_LEN + 1];
	usec at;
	const struct pack *pack;
	struct form form;
};

struct notices {
	struct store *store;
	const struct desk *desk;
	char *name;
	unsigned char key[MAC_KEY_LEN];
	pthread_mutex_t lock;      /* of all below */
	struct arena *memory;      /* holds the notices */
	struct arena *subjects;    /* holds `ids` */
	struct str *ids;           /* incidents of which something was published */
	size_t n_ids;
	uint64_t seen;             /* of the chain */
	struct notice *list;       /* the newest first */
	size_t n;
};

enum rc notices_new(const struct notices_config *c, struct notices **ret, struct err *err)
{
	struct notices *n = mem_alloc(sizeof *n);

	if (n != NULL) {
		*n = (struct notices){ .store = c->store, .desk = c->desk, .name = mem_strdup(c->name), .memory = arena_new(MEMORY), .subjects = arena_new(MEMORY) };
		memcpy(n->key, c->key, MAC_KEY_LEN);
		n->ids = n->subjects == NULL ? NULL : arena_array(n->subjects, SUBJECTS_MAX, sizeof *n->ids);
	}
	if (n == NULL || n->name == NULL || n->memory == NULL || n->ids == NULL || pthread_mutex_init(&n->lock, NULL) != 0) {
		if (n != NULL) {
			arena_free(n->memory);
			arena_free(n->subjects);
			mem_free(n->name);
		}
		mem_free(n);
		return FAIL(err, RC_NOMEM, "notices: out of memory");
	}
	*ret = n;
	return RC_OK;
}

void notices_free(struct notices *n)
{
	if (n == NULL)
		return;
	pthread_mutex_destroy(&n->lock);
	arena_free(n->memory);
	arena_free(n->subjects);
	mem_free(n->name);
	mem_free(n);
}

bool notices_is_path(struct str path)
{
	return str_eq(path, S("/notices")) || str_starts(path, S("/notices/"));
}

/* --- what was published --- */

struct walk {
	struct notices *n;
	bool fresh, full;
};

static bool note_incident(void *ctx, const struct fact *f)
{
	struct walk *w = ctx;
	struct notices *n = w->n;
	struct str id;

	n->seen = f->seq;
	if (!str_eq(f->kind, S("incident.published")))
		return true;
	w->fresh = true;
	for (size_t i = 0; i < n->n_ids; i++)
		if (str_eq(n->ids[i], f->subject))
			return true;
	id = arena_dup(n->subjects, f->subject);
	w->full = id.p == NULL || n->n_ids == SUBJECTS_MAX;
	if (!w->full)
		n->ids[n->n_ids++] = id;
	return !w->full;
}

/* One incident, of which one notice holds at a time: the last that this node published. */
struct published {
	struct arena *a;
	struct incident_row row;
	struct str facts;          /* up to and with the fact that publishes */
	struct str fact;
	usec at;
};

/* Whether another node stated it: then it is that node's to show. */
static enum rc is_others(struct notices *n, struct published *p, struct str fact, bool *ret, struct err *err)
{
	struct case_row *rows;
	size_t count;

	*ret = false;
	TRY(case_list(n->store, p->row.id, 0, p->a, &rows, &count, err));
	for (size_t i = 0; i < count; i++)
		*ret |= str_eq(rows[i].fact, fact) && rows[i].peer.n > 0;
	return RC_OK;
}

static enum rc find_published(struct notices *n, struct published *p, struct err *err)
{
	struct str all, rest, line;

	TRY(incident_facts(n->store, p->row.row, p->a, &all, err));
	rest = all;
	p->fact = S("");
	while (str_next(&rest, '\n', &line)) {
		const struct json *v;
		struct str id;
		bool others;

		if (str_find(line, S("\"published\""), 0) == SIZE_MAX || json_parse(p->a, line, &JSON_LIMITS, &v, NULL) != RC_OK ||
		    !str_eq(json_get_str(v, S("type")), S("published")))
			continue;
		id = json_get_str(v, S("id"));
		TRY(is_others(n, p, id, &others, err));
		if (others || time_parse_offset(json_get_str(v, S("at")), &p->at, NULL) != RC_OK)
			continue;
		p->fact = id;
		p->facts = str_make(all.p, (size_t)(line.p + line.n - all.p));
	}
	return RC_OK;
}

static void make_id(const struct notices *n, const struct published *p, char out[static ID_LEN + 1])
{
	struct str name = arena_fmt(p->a, "notice\n%.*s\n%.*s", STR(p->row.id), STR(p->fact));
	unsigned char mac[MAC_LEN];
	struct buf hex;

	buf_init(&hex, 2 * MAC_LEN + 1);
	mac_sha256(n->key, name, mac);
	hex_put(&hex, str_make((const char *)mac, ID_LEN / 2));
	snprintf(out, ID_LEN + 1, "%.*s", STR(buf_view(&hex)));
	buf_done(&hex);
}

static enum rc put_form(struct notices *n, const struct published *p, const struct desk_view *v, size_t pack, const struct pack_form *form, struct err *err)
{
	const struct form_about x = { .pack = v->packs[pack], .facts = &v->facts, .view = v->views[pack], .number = S(""), .title = S(""),
				      .organisation_name = str_of(n->name), .at = p->at, .tlp = TLP_CLEAR };
	struct notice *t = &n->list[n->n];

	if (n->n == NOTICES_MAX * 2)
		return RC_OK;
	*t = (struct notice){ .at = p->at, .pack = v->packs[pack] };
	make_id(n, p, t->id);
	TRY(form_fill(p->a, &x, form, &t->form, err));
	n->n++;
	return RC_OK;
}

/* The texts of the form live as long as the list, and nothing else of the incident does. */
static enum rc keep_texts(struct notices *n, struct form *f, struct err *err)
{
	struct form_value *values = arena_array(n->memory, f->form->n_fields + 1, sizeof *values);

	if (values == NULL)
		return FAIL(err, RC_NOMEM, "notices: out of memory");
	for (size_t i = 0; i < f->form->n_fields; i++) {
		values[i] = (struct form_value){ .field = f->values[i].field, .text = arena_dup(n->memory, f->values[i].text) };
		if (values[i].text.p == NULL)
			return FAIL(err, RC_NOMEM, "notices: out of memory");
	}
	f->values = values;
	f->about = NULL;
	return RC_OK;
}

static enum rc read_one(struct notices *n, struct str id, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(LOOK_MEMORY);
	struct published p = { .a = a };
	struct desk_view v;
	size_t had = n->n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "notices: out of memory");
	TRY(incident_get(n->store, id, a, &p.row, err));
	if (p.row.exercise)
		return RC_OK;
	TRY(find_published(n, &p, err));
	if (p.fact.n == 0)
		return RC_OK;
	TRY(desk_look(n->desk, a, p.row.packs, p.facts, p.at, &v, err));
	for (size_t i = 0; i < v.n; i++)
		for (size_t k = 0; k < v.packs[i]->n_forms; k++)
			if (v.packs[i]->forms[k].facts >> FACT_PUBLISHED & 1)
				TRY(put_form(n, &p, &v, i, &v.packs[i]->forms[k], err));
	for (size_t i = had; i < n->n; i++)
		TRY(keep_texts(n, &n->list[i].form, err));
	return RC_OK;
}

static int newer_first(const void *x, const void *y)
{
	const struct notice *a = x, *b = y;

	return a->at < b->at ? 1 : a->at > b->at ? -1 : strcmp(a->id, b->id);
}

static enum rc read_all(struct notices *n, struct err *err)
{
	arena_reset(n->memory);
	n->n = 0;
	n->list = arena_array(n->memory, NOTICES_MAX * 2, sizeof *n->list);
	if (n->list == NULL)
		return FAIL(err, RC_NOMEM, "notices: out of memory");
	for (size_t i = n->n_ids; i-- > 0 && n->n < NOTICES_MAX;)
		TRY(read_one(n, n->ids[i], err));
	qsort(n->list, n->n, sizeof *n->list, newer_first);
	n->n = n->n > NOTICES_MAX ? NOTICES_MAX : n->n;
	return RC_OK;
}

/* `lock` is held. */
static enum rc refresh(struct notices *n, struct err *err)
{
	struct walk w = { .n = n };
	uint64_t had = n->seen;
	enum rc rc = fact_each(n->store, n->seen, S("incident."), note_incident, &w, err);

	if (rc == RC_OK && w.full)
		log_line(LOG_LEVEL_WARN, "notices", "more than %d incidents were published: those behind are not shown", SUBJECTS_MAX);
	if (rc == RC_OK && (w.fresh || n->list == NULL))
		rc = read_all(n, err);
	if (rc != RC_OK)
		n->seen = had; /* all of it again */
	return rc;
}

/* --- answers --- */

static void put_time(struct buf *b, usec at)
{
	char text[TIME_TEXT_MAX];

	buf_fmt(b, "<time datetime=\"%.19sZ\">%.10s</time>", time_format(at, text).p, text);
}

static void put_notice(struct buf *b, const struct notice *t, bool zh)
{
	const struct pack_form *f = t->form.form;

	buf_fmt(b, "<article id=\"%s\">\n<h2>", t->id);
	page_put(b, zh ? f->term.title.zh : f->term.title.en);
	buf_cstr(b, "</h2>\n<p>");
	put_time(b, t->at);
	buf_cstr(b, " <small>");
	page_put(b, t->pack->id);
	buf_cstr(b, f->source.n > 0 ? ", " : "");
	page_put(b, f->source);
	buf_cstr(b, "</small></p>\n<dl class=\"notice\">\n");
	for (size_t i = 0; i < f->n_fields; i++) {
		const struct form_value *v = &t->form.values[i];

		if (v->text.n == 0)
			continue;
		buf_cstr(b, "<dt>");
		page_put(b, zh ? v->field->term.title.zh : v->field->term.title.en);
		buf_cstr(b, "</dt><dd><bdi>");
		page_put(b, v->text);
		buf_cstr(b, "</bdi></dd>\n");
	}
	buf_fmt(b, "</dl>\n<p><a href=\"/notices/%s?lang=%s\">%s</a></p>\n</article>\n", t->id, zh ? "zh" : "en", zh ? "固定連結" : "Link to this notice");
}

/* `id`: one, or all with "". False: there is no such notice. */
static bool put_page(struct notices *n, struct str id, bool zh, struct http_res *res)
{
	bool found = id.n == 0;

	page_begin(n->name, zh, "/notices", zh ? "重大資通安全事件公告" : "Notices of major incidents", res);
	for (size_t i = 0; i < n->n; i++)
		if (id.n == 0 || str_eq(id, str_of(n->list[i].id))) {
			put_notice(&res->body, &n->list[i], zh);
			found = true;
		}
	if (n->n == 0)
		buf_fmt(&res->body, "<p>%s</p>\n", zh ? "目前無公告。" : "There are none.");
	page_end(res);
	return found;
}

static void put_json(struct notices *n, struct http_res *res)
{
	struct jsonw w;

	jsonw_init(&w, &res->body);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "publisher", n->name);
	jsonw_name(&w, "notices");
	jsonw_array(&w);
	for (size_t i = 0; i < n->n; i++) {
		const struct notice *t = &n->list[i];

		jsonw_object(&w);
		jsonw_m_cstr(&w, "id", t->id);
		jsonw_m_time(&w, "published", t->at);
		jsonw_m_str(&w, "pack", t->pack->id);
		jsonw_m_str(&w, "form", t->form.form->term.id);
		show_words(&w, "title", &t->form.form->term.title);
		jsonw_name(&w, "fields");
		jsonw_array(&w);
		for (size_t k = 0; k < t->form.form->n_fields; k++) {
			jsonw_object(&w);
			jsonw_m_str(&w, "field", t->form.values[k].field->term.id);
			show_words(&w, "title", &t->form.values[k].field->term.title);
			jsonw_m_str(&w, "text", t->form.values[k].text);
			jsonw_object_end(&w);
		}
		jsonw_array_end(&w);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	res->content_type = "application/json";
}

static void fail(struct notices *n, const struct http_req *r, struct http_res *res, int status, const char *en, const char *zh)
{
	buf_cut(&res->body, 0);
	page_begin(n->name, page_is_zh(r), "/notices", page_is_zh(r) ? "重大資通安全事件公告" : "Notices of major incidents", res);
	buf_fmt(&res->body, "<p><strong>%s</strong></p>\n", page_is_zh(r) ? zh : en);
	page_end(res);
	res->status = status;
}

static void answer(struct notices *n, struct http_req *r, struct http_res *res)
{
	struct str id = str_starts(r->path, S("/notices/")) ? str_slice(r->path, 9, r->path.n) : S("");
	struct err err = { 0 };

	if (refresh(n, &err) != RC_OK) {
		log_line(LOG_LEVEL_ERROR, "notices", "a request failed: %s", err.text);
		fail(n, r, res, 503, "It cannot be shown now: try again later", "目前無法顯示，請稍後再試");
	} else if (str_eq(id, S("v1/notices"))) {
		put_json(n, res);
	} else if (!put_page(n, id, page_is_zh(r), res)) {
		fail(n, r, res, 404, "There is no such notice", "查無此公告");
	}
}

void notices_handle(struct notices *n, struct http_req *r, struct http_res *res)
{
	page_headers(res);
	if (!str_eq(r->method, S("GET")) && !str_eq(r->method, S("HEAD"))) {
		fail(n, r, res, 405, "This path does not take that method", "此路徑不接受該方法");
		return;
	}
	if (str_eq(r->path, S("/notices/style.css"))) {
		page_style(res);
		return;
	}
	pthread_mutex_lock(&n->lock);
	answer(n, r, res);
	pthread_mutex_unlock(&n->lock);
}
