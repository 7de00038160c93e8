/* Compound files (MS-CFB): the file system inside of old Office documents, MSI packages, Outlook messages and vbaProject.bin. All
 * that is stated is checked: a chain that runs in a circle, leaves the file or enters a sector of another one ends there. */
#ifndef LAB_CFB_H
#define LAB_CFB_H

#include "base/arena.h"
#include "base/buf.h"

#define CFB_ENTRIES_MAX 65536u
#define CFB_PATH_MAX 1024u

enum cfb_kind { CFB_NONE, CFB_STORAGE, CFB_STREAM, CFB_ROOT = 5 };

struct cfb_entry {
	enum cfb_kind kind;
	struct str name;       /* UTF-8 */
	uint32_t parent;       /* number of the storage it lies in; itself for the root and for what no storage leads to */
	bool reached;          /* by the tree from the root on */
	uint32_t left, right, child, start;
	uint64_t size;
	bool small;            /* lies in the stream of small ones */
};

struct cfb {
	struct str bytes;
	struct arena *a;
	unsigned shift;        /* a sector has 1 << shift bytes */
	uint32_t n_sectors, n_small;
	uint32_t *next, *small_next; /* the tables of chains */
	unsigned char *used, *small_used; /* by sector: 1 owned by something */
	struct str small;      /* the stream of small ones, put together */
	uint64_t *small_at;    /* where each of its sectors stands in the file */
	struct cfb_entry *entry;
	uint32_t n_entries;
	bool twice, broken;    /* a sector was claimed twice; a chain ended where it should not */
};

/* A range of the file that something was read from. */
typedef void (*cfb_range)(void *ctx, uint64_t at, uint64_t length);

/* Reads header, tables and directory and tells each of their ranges. RC_BAD: no compound file, or its header or directory cannot be read;
 * RC_NOMEM: more than the arena holds, or than CFB_ENTRIES_MAX. */
enum rc cfb_open(struct str bytes, struct arena *a, struct cfb *ret, cfb_range tell, void *ctx, struct err *err) MUSTUSE;

/* Hands on a stream, piece by piece (`put` false: no more of it), and tells its ranges; padding behind its end is told when it is zeros.
 * False: shorter than it says, or stopped. Each sector is handed on once in the life of `c`. */
typedef bool (*cfb_put)(void *ctx, struct str bytes);
bool cfb_copy(struct cfb *c, const struct cfb_entry *e, cfb_put put, void *ctx, cfb_range tell, void *tell_ctx);

/* The same, put together, in the arena (`ret` is what there is). RC_NOMEM. `tell` may be NULL in all of them. */
enum rc cfb_stream(struct cfb *c, const struct cfb_entry *e, struct str *ret, bool *ret_whole, cfb_range tell, void *ctx, struct err *err) MUSTUSE;

/* "Root Entry/Macros/VBA/dir" without the root: "Macros/VBA/dir", cut at CFB_PATH_MAX. */
struct str cfb_path(const struct cfb *c, uint32_t entry, struct arena *a);

/* A stream's name in a package of the Windows installer, as its author wrote it ("!CustomAction", "Binary.helper"). False: it is an ordinary
 * name, which is appended as it is. */
bool cfb_msi_name(struct str packed, struct buf *out);

#endif
