/* Names of fields as small numbers: which paths of a log event somebody asks
 * for. Built once by the engine, then read by every parser without a lock. */
#ifndef WIRE_FIELDS_H
#define WIRE_FIELDS_H

#include "base/err.h"
#include "base/str.h"

#define FIELDS_MAX 16384     /* ids of one dictionary */
#define FIELD_NAME_MAX 512   /* bytes of one path */
#define FIELD_DEPTH_MAX 16   /* objects around a field that are told apart; deeper ones are nobody's */
#define FIELD_NONE 0         /* a field that nobody asks for */

struct fields;

struct fields *fields_new(void) MUSTUSE;
void fields_free(struct fields *f);
void fields_freep(struct fields **f);

/* Asks for "CommandLine" or "a.b.c": the literal key "a.b.c" and the nested one both yield this id, as do spellings
 * with blanks ("Command Line"). The same path twice gives the same id. RC_LIMIT, RC_NOMEM. */
enum rc fields_add(struct fields *f, struct str path, uint16_t *ret, struct err *err) MUSTUSE;

/* `path` ("winlog.event_id") counts as the field `id` too. */
enum rc fields_alias(struct fields *f, struct str path, uint16_t id, struct err *err) MUSTUSE;

/* `path` counts as the field `name`, whoever asks for `name` and whenever; asking for `path` itself then means `name`. */
enum rc fields_rename(struct fields *f, struct str path, struct str name, struct err *err) MUSTUSE;

/* What stands inside `path` ("Event.EventData", "winlog.event_data") counts as standing at the top; "*" is a step of
 * any name ("Event.UserData.*"). Before the first fields_add; RC_CONFLICT behind it. */
enum rc fields_transparent(struct fields *f, struct str path, struct err *err) MUSTUSE;

/* The usual wrappers and other names of Windows events: evtx_dump (where "#attributes" join with "_" and "#text" is the
 * element itself), Winlogbeat, NXLog, Elastic's ECS copies. Before the first fields_add, like fields_transparent. */
enum rc fields_add_windows(struct fields *f, struct err *err) MUSTUSE;

/* Reading. A node is an object on the way: 0 is the event itself, FIELDS_NOWHERE one inside which nothing is asked for. */
typedef uint16_t fields_node;
#define FIELDS_NOWHERE 0xffff
/* The id of member `name` in `node`, and in *ret_in the node that its own members would be in. */
uint16_t fields_find(const struct fields *f, fields_node node, struct str name, fields_node *ret_in);

/* By its path as asked for, or FIELD_NONE. */
uint16_t fields_id(const struct fields *f, struct str path);
struct str fields_name(const struct fields *f, uint16_t id);
size_t fields_count(const struct fields *f); /* ids 1..count */

#endif
