/* The folder of lists: DIR/list.json and DIR/NAME/list.json, as the MISP project ships them. */
#include "intel/warninglist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "intel/warninglist_int.h"

/* RC_NOTFOUND when there is no such file. */
static enum rc read_all(int dir, const char *path, struct buf *out, struct err *err)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return FAIL(err, errno == ENOENT || errno == ENOTDIR ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	while (n > 0) {
		char *room = buf_room(out, (size_t)1 << 16);

		n = room == NULL ? 0 : read(fd, room, (size_t)1 << 16);
		if (n > 0)
			buf_grew(out, (size_t)n);
	}
	close(fd);
	if (n < 0)
		return FAIL(err, RC_IO, "%s: %s", path, strerror(errno));
	return buf_check(out, err, path);
}

static enum rc load_one(struct warninglists *w, int dir, const char *path, struct err *err)
{
	struct buf text;
	enum rc rc;

	buf_init(&text, WARNINGLIST_BYTES_MAX);
	rc = read_all(dir, path, &text, err);
	if (rc == RC_OK) {
		rc = warninglists_add(w, buf_view(&text), err);
		if (rc != RC_OK)
			err_prefix(err, "%s", path);
	}
	buf_done(&text);
	return rc;
}

/* Order of readdir is not kept; lists are independent of one another. */
static enum rc load_all(struct warninglists *w, DIR *d, struct err *err)
{
	struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		char path[300];
		enum rc rc;

		if (e->d_name[0] == '.')
			continue;
		if (strcmp(e->d_name, "list.json") == 0)
			snprintf(path, sizeof path, "list.json");
		else
			snprintf(path, sizeof path, "%s/list.json", e->d_name);
		rc = load_one(w, dirfd(d), path, err);
		if (rc == RC_NOMEM)
			return rc;
		if (rc != RC_OK && rc != RC_NOTFOUND)
			warninglists_count_failed(w);
	}
	return RC_OK;
}

enum rc warninglists_load(const char *dir, struct warninglists **ret, struct err *err)
{
	DIR *d = opendir(dir);
	struct warninglists *w;
	enum rc rc;

	if (d == NULL)
		return FAIL(err, errno == ENOENT || errno == ENOTDIR ? RC_NOTFOUND : RC_IO, "%s: %s", dir, strerror(errno));
	w = warninglists_new();
	rc = w == NULL ? FAIL(err, RC_NOMEM, "warning lists: no memory") : load_all(w, d, err);
	closedir(d);
	if (rc == RC_OK)
		rc = warninglists_ready(w, err);
	if (rc == RC_OK)
		*ret = w;
	else
		warninglists_free(w);
	return rc;
}
