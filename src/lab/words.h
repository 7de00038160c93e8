/* Words by which shortcuts, fields, formulas and macros start programs: one list for all that may hold them. */
#ifndef LAB_WORDS_H
#define LAB_WORDS_H

#include "base/str.h"

/* A program that runs what it is handed (cmd, powershell, mshta, ...) is named in it, with or without folders and ".exe". */
bool lab_names_interpreter(struct str s);
/* Words that fetch, unpack or hide: addresses, encoded commands, hidden windows. What administrators write has them seldom. */
bool lab_words_of_attack(struct str s);

/* `word` (lower case) stands in `s` in any case, not as a part of a longer word of letters, digits and '_'; where, or SIZE_MAX. */
size_t lab_word_in(struct str s, struct str word, size_t from);

#endif
