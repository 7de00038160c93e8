/* The property that everything else is for: over random nestings, with a leaf that is known to be bad somewhere inside, either the leaf
 * is found or the verdict is not no-finding; and the ledger adds up. The worker's code runs here without its process, for
 * speed. LIANFANG_NESTS says how many (100,000 in the long run). */
#include <fcntl.h>
#include <sys/mman.h>

#include "lab/nest.h"
#include "lab/work.h"
#include "sys/file.h"
#include "tap.h"

static struct lab_stock stock;

static bool report_of(struct str bytes, struct arena *a, struct lab_report *r)
{
	CLEANUP(file_closep) int fd = memfd_create("frames", MFD_CLOEXEC);
	CLEANUP(file_closep) int again = -1;
	char path[64];
	struct str rest;
	struct buf frames;
	size_t n;
	bool good = true;

	lab_work_run(&stock, bytes, S(""), fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	buf_init(&frames, (size_t)64 << 20);
	again = open(path, O_RDONLY | O_CLOEXEC);
	for (ssize_t got = 1; got > 0;) {
		char *to = buf_room(&frames, 65536);

		got = to == NULL ? 0 : read(again, to, 65536);
		if (got > 0)
			buf_grew(&frames, (size_t)got);
	}
	lab_report_begin(r, a, S("nest"), S("test"), bytes.n);
	rest = buf_view(&frames);
	while (good && (n = lab_frame_size(rest)) != 0 && n != SIZE_MAX) {
		good = lab_report_take(r, str_slice(rest, 0, n), NULL) == RC_OK;
		rest = str_slice(rest, n, rest.n);
	}
	good = good && rest.n == 0;
	buf_done(&frames);
	return good && r->ended;
}

static bool adds_up(const struct lab_report *r)
{
	/* Unseen lists and sums tell the same story. */
	return r->bytes_seen <= r->bytes_total && (r->unseen.n > 0 || r->bytes_seen == r->bytes_total) && r->bytes_total >= r->size;
}

int main(void)
{
	const char *said = getenv("LIANFANG_NESTS"), *list = "/tmp/lab-ledger.list";
	uint64_t rounds = 3000, found = 0, hurt_ones = 0, incomplete = 0, wrong = 0, odd = 0, shy = 0;
	unsigned char sum[SHA256_LEN];
	struct nest_make m = { .state = 20261123 };
	struct buf b, generation;
	struct err err = { 0 };
	char path[64];

	if (said != NULL)
		(void)str_to_u64(str_of(said), &rounds);
	hash_sha256(S(NEST_LEAF), sum);
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof sum; i++)
		buf_fmt(&b, "%02x", sum[i]);
	buf_cstr(&b, " leaf\n");
	snprintf(path, sizeof path, "%s.%d", list, (int)getpid());
	buf_init(&generation, 4096);
	stock.limits = LAB_LIMITS;
	if (file_replace(path, buf_view(&b), 0600, NULL) != RC_OK || lab_hashes_new(&stock.hashes, &err) != RC_OK ||
	    lab_hashes_add(stock.hashes, path, false, &generation, &err) != RC_OK || lab_hashes_seal(stock.hashes, &err) != RC_OK) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	unlink(path);
	buf_done(&b);
	for (uint64_t i = 0; i < rounds; i++) {
		struct arena *a = arena_new((size_t)64 << 20);
		struct lab_report r;
		bool hurt, leaf = false;
		uint64_t before = m.state;

		b = nest_make(&m, 12, &hurt);
		if (!report_of(buf_view(&b), a, &r))
			odd++;
		for (size_t k = 0; k < r.matches.n; k++)
			leaf = leaf || (r.matches.p[k].m.kind == LAB_HASH && r.matches.p[k].m.weight == LAB_MALICIOUS);
		found += leaf;
		hurt_ones += hurt;
		incomplete += lab_verdict_of(&r) == LAB_V_INCOMPLETE;
		odd += !adds_up(&r);
		shy += !leaf && !hurt;
		if (!leaf && lab_verdict_of(&r) == LAB_V_NO_FINDING && wrong++ < 5)
			printf("# state %llu: no-finding of %zu bytes%s\n", (unsigned long long)before, b.n, hurt ? ", hurt" : "");
		buf_done(&b);
		arena_free(a);
	}
	OK(wrong == 0, "0 of %llu say no-finding with an unseen leaf (%llu do)", (unsigned long long)rounds, (unsigned long long)wrong);
	OK(odd == 0, "every ledger adds up (%llu do not)", (unsigned long long)odd);
	OK(found + hurt_ones + shy >= rounds && found > rounds / 2, "%llu found, %llu cut short, %llu incomplete", (unsigned long long)found, (unsigned long long)hurt_ones,
	   (unsigned long long)incomplete);
	OK(shy == 0, "of whole ones the leaf is always found (%llu not)", (unsigned long long)shy);
	lab_hashes_free(stock.hashes);
	buf_done(&generation);
	return tap_done();
}
