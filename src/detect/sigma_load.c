/* Rules from files and folders, lists for placeholders from a folder of texts. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "detect/sigma_int.h"
#include "sys/file.h"

#define DEPTH_MAX 32
#define LIST_FILE_MAX ((size_t)16 << 20)
#define PATH_MAX_BYTES ((size_t)4096)

struct walk {
	struct sigma_reader *r;
	bool (*wanted)(struct str name);
	enum rc (*take)(struct sigma_reader *r, struct str path, struct str text, struct err *err);
	unsigned depth;
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

static enum rc one_file(const struct walk *w, const char *path, struct err *err)
{
	size_t max = w->wanted == is_list ? LIST_FILE_MAX : SIGMA_FILE_MAX;
	struct buf text;
	enum rc rc = file_read(path, max, &text, err);

	if (rc == RC_OK)
		rc = w->take(w->r, str_of(path), buf_view(&text), err);
	buf_done(&text);
	return rc;
}

static enum rc walk(struct walk *w, const char *path, bool named, struct err *err);

static enum rc folder(struct walk *w, const char *path, struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, alphasort);
	enum rc rc = RC_OK;

	if (n < 0)
		return FAIL(err, errno == ENOMEM ? RC_NOMEM : RC_IO, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char child[PATH_MAX_BYTES];
		const char *name = entries[i]->d_name;
		bool cut = (size_t)snprintf(child, sizeof child, "%s/%s", path, name) >= sizeof child;

		if (rc == RC_OK && name[0] != '.')
			rc = cut ? FAIL(err, RC_LIMIT, "%s: path too long", path) : walk(w, child, false, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static enum rc walk(struct walk *w, const char *path, bool named, struct err *err)
{
	struct stat st;
	enum rc rc;

	if (stat(path, &st) != 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return named || w->wanted(str_of(path)) ? one_file(w, path, err) : RC_OK;
	if (w->depth >= DEPTH_MAX)
		return FAIL(err, RC_LIMIT, "%s: folders nested deeper than %d", path, DEPTH_MAX);
	w->depth++;
	rc = folder(w, path, err);
	w->depth--;
	return rc;
}

enum rc sigma_load(struct arena *a, const char *const *paths, size_t n_paths, const char *lists, const struct sigma_set **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;
	struct walk w = { .wanted = is_list, .take = take_list };

	TRY(sigma_reader_new(a, &r, err));
	w.r = r;
	if (lists != NULL)
		TRY(walk(&w, lists, false, err));
	w.wanted = is_rule;
	w.take = sigma_reader_add;
	for (size_t i = 0; i < n_paths; i++)
		TRY(walk(&w, paths[i], true, err));
	return sigma_reader_end(r, ret, err);
}
