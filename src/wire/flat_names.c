/* Logs say the same names over and over. So what each means is kept here, in a
 * table that the walk looks into with one comparison of 32 bytes, and only what
 * is not found there is asked of the dictionary: blanks, dots, escapes and all. */
#include "base/hash.h"
#include "base/mem.h"
#include "wire/fields_table.h"
#include "wire/flat_work.h"

struct flat_work *flat_work_new(void)
{
	char *room = mem_alloc(sizeof(struct flat_work) + 64);
	struct flat_work *w;

	if (room == NULL)
		return NULL;
	w = (struct flat_work *)(void *)(room + (64 - (uintptr_t)room % 64));
	w->room = room;
	random_bytes(&w->secret, sizeof w->secret);
	return w;
}

void flat_work_free(struct flat_work *w)
{
	if (w != NULL)
		mem_free(w->room);
}

void flat_names_for(struct flat_work *w, const struct fields *dict)
{
	if (LIKELY(w->stamp == fields_table(dict)->stamp))
		return;
	w->stamp = fields_table(dict)->stamp;
	for (size_t i = 0; i < FLAT_WAYS; i++)
		for (size_t row = 0; row < FLAT_ROWS; row++)
			w->names[i][row].where = UINT32_MAX;
}

/* A name with escapes is looked up by what they mean. One that is far too long is nobody's either way. */
static bool ask(struct flat *f, const struct fields *dict, uint32_t node, struct str name, uint32_t *ret)
{
	bool escaped = name.n > 0 && name.n <= 6 * FIELD_NAME_MAX && memchr(name.p, '\\', name.n) != NULL;
	struct str meant = escaped ? flat_unescape(f, name) : name;
	fields_node in;
	uint16_t id;

	if (meant.p == NULL)
		return false;
	id = fields_find(dict, (fields_node)node, meant, &in);
	*ret = id | (uint32_t)in << 16;
	return true;
}

/* The place of a row that has the name, or else the one that it shall have. */
static struct flat_name *place_of(struct flat_work *w, size_t row, uint32_t where, const char text[static FLAT_NAME_MAX])
{
	struct flat_name *unused = NULL;

	for (size_t i = 0; i < FLAT_WAYS; i++) {
		struct flat_name *known = &w->names[i][row];

		if (known->where == where && memcmp(known->text, text, FLAT_NAME_MAX) == 0)
			return known;
		if (known->where == UINT32_MAX && unused == NULL)
			unused = known;
	}
	return unused != NULL ? unused : &w->names[w->turn++ % FLAT_WAYS][row];
}

uint64_t flat_names_find(struct flat *f, const struct fields *dict, uint32_t node, struct str name, size_t row)
{
	uint32_t where = fields_where(node, name.n), found = 0;
	char text[FLAT_NAME_MAX] = { 0 };
	struct flat_name *known;

	if (name.n > FLAT_NAME_MAX)
		return ask(f, dict, node, name, &found) ? found : FLAT_NO_MEMORY;
	memcpy(text, name.p, name.n);
	known = place_of(f->work, row, where, text);
	if (known->where == where && memcmp(known->text, text, sizeof text) == 0)
		return known->found;
	if (!ask(f, dict, node, name, &found))
		return FLAT_NO_MEMORY;
	known->where = where;
	known->found = found;
	memcpy(known->text, text, sizeof text);
	return found;
}
