/* Facts of ELF programs and libraries (System V ABI, chapter 4): class, machine, sections, what they need, what they import. */
#include "lab/make.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/rd.h"

#define SECTIONS_MAX 512u
#define SYMBOLS_MAX 65536u
#define SHOWN_MAX 512u
#define NAME_BYTES 512u

/* Numbers of either class and either order of bytes. */
struct elf {
	struct str bytes;
	bool wide, big;
	uint64_t sections, programs;
	uint16_t n_sections, n_programs, section_bytes, program_bytes, names;
};

struct section {
	uint32_t name, type, link;
	uint64_t flags, address, at, size, each;
};

static uint64_t number(const struct elf *e, struct str s, uint64_t at, unsigned width)
{
	uint64_t v = 0;

	if (at > s.n || s.n - at < width)
		return 0;
	for (unsigned i = 0; i < width; i++)
		v |= (uint64_t)(unsigned char)s.p[at + (e->big ? width - 1 - i : i)] << 8 * i;
	return v;
}

static uint64_t word(const struct elf *e, struct str s, uint64_t at)
{
	return number(e, s, at, e->wide ? 8 : 4);
}

static bool read_head(struct str bytes, struct elf *e)
{
	const unsigned char *id = (const unsigned char *)bytes.p;

	if (bytes.n < sizeof(Elf32_Ehdr) || memcmp(id, ELFMAG, SELFMAG) != 0 || (id[EI_CLASS] != ELFCLASS32 && id[EI_CLASS] != ELFCLASS64))
		return false;
	*e = (struct elf){ .bytes = bytes, .wide = id[EI_CLASS] == ELFCLASS64, .big = id[EI_DATA] == ELFDATA2MSB };
	e->programs = word(e, bytes, e->wide ? 32 : 28);
	e->sections = word(e, bytes, e->wide ? 40 : 32);
	bytes = str_part(bytes, e->wide ? 54 : 42, 10);
	e->program_bytes = (uint16_t)number(e, bytes, 0, 2);
	e->n_programs = (uint16_t)number(e, bytes, 2, 2);
	e->section_bytes = (uint16_t)number(e, bytes, 4, 2);
	e->n_sections = (uint16_t)number(e, bytes, 6, 2);
	e->names = (uint16_t)number(e, bytes, 8, 2);
	return true;
}

static struct section section_of(const struct elf *e, uint64_t i)
{
	struct str s = str_part(e->bytes, e->sections + i * e->section_bytes, e->section_bytes);

	if (e->wide)
		return (struct section){ (uint32_t)number(e, s, 0, 4), (uint32_t)number(e, s, 4, 4), (uint32_t)number(e, s, 40, 4),
					 number(e, s, 8, 8), number(e, s, 16, 8), number(e, s, 24, 8), number(e, s, 32, 8), number(e, s, 56, 8) };
	return (struct section){ (uint32_t)number(e, s, 0, 4), (uint32_t)number(e, s, 4, 4), (uint32_t)number(e, s, 24, 4),
				 number(e, s, 8, 4), number(e, s, 12, 4), number(e, s, 16, 4), number(e, s, 20, 4), number(e, s, 36, 4) };
}

static struct str text_at(struct str table, uint64_t at)
{
	struct str s = str_part(table, at, NAME_BYTES);

	return (struct str){ s.p, strnlen(s.p, s.n) };
}

static struct str table_of(const struct elf *e, uint64_t i)
{
	struct section s = section_of(e, i);

	return i < e->n_sections && s.type == SHT_STRTAB ? str_part(e->bytes, s.at, s.size) : S("");
}

/* --- what is said --- */

static void say_section(struct lab_node *n, const struct elf *e, const struct section *s, struct str names)
{
	struct str raw = s->type == SHT_NOBITS ? S("") : str_part(e->bytes, s->at, s->size), name = text_at(names, s->name);
	char text[NAME_BYTES + 120];

	snprintf(text, sizeof text, "%.*s address 0x%llx size %llu entropy %.2f%s%s", (int)name.n, name.p, (unsigned long long)s->address,
		 (unsigned long long)s->size, lab_entropy(raw), s->flags & SHF_EXECINSTR ? " execute" : "", s->flags & SHF_WRITE ? " write" : "");
	lab_fact(n, "elf.section", str_of(text));
	if (s->type != SHT_NOBITS && raw.n < s->size)
		lab_feature(n, LAB_NOTE, "elf.section-cut", s->at, raw.n, "a section ends behind the file's end");
}

static void say_needed(struct lab_node *n, const struct elf *e, const struct section *s)
{
	static const struct { uint64_t tag; const char *fact; } said[] = {
		{ DT_NEEDED, "elf.needed" }, { DT_SONAME, "elf.soname" }, { DT_RPATH, "elf.rpath" }, { DT_RUNPATH, "elf.runpath" },
	};
	struct str entries = str_part(e->bytes, s->at, s->size), texts = table_of(e, s->link);
	uint64_t each = e->wide ? 16 : 8;

	for (uint64_t i = 0; (i + 1) * each <= entries.n && i < SHOWN_MAX; i++) {
		uint64_t tag = word(e, entries, i * each);

		for (size_t k = 0; k < COUNTOF(said); k++) {
			if (tag == said[k].tag)
				lab_fact(n, said[k].fact, text_at(texts, word(e, entries, i * each + each / 2)));
		}
	}
}

static void say_symbols(struct lab_node *n, const struct elf *e, const struct section *s)
{
	struct str entries = str_part(e->bytes, s->at, s->size), texts = table_of(e, s->link);
	uint64_t each = e->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), imports = 0, exports = 0;

	for (uint64_t i = 1; (i + 1) * each <= entries.n && i < SYMBOLS_MAX; i++) {
		struct str row = str_part(entries, i * each, each);
		struct str name = text_at(texts, number(e, row, 0, 4));
		uint64_t info = number(e, row, e->wide ? 4 : 12, 1), where = number(e, row, e->wide ? 6 : 14, 2);

		if (name.n == 0 || ELF64_ST_BIND(info) == STB_LOCAL)
			continue;
		if (where == SHN_UNDEF && imports++ < SHOWN_MAX)
			lab_fact(n, "elf.import", name);
		else if (where != SHN_UNDEF && exports++ < SHOWN_MAX)
			lab_fact(n, "elf.export", name);
	}
	lab_fact_u64(n, "elf.imports", imports);
	lab_fact_u64(n, "elf.exports", exports);
}

static void say_build(struct lab_node *n, const struct elf *e, const struct section *s)
{
	struct str note = str_part(e->bytes, s->at, s->size);
	uint64_t name = number(e, note, 0, 4), size = number(e, note, 4, 4);

	if (number(e, note, 8, 4) == NT_GNU_BUILD_ID && name == 4 && size <= 64)
		lab_fact_hex(n, "elf.build-id", str_part(note, 16, size));
}

static void say_programs(struct lab_node *n, const struct elf *e)
{
	for (unsigned i = 0; i < e->n_programs && i < SECTIONS_MAX; i++) {
		struct str row = str_part(e->bytes, e->programs + (uint64_t)i * e->program_bytes, e->program_bytes);
		uint64_t type = number(e, row, 0, 4), flags = number(e, row, e->wide ? 4 : 24, 4);

		if (type == PT_INTERP)
			lab_fact(n, "elf.interpreter", text_at(e->bytes, word(e, row, e->wide ? 8 : 4)));
		if (type == PT_LOAD && (flags & (PF_W | PF_X)) == (PF_W | PF_X))
			lab_feature(n, LAB_NOTE, "elf.segment-writes-code", word(e, row, e->wide ? 8 : 4), word(e, row, e->wide ? 32 : 16),
				    "a segment that may be both written and executed");
	}
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct elf e;
	struct str names;

	(void)err;
	if (!read_head(n->bytes, &e))
		return RC_UNSUPPORTED;
	lab_fact_u64(n, "elf.bits", e.wide ? 64 : 32);
	lab_fact_u64(n, "elf.type", number(&e, n->bytes, 16, 2));
	lab_fact_u64(n, "elf.machine", number(&e, n->bytes, 18, 2));
	say_programs(n, &e);
	names = table_of(&e, e.names);
	for (unsigned i = 1; i < e.n_sections && i < SECTIONS_MAX && !lab_over(n); i++) {
		struct section s = section_of(&e, i);

		say_section(n, &e, &s, names);
		if (s.type == SHT_DYNAMIC)
			say_needed(n, &e, &s);
		else if (s.type == SHT_DYNSYM)
			say_symbols(n, &e, &s);
		else if (s.type == SHT_NOTE)
			say_build(n, &e, &s);
	}
	return RC_OK;
}

const struct lab_maker LAB_MAKE_ELF = { "elf", LAB_TYPE(LAB_ELF), make, NULL };
