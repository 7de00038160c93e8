/* Sessions of browsers: the cookie, and what makes a request another site's forgery. */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include "store/sessions.h"
#include "sys/http.h"

/* "__Host-": browsers take it only with Secure, for the whole host and no other (RFC 6265bis §4.1.3.2). */
#define SESSION_COOKIE "__Host-lianfang"
/* Of a sign-in that went to an identity provider and is not back yet. */
#define BEGUN_COOKIE "__Host-lianfang-begun"
/* The console sends it with every request. No other site can, short of a permission (CORS) that nobody gives. */
#define CONSOLE_HEADER "Lianfang-Console"
/* "poll": a request that a page made by itself keeps no session alive. */
#define CONSOLE_POLL "poll"

/* The value of one of our cookies; false without exactly one that is well-formed: two mean that somebody meddles. */
bool session_cookie(const struct http_req *r, struct str name, struct str *ret);
/* Hex SHA-256 of the cookie's value in r->arena; false without exactly one well-formed cookie. */
bool session_hash(const struct http_req *r, struct str *ret);

/* A new session under a new id; sets the cookie. */
enum rc session_begin(struct store *s, struct http_req *r, struct str user, struct http_res *res, struct err *err) MUSTUSE;
/* Ends the one of the request, if any; takes the cookie back. */
enum rc session_finish(struct store *s, struct http_req *r, struct http_res *res, struct err *err) MUSTUSE;

/* Whether this changing request came from a page of another site, as far as the browser tells (Fetch Metadata §2.3;
 * without it, Origin). Programs that are no browsers send neither. */
bool request_is_foreign(const struct http_req *r);
/* Whether the console itself made it: its header is there. */
bool request_is_console(const struct http_req *r);

/* Hex SHA-256 of a secret, in `a`; .p NULL: out of memory. */
struct str secret_hash(struct arena *a, struct str secret);

#endif
