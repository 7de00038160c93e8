/* Windows event logs (EVTX, [MS-EVEN6] BinXml): the records of a file, one after
 * the other, as flat events. Templates are compiled once and then only their
 * substitutions are read. Dirty and damaged chunks yield what can be saved. */
#ifndef WIRE_EVTX_H
#define WIRE_EVTX_H

#include "wire/flat.h"

struct evtx;

struct evtx_stats {
	uint64_t chunks, records, bad_chunks, bad_records; /* bad: damaged and skipped, each with a reason in evtx_last_error */
	uint64_t bad_checksums; /* headers, and the records of chunks, whose CRC-32 does not fit: read all the same; reason in evtx_last_error */
};

/* Do these first bytes begin an event log? Its header says so, or a chunk behind a header that is damaged. */
bool evtx_looks(struct str head);

/* `bytes` is the whole file, mapped or read, and must outlive the reader; so must `dict`. RC_BAD: no EVTX file. */
enum rc evtx_open(struct str bytes, const struct fields *dict, struct evtx **ret, struct err *err) MUSTUSE;
/* Behind the header `before` bytes of the file were left out: another reader has them, and tells of the header. Right after evtx_open. */
void evtx_begins(struct evtx *e, uint64_t before);
/* How many whole chunks the header tells of that a file of `size` bytes has not: it was cut. 0 also when the header cannot be trusted
 * (damaged, or the log was being written). */
uint64_t evtx_chunks_gone(struct str head, uint64_t size);
void evtx_close(struct evtx *e);
void evtx_closep(struct evtx **e);

/* The next record into `f` (cleared first): names as Sigma has them ("EventID", "Channel", "Provider_Name",
 * "Execution_ProcessID", EventData's Name attributes, UserData's leaves), values as text, f->time when the
 * record was written (flat_time prefers what the event says), f->raw the record's bytes. Values and names are the reader's: they last until the next call and evtx_close. A record
 * that breaks off gives what stood before and counts as bad too. False at the end. Damage is counted, skipped and goes on. */
bool evtx_next(struct evtx *e, struct flat *f);

/* Ordinal of the record that evtx_next gave last, from 1, in the order of the file. */
uint64_t evtx_record(const struct evtx *e);
void evtx_stats(const struct evtx *e, struct evtx_stats *ret);
const char *evtx_last_error(const struct evtx *e); /* "" when nothing was damaged */

#endif
