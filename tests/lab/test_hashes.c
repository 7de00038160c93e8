/* Lists of digests: every way to write one, what is refused and where, and lookups in a large table. */
#include "lab/hashes.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"
#include "tap.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B40 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C32 "cccccccccccccccccccccccccccccccc"

static char path[] = "/tmp/lab-hashes-XXXXXX";

static enum rc load(const char *text, bool good, struct lab_hashes **ret, struct err *err)
{
	struct buf generation;
	enum rc rc;

	buf_init(&generation, 4096);
	rc = file_replace(path, str_of(text), 0600, err);
	if (rc == RC_OK)
		rc = lab_hashes_new(ret, err);
	if (rc == RC_OK)
		rc = lab_hashes_add(*ret, path, good, &generation, err);
	if (rc == RC_OK)
		rc = lab_hashes_seal(*ret, err);
	buf_done(&generation);
	return rc;
}

static bool find(const struct lab_hashes *h, const char *hex, struct lab_hash_hit *hit)
{
	struct buf b;
	bool found;

	buf_init(&b, 64);
	found = hex_get(&b, str_of(hex)) && lab_hashes_find(h, (const unsigned char *)b.p, b.n, hit);
	buf_done(&b);
	return found;
}

static void lists(void)
{
	static const struct {
		const char *what, *text, *hex, *name;
		bool good;
		enum rc rc;
	} rows[] = {
		{ "SHA-256 with a name", A64 " Bad.A\n", A64, "Bad.A", false, RC_OK },
		{ "SHA-1 behind a comma", B40 ",Bad.B", B40, "Bad.B", false, RC_OK },
		{ "MD5 as md5sum prints", C32 " *file name\n", C32, "file name", true, RC_OK },
		{ "in capitals", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n", A64, NULL, false, RC_OK },
		{ "comments and empty lines", "# list\n\n" C32 "\n", C32, NULL, false, RC_OK },
		{ "another one", A64 "\n", C32, NULL, false, RC_NOTFOUND },
		{ "nothing", "", C32, NULL, false, RC_NOTFOUND },
		{ "too short", "abc\n", NULL, NULL, false, RC_BAD },
		{ "no digest", "hello world\n", NULL, NULL, false, RC_BAD },
		{ "one digit too many", A64 "a\n", NULL, NULL, false, RC_BAD },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct lab_hashes *h = NULL;
		struct lab_hash_hit hit = { .name = S("") };
		struct err err = { 0 };
		enum rc rc = load(rows[i].text, rows[i].good, &h, &err);

		if (rows[i].rc == RC_BAD)
			OK(rc == RC_BAD && strstr(err.text, "line 1") != NULL, "%s: %s", rows[i].what, err.text);
		else
			OK(rc == RC_OK && find(h, rows[i].hex, &hit) == (rows[i].rc == RC_OK), "%s", rows[i].what);
		if (rc == RC_OK && rows[i].rc == RC_OK) {
			OK(hit.good == rows[i].good, "%s: its side", rows[i].what);
			OK(str_eq(hit.name, rows[i].name != NULL ? str_of(rows[i].name) : str_of(strrchr(path, '/') + 1)), "%s: %.*s", rows[i].what, STR(hit.name));
		}
		lab_hashes_free(h);
	}
}

static void both_sides(void)
{
	struct lab_hashes *h = NULL;
	struct lab_hash_hit hit;
	struct buf generation;

	buf_init(&generation, 4096);
	OK(lab_hashes_new(&h, NULL) == RC_OK && file_replace(path, S(A64 " good\n"), 0600, NULL) == RC_OK && lab_hashes_add(h, path, true, &generation, NULL) == RC_OK &&
		   file_replace(path, S(A64 " bad\n"), 0600, NULL) == RC_OK && lab_hashes_add(h, path, false, &generation, NULL) == RC_OK &&
		   lab_hashes_seal(h, NULL) == RC_OK, "one digest on both sorts of lists");
	OK(find(h, A64, &hit) && !hit.good, "is bad");
	lab_hashes_free(h);
	buf_done(&generation);
}

static void many(void)
{
	struct lab_hashes *h = NULL;
	struct lab_hash_hit hit;
	unsigned char sum[SHA256_LEN];
	struct buf b;
	size_t right = 0, wrong = 0;

	buf_init(&b, (size_t)64 << 20);
	for (int i = 0; i < 20000; i++) {
		hash_sha256(str_make((const char *)&i, sizeof i), sum);
		hex_put(&b, str_make((const char *)sum, sizeof sum));
		buf_fmt(&b, " n%d\n", i);
	}
	OK(load(b.p, false, &h, NULL) == RC_OK && lab_hashes_count(h) == 20000, "20,000 digests");
	for (int i = 0; i < 40000; i++) {
		char name[16];
		bool found;

		hash_sha256(str_make((const char *)&i, sizeof i), sum);
		found = lab_hashes_find(h, sum, sizeof sum, &hit);
		snprintf(name, sizeof name, "n%d", i);
		right += i < 20000 && found && str_eq(hit.name, str_of(name));
		wrong += i >= 20000 && found;
	}
	OK(right == 20000 && wrong == 0, "each is found by its name, and no other (%zu, %zu)", right, wrong);
	lab_hashes_free(h);
	buf_done(&b);
}

static void out_of_memory(void)
{
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	int n = 0;

	for (n = 1; n < 100 && rc != RC_OK; n++) {
		struct lab_hashes *h = NULL;

		mem_fail_at((uint64_t)n, 0);
		rc = load(A64 " x\n" B40 "\n", false, &h, NULL);
		mem_fail_at(0, 0);
		lab_hashes_free(h);
		if (mem_live() != before)
			break;
	}
	OK(rc == RC_OK && mem_live() == before, "whichever allocation fails, nothing stays (%d)", n);
}

/* --- a table that is a file --- */

static void tables(void)
{
	static char table[] = "/tmp/lab-table-XXXXXX";
	struct lab_hashes *h = NULL, *again = NULL;
	struct lab_hash_hit hit;
	struct buf bytes, generation;
	struct err err = { 0 };
	int fd = mkstemp(table);

	buf_init(&generation, 4096);
	OK(fd >= 0 && load(A64 " Bad.A\n" C32 "\n", false, &h, &err) == RC_OK && lab_hashes_save(h, table, &err) == RC_OK, "a table is saved %s", err.text);
	OK(lab_hashes_new(&again, &err) == RC_OK && lab_hashes_add(again, table, true, &generation, &err) == RC_OK && lab_hashes_seal(again, &err) == RC_OK, "and taken as a list");
	EQ_INT(lab_hashes_count(again), 2, "with all its digests");
	OK(find(again, A64, &hit) && str_eq(hit.name, S("Bad.A")) && !hit.good, "their names and sorts");
	OK(find(again, C32, &hit) && !find(again, B40, &hit), "and no others");
	OK(lab_hashes_add(again, path, false, &generation, &err) == RC_BAD, "no list goes with it: %s", err.text);
	lab_hashes_free(again);
	OK(file_read(table, 1 << 20, &bytes, &err) == RC_OK, "its bytes");
	for (size_t i = 0; i < 4; i++) {
		/* A place, a row's name, the number of rows, its end. */
		size_t at[] = { 65536 * 4, 65537 * 4 + 17, bytes.n - 32, bytes.n - 1 };
		struct buf copy;

		buf_init(&copy, 1 << 20);
		buf_str(&copy, buf_view(&bytes));
		copy.p[at[i]] ^= 0x7f;
		again = NULL;
		OK(file_replace(table, buf_view(&copy), 0600, &err) == RC_OK && lab_hashes_new(&again, &err) == RC_OK && lab_hashes_add(again, table, false, &generation, &err) == RC_BAD,
		   "damaged at %zu it is refused", at[i]);
		lab_hashes_free(again);
		buf_done(&copy);
	}
	buf_done(&bytes);
	buf_done(&generation);
	lab_hashes_free(h);
	close(fd);
	unlink(table);
}

int main(void)
{
	int fd = mkstemp(path);

	file_closep(&fd);
	lists();
	both_sides();
	many();
	out_of_memory();
	unlink(path);
	tables();
	return tap_done();
}
