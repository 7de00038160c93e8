#include "desk/fact.h"

#include <stdarg.h>

#include "stix/marking.h"

#define WHY_MAX 300

static const char *const names[FACT_TYPES] = {
	"aware", "reported", "backfilled", "level", "reviewed", "rereviewed", "forwarded", "contained", "recovered", "final_report", "extended",
	"returned", "accepted", "closed", "reopened", "corrected", "dispatched", "acknowledged", "warned", "evidence", "meeting", "dismissed",
	"merged", "unmerged", "note", "split", "observable", "entry", "requested", "decided", "completed", "published",
};

static const struct json_limits LINE_LIMITS = { FACT_LINE_MAX, 32, 65536 };

const char *desk_fact_name(enum fact_type type)
{
	return type < FACT_TYPES ? names[type] : "?";
}

enum fact_type desk_fact_find(struct str name)
{
	for (unsigned i = 0; i < FACT_TYPES; i++)
		if (str_eq(name, str_of(names[i])))
			return (enum fact_type)i;
	return FACT_TYPES;
}

void desk_facts_problem(struct arena *a, struct desk_facts *f, uint32_t line, struct str id, bool counted, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	if (f->n_problems == FACTS_MAX)
		return;
	if ((f->n_problems & (f->n_problems - 1)) == 0) { /* a power of two, or none: the list is full, and doubles */
		size_t now = f->n_problems * sizeof *f->problems;
		struct desk_problem *more = arena_resize(a, f->problems, now, now == 0 ? sizeof *f->problems : 2 * now);

		if (more == NULL)
			return;
		f->problems = more;
	}
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	f->problems[f->n_problems++] = (struct desk_problem){ line, id, arena_dup(a, str_of(why)), counted };
}

struct str desk_text(const struct json *v, const char *name)
{
	struct str s = json_get_str(v, str_of(name));

	return s.p == NULL ? S("") : s;
}

uint8_t desk_marking(const struct json *fact, uint8_t unmarked)
{
	struct str text = json_get_str(fact, S("tlp"));
	enum tlp tlp;

	if (json_get(fact, S("tlp")) == NULL)
		return unmarked;
	return tlp_parse(text, &tlp) ? (uint8_t)tlp : TLP_RED;
}

static enum rc read_instant(const struct json *v, const char *name, usec *ret, struct err *err)
{
	enum rc rc;

	if (!json_is(json_get(v, str_of(name)), JSON_STRING))
		return FAIL(err, RC_BAD, "\"%s\": expected an instant (RFC 3339)", name);
	rc = time_parse_offset(desk_text(v, name), ret, err);
	if (rc != RC_OK)
		err_prefix(err, "\"%s\"", name);
	return rc;
}

static enum rc read_level(const struct json *v, struct desk_fact *f, struct err *err)
{
	const struct json *level = json_get(v, S("level")), *items = json_get(v, S("items"));
	int64_t n;

	if (json_is(level, JSON_OBJECT)) /* as `pack eval` prints one */
		level = json_get(level, S("overall"));
	if (level != NULL && level->type != JSON_NULL && (!json_int(level, &n) || n < 1 || n > 9))
		return FAIL(err, RC_BAD, "\"level\": expected a whole number from 1 to 9");
	if (level != NULL && level->type != JSON_NULL)
		f->level = (int)n;
	if (items != NULL && (items->type != JSON_ARRAY || items->n > FACT_ITEMS_MAX))
		return FAIL(err, RC_BAD, "\"items\": expected an array of at most %d items", FACT_ITEMS_MAX);
	f->items = items;
	return RC_OK;
}

static enum rc read_fact(const struct json *v, struct desk_fact *f, struct err *err)
{
	if (v->type != JSON_OBJECT)
		return FAIL(err, RC_BAD, "expected a JSON object");
	f->source = v;
	f->id = desk_text(v, "id");
	if (f->id.n == 0)
		return FAIL(err, RC_BAD, "\"id\" is missing");
	if (!json_is(json_get(v, S("type")), JSON_STRING))
		return FAIL(err, RC_BAD, "\"type\" is missing");
	f->type = desk_fact_find(desk_text(v, "type"));
	TRY(read_instant(v, "at", &f->at, err));
	f->claimed = f->at;
	if (json_get(v, S("claimed")) != NULL)
		TRY(read_instant(v, "claimed", &f->claimed, err));
	if (f->type == FACT_EXTENDED)
		TRY(read_instant(v, "until", &f->until, err));
	else if ((f->type == FACT_DISPATCHED || f->type == FACT_REQUESTED) && time_parse_offset(desk_text(v, "until"), &f->until, NULL) != RC_OK)
		f->until = 0;
	f->by = desk_text(v, "by");
	f->channel = desk_text(v, "channel");
	f->stage = desk_text(v, "stage");
	f->reason = desk_text(v, "reason");
	f->grounds = desk_text(v, "grounds");
	f->subject = desk_text(v, "subject");
	f->ref = desk_text(v, "ref");
	f->from = desk_text(v, "from");
	f->moved = json_is(json_get(v, S("facts")), JSON_ARRAY) ? json_get(v, S("facts")) : NULL;
	return read_level(v, f, err);
}

static size_t count_lines(struct str text)
{
	size_t n = 0;

	for (size_t at = 0; at < text.n; at++)
		n += text.p[at] == '\n';
	return n + 1;
}

enum rc desk_facts_parse(struct arena *a, const char *file, struct str text, struct desk_facts *ret, struct err *err)
{
	size_t lines = count_lines(text);
	struct str rest = text, line;

	*ret = (struct desk_facts){ 0 };
	if (lines > FACTS_MAX * 2)
		return FAIL(err, RC_LIMIT, "%s: more than %d facts", file, FACTS_MAX);
	ret->f = arena_array(a, lines, sizeof *ret->f);
	if (ret->f == NULL)
		return FAIL(err, RC_NOMEM, "%s: out of memory", file);
	for (uint32_t number = 1; str_next(&rest, '\n', &line); number++) {
		struct desk_fact *f = &ret->f[ret->n];
		const struct json *v;
		enum rc rc;

		if (str_trim(line).n == 0)
			continue;
		rc = json_parse(a, line, &LINE_LIMITS, &v, err);
		if (rc == RC_OK)
			rc = read_fact(v, f, err);
		if (rc != RC_OK) {
			err_prefix(err, "%s:%u", file, number);
			return rc;
		}
		f->line = number;
		if (f->type == FACT_TYPES)
			desk_facts_problem(a, ret, number, f->id, false, "nobody knows a fact of type '%.*s'", STR(str_slice(desk_text(v, "type"), 0, 100)));
		else
			ret->n++;
	}
	return RC_OK;
}
