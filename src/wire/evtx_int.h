/* Inside the EVTX reader: what a piece of binary XML compiles to, and the parts that compile, keep and run it. */
#ifndef WIRE_EVTX_INT_H
#define WIRE_EVTX_INT_H

#include "base/rd.h"
#include "wire/evtx.h"

#define EVTX_CHUNK 65536
#define EVTX_CHUNK_HEAD 512
#define EVTX_RECORD_HEAD 24
#define EVTX_RECORD_MIN 32           /* header, the least fragment, size again */
#define EVTX_DEF_HEAD 24             /* of a template definition: next, GUID, size */
#define EVTX_NAME_MAX 255            /* characters of an element's or attribute's name */
#define EVTX_ITEMS_MAX 4096          /* of one template */
#define EVTX_PARTS_MAX 8192
#define EVTX_LEVELS_MAX 64           /* elements within elements */
#define EVTX_NEST_MAX 8              /* fragments within fragments */
#define EVTX_VALUES_MAX 16384        /* substitutions of one record, nested ones included */
#define EVTX_STEPS_FREE 128          /* items run for one record, and one more for each two bytes of it: an honest */
#define EVTX_STEPS_BYTES 2           /* substitution has four bytes of description. Ends what refers to itself. */
#define EVTX_COMPILE_MAX (2 * EVTX_CHUNK) /* bytes compiled for one chunk: an honest one needs each byte once or twice */
#define EVTX_TEXT_MAX ((size_t)1 << 20)   /* text of one record */
#define EVTX_PROGRAMS_MAX ((size_t)16 << 20) /* memory of all compiled templates of a file */

/* Where a fragment stands, which decides how its elements are named. */
enum evtx_where { IN_NOTHING, IN_EVENT, IN_SYSTEM, IN_DATA, IN_USER, IN_RENDERING };

enum part_kind { PART_TEXT, PART_VALUE };

struct part {
	struct str text; /* PART_TEXT: UTF-8 */
	uint16_t value;  /* PART_VALUE: number of the substitution */
	uint8_t kind;
};

enum item_kind {
	ITEM_VALUE,  /* one substitution and nothing else: nearly all items */
	ITEM_PARTS,  /* several, or text of the template itself */
	ITEM_NULL,   /* an element without content */
	ITEM_NESTED, /* a template instance inside: its place in the chunk */
};

enum {
	ITEM_HIDE_NULL = 1, /* an attribute or an element around others: without a value it is not there */
	ITEM_NAMED = 2,     /* name_value holds the number of the substitution that is its name */
};

struct item {
	const char *name;
	uint16_t name_n, field;
	uint16_t value, name_value;
	uint8_t kind, flags, where;
	uint32_t first, count; /* ITEM_PARTS: its parts; ITEM_NESTED: first is the place */
};

/* A name that the template refers to by its place in the chunk: differs between chunks while the template is the same. */
struct hole {
	uint32_t at;      /* of the four bytes, within the definition */
	bool here;        /* the name itself follows at once */
	struct str utf16; /* the name */
};

struct program {
	struct program *next; /* same slot of the table */
	struct str source;    /* the binary XML it was compiled from */
	const struct item *items;
	const struct part *parts;
	const struct hole *holes;
	uint32_t n_items, n_parts, n_holes;
	uint8_t where;
	bool anywhere; /* holds no place in the chunk: good for every chunk of the file */
};

#define EVTX_SEEN 1024    /* templates found in this chunk, by place: a power of two */
#define EVTX_BUCKETS 1024 /* templates of the file, by GUID: a power of two */

struct evtx_seen {
	uint32_t chunk, key;
	const struct program *program;
};

struct evtx_value {
	uint32_t at;
	uint16_t size;
	uint8_t type;
};

/* Where compile gathers before it knows how much there is. */
struct evtx_draft {
	struct item items[EVTX_ITEMS_MAX];
	struct part parts[EVTX_PARTS_MAX];
	struct hole holes[EVTX_PARTS_MAX];
};

struct evtx {
	struct str bytes;
	const struct fields *dict;
	struct arena *programs;
	struct evtx_draft *draft;
	struct evtx_value *values; /* of the record at work */
	char *text;                /* of the record at work */
	uint32_t n_values, steps, steps_max;
	size_t text_n;

	size_t next_chunk;         /* place of it in `bytes` */
	uint64_t before;           /* chunks of the file that are not in `bytes`, in bytes */
	struct str chunk;          /* at work; .n 0: none */
	uint32_t chunk_no;         /* counts up with each chunk and each emptying of the programs: stamps `seen` */
	size_t at, end;            /* the next record; where the chunk's header says they end */
	uint64_t last_id, record;
	size_t compiled;           /* bytes, for this chunk */
	struct program *buckets[EVTX_BUCKETS];
	struct evtx_seen seen[EVTX_SEEN];
	struct evtx_stats stats;
	char error[ERR_TEXT_MAX];
};

/* The binary XML at [from, to) of the chunk, found `where`; NULL with the reason in *why. `dependency`: its elements
 * carry the two bytes that those of a template have. Lasts until evtx_programs_drop. */
struct program *evtx_compile(struct evtx *e, size_t from, size_t to, enum evtx_where where, bool dependency, const char **why) MUSTUSE;

/* The template defined at `at` of the chunk, compiled here or found among those of the file. */
const struct program *evtx_template(struct evtx *e, uint32_t at, enum evtx_where where, const char **why) MUSTUSE;
/* Forgets all templates; not while a record is at work. */
void evtx_programs_drop(struct evtx *e);

/* A name at `at` of the chunk; false: there is none. */
bool evtx_name(const struct evtx *e, size_t at, struct str *ret_utf16);

/* A fragment of the chunk into f: [from, to). False with *why: it is damaged, f has what stood before. */
bool evtx_run(struct evtx *e, struct flat *f, size_t from, size_t to, enum evtx_where where, unsigned depth, const char **why) MUSTUSE;

/* The head of a template instance behind its token: where the definition stands, how many values; the cursor is left at
 * the values' descriptors. */
bool evtx_instance(struct rd *r, uint32_t *ret_definition, uint32_t *ret_count) MUSTUSE;

#define EVTX_ARRAY 0x80
enum evtx_type {
	EVTX_NULL, EVTX_STRING, EVTX_ANSI, EVTX_I8, EVTX_U8, EVTX_I16, EVTX_U16, EVTX_I32, EVTX_U32, EVTX_I64, EVTX_U64,
	EVTX_F32, EVTX_F64, EVTX_BOOL, EVTX_BINARY, EVTX_GUID, EVTX_SIZE, EVTX_FILETIME, EVTX_SYSTIME, EVTX_SID, EVTX_HEX32,
	EVTX_HEX64, EVTX_HANDLE = 0x20, EVTX_XML = 0x21, EVTX_EVTXML = 0x23
};

/* Bytes that the text of a value of `size` bytes needs at most, whatever its type. */
static inline size_t evtx_text_room(size_t size)
{
	return 64 + 4 * size;
}

/* One value (no array, no XML) as text into `to`; the bytes written, and its kind in *ret. An unknown type is given as
 * hexadecimal like binary. */
size_t evtx_value_text(char *to, struct str bytes, unsigned type, enum flat_type *ret) MUSTUSE;
/* The same of a string. */
size_t evtx_string_text(char *to, struct str bytes) MUSTUSE;
/* Bytes of one item of an array of `type`; 0: its items differ in size. */
size_t evtx_value_size(unsigned type);

/* 100 ns since 1601 as microseconds since 1970. */
static inline usec evtx_filetime(uint64_t ft)
{
	return (usec)(ft / 10) - (usec)11644473600 * USEC_PER_SEC;
}

#endif
