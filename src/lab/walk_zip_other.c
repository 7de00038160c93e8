/* libarchive reads the archive once more for the members that are left, met by their names; the words that may open them are all
 * given to it, and it tries each by the check byte before it unpacks. */
#include <archive.h>
#include <archive_entry.h>

#include "lab/walk_zip.h"

#define FLAG_ENCRYPTED 1u
#define NAME_SHOWN 60

static void archive_freep(struct archive **a)
{
	if (*a != NULL)
		archive_read_free(*a);
}

void zip_others_add(struct lab_node *n, struct zip_others *o, const struct zip_member *m)
{
	if (o->n == o->cap) {
		size_t cap = o->cap == 0 ? 16 : o->cap * 2;
		struct zip_member *p = arena_resize(n->a, o->p, o->cap * sizeof *p, cap * sizeof *p);

		if (p == NULL) {
			lab_unseen(n, m->data_at, m->packed, "out of memory");
			return;
		}
		o->p = p;
		o->cap = cap;
	}
	o->p[o->n++] = *m;
}

static struct zip_member *find(struct zip_others *o, struct str name)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->p[i].at != UINT64_MAX && str_eq(o->p[i].name, name))
			return &o->p[i];
	return NULL;
}

static struct archive *open_with_words(struct lab_node *n)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	archive_read_support_format_zip(a);
	for (size_t i = 0; lab_password(n, i).p != NULL; i++) {
		struct str word = arena_dup(n->a, lab_password(n, i));

		if (word.n > 0)
			archive_read_add_passphrase(a, word.p);
	}
	if (archive_read_open_memory(a, n->bytes.p, n->bytes.n) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

static const char *how_closed(const struct zip_member *m)
{
	return (m->flags & FLAG_ENCRYPTED) != 0 ? "encrypted, and no word at hand opens it" : "packed in a way that nothing here unpacks";
}

static void take(struct lab_node *n, struct archive *a, struct zip_member *m)
{
	struct lab_origin from = { .name = m->name, .how = "member", .at = m->data_at, .length = m->packed };
	struct lab_child *c = lab_child_open(n, &from);
	bool good = true;

	m->at = UINT64_MAX;
	if (c == NULL)
		return;
	for (;;) {
		const void *p;
		size_t length;
		int64_t at;
		int rc = archive_read_data_block(a, &p, &length, &at);

		if (rc == ARCHIVE_EOF)
			break;
		if (rc < ARCHIVE_WARN) {
			lab_child_broken(c, "%.*s: %s", STR(str_slice(m->name, 0, NAME_SHOWN)), how_closed(m));
			good = false;
			break;
		}
		if (length > 0 && !lab_child_write(c, str_make(p, length)))
			break;
	}
	if (good && (m->flags & FLAG_ENCRYPTED) != 0)
		lab_feature(n, LAB_NOTE, "zip.password-known", m->data_at, 0, "an encrypted member was opened by a word at hand");
	lab_child_close(c);
}

void zip_others_open(struct lab_node *n, struct zip_others *o)
{
	struct archive *a CLEANUP(archive_freep) = o->n == 0 ? NULL : open_with_words(n);
	struct archive_entry *e;

	while (a != NULL && !lab_over(n) && archive_read_next_header(a, &e) >= ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(e);
		struct zip_member *m = name == NULL ? NULL : find(o, str_of(name));

		if (m != NULL)
			take(n, a, m);
	}
	for (size_t i = 0; i < o->n; i++)
		if (o->p[i].at != UINT64_MAX)
			lab_unseen(n, o->p[i].data_at, o->p[i].packed, "%.*s: %s", STR(str_slice(o->p[i].name, 0, NAME_SHOWN)), how_closed(&o->p[i]));
}
