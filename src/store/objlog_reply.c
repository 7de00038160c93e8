/* A page in one block of memory: hold, entries, runs, texts, bodies. Bodies that
 * lie close to one another on disk come with one read, those that lie alone from
 * memory when they were read lately; those that touch, with the comma that is
 * there already, are one run. */
#include "base/mem.h"
#include "store/objlog_int.h"

#define GAP_MAX 2048u /* bytes read in vain cost less than another system call */

static void release(struct page_hold *h)
{
	mem_free(h);
}

static uint64_t hit_end(const struct hit *h)
{
	return h->o.pos + h->o.len;
}

/* How many hits from `i` on one read brings, and its bytes. */
static uint32_t span(const struct hits *hits, uint32_t i, size_t *ret_bytes)
{
	uint64_t from = hits->p[i].o.pos, end = hit_end(&hits->p[i]);
	uint32_t n = 1;

	for (; i + n < hits->n; n++) {
		const struct hit *next = &hits->p[i + n];

		if (next->o.pos < end || next->o.pos - end > GAP_MAX || next->o.pos >> 32 != from >> 32)
			break;
		end = hit_end(next);
	}
	*ret_bytes = (size_t)(end - from);
	return n;
}

static size_t text_bound(const struct objlog *l, const struct hit *h)
{
	return h->odd != NULL ? (size_t)l->types[h->o.type].n + 38 + ODD_ID_MAX + VERSION_TEXT_MAX :
				(size_t)l->types[h->o.type].n + 38 + TIME_TEXT_MAX;
}

static size_t page_bytes(const struct objlog *l, const struct hits *hits, bool bodies)
{
	size_t n = sizeof(struct page_hold) + hits->n * (sizeof(struct page_entry) + sizeof(struct str)), bytes;

	for (uint32_t i = 0; i < hits->n; i++)
		n += text_bound(l, &hits->p[i]);
	for (uint32_t i = 0; bodies && i < hits->n; n += bytes)
		i += span(hits, i, &bytes);
	return n;
}

static char *fill_entry(const struct objlog *l, const struct hit *h, struct page_entry *e, char *text)
{
	const struct type_name *t = &l->types[h->o.type];

	e->type = str_make(t->p, t->n);
	e->id = str_make(text, objlog_id_write(&h->o, e->type, h->odd, text));
	text += e->id.n;
	e->version = str_make(text, objlog_version_write(&h->o, h->odd, text));
	text += e->version.n;
	e->body = str_make(NULL, 0);
	e->added = h->added;
	e->source = h->o.source;
	e->spec = h->o.spec21 ? 21 : 20;
	e->tlp = (uint8_t)h->o.tlp;
	e->flags = h->o.flags;
	e->confidence = h->o.confidence;
	return text;
}

static enum rc fill_bodies(struct objlog *l, const struct hits *hits, struct page *p, char *to, struct err *err)
{
	for (uint32_t i = 0; i < hits->n;) {
		uint64_t from = hits->p[i].o.pos;
		size_t bytes;
		uint32_t end = i + span(hits, i, &bytes), first = i;

		TRY(end == first + 1 ? objlog_read_alone(l, from, hits->p[i].o.len, to, err) : objlog_read(l, from, to, bytes, err));
		for (; i < end; i++) {
			const struct hit *h = &hits->p[i];
			struct str body = str_make(to + (h->o.pos - from), h->o.len);

			p->entries[i].body = body;
			if (i > first && h->o.pos == hit_end(h - 1) + 1)
				p->runs[p->n_runs - 1].n += 1 + body.n;
			else
				p->runs[p->n_runs++] = body;
		}
		to += bytes;
	}
	return RC_OK;
}

enum rc objlog_reply(struct objlog *l, const struct hits *hits, bool bodies, struct page *ret, struct err *err)
{
	struct page p = { .n = hits->n, .more = hits->more };
	struct page_hold *hold;
	char *text;
	enum rc rc;

	*ret = p;
	if (hits->n == 0)
		return RC_OK;
	p.last = hits->p[hits->n - 1].added;
	/* Not cleared: all that is handed out is written below. */
	hold = mem_resize(NULL, page_bytes(l, hits, bodies));
	if (hold == NULL)
		return FAIL(err, RC_NOMEM, "object log: no memory for a page");
	hold->release = release;
	p.hold_ = hold;
	p.entries = (struct page_entry *)(void *)(hold + 1);
	p.runs = (struct str *)(void *)(p.entries + hits->n);
	text = (char *)(p.runs + hits->n);
	for (uint32_t i = 0; i < hits->n; i++)
		text = fill_entry(l, &hits->p[i], &p.entries[i], text);
	rc = bodies ? fill_bodies(l, hits, &p, text, err) : RC_OK;
	if (rc != RC_OK) {
		mem_free(hold);
		return rc;
	}
	*ret = p;
	return RC_OK;
}
