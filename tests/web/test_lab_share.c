/* What the lab found goes into both collections, once; its revocation follows it there; and what was revoked stays so. */
#include "base/mem.h"
#include "gate/folder.h"
#include "store/collections.h"
#include "store/facts.h"
#include "store/objects.h"
#include "tap.h"
#include "web/lab_share.h"

static struct folder at;
static struct arena *a;
static struct collection up = { .root = S("intel"), .id = S("11111111-1111-4111-8111-111111111111"), .alias = S("up"), .title = S("up"), .tlp_max = TLP_RED },
			 down = { .root = S("intel"), .id = S("22222222-2222-4222-8222-222222222222"), .alias = S("down"), .title = S("down"), .tlp_max = TLP_RED };
static struct lab_share share;

static struct lab_report_child children[] = {
	{ .path = S("good.txt"), .how = S("member"), .size = 5, .depth = 1, .sha256 = { 7 } },
	{ .path = S("bad.exe"), .how = S("member"), .size = 300, .depth = 1, .sha256 = { 9 } },
};
static struct lab_report_match match = { .path = S("bad.exe"), .m = { .kind = LAB_RULE, .weight = LAB_MALICIOUS, .id = S("Evil"), .why = S("because") } };

static struct lab_report report(unsigned char first, bool bad)
{
	struct lab_report r = { .a = a, .path = S("/home/kim/x.zip"), .generation = S("g"), .hashed = true, .ended = true, .size = 700, .bytes_total = 700,
				.bytes_seen = 700, .sha256 = { first }, .sha1 = { first }, .md5 = { first } };

	r.children.p = children;
	r.children.n = COUNTOF(children);
	r.matches.p = &match;
	r.matches.n = bad;
	return r;
}

/* How many versions of indicators lie in a collection, revoked ones among them counted by hundreds. */
static unsigned lying_in(uint32_t collection)
{
	static const struct str types[] = { S("indicator") };
	struct page_query q = { .collection = collection, .added_after = INT64_MIN, .types = types, .n_types = 1, .tlp_mask = UINT32_MAX, .limit = 100,
				.want_all = true, .bodies = true };
	struct page page;
	unsigned n = 0;

	if (store_page(at.store, &q, &page, NULL) != RC_OK)
		return 9999;
	for (size_t i = 0; i < page.n; i++) {
		n += (page.entries[i].flags & OBJECT_REVOKED) != 0 ? 100 : 1;
		OK(str_find(page.entries[i].body, S("kim"), 0) == SIZE_MAX && str_find(page.entries[i].body, S("bad.exe"), 0) == SIZE_MAX, "no name of a file goes");
	}
	page_done(&page);
	return n;
}

static void told(const char *what, enum rc rc, enum rc want, struct lab_shared *list, size_t n, size_t want_n, enum lab_shared_state state, const struct err *err)
{
	OK(rc == want, "%s: %s %s", what, rc_name(rc), err->text);
	if (rc != RC_OK)
		return;
	OK(n == want_n, "%s: %zu", what, n);
	for (size_t i = 0; i < n; i++)
		OK(list[i].state == state, "%s: %s is %s", what, list[i].id, lab_shared_name(list[i].state));
}

static void whole_way(void)
{
	struct lab_report r = report(1, true), good = report(2, false), other = report(3, true);
	struct lab_shared *list = NULL;
	struct err err = { 0 };
	size_t n = 0;
	enum rc rc;

	rc = lab_share_report(&share, a, &good, TLP_AMBER, &list, &n, &err);
	told("nothing malicious", rc, RC_CONFLICT, list, n, 0, LAB_SHARED_NEW, &err);
	rc = lab_share_revoke(&share, a, &r, NULL, S("no"), &list, &n, &err);
	told("revoked before it was shared", rc, RC_NOTFOUND, list, n, 0, LAB_SHARED_NEW, &err);
	rc = lab_share_report(&share, a, &r, TLP_AMBER, &list, &n, &err);
	told("shared", rc, RC_OK, list, n, 2, LAB_SHARED_NEW, &err);
	OK(lying_in(up.row) == 2 && lying_in(down.row) == 2, "archive and program, up and down");
	rc = lab_share_report(&share, a, &r, TLP_CLEAR, &list, &n, &err);
	told("shared again", rc, RC_OK, list, n, 2, LAB_SHARED_BEFORE, &err);
	OK(lying_in(up.row) == 2 && lying_in(down.row) == 2, "changes nothing");
	rc = lab_share_report(&share, a, &other, TLP_AMBER, &list, &n, &err);
	OK(rc == RC_OK && n == 2 && list[0].state == LAB_SHARED_NEW && list[1].state == LAB_SHARED_BEFORE, "another archive with the same program");
	OK(lying_in(up.row) == 3, "adds the archive only");
	rc = lab_share_revoke(&share, a, &other, other.sha256, S("an installer of ours"), &list, &n, &err);
	told("one file revoked", rc, RC_OK, list, n, 1, LAB_SHARED_REVOKED, &err);
	OK(lying_in(up.row) == 103 && lying_in(down.row) == 103, "a newer version, up and down");
	r.matches.n = 0; /* found to be nothing by now */
	rc = lab_share_revoke(&share, a, &r, NULL, S("mistake"), &list, &n, &err);
	told("all of it revoked", rc, RC_OK, list, n, 2, LAB_SHARED_REVOKED, &err);
	rc = lab_share_revoke(&share, a, &r, NULL, S("mistake"), &list, &n, &err);
	told("and again", rc, RC_OK, list, n, 2, LAB_SHARED_REVOKED, &err);
	OK(lying_in(up.row) == 303 && lying_in(down.row) == 303, "each revoked once");
	r.matches.n = 1;
	rc = lab_share_report(&share, a, &r, TLP_AMBER, &list, &n, &err);
	told("what was revoked", rc, RC_CONFLICT, list, n, 2, LAB_SHARED_REVOKED, &err);
	OK(lying_in(up.row) == 303, "does not come back");
}

static void by_id(void)
{
	struct lab_share stranger = share;
	struct lab_report r = report(5, true);
	struct lab_shared *list = NULL;
	struct err err = { 0 };
	size_t n = 0;

	children[1].sha256[0] = 77;
	OK(lab_share_report(&share, a, &r, TLP_AMBER, &list, &n, &err) == RC_OK && n == 2, "shared %s", err.text);
	stranger.identity = S("identity--a431f809-377b-45e0-aa1c-6a4751cae5ff");
	OK(lab_share_revoke_id(&stranger, str_of(list[0].id), S("x"), &err) == RC_NOTFOUND, "another's is not revoked: %s", err.text);
	OK(lab_share_revoke_id(&share, S("indicator--a431f809-377b-45e0-aa1c-6a4751cae5ff"), S("x"), &err) == RC_NOTFOUND, "nor what is not there");
	OK(lab_share_revoke_id(&share, str_of(list[0].id), S("x"), &err) == RC_OK && lying_in(down.row) == 405, "one by its id %s", err.text);
	OK(lab_share_revoke_id(&share, str_of(list[0].id), S("x"), &err) == RC_OK && lying_in(down.row) == 405, "once");
}

/* Memory that fails at any place leaves what the next try finishes. Each place is tried on a file of its own. */
static void no_memory(void)
{
	bool done = false, finished = true;
	uint64_t i;

	for (i = 1; i < 3000 && !done; i++) {
		struct arena *mine = arena_new((size_t)1 << 20);
		struct lab_report r = report(40, true);
		struct lab_shared *list;
		size_t n;

		r.sha256[1] = (unsigned char)i;
		r.sha256[2] = (unsigned char)(i >> 8);
		r.children.n = 0;
		mem_fail_at(i, 0);
		done = lab_share_report(&share, mine, &r, TLP_AMBER, &list, &n, NULL) == RC_OK && lab_share_revoke(&share, mine, &r, NULL, S("x"), &list, &n, NULL) == RC_OK;
		mem_fail_at(0, 0);
		if (!done && lab_share_report(&share, mine, &r, TLP_AMBER, &list, &n, NULL) == RC_OK)
			finished = finished && lab_share_revoke(&share, mine, &r, NULL, S("x"), &list, &n, NULL) == RC_OK;
		else if (!done)
			finished = finished && lab_share_revoke(&share, mine, &r, NULL, S("x"), &list, &n, NULL) == RC_OK;
		arena_free(mine);
	}
	OK(done && finished, "every try is finished by the next one, %d places", (int)i);
}

int main(void)
{
	struct api_root root = { .name = S("intel"), .title = S("intel"), .max_content_length = 1 << 20, .page_size = 100 };
	struct err err = { 0 };

	a = arena_new((size_t)64 << 20);
	if (!folder_open(&at, &err))
		return 1;
	OK(root_put(at.store, &root, &err) == RC_OK && collection_put(at.store, &up, &err) == RC_OK && collection_put(at.store, &down, &err) == RC_OK, "set up %s", err.text);
	share = (struct lab_share){ .store = at.store, .identity = S("identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"), .up = up.row, .down = down.row,
				    .actor = S("node"), .submission = S("s-1") };
	whole_way();
	by_id();
	no_memory();
	folder_close(&at);
	arena_free(a);
	return tap_done();
}
