/* Filters of PDF streams (ISO 32000-1 §7.4) but those of pictures. Each reads all of `in` and hands on what comes out, as far as it is sound. */
#ifndef LAB_PDF_FILTER_H
#define LAB_PDF_FILTER_H

#include "base/str.h"

/* False: stop. */
typedef bool (*pdf_put)(void *ctx, struct str bytes);

struct pdf_parameters { /* DecodeParms; zero: as the standard's default */
	unsigned predictor, colours, bits, columns;
	bool late; /* EarlyChange 0 */
};

enum pdf_coding { PDF_FLATE, PDF_LZW, PDF_HEX, PDF_ASCII85, PDF_RUNS, PDF_PICTURE, PDF_CRYPT, PDF_UNKNOWN };

/* By its name or its abbreviation, without the slash. */
enum pdf_coding pdf_coding_named(struct str name);
/* A picture's coding is handed on as it is, and so is what is unknown. False: damaged, or stopped; what came before was handed on. */
bool pdf_decode(enum pdf_coding c, const struct pdf_parameters *p, struct str in, pdf_put put, void *ctx);

#endif
