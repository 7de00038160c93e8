/* Names of fields and their ids, kept from line to line. */
#include "wire/line_int.h"

/* The first and the last eight bytes; shorter names are told by them and their length. */
static inline void ends(struct str s, uint64_t *head, uint64_t *tail)
{
	uint32_t a, b;

	*tail = 0;
	if (s.n >= 8) {
		memcpy(head, s.p, 8);
		memcpy(tail, s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		memcpy(&a, s.p, 4);
		memcpy(&b, s.p + s.n - 4, 4);
		*head = a | (uint64_t)b << 32;
	} else {
		*head = (unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8 | (uint64_t)(unsigned char)s.p[s.n - 1] << 16;
	}
}

static inline size_t slot_of(uint64_t head, uint64_t tail, size_t n, size_t slots)
{
	uint64_t h = (head ^ tail << 1 ^ n) * UINT64_C(0x9E3779B97F4A7C15);

	return (size_t)(h >> 40) & (slots - 1);
}

static inline bool same(const struct line_seen *s, struct str name, uint64_t head, uint64_t tail)
{
	return s->n == name.n && s->head == head && s->tail == tail && (name.n <= 16 || memcmp(s->name, name.p, name.n) == 0);
}

static void keep(const struct log_lines *l, struct line_seen *s, struct str name, uint64_t head, uint64_t tail)
{
	s->head = head;
	s->tail = tail;
	s->n = (uint16_t)name.n;
	s->id = fields_find(l->dict, 0, name, &(fields_node){ 0 });
	memcpy(s->name, name.p, name.n);
}

uint16_t line_field(struct log_lines *l, struct str name)
{
	uint64_t head, tail;
	struct line_seen *s;

	if (UNLIKELY(name.n == 0 || name.n > LINE_NAME_KEPT))
		return fields_find(l->dict, 0, name, &(fields_node){ 0 });
	ends(name, &head, &tail);
	s = &l->seen[slot_of(head, tail, name.n, LINE_SEEN)];
	if (UNLIKELY(!same(s, name, head, tail)))
		keep(l, s, name, head, tail);
	return s->id;
}

bool line_join(struct log_lines *l, struct str a, struct str b, struct str *ret, uint16_t *ret_id)
{
	char name[LINE_NAME_KEPT];
	struct str whole = { name, a.n + 1 + b.n };
	uint64_t head, tail;
	struct line_seen *s;

	if (whole.n > LINE_NAME_KEPT)
		return false;
	memcpy(name, a.p, a.n);
	name[a.n] = '.';
	memcpy(name + a.n + 1, b.p, b.n);
	ends(whole, &head, &tail);
	s = &l->joined[slot_of(head, tail, whole.n, LINE_JOINED)];
	if (s->n == 0)
		keep(l, s, whole, head, tail);
	else if (!same(s, whole, head, tail))
		return false;
	*ret = str_make(s->name, s->n);
	*ret_id = s->id;
	return true;
}
