/* Picks the reader and carries the report. The format is told from the first bytes
 * when it is not given: JSON that speaks of an "Event" is MISP, other JSON is STIX,
 * text with separators in its first line is a table, and what is left is a list. */
#include "intel/import.h"

#include <errno.h>

#include "base/mem.h"
#include "intel/import_int.h"

#define HEAD_MAX ((size_t)64 << 10)

static const char *const names[] = { "auto", "stix", "misp", "csv", "list" };

bool import_format_find(struct str name, enum import_format *ret)
{
	for (size_t i = 0; i < COUNTOF(names); i++) {
		if (str_eq_nocase(name, str_of(names[i]))) {
			*ret = (enum import_format)i;
			return true;
		}
	}
	return false;
}

static const struct reader_ops *ops_of(enum import_format f)
{
	switch (f) {
	case IMPORT_STIX:
		return &IMPORT_STIX_OPS;
	case IMPORT_MISP:
		return &IMPORT_MISP_OPS;
	case IMPORT_CSV:
		return &IMPORT_CSV_OPS;
	case IMPORT_LIST:
	case IMPORT_AUTO:
		break;
	}
	return &IMPORT_LIST_OPS;
}

/* MISP wraps its events; a STIX object may contain these words only as text behind a colon. */
static bool is_misp(struct str head)
{
	static const char *const marks[] = { "\"Event\"", "\"response\"", "\"Attribute\"" };

	for (size_t i = 0; i < COUNTOF(marks); i++) {
		size_t at = str_find(head, str_of(marks[i]), 0);

		if (at != SIZE_MAX && str_starts(str_trim(str_slice(head, at + strlen(marks[i]), head.n)), S(":")))
			return true;
	}
	return false;
}

/* A table has its separator in most lines, not just in a first one that is odd. The last line may be torn. */
static bool is_table(struct str head)
{
	size_t lines = 0, with = 0;
	bool first = false;
	struct str line;

	while (str_next(&head, '\n', &line)) {
		bool has;

		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		has = str_find(line, S(","), 0) != SIZE_MAX || str_find(line, S(";"), 0) != SIZE_MAX;
		first = lines == 0 ? has : first;
		lines++;
		with += has;
	}
	return first && with * 2 >= lines;
}

static enum import_format guess(struct str head)
{
	struct str line = str_trim(head);

	if (str_starts(line, S("\xEF\xBB\xBF")))
		line = str_trim(str_slice(line, 3, line.n));
	if (line.n > 0 && (line.p[0] == '{' || line.p[0] == '['))
		return is_misp(line) ? IMPORT_MISP : IMPORT_STIX;
	return is_table(head) ? IMPORT_CSV : IMPORT_LIST;
}

static enum rc start(struct import *im, enum import_format f, struct err *err)
{
	im->report.format = f;
	im->ops = ops_of(f);
	return im->ops->open(im, err);
}

enum rc import_new(struct store *s, const struct import_opts *o, struct import **ret, struct err *err)
{
	struct import *im = mem_alloc(sizeof *im);
	enum rc rc;

	if (im == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	im->o = *o;
	if (im->o.now == 0)
		im->o.now = time_now();
	buf_init(&im->head, HEAD_MAX);
	rc = sink_init(&im->sink, s, &im->o, &im->report, err);
	if (rc == RC_OK && o->format != IMPORT_AUTO)
		rc = start(im, o->format, err);
	if (rc != RC_OK) {
		import_free(im);
		return rc;
	}
	*ret = im;
	return RC_OK;
}

void import_free(struct import *im)
{
	if (im == NULL)
		return;
	if (im->reader != NULL)
		im->ops->close(im);
	sink_done(&im->sink);
	buf_done(&im->head);
	mem_free(im);
}

void import_freep(struct import **im)
{
	import_free(*im);
}

/* Waits for enough bytes to tell the format from; then gives them all to its reader. */
static enum rc decide(struct import *im, struct str *piece, bool end, struct err *err)
{
	size_t room = HEAD_MAX - im->head.n;

	buf_str(&im->head, str_slice(*piece, 0, room));
	*piece = str_slice(*piece, room, piece->n);
	TRY(buf_check(&im->head, err, "import"));
	if (im->head.n < HEAD_MAX && !end)
		return RC_OK;
	TRY(start(im, guess(buf_view(&im->head)), err));
	return im->ops->feed(im, buf_view(&im->head), err);
}

enum rc import_feed(struct import *im, struct str piece, struct err *err)
{
	enum rc rc = RC_OK;

	if (im->failed)
		return FAIL(err, RC_BAD, "import: it has failed already");
	im->report.bytes += piece.n;
	if (im->ops == NULL)
		rc = decide(im, &piece, false, err);
	if (rc == RC_OK && im->ops != NULL && piece.n > 0)
		rc = im->ops->feed(im, piece, err);
	im->failed = rc != RC_OK;
	return rc;
}

enum rc import_end(struct import *im, struct err *err)
{
	struct str none = S("");
	enum rc rc = RC_OK;

	/* After a failure what was read before it is still admitted. */
	if (im->failed)
		return sink_flush(&im->sink, err);
	if (im->ops == NULL)
		rc = decide(im, &none, true, err);
	if (rc == RC_OK)
		rc = im->ops->end(im, err);
	if (rc == RC_OK)
		return sink_flush(&im->sink, err);
	im->failed = true;
	if (sink_flush(&im->sink, NULL) != RC_OK)
		err_prefix(err, "and the last batch was not stored");
	return rc;
}

const struct import_report *import_report(const struct import *im)
{
	return &im->report;
}

enum rc import_fd(struct import *im, int fd, struct err *err)
{
	CLEANUP(mem_freep) char *buf = mem_alloc((size_t)1 << 20);

	if (buf == NULL)
		return FAIL(err, RC_NOMEM, "import: no memory");
	for (;;) {
		ssize_t n = read(fd, buf, (size_t)1 << 20);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FAIL(err, RC_IO, "import: %s", strerror(errno));
		if (n == 0)
			return RC_OK;
		TRY(import_feed(im, str_make(buf, (size_t)n), err));
	}
}

static void write_failures(const struct import_report *r, struct jsonw *w)
{
	jsonw_name(w, "failures");
	jsonw_array(w);
	for (size_t i = 0; i < r->n_failures; i++) {
		const struct import_failure *f = &r->failures[i];

		jsonw_object(w);
		if (f->line > 0)
			jsonw_m_int(w, "line", (int64_t)f->line);
		if (f->where.n > 0)
			jsonw_m_str(w, "where", f->where);
		jsonw_m_str(w, "message", f->message);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void write_hits(const struct import_report *r, struct jsonw *w)
{
	jsonw_name(w, "warninglist_hits");
	jsonw_array(w);
	for (size_t i = 0; i < r->n_hits; i++) {
		jsonw_object(w);
		jsonw_m_str(w, "id", r->hits[i].id);
		jsonw_m_str(w, "value", r->hits[i].value);
		jsonw_m_str(w, "list", r->hits[i].list);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void write_changes(const struct import_report *r, struct jsonw *w)
{
	jsonw_name(w, "upgrades");
	jsonw_array(w);
	for (size_t i = 0; i < r->n_changes; i++) {
		jsonw_object(w);
		jsonw_m_str(w, "id", r->changes[i].id);
		jsonw_m_str(w, "what", r->changes[i].what);
		jsonw_m_str(w, "note", r->changes[i].note);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

void import_report_write(const struct import_report *r, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_m_cstr(w, "format", names[r->format]);
	jsonw_m_int(w, "bytes", (int64_t)r->bytes);
	jsonw_m_int(w, "lines", (int64_t)r->lines);
	jsonw_m_int(w, "values", (int64_t)r->values);
	jsonw_m_int(w, "skipped", (int64_t)r->skipped);
	jsonw_m_int(w, "objects", (int64_t)r->objects);
	jsonw_m_int(w, "stored", (int64_t)r->stored);
	jsonw_m_int(w, "linked", (int64_t)r->linked);
	jsonw_m_int(w, "duplicates", (int64_t)r->duplicates);
	jsonw_m_int(w, "failed", (int64_t)r->failed);
	jsonw_m_int(w, "kept_raw", (int64_t)r->kept_raw);
	jsonw_m_int(w, "upgraded", (int64_t)r->upgraded);
	jsonw_m_int(w, "warned", (int64_t)r->warned);
	jsonw_name(w, "types");
	jsonw_object(w);
	for (size_t i = 0; i < r->n_types; i++) {
		jsonw_name_str(w, r->types[i].type);
		jsonw_int(w, (int64_t)r->types[i].n);
	}
	jsonw_object_end(w);
	write_failures(r, w);
	write_hits(r, w);
	write_changes(r, w);
	jsonw_object_end(w);
}
