/* A process of its own that runs one program, again and again, for a process that is going into a fence where nothing can be
 * started. No shell, no argument, a fixed environment; what is to be said goes to the program's standard input. */
#ifndef SYS_RUNNER_H
#define SYS_RUNNER_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#define RUNNER_INPUT_MAX ((size_t)64 << 10)

struct runner;

/* Before the first thread and the fence. `path`: absolute, a file that may be executed and that not everybody may write (RC_BAD).
 * `limit`: how long one run may take; then the program and all that it started are killed. */
enum rc runner_start(const char *path, usec limit, struct runner **ret, struct err *err) MUSTUSE;

/* One run, one at a time; *stop (may be NULL) given up on early. RC_PEER: it ended with another status than 0, was killed, or took
 * too long, and which; RC_IO: it cannot be run, or the process is gone; RC_LIMIT: too much input; RC_BUSY: stopped. */
enum rc runner_do(struct runner *r, struct str input, const _Atomic int *stop, struct err *err) MUSTUSE;

/* Ends the process, and a run that is under way. Accepts NULL. */
void runner_stop(struct runner *r);

#endif
