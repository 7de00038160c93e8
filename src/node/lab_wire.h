/* What core and the lab role say to each other over lab.sock: a head of fixed size, then texts. Both are this program; lengths are
 * checked all the same, because the role reads what hostile workers say. */
#ifndef NODE_LAB_WIRE_H
#define NODE_LAB_WIRE_H

#include "base/buf.h"
#include "lab/lab.h"

#define LAB_WIRE_MAGIC 0x4C464C31u
#define LAB_WIRE_NAME_MAX 1024u
#define LAB_WIRE_WORDS_MAX (8u << 10)
#define LAB_WIRE_REPORT_MAX (32u << 20)
#define LAB_WIRE_TEXT_MAX 4096u

/* Core to role; the descriptor of the sample comes with the head of a job. */
enum lab_ask_kind { LAB_ASK_JOB = 1, LAB_ASK_RELOAD };
struct lab_ask {
	uint32_t magic, kind;
	uint64_t number;
	uint32_t name, words; /* bytes behind the head: how it is called; passwords, a line each */
};

/* Role to core. HELLO: generation and fences; REPORT: generation and report (JSON). */
enum lab_say_kind { LAB_SAY_HELLO = 1, LAB_SAY_REPORT };
struct lab_say {
	uint32_t magic, kind;
	uint64_t number;
	uint32_t verdict, lost;
	uint32_t generation, text;
};

/* Whole, or RC_PEER. */
enum rc lab_wire_send(int fd, const void *head, size_t n, struct str a, struct str b, int pass_fd, struct err *err) MUSTUSE;
/* `pass_fd` (may be NULL) gets a descriptor that came along, or -1. */
enum rc lab_wire_take(int fd, void *head, size_t n, int *pass_fd, struct err *err) MUSTUSE;
/* `n` more bytes, appended. */
enum rc lab_wire_more(int fd, struct buf *b, size_t n, struct err *err) MUSTUSE;

#endif
