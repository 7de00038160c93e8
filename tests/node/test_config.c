/* The configuration: every error with its file and line, defaults, the written file read back. */
#include <stddef.h>

#include "base/mem.h"
#include "node/config.h"
#include "node/config_edit.h"
#include "tap.h"

#define NODE "[node]\nname = A\ntier = sector\nidentity = identity--1\n" /* lines 1 to 4 */

static struct arena *arena;

static enum rc parse(const char *text, struct config *c, struct err *err)
{
	arena_reset(arena);
	return config_parse(str_of(text), "x.conf", arena, c, err);
}

static void test_errors(void)
{
	static const struct { const char *name, *text, *error; } rows[] = {
		{ "unknown key", NODE "colour = red\n", "x.conf:5: unknown key 'colour' in [node]" },
		{ "unknown section", NODE "[paint]\n", "x.conf:5: unknown section [paint]" },
		{ "section without bracket", NODE "[server\n", "x.conf:5: section without ']'" },
		{ "empty section", "[]\n", "x.conf:1: unknown section []" },
		{ "section with a name it cannot have", NODE "[server main]\n", "x.conf:5: [server] takes no name" },
		{ "key of another section", NODE "listen = 127.0.0.1:1\n", "x.conf:5: unknown key 'listen' in [node]" },
		{ "key before any section", "name = A\n", "x.conf:1: 'name' stands before the first [section]" },
		{ "line without =", NODE "tier\n", "x.conf:5: expected 'key = value'" },
		{ "set twice", NODE "name = B\n", "x.conf:5: 'name' is set twice" },
		{ "set twice in a section that is opened again", NODE "[log]\nlevel = 1\n[node]\nname = B\n", "x.conf:8: 'name' is set twice" },
		{ "number too small", NODE "[server]\nthreads = 0\n", "x.conf:6: threads: '0' is not a number from 1 to 64" },
		{ "number too large", NODE "[server]\nthreads = 65\n", "x.conf:6: threads: '65' is not a number from 1 to 64" },
		{ "no number", NODE "[server]\nthreads = two\n", "x.conf:6: threads: 'two' is not a number from 1 to 64" },
		{ "number with more behind it", NODE "[server]\nthreads = 2 # two\n", "x.conf:6: threads: '2 # two' is not a number" },
		{ "no truth", NODE "[intel]\nstrict = true\n", "x.conf:6: strict: 'true' is neither yes nor no" },
		{ "no TLP", NODE "[intel]\ndefault_tlp = white\n", "x.conf:6: default_tlp: 'white' is not clear, green" },
		{ "no choice", "[node]\ntier = city\n", "x.conf:2: tier: 'city' is not one of provider|region" },
		{ "part of a choice", "[node]\ntier = nat\n", "x.conf:2: tier: 'nat' is not one of" },
		{ "missing key", "[node]\nname = A\ntier = sector\n", "x.conf:3: [node] needs 'identity = ...'" },
		{ "empty file", "", "x.conf:0: [node] needs 'name = ...'" },
		{ "value that must not be empty", "[node]\nname =\n", "x.conf:2: name: must not be empty" },
		{ "input without a name", NODE "[input]\npath = /x\n", "x.conf:5: [input] needs a name" },
		{ "input without a path", NODE "[input a]\ncollection = i/u\n", "x.conf:6: [input a] needs 'path = ...'" },
		{ "two inputs of one name", NODE "[input a]\npath = /x\n[input a]\npath = /y\n", "x.conf:7: there is an [input a] already" },
		{ "control character", NODE "[store]\nstore = a\001b\n", "x.conf:6: a control character" },
		{ "not UTF-8", NODE "[store]\nstore = a\xff\n", "x.conf:6: not UTF-8" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct config c;
		struct err err = { 0 };
		enum rc rc = parse(rows[i].text, &c, &err);

		EQ_INT(rc, RC_BAD, rows[i].name);
		EQ_STR(str_slice(str_of(err.text), 0, strlen(rows[i].error)), str_of(rows[i].error), rows[i].name);
	}
}

static void test_nul(void)
{
	static const char text[] = NODE "[store]\nstore = a\0b\n";
	struct config c;
	struct err err = { 0 };

	EQ_INT(config_parse(str_make(text, sizeof text - 1), "x.conf", arena, &c, &err), RC_BAD, "NUL in a value");
}

static void test_too_many_inputs(void)
{
	struct config c;
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 65536);
	buf_cstr(&b, NODE);
	for (int i = 0; i <= CONFIG_INPUTS_MAX; i++)
		buf_fmt(&b, "[input i%d]\npath = /x\n", i);
	EQ_INT(parse(b.p, &c, &err), RC_LIMIT, "too many inputs");
	EQ_STR(str_of(err.text), S("x.conf:133: more than 64 inputs"), "too many inputs: where");
	buf_done(&b);
}

static void test_values(void)
{
	static const char text[] =
		"# a comment\n\n[node]\n name=Hospital A # 1 \ntier = provider\r\nidentity = identity--x\n[server]\nlisten = [::]:9\nthreads = 64\n"
		"[intel]\ndefault_tlp = AMBER+STRICT\nstrict = yes\nrelease = auto\n[input fw]\npath = /var/log/a b.json\n"
		"[log]\nformat = json\n[input dns]\npath = /d\ncollection = i/u\n";
	struct config c;
	struct err err = { 0 };

	OK(parse(text, &c, &err) == RC_OK, "a file with everything %s", err.text);
	EQ_STR(str_of(c.name), S("Hospital A # 1"), "a value goes to the end of the line");
	EQ_STR(str_of(c.tier), S("provider"), "tier, before a carriage return");
	EQ_STR(str_of(c.listen), S("[::]:9"), "listen");
	EQ_INT(c.threads, 64, "threads");
	EQ_INT(c.default_tlp, 3, "TLP in capitals");
	OK(c.strict, "strict");
	EQ_STR(str_of(c.release), S("auto"), "release");
	EQ_STR(str_of(c.log_format), S("json"), "log format, after an input");
	EQ_INT(c.n_inputs, 2, "two inputs");
	EQ_STR(str_of(c.inputs[0].name), S("fw"), "first input's name");
	EQ_STR(str_of(c.inputs[0].path), S("/var/log/a b.json"), "first input's path");
	EQ_STR(str_of(c.inputs[0].collection), S(""), "first input's collection by default");
	EQ_STR(str_of(c.inputs[1].collection), S("i/u"), "second input's collection");
	EQ_INT(c.workers, 4, "default: workers");
	EQ_INT(c.max_connections, 6000, "default: max_connections");
	EQ_STR(str_of(c.store), S("sqlite"), "default: store");
	EQ_STR(str_of(c.up), S("intel/up"), "default: up");
	EQ_INT(c.log_level, 1, "default: log level");
	OK(c.require_landlock, "default: Landlock is required");
	OK(!c.upgrade_20, "default: 2.0 is kept");
}

/* The written file is read back with what was given, and its comments show the defaults. */
static void test_round_trip(void)
{
	struct config written, bare;
	struct err err = { 0 };
	struct buf b, shown;
	struct str rest, line;

	buf_init(&b, 65536);
	config_write_default(&b, "Node #1 = [x]", "nation", "identity--y", "127.0.0.1:7", "postgresql://h/db");
	OK(parse(b.p, &written, &err) == RC_OK, "the written file is read back %s", err.text);
	EQ_STR(str_of(written.name), S("Node #1 = [x]"), "written: name");
	EQ_STR(str_of(written.tier), S("nation"), "written: tier");
	EQ_STR(str_of(written.identity), S("identity--y"), "written: identity");
	EQ_STR(str_of(written.listen), S("127.0.0.1:7"), "written: listen");
	EQ_STR(str_of(written.store), S("postgresql://h/db"), "written: store");
	EQ_INT(written.n_inputs, 0, "written: the example input is a comment");
	/* Every commented default, uncommented, is a legal line and changes nothing. */
	buf_init(&shown, 65536);
	rest = buf_view(&b);
	while (str_next(&rest, '\n', &line)) {
		bool is_default = str_starts(line, S("#")) && !str_starts(line, S("# ")) && str_find(line, S(" = "), 0) != SIZE_MAX &&
				  !str_starts(line, S("#path"));

		buf_str(&shown, is_default ? str_slice(line, 1, line.n) : line);
		buf_char(&shown, '\n');
	}
	written.path = NULL;
	{
		struct arena *kept = arena;

		arena = arena_new((size_t)1 << 20);
		OK(parse(shown.p, &bare, &err) == RC_OK, "its defaults uncommented are legal %s", err.text);
		EQ_INT(bare.max_bodies_mb, written.max_bodies_mb, "default shown is the default: a number");
		EQ_STR(str_of(bare.warninglists), str_of(written.warninglists), "default shown is the default: an empty text");
		EQ_INT(bare.release_tlp, written.release_tlp, "default shown is the default: a TLP");
		OK(bare.require_landlock == written.require_landlock, "default shown is the default: a truth");
		arena_free(arena);
		arena = kept;
	}
	buf_clear(&b);
	config_man(&b);
	OK(str_find(buf_view(&b), S(".B max_bodies_mb"), 0) != SIZE_MAX && str_find(buf_view(&b), S(".SH [input NAME]"), 0) != SIZE_MAX,
	   "the manual names the keys");
	buf_done(&b);
	buf_done(&shown);
}

static void test_set_line(void)
{
	static const struct { const char *name, *text, *value, *want; } rows[] = {
		{ "in its place", "# a\n[log]\nlevel = 1\nformat = json\n", "2", "# a\n[log]\nlevel = 2\nformat = json\n" },
		{ "behind the comment that tells of it", "[log]\n# Form\n#level = 1\n\n[store]\n", "2", "[log]\n# Form\n#level = 1\nlevel = 2\n\n[store]\n" },
		{ "at the head of its section", "[store]\nlevel = 9\n[log]\nformat = json", "2", "[store]\nlevel = 9\n[log]\nlevel = 2\nformat = json\n" },
		{ "in a section of its own", "[store]\n#level = 1\n", "2", "[store]\n#level = 1\n\n[log]\nlevel = 2\n" },
		{ "once, where a section is opened twice", "[log]\n[node]\n[log]\nlevel=1\n", "2", "[log]\n[node]\n[log]\nlevel = 2\n" },
		{ "not in an input", "[input log]\nlevel = 1\n", "2", "[input log]\nlevel = 1\n\n[log]\nlevel = 2\n" },
		{ "taken out", "[log]\nlevel = 1\nformat = json\n", NULL, "[log]\nformat = json\n" },
		{ "taken out of nothing", "[log]\n#level = 1\n", NULL, "[log]\n#level = 1\n" },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct buf b;

		buf_init(&b, 65536);
		config_set_line(str_of(rows[i].text), S("log"), S("level"), rows[i].value == NULL ? (struct str){ NULL, 0 } : str_of(rows[i].value), &b);
		EQ_STR(buf_view(&b), str_of(rows[i].want), rows[i].name);
		buf_done(&b);
	}
}

/* What can run programs, read files or open doors is not for the network. */
static void test_change_rules(void)
{
	static const char *const shut[][2] = { { "notify", "command" }, { "notify", "webhook" }, { "store", "store" }, { "server", "listen" }, { "detect", "rules" },
					       { "fence", "require_landlock" }, { "node", "tier" }, { "sign_in", "provider" }, { "none", "none" } };
	const struct config_rule *rule = config_rule_of(S("sign_in"), S("second_person"));

	for (size_t i = 0; i < COUNTOF(shut); i++)
		OK(config_rule_of(str_of(shut[i][0]), str_of(shut[i][1])) == NULL, "[%s] %s is changed in the file alone", shut[i][0], shut[i][1]);
	OK(rule != NULL && rule->second && rule->now, "who may do without a second person is decided by two, at once");
}

static void test_value(void)
{
	struct config c;
	struct err err = { 0 };
	struct str v;

	OK(parse(NODE "[log]\nlevel = 2\n[sign_in]\npassword_max_age = 36h\n", &c, &err) == RC_OK, "parsed %s", err.text);
	EQ_INT(config_value(&c, S("log"), S("level"), arena, &v, &err), RC_OK, "a number");
	EQ_STR(v, S("2"), "as the file has it");
	EQ_INT(config_value(&c, S("sign_in"), S("password_max_age"), arena, &v, &err), RC_OK, "a span");
	EQ_STR(v, S("36h"), "as the file has it");
	EQ_INT(config_value(&c, S("input"), S("path"), arena, &v, &err), RC_NOTFOUND, "inputs are not settings");
	EQ_INT(config_value(&c, S("log"), S("none"), arena, &v, &err), RC_NOTFOUND, "nor is what there is not");
}

int main(void)
{
	struct config c;
	struct err err = { 0 };

	arena = arena_new((size_t)1 << 20);
	test_errors();
	test_nul();
	test_too_many_inputs();
	test_values();
	test_round_trip();
	test_set_line();
	test_change_rules();
	test_value();
	EQ_INT(config_read("/nowhere/x.conf", arena, &c, &err), RC_NOTFOUND, "no file");
	OK(strstr(err.text, "/nowhere/x.conf") != NULL, "no file: named");
	arena_free(arena);
	EQ_INT(mem_live(), 0, "everything given back");
	return tap_done();
}
