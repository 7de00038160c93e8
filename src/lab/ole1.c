#include "lab/ole1.h"

#include <string.h>

#include "base/rd.h"

/* A text up to its NUL; the cursor goes on behind it. */
static struct str text(struct rd *r)
{
	const char *p = (const char *)r->p + r->pos;
	struct str s = { p, strnlen(p, rd_left(r)) };

	rd_skip(r, s.n + 1);
	return s;
}

bool ole1_package(struct lab_node *n, struct str name, struct str bytes)
{
	struct lab_origin from = { .name = name, .how = "object" };
	struct str label, data;
	struct rd r;

	rd_init(&r, bytes);
	if (rd_le16(&r) != 2)
		return false;
	label = text(&r);
	(void)text(&r);
	rd_skip(&r, 4);
	rd_skip(&r, rd_le32(&r));
	data = rd_bytes(&r, rd_le32(&r));
	if (r.bad) {
		lab_feature(n, LAB_NOTE, "ole.object-damaged", 0, 0, "an embedded object whose sizes do not agree");
		return false;
	}
	if (label.n > 0) {
		lab_fact(n, "ole.object", label);
		from.name = label;
	}
	lab_child_borrow(n, &from, data);
	return true;
}

/* LengthPrefixedAnsiString (§2.1.4). */
static struct str counted(struct rd *r)
{
	struct str s = rd_bytes(r, rd_le32(r));

	return (struct str){ s.p, s.n > 0 ? strnlen(s.p, s.n) : 0 };
}

bool ole1_object(struct lab_node *n, struct str name, struct str bytes)
{
	struct lab_origin from = { .name = name, .how = "object" };
	struct str class, data;
	uint32_t format;
	struct rd r;

	rd_init(&r, bytes);
	rd_skip(&r, 4); /* version: any */
	format = rd_le32(&r);
	class = counted(&r);
	(void)counted(&r);
	(void)counted(&r);
	data = rd_bytes(&r, rd_le32(&r));
	if (format != 2 || r.bad)
		return false;
	lab_fact(n, "ole.class", class);
	if (str_eq_nocase(class, S("Package")) && ole1_package(n, name, data))
		return true;
	lab_child_borrow(n, &from, data);
	return true;
}
