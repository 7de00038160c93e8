/* The core role's parts, wired together: store, detector, exchange, HTTP. Reading
 * core.c, keep.c, detector.c and inputs.c tells how data flows through a node. */
#ifndef NODE_CORE_H
#define NODE_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "event/hit.h"
#include "event/rule_hit.h"
#include "fed/fed.h"
#include "node/alarms.h"
#include "node/detect_link.h"
#include "node/detector.h"
#include "node/lab.h"
#include "node/lab_loop.h"
#include "node/node.h"
#include "node/notify.h"
#include "node/serve.h"
#include "store/objects.h"
#include "sys/fence.h"
#include "taxii/server.h"
#include "web/api.h"
#include "web/api_lab.h"
#include "web/auth.h"
#include "web/figures.h"
#include "web/public_lab.h"
#include "web/notices.h"
#include "web/window.h"

/* Cursor: what was added up to then was looked for in the history. */
#define HUNTED_CURSOR S("hunted")

/* Where people open a node that listens there: "https://host:port", an address for all being this machine's name. `port` 0: as `listen` says. */
#define NODE_URL_MAX 384
void node_url(const char *listen, int port, bool plain_http, char ret[static NODE_URL_MAX]);

struct core {
	struct node node;
	struct serve_opts opts;
	struct api api;
	char url[NODE_URL_MAX];    /* of api.url */
	struct auth *auth;
	struct window *window;     /* reports of people without an account, or NULL */
	struct figures *figures;   /* what the public is told in numbers, or NULL */
	struct notices *notices;   /* what the public is told, or NULL */
	struct taxii_server *taxii;
	struct fed *fed;
	struct fed_server *fed_server;
	struct bulletins *bulletins; /* alerts that want an answer, on their way */
	struct cases *cases;       /* incidents that other nodes share */
	struct loaded *loaded;     /* what of the releases is live here, and with members */
	struct community *community; /* what its members have in common */
	struct exchange *exchange; /* what the desks of peers tell each other */
	struct http_server *_Atomic https; /* NULL for a moment at the start: the control socket answers first */
	struct http_server *control;
	struct sink sink;        /* keeps what a detector found */
	struct detector *detector;   /* beside the node, by `lianfang watch`: learns itself; NULL: the detect role, over: */
	struct detect_link *link;
	struct blocks *blocks;   /* to and from a queue of blocks, or NULL */
	struct once *kept;       /* what was kept today */
	struct warninglists *warninglists; /* or NULL */
	struct fence_report fences;
	uint32_t up, down;       /* rows of the collections that go up and down */
	uint32_t collections[CONFIG_INPUTS_MAX]; /* of the inputs: where their sightings go */
	struct lab_desk *lab;    /* or NULL */
	struct lab_known *lab_known; /* or NULL */
	struct lab_loop *lab_loop; /* what follows from verdicts; or NULL */
	struct api_lab api_lab;
	struct alarms *alarms;   /* of the desk's clocks */
	struct runner *runner;   /* runs [notify] command; or NULL */
	struct notify *notify;   /* who is told of them, or NULL */
	struct devices *devices; /* how well the inputs are heard, or NULL */
	struct tickets *tickets; /* tickets.c: what alerts become */
	struct sightings *sightings; /* sightings.c's own */
	struct follower *follower; /* follower.c: what newly stored objects mean to the node */
	pthread_mutex_t settings; /* one change of lianfang.conf at a time */
	_Atomic bool stopping;
	usec started;
};

/* The REST interface of an opened node, without the running parts: for node_call. */
void core_api(struct node *n, struct api *ret);

/* The rows of the up and down collections. */
enum rc core_find_rows(struct core *c, struct err *err) MUSTUSE;

/* Routes one request by path to REST, federation or TAXII. */
void core_handle(struct core *c, const struct viewer *v, struct http_req *r, struct http_res *res);

/* follower.c: hears of every commit, tells the detector what is to be looked for, wakes the
 * exchange, releases downward where the configuration says so. */
enum rc follower_start(struct core *c, struct err *err) MUSTUSE;
/* Hands all indicators to c->detector once, without a thread. */
enum rc follower_read_once(struct core *c, struct err *err) MUSTUSE;
/* There is something to be told, or somebody new. Any thread; also before the start and after the stop. */
void follower_ring(struct core *c);
/* Ends the thread. follower_free only after the store is closed: until then it is still rung. */
/* What people think of this indicator changed: the detector hears of it again. */
void follower_relearn(struct core *c, struct str id);
void follower_stop(struct core *c);
/* Waits until the detect role was told all that is stored now. False: not until `until` (time_mono), or it is away. */
bool follower_caught_up(struct core *c, usec until);
void follower_free(struct core *c);

/* sightings.c: one hit becomes an alert of a ticket, and a sighting in the collection that goes up; needs tickets_start.
 * What a suppression covers is counted there and nothing else. */
enum rc sighting_from_hit(struct core *c, const struct hit *h, uint32_t collection, struct err *err) MUSTUSE;

/* A rule that matched becomes an alert of a ticket for this node's people, likewise. */
enum rc alert_from_rule(struct core *c, const struct rule_hit *h, struct err *err) MUSTUSE;

#endif
