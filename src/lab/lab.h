/* The lab: files go in, reports come out, and no byte of a file meets a parser outside a disposable worker.
 *
 *   caller ── lab_submit(fd) ──► zygote (rules and tables loaded, in its cell) ──fork──► worker: one submission, then dead
 *      ◄────────────── frames: facts, matches, ledger, totals ───────────────────────────────┘
 *
 * The caller holds the file's descriptor and reads nothing of it. The zygote is a process of its own in a cell (sys/cell.h: name spaces,
 * an empty root, no rights, Landlock); it loads rules and tables before it closes its cell and never sees a file. A worker is a fork of it
 * that locks itself to a few system calls, inspects one submission with all its children, writes frames, and ends. Deadlines are
 * kept by the zygote; the caller has one of its own behind it. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "lab/report.h"
#include "sys/cell.h"

#define LAB_AT_ONCE 64       /* submissions under way */
#define LAB_PASSWORDS_MAX 64

struct lab_limits {
	uint32_t depth;          /* of nesting, <= LAB_DEPTH_MAX */
	uint32_t children;       /* of one submission */
	uint64_t bytes;          /* made in all (unpacked, decoded), not counting what is borrowed */
	uint32_t ratio;          /* bytes made : size of the submission, */
	uint64_t ratio_from;     /* looked at only above so many bytes made */
	uint64_t memory;         /* of a worker, above what it begins with */
	uint64_t output;         /* bytes of frames */
	uint32_t seconds;        /* from start to end; the worker stops by itself a little before */
};

extern const struct lab_limits LAB_LIMITS;

struct lab_stock;

struct lab_setup {
	const char *const *rules;      /* paths, NULL ends; may be NULL */
	const char *const *bad_hashes;
	const char *const *good_hashes;
	bool only_rules;               /* rules on the raw file and nothing else, as the yara program does */
	struct lab_limits limits;
	unsigned without;              /* CELL_*: parts of the cell left out (tests, old kernels) */
	const char *version;           /* of the program: part of the generation */
	/* What a worker does with its submission, in its locked cell, saying frames to `out_fd`; NULL: inspects it. Another kind of worker
	 * (or one that means ill, in tests) is another function under the same fence. */
	void (*work)(const struct lab_stock *stock, struct str bytes, struct str passwords, int out_fd);
};

struct lab;

/* Starts the zygote, and another when it dies, as long as the process has no threads: what `s` points to stays until lab_close. Before
 * the first thread, and before any fence of the caller's own. RC_UNSUPPORTED: the cell would have less than the least
 * (seccomp, limits, not root or a user name space of its own). RC_BAD: rules or lists, and where. */
enum rc lab_open(const struct lab_setup *s, struct lab **ret, struct err *err) MUSTUSE;
/* Ends all that is under way. Accepts NULL. */
void lab_close(struct lab *l);
/* "seccomp(31 calls) user net mount pid ipc no-rights ...". */
void lab_describe(const struct lab *l, struct buf *out);
/* Identifies program, rules and lists. */
struct str lab_generation(const struct lab *l);

#define LAB_PARTS_MAX 512
#define LAB_PART_BYTES 8 /* of length before each */

/* One of several small files that one worker inspects one behind the other, where all are of one owner and that is asked for
 * (a folder under rules alone): each has a report of its own. A part during which the worker dies is tried again with a worker that begins with it. */
struct lab_piece {
	struct str path;               /* copied */
	uint64_t size;                 /* of its bytes; in the file each part is its size (LAB_PART_BYTES, little-endian) and its bytes */
	void *tag;
};

struct lab_submission {
	int fd;                        /* a sealed memfd or a regular file opened to read; stays the caller's */
	struct str path;               /* what the report calls it; copied */
	struct str passwords[LAB_PASSWORDS_MAX];
	size_t n_passwords;
	void *tag;                     /* comes back with the report */
	const struct lab_piece *parts;  /* NULL, or what the file is made of: `path` and `tag` are then not used */
	size_t n_parts;                /* <= LAB_PARTS_MAX */
};

/* A submission whose worker or zygote is killed by something else than itself is tried again, a few times. RC_LIMIT: LAB_AT_ONCE are under way, or a new generation of rules is
 * live and begins when those under way with the one before are over: take reports first. RC_PEER:
 * the zygote is gone and another cannot be started here (threads): lab_close, lab_open elsewhere. */
enum rc lab_submit(struct lab *l, const struct lab_submission *s, struct err *err) MUSTUSE;
size_t lab_under_way(const struct lab *l);
/* Waits for the next report, in the order in which they end. It lives in `a`. RC_BUSY: none within `timeout` (0: it looks once and does not wait); RC_NOTFOUND: none under way;
 * RC_PEER as above; RC_IO: a zygote that died cannot be replaced now: what is under way stays, and the next call tries again. Every submission gets one report, also when its worker was killed (`incomplete`). */
enum rc lab_next(struct lab *l, struct arena *a, usec timeout, struct lab_report *ret, void **ret_tag, struct err *err) MUSTUSE;
/* A descriptor that becomes readable when lab_next has work: for an event loop. */
int lab_fd(const struct lab *l);

#endif
