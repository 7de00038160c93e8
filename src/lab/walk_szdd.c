/* Files of Microsoft's COMPRESS.EXE ("SZDD"): LZSS over a ring of 4,096 bytes that begins as blanks. Not specified by its maker; as
 * libmspack documents it. */
#include "lab/walk.h"

#include <string.h>

#include "base/rd.h"

#define HEADER 14u
#define RING 4096u
#define PIECE 4096u

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct lab_origin from = { .how = "member", .at = 0, .length = n->bytes.n };
	uint32_t size = str_le32(n->bytes, 10);
	char ring[RING], out[PIECE];
	size_t made = 0, k = 0, place = RING - 16;
	struct lab_child *c;
	bool go_on = true;
	struct rd r;

	(void)err;
	if (n->bytes.n < HEADER)
		return RC_UNSUPPORTED;
	c = lab_child_open(n, &from);
	if (c == NULL)
		return RC_OK;
	memset(ring, ' ', sizeof ring);
	rd_init(&r, n->bytes);
	rd_skip(&r, HEADER);
	while (go_on && made < size && rd_left(&r) > 0) {
		unsigned flags = rd_u8(&r);

		for (int i = 0; i < 8 && go_on && made < size && rd_left(&r) > 0; i++, flags >>= 1) {
			unsigned low = rd_u8(&r), high = (flags & 1) != 0 ? 0 : rd_u8(&r);
			size_t back = low | (high & 0xf0u) << 4, length = (flags & 1) != 0 ? 1 : (high & 0x0fu) + 3;

			for (size_t j = 0; j < length && made < size && go_on; j++) {
				char v = (flags & 1) != 0 ? (char)low : ring[(back + j) % RING];

				ring[place++ % RING] = v;
				out[k++] = v;
				made++;
				if (k == sizeof out) {
					lab_child_took(c, r.pos);
					go_on = lab_child_write(c, str_make(out, k));
					k = 0;
				}
			}
		}
	}
	if (go_on && k > 0)
		go_on = lab_child_write(c, str_make(out, k));
	if (go_on && made < size)
		lab_child_broken(c, "it is shorter than it says");
	lab_child_close(c);
	return RC_OK;
}

const struct lab_walker LAB_WALK_SZDD = { "szdd", LAB_TYPE(LAB_SZDD), walk, NULL };
