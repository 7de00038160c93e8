/* The configured inputs: one thread follows one log, keeps its place durably and
 * hands hits on. A place is kept after the hits of what was read are stored, so a
 * crash repeats lines rather than losing them; repeated sightings of one indicator
 * on one day are held back by the same memory that holds back floods. */
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "node/core.h"
#include "store/collections.h"
#include "store/peers.h"

#define SEEN_MAX 100000
#define POLL_USEC (50 * 1000)
#define DAY ((usec)86400 * USEC_PER_SEC)

struct input {
	struct core *core;
	const struct config_input *conf;
	uint32_t collection;
	pthread_t thread;
	bool started;
	struct watch *watch;
	struct map *seen;          /* indicator id -> day of its last sighting */
	uint64_t offset, inode;
	_Atomic uint64_t lines, hits, bad, cut, held_back;
	_Atomic bool away;         /* the file is not there */
};

struct inputs {
	struct input in[CONFIG_INPUTS_MAX];
	size_t n;
};

static void on_hit(void *ctx, const struct hit *h)
{
	struct input *in = ctx;
	uint64_t day = (uint64_t)(time_now() / DAY), last = 0;
	struct err err = { 0 };

	atomic_fetch_add(&in->hits, 1);
	if (map_get(in->seen, h->indicator, &last) && last == day) {
		atomic_fetch_add(&in->held_back, 1);
		return;
	}
	if (sighting_from_hit(in->core, h, in->collection, &err) != RC_OK) {
		log_line(LOG_LEVEL_ERROR, "input", "%s: hit on %.*s is not recorded: %s", in->conf->name, STR(h->indicator), err.text);
		return;
	}
	log_line(LOG_LEVEL_INFO, "alert", "%s: %.*s", in->conf->name, STR(h->indicator));
	if (map_put(in->seen, h->indicator, day) == RC_LIMIT)
		log_line(LOG_LEVEL_WARN, "input", "%s: more than %d indicators seen; repeats are reported again", in->conf->name, SEEN_MAX);
}

static void save_place(struct input *in)
{
	char key[128], value[64];
	struct err err = { 0 };

	snprintf(key, sizeof key, "input:%.100s", in->conf->name);
	snprintf(value, sizeof value, "%llu %llu", (unsigned long long)in->inode, (unsigned long long)in->offset);
	if (cursor_put(in->core->node.store, str_of(key), str_of(value), &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "input", "%s: cannot keep its place: %s", in->conf->name, err.text);
}

static void load_place(struct input *in)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4096);
	char key[128];
	struct str text, inode;

	snprintf(key, sizeof key, "input:%.100s", in->conf->name);
	if (a == NULL || cursor_get(in->core->node.store, str_of(key), a, &text, NULL) != RC_OK)
		return;
	if (!str_next(&text, ' ', &inode) || !str_to_u64(inode, &in->inode) || !str_to_u64(text, &in->offset))
		in->inode = in->offset = 0;
}

static void pause_input(void)
{
	struct timespec t = { 0, POLL_USEC * 1000L };

	nanosleep(&t, NULL);
}

static void *run_input(void *ctx)
{
	struct input *in = ctx;

	/* Lines written while the node was away are read once: not before every indicator is live. */
	while (!atomic_load(&in->core->stopping) && !atomic_load(&in->core->image_full))
		pause_input();
	while (!atomic_load(&in->core->stopping)) {
		uint64_t before = in->offset, inode = in->inode;
		struct watch_stats st;
		struct err err = { 0 };
		bool more = false;
		enum rc rc = follow_read(in->conf->path, &in->offset, &in->inode, in->watch, &more, &err);

		if (rc != RC_OK && !atomic_exchange(&in->away, true))
			log_line(LOG_LEVEL_WARN, "input", "%s: %s", in->conf->name, err.text);
		if (rc == RC_OK && atomic_exchange(&in->away, false))
			log_line(LOG_LEVEL_INFO, "input", "%s: reading %s", in->conf->name, in->conf->path);
		watch_stats(in->watch, &st);
		atomic_store(&in->lines, st.lines);
		atomic_store(&in->bad, st.bad_lines);
		atomic_store(&in->cut, st.cut);
		if (in->offset != before || in->inode != inode)
			save_place(in);
		if (!more)
			pause_input();
	}
	return NULL;
}

static enum rc find_collection(struct core *c, const char *name, uint32_t fallback, uint32_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	size_t slash = str_find(str_of(name), S("/"), 0);
	struct collection k;

	*ret = fallback;
	if (name[0] == '\0')
		return RC_OK;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	if (slash == SIZE_MAX)
		return FAIL(err, RC_BAD, "collection '%s': expected ROOT/COLLECTION", name);
	TRY(collection_get(c->node.store, str_slice(str_of(name), 0, slash), str_of(name + slash + 1), a, &k, err));
	*ret = k.row;
	return RC_OK;
}

static enum rc start_input(struct core *c, const struct config_input *conf, struct input *in, struct err *err)
{
	*in = (struct input){ .core = c, .conf = conf };
	TRY(find_collection(c, conf->collection, c->up, &in->collection, err));
	in->seen = map_new(SEEN_MAX);
	if (in->seen == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	TRY(watch_new(c->image, str_of(conf->name), on_hit, in, &in->watch, err));
	load_place(in);
	if (pthread_create(&in->thread, NULL, run_input, in) != 0)
		return FAIL(err, RC_IO, "input: cannot start a thread");
	in->started = true;
	return RC_OK;
}

enum rc inputs_start(struct core *c, struct err *err)
{
	c->inputs = mem_alloc(sizeof *c->inputs);
	if (c->inputs == NULL)
		return FAIL(err, RC_NOMEM, "inputs: out of memory");
	for (size_t i = 0; i < c->node.config.n_inputs; i++) {
		enum rc rc = start_input(c, &c->node.config.inputs[i], &c->inputs->in[c->inputs->n++], err);

		if (rc != RC_OK) {
			err_prefix(err, "[input %s]", c->node.config.inputs[i].name);
			return rc;
		}
	}
	return RC_OK;
}

/* core.stopping is set by the caller. */
void inputs_stop(struct core *c)
{
	if (c->inputs == NULL)
		return;
	for (size_t i = 0; i < c->inputs->n; i++) {
		struct input *in = &c->inputs->in[i];

		if (in->started)
			pthread_join(in->thread, NULL);
		watch_free(in->watch);
		map_free(in->seen);
	}
	mem_free(c->inputs);
	c->inputs = NULL;
}

void inputs_status(struct core *c, struct jsonw *w)
{
	jsonw_name(w, "inputs");
	jsonw_array(w);
	for (size_t i = 0; c->inputs != NULL && i < c->inputs->n; i++) {
		struct input *in = &c->inputs->in[i];

		jsonw_object(w);
		jsonw_m_cstr(w, "name", in->conf->name);
		jsonw_m_cstr(w, "path", in->conf->path);
		jsonw_m_bool(w, "present", !atomic_load(&in->away));
		jsonw_m_int(w, "lines", (int64_t)atomic_load(&in->lines));
		jsonw_m_int(w, "bad_lines", (int64_t)atomic_load(&in->bad));
		jsonw_m_int(w, "cut", (int64_t)atomic_load(&in->cut));
		jsonw_m_int(w, "hits", (int64_t)atomic_load(&in->hits));
		jsonw_m_int(w, "held_back", (int64_t)atomic_load(&in->held_back));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}
