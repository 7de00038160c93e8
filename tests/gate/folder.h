/* A store in a temporary folder that is gone with the test. */
#ifndef TESTS_GATE_FOLDER_H
#define TESTS_GATE_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/store.h"

struct folder {
	char path[64];
	struct store *store;
};

__attribute__((unused)) static bool folder_open(struct folder *f, struct err *err)
{
	struct store_config c = { .dir = f->path, .create = true };

	if (f->path[0] == '\0') {
		snprintf(f->path, sizeof f->path, "/tmp/lianfang-test-XXXXXX");
		if (mkdtemp(f->path) == NULL)
			return false;
	}
	return store_open(&c, &f->store, err) == RC_OK;
}

__attribute__((unused)) static void folder_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char sub[400];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
		if (unlink(sub) != 0)
			folder_empty(sub);
	}
	if (d != NULL)
		closedir(d);
	(void)!rmdir(path);
}

__attribute__((unused)) static void folder_close(struct folder *f)
{
	store_close(f->store);
	f->store = NULL;
	folder_empty(f->path);
	f->path[0] = '\0';
}

#endif
