#include "input/address.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define BACKLOG 512

/* "127.0.0.1:514" or "[::1]:514" behind "SCHEME://"; a path may follow. */
static enum rc split(const char *path, char host[static 256], char port[static 16], struct err *err)
{
	size_t from = str_find(str_of(path), S("://"), 0);
	struct str s = from == SIZE_MAX ? S("") : str_slice(str_of(path), from + 3, SIZE_MAX), h;
	size_t slash = str_find(s, S("/"), 0), colon;

	s = str_slice(s, 0, slash == SIZE_MAX ? s.n : slash);
	for (colon = s.n; colon > 0 && s.p[colon - 1] != ':';)
		colon--;
	h = str_slice(s, 0, colon == 0 ? 0 : colon - 1);
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_slice(h, 1, h.n - 1);
	if (h.n == 0 || h.n > 255 || s.n - colon > 5 || s.n - colon == 0)
		return FAIL(err, RC_BAD, "%s: expected SCHEME://ADDRESS:PORT, as tcp://127.0.0.1:601 or tls://[::]:6514", path);
	snprintf(host, 256, "%.*s", STR(h));
	snprintf(port, 16, "%.*s", STR(str_slice(s, colon, s.n)));
	return RC_OK;
}

static enum rc open_socket(const char *path, const struct addrinfo *a, int *ret_fd, struct err *err)
{
	int one = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    (a->ai_socktype != SOCK_STREAM || listen(fd, BACKLOG) == 0)) {
		*ret_fd = fd;
		return RC_OK;
	}
	err_set(err, errno == EADDRINUSE ? RC_CONFLICT : errno == EACCES ? RC_DENIED : RC_IO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err != NULL ? err->rc : RC_IO;
}

enum rc address_listen(const char *path, int type, int *ret_fd, struct err *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = type }, *a;
	char host[256], port[16];
	enum rc rc;

	TRY(split(path, host, port, err));
	if (getaddrinfo(host, port, &hints, &a) != 0)
		return FAIL(err, RC_BAD, "%s: the address is a number, like 127.0.0.1 or [::]", path);
	rc = open_socket(path, a, ret_fd, err);
	freeaddrinfo(a);
	return rc;
}
