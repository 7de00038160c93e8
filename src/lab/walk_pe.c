/* Programs of Windows carry more than what is loaded: installers and droppers keep their files behind the last section, before or behind
 * the table of signatures. */
#include "lab/walk.h"

#include "lab/pe.h"

#define FILES_MAX 10000u
#define TEXT_MAX 1024u
#define WRITTEN 0x80000000u /* IMAGE_SCN_MEM_WRITE */

/* Sections as packers of programs name them. What such a program unpacks when it runs, nobody here has seen. */
static const struct {
	struct str section;
	const char *packer;
} PACKERS[] = {
	{ S("UPX1"), "UPX" }, { S("UPX2"), "UPX" }, { S(".aspack"), "ASPack" }, { S("MEW"), "MEW" }, { S(".petite"), "Petite" }, { S(".WWP32"), "WWPack32" },
	{ S("yC"), "yoda's Crypter" }, { S(".MPRESS1"), "MPRESS" }, { S("PEC2"), "PECompact" }, { S("pec1"), "PECompact" }, { S(".nsp1"), "NsPack" },
	{ S(".themida"), "Themida" }, { S(".vmp0"), "VMProtect" }, { S(".enigma1"), "Enigma" }, { S(".Upack"), "Upack" },
};

/* False: none that is known. */
static bool look_for_packers(struct lab_node *n, const struct pe *p)
{
	bool found = false;

	for (size_t i = 0; i < p->n_sections; i++) {
		const struct pe_section *s = &p->section[i];

		for (size_t k = 0; k < COUNTOF(PACKERS); k++) {
			if (!str_eq(s->name, PACKERS[k].section))
				continue;
			found = true;
			lab_fact(n, "pe.packer", str_of(PACKERS[k].packer));
			lab_unseen(n, s->at, s->size > 0 ? s->size : UINT64_MAX, "the program is packed by %s", PACKERS[k].packer);
		}
	}
	return found;
}

/* Code that is entered where it may also be written is there to be written: unpacked by its first instructions, by whatever packer. */
static void look_for_writers(struct lab_node *n, const struct pe *p)
{
	for (size_t i = 0; i < p->n_sections; i++) {
		const struct pe_section *s = &p->section[i];

		if (p->entry >= s->address && p->entry - s->address < (s->size_in_memory > s->size ? s->size_in_memory : s->size) && (s->flags & WRITTEN) != 0) {
			lab_feature(n, LAB_NOTE, "pe.entry-written", s->at, 0, "the program begins in a section that it may change: as packed ones do");
			lab_unseen(n, s->at, s->size > 0 ? s->size : UINT64_MAX, "the program unpacks itself when it runs");
			return;
		}
	}
}

/* A text up to its NUL; false: none. */
static bool take_text(struct str s, size_t *at, struct str *ret)
{
	size_t from = *at;

	while (*at < s.n && s.p[*at] != '\0' && *at - from < TEXT_MAX)
		(*at)++;
	*ret = str_slice(s, from, *at);
	return *at < s.n && s.p[(*at)++] == '\0' && ret->n > 0;
}

/* Installers of InstallShield keep their files there as they are: name, path, version, size in digits, bytes. */
static void open_installshield(struct lab_node *n, uint64_t from_at, uint64_t to)
{
	struct str s = str_slice(n->bytes, from_at, to), name, path, version, digits;
	size_t at = 0;

	for (unsigned i = 0; i < FILES_MAX && !lab_over(n); i++) {
		struct lab_origin from = { .how = "member" };
		uint64_t size;

		if (!take_text(s, &at, &name) || !take_text(s, &at, &path) || !take_text(s, &at, &version) || !take_text(s, &at, &digits) || !str_to_u64(digits, &size) || size > s.n - at)
			return;
		from.name = path;
		from.at = from_at + at;
		from.length = size;
		if (size > 0)
			lab_child_borrow(n, &from, str_slice(s, at, at + (size_t)size));
		at += (size_t)size;
	}
}

static void open_overlay(struct lab_node *n, uint64_t from_at, uint64_t to)
{
	struct lab_origin from = { .name = S("overlay"), .how = "overlay", .at = from_at, .length = to - from_at };

	if (from_at >= to)
		return;
	lab_fact_u64(n, "pe.overlay", to - from_at);
	lab_child_borrow(n, &from, str_slice(n->bytes, from_at, to));
	open_installshield(n, from_at, to);
}

static enum rc walk(struct lab_node *n, struct err *err)
{
	uint64_t end, table, behind;
	struct pe p;

	if (pe_read(n->bytes, &p, err) != RC_OK)
		return RC_UNSUPPORTED;
	end = p.headers;
	for (size_t i = 0; i < p.n_sections; i++) {
		uint64_t here = (uint64_t)p.section[i].at + p.section[i].size;

		end = p.section[i].size > 0 && here > end ? here : end;
	}
	end = end < n->bytes.n ? end : n->bytes.n;
	table = p.directory[PE_SECURITY].address;
	behind = table + p.directory[PE_SECURITY].size;
	if (table < end || table > n->bytes.n) {
		open_overlay(n, end, n->bytes.n);
	} else {
		open_overlay(n, end, table);
		open_overlay(n, behind < n->bytes.n ? behind : n->bytes.n, n->bytes.n);
	}
	if (!look_for_packers(n, &p))
		look_for_writers(n, &p);
	/* The rest is what the loader sees, and what the maker of facts reads. */
	lab_claim(n, 0, UINT64_MAX);
	return RC_OK;
}

const struct lab_walker LAB_WALK_PE = { "pe", LAB_TYPE(LAB_PE), walk, NULL };
