/* Mail to people (RFC 5322 over SMTP, by libcurl). One message a call; nothing of a
 * subject or a body can become a header. */
#ifndef SYS_MAIL_H
#define SYS_MAIL_H

#include "base/buf.h"
#include "base/time.h"

#define MAIL_TO_MAX 16
#define MAIL_BODY_MAX ((size_t)1 << 20)

struct mail_config {
	const char *url;             /* smtp://HOST:PORT (STARTTLS, asked for on the way; plain on loopback only) or smtps://HOST:PORT */
	const char *from;            /* address */
	const char *user, *password; /* or NULL */
	const char *ca_file;         /* PEM; NULL = the system's store */
};

struct mail {
	const char *to[MAIL_TO_MAX + 1]; /* addresses; NULL ends */
	struct str subject, body;        /* UTF-8; lines of the body end in \n */
	struct str id;                   /* of the message, without angle brackets: the same for a second try */
	usec date;
	bool automatic;                  /* nobody's holiday notice shall answer */
};

/* An address that can stand in a header and in an SMTP command: printable ASCII with one "@", no blanks and brackets. */
bool mail_address_good(struct str address);

/* The whole message with CRLF line ends. RC_BAD: an address or the id. */
enum rc mail_compose(const struct mail_config *c, const struct mail *m, struct buf *out, struct err *err) MUSTUSE;

/* RC_OK: the server has taken it for all. RC_PEER: no connection, TLS, or a refusal (err says it); may pass by itself. */
enum rc mail_send(const struct mail_config *c, const struct mail *m, usec timeout, struct err *err) MUSTUSE;

#endif
