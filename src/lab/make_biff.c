/* Workbooks in records (MS-XLS §2.3, MS-XLSB §2.3): sheets of macros and what their formulas do, names by which they run by themselves,
 * hidden sheets, links to other programs, and whether the records are encrypted, in which case nobody here has seen them. */
#include "lab/make.h"

#include <string.h>

#include "base/rd.h"
#include "base/text.h"
#include "lab/dde.h"
#include "lab/xlm.h"

#define RECORDS_EACH 4096u
#define TEXT_BYTES 3072u

enum { FORMULA = 0x06, NAME = 0x18, FILEPASS = 0x2f, BOUNDSHEET = 0x85, SUPBOOK = 0x1ae, BOF = 0x809 };

#define WORD_IDENT 0xa5ec

struct book {
	struct lab_node *n;
	bool macros;        /* inside a sheet of macros */
	unsigned sheets, formulas, unknown;
	struct xlm_seen xlm;
};

/* Characters behind their flag byte: one byte a letter, or two. */
static struct str letters(struct str s, size_t count, char to[static TEXT_BYTES])
{
	bool doubled = s.n > 0 && (s.p[0] & 1) != 0;
	struct str raw = str_slice(s, 1, 1 + (doubled ? 2 * count : count));

	if (doubled)
		return str_make(to, utf16le_get(to, str_slice(raw, 0, TEXT_BYTES / 3 * 2)));
	raw = str_slice(raw, 0, TEXT_BYTES);
	memcpy(to, raw.p, raw.n);
	return str_make(to, raw.n);
}

static void bound_sheet(struct book *b, struct str r, uint64_t at)
{
	unsigned hidden = r.n > 5 ? (unsigned char)r.p[4] & 3 : 0, sort = r.n > 5 ? (unsigned char)r.p[5] : 0;
	char text[TEXT_BYTES];

	if (r.n < 8)
		return;
	if (sort == 1) {
		b->sheets++;
		lab_fact(b->n, "xlm.sheet", letters(str_slice(r, 7, r.n), (unsigned char)r.p[6], text));
		lab_feature(b->n, LAB_NOTE, "xlm.sheet", at, r.n, "a sheet of macros of the older kind (Excel 4.0)");
	}
	if (hidden == 2 || (hidden == 1 && sort == 1))
		lab_feature(b->n, LAB_NOTE, "xlm.hidden-sheet", at, r.n, "a sheet that is kept out of sight");
}

/* §2.4.150 Lbl. One of the program's own names is a number in place of its letters. */
static void name_of(struct book *b, struct str r, uint64_t at)
{
	unsigned flags = str_le16(r, 0), count = r.n > 3 ? (unsigned char)r.p[3] : 0;
	char text[TEXT_BYTES];
	struct str name = letters(str_slice(r, 14, r.n), count, text);
	bool own = (flags & 0x20) != 0 && name.n == 1 && (name.p[0] == 1 || name.p[0] == 2 || name.p[0] == 10 || name.p[0] == 11);

	if (own || xlm_by_itself(name))
		lab_feature(b->n, LAB_NOTE, "xlm.by-itself", at, r.n, "a name by which a macro sheet runs when the workbook is opened or closed");
}

/* §2.4.271 SupBook: a link to another program has its two names with a 3 between. */
static void link_of(struct book *b, struct str r, uint64_t at)
{
	unsigned count = str_le16(r, 2);
	char text[TEXT_BYTES];
	struct str path = letters(str_slice(r, 4, r.n), count, text);
	size_t mid = str_find(path, S("\3"), 0);

	if (count > 0 && count < 256 && mid != SIZE_MAX && mid > 0 && path.p[0] > 3)
		lab_dde_link(b->n, str_slice(path, 0, mid), str_slice(path, mid + 1, path.n), at, r.n);
}

static void formula(struct book *b, struct str r, uint64_t at)
{
	b->formulas++;
	if (!xlm_see_tokens(b->n, &b->xlm, str_slice(r, 22, 22 + (size_t)str_le16(r, 20)), false, at))
		b->unknown++;
}

static void record(struct book *b, unsigned sort, struct str r, uint64_t at)
{
	if (sort == BOF)
		b->macros = str_le16(r, 2) == 0x40 && str_le16(r, 0) == 0x600;
	else if (sort == BOUNDSHEET)
		bound_sheet(b, r, at);
	else if (sort == NAME)
		name_of(b, r, at);
	else if (sort == SUPBOOK)
		link_of(b, r, at);
	else if (sort == FORMULA && b->macros)
		formula(b, r, at);
}

static void say(struct book *b)
{
	if (b->formulas > 0)
		lab_fact_u64(b->n, "xlm.formulas", b->formulas);
	if (b->unknown > 0)
		lab_fact_u64(b->n, "xlm.formulas.unread", b->unknown);
	xlm_judge(b->n, &b->xlm);
}

static void workbook(struct lab_node *n)
{
	struct book b = { .n = n };
	struct rd r;

	rd_init(&r, n->bytes);
	for (unsigned i = 1; rd_left(&r) >= 4; i++) {
		uint64_t at = r.pos;
		unsigned sort = rd_le16(&r);
		struct str bytes = rd_bytes(&r, rd_le16(&r));

		if (r.bad || (i % RECORDS_EACH == 0 && lab_over(n)))
			break;
		if (sort == FILEPASS) {
			lab_unseen(n, at, UINT64_MAX, "the workbook is encrypted");
			break;
		}
		record(&b, sort, bytes, at);
	}
	say(&b);
}

/* Numbers of MS-XLSB: seven bits a byte. */
static uint32_t few_bits(struct rd *r, int most)
{
	uint32_t v = 0;

	for (int i = 0; i < most; i++) {
		uint8_t c = rd_u8(r);

		v |= (uint32_t)(c & 0x7f) << (7 * i);
		if ((c & 0x80) == 0)
			break;
	}
	return v;
}

/* Cells with a formula: 8 text, 9 number, 10 truth, 11 error. Column and style, the value, flags, the formula. */
static void binary_cell(struct book *b, uint32_t sort, struct str r, uint64_t at)
{
	size_t value = sort == 8 ? 4 + 2 * (size_t)str_le32(r, 8) : sort == 9 ? 8 : 1, from = 8 + value + 2;

	if (from + 4 > r.n)
		return;
	b->formulas++;
	if (!xlm_see_tokens(b->n, &b->xlm, str_slice(r, from + 4, from + 4 + (size_t)str_le32(r, from)), true, at))
		b->unknown++;
}

static void binary_sheet(struct lab_node *n)
{
	struct book b = { .n = n };
	struct rd r;

	rd_init(&r, n->bytes);
	lab_feature(n, LAB_NOTE, "xlm.sheet", 0, 0, "a sheet of macros of the older kind (Excel 4.0)");
	for (unsigned i = 1; rd_left(&r) > 0; i++) {
		uint64_t at = r.pos;
		uint32_t sort = few_bits(&r, 2);
		struct str bytes = rd_bytes(&r, few_bits(&r, 4));

		if (r.bad || (i % RECORDS_EACH == 0 && lab_over(n)))
			break;
		if (sort >= 8 && sort <= 11)
			binary_cell(&b, sort, bytes, at);
	}
	say(&b);
}

static enum rc make(struct lab_node *n, struct err *err)
{
	(void)err;
	/* The text of a Word document says in its head that it is encrypted (MS-DOC §2.5.2 FibBase: wIdent, fEncrypted). */
	if (strcmp(n->from.how, "stream") == 0 && str_eq(n->from.name, S("WordDocument")) && str_le16(n->bytes, 0) == WORD_IDENT &&
	    (str_le16(n->bytes, 10) & 0x100) != 0)
		lab_unseen(n, 0, UINT64_MAX, "the document is encrypted");
	/* A stream of records begins with BOF, in a compound file or, of the oldest kinds, alone. */
	if (str_le16(n->bytes, 0) == BOF && str_le16(n->bytes, 2) >= 4 && str_le16(n->bytes, 2) <= 20)
		workbook(n);
	else if (str_find(n->from.name, S("macrosheets/"), 0) != SIZE_MAX && str_ends(n->from.name, S(".bin")))
		binary_sheet(n);
	else
		return RC_UNSUPPORTED;
	return RC_OK;
}

const struct lab_maker LAB_MAKE_BIFF = { "biff", LAB_ANY_TYPE, make, NULL };
