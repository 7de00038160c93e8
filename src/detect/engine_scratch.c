/* Memory for the texts of one event: blocks that are handed out piece by piece
 * and not cleared, as every piece is written before it is read. One block is
 * kept; what a large event took besides goes back with it. */
#include "detect/engine_run.h"

#define BLOCK ((size_t)256 << 10)
#define SCRATCH_BYTES_MAX ((size_t)512 << 20)

struct block {
	struct block *older;
	size_t size, used;
	char bytes[];
};

struct scratch {
	struct block *newest;
	size_t total;
};

struct scratch *scratch_new(void)
{
	return mem_alloc(sizeof(struct scratch));
}

void scratch_free(struct scratch *s)
{
	if (s == NULL)
		return;
	scratch_reset(s);
	mem_free(s->newest);
	mem_free(s);
}

void scratch_reset(struct scratch *s)
{
	struct block *b = s->newest;

	if (b == NULL)
		return;
	while (b->older != NULL) {
		struct block *older = b->older;

		mem_free(b);
		b = older;
	}
	b->used = 0;
	s->newest = b;
	s->total = b->size;
}

static char *block_add(struct scratch *s, size_t n)
{
	size_t size = n > BLOCK ? n : BLOCK;
	struct block *b = size > SCRATCH_BYTES_MAX - s->total ? NULL : mem_resize(NULL, sizeof *b + size);

	if (b == NULL)
		return NULL;
	*b = (struct block){ s->newest, size, n };
	s->newest = b;
	s->total += size;
	return b->bytes;
}

char *scratch_get(struct scratch *s, size_t n)
{
	struct block *b = s->newest;
	char *p;

	n = (n + 15) & ~(size_t)15;
	if (b == NULL || b->size - b->used < n)
		return block_add(s, n);
	p = b->bytes + b->used;
	b->used += n;
	return p;
}
