#include "lab/pdf_filter.h"

#include <string.h>
#include <zlib.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "base/text.h"

#define PIECE 16384u
#define ROW_MAX ((size_t)1 << 20)

enum pdf_coding pdf_coding_named(struct str name)
{
	static const struct { const char *name; enum pdf_coding coding; } names[] = {
		{ "FlateDecode", PDF_FLATE }, { "Fl", PDF_FLATE }, { "LZWDecode", PDF_LZW }, { "LZW", PDF_LZW }, { "ASCIIHexDecode", PDF_HEX },
		{ "AHx", PDF_HEX }, { "ASCII85Decode", PDF_ASCII85 }, { "A85", PDF_ASCII85 }, { "RunLengthDecode", PDF_RUNS }, { "RL", PDF_RUNS },
		{ "DCTDecode", PDF_PICTURE }, { "DCT", PDF_PICTURE }, { "CCITTFaxDecode", PDF_PICTURE }, { "CCF", PDF_PICTURE },
		{ "JBIG2Decode", PDF_PICTURE }, { "JPXDecode", PDF_PICTURE }, { "Crypt", PDF_CRYPT },
	};

	for (size_t i = 0; i < COUNTOF(names); i++) {
		if (str_eq(name, str_of(names[i].name)))
			return names[i].coding;
	}
	return PDF_UNKNOWN;
}

/* --- predictors: rows whose bytes are differences (§7.4.4.4; PNG §9, TIFF predictor 2 of 8 bits) --- */

struct rows {
	pdf_put put;
	void *ctx;
	size_t width, step, n; /* bytes of a row, of a pixel, that are there */
	bool png;
	unsigned char *row, *above;
	unsigned char kind;
	bool kind_known;
};

static unsigned char nearest(int a, int b, int c)
{
	int p = a + b - c, x = p < a ? a - p : p - a, y = p < b ? b - p : p - b, z = p < c ? c - p : p - c;

	return (unsigned char)(x <= y && x <= z ? a : y <= z ? b : c);
}

static bool end_row(struct rows *r)
{
	unsigned char *swap = r->above;

	for (size_t i = 0; i < r->n; i++) {
		int left = i >= r->step ? r->row[i - r->step] : 0, up = r->above[i], corner = i >= r->step ? r->above[i - r->step] : 0, add = 0;

		switch (r->png ? r->kind : 1) {
		case 1:
			add = left;
			break;
		case 2:
			add = up;
			break;
		case 3:
			add = (left + up) / 2;
			break;
		case 4:
			add = nearest(left, up, corner);
			break;
		default:
			break;
		}
		r->row[i] = (unsigned char)(r->row[i] + add);
	}
	if (!r->put(r->ctx, (struct str){ (char *)r->row, r->n }))
		return false;
	r->above = r->row;
	r->row = swap;
	r->n = 0;
	r->kind_known = false;
	return true;
}

static bool put_row(void *ctx, struct str s)
{
	struct rows *r = ctx;

	for (size_t i = 0; i < s.n; i++) {
		if (r->png && !r->kind_known) {
			r->kind = (unsigned char)s.p[i];
			r->kind_known = true;
			continue;
		}
		r->row[r->n++] = (unsigned char)s.p[i];
		if (r->n == r->width && !end_row(r))
			return false;
	}
	return true;
}

/* --- the codings --- */

static bool flate(struct str in, pdf_put put, void *ctx)
{
	unsigned char out[PIECE];
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)in.p, .avail_in = in.n < UINT32_MAX ? (unsigned)in.n : UINT32_MAX };
	int rc;
	bool going = true;

	if (inflateInit(&z) != Z_OK)
		return false;
	do {
		z.next_out = out;
		z.avail_out = sizeof out;
		rc = inflate(&z, Z_NO_FLUSH);
		if (z.avail_out < sizeof out)
			going = put(ctx, (struct str){ (char *)out, sizeof out - z.avail_out });
	} while (going && rc == Z_OK);
	inflateEnd(&z);
	return going && rc == Z_STREAM_END;
}

struct lzw {
	struct { uint16_t before, length; unsigned char last, first; } entry[4096];
	unsigned n, width;
	unsigned char out[4096];
};

/* The text of a code, written from its end. */
static size_t spell(struct lzw *l, unsigned code)
{
	size_t n = l->entry[code].length;

	for (size_t i = n; i > 0; i--) {
		l->out[i - 1] = l->entry[code].last;
		code = l->entry[code].before;
	}
	return n;
}

static void lzw_clear(struct lzw *l)
{
	l->n = 258;
	l->width = 9;
}

static bool lzw_codes(struct lzw *l, struct str in, bool late, pdf_put put, void *ctx)
{
	uint32_t bits = 0;
	unsigned have = 0, code, before = 4096;

	for (size_t i = 0; i < in.n;) {
		while (have < l->width && i < in.n) {
			bits = bits << 8 | (unsigned char)in.p[i++];
			have += 8;
		}
		if (have < l->width)
			return true;
		have -= l->width;
		code = bits >> have & ((1u << l->width) - 1);
		if (code == 257)
			return true;
		if (code == 256) {
			lzw_clear(l);
			before = 4096;
			continue;
		}
		if (code > l->n || (code == l->n && before == 4096))
			return false;
		if (before != 4096 && l->n < 4096) {
			l->entry[l->n].before = (uint16_t)before;
			l->entry[l->n].length = (uint16_t)(l->entry[before].length + 1);
			l->entry[l->n].first = l->entry[before].first;
			l->entry[l->n].last = l->entry[code == l->n ? before : code].first;
			l->n++;
		} else if (code >= l->n) {
			return false;
		}
		if (l->n + (late ? 0 : 1) >= 1u << l->width && l->width < 12)
			l->width++;
		if (!put(ctx, (struct str){ (char *)l->out, spell(l, code) }))
			return false;
		before = code;
	}
	return true;
}

static bool lzw(struct str in, bool late, pdf_put put, void *ctx)
{
	struct lzw *l = mem_alloc(sizeof *l);
	bool fine;

	if (l == NULL)
		return false;
	for (unsigned i = 0; i < 258; i++) {
		l->entry[i].before = 0;
		l->entry[i].length = 1;
		l->entry[i].first = l->entry[i].last = (unsigned char)i;
	}
	lzw_clear(l);
	fine = lzw_codes(l, in, late, put, ctx);
	mem_free(l);
	return fine;
}

struct out {
	pdf_put put;
	void *ctx;
	size_t n;
	char bytes[PIECE];
};

static bool out_byte(struct out *o, unsigned c)
{
	o->bytes[o->n++] = (char)c;
	if (o->n < sizeof o->bytes)
		return true;
	o->n = 0;
	return o->put(o->ctx, (struct str){ o->bytes, sizeof o->bytes });
}

static bool out_end(struct out *o)
{
	return o->n == 0 || o->put(o->ctx, (struct str){ o->bytes, o->n });
}

static bool hexadecimal(struct str in, pdf_put put, void *ctx)
{
	struct out o = { .put = put, .ctx = ctx };
	int high = -1;

	for (size_t i = 0; i < in.n && in.p[i] != '>'; i++) {
		int v = hex_value(in.p[i]);

		if (v < 0)
			continue;
		if (high >= 0 && !out_byte(&o, (unsigned)(high << 4 | v)))
			return false;
		high = high < 0 ? v : -1;
	}
	return (high < 0 || out_byte(&o, (unsigned)high << 4)) && out_end(&o);
}

static bool out_word(struct out *o, uint32_t word, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		if (!out_byte(o, word >> (24 - 8 * k) & 0xff))
			return false;
	}
	return true;
}

static bool ascii85(struct str in, pdf_put put, void *ctx)
{
	struct out o = { .put = put, .ctx = ctx };
	uint32_t word = 0;
	unsigned n = 0;

	for (size_t i = 0; i < in.n && in.p[i] != '~'; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c == 'z' && n == 0 && !out_word(&o, 0, 4))
			return false;
		if (c < '!' || c > 'u')
			continue;
		word = word * 85 + (c - '!');
		if (++n < 5)
			continue;
		if (!out_word(&o, word, 4))
			return false;
		word = 0;
		n = 0;
	}
	for (unsigned k = n; n > 1 && k < 5; k++)
		word = word * 85 + 84;
	return (n < 2 || out_word(&o, word, n - 1)) && out_end(&o);
}

static bool runs(struct str in, pdf_put put, void *ctx)
{
	for (size_t i = 0; i < in.n;) {
		unsigned char length = (unsigned char)in.p[i++];
		char same[128];
		size_t n = length + 1u;

		if (length == 128)
			return true;
		if (length < 128) {
			n = n < in.n - i ? n : in.n - i;
			if (!put(ctx, (struct str){ in.p + i, n }))
				return false;
			i += n;
			continue;
		}
		if (i >= in.n)
			return false;
		memset(same, in.p[i++], sizeof same);
		if (!put(ctx, (struct str){ same, 257u - length }))
			return false;
	}
	return true;
}

static bool unpack(enum pdf_coding c, const struct pdf_parameters *p, struct str in, pdf_put put, void *ctx)
{
	switch (c) {
	case PDF_FLATE:
		return flate(in, put, ctx);
	case PDF_LZW:
		return lzw(in, p->late, put, ctx);
	case PDF_HEX:
		return hexadecimal(in, put, ctx);
	case PDF_ASCII85:
		return ascii85(in, put, ctx);
	case PDF_RUNS:
		return runs(in, put, ctx);
	case PDF_PICTURE:
	case PDF_CRYPT:
	case PDF_UNKNOWN:
		break;
	}
	return put(ctx, in);
}

bool pdf_decode(enum pdf_coding c, const struct pdf_parameters *p, struct str in, pdf_put put, void *ctx)
{
	size_t colours = p->colours > 0 ? p->colours : 1, bits = p->bits > 0 ? p->bits : 8, columns = p->columns > 0 ? p->columns : 1;
	struct rows r = { .put = put, .ctx = ctx, .png = p->predictor >= 10 };
	unsigned char *both;
	bool fine;

	if (p->predictor < 2 || (c != PDF_FLATE && c != PDF_LZW) || (!r.png && bits != 8))
		return unpack(c, p, in, put, ctx);
	if (colours > 64 || bits > 32 || columns > ROW_MAX)
		return false;
	r.width = (colours * bits * columns + 7) / 8;
	r.step = (colours * bits + 7) / 8;
	both = r.width <= ROW_MAX ? mem_alloc(2 * r.width) : NULL;
	if (both == NULL)
		return false;
	memset(both, 0, 2 * r.width);
	r.row = both;
	r.above = both + r.width;
	fine = unpack(c, p, in, put_row, &r) && (r.n == 0 || end_row(&r));
	mem_free(both);
	return fine;
}
