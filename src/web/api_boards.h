/* What the routes of boards and the stream of facts share. Inside web/ only. */
#ifndef WEB_API_BOARDS_H
#define WEB_API_BOARDS_H

#include "picture/board.h"
#include "web/api.h"
#include "web/situation.h"

struct listeners;

/* Of api_start and api_stop: api->boards. Nothing is read before somebody asks. */
enum rc api_boards_new(struct api *api, struct err *err) MUSTUSE;
void api_boards_free(struct api *api); /* accepts one that has none */

/* On a node with members the picture is read from the start on, before anybody asks. */
enum rc api_boards_keep(struct api *api, struct err *err) MUSTUSE;
/* The node's picture and its listeners, made by the first who asks. */
enum rc api_boards_situation(struct api *api, struct situation **ret, struct err *err) MUSTUSE;
enum rc api_boards_listeners(struct api *api, struct listeners **ret, struct err *err) MUSTUSE;

/* The period and the rest of a question to a board, from the query of the request. `p` knows the words. */
enum rc board_read_query(struct api_call *c, const struct board_spec *spec, const struct picture *p, struct board_query *ret, struct err *err) MUSTUSE;

/* The question as a script would put it again. */
struct str board_question(struct api_call *c, const struct picture *p, const struct board_spec *spec, const struct board_query *q);
/* "words": {key: {"en", "zh-TW"}} of the rows: sectors, clocks and roles as the pack says them, indicators as the viewer may see them. */
enum rc board_put_words(struct api_call *c, const struct picture *p, const struct board *b, struct err *err) MUSTUSE;
/* Takes out the rows about indicators that the viewer may not see. */
enum rc board_hide_objects(struct api_call *c, struct board *b, struct err *err) MUSTUSE;

/* api_stream.c */
enum rc listeners_new(const struct api *api, struct listeners **ret, struct err *err) MUSTUSE;
void listeners_free(struct listeners *l); /* accepts NULL */
/* An opaque word for "as many commits as now". */
struct str api_pulse(const struct api *api, char out[static 20]);

#endif
