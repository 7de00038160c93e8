/* A small machine beside libyara's own, on values of which some are unknown. Rejected: a reader of the rules' source. It would be a second
 * grammar to keep in step, and compiled rules have none.
 *
 * Why false is certain: where the way on depends on something unknown, `and` and `or` do not skip their right side but judge it too, which
 * has no effect on anything else; a value that is either 0 or undefined, and nobody knows which, is a value of its own (FALSY) because
 * `not` and `defined` tell them apart; any other jump on something unknown ends the judgement with true. So does a loop that is too long.
 * Each instruction's length is checked when rules are loaded: the code must be cut exactly into conditions. */
#include "lab/maybe.h"

#include <yara/exec.h>
#include <yara/integers.h>

#include "base/mem.h"

#define STACK 256
#define CELLS 64
#define STEPS 20000

enum sort { INT, UNDEF, FALSY, UNKNOWN, STRING, READ, RANGE, LIST };

struct value {
	enum sort sort;
	uint8_t op;    /* of a READ */
	int64_t i;     /* INT, place of a READ, index of a STRING, next of a RANGE */
	int64_t last;  /* of a RANGE */
};

struct machine {
	const struct lab_code *code;
	const struct lab_known *k;
	const uint8_t *ip;
	struct value stack[STACK], cell[CELLS];
	size_t sp;
	bool lost; /* nothing more can be said */
};

/* --- the code's shape --- */

static uint64_t arg64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static int32_t arg32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Bytes behind the code of the instruction; -1: unknown. */
static int args_of(uint8_t op)
{
	switch (op) {
	case OP_PUSH: case OP_CLEAR_M: case OP_ADD_M: case OP_INCR_M: case OP_PUSH_M: case OP_POP_M: case OP_SET_M: case OP_SWAPUNDEF:
	case OP_PUSH_RULE: case OP_MATCH_RULE: case OP_OBJ_LOAD: case OP_OBJ_FIELD: case OP_CALL: case OP_IMPORT: case OP_INT_TO_DBL:
	case OP_OF: case OP_OF_PERCENT: case OP_INIT_RULE:
		return 8;
	case OP_PUSH_32: case OP_JUNDEF: case OP_JUNDEF_P: case OP_JNUNDEF: case OP_JNUNDEF_P: case OP_JFALSE: case OP_JFALSE_P:
	case OP_JTRUE: case OP_JTRUE_P: case OP_JL_P: case OP_JLE_P: case OP_JZ: case OP_JZ_P:
		return 4;
	case OP_PUSH_16:
		return 2;
	case OP_PUSH_8:
		return 1;
	case OP_ERROR: case OP_UNUSED:
		return -1;
	default:
		return op <= OP_DEFINED || (op >= OP_INT_BEGIN && op <= OP_INT_END) || (op >= OP_DBL_BEGIN && op <= OP_DBL_END) ||
			       (op >= OP_STR_BEGIN && op <= OP_STR_END) || (op >= OP_READ_INT && op <= OP_UINT32BE) || op >= OP_NOP
			? 0
			: -1;
	}
}

static enum rc no_such_code(struct err *err)
{
	return FAIL(err, RC_UNSUPPORTED, "rules: their code is not as this libyara makes it");
}

/* One condition, from behind its INIT_RULE to its MATCH_RULE. */
static enum rc read_rule(const YR_RULES *rules, const uint8_t **at, struct lab_code *codes, struct err *err)
{
	const uint8_t *p = *at + 9, *target = *at + arg32(*at + 1);
	uint32_t index = (uint32_t)arg32(*at + 5);
	struct lab_code c = { .from = p };

	if (index >= rules->num_rules || target <= p)
		return no_such_code(err);
	while (*p != OP_MATCH_RULE) {
		int n = args_of(*p);

		if (n < 0 || p >= target || *p == OP_INIT_RULE || *p == OP_HALT || *p == OP_IMPORT)
			return no_such_code(err);
		c.entry_point = c.entry_point || *p == OP_ENTRYPOINT;
		c.refers = c.refers || *p == OP_PUSH_RULE || ((*p == OP_OF || *p == OP_OF_PERCENT) && arg64(p + 1) != OF_STRING_SET);
		p += 1 + n;
	}
	if (arg64(p + 1) != index || target != p + 9)
		return no_such_code(err);
	c.end = p;
	codes[index] = c;
	*at = p + 9;
	return RC_OK;
}

static enum rc read_all(const YR_RULES *rules, struct lab_code *codes, struct err *err)
{
	const uint8_t *p = rules->code_start;
	uint32_t n = 0;

	for (; *p != OP_HALT; n += *p == OP_MATCH_RULE) {
		if (*p == OP_IMPORT)
			p += 9;
		else if (*p == OP_INIT_RULE)
			TRY(read_rule(rules, &p, codes, err));
		else
			return no_such_code(err);
	}
	for (n = 0; n < rules->num_rules; n++)
		if (codes[n].from == NULL)
			return no_such_code(err);
	return RC_OK;
}

enum rc lab_codes_of(const YR_RULES *rules, struct lab_code **ret, struct err *err)
{
	struct lab_code *codes = mem_array((size_t)rules->num_rules + 1, sizeof *codes);
	enum rc rc = codes == NULL ? FAIL(err, RC_NOMEM, "rules: out of memory") : read_all(rules, codes, err);

	if (rc != RC_OK) {
		mem_free(codes);
		return rc;
	}
	*ret = codes;
	return RC_OK;
}

/* --- reading the file --- */

struct width {
	unsigned bytes;
	bool is_signed, big;
};

static struct width width_of(uint8_t op)
{
	static const unsigned bytes[] = { 1, 2, 4 };
	unsigned k = op - OP_READ_INT;

	return (struct width){ .bytes = bytes[k % 3], .is_signed = (k / 3) % 2 == 0, .big = k >= 6 };
}

static struct value read_at(uint8_t op, int64_t at, struct str bytes)
{
	struct width w = width_of(op);
	uint64_t v = 0;

	if (at < 0 || (uint64_t)at + w.bytes > bytes.n)
		return (struct value){ .sort = UNDEF };
	for (unsigned i = 0; i < w.bytes; i++)
		v = v << 8 | (unsigned char)bytes.p[(size_t)at + (w.big ? i : w.bytes - 1 - i)];
	if (w.is_signed && (v >> (w.bytes * 8 - 1)) != 0)
		v |= UINT64_MAX << (w.bytes * 8);
	return (struct value){ .sort = INT, .i = (int64_t)v };
}

bool lab_guard_holds(const struct lab_guard *g, struct str bytes)
{
	struct value v = read_at(g->read, g->at, bytes);

	return v.sort == INT && v.i == g->value;
}

/* --- values --- */

static void push(struct machine *m, struct value v)
{
	if (m->sp == STACK)
		m->lost = true;
	else
		m->stack[m->sp++] = v;
}

static void push_sort(struct machine *m, enum sort sort)
{
	push(m, (struct value){ .sort = sort });
}

static void push_int(struct machine *m, int64_t i)
{
	push(m, (struct value){ .sort = INT, .i = i });
}

static struct value pop(struct machine *m)
{
	if (m->sp == 0) {
		m->lost = true;
		return (struct value){ .sort = UNKNOWN };
	}
	return m->stack[--m->sp];
}

static bool falsy(struct value v)
{
	return v.sort == UNDEF || v.sort == FALSY || (v.sort == INT && v.i == 0);
}

static bool truthy(struct value v)
{
	return v.sort == INT && v.i != 0;
}

static bool may_stand(const struct machine *m, struct value v)
{
	if (v.sort != STRING)
		return true;
	return m->k->seen == NULL ? !m->k->none_seen : (m->k->seen[v.i / 64] >> (v.i % 64) & 1) != 0;
}

static void push_pointer(struct machine *m, uint64_t p)
{
	uint64_t first = (uint64_t)(uintptr_t)m->k->rules->strings_table;

	if (p >= first && p < first + m->k->rules->num_strings * sizeof(YR_STRING))
		push(m, (struct value){ .sort = STRING, .i = (int64_t)((p - first) / sizeof(YR_STRING)) });
	else if (p == YR_UNDEFINED)
		push_sort(m, UNDEF);
	else
		push_int(m, (int64_t)p);
}

/* --- instructions --- */

static void jump(struct machine *m, int32_t by)
{
	const uint8_t *to = m->ip - 1 + by;

	if (by < 0 ? to < m->code->from : to > m->code->end)
		m->lost = true;
	else
		m->ip = to;
}

/* JFALSE, JTRUE and their like that take their value: 4 bytes of where to. */
static void jump_if(struct machine *m, uint8_t op)
{
	bool keeps = op == OP_JFALSE || op == OP_JTRUE, on_true = op == OP_JTRUE || op == OP_JTRUE_P;
	struct value v = pop(m);
	int32_t by = arg32(m->ip);

	if (keeps)
		push(m, v);
	if (on_true ? truthy(v) : falsy(v))
		jump(m, by);
	else if (on_true ? falsy(v) : truthy(v))
		m->ip += 4;
	else if (keeps && by > 0)
		m->ip += 4; /* both sides are judged */
	else
		m->lost = true;
}

static void jump_if_undefined(struct machine *m, uint8_t op)
{
	bool keeps = op == OP_JNUNDEF || op == OP_JUNDEF, on_undef = op == OP_JUNDEF || op == OP_JUNDEF_P;
	struct value v = pop(m);
	int32_t by = arg32(m->ip);

	if (keeps)
		push(m, v);
	if (v.sort == UNKNOWN || v.sort == FALSY || v.sort == READ)
		m->lost = true;
	else if ((v.sort == UNDEF) == on_undef)
		jump(m, by);
	else
		m->ip += 4;
}

static void jump_if_less(struct machine *m, uint8_t op)
{
	struct value b = pop(m), a = pop(m);
	int32_t by = arg32(m->ip);

	if (a.sort != INT || b.sort != INT)
		m->lost = true;
	else if (op == OP_JL_P ? a.i < b.i : a.i <= b.i)
		jump(m, by);
	else
		m->ip += 4;
}

static void jump_if_zero(struct machine *m, uint8_t op)
{
	struct value v = pop(m);
	int32_t by = arg32(m->ip);

	if (op == OP_JZ)
		push(m, v);
	if (v.sort != INT)
		m->lost = true;
	else if (v.i == 0)
		jump(m, by);
	else
		m->ip += 4;
}

static bool assumed_false(const struct machine *m, struct value a, struct value b)
{
	const struct lab_guard *g = m->k->not_so;
	struct value r = a.sort == READ ? a : b, i = a.sort == READ ? b : a;

	return g != NULL && r.sort == READ && i.sort == INT && r.op == g->read && r.i == g->at && i.i == g->value;
}

static void compare(struct machine *m, uint8_t op)
{
	struct value b = pop(m), a = pop(m);
	bool yes[] = { a.i == b.i, a.i != b.i, a.i < b.i, a.i > b.i, a.i <= b.i, a.i >= b.i };

	if (a.sort == UNDEF || b.sort == UNDEF)
		push_sort(m, FALSY);
	else if (op == OP_INT_EQ && assumed_false(m, a, b))
		push_sort(m, FALSY);
	else if (a.sort == INT && b.sort == INT)
		push_int(m, yes[op - OP_INT_EQ]);
	else
		push_sort(m, UNKNOWN);
}

static void calculate(struct machine *m, uint8_t op)
{
	struct value b = pop(m), a = pop(m);
	int64_t i = 0;
	bool over = false;

	if (a.sort != INT || b.sort != INT) {
		push_sort(m, a.sort == UNDEF || b.sort == UNDEF ? UNDEF : UNKNOWN);
		return;
	}
	if (op == OP_INT_ADD)
		over = __builtin_add_overflow(a.i, b.i, &i);
	else if (op == OP_INT_SUB)
		over = __builtin_sub_overflow(a.i, b.i, &i);
	else if (op == OP_INT_MUL)
		over = __builtin_mul_overflow(a.i, b.i, &i);
	else if (op == OP_BITWISE_AND)
		i = a.i & b.i;
	else
		over = true;
	if (over)
		push_sort(m, UNKNOWN);
	else
		push_int(m, i);
}

static void logic(struct machine *m, uint8_t op)
{
	struct value b = pop(m), a = pop(m);

	if (op == OP_AND ? falsy(a) || falsy(b) : falsy(a) && falsy(b))
		push_sort(m, FALSY);
	else if (op == OP_AND ? truthy(a) && truthy(b) : truthy(a) || truthy(b))
		push_int(m, 1);
	else
		push_sort(m, UNKNOWN);
}

static void negate(struct machine *m)
{
	struct value v = pop(m);

	if (v.sort == INT)
		push_int(m, v.i == 0);
	else
		push_sort(m, v.sort == UNDEF ? UNDEF : UNKNOWN);
}

/* "3 of ($a*)", "50% of them", "any of them in (0..100)": whichever of them may stand counts; `rules` are not looked at. */
static void of(struct machine *m, uint8_t op, bool rules)
{
	int64_t may = 0, all = 0;
	struct value v, wanted;

	if (op == OP_OF_FOUND_IN) {
		pop(m);
		pop(m);
	}
	for (v = pop(m); v.sort != UNDEF && !m->lost; v = pop(m)) {
		all++;
		may += rules || may_stand(m, v);
	}
	wanted = pop(m);
	if (op == OP_OF_PERCENT)
		wanted = (struct value){ .sort = wanted.sort == INT && wanted.i > 0 ? INT : UNKNOWN, .i = 1 };
	if (wanted.sort == UNDEF ? may < all : wanted.sort == INT && wanted.i > 0 && may < wanted.i)
		push_sort(m, FALSY);
	else
		push_sort(m, UNKNOWN);
}

/* `under` values lie below the string; of one that stands nowhere the answer is `none`. */
static void ask_string(struct machine *m, int under, struct value none)
{
	struct value s = pop(m);

	while (under-- > 0)
		pop(m);
	push(m, may_stand(m, s) ? (struct value){ .sort = UNKNOWN } : none);
}

static void take_and_push_unknown(struct machine *m, size_t n)
{
	while (n-- > 0)
		pop(m);
	push_sort(m, UNKNOWN);
}

static struct value *cell(struct machine *m)
{
	uint64_t k = arg64(m->ip);

	m->ip += 8;
	if (k >= CELLS) {
		m->lost = true;
		k = 0;
	}
	return &m->cell[k];
}

static void add_to(struct machine *m, struct value *c, struct value v)
{
	if (v.sort == UNDEF)
		return;
	if (c->sort == INT && v.sort == INT && !__builtin_add_overflow(c->i, v.i, &c->i))
		return;
	m->lost = true;
}

static void memory(struct machine *m, uint8_t op)
{
	struct value *c = cell(m), v;

	if (op == OP_CLEAR_M)
		*c = (struct value){ .sort = INT };
	else if (op == OP_INCR_M)
		add_to(m, c, (struct value){ .sort = INT, .i = 1 });
	else if (op == OP_PUSH_M)
		push(m, *c);
	else if (op == OP_ADD_M)
		add_to(m, c, pop(m));
	else if (op == OP_POP_M)
		*c = pop(m);
	else {
		v = pop(m);
		if (v.sort == UNKNOWN || v.sort == FALSY || v.sort == READ)
			m->lost = true;
		push(m, op == OP_SWAPUNDEF && v.sort == UNDEF ? *c : v);
		if (op == OP_SET_M && v.sort != UNDEF)
			*c = v;
	}
}

/* Loops over numbers are followed; over what a module found they are not. */
static void iterate(struct machine *m, uint8_t op)
{
	struct value b, a;

	if (op == OP_ITER_START_INT_RANGE) {
		b = pop(m);
		a = pop(m);
		if (a.sort != INT || b.sort != INT)
			m->lost = true;
		push(m, (struct value){ .sort = RANGE, .i = a.i, .last = b.i });
	} else if (op == OP_ITER_NEXT && m->sp > 0 && m->stack[m->sp - 1].sort == RANGE) {
		struct value *r = &m->stack[m->sp - 1];
		bool over = r->i > r->last;

		a = (struct value){ .sort = over ? UNDEF : INT, .i = r->i };
		r->i += !over;
		push_int(m, over);
		push(m, a);
	} else
		m->lost = true;
}

static void push_number(struct machine *m, uint8_t op)
{
	uint16_t two;

	switch (op) {
	case OP_PUSH_8:
		push_int(m, *m->ip);
		break;
	case OP_PUSH_16:
		memcpy(&two, m->ip, sizeof two);
		push_int(m, two);
		break;
	case OP_PUSH_32:
		push_int(m, (int64_t)(uint32_t)arg32(m->ip));
		break;
	default:
		push_pointer(m, arg64(m->ip));
	}
	m->ip += args_of(op);
}

static void read_int(struct machine *m, uint8_t op)
{
	struct value at = pop(m);

	if (at.sort == UNDEF)
		push_sort(m, UNDEF);
	else if (at.sort != INT)
		push_sort(m, UNKNOWN);
	else if (m->k->any_bytes)
		push(m, (struct value){ .sort = READ, .op = op, .i = at.i });
	else
		push(m, read_at(op, at.i, m->k->bytes));
}

static void strings(struct machine *m, uint8_t op)
{
	static const struct value no = { .sort = FALSY }, zero = { .sort = INT }, undef = { .sort = UNDEF };

	switch (op) {
	case OP_FOUND:
		ask_string(m, 0, zero);
		break;
	case OP_COUNT:
		ask_string(m, 0, zero);
		break;
	case OP_FOUND_AT:
		ask_string(m, 1, no);
		break;
	case OP_FOUND_IN:
		ask_string(m, 2, no);
		break;
	case OP_COUNT_IN:
		ask_string(m, 2, (struct value){ .sort = UNKNOWN });
		break;
	default: /* OP_OFFSET, OP_LENGTH */
		ask_string(m, 1, undef);
	}
}

/* Everything that takes values and leaves one that is not known. */
static void others(struct machine *m, uint8_t op)
{
	if (op == OP_OBJ_LOAD || op == OP_ENTRYPOINT || op == OP_PUSH_RULE)
		push_sort(m, UNKNOWN);
	else if (op == OP_OBJ_FIELD || op == OP_OBJ_VALUE || op == OP_STR_TO_BOOL || op == OP_DEFINED || op == OP_INT_MINUS || op == OP_DBL_MINUS ||
		 op == OP_BITWISE_NOT)
		take_and_push_unknown(m, 1);
	else if (op == OP_CALL)
		take_and_push_unknown(m, strlen((const char *)(uintptr_t)arg64(m->ip)) + 1);
	else if (op == OP_INT_TO_DBL) { /* converts the value so many places down */
		uint64_t down = arg64(m->ip);

		if (down == 0 || down > m->sp)
			m->lost = true;
		else
			m->stack[m->sp - down] = (struct value){ .sort = UNKNOWN };
	} else if ((op >= OP_DBL_BEGIN && op <= OP_DBL_END) || (op >= OP_STR_BEGIN && op <= OP_STR_END) || (op >= OP_CONTAINS && op <= OP_IEQUALS) ||
		   op == OP_MATCHES || op == OP_INDEX_ARRAY || op == OP_LOOKUP_DICT)
		take_and_push_unknown(m, 2);
	else
		m->lost = true;
	m->ip += args_of(op) < 0 ? 0 : args_of(op);
}

static void step(struct machine *m)
{
	uint8_t op = *m->ip++;

	switch (op) {
	case OP_NOP:
		break;
	case OP_POP:
		pop(m);
		break;
	case OP_PUSH: case OP_PUSH_8: case OP_PUSH_16: case OP_PUSH_32:
		push_number(m, op);
		break;
	case OP_PUSH_U:
		push_sort(m, UNDEF);
		break;
	case OP_FILESIZE:
		if (m->k->any_bytes)
			push_sort(m, UNKNOWN);
		else
			push_int(m, (int64_t)m->k->bytes.n);
		break;
	case OP_JFALSE: case OP_JFALSE_P: case OP_JTRUE: case OP_JTRUE_P:
		jump_if(m, op);
		break;
	case OP_JUNDEF: case OP_JUNDEF_P: case OP_JNUNDEF: case OP_JNUNDEF_P:
		jump_if_undefined(m, op);
		break;
	case OP_JL_P: case OP_JLE_P:
		jump_if_less(m, op);
		break;
	case OP_JZ: case OP_JZ_P:
		jump_if_zero(m, op);
		break;
	case OP_AND: case OP_OR:
		logic(m, op);
		break;
	case OP_NOT:
		negate(m);
		break;
	case OP_OF: case OP_OF_PERCENT:
		of(m, op, arg64(m->ip) != OF_STRING_SET);
		m->ip += 8;
		break;
	case OP_OF_FOUND_IN:
		of(m, op, false);
		break;
	case OP_FOUND: case OP_FOUND_AT: case OP_FOUND_IN: case OP_COUNT: case OP_COUNT_IN: case OP_OFFSET: case OP_LENGTH:
		strings(m, op);
		break;
	case OP_CLEAR_M: case OP_ADD_M: case OP_INCR_M: case OP_PUSH_M: case OP_POP_M: case OP_SET_M: case OP_SWAPUNDEF:
		memory(m, op);
		break;
	case OP_ITER_NEXT: case OP_ITER_START_INT_RANGE:
		iterate(m, op);
		break;
	case OP_INT_EQ: case OP_INT_NEQ: case OP_INT_LT: case OP_INT_GT: case OP_INT_LE: case OP_INT_GE:
		compare(m, op);
		break;
	case OP_INT_ADD: case OP_INT_SUB: case OP_INT_MUL: case OP_INT_DIV: case OP_MOD: case OP_SHL: case OP_SHR: case OP_BITWISE_AND: case OP_BITWISE_OR:
	case OP_BITWISE_XOR:
		calculate(m, op);
		break;
	default:
		if (op >= OP_READ_INT && op <= OP_UINT32BE)
			read_int(m, op);
		else
			others(m, op);
	}
}

bool lab_maybe(const struct lab_code *c, const struct lab_known *k)
{
	UNINIT struct machine m; /* its stack is written before it is read */
	struct value v;

	if (c->from == NULL)
		return true;
	m.code = c;
	m.k = k;
	m.ip = c->from;
	m.sp = 0;
	m.lost = false;
	memset(m.cell, 0, sizeof m.cell);
	for (int i = 0; m.ip < c->end && !m.lost; i++) {
		if (i == STEPS)
			return true;
		step(&m);
	}
	v = pop(&m);
	return m.lost || m.ip != c->end || !falsy(v);
}

/* --- what stands in a condition --- */

static bool is_number(const uint8_t *p, int64_t *ret)
{
	uint16_t two;

	if (*p == OP_PUSH_8)
		*ret = p[1];
	else if (*p == OP_PUSH_16) {
		memcpy(&two, p + 1, sizeof two);
		*ret = two;
	} else if (*p == OP_PUSH_32)
		*ret = (int64_t)(uint32_t)arg32(p + 1);
	else if (*p == OP_PUSH)
		*ret = (int64_t)arg64(p + 1);
	else
		return false;
	return true;
}

static const uint8_t *behind(const uint8_t *p)
{
	int n = args_of(*p);

	return p + 1 + (n < 0 ? 0 : n);
}

size_t lab_guards_in(const struct lab_code *c, struct lab_guard *out, size_t max)
{
	size_t n = 0;

	for (const uint8_t *p = c->from; p != NULL && p < c->end && n < max; p = behind(p)) {
		const uint8_t *q = behind(p), *r = behind(q);
		struct lab_guard g;

		if (r >= c->end || *q < OP_READ_INT || *q > OP_UINT32BE || !is_number(p, &g.at) || !is_number(r, &g.value) || *behind(r) != OP_INT_EQ)
			continue;
		g.read = *q;
		out[n++] = g;
	}
	return n;
}

bool lab_code_refers(const struct lab_code *c, size_t *it, uint32_t *ret_rule)
{
	const uint8_t *p = c->from + *it;

	for (; c->from != NULL && p < c->end; p = behind(p)) {
		bool set = (*p == OP_OF || *p == OP_OF_PERCENT) && arg64(p + 1) != OF_STRING_SET;

		if (!set && *p != OP_PUSH_RULE)
			continue;
		*ret_rule = set ? UINT32_MAX : (uint32_t)arg64(p + 1);
		*it = (size_t)(behind(p) - c->from);
		return true;
	}
	return false;
}
