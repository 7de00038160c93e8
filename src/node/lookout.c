#include "node/lookout.h"

#include "base/mem.h"
#include "node/keep.h"
#include "node/tickets.h"
#include "sys/file.h"

struct lookout {
	struct core core; /* only what hits and the image need */
	struct detector detector;
	int lock;
};

static enum rc fill(struct lookout *l, bool record, const char *dir, struct err *err)
{
	int pid = 0;
	enum rc rc;

	TRY(node_paths_of(dir, &l->core.node.paths, err));
	if (record) {
		rc = file_lock(l->core.node.paths.lock, &l->lock, &pid, err);
		if (rc == RC_BUSY)
			return FAIL(err, rc, "%s: the node is running (process %d); give it the log as a configured [input]", dir, pid);
		if (rc != RC_OK)
			return rc;
	}
	TRY(node_open(dir, !record, &l->core.node, err));
	TRY(core_find_rows(&l->core, err));
	l->core.detector = &l->detector;
	l->detector.conf = &l->core.node.config;
	TRY(keep_open(&l->core, err));
	TRY(detector_open(&l->detector, err));
	if (record)
		TRY(tickets_start(&l->core, &l->core.tickets, err));
	TRY(follower_read_once(&l->core, err));
	patterns_settle(l->detector.patterns);
	return RC_OK;
}

enum rc lookout_open(const char *dir, bool record, struct lookout **ret, struct err *err)
{
	struct lookout *l = mem_alloc(sizeof *l);
	enum rc rc;

	if (l == NULL)
		return FAIL(err, RC_NOMEM, "watch: out of memory");
	l->lock = -1;
	rc = fill(l, record, dir, err);
	if (rc != RC_OK) {
		lookout_close(l);
		return rc;
	}
	*ret = l;
	return RC_OK;
}

void lookout_close(struct lookout *l)
{
	if (l == NULL)
		return;
	tickets_stop(l->core.tickets);
	node_close(&l->core.node);
	detector_close(&l->detector);
	keep_close(&l->core);
	file_closep(&l->lock);
	mem_free(l);
}

const struct image *lookout_image(const struct lookout *l)
{
	return l->detector.image;
}

struct patterns *lookout_patterns(const struct lookout *l)
{
	return l->detector.patterns;
}

enum rc lookout_record(struct lookout *l, const struct hit *h, struct err *err)
{
	return sighting_from_hit(&l->core, h, l->core.up, err);
}
