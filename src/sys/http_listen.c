/* Listening sockets: "1.2.3.4:80", "[::1]:80", or "unix:/folder/name" for local
 * administration, where the file's permissions say who may connect. */
#include <errno.h>
#include "sys/http_int.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

/* A socket's path may have 107 bytes only; the folder's descriptor makes any path short. */
static enum rc unix_address(const char *path, struct sockaddr_un *sa, socklen_t *ret_n, int *ret_folder, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];
	int n;

	if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof folder)
		return FAIL(err, RC_BAD, "http: '%s' is no absolute path", path);
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	*ret_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_folder < 0)
		return FAIL(err, RC_IO, "http: %s: %m", folder);
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/%s", *ret_folder, slash + 1);
	if (n < 0 || n >= (int)sizeof sa->sun_path) {
		close(*ret_folder);
		return FAIL(err, RC_BAD, "http: %s: name is too long", path);
	}
	*ret_n = (socklen_t)sizeof *sa;
	return RC_OK;
}

/* Replaces a socket file left by a process that died: the caller holds the folder's lock. */
static enum rc listen_unix(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un sa;
	socklen_t n;
	int fd, folder, bound;

	TRY(unix_address(path, &sa, &n, &folder, err));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		close(folder);
		return FAIL(err, RC_IO, "http: socket: %m");
	}
	unlink(path);
	/* The file gets the socket's own mode; the umask would be that of the whole process. */
	bound = fchmod(fd, 0600) == 0 ? bind(fd, (struct sockaddr *)&sa, n) : -1;
	close(folder);
	if (bound != 0 || listen(fd, BACKLOG) != 0) {
		err_set(err, RC_IO, "http: %s: %m", path);
		close(fd);
		return RC_IO;
	}
	*ret_fd = fd;
	return RC_OK;
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
		return listen_unix(listen_at + 5, ret_fd, err);
	return listen_address(listen_at, ret_port, ret_fd, err);
}
