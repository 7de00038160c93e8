/* A segment file with any records in it. Lengths and checksums are made to fit, so that what lies behind them is
 * reached; an odd first byte leaves the file as it is. Opening may refuse; what it accepts can be read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/objlog_int.h"
#include "sys/file.h"

static uint32_t clamp(const unsigned char *p, size_t left)
{
	uint32_t n = (uint32_t)p[0] | (uint32_t)p[1] << 8;

	return n > left ? (uint32_t)left : n;
}

static void repair(unsigned char *p, size_t n)
{
	struct segment_head h = { .number = 1 };
	struct frame f = { .segment = 1 };
	struct buf head;

	buf_init(&head, SEGMENT_HEAD);
	objlog_segment_head_write(&h, &head);
	memcpy(p, head.p, n < SEGMENT_HEAD ? n : SEGMENT_HEAD);
	buf_done(&head);
	for (size_t at = SEGMENT_HEAD; n >= at + FRAME_HEAD; at += objlog_frame_size(&f)) {
		f.offset = f.synced = (uint32_t)at;
		f.meta = clamp(p + at + 20, n - at - FRAME_HEAD);
		f.body = clamp(p + at + 24, n - at - FRAME_HEAD - f.meta);
		f.count = p[at + 28], f.collection = p[at + 32], f.source = p[at + 36], f.received = p[at + 40];
		objlog_frame_head_write(&f, str_make((const char *)p + at + FRAME_HEAD, f.meta), p + at);
	}
}

static void read_all(struct objlog *l)
{
	struct page_query q = { .added_after = INT64_MIN, .want_all = true, .tlp_mask = 255, .limit = 100, .bodies = true };
	struct page p = { 0 };
	struct page_hold *hold;
	uint64_t n;

	for (q.collection = 0; q.collection < 4; q.collection++) {
		/* Heads say nothing about bodies: reading one that is not there is refused, not survived by luck. */
		if (objlog_page(l, &q, &p, NULL) == RC_OK && (hold = p.hold_) != NULL)
			hold->release(hold);
		if (objlog_count(l, &q, &n, NULL) != RC_OK || objlog_verify(l, &n, NULL) == RC_INTERNAL)
			abort();
		p.hold_ = NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char dir[] = "/tmp/fuzz-objlog-XXXXXX", path[64];
	struct objlog_config c = { .dir = dir, .read_only = true };
	unsigned char *copy = mem_alloc(n + 1);
	struct objlog *l;
	int fd;

	if (copy == NULL || mkdtemp(dir) == NULL)
		abort();
	memcpy(copy, bytes, n);
	if (n > 0 && !(bytes[0] & 1))
		repair(copy, n);
	snprintf(path, sizeof path, "%s/objects-000001.log", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file_write_at(fd, 0, str_make((const char *)copy, n), NULL) != RC_OK)
		abort();
	if (objlog_open(&c, &l, NULL) == RC_OK) {
		read_all(l);
		objlog_close(l);
	}
	close(fd);
	unlink(path);
	rmdir(dir);
	mem_free(copy);
	return 0;
}
