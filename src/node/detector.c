#include "node/detector.h"

#include "base/log.h"
#include "gate/gate.h"
#include "node/memory.h"
#include "stix/marking.h"

#define IMAGE_VALUES_MAX ((size_t)20000000)

struct str log_id(struct str id, uint8_t tlp, uint8_t flags)
{
	static const struct viewer reader = { .kind = VIEWER_ANONYMOUS, .tlp_max = TLP_CLEAR };

	return gate_may(&reader, TLP_CLEAR, tlp, flags, NULL) ? id : S("an object above TLP:CLEAR");
}

/* The i-th input that says so. */
static const char *assumed(const void *ctx, size_t i, const char **ret_source)
{
	const struct config *conf = ctx;

	for (size_t k = 0; k < conf->n_inputs; k++) {
		if (conf->inputs[k].assume[0] == '\0' || i-- > 0)
			continue;
		*ret_source = conf->inputs[k].assume;
		return conf->inputs[k].name;
	}
	return NULL;
}

struct live_opts detector_live_opts(const struct config *conf)
{
	return (struct live_opts){ .rules = conf->rules[0] == '\0' ? NULL : conf->rules, .lists = conf->lists[0] == '\0' ? NULL : conf->lists,
				   .packs = conf->packs[0] == '\0' ? NULL : conf->packs, .assume = assumed, .ctx = conf };
}

struct live_opts detector_rules(const struct detector *d)
{
	struct live_opts o = detector_live_opts(d->conf);

	o.own = d->own_rules;
	return o;
}

static void log_rules(struct detector *d, const char *subject)
{
	struct live_stats st;

	live_stats(d->live, &st);
	log_line(st.refused > 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, subject, "%llu Sigma rules in force, %llu not (lianfang rules check %s)",
		 (unsigned long long)st.rules, (unsigned long long)st.refused, d->conf->rules);
}

static void on_refused(void *ctx UNUSED, struct str id, uint8_t tlp, const char *why)
{
	log_line(LOG_LEVEL_WARN, "detect", "the pattern of %.*s cannot be matched: %s", STR(log_id(id, tlp, 0)),
		 tlp == TLP_CLEAR ? why : "see lianfang detect --indicators");
}

enum rc detector_open(struct detector *d, struct err *err)
{
	struct patterns_opts o = { .packs = detector_live_opts(d->conf).packs, .refuse = on_refused };

	d->image = image_new(IMAGE_VALUES_MAX);
	if (d->image == NULL)
		return FAIL(err, RC_NOMEM, "detector: out of memory");
	if (d->conf->warninglists[0] != '\0') {
		TRY(warninglists_load(d->conf->warninglists, &d->warninglists, err));
		image_set_suppress(d->image, warninglists_suppress, d->warninglists);
		o.suppress = warninglists_suppress;
		o.suppress_ctx = d->warninglists;
	}
	return patterns_new(&o, &d->patterns, err);
}

/* People may add the first one at any time: a node without a folder of rules has none until then. */
static bool has_rules(const struct detector *d)
{
	struct live_stats st;

	if (d->live == NULL || d->conf->rules[0] != '\0')
		return d->live != NULL;
	live_stats(d->live, &st);
	return st.rules + st.refused > 0;
}

static enum rc open_rules(struct detector *d, struct err *err)
{
	struct live_opts o = detector_rules(d);

	if ((o.rules == NULL && o.own == NULL) || !d->conf->match)
		return RC_OK;
	TRY(live_new(&o, &d->live, err));
	if (has_rules(d))
		log_rules(d, "rules");
	return RC_OK;
}

enum rc detector_start(struct detector *d, struct err *err)
{
	TRY(open_rules(d, err));
	TRY(inputs_new(d, err));
	return d->conf->n_inputs == 0 ? RC_OK : memory_start(d, &d->memory, err);
}

void detector_stop(struct detector *d)
{
	atomic_store(&d->stopping, true);
	inputs_stop(d);
	memory_stop(d->memory);
}

void detector_close(struct detector *d)
{
	inputs_free(d->inputs);
	memory_free(d->memory);
	d->inputs = NULL;
	d->memory = NULL;
	live_free(d->live);
	patterns_free(d->patterns);
	image_free(d->image);
	warninglists_free(d->warninglists);
	d->live = NULL;
	d->patterns = NULL;
	d->image = NULL;
	d->warninglists = NULL;
}

/* A pattern that the image takes is no rule any more, and the other way round. */
enum rc detector_learn(struct detector *d, const struct image_indicator *i, bool fresh, struct err *err)
{
	enum rc rc = d->conf->match ? image_update(d->image, i, err) : RC_OK; /* else it is only looked for in the past */

	if (rc == RC_UNSUPPORTED)
		rc = patterns_update(d->patterns, i, err);
	else
		patterns_remove(d->patterns, i->id);
	if (rc == RC_OK && fresh)
		memory_learned(d->memory, i);
	return rc;
}

enum rc detector_forget(struct detector *d, struct str id, struct err *err)
{
	patterns_remove(d->patterns, id);
	return image_remove(d->image, id, err);
}

enum rc detector_clear(struct detector *d, struct err *err)
{
	patterns_clear(d->patterns);
	return image_clear(d->image, err);
}

enum rc detector_reload(struct detector *d, struct err *err)
{
	struct live_opts o = detector_rules(d);
	enum rc rc;

	if (d->live == NULL)
		return RC_OK;
	rc = live_reload(d->live, &o, err);
	if (rc != RC_OK)
		log_line(LOG_LEVEL_ERROR, "reload", "rules kept as they were: %s", err->text);
	else
		log_rules(d, "reload");
	return rc;
}

int detector_knows(const struct detector *d, struct str rule)
{
	return has_rules(d) ? live_knows(d->live, rule) : -1;
}

static void write_image(const struct detector *d, struct jsonw *w)
{
	struct image_stats st;
	struct patterns_stats ps;

	image_stats(d->image, &st);
	patterns_stats(d->patterns, &ps);
	jsonw_name(w, "detector");
	jsonw_object(w);
	jsonw_m_int(w, "indicators", (int64_t)st.indicators);
	jsonw_m_int(w, "values", (int64_t)st.values);
	jsonw_m_int(w, "patterns", (int64_t)ps.indicators);
	jsonw_m_int(w, "patterns_waiting", (int64_t)ps.waiting);
	jsonw_m_int(w, "unsupported", (int64_t)ps.refused);
	jsonw_m_int(w, "suppressed", (int64_t)(st.suppressed + ps.suppressed));
	jsonw_object_end(w);
}

static void write_rules(const struct detector *d, struct jsonw *w)
{
	struct live_stats st;

	if (!has_rules(d))
		return;
	live_stats(d->live, &st);
	jsonw_name(w, "rules");
	jsonw_object(w);
	jsonw_m_int(w, "loaded", (int64_t)st.rules);
	jsonw_m_int(w, "refused", (int64_t)st.refused);
	jsonw_m_int(w, "events", (int64_t)st.events);
	jsonw_m_int(w, "matches", (int64_t)st.matches);
	jsonw_m_int(w, "correlations", (int64_t)st.fired);
	jsonw_m_int(w, "late", (int64_t)st.late);
	jsonw_m_int(w, "evicted", (int64_t)st.evicted);
	jsonw_object_end(w);
}

void detector_status(const struct detector *d, struct jsonw *w)
{
	write_image(d, w);
	inputs_status(d, w);
	memory_status(d->memory, w);
	write_rules(d, w);
}
