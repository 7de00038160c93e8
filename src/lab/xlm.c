#include "lab/xlm.h"

#include "base/rd.h"
#include "lab/words.h"

#define LETTERS_MANY 40

enum { STARTS = 1, WRITES = 2, LOOKS = 4, MAKES = 8 };

/* Numbers of MS-XLS §2.5.198.17 (Ftab). */
static const struct function {
	unsigned number;
	struct str name; /* lower case, as a formula has it */
	unsigned can;
} FUNCTIONS[] = {
	{ 110, S("exec"), STARTS }, { 150, S("call"), STARTS }, { 149, S("register"), STARTS }, { 267, S("register.id"), STARTS },
	{ 132, S("fopen"), WRITES }, { 137, S("fwriteln"), WRITES }, { 138, S("fwrite"), WRITES },
	{ 17, S("run"), MAKES }, { 96, S("formula"), MAKES }, { 111, S("char"), MAKES }, { 88, S("set.name"), MAKES }, { 88, S("set.value"), MAKES },
	{ 186, S("get.workspace"), LOOKS }, { 185, S("get.cell"), LOOKS }, { 188, S("get.document"), LOOKS }, { 53, S("goto"), 0 }, { 54, S("halt"), 0 },
	{ 55, S("return"), 0 },
};
_Static_assert(COUNTOF(FUNCTIONS) <= 64, "one word of marks");

bool xlm_by_itself(struct str name)
{
	static const struct str names[] = { S("auto_open"), S("auto_close"), S("auto_activate"), S("auto_deactivate") };

	if (name.n > 6 && str_eq_nocase(str_slice(name, 0, 6), S("_xlnm.")))
		name = str_slice(name, 6, name.n);
	for (size_t i = 0; i < COUNTOF(names); i++)
		if (name.n >= names[i].n && str_eq_nocase(str_slice(name, 0, names[i].n), names[i]))
			return true;
	return false;
}

static void see(struct xlm_seen *x, const struct function *f, size_t at)
{
	if ((f->can & STARTS) != 0 && (x->can & STARTS) == 0)
		x->at = at;
	x->can |= f->can;
	x->letters += (f->can & MAKES) != 0;
}

void xlm_see_text(struct xlm_seen *x, struct str formula, size_t at)
{
	for (size_t i = 0; i < COUNTOF(FUNCTIONS); i++) {
		struct str name = FUNCTIONS[i].name;

		for (size_t k = 0; (k = lab_word_in(formula, name, k)) != SIZE_MAX; k += name.n) {
			bool longer = (k > 0 && formula.p[k - 1] == '.') || k + name.n >= formula.n || formula.p[k + name.n] != '(';

			if (!longer)
				see(x, &FUNCTIONS[i], at);
		}
	}
}

static void see_number(struct lab_node *n, struct xlm_seen *x, unsigned number, size_t at)
{
	for (size_t i = 0; i < COUNTOF(FUNCTIONS); i++) {
		if (FUNCTIONS[i].number != number)
			continue;
		see(x, &FUNCTIONS[i], at);
		if ((x->said >> i & 1) == 0)
			lab_fact(n, "xlm.function", FUNCTIONS[i].name);
		x->said |= (uint64_t)1 << i;
		return;
	}
}

/* Bytes behind a token that has neither text nor choices; -1: not known. */
static int operand(unsigned token, bool wide)
{
	static const struct { unsigned char token, narrow, wide; } sizes[] = {
		{ 0x01, 4, 4 }, { 0x02, 4, 4 }, { 0x1c, 1, 1 }, { 0x1d, 1, 1 }, { 0x1e, 2, 2 }, { 0x1f, 8, 8 }, { 0x20, 7, 14 }, { 0x23, 4, 4 }, { 0x24, 4, 6 },
		{ 0x25, 8, 12 }, { 0x26, 6, 6 }, { 0x27, 6, 6 }, { 0x28, 6, 6 }, { 0x29, 2, 2 }, { 0x2a, 4, 6 }, { 0x2b, 8, 12 }, { 0x2c, 4, 6 }, { 0x2d, 8, 12 },
		{ 0x39, 6, 6 }, { 0x3a, 6, 8 }, { 0x3b, 10, 14 }, { 0x3c, 6, 8 }, { 0x3d, 10, 14 },
	};

	if (token >= 0x03 && token <= 0x16)
		return 0; /* operators, brackets, an argument that is missing */
	for (size_t i = 0; i < COUNTOF(sizes); i++)
		if (sizes[i].token == token)
			return wide ? sizes[i].wide : sizes[i].narrow;
	return -1;
}

static void skip_text(struct rd *r, bool wide)
{
	size_t n = wide ? rd_le16(r) : rd_u8(r);
	bool doubled = wide || (rd_u8(r) & 1) != 0;

	rd_skip(r, doubled ? 2 * n : n);
}

bool xlm_see_tokens(struct lab_node *n, struct xlm_seen *x, struct str tokens, bool wide, size_t at)
{
	struct rd r;

	rd_init(&r, tokens);
	while (rd_left(&r) > 0 && !r.bad) {
		unsigned token = rd_u8(&r), plain = token >= 0x40 ? (token & 0x1f) | 0x20 : token;
		int size;

		if (plain == 0x17) {
			skip_text(&r, wide);
		} else if (plain == 0x19) {
			unsigned sort = rd_u8(&r), data = rd_le16(&r);

			rd_skip(&r, (sort & 4) != 0 ? 2 * ((size_t)data + 1) : 0);
		} else if (plain == 0x21) {
			see_number(n, x, rd_le16(&r), at);
		} else if (plain == 0x22) {
			unsigned number;

			rd_skip(&r, 1);
			number = rd_le16(&r);
			/* With the highest bit it is a command of the menus. */
			if ((number & 0x8000) == 0)
				see_number(n, x, number, at);
		} else {
			size = operand(plain, wide);
			if (size < 0)
				return false;
			rd_skip(&r, (size_t)size);
		}
	}
	return !r.bad;
}

void xlm_judge(struct lab_node *n, const struct xlm_seen *x)
{
	if ((x->can & STARTS) != 0)
		lab_feature(n, LAB_SUSPICIOUS, "xlm.starts-program", x->at, 0, "a macro sheet (Excel 4.0) starts programs or calls libraries of the system");
	else if (x->letters > LETTERS_MANY)
		lab_feature(n, LAB_SUSPICIOUS, "xlm.hides", 0, 0, "a macro sheet (Excel 4.0) puts its formulas together out of single letters");
}
