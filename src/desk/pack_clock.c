/* The clocks of a pack:
 *
 *	{"id": "K5", "title": {...}, "who": "reviewer", "source": "Art. 7",
 *	 "start": {"on": "reported", "changed": true}, "stop": {"on": "reviewed"}, "each": true,
 *	 "limits": [{"levels": [1, 2], "within": "PT8H"}, {"levels": [3, 4], "within": "PT2H"}]}
 */
#include "desk/pack_read.h"

enum rc pack_facts_read(const struct pack_reader *r, const struct json *v, uint32_t *ret)
{
	enum fact_type type;

	if (v->type == JSON_ARRAY && v->n > 0) {
		*ret = 0;
		JSON_EACH(one, v) {
			uint32_t set;

			if (one->type != JSON_STRING)
				return pack_bad(r, one, "expected the name of a fact");
			TRY(pack_facts_read(r, one, &set));
			*ret |= set;
		}
		return RC_OK;
	}
	type = v->type == JSON_STRING ? desk_fact_find(json_str(v)) : FACT_TYPES;
	if (type == FACT_TYPES)
		return pack_bad(r, v, "expected the name of a fact, or several");
	*ret = 1u << type;
	return RC_OK;
}

static enum rc read_event(const struct pack_reader *r, const struct json *clock, const char *name, struct pack_event *ret)
{
	static const char *const names[] = { "on", "channel", "stage", "nth", "reason", "changed", "refers", NULL };
	const struct json *v, *on;
	int64_t nth = 0;

	TRY(pack_need(r, clock, name, JSON_OBJECT, &v));
	TRY(pack_members(r, v, names));
	on = json_get(v, S("on"));
	if (on == NULL)
		return pack_bad(r, v, "\"on\" is missing");
	TRY(pack_facts_read(r, on, &ret->facts));
	TRY(pack_text(r, v, "channel", true, &ret->channel));
	TRY(pack_text(r, v, "stage", true, &ret->stage));
	if (json_get(v, S("nth")) != NULL)
		TRY(pack_int(r, v, "nth", 1, 9, &nth));
	ret->nth = (uint8_t)nth;
	TRY(pack_flag(r, v, "reason", &ret->reason));
	TRY(pack_flag(r, v, "refers", &ret->refers));
	return pack_flag(r, v, "changed", &ret->changed);
}

static enum rc read_subjects(const struct pack_reader *r, const struct pack *p, const struct json *v, uint32_t *ret)
{
	const struct json *list = json_get(v, S("subjects"));

	*ret = UINT32_MAX;
	if (list == NULL)
		return RC_OK;
	TRY(pack_need(r, v, "subjects", JSON_ARRAY, &list));
	*ret = 0;
	JSON_EACH(one, list) {
		int at = pack_find(p->subjects, p->n_subjects, json_str(one));

		if (at < 0)
			return pack_bad(r, one, "expected one of the pack's subjects");
		*ret |= 1u << at;
	}
	return RC_OK;
}

static enum rc read_levels(const struct pack_reader *r, const struct pack *p, const struct json *v, uint16_t *ret)
{
	const struct json *list = json_get(v, S("levels"));

	*ret = UINT16_MAX;
	if (list == NULL)
		return RC_OK;
	TRY(pack_need(r, v, "levels", JSON_ARRAY, &list));
	*ret = 0;
	JSON_EACH(one, list) {
		int64_t level;

		if (!json_int(one, &level) || level < p->level_least || level > p->level_most)
			return pack_bad(r, one, "expected a level from %d to %d", p->level_least, p->level_most);
		*ret = (uint16_t)(*ret | 1u << level);
	}
	return RC_OK;
}

/* "extended" or a list, or an event {"on", "stage", ...}. */
static enum rc read_extended(const struct pack_reader *r, const struct json *clock, struct pack_event *ret)
{
	const struct json *v = json_get(clock, S("extended_by"));

	if (v == NULL)
		return RC_OK;
	return v->type == JSON_OBJECT ? read_event(r, clock, "extended_by", ret) : pack_facts_read(r, v, &ret->facts);
}

/* "within": a period, null (no figure), or false (the clock does not run). */
static enum rc read_limit(const struct pack_reader *r, const struct pack *p, const struct json *v, struct pack_limit *ret)
{
	static const char *const names[] = { "subjects", "levels", "within", "most", "source", NULL };
	const struct json *within, *most = json_get(v, S("most"));

	TRY(pack_members(r, v, names));
	TRY(read_subjects(r, p, v, &ret->subjects));
	TRY(read_levels(r, p, v, &ret->levels));
	within = json_get(v, S("within"));
	if (within == NULL)
		return pack_bad(r, v, "\"within\" is missing");
	ret->none = within->type == JSON_NULL;
	ret->off = within->type == JSON_FALSE;
	if (ret->none || ret->off)
		return RC_OK;
	if (within->type != JSON_STRING || period_parse(json_str(within), &ret->period, r->err) != RC_OK)
		return pack_bad(r, within, "expected a period (ISO 8601, like PT1H or P1M), null or false");
	ret->capped = most != NULL;
	if (most != NULL && (most->type != JSON_STRING || period_parse(json_str(most), &ret->most, r->err) != RC_OK))
		return pack_bad(r, most, "expected a period (ISO 8601)");
	return RC_OK;
}

static enum rc read_how(const struct pack_reader *r, const struct json *v, unsigned *ret)
{
	bool roll, whole;

	TRY(pack_flag(r, v, "roll", &roll));
	TRY(pack_flag(r, v, "whole_day", &whole));
	*ret = (roll ? PERIOD_ROLL : 0) | (whole ? PERIOD_WHOLE_DAY : 0);
	return RC_OK;
}

enum rc pack_clock_read(const struct pack_reader *r, const struct pack *p, const struct json *v, struct pack_clock *ret)
{
	static const char *const more[] = { "who", "source", "when", "start", "stop", "each", "limits", "roll", "whole_day", "stated",
					    "extended_by", NULL };
	const struct json *list;
	struct pack_limit *limits;
	void *items;

	TRY(pack_term(r, v, more, &ret->term));
	TRY(pack_text(r, v, "who", false, &ret->who));
	TRY(pack_text(r, v, "source", false, &ret->source));
	if (json_get(v, S("when")) != NULL)
		TRY(read_event(r, v, "when", &ret->when));
	TRY(read_event(r, v, "start", &ret->start));
	TRY(read_event(r, v, "stop", &ret->stop));
	TRY(pack_flag(r, v, "each", &ret->each));
	TRY(read_how(r, v, &ret->how));
	TRY(pack_flag(r, v, "stated", &ret->stated));
	if (ret->start.refers || (ret->stop.refers && !ret->each))
		return pack_bad(r, v, "\"refers\" is of the stop of a clock with \"each\"");
	TRY(read_extended(r, v, &ret->extended_by));
	TRY(pack_array(r, v, "limits", PACK_LIMITS_MAX, sizeof *limits, &list, &items));
	limits = items;
	JSON_EACH(one, list)
		TRY(read_limit(r, p, one, &limits[ret->n_limits++]));
	ret->limits = limits;
	return RC_OK;
}
