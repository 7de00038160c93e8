/* Listening sockets: "1.2.3.4:80", "[::1]:80", or "unix:/folder/name" for local
 * administration, where the file's permissions say who may connect. */
#include <errno.h>
#include "sys/http_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sys/unixsock.h"

#define BACKLOG 1024

/* "1.2.3.4:80" or "[::1]:80". */
static enum rc parse_address(const char *text, struct sockaddr_storage *sa, socklen_t *ret_n, struct err *err)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)sa;
	const char *colon = text == NULL ? NULL : strrchr(text, ':');
	char host[64] = "";
	uint64_t port;
	bool six;

	if (colon == NULL || !str_to_u64(str_of(colon + 1), &port) || port > 65535 || colon - text >= (int)sizeof host)
		return FAIL(err, RC_BAD, "http: '%s' is no address with port, as 127.0.0.1:8443 or [::]:8443", text == NULL ? "" : text);
	memcpy(host, text, (size_t)(colon - text));
	six = host[0] == '[' && colon[-1] == ']';
	*sa = (struct sockaddr_storage){ 0 };
	if (six) {
		host[colon - text - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
	}
	*ret_n = six ? sizeof *in6 : sizeof *in;
	if ((six ? inet_pton(AF_INET6, host + 1, &in6->sin6_addr) : inet_pton(AF_INET, host, &in->sin_addr)) != 1)
		return FAIL(err, RC_BAD, "http: '%s' is no numeric address", text);
	return RC_OK;
}

enum rc http_listen_check(const char *listen_at, struct err *err)
{
	struct sockaddr_storage sa;
	socklen_t n;

	return parse_address(listen_at, &sa, &n, err);
}

static enum rc listen_address(const char *listen_at, int *ret_port, int *ret_fd, struct err *err)
{
	struct sockaddr_storage sa;
	socklen_t n;
	int fd, one = 1, zero = 0;

	TRY(parse_address(listen_at, &sa, &n, err));
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return FAIL(err, RC_IO, "http: socket: %m");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
	if (bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &n) != 0) {
		enum rc rc = errno == EADDRINUSE ? RC_CONFLICT : errno == EACCES ? RC_DENIED : RC_IO;

		if (rc == RC_CONFLICT)
			err_set(err, rc, "%s: another program listens there already", listen_at);
		else
			err_set(err, rc, "%s: %m", listen_at);
		close(fd);
		return rc;
	}
	*ret_port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port
						   : ((struct sockaddr_in *)(void *)&sa)->sin_port);
	*ret_fd = fd;
	return RC_OK;
}

enum rc http_listen_open(const char *listen_at, int *ret_port, int *ret_fd, struct err *err)
{
	if (listen_at != NULL && str_starts(str_of(listen_at), S("unix:")))
		return unix_listen(listen_at + 5, BACKLOG, ret_fd, err);
	return listen_address(listen_at, ret_port, ret_fd, err);
}
