/* The short cut through YAML and libyaml read the same. Each text is read whole, and cut off and damaged at each of its
 * bytes, so that the edges of what the short cut takes on are met from both sides. */
#include <ftw.h>

#include "material.h"
#include "tap.h"
#include "detect/sigma_block.h"
#include "yaml_same.h"

static const struct {
	const char *name, *text;
	bool quick; /* read without libyaml */
} rows[] = {
	{ "a map", "a: b\nc: d e f\n", true },
	{ "quotes", "a: 'it''s'\nb: \"x\\\\y\\n\\\"z\\t\"\n'|all': c\n\"k\": d\n", true },
	{ "other escapes", "a: \"\\u0041\"\n", false },
	{ "types", "a: 1\nb: 0x1f\nc: yes\nd: ~\ne: null\nf: 1.5\ng: -3\nh: +x\ni: 1:30\n", true },
	{ "no values", "a:\nb:   \nc: # remark\nd:\n", true },
	{ "lists", "a:\n    - b\n    - 'c'\n    -\n    - -d\nb:\n- e\n- f\nc: g\n", true },
	{ "maps in lists", "a:\n    - b: c\n      d: e\n    - 'f': g\n    -   h: i\n        j:\n            - k\n        l:\n        - m\n", true },
	{ "a list on top", "- a\n- b: c\n", true },
	{ "deep maps", "a:\n  b:\n    c:\n      d: e\n    f: g\nh: i\n", true },
	{ "remarks", "# one\na: b # two\n  # three\n\nc: d#e\n    #four\nf: 'g' # five\n#six\n", true },
	{ "signs inside plain text", "a: b'c\"d [e] {f} & g * h ! i | j > k % l @ m ` n, o - p ? q\nb: c:d\ne: f#g\nh: -i\nj: ?k\nl: :m\n", true },
	{ "a space before the colon", "a : b\n'c' : d\n", true },
	{ "literal", "a: |\n  one\n    two\n\n  three\n\n\nb: |-\n    x\n\n    y\n\nc: |+\n  z\n\n\nd: e\n", true },
	{ "folded", "a: >\n  one\n  two\n\n  three\n    more\n    more\n  less\n\n\n  end\nb: >-\n  x\n  y\n\nc: >+\n  z\n\n", true },
	{ "blank lines with blanks in block scalars", "a: |\n  one\n  \n     \n two\nb: c\n", false },
	{ "more of them", "a: |\n  one\n  \n     \n  two\n \nb: c\n", true },
	{ "a block scalar in a list", "- |\n  a\n- >-\n  b\n  c\n- d\n", true },
	{ "a block scalar at the end, no line end", "a: |\n  b\n  c", true },
	{ "and with blanks", "a: |+\n  b\n   ", true },
	{ "an empty block scalar", "a: |\nb: c\n", false },
	{ "a block scalar that begins with a blank line", "a: |\n\n  b\n", false },
	{ "a block scalar with an indent of its own", "a: |2\n   b\n", false },
	{ "a remark behind its sign", "a: | # b\n  c\n", false },
	{ "documents", "a: b\n---\nc: d\n---\ne: f\n", true },
	{ "a document at once behind its sign", "---\na: b\n--- c\n---\nd: e\n", false },
	{ "three dashes and more", "a: b\n---c: d\n", false },
	{ "empty documents", "a: b\n---\n---\n", false },
	{ "a document sign where a key might stand", "---\n--- : \n  - m\n", false },
	{ "an end sign", "a: b\n...\nc: d\n", false },
	{ "nothing", "", false },
	{ "remarks only", "# a\n\n", false },
	{ "no line end", "a: b", true },
	{ "flow style", "a: [b, c]\n", false },
	{ "an anchor", "a: &b c\nd: *b\n", false },
	{ "a tag", "a: !!str 1\n", false },
	{ "a merge", "a: &b {c: d}\ne:\n  <<: *b\n", false },
	{ "plain text over two lines", "a: b\n  c\nd: e\n", false },
	{ "quoted text over two lines", "a: 'b\n  c'\n", false },
	{ "a key twice", "a: b\na: c\n", false },
	{ "a question", "? a\n: b\n", false },
	{ "a tab", "a:\tb\n", false },
	{ "line ends of Windows", "a: b\r\nc: d\r\n", false },
	{ "a mark", "\xef\xbb\xbf" "a: b\n", false },
	{ "other scripts, counted by characters", "a: \xe6\x97\xa5\xe6\x9c\xac\n\xc3\xa9\xc3\xa8: x\n- y\n", false },
	{ "other scripts", "a: \xe6\x97\xa5\xe6\x9c\xac # x\n\xc3\xa9\xc3\xa8: x\nb: '\xf0\x9f\x98\x80'\n", true },
	{ "breaks of Unicode", "a: b\xe2\x80\xa8" "c: d\n", false },
	{ "broken UTF-8", "a: \xff\n", false },
	{ "an odd indent", "a:\n    b: c\n  d: e\n", false },
	{ "deeper behind a value", "a: b\n  c: d\n", false },
	{ "a list where a key should be", "a: b\n- c\n", false },
	{ "a key where an entry should be", "- a\nb: c\n", false },
	{ "a list in a list", "- - a\n  - b\n", false },
	{ "an indented document", "  a: b\n  c: d\n", false },
	{ "a colon at the end", "a: b:\n", false },
	{ "a value like a map", "a: b: c\n", false },
};

static struct buf quick, slow;

static bool same(struct arena *a, struct str text)
{
	arena_reset(a);
	buf_clear(&quick);
	buf_clear(&slow);
	yaml_whole(a, text, false, &quick);
	yaml_whole(a, text, true, &slow);
	return str_eq(buf_view(&quick), buf_view(&slow));
}

static void show(struct str text)
{
	printf("# text  %.*s\n# quick %.*s\n# slow  %.*s\n", STR(text), STR(buf_view(&quick)), STR(buf_view(&slow)));
}

/* Cut off at each byte, and with each byte replaced by each of these. */
static size_t damage(struct arena *a, struct str text, const char *with)
{
	char copy[2048];
	size_t wrong = 0;

	if (text.n > sizeof copy)
		text.n = sizeof copy;
	for (size_t i = 0; i < text.n; i++) {
		if (!same(a, str_slice(text, 0, i))) {
			show(str_slice(text, 0, i));
			wrong++;
		}
		for (const char *c = with; *c != '\0'; c++) {
			memcpy(copy, text.p, text.n);
			copy[i] = *c;
			if (!same(a, str_make(copy, text.n)) && wrong++ < 5)
				show(str_make(copy, text.n));
		}
	}
	return wrong;
}

static void test_rows(struct arena *a)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct str text = str_of(rows[i].text);
		const struct yaml *y;
		size_t at = 0;
		uint32_t line = 0;
		bool all = text.n > 0;

		if (!OK(same(a, text), "%s: the same", rows[i].name))
			show(text);
		while (at < text.n && all)
			all = yaml_block(a, text, at, line, &y, &at, &line);
		EQ_INT(all, rows[i].quick, rows[i].quick ? "  without libyaml" : "  left to libyaml");
		EQ_INT(damage(a, text, " \n-:#'\"|>ax[."), 0, "  also when damaged");
	}
}

static struct arena *walk_arena;
static unsigned walk_files, walk_wrong, walk_quick;

static int walk_one(const char *path, const struct stat *st UNUSED, int type, struct FTW *f UNUSED)
{
	static char text[1 << 20];
	const struct yaml *y;
	uint32_t line;
	size_t n, at;
	FILE *in = type == FTW_F && str_ends(str_of(path), S(".yml")) ? fopen(path, "rb") : NULL;

	if (in == NULL)
		return 0;
	n = fread(text, 1, sizeof text, in);
	fclose(in);
	walk_files++;
	walk_quick += yaml_block(walk_arena, str_make(text, n), 0, 0, &y, &at, &line);
	if (!same(walk_arena, str_make(text, n))) {
		printf("# %s\n", path);
		walk_wrong++;
	}
	return 0;
}

static void test_real(struct arena *a)
{
	char path[4096];

	if (!material("sigma", path)) {
		SKIP("no sigma/ in LIANFANG_DATA or ../shared/data", "real rules");
		return;
	}
	walk_arena = a;
	EQ_INT(nftw(path, walk_one, 32, FTW_PHYS), 0, "real files");
	OK(walk_files > 3000, "%u of them", walk_files);
	EQ_INT(walk_wrong, 0, "all read the same");
	OK(walk_quick * 10 > walk_files * 9, "%u of them without libyaml", walk_quick);
}

int main(void)
{
	struct arena *a = arena_new((size_t)256 << 20);

	buf_init(&quick, 64 << 20);
	buf_init(&slow, 64 << 20);
	test_rows(a);
	test_real(a);
	buf_done(&quick);
	buf_done(&slow);
	arena_free(a);
	return tap_done();
}
