/* Documents locked with a word: made by qpdf and by msoffcrypto-tool, with the test file inside. With the word they are opened, without it
 * what is locked is unseen. */
#include "lab/look.h"
#include "lab/office_lock.h"
#include "lab/pdf_lock.h"
#include "tap.h"

static struct arena *a;

static bool load(const char *name, struct buf *ret)
{
	const char *source = getenv("LIANFANG_SOURCE");
	char path[512];

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", name);
	return file_read(path, (size_t)1 << 20, ret, NULL) == RC_OK;
}

static void documents(void)
{
	static const struct { const char *file; struct str word; const char *fact, *value; bool opened; } rows[] = {
		{ "lab_walk_pdf/word-r2.pdf", S("word"), "pdf.password", "word", true },
		{ "lab_walk_pdf/word-r3.pdf", S("word"), "pdf.password", "word", true },
		{ "lab_walk_pdf/word-r4.pdf", S("word"), "pdf.password", "word", true },
		{ "lab_walk_pdf/word-r5.pdf", S("word"), "pdf.password", "word", true },
		{ "lab_walk_pdf/word-r6.pdf", S("word"), "pdf.password", "word", true },
		{ "lab_walk_pdf/word-o6.pdf", S("word"), "pdf.password", "word", true },
		{ "lab_walk_pdf/word-r6.pdf", S("owner"), "pdf.password", "owner", true },
		{ "lab_walk_pdf/word-r3.pdf", S(""), NULL, NULL, false },
		{ "lab_walk_pdf/word-r6.pdf", S("words"), NULL, NULL, false },
		{ "lab_walk_pdf/empty-r4.pdf", S(""), "pdf.password", "", true },
		{ "../../lab/data/word-agile.docx", S("word"), "office.password", "word", true },
		{ "../../lab/data/word-agile.docx", S("Word"), "office.lock", "agile", false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct lab_report r;
		struct buf b;

		if (!OK(load(rows[i].file, &b), "%s is there", rows[i].file))
			continue;
		OK(look_at(buf_view(&b), rows[i].word, a, &r), "%s: a report", rows[i].file);
		OK(lab_verdict_of(&r) == (rows[i].opened ? LAB_V_MALICIOUS : LAB_V_INCOMPLETE), "%s with \"%.*s\": %s", rows[i].file, STR(rows[i].word), lab_verdict_name(lab_verdict_of(&r)));
		OK((look_match(&r, "EICAR-Test-File") != NULL) == rows[i].opened, "%s: what is in it", rows[i].file);
		OK((r.unseen.n == 0) == rows[i].opened, "%s: %zu unseen", rows[i].file, r.unseen.n);
		OK(rows[i].fact == NULL || look_fact(&r, rows[i].fact, str_of(rows[i].value)), "%s: its fact", rows[i].file);
		buf_done(&b);
	}
}

/* A script in a text of the file itself is locked with it: with a wrong key nobody has read it. */
static void scripts(void)
{
	static const struct str open = S("%PDF-1.4\n1 0 obj\n<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>\nendobj\n%%EOF\n"),
				shut = S("%PDF-1.4\n1 0 obj\n<</OpenAction<</S/JavaScript/JS(\x91\x07\x99)>>>>\nendobj\ntrailer<</Encrypt<</Filter/Other/V 9>>>>\n%%EOF\n");
	struct lab_report r;

	OK(look_at(open, S(""), a, &r) && r.n_children == 1 && r.unseen.n == 0 && look_match(&r, "pdf.script-by-itself") != NULL, "a script of an open document is a child");
	OK(look_at(shut, S(""), a, &r) && r.n_children == 0 && r.unseen.n == 1 && look_match(&r, "pdf.script-by-itself") != NULL, "that of a locked one is unseen");
	OK(look_at(S("%PDF-1.4\n1 0 obj\n<</EncryptMetadata false>>\nendobj\n%%EOF\n"), S(""), a, &r) && lab_verdict_of(&r) == LAB_V_NO_FINDING, "a longer name locks nothing");
}

/* The key that msoffcrypto-tool's own tests have for this salt and word. */
static void standard(void)
{
	static const unsigned char key[] = { 0x40, 0xb1, 0x3a, 0x71, 0xf9, 0x0b, 0x96, 0x6e, 0x37, 0x54, 0x08, 0xf2, 0xd1, 0x81, 0xa1, 0xaa };
	struct office_lock l;
	struct buf b;

	buf_init(&b, 4096);
	buf_put(&b, "\3\0\2\0\x24\0\0\0", 8);
	buf_le32(&b, 32);
	buf_put(&b, "\x24\0\0\0\0\0\0\0\x0e\x66\0\0\x04\x80\0\0\x80\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0", 32);
	buf_le32(&b, 16);
	buf_put(&b, "\xe8\x82" "fI\x0c[\xd1\xee\xbd+C\x94\xe3\xf8" "0\xef", 16);
	buf_put(&b, "Qos.\x96o\xac\x17\xb1\xc5\xd7\xd8\xcc" "6\xc9(", 16);
	buf_le32(&b, 20);
	buf_put(&b, "+ah\xda\xbe)\x11\xad+\xd3|\x17" "Ft\\\x14\xd3\xcf\x1b\xb1@\xa4\x8fNo=#\x88\x08r\xb1j", 32);
	OK(office_lock_read(buf_view(&b), a, &l) && !l.agile && l.key_n == 16, "a lock of the standard kind");
	OK(!office_lock_try(&l, S("Password1234")), "a wrong word");
	OK(office_lock_try(&l, S("Password1234_")) && memcmp(l.key, key, sizeof key) == 0, "the right word, and its key");
	OK(!office_lock_read(str_slice(buf_view(&b), 0, b.n - 1), a, &l), "one that is cut");
	buf_done(&b);
}

static void ciphers(void)
{
	unsigned char out[16];

	/* RFC 6229, key 0102030405; FIPS 197 appendix C.1. */
	secret_rc4(S("\1\2\3\4\5"), S("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), out);
	OK(memcmp(out, "\xb2\x39\x63\x05\xf0\x3d\xc0\x27\xcc\xc3\x52\x4a\x0a\x11\x18\xa8", 16) == 0, "RC4");
	OK(secret_aes_open(S("\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"), NULL, S("\x69\xc4\xe0\xd8\x6a\x7b\x04\x30\xd8\xcd\xb7\x80\x70\xb4\xc5\x5a"), out) &&
	   memcmp(out, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16) == 0, "AES");
	OK(!secret_aes_open(S("short"), NULL, S("0123456789abcdef"), out) && !secret_aes_open(S("0123456789abcdef"), NULL, S("odd"), out), "wrong sizes");
}

int main(void)
{
	a = arena_new((size_t)256 << 20);
	OK(secret_prepare(), "libcrypto has what is needed");
	documents();
	scripts();
	standard();
	ciphers();
	arena_free(a);
	return tap_done();
}
