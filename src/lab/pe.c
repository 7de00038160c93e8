#include "lab/pe.h"

#include <string.h>

#include "base/rd.h"

#define DIRECTORY_BYTES 8
#define SECTION_BYTES 40
#define ALIGN_FILE 512u /* the loader rounds a section's place down to a multiple of it */

static void read_sections(struct pe *p, struct str table, size_t n)
{
	for (size_t i = 0; i < n && i < PE_SECTIONS_MAX && (i + 1) * SECTION_BYTES <= table.n; i++) {
		struct str row = { table.p + i * SECTION_BYTES, SECTION_BYTES };

		p->section[p->n_sections++] = (struct pe_section){
			.name = { row.p, strnlen(row.p, 8) }, .size_in_memory = str_le32(row, 8), .address = str_le32(row, 12), .size = str_le32(row, 16),
			.at = str_le32(row, 20), .flags = str_le32(row, 36),
		};
	}
}

enum rc pe_read(struct str bytes, struct pe *ret, struct err *err)
{
	uint32_t head = str_le32(bytes, 0x3c), optional, size;
	struct str opt;
	uint16_t magic;

	memset(ret, 0, sizeof *ret);
	if (bytes.n < 0x40 || memcmp(bytes.p, "MZ", 2) != 0 || bytes.n < 24 || head > bytes.n - 24 || memcmp(bytes.p + head, "PE\0\0", 4) != 0)
		return FAIL(err, RC_BAD, "no PE header");
	optional = head + 24;
	size = str_le16(bytes, head + 20);
	ret->bytes = bytes;
	ret->head = head;
	ret->optional = optional;
	ret->machine = str_le16(bytes, head + 4);
	ret->made = str_le32(bytes, head + 8);
	ret->characteristics = str_le16(bytes, head + 22);
	opt = (struct str){ bytes.p + optional, bytes.n - optional };
	magic = str_le16(opt, 0);
	if (magic != 0x10b && magic != 0x20b)
		return FAIL(err, RC_BAD, "no PE optional header (magic 0x%x)", magic);
	ret->plus = magic == 0x20b;
	ret->entry = str_le32(opt, 16);
	ret->base = ret->plus ? str_le64(opt, 24) : str_le32(opt, 28);
	ret->headers = str_le32(opt, 60);
	ret->subsystem = str_le16(opt, 68);
	ret->n_directories = str_le32(opt, ret->plus ? 108 : 92);
	for (size_t i = 0; i < PE_DIRECTORIES && i < ret->n_directories; i++) {
		size_t at = (ret->plus ? 112u : 96u) + i * DIRECTORY_BYTES;

		ret->directory[i].address = str_le32(opt, at);
		ret->directory[i].size = str_le32(opt, at + 4);
	}
	if (size < opt.n)
		read_sections(ret, (struct str){ opt.p + size, opt.n - size }, str_le16(bytes, head + 6));
	return RC_OK;
}

struct str pe_at(const struct pe *p, uint32_t address)
{
	for (size_t i = 0; i < p->n_sections; i++) {
		const struct pe_section *s = &p->section[i];
		uint32_t span = s->size_in_memory > s->size ? s->size_in_memory : s->size, within = address - s->address;

		if (address >= s->address && within < span)
			return within < s->size ? str_part(p->bytes, (uint64_t)(s->at & ~(ALIGN_FILE - 1)) + within, s->size - within) : S("");
	}
	return address < p->headers ? str_part(p->bytes, address, p->headers - address) : S("");
}

struct str pe_text(const struct pe *p, uint32_t address, size_t most)
{
	struct str s = pe_at(p, address);
	size_t n = strnlen(s.p, s.n < most ? s.n : most);

	return n < s.n && n < most ? (struct str){ s.p, n } : (struct str){ NULL, 0 };
}

struct str pe_directory(const struct pe *p, enum pe_directory d)
{
	uint32_t address = p->directory[d].address, size = p->directory[d].size;
	struct str s;

	if (address == 0 || size == 0)
		return S("");
	/* The one directory that is not loaded: an offset in the file. */
	if (d == PE_SECURITY)
		return str_part(p->bytes, address, size);
	s = pe_at(p, address);
	return (struct str){ s.p, s.n < size ? s.n : size };
}

uint64_t pe_end(const struct pe *p)
{
	uint64_t end = p->headers, here;

	for (size_t i = 0; i < p->n_sections; i++) {
		here = (uint64_t)p->section[i].at + p->section[i].size;
		if (p->section[i].size > 0 && here > end)
			end = here;
	}
	here = (uint64_t)p->directory[PE_SECURITY].address + p->directory[PE_SECURITY].size;
	if (p->directory[PE_SECURITY].address > 0 && here > end)
		end = here;
	return end < p->bytes.n ? end : p->bytes.n;
}
