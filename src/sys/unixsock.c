#include "sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket's path may have 107 bytes only; the folder's descriptor makes any path short. */
static enum rc unix_address(const char *path, struct sockaddr_un *sa, int *ret_folder, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];
	int n;

	if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof folder)
		return FAIL(err, RC_BAD, "socket: '%s' is no absolute path", path);
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	*ret_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_folder < 0)
		return FAIL(err, RC_IO, "socket: %s: %m", folder);
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/%s", *ret_folder, slash + 1);
	if (n < 0 || n >= (int)sizeof sa->sun_path) {
		close(*ret_folder);
		return FAIL(err, RC_BAD, "socket: %s: name is too long", path);
	}
	return RC_OK;
}

enum rc unix_listen(const char *path, int backlog, int *ret_fd, struct err *err)
{
	struct sockaddr_un sa;
	int fd, folder, bound;

	TRY(unix_address(path, &sa, &folder, err));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		close(folder);
		return FAIL(err, RC_IO, "socket: %m");
	}
	unlink(path);
	/* The file gets the socket's own mode; the umask would be that of the whole process. */
	bound = fchmod(fd, 0600) == 0 ? bind(fd, (struct sockaddr *)&sa, sizeof sa) : -1;
	close(folder);
	if (bound != 0 || listen(fd, backlog) != 0) {
		err_set(err, RC_IO, "%s: %m", path);
		close(fd);
		return RC_IO;
	}
	*ret_fd = fd;
	return RC_OK;
}

enum rc unix_connect(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un sa;
	int fd, folder;
	enum rc rc;

	TRY(unix_address(path, &sa, &folder, err));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 ? RC_OK : errno == ECONNREFUSED || errno == ENOENT ? RC_PEER : RC_IO;
	if (rc != RC_OK)
		err_set(err, rc, "%s: %m", path);
	close(folder);
	if (rc == RC_OK)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return rc;
}

enum rc unix_check_peer(int fd, struct err *err)
{
	struct ucred who;
	socklen_t n = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
		return FAIL(err, RC_IO, "socket: %m");
	return who.uid == geteuid() ? RC_OK : FAIL(err, RC_DENIED, "socket: its other end is a process of user %u", who.uid);
}
