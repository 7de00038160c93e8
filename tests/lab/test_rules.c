/* Rules behind the router tell the same as libyara alone: a table of what routers get wrong, random rules on random bytes, and a real rule set on
 * files made of its own strings. */
#include "lab/rules.h"

#include <ftw.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "detect/material.h"
#include "sys/file.h"
#include "tap.h"

static char path[] = "/tmp/lab-rules-XXXXXX";

struct both {
	struct lab_rules *routed, *alone;
};

static bool load_path(const char *from, struct both *b)
{
	const char *paths[] = { from, NULL };
	struct err err = { 0 };
	struct buf generation;
	bool good;

	buf_init(&generation, (size_t)1 << 20);
	*b = (struct both){ 0 };
	good = lab_rules_load(paths, true, &generation, &b->routed, &err) == RC_OK && lab_rules_load(paths, true, &generation, &b->alone, &err) == RC_OK;
	if (good)
		lab_rules_unroute(b->alone);
	else
		printf("# %s\n", err.text);
	buf_done(&generation);
	return good;
}

static bool load(struct str text, struct both *b)
{
	return file_replace(path, text, 0600, NULL) == RC_OK && load_path(path, b);
}

static void drop(struct both *b)
{
	lab_rules_free(b->routed);
	lab_rules_free(b->alone);
}

static void note(void *ctx, const struct lab_match *m)
{
	buf_fmt(ctx, "%.*s %.*s %llu %llu\n", STR(m->id), STR(m->part), (unsigned long long)m->at, (unsigned long long)m->length);
}

static void run(const struct lab_rules *r, struct str bytes, struct buf *out)
{
	struct err err = { 0 };
	bool too_many = false;

	buf_init(out, (size_t)1 << 28);
	if (lab_rules_scan(r, bytes, 60, note, out, &too_many, &err) != RC_OK)
		buf_fmt(out, "error %s\n", err.text);
	if (too_many)
		buf_cstr(out, "too many\n");
}

/* True: the same of both. */
static bool same(const struct both *b, struct str bytes, struct buf *ret)
{
	struct buf other;
	bool eq;

	run(b->alone, bytes, ret);
	run(b->routed, bytes, &other);
	eq = str_eq(buf_view(ret), buf_view(&other));
	if (!eq)
		printf("# alone:\n%.*s# routed:\n%.*s", STR(buf_view(ret)), STR(buf_view(&other)));
	buf_done(&other);
	return eq;
}

/* --- what routers get wrong --- */

static void table(void)
{
	static const struct {
		const char *name, *rule;
		struct str bytes;
		const char *found; /* first of what is told, NULL: nothing */
	} rows[] = {
		{ "a text", "rule a{strings:$s=\"needle in\" condition:$s}", S("a needle in hay"), "a $s 2 9\n" },
		{ "a text that is not there", "rule a{strings:$s=\"needle in\" condition:$s}", S("a needle on hay"), NULL },
		{ "at the first byte", "rule a{strings:$s=\"needle\" condition:$s at 0}", S("needle"), "a $s 0 6\n" },
		{ "letters of either case", "rule a{strings:$s=\"NeEdLe\" nocase condition:$s}", S("xx nEeDlE"), "a $s 3 6\n" },
		{ "wide", "rule a{strings:$s=\"needle\" wide condition:$s}", S("xn\0e\0e\0d\0l\0e\0"), "a $s 1 12\n" },
		{ "wide of either case, without its last zero", "rule a{strings:$s=\"needle\" wide nocase condition:$s}", S("xN\0E\0e\0d\0l\0e"), NULL },
		{ "wide and plain", "rule a{strings:$s=\"needle\" wide ascii condition:#s==2}", S("needle n\0e\0e\0d\0l\0e\0"), "a $s 0 6\na $s 7 12\n" },
		{ "under a key", "rule a{strings:$s=\"needle\" xor condition:$s}", S("..ohhemd"), NULL },
		{ "under the key 1", "rule a{strings:$s=\"needle\" xor(1-255) condition:$s}", S("..oddemd.."), "a $s 2 6\n" },
		{ "as base64", "rule a{strings:$s=\"needle in hay\" base64 condition:$s}", S("xxbmVlZGxlIGluIGhheQ=="), "a $s" },
		{ "whole words only", "rule a{strings:$s=\"needle\" fullword condition:$s}", S("needles needle"), "a $s 8 6\n" },
		{ "bytes with gaps", "rule a{strings:$s={6E ?? 65 [0-3] 6C 65} condition:$s}", S("..needle"), "a $s 2 6\n" },
		{ "half bytes", "rule a{strings:$s={6? ?5 65 64 6C 65} condition:$s}", S("..needle"), "a $s 2 6\n" },
		{ "a long jump", "rule a{strings:$s={6E 65 65 64 [300-2000] 68 61 79 73} condition:$s}", S("need"), NULL },
		{ "other ways", "rule a{strings:$s={(6E 65|70 69) 65 64 6C 65} condition:$s}", S("piedle needle"), "a $s 0 6\na $s 7 6\n" },
		{ "two bytes", "rule a{strings:$s={6E 65} condition:$s}", S("..ne"), "a $s 2 2\n" },
		{ "a regular expression", "rule a{strings:$s=/ne+d[a-z]{2}/ condition:$s}", S("..needle"), "a $s 2 6\n" },
		{ "one without any text", "rule a{strings:$s=/[0-9]{3}-[0-9]{3}/ condition:$s}", S("call 555-123"), "a $s 5 7\n" },
		{ "one of either case, wide", "rule a{strings:$s=/needle[0-9]/i wide condition:$s}", S("N\0e\0E\0d\0L\0e\0" "7\0"), "a $s 0 14\n" },
		{ "one that begins at the start of lines", "rule a{strings:$s=/^need/ condition:$s}", S("need need"), "a $s 0 4\n" },
		{ "not there", "rule a{strings:$s=\"needle\" condition:not $s}", S("hay"), "a  0 0\n" },
		{ "not there, and it is", "rule a{strings:$s=\"needle\" condition:not $s}", S("needle"), NULL },
		{ "none of several", "rule a{strings:$s=\"needle\" $t=\"pin\" condition:not any of them}", S("hay"), "a  0 0\n" },
		{ "counted as none", "rule a{strings:$s=\"needle\" condition:#s==0}", S("hay"), "a  0 0\n" },
		{ "counted as fewer", "rule a{strings:$s=\"needle\" condition:#s<2}", S("needle"), "a $s 0 6\n" },
		{ "undefined offset is not less", "rule a{strings:$s=\"needle\" condition:@s[1]<9}", S("hay"), NULL },
		{ "not an undefined comparison", "rule a{strings:$s=\"needle\" condition:not (@s[1]<9)}", S("hay"), NULL },
		{ "nor one within and", "rule a{strings:$s=\"needle\" condition:not (@s[1]<9 and filesize>0)}", S("hay"), "?" },
		{ "defined or not", "rule a{strings:$s=\"needle\" condition:not defined @s[1]}", S("hay"), "a  0 0\n" },
		{ "defined within and", "rule a{strings:$s=\"needle\" condition:not defined (uint32(9) and $s)}", S("hay"), "?" },
		{ "size alone", "rule a{condition:filesize==3}", S("hay"), "a  0 0\n" },
		{ "size, another", "rule a{condition:filesize>3}", S("hay"), NULL },
		{ "true", "rule a{condition:true}", S(""), "?" },
		{ "nothing to read", "rule a{condition:uint16(0)==0}", S(""), NULL },
		{ "big-endian", "rule a{condition:uint32be(0)==0x7f454c46}", S("\x7f" "ELF"), "a  0 0\n" },
		{ "signed", "rule a{condition:int8(0)==-1}", S("\xff"), "a  0 0\n" },
		{ "a module", "import \"hash\" rule a{condition:hash.md5(0,filesize)==\"5d41402abc4b2a76b9719d911017c592\"}", S("hello"), "a  0 0\n" },
		{ "a module that finds nothing", "import \"pe\" rule a{condition:pe.number_of_sections==0 or not pe.is_pe}", S("hello"), "?" },
		{ "a module and a text", "import \"math\" rule a{strings:$s=\"hello\" condition:$s and math.entropy(0,filesize)<3}", S("hello"), "a $s 0 5\n" },
		{ "a private rule behind another", "private rule p{strings:$s=\"needle\" condition:$s} rule a{condition:p}", S("needle"), "a  0 0\n" },
		{ "not another rule", "rule p{strings:$s=\"needle\" condition:$s} rule a{condition:not p}", S("hay"), "a  0 0\n" },
		{ "not another rule that matches", "rule p{strings:$s=\"needle\" condition:$s} rule a{condition:not p}", S("needle"), "p $s 0 6\n" },
		{ "another rule and a text", "rule p{strings:$s=\"needle\" condition:$s} rule a{strings:$t=\"hay!\" condition:p and $t}", S("hay! needle"), "p $s 5 6\na $t 0 4\n" },
		{ "any of some rules", "rule p1{strings:$s=\"needle\" condition:$s} rule p2{condition:false} rule a{condition:any of (p*)}", S("needle"), "p1 $s 0 6\na  0 0\n" },
		{ "a global rule that fails", "global rule g{strings:$s=\"hay!\" condition:$s} rule a{strings:$t=\"needle\" condition:$t}", S("needle"), NULL },
		{ "a global rule that holds", "global rule g{strings:$s=\"hay!\" condition:$s} rule a{strings:$t=\"needle\" condition:$t}", S("needle hay!"), "g $s 7 4\na $t 0 6\n" },
		{ "a global private rule by size", "global private rule g{condition:filesize<9} rule a{strings:$t=\"needle\" condition:$t}", S("needle"), "a $t 0 6\n" },
		{ "two of three", "rule a{strings:$a=\"aaaab\" $b=\"bbbbc\" $c=\"ccccd\" condition:2 of them}", S("aaaab ccccd"), "a $a 0 5\na $c 6 5\n" },
		{ "two of three, one there", "rule a{strings:$a=\"aaaab\" $b=\"bbbbc\" $c=\"ccccd\" condition:2 of them}", S("aaaab"), NULL },
		{ "half of them", "rule a{strings:$a=\"aaaab\" $b=\"bbbbc\" condition:50% of them}", S("bbbbc"), "a $b 0 5\n" },
		{ "any in a place", "rule a{strings:$a=\"aaaab\" condition:any of them in (0..3)}", S("..aaaab"), "a $a 2 5\n" },
		{ "a loop over what was found", "rule a{strings:$a=\"aaaab\" condition:for any i in (1..#a):(@a[i]>5)}", S("aaaab aaaab"), "a $a 0 5\na $a 6 5\n" },
		{ "a loop over strings", "rule a{strings:$a=\"aaaab\" $b=\"bbbbc\" condition:for all of them:(#<2)}", S("hay"), "a  0 0\n" },
		{ "a loop over numbers", "rule a{condition:for any i in (0..2):(uint8(i)==0x79)}", S("hay"), "a  0 0\n" },
		{ "a sort of file and a text", "rule a{strings:$s=\"needle\" condition:uint16(0)==0x5a4d and $s}", S("MZneedle"), "a $s 2 6\n" },
		{ "another sort of file", "rule a{strings:$s=\"needle\" condition:uint16(0)==0x5a4d and $s}", S("ZMneedle"), NULL },
		{ "either sort of file", "rule a{strings:$s=\"needle\" condition:(uint16(0)==0x5a4d or uint32(0)==0x464c457f) and $s}", S("\x7f" "ELFneedle"), "a $s 4 6\n" },
		{ "not that sort of file", "rule a{strings:$s=\"needle\" condition:not uint16(0)==0x5a4d and $s}", S("needle"), "a $s 0 6\n" },
		{ "sort of file behind the text", "rule a{strings:$s=\"needle\" condition:$s and uint16(0)==0x5a4d}", S("MZneedle"), "a $s 2 6\n" },
		{ "where a program begins", "rule a{condition:entrypoint>=0}", S("hay"), NULL },
		{ "a private string", "rule a{strings:$s=\"needle\" private condition:$s}", S("needle"), "a  0 0\n" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct both b;
		struct buf got;

		if (!OK(load(str_of(rows[i].rule), &b), "%s: compiles", rows[i].name))
			continue;
		OK(same(&b, rows[i].bytes, &got), "%s: as libyara alone", rows[i].name);
		if (rows[i].found == NULL)
			OK(got.n == 0, "%s: nothing is told", rows[i].name);
		else if (rows[i].found[0] != '?')
			OK(str_starts(buf_view(&got), str_of(rows[i].found)), "%s: told %.*s", rows[i].name, STR(buf_view(&got)));
		buf_done(&got);
		drop(&b);
	}
}

/* --- a string that matches too often --- */

static void too_often(void)
{
	size_t n = 1200000;
	char *bytes = mem_alloc(n);
	struct both b;
	struct buf got;

	memset(bytes, 'a', n);
	OK(load(S("rule a{strings:$s=\"aaaaaaaa\" condition:$s and filesize<9}"), &b), "compiles");
	OK(same(&b, str_make(bytes, n), &got), "a string of a rule that does not match is counted, too");
	EQ_STR(buf_view(&got), S("too many\n"), "and told");
	buf_done(&got);
	drop(&b);
	mem_free(bytes);
}

/* --- random rules --- */

static uint64_t seed = 20261123;

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *const words[] = { "alpha", "beta9", "Gamma", "delta-delta", "eps", "zz", "theta.x", "iotaiota", "kappa kappa", "lambda" };

static void put_string(struct buf *b, unsigned k)
{
	static const char *const how[] = { "", " nocase", " wide", " wide ascii", " wide nocase ascii", " xor", " fullword", " private", " xor wide ascii", " base64" };
	const char *word = words[dice(COUNTOF(words))];

	buf_fmt(b, " $s%u = ", k);
	switch (dice(5)) {
	case 0:
		buf_fmt(b, "/%s[a-z]?%c/%s\n", word, "x.+"[dice(2)], dice(2) ? "i" : "");
		break;
	case 1:
		buf_cstr(b, "{ ");
		for (const char *p = word; *p != '\0'; p++)
			if (p > word && dice(4) == 0)
				buf_cstr(b, "?? ");
			else
				buf_fmt(b, "%02x %s", (unsigned)(unsigned char)*p, p[1] != '\0' && p > word && dice(9) == 0 ? "[0-300] " : "");
		buf_cstr(b, "}\n");
		break;
	default:
		buf_fmt(b, "\"%s\"%s\n", word, strlen(word) < 3 ? "" : how[dice(COUNTOF(how))]);
	}
}

static void put_condition(struct buf *b, unsigned strings, unsigned before, int depth)
{
	unsigned s = dice(strings);

	if (depth > 0 && dice(2) == 0) {
		buf_cstr(b, dice(4) == 0 ? "not (" : "(");
		put_condition(b, strings, before, depth - 1);
		buf_cstr(b, dice(2) == 0 ? " and " : " or ");
		put_condition(b, strings, before, depth - 1);
		buf_char(b, ')');
		return;
	}
	switch (dice(14)) {
	case 0:
		buf_fmt(b, "#s%u %s %u", s, dice(2) ? ">" : "<", dice(3));
		break;
	case 1:
		buf_fmt(b, "$s%u at %u", s, dice(6));
		break;
	case 2:
		buf_fmt(b, "$s%u in (0..%u)", s, dice(90));
		break;
	case 3:
		buf_fmt(b, "%u of them", 1 + dice(strings));
		break;
	case 4:
		buf_fmt(b, "filesize %s %u", dice(2) ? ">" : "<", dice(400));
		break;
	case 5:
		buf_cstr(b, "uint16(0) == 0x5a4d");
		break;
	case 6:
		buf_fmt(b, "@s%u[1] < %u", s, dice(200));
		break;
	case 7:
		buf_fmt(b, "for any i in (1..#s%u) : (@s%u[i] %% 2 == 0)", s, s);
		break;
	case 8:
		buf_fmt(b, "defined @s%u[%u]", s, 1 + dice(2));
		break;
	case 9:
		if (before > 0)
			buf_fmt(b, "r%u", dice(before));
		else
			buf_cstr(b, "all of them");
		break;
	case 10:
		buf_fmt(b, "for %s of them : ($ in (0..%u))", dice(2) ? "any" : "all", dice(200));
		break;
	case 11:
		buf_cstr(b, "uint32(2) & 0xff == 0x61");
		break;
	default:
		buf_fmt(b, "$s%u", s);
	}
}

static void put_rules(struct buf *b)
{
	unsigned n = 1 + dice(12);

	for (unsigned r = 0; r < n; r++) {
		unsigned strings = 1 + dice(4);

		buf_fmt(b, "%s%srule r%u {\nstrings:\n", dice(12) == 0 ? "global " : "", dice(8) == 0 ? "private " : "", r);
		for (unsigned k = 0; k < strings; k++)
			put_string(b, k);
		buf_cstr(b, "condition: (any of them or not all of them) and ");
		put_condition(b, strings, r, 3);
		buf_cstr(b, "\n}\n");
	}
}

static void put_bytes(struct buf *b)
{
	unsigned n = dice(12);

	if (dice(3) == 0)
		buf_cstr(b, "MZ");
	while (n-- > 0) {
		const char *word = words[dice(COUNTOF(words))];
		unsigned way = dice(6), key = way == 5 ? 1 + dice(255) : 0;

		for (const char *p = word; *p != '\0'; p++) {
			buf_char(b, (char)((unsigned char)(way == 1 && *p >= 'a' ? *p - 32 : *p) ^ key));
			if (way == 2 || way == 3)
				buf_char(b, way == 2 || dice(9) != 0 ? '\0' : 'q');
			if (way == 4 && dice(5) == 0)
				buf_char(b, 'x');
		}
		for (unsigned k = dice(3); k > 0; k--)
			buf_char(b, " x\0"[dice(3)]);
	}
}

static void random_rules(int sets)
{
	int right = 0, wrong = 0, told = 0, refused = 0;

	for (int i = 0; i < sets && wrong < 3; i++) {
		struct buf rules;
		struct both b;

		buf_init(&rules, (size_t)1 << 20);
		put_rules(&rules);
		if (!load(buf_view(&rules), &b)) {
			refused++;
			buf_done(&rules);
			continue;
		}
		for (int k = 0; k < 25; k++) {
			struct buf bytes, got;

			buf_init(&bytes, (size_t)1 << 20);
			put_bytes(&bytes);
			if (same(&b, buf_view(&bytes), &got))
				right++;
			else if (wrong++ < 3)
				printf("# %.*s\n", STR(buf_view(&rules)));
			told += got.n > 0;
			buf_done(&got);
			buf_done(&bytes);
		}
		drop(&b);
		buf_done(&rules);
	}
	OK(wrong == 0 && right > sets * 20, "%d random files under random rules as libyara alone, %d differ", right, wrong);
	OK(told > right / 10, "%d of them match something", told);
	OK(refused < sets / 10, "%d rule sets were refused", refused);
}

/* --- a real rule set --- */

/* One digit of a hexadecimal string, "?" is any. */
static int digit(char c)
{
	return c == '?' ? 0 : hex_value(c);
}

/* Bytes that a hexadecimal string matches: gaps at their least, of several ways the first. Yields what is behind its "}". */
static struct str put_hex(struct str s, struct buf *out)
{
	bool other = false;

	for (; s.n > 1 && s.p[0] != '}'; s = str_slice(s, 1, s.n)) {
		if (s.p[0] == '|')
			other = true;
		else if (s.p[0] == ')')
			other = false;
		else if (s.p[0] == '[') {
			unsigned long gap = strtoul(s.p + 1, NULL, 10);

			for (; gap > 0 && gap < 4096; gap--)
				buf_char(out, '\0');
			s = str_slice(s, str_find(s, S("]"), 0), s.n);
		} else if (!other && digit(s.p[0]) >= 0 && digit(s.p[1]) >= 0) {
			buf_char(out, (char)(digit(s.p[0]) << 4 | digit(s.p[1])));
			s = str_slice(s, 1, s.n);
		}
	}
	return s;
}

static void put_source(struct str source, struct buf *out)
{
	struct str line, s;

	buf_cstr(out, dice(2) == 0 && str_find(source, S("464C457F"), 0) != SIZE_MAX ? "\x7f" "ELF" : "MZ");
	for (size_t at = 0; (at = str_find(source, S("$"), at)) != SIZE_MAX; at++) {
		size_t eq = str_find(source, S("="), at), from;

		s = str_slice(source, at, source.n);
		if (eq == SIZE_MAX || !str_next(&s, '\n', &line))
			return;
		from = str_find(source, S("{"), eq);
		if (eq < at + line.n && from != SIZE_MAX && str_trim(str_slice(source, eq + 1, from)).n == 0) {
			s = put_hex(str_slice(source, from + 1, source.n), out);
			at = source.n - s.n;
		} else if (eq < at + line.n && (from = str_find(source, S("\""), eq)) < at + line.n) {
			size_t end = str_find(source, S("\""), from + 1);

			buf_str(out, str_slice(source, from + 1, end));
			at = end;
		}
		buf_cstr(out, " -- ");
	}
}

struct real {
	struct both b;
	int files, wrong, told;
};
static struct real real;

static int one_source(const char *name, const struct stat *st, int type, struct FTW *f)
{
	struct buf source, bytes, got;

	(void)st;
	(void)f;
	if (type != FTW_F || !str_ends(str_of(name), S(".yara")) || real.wrong > 2 || file_read(name, (size_t)1 << 24, &source, NULL) != RC_OK)
		return 0;
	buf_init(&bytes, (size_t)1 << 24);
	put_source(buf_view(&source), &bytes);
	real.files++;
	real.wrong += !same(&real.b, buf_view(&bytes), &got);
	real.told += got.n > 0;
	buf_done(&got);
	buf_done(&bytes);
	buf_done(&source);
	return 0;
}

static void real_rules(void)
{
	char folder[4096];

	if (!material("yara", folder)) {
		SKIP("no yara/ in LIANFANG_DATA or ../shared/data", "a real rule set on files of its own strings");
		return;
	}
	if (!OK(load_path(folder, &real.b), "a real rule set compiles"))
		return;
	nftw(folder, one_source, 16, FTW_PHYS);
	OK(real.wrong == 0 && real.files > 100, "%d files of the strings of its rules: the same", real.files);
	OK(real.told > real.files / 4, "%d of them match", real.told);
	drop(&real.b);
}

int main(void)
{
	const char *sets = getenv("LIANFANG_RULE_SETS");
	int fd = mkstemp(path);

	table();
	too_often();
	random_rules(sets != NULL ? (int)strtol(sets, NULL, 10) : 150);
	real_rules();
	if (fd >= 0)
		close(fd);
	unlink(path);
	return tap_done();
}
