/* Making a node: what lies there afterwards and who may read it, twice is refused, failures leave nothing. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "node/node.h"
#include "stix/marking.h"
#include "store/accounts.h"
#include "store/collections.h"
#include "store/facts.h"
#include "store/objects.h"
#include "sys/file.h"
#include "tap.h"

static char base[64];

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static const char *under(const char *name)
{
	static char path[4][NODE_PATH_MAX];
	static unsigned at;
	char *out = path[at++ % 4];

	snprintf(out, NODE_PATH_MAX, "%s/%s", base, name);
	return out;
}

/* -1 = not there. */
static int mode_of(const char *name)
{
	struct stat st;

	return lstat(under(name), &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static int entries_in(const char *name)
{
	DIR *d = opendir(under(name));
	int n = 0;

	if (d == NULL)
		return -1;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static enum rc make(const char *name, const char *tier, const char *federation, const char *password, char out[static 32],
		    char print[static 65], struct err *err)
{
	static const char *const hosts[] = { "node.example", "192.0.2.7", "2001:db8::7", NULL };
	struct node_init_opts o = { .dir = under(name), .name = "Hospital A", .tier = tier, .hosts = hosts,
				    .federation = federation == NULL ? NULL : under(federation), .admin_password = str_of(password) };

	return node_init(&o, out, print, err);
}

static int secret_files;

static int check_mode(const char *path, const struct stat *st, int kind, struct FTW *f UNUSED)
{
	bool certificate = str_ends(str_of(path), S(".crt"));
	unsigned want = kind == FTW_D ? 0700 : certificate ? 0644 : 0600;

	/* A socket or lock would be made by a running node only. */
	if ((st->st_mode & 07777) != want && kind != FTW_D)
		printf("# %s is %o\n", path, st->st_mode & 07777);
	if (kind == FTW_F && !certificate)
		secret_files += (st->st_mode & 077) == 0 ? 1 : 1000000;
	return 0;
}

static void test_made(void)
{
	char password[32] = "", print[65] = "", again[65];
	struct err err = { 0 };
	struct buf cert;
	char cn[128];
	usec from, until;

	OK(make("a", "provider", NULL, "", password, print, &err) == RC_OK, "made %s", err.text);
	EQ_INT(strlen(password), 22, "a password is drawn");
	EQ_INT(strlen(print), 64, "a fingerprint is given");
	EQ_INT(mode_of("a"), 0700, "folder is 0700");
	EQ_INT(mode_of("a/tls"), 0700, "tls is 0700");
	EQ_INT(mode_of("a/tls/node.key"), 0600, "TLS key is 0600");
	EQ_INT(mode_of("a/sign.key"), 0600, "signing key is 0600");
	EQ_INT(mode_of("a/lianfang.conf"), 0600, "configuration is 0600");
	EQ_INT(mode_of("a/tls/ca.key"), -1, "the CA's key is nowhere");
	nftw(under("a"), check_mode, 16, FTW_PHYS);
	OK(secret_files >= 4 && secret_files < 1000000, "no other file is readable by others (%d looked at)", secret_files);
	OK(file_read(under("a/tls/node.crt"), 1 << 16, &cert, &err) == RC_OK && keys_fingerprint(buf_view(&cert), again, &err) == RC_OK &&
	   strcmp(again, print) == 0, "the fingerprint is the certificate's");
	OK(keys_cert_info(buf_view(&cert), cn, &from, &until, &err) == RC_OK && strcmp(cn, "Hospital A") == 0, "and it names the node");
	OK(from <= time_now() && until > time_now() + 365 * (usec)86400 * USEC_PER_SEC, "and is good for more than a year");
	buf_done(&cert);
}

static void test_opened(void)
{
	struct node n;
	struct err err = { 0 };
	struct arena *a = arena_new((size_t)1 << 20);
	struct collection k;
	struct user u;
	struct page page = { 0 };
	struct page_query q = { .added_after = INT64_MIN, .tlp_mask = UINT32_MAX, .limit = 10 };
	bool r = false, w = false;
	struct fact_verdict v;

	if (!OK(node_open(under("a"), false, &n, &err) == RC_OK, "opened %s", err.text))
		return;
	EQ_STR(str_of(n.config.name), S("Hospital A"), "name");
	EQ_STR(str_of(n.config.tier), S("provider"), "tier");
	OK(collection_get(n.store, S("intel"), S("up"), a, &k, &err) == RC_OK, "there is intel/up");
	OK(right_of(n.store, &k, S("x"), S("peer"), &r, &w, &err) == RC_OK && !r && w, "members write up and do not read it");
	q.collection = k.row;
	OK(store_page(n.store, &q, &page, &err) == RC_OK && page.n == 1 && str_eq(page.entries[0].id, str_of(n.config.identity)) &&
	   page.entries[0].tlp == TLP_CLEAR, "the node's identity lies in it");
	page_done(&page);
	OK(collection_get(n.store, S("intel"), S("down"), a, &k, &err) == RC_OK, "there is intel/down");
	OK(right_of(n.store, &k, S("x"), S("peer"), &r, &w, &err) == RC_OK && r && !w, "members read down and do not write it");
	OK(right_of(n.store, &k, S(""), S(""), &r, &w, &err) == RC_OK && !r && !w, "strangers do neither");
	OK(user_get(n.store, S("admin"), a, &u, &err) == RC_OK && str_eq(u.role, S("admin")), "there is the user admin");
	OK(!str_starts(u.pass_hash, S("$argon2id$")) == false, "with an Argon2id hash");
	OK(fact_verify(n.store, n.sign_pub, &v, &err) == RC_OK && v.first_bad == 0 && v.checked > 0, "the facts verify: %s", v.what);
	node_close(&n);
	arena_free(a);
}

static void test_refused(void)
{
	static const struct { const char *name, *dir, *node, *tier, *password; enum rc rc; } rows[] = {
		{ "a node is there already", "a", "B", "provider", "", RC_CONFLICT },
		{ "the folder is not empty", "full", "B", "provider", "", RC_CONFLICT },
		{ "a file is in the way", "file", "B", "provider", "", RC_IO },
		{ "no folder above", "none/b", "B", "provider", "", RC_IO },
		{ "no such tier", "b", "B", "city", "", RC_BAD },
		{ "no name", "b", "", "provider", "", RC_BAD },
		{ "a name of blanks", "b", "  ", "provider", "", RC_BAD },
		{ "a name with a line feed", "b", "B\nstore = x", "provider", "", RC_BAD },
		{ "a name with a carriage return", "b", "B\rC", "provider", "", RC_BAD },
		{ "a name that runs backwards", "b", "B\u202Eexe", "provider", "", RC_BAD },
	};

	mkdir(under("full"), 0755);
	fclose(fopen(under("full/x"), "w"));
	fclose(fopen(under("file"), "w"));
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct node_init_opts o = { .dir = under(rows[i].dir), .name = rows[i].node, .tier = rows[i].tier,
					    .admin_password = str_of(rows[i].password) };
		char password[32] = "", print[65] = "";
		struct err err = { 0 };

		EQ_INT(node_init(&o, password, print, &err), rows[i].rc, rows[i].name);
		OK(err.text[0] != '\0', "%s: said: %s", rows[i].name, err.text);
		OK(mode_of("b") == -1, "%s: nothing is left", rows[i].name);
	}
	EQ_INT(entries_in("full"), 1, "what was there stays");
	OK(mode_of("a/lianfang.conf") == 0600, "the node that was there stays");
}

/* Whatever fails, the folder is as it was. */
static void test_failures(void)
{
	char password[32], print[65];
	struct err err = { 0 };
	int64_t live;
	uint64_t nth;

	mkdir(under("empty"), 0755);
	live = mem_live();
	for (nth = 1; nth < 4000; nth += nth < 60 ? 1 : 97) {
		enum rc rc;

		mem_fail_at(nth, 1);
		rc = make("c", "sector", NULL, "correct horse battery", password, print, &err);
		mem_fail_at(0, 0);
		if (rc == RC_OK)
			break;
		if (mode_of("c") != -1 || mem_live() != live) {
			OK(false, "allocation %llu fails: folder %d, %lld blocks left", (unsigned long long)nth, mode_of("c"), (long long)(mem_live() - live));
			break;
		}
	}
	OK(mode_of("c") == 0700, "each allocation failed once, then it was made (%llu)", (unsigned long long)nth);
	OK(password[0] == '\0', "a given password is not given back");
	for (unsigned k = 1; k <= 3; k++) {
		OK(fault_arm("file.sync", k, EIO, FAULT_FROM_THEN_ON), "fsync fails from the %u. on", k);
		OK(make("empty", "sector", NULL, "", password, print, &err) != RC_OK, "not made");
		fault_clear();
		EQ_INT(entries_in("empty"), 0, "an empty folder that was there is empty again");
	}
}

static void test_federation(void)
{
	char password[32], one[65], two[65];
	struct err err = { 0 };
	struct buf ca, of_node;

	OK(node_federation_init(under("ca"), "Health", &err) == RC_OK, "federation %s", err.text);
	EQ_INT(mode_of("ca"), 0700, "federation: folder is 0700");
	EQ_INT(mode_of("ca/ca.key"), 0600, "federation: key is 0600");
	EQ_INT(mode_of("ca/ca.crt"), 0644, "federation: certificate may be read");
	EQ_INT(node_federation_init(under("ca"), "Health", &err), RC_CONFLICT, "federation: twice is refused");
	OK(make("m", "sector", "ca", "", password, one, &err) == RC_OK, "a member %s", err.text);
	OK(make("n", "provider", "ca", "", password, two, &err) == RC_OK && strcmp(one, two) != 0, "another member");
	OK(file_read(under("ca/ca.crt"), 1 << 16, &ca, &err) == RC_OK && file_read(under("n/tls/ca.crt"), 1 << 16, &of_node, &err) == RC_OK &&
	   str_eq(buf_view(&ca), buf_view(&of_node)), "members hold the federation's certificate");
	EQ_INT(mode_of("n/tls/ca.key"), -1, "and not its key");
	buf_done(&ca);
	buf_done(&of_node);
	OK(make("o", "provider", "nowhere", "", password, two, &err) == RC_NOTFOUND && mode_of("o") == -1, "no such federation: nothing is left");
}

static void test_open_errors(void)
{
	static const struct { const char *name, *file, *bytes; enum rc rc; } rows[] = {
		{ "signing key cut short", "a/sign.key", "abc", RC_CORRUPT },
		{ "certificate is none", "a/tls/node.crt", "abc", RC_BAD },
		{ "configuration broken", "a/lianfang.conf", "[node]\nx = 1\n", RC_BAD },
	};
	struct node n;
	struct err err = { 0 };
	int64_t live = mem_live();

	EQ_INT(node_open(under("nowhere"), false, &n, &err), RC_NOTFOUND, "no folder");
	EQ_INT(node_open(under("full"), false, &n, &err), RC_NOTFOUND, "a folder that is no node");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf kept;

		OK(file_read(under(rows[i].file), 1 << 20, &kept, &err) == RC_OK, "kept");
		OK(file_replace(under(rows[i].file), str_of(rows[i].bytes), 0600, &err) == RC_OK, "broken");
		EQ_INT(node_open(under("a"), false, &n, &err), rows[i].rc, rows[i].name);
		OK(file_replace(under(rows[i].file), buf_view(&kept), 0600, &err) == RC_OK, "mended");
		buf_done(&kept);
	}
	EQ_INT(mem_live(), live, "nothing is left of the failures");
}

int main(void)
{
	snprintf(base, sizeof base, "/tmp/lianfang-init-XXXXXX");
	if (mkdtemp(base) == NULL)
		return 1;
	test_made();
	test_opened();
	test_refused();
	test_failures();
	test_federation();
	test_open_errors();
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	EQ_INT(mem_live(), 0, "everything given back");
	return tap_done();
}
