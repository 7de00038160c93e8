/* One growing file: torn lines, rotation while followed and while away, truncation; a taker that refuses. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "input/follow.h"
#include "tap.h"

struct taker {
	int hits, refuse; /* lines with evil.example; how many more to refuse */
	char last[INPUT_PLACE_MAX + 1];
	struct follow *f;
};

static enum rc take(void *ctx, const struct input_message *m, struct err *err)
{
	struct taker *t = ctx;

	if (t->refuse > 0) {
		t->refuse--;
		return FAIL(err, RC_BUSY, "not now");
	}
	t->hits += str_find(m->bytes, S("evil.example"), 0) != SIZE_MAX;
	follow_place(t->f, t->last);
	return RC_OK;
}

static uint64_t offset_of(const struct follow *f)
{
	char place[INPUT_PLACE_MAX + 1];
	struct str s, inode;
	uint64_t n = UINT64_MAX;

	follow_place(f, place);
	s = str_of(place);
	return str_next(&s, ' ', &inode) && str_to_u64(s, &n) ? n : UINT64_MAX;
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		OK(false, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
}

static void test_follow(void)
{
	char dir[] = "/tmp/lf-watch-XXXXXX", path[64], old[64];
	char kept[INPUT_PLACE_MAX + 1];
	struct follow *f = NULL;
	struct taker t = { 0 };
	bool more;

	OK(mkdtemp(dir) != NULL, "a folder");
	snprintf(path, sizeof path, "%s/log", dir);
	OK(follow_new(path, S(""), S(""), &f, NULL) == RC_OK && (t.f = f) != NULL, "a follower");
	snprintf(old, sizeof old, "%s/log.1", dir);
	OK(follow_read(f, take, &t, &more, NULL) == RC_NOTFOUND, "not there yet");
	append(path, "{\"d\":\"evil.example\"}\n{\"d\":\"evi");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 1 && offset_of(f) == 21, "a torn line waits");
	snprintf(kept, sizeof kept, "0 21");
	OK(str_ends(str_of(t.last), S(" 21")), "inside the taker the place lies behind the message at hand");
	append(path, "l.example\"}\n");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 2, "and is matched when whole");
	append(path, "{\"d\":\"late.evil.example\"");
	OK(rename(path, old) == 0, "rotation");
	OK(follow_read(f, take, &t, &more, NULL) == RC_NOTFOUND && t.hits == 2, "no new file yet");
	append(old, "}");
	append(path, "{\"d\":\"b.evil.example\"}\n");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 3 && more, "what came late to the old file is read");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 4, "the new file is read from its start");
	OK(truncate(path, 0) == 0, "truncation");
	append(path, "{\"d\":\"x.evil.example\"}\n");
	OK(truncate(path, 0) == 0, "again");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && offset_of(f) == 0, "the place goes back");
	follow_free(f);
	f = NULL;
	OK(follow_new(path, S(""), str_of(kept), &f, NULL) == RC_OK && (t.f = f) != NULL, "after a restart");
	t.hits = 0;
	append(path, "{\"d\":\"evil.example\"}\n");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 1, "another file than the kept place says is read whole");
	unlink(path);
	unlink(old);
	rmdir(dir);
	follow_free(f);
	f = NULL;
}

/* Rotated while the node was away, once and twice: the rest of the old file, what lay between, the present one. */
static void test_restart_in_rotation(void)
{
	char dir[] = "/tmp/lf-watch-XXXXXX", path[64], one[64], two[64], date[64], other[64];
	char kept[INPUT_PLACE_MAX + 1], far[INPUT_PLACE_MAX + 1];
	struct follow *f = NULL;
	struct taker t = { 0 };
	bool more;

	OK(mkdtemp(dir) != NULL, "a folder");
	snprintf(path, sizeof path, "%s/log", dir);
	OK(follow_new(path, S(""), S(""), &f, NULL) == RC_OK && (t.f = f) != NULL, "a follower");
	snprintf(one, sizeof one, "%s/log.1", dir);
	snprintf(two, sizeof two, "%s/log.2", dir);
	snprintf(date, sizeof date, "%s/log-20261122", dir);
	snprintf(other, sizeof other, "%s/log.notes", dir);
	append(path, "{\"d\":\"evil.example\"}\n");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 1, "before");
	follow_place(f, kept);
	follow_free(f);
	f = NULL;
	append(path, "{\"d\":\"tail.evil.example\"}\n{\"d\":\"torn.evil.example\"}");
	OK(rename(path, date) == 0, "rotated to a date");
	OK(follow_new(path, S(""), str_of(kept), &f, NULL) == RC_OK && (t.f = f) != NULL, "a restart before the new file is there");
	OK(follow_read(f, take, &t, &more, NULL) == RC_NOTFOUND && t.hits == 2, "the old one's rest but its torn line is read");
	append(path, "{\"d\":\"new.evil.example\"}\n");
	for (int i = 0; i < 4; i++)
		OK(follow_read(f, take, &t, &more, NULL) == RC_OK, "read on");
	EQ_INT(t.hits, 4, "the torn line, then the new file");
	follow_free(f);
	f = NULL;

	OK(rename(date, two) == 0, "rotated again");
	append(path, "{\"d\":\"between.evil.example\"}\n");
	OK(rename(path, one) == 0, "and again");
	append(other, "{\"d\":\"foreign.evil.example\"}\n");
	append(path, "{\"d\":\"newest.evil.example\"}\n");
	t.hits = 0;
	OK(follow_new(path, S(""), str_of(kept), &f, NULL) == RC_OK && (t.f = f) != NULL, "a restart with the old place");
	for (int i = 0; i < 6; i++)
		OK(follow_read(f, take, &t, &more, NULL) == RC_OK, "read on");
	EQ_INT(t.hits, 2 + 2 + 1, "two lines of log.2, two of log.1, one of log, none of another file");
	follow_free(f);
	f = NULL;
	t.hits = 0;
	snprintf(far, sizeof far, "%.*s 1000000", (int)strcspn(kept, " "), kept);
	OK(follow_new(path, S(""), str_of(far), &f, NULL) == RC_OK && (t.f = f) != NULL && follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 1,
	   "a file shorter than the place is another one");
	follow_free(f);
	f = NULL;
	unlink(path);
	unlink(one);
	unlink(two);
	unlink(other);
	rmdir(dir);
}


/* A taker that refuses gets the same line again, and the place stays before it; a header is told before lines in the middle. */
static void test_refused(void)
{
	char dir[] = "/tmp/lf-watch-XXXXXX", path[64], kept[INPUT_PLACE_MAX + 1];
	struct follow *f = NULL;
	struct taker t = { 0 };
	bool more;

	OK(mkdtemp(dir) != NULL, "a folder");
	snprintf(path, sizeof path, "%s/log", dir);
	append(path, "#separator evil.example\n1 evil.example\n2 evil.example\n3 evil.example\n");
	OK(follow_new(path, S("p"), S(""), &f, NULL) == RC_OK && (t.f = f) != NULL, "a follower");
	t.refuse = 1;
	OK(follow_read(f, take, &t, &more, NULL) == RC_BUSY && offset_of(f) == 0, "refused: the place stays");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 4 && follow_count(f).messages == 4, "each line once");
	follow_place(f, kept);
	follow_free(f);
	append(path, "4 evil.example\n");
	t.hits = 0;
	OK(follow_new(path, S("p"), str_of(kept), &f, NULL) == RC_OK && (t.f = f) != NULL, "a restart");
	t.refuse = 1;
	OK(follow_read(f, take, &t, &more, NULL) == RC_BUSY, "refused in the header");
	OK(follow_read(f, take, &t, &more, NULL) == RC_OK && t.hits == 2 && follow_count(f).messages == 1, "the header, then what is new");
	OK(follow_count(f).behind == 0, "nothing waits");
	follow_free(f);
	unlink(path);
	rmdir(dir);
}

static enum rc one_life(const char *path)
{
	struct taker t = { 0 };
	bool more;
	enum rc rc = follow_new(path, S(""), S(""), &t.f, NULL);

	if (rc == RC_OK)
		rc = follow_read(t.f, take, &t, &more, NULL);
	follow_free(t.f);
	return rc;
}

static void test_no_memory(void)
{
	char path[] = "/tmp/lf-watch-XXXXXX";
	int fd = mkstemp(path), n = 0;
	int64_t live = mem_live();
	bool clean = true;

	OK(fd >= 0 && write(fd, "evil.example\n", 13) == 13, "a log");
	for (enum rc rc = RC_NOMEM; rc != RC_OK && n < 100;) {
		mem_fail_at((uint64_t)++n, 0);
		rc = one_life(path);
		mem_fail_at(0, 0);
		clean &= (rc == RC_OK || rc == RC_NOMEM) && mem_live() == live;
	}
	OK(clean && n > 2 && n < 100, "every allocation may fail");
	close(fd);
	unlink(path);
}

int main(void)
{
	test_follow();
	test_restart_in_rotation();
	test_refused();
	test_no_memory();
	return tap_done();
}
