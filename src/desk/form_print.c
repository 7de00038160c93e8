/* Forms for people and programs. Everything from facts is hostile: HTML is escaped, and each value is an island of its own
 * direction. */
#include "desk/form.h"
#include "desk/show.h"

static void put_fields(struct jsonw *w, const struct form_value *list, size_t n)
{
	jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		const struct form_value *v = &list[i];

		jsonw_object(w);
		jsonw_m_str(w, "id", v->field->term.id);
		show_words(w, "title", &v->field->term.title);
		if (v->field->hint.zh.n > 0 || v->field->hint.en.n > 0)
			show_words(w, "hint", &v->field->hint);
		jsonw_m_bool(w, "required", v->field->required);
		jsonw_m_bool(w, "missing", v->missing);
		jsonw_m_str(w, "entry", v->field->entry);
		jsonw_m_str(w, "value", v->text);
		if (v->field->n_parts > 0) {
			jsonw_name(w, "parts");
			put_fields(w, v->parts, v->field->n_parts);
		}
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

void form_put_facts(const struct pack_form *f, struct jsonw *w)
{
	jsonw_name(w, "facts");
	jsonw_array(w);
	for (int type = 0; type < FACT_TYPES; type++)
		if (f->facts >> type & 1)
			jsonw_cstr(w, desk_fact_name((enum fact_type)type));
	jsonw_array_end(w);
}

void form_json(const struct form *f, struct jsonw *w)
{
	jsonw_m_str(w, "form", f->form->term.id);
	jsonw_m_str(w, "pack", f->about->pack->id);
	show_words(w, "title", &f->form->term.title);
	jsonw_m_str(w, "source", f->form->source);
	jsonw_m_str(w, "number", f->about->number);
	jsonw_m_bool(w, "exercise", f->about->exercise);
	form_put_facts(f->form, w);
	jsonw_name(w, "fields");
	put_fields(w, f->values, f->form->n_fields);
	jsonw_name(w, "missing");
	jsonw_array(w);
	for (size_t i = 0; i < f->form->n_fields; i++)
		if (f->values[i].missing)
			jsonw_str(w, f->values[i].field->term.id);
	jsonw_array_end(w);
	jsonw_m_bool(w, "complete", f->missing == 0);
}

/* --- HTML --- */

static void escape(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		switch (text.p[i]) {
		case '&': buf_cstr(out, "&amp;"); break;
		case '<': buf_cstr(out, "&lt;"); break;
		case '>': buf_cstr(out, "&gt;"); break;
		case '"': buf_cstr(out, "&quot;"); break;
		case '\'': buf_cstr(out, "&#39;"); break;
		default: buf_char(out, text.p[i]);
		}
}

static void put_both(struct buf *out, const struct pack_words *w)
{
	escape(out, w->zh);
	buf_cstr(out, "<br><small>");
	escape(out, w->en);
	buf_cstr(out, "</small>");
}

static void put_cell(struct buf *out, const struct form_value *v)
{
	if (v->text.n > 0) {
		buf_cstr(out, "<div class=\"v\" dir=\"auto\">");
		escape(out, v->text);
		buf_cstr(out, "</div>");
	}
	for (size_t i = 0; i < v->field->n_parts && v->text.n == 0; i++) {
		buf_cstr(out, "<div class=\"p\">");
		escape(out, v->parts[i].field->term.title.zh);
		buf_cstr(out, " / ");
		escape(out, v->parts[i].field->term.title.en);
		buf_cstr(out, ": <bdi>");
		escape(out, v->parts[i].text);
		buf_cstr(out, "</bdi></div>");
	}
	if (v->missing)
		buf_cstr(out, "<div class=\"m\">未填 / missing</div>");
}

static const char HEAD[] =
	"<!DOCTYPE html>\n<html lang=\"zh-TW\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\"><title>";
static const char STYLE[] =
	"</title><style>body{font-family:serif;max-width:48em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}th,td{border:1px "
	"solid #000;padding:.4em;text-align:left;vertical-align:top}th{width:32%;font-weight:normal}.v{white-space:pre-wrap;overflow-wrap:anywhere}"
	".m{font-weight:bold}.x{border:3px double #000;text-align:center;padding:.3em;font-size:1.3em}small{color:#333}"
	"@media print{body{margin:0}}</style></head><body>\n";

void form_html(const struct form *f, struct buf *out)
{
	const struct form_about *x = f->about;

	buf_cstr(out, HEAD);
	escape(out, x->number);
	buf_cstr(out, STYLE);
	if (x->exercise)
		buf_cstr(out, "<p class=\"x\">演練 EXERCISE：非真實事件 not a real incident</p>\n");
	buf_cstr(out, "<h1>");
	put_both(out, &f->form->term.title);
	buf_cstr(out, "</h1>\n<p>");
	escape(out, x->number);
	buf_cstr(out, " <bdi>");
	escape(out, x->title);
	buf_cstr(out, "</bdi><br><small>");
	escape(out, x->pack->id);
	if (f->form->source.n > 0)
		buf_cstr(out, ", ");
	escape(out, f->form->source);
	buf_cstr(out, ", ");
	show_wall(out, x->pack, x->at);
	buf_cstr(out, "</small></p>\n<table>\n");
	for (size_t i = 0; i < f->form->n_fields; i++) {
		buf_cstr(out, "<tr><th scope=\"row\">");
		put_both(out, &f->values[i].field->term.title);
		buf_cstr(out, "</th><td>");
		put_cell(out, &f->values[i]);
		buf_cstr(out, "</td></tr>\n");
	}
	buf_cstr(out, "</table>\n");
	if (x->exercise)
		buf_cstr(out, "<p class=\"x\">演練 EXERCISE</p>\n");
	buf_cstr(out, "</body></html>\n");
}

/* --- plain text --- */

static void put_lines(struct buf *out, struct str text)
{
	struct str line;

	while (str_next(&text, '\n', &line))
		buf_fmt(out, "    %.*s\n", STR(line));
}

void form_text(const struct form *f, bool zh, struct buf *out)
{
	const struct form_about *x = f->about;
	struct str title = zh ? f->form->term.title.zh : f->form->term.title.en;

	if (x->exercise)
		buf_cstr(out, "*** EXERCISE 演練 ***\n");
	buf_fmt(out, "%.*s\n%.*s  %.*s\n", STR(title), STR(x->number), STR(x->title));
	for (size_t i = 0; i < f->form->n_fields; i++) {
		const struct form_value *v = &f->values[i];
		struct str name = zh ? v->field->term.title.zh : v->field->term.title.en;

		buf_fmt(out, "\n%.*s (%.*s)%s\n", STR(name), STR(v->field->entry), !v->missing ? "" : zh ? " ＊未填＊" : " *missing*");
		put_lines(out, v->text);
		for (size_t k = 0; k < v->field->n_parts && v->text.n == 0; k++) {
			struct str part = zh ? v->parts[k].field->term.title.zh : v->parts[k].field->term.title.en;

			buf_fmt(out, "    %.*s: %.*s\n", STR(part), STR(v->parts[k].text));
		}
	}
	if (x->exercise)
		buf_cstr(out, "\n*** EXERCISE 演練 ***\n");
}
