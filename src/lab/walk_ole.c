/* Compound files: each stream a child, macros as the text that they are, embedded objects as the files that they were. What no
 * stream owns is left to the gap. */
#include "lab/walk.h"

#include <string.h>

#include "lab/cfb.h"
#include "lab/ole1.h"
#include "lab/vba.h"

struct ole {
	struct lab_node *n;
	struct cfb c;
	struct str dir;                /* of the macro project whose storage is `project`, unpacked */
	struct vba_module *module;
	size_t n_modules;
	uint32_t project;
};

static void claim(void *ctx, uint64_t at, uint64_t length)
{
	struct ole *o = ctx;

	lab_claim(o->n, at, length);
}

static void hide(void *ctx, uint64_t at, uint64_t length)
{
	struct ole *o = ctx;

	lab_unseen(o->n, at, length, "the document is encrypted");
}

static bool put_child(void *ctx, struct str bytes)
{
	return lab_child_write(ctx, bytes);
}

struct text {
	struct arena *a;
	char *p;
	size_t n;
};

#define DIR_MAX ((size_t)4 << 20)

static bool put_text(void *ctx, struct str bytes)
{
	struct text *t = ctx;
	char *p = t->n + bytes.n <= DIR_MAX ? arena_resize(t->a, t->p, t->n, t->n + bytes.n) : NULL;

	if (p == NULL)
		return false;
	memcpy(p + t->n, bytes.p, bytes.n);
	t->p = p;
	t->n += bytes.n;
	return true;
}

/* --- macros --- */

/* A stream in the storage of a macro project that its dir lists. */
static const struct vba_module *module_of(const struct ole *o, const struct cfb_entry *e)
{
	for (size_t i = 0; i < o->n_modules; i++) {
		if (e->parent == o->project && str_eq_nocase(o->module[i].stream, e->name))
			return &o->module[i];
	}
	return NULL;
}

static void open_macro(struct ole *o, struct str path, const struct vba_module *m, struct str stream)
{
	struct lab_origin from = { .name = path, .how = "macro" };
	struct str packed = m->at < stream.n ? (struct str){ stream.p + m->at, stream.n - m->at } : S("");
	struct lab_child *child = lab_child_open(o->n, &from);
	size_t read;

	if (child == NULL)
		return;
	if (!vba_unpack(packed, put_child, child, &read)) {
		lab_child_broken(child, "a macro's text that is damaged");
		lab_feature(o->n, LAB_SUSPICIOUS, "ole.macro-damaged", 0, 0, "a macro whose text cannot be unpacked: it may have been taken away and its compiled form left");
	}
	lab_child_close(child);
}

/* The project's list has to be read before its modules, wherever it stands. */
static enum rc find_project(struct ole *o, struct err *err)
{
	for (uint32_t i = 0; i < o->c.n_entries; i++) {
		const struct cfb_entry *e = &o->c.entry[i];
		struct text t = { .a = o->n->a };
		struct cfb look = o->c;
		struct str packed;
		bool whole;
		size_t read;

		if (e->kind != CFB_STREAM || !str_eq_nocase(e->name, S("dir")) || !str_eq_nocase(o->c.entry[e->parent].name, S("VBA")))
			continue;
		/* Read with marks of its own: the stream is claimed where it becomes a child. */
		look.used = arena_array(o->n->a, (size_t)look.n_sectors + 1, 1);
		look.small_used = arena_array(o->n->a, (size_t)look.n_small + 1, 1);
		o->module = arena_array(o->n->a, VBA_MODULES_MAX, sizeof *o->module);
		if (look.used == NULL || look.small_used == NULL || o->module == NULL)
			return FAIL(err, RC_NOMEM, "macros: out of memory");
		memset(look.used, 0, (size_t)look.n_sectors + 1);
		memset(look.small_used, 0, (size_t)look.n_small + 1);
		TRY(cfb_stream(&look, e, &packed, &whole, NULL, NULL, err));
		(void)vba_unpack(packed, put_text, &t, &read);
		o->project = e->parent;
		o->n_modules = vba_modules((struct str){ t.p, t.n }, o->n->a, o->module, VBA_MODULES_MAX);
		lab_fact_u64(o->n, "ole.macros", o->n_modules);
		return RC_OK;
	}
	return RC_OK;
}

/* --- streams --- */

/* Macros and packaged objects are looked into, so they are put together; anything else is handed on as it is read. */
static enum rc open_inner(struct ole *o, const struct cfb_entry *e, const struct vba_module *m, const struct lab_origin *from, struct err *err)
{
	struct str bytes;
	bool whole;

	TRY(cfb_stream(&o->c, e, &bytes, &whole, claim, o, err));
	lab_child_borrow(o->n, from, bytes);
	if (m != NULL)
		open_macro(o, from->name, m, bytes);
	else if (bytes.n > 4)
		(void)ole1_package(o->n, from->name, (struct str){ bytes.p + 4, bytes.n - 4 }); /* behind the length of all */
	return RC_OK;
}

/* Names as people know them: those of an installer's package are coded. */
static struct str name_of(struct ole *o, uint32_t i)
{
	struct str path = cfb_path(&o->c, i, o->n->a);
	struct buf plain;

	buf_init(&plain, CFB_PATH_MAX);
	if (cfb_msi_name(path, &plain) && plain.bad == RC_OK) {
		path = arena_dup(o->n->a, buf_view(&plain));
		if (str_starts(path, S("!CustomAction")))
			lab_feature(o->n, LAB_NOTE, "msi.custom-actions", 0, 0, "the installer's package has actions of its own: programs or scripts that run while it is installed");
	}
	buf_done(&plain);
	return path.p == NULL ? S("") : path;
}

static enum rc open_stream(struct ole *o, uint32_t i, struct err *err)
{
	const struct cfb_entry *e = &o->c.entry[i];
	struct lab_origin from = { .name = name_of(o, i), .how = "stream" };
	const struct vba_module *m = module_of(o, e);
	bool locked = str_eq(e->name, S("EncryptedPackage"));
	struct lab_child *child;

	if (m != NULL || str_eq(e->name, S("\1Ole10Native")))
		return open_inner(o, e, m, &from, err);
	child = lab_child_open(o->n, &from);
	if (child == NULL)
		return RC_OK;
	if (!cfb_copy(&o->c, e, put_child, child, locked ? hide : claim, o))
		lab_child_broken(child, "a stream is shorter than its directory says");
	lab_child_close(child);
	return RC_OK;
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct ole o = { .n = n };

	TRY(cfb_open(n->bytes, n->a, &o.c, claim, &o, err));
	TRY(find_project(&o, err));
	for (uint32_t i = 1; i < o.c.n_entries && !lab_over(n); i++) {
		if (o.c.entry[i].kind != CFB_STREAM)
			continue;
		if (!o.c.entry[i].reached)
			lab_feature(n, LAB_NOTE, "ole.orphan", 0, 0, "a stream that no storage leads to");
		TRY(open_stream(&o, i, err));
	}
	if (o.c.twice)
		lab_feature(n, LAB_SUSPICIOUS, "ole.shared-sector", 0, 0, "two streams, or a stream and a table, share a sector");
	if (o.c.broken)
		lab_feature(n, LAB_NOTE, "ole.broken-chain", 0, 0, "a chain of sectors ends where it should not");
	return RC_OK;
}

const struct lab_walker LAB_WALK_OLE = { "ole", LAB_TYPE(LAB_OLE), walk, NULL };
