#include "lab/ppt.h"

#include "base/rd.h"
#include "lab/pdf_filter.h"

#define OBJECT 0x1011u /* RT_ExternalOleObjectStg: objects, controls, and the project of macros */
#define OBJECTS_MAX 10000u

static bool put(void *ctx, struct str s)
{
	return lab_child_write(ctx, s);
}

static void open_object(struct lab_node *n, struct str name, struct str atom, bool packed)
{
	struct lab_origin from = { .name = name, .how = "object" };
	struct lab_child *c;

	if (!packed) {
		lab_child_borrow(n, &from, atom);
		return;
	}
	c = lab_child_open(n, &from);
	if (c == NULL)
		return;
	lab_child_took(c, atom.n);
	/* Behind its unpacked size: zlib, as in PDF. */
	if (!pdf_decode(PDF_FLATE, &(struct pdf_parameters){ 0 }, str_slice(atom, 4, atom.n), put, c))
		lab_child_broken(c, "an object of the presentation is damaged");
	lab_child_close(c);
}

void ppt_objects(struct lab_node *n, struct str name, struct str stream)
{
	unsigned objects = 0;
	struct rd r;

	rd_init(&r, stream);
	while (rd_left(&r) >= 8 && !lab_over(n)) {
		unsigned head = rd_le16(&r), sort = rd_le16(&r);
		uint32_t length = rd_le32(&r);
		struct str atom;

		if ((head & 15) == 15)
			continue; /* a container: what is in it follows */
		atom = rd_bytes(&r, length < rd_left(&r) ? length : rd_left(&r));
		if (sort == OBJECT && objects++ < OBJECTS_MAX)
			open_object(n, name, atom, (head >> 4) == 1);
	}
	if (objects > OBJECTS_MAX)
		lab_unseen(n, 0, UINT64_MAX, "more than %u objects in a presentation", OBJECTS_MAX);
}
