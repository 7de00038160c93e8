#include "node/counts.h"

#include <pthread.h>

#include "base/mem.h"
#include "node/config.h"

#define STATUS_MEMORY ((size_t)16 << 20)
#define NAME_MAX_BYTES 128

/* All else in a status is how things are, and not how often something was. */
static const char *const input_counters[] = {
	"messages", "bytes", "refused_connections", "too_long", "dropped", "repeated", "lines", "events", "bad_lines", "cut", "hits", "suppressed",
	"rule_hits", "held_back", "kept", "not_kept", "lost",
};
static const char *const rule_counters[] = { "events", "matches", "correlations", "late", "evicted" };
static const char *const history_counters[] = { "expired_events", "hunts", "indicators_hunted", "found", "held_back" };

#define COUNTERS_MAX 20

struct counted { int64_t of[COUNTERS_MAX]; };

struct counts {
	pthread_mutex_t lock;
	struct counted rules, history, inputs[CONFIG_INPUTS_MAX];
	char names[CONFIG_INPUTS_MAX][NAME_MAX_BYTES];
	size_t n;
};

static const struct json_limits LIMITS = { (size_t)4 << 20, 16, 1u << 18 };

enum rc counts_new(struct counts **ret, struct err *err)
{
	struct counts *c = mem_alloc(sizeof *c);

	if (c == NULL)
		return FAIL(err, RC_NOMEM, "counts: out of memory");
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return RC_OK;
}

void counts_free(struct counts *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

/* NULL: nothing was counted under this name. */
static struct counted *input_named(struct counts *c, struct str name, bool add)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(str_of(c->names[i]), name))
			return &c->inputs[i];
	if (!add || c->n == CONFIG_INPUTS_MAX || name.n >= NAME_MAX_BYTES)
		return NULL;
	snprintf(c->names[c->n], NAME_MAX_BYTES, "%.*s", STR(name));
	return &c->inputs[c->n++];
}

static void add(struct counted *to, const char *const *names, size_t n, const struct json *object)
{
	int64_t v;

	for (size_t i = 0; to != NULL && i < n; i++)
		if (json_int(json_get(object, str_of(names[i])), &v) && v > 0 && __builtin_add_overflow(to->of[i], v, &to->of[i]))
			to->of[i] = INT64_MAX;
}

void counts_fold(struct counts *c, struct str status)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(STATUS_MEMORY);
	const struct json *v, *inputs;

	if (status.n == 0 || a == NULL || json_parse(a, status, &LIMITS, &v, NULL) != RC_OK)
		return;
	inputs = json_get(v, S("inputs"));
	pthread_mutex_lock(&c->lock);
	if (json_is(inputs, JSON_ARRAY))
		JSON_EACH(one, inputs)
			add(input_named(c, json_get_str(one, S("name")), true), input_counters, COUNTOF(input_counters), one);
	add(&c->rules, rule_counters, COUNTOF(rule_counters), json_get(v, S("rules")));
	add(&c->history, history_counters, COUNTOF(history_counters), json_get(v, S("history")));
	pthread_mutex_unlock(&c->lock);
}

/* The object's members, with what was counted before. */
static void write_sum(const struct counted *before, const char *const *names, size_t n, const struct json *object, struct jsonw *w)
{
	jsonw_object(w);
	JSON_MEMBERS(name, value, object) {
		size_t i = 0;
		int64_t v, sum;

		while (i < n && !str_eq(json_str(name), str_of(names[i])))
			i++;
		jsonw_name_str(w, json_str(name));
		if (before == NULL || i == n || !json_int(value, &v))
			jsonw_value(w, value);
		else
			jsonw_int(w, __builtin_add_overflow(before->of[i], v, &sum) ? INT64_MAX : sum);
	}
	jsonw_object_end(w);
}

void counts_write(struct counts *c, const char *name, const struct json *value, struct jsonw *w)
{
	pthread_mutex_lock(&c->lock);
	if (strcmp(name, "inputs") == 0 && json_is(value, JSON_ARRAY)) {
		jsonw_array(w);
		JSON_EACH(one, value) {
			if (json_is(one, JSON_OBJECT))
				write_sum(input_named(c, json_get_str(one, S("name")), false), input_counters, COUNTOF(input_counters), one, w);
			else
				jsonw_value(w, one);
		}
		jsonw_array_end(w);
	} else if (strcmp(name, "rules") == 0 && json_is(value, JSON_OBJECT)) {
		write_sum(&c->rules, rule_counters, COUNTOF(rule_counters), value, w);
	} else if (strcmp(name, "history") == 0 && json_is(value, JSON_OBJECT)) {
		write_sum(&c->history, history_counters, COUNTOF(history_counters), value, w);
	} else {
		jsonw_value(w, value);
	}
	pthread_mutex_unlock(&c->lock);
}
