/* Little-endian numbers, texts with their length before them. Of a frame that does not end where it says it does
 * nothing is used. */
#include "node/frame.h"

#include "base/rd.h"
#include "stix/marking.h"

#define ID_MAX 255
#define COUNT_MAX (UINT64_C(1) << 40)
#define LABEL_MAX 1024
#define YEAR_0 (-INT64_C(62167219200) * USEC_PER_SEC)
#define YEAR_10000 (INT64_C(253402300800) * USEC_PER_SEC)

static size_t text_max(enum frame_kind kind)
{
	return kind == FRAME_STATUS || kind == FRAME_FOUND || kind == FRAME_QUERY ? FRAME_STATUS_MAX : FRAME_TEXT_MAX;
}

/* --- writing --- */

/* A text that is too long ends before a character of UTF-8. */
static void put_text(struct buf *out, struct str s, size_t most)
{
	if (s.n > most) {
		while (most > 0 && ((unsigned char)s.p[most] & 0xc0) == 0x80)
			most--;
		s.n = most;
	}
	buf_le32(out, (uint32_t)s.n);
	buf_str(out, s);
}

/* A log may say any time; what no date can say would end the connection. */
static void put_time(struct buf *out, usec t)
{
	buf_le64(out, (uint64_t)(t < YEAR_0 ? YEAR_0 : t >= YEAR_10000 ? YEAR_10000 - 1 : t));
}

static void put_hit(struct buf *out, const struct hit *h)
{
	put_text(out, h->indicator, ID_MAX);
	buf_char(out, (char)h->what.kind);
	put_text(out, h->what.value, FRAME_TEXT_MAX);
	put_text(out, h->what.field, LABEL_MAX);
	put_text(out, h->matched, FRAME_TEXT_MAX);
	put_time(out, h->at);
	put_text(out, h->where, LABEL_MAX);
	put_text(out, h->input, LABEL_MAX);
	put_text(out, h->event, FRAME_TEXT_MAX);
	buf_char(out, (char)h->tlp);
	buf_char(out, (char)h->confidence);
	buf_le64(out, h->count);
	put_time(out, h->last);
}

static void put_rule_hit(struct buf *out, const struct rule_hit *h)
{
	uint32_t tags = h->n_tags < FRAME_TAGS_MAX ? h->n_tags : FRAME_TAGS_MAX;
	uint32_t fields = h->n_fields < FRAME_FIELDS_MAX ? h->n_fields : FRAME_FIELDS_MAX;
	uint32_t base = h->n_base < FRAME_BASE_MAX ? h->n_base : FRAME_BASE_MAX;

	put_text(out, h->id, ID_MAX);
	put_text(out, h->title, FRAME_TEXT_MAX);
	put_text(out, h->level, LABEL_MAX);
	put_text(out, h->author, FRAME_TEXT_MAX);
	buf_le32(out, tags);
	for (uint32_t i = 0; i < tags; i++)
		put_text(out, h->tags[i], LABEL_MAX);
	buf_le32(out, fields);
	for (uint32_t i = 0; i < fields; i++) {
		put_text(out, h->fields[i].name, LABEL_MAX);
		put_text(out, h->fields[i].value, FRAME_VALUE_MAX);
	}
	put_time(out, h->at);
	put_text(out, h->where, LABEL_MAX);
	put_text(out, h->input, LABEL_MAX);
	put_text(out, h->event, FRAME_TEXT_MAX);
	buf_char(out, h->correlation ? 1 : 0);
	buf_le32(out, base);
	for (uint32_t i = 0; i < base; i++) {
		put_text(out, h->base[i].id, ID_MAX);
		put_text(out, h->base[i].title, LABEL_MAX);
	}
	put_time(out, h->first);
	buf_le64(out, h->count);
	put_time(out, h->last);
}

static void put_learn(struct buf *out, const struct image_indicator *i)
{
	put_text(out, i->id, ID_MAX);
	put_text(out, i->pattern, FRAME_PATTERN_MAX);
	buf_le64(out, (uint64_t)i->valid_from);
	buf_le64(out, (uint64_t)i->valid_until);
	buf_char(out, (char)i->tlp);
	buf_char(out, (char)i->confidence);
	buf_char(out, i->revoked ? 1 : 0);
}

void frame_put(struct buf *out, const struct frame *f)
{
	size_t head = out->n;
	uint32_t n;

	buf_le32(out, 0);
	buf_char(out, (char)f->kind);
	buf_le32(out, f->number);
	buf_le64(out, (uint64_t)f->value);
	put_text(out, f->key, FRAME_TEXT_MAX);
	put_text(out, f->text, text_max(f->kind));
	put_text(out, f->more, FRAME_TEXT_MAX);
	if (f->kind == FRAME_HIT)
		put_hit(out, &f->hit);
	if (f->kind == FRAME_RULE_HIT)
		put_rule_hit(out, &f->rule_hit);
	if (f->kind == FRAME_LEARN)
		put_learn(out, &f->learn);
	if (out->bad != RC_OK)
		return;
	n = htole32((uint32_t)(out->n - head - 4));
	memcpy(out->p + head, &n, sizeof n);
}

/* --- reading --- */

static struct str get_text(struct rd *r, size_t most)
{
	uint32_t n = rd_le32(r);

	if (n > most)
		r->bad = true;
	return r->bad ? S("") : rd_bytes(r, n);
}

static usec get_time(struct rd *r)
{
	usec t = (usec)rd_le64(r);

	if (t < YEAR_0 || t >= YEAR_10000)
		r->bad = true;
	return t;
}

static uint8_t get_least(struct rd *r, uint8_t beyond)
{
	uint8_t v = rd_u8(r);

	if (v >= beyond)
		r->bad = true;
	return v;
}

/* It is added up. */
static uint64_t get_count(struct rd *r)
{
	uint64_t n = rd_le64(r);

	if (n > COUNT_MAX)
		r->bad = true;
	return n;
}

static void get_hit(struct rd *r, struct hit *h)
{
	h->indicator = get_text(r, ID_MAX);
	h->what.kind = (enum observable_kind)get_least(r, OBS_KINDS + 1); /* OBS_KINDS: a pattern */
	h->what.value = get_text(r, FRAME_TEXT_MAX);
	h->what.field = get_text(r, LABEL_MAX);
	h->matched = get_text(r, FRAME_TEXT_MAX);
	h->at = get_time(r);
	h->where = get_text(r, LABEL_MAX);
	h->input = get_text(r, LABEL_MAX);
	h->event = get_text(r, FRAME_TEXT_MAX);
	h->suppressed = S("");
	h->tlp = get_least(r, TLP_RED + 1);
	h->confidence = rd_u8(r);
	h->count = get_count(r);
	h->last = get_time(r);
}

static enum rc get_tags(struct rd *r, struct arena *a, struct rule_hit *h)
{
	uint32_t n = rd_le32(r);
	struct str *tags;

	if (n > FRAME_TAGS_MAX)
		r->bad = true;
	if (r->bad || n == 0)
		return RC_OK;
	tags = arena_array(a, n, sizeof *tags);
	if (tags == NULL)
		return RC_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		tags[i] = get_text(r, LABEL_MAX);
	h->tags = tags;
	h->n_tags = n;
	return RC_OK;
}

static enum rc get_fields(struct rd *r, struct arena *a, struct rule_hit *h)
{
	uint32_t n = rd_le32(r);
	struct rule_hit_field *fields;

	if (n > FRAME_FIELDS_MAX)
		r->bad = true;
	if (r->bad || n == 0)
		return RC_OK;
	fields = arena_array(a, n, sizeof *fields);
	if (fields == NULL)
		return RC_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		fields[i].name = get_text(r, LABEL_MAX);
		fields[i].value = get_text(r, FRAME_VALUE_MAX);
	}
	h->fields = fields;
	h->n_fields = n;
	return RC_OK;
}

static enum rc get_base(struct rd *r, struct arena *a, struct rule_hit *h)
{
	uint32_t n = rd_le32(r);
	struct rule_hit_base *base;

	if (n > FRAME_BASE_MAX)
		r->bad = true;
	if (r->bad || n == 0)
		return RC_OK;
	base = arena_array(a, n, sizeof *base);
	if (base == NULL)
		return RC_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		base[i].id = get_text(r, ID_MAX);
		base[i].title = get_text(r, LABEL_MAX);
	}
	h->base = base;
	h->n_base = n;
	return RC_OK;
}

static enum rc get_rule_hit(struct rd *r, struct arena *a, struct rule_hit *h)
{
	h->id = get_text(r, ID_MAX);
	h->title = get_text(r, FRAME_TEXT_MAX);
	h->level = get_text(r, LABEL_MAX);
	h->author = get_text(r, FRAME_TEXT_MAX);
	TRY(get_tags(r, a, h));
	TRY(get_fields(r, a, h));
	h->at = get_time(r);
	h->where = get_text(r, LABEL_MAX);
	h->input = get_text(r, LABEL_MAX);
	h->event = get_text(r, FRAME_TEXT_MAX);
	h->correlation = get_least(r, 2) == 1;
	TRY(get_base(r, a, h));
	h->first = get_time(r);
	h->count = get_count(r);
	h->last = get_time(r);
	return RC_OK;
}

/* The times are open ones: INT64_MIN and 0 mean something. */
static void get_learn(struct rd *r, struct image_indicator *i)
{
	i->id = get_text(r, ID_MAX);
	i->pattern = get_text(r, FRAME_PATTERN_MAX);
	i->valid_from = (usec)rd_le64(r);
	i->valid_until = (usec)rd_le64(r);
	i->tlp = get_least(r, TLP_RED + 1);
	i->confidence = rd_u8(r);
	i->revoked = get_least(r, 2) == 1;
}

enum rc frame_get(struct str body, struct arena *a, struct frame *ret, struct err *err)
{
	struct frame f = { 0 };
	enum rc rc = RC_OK;
	struct rd r;

	rd_init(&r, body);
	f.kind = (enum frame_kind)get_least(&r, FRAME_KINDS);
	f.number = rd_le32(&r);
	f.value = (int64_t)rd_le64(&r);
	f.key = get_text(&r, FRAME_TEXT_MAX);
	f.text = get_text(&r, text_max(f.kind));
	f.more = get_text(&r, FRAME_TEXT_MAX);
	if (f.kind == FRAME_HIT)
		get_hit(&r, &f.hit);
	if (f.kind == FRAME_RULE_HIT)
		rc = get_rule_hit(&r, a, &f.rule_hit);
	if (f.kind == FRAME_LEARN)
		get_learn(&r, &f.learn);
	if (rc != RC_OK)
		return FAIL(err, rc, "frame: out of memory");
	if (r.bad || rd_left(&r) != 0 || f.kind < FRAME_HELLO)
		return FAIL(err, RC_BAD, "frame of %zu bytes: byte %zu: not what it should be", body.n, r.pos);
	*ret = f;
	return RC_OK;
}
