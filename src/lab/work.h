/* Inside the lab only: one submission as the worker sees it, and the ledger of one node. */
#ifndef LAB_WORK_H
#define LAB_WORK_H

#include "base/map.h"
#include "lab/frame.h"
#include "lab/hashes.h"
#include "lab/lab.h"
#include "lab/ranges.h"
#include "lab/rules.h"

#define LAB_REASONS_MAX 16   /* unseen ranges of one node that are told one by one; then those of one reason are joined */
#define LAB_REASON_BYTES 200

/* What the zygote has loaded: the same for all submissions. */
struct lab_stock {
	struct lab_rules *rules;   /* NULL: none */
	struct lab_hashes *hashes; /* NULL: none */
	bool only_rules;
	void (*work)(const struct lab_stock *stock, struct str bytes, struct str passwords, int out_fd);
	struct lab_limits limits;
	struct cell cell;
};

struct lab_lost {
	uint64_t at, length;
	char why[LAB_REASON_BYTES];
};

struct lab_ledger {
	struct lab_ranges claimed, unseen;
	struct lab_lost *lost; /* what is told of the unseen */
	size_t n_lost, cap_lost;
	bool walked;           /* some walker came to its end */
	bool below;            /* something below this node was not seen */
};

struct lab_work {
	const struct lab_stock *stock;
	int out_fd;
	struct buf out;        /* frames not yet written */
	uint64_t said;         /* bytes of frames so far */
	uint64_t size;         /* of the submission */
	uint64_t made, live;   /* bytes made in all; held now by open children */
	uint64_t bytes_total, bytes_seen, children, left_out, shown;
	usec until;            /* stop by oneself */
	const char *over;      /* why the submission is over, or NULL */
	struct map *twins;     /* sha256 -> enum twin */
	struct str passwords[LAB_PASSWORDS_MAX];
	char words[LAB_PASSWORDS_MAX][64];
	size_t n_passwords;
};

/* Inspects the bytes as one submission and writes all its frames to `out_fd`. In a locked cell. */
void lab_work_run(const struct lab_stock *stock, struct str bytes, struct str passwords, int out_fd);

/* Digests, rules, walkers, ledger of one node whose bytes are there. */
void lab_inspect(struct lab_node *n);

/* Frames. Each is dropped, and counted, when the output is used up. */
void lab_say_digests(struct lab_node *n);
void lab_say_child(struct lab_node *n);
void lab_say_unseen(struct lab_node *n, const struct lab_lost *l);
void lab_say_end(struct lab_work *w);
void lab_flush(struct lab_work *w);

/* The zygote: `sock` is a pair's end; never returns. */
__attribute__((noreturn)) void lab_zygote(const struct lab_setup *s, struct cell *cell, int sock);

/* Messages between caller and zygote. */
struct lab_ready {
	int32_t rc;
	char text[ERR_TEXT_MAX], generation[48], cell[400];
	uint64_t rules, hashes;
};
struct lab_job_head {
	uint64_t size;
	uint32_t parts, from; /* submissions in one file, LAB_PART_BYTES of length before each; the first of them to be inspected */
	uint32_t passwords; /* bytes behind this head: texts as in frames */
};
#define LAB_JOB_MAX ((size_t)8 << 10)
#define LAB_LATE 0x10000 /* status: ended at its deadline */

#endif
