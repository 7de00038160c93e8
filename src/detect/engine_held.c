/* Fields that hold an object or an array. Asked where a rule speaks of a field as such (exists, null) and the event has no
 * value of it. The parser names the first of them; the line is walked once more for an event that has very many. */
#include "detect/engine_run.h"

#define HELD_DEPTH_MAX 64

struct walk {
	const struct fields *dict;
	const char *p, *end;
	uint16_t field;
};

static void skip_space(struct walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
		w->p++;
}

/* From its first quote to behind its last; what stands between. */
static struct str pass_string(struct walk *w)
{
	const char *from = ++w->p;

	while (w->p < w->end && *w->p != '"')
		w->p += *w->p == '\\' && w->end - w->p > 1 ? 2 : 1;
	if (w->p < w->end)
		w->p++;
	return str_make(from, (size_t)(w->p - from) - (w->p > from));
}

static void pass_scalar(struct walk *w)
{
	if (w->p < w->end && *w->p == '"')
		(void)pass_string(w);
	else
		while (w->p < w->end && *w->p != ',' && *w->p != '}' && *w->p != ']')
			w->p++;
}

/* One value, in the object `node`; true when the field is found in it. What is nested deeper than anybody asks for is nobody's. */
static bool find_in(struct walk *w, fields_node node, unsigned depth)
{
	char open, close;

	skip_space(w);
	open = w->p < w->end ? *w->p : '\0';
	close = open == '{' ? '}' : ']';
	if (open != '{' && open != '[') {
		pass_scalar(w);
		return false;
	}
	if (depth == HELD_DEPTH_MAX) {
		w->p = w->end;
		return false;
	}
	for (w->p++; w->p < w->end;) {
		const char *before = w->p;
		fields_node in = node;

		skip_space(w);
		if (w->p < w->end && *w->p == close) {
			w->p++;
			return false;
		}
		if (open == '{' && w->p < w->end && *w->p == '"') {
			uint16_t id = fields_find(w->dict, node, pass_string(w), &in);

			skip_space(w);
			w->p += w->p < w->end && *w->p == ':';
			skip_space(w);
			if (id == w->field && w->p < w->end && (*w->p == '{' || *w->p == '['))
				return true;
		}
		if (find_in(w, in, depth + 1))
			return true;
		skip_space(w);
		w->p += w->p < w->end && (*w->p == ',' || w->p == before);
	}
	return false;
}

/* Does a string in the line begin as some step of the field's name does? Names may have blanks in them, and dots be part of one. */
static bool may_hold(struct str line, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char quoted[2] = { '"', name.p[i] };

		if ((i == 0 || name.p[i - 1] == '.') && str_find(line, str_make(quoted, 2), 0) != SIZE_MAX)
			return true;
	}
	return false;
}

bool event_holds(const struct engine *e, uint16_t field)
{
	const struct flat *f = e->f;
	struct walk w = { .dict = e->m->fields, .p = e->f->raw.p, .end = e->f->raw.p + e->f->raw.n, .field = field };

	if (f->format != LOG_JSON)
		return false;
	for (uint32_t i = 0; i < f->n_held && i < FLAT_HELD_MAX; i++)
		if (f->held[i] == field)
			return true;
	return f->n_held > FLAT_HELD_MAX && may_hold(e->f->raw, fields_name(w.dict, field)) && find_in(&w, 0, 0);
}
