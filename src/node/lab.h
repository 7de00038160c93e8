/* The lab of a running node: hands what waits to the lab role, keeps what comes back, tells who listens. Core's side; lab_role.c is the other.
 *
 * To read samples and reports: store/samples.h and store/submissions.h with lab_desk_samples and the node's store. A listener is a wake-up and may be lost with the process;
 * whoever must miss nothing keeps a cursor and reads submission_done_after from there. */
#ifndef NODE_LAB_H
#define NODE_LAB_H

#include "base/jsonw.h"
#include "store/samples.h"
#include "store/submissions.h"

#define LAB_LISTENERS_MAX 8

struct core;
struct lab_desk;

/* Opens samples; nothing runs yet. With [lab] run = no: *ret NULL, RC_OK. All calls below accept NULL then, or say RC_UNSUPPORTED. */
enum rc lab_desk_new(struct core *c, struct lab_desk **ret, struct err *err) MUSTUSE;
/* Before lab_desk_start. `fn` runs on the desk's thread behind each durable verdict; it must not block for long, and must not call lab_desk_stop. RC_LIMIT. */
enum rc lab_desk_listen(struct lab_desk *d, void (*fn)(void *ctx, const struct submission *s), void *ctx, struct err *err) MUSTUSE;
enum rc lab_desk_start(struct lab_desk *d, struct err *err) MUSTUSE;
/* Ends the thread; what is under way is handed in again at the next start. */
void lab_desk_stop(struct lab_desk *d);
void lab_desk_free(struct lab_desk *d);

struct samples *lab_desk_samples(struct lab_desk *d);
/* Something waits (submission_add, submission_complete, submission_again). Any thread. */
void lab_desk_wake(struct lab_desk *d);
/* submission_again and lab_desk_wake. */
enum rc lab_desk_again(struct lab_desk *d, struct str id, struct err *err) MUSTUSE;
/* New rules: the role loads them; what is under way comes to its end with the old ones, or is handed in again. */
void lab_desk_reload(struct lab_desk *d);
/* The generation that the role said last; "" before the first time, and without a lab. */
void lab_desk_generation(struct lab_desk *d, char *out, size_t room);
/* Until it has a verdict, or `until` (time_mono). True: it has. */
bool lab_desk_wait(struct lab_desk *d, struct str id, usec until);
/* Is it in a worker's hands? */
bool lab_desk_inspects(struct lab_desk *d, struct str id);

/* Members of an object: running, generation, fences, at_work, inspected, longest_ms, waiting. */
void lab_desk_state(struct lab_desk *d, struct jsonw *w);
/* A row of "roles", and the member "lab" of the status: running, generation, fences, waiting, at work, inspected, quickest and slowest. */
void lab_desk_role(struct lab_desk *d, struct jsonw *w);
void lab_desk_status(struct lab_desk *d, struct jsonw *w);

#endif
