/* Shell links (MS-SHLLINK): what a shortcut starts, with which words, and under whose picture. A shortcut that starts an interpreter
 * with a program in its arguments is the commonest attachment that needs no macro. What follows its last block is an overlay: no
 * honest program writes one, and droppers read their second part from there. */
#include "lab/walk.h"

#include <string.h>

#include "base/rd.h"
#include "base/text.h"
#include "lab/words.h"

#define HEADER 0x4cu
#define TEXT_BYTES ((size_t)3 * 65536) /* of one string: 65,535 units of UTF-16 */
#define PATH_BYTES ((size_t)4096)
#define BLOCKS_MAX 64
#define ARGUMENTS_LONG 512
#define PADDING_LONG 64

enum { ID_LIST = 1, LINK_INFO = 2, NAME = 4, RELATIVE = 8, DIRECTORY = 0x10, ARGUMENTS = 0x20, ICON = 0x40, UNICODE = 0x80 };

struct lnk {
	struct lab_node *n;
	struct rd r;
	uint32_t flags;
	struct str target, arguments, icon;
	size_t arguments_at, icon_at;
};

/* Up to its NUL; as it is in one byte a letter. */
static struct str text_of(struct lnk *l, struct str s, bool wide)
{
	char *to;
	size_t n = 0;

	if (!wide) {
		while (n < s.n && s.p[n] != '\0')
			n++;
		return arena_dup(l->n->a, str_slice(s, 0, n));
	}
	while (n + 1 < s.n && (s.p[n] != '\0' || s.p[n + 1] != '\0'))
		n += 2;
	to = arena_alloc(l->n->a, n / 2 * 3 + 1);
	return to == NULL ? S("") : str_make(to, utf16le_get(to, str_slice(s, 0, n)));
}

static void say(struct lnk *l, const char *name, struct str value)
{
	if (value.n > 0)
		lab_fact(l->n, name, value);
}

/* --- the list of items: one of the shell's folders after the other --- */

/* The long name of a file's item stands in an extension whose place of it depends on its version (libfwsi's notes on 0xbeef0004). */
static struct str long_name(struct lnk *l, struct str item)
{
	static const struct { unsigned version, at; } places[] = { { 3, 20 }, { 7, 38 }, { 8, 42 }, { 9, 46 } };
	size_t mark = str_find(item, S("\x04\0\xef\xbe"), 14);
	struct str ext;
	unsigned version;

	if (mark == SIZE_MAX || mark < 4)
		return S("");
	ext = str_slice(item, mark - 4, item.n);
	version = str_le16(ext, 2);
	for (size_t i = 0; i < COUNTOF(places); i++)
		if (places[i].version == version)
			return text_of(l, str_slice(ext, places[i].at, ext.n), true);
	return S("");
}

static struct str item_name(struct lnk *l, struct str item)
{
	unsigned char kind = item.n > 2 ? (unsigned char)item.p[2] : 0;
	struct str name = S("");

	if ((kind & 0x70) == 0x20)
		return text_of(l, str_slice(item, 3, item.n), false);
	if ((kind & 0x70) != 0x30)
		return name;
	name = long_name(l, item);
	return name.n > 0 ? name : text_of(l, str_slice(item, 14, item.n), (kind & 4) != 0);
}

static void read_items(struct lnk *l)
{
	struct rd list;
	char path[PATH_BYTES];
	size_t n = 0;

	rd_init(&list, rd_bytes(&l->r, rd_le16(&l->r)));
	while (rd_left(&list) >= 2) {
		size_t at = list.pos, size = rd_le16(&list);
		struct str name;

		if (size < 2)
			break;
		list.pos = at;
		name = item_name(l, rd_bytes(&list, size));
		if (list.bad)
			break;
		if (name.n == 0 || n + name.n + 1 > sizeof path)
			continue;
		if (n > 0 && path[n - 1] != '\\')
			path[n++] = '\\';
		memcpy(path + n, name.p, name.n);
		n += name.n;
	}
	l->target = arena_dup(l->n->a, str_make(path, n));
}

/* --- link info, strings, blocks --- */

static struct str place_text(struct lnk *l, struct str info, size_t field, bool wide)
{
	uint32_t at = str_le32(info, field);

	return at == 0 ? S("") : text_of(l, str_slice(info, at, info.n), wide);
}

static void read_info(struct lnk *l)
{
	size_t at = l->r.pos;
	uint32_t size = rd_le32(&l->r), head, net;
	struct str info, base, suffix;
	bool wide;

	if (size < 0x1c)
		return;
	l->r.pos = at;
	info = rd_bytes(&l->r, size);
	head = str_le32(info, 4);
	wide = head >= 0x24;
	net = str_le32(info, 20);
	base = (str_le32(info, 8) & 1) != 0 ? place_text(l, info, wide ? 28 : 16, wide) : S("");
	if (base.n == 0 && (str_le32(info, 8) & 2) != 0 && net > 0)
		base = place_text(l, str_slice(info, net, info.n), 8, false);
	suffix = place_text(l, info, wide ? 32 : 24, wide);
	if (base.n > 0)
		l->target = arena_fmt(l->n->a, "%.*s%s%.*s", STR(base), suffix.n > 0 && !str_ends(base, S("\\")) ? "\\" : "", STR(suffix));
}

static struct str read_string(struct lnk *l, size_t *ret_at)
{
	bool wide = (l->flags & UNICODE) != 0;
	size_t units = rd_le16(&l->r);

	*ret_at = l->r.pos;
	return text_of(l, rd_bytes(&l->r, wide ? units * 2 : units), wide);
}

static void read_block(struct lnk *l, uint32_t sort, struct str block)
{
	struct str text;

	if (sort == 0xa0000001u || sort == 0xa0000007u) { /* environment's target, environment's icon */
		text = text_of(l, str_slice(block, 268, block.n), true);
		if (text.n == 0)
			text = text_of(l, str_slice(block, 8, block.n < 268 ? block.n : 268), false);
		if (sort == 0xa0000007u)
			l->icon = text.n > 0 ? text : l->icon;
		else if (text.n > 0 && l->target.n == 0)
			l->target = text;
		say(l, sort == 0xa0000001u ? "lnk.target.environment" : "lnk.icon.environment", text);
	} else if (sort == 0xa0000003u) {
		say(l, "lnk.machine", text_of(l, str_slice(block, 16, 32), false));
	}
}

/* False: no terminal block, so that it is not known where the link ends. */
static bool read_blocks(struct lnk *l)
{
	for (int i = 0; i < BLOCKS_MAX && rd_left(&l->r) >= 4; i++) {
		size_t at = l->r.pos;
		uint32_t size = rd_le32(&l->r);
		struct str block;

		if (size < 4)
			return true;
		l->r.pos = at;
		block = rd_bytes(&l->r, size);
		if (l->r.bad) {
			l->r.pos = at;
			return false;
		}
		read_block(l, str_le32(block, 4), block);
	}
	return false;
}

/* --- what it is good for --- */

/* Blanks in a row that push what follows out of the dialog's sight. */
static bool padded(struct str s)
{
	size_t run = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (strchr(" \t\r\n\v\f", s.p[i]) == NULL && run >= PADDING_LONG)
			return true;
		run = strchr(" \t\r\n\v\f", s.p[i]) != NULL ? run + 1 : 0;
	}
	return false;
}

static void judge(struct lnk *l)
{
	struct lab_node *n = l->n;
	bool starts = lab_names_interpreter(l->target) || lab_names_interpreter(l->arguments);

	if (starts && l->arguments.n > 0 && lab_words_of_attack(l->arguments))
		lab_feature(n, LAB_SUSPICIOUS, "lnk.starts-interpreter", l->arguments_at, l->arguments.n,
			    "a shortcut that hands an interpreter words by which programs are fetched or hidden");
	else if (starts && l->arguments.n > 0)
		lab_feature(n, LAB_NOTE, "lnk.interpreter", l->arguments_at, l->arguments.n, "a shortcut that starts an interpreter with arguments");
	if (padded(l->arguments))
		lab_feature(n, LAB_SUSPICIOUS, "lnk.padded-arguments", l->arguments_at, l->arguments.n, "blanks push the arguments of a shortcut out of sight");
	else if (l->arguments.n > ARGUMENTS_LONG)
		lab_feature(n, LAB_SUSPICIOUS, "lnk.long-arguments", l->arguments_at, l->arguments.n, "the arguments of a shortcut are longer than any honest ones");
	/* Offices have shares for such things; nobody has web servers. */
	if (str_starts(l->icon, S("\\\\")) || str_find(l->icon, S("://"), 0) != SIZE_MAX)
		lab_feature(n, str_starts(l->icon, S("\\\\")) ? LAB_NOTE : LAB_SUSPICIOUS, "lnk.icon-elsewhere", l->icon_at, l->icon.n, "showing the shortcut fetches its picture from another machine, and signs in there");
}

static void open_overlay(struct lnk *l)
{
	struct lab_origin from = { .name = S("overlay"), .how = "overlay", .at = l->r.pos, .length = rd_left(&l->r) };
	struct str rest = str_slice(l->n->bytes, l->r.pos, l->n->bytes.n);
	bool zeros = true;

	for (size_t i = 0; i < rest.n && zeros; i++)
		zeros = rest.p[i] == '\0';
	if (zeros) {
		lab_claim(l->n, l->r.pos, rest.n);
		return;
	}
	lab_feature(l->n, LAB_SUSPICIOUS, "lnk.overlay", l->r.pos, rest.n, "bytes behind the end of a shortcut");
	lab_child_borrow(l->n, &from, rest);
}

static void read_strings(struct lnk *l)
{
	static const struct { uint32_t flag; const char *fact; } strings[] = {
		{ NAME, "lnk.name" }, { RELATIVE, "lnk.relative" }, { DIRECTORY, "lnk.directory" }, { ARGUMENTS, "lnk.arguments" }, { ICON, "lnk.icon" },
	};

	for (size_t i = 0; i < COUNTOF(strings) && !l->r.bad; i++) {
		struct str text;
		size_t at;

		if ((l->flags & strings[i].flag) == 0)
			continue;
		text = read_string(l, &at);
		if (l->r.bad)
			return;
		say(l, strings[i].fact, text);
		if (strings[i].flag == ARGUMENTS) {
			l->arguments = text;
			l->arguments_at = at;
		} else if (strings[i].flag == ICON) {
			l->icon = text;
			l->icon_at = at;
		} else if (strings[i].flag == RELATIVE && l->target.n == 0) {
			l->target = text;
		}
	}
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	struct lnk l = { .n = n, .target = S(""), .arguments = S(""), .icon = S("") };

	(void)err;
	if (str_le32(n->bytes, 0) != HEADER || n->bytes.n < HEADER)
		return RC_UNSUPPORTED;
	rd_init(&l.r, n->bytes);
	rd_skip(&l.r, HEADER);
	l.flags = str_le32(n->bytes, 20);
	if ((l.flags & ID_LIST) != 0)
		read_items(&l);
	if ((l.flags & LINK_INFO) != 0 && !l.r.bad)
		read_info(&l);
	read_strings(&l);
	if (!l.r.bad && read_blocks(&l)) {
		lab_claim(n, 0, l.r.pos);
		open_overlay(&l);
	} else {
		lab_feature(n, LAB_NOTE, "lnk.damaged", l.r.pos, 0, "a shortcut that ends before its last block");
		lab_claim(n, 0, HEADER);
	}
	say(&l, "lnk.target", l.target);
	judge(&l);
	return RC_OK;
}

const struct lab_walker LAB_WALK_LNK = { "lnk", LAB_TYPE(LAB_LNK), walk, NULL };
