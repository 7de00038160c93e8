/* One text read twice, with the short cut and by libyaml alone: the same trees, places and faults, or why not. */
#ifndef TESTS_DETECT_YAML_SAME_H
#define TESTS_DETECT_YAML_SAME_H

#include "base/buf.h"
#include "detect/sigma_yaml.h"

static void yaml_print(struct buf *b, const struct yaml *y)
{
	buf_fmt(b, "%u:%u:%d%d%d", y->line, y->column, (int)y->kind, y->quoted, y->one_line && y->kind < YAML_LIST);
	if (y->kind < YAML_LIST)
		buf_fmt(b, "=%.17g\"%.*s\"", y->number, STR(y->text));
	for (const struct yaml_item *i = y->first; i != NULL && b->bad == RC_OK; i = i->next) {
		buf_cstr(b, "(");
		if (i->key != NULL)
			yaml_print(b, i->key);
		buf_cstr(b, ">");
		yaml_print(b, i->value);
		buf_cstr(b, ")");
	}
}

/* All documents of `text` as text. */
static void yaml_whole(struct arena *a, struct str text, bool by_libyaml, struct buf *b)
{
	CLEANUP(yaml_reader_freep) struct yaml_reader *r = NULL;
	struct err err = { 0 };

	if (yaml_reader_new(a, text, &r, &err) != RC_OK)
		return;
	if (by_libyaml)
		yaml_reader_by_libyaml(r);
	for (int n = 0; n < 1000; n++) {
		const struct yaml *y;
		uint32_t line, column;
		enum rc rc = yaml_next(r, &y, &line, &column, &err);

		if (rc == RC_OK && y == NULL)
			return;
		if (rc == RC_OK)
			yaml_print(b, y);
		else
			buf_fmt(b, "%d %u:%u %s", rc, line, column, err.text);
		buf_cstr(b, "\n");
	}
}

#endif
