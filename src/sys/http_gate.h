/* The strict gate in front of the HTTP library's lenient parser: which request heads
 * are refused before any handler sees them. Pure: no I/O, no clock, no memory. */
#ifndef SYS_HTTP_GATE_H
#define SYS_HTTP_GATE_H

#include "sys/http.h"

#define HTTP_HEADERS_MAX 96

struct http_head {
	struct str method, target, version; /* as received: "GET", "/a?b", "HTTP/1.1" */
	const struct http_header_line *headers;
	size_t n_headers;
};

/* 0 when the head may pass, else the status to refuse with; `ret_why` is then a static text.
 * Refused are (RFC 9112 and 9110): more than one Host, Content-Length or Transfer-Encoding
 * (§6.3), both of the latter, a coding other than chunked (§6.1), a length that is not
 * digits, 1.1 without Host (§3.2), header names that are no tokens (so "Host :"), control
 * characters in values, methods, targets and versions that break their grammar. */
int http_gate(const struct http_head *h, const char **ret_why) MUSTUSE;

/* The head's `size` bytes at `begin`, as the parser left them in its receive buffer (each
 * delimiter overwritten with NUL), are exactly what `h` says and nothing else: so nothing was
 * folded (RFC 9112 §5.2), dropped, or cut short by a NUL of the client's, and every line ends
 * in CRLF, not in a bare LF (which §2.2 would allow to accept). The method, the
 * version and the header lines of `h` must point into that buffer. */
bool http_gate_whole(const char *begin, size_t size, const struct http_head *h);

/* Splits origin-form or absolute-form (RFC 9112 §3.2.1-2) into raw path and query; false for others. */
bool http_gate_target(struct str target, struct str *ret_path, struct str *ret_query);

/* The declared length, or 0 without one; only behind http_gate. UINT64_MAX when too large. */
uint64_t http_gate_length(const struct http_head *h);

#endif
