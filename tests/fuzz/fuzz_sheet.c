/* Any bytes as a sheet of CSV: fields hold no more than the text did, and each record begins behind the one before. */
#include "cli/csv_read.h"

#include <stdlib.h>

struct seen { size_t bytes; uint32_t line; };

static enum rc take(void *ctx, const struct csv_record *r, struct err *err)
{
	struct seen *s = ctx;

	(void)err;
	if (r->n == 0 || r->n > CSV_FIELDS_MAX || r->line <= s->line)
		abort();
	s->line = r->line;
	for (size_t i = 0; i < r->n; i++)
		s->bytes += r->fields[i].n;
	return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = { 0, 0 };
	struct err err;

	if (csv_each(str_make((const char *)data, size), take, &s, &err) == RC_OK && s.bytes > size)
		abort();
	return 0;
}
