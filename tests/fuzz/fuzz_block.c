/* Sealed blocks from anywhere: checksums are set right, so that everything behind them is reached; every line that is given out
 * lies inside the block. */
#include "base/mem.h"
#include "detect/block_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t look(struct str bytes)
{
	struct str name, place;
	struct block *b = NULL;
	struct block_event e;
	struct block_head h;
	uint64_t sum = 0;
	struct fuse f;

	for (uint32_t i = 0; block_source(bytes, i, &name, &place); i++)
		sum += hash_stable(name) + hash_stable(place);
	if (block_index_read(bytes, &h, &f, NULL) == RC_OK)
		sum += fuse_has(&f, sum);
	if (block_open(bytes, &b, NULL) == RC_OK)
		while (block_next(b, &e))
			sum += hash_stable(e.line) + hash_stable(e.source);
	block_close(b);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str bytes = str_make((const char *)data, n);
	struct block_head h;
	uint64_t id, check;
	char *own;

	if (look(bytes) == 0 && block_head_read(bytes, &h, NULL) == RC_OK && n >= block_n(&h) && (own = mem_alloc(n)) != NULL) {
		memcpy(own, data, n);
		id = hash_stable(str_make(own + BLOCK_HEAD, block_n(&h) - BLOCK_HEAD));
		memcpy(own + 16, &id, sizeof id);
		check = block_check(str_make(own, n), block_index_n(&h) - BLOCK_HEAD);
		memcpy(own + BLOCK_CHECK_AT, &check, sizeof check);
		(void)look(str_make(own, n));
		mem_free(own);
	}
	return 0;
}
