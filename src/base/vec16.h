/* Sixteen bytes at a look, in the compiler's own vector arithmetic: v == 'x' and
 * v < ' ' compare each byte and give all ones or zero. Inside base/ only. */
#ifndef BASE_VEC16_H
#define BASE_VEC16_H

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef unsigned char vec16 __attribute__((vector_size(16)));

static inline vec16 vec16_load(const char *p)
{
	vec16 v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline void vec16_store(char *p, vec16 v)
{
	memcpy(p, &v, sizeof v);
}

/* The highest bit of each byte, the first byte lowest. */
static inline unsigned vec16_mask(vec16 v)
{
#ifdef __SSE2__
	return (unsigned)_mm_movemask_epi8((__m128i)v);
#else
	unsigned mask = 0;

	for (unsigned i = 0; i < 16; i++)
		mask |= (unsigned)(v[i] >> 7) << i;
	return mask;
#endif
}

#endif
