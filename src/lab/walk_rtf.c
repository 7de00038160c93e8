/* Rich Text Format: a text of groups and control words. Embedded objects and pictures stand in it as hexadecimal digits, which
 * Word reads past almost anything in between; so does this. */
#include "lab/walk.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"
#include "lab/ole1.h"

#define DEPTH_MAX 4096
#define PIECE 4096
#define OBJECT_MAX ((size_t)48 << 20)

struct rtf {
	struct lab_node *n;
	struct str s;
	size_t at;
	unsigned depth, pictures, objects;
};

/* A control word at the backslash: its letters, and its number if any. `at` goes behind it. A control symbol has no letters. */
static struct str control(struct rtf *f, bool *ret_numbered, size_t *ret_number)
{
	size_t from = ++f->at;
	struct str word;

	*ret_numbered = false;
	*ret_number = 0;
	while (f->at < f->s.n && ascii_alpha(f->s.p[f->at]) && f->at - from < 32)
		f->at++;
	word = (struct str){ f->s.p + from, f->at - from };
	if (word.n == 0) {
		f->at += f->at < f->s.n;
		return word;
	}
	if (f->at < f->s.n && f->s.p[f->at] == '-')
		f->at++;
	for (; f->at < f->s.n && ascii_digit(f->s.p[f->at]); f->at++) {
		*ret_numbered = true;
		if (*ret_number < SIZE_MAX / 100)
			*ret_number = *ret_number * 10 + (size_t)(f->s.p[f->at] - '0');
	}
	if (f->at < f->s.n && f->s.p[f->at] == ' ')
		f->at++;
	return word;
}

struct digits {
	char *p;
	size_t n, max;
	int high; /* the half of a byte that is there, or -1 */
};

static void put_digit(struct digits *d, int v)
{
	if (d->high < 0) {
		d->high = v;
	} else if (d->n < d->max) {
		d->p[d->n++] = (char)(d->high << 4 | v);
		d->high = -1;
	}
}

/* All digits up to the end of the group that is open, with what \bin hands over as it is. */
static void collect(struct rtf *f, struct digits *d)
{
	int depth = 0;

	while (f->at < f->s.n) {
		char c = f->s.p[f->at];
		bool numbered;
		size_t number;
		int v;

		if (c == '{') {
			depth++;
		} else if (c == '}') {
			if (depth-- == 0)
				return; /* the caller closes it */
		} else if (c == '\\') {
			size_t begun = f->at;
			struct str word = control(f, &numbered, &number);

			if (str_eq(word, S("bin")) && numbered && number <= f->s.n - f->at) {
				size_t n = number < d->max - d->n ? number : d->max - d->n;

				memcpy(d->p + d->n, f->s.p + f->at, n);
				d->n += n;
				f->at += number;
			} else if (word.n == 0 && f->at - begun == 2 && f->s.p[begun + 1] == '\'') {
				f->at += f->s.n - f->at < 2 ? f->s.n - f->at : 2; /* \'hh: a letter of text, no digits */
			}
			continue;
		} else if ((v = hex_value(c)) >= 0) {
			put_digit(d, v);
		}
		f->at++;
	}
}

static enum rc open_digits(struct rtf *f, const char *how, struct err *err)
{
	size_t begun = f->at, most = (f->s.n - f->at) / 2 + 1;
	struct digits d = { .max = most < OBJECT_MAX ? most : OBJECT_MAX, .high = -1 };
	struct lab_origin from = { .how = how, .at = begun };

	if (how[0] == 'o' ? f->objects++ > 1000 : f->pictures++ > 1000)
		return RC_OK;
	/* The binary form of \bin takes a byte a byte. */
	d.max = f->s.n - f->at < OBJECT_MAX ? f->s.n - f->at : OBJECT_MAX;
	struct arena *a CLEANUP(arena_freep) = arena_new(d.max + 4096);

	d.p = a != NULL ? arena_alloc(a, d.max + 1) : NULL;
	if (d.p == NULL)
		return FAIL(err, RC_NOMEM, "RTF: an object of up to %zu bytes", d.max);
	collect(f, &d);
	if (d.n < 16)
		return RC_OK;
	from.length = f->at - begun;
	lab_child_borrow(f->n, &from, (struct str){ d.p, d.n });
	if (how[0] == 'o')
		(void)ole1_object(f->n, S(""), (struct str){ d.p, d.n });
	return RC_OK;
}

static enum rc word(struct rtf *f, struct err *err)
{
	size_t begun = f->at, number;
	bool numbered;
	struct str w = control(f, &numbered, &number);

	if (str_eq(w, S("bin")) && numbered && number <= f->s.n - f->at) {
		struct lab_origin from = { .how = "binary", .at = f->at, .length = number };

		lab_child_borrow(f->n, &from, (struct str){ f->s.p + f->at, number });
		f->at += number;
	} else if (str_eq(w, S("objdata"))) {
		return open_digits(f, "object", err);
	} else if (str_eq(w, S("pict")) || str_eq(w, S("datastore")) || str_eq(w, S("themedata"))) {
		return open_digits(f, "picture", err);
	} else if (str_eq(w, S("objupdate")) || str_eq(w, S("objautlink"))) {
		lab_feature(f->n, LAB_SUSPICIOUS, "rtf.object-by-itself", begun, f->at - begun, "an object that is opened with the document, without being asked for");
	}
	return RC_OK;
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct rtf f = { .n = n, .s = n->bytes };

	if (n->bytes.n < 6 || n->bytes.p[0] != '{' || n->bytes.p[1] != '\\')
		return RC_UNSUPPORTED;
	do {
		char c = f.s.p[f.at];

		if (c == '\\') {
			TRY(word(&f, err));
			continue;
		}
		if (c == '{' && ++f.depth > DEPTH_MAX)
			return FAIL(err, RC_LIMIT, "RTF: more than %d groups in each other", DEPTH_MAX);
		if (c == '}')
			f.depth--;
		f.at++;
	} while (f.at < f.s.n && f.depth > 0 && !lab_over(n));
	/* Text and words were read; what follows the outermost group is the gap's. */
	lab_claim(n, 0, f.at);
	return RC_OK;
}

const struct lab_walker LAB_WALK_RTF = { "rtf", LAB_TYPE(LAB_RTF), walk, NULL };
