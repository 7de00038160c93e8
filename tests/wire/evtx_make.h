/* Small event logs for the tests: binary XML is written token by token into one
 * chunk after the other. Places are the chunk's own, so a name that is new is
 * written where it is used and found again by its place. */
#ifndef TESTS_EVTX_MAKE_H
#define TESTS_EVTX_MAKE_H

#include <zlib.h>

#include "base/buf.h"

#define MAKE_NAMES 64

struct evtx_make {
	struct buf file;
	size_t chunk, record, size_at; /* places in the file */
	uint64_t id;
	uint32_t templates;
	struct {
		const char *name;
		uint32_t place;
	} names[MAKE_NAMES];
	size_t n_names;
};

static inline uint32_t make_sum(uint32_t before, struct str bytes)
{
	return (uint32_t)crc32_z(before, (const unsigned char *)bytes.p, bytes.n);
}

static inline void make_int(struct evtx_make *m, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8)
		buf_char(&m->file, (char)(v & 0xff));
}

static inline void make_set(struct evtx_make *m, size_t at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8)
		m->file.p[at + i] = (char)(v & 0xff);
}

static inline uint32_t make_place(const struct evtx_make *m)
{
	return (uint32_t)(m->file.n - m->chunk);
}

static inline void make_utf16(struct evtx_make *m, const char *ascii)
{
	for (; *ascii != '\0'; ascii++)
		make_int(m, (unsigned char)*ascii, 2);
}

static inline void make_pad(struct evtx_make *m, size_t to)
{
	while (m->file.n < to && m->file.bad == RC_OK)
		buf_char(&m->file, '\0');
}

static inline void make_chunk(struct evtx_make *m)
{
	m->chunk = m->file.n;
	m->n_names = 0;
	buf_put(&m->file, "ElfChnk\0", 8);
	make_pad(m, m->chunk + 40);
	make_int(m, 128, 4);
	make_pad(m, m->chunk + 512);
}

static inline void make_open(struct evtx_make *m)
{
	*m = (struct evtx_make){ 0 };
	buf_init(&m->file, (size_t)1 << 24);
	buf_put(&m->file, "ElfFile\0", 8);
	make_pad(m, 40);
	make_int(m, 4096, 2);
	make_pad(m, 4096);
	make_set(m, 124, make_sum(0, str_make(m->file.p, 120)), 4);
	make_chunk(m);
}

static inline void make_chunk_end(struct evtx_make *m)
{
	size_t end = make_place(m);
	uint32_t head;

	make_set(m, m->chunk + 48, end, 4);
	make_set(m, m->chunk + 52, make_sum(0, str_make(m->file.p + m->chunk + 512, end - 512)), 4);
	head = make_sum(0, str_make(m->file.p + m->chunk, 120));
	make_set(m, m->chunk + 124, make_sum(head, str_make(m->file.p + m->chunk + 128, 384)), 4);
	make_pad(m, m->chunk + 65536);
}

static inline void make_record(struct evtx_make *m)
{
	m->record = m->file.n;
	buf_put(&m->file, "**\0\0", 4);
	make_int(m, 0, 4);
	make_int(m, ++m->id, 8);
	make_int(m, UINT64_C(132539328000000000) + m->id * 10000000, 8); /* 2021-01-01T00:00:00Z and a second each */
	buf_put(&m->file, "\x0f\x01\x01\x00", 4);
}

static inline void make_record_end(struct evtx_make *m)
{
	size_t size = (m->file.n - m->record + 4 + 7) / 8 * 8;

	make_pad(m, m->record + size - 4);
	make_int(m, size, 4);
	make_set(m, m->record + 4, size, 4);
}

static inline void make_name(struct evtx_make *m, const char *name)
{
	for (size_t i = 0; i < m->n_names; i++)
		if (strcmp(m->names[i].name, name) == 0) {
			make_int(m, m->names[i].place, 4);
			return;
		}
	make_int(m, make_place(m) + 4, 4);
	if (m->n_names < MAKE_NAMES) {
		m->names[m->n_names].name = name;
		m->names[m->n_names++].place = make_place(m);
	}
	make_int(m, 0, 4);
	make_int(m, 0, 2);
	make_int(m, strlen(name), 2);
	make_utf16(m, name);
	make_int(m, 0, 2);
}

/* <name; with attributes to follow or not; `dependency`: as in templates. */
static inline void make_element(struct evtx_make *m, const char *name, bool attributes, bool dependency)
{
	make_int(m, attributes ? 0x41 : 0x01, 1);
	if (dependency)
		make_int(m, 0xffff, 2);
	make_int(m, 0, 4);
	make_name(m, name);
	if (attributes)
		make_int(m, 0, 4);
}

static inline void make_text(struct evtx_make *m, const char *text)
{
	make_int(m, 0x0105, 2);
	make_int(m, strlen(text), 2);
	make_utf16(m, text);
}

static inline void make_attribute(struct evtx_make *m, const char *name)
{
	make_int(m, 0x06, 1);
	make_name(m, name);
}

static inline void make_substitution(struct evtx_make *m, unsigned number, unsigned type)
{
	make_int(m, 0x0e, 1);
	make_int(m, number, 2);
	make_int(m, type, 1);
}

/* Behind a start: '>' or '/>'; '</>' behind content. */
static inline void make_start_end(struct evtx_make *m)
{
	make_int(m, 0x02, 1);
}

static inline void make_empty(struct evtx_make *m)
{
	make_int(m, 0x03, 1);
}

static inline void make_end(struct evtx_make *m)
{
	make_int(m, 0x04, 1);
}

/* <name>%number</name> */
static inline void make_leaf(struct evtx_make *m, const char *name, unsigned number)
{
	make_element(m, name, false, true);
	make_start_end(m);
	make_substitution(m, number, 1);
	make_end(m);
}

/* An instance whose template is defined here: its content follows, then make_template_end. The place of the definition. */
static inline uint32_t make_template(struct evtx_make *m)
{
	uint32_t place;

	make_int(m, 0x010c, 2);
	make_int(m, ++m->templates, 4);
	place = make_place(m) + 4;
	make_int(m, place, 4);
	make_int(m, 0, 4);
	for (int i = 0; i < 16; i++)
		make_int(m, m->templates, 1);
	m->size_at = m->file.n;
	make_int(m, 0, 4);
	buf_put(&m->file, "\x0f\x01\x01\x00", 4);
	return place;
}

static inline void make_template_end(struct evtx_make *m)
{
	make_int(m, 0, 1);
	make_set(m, m->size_at, m->file.n - m->size_at - 4, 4);
}

/* Another instance of the template at `place`. */
static inline void make_instance(struct evtx_make *m, uint32_t place)
{
	make_int(m, 0x010c, 2);
	make_int(m, 1, 4);
	make_int(m, place, 4);
}

struct make_value {
	unsigned type;
	struct str bytes;
};

static inline void make_values(struct evtx_make *m, const struct make_value *v, size_t n)
{
	make_int(m, n, 4);
	for (size_t i = 0; i < n; i++) {
		make_int(m, v[i].bytes.n, 2);
		make_int(m, v[i].type, 2);
	}
	for (size_t i = 0; i < n; i++)
		buf_str(&m->file, v[i].bytes);
}

#endif
