#include "desk/show.h"

#include <string.h>

#define WHOLE 19 /* "2026-02-27T16:30:00" */

void show_words(struct jsonw *w, const char *name, const struct pack_words *words)
{
	jsonw_name(w, name);
	jsonw_object(w);
	jsonw_m_str(w, "en", words->en);
	jsonw_m_str(w, "zh-TW", words->zh);
	jsonw_object_end(w);
}

void show_time(struct jsonw *w, const char *name, usec t)
{
	char text[TIME_TEXT_MAX];
	struct str s;

	jsonw_name(w, name);
	if (t == NO_TIME) {
		jsonw_null(w);
		return;
	}
	s = time_format(t, text);
	if (t % USEC_PER_SEC == 0) {
		memcpy(text + WHOLE, "Z", 2);
		s = str_make(text, WHOLE + 1);
	}
	jsonw_str(w, s);
}

void show_wall(struct buf *out, const struct pack *p, usec t)
{
	usec of_day;
	struct date d = date_of_days(calendar_day(&p->calendar, t, &of_day));
	int minutes = (int)(of_day / USEC_PER_SEC / 60);

	buf_fmt(out, "%04d-%02d-%02d %02d:%02d", d.year, d.month, d.day, minutes / 60, minutes % 60);
}

static void put_level(struct jsonw *w, uint8_t level)
{
	if (level == 0)
		jsonw_null(w);
	else
		jsonw_int(w, level);
}

void show_levels(struct jsonw *w, const struct pack *p, const uint8_t *of, uint8_t overall)
{
	for (size_t i = 0; i < p->n_dimensions; i++) {
		jsonw_name_str(w, p->dimensions[i].id);
		put_level(w, of[i]);
	}
	jsonw_name(w, "overall");
	put_level(w, overall);
}

static void put_clock(struct jsonw *w, const struct clock_view *v, usec now)
{
	jsonw_object(w);
	jsonw_m_str(w, "id", v->clock->term.id);
	show_words(w, "title", &v->clock->term.title);
	jsonw_m_str(w, "who", v->clock->who);
	show_time(w, "start", v->start);
	show_time(w, "due", v->due);
	show_time(w, "stop", v->stop);
	jsonw_m_cstr(w, "verdict", clock_verdict_name(v->verdict));
	show_time(w, "breached_at", v->breached);
	jsonw_m_int(w, "level", v->level);
	if (v->verdict == CLOCK_RUNNING && v->due != NO_TIME)
		jsonw_m_int(w, "seconds_left", (v->due - now) / USEC_PER_SEC);
	jsonw_m_str(w, "started_by", v->started->id);
	if (v->stopped != NULL)
		jsonw_m_str(w, "stopped_by", v->stopped->id);
	jsonw_m_str(w, "source", v->clock->source);
	jsonw_object_end(w);
}

bool show_in_force(const struct pack *p, const struct incident_view *v, usec at)
{
	struct buf wall;
	struct str day;
	bool good;

	buf_init(&wall, 64);
	show_wall(&wall, p, v->aware == NO_TIME ? at : v->aware);
	day = str_slice(buf_view(&wall), 0, 10); /* YYYY-MM-DD: its order is that of the letters */
	good = str_cmp(day, p->valid_from) >= 0 && (p->valid_until.n == 0 || str_cmp(day, p->valid_until) <= 0);
	buf_done(&wall);
	return good;
}

void show_view(struct jsonw *w, const struct pack *p, const struct incident_view *v, usec at)
{
	jsonw_m_str(w, "pack", p->id);
	show_time(w, "at", at);
	jsonw_m_bool(w, "in_force", show_in_force(p, v, at));
	jsonw_m_cstr(w, "state", v->state);
	jsonw_m_str(w, "subject", p->subjects[v->subject].id);
	jsonw_name(w, "level");
	jsonw_object(w);
	show_levels(w, p, v->of, v->overall);
	jsonw_name(w, "claimed");
	put_level(w, v->claimed);
	jsonw_object_end(w);
	jsonw_name(w, "clocks");
	jsonw_array(w);
	for (size_t i = 0; i < v->n_clocks; i++)
		put_clock(w, &v->clocks[i], at);
	jsonw_array_end(w);
	jsonw_m_int(w, "facts", (int64_t)v->n_facts);
}

void show_problems(struct jsonw *w, const struct desk_facts *f)
{
	jsonw_name(w, "problems");
	jsonw_array(w);
	for (size_t i = 0; i < f->n_problems; i++) {
		jsonw_object(w);
		jsonw_m_int(w, "line", f->problems[i].line);
		jsonw_m_str(w, "fact", f->problems[i].id);
		jsonw_m_str(w, "why", f->problems[i].why);
		jsonw_m_bool(w, "counted", f->problems[i].counted);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}
