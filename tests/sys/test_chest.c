/* Chests: what is put in comes out and nothing of it lies on the disk as it was; cut, changed and destroyed ones. */
#include "sys/chest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sys/file.h"
#include "tap.h"

static char dir[] = "/tmp/lianfang-chest-XXXXXX";
static char path[128];
static unsigned char master[CHEST_KEY_LEN], other[CHEST_KEY_LEN];

static struct str marker(void)
{
	return S("X5O!P%@AP[4 nothing of this may lie on the disk");
}

static uint64_t file_size(void)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool on_disk(struct str what)
{
	struct buf b;
	bool is = false;

	if (file_read(path, (size_t)16 << 20, &b, NULL) != RC_OK)
		return false;
	is = str_find(buf_view(&b), what, 0) != SIZE_MAX;
	buf_done(&b);
	return is;
}

static bool reads(struct chest *c, uint64_t at, size_t n, struct str want)
{
	struct buf b;
	bool same;

	buf_init(&b, (size_t)16 << 20);
	same = chest_read(c, at, n, &b, NULL) == RC_OK && str_eq(buf_view(&b), want);
	buf_done(&b);
	return same;
}

static void test_round(void)
{
	const size_t big = 3 * CHEST_RECORD + 17;
	struct chest *c;
	struct buf all;
	struct err err;

	buf_init(&all, big + 200);
	buf_str(&all, marker());
	for (size_t i = 0; i < big; i++)
		buf_char(&all, (char)(i * 7 + i / 251));
	OK(chest_create(path, master, &c, &err) == RC_OK, "made");
	OK(chest_append(c, marker(), &err) == RC_OK && chest_append(c, str_slice(buf_view(&all), marker().n, all.n), &err) == RC_OK, "put in, in two");
	OK(chest_sync(c, &err) == RC_OK, "synced");
	EQ_INT(chest_size(c), all.n, "so much is in it");
	OK(reads(c, 0, SIZE_MAX, buf_view(&all)), "all comes out");
	chest_close(c);
	OK(!on_disk(marker()) && !on_disk(S("X5O!P")), "nothing of it lies there as it was");
	OK(chest_create(path, master, &c, &err) == RC_CONFLICT, "one is there already");
	OK(chest_open(path, other, false, &c, &err) == RC_CORRUPT, "another key does not open it");
	OK(chest_open(path, master, false, &c, &err) == RC_OK, "opened");
	EQ_INT(chest_size(c), all.n, "the size is found again");
	for (size_t at = 0; at < all.n; at += 30011)
		OK(reads(c, at, 70000, str_slice(buf_view(&all), at, at + 70000)), "from %zu", at);
	OK(reads(c, all.n, 10, S("")) && reads(c, UINT64_MAX, 10, S("")), "nothing behind the end");
	OK(reads(c, all.n - 1, 10, str_slice(buf_view(&all), all.n - 1, all.n)), "the last byte");
	chest_close(c);
	buf_done(&all);
}

static void test_resume(void)
{
	struct chest *c, *d;
	struct err err;
	uint64_t whole = file_size();
	int fd;

	OK(chest_open(path, master, true, &c, &err) == RC_OK, "opened to write");
	OK(chest_open(path, master, true, &d, &err) == RC_BUSY, "by one at a time");
	OK(chest_append(c, S("tail"), &err) == RC_OK, "more");
	chest_close(c);
	/* A kill in the middle of a record. */
	fd = open(path, O_WRONLY);
	OK(ftruncate(fd, (off_t)whole + 20) == 0, "cut in the middle of the last record");
	close(fd);
	OK(chest_open(path, master, true, &c, &err) == RC_OK, "opened again");
	EQ_INT(chest_size(c), marker().n + 3 * CHEST_RECORD + 17, "what was whole is there");
	EQ_INT(file_size(), whole, "the rest is gone");
	OK(chest_append(c, S("tail2"), &err) == RC_OK && reads(c, chest_size(c) - 5, 9, S("tail2")), "and it goes on from there");
	chest_close(c);
}

static void test_changed(void)
{
	static const size_t from_end[] = { 1, 20, 40 };
	struct chest *c;
	struct err err;

	for (size_t i = 0; i < COUNTOF(from_end); i++) {
		int fd = open(path, O_RDWR);
		unsigned char byte;
		off_t at = (off_t)(file_size() - from_end[i]);
		bool good = pread(fd, &byte, 1, at) == 1;

		byte ^= 1;
		good = good && pwrite(fd, &byte, 1, at) == 1;
		OK(good && chest_open(path, master, false, &c, &err) == RC_OK && !reads(c, chest_size(c) - 1, 1, S("2")), "a bit changed %zu from the end is seen",
		   from_end[i]);
		chest_close(c);
		byte ^= 1;
		good = pwrite(fd, &byte, 1, at) == 1;
		close(fd);
		OK(good && chest_open(path, master, false, &c, &err) == RC_OK && reads(c, chest_size(c) - 1, 1, S("2")), "and changed back it is read");
		chest_close(c);
	}
}

static void test_destroyed(void)
{
	struct chest *c;
	struct err err;
	struct buf before;
	char kept[160];

	snprintf(kept, sizeof kept, "%s.kept", path);
	OK(link(path, kept) == 0, "what the disk may still hold");
	OK(file_read(kept, (size_t)16 << 20, &before, &err) == RC_OK, "as it is");
	OK(chest_destroy(path, &err) == RC_OK && !file_exists(path), "destroyed");
	OK(chest_destroy(path, &err) == RC_OK, "twice is fine");
	OK(chest_open(path, master, false, &c, &err) == RC_NOTFOUND, "not there");
	OK(chest_open(kept, master, false, &c, &err) == RC_CORRUPT, "with the right key what is left cannot be opened");
	buf_done(&before);
	unlink(kept);
}

static enum rc all_steps(struct err *err)
{
	struct chest *c = NULL;
	struct buf b;
	enum rc rc = chest_create(path, master, &c, err);

	buf_init(&b, 100000);
	for (int i = 0; i < 20 && rc == RC_OK; i++)
		rc = chest_append(c, S("piece"), err);
	if (rc == RC_OK)
		rc = chest_read(c, 0, 100, &b, err);
	chest_close(c);
	if (rc == RC_OK)
		rc = chest_open(path, master, true, &c, err);
	if (rc == RC_OK)
		chest_close(c);
	buf_done(&b);
	unlink(path);
	return rc;
}

static void test_failing(void)
{
	int64_t before = mem_live();
	struct err err;
	enum rc rc = RC_NOMEM;
	uint64_t n;

	for (n = 1; n < 200 && rc != RC_OK; n++) {
		mem_fail_at(n, 0);
		rc = all_steps(&err);
		mem_fail_at(0, 0);
		if (rc != RC_OK && rc != RC_NOMEM)
			OK(false, "allocation %llu: %s", (unsigned long long)n, rc_name(rc));
	}
	OK(rc == RC_OK && n > 4, "memory that fails at any place is told");
	EQ_INT(mem_live(), before, "and everything is given back");
}

int main(void)
{
	memset(master, 1, sizeof master);
	memset(other, 2, sizeof other);
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/chest", dir);
	test_round();
	test_resume();
	test_changed();
	test_destroyed();
	test_failing();
	rmdir(dir);
	return tap_done();
}
