/* Modifiers: "field|contains|all" and what each does to a value on its way. They are applied in the order written, with
 * two exceptions: placeholders are filled first (a tool has to know the value before it can encode it), and `all` and
 * `neq`, which speak of the list and not of a value, last. */
#include <arpa/inet.h>
#include <math.h>

#include "base/ascii.h"
#include "detect/sigma_int.h"
#include "detect/sigma_scalar.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53: above, a double cannot tell neighbours apart */

struct step {
	struct sigma_doc *d;
	const struct sigma_key *key;
	const struct yaml *y; /* the value in the file */
	unsigned i;           /* place in the chain */
};

struct modifier {
	struct str name;
	enum rc (*apply)(const struct step *s, int arg, struct sigma_value *v);
	int arg;
};

static const struct modifier modifiers[];

static const char *const kind_names[] = {
	"a string", "a number", "a bool", "null", "a regular expression", "a block of addresses", "a comparison", "a reference to a field",
	"exists", "a part of a date"
};

static enum rc unfit(const struct step *s, const struct sigma_value *v)
{
	return SIGMA_BAD(s->d, s->key->at, s->key->offsets[s->i], "modifier \"%.*s\" cannot be applied to %s",
		STR(modifiers[s->key->mods[s->i]].name), kind_names[v->kind]);
}

/* String modifiers take numbers and bools as they are written. */
static enum rc as_string(const struct step *s, struct sigma_value *v)
{
	struct sigma_piece *p;

	if (v->kind == VALUE_STRING)
		return RC_OK;
	if (v->kind != VALUE_NUMBER && v->kind != VALUE_BOOL)
		return unfit(s, v);
	p = arena_alloc(s->d->scratch, sizeof *p);
	if (p == NULL)
		return sigma_nomem(s->d);
	*p = (struct sigma_piece){ SIGMA_LITERAL, s->y->text };
	v->kind = VALUE_STRING;
	v->pieces = p;
	v->n_pieces = s->y->text.n > 0;
	return RC_OK;
}

static enum rc nothing(const struct step *s, int arg, struct sigma_value *v)
{
	(void)s;
	(void)arg;
	(void)v;
	return RC_OK;
}

enum { AT_START = 1, AT_END = 2 }; /* where more may stand */

static enum rc anchored(const struct step *s, int open, struct sigma_value *v)
{
	/* A search finds its text anywhere already. */
	if (open == (AT_START | AT_END))
		return RC_OK;
	v->text = open == AT_END ? arena_fmt(s->d->scratch, "^(?:%.*s)", STR(v->text)) : arena_fmt(s->d->scratch, "(?:%.*s)$", STR(v->text));
	return v->text.p == NULL ? sigma_nomem(s->d) : RC_OK;
}

static enum rc open_ends(const struct step *s, int open, struct sigma_value *v)
{
	struct sigma_piece *p;
	uint32_t n = 0;

	if (v->kind == VALUE_FIELDREF) {
		v->ref = open == AT_END ? SIGMA_REF_STARTS : open == AT_START ? SIGMA_REF_ENDS : SIGMA_REF_CONTAINS;
		return RC_OK;
	}
	if (v->kind == VALUE_REGEX)
		return anchored(s, open, v);
	TRY(as_string(s, v));
	p = arena_array(s->d->scratch, v->n_pieces + 2u, sizeof *p);
	if (p == NULL)
		return sigma_nomem(s->d);
	if (open & AT_START)
		p[n++].kind = SIGMA_ANY;
	for (uint32_t i = 0; i < v->n_pieces; i++)
		p[n++] = v->pieces[i];
	if (open & AT_END)
		p[n++].kind = SIGMA_ANY;
	v->pieces = p;
	v->n_pieces = n;
	v->inner = false;
	return RC_OK;
}

static enum rc cased(const struct step *s, int arg, struct sigma_value *v)
{
	(void)arg;
	if (v->kind != VALUE_FIELDREF)
		TRY(as_string(s, v));
	v->cased = true;
	return RC_OK;
}

static enum rc exists(const struct step *s, int arg, struct sigma_value *v)
{
	(void)arg;
	if (v->kind == VALUE_STRING && (str_eq_nocase(s->y->text, S("true")) || str_eq_nocase(s->y->text, S("false"))))
		v->number = str_eq_nocase(s->y->text, S("true"));
	else if (v->kind != VALUE_BOOL)
		return SIGMA_BAD(s->d, s->y, 0, "exists wants true or false, not %s", kind_names[v->kind]);
	v->kind = VALUE_EXISTS;
	return RC_OK;
}

static enum rc windash(const struct step *s, int arg, struct sigma_value *v)
{
	(void)arg;
	TRY(as_string(s, v));
	return sigma_windash(s->d, s->y, v);
}

static enum rc encode(const struct step *s, int arg, struct sigma_value *v)
{
	TRY(as_string(s, v));
	return sigma_encode(s->d, s->y, (enum sigma_coding)arg, v);
}

/* The text of a value that no modifier has touched yet. */
static bool only_literal(const struct sigma_value *v, struct str *ret)
{
	*ret = v->n_pieces == 0 ? S("") : v->pieces[0].text;
	return v->n_pieces == 0 || (v->n_pieces == 1 && v->pieces[0].kind == SIGMA_LITERAL);
}

static enum rc regex(const struct step *s, int arg, struct sigma_value *v)
{
	(void)arg;
	TRY(as_string(s, v));
	if (!only_literal(v, &v->text))
		return SIGMA_BAD(s->d, s->key->at, s->key->offsets[s->i], "\"re\" has to stand before modifiers that add wildcards");
	v->kind = VALUE_REGEX;
	return RC_OK;
}

static enum rc regex_flag(const struct step *s, int arg, struct sigma_value *v)
{
	if (v->kind != VALUE_REGEX)
		return SIGMA_BAD(s->d, s->key->at, s->key->offsets[s->i], "\"%.*s\" is a flag of regular expressions: \"re\" has to stand before it",
			STR(modifiers[s->key->mods[s->i]].name));
	v->re_flags |= (uint8_t)arg;
	return RC_OK;
}

static enum rc fieldref(const struct step *s, int arg, struct sigma_value *v)
{
	bool front, back;

	(void)arg;
	TRY(as_string(s, v));
	front = v->n_pieces > 0 && v->pieces[0].kind == SIGMA_ANY;
	back = v->n_pieces > 1u + front && v->pieces[v->n_pieces - 1].kind == SIGMA_ANY;
	if (v->n_pieces != 1u + front + back || v->pieces[front].kind != SIGMA_LITERAL)
		return SIGMA_BAD(s->d, s->y, 0, "fieldref wants the plain name of a field");
	v->text = v->pieces[front].text;
	v->ref = front && back ? SIGMA_REF_CONTAINS : front ? SIGMA_REF_ENDS : back ? SIGMA_REF_STARTS : SIGMA_REF_EQUALS;
	v->kind = VALUE_FIELDREF;
	return RC_OK;
}

static enum rc cidr(const struct step *s, int arg, struct sigma_value *v)
{
	char text[64];
	unsigned char addr[16];
	struct str address, block;
	uint64_t bits, most;
	size_t slash;

	(void)arg;
	TRY(as_string(s, v));
	if (!only_literal(v, &block))
		return SIGMA_BAD(s->d, s->y, 0, "cidr wants an address block, not wildcards");
	slash = str_find(block, S("/"), 0);
	address = str_slice(block, 0, slash);
	if (address.n == 0 || address.n >= sizeof text)
		return SIGMA_BAD(s->d, s->y, 0, "\"%.*s\" is no address block", STR(block));
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	most = inet_pton(AF_INET, text, addr) == 1 ? 32 : inet_pton(AF_INET6, text, addr) == 1 ? 128 : 0;
	bits = most;
	if (most == 0 || (slash != SIZE_MAX && (!str_to_u64(str_slice(block, slash + 1, block.n), &bits) || bits > most)))
		return SIGMA_BAD(s->d, s->y, 0, "\"%.*s\" is no address block", STR(block));
	v->text = arena_fmt(s->d->scratch, "%s/%u", text, (unsigned)bits);
	v->kind = VALUE_CIDR;
	return v->text.p == NULL ? sigma_nomem(s->d) : RC_OK;
}

static bool number_of(const struct step *s, const struct sigma_value *v, double *ret)
{
	if (v->kind == VALUE_NUMBER || v->kind == VALUE_TIME)
		*ret = v->number;
	else
		return v->kind == VALUE_STRING && yaml_decimal(s->y->text, ret);
	return true;
}

static const struct { struct str name; int least, most; } parts[] = {
	[SIGMA_MINUTE] = { { "minute", 6 }, 0, 59 }, [SIGMA_HOUR] = { { "hour", 4 }, 0, 23 }, [SIGMA_DAY] = { { "day", 3 }, 1, 31 },
	[SIGMA_WEEK] = { { "week", 4 }, 1, 53 }, [SIGMA_MONTH] = { { "month", 5 }, 1, 12 }, [SIGMA_YEAR] = { { "year", 4 }, 1900, 2200 },
};

static bool within(enum sigma_op op, double a, double b)
{
	return op == SIGMA_LT ? a < b : op == SIGMA_LE ? a <= b : op == SIGMA_GT ? a > b : a >= b;
}

/* "hour|gte: 18": a part of a date has few values, so the comparison is a list of them. */
static enum rc compare_part(const struct step *s, enum sigma_op op, struct sigma_value *v)
{
	struct sigma_value one = *v, *last = NULL;

	for (int n = parts[v->part].least; n <= parts[v->part].most; n++) {
		struct sigma_value *to = last == NULL ? v : arena_alloc(s->d->scratch, sizeof *to);

		if (!within(op, n, one.number))
			continue;
		if (to == NULL)
			return sigma_nomem(s->d);
		*to = one;
		to->number = n;
		if (last != NULL)
			last->next = to;
		last = to;
	}
	return last == NULL ? SIGMA_BAD(s->d, s->y, 0, "no %.*s is within that limit", STR(parts[one.part].name)) : RC_OK;
}

static enum rc compare(const struct step *s, int op, struct sigma_value *v)
{
	double number;

	if (!number_of(s, v, &number))
		return SIGMA_BAD(s->d, s->y, 0, "\"%.*s\" wants a number", STR(modifiers[s->key->mods[s->i]].name));
	if (v->kind == VALUE_TIME)
		return compare_part(s, (enum sigma_op)op, v);
	v->number = number;
	v->op = (enum sigma_op)op;
	v->kind = VALUE_COMPARE;
	return RC_OK;
}

static enum rc time_part(const struct step *s, int part, struct sigma_value *v)
{
	double number;

	if (v->kind == VALUE_TIME || !number_of(s, v, &number) || number != floor(number))
		return SIGMA_BAD(s->d, s->y, 0, "\"%.*s\" wants a whole number", STR(parts[part].name));
	v->number = number;
	v->part = (enum sigma_part)part;
	v->kind = VALUE_TIME;
	return RC_OK;
}

#define NAME(s) { s, sizeof s - 1 }
static const struct modifier modifiers[] = {
	{ NAME("contains"), open_ends, AT_START | AT_END },
	{ NAME("endswith"), open_ends, AT_START },
	{ NAME("startswith"), open_ends, AT_END },
	{ NAME("all"), nothing, 0 },
	{ NAME("re"), regex, 0 },
	{ NAME("windash"), windash, 0 },
	{ NAME("cidr"), cidr, 0 },
	{ NAME("expand"), nothing, 0 },
	{ NAME("base64offset"), encode, CODING_BASE64OFFSET },
	{ NAME("base64"), encode, CODING_BASE64 },
	{ NAME("wide"), encode, CODING_UTF16LE },
	{ NAME("utf16le"), encode, CODING_UTF16LE },
	{ NAME("utf16be"), encode, CODING_UTF16BE },
	{ NAME("utf16"), encode, CODING_UTF16 },
	{ NAME("fieldref"), fieldref, 0 },
	{ NAME("exists"), exists, 0 },
	{ NAME("cased"), cased, 0 },
	{ NAME("neq"), nothing, 0 },
	{ NAME("lt"), compare, SIGMA_LT },
	{ NAME("lte"), compare, SIGMA_LE },
	{ NAME("gt"), compare, SIGMA_GT },
	{ NAME("gte"), compare, SIGMA_GE },
	{ NAME("i"), regex_flag, SIGMA_RE_I },
	{ NAME("ignorecase"), regex_flag, SIGMA_RE_I },
	{ NAME("m"), regex_flag, SIGMA_RE_M },
	{ NAME("multiline"), regex_flag, SIGMA_RE_M },
	{ NAME("s"), regex_flag, SIGMA_RE_S },
	{ NAME("dotall"), regex_flag, SIGMA_RE_S },
	{ NAME("minute"), time_part, SIGMA_MINUTE },
	{ NAME("hour"), time_part, SIGMA_HOUR },
	{ NAME("day"), time_part, SIGMA_DAY },
	{ NAME("week"), time_part, SIGMA_WEEK },
	{ NAME("month"), time_part, SIGMA_MONTH },
	{ NAME("year"), time_part, SIGMA_YEAR },
};

static enum rc key_modifier(struct sigma_doc *d, struct sigma_key *k, struct str name, size_t offset)
{
	size_t m = 0;

	while (m < COUNTOF(modifiers) && !str_eq(modifiers[m].name, name))
		m++;
	if (m == COUNTOF(modifiers))
		return SIGMA_BAD(d, k->at, offset, "unknown modifier \"%.*s\"", STR(name));
	if (k->n == SIGMA_MODIFIERS_MAX)
		return SIGMA_BAD(d, k->at, offset, "more than %d modifiers", SIGMA_MODIFIERS_MAX);
	k->all |= str_eq(name, S("all"));
	k->neq |= str_eq(name, S("neq"));
	k->expand |= str_eq(name, S("expand"));
	k->raw |= str_eq(name, S("re"));
	k->offsets[k->n] = (uint16_t)offset;
	k->mods[k->n++] = (uint8_t)m;
	return RC_OK;
}

enum rc sigma_key_parse(struct sigma_doc *d, const struct yaml *y, struct sigma_key *ret)
{
	struct str s = y->text;
	size_t bar = str_find(s, S("|"), 0);

	*ret = (struct sigma_key){ .field = str_slice(s, 0, bar), .at = y };
	if (s.n > UINT16_MAX)
		return SIGMA_BAD(d, y, 0, "name of a field longer than %d bytes", UINT16_MAX);
	while (bar < s.n) {
		size_t next = str_find(s, S("|"), bar + 1);

		TRY(key_modifier(d, ret, str_slice(s, bar + 1, next), bar + 1));
		bar = next;
	}
	return RC_OK;
}

static enum rc first_form(struct sigma_doc *d, const struct sigma_key *k, const struct yaml *y, struct sigma_value *v)
{
	struct sigma_piece *p;

	v->number = y->number;
	switch (y->kind) {
	case YAML_NULL: v->kind = VALUE_NULL; return RC_OK;
	case YAML_BOOL: v->kind = VALUE_BOOL; return RC_OK;
	case YAML_INT:
	case YAML_FLOAT:
		v->kind = fabs(y->number) <= EXACT_MAX ? VALUE_NUMBER : VALUE_STRING;
		break;
	case YAML_TEXT: v->kind = VALUE_STRING; break;
	case YAML_LIST:
	case YAML_MAP: return SIGMA_BAD(d, y, 0, "a value of a field is a %s", y->kind == YAML_LIST ? "list in a list" : "map");
	}
	if (v->kind != VALUE_STRING || (!k->raw && y->kind == YAML_TEXT))
		return v->kind == VALUE_STRING ? sigma_pieces(d, y->text, &v->pieces, &v->n_pieces) : RC_OK;
	p = arena_alloc(d->scratch, sizeof *p);
	if (p == NULL)
		return sigma_nomem(d);
	*p = (struct sigma_piece){ SIGMA_LITERAL, y->text };
	v->pieces = p;
	v->n_pieces = y->text.n > 0;
	return RC_OK;
}

enum rc sigma_value_make(struct sigma_doc *d, const struct sigma_key *k, const struct yaml *y, struct sigma_value **ret)
{
	struct sigma_value *v = arena_alloc(d->scratch, sizeof *v);

	if (v == NULL)
		return sigma_nomem(d);
	TRY(first_form(d, k, y, v));
	*ret = v;
	if (k->expand && v->kind == VALUE_STRING)
		TRY(sigma_expand(d, y, ret));
	for (unsigned i = 0; i < k->n; i++) {
		const struct modifier *m = &modifiers[k->mods[i]];
		struct step s = { d, k, y, i };

		/* A modifier may put alternatives behind the value: they have had it already. */
		for (struct sigma_value *one = *ret, *next; one != NULL; one = next) {
			next = one->next;
			TRY(m->apply(&s, m->arg, one));
		}
	}
	for (v = *ret; v != NULL; v = v->next)
		if (v->kind == VALUE_STRING && v->inner) {
			struct step s = { d, k, y, 0 };

			TRY(open_ends(&s, AT_START | AT_END, v));
		}
	return RC_OK;
}
