/* What the tests of the object log share: a folder of their own, short ways to
 * put and ask, and objects made from a few numbers. */
#ifndef TESTS_STORE_OBJLOG_UTIL_H
#define TESTS_STORE_OBJLOG_UTIL_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/objlog.h"
#include "tap.h"

#define T0 INT64_C(1700000000000000)

static char test_dir[256];

/* An empty folder for the next log. */
UNUSED static void dir_new(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(test_dir, sizeof test_dir, "%s/objlog-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(test_dir) == NULL) {
		perror(test_dir);
		exit(1);
	}
}

UNUSED static void dir_drop(void)
{
	DIR *d = opendir(test_dir);
	struct dirent *e;
	char path[600];

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", test_dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(test_dir);
}

UNUSED static void segment_path(unsigned number, char out[static 600])
{
	snprintf(out, 600, "%s/objects-%06u.log", test_dir, number);
}

UNUSED static struct objlog *log_open(void)
{
	struct objlog_config c = { .dir = test_dir, .create = true };
	struct objlog *l = NULL;
	struct err err = { .rc = RC_OK };

	if (objlog_open(&c, &l, &err) != RC_OK)
		printf("# open: %s\n", err.text);
	return l;
}

/* One batch in a transaction of its own. */
UNUSED static enum rc put_batch(struct objlog *l, struct object_batch *b, struct err *err)
{
	enum rc rc = objlog_begin(l, err);

	if (rc == RC_OK)
		rc = objlog_put(l, b, NULL, err);
	if (rc == RC_OK)
		rc = objlog_commit(l, err);
	if (rc != RC_OK)
		objlog_rollback(l);
	return rc;
}

/* One object; the result, or -1 when the batch failed. */
UNUSED static int put_one(struct objlog *l, uint32_t coll, uint32_t source, const struct object_in *in, usec *ret_added)
{
	enum put_result result = PUT_REFUSED;
	usec added = 0;
	struct object_batch b = { .collection = coll, .source = source, .objects = in, .n = 1, .results = &result, .ret_added = &added };
	struct err err = { .rc = RC_OK };

	if (put_batch(l, &b, &err) != RC_OK) {
		printf("# put: %s\n", err.text);
		return -1;
	}
	if (ret_added != NULL)
		*ret_added = added;
	return (int)result;
}

UNUSED static void page_drop(struct page *p)
{
	struct page_hold *h = p->hold_;

	if (h != NULL)
		h->release(h);
	*p = (struct page){ 0 };
}

/* All that TLP 0-7 shows, all versions of both specs, 100 a page. */
UNUSED static struct page_query query_all(uint32_t coll)
{
	static const uint8_t specs[] = { 20, 21 };

	return (struct page_query){ .collection = coll, .added_after = INT64_MIN, .specs = specs, .n_specs = 2,
				    .want_all = true, .tlp_mask = 255, .limit = 100, .bodies = true };
}

#endif
