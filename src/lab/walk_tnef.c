/* TNEF (MS-OXTNEF), the "winmail.dat" of Outlook: attributes one behind the other; attached files are children, the rest is left to
 * the gap, which is inspected as it is. */
#include "lab/walk.h"

#include <string.h>

#include "base/rd.h"

enum { ATTACH_TITLE = 0x00018010, ATTACH_DATA = 0x0006800f, ATTACHMENT = 0x00069005 };

#define HEAD 9 /* level, id, length */
#define PR_ATTACH_LONG_FILENAME 0x3707u
#define PR_ATTACH_FILENAME 0x3704u
#define PR_ATTACH_DATA 0x3701u

/* Properties of an attachment (§2.1.3.4): only those of one value and a length are understood; the others end the look. */
static void open_properties(struct lab_node *n, struct str bytes, size_t at)
{
	struct lab_origin from = { .how = "attachment" };
	struct rd r;
	uint32_t count;

	rd_init(&r, bytes);
	count = rd_le32(&r);
	for (uint32_t i = 0; i < count && rd_left(&r) >= 4; i++) {
		unsigned type = rd_le16(&r), id = rd_le16(&r);
		struct str value;
		size_t where;

		if (type == 0x0002 || type == 0x0003 || type == 0x0004 || type == 0x000a || type == 0x000b) {
			rd_skip(&r, 4);
			continue;
		}
		if (type == 0x0005 || type == 0x0006 || type == 0x0007 || type == 0x0014 || type == 0x0040) {
			rd_skip(&r, 8);
			continue;
		}
		if ((type != 0x001e && type != 0x001f && type != 0x000d && type != 0x0102) || id >= 0x8000 || rd_le32(&r) != 1)
			return;
		value = rd_bytes(&r, rd_le32(&r));
		if (r.bad)
			return;
		where = at + r.pos - value.n;
		rd_skip(&r, (4 - value.n % 4) % 4 < rd_left(&r) ? (4 - value.n % 4) % 4 : rd_left(&r));
		if (id == PR_ATTACH_LONG_FILENAME || id == PR_ATTACH_FILENAME)
			from.name = (struct str){ value.p, strnlen(value.p, value.n) };
		if (id != PR_ATTACH_DATA)
			continue;
		/* An object begins with the identifier of its interface. */
		size_t skip = type == 0x000d && value.n >= 16 ? 16 : 0;

		from.at = where + skip;
		from.length = value.n - skip;
		lab_child_borrow(n, &from, (struct str){ value.p + skip, value.n - skip });
	}
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct str title = S("");
	struct rd r;

	rd_init(&r, n->bytes);
	if (rd_le32(&r) != 0x223e9f78u)
		return RC_UNSUPPORTED;
	rd_skip(&r, 2);
	lab_claim(n, 0, 6);
	while (rd_left(&r) >= HEAD && !lab_over(n)) {
		size_t head = r.pos, size;
		unsigned level = rd_u8(&r);
		uint32_t id = rd_le32(&r);
		struct str data;

		size = rd_le32(&r);
		if (level != 1 && level != 2)
			return FAIL(err, RC_BAD, "TNEF: level %u at byte %zu", level, head);
		data = rd_bytes(&r, size);
		if (r.bad)
			return FAIL(err, RC_BAD, "TNEF: an attribute at byte %zu is cut off", head);
		lab_claim(n, head, HEAD);
		lab_claim(n, r.pos, rd_left(&r) < 2 ? rd_left(&r) : 2);
		rd_skip(&r, rd_left(&r) < 2 ? rd_left(&r) : 2);
		if (id == ATTACH_TITLE) {
			title = (struct str){ data.p, strnlen(data.p, data.n) };
		} else if (id == ATTACH_DATA) {
			struct lab_origin from = { .name = title, .how = "attachment", .at = head + HEAD, .length = data.n };

			lab_child_borrow(n, &from, data);
		} else if (id == ATTACHMENT) {
			open_properties(n, data, head + HEAD);
		}
	}
	return RC_OK;
}

const struct lab_walker LAB_WALK_TNEF = { "tnef", LAB_TYPE(LAB_TNEF), walk, NULL };
