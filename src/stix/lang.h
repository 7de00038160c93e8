/* Which language codes exist (ISO 639), in lower case. */
#ifndef STIX_LANG_H
#define STIX_LANG_H

#include "base/str.h"

bool lang_known(struct str code);       /* two or three letters: a primary subtag of RFC 5646 */
bool lang_known_639_2(struct str code); /* three letters of ISO 639-2 */

#endif
