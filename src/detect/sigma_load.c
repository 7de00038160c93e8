/* Rules from files and folders, lists for placeholders from a folder of texts. Thousands of small files: names are opened
 * relative to their folder, one buffer serves all, and a file is asked for its kind only where the folder does not tell.
 * Symbolic links are followed, unlike in sys/file.h: a folder of links is a common way to choose rules. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "detect/sigma_int.h"
#include "sys/file.h"

#define DEPTH_MAX 32
#define LIST_FILE_MAX ((size_t)16 << 20)
#define PATH_BYTES_MAX ((size_t)4096)
#define READ_STEP ((size_t)16 << 10)

struct walk {
	struct sigma_reader *r;
	struct buf path, text;
	bool lists;
	unsigned depth;
	struct { dev_t dev; ino_t ino; } in[DEPTH_MAX]; /* folders that are open */
};

static bool is_rule(struct str name)
{
	return str_ends(name, S(".yml")) || str_ends(name, S(".yaml"));
}

static bool is_list(struct str name)
{
	return str_ends(name, S(".txt"));
}

static enum rc take_list(struct sigma_reader *r, struct str path, struct str text, struct err *err)
{
	struct str name = path, line, rest = text;
	struct str *values;
	size_t n = 1, slash;
	enum rc rc;

	while ((slash = str_find(name, S("/"), 0)) != SIZE_MAX)
		name = str_slice(name, slash + 1, name.n);
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	values = mem_array(n, sizeof *values);
	if (values == NULL)
		return FAIL(err, RC_NOMEM, "sigma: no memory");
	for (n = 0; str_next(&rest, '\n', &line);) {
		line = str_trim(line);
		if (line.n > 0 && line.p[0] != '#')
			values[n++] = line;
	}
	rc = sigma_reader_placeholder(r, str_slice(name, 0, name.n - 4), values, n, err);
	mem_free(values);
	return rc;
}

static enum rc read_all(int fd, struct buf *to)
{
	buf_clear(to);
	for (;;) {
		char *room = buf_room(to, READ_STEP);
		ssize_t n = room == NULL ? 0 : read(fd, room, READ_STEP);

		if (n > 0)
			buf_grew(to, (size_t)n);
		else if (n == 0)
			return to->bad;
		else if (errno != EINTR)
			return RC_IO;
	}
}

static enum rc one_file(struct walk *w, int at, const char *name, bool named, struct err *err)
{
	CLEANUP(file_closep) int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum rc rc = fd < 0 ? RC_IO : read_all(fd, &w->text);
	struct str path = buf_view(&w->path);

	if (rc == RC_OK && !w->lists && w->text.n > SIGMA_FILE_MAX)
		rc = RC_LIMIT;
	if (rc == RC_OK)
		return w->lists ? take_list(w->r, path, buf_view(&w->text), err) : sigma_reader_add(w->r, path, buf_view(&w->text), err);
	if (rc == RC_NOMEM)
		return FAIL(err, rc, "sigma: no memory");
	(void)FAIL(err, rc, "%s", rc == RC_LIMIT ? "larger than a file of rules may be" : strerror(errno));
	/* One file among many that cannot be read is reported like one that reads badly. */
	if (!named && !w->lists)
		return sigma_reader_unread(w->r, path, str_of(err->text), err);
	err_prefix(err, "%.*s", STR(path));
	return rc;
}

static enum rc entry(struct walk *w, int at, const char *name, unsigned char type, bool named, struct err *err);

static enum rc entries(struct walk *w, int fd, struct dirent *const *list, int n, struct err *err)
{
	size_t path = w->path.n;

	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] == '.')
			continue;
		buf_fmt(&w->path, "/%s", list[i]->d_name);
		if (w->path.bad != RC_OK)
			return FAIL(err, w->path.bad, "%.*s: path too long", STR(buf_view(&w->path)));
		TRY(entry(w, fd, list[i]->d_name, list[i]->d_type, false, err));
		buf_cut(&w->path, path);
	}
	return RC_OK;
}

/* A link that leads back: what it leads to is being read. */
static bool within_itself(const struct walk *w, const struct stat *st)
{
	for (unsigned i = 0; i < w->depth; i++)
		if (w->in[i].dev == st->st_dev && w->in[i].ino == st->st_ino)
			return true;
	return false;
}

static enum rc folder(struct walk *w, int at, const char *name, struct err *err)
{
	CLEANUP(file_closep) int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **list = NULL;
	int n = fd < 0 ? -1 : scandirat(fd, ".", &list, NULL, alphasort);
	struct stat st;
	enum rc rc;

	if (n < 0 || fstat(fd, &st) != 0)
		return FAIL(err, errno == ENOMEM ? RC_NOMEM : RC_IO, "%.*s: %s", STR(buf_view(&w->path)), strerror(errno));
	if (within_itself(w, &st)) {
		rc = RC_OK;
	} else if (w->depth >= DEPTH_MAX) {
		rc = FAIL(err, RC_LIMIT, "%.*s: folders nested deeper than %d", STR(buf_view(&w->path)), DEPTH_MAX);
	} else {
		w->in[w->depth].dev = st.st_dev;
		w->in[w->depth++].ino = st.st_ino;
		rc = entries(w, fd, list, n, err);
		w->depth--;
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return rc;
}

static enum rc entry(struct walk *w, int at, const char *name, unsigned char type, bool named, struct err *err)
{
	bool wanted = named || (w->lists ? is_list(str_of(name)) : is_rule(str_of(name)));
	struct stat st;

	if (type == DT_UNKNOWN || type == DT_LNK) {
		if (fstatat(at, name, &st, 0) != 0 && !named)
			return wanted ? one_file(w, at, name, named, err) : RC_OK;
		if (named && fstatat(at, name, &st, 0) != 0)
			return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", name, strerror(errno));
		type = S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
	}
	if (type == DT_DIR)
		return folder(w, at, name, err);
	return wanted ? one_file(w, at, name, named, err) : RC_OK;
}

static enum rc start(struct walk *w, const char *path, bool named, struct err *err)
{
	buf_clear(&w->path);
	buf_cstr(&w->path, path);
	if (w->path.bad != RC_OK)
		return FAIL(err, w->path.bad, "%s: path too long", path);
	return entry(w, AT_FDCWD, path, DT_UNKNOWN, named, err);
}

enum rc sigma_reader_load(struct sigma_reader *r, const char *path, bool lists, struct err *err)
{
	struct walk w = { .r = r, .lists = lists };
	enum rc rc;

	buf_init(&w.path, PATH_BYTES_MAX);
	buf_init(&w.text, LIST_FILE_MAX);
	rc = start(&w, path, true, err);
	buf_done(&w.path);
	buf_done(&w.text);
	return rc;
}

enum rc sigma_load(struct arena *a, const char *const *paths, size_t n_paths, const char *lists, const struct sigma_set **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;

	TRY(sigma_reader_new(a, &r, err));
	if (lists != NULL)
		TRY(sigma_reader_load(r, lists, true, err));
	for (size_t i = 0; i < n_paths; i++)
		TRY(sigma_reader_load(r, paths[i], false, err));
	return sigma_reader_end(r, ret, err);
}
