/* Trees of rules as one line of text, so that a test states the whole of what it expects:
 *   Image=*"\cmd.exe"  EventID==4688  f~"re"i  a<5  x=null  x?  not(..)  (a & b)  (a | b)
 * cased matches are written with == " : f=="Abc". Keywords have no field. */
#ifndef TESTS_DETECT_SIGMA_PRINT_H
#define TESTS_DETECT_SIGMA_PRINT_H

#include "base/buf.h"
#include "detect/sigma.h"

__attribute__((unused)) static void print_test(struct buf *b, const struct sigma_test *t)
{
	static const char *const parts[] = { "minute", "hour", "day", "week", "month", "year" };
	static const char *const refs[] = { "", "contains ", "startswith ", "endswith " };
	static const char *const ops[] = { [SIGMA_LT] = "<", [SIGMA_LE] = "<=", [SIGMA_GT] = ">", [SIGMA_GE] = ">=" };

	buf_str(b, t->field);
	switch (t->op) {
	case SIGMA_MATCH:
		buf_cstr(b, t->cased ? "==" : "=");
		if (t->n_pieces == 0)
			buf_cstr(b, "\"\"");
		for (uint32_t i = 0; i < t->n_pieces; i++)
			if (t->pieces[i].kind == SIGMA_LITERAL)
				buf_fmt(b, "\"%.*s\"", STR(t->pieces[i].text));
			else
				buf_cstr(b, t->pieces[i].kind == SIGMA_ANY ? "*" : "?");
		break;
	case SIGMA_REGEX:
		buf_fmt(b, "~\"%.*s\"%s%s%s", STR(t->text), t->re_flags & SIGMA_RE_I ? "i" : "", t->re_flags & SIGMA_RE_M ? "m" : "",
			t->re_flags & SIGMA_RE_S ? "s" : "");
		break;
	case SIGMA_CIDR: buf_fmt(b, " in %.*s", STR(t->text)); break;
	case SIGMA_NUMBER: buf_fmt(b, "=#%.17g", t->number); break;
	case SIGMA_BOOL: buf_cstr(b, t->number != 0 ? "=true" : "=false"); break;
	case SIGMA_LT:
	case SIGMA_LE:
	case SIGMA_GT:
	case SIGMA_GE: buf_fmt(b, "%s%.17g", ops[t->op], t->number); break;
	case SIGMA_NULL: buf_cstr(b, "=null"); break;
	case SIGMA_EXISTS: buf_cstr(b, "?"); break;
	case SIGMA_FIELDREF: buf_fmt(b, "%s %s@%.*s", t->cased ? "==" : "=", refs[t->ref], STR(t->text)); break;
	case SIGMA_TIME_PART: buf_fmt(b, ".%s=%.17g", parts[t->part], t->number); break;
	}
}

__attribute__((unused)) static void print_node(struct buf *b, const struct sigma_node *n)
{
	switch (n->kind) {
	case SIGMA_TEST: print_test(b, n->test); break;
	case SIGMA_ALWAYS: buf_cstr(b, "always"); break;
	case SIGMA_NEVER: buf_cstr(b, "never"); break;
	case SIGMA_NOT:
		buf_cstr(b, "not(");
		print_node(b, n->kids[0]);
		buf_cstr(b, ")");
		break;
	case SIGMA_AND:
	case SIGMA_OR:
		buf_cstr(b, "(");
		for (uint32_t i = 0; i < n->n_kids; i++) {
			if (i > 0)
				buf_cstr(b, n->kind == SIGMA_AND ? " & " : " | ");
			print_node(b, n->kids[i]);
		}
		buf_cstr(b, ")");
		break;
	}
}

#endif
