/* Files inside of texts, of old packers, of programs and of presentations. */
#include "lab/look.h"
#include "lab/ppt.h"
#include "lab/zipmake.h"
#include "tap.h"

#define EICAR "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" "ANTIVIRUS-TEST-FILE!$H+H*"
#define EICAR_UU \
	"begin 644 a.com\n" \
	"M6#5/(5`E0$%06S1<4%I8-30H4%XI-T-#*3=])$5)0T%2+5-404Y$05)$+4%.\n" \
	"75$E625)54RU415-4+49)3$4A)$@K2\"H`\n"

static struct arena *a;

static void judge(const char *label, struct str bytes, enum lab_verdict verdict, const char *child, bool all)
{
	struct lab_report r;
	bool good = look_at(bytes, S(""), a, &r);

	OK(good && lab_verdict_of(&r) == verdict, "%s: %s", label, good ? lab_verdict_name(lab_verdict_of(&r)) : "no report");
	OK(child == NULL || look_child(&r, child), "%s: its child", label);
	OK((r.unseen.n == 0) == all, "%s: %zu unseen", label, r.unseen.n);
}

static void texts(void)
{
	judge("a block of uuencode", S("words\n" EICAR_UU "`\nend\nmore words\n"), LAB_V_MALICIOUS, "a.com", true);
	judge("a block with a blank as its last line", S(EICAR_UU " \r\nend\r\n"), LAB_V_MALICIOUS, "a.com", true);
	judge("a block without an end", S(EICAR_UU), LAB_V_MALICIOUS, "a.com", false);
	judge("a damaged block", S("begin 644 b\n#ab\x7f" "d\n`\nend\n"), LAB_V_INCOMPLETE, NULL, false);
	judge("a letter that begins so", S("begin 644\nwords\n"), LAB_V_NO_FINDING, NULL, true);
	judge("a page with data",
	      S("<html><a href=\"data:application/octet-stream;base64,WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=\">x</a></html>"),
	      LAB_V_MALICIOUS, NULL, true);
	judge("a page about data", S("<html>write ;base64, and then</html>"), LAB_V_NO_FINDING, NULL, true);
}

/* COMPRESS.EXE: letters as they are, then a run out of the ring. */
static void szdd(void)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_put(&b, "SZDD\x88\xf0\x27\x33" "A\0", 10);
	buf_le32(&b, 68);
	for (size_t i = 0; i < 68; i += 8) {
		buf_char(&b, '\xff');
		buf_str(&b, str_slice(S(EICAR), i, i + 8));
	}
	judge("letters alone", buf_view(&b), LAB_V_MALICIOUS, NULL, true);
	b.p[10] = 69;
	judge("one letter too few", buf_view(&b), LAB_V_MALICIOUS, NULL, false);
	buf_done(&b);
	buf_init(&b, 4096);
	buf_put(&b, "SZDD\x88\xf0\x27\x33" "A\0\x0e\0\0\0\x01" "a\xf0\xfa\xef\xff", 20);
	{
		struct lab_report r;
		unsigned char want[SHA256_LEN];

		/* "a", then what stands there already: itself, thirteen times in all is not asked for. */
		hash_sha256(S("aa             "), want);
		OK(look_at(buf_view(&b), S(""), a, &r) && r.children.n == 1 && r.children.p[0].size == 14, "a run out of the ring: %llu bytes",
		   r.children.n == 1 ? (unsigned long long)r.children.p[0].size : 0);
	}
	buf_done(&b);
}

/* The least that is a program of Windows, with one section. */
static struct buf program(const char *section, uint32_t flags, const char *behind)
{
	struct buf b;

	buf_init(&b, 65536);
	buf_put(&b, "MZ", 2);
	while (b.n < 60)
		buf_char(&b, '\0');
	buf_le32(&b, 64);
	buf_put(&b, "PE\0\0\x4c\1\1\0", 8);
	for (int i = 0; i < 12; i++)
		buf_char(&b, '\0');
	zip_le16(&b, 96);
	zip_le16(&b, 0x102);
	zip_le16(&b, 0x10b);
	while (b.n < 64 + 24 + 16)
		buf_char(&b, '\0');
	buf_le32(&b, 0x1000); /* entry */
	while (b.n < 64 + 24 + 60)
		buf_char(&b, '\0');
	buf_le32(&b, 512); /* headers */
	while (b.n < 64 + 24 + 96)
		buf_char(&b, '\0');
	buf_str(&b, str_of(section));
	for (size_t i = strlen(section); i < 8; i++)
		buf_char(&b, '\0');
	buf_le32(&b, 512);
	buf_le32(&b, 0x1000);
	buf_le32(&b, 512);
	buf_le32(&b, 512);
	buf_put(&b, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	buf_le32(&b, flags);
	while (b.n < 1024)
		buf_char(&b, '\x90');
	buf_cstr(&b, behind);
	return b;
}

static void programs(void)
{
	static const struct { const char *label, *section; uint32_t flags; const char *behind; enum lab_verdict verdict; const char *child; bool all; } rows[] = {
		{ "an honest program", ".text", 0x60000020, "", LAB_V_NO_FINDING, NULL, true },
		{ "a program with a file behind", ".text", 0x60000020, EICAR, LAB_V_MALICIOUS, "overlay", true },
		{ "a packed program", "UPX1", 0x60000020, "", LAB_V_INCOMPLETE, NULL, false },
		{ "a program that writes where it begins", ".text", 0xe0000020, "", LAB_V_INCOMPLETE, NULL, false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b = program(rows[i].section, rows[i].flags, rows[i].behind);

		judge(rows[i].label, buf_view(&b), rows[i].verdict, rows[i].child, rows[i].all);
		buf_done(&b);
	}
	{
		struct buf b = program(".text", 0x60000020, "");

		buf_put(&b, "a.com\0Disk1\\a.com\0" "1.0\0" "68\0", 25);
		buf_cstr(&b, EICAR);
		judge("an installer of InstallShield", buf_view(&b), LAB_V_MALICIOUS, "Disk1\\a.com", true);
		buf_done(&b);
	}
}

/* --- objects of presentations, by the function that walk_ole calls --- */

static struct buf presentation;

static enum rc walk_presentation(struct lab_node *n, struct err *err)
{
	(void)err;
	ppt_objects(n, S("object"), n->bytes);
	return RC_OK;
}

static void work(const struct lab_stock *stock, struct str bytes, int fd)
{
	struct lab_work w = { .stock = stock, .out_fd = fd, .size = bytes.n, .until = time_mono() + 10 * USEC_PER_SEC };
	struct lab_ledger ledger = { 0 };
	struct lab_node n = { .work = &w, .bytes = bytes, .from = { .name = S(""), .how = "submission" }, .ledger = &ledger, .a = arena_new((size_t)1 << 20) };

	w.twins = map_new(64);
	buf_init(&w.out, (size_t)1 << 20);
	(void)!walk_presentation(&n, NULL);
	OK(w.children == 2 && w.made == strlen(EICAR), "objects of a presentation: %llu, of which one was packed", (unsigned long long)w.children);
	OK(ledger.n_lost == 0, "and none damaged");
	lab_flush(&w);
	map_free(w.twins);
	buf_done(&w.out);
	arena_free(n.a);
}

static void presentations(void)
{
	static struct lab_stock stock = { .only_rules = true };
	unsigned char packed[256];
	uLongf n = sizeof packed;
	CLEANUP(file_closep) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	stock.limits = LAB_LIMITS;
	compress(packed, &n, (const Bytef *)EICAR, strlen(EICAR));
	buf_init(&presentation, 4096);
	zip_le16(&presentation, 0x0f);
	zip_le16(&presentation, 1000);
	buf_le32(&presentation, 0);
	zip_le16(&presentation, 0x10);
	zip_le16(&presentation, 0x1011);
	buf_le32(&presentation, (uint32_t)n + 4);
	buf_le32(&presentation, 68);
	buf_put(&presentation, packed, n);
	zip_le16(&presentation, 0);
	zip_le16(&presentation, 0x1011);
	buf_le32(&presentation, 9);
	buf_cstr(&presentation, "as it is.");
	work(&stock, buf_view(&presentation), fd);
	buf_done(&presentation);
}

int main(void)
{
	a = arena_new((size_t)256 << 20);
	texts();
	szdd();
	programs();
	presentations();
	arena_free(a);
	return tap_done();
}
