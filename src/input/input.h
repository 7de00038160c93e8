/* The ways in: each brings whole messages of logs from somewhere and says how far
 * it came, so that whoever takes them can resume there and acknowledge what is
 * safe. One struct input_kind per way, found by the scheme of the configured path. */
#ifndef INPUT_INPUT_H
#define INPUT_INPUT_H

#include "base/buf.h"
#include "base/time.h"
#include "wire/flat.h"

#define INPUT_MESSAGE_MAX ((size_t)1 << 20) /* bytes of one message; longer ones are skipped and counted */
#define INPUT_PLACE_MAX 1000                /* bytes of a place */
#define INPUT_FILES_MAX 1100                /* descriptors that one input may hold */
#define INPUT_PART_MAX 160                  /* bytes of a part's name */

/* What the configuration says, with the texts of its files: a kind opens no file of keys itself. Strings live until open returns. */
struct input_opts {
	const char *name;          /* of the input */
	const char *path;          /* "tls://[::]:6514" */
	const char *cert_pem, *key_pem; /* of this end; NULL: none */
	const char *client_ca_pem; /* client certificates must be signed by it; NULL: none is asked for */
	bool tls;                  /* of kinds that connect: the server must show a certificate ... */
	const char *ca_pem;        /* ... signed by one of these; NULL: by one that this system trusts */
	const char *user, *secret; /* by which we sign in; NULL: we do not. A secret without a user is a token */
	const char *sasl;          /* "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512": how, where there is a choice; NULL: the last */
	const char *senders;       /* who may send: lines of USER:SECRET; NULL: anyone who reaches us */
	/* How far the part `part` was read in a former life; false: never. For kinds that have parts. NULL: nothing is known. */
	bool (*part_place)(void *ctx, struct str part, char out[INPUT_PLACE_MAX + 1]);
	void *ctx;
};

/* One message, borrowed during the call. */
struct input_message {
	struct str bytes;          /* whole, without frame or line end, 1 to INPUT_MESSAGE_MAX bytes */
	struct str part;           /* the log it comes from where an input has many (a file of a folder), else "": the format is
				    * found out, and the place is kept, for each part */
	enum log_format format;    /* LOG_UNKNOWN: as the configuration says */
};

/* Takes one message. Not RC_OK: it was not taken, run returns that and hands the message over again next time. */
typedef enum rc (*input_take)(void *ctx, const struct input_message *m, struct err *err);

struct input_stats {
	uint64_t messages, bytes;  /* handed over and taken; bytes as they came */
	uint64_t senders;          /* connections, files: so many were there */
	uint64_t refused;          /* senders turned away: too many, no right, a failed handshake */
	uint64_t too_long;         /* messages longer than INPUT_MESSAGE_MAX: skipped */
	uint64_t repeated;         /* messages that came again and were known: not handed over */
	uint64_t dropped;          /* messages lost before we had them, as far as is known */
	int64_t lag;               /* what waits at the source: bytes of files, messages of queues; -1: unknown */
	usec last_message;         /* when the last one came; 0: never */
};

enum input_traits {
	INPUT_LISTENS = 1,         /* opens a socket that others connect to: in open(), before a fence forbids it */
	INPUT_CONNECTS = 2,        /* connects by itself, in run() */
	INPUT_READS_FILES = 4,     /* needs the folder of its path */
	INPUT_HAS_PLACE = 8,       /* can resume: places mean something beyond this life */
	INPUT_TLS_KEYS = 16,       /* wants cert_pem, key_pem, client_ca_pem */
};

struct input_kind {
	const char *scheme;        /* "udp://"; "" = a file or a folder */
	unsigned traits;
	/* `place`: behind what a former life took, "" = there is none. Starts no thread: role fences come after it. RC_BAD: the path;
	 * RC_CONFLICT: the address is taken; RC_DENIED: a port below 1024 without the right. */
	enum rc (*open)(const struct input_opts *o, struct str place, void **ret, struct err *err);
	/* Hands over what comes for up to `wait`; *ret_any false: nothing came. From one thread. RC_NOTFOUND: the source is away (a
	 * file), RC_PEER, RC_IO: call again later. */
	enum rc (*run)(void *self, usec wait, input_take take, void *ctx, bool *ret_any, struct err *err);
	/* Behind all that was handed over; inside `take`: behind the message at hand. Of a kind with parts: of the part at hand. */
	void (*place)(void *self, char out[INPUT_PLACE_MAX + 1]);
	/* All up to `place` is durable here: the senders may forget it. From run's thread. NULL: nobody waits for it. */
	void (*settled)(void *self, struct str place);
	/* From any thread. */
	void (*stats)(void *self, struct input_stats *ret);
	void (*close)(void *self); /* accepts NULL */
};

/* The kind of a configured path; never NULL: what has no scheme is a file. */
const struct input_kind *input_kind_of(const char *path);

extern const struct input_kind INPUT_UDP, INPUT_TCP, INPUT_TLS, INPUT_HTTP, INPUT_HTTPS, INPUT_STDIN, INPUT_FILE;
extern const struct input_kind INPUT_KAFKA, INPUT_NATS, INPUT_JETSTREAM;

#endif
