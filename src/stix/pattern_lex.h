/* Tokens of the STIX patterning language (STIX 2.1 §9.2, §9.4). Used by
 * pattern_parse.c only. */
#ifndef STIX_PATTERN_LEX_H
#define STIX_PATTERN_LEX_H

#include "base/arena.h"
#include "base/rd.h"

enum pat_tok {
	TOK_END, TOK_NAME, TOK_HYPHENATED, TOK_STRING, TOK_INT, TOK_FLOAT, TOK_BOOL, TOK_BINARY, TOK_HEX, TOK_TIME,
	TOK_LBRACK, TOK_RBRACK, TOK_LPAREN, TOK_RPAREN, TOK_COLON, TOK_DOT, TOK_COMMA, TOK_STAR,
	TOK_EQ, TOK_NE, TOK_LT, TOK_LE, TOK_GT, TOK_GE,
	TOK_AND, TOK_OR, TOK_NOT, TOK_FOLLOWEDBY, TOK_LIKE, TOK_MATCHES, TOK_ISSUPERSET, TOK_ISSUBSET, TOK_EXISTS,
	TOK_IN, TOK_START, TOK_STOP, TOK_SECONDS, TOK_WITHIN, TOK_REPEATS, TOK_TIMES,
};

struct pat_token {
	enum pat_tok kind;
	uint32_t at;      /* first byte */
	struct str raw;   /* as written */
	struct str value; /* string: unescaped; binary, hex: octets; time: without t and quotes; else raw */
};

struct pat_lexer {
	struct rd rd;
	struct str text;
	struct arena *a; /* unescaped and decoded values */
};

/* `text` must outlive the tokens. RC_BAD when it is no UTF-8. */
enum rc pat_lex_init(struct pat_lexer *lx, struct arena *a, struct str text, struct err *err) MUSTUSE;

/* The next token; TOK_END for ever at the end. RC_BAD with the position, RC_NOMEM. */
enum rc pat_lex_next(struct pat_lexer *lx, struct pat_token *ret, struct err *err) MUSTUSE;

/* How messages call a token of this kind: "']'", "a string". */
const char *pat_tok_name(enum pat_tok kind);

#endif
