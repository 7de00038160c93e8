#include "node/detect_fence.h"

#include <errno.h>
#include <sys/stat.h>

#include "node/ways.h"
#include "sys/file.h"

#define FILES_LEAST 1024 /* open at once, beside those of the inputs */

/* A folder itself; of a file its folder, because it is followed through rotation. */
static enum rc folder_of(const struct config *conf, const struct config_input *in, struct arena *a, const char **ret, struct err *err)
{
	const char *slash = strrchr(in->path, '/');
	struct stat st;

	if (in->path[0] != '/')
		return FAIL(err, RC_BAD, "%s: [input %s] path: expected an absolute path", conf->path, in->name);
	if (stat(in->path, &st) == 0 && S_ISDIR(st.st_mode))
		*ret = in->path;
	else
		*ret = arena_dup(a, str_make(in->path, slash == in->path ? 1 : (size_t)(slash - in->path))).p;
	return *ret != NULL ? RC_OK : FAIL(err, RC_NOMEM, "fence: out of memory");
}

enum rc detect_fence(const struct config *conf, const struct node_paths *paths, struct fence_report *ret, struct err *err)
{
	static const char *const of_network[] = { "/etc/ssl", "/usr/share/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
						  "/etc/host.conf", "/etc/gai.conf", "/usr/lib", "/lib" };
	const struct { const char *key, *path; } folders[] = { { "[detect] rules", conf->rules }, { "[detect] lists", conf->lists },
		{ "[detect] packs", conf->packs }, { "[intel] warninglists", conf->warninglists } };
	const char *rw[2] = { NULL };
	const char *ro[COUNTOF(of_network) + COUNTOF(folders) + CONFIG_INPUTS_MAX + 5] = { "/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom" };
	struct fence f = { .role = "detect", .rw_paths = rw, .ro_paths = ro, .inet_only = true, .max_files = FILES_LEAST + INPUT_FILES_MAX * conf->n_inputs };
	struct arena *a CLEANUP(arena_freep) = arena_new(CONFIG_INPUTS_MAX * NODE_PATH_MAX);
	size_t n = 3;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "fence: out of memory");
	for (size_t i = 0; i < conf->n_inputs; i++) {
		const struct input_kind *k = input_kind_of(conf->inputs[i].path);

		f.network = f.network || (k->traits & INPUT_CONNECTS) != 0;
		if ((k->traits & INPUT_READS_FILES) == 0)
			continue;
		TRY(folder_of(conf, &conf->inputs[i], a, &ro[n++], err));
	}
	for (size_t i = 0; i < COUNTOF(folders); i++) {
		if (folders[i].path[0] == '\0')
			continue;
		if (access(folders[i].path, R_OK) != 0)
			return FAIL(err, RC_NOTFOUND, "%s: %s = %s: %s", conf->path, folders[i].key, folders[i].path, strerror(errno));
		ro[n++] = folders[i].path;
	}
	TRY(file_mkdir(paths->rules, 0700, err));
	ro[n++] = paths->rules;
	for (size_t i = 0; f.network && i < COUNTOF(of_network); i++)
		ro[n++] = of_network[i];
	if (conf->n_inputs > 0 && conf->history_mb > 0) {
		TRY(file_mkdir(paths->history, 0700, err));
		rw[0] = paths->history;
	}
	return fence_enter(&f, !conf->require_landlock, ret, err);
}
