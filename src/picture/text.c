#include "picture/text.h"

#include <math.h>

void board_time_text(struct buf *out, usec at, int zone)
{
	char text[TIME_TEXT_MAX];

	time_format(at + (usec)zone * USEC_PER_SEC, text);
	buf_fmt(out, "%.10s %.5s", text, text + 11);
}

/* The two largest units. */
static void span_text(struct buf *out, double seconds, bool zh)
{
	static const struct { int64_t of; const char *en, *zh; } units[] = { { 86400, "d", "天" }, { 3600, "h", "小時" }, { 60, "min", "分" }, { 1, "s", "秒" } };
	int64_t left = llround(seconds);
	int told = 0;

	for (size_t i = 0; i < COUNTOF(units) && told < 2; i++) {
		int64_t n = left / units[i].of;

		left %= units[i].of;
		if (n == 0 && (told == 0 ? units[i].of > 1 : true))
			continue;
		buf_fmt(out, "%s%lld %s", told > 0 ? " " : "", (long long)n, zh ? units[i].zh : units[i].en);
		told++;
	}
}

static void number_text(struct buf *out, struct str unit, double v)
{
	if (str_eq(unit, S("share")))
		buf_fmt(out, "%.*f %%", v > 0 && v < 0.1 ? 1 : 0, v * 100);
	else if (str_eq(unit, S("count")))
		buf_fmt(out, "%.0f", v);
	else
		buf_fmt(out, "%.*f", v < 10 ? 2 : 1, v);
}

static void state_text(struct buf *out, struct str state, bool zh)
{
	static const struct { const char *id, *en, *zh; } states[] = { { "heard", "heard", "有回應" }, { "silent", "silent", "失聯" }, { "unknown", "unknown", "不明" } };

	for (size_t i = 0; i < COUNTOF(states); i++)
		if (str_eq(state, str_of(states[i].id)))
			buf_cstr(out, zh ? states[i].zh : states[i].en);
}

static void why_text(struct buf *out, struct str why, int64_t k, bool zh)
{
	if (str_eq(why, S("no-report")))
		buf_cstr(out, zh ? "無回報" : "no report");
	else if (str_eq(why, S("hidden")))
		buf_fmt(out, zh ? "少於 %lld" : "fewer than %lld", (long long)k);
	else
		buf_cstr(out, "–");
}

void board_cell_text(struct buf *out, const struct json *column, const struct json *cell, int64_t k, int zone, bool zh)
{
	struct str unit = json_get_str(column, S("unit"));
	const struct json *value = json_get(cell, S("value"));
	double v = 0, low, high;
	usec at;

	if (value == NULL)
		why_text(out, json_get_str(cell, S("why")), k, zh);
	else if (str_eq(unit, S("state")))
		state_text(out, json_str(value), zh);
	else if (str_eq(unit, S("time")) && time_parse(json_str(value), &at, NULL, NULL) == RC_OK)
		board_time_text(out, at, zone);
	else if (json_double(value, &v) && str_eq(unit, S("span")))
		span_text(out, v, zh);
	else if (json_double(value, &v))
		number_text(out, unit, v);
	if (value == NULL || !json_double(json_get(cell, S("low")), &low) || !json_double(json_get(cell, S("high")), &high))
		return;
	buf_cstr(out, zh ? "（" : " (");
	number_text(out, unit, low);
	buf_cstr(out, zh ? " 至 " : " to ");
	number_text(out, unit, high);
	buf_cstr(out, zh ? "）" : ")");
}
