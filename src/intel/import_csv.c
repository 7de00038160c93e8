/* CSV (RFC 4180): quotes, doubled quotes, line ends inside quotes; comma,
 * semicolon, tab or bar, told from the header. Columns are found by name in many
 * spellings; a table of one column or with a first line that is a value itself
 * needs no header. */
#include "base/mem.h"
#include "base/text.h"
#include "intel/import_int.h"

#define COLUMNS_MAX 64
#define RECORD_MAX ((size_t)1 << 20)

enum column { COL_NONE, COL_VALUE, COL_KIND, COL_TLP, COL_CONFIDENCE, COL_FROM, COL_UNTIL, COL_DESCRIPTION, COL_LABELS, COL_NAME };

static const struct {
	const char *name;
	enum column column;
} spellings[] = {
	{ "value", COL_VALUE }, { "indicator", COL_VALUE }, { "ioc", COL_VALUE }, { "observable", COL_VALUE }, { "ioc_value", COL_VALUE },
	{ "indicator_value", COL_VALUE }, { "domain", COL_VALUE }, { "ip", COL_VALUE }, { "url", COL_VALUE }, { "hash", COL_VALUE },
	{ "address", COL_VALUE }, { "hostname", COL_VALUE }, { "dst_ip", COL_VALUE },
	{ "type", COL_KIND }, { "kind", COL_KIND }, { "indicator_type", COL_KIND }, { "ioc_type", COL_KIND }, { "observable_type", COL_KIND },
	{ "tlp", COL_TLP }, { "marking", COL_TLP }, { "confidence", COL_CONFIDENCE }, { "confidence_level", COL_CONFIDENCE },
	{ "valid_from", COL_FROM }, { "first_seen", COL_FROM }, { "first_seen_utc", COL_FROM }, { "date", COL_FROM }, { "dateadded", COL_FROM },
	{ "valid_until", COL_UNTIL }, { "expires", COL_UNTIL }, { "expiration", COL_UNTIL },
	{ "description", COL_DESCRIPTION }, { "comment", COL_DESCRIPTION }, { "note", COL_DESCRIPTION }, { "reference", COL_DESCRIPTION },
	{ "labels", COL_LABELS }, { "tags", COL_LABELS }, { "label", COL_LABELS }, { "tag", COL_LABELS },
	{ "name", COL_NAME }, { "title", COL_NAME }, { "", COL_NONE },
};

struct csv_reader {
	struct buf record;                 /* bytes of the fields of the record under way, without quotes */
	uint32_t ends[COLUMNS_MAX];        /* where each field ends in it */
	size_t n;                          /* whole fields */
	enum column columns[COLUMNS_MAX];
	size_t n_columns;
	char sep;                          /* 0 until known */
	bool mapped;                       /* columns are known */
	bool quoted, was_quote, fresh;     /* inside quotes; the last byte there was a quote; nothing of this field yet */
	bool bad;                          /* the record is too long or has too many fields */
	bool comment;                      /* inside a '#' line */
	uint64_t line, first_line;         /* of the input; of the record */
	struct buf head;                   /* first line, to tell the separator */
};

static enum column column_of(struct str name)
{
	name = str_trim(name);
	for (size_t i = 0; i < COUNTOF(spellings); i++) {
		if (str_eq_nocase(name, str_of(spellings[i].name)))
			return spellings[i].column;
	}
	return COL_NONE;
}

static enum rc use_columns(struct csv_reader *r, struct str names, struct err *err)
{
	struct str name;

	while (r->n_columns < COLUMNS_MAX && str_next(&names, ',', &name)) {
		enum column c = column_of(name);

		if (c == COL_NONE && str_trim(name).n > 0)
			return FAIL(err, RC_BAD, "columns: %.*s is not known", STR(str_slice(name, 0, 60)));
		r->columns[r->n_columns++] = c;
	}
	r->mapped = true;
	return RC_OK;
}

static enum rc csv_open(struct import *im, struct err *err)
{
	struct csv_reader *r = mem_alloc(sizeof *r);

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	buf_init(&r->record, RECORD_MAX);
	buf_init(&r->head, RECORD_MAX);
	r->fresh = true;
	r->line = r->first_line = 1;
	im->reader = r;
	return im->o.columns.n > 0 ? use_columns(r, im->o.columns, err) : RC_OK;
}

static void csv_close(struct import *im)
{
	struct csv_reader *r = im->reader;

	buf_done(&r->record);
	buf_done(&r->head);
	mem_free(r);
}

static struct str field(const struct csv_reader *r, size_t i)
{
	size_t from = i == 0 ? 0 : r->ends[i - 1];

	return str_trim(str_slice(buf_view(&r->record), from, r->ends[i]));
}

static bool looks_like_value(struct str text)
{
	enum observable_kind kind;
	struct buf plain, out;
	bool good;

	buf_init(&plain, VALUE_MAX * 2);
	buf_init(&out, VALUE_MAX * 2);
	value_refang(&plain, text);
	good = value_detect(buf_view(&plain), &kind, &out, NULL) == RC_OK;
	buf_done(&plain);
	buf_done(&out);
	return good;
}

/* True when the record is a header. Without one the first field that is a value says which column holds it. */
static bool read_header(struct csv_reader *r)
{
	bool value = false;

	r->mapped = true;
	r->n_columns = r->n;
	for (size_t i = 0; i < r->n; i++) {
		r->columns[i] = column_of(field(r, i));
		/* Two columns for the same thing: the first counts ("domain" beside "ip" would lose one). */
		for (size_t k = 0; k < i; k++) {
			if (r->columns[i] == r->columns[k])
				r->columns[i] = COL_NONE;
		}
		value |= r->columns[i] == COL_VALUE;
	}
	if (value)
		return true;
	for (size_t i = 0; i < r->n; i++)
		r->columns[i] = COL_NONE;
	for (size_t i = 0; i < r->n; i++) {
		if (looks_like_value(field(r, i))) {
			r->columns[i] = COL_VALUE;
			return false;
		}
	}
	r->columns[0] = COL_VALUE;
	return false;
}

static void set(struct row *row, enum column c, struct str text)
{
	struct str *const places[] = { NULL, &row->value, &row->kind, &row->tlp, &row->confidence, &row->valid_from,
				       &row->valid_until, &row->description, &row->labels, &row->name };

	if (places[c] != NULL)
		*places[c] = text;
}

static enum rc put_record(struct import *im, struct err *err)
{
	struct csv_reader *r = im->reader;
	struct row row = { .line = r->first_line };

	for (size_t i = 0; i < r->n && i < r->n_columns; i++)
		set(&row, r->columns[i], field(r, i));
	return row_put(&im->sink, &row, err);
}

static enum rc end_record(struct import *im, struct err *err)
{
	struct csv_reader *r = im->reader;
	struct place at = { r->first_line, S("") };
	enum rc rc = RC_OK;

	im->report.lines++;
	if (r->n < COLUMNS_MAX)
		r->ends[r->n++] = (uint32_t)r->record.n;
	else
		r->bad = true;
	if (r->record.bad == RC_NOMEM)
		return FAIL(err, RC_NOMEM, "import: no memory");
	if (r->bad || r->record.bad != RC_OK)
		sink_fail(&im->sink, at, S("the record is too long"));
	else if (!utf8_valid(buf_view(&r->record), NULL))
		sink_fail(&im->sink, at, S("not UTF-8"));
	else if (r->n == 1 && field(r, 0).n == 0)
		im->report.skipped++;
	else if (!r->mapped && read_header(r))
		im->report.skipped++;
	else
		rc = put_record(im, err);
	buf_clear(&r->record);
	r->n = 0;
	r->bad = r->quoted = r->was_quote = false;
	r->fresh = true;
	return rc;
}

static void end_field(struct csv_reader *r)
{
	if (r->n < COLUMNS_MAX)
		r->ends[r->n++] = (uint32_t)r->record.n;
	else
		r->bad = true;
	r->fresh = true;
	r->quoted = r->was_quote = false;
}

/* Inside quotes: a quote ends them or, doubled, stands for itself. */
static bool in_quotes(struct csv_reader *r, char c)
{
	if (!r->quoted)
		return false;
	if (r->was_quote) {
		r->was_quote = false;
		if (c != '"') {
			r->quoted = false;
			return false;
		}
		buf_char(&r->record, '"');
		return true;
	}
	if (c == '"')
		r->was_quote = true;
	else
		buf_char(&r->record, c);
	return true;
}

static enum rc one_byte(struct import *im, char c, struct err *err)
{
	struct csv_reader *r = im->reader;

	r->line += c == '\n';
	if (r->comment) {
		r->comment = c != '\n';
		r->first_line = r->line;
		return RC_OK;
	}
	if (in_quotes(r, c))
		return RC_OK;
	if (c == '\n') {
		enum rc rc = end_record(im, err);

		r->first_line = r->line;
		return rc;
	}
	if (r->n == 0 && r->fresh && c == '#') {
		r->comment = true;
		im->report.skipped++;
		im->report.lines++;
	} else if (c == r->sep) {
		end_field(r);
	} else if (c == '"' && r->fresh) {
		r->quoted = true;
		r->fresh = false;
	} else if (c != '\r') {
		r->fresh &= c == ' ';
		buf_char(&r->record, c);
	}
	return RC_OK;
}

/* The separator that the first line without '#' has most often. */
static char guess_separator(struct str text)
{
	static const char seps[] = { ',', ';', '\t', '|' };
	size_t best = 0;
	struct str line = S("");
	char sep = ',';

	while (str_next(&text, '\n', &line)) {
		if (str_trim(line).n > 0 && line.p[0] != '#')
			break;
	}
	for (size_t i = 0; i < COUNTOF(seps); i++) {
		size_t n = 0;

		for (size_t k = 0; k < line.n; k++)
			n += line.p[k] == seps[i];
		if (n > best) {
			best = n;
			sep = seps[i];
		}
	}
	return sep;
}

static enum rc bytes(struct import *im, struct str text, struct err *err)
{
	for (size_t i = 0; i < text.n; i++)
		TRY(one_byte(im, text.p[i], err));
	return RC_OK;
}

static bool head_is_enough(struct str head)
{
	struct str line;

	while (str_next(&head, '\n', &line)) {
		/* A line counts once it is whole: something follows it. */
		if (str_trim(line).n > 0 && line.p[0] != '#' && head.n > 0)
			return true;
	}
	return false;
}

static enum rc start(struct import *im, struct err *err)
{
	struct csv_reader *r = im->reader;
	struct str head = buf_view(&r->head);

	r->sep = guess_separator(head);
	if (str_starts(head, S("\xEF\xBB\xBF")))
		head = str_slice(head, 3, head.n);
	TRY(bytes(im, head, err));
	buf_clear(&r->head);
	return RC_OK;
}

static enum rc csv_feed(struct import *im, struct str piece, struct err *err)
{
	struct csv_reader *r = im->reader;

	while (r->sep == '\0' && piece.n > 0) {
		size_t room = RECORD_MAX - r->head.n;
		struct str part = str_slice(piece, 0, room < 4096 ? room : 4096);

		buf_str(&r->head, part);
		TRY(buf_check(&r->head, err, "import"));
		piece = str_slice(piece, part.n, piece.n);
		if (r->head.n == RECORD_MAX || head_is_enough(buf_view(&r->head)))
			TRY(start(im, err));
	}
	return r->sep == '\0' ? RC_OK : bytes(im, piece, err);
}

static enum rc csv_end(struct import *im, struct err *err)
{
	struct csv_reader *r = im->reader;

	if (r->sep == '\0')
		TRY(start(im, err));
	if (r->quoted && !r->was_quote) {
		sink_fail(&im->sink, (struct place){ r->first_line, S("") }, S("a quote is not closed"));
		return RC_OK;
	}
	return r->record.n > 0 || r->n > 0 ? end_record(im, err) : RC_OK;
}

const struct reader_ops IMPORT_CSV_OPS = { csv_open, csv_feed, csv_end, csv_close };
