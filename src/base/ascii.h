/* Classes of ASCII characters, without libc's locale and its trap of negative
 * chars. Bytes outside ASCII belong to none. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool ascii_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool ascii_alpha(char c)
{
	return ascii_upper(c) || ascii_lower(c);
}

static inline bool ascii_alnum(char c)
{
	return ascii_alpha(c) || ascii_digit(c);
}

/* Blank, tab, line feed, vertical tab, form feed, return. */
static inline bool ascii_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space between the tokens of JSON (RFC 8259 §2). */
static inline bool ascii_json_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline char ascii_to_lower(char c)
{
	return ascii_upper(c) ? (char)(c + 32) : c;
}

#endif
