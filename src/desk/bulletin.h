/* A bulletin: one of the five alerts that the members of a joint defence send each
 * other and want an answer to - announcement (ANA), early warning (EWA), intrusion
 * (INT), defacement (DEF), feedback (FBI). This is its content, which never changes
 * once it has a number; who got it and what they said is kept beside it
 * (store/bulletins.h). One table of members serves JSON, XML and forms. */
#ifndef DESK_BULLETIN_H
#define DESK_BULLETIN_H

#include "base/jsonw.h"
#include "stix/marking.h"

#define BULLETIN_BODY_MAX ((size_t)4 << 20)    /* of the content as JSON */
#define BULLETIN_ATTACHED_MAX ((size_t)2 << 20)/* of all attachments together, decoded */
#define BULLETIN_ROWS_MAX 500                  /* of one list */
#define BULLETIN_COLUMNS_MAX 10
#define BULLETIN_NUMBER_MAX 128
#define BULLETIN_IMPACT_MAX 4

enum bulletin_code { BULLETIN_ANA, BULLETIN_EWA, BULLETIN_INT, BULLETIN_DEF, BULLETIN_FBI, BULLETIN_CODES };
enum disposition { DISPOSITION_NONE, DISPOSITION_FALSE_POSITIVE, DISPOSITION_CONFIRMED, DISPOSITION_UNDETERMINED, DISPOSITIONS };

/* Members that are one text each. */
enum bulletin_text {
	BT_CATEGORY,      /* three digits, or "" */
	BT_TITLE, BT_DESCRIPTION,
	BT_METHOD,        /* how it is done: tactics, techniques, procedures */
	BT_PRODUCER, BT_PRODUCER_ID, /* who made it: name; OID or other id */
	BT_REPORTER, BT_REPORTER_PHONE, BT_REPORTER_MAIL,
	BT_RESPONDER, BT_RESPONDER_PHONE, BT_RESPONDER_MAIL,
	BT_SOURCE,        /* number of the bulletin that this one speaks of */
	BT_DISPOSITION, BT_REASON, BT_INCIDENT, /* FBI: the answer; incident: the answerer's number */
	BULLETIN_TEXTS
};

enum bulletin_time {
	BW_FOUND,         /* discovered */
	BW_REPORTED, BW_CLOSED,
	BW_ISSUED,        /* when its maker gave it its number */
	BW_DUE,           /* an answer is expected by then */
	BULLETIN_TIMES
};

/* Members that are lists of rows; columns by bulletin_columns(). */
enum bulletin_list {
	BL_AFFECTED,      /* product, vendor, version */
	BL_ACTIONS,       /* text */
	BL_REFERENCES,    /* url */
	BL_OBSERVABLES,   /* type (model/observable.h: "domain"), value */
	BL_TARGETS,       /* address, port, protocol: the victim's sockets */
	BL_CONNECTIONS,   /* protocol; address, host, port of source, via (a relay or C2) and destination */
	BL_SCANS,         /* engine, version, result */
	BL_ATTACHMENTS,   /* name, media_type, content (base64) */
	BULLETIN_LISTS
};
/* Places of the columns of BL_CONNECTIONS and BL_ATTACHMENTS. */
enum { BC_PROTOCOL, BC_SOURCE, BC_VIA = 4, BC_DESTINATION = 7, BC_ADDRESS = 0, BC_HOST, BC_PORT };
enum { BA_NAME, BA_MEDIA_TYPE, BA_CONTENT };

struct bulletin_rows {
	struct str *cell;  /* n rows of bulletin_columns() texts each; "" where there is nothing */
	size_t n;
};

struct bulletin {
	enum bulletin_code code;
	uint8_t tlp;       /* enum tlp */
	uint8_t impact;    /* 1..4; 0: not stated */
	bool exercise;
	struct str text[BULLETIN_TEXTS]; /* "" where there is nothing */
	usec at[BULLETIN_TIMES];         /* 0: not stated */
	struct bulletin_rows list[BULLETIN_LISTS];
};

/* "ANA"; "?" outside. Find: BULLETIN_CODES when it is none. */
const char *bulletin_code_name(enum bulletin_code code);
enum bulletin_code bulletin_code_find(struct str name);
/* "false-positive"; "" for none. Find: DISPOSITIONS when it is none of them, NONE for "". */
const char *disposition_name(enum disposition d);
enum disposition disposition_find(struct str name);

/* Names of the members. */
const char *bulletin_text_name(enum bulletin_text t);
const char *bulletin_time_name(enum bulletin_time t);
const char *bulletin_list_name(enum bulletin_list l);
/* Columns of a list: how many, and the name of one ("" : the rows are plain texts). */
size_t bulletin_columns(enum bulletin_list l);
const char *bulletin_column_name(enum bulletin_list l, size_t column);

static inline struct str bulletin_cell(const struct bulletin *b, enum bulletin_list l, size_t row, size_t column)
{
	return b->list[l].cell[row * bulletin_columns(l) + column];
}
/* A row more, empty, in `a`; NULL: BULLETIN_ROWS_MAX are there, or out of memory. */
struct str *bulletin_add(struct arena *a, struct bulletin *b, enum bulletin_list l);

/* Content without anything: every text "". */
void bulletin_init(struct bulletin *b);

/* From an object with the members by name; texts borrow from it or lie in `a`. Observables come in their normal form. Members that
 * are not ours are left alone. `default_tlp`: when it has no "tlp". RC_BAD names the member ("/title: ..."), RC_LIMIT likewise.
 * Ends with bulletin_check. */
enum rc bulletin_read(struct arena *a, const struct json *object, uint8_t default_tlp, struct bulletin *ret, struct err *err) MUSTUSE;

/* What makes it a bulletin: a title, a category of three digits, texts without control and direction characters (what XML cannot
 * carry, and what makes a text look like another), a feedback that names its source, an answer with its reason or incident. */
enum rc bulletin_check(const struct bulletin *b, struct err *err) MUSTUSE;
/* 1 to BULLETIN_NUMBER_MAX bytes of one line, as texts. */
enum rc bulletin_number_check(struct str number, struct err *err) MUSTUSE;
/* An answer alone: false positive and undetermined need a reason, confirmed an incident. */
enum rc disposition_check(enum disposition d, struct str reason, struct str incident, struct err *err) MUSTUSE;

/* Members of an open object, those that are stated; bulletin_read gives the same back. */
void bulletin_write(struct jsonw *w, const struct bulletin *b);

#endif
