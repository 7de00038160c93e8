/* Reads histories (one fact a line, an empty line between two histories, "@TIME PACK" first) and prints of each what is
 * derived, one line a history: for the comparison with tests/desk/oracle.py. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "desk/derive.h"

#define HISTORY_MAX ((size_t)1 << 22)

struct packs {
	struct arena *a;
	const struct pack *p[8];
	size_t n;
};

static const struct pack *pack_of(struct packs *k, const char *name)
{
	struct err err = { 0 };

	for (size_t i = 0; i < k->n; i++)
		if (str_eq(k->p[i]->id, str_of(name)))
			return k->p[i];
	if (k->n == COUNTOF(k->p) || pack_load(k->a, name, &k->p[k->n], &err) != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	return k->p[k->n++];
}

static void put(usec t)
{
	if (t == NO_TIME)
		printf(",-");
	else
		printf(",%lld", (long long)(t / USEC_PER_SEC));
}

static void evaluate(struct packs *k, struct arena *a, const char *head, struct str text)
{
	static struct incident_view v;
	char when[64], name[64];
	struct desk_facts f;
	struct err err = { 0 };
	usec at;

	if (sscanf(head, "@%63s %63s", when, name) != 2 || time_parse_offset(str_of(when), &at, &err) != RC_OK ||
	    desk_facts_parse(a, "history", text, &f, &err) != RC_OK || derive(a, pack_of(k, name), &f, at, &v, &err) != RC_OK) {
		fprintf(stderr, "%s%s\n", head, err.text);
		exit(2);
	}
	printf("%s %d", v.state, v.overall);
	for (size_t i = 0; i < v.n_clocks; i++) {
		struct str id = v.clocks[i].clock->term.id;

		printf(" %.*s", STR(id));
		put(v.clocks[i].start);
		put(v.clocks[i].due);
		put(v.clocks[i].stop);
		printf(",%s", clock_verdict_name(v.clocks[i].verdict));
	}
	putchar('\n');
	arena_reset(a);
}

int main(void)
{
	struct packs k = { .a = arena_new((size_t)1 << 26) };
	struct arena *a = arena_new((size_t)1 << 28);
	char *line = NULL, head[256] = "";
	size_t room = 0;
	ssize_t n;
	struct buf b;

	buf_init(&b, HISTORY_MAX);
	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[0] == '@') {
			snprintf(head, sizeof head, "%s", line);
		} else if (n > 1) {
			buf_put(&b, line, (size_t)n);
		} else {
			evaluate(&k, a, head, buf_view(&b));
			buf_clear(&b);
		}
	}
	buf_done(&b);
	free(line);
	arena_free(a);
	arena_free(k.a);
	return 0;
}
