/* A sealed block: about ten thousand log events as one string of bytes that
 * holds all there is to know about them - their lines, compressed, where and when
 * each comes from, a filter of what can be found in them, and how far each input
 * was read. The same bytes lie in a segment, travel and rest in PostgreSQL. */
#ifndef DETECT_BLOCK_H
#define DETECT_BLOCK_H

#include "base/buf.h"
#include "base/time.h"
#include "detect/fuse.h"
#include "wire/flat.h"

#define BLOCK_EVENTS 10000                   /* sealed at this many, */
#define BLOCK_RAW ((size_t)16 << 20)         /* or this many bytes of lines, */
#define BLOCK_KEYS ((size_t)1 << 18)         /* or this many observables */
#define BLOCK_LINE_MAX ((size_t)16 << 20)    /* one event */
#define BLOCK_SOURCES_MAX 1024               /* inputs in one block */
#define BLOCK_NAME_MAX 255                   /* bytes of an input's name */
#define BLOCK_PLACE_MAX 1000                 /* bytes of an input's place */
#define BLOCK_BYTES_MAX ((size_t)48 << 20)   /* of a whole sealed block */

struct event_keys;

struct block_event {
	struct str line;        /* its bytes: the original line of text; of other formats, and of those whose lines do not
				   stand alone (Zeek's), its JSON (flat_json_print) */
	enum log_format format; /* how `line` is read */
	struct str source;      /* name of the input */
	usec time;              /* the event's own, or when it came */
	uint64_t ordinal;       /* its number within the input, from 1, as the collector counts */
	const struct event_keys *known; /* for making: what the matcher found out about it (detect/block_keys.h), or NULL */
};

/* --- making --- */

struct block_maker;

enum rc block_maker_new(struct block_maker **ret, struct err *err) MUSTUSE;
void block_maker_free(struct block_maker *m);
void block_maker_freep(struct block_maker **m);

/* Takes one event; copies. `f` is the event parsed, when the caller has it, else NULL. RC_BUSY: full, seal first; RC_LIMIT: an
 * event no block can hold, or its source's name; RC_NOMEM. Nothing was taken then. */
enum rc block_maker_add(struct block_maker *m, const struct block_event *e, struct flat *f, struct err *err) MUSTUSE;
/* How far the input `source` was read, with all that was added: travels with the block, so that what is sealed and what is read
 * again after a crash fit together. Opaque bytes. RC_LIMIT, RC_NOMEM. */
enum rc block_maker_place(struct block_maker *m, struct str source, struct str place, struct err *err) MUSTUSE;
/* What was stated last; false: nothing since the last seal. Borrowed until the next call. */
bool block_maker_known(const struct block_maker *m, struct str source, struct str *ret_place);
/* What the head of the sealed block will carry as `mark`; 0: nothing. */
void block_maker_mark(struct block_maker *m, uint64_t mark);
/* The next block is sealed in half the time, a quarter larger: for when events come faster than they are sealed. */
void block_maker_hurry(struct block_maker *m, bool hurry);
/* Forgets all that was added since the last seal. */
void block_maker_empty(struct block_maker *m);
bool block_maker_full(const struct block_maker *m);
uint32_t block_maker_events(const struct block_maker *m);
/* When the first event came, by time_mono(); 0 while there is none. */
usec block_maker_since(const struct block_maker *m);
/* Appends the sealed block to `out` and is empty again; what it was given says all, so the same events give the same bytes.
 * `bits`: of the filter's cells, 0 for the usual. RC_NOMEM, RC_LIMIT: `out` is too small; nothing is lost. */
enum rc block_maker_seal(struct block_maker *m, usec now, unsigned bits, struct buf *out, struct err *err) MUSTUSE;

/* --- reading --- */

#define BLOCK_HEAD 96 /* bytes of the fixed part, with which a block begins */

struct block_head {
	uint64_t id;                    /* hash of all that follows the head: equal blocks, equal ids */
	uint32_t events, keys, sources;
	usec first, last, sealed;       /* earliest and latest event, when it was sealed */
	uint64_t raw;                   /* bytes of its lines */
	uint64_t mark;                  /* of the journal that held its events, or 0 */
	uint32_t sources_n, filter_n, columns_n, columns_raw, body_n; /* bytes of the parts, in this order behind the head */
};

/* Bytes of the part that tells what a block holds (head, sources, filter), and of the whole. */
static inline size_t block_index_n(const struct block_head *h) { return BLOCK_HEAD + (size_t)h->sources_n + h->filter_n; }
static inline size_t block_n(const struct block_head *h) { return block_index_n(h) + h->columns_n + h->body_n; }

/* The fixed part alone, of anybody's bytes. RC_NOTFOUND: fewer than BLOCK_HEAD; RC_CORRUPT. */
enum rc block_head_read(struct str bytes, struct block_head *ret, struct err *err) MUSTUSE;
/* The first block_index_n bytes at least: the checksum over them, and the filter ready to be asked, borrowed. */
enum rc block_index_read(struct str bytes, struct block_head *ret, struct fuse *ret_filter, struct err *err) MUSTUSE;
/* The input number `i` < head->sources and its place, from the same bytes; false when there is none. */
bool block_source(struct str bytes, uint32_t i, struct str *ret_name, struct str *ret_place);

/* A block opened for its events. */
struct block;
enum rc block_open(struct str bytes, struct block **ret, struct err *err) MUSTUSE; /* copies nothing it needs later but names */
void block_close(struct block *b);
void block_closep(struct block **b);
const struct block_head *block_of(const struct block *b);
/* The next event in the order in which they were added; false at the end. Strings are borrowed until block_close. */
bool block_next(struct block *b, struct block_event *ret);

#endif
