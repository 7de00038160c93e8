/* Facts of Windows programs: headers, sections, imports and their hash, exports, the Rich header, version texts, debug paths. */
#include "lab/make.h"
#include "lab/pe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/rd.h"
#include "base/text.h"

#define LIBRARIES_MAX 1024
#define FUNCTIONS_MAX 16384  /* of one file, into its hash */
#define SHOWN_MAX 512        /* names of each sort that become facts */
#define NAME_BYTES 512
#define IMPORT_BYTES ((size_t)4 << 20)
#define DESCRIPTOR_BYTES 20
#define RESOURCE_DEPTH 3
#define RESOURCES_MAX 4096
#define TEXT_CHARS 512      /* of a version text */
#define RT_VERSION 16u
#define SUBDIRECTORY 0x80000000u

static void put_hex(struct lab_node *n, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "0x%llx", (unsigned long long)v);
	lab_fact(n, name, str_of(text));
}

/* --- sections --- */

double lab_entropy(struct str s)
{
	uint32_t count[256] = { 0 };
	double sum = 0;

	if (s.n == 0)
		return 0;
	for (size_t i = 0; i < s.n; i++)
		count[(unsigned char)s.p[i]]++;
	for (size_t i = 0; i < 256; i++) {
		double share = (double)count[i] / (double)s.n;

		if (count[i] > 0)
			sum -= share * log2(share);
	}
	return sum;
}

static void say_sections(struct lab_node *n, const struct pe *p)
{
	bool entered = p->entry == 0;

	for (size_t i = 0; i < p->n_sections; i++) {
		const struct pe_section *s = &p->section[i];
		struct str raw = str_part(p->bytes, s->at, s->size);
		char text[120];

		snprintf(text, sizeof text, "%.*s address 0x%x size %u entropy %.2f%s%s%s", (int)s->name.n, s->name.p, s->address, s->size, lab_entropy(raw),
			 s->flags & 0x20000000u ? " execute" : "", s->flags & 0x40000000u ? " read" : "", s->flags & 0x80000000u ? " write" : "");
		lab_fact(n, "pe.section", str_of(text));
		if ((s->flags & 0xa0000000u) == 0xa0000000u)
			lab_feature(n, LAB_NOTE, "pe.section-writes-code", s->at, raw.n, "a section that may be both written and executed");
		if (raw.n < s->size)
			lab_feature(n, LAB_NOTE, "pe.section-cut", s->at, raw.n, "a section ends behind the file's end");
		entered |= p->entry >= s->address && p->entry - s->address < (s->size_in_memory > s->size ? s->size_in_memory : s->size);
	}
	if (!entered)
		lab_feature(n, LAB_NOTE, "pe.entry-outside", p->optional + 16, 4, "the program begins outside of all sections");
}

/* --- imports --- */

struct imports {
	struct lab_node *n;
	const struct pe *p;
	struct buf all;    /* "kernel32.createfilea,..." in lower case: what the hash is made of */
	size_t functions, shown;
};

static void put_lower(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, ascii_to_lower(s.p[i]));
}

/* The name by which the hash knows a library: without .dll, .ocx or .sys. */
static struct str stem(struct str name)
{
	static const struct str ends[] = { { ".dll", 4 }, { ".ocx", 4 }, { ".sys", 4 } };

	for (size_t i = 0; i < COUNTOF(ends); i++) {
		if (name.n > 4 && str_eq_nocase((struct str){ name.p + name.n - 4, 4 }, ends[i]))
			return (struct str){ name.p, name.n - 4 };
	}
	return name;
}

static void add_function(struct imports *m, struct str library, struct str lower_stem, uint64_t thunk)
{
	bool by_number = thunk >> (m->p->plus ? 63 : 31) != 0;
	char number[16];
	const char *known;
	struct str function;

	if (by_number) {
		known = pe_ordinal_name(lower_stem, (uint16_t)thunk);
		snprintf(number, sizeof number, "ord%u", (unsigned)(thunk & 0xffff));
		function = str_of(known != NULL ? known : number);
	} else {
		function = pe_text(m->p, (uint32_t)thunk + 2, NAME_BYTES);
	}
	if (function.n == 0)
		return;
	if (m->all.n > 0)
		buf_char(&m->all, ',');
	buf_str(&m->all, lower_stem);
	buf_char(&m->all, '.');
	put_lower(&m->all, function);
	m->functions++;
	if (m->shown++ < SHOWN_MAX) {
		char text[2 * NAME_BYTES + 2];

		snprintf(text, sizeof text, "%.*s!%.*s", (int)library.n, library.p, (int)function.n, function.p);
		lab_fact(m->n, "pe.import", str_of(text));
	}
}

static void add_library(struct imports *m, struct str row)
{
	uint32_t names = str_le32(row, 0), addresses = str_le32(row, 16);
	struct str library = pe_text(m->p, str_le32(row, 12), NAME_BYTES), thunks = pe_at(m->p, names != 0 ? names : addresses);
	size_t width = m->p->plus ? 8 : 4;
	char lower[NAME_BYTES];
	struct str cut = stem(library);

	if (thunks.n < width && names != 0)
		thunks = pe_at(m->p, addresses);
	for (size_t i = 0; i < cut.n; i++)
		lower[i] = ascii_to_lower(cut.p[i]);
	for (size_t at = 0; at + width <= thunks.n && m->functions < FUNCTIONS_MAX && !lab_over(m->n); at += width) {
		uint64_t thunk = m->p->plus ? str_le64(thunks, at) : str_le32(thunks, at);

		if (thunk == 0)
			return;
		add_function(m, library, (struct str){ lower, cut.n }, thunk);
	}
}

static void say_imports(struct lab_node *n, const struct pe *p)
{
	struct str table = pe_at(p, p->directory[PE_IMPORT].address);
	struct imports m = { .n = n, .p = p };
	unsigned char md5[MD5_LEN];

	if (p->directory[PE_IMPORT].address == 0)
		return;
	buf_init(&m.all, IMPORT_BYTES);
	for (size_t i = 0; i < LIBRARIES_MAX && (i + 1) * DESCRIPTOR_BYTES <= table.n; i++) {
		struct str row = { table.p + i * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES };

		if (str_le32(row, 12) == 0 || pe_text(p, str_le32(row, 12), NAME_BYTES).n == 0)
			break;
		add_library(&m, row);
	}
	lab_fact_u64(n, "pe.imports", m.functions);
	if (m.functions > 0 && buf_check(&m.all, NULL, "imports") == RC_OK) {
		hash_md5(buf_view(&m.all), md5);
		lab_fact_hex(n, "pe.imphash", (struct str){ (char *)md5, sizeof md5 });
	}
	buf_done(&m.all);
}

/* --- exports --- */

static void say_exports(struct lab_node *n, const struct pe *p)
{
	struct str d = pe_at(p, p->directory[PE_EXPORT].address), names;
	uint32_t count = str_le32(d, 24);
	struct str own;

	if (p->directory[PE_EXPORT].address == 0 || d.n < 40)
		return;
	own = pe_text(p, str_le32(d, 12), NAME_BYTES);
	if (own.n > 0)
		lab_fact(n, "pe.dll-name", own);
	lab_fact_u64(n, "pe.exports", str_le32(d, 20));
	names = pe_at(p, str_le32(d, 32));
	for (size_t i = 0; i < count && i < SHOWN_MAX && (i + 1) * 4 <= names.n; i++) {
		struct str name = pe_text(p, str_le32(names, i * 4), NAME_BYTES);

		if (name.n > 0)
			lab_fact(n, "pe.export", name);
	}
}

/* --- the Rich header: which tools built it, under a key that is its own checksum --- */

static void say_rich(struct lab_node *n, const struct pe *p)
{
	struct str dos = { p->bytes.p, p->head };
	struct buf clear;
	uint32_t key = 0;
	size_t end = 0, begin;
	unsigned char md5[MD5_LEN];

	for (size_t at = 0x80; at + 8 <= dos.n && end == 0; at += 4) {
		if (memcmp(dos.p + at, "Rich", 4) == 0) {
			end = at;
			key = str_le32(dos, at + 4);
		}
	}
	if (end == 0)
		return;
	for (begin = end; begin >= 0x44 && (str_le32(dos, begin - 4) ^ key) != 0x536e6144u /* "DanS" */; begin -= 4)
		;
	if (begin < 0x44) {
		lab_feature(n, LAB_NOTE, "pe.rich-damaged", end, 8, "a Rich header without its beginning");
		return;
	}
	begin -= 4;
	buf_init(&clear, 4096);
	for (size_t at = begin; at < end; at += 4)
		buf_le32(&clear, str_le32(dos, at) ^ key);
	if (buf_check(&clear, NULL, "Rich header") == RC_OK) {
		hash_md5(buf_view(&clear), md5);
		lab_fact_hex(n, "pe.rich", (struct str){ (char *)md5, sizeof md5 });
		for (size_t at = 16; at + 8 <= clear.n && at < 16 + 8 * 64; at += 8) {
			uint32_t id = str_le32(buf_view(&clear), at);
			char text[64];

			snprintf(text, sizeof text, "product %u build %u count %u", id >> 16, id & 0xffff, str_le32(buf_view(&clear), at + 4));
			lab_fact(n, "pe.rich.tool", str_of(text));
		}
	}
	buf_done(&clear);
}

/* --- version texts: RT_VERSION / name / language, VS_VERSIONINFO ("VERSIONINFO resource") --- */

struct entry { /* of the tree of VS_VERSIONINFO: length, length of the value, type, key, padding, value, padding, children */
	struct str key, value, children; /* key in UTF-16LE */
	size_t whole;
};

static size_t padded(size_t at)
{
	return (at + 3) & ~(size_t)3;
}

static bool read_entry(struct str s, struct entry *e)
{
	size_t length = str_le16(s, 0), value = str_le16(s, 2), key = 6, at;

	if (length < 8 || length > s.n)
		return false;
	s.n = length;
	while (key + 2 <= s.n && str_le16(s, key) != 0)
		key += 2;
	at = padded(key + 2);
	if (str_le16(s, 4) == 1)
		value *= 2; /* texts are counted in characters */
	if (at > s.n)
		at = s.n;
	if (value > s.n - at)
		value = s.n - at;
	*e = (struct entry){ .key = { s.p + 6, key - 6 }, .value = { s.p + at, value }, .whole = padded(length) };
	at = padded(at + value);
	e->children = at < s.n ? (struct str){ s.p + at, s.n - at } : S("");
	return true;
}

static bool next_entry(struct str *rest, struct entry *e)
{
	if (!read_entry(*rest, e))
		return false;
	*rest = e->whole < rest->n ? (struct str){ rest->p + e->whole, rest->n - e->whole } : S("");
	return true;
}

static void say_text(struct lab_node *n, const struct entry *e)
{
	char text[3 * TEXT_CHARS + 2 + 3 * TEXT_CHARS];
	struct str key = e->key, value = e->value;
	size_t at;

	while (value.n >= 2 && str_le16(value, value.n - 2) == 0)
		value.n -= 2;
	if (value.n == 0 || key.n > 2 * TEXT_CHARS)
		return;
	value.n = value.n < 2 * TEXT_CHARS ? value.n : 2 * TEXT_CHARS;
	at = utf16le_get(text, key);
	memcpy(text + at, ": ", 2);
	at += 2;
	at += utf16le_get(text + at, value);
	lab_fact(n, "pe.version", (struct str){ text, at });
}

static void say_version(struct lab_node *n, struct str resource)
{
	struct entry root, info, table, text;

	if (!read_entry(resource, &root))
		return;
	while (next_entry(&root.children, &info)) {
		if (info.key.n != 28 || str_le16(info.key, 0) != 'S') /* StringFileInfo; the other is VarFileInfo */
			continue;
		while (next_entry(&info.children, &table))
			while (next_entry(&table.children, &text))
				say_text(n, &text);
	}
}

struct resources {
	struct lab_node *n;
	const struct pe *p;
	struct str tree;
	unsigned seen;
	uint32_t kind;
};

static void walk_resources(struct resources *r, uint32_t at, int depth)
{
	size_t count = (size_t)str_le16(r->tree, at + 12) + str_le16(r->tree, at + 14);

	for (size_t i = 0; i < count && r->seen < RESOURCES_MAX; i++) {
		size_t row = at + 16 + i * 8;
		uint32_t id = str_le32(r->tree, row), where = str_le32(r->tree, row + 4);

		if (row + 8 > r->tree.n)
			return;
		r->seen++;
		if (depth == 0)
			r->kind = id;
		if ((where & SUBDIRECTORY) != 0 && depth < RESOURCE_DEPTH) {
			walk_resources(r, where & ~SUBDIRECTORY, depth + 1);
		} else if ((where & SUBDIRECTORY) == 0 && r->kind == RT_VERSION) {
			struct str bytes = pe_at(r->p, str_le32(r->tree, where));
			uint32_t size = str_le32(r->tree, (size_t)where + 4);

			say_version(r->n, str_part(bytes, 0, size));
		}
	}
}

/* --- debug path --- */

static void say_debug(struct lab_node *n, const struct pe *p)
{
	struct str table = pe_directory(p, PE_DEBUG);

	for (size_t at = 0; at + 28 <= table.n && at < 28 * 16; at += 28) {
		struct str row = { table.p + at, 28 }, d;
		uint32_t place = str_le32(row, 24), size = str_le32(row, 16);

		if (str_le32(row, 12) != 2 || place >= p->bytes.n || size < 25) /* IMAGE_DEBUG_TYPE_CODEVIEW */
			continue;
		d = str_part(p->bytes, place, size);
		if (d.n > 24 && memcmp(d.p, "RSDS", 4) == 0)
			lab_fact(n, "pe.pdb", (struct str){ d.p + 24, strnlen(d.p + 24, d.n - 24) });
	}
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct resources r = { .n = n };
	struct pe p;

	if (pe_read(n->bytes, &p, err) != RC_OK)
		return RC_UNSUPPORTED;
	r.p = &p;
	r.tree = pe_directory(&p, PE_RESOURCE);
	put_hex(n, "pe.machine", p.machine);
	lab_fact_u64(n, "pe.bits", p.plus ? 64 : 32);
	lab_fact_u64(n, "pe.subsystem", p.subsystem);
	put_hex(n, "pe.characteristics", p.characteristics);
	lab_fact_u64(n, "pe.made", p.made);
	put_hex(n, "pe.entry", p.entry);
	if (pe_directory(&p, PE_CLR).n > 0)
		lab_fact(n, "pe.clr", S("yes"));
	if (pe_directory(&p, PE_TLS).n > 0)
		lab_fact(n, "pe.tls", S("yes"));
	say_sections(n, &p);
	say_imports(n, &p);
	say_exports(n, &p);
	say_rich(n, &p);
	say_debug(n, &p);
	if (r.tree.n > 0)
		walk_resources(&r, 0, 0);
	if (pe_end(&p) < n->bytes.n) {
		lab_fact_u64(n, "pe.overlay", pe_end(&p));
		lab_feature(n, LAB_NOTE, "pe.overlay", pe_end(&p), n->bytes.n - pe_end(&p), "bytes behind all that the headers own");
	}
	return RC_OK;
}

const struct lab_maker LAB_MAKE_PE = { "pe", LAB_TYPE(LAB_PE), make, NULL };
