#include "desk/alarm.h"

const uint8_t ALARM_PERCENT[ALARM_RUNGS] = { 50, 75, 90, 100 };

usec alarm_at(const struct clock_view *v, size_t rung)
{
	if (ALARM_PERCENT[rung] == 100)
		return v->breached != NO_TIME ? v->breached : v->verdict == CLOCK_RUNNING && v->due != NO_TIME ? v->due + 1 : NO_TIME;
	if (v->due == NO_TIME || v->stop != NO_TIME || v->verdict == CLOCK_VOID)
		return NO_TIME;
	return v->start + (v->due - v->start) / 100 * ALARM_PERCENT[rung];
}

bool alarm_is_due(const struct incident_view *v, usec by)
{
	for (size_t i = 0; i < v->n_clocks; i++)
		for (size_t r = 0; r < ALARM_RUNGS; r++) {
			usec at = alarm_at(&v->clocks[i], r);

			if (at != NO_TIME && at <= by)
				return true;
		}
	return false;
}

usec alarm_next(const struct incident_view *v, usec after)
{
	usec next = INT64_MAX;

	for (size_t i = 0; i < v->n_clocks; i++)
		for (size_t r = 0; r < ALARM_RUNGS; r++) {
			usec at = alarm_at(&v->clocks[i], r);

			if (at != NO_TIME && at > after && at < next)
				next = at;
		}
	return next;
}

struct str alarm_key(struct arena *a, const struct pack *p, const struct clock_view *v)
{
	return arena_fmt(a, "%.*s %.*s %.*s", STR(p->id), STR(v->clock->term.id), STR(v->started->id));
}

struct alarm_name alarm_name(struct str key)
{
	struct alarm_name n = { S(""), S(""), S("") };

	if (str_next(&key, ' ', &n.pack) && str_next(&key, ' ', &n.clock))
		n.fact = key;
	return n;
}

const struct alarm_words *alarm_words(int percent)
{
	static const struct alarm_words words[ALARM_RUNGS] = {
		{ "has used 50 % of its time", "時限已過半", "50 %" },
		{ "has used 75 % of its time", "時限已過四分之三", "75 %" },
		{ "has used 90 % of its time", "時限已過 90 %", "90 %" },
		{ "is BREACHED", "已逾時限", "逾時 BREACHED" },
	};
	size_t rung = 0;

	while (rung + 1 < ALARM_RUNGS && ALARM_PERCENT[rung] < percent)
		rung++;
	return &words[rung];
}

usec alarm_due(const struct incident_view *v)
{
	usec due = INT64_MAX;

	for (size_t i = 0; i < v->n_clocks; i++)
		if (v->clocks[i].stop == NO_TIME && v->clocks[i].verdict != CLOCK_VOID && v->clocks[i].due != NO_TIME && v->clocks[i].due < due)
			due = v->clocks[i].due;
	return due;
}
