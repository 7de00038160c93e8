/* Plain lists: one value a line. '#', ';' and "//" begin comments, what stands
 * behind the value after a blank or a comma is taken for a remark. */
#include "base/mem.h"
#include "base/rd.h"
#include "base/text.h"
#include "intel/import_int.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

struct list_reader {
	struct buf torn;   /* a line that is not whole yet */
	uint64_t line;
	bool skipping;     /* inside a line that is too long */
};

static enum rc list_open(struct import *im, struct err *err)
{
	struct list_reader *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	buf_init(&r->torn, LINE_MAX_BYTES);
	im->reader = r;
	return RC_OK;
}

static void list_close(struct import *im)
{
	struct list_reader *r = im->reader;

	buf_done(&r->torn);
	mem_free(r);
}

static enum rc one_line(struct import *im, struct str line, struct err *err)
{
	struct list_reader *r = im->reader;
	struct row row = { .line = ++r->line };

	im->report.lines++;
	if (r->line == 1 && str_starts(line, S("\xEF\xBB\xBF")))
		line = str_slice(line, 3, line.n);
	if (!value_of_line(line, &row.value)) {
		im->report.skipped++;
		return RC_OK;
	}
	if (!utf8_valid(line, NULL)) {
		sink_fail(&im->sink, (struct place){ row.line, S("") }, S("not UTF-8"));
		return RC_OK;
	}
	return row_put(&im->sink, &row, err);
}

static void too_long(struct import *im)
{
	struct list_reader *r = im->reader;

	im->report.lines++;
	sink_fail(&im->sink, (struct place){ ++r->line, S("") }, S("the line is too long"));
}

static enum rc list_feed(struct import *im, struct str piece, struct err *err)
{
	struct list_reader *r = im->reader;

	while (piece.n > 0) {
		const char *nl = memchr(piece.p, '\n', piece.n);
		size_t n = nl == NULL ? piece.n : (size_t)(nl - piece.p);

		if (!r->skipping) {
			buf_str(&r->torn, str_slice(piece, 0, n));
			if (r->torn.bad == RC_NOMEM)
				return FAIL(err, RC_NOMEM, "import: no memory");
			if (r->torn.bad != RC_OK) {
				too_long(im);
				r->skipping = true;
				buf_clear(&r->torn);
			}
		}
		if (nl != NULL && !r->skipping)
			TRY(one_line(im, buf_view(&r->torn), err));
		if (nl != NULL) {
			buf_clear(&r->torn);
			r->skipping = false;
			n++;
		}
		piece = str_slice(piece, n, piece.n);
	}
	return RC_OK;
}

static enum rc list_end(struct import *im, struct err *err)
{
	struct list_reader *r = im->reader;

	return r->torn.n > 0 && !r->skipping ? one_line(im, buf_view(&r->torn), err) : RC_OK;
}

const struct reader_ops IMPORT_LIST_OPS = { list_open, list_feed, list_end, list_close };
