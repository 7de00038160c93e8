/* OneNote sections (MS-ONESTORE): files that were put on a page stand whole in FileDataStoreObjects (§2.6.13), found by the marks
 * around them wherever they lie, because the file's own list of them need not be honest. The rest of a section holds nothing packed:
 * texts, pictures and properties as they are, left to the gap. */
#include "lab/walk.h"

#include <string.h>

#include "base/rd.h"

#define FILES_MAX 10000u
#define HEADER 36u
#define HEAD_MARK S("\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac")
#define FOOT_MARK S("\x22\xa7\xfb\x71\x79\x0f\x0b\x4a\xbb\x13\x89\x92\x56\x42\x6b\x24")
/* What is started by a double click on the page. */
#define STARTED (LAB_TYPE(LAB_PE) | LAB_TYPE(LAB_LNK) | LAB_TYPE(LAB_CHM) | LAB_TYPE(LAB_SCRIPT) | LAB_TYPE(LAB_HTML))

static bool zeros(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0')
			return false;
	return true;
}

/* Scripts of Windows have no magic: the first line says what it is to anybody who reads it. */
static bool looks_like_script(struct str bytes)
{
	static const struct str first[] = { S("@echo"), S("set "), S("rem "), S("on error"), S("dim "), S("function "), S("<job"), S("<package"), S("<?xml version=\"1.0\"?><scriptlet"),
					    S("powershell"), S("start "), S("cmd "), S("var "), S("invoke-"), S("$") };
	struct str head = str_trim(str_slice(bytes, 0, 256));

	if (str_starts(head, S("\xef\xbb\xbf")))
		head = str_trim(str_slice(head, 3, head.n));
	for (size_t i = 0; i < COUNTOF(first); i++)
		if (head.n >= first[i].n && str_eq_nocase(str_slice(head, 0, first[i].n), first[i]))
			return true;
	return false;
}

static void open_file(struct lab_node *n, uint64_t at, struct str bytes)
{
	struct lab_origin from = { .how = "attachment", .at = at, .length = bytes.n };

	if (bytes.n == 0)
		return;
	if ((lab_types_of(bytes) & STARTED) != 0 || looks_like_script(bytes))
		lab_feature(n, LAB_SUSPICIOUS, "onenote.program", at, bytes.n, "a program or script lies on a page of the notebook, to be started by a click");
	lab_child_borrow(n, &from, bytes);
}

/* One object at the mark; where to look on. */
static size_t open_object(struct lab_node *n, size_t at)
{
	uint64_t length = str_le64(n->bytes, at + 16), left = n->bytes.n - at;
	struct str after;
	size_t end, foot;

	if (left < HEADER)
		return n->bytes.n;
	if (length > left - HEADER) {
		lab_feature(n, LAB_NOTE, "onenote.damaged", at, HEADER, "a file on a page is longer than the notebook");
		length = left - HEADER;
	}
	lab_claim(n, at, HEADER);
	open_file(n, at + HEADER, str_slice(n->bytes, at + HEADER, at + HEADER + length));
	end = at + HEADER + (size_t)length;
	after = str_slice(n->bytes, end, end + 8 + FOOT_MARK.n);
	foot = str_find(after, FOOT_MARK, 0);
	/* Padding to eight bytes before the mark: of anything but zeros it is looked at by itself. */
	if (foot != SIZE_MAX) {
		lab_claim(n, end + foot, FOOT_MARK.n);
		if (zeros(str_slice(after, 0, foot)))
			lab_claim(n, end, foot);
		end += foot + FOOT_MARK.n;
	}
	return end;
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	unsigned files = 0;

	for (size_t at = 0; (at = str_find(n->bytes, HEAD_MARK, at)) != SIZE_MAX && !lab_over(n);) {
		if (files++ == FILES_MAX)
			return FAIL(err, RC_LIMIT, "more than %u files on its pages", FILES_MAX);
		at = open_object(n, at);
	}
	lab_fact_u64(n, "onenote.files", files);
	/* The header of the file, §2.3.1: the rest is for the gaps. */
	lab_claim(n, 0, 16);
	return RC_OK;
}

const struct lab_walker LAB_WALK_ONENOTE = { "onenote", LAB_TYPE(LAB_ONENOTE), walk, NULL };
