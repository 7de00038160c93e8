/* Compound files: each stream a child, macros as the text that they are, embedded objects as the files that they were. What no
 * stream owns is left to the gap. */
#include "lab/walk.h"

#include <string.h>

#include "base/rd.h"
#include "lab/cfb.h"
#include "lab/office_lock.h"
#include "lab/ole1.h"
#include "lab/ppt.h"
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

/* A stream's bytes, read with marks of its own: it is claimed where it becomes a child. */
static enum rc peek(const struct ole *o, const struct cfb_entry *e, struct str *ret, struct err *err)
{
	struct cfb look = o->c;
	bool whole;

	look.used = arena_array(o->n->a, (size_t)look.n_sectors + 1, 1);
	look.small_used = arena_array(o->n->a, (size_t)look.n_small + 1, 1);
	if (look.used == NULL || look.small_used == NULL)
		return FAIL(err, RC_NOMEM, "compound file: out of memory");
	memset(look.used, 0, (size_t)look.n_sectors + 1);
	memset(look.small_used, 0, (size_t)look.n_small + 1);
	return cfb_stream(&look, e, ret, &whole, NULL, NULL, err);
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
		struct str packed;
		size_t read;

		if (e->kind != CFB_STREAM || !str_eq_nocase(e->name, S("dir")) || !str_eq_nocase(o->c.entry[e->parent].name, S("VBA")))
			continue;
		o->module = arena_array(o->n->a, VBA_MODULES_MAX, sizeof *o->module);
		if (o->module == NULL)
			return FAIL(err, RC_NOMEM, "macros: out of memory");
		TRY(peek(o, e, &packed, err));
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
	else if (str_eq(e->name, S("PowerPoint Document")))
		ppt_objects(o->n, from->name, bytes);
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

/* The word that opens the package: that by which Excel locks what it only protects, then those that are known. */
static bool find_word(struct ole *o, struct office_lock *l, struct str info)
{
	struct str word = S("VelvetSweatshop");

	if (!office_lock_read(info, o->n->a, l)) {
		lab_fact(o->n, "office.lock", S("unknown"));
		return false;
	}
	lab_fact(o->n, "office.lock", l->agile ? S("agile") : S("standard"));
	for (size_t i = 0; word.p != NULL && !lab_over(o->n); i++) {
		if (office_lock_try(l, word)) {
			lab_fact(o->n, "office.password", word);
			return true;
		}
		word = lab_password(o->n, i);
	}
	return false;
}

static void open_package(struct ole *o, const struct office_lock *l, struct str package)
{
	struct lab_origin from = { .name = S("package"), .how = "unlocked" };
	uint64_t size = str_le64(package, 0), done = 0;
	struct lab_child *child = lab_child_open(o->n, &from);
	unsigned char out[OFFICE_LOCK_PIECE];

	if (child == NULL)
		return;
	for (uint32_t i = 0; done < size && !lab_over(o->n); i++) {
		struct str in = str_part(package, 8 + (size_t)i * OFFICE_LOCK_PIECE, OFFICE_LOCK_PIECE);
		size_t n = in.n / 16 * 16, good = size - done < n ? (size_t)(size - done) : n;

		if (n == 0 || !office_lock_open(l, i, str_slice(in, 0, n), out)) {
			lab_child_broken(child, "an encrypted package is shorter than it says");
			break;
		}
		if (!lab_child_write(child, str_make((const char *)out, good)))
			break;
		done += good;
	}
	lab_child_close(child);
}

/* False: it stays locked. */
static bool unlock(struct ole *o, uint32_t parent, struct str package, struct err *err)
{
	for (uint32_t i = 1; i < o->c.n_entries; i++) {
		const struct cfb_entry *e = &o->c.entry[i];
		struct office_lock l;
		struct str info;

		if (e->kind != CFB_STREAM || e->parent != parent || !str_eq(e->name, S("EncryptionInfo")))
			continue;
		if (peek(o, e, &info, err) != RC_OK || !find_word(o, &l, info))
			return false;
		open_package(o, &l, package);
		return true;
	}
	return false;
}

static enum rc open_locked(struct ole *o, const struct cfb_entry *e, const struct lab_origin *from, struct err *err)
{
	bool whole, opened;
	struct str bytes;

	TRY(peek(o, e, &bytes, err));
	opened = unlock(o, e->parent, bytes, err);
	TRY(cfb_stream(&o->c, e, &bytes, &whole, opened ? claim : hide, o, err));
	lab_child_borrow(o->n, from, bytes);
	return RC_OK;
}

static enum rc open_stream(struct ole *o, uint32_t i, struct err *err)
{
	const struct cfb_entry *e = &o->c.entry[i];
	struct lab_origin from = { .name = name_of(o, i), .how = "stream" };
	const struct vba_module *m = module_of(o, e);
	bool locked = str_eq(e->name, S("EncryptedSummary")); /* of a presentation; the older kinds of locks are not opened */
	struct lab_child *child;

	if (str_eq(e->name, S("EncryptedPackage")))
		return open_locked(o, e, &from, err);
	if (m != NULL || str_eq(e->name, S("\1Ole10Native")) || str_eq(e->name, S("PowerPoint Document")))
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

static enum rc prepare(struct err *err)
{
	return secret_prepare() ? RC_OK : FAIL(err, RC_INTERNAL, "Office: libcrypto lacks a cipher");
}

const struct lab_walker LAB_WALK_OLE = { "ole", LAB_TYPE(LAB_OLE), walk, prepare };
