/* Inside engine_nfa*.c only: the automaton of an expression. */
#ifndef DETECT_ENGINE_NFA_INT_H
#define DETECT_ENGINE_NFA_INT_H

#include "detect/engine_nfa.h"

#define POSITIONS_MAX 256
#define WORDS (POSITIONS_MAX / 64)

/* Of those beyond ASCII, two are letters of ASCII when case does not count: U+017F an s, U+212A a k. */
enum { SYMBOL_WIDE = 128, SYMBOL_LONG_S, SYMBOL_KELVIN, SYMBOL_BEGIN, SYMBOL_END, SYMBOLS };
#define NFA_CLASSES_MAX SYMBOL_BEGIN

struct set { uint64_t w[WORDS]; };

struct nfa {
	uint32_t words;
	bool nullable;
	struct set first, last, ends; /* ends: those that consume the end of the text */
	struct set has[SYMBOLS];      /* positions that take the symbol */
	uint32_t classes;
	uint8_t class_of[NFA_CLASSES_MAX]; /* by symbol */
	bool stop[256];               /* by byte: with nothing begun it is looked at, for a match may begin there */
	struct set chain;             /* those that the next position follows: all of them step at once */
	struct set more;              /* those that others follow too */
	struct set follow[POSITIONS_MAX]; /* behind nfa_new: without the next position */
};

#endif
