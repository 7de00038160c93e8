/* What a file may be, by its first bytes and a few fixed places: the routing table of the lab. A file may be several things at
 * once (a polyglot is evidence, not an error), so all plausible types are kept and each one's walker looks at it. What
 * libmagic says is a fact for people; nothing is routed by it. */
#ifndef LAB_TYPE_H
#define LAB_TYPE_H

#include "base/str.h"

/* In the order of the rows of type.c. Add a new one before LAB_TYPES. */
enum lab_type {
	LAB_ZIP,  /* also OOXML, ODF, JAR, APK, ...: those are facts of what is in it */
	LAB_GZIP, LAB_BZIP2, LAB_XZ, LAB_ZSTD, LAB_LZ4, LAB_LZIP, LAB_LZMA, LAB_COMPRESS, LAB_UU,
	LAB_TAR, LAB_CPIO, LAB_AR, LAB_7Z, LAB_RAR, LAB_CAB, LAB_ISO, LAB_XAR, LAB_LHA, LAB_ARJ, LAB_RPM, LAB_WARC,
	LAB_OLE, LAB_PDF, LAB_RTF, LAB_EML, LAB_MBOX, LAB_TNEF, LAB_ONENOTE, LAB_LNK, LAB_CHM, LAB_SZDD, LAB_BINHEX, LAB_SIS,
	LAB_PE, LAB_ELF, LAB_MACHO, LAB_CLASS, LAB_DEX,
	LAB_HTML, LAB_XML, LAB_SCRIPT, LAB_TEXT,
	LAB_PNG, LAB_JPEG, LAB_GIF, LAB_TIFF, LAB_RIFF, LAB_SWF, LAB_FONT,
	LAB_DMG, LAB_VHD, LAB_VMDK, LAB_QCOW, LAB_WIM, LAB_ZLIB, LAB_AUTOIT, LAB_NSIS, LAB_INSTALLSHIELD,
	LAB_TYPES
};

#define LAB_TYPE(t) ((uint64_t)1 << (t)) /* in sets of types */

/* All that `bytes` may be; 0: nothing known (data). */
uint64_t lab_types_of(struct str bytes);

/* "zip"; also what the report shows. Never NULL. */
const char *lab_type_name(enum lab_type t);
/* Type by that name, or LAB_TYPES. */
enum lab_type lab_type_named(struct str name);

/* True: other files lie in it, hidden by packing or coding. One of those that no walker opens is not inspected, and
 * the ledger says so. */
bool lab_type_holds(enum lab_type t);

#endif
