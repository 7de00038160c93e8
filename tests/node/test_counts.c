/* Counters over the restarts of the role that counts. */
#include "node/counts.h"

#include "base/mem.h"
#include "tap.h"

#define FIRST "{\"detector\":{\"indicators\":7},\"inputs\":[{\"name\":\"fw\",\"state\":\"reading\",\"lines\":5,\"events\":4,\"bad_lines\":1,\"kept\":4,\"lag\":9},"\
	"{\"name\":\"old\",\"lines\":3}],\"history\":{\"events\":4,\"found\":2},\"rules\":{\"loaded\":3,\"events\":4,\"matches\":1}}"

static struct arena *arena;

static struct str written(struct counts *c, const char *name, const char *text, struct buf *b)
{
	const struct json *v = NULL;
	struct jsonw w;

	buf_clear(b);
	jsonw_init(&w, b);
	if (json_parse(arena, str_of(text), &JSON_LIMITS, &v, NULL) == RC_OK)
		counts_write(c, name, v, &w);
	return buf_view(b);
}

static void test_sums(void)
{
	static const struct { const char *what, *member, *text, *want; } rows[] = {
		{ "counters of an input grow, its state is the present one", "inputs", "[{\"name\":\"fw\",\"state\":\"away\",\"lines\":2,\"events\":2,\"bad_lines\":0,\"kept\":1,\"lag\":1}]",
		  "[{\"name\":\"fw\",\"state\":\"away\",\"lines\":12,\"events\":10,\"bad_lines\":2,\"kept\":9,\"lag\":1}]" },
		{ "another input has its own", "inputs", "[{\"name\":\"new\",\"lines\":2},{\"name\":\"old\",\"lines\":1}]",
		  "[{\"name\":\"new\",\"lines\":2},{\"name\":\"old\",\"lines\":7}]" },
		{ "rules", "rules", "{\"loaded\":3,\"events\":1,\"matches\":0,\"late\":2}", "{\"loaded\":3,\"events\":9,\"matches\":2,\"late\":2}" },
		{ "what the history holds is no counter", "history", "{\"events\":9,\"found\":1}", "{\"events\":9,\"found\":5}" },
		{ "other members are passed on", "detector", "{\"indicators\":8}", "{\"indicators\":8}" },
		{ "more than a number holds", "rules", "{\"events\":9223372036854775807}", "{\"events\":9223372036854775807}" },
		{ "what is no object", "inputs", "[7]", "[7]" },
		{ "what is no array", "inputs", "{\"lines\":1}", "{\"lines\":1}" },
		{ "a counter that is no number", "rules", "{\"events\":\"x\"}", "{\"events\":\"x\"}" },
	};
	struct counts *c = NULL;
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 65536);
	if (!OK(counts_new(&c, &err) == RC_OK, "new"))
		return;
	EQ_STR(written(c, "rules", "{\"events\":1}", &b), S("{\"events\":1}"), "nothing is added at first");
	counts_fold(c, S(FIRST));
	counts_fold(c, S(FIRST));
	counts_fold(c, S(""));
	counts_fold(c, S("{\"inputs\":"));
	counts_fold(c, S("{\"inputs\":{\"name\":1},\"rules\":[],\"history\":{\"found\":-5}}"));
	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_STR(written(c, rows[i].member, rows[i].text, &b), str_of(rows[i].want), rows[i].what);
	counts_free(c);
	buf_done(&b);
}

/* A role in other hands may name what it likes. */
static void test_names(void)
{
	struct counts *c = NULL;
	struct err err = { 0 };
	struct buf b, many;

	buf_init(&b, 65536);
	buf_init(&many, 1 << 20);
	if (!OK(counts_new(&c, &err) == RC_OK, "new"))
		return;
	buf_cstr(&many, "{\"inputs\":[{\"lines\":1}");
	for (int i = 0; i < 1000; i++)
		buf_fmt(&many, ",{\"name\":\"%d%0*d\",\"lines\":1}", i, i == 3 ? 200 : 1, 0);
	buf_cstr(&many, "]}");
	counts_fold(c, buf_view(&many));
	EQ_STR(written(c, "inputs", "[{\"name\":\"10\",\"lines\":1},{\"name\":\"9990\",\"lines\":1}]", &b),
	       S("[{\"name\":\"10\",\"lines\":2},{\"name\":\"9990\",\"lines\":1}]"), "as many inputs as may be, and no more");
	counts_free(c);
	buf_done(&b);
	buf_done(&many);
}

int main(void)
{
	int64_t before = mem_live();

	arena = arena_new((size_t)16 << 20);
	test_sums();
	test_names();
	arena_free(arena);
	EQ_INT(mem_live(), before, "nothing is left behind");
	return tap_done();
}
