/* Events gather as they will lie: lines one behind the other, columns as varints,
 * keys in a set. Sealing compresses and joins them, and asks nobody for anything.
 *
 * zstd's window spans the whole block: logs repeat whole phrases over long
 * distances. Long-distance matching was measured and costs more than it gives
 * once the lines stand in groups. */
#include "block_int.h"

#include <zstd.h>

#include "base/map.h"
#include "base/mem.h"
#include "detect/block_keys.h"

#define LEVEL 7
#define LEVEL_HURRY 1
#define BITS 13
#define VARINT_MAX 10
#define COLUMN_MAX ((size_t)VARINT_MAX * BLOCK_EVENTS_MOST)

struct source {
	struct str name;
	uint64_t ordinal; /* of its latest event */
	uint8_t format, name_n;
	uint16_t place_n;
	char text[BLOCK_NAME_MAX], place[BLOCK_PLACE_MAX];
};

struct piece { uint32_t n, group; };

struct block_maker {
	struct source *sources; /* BLOCK_SOURCES_MAX places */
	uint32_t n_sources, latest, events;
	struct map *by_name;    /* name and format */
	struct block_keys *keys;
	uint64_t shapes[BLOCK_GROUPS];
	uint32_t n_shapes;
	struct piece *pieces;   /* BLOCK_EVENTS places, as the body */
	struct buf body, column[COLUMNS], joined; /* joined: scratch at sealing */
	usec first, last, before, since;
	uint64_t mark;
	bool hurry;
	ZSTD_CCtx *zstd;
};

static void varint(struct buf *b, uint64_t v)
{
	char *to = buf_room(b, VARINT_MAX);
	size_t n = 0;

	if (to == NULL)
		return;
	while (v >= 0x80) {
		to[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	to[n++] = (char)v;
	buf_grew(b, n);
}

enum rc block_maker_new(struct block_maker **ret, struct err *err)
{
	struct block_maker *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return FAIL(err, RC_NOMEM, "block: out of memory");
	buf_init(&m->body, BLOCK_RAW_MOST);
	buf_init(&m->joined, BLOCK_RAW_MOST);
	for (int i = 0; i < COLUMNS; i++)
		buf_init(&m->column[i], COLUMN_MAX);
	m->sources = mem_array(BLOCK_SOURCES_MAX, sizeof *m->sources);
	m->pieces = mem_array(BLOCK_EVENTS, sizeof *m->pieces);
	m->by_name = map_new(BLOCK_SOURCES_MAX);
	m->zstd = ZSTD_createCCtx();
	if (m->sources == NULL || m->pieces == NULL || m->by_name == NULL || m->zstd == NULL || block_keys_new(&m->keys, err) != RC_OK) {
		block_maker_free(m);
		return FAIL(err, RC_NOMEM, "block: out of memory");
	}
	ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_windowLog, BLOCK_WINDOW_LOG);
	*ret = m;
	return RC_OK;
}

void block_maker_free(struct block_maker *m)
{
	if (m == NULL)
		return;
	buf_done(&m->body);
	buf_done(&m->joined);
	for (int i = 0; i < COLUMNS; i++)
		buf_done(&m->column[i]);
	mem_free(m->sources);
	mem_free(m->pieces);
	map_free(m->by_name);
	block_keys_free(m->keys);
	ZSTD_freeCCtx(m->zstd);
	mem_free(m);
}

void block_maker_freep(struct block_maker **m)
{
	block_maker_free(*m);
}

void block_maker_hurry(struct block_maker *m, bool hurry)
{
	m->hurry = hurry;
	ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, hurry ? LEVEL_HURRY : LEVEL);
}

static bool is_source(const struct source *s, struct str name, enum log_format format)
{
	return s->format == (uint8_t)format && str_eq(s->name, name);
}

static struct str source_key(struct str name, enum log_format format, char out[static BLOCK_NAME_MAX + 1])
{
	memcpy(out, name.p, name.n);
	out[name.n] = (char)format;
	return str_make(out, name.n + 1);
}

static enum rc find_source(struct block_maker *m, struct str name, enum log_format format, uint32_t *ret, struct err *err)
{
	char text[BLOCK_NAME_MAX + 1];
	struct source *s;
	struct str key;
	uint64_t found;

	if (m->latest < m->n_sources && is_source(&m->sources[m->latest], name, format)) {
		*ret = m->latest;
		return RC_OK;
	}
	if (name.n > BLOCK_NAME_MAX)
		return FAIL(err, RC_LIMIT, "block: the name of an input is longer than %d bytes", BLOCK_NAME_MAX);
	key = source_key(name, format, text);
	if (map_get(m->by_name, key, &found)) {
		*ret = m->latest = (uint32_t)found;
		return RC_OK;
	}
	if (m->n_sources == BLOCK_SOURCES_MAX)
		return FAIL(err, RC_BUSY, "block: full of inputs");
	TRY(map_put(m->by_name, key, m->n_sources) == RC_OK ? RC_OK : FAIL(err, RC_NOMEM, "block: out of memory"));
	s = &m->sources[m->n_sources];
	*s = (struct source){ .format = (uint8_t)format, .name_n = (uint8_t)name.n };
	memcpy(s->text, name.p, name.n);
	s->name = str_make(s->text, name.n);
	*ret = m->latest = m->n_sources++;
	return RC_OK;
}

bool block_maker_full(const struct block_maker *m)
{
	return m->events >= BLOCK_EVENTS || m->body.n >= BLOCK_RAW || block_keys_count(m->keys) >= BLOCK_KEYS;
}

static uint32_t group_of(struct block_maker *m, uint64_t shape)
{
	for (uint32_t i = 0; i < m->n_shapes; i++)
		if (m->shapes[i] == shape)
			return i;
	if (m->n_shapes == BLOCK_GROUPS - 1)
		return BLOCK_GROUPS - 1;
	m->shapes[m->n_shapes] = shape;
	return m->n_shapes++;
}

/* All or nothing: what was appended before a failure is cut off again. */
static enum rc append(struct block_maker *m, const struct block_event *e, uint32_t source, uint32_t group, struct err *err)
{
	struct source *s = &m->sources[source];
	size_t body_n = m->body.n, column_n[COLUMNS];
	enum rc bad;

	for (int i = 0; i < COLUMNS; i++)
		column_n[i] = m->column[i].n;
	buf_str(&m->body, e->line);
	varint(&m->column[COLUMN_TIME], block_zigzag((int64_t)((uint64_t)e->time - (uint64_t)m->before)));
	varint(&m->column[COLUMN_LENGTH], e->line.n);
	varint(&m->column[COLUMN_SOURCE], source);
	varint(&m->column[COLUMN_ORDINAL], block_zigzag((int64_t)(e->ordinal - s->ordinal)));
	varint(&m->column[COLUMN_GROUP], group);
	bad = m->body.bad;
	for (int i = 0; i < COLUMNS && bad == RC_OK; i++)
		bad = m->column[i].bad;
	if (bad == RC_OK) {
		s->ordinal = e->ordinal;
		m->before = e->time;
		m->pieces[m->events] = (struct piece){ (uint32_t)e->line.n, group };
		return RC_OK;
	}
	buf_cut(&m->body, body_n);
	m->body.bad = RC_OK;
	for (int i = 0; i < COLUMNS; i++) {
		buf_cut(&m->column[i], column_n[i]);
		m->column[i].bad = RC_OK;
	}
	return FAIL(err, bad, "block: no room for one more event");
}

enum rc block_maker_add(struct block_maker *m, const struct block_event *e, struct flat *f, struct err *err)
{
	uint64_t shape = 0;
	uint32_t source = 0;

	if (e->line.n > BLOCK_LINE_MAX)
		return FAIL(err, RC_LIMIT, "block: an event of %zu bytes", e->line.n);
	if (block_maker_full(m) || (m->events > 0 && m->body.n + e->line.n > BLOCK_RAW))
		return FAIL(err, RC_BUSY, "block: full");
	TRY(find_source(m, e->source, e->format, &source, err));
	/* Keys first: a key too many is harmless, a line without its keys would never be found. */
	TRY(block_keys_add(m->keys, e->line, e->format, f, e->known, &shape, err));
	TRY(append(m, e, source, group_of(m, shape), err));
	if (m->events++ == 0) {
		m->first = m->last = e->time;
		m->since = time_mono();
	}
	m->first = e->time < m->first ? e->time : m->first;
	m->last = e->time > m->last ? e->time : m->last;
	return RC_OK;
}

enum rc block_maker_place(struct block_maker *m, struct str name, struct str place, struct err *err)
{
	uint32_t at = 0;

	if (place.n > BLOCK_PLACE_MAX)
		return FAIL(err, RC_LIMIT, "block: the place in an input is longer than %d bytes", BLOCK_PLACE_MAX);
	while (at < m->n_sources && !str_eq(m->sources[at].name, name))
		at++;
	if (at == m->n_sources)
		TRY(find_source(m, name, LOG_UNKNOWN, &at, err));
	memcpy(m->sources[at].place, place.p, place.n);
	m->sources[at].place_n = (uint16_t)place.n;
	return RC_OK;
}

bool block_maker_known(const struct block_maker *m, struct str name, struct str *ret_place)
{
	for (uint32_t i = 0; i < m->n_sources; i++) {
		const struct source *s = &m->sources[i];

		if (s->place_n > 0 && str_eq(s->name, name)) {
			*ret_place = str_make(s->place, s->place_n);
			return true;
		}
	}
	return false;
}

void block_maker_mark(struct block_maker *m, uint64_t mark)
{
	m->mark = mark;
}

uint32_t block_maker_events(const struct block_maker *m)
{
	return m->events;
}

usec block_maker_since(const struct block_maker *m)
{
	return m->events == 0 ? 0 : m->since;
}

/* --- sealing --- */

void block_maker_empty(struct block_maker *m)
{
	for (uint32_t i = 0; i < m->n_sources; i++) {
		char text[BLOCK_NAME_MAX + 1];

		(void)map_del(m->by_name, source_key(m->sources[i].name, (enum log_format)m->sources[i].format, text));
	}
	m->n_sources = m->latest = m->events = m->n_shapes = 0;
	m->before = 0;
	m->mark = 0;
	block_keys_clear(m->keys);
	buf_clear(&m->body);
	for (int i = 0; i < COLUMNS; i++)
		buf_clear(&m->column[i]);
}

static void put_sources(const struct block_maker *m, struct buf *out)
{
	for (uint32_t i = 0; i < m->n_sources; i++) {
		const struct source *s = &m->sources[i];

		buf_char(out, (char)s->name_n);
		buf_str(out, s->name);
		buf_char(out, (char)s->format);
		block_put_place_n(out, s->place_n);
		buf_put(out, s->place, s->place_n);
	}
}

static enum rc put_filter(const struct block_maker *m, unsigned bits, struct buf *out, struct err *err)
{
	size_t n = block_keys_count(m->keys);
	uint64_t *list = mem_array(n + 1, sizeof *list);
	enum rc rc;

	if (list == NULL)
		return FAIL(err, RC_NOMEM, "block: out of memory");
	block_keys_list(m->keys, list);
	rc = fuse_build(list, n, bits == 0 ? BITS : bits, m->hurry, out, err);
	mem_free(list);
	return rc;
}

/* The lines, group by group, in each as they came. */
static enum rc join_groups(struct block_maker *m, struct err *err)
{
	size_t start[BLOCK_GROUPS + 1] = { 0 }, at = 0;
	char *room;

	buf_clear(&m->joined);
	room = buf_room(&m->joined, m->body.n);
	if (room == NULL)
		return buf_check(&m->joined, err, "block");
	for (uint32_t i = 0; i < m->events; i++)
		start[m->pieces[i].group + 1] += m->pieces[i].n;
	for (int i = 1; i <= BLOCK_GROUPS; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 0; i < m->events; i++) {
		const struct piece *p = &m->pieces[i];

		memcpy(room + start[p->group], m->body.p + at, p->n);
		start[p->group] += p->n;
		at += p->n;
	}
	buf_grew(&m->joined, m->body.n);
	return RC_OK;
}

static enum rc put_compressed(struct block_maker *m, const struct buf *b, struct buf *out, struct err *err)
{
	struct str bytes = buf_view(b);
	size_t most = ZSTD_compressBound(bytes.n), got;
	char *room = buf_room(out, most);

	TRY(buf_check(b, err, "block"));
	if (room == NULL)
		return buf_check(out, err, "block");
	got = ZSTD_compress2(m->zstd, room, most, bytes.p, bytes.n);
	if (ZSTD_isError(got))
		return FAIL(err, RC_NOMEM, "block: %s", ZSTD_getErrorName(got));
	buf_grew(out, got);
	return RC_OK;
}

static enum rc put_parts(struct block_maker *m, unsigned bits, struct buf *out, struct block_head *h, struct err *err)
{
	size_t at = out->n;

	buf_clear(&m->joined);
	put_sources(m, out);
	h->sources_n = (uint32_t)(out->n - at);
	at = out->n;
	TRY(put_filter(m, bits, out, err));
	h->filter_n = (uint32_t)(out->n - at);
	at = out->n;
	for (int i = 0; i < COLUMNS; i++) {
		buf_le32(&m->joined, (uint32_t)m->column[i].n);
		buf_str(&m->joined, buf_view(&m->column[i]));
	}
	TRY(put_compressed(m, &m->joined, out, err));
	h->columns_n = (uint32_t)(out->n - at);
	h->columns_raw = (uint32_t)m->joined.n;
	at = out->n;
	TRY(join_groups(m, err));
	TRY(put_compressed(m, &m->joined, out, err));
	h->body_n = (uint32_t)(out->n - at);
	return buf_check(out, err, "block");
}

static void put_head(const struct block_head *h, struct buf *out)
{
	buf_le32(out, BLOCK_MAGIC);
	buf_le32(out, h->events);
	buf_le32(out, h->keys);
	buf_le32(out, h->sources);
	buf_le64(out, h->id);
	buf_le64(out, (uint64_t)h->first);
	buf_le64(out, (uint64_t)h->last);
	buf_le64(out, (uint64_t)h->sealed);
	buf_le64(out, h->raw);
	buf_le32(out, h->sources_n);
	buf_le32(out, h->filter_n);
	buf_le32(out, h->columns_n);
	buf_le32(out, h->columns_raw);
	buf_le32(out, h->body_n);
	buf_le32(out, 0);
	buf_le64(out, h->mark);
	buf_le64(out, 0); /* checksum */
}

static enum rc seal(struct block_maker *m, usec now, unsigned bits, struct buf *out, struct err *err)
{
	struct block_head h = { .events = m->events, .keys = (uint32_t)block_keys_count(m->keys), .sources = m->n_sources, .first = m->first,
				.last = m->last, .sealed = now, .raw = m->body.n, .mark = m->mark };
	size_t from = out->n;
	struct buf head;
	uint64_t check;

	put_head(&h, out); /* its room */
	TRY(put_parts(m, bits, out, &h, err));
	if (out->n - from > BLOCK_BYTES_MAX || block_index_n(&h) > BLOCK_INDEX_MOST)
		return FAIL(err, RC_LIMIT, "block: %zu bytes", out->n - from);
	h.id = hash_stable(str_slice(buf_view(out), from + BLOCK_HEAD, out->n));
	buf_init(&head, BLOCK_HEAD);
	put_head(&h, &head);
	if (head.bad == RC_OK)
		memcpy(out->p + from, head.p, BLOCK_HEAD);
	TRY(buf_check(&head, err, "block"));
	buf_done(&head);
	check = block_check(str_slice(buf_view(out), from, out->n), (size_t)h.sources_n + h.filter_n);
	for (int i = 0; i < 8; i++)
		out->p[from + BLOCK_CHECK_AT + (size_t)i] = (char)(check >> (8 * i));
	return RC_OK;
}

enum rc block_maker_seal(struct block_maker *m, usec now, unsigned bits, struct buf *out, struct err *err)
{
	size_t from = out->n;
	enum rc rc = seal(m, now, bits, out, err);

	if (rc == RC_OK)
		block_maker_empty(m);
	else
		buf_cut(out, from);
	return rc;
}
