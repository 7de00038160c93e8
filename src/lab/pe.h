/* Portable Executable: where things stand in one (Microsoft's PE format, "PE Format", revision 11). Nothing is trusted: each place is
 * looked up in the file's bytes when it is asked for, and is empty when it is not there. */
#ifndef LAB_PE_H
#define LAB_PE_H

#include "base/err.h"
#include "base/str.h"

#define PE_SECTIONS_MAX 96   /* as Windows loads them */
#define PE_DIRECTORIES 16

enum pe_directory { PE_EXPORT, PE_IMPORT, PE_RESOURCE, PE_EXCEPTION, PE_SECURITY, PE_RELOCATION, PE_DEBUG, PE_ARCHITECTURE, PE_GLOBAL, PE_TLS,
	PE_LOAD_CONFIG, PE_BOUND_IMPORT, PE_ADDRESS_TABLE, PE_DELAY_IMPORT, PE_CLR };

struct pe_section {
	struct str name;                   /* to the first NUL, raw */
	uint32_t address, size_in_memory;  /* relative virtual address */
	uint32_t at, size;                 /* in the file, as stated */
	uint32_t flags;
};

struct pe {
	struct str bytes;
	uint32_t head;                     /* offset of "PE\0\0" */
	uint16_t machine, characteristics, subsystem;
	bool plus;                         /* PE32+: 64 bits */
	uint32_t made;                     /* TimeDateStamp */
	uint32_t entry, optional;          /* address; offset of the optional header */
	uint32_t headers;                  /* SizeOfHeaders */
	uint64_t base;
	uint32_t n_directories;
	struct { uint32_t address, size; } directory[PE_DIRECTORIES];
	size_t n_sections;
	struct pe_section section[PE_SECTIONS_MAX];
};

/* RC_BAD: not a PE file, or its headers are cut off; says which. */
enum rc pe_read(struct str bytes, struct pe *ret, struct err *err) MUSTUSE;

/* What the loader would see from this address to the end of its section, as far as it stands in the file. */
struct str pe_at(const struct pe *p, uint32_t address);
/* The text there up to its NUL, at most `most` bytes; .p NULL when there is no NUL within. */
struct str pe_text(const struct pe *p, uint32_t address, size_t most);
/* What a directory covers, cut to what is there; empty without it. */
struct str pe_directory(const struct pe *p, enum pe_directory d);
/* Behind the last byte that headers, sections or the table of certificates own: an overlay begins here, if anything follows. */
uint64_t pe_end(const struct pe *p);

/* Name of an export that is usually imported by number (ws2_32, wsock32, oleaut32), or NULL. `dll` in lower case without ".dll". */
const char *pe_ordinal_name(struct str dll, uint16_t ordinal);

#endif
