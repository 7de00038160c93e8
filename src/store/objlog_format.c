/* Bytes of the log (docs/internals/objlog.md is the normative description).
 * Everything is little-endian and read through the cursor. A frame's mark holds
 * bytes that no JSON text can hold, so a body is never taken for a frame. */
#include "base/hash.h"
#include "base/rd.h"
#include "store/objlog_int.h"

#define SEGMENT_MAGIC "LFOBJSEG"
#define FORMAT_VERSION 1u
#define FORMAT_REWRITTEN 2u /* a segment that was written anew: its head says more */
#define FRAME_MAGIC 0xff464cfeu /* FE 4C 46 FF */

static void put_le16(struct buf *b, uint32_t v)
{
	buf_char(b, (char)(v & 255));
	buf_char(b, (char)(v >> 8 & 255));
}

void objlog_segment_head_write(const struct segment_head *h, struct buf *b)
{
	size_t from = b->n;

	buf_put(b, SEGMENT_MAGIC, 8);
	buf_le32(b, h->chain == 0 ? FORMAT_VERSION : FORMAT_REWRITTEN);
	buf_le32(b, h->number);
	buf_put(b, h->store_id, sizeof h->store_id);
	buf_le64(b, (uint64_t)h->created);
	buf_le64(b, h->objects_before);
	buf_le32(b, h->previous_size);
	buf_le32(b, h->size);
	buf_le32(b, h->chain);
	if (b->bad == RC_OK)
		buf_le32(b, hash_crc32c(0, str_make(b->p + from, b->n - from)));
}

enum rc objlog_segment_head_read(struct str bytes, struct segment_head *ret, struct err *err)
{
	struct segment_head h;
	struct str id;
	struct rd r;
	uint32_t version;

	rd_init(&r, bytes);
	if (bytes.n < SEGMENT_HEAD || !str_eq(rd_bytes(&r, 8), str_make(SEGMENT_MAGIC, 8)))
		return FAIL(err, RC_CORRUPT, "no object log segment");
	version = rd_le32(&r);
	if (version < FORMAT_VERSION || version > FORMAT_REWRITTEN)
		return FAIL(err, RC_UNSUPPORTED, "object log format %u, this program knows %u", version, FORMAT_REWRITTEN);
	h.number = rd_le32(&r);
	id = rd_bytes(&r, sizeof h.store_id);
	memcpy(h.store_id, id.p, sizeof h.store_id);
	h.created = (usec)rd_le64(&r);
	h.objects_before = rd_le64(&r);
	h.previous_size = rd_le32(&r);
	h.size = rd_le32(&r);
	h.chain = rd_le32(&r);
	if (rd_le32(&r) != hash_crc32c(0, str_make(bytes.p, SEGMENT_HEAD - 4)))
		return FAIL(err, RC_CORRUPT, "the segment's head is damaged");
	*ret = h;
	return RC_OK;
}

static void write_store(const struct record *r, uint32_t coll, struct buf *b)
{
	const struct object *o = &r->o;

	buf_char(b, o->spec21 ? 21 : 20);
	buf_char(b, (char)o->tlp);
	buf_char(b, (char)o->flags);
	buf_char(b, (char)o->confidence);
	buf_char(b, (char)(o->digits | (o->odd ? 8u : 0u)));
	put_le16(b, o->type);
	buf_put(b, o->uuid, sizeof o->uuid);
	buf_le64(b, (uint64_t)o->version);
	buf_le32(b, o->len);
	buf_le64(b, r->body_hash);
	buf_le64(b, (uint64_t)r->added0);
	if (coll != 0)
		buf_le64(b, (uint64_t)r->added);
	if (!o->odd)
		return;
	put_le16(b, r->odd->id_n);
	buf_char(b, (char)r->odd->version_n);
	buf_put(b, r->odd->bytes, (size_t)r->odd->id_n + r->odd->version_n);
}

void objlog_record_write(const struct objlog *l, const struct record *r, uint32_t coll, struct buf *b)
{
	buf_char(b, (char)r->kind);
	if (r->kind == REC_STORE || r->kind == REC_EMPTIED) {
		write_store(r, coll, b);
		return;
	}
	if (r->kind == REC_TYPE) {
		put_le16(b, r->number);
		buf_char(b, (char)l->types[r->number].n);
		buf_put(b, l->types[r->number].p, l->types[r->number].n);
		return;
	}
	if (r->kind == REC_CLOSE)
		return;
	buf_le32(b, r->number);
	if (r->kind == REC_REMOVE)
		return;
	buf_char(b, (char)r->tlp);
	buf_char(b, (char)(r->kind == REC_REMARK ? r->flags : r->confidence));
	if (r->kind != REC_CLAIM)
		buf_le64(b, (uint64_t)r->added);
}

static enum rc read_odd(struct rd *rd, struct record *r, struct err *err)
{
	uint16_t id_n = rd_le16(rd), version_n = rd_u8(rd);
	struct str bytes = rd_bytes(rd, (size_t)id_n + version_n);
	struct object parsed;
	bool odd;

	if (rd->bad || id_n > ODD_ID_MAX || version_n > ODD_VERSION_MAX || id_n + version_n == 0)
		return FAIL(err, RC_CORRUPT, "unusual texts out of range");
	if (version_n > 0 && objlog_version_read(str_slice(bytes, id_n, bytes.n), &parsed, &odd, NULL) != RC_OK)
		return FAIL(err, RC_CORRUPT, "version text is no timestamp");
	return objlog_odd_new(str_slice(bytes, 0, id_n), str_slice(bytes, id_n, bytes.n), &r->odd, err);
}

static enum rc read_store(struct rd *rd, uint32_t collection, struct record *r, struct err *err)
{
	struct object *o = &r->o;
	uint8_t spec = rd_u8(rd), tlp = rd_u8(rd), digits;
	struct str uuid;
	uint32_t len;

	o->spec21 = spec == 21;
	o->tlp = tlp & 7u;
	o->flags = rd_u8(rd);
	o->confidence = rd_u8(rd);
	digits = rd_u8(rd);
	o->digits = digits & 7u;
	o->odd = digits >> 3 & 1u;
	r->number = rd_le16(rd);
	o->type = r->number & (TYPES_MAX - 1);
	uuid = rd_bytes(rd, sizeof o->uuid);
	o->version = (int64_t)rd_le64(rd);
	len = rd_le32(rd);
	o->len = len & 0x1ffffffu;
	r->body_hash = rd_le64(rd);
	r->added0 = r->added = (usec)rd_le64(rd);
	if (collection != 0)
		r->added = (usec)rd_le64(rd);
	if (rd->bad)
		return FAIL(err, RC_CORRUPT, "record is cut short");
	memcpy(o->uuid, uuid.p, sizeof o->uuid);
	if ((spec != 20 && spec != 21) || tlp >= TLP_LEVELS || digits > 15 || r->number >= TYPES_MAX || len == 0 ||
	    len > OBJECT_BODY_MAX || (o->version == NO_VERSION) != (o->digits == DIGITS_NONE))
		return FAIL(err, RC_CORRUPT, "object record out of range");
	return o->odd ? read_odd(rd, r, err) : RC_OK;
}

static enum rc read_type(struct rd *rd, struct record *r, struct err *err)
{
	uint8_t n;

	r->number = rd_le16(rd);
	n = rd_u8(rd);
	r->body = rd_bytes(rd, n);
	if (rd->bad || n == 0 || n > TYPE_NAME_MAX || r->number >= TYPES_MAX)
		return FAIL(err, RC_CORRUPT, "type record out of range");
	return RC_OK;
}

enum rc objlog_record_read(struct rd *rd, uint32_t collection, struct record *r, struct err *err)
{
	*r = (struct record){ .kind = rd_u8(rd) };
	if (r->kind < REC_TYPE || r->kind > REC_EMPTIED)
		return FAIL(err, RC_CORRUPT, "record kind %u", r->kind);
	if (r->kind == REC_STORE || r->kind == REC_EMPTIED)
		return read_store(rd, collection, r, err);
	if (r->kind == REC_TYPE)
		return read_type(rd, r, err);
	if (r->kind == REC_CLOSE)
		return RC_OK;
	r->number = rd_le32(rd);
	if (r->kind != REC_REMOVE) {
		r->tlp = rd_u8(rd);
		r->confidence = r->flags = rd_u8(rd);
	}
	if (r->kind == REC_LINK || r->kind == REC_REMARK)
		r->added = (usec)rd_le64(rd);
	if (rd->bad || r->tlp >= TLP_LEVELS)
		return FAIL(err, RC_CORRUPT, "record out of range");
	return RC_OK;
}

static void store_le(unsigned char *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t checksum(struct str head, struct str meta)
{
	return hash_crc32c(hash_crc32c(0, str_slice(head, 8, FRAME_HEAD)), meta);
}

void objlog_frame_head_write(const struct frame *f, struct str meta, unsigned char at[static FRAME_HEAD])
{
	store_le(at, FRAME_MAGIC, 4);
	store_le(at + 8, f->segment, 4);
	store_le(at + 12, f->offset, 4);
	store_le(at + 16, f->synced, 4);
	store_le(at + 20, f->meta, 4);
	store_le(at + 24, f->body, 4);
	store_le(at + 28, f->count, 4);
	store_le(at + 32, f->collection, 4);
	store_le(at + 36, f->source, 4);
	store_le(at + 40, (uint64_t)f->received, 8);
	store_le(at + 4, checksum(str_make((const char *)at, FRAME_HEAD), meta), 4);
}

bool objlog_frame_head_read(struct str bytes, uint32_t segment, uint32_t offset, struct frame *ret)
{
	struct rd r;

	rd_init(&r, bytes);
	if (rd_le32(&r) != FRAME_MAGIC)
		return false;
	rd_skip(&r, 4);
	ret->segment = rd_le32(&r);
	ret->offset = rd_le32(&r);
	ret->synced = rd_le32(&r);
	ret->meta = rd_le32(&r);
	ret->body = rd_le32(&r);
	ret->count = rd_le32(&r);
	ret->collection = rd_le32(&r);
	ret->source = rd_le32(&r);
	ret->received = (usec)rd_le64(&r);
	return !r.bad && ret->segment == segment && ret->offset == offset && ret->synced <= offset &&
	       ret->meta <= FRAME_META_MAX && ret->body <= FRAME_BODY_MAX;
}

bool objlog_frame_good(struct str head, struct str meta)
{
	struct rd r;

	rd_init(&r, head);
	rd_skip(&r, 4);
	return rd_le32(&r) == checksum(head, meta) && !r.bad;
}
