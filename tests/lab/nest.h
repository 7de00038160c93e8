/* Nestings at random, with one leaf in them that is known to be bad: what the property test and the bench feed to the lab. */
#ifndef TESTS_LAB_NEST_H
#define TESTS_LAB_NEST_H

#include "lab/zipmake.h"

#define NEST_LEAF "the one leaf that every nesting of the property test has in it, long enough to be worth packing packing packing"

struct nest_make {
	uint64_t state;
};

__attribute__((unused)) static unsigned nest_random(struct nest_make *m, unsigned below)
{
	m->state = m->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m->state >> 33) % below;
}

__attribute__((unused)) static struct buf nest_gzip(struct str data)
{
	struct buf b;
	uLong room = compressBound((uLong)data.n) + 128;
	z_stream s = { 0 };
	char *to;

	buf_init(&b, (size_t)1 << 26);
	to = buf_room(&b, room);
	if (to != NULL && deflateInit2(&s, 6, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) == Z_OK) {
		s.next_in = (Bytef *)(uintptr_t)data.p;
		s.avail_in = (uInt)data.n;
		s.next_out = (Bytef *)to;
		s.avail_out = (uInt)room;
		deflate(&s, Z_FINISH);
		buf_grew(&b, s.total_out);
		deflateEnd(&s);
	}
	return b;
}

__attribute__((unused)) static void nest_tar_member(struct buf *b, const char *name, struct str data)
{
	char h[512] = { 0 };
	unsigned sum = 0;

	snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644\0" "0000000\0" "0000000\0", 24);
	snprintf(h + 124, 12, "%011o", (unsigned)data.n);
	memcpy(h + 136, "00000000000\0" "        0", 21);
	memcpy(h + 257, "ustar\0" "00", 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_put(b, h, sizeof h);
	buf_str(b, data);
	while (b->n % 512 != 0)
		buf_char(b, '\0');
}

/* Some bytes beside the leaf: none, a few, many, or zeros. */
__attribute__((unused)) static struct str nest_filler(struct nest_make *m, char text[static 512])
{
	unsigned n = nest_random(m, 4) == 0 ? 0 : nest_random(m, 511);

	for (unsigned i = 0; i < n; i++)
		text[i] = (char)nest_random(m, 256);
	if (nest_random(m, 5) == 0)
		memset(text, 0, n);
	return str_make(text, n);
}

__attribute__((unused)) static struct buf nest_zip(struct nest_make *m, struct str inner)
{
	struct zip_make z;
	char text[512];
	unsigned before = nest_random(m, 3), after = nest_random(m, 3);

	zip_begin(&z);
	for (unsigned i = 0; i < before; i++)
		zip_add_as(&z, S("before"), S("before"), nest_filler(m, text), nest_random(m, 2) == 0, 0);
	zip_add_as(&z, S("inner"), S("inner"), inner, nest_random(m, 2) == 0, 0);
	/* Not all that is there is listed. */
	if (nest_random(m, 6) == 0) {
		buf_clear(&z.directory);
		z.n = 0;
	}
	for (unsigned i = 0; i < after; i++)
		zip_add_as(&z, S("after"), S("after"), nest_filler(m, text), nest_random(m, 2) == 0, 0);
	zip_end(&z);
	if (nest_random(m, 8) == 0)
		buf_cut(&z.out, z.out.n - 22); /* no end record */
	return z.out;
}

__attribute__((unused)) static struct buf nest_tar(struct nest_make *m, struct str inner)
{
	struct buf b;
	char text[512];

	buf_init(&b, (size_t)1 << 26);
	if (nest_random(m, 2) == 0)
		nest_tar_member(&b, "before", nest_filler(m, text));
	nest_tar_member(&b, "inner", inner);
	if (nest_random(m, 2) == 0)
		nest_tar_member(&b, "after", nest_filler(m, text));
	for (int i = 0; i < 1024; i++)
		buf_char(&b, '\0');
	return b;
}

/* Up to `levels` containers around the leaf. `*ret_hurt`: its end is missing, so that the leaf may not be found; but then the verdict
 * may not be no-finding either. */
__attribute__((unused)) static struct buf nest_make(struct nest_make *m, unsigned levels, bool *ret_hurt)
{
	struct buf b;
	char text[512];

	*ret_hurt = false;
	buf_init(&b, (size_t)1 << 26);
	buf_cstr(&b, NEST_LEAF);
	for (unsigned n = 1 + nest_random(m, levels); n > 0; n--) {
		unsigned kind = nest_random(m, 3);
		struct buf outer = kind == 0 ? nest_gzip(buf_view(&b)) : kind == 1 ? nest_tar(m, buf_view(&b)) : nest_zip(m, buf_view(&b));

		buf_done(&b);
		b = outer;
		/* A tail, as polyglots and careless programs leave it; not behind gzip's, which then is one stream and its tail. */
		if (nest_random(m, 6) == 0)
			buf_str(&b, nest_filler(m, text));
		/* So much is left that it still begins like what it was: two bytes of a container are two bytes, and seen. */
		if (nest_random(m, 40) == 0 && b.n > 128) {
			buf_cut(&b, b.n - 1 - nest_random(m, (unsigned)(b.n > 664 ? 600 : b.n - 64)));
			*ret_hurt = true;
		}
	}
	return b;
}

#endif
