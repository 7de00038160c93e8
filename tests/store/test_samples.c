/* The lab's files of a node: what is put is read, names are checked before they are paths, what is destroyed is gone, and memory may fail anywhere. */
#include "store/samples.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"
#include "tap.h"

static char dir[] = "/tmp/lianfang-samples-XXXXXX";
static const char ID[] = "0b4c61c8-6c6e-4f0e-9d4b-0f3a1d0c2e55";

static bool holds(const struct samples *s, enum sample_kind kind, struct str name, struct str want)
{
	struct buf b;
	bool same;

	buf_init(&b, 100000);
	same = samples_read(s, kind, name, &b, NULL) == RC_OK && str_eq(buf_view(&b), want);
	buf_done(&b);
	return same;
}

static void test_names(struct samples *s)
{
	static const char *const bad[] = { "", "abc", "../../../etc/passwd", "0b4c61c8/6c6e", "0B4C61C8-6C6E", "..........", "0b4c61c8.6c6e",
					   "0123456789012345678901234567890123456789012345678901234567890123456789" };
	unsigned char digest[SHA256_LEN] = { 1 };
	char one[SAMPLE_ADDRESS_LEN + 1], two[SAMPLE_ADDRESS_LEN + 1], from[33], near[33], far[33];
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < COUNTOF(bad); i++)
		OK(samples_read(s, SAMPLE_CONTENT, str_of(bad[i]), &b, NULL) == RC_BAD && samples_destroy(s, SAMPLE_REPORT, str_of(bad[i]), NULL) == RC_BAD, "no name: %.20s", bad[i]);
	buf_done(&b);
	samples_address(s, S("user:a"), digest, one);
	samples_address(s, S("user:b"), digest, two);
	OK(strlen(one) == 64 && strcmp(one, two) != 0, "the same content of two owners lies apart");
	samples_from(s, S("2001:db8:1:2::5"), from);
	samples_from(s, S("2001:db8:1:2:3:4:5:6"), near);
	samples_from(s, S("2001:db8:1:3:3:4:5:6"), far);
	OK(strcmp(near, far) != 0, "two networks");
	samples_from(s, S("2001:db8:1:2:ffff::1"), from);
	OK(strcmp(near, from) == 0, "one network");
}

static void test_life(struct samples *s)
{
	unsigned char digest[SHA256_LEN], want[SHA256_LEN];
	char address[SAMPLE_ADDRESS_LEN + 1];
	struct chest *c;
	struct stat st;
	struct err err;
	int fd = -1;

	OK(samples_new(s, SAMPLE_UPLOAD, str_of(ID), &c, &err) == RC_OK && chest_append(c, S("hello"), &err) == RC_OK && chest_sync(c, &err) == RC_OK, "an upload");
	chest_close(c);
	hash_sha256(S("hello"), want);
	samples_address(s, S("user:a"), want, address);
	OK(samples_keep(s, str_of(ID), str_of(address), &err) == RC_OK && holds(s, SAMPLE_CONTENT, str_of(address), S("hello")), "becomes content");
	OK(samples_keep(s, str_of(ID), str_of(address), &err) == RC_OK, "and is no upload any more");
	OK(samples_put_once(s, str_of(address), S("hello"), &err) == RC_OK && holds(s, SAMPLE_CONTENT, str_of(address), S("hello")), "put once is put once");
	OK(samples_memfd(s, SAMPLE_CONTENT, str_of(address), 5, &fd, digest, &err) == RC_OK && memcmp(digest, want, SHA256_LEN) == 0, "handed on");
	OK(fstat(fd, &st) == 0 && st.st_size == 5 && (fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) != 0, "sealed");
	close(fd);
	OK(samples_memfd(s, SAMPLE_CONTENT, str_of(address), 6, &fd, digest, &err) == RC_CORRUPT, "of another size than the row says: told");
	OK(samples_put(s, SAMPLE_REPORT, str_of(ID), S("{}"), &err) == RC_OK && samples_put(s, SAMPLE_REPORT, str_of(ID), S("{\"a\":1}"), &err) == RC_OK &&
	   holds(s, SAMPLE_REPORT, str_of(ID), S("{\"a\":1}")), "a report, and one in its place");
	OK(samples_destroy(s, SAMPLE_CONTENT, str_of(address), &err) == RC_OK && samples_destroy(s, SAMPLE_CONTENT, str_of(address), &err) == RC_OK &&
	   samples_memfd(s, SAMPLE_CONTENT, str_of(address), 5, &fd, digest, &err) == RC_NOTFOUND, "destroyed");
}

static struct samples *shared;
static _Atomic int put_well;

static void *put_same(void *arg)
{
	(void)arg;
	for (int i = 0; i < 30; i++)
		put_well += samples_put_once(shared, S("00aa00aa00aa00aa"), S("the same"), NULL) == RC_OK && holds(shared, SAMPLE_CONTENT, S("00aa00aa00aa00aa"), S("the same"));
	return NULL;
}

static void test_at_a_time(struct samples *s)
{
	pthread_t t[4];

	shared = s;
	for (size_t i = 0; i < COUNTOF(t); i++)
		pthread_create(&t[i], NULL, put_same, NULL);
	for (size_t i = 0; i < COUNTOF(t); i++)
		pthread_join(t[i], NULL);
	EQ_INT(put_well, 120, "four put the same at a time, and each finds it whole");
}

static bool none(void *ctx, struct str name)
{
	(void)name;
	return *(bool *)ctx;
}

static void test_sweep(struct samples *s)
{
	bool wanted = true;
	struct err err;
	uint64_t n;

	OK(samples_sweep_content(s, INT64_MAX, none, &wanted, &n, &err) == RC_OK && n == 0, "what is wanted stays");
	wanted = false;
	OK(samples_sweep_content(s, 0, none, &wanted, &n, &err) == RC_OK && n == 0, "what is new stays");
	OK(samples_sweep_content(s, INT64_MAX, none, &wanted, &n, &err) == RC_OK && n == 1, "what nobody has goes");
}

static enum rc all_steps(struct err *err)
{
	struct samples *s;
	unsigned char digest[SHA256_LEN];
	enum rc rc = samples_open(dir, &s, err);
	struct buf b;
	int fd = -1;

	TRY(rc);
	buf_init(&b, 1000);
	rc = samples_put(s, SAMPLE_REPORT, str_of(ID), S("text"), err);
	if (rc == RC_OK)
		rc = samples_read(s, SAMPLE_REPORT, str_of(ID), &b, err);
	if (rc == RC_OK)
		rc = samples_memfd(s, SAMPLE_REPORT, str_of(ID), 4, &fd, digest, err);
	file_closep(&fd);
	buf_done(&b);
	samples_close(s);
	return rc;
}

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

int main(void)
{
	struct samples *s, *again;
	struct err err;
	enum rc rc = RC_NOMEM;
	uint64_t nth;
	char command[100];

	if (mkdtemp(dir) == NULL)
		return 1;
	OK(samples_open(dir, &s, &err) == RC_OK, "opened");
	test_names(s);
	test_life(s);
	test_at_a_time(s);
	test_sweep(s);
	OK(samples_put(s, SAMPLE_WORDS, str_of(ID), S("secret"), &err) == RC_OK, "kept");
	samples_close(s);
	OK(samples_open(dir, &again, &err) == RC_OK && holds(again, SAMPLE_WORDS, str_of(ID), S("secret")), "and there when it is opened again");
	samples_close(again);
	for (nth = 1; nth < 200 && rc == RC_NOMEM; nth++) {
		mem_fail_at(nth, 0);
		rc = all_steps(&err);
		mem_fail_at(0, 0);
	}
	OK(rc == RC_OK && nth > 5, "memory may fail anywhere");
	EQ_INT(mem_live(), 0, "and all is given back");
	snprintf(command, sizeof command, "%s/lab.key", dir);
	OK(file_replace(command, S("short"), 0600, &err) == RC_OK && samples_open(dir, &again, &err) == RC_CORRUPT, "a key of another size is none");
	nftw(dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
