/* Inside the object log: what its files share.
 *
 * object   one version of one STIX object: 64 bytes in memory, its body on disk
 * chain    all versions of one id, newest first, found by a hash of (type, uuid)
 * entry    one object's place in one collection, in order of date_added.
 *          Collection number 0 holds every object once: "everything the node holds"
 * posting  the entries of one type in one collection
 *
 * Whether an entry is the last or first version for a reader depends on what that
 * reader may see, so an entry keeps masks: which (spec, TLP) kinds exist among the
 * newer and the older versions of its id in its collection. Any question about
 * versions is then a test on the entry alone, for every mask.
 *
 * One thread changes the index; readers hold `lock` for short looks. The writer
 * reads without it, prepares all memory beforehand, and takes it to apply a few
 * objects at a time, so applying cannot fail and holds nobody up. */
#ifndef STORE_OBJLOG_INT_H
#define STORE_OBJLOG_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/rd.h"
#include "store/objlog.h"

#define SEGMENTS_MAX 4096
#define SEGMENT_BYTES ((uint32_t)256 << 20)
#define SEGMENT_HEAD 64
#define FRAME_HEAD 48
#define FRAME_BODY_MAX ((uint64_t)1 << 30)
#define FRAME_META_MAX ((uint32_t)64 << 20)
#define OBJECTS_MAX ((uint32_t)1 << 28)
#define ENTRIES_MAX ((uint32_t)1 << 30)
#define TYPES_MAX 4096u
#define TYPE_NAME_MAX 250u
#define COLLECTIONS_MAX 65535u
#define COLLECTION_ROW_MAX ((uint32_t)1 << 20)
#define ODD_ID_MAX 512u
#define ODD_VERSION_MAX 64u
#define STAGED_MAX 100000u                       /* objects in one transaction */
#define STAGED_BYTES_MAX ((uint64_t)128 << 20)   /* bodies, when it is more than one batch */

#define CHAIN_WALK_MAX 16384u                    /* versions newer than the one that is looked for */

#define NONE UINT32_MAX
#define TOO_DEEP (UINT32_MAX - 1)
#define NO_VERSION INT64_MIN
#define DIGITS_NONE 7u
#define BLOCK_OBJECTS 4096u
#define CHUNK_ENTRIES 512u
#define SHARDS 256u
#define ENTRY_DEAD 31u

struct object {
	uint64_t pos;             /* of the body: file << 32 | offset (see struct segment); 0 = it is gone, and the object removed */
	unsigned char uuid[16];
	int64_t version;          /* instant, cut to microseconds; NO_VERSION */
	usec received;            /* by the first claim */
	uint32_t next;            /* older version of the same id */
	uint32_t claims;          /* second and later claims, oldest first */
	uint32_t entries;         /* first of this object's entries */
	uint32_t source;          /* of the first claim */
	uint32_t len : 25;        /* body */
	uint32_t digits : 3;      /* fraction digits of the version's text; DIGITS_NONE = no version */
	uint32_t tlp : 3;
	uint32_t spec21 : 1;
	uint16_t type : 12;
	uint16_t claim_tlp : 3;   /* as the first source stated it */
	uint16_t odd : 1;         /* id or version text is kept apart */
	uint8_t flags;
	uint8_t confidence;
};
_Static_assert(sizeof(struct object) == 64, "an object is one cache line");
_Static_assert(OBJECT_BODY_MAX < (1u << 25), "a body's length fits");

struct entry {
	usec added;
	uint32_t object;
	uint32_t next;       /* this object's entry in another collection */
	uint16_t newer, older; /* kinds among the newer and the older versions here */
	uint16_t type;
	uint8_t kind;        /* spec21 << 3 | tlp, or ENTRY_DEAD */
	uint8_t seen21;      /* TLP levels among this id's 2.1 versions here */
};
_Static_assert(sizeof(struct entry) == 24, "entries stay small");

/* Entries of one collection; entry number = chunk number * CHUNK_ENTRIES + index,
 * so numbers ascend with date_added inside a collection. */
struct chunk {
	uint32_t coll;
	uint16_t kinds;      /* all that were ever in here */
	uint8_t flags;       /* of all objects that were ever in here */
	uint32_t live;
	struct entry e[CHUNK_ENTRIES];
};

struct chunk_ref {
	usec first;          /* date_added of its first entry */
	uint32_t chunk;
};

struct posting {
	uint32_t *p, n, cap, staged;
};

struct tally {
	uint64_t count, lanes[4];
};

struct coll {
	uint32_t row;
	uint32_t n;          /* entries ever made */
	struct chunk_ref *refs;
	uint32_t n_refs, cap_refs; /* n_refs may run ahead of n: room made beforehand */
	usec last;           /* date_added of the latest entry */
	struct posting *postings; /* by type code */
	uint32_t cap_postings;
	struct tally tally[TLP_LEVELS];
	uint32_t staged;     /* of the transaction under way */
	usec staged_last;
};

struct slot {
	uint32_t hash, object; /* object + 1; 0 = free */
};

struct shard {
	struct slot *slots;
	uint32_t cap, used, staged;
};

struct claim_more {
	usec received;
	uint32_t source, next;
	uint8_t tlp, confidence;
};

/* Texts that the compact form cannot give back: an id whose end is no lower-case
 * UUID, a version with more than six digits or in a leap second. */
struct odd {
	uint32_t object;
	uint16_t id_n;       /* 0 = the id is an ordinary one */
	uint16_t version_n;  /* 0 = the version is */
	char bytes[];
};

enum type_state { TYPE_NEW, TYPE_WRITTEN, TYPE_LOGGED };

struct type_name {
	char *p;             /* NULL: a code that was given away in vain */
	uint8_t n;
	uint8_t state;       /* enum type_state: only in memory, in this transaction's frames, in the log */
};

/* A segment may be written anew (objlog_compact.c). Its file is then another one, and readers that hold places in the old
 * one can go on: places name the file by segment number and side. */
struct segment {
	int fd[2];           /* by side; -1 where there is none */
	uint32_t side;       /* which of them is the segment */
	uint32_t size;       /* good bytes */
	uint32_t chain;      /* the length that the next segment's head states, when it is not the size */
	uint32_t first;      /* number of its first object */
	uint64_t dead;       /* bytes of bodies that nothing names any more */
};
#define FILE_SIDE 16u        /* file = segment number | side << FILE_SIDE */

/* One change on its way into the log, and the form in which replay reads it back. */
struct record {
	uint8_t kind;             /* enum record_kind */
	uint8_t tlp, confidence, flags;
	uint32_t number;          /* object; of REC_TYPE the code */
	uint32_t coll, source;    /* coll: index in objlog.colls */
	uint32_t next_same_id;    /* while staged: chain in the table of staged ids */
	uint64_t id_hash, body_hash;
	usec added, added0;       /* in the collection; in collection 0. REC_REMARK: earliest new date */
	struct str body;          /* while staged; of REC_TYPE the name */
	struct odd *odd;          /* owned until applied */
	struct object o;          /* REC_STORE */
	unsigned char print[32];  /* fingerprint, for the digest */
};

enum record_kind {
	REC_TYPE = 1, /* a type name gets a code */
	REC_STORE,    /* a new version, in the frame's collection and in collection 0 */
	REC_LINK,     /* a known version, newly in the frame's collection */
	REC_CLAIM,    /* a source says it again */
	REC_REMOVE,   /* a version leaves the frame's collection; collection 0: leaves all */
	REC_REMARK,   /* a version's TLP and flags change */
	REC_CLOSE,    /* nothing was open when the log was closed */
	REC_EMPTIED,  /* REC_STORE of an object that is removed further on; its body is gone */
};

/* Records [first, first + n) of the transaction go into one frame. */
struct staged_batch {
	uint32_t first, n, coll, source;
	usec received;
	uint64_t body_bytes;
};

struct frame {
	uint32_t offset, synced, meta, body, count, collection, source, segment;
	usec received;
};

enum tx_kind { TX_NONE, TX_OPEN, TX_PUT, TX_CHANGE, TX_FAILED };

struct objlog {
	pthread_rwlock_t lock;
	char *dir;
	bool read_only, broken;
	uint32_t segment_bytes;
	unsigned char store_id[16];
	struct segment segments[SEGMENTS_MAX];
	uint32_t n_segments;
	uint32_t synced;          /* in the last segment: all before is on disk */
	bool clean;               /* the last frame says closed */

	struct object **blocks;
	uint32_t n_objects, n_blocks, cap_blocks;
	struct chunk **chunks;
	uint32_t n_chunks, cap_chunks;
	struct coll **colls;      /* [0] is "everything" */
	uint32_t n_colls, cap_colls;
	uint32_t *by_row;         /* collection row -> index + 1 */
	uint32_t cap_by_row;
	struct shard shards[SHARDS];
	struct claim_more *claims;
	uint32_t n_claims, cap_claims;
	struct odd **odds;        /* by object, ascending */
	uint32_t n_odds, cap_odds;
	struct type_name types[TYPES_MAX];
	uint32_t n_types;
	_Atomic uint64_t ids, versions, bytes, dead, cut;
	uint32_t emptied;         /* objects without a body whose removal was not replayed yet */
	uint32_t epoch;           /* counts switches to another file; under `lock` */
	_Atomic uint32_t readers[2]; /* that hold places, by the epoch's last bit */
	struct compaction *compaction;
	struct body_cache *cache;

	/* The transaction under way; the writer's alone. */
	enum tx_kind tx;
	struct record *staged;
	uint32_t n_staged, cap_staged;
	struct staged_batch *batches;
	uint32_t n_batches, cap_batches;
	uint32_t *staged_ids;     /* open addressing by id_hash: index + 1 into staged */
	uint32_t cap_staged_ids;
	uint32_t staged_objects, staged_odds, staged_claims;
	uint64_t staged_bytes;
	struct buf meta, out;
	struct buf scratch;       /* a stored body, for comparing */
	struct arena *texts;      /* what the events of this transaction point at */
};

/* ---- objlog_index.c: objects, ids, chains ---- */

/* Makes `*array` (of `size`-byte items, `*cap` of them) hold `need`; readers see either the old or the new array. */
enum rc objlog_room(struct objlog *l, void *array, uint32_t *cap, uint64_t need, size_t size, uint64_t max,
		    const char *what, struct err *err) MUSTUSE;
static inline struct object *objlog_object(const struct objlog *l, uint32_t n)
{
	return &l->blocks[n / BLOCK_OBJECTS][n % BLOCK_OBJECTS];
}
uint64_t objlog_id_hash(uint32_t type, const unsigned char uuid[static 16]);
/* Newest version of the id or NONE. */
uint32_t objlog_find(const struct objlog *l, uint64_t hash, uint32_t type, const unsigned char uuid[static 16]);
/* Room for `extra` more objects beside those staged, and for one more id with this hash. */
enum rc objlog_objects_room(struct objlog *l, uint32_t extra, struct err *err) MUSTUSE;
enum rc objlog_id_room(struct objlog *l, uint64_t hash, struct err *err) MUSTUSE;
/* Order of two versions as instants; the texts decide where microseconds do not. */
int objlog_version_cmp(const struct object *a, const struct odd *odd_a, const struct object *b, const struct odd *odd_b);
const struct odd *objlog_odd(const struct objlog *l, uint32_t object);
/* Puts object `n` into its chain; yields the chain's newest. */
uint32_t objlog_chain_in(struct objlog *l, uint64_t hash, uint32_t n);
void objlog_chain_out(struct objlog *l, uint64_t hash, uint32_t n);
/* The version of `o` (its instant and spec) in the chain, or NONE, or TOO_DEEP when more than CHAIN_WALK_MAX are newer. */
uint32_t objlog_version_find(const struct objlog *l, uint32_t newest, const struct object *o, const struct odd *odd);
uint32_t objlog_type_find(const struct objlog *l, struct str name); /* NONE when unknown */
enum rc objlog_type_add(struct objlog *l, struct str name, uint32_t *ret, struct err *err) MUSTUSE;

/* ---- objlog_text.c: ids and versions as text and back ---- */

/* "type--rest": the type's name, and 16 bytes for the rest; false for a text without "--". `*ret_odd`: rest is no lower-case UUID. */
bool objlog_id_split(struct str id, struct str *ret_type, unsigned char uuid[static 16], bool *ret_odd);
/* RC_BAD when the text is no timestamp. */
enum rc objlog_version_read(struct str text, struct object *o, bool *ret_odd, struct err *err) MUSTUSE;
/* At most ODD_ID_MAX and ODD_VERSION_MAX bytes; freed with mem_free. */
enum rc objlog_odd_new(struct str id, struct str version, struct odd **ret, struct err *err) MUSTUSE;
#define ID_TEXT_MAX (TYPE_NAME_MAX + ODD_ID_MAX)
#define VERSION_TEXT_MAX (ODD_VERSION_MAX + 8)
/* Written into `out`; the length is returned. */
size_t objlog_id_write(const struct object *o, struct str type, const struct odd *odd, char *out);
size_t objlog_version_write(const struct object *o, const struct odd *odd, char *out);
void objlog_print(const struct objlog *l, const struct object *o, const struct odd *odd, unsigned char out[static 32]);

/* ---- objlog_entry.c: collections, entries, masks ---- */

static inline struct entry *objlog_entry(const struct objlog *l, uint32_t n)
{
	return &l->chunks[n / CHUNK_ENTRIES]->e[n % CHUNK_ENTRIES];
}
static inline uint32_t objlog_entry_coll(const struct objlog *l, uint32_t n)
{
	return l->chunks[n / CHUNK_ENTRIES]->coll;
}
static inline uint8_t objlog_kind(const struct object *o)
{
	return (uint8_t)(o->spec21 << 3 | o->tlp);
}
/* NONE when the collection is not known yet. */
uint32_t objlog_coll_find(const struct objlog *l, uint32_t row);
enum rc objlog_coll_add(struct objlog *l, uint32_t row, uint32_t *ret, struct err *err) MUSTUSE;
enum rc objlog_entry_room(struct objlog *l, uint32_t coll, uint32_t type, struct err *err) MUSTUSE;
/* The object's entry in the collection, or NONE. */
uint32_t objlog_entry_of(const struct objlog *l, uint32_t object, uint32_t coll);
void objlog_entry_in(struct objlog *l, uint32_t coll, uint32_t object, usec added, uint32_t newest,
		     const unsigned char print[static 32]);
/* After these two the masks of the chain are the caller's to rebuild. */
void objlog_entry_out(struct objlog *l, uint32_t entry, const unsigned char print[static 32]);
/* Another level in the same place. */
void objlog_entry_rekind(struct objlog *l, uint32_t entry, uint8_t tlp, uint8_t flags, const unsigned char print[static 32]);
void objlog_masks_rebuild(struct objlog *l, uint32_t coll, uint32_t newest);

/* ---- objlog_apply.c: one record into the index ---- */

/* Room for what applying `r` will need, counted as staged until it is applied. */
enum rc objlog_reserve(struct objlog *l, const struct record *r, struct err *err) MUSTUSE;
/* Cannot fail after objlog_reserve. The caller holds the lock, or is alone. Takes r->odd. */
void objlog_apply(struct objlog *l, struct record *r, const struct staged_batch *b);
/* Gives back what was reserved and will not be applied. */
void objlog_reserve_undo(struct objlog *l);

/* ---- objlog_format.c: bytes of the log ---- */

struct segment_head {
	uint32_t number;
	unsigned char store_id[16];
	usec created;
	uint64_t objects_before;
	uint32_t previous_size;
	uint32_t size, chain;     /* of a segment written anew: its length, and its length before; else 0 */
};
void objlog_segment_head_write(const struct segment_head *h, struct buf *b);
enum rc objlog_segment_head_read(struct str bytes, struct segment_head *ret, struct err *err) MUSTUSE;
void objlog_record_write(const struct objlog *l, const struct record *r, uint32_t coll, struct buf *b);
/* The head over the `meta` bytes behind it, with their checksum; written into the first FRAME_HEAD bytes of `at`. */
void objlog_frame_head_write(const struct frame *f, struct str meta, unsigned char at[static FRAME_HEAD]);
/* False when this is no frame head for this place. The checksum is checked by objlog_frame_good. */
bool objlog_frame_head_read(struct str bytes, uint32_t segment, uint32_t offset, struct frame *ret);
bool objlog_frame_good(struct str head, struct str meta);
/* One record with its fields in range; nothing is known yet about what it refers to. r->odd is owned by the caller. */
enum rc objlog_record_read(struct rd *rd, uint32_t collection, struct record *r, struct err *err) MUSTUSE;
static inline uint64_t objlog_frame_size(const struct frame *f)
{
	return ((uint64_t)FRAME_HEAD + f->meta + f->body + 7) & ~(uint64_t)7;
}

/* ---- objlog_file.c: segment files ---- */

enum rc objlog_segment_path(const struct objlog *l, uint32_t number, char *out, size_t max, struct err *err) MUSTUSE;
enum rc objlog_segment_new(struct objlog *l, struct err *err) MUSTUSE;
static inline struct segment *objlog_segment(struct objlog *l, uint32_t file)
{
	return &l->segments[(file & ((1u << FILE_SIDE) - 1)) - 1];
}
static inline uint32_t objlog_segment_file(const struct objlog *l, uint32_t number)
{
	return number | l->segments[number - 1].side << FILE_SIDE;
}
static inline uint32_t objlog_segment_chain(const struct segment *s)
{
	return s->chain != 0 ? s->chain : s->size;
}
/* Where frames are being written. Uses l->out. */
struct out {
	struct objlog *l;
	int fd;
	uint64_t flushed; /* file offset of the first byte in l->out */
};
enum rc objlog_emit(struct out *o, struct str bytes, struct err *err) MUSTUSE;
enum rc objlog_flush(struct out *o, struct err *err) MUSTUSE;
/* Zeros behind a frame of so many bytes. */
enum rc objlog_emit_padding(struct out *o, uint64_t frame_bytes, struct err *err) MUSTUSE;
/* Appends the transaction's frames and syncs them; sets the bodies' places. On failure the file is as before. */
enum rc objlog_append(struct objlog *l, struct err *err) MUSTUSE;
/* Exactly `n` bytes at `pos`. */
enum rc objlog_read(const struct objlog *l, uint64_t pos, char *to, size_t n, struct err *err) MUSTUSE;
void objlog_append_close(struct objlog *l);

/* ---- objlog_scan.c: start ---- */

/* Finds the segments, cuts an unfinished tail off the last one and replays all of them. RC_NOTFOUND when there is none. */
enum rc objlog_scan(struct objlog *l, struct err *err) MUSTUSE;
enum rc objlog_segment_head_of(const struct objlog *l, uint32_t file, struct segment_head *ret, struct err *err) MUSTUSE;

/* Reads frames one after the other through a window on a segment. */
struct frames {
	const struct objlog *l;
	uint32_t segment, file;
	uint64_t size;       /* of the file */
	uint64_t at;         /* of the next frame */
	struct buf window;
	uint64_t window_at;
};
void objlog_frames_init(struct frames *fs, const struct objlog *l, uint32_t segment, uint64_t size, uint64_t at);
void objlog_frames_done(struct frames *fs);
/* The frame at fs->at, whose bytes `ret_meta` borrows until the next call; `*ret_good` false when there is no whole, sound one. */
enum rc objlog_frames_next(struct frames *fs, struct frame *ret, struct str *ret_meta, bool *ret_good, struct err *err) MUSTUSE;
/* Compares the frame's bodies with their hashes; `*ret_bad_at` (offset) is 0 when all are good. */
enum rc objlog_bodies_check(const struct frames *fs, const struct frame *f, struct str meta, struct buf *scratch,
			    uint64_t *ret_bad_at, struct err *err) MUSTUSE;

/* ---- objlog_query.c: which entries a reader gets ---- */

/* What the reply needs of one entry, copied while the lock is held. */
struct hit {
	struct object o;
	const struct odd *odd; /* never freed while the log is open */
	usec added;
	uint32_t number;
};
struct hits {
	struct hit *p;       /* freed by the caller with mem_free */
	uint32_t n, cap;
	uint64_t count;      /* all that passed, when only counting */
	uint64_t bytes;      /* of the bodies */
	bool more;
};
struct hit_limits {
	uint32_t n;
	uint64_t bytes;      /* at least one object is given, whatever its size */
	bool count_only;
};
enum rc objlog_query(struct objlog *l, const struct page_query *q, const struct hit_limits *limits, struct hits *ret,
		     struct err *err) MUSTUSE;

/* ---- objlog_reply.c: the page itself ---- */

/* At most so many bytes of bodies in one page, whatever the caller allows. */
#define PAGE_BYTES_MAX ((uint64_t)256 << 20)
enum rc objlog_reply(struct objlog *l, const struct hits *hits, bool bodies, struct page *ret, struct err *err) MUSTUSE;

/* ---- objlog_cache.c: bodies that lie alone ---- */

enum rc objlog_cache_new(struct objlog *l, struct err *err) MUSTUSE;
void objlog_cache_free(struct objlog *l);
void objlog_cache_clear(struct objlog *l);
/* As objlog_read, of one body that none of its neighbours is wanted with. */
enum rc objlog_read_alone(struct objlog *l, uint64_t pos, uint32_t len, char *to, struct err *err) MUSTUSE;

/* ---- objlog_compact.c ---- */

/* Around whatever uses places outside the lock: the files they name stay open. */
uint32_t objlog_reader_enter(struct objlog *l);
void objlog_reader_leave(struct objlog *l, uint32_t epoch);
void objlog_compaction_free(struct objlog *l);

/* ---- objlog_change.c ---- */

/* Room for `n` more staged records. */
enum rc objlog_staged_room(struct objlog *l, size_t n, struct err *err) MUSTUSE;
static inline usec objlog_next_date(const struct coll *c, usec want)
{
	usec last = c->staged > 0 ? c->staged_last : c->last;

	return want > last ? want : last + 1;
}

#endif
