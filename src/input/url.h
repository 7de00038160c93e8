/* The path of an input that connects to servers: SCHEME://HOST:PORT[,HOST:PORT]/NAME?KEY=VALUE&KEY=VALUE.
 * Nothing in it is escaped: topics and subjects need none. Inside input/ only. */
#ifndef INPUT_URL_H
#define INPUT_URL_H

#include "base/err.h"
#include "base/str.h"

struct input_url {
	struct str hosts; /* "a:9092,b:9092": each has a port */
	struct str name;  /* the topic, the subject; not empty */
	struct str query; /* what stands behind '?', for str_next */
};

/* Borrows from `path`. RC_BAD names what is missing; `example` shows how it is meant. */
enum rc input_url_split(const char *path, const char *example, struct input_url *ret, struct err *err) MUSTUSE;
/* The next KEY=VALUE; *ret false: there is none. RC_BAD: no '=', or nothing behind it. */
enum rc input_url_next(struct input_url *u, struct str *ret_key, struct str *ret_value, bool *ret, struct err *err) MUSTUSE;

#endif
