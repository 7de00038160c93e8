#include "node/news.h"

#include <stdio.h>

#include "desk/alarm.h"
#include "desk/show.h"
#include "stix/marking.h"

#define TEXT_MAX ((size_t)16 << 10)
#define DRILL "【演練 EXERCISE】"

void news_init(struct news *n)
{
	n->key[0] = n->id[0] = '\0';
	n->at = 0;
	buf_init(&n->subject, TEXT_MAX);
	buf_init(&n->body, TEXT_MAX);
	buf_init(&n->json, TEXT_MAX);
}

void news_done(struct news *n)
{
	buf_done(&n->subject);
	buf_done(&n->body);
	buf_done(&n->json);
}

static void by_the_wall(const struct pack *p, usec at, struct buf *out)
{
	char text[TIME_TEXT_MAX];

	if (p == NULL) {
		time_format(at, text);
		buf_fmt(out, "%.19sZ", text);
		return;
	}
	show_wall(out, p, at);
	buf_fmt(out, " (%.*s)", STR(p->zone_name));
}

/* Names have blanks and other letters. */
static void plain(char *id)
{
	for (char *p = id; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 127)
			*p = '.';
}

static enum rc checked(const struct news *n, struct err *err)
{
	TRY(buf_check(&n->subject, err, "news"));
	TRY(buf_check(&n->body, err, "news"));
	return buf_check(&n->json, err, "news");
}

/* --- alarms --- */

/* The clock's title; its id when the pack is gone. */
static struct pack_words title_of(const struct desk *d, struct str key)
{
	struct alarm_name name = alarm_name(key);
	const struct pack *p = desk_pack(d, name.pack);

	for (size_t i = 0; p != NULL && i < p->n_clocks; i++)
		if (str_eq(p->clocks[i].term.id, name.clock))
			return p->clocks[i].term.title;
	return (struct pack_words){ name.clock, name.clock };
}

static void write_subject(const struct incident_untold *u, const struct pack_words *title, struct buf *out)
{
	buf_fmt(out, "%s[%.*s] %.*s / %.*s: %s", u->incident.exercise ? DRILL : "", STR(u->incident.number), STR(title->zh), STR(title->en),
		alarm_words(u->alarm.percent)->brief);
}

static void write_body(const struct desk *d, const struct incident_untold *u, const struct pack_words *title, struct buf *out)
{
	const struct pack *p = desk_pack(d, alarm_name(u->alarm.clock).pack);
	const char *drill = u->incident.exercise ? "【演練】此為演練，非真實事件。\n" : "", *drill_en = u->incident.exercise ? "EXERCISE: this is a drill.\n" : "";

	buf_fmt(out, "%s事件 %.*s：%.*s\n%.*s：%s\n期限：", drill, STR(u->incident.number), STR(u->incident.title), STR(title->zh),
		alarm_words(u->alarm.percent)->zh);
	by_the_wall(p, u->alarm.due, out);
	buf_fmt(out, "\n處理：lianfang incident show %.*s\n\n%sIncident %.*s: %.*s\n%.*s %s\nDue: ", STR(u->incident.number), drill_en,
		STR(u->incident.number), STR(u->incident.title), STR(title->en), alarm_words(u->alarm.percent)->en);
	by_the_wall(p, u->alarm.due, out);
	buf_fmt(out, "\nSee: lianfang incident show %.*s\n", STR(u->incident.number));
}

/* What programs read. */
static void write_alarm(const struct incident_untold *u, const struct pack_words *title, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", u->alarm.percent >= 100 ? "breach" : "alarm");
	jsonw_m_str(&w, "incident", u->incident.id);
	jsonw_m_str(&w, "number", u->incident.number);
	jsonw_m_str(&w, "title", u->incident.title);
	jsonw_m_bool(&w, "exercise", u->incident.exercise);
	jsonw_m_str(&w, "clock", u->alarm.clock);
	show_words(&w, "clock_title", title);
	jsonw_m_int(&w, "percent", u->alarm.percent);
	show_time(&w, "due", u->alarm.due);
	show_time(&w, "at", u->alarm.at);
	jsonw_object_end(&w);
}

enum rc news_of_alarm(const struct desk *d, const struct incident_untold *u, struct news *n, struct err *err)
{
	struct pack_words title = title_of(d, u->alarm.clock);

	n->at = u->alarm.at;
	snprintf(n->key, sizeof n->key, "%lld %d %.*s", (long long)u->incident.row, u->alarm.percent, STR(str_slice(u->alarm.clock, 0, 500)));
	snprintf(n->id, sizeof n->id, "%.*s.%.*s.%d@lianfang", STR(u->incident.id), STR(str_slice(u->alarm.clock, 0, 150)), u->alarm.percent);
	plain(n->id);
	write_subject(u, &title, &n->subject);
	write_body(d, u, &title, &n->body);
	write_alarm(u, &title, &n->json);
	return checked(n, err);
}

/* --- alerts that want an answer --- */

/* What happened, in both languages. */
static void put_event(const struct bulletin_word *b, bool zh, struct buf *out)
{
	if (str_eq(b->kind, S("came")))
		buf_fmt(out, zh ? "收到，來自 %.*s" : "came from %.*s", STR(b->origin));
	else if (b->who.n > 0)
		buf_fmt(out, zh ? "%.*s 逾期未回復" : "%.*s has not answered in time", STR(b->who));
	else
		buf_cstr(out, zh ? "逾期未回復" : "is not answered in time");
}

static void put_part(const struct bulletin_word *b, struct str name, const struct pack *p, bool zh, struct buf *out)
{
	const char *drill = !b->exercise ? "" : zh ? "【演練】此為演練，非真實事件。\n" : "EXERCISE: this is a drill.\n";

	buf_fmt(out, zh ? "%s情資 %.*s（%.*s）：" : "%sAlert %.*s (%.*s): ", drill, STR(b->number), STR(name));
	put_event(b, zh, out);
	if (b->tlp < TLP_RED)
		buf_fmt(out, zh ? "\n主旨：%.*s" : "\nSubject: %.*s", STR(b->title));
	buf_fmt(out, zh ? "\n保密程度：%s" : "\n%s", tlp_name((enum tlp)b->tlp));
	if (b->source.n > 0)
		buf_fmt(out, zh ? "\n來源編號：%.*s" : "\nOn: %.*s", STR(b->source));
	if (b->due > 0) {
		buf_cstr(out, zh ? "\n回復期限：" : "\nAnswer by: ");
		by_the_wall(p, b->due, out);
	}
	buf_fmt(out, zh ? "\n處理：lianfang alert show %.*s\n" : "\nSee: lianfang alert show %.*s\n", STR(b->number));
}

static void write_json(const struct bulletin_word *b, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", "alert");
	jsonw_m_str(&w, "event", b->kind);
	jsonw_m_str(&w, "bulletin", b->id);
	jsonw_m_str(&w, "number", b->number);
	jsonw_m_str(&w, "code", b->code);
	jsonw_m_cstr(&w, "tlp", tlp_name((enum tlp)b->tlp));
	if (b->tlp < TLP_RED)
		jsonw_m_str(&w, "title", b->title);
	jsonw_m_bool(&w, "exercise", b->exercise);
	jsonw_m_str(&w, "origin", b->origin);
	jsonw_m_str(&w, "who", b->who);
	jsonw_m_str(&w, "source", b->source);
	show_time(&w, "due", b->due > 0 ? b->due : NO_TIME);
	show_time(&w, "at", b->at);
	jsonw_object_end(&w);
}

enum rc news_of_bulletin(const struct desk *d, struct str packs, const struct bulletin_word *b, struct news *n, struct err *err)
{
	const struct json *name = desk_word(d, "alert_types", b->code);
	struct str first = S(""), zh = json_get_str(name, S("zh-TW")), en = json_get_str(name, S("en"));
	const struct pack *p = str_next(&packs, ' ', &first) ? desk_pack(d, first) : NULL;

	n->at = b->at;
	snprintf(n->key, sizeof n->key, "alert %.*s %.*s %.*s", STR(b->kind), STR(b->id), STR(str_slice(b->who, 0, 100)));
	snprintf(n->id, sizeof n->id, "%.*s.%.*s.%.*s@lianfang", STR(b->id), STR(b->kind), STR(str_slice(b->who, 0, 100)));
	plain(n->id);
	zh = zh.n > 0 ? zh : b->code;
	en = en.n > 0 ? en : b->code;
	buf_fmt(&n->subject, "%s[%.*s] %.*s / %.*s: ", b->exercise ? DRILL : "", STR(b->number), STR(zh), STR(en));
	put_event(b, false, &n->subject);
	put_part(b, zh, p, true, &n->body);
	buf_char(&n->body, '\n');
	put_part(b, en, p, false, &n->body);
	write_json(b, &n->json);
	return checked(n, err);
}
