/* Inside the importers: the sink that batches objects and admits them, and what a
 * reader of one format is. Nobody outside intel/ includes this. */
#ifndef INTEL_IMPORT_INT_H
#define INTEL_IMPORT_INT_H

#include "base/buf.h"
#include "intel/import.h"
#include "model/observable.h"

#define SINK_OBJECTS 1000
#define SINK_BYTES ((size_t)8 << 20)
#define SINK_MEMORY ((size_t)1 << 30)
#define REPORT_MEMORY ((size_t)8 << 20)
#define ELEMENT_MAX ((size_t)256 << 20) /* one element of a document: an object, a bundle in a list, a MISP event */

/* Where an object came from. */
struct place {
	uint64_t line;
	struct str where;
};

struct sink {
	struct store *store;
	const struct import_opts *o;
	struct import_report *report;
	struct arena *keep;   /* texts of the report */
	struct arena *batch;  /* everything of the batch under way */
	struct str raw[SINK_OBJECTS];
	const struct json *trees[SINK_OBJECTS];
	struct place places[SINK_OBJECTS];
	bool made[SINK_OBJECTS]; /* made here: an equal one that is stored already takes its place */
	struct str further[SINK_OBJECTS]; /* rows: the id if the value's own is taken by another statement; else "" */
	size_t n, bytes;
	uint64_t *said;       /* values that this import spoke of: open addressing, 0 = free */
	size_t n_said, said_cap;
};

enum rc sink_init(struct sink *s, struct store *store, const struct import_opts *o, struct import_report *r, struct err *err) MUSTUSE;
void sink_done(struct sink *s);

/* Offers one object as JSON text (copied). What is wrong with it goes into the report; RC_* only for what stops all. */
enum rc sink_put(struct sink *s, struct str raw, struct place at, bool made, struct err *err) MUSTUSE;
/* The same for an indicator made of a row. Its id stands for the value; `further` (copied) is the one it
 * gets when an earlier row of this import said something else about the value. */
enum rc sink_put_row(struct sink *s, struct str raw, struct place at, struct str further, struct err *err) MUSTUSE;
enum rc sink_flush(struct sink *s, struct err *err) MUSTUSE;
/* Compares what was made here with what is stored under the same ids; gives rows their final ids. */
enum rc sink_meet(struct sink *s, struct err *err) MUSTUSE;
void sink_fail(struct sink *s, struct place at, struct str message);
/* A remark among the failures that is not counted as one: something was kept in a lesser form. */
void sink_note(struct sink *s, struct place at, struct str message);

/* A format's reader: one is made for each import. */
struct reader_ops {
	enum rc (*open)(struct import *im, struct err *err);
	enum rc (*feed)(struct import *im, struct str piece, struct err *err);
	enum rc (*end)(struct import *im, struct err *err);
	void (*close)(struct import *im);
};
extern const struct reader_ops IMPORT_STIX_OPS, IMPORT_MISP_OPS, IMPORT_CSV_OPS, IMPORT_LIST_OPS;

struct import {
	struct import_opts o;
	struct import_report report;
	struct sink sink;
	struct buf head;               /* IMPORT_AUTO: what came before the format is known */
	const struct reader_ops *ops;  /* NULL until it is */
	void *reader;                  /* the reader's own */
	bool failed;
};

/* What a list or table says about one value. */
struct row {
	struct str value, kind;        /* kind "" = by form */
	struct str tlp, confidence, valid_from, valid_until, description, labels, name;
	uint64_t line;
};
/* Turns a row into an indicator and offers it. A row that cannot be read is a failure in the report. */
enum rc row_put(struct sink *s, const struct row *r, struct err *err) MUSTUSE;

/* Writes the members that every object made here has: type, spec_version, id, created_by_ref, created, modified. */
void made_head(struct jsonw *w, const struct sink *s, const char *type, struct str id, usec created, usec modified);
/* object_marking_refs of a level; nothing for TLP_COUNT. */
void made_marking(struct jsonw *w, uint8_t tlp);

#endif
