/* What the two halves of patterns share: who compiles and who matches. */
#ifndef DETECT_PATTERNS_INT_H
#define DETECT_PATTERNS_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "detect/correlate.h"
#include "detect/engine.h"
#include "detect/patterns.h"
#include "detect/stix_rules.h"

#define PATTERN_WITNESSES 8
#define PATTERN_WITNESS_BYTES 4096
#define PATTERN_LAYERS_MAX 16

/* A match that an operator between observations counted, for showing it when the operator is met. */
struct pattern_witness {
	uint64_t number;
	char *text; /* all of the strings */
	struct str line, input, where, field, value;
	enum observable_kind kind;
};

/* One indicator. Outlives the images it is in, so that what it counted is not lost when they are made anew. */
struct pattern_item {
	char id[64];
	char *pattern;
	uint64_t hash; /* of the pattern */
	_Atomic usec from, until;
	_Atomic uint8_t tlp, confidence;
	_Atomic bool dead;
	_Atomic uint32_t refs;
	_Atomic bool refused;
	/* operators between observations; under p->state_lock */
	struct arena *arena;
	struct sigma_set *set;
	struct correlator *correlator;
	uint64_t counted;
	usec newest, newest_mono;
	bool stirred;     /* something may wait for earlier events */
	bool anew;        /* what it fired for was held back: must not keep it from firing for other events */
	struct pattern_witness witness[PATTERN_WITNESSES];
};

/* One image over some of the indicators. */
struct pattern_layer {
	_Atomic uint32_t refs;
	struct arena *arena;
	struct stix_rules *rules;
	const struct sigma_set *set;
	struct engine_image *image;
	struct pattern_item **items;  /* with references */
	uint32_t n_items;
	uint32_t *item_of, *slot_of;  /* of each rule */
};

/* What is in force; never changes. */
struct pattern_world {
	_Atomic uint32_t refs;
	uint64_t number;
	struct pattern_layer *layers[PATTERN_LAYERS_MAX]; /* large to small; with references */
	uint32_t n;
};

struct patterns {
	struct patterns_opts o;
	struct arena *arena;
	const struct taxonomy *taxonomy;
	pthread_t fresh, merger;
	bool fresh_started, merger_started;
	pthread_mutex_t lock;         /* of all up to state_lock */
	pthread_cond_t bell, settled, untidy;
	bool stop, building;
	uint64_t clears;              /* what was compiled before the last of them is not published */
	struct map *by_id;            /* with references */
	struct pattern_item **waiting;/* with references */
	size_t n_waiting, room_waiting;
	size_t n_dead;                /* in images */
	uint64_t refused;
	struct pattern_world *world;
	pthread_mutex_t state_lock;   /* of correlators */
	_Atomic uint64_t number;      /* of the world */
	_Atomic uint64_t matches, fired, suppressed, lost;
};

/* Its correlator, with nothing counted. */
enum rc pattern_item_correlator(struct pattern_item *x, struct err *err) MUSTUSE;
void pattern_item_drop(struct pattern_item *x);
void pattern_world_drop(struct pattern_world *w);
/* With a reference. */
struct pattern_world *pattern_world_take(struct patterns *p);

#endif
