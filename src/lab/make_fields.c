/* What makes a text document or a table of plain text reach out: fields and templates of RTF, formulas of CSV. */
#include "lab/make.h"

#include "base/ascii.h"
#include "base/rd.h"
#include "base/text.h"
#include "lab/dde.h"
#include "lab/words.h"

#define FIELD_MAX ((size_t)16 << 10)
#define FIELDS_MAX 1000u
#define LINES_EACH 4096u /* between two looks at the clock */
#define LINE_BYTES ((size_t)8 << 10) /* of a line that are looked at */
#define SHOWN 20u

/* --- RTF --- */

struct words {
	struct str s;
	size_t at;
	char *out;
	size_t n;
};

static void put(struct words *w, char c)
{
	if (w->n < FIELD_MAX)
		w->out[w->n++] = c;
}

/* A control word or symbol inside a field's text: only letters that stand in its place count. */
static void control(struct words *w)
{
	size_t from = ++w->at;
	long number = 0;
	bool minus;

	while (w->at < w->s.n && ascii_alpha(w->s.p[w->at]) && w->at - from < 32)
		w->at++;
	if (w->at == from) {
		char c = w->at < w->s.n ? w->s.p[w->at++] : '\0';

		if (c == '\'' && w->at + 2 <= w->s.n) {
			int high = hex_value(w->s.p[w->at]), low = hex_value(w->s.p[w->at + 1]);

			if (high >= 0 && low >= 0)
				put(w, (char)(high << 4 | low));
			w->at += 2;
		} else if (c == '\\' || c == '{' || c == '}') {
			put(w, c);
		}
		return;
	}
	struct str word = str_slice(w->s, from, w->at);

	minus = w->at < w->s.n && w->s.p[w->at] == '-';
	w->at += minus;
	for (; w->at < w->s.n && ascii_digit(w->s.p[w->at]); w->at++)
		number = number < 100000 ? number * 10 + (w->s.p[w->at] - '0') : number;
	if (w->at < w->s.n && w->s.p[w->at] == ' ')
		w->at++;
	if (str_eq(word, S("u")) && number > 0 && number < 128) {
		put(w, (char)number);
		w->at += w->at < w->s.n && w->s.p[w->at] != '\\' && w->s.p[w->at] != '{' && w->s.p[w->at] != '}'; /* what readers without Unicode show */
	} else if (str_eq(word, S("field"))) {
		put(w, ' ');
	}
}

/* The text of the group around `at`, with all groups in it. `at` goes to its end. */
static struct str group_text(struct words *w, size_t at)
{
	int depth = 0;

	w->at = at;
	w->n = 0;
	while (w->at < w->s.n) {
		char c = w->s.p[w->at];

		if (c == '\\') {
			control(w);
			continue;
		}
		if (c == '{')
			depth++;
		else if (c == '}' && depth-- == 0)
			break;
		else if (c != '}' && c != '\r' && c != '\n')
			put(w, c);
		w->at++;
	}
	return str_make(w->out, w->n);
}

static enum rc make_rtf(struct lab_node *n, struct err *err)
{
	struct words w = { .s = n->bytes, .out = arena_alloc(n->a, FIELD_MAX) };
	unsigned fields = 0;

	if (w.out == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	for (size_t at = 0; (at = str_find(n->bytes, S("\\fldinst"), at)) != SIZE_MAX && fields++ < FIELDS_MAX && !lab_over(n); at = w.at) {
		struct str text = group_text(&w, at + 8);

		lab_dde_field(n, text, at, w.at - at);
	}
	for (size_t at = 0; (at = str_find(n->bytes, S("\\*\\template"), at)) != SIZE_MAX && fields++ < FIELDS_MAX && !lab_over(n); at = w.at) {
		struct str text = group_text(&w, at + 11);

		lab_fact(n, "rtf.template", str_trim(text));
		if (lab_elsewhere(text))
			lab_feature(n, LAB_SUSPICIOUS, "rtf.template-elsewhere", at, w.at - at, "opening the document fetches a template, and its macros, from another machine");
	}
	return RC_OK;
}

const struct lab_maker LAB_MAKE_RTF = { "rtf", LAB_TYPE(LAB_RTF), make_rtf, NULL };

/* --- CSV --- */

/* A program before a bar, and what it is asked for up to an exclamation mark: =cmd|'/c calc'!A1. */
static bool is_link(struct str field, struct str *ret_service, struct str *ret_topic)
{
	size_t bar = str_find(field, S("|"), 0), mark, from;

	if (bar == SIZE_MAX)
		return false;
	from = bar;
	while (from > 0 && (ascii_alnum(field.p[from - 1]) || field.p[from - 1] == '_' || field.p[from - 1] == '.' || field.p[from - 1] == '\\'))
		from--;
	mark = str_find(field, S("!"), bar);
	if (bar - from < 2 || mark == SIZE_MAX || mark + 1 >= field.n || !(ascii_alnum(field.p[mark + 1]) || field.p[mark + 1] == '_' || field.p[mark + 1] == '\''))
		return false;
	*ret_service = str_slice(field, from, bar);
	*ret_topic = str_trim(str_slice(field, bar + 1, mark));
	/* Between apostrophes, or one word: prose and programs have other things there. */
	return ret_topic->n > 0 && (ret_topic->p[0] == '\'' || str_find(*ret_topic, S(" "), 0) == SIZE_MAX);
}

/* A field that a spreadsheet takes for a formula. */
static void look_at_field(struct lab_node *n, struct str field, size_t at, unsigned *said)
{
	struct str service, topic;

	while (field.n > 0 && (field.p[0] == '"' || field.p[0] == ' ')) {
		field = str_slice(field, 1, field.n);
		at++;
	}
	if (field.n < 4 || (field.p[0] != '=' && field.p[0] != '+' && field.p[0] != '-' && field.p[0] != '@') || *said >= SHOWN)
		return;
	if (is_link(field, &service, &topic)) {
		(*said)++;
		lab_dde_link(n, service, topic, at, field.n);
	} else if (field.p[0] == '=' && (lab_word_in(field, S("webservice("), 0) == 1 || lab_word_in(field, S("importxml("), 0) == 1)) {
		(*said)++;
		lab_feature(n, LAB_NOTE, "csv.fetches", at, field.n, "a formula sends or fetches something when the table is opened");
	}
}

static enum rc make_csv(struct lab_node *n, struct err *err)
{
	struct str rest = n->bytes, line;
	unsigned said = 0, lines = 0;

	(void)err;
	while (str_next(&rest, '\n', &line) && said < SHOWN) {
		size_t from = 0;
		struct str seen = str_slice(line, 0, LINE_BYTES);

		if (++lines % LINES_EACH == 0 && lab_over(n))
			break;
		if (str_find(seen, S("|"), 0) == SIZE_MAX && str_find(seen, S("=WEBSERVICE("), 0) == SIZE_MAX && str_find(seen, S("=IMPORTXML("), 0) == SIZE_MAX)
			continue;
		for (size_t i = 0; i <= seen.n; i++)
			if (i == seen.n || seen.p[i] == ',' || seen.p[i] == ';' || seen.p[i] == '\t') {
				look_at_field(n, str_slice(seen, from, i), (size_t)(seen.p - n->bytes.p) + from, &said);
				from = i + 1;
			}
	}
	return RC_OK;
}

const struct lab_maker LAB_MAKE_CSV = { "csv", LAB_TYPE(LAB_TEXT), make_csv, NULL };
