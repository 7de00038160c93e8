/* Packs of data that is written like rules: log sources (taxonomy.c), where STIX paths stand in events (stix_map.c). */
#include "detect/sigma_int.h"

static enum rc documents(struct sigma_doc *d, struct yaml_reader *yr, const char *expected, sigma_pack_entry fn, void *ctx)
{
	for (;;) {
		const struct yaml *y;
		uint32_t column = 0;

		TRY(yaml_next(yr, &y, &d->line, &column, &d->err));
		if (y == NULL)
			return RC_OK;
		if (y->kind != YAML_LIST)
			return SIGMA_BAD(d, y, 0, "%s", expected);
		for (const struct yaml_item *i = y->first; i != NULL; i = i->next)
			TRY(fn(ctx, i->value));
	}
}

enum rc sigma_pack_read(struct sigma_doc *d, const char *name, struct str text, const char *expected, sigma_pack_entry fn, void *ctx,
			struct err *err)
{
	CLEANUP(yaml_reader_freep) struct yaml_reader *yr = NULL;
	enum rc rc = yaml_reader_new(d->scratch, text, &yr, &d->err);

	d->line = 0;
	buf_init(&d->remarks, SIGMA_REASON_MAX);
	buf_init(&d->missing, SIGMA_REASON_MAX);
	if (rc == RC_OK)
		rc = documents(d, yr, expected, fn, ctx);
	buf_done(&d->remarks);
	buf_done(&d->missing);
	arena_reset(d->scratch);
	return rc == RC_OK ? rc : FAIL(err, rc == RC_LIMIT ? RC_BAD : rc, "%s:%u: %s", name, d->line, d->err.text);
}
