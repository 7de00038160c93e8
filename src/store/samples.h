/* The lab's files of a node: uploads under way, samples, passwords that came with them, reports. All in chests (sys/chest.h) under
 * the node's lab.key; docs/internals/lab-node.md says what lies where and for how long. Thread-safe. */
#ifndef STORE_SAMPLES_H
#define STORE_SAMPLES_H

#include "base/hash.h"
#include "base/time.h"
#include "sys/chest.h"

#define SAMPLE_ADDRESS_LEN 64     /* hex digits */
#define SAMPLE_REPORT_MAX ((size_t)32 << 20)
#define SAMPLE_WORDS_MAX ((size_t)8 << 10)

struct samples;

enum sample_kind { SAMPLE_UPLOAD, SAMPLE_CONTENT, SAMPLE_WORDS, SAMPLE_REPORT };

/* Below the node's folder; makes lab.key and the folders where they are missing. */
enum rc samples_open(const char *dir, struct samples **ret, struct err *err) MUSTUSE;
void samples_close(struct samples *s); /* accepts NULL */

/* Where content of this owner lies: keyed, so that a name on the disk tells nobody what is there. */
void samples_address(const struct samples *s, struct str owner, const unsigned char sha256[static SHA256_LEN], char ret[static SAMPLE_ADDRESS_LEN + 1]);
/* Keyed digest of an address of the network, for quotas. */
void samples_from(const struct samples *s, struct str address, char ret[static 33]);

/* `name`: an upload's or submission's id; of content its address. As chest_open and chest_create. RC_BAD: no such name can be. */
enum rc samples_get(const struct samples *s, enum sample_kind kind, struct str name, bool write, struct chest **ret, struct err *err) MUSTUSE;
enum rc samples_new(const struct samples *s, enum sample_kind kind, struct str name, struct chest **ret, struct err *err) MUSTUSE;
/* The whole of `bytes` in a new chest in place of any that was there, durable. */
enum rc samples_put(const struct samples *s, enum sample_kind kind, struct str name, struct str bytes, struct err *err) MUSTUSE;
/* Appends all of it to `out`. RC_NOTFOUND: destroyed, or never there. */
enum rc samples_read(const struct samples *s, enum sample_kind kind, struct str name, struct buf *out, struct err *err) MUSTUSE;
/* An upload that is complete becomes content, durably; when that content lies there already, the upload is destroyed. */
enum rc samples_keep(const struct samples *s, struct str upload, struct str address, struct err *err) MUSTUSE;
/* The key is gone, durably, when this returns RC_OK: also when nothing was there. */
enum rc samples_destroy(const struct samples *s, enum sample_kind kind, struct str name, struct err *err) MUSTUSE;
/* Content for submissions that come at a time: it is put once, and the first that is whole stays. Under samples_share. */
enum rc samples_put_once(const struct samples *s, struct str address, struct str bytes, struct err *err) MUSTUSE;
/* Until samples_release nobody destroys content at that address (share), or nobody keeps or destroys it (hold): whoever keeps content shares it
 * until its row is there, whoever destroys content holds it from before it asks whether others have it. */
void samples_share(struct samples *s, struct str address);
void samples_hold(struct samples *s, struct str address);
void samples_release(struct samples *s, struct str address);
/* The bytes in a sealed memfd, to be handed to a worker, with their digest. RC_CORRUPT: they are not `size` bytes. */
enum rc samples_memfd(const struct samples *s, enum sample_kind kind, struct str name, uint64_t size, int *ret_fd, unsigned char ret_sha256[static SHA256_LEN], struct err *err) MUSTUSE;

/* Uploads that nobody touched since `before`: destroyed. */
enum rc samples_sweep(const struct samples *s, usec before, uint64_t *ret_n, struct err *err) MUSTUSE;
/* Content that came before `before` and that nobody wants: what a crash left between a row and its bytes. `name`: an address, or one with a suffix, of
 * what was never put in its place. */
enum rc samples_sweep_content(const struct samples *s, usec before, bool (*wanted)(void *ctx, struct str name), void *ctx, uint64_t *ret_n, struct err *err) MUSTUSE;

#endif
