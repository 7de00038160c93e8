/* The 44 files by which ClamAV tests its unpackers hold the same small program, packed in every way there is. With that program's digest on
 * the list, each of them is found or said to be not wholly seen, but for three. SKIP without the package clamav-testfiles. */
#include <dirent.h>

#include "lab/look.h"
#include "tap.h"

#define FOUND_LEAST 23 /* the rest are packers of programs and archives of the nineties: ClamAV's own work */
#define SHY_MOST 3     /* two of an installer whose own coding is not recognised, one packer that leaves no mark */
#define FOLDER "/usr/share/clamav-testfiles"

static struct lab_stock stock;

static bool prepare(struct err *err)
{
	struct buf list, generation, exe;
	unsigned char sum[SHA256_LEN];
	char path[64];
	bool good;

	if (file_read(FOLDER "/clam.exe", (size_t)1 << 20, &exe, err) != RC_OK)
		return false;
	hash_sha256(buf_view(&exe), sum);
	buf_done(&exe);
	buf_init(&list, 4096);
	buf_init(&generation, 4096);
	for (size_t i = 0; i < sizeof sum; i++)
		buf_fmt(&list, "%02x", sum[i]);
	buf_cstr(&list, " clam\n");
	snprintf(path, sizeof path, "/tmp/lab-clamav.%d", (int)getpid());
	stock.limits = LAB_LIMITS;
	good = file_replace(path, buf_view(&list), 0600, err) == RC_OK && lab_hashes_new(&stock.hashes, err) == RC_OK &&
	       lab_hashes_add(stock.hashes, path, false, &generation, err) == RC_OK && lab_hashes_seal(stock.hashes, err) == RC_OK;
	unlink(path);
	for (size_t i = 0; good && lab_walkers[i] != NULL; i++)
		good = lab_walkers[i]->prepare == NULL || lab_walkers[i]->prepare(err) == RC_OK;
	buf_done(&list);
	buf_done(&generation);
	return good;
}

int main(void)
{
	DIR *d = opendir(FOLDER);
	struct dirent *e;
	struct err err = { 0 };
	unsigned files = 0, found = 0, shy = 0;

	if (d == NULL) {
		SKIP("the package clamav-testfiles is not installed", "files of ClamAV");
		return tap_done();
	}
	if (!OK(prepare(&err), "its program is known (%s)", err.text))
		return tap_done();
	while ((e = readdir(d)) != NULL) {
		struct arena *a = arena_new((size_t)64 << 20);
		struct lab_report r;
		char path[400];
		struct buf b;
		bool hit = false;

		snprintf(path, sizeof path, FOLDER "/%s", e->d_name);
		if (e->d_name[0] != '.' && file_read(path, (size_t)16 << 20, &b, NULL) == RC_OK) {
			bool good = look_with(&stock, buf_view(&b), S(""), a, &r);

			files++;
			for (size_t i = 0; i < r.matches.n; i++)
				hit = hit || r.matches.p[i].m.weight == LAB_MALICIOUS;
			found += hit;
			shy += !hit && lab_verdict_of(&r) == LAB_V_NO_FINDING;
			if (!hit)
				printf("# %s: %s, %.*s\n", e->d_name, lab_verdict_name(lab_verdict_of(&r)), r.unseen.n > 0 ? (int)r.unseen.p[0].why.n : 0,
				       r.unseen.n > 0 ? r.unseen.p[0].why.p : "");
			OK(good && r.bytes_total >= b.n, "%s: a report", e->d_name);
			buf_done(&b);
		}
		arena_free(a);
	}
	closedir(d);
	OK(found >= FOUND_LEAST, "%u of %u found", found, files);
	OK(shy <= SHY_MOST, "%u are called free of findings", shy);
	lab_hashes_free(stock.hashes);
	return tap_done();
}
