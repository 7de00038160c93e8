#include "input/seen.h"

#include <stdio.h>

bool seen_has(const struct seen *s, uint64_t number)
{
	for (uint32_t i = s->n; i > 0; i--)
		if (number >= s->range[i - 1].lo && number <= s->range[i - 1].hi)
			return true;
	return false;
}

static void append(struct seen *s, uint64_t lo, uint64_t hi)
{
	if (s->n == SEEN_RANGES) {
		memmove(s->range, s->range + 1, (SEEN_RANGES - 1) * sizeof s->range[0]);
		s->n--;
	}
	s->range[s->n].lo = lo;
	s->range[s->n++].hi = hi;
	s->text_of = UINT32_MAX;
}

void seen_add(struct seen *s, uint64_t number)
{
	if (s->n > 0 && s->range[s->n - 1].hi + 1 == number)
		s->range[s->n - 1].hi = number;
	else
		append(s, number, number);
}

void seen_drop_last(struct seen *s)
{
	if (s->n == 0)
		return;
	if (s->range[s->n - 1].hi > s->range[s->n - 1].lo) {
		s->range[s->n - 1].hi--;
	} else {
		s->n--;
		s->text_of = UINT32_MAX;
	}
}

static void make_text(struct seen *s)
{
	int n = 0;

	s->text[0] = '\0';
	/* The newest ones matter: the oldest are left out when there is no room for all. */
	for (uint32_t i = s->n > 20 ? s->n - 20 : 0; i + 1 < s->n && n >= 0 && (size_t)n < sizeof s->text; i++)
		n += snprintf(s->text + n, sizeof s->text - (size_t)n, " %llu-%llu", (unsigned long long)s->range[i].lo, (unsigned long long)s->range[i].hi);
	s->text_n = (uint32_t)strlen(s->text);
	s->text_of = s->n - 1;
}

void seen_print(struct seen *s, char *out, size_t room)
{
	out[0] = '\0';
	if (s->n == 0)
		return;
	if (s->text_of != s->n - 1)
		make_text(s);
	snprintf(out, room, "%s %llu-%llu", s->text, (unsigned long long)s->range[s->n - 1].lo, (unsigned long long)s->range[s->n - 1].hi);
}

bool seen_read(struct seen *s, struct str text)
{
	struct str word, lo;

	*s = (struct seen){ .text_of = UINT32_MAX };
	while (str_next(&text, ' ', &word)) {
		uint64_t a, b;

		if (word.n == 0)
			continue;
		if (!str_next(&word, '-', &lo) || !str_to_u64(lo, &a) || !str_to_u64(word, &b) || a > b) {
			*s = (struct seen){ .text_of = UINT32_MAX };
			return false;
		}
		append(s, a, b);
	}
	return true;
}
