/* PDF (ISO 32000-1): every stream a child, decoded; scripts as the text they are. The table of references is not believed: what begins
 * like a stream is one, wherever it stands. */
#include "lab/walk.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"
#include "lab/pdf_filter.h"
#include "lab/pdf_lock.h"
#include "lab/secret.h"

#define DICTIONARY_MAX ((size_t)64 << 10) /* looked at before a stream */
#define FILTERS_MAX 16
#define BETWEEN_MAX ((size_t)32 << 20)    /* between two filters of one stream */
#define SCRIPT_MAX ((size_t)1 << 20)
#define STREAMS_MAX 100000u
#define NAME_MAX_BYTES 127

enum { OPENS = 1, SCRIPT = 2, LAUNCH = 4 };

struct pdf {
	struct lab_node *n;
	bool locked, opened;    /* encrypted; and the word for it was found */
	struct pdf_lock lock;
	const char *shut;       /* why not */
	unsigned names;         /* of those above, met anywhere */
	unsigned streams, scripts;
	struct arena *a;        /* for one stream */
};

/* --- words of the syntax --- */

static bool blank(char c)
{
	return ascii_space(c) || c == '\0';
}

static bool ends_name(char c)
{
	return blank(c) || strchr("()<>[]{}/%", c) != NULL;
}

/* The name at the slash, with its #xx read; how many bytes it took. */
static size_t read_name(struct str s, size_t at, char *out, size_t *ret_n, bool *ret_disguised)
{
	size_t i = at + 1, n = 0;

	*ret_disguised = false;
	while (i < s.n && !ends_name(s.p[i]) && n < NAME_MAX_BYTES) {
		int high = s.p[i] == '#' && i + 2 < s.n ? hex_value(s.p[i + 1]) : -1, low = high >= 0 ? hex_value(s.p[i + 2]) : -1;

		if (low >= 0) {
			char c = (char)(high << 4 | low);

			/* A letter or digit needs no such writing. */
			*ret_disguised |= ascii_alnum(c);
			out[n++] = c;
			i += 3;
		} else {
			out[n++] = s.p[i++];
		}
	}
	*ret_n = n;
	return i - at;
}

static size_t skip_blanks(struct str s, size_t at)
{
	while (at < s.n && blank(s.p[at]))
		at++;
	return at;
}

/* Behind the name `key` in a dictionary, or SIZE_MAX. */
static size_t value_of(struct str d, const char *key)
{
	char name[NAME_MAX_BYTES + 1];
	size_t n;
	bool disguised;

	for (size_t i = 0; i < d.n; i++) {
		if (d.p[i] != '/')
			continue;
		size_t took = read_name(d, i, name, &n, &disguised);

		if (str_eq((struct str){ name, n }, str_of(key)))
			return skip_blanks(d, i + took);
		i += took - 1;
	}
	return SIZE_MAX;
}

static unsigned number_of(struct str d, const char *key, unsigned other)
{
	size_t at = value_of(d, key);
	unsigned v = 0;

	if (at == SIZE_MAX || at >= d.n || !ascii_digit(d.p[at]))
		return other;
	for (; at < d.n && ascii_digit(d.p[at]) && v < UINT32_MAX / 100; at++)
		v = v * 10 + (unsigned)(d.p[at] - '0');
	return v;
}

/* --- names that say what a document does, and scripts --- */

static bool put_child(void *ctx, struct str s)
{
	return lab_child_write(ctx, s);
}

/* A letter behind a backslash in a text; `at` goes to its last byte. */
static char escaped(struct str s, size_t *at)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	size_t i = *at;
	const char *known = memchr(from, s.p[i], sizeof from - 1);
	unsigned v = 0;
	int k = 0;

	for (; k < 3 && i + (size_t)k < s.n && s.p[i + (size_t)k] >= '0' && s.p[i + (size_t)k] <= '7'; k++)
		v = v * 8 + (unsigned)(s.p[i + (size_t)k] - '0');
	if (k == 0)
		return known != NULL ? to[known - from] : s.p[i];
	*at = i + (size_t)k - 1;
	return (char)v;
}

struct memory {
	struct arena *a;
	char *p;
	size_t n;
	bool full;
};

static bool put_memory(void *ctx, struct str s)
{
	struct memory *m = ctx;
	char *p = m->n + s.n <= BETWEEN_MAX ? arena_resize(m->a, m->p, m->n, m->n + s.n) : NULL;

	m->full |= p == NULL;
	if (p == NULL)
		return false;
	memcpy(p + m->n, s.p, s.n);
	m->p = p;
	m->n += s.n;
	return true;
}

/* "12 0 obj" before the dictionary: what a stream's key is made of. */
static void number_before(struct str s, size_t at, uint32_t *ret_object, uint32_t *ret_generation)
{
	uint64_t v[2] = { 0 };

	at = at >= 3 ? at - 3 : 0; /* "obj" */
	for (int i = 0; i < 2; i++) {
		size_t to;

		while (at > 0 && blank(s.p[at - 1]))
			at--;
		to = at;
		while (at > 0 && ascii_digit(s.p[at - 1]) && to - at < 10)
			at--;
		(void)str_to_u64(str_slice(s, at, to), &v[i]);
	}
	*ret_generation = (uint32_t)v[0];
	*ret_object = (uint32_t)v[1];
}

/* A text in parentheses from behind the first one. */
static void read_text(struct memory *m, struct str s, size_t at)
{
	char out[4096];
	size_t n = 0;
	int depth = 0;

	for (size_t i = at; i < s.n && i - at < SCRIPT_MAX; i++) {
		char c = s.p[i];

		if (c == '(')
			depth++;
		else if (c == ')' && depth-- == 0)
			break;
		if (c == '\\' && i + 1 < s.n) {
			i++;
			c = escaped(s, &i);
		}
		out[n++] = c;
		if (n == sizeof out) {
			if (!put_memory(m, (struct str){ out, n }))
				return;
			n = 0;
		}
	}
	(void)put_memory(m, (struct str){ out, n });
}

/* Texts of the file itself are locked as its streams are, with the key of the object around them; those of a stream of objects are not. */
static bool unlock_text(struct pdf *f, size_t at, struct str *text)
{
	struct str s = f->n->bytes;
	size_t from = at > DICTIONARY_MAX ? at - DICTIONARY_MAX : 0;
	uint32_t object, generation;
	unsigned char *out = arena_alloc(f->a, text->n + 1);
	size_t n = SIZE_MAX;

	for (size_t i = at; i > from + 3; i--) {
		if (!str_eq(str_slice(s, i - 3, i), S("obj")))
			continue;
		number_before(s, i, &object, &generation);
		n = out == NULL ? SIZE_MAX : pdf_lock_open(&f->lock, object, generation, *text, out);
		break;
	}
	if (n == SIZE_MAX)
		return false;
	*text = (struct str){ (char *)out, n };
	return true;
}

/* `base`: where `s` begins in the file, SIZE_MAX: not in it. */
static void open_script(struct pdf *f, struct str s, size_t at, size_t base)
{
	struct lab_origin from = { .how = "script" };
	struct memory m = { .a = f->a };
	struct str text;

	if (f->scripts++ >= 1000 || at >= s.n || (s.p[at] != '(' && s.p[at] != '<'))
		return;
	if (s.p[at] == '<' && at + 1 < s.n && s.p[at + 1] == '<')
		return;
	if (s.p[at] == '<')
		(void)pdf_decode(PDF_HEX, &(struct pdf_parameters){ 0 }, str_slice(s, at + 1, s.n), put_memory, &m);
	else
		read_text(&m, s, at + 1);
	text = (struct str){ m.p, m.n };
	if (f->locked && base != SIZE_MAX && (!f->opened || !unlock_text(f, base + at, &text)))
		lab_unseen(f->n, base + at, 1, "a script of an encrypted document");
	else
		lab_child_borrow(f->n, &from, text);
	if (m.full)
		lab_unseen(f->n, base == SIZE_MAX ? 0 : base + at, 1, "a script longer than the limit");
}

/* Looks through text of the document itself: its objects, and those of a stream of objects. */
static void look(struct pdf *f, struct str s, uint64_t at, bool in_file)
{
	static const struct { const char *name; unsigned bit; } known[] = {
		{ "OpenAction", OPENS }, { "AA", OPENS }, { "JavaScript", SCRIPT }, { "JS", SCRIPT }, { "Launch", LAUNCH }, { "EmbeddedFile", 0 },
		{ "RichMedia", 0 }, { "XFA", 0 }, { "SubmitForm", 0 }, { "GoToR", 0 }, { "GoToE", 0 }, { "Encrypt", 0 }, { "URI", 0 }, { "AcroForm", 0 },
	};
	char name[NAME_MAX_BYTES + 1];
	size_t n;
	bool disguised;

	for (size_t i = 0; i < s.n; i++) {
		const char *slash = memchr(s.p + i, '/', s.n - i);
		size_t took;

		if (slash == NULL)
			return;
		i = (size_t)(slash - s.p);
		took = read_name(s, i, name, &n, &disguised);
		for (size_t k = 0; k < COUNTOF(known); k++) {
			if (!str_eq((struct str){ name, n }, str_of(known[k].name)))
				continue;
			f->names |= known[k].bit;
			lab_fact(f->n, "pdf.name", (struct str){ name, n });
			if (disguised)
				lab_feature(f->n, LAB_SUSPICIOUS, "pdf.disguised-name", in_file ? at + i : 0, in_file ? took : 0,
					    "a name of the document's actions is written so that it is not found");
			if (strcmp(known[k].name, "JS") == 0)
				open_script(f, s, skip_blanks(s, i + took), in_file ? at : SIZE_MAX);
		}
		i += took - 1;
	}
}

/* --- streams --- */

/* The names behind /Filter, one or an array of them. */
static size_t filters_of(struct str d, enum pdf_coding *out)
{
	size_t at = value_of(d, "Filter"), n = 0, length;
	char name[NAME_MAX_BYTES + 1];
	bool disguised, many;

	if (at == SIZE_MAX)
		at = value_of(d, "F");
	if (at == SIZE_MAX || at >= d.n)
		return 0;
	many = d.p[at] == '[';
	at = skip_blanks(d, at + many);
	while (at < d.n && d.p[at] == '/' && n < FILTERS_MAX) {
		at += read_name(d, at, name, &length, &disguised);
		out[n++] = pdf_coding_named((struct str){ name, length });
		at = skip_blanks(d, at);
		if (!many)
			break;
	}
	return n;
}

/* The bytes of a stream as they were before they were locked; false: they cannot be had. */
static bool unlock(struct pdf *f, struct str d, struct str *bytes)
{
	uint32_t object, generation;
	size_t kind = value_of(d, "Type"), n;
	unsigned char *out;

	if (kind != SIZE_MAX && str_starts(str_slice(d, kind, d.n), S("/XRef")))
		return true;
	if (kind != SIZE_MAX && f->lock.open_metadata && str_starts(str_slice(d, kind, d.n), S("/Metadata")))
		return true;
	out = arena_alloc(f->a, bytes->n + 1);
	if (out == NULL)
		return false;
	number_before(f->n->bytes, (size_t)(d.p - f->n->bytes.p), &object, &generation);
	n = pdf_lock_open(&f->lock, object, generation, *bytes, out);
	if (n == SIZE_MAX)
		return false;
	*bytes = (struct str){ (char *)out, n };
	return true;
}

static void open_stream(struct pdf *f, struct str d, size_t at, size_t length)
{
	struct pdf_parameters p = { .predictor = number_of(d, "Predictor", 1), .colours = number_of(d, "Colors", 1), .bits = number_of(d, "BitsPerComponent", 8),
				    .columns = number_of(d, "Columns", 1), .late = number_of(d, "EarlyChange", 1) == 0 };
	enum pdf_coding coding[FILTERS_MAX];
	size_t n = filters_of(d, coding), kind = value_of(d, "Type");
	bool objects = kind != SIZE_MAX && str_eq(str_slice(d, kind, kind + 7), S("/ObjStm"));
	bool file = kind != SIZE_MAX && str_eq(str_slice(d, kind, kind + 13), S("/EmbeddedFile"));
	struct lab_origin from = { .how = objects ? "objects" : file ? "attachment" : "stream", .at = at, .length = length };
	struct str bytes = { f->n->bytes.p + at, length };
	struct memory last = { .a = f->a };
	struct lab_child *child;
	bool fine = !f->opened || unlock(f, d, &bytes);

	for (size_t i = 0; i + 1 < n; i++) {
		struct memory m = { .a = f->a };

		fine &= pdf_decode(coding[i], &(struct pdf_parameters){ 0 }, bytes, put_memory, &m);
		bytes = (struct str){ m.p, m.n };
	}
	if (objects) {
		fine &= n == 0 || pdf_decode(coding[n - 1], &p, bytes, put_memory, &last);
		look(f, n == 0 ? bytes : (struct str){ last.p, last.n }, 0, false);
		bytes = n == 0 ? bytes : (struct str){ last.p, last.n };
		n = 0;
	}
	child = lab_child_open(f->n, &from);
	if (child == NULL)
		return;
	fine &= n == 0 ? lab_child_write(child, bytes) : pdf_decode(coding[n - 1], &p, bytes, put_child, child);
	if (!fine)
		lab_child_broken(child, "a stream at byte %zu that cannot be decoded to its end", at);
	lab_child_close(child);
}

static size_t find(struct str s, size_t at, const char *what)
{
	return str_find(s, str_of(what), at);
}

/* The dictionary before ">>" at `end`: from the object's beginning, as far back as is looked. */
static struct str dictionary_before(struct str s, size_t floor, size_t end)
{
	size_t from = end > DICTIONARY_MAX && end - DICTIONARY_MAX > floor ? end - DICTIONARY_MAX : floor;

	for (size_t i = end; i > from + 3; i--) {
		if (s.p[i - 1] == 'j' && s.p[i - 2] == 'b' && s.p[i - 3] == 'o') {
			from = i;
			break;
		}
	}
	return str_slice(s, from, end);
}

/* Where the bytes of a stream begin if there is one at the word "stream", or 0. */
static size_t stream_begins(struct str s, size_t word, size_t floor, size_t *ret_dictionary_end)
{
	size_t back = word, at = word + 6;

	while (back > floor && blank(s.p[back - 1]))
		back--;
	if (back < floor + 2 || s.p[back - 1] != '>' || s.p[back - 2] != '>')
		return 0;
	*ret_dictionary_end = back;
	if (at < s.n && s.p[at] == '\r')
		at++;
	if (at < s.n && s.p[at] == '\n')
		at++;
	return at > word + 6 ? at : 0;
}

/* How long: as stated if "endstream" follows there, else up to it, else to the end of the file. */
static size_t stream_length(struct str s, struct str d, size_t at, size_t *ret_next)
{
	unsigned stated = number_of(d, "Length", UINT32_MAX);
	size_t end;

	if (stated <= s.n - at) {
		end = skip_blanks(s, at + stated);
		if (end - at - stated <= 2 && str_eq(str_slice(s, end, end + 9), S("endstream"))) {
			*ret_next = at + stated;
			return stated;
		}
	}
	end = find(s, at, "endstream");
	*ret_next = end == SIZE_MAX ? s.n : end;
	return *ret_next - at;
}

/* One stream after the other, with the document's own text before it. */
struct span {
	size_t text, next;     /* where that text begins; where to go on */
	size_t at, length;
	struct str dictionary;
};

static bool next_span(const struct pdf *f, struct span *x)
{
	struct str s = f->n->bytes;
	size_t look_from = x->next, end;

	x->text = x->next;
	for (size_t word = find(s, look_from, "stream"); word != SIZE_MAX && !lab_over(f->n); word = find(s, word + 6, "stream")) {
		x->at = stream_begins(s, word, x->text, &end);
		if (x->at == 0)
			continue;
		x->dictionary = dictionary_before(s, x->text, end);
		x->length = stream_length(s, x->dictionary, x->at, &x->next);
		return true;
	}
	return false;
}

static void look_at_text(struct pdf *f)
{
	struct span x = { .next = 0 };

	while (next_span(f, &x))
		look(f, str_slice(f->n->bytes, x.text, x.at), x.text, true);
	look(f, str_slice(f->n->bytes, x.text, f->n->bytes.n), x.text, true);
}

/* What follows the last end mark is left to the gap, and so is all behind the last stream where there is no mark. */
static void claim_tail(struct pdf *f, size_t from)
{
	size_t end = SIZE_MAX;

	for (size_t at = find(f->n->bytes, from, "%%EOF"); at != SIZE_MAX; at = find(f->n->bytes, at + 5, "%%EOF"))
		end = skip_blanks(f->n->bytes, at + 5);
	if (end != SIZE_MAX)
		lab_claim(f->n, from, end - from);
}

static void walk_streams(struct pdf *f)
{
	struct span x = { .next = 0 };

	while (next_span(f, &x)) {
		lab_claim(f->n, x.text, x.at - x.text);
		/* The table of references is never locked. */
		if (f->locked && !f->opened && find(x.dictionary, 0, "/XRef") == SIZE_MAX) {
			lab_unseen(f->n, x.at, x.length, "%s", f->shut);
		} else if (f->streams++ < STREAMS_MAX) {
			arena_reset(f->a);
			open_stream(f, x.dictionary, x.at, x.length);
		} else {
			lab_unseen(f->n, x.at, x.length, "more than %u streams", STREAMS_MAX);
		}
	}
	claim_tail(f, x.text);
}

/* The name alone, not as the beginning of another one. */
static bool locked_by_name(struct str s)
{
	for (size_t at = 0; (at = find(s, at, "/Encrypt")) != SIZE_MAX; at += 8)
		if (at + 8 < s.n && ends_name(s.p[at + 8]))
			return true;
	return false;
}

/* The empty word opens what anybody may read; then those of the submission and its mail. */
static void find_word(struct pdf *f)
{
	struct str word = S("");

	if (!pdf_lock_read(f->n->bytes, f->n->a, &f->lock, &f->shut))
		return;
	f->shut = "the document is encrypted, and no word that is known here opens it";
	for (size_t i = 0; word.p != NULL && !f->opened && !lab_over(f->n); i++) {
		f->opened = pdf_lock_try(&f->lock, word);
		if (f->opened)
			lab_fact(f->n, "pdf.password", word);
		word = lab_password(f->n, i);
	}
}

static enum rc prepare(struct err *err)
{
	return secret_prepare() ? RC_OK : FAIL(err, RC_INTERNAL, "PDF: libcrypto lacks a cipher");
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 * BETWEEN_MAX);
	struct pdf f = { .n = n, .a = a };

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "PDF: out of memory");
	f.locked = locked_by_name(n->bytes);
	if (f.locked)
		find_word(&f);
	look_at_text(&f);
	walk_streams(&f);
	if ((f.names & LAUNCH) != 0)
		lab_feature(n, LAB_SUSPICIOUS, "pdf.launches", 0, 0, "an action of the document starts a program");
	if ((f.names & (OPENS | SCRIPT)) == (OPENS | SCRIPT))
		lab_feature(n, LAB_SUSPICIOUS, "pdf.script-by-itself", 0, 0, "the document runs a script when it, or a page of it, is opened");
	return RC_OK;
}

const struct lab_walker LAB_WALK_PDF = { "pdf", LAB_TYPE(LAB_PDF), walk, prepare };
