#include "input/marks.h"

#include "base/mem.h"

struct mark {
	uint64_t last; /* number of the last message of the run */
	int64_t next;  /* offset behind it */
	uint32_t part;
};

struct marks {
	struct mark *ring;
	size_t room, first, n;
	uint64_t last, settled;
};

struct marks *marks_new(size_t most, uint64_t before)
{
	struct marks *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return NULL;
	*m = (struct marks){ .ring = mem_array(most, sizeof *m->ring), .room = most, .last = before, .settled = before };
	if (m->ring == NULL) {
		mem_free(m);
		return NULL;
	}
	return m;
}

void marks_free(struct marks *m)
{
	if (m == NULL)
		return;
	mem_free(m->ring);
	mem_free(m);
}

bool marks_full(const struct marks *m)
{
	return m->n == m->room;
}

uint64_t marks_last(const struct marks *m)
{
	return m->last;
}

uint64_t marks_add(struct marks *m, uint32_t part, int64_t next)
{
	struct mark *old = m->n == 0 ? NULL : &m->ring[(m->first + m->n - 1) % m->room];

	m->last++;
	/* Offsets may have gaps (compacted topics, transactions): those begin a run, so that within one they can be counted. */
	if (old != NULL && old->part == part && old->next + 1 == next) {
		old->last = m->last;
		old->next = next;
	} else {
		m->ring[(m->first + m->n++) % m->room] = (struct mark){ m->last, next, part };
	}
	return m->last;
}

void marks_settle(struct marks *m, uint64_t number, void (*fn)(void *ctx, uint32_t part, int64_t next), void *ctx)
{
	if (number > m->last || number <= m->settled)
		return;
	while (m->n > 0) {
		struct mark *k = &m->ring[m->first];
		uint64_t begin = m->settled;

		if (begin >= number)
			break;
		if (k->last > number) { /* within the run */
			fn(ctx, k->part, k->next - (int64_t)(k->last - number));
			m->settled = number;
			break;
		}
		fn(ctx, k->part, k->next);
		m->settled = k->last;
		m->first = (m->first + 1) % m->room;
		m->n--;
	}
}
