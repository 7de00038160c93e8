/* Magic numbers are those of the formats' own specifications. Mail and scripts have none: they are known by their first lines. */
#include "lab/type.h"

#include "base/ascii.h"

#define HEAD_LINES 40      /* of a mail's header that are looked at */
#define HEAD_BYTES 4096
#define ZIP_TAIL ((size_t)22 + 65535) /* where its end record is looked for (APPNOTE 4.3.16) */
#define FLOATING ((size_t)1024) /* "%PDF-" may come this late (ISO 32000-1 Annex H, 3.4.1) */

static const struct {
	const char *name;
	bool holds;
} TYPES[LAB_TYPES] = {
	[LAB_ZIP] = { "zip", true }, [LAB_GZIP] = { "gzip", true }, [LAB_BZIP2] = { "bzip2", true }, [LAB_XZ] = { "xz", true },
	[LAB_ZSTD] = { "zstd", true }, [LAB_LZ4] = { "lz4", true }, [LAB_LZIP] = { "lzip", true }, [LAB_LZMA] = { "lzma", true },
	[LAB_COMPRESS] = { "compress", true }, [LAB_UU] = { "uu", true }, [LAB_TAR] = { "tar", true }, [LAB_CPIO] = { "cpio", true },
	[LAB_AR] = { "ar", true }, [LAB_7Z] = { "7z", true }, [LAB_RAR] = { "rar", true }, [LAB_CAB] = { "cab", true },
	[LAB_ISO] = { "iso", true }, [LAB_XAR] = { "xar", true }, [LAB_LHA] = { "lha", true }, [LAB_ARJ] = { "arj", true },
	[LAB_RPM] = { "rpm", true }, [LAB_WARC] = { "warc", true }, [LAB_OLE] = { "ole", true }, [LAB_PDF] = { "pdf", true },
	[LAB_RTF] = { "rtf", true }, [LAB_EML] = { "eml", true }, [LAB_MBOX] = { "mbox", true }, [LAB_TNEF] = { "tnef", true },
	[LAB_ONENOTE] = { "onenote", true }, [LAB_LNK] = { "lnk", false }, [LAB_CHM] = { "chm", true }, [LAB_SZDD] = { "szdd", true },
	[LAB_BINHEX] = { "binhex", true }, [LAB_SIS] = { "sis", true }, [LAB_PE] = { "pe", false }, [LAB_ELF] = { "elf", false },
	[LAB_MACHO] = { "macho", false }, [LAB_CLASS] = { "class", false }, [LAB_DEX] = { "dex", false }, [LAB_HTML] = { "html", false },
	[LAB_XML] = { "xml", false }, [LAB_SCRIPT] = { "script", false }, [LAB_TEXT] = { "text", false }, [LAB_PNG] = { "png", false },
	[LAB_JPEG] = { "jpeg", false }, [LAB_GIF] = { "gif", false }, [LAB_TIFF] = { "tiff", false }, [LAB_RIFF] = { "riff", false },
	[LAB_SWF] = { "swf", false }, [LAB_FONT] = { "font", false }, [LAB_DMG] = { "dmg", true }, [LAB_VHD] = { "vhd", true },
	[LAB_VMDK] = { "vmdk", true }, [LAB_QCOW] = { "qcow", true }, [LAB_WIM] = { "wim", true }, [LAB_ZLIB] = { "zlib", false },
	[LAB_AUTOIT] = { "autoit", true }, [LAB_NSIS] = { "nsis", true }, [LAB_INSTALLSHIELD] = { "installshield", true },
};
_Static_assert(LAB_TYPES <= 64, "sets of types are 64 bits");

static const struct {
	enum lab_type type;
	size_t at;
	struct str magic;
} MAGICS[] = {
	{ LAB_ZIP, 0, S("PK\3\4") }, { LAB_ZIP, 0, S("PK\5\6") }, { LAB_ZIP, 0, S("PK00PK\3\4") },
	{ LAB_GZIP, 0, S("\x1f\x8b\x08") }, { LAB_BZIP2, 0, S("BZh") }, { LAB_XZ, 0, S("\xfd" "7zXZ\0") }, { LAB_ZSTD, 0, S("\x28\xb5\x2f\xfd") },
	{ LAB_LZ4, 0, S("\x04\x22\x4d\x18") }, { LAB_LZIP, 0, S("LZIP") }, { LAB_LZMA, 0, S("\x5d\0\0") }, { LAB_COMPRESS, 0, S("\x1f\x9d") },
	{ LAB_TAR, 257, S("ustar") }, { LAB_CPIO, 0, S("07070") }, { LAB_CPIO, 0, S("\xc7\x71") }, { LAB_CPIO, 0, S("\x71\xc7") }, { LAB_AR, 0, S("!<arch>\n") },
	{ LAB_7Z, 0, S("7z\xbc\xaf\x27\x1c") }, { LAB_RAR, 0, S("Rar!\x1a\x07") }, { LAB_CAB, 0, S("MSCF") }, { LAB_ISO, 0x8001, S("CD001") },
	{ LAB_ISO, 0x8801, S("CD001") }, { LAB_XAR, 0, S("xar!") }, { LAB_LHA, 2, S("-lh") }, { LAB_LHA, 2, S("-lz") }, { LAB_ARJ, 0, S("\x60\xea") },
	{ LAB_RPM, 0, S("\xed\xab\xee\xdb") }, { LAB_WARC, 0, S("WARC/") }, { LAB_OLE, 0, S("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") },
	{ LAB_RTF, 0, S("{\\rt") }, { LAB_MBOX, 0, S("From ") }, { LAB_TNEF, 0, S("\x78\x9f\x3e\x22") },
	{ LAB_ONENOTE, 0, S("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3") },
	{ LAB_LNK, 0, S("L\0\0\0\x01\x14\x02\0") }, { LAB_CHM, 0, S("ITSF") }, { LAB_SZDD, 0, S("SZDD\x88\xf0\x27\x33") },
	{ LAB_BINHEX, 0, S("(This file must be converted with BinHex") }, { LAB_SIS, 8, S("\x19\x04\0\x10") }, { LAB_SIS, 0, S("\x7a\x1a\x20\x10") },
	{ LAB_PE, 0, S("MZ") }, { LAB_ELF, 0, S("\x7f" "ELF") }, { LAB_MACHO, 0, S("\xcf\xfa\xed\xfe") }, { LAB_MACHO, 0, S("\xce\xfa\xed\xfe") },
	{ LAB_MACHO, 0, S("\xfe\xed\xfa\xce") }, { LAB_MACHO, 0, S("\xfe\xed\xfa\xcf") }, { LAB_CLASS, 0, S("\xca\xfe\xba\xbe") }, { LAB_DEX, 0, S("dex\n03") },
	{ LAB_PNG, 0, S("\x89PNG\r\n\x1a\n") }, { LAB_JPEG, 0, S("\xff\xd8\xff") }, { LAB_GIF, 0, S("GIF8") }, { LAB_TIFF, 0, S("II*\0") },
	{ LAB_TIFF, 0, S("MM\0*") }, { LAB_RIFF, 0, S("RIFF") }, { LAB_SWF, 0, S("FWS") }, { LAB_SWF, 0, S("CWS") }, { LAB_SWF, 0, S("ZWS") },
	{ LAB_FONT, 0, S("OTTO") }, { LAB_FONT, 0, S("wOFF") }, { LAB_FONT, 0, S("wOF2") }, { LAB_VHD, 0, S("conectix") }, { LAB_VHD, 0, S("vhdxfile") },
	{ LAB_VMDK, 0, S("KDMV") }, { LAB_VMDK, 0, S("# Disk DescriptorFile") }, { LAB_QCOW, 0, S("QFI\xfb") }, { LAB_WIM, 0, S("MSWIM\0\0\0") },
	{ LAB_ZLIB, 0, S("\x78\x9c") }, { LAB_ZLIB, 0, S("\x78\xda") }, { LAB_INSTALLSHIELD, 0, S("ISc(") },
	{ LAB_NSIS, 4, S("\xef\xbe\xad\xdeNullsoftInst") }, { LAB_AUTOIT, 16, S("AU3!EA0") }, { LAB_SCRIPT, 0, S("#!") }, { LAB_XML, 0, S("<?xml") },
	{ LAB_XML, 0, S("\xef\xbb\xbf<?xml") },
};

const char *lab_type_name(enum lab_type t)
{
	return (unsigned)t < LAB_TYPES ? TYPES[t].name : "data";
}

enum lab_type lab_type_named(struct str name)
{
	for (unsigned t = 0; t < LAB_TYPES; t++)
		if (str_eq(name, str_of(TYPES[t].name)))
			return (enum lab_type)t;
	return LAB_TYPES;
}

bool lab_type_holds(enum lab_type t)
{
	return (unsigned)t < LAB_TYPES && TYPES[t].holds;
}

static bool stands_at(struct str bytes, size_t at, struct str magic)
{
	return at <= bytes.n && str_eq(str_slice(bytes, at, at + magic.n), magic) && bytes.n - at >= magic.n;
}

/* The sum over a tar header with its own field as spaces (POSIX pax §ustar): also tells tars older than "ustar". */
static bool is_tar(struct str bytes)
{
	unsigned long sum = 0, said = 0;
	struct str field = str_slice(bytes, 148, 156);

	if (bytes.n < 512 || bytes.p[0] == '\0')
		return false;
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)bytes.p[i];
	for (size_t i = 0; i < field.n; i++)
		if (field.p[i] >= '0' && field.p[i] <= '7')
			said = said * 8 + (unsigned long)(field.p[i] - '0');
		else if (field.p[i] != ' ')
			break;
	return said == sum;
}

/* "Name: value" as a mail begins: at least two such lines, one of them of a mail. */
static bool is_mail(struct str bytes)
{
	static const struct str known[] = { S("from"), S("to"), S("subject"), S("date"), S("received"), S("mime-version"), S("message-id"),
					    S("content-type"), S("return-path"), S("delivered-to"), S("reply-to"), S("x-mailer") };
	struct str rest = str_slice(bytes, 0, HEAD_BYTES), line;
	int fields = 0, mails = 0;

	if (str_starts(rest, S("From ")))
		(void)str_next(&rest, '\n', &line);
	for (int i = 0; i < HEAD_LINES && str_next(&rest, '\n', &line); i++) {
		size_t colon = str_find(line, S(":"), 0);

		if (line.n == 0 || line.p[0] == '\r')
			break;
		if (line.p[0] == ' ' || line.p[0] == '\t')
			continue;
		if (colon == SIZE_MAX || colon == 0 || str_find(str_slice(line, 0, colon), S(" "), 0) != SIZE_MAX)
			return mails >= 2;
		fields++;
		for (size_t k = 0; k < COUNTOF(known); k++)
			mails += str_eq_nocase(str_slice(line, 0, colon), known[k]);
	}
	return fields >= 2 && mails >= 1;
}

static bool is_text(struct str bytes)
{
	struct str head = str_slice(bytes, 0, HEAD_BYTES);

	if (head.n == 0)
		return false;
	for (size_t i = 0; i < head.n; i++) {
		unsigned char c = (unsigned char)head.p[i];

		if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b && c != '\b')
			return false;
	}
	return true;
}

static bool holds_nocase(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (str_eq_nocase(str_slice(s, i, i + needle.n), needle))
			return true;
	return false;
}

static uint64_t texts_of(struct str bytes)
{
	struct str head = str_slice(bytes, 0, FLOATING), line;
	uint64_t types = LAB_TYPE(LAB_TEXT);

	if (is_mail(bytes))
		types |= LAB_TYPE(LAB_EML);
	if (holds_nocase(head, S("<html")) || holds_nocase(head, S("<!doctype html")) || holds_nocase(head, S("<script")))
		types |= LAB_TYPE(LAB_HTML);
	/* "begin 644 name" at the start of a line. */
	for (struct str rest = str_slice(bytes, 0, HEAD_BYTES); str_next(&rest, '\n', &line);)
		if (str_starts(line, S("begin ")) && line.n > 10 && line.p[6] >= '0' && line.p[6] <= '7' && line.p[9] == ' ')
			types |= LAB_TYPE(LAB_UU);
	return types;
}

uint64_t lab_types_of(struct str bytes)
{
	struct str head = str_slice(bytes, 0, FLOATING);
	uint64_t types = 0;

	for (size_t i = 0; i < COUNTOF(MAGICS); i++)
		if (stands_at(bytes, MAGICS[i].at, MAGICS[i].magic))
			types |= LAB_TYPE(MAGICS[i].type);
	if (str_find(head, S("%PDF-"), 0) != SIZE_MAX)
		types |= LAB_TYPE(LAB_PDF);
	/* An end record near the end: a ZIP that something else stands before (self-extractors, polyglots). */
	if (bytes.n >= 22 && str_find(bytes, S("PK\5\6"), bytes.n > ZIP_TAIL ? bytes.n - ZIP_TAIL : 0) != SIZE_MAX)
		types |= LAB_TYPE(LAB_ZIP);
	if (bytes.n >= 512 && str_starts(str_slice(bytes, bytes.n - 512, bytes.n), S("koly")))
		types |= LAB_TYPE(LAB_DMG);
	if (is_tar(bytes))
		types |= LAB_TYPE(LAB_TAR);
	if (is_text(bytes))
		types |= texts_of(bytes);
	return types;
}
