/* Rules become the trees that the specification means. One row a case: the text of `detection`, and the whole tree as
 * sigma_print.h writes it, or "!line: reason" when it is refused, or "?reason" when it waits for a list. */
#include "base/mem.h"
#include "sigma_print.h"
#include "tap.h"

struct row {
	const char *name, *detection, *want;
};

#define HEAD "title: t\nlogsource: {product: p}\ndetection:\n" /* three lines */
#define SEL "  condition: s\n"

static const struct row strings[] = {
	{ "no modifier: the whole value", "  s: {f: cmd.exe}\n" SEL, "f=\"cmd.exe\"" },
	{ "wildcards", "  s: {f: 'a*b?c'}\n" SEL, "f=\"a\"*\"b\"?\"c\"" },
	{ "escaped wildcards are plain", "  s: {f: 'a\\*b\\?c'}\n" SEL, "f=\"a*b?c\"" },
	{ "a backslash before anything else is plain", "  s: {f: 'C:\\Windows\\x'}\n" SEL, "f=\"C:\\Windows\\x\"" },
	{ "two backslashes are one", "  s: {f: 'a\\\\b'}\n" SEL, "f=\"a\\b\"" },
	{ "three backslashes are two", "  s: {f: 'a\\\\\\b'}\n" SEL, "f=\"a\\\\b\"" },
	{ "four backslashes are two (UNC)", "  s: {f: '\\\\\\\\srv'}\n" SEL, "f=\"\\\\srv\"" },
	{ "backslash, then a wildcard", "  s: {f: 'a\\\\*'}\n" SEL, "f=\"a\\\"*" },
	{ "backslash and plain star", "  s: {f: 'a\\\\\\*'}\n" SEL, "f=\"a\\*\"" },
	{ "a backslash at the end is plain", "  s: {f: 'a\\'}\n" SEL, "f=\"a\\\"" },
	{ "contains after a backslash at the end", "  s: {f|contains: 'a\\'}\n" SEL, "f=*\"a\\\"*" },
	{ "startswith after a backslash at the end", "  s: {f|startswith: 'C:\\'}\n" SEL, "f=\"C:\\\"*" },
	{ "endswith", "  s: {f|endswith: '\\cmd.exe'}\n" SEL, "f=*\"\\cmd.exe\"" },
	{ "contains of a value that has its stars already", "  s: {f|contains: '*a*'}\n" SEL, "f=*\"a\"*" },
	{ "contains of nothing: any present value", "  s: {f|contains: ''}\n" SEL, "f=*" },
	{ "a star alone: present", "  s: {f: '*'}\n" SEL, "f=*" },
	{ "nothing: present and empty", "  s: {f: ''}\n" SEL, "f=\"\"" },
	{ "null", "  s: {f: null}\n" SEL, "f=null" },
	{ "null without a word", "  s:\n    f:\n" SEL, "f=null" },
	{ "question marks count characters one by one", "  s: {f: '?" "?'}\n" SEL, "f=?" "?" },
	{ "cased", "  s: {f|cased: Abc}\n" SEL, "f==\"Abc\"" },
	{ "cased and contains in either order", "  s: {f|cased|contains: Abc, g|contains|cased: D}\n" SEL, "(f==*\"Abc\"* & g==*\"D\"*)" },
	{ "non-ASCII stays as written", "  s: {f: '\xd0\xa1md'}\n" SEL, "f=\"\xd0\xa1md\"" },
	{ "folded text of more lines", "  s:\n    f: >-\n      a\n      b\n" SEL, "f=\"a b\"" },
	{ "escapes of YAML's double quotes", "  s: {f: \"a\\tb\\u0041\"}\n" SEL, "f=\"a\tbA\"" },
};

static const struct row types[] = {
	{ "a number", "  s: {EventID: 4688}\n" SEL, "EventID=#4688" },
	{ "a quoted number is a string", "  s: {EventID: '4688'}\n" SEL, "EventID=\"4688\"" },
	{ "a fraction", "  s: {f: 1.5}\n" SEL, "f=#1.5" },
	{ "negative", "  s: {f: -3}\n" SEL, "f=#-3" },
	{ "hexadecimal in quotes stays text", "  s: {f: '0x1234'}\n" SEL, "f=\"0x1234\"" },
	{ "hexadecimal of YAML", "  s: {f: 0x1f}\n" SEL, "f=#31" },
	{ "octal of YAML 1.1", "  s: {f: 010}\n" SEL, "f=#8" },
	{ "no octal", "  s: {f: 089}\n" SEL, "f=\"089\"" },
	{ "underscores in numbers", "  s: {f: 1_000}\n" SEL, "f=#1000" },
	{ "base sixty", "  s: {f: 1:30}\n" SEL, "f=#90" },
	{ "an exponent wants a dot and a sign", "  s: {f: 1e3, g: 1.0e+3, h: 1.0e3}\n" SEL, "(f=\"1e3\" & g=#1000 & h=\"1.0e3\")" },
	{ "a number beyond doubles stays text", "  s: {f: 9223372036854775808}\n" SEL, "f=\"9223372036854775808\"" },
	{ "true and false", "  s: {f: true, g: False}\n" SEL, "(f=true & g=false)" },
	{ "yes, no, on, off by YAML 1.1", "  s: {f: yes, g: no, h: On, i: OFF}\n" SEL, "(f=true & g=false & h=true & i=false)" },
	{ "quoted true is text", "  s: {f: 'true'}\n" SEL, "f=\"true\"" },
	{ "y and n are text", "  s: {f: y, g: n}\n" SEL, "(f=\"y\" & g=\"n\")" },
	{ "a tilde is null, so is Null", "  s: {f: ~, g: Null}\n" SEL, "(f=null & g=null)" },
	{ "a date stays text", "  s: {f: 2024-01-02}\n" SEL, "f=\"2024-01-02\"" },
	{ "a tag overrules the form", "  s: {f: !!str 12}\n" SEL, "f=\"12\"" },
	{ "contains of a number", "  s: {f|contains: 4104}\n" SEL, "f=*\"4104\"*" },
	{ "infinity is text", "  s: {f: .inf}\n" SEL, "f=\".inf\"" },
};

static const struct row modifiers[] = {
	{ "all", "  s: {f|contains|all: [a, b]}\n" SEL, "(f=*\"a\"* & f=*\"b\"*)" },
	{ "all before contains", "  s: {f|all|contains: [a, b]}\n" SEL, "(f=*\"a\"* & f=*\"b\"*)" },
	{ "all with one value", "  s: {f|contains|all: a}\n" SEL, "f=*\"a\"*" },
	{ "exists", "  s: {f|exists: true, g|exists: false, h|exists: yes}\n" SEL, "(f? & not(g?) & h?)" },
	{ "exists wants a bool", "  s: {f|exists: maybe}\n" SEL, "!4: column 17: exists wants true or false, not a string" },
	{ "re, case kept, not anchored", "  s: {f|re: '^A+\\d$'}\n" SEL, "f~\"^A+\\d$\"" },
	{ "re: stars and backslashes are its own", "  s: {f|re: 'a\\\\*?b'}\n" SEL, "f~\"a\\\\*?b\"" },
	{ "re with flags", "  s: {f|re|i: a, g|re|m|s: b, h|re|i|m|s: c}\n" SEL, "(f~\"a\"i & g~\"b\"ms & h~\"c\"ims)" },
	{ "flags by their long names", "  s: {f|re|ignorecase|multiline|dotall: a}\n" SEL, "f~\"a\"ims" },
	{ "a flag without re", "  s: {f|i: a}\n" SEL, "!4: column 9: \"i\" is a flag of regular expressions: \"re\" has to stand before it" },
	{ "contains after re", "  s: {f|re|contains: a, g|re|startswith: b, h|re|endswith: c}\n" SEL, "(f~\"a\" & g~\"^(?:b)\" & h~\"(?:c)$\")" },
	{ "contains before re", "  s: {f|contains|re: a}\n" SEL, "!4: column 18: \"re\" has to stand before modifiers that add wildcards" },
	{ "cased after re", "  s: {f|re|cased: a}\n" SEL, "!4: column 12: modifier \"cased\" cannot be applied to a regular expression" },
	{ "cidr", "  s: {f|cidr: [10.0.0.0/8, 'fe80::/10']}\n" SEL, "(f in 10.0.0.0/8 | f in fe80::/10)" },
	{ "cidr without a mask is a host", "  s: {f|cidr: [10.1.2.3, '::1']}\n" SEL, "(f in 10.1.2.3/32 | f in ::1/128)" },
	{ "cidr of nonsense", "  s: {f|cidr: 10.0.0.0/33}\n" SEL, "!4: column 15: \"10.0.0.0/33\" is no address block" },
	{ "cidr with a wildcard", "  s: {f|cidr: 10.*}\n" SEL, "!4: column 15: cidr wants an address block, not wildcards" },
	{ "comparisons", "  s: {a|lt: 1, b|lte: 2, c|gt: 3, d|gte: -4.5}\n" SEL, "(a<1 & b<=2 & c>3 & d>=-4.5)" },
	{ "a comparison takes a number in quotes", "  s: {a|lt: '10'}\n" SEL, "a<10" },
	{ "a comparison of text", "  s: {a|gte: ten}\n" SEL, "!4: column 14: \"gte\" wants a number" },
	{ "neq", "  s: {f|neq: a}\n" SEL, "not(f=\"a\")" },
	{ "neq negates the whole list", "  s: {f|neq: [a, b]}\n" SEL, "not((f=\"a\" | f=\"b\"))" },
	{ "neq with contains and all", "  s: {f|contains|all|neq: [a, b]}\n" SEL, "not((f=*\"a\"* & f=*\"b\"*))" },
	{ "fieldref", "  s: {f|fieldref: g}\n" SEL, "f= @g" },
	{ "fieldref with parts, either order", "  s: {f|fieldref|startswith: g, h|endswith|fieldref: i, j|fieldref|contains: k}\n" SEL,
	  "(f= startswith @g & h= endswith @i & j= contains @k)" },
	{ "fieldref, cased, neq", "  s: {f|fieldref|cased|neq: g}\n" SEL, "not(f== @g)" },
	{ "fieldref wants a name", "  s: {f|fieldref: 'a*b'}\n" SEL, "!4: column 20: fieldref wants the plain name of a field" },
	{ "parts of a date", "  s: {a|minute: 1, b|hour: 2, c|day: 3, d|week: 4, e|month: 5, f|year: 2024}\n" SEL,
	  "(a.minute=1 & b.hour=2 & c.day=3 & d.week=4 & e.month=5 & f.year=2024)" },
	{ "a part of a date, compared", "  s: {a|hour|gte: 22, b|month|lt: 3}\n" SEL, "((a.hour=22 | a.hour=23) & (b.month=1 | b.month=2))" },
	{ "no such part", "  s: {a|hour|gt: 23}\n" SEL, "!4: column 18: no hour is within that limit" },
	{ "a part of a date wants a whole number", "  s: {a|hour: 1.5}\n" SEL, "!4: column 15: \"hour\" wants a whole number" },
	{ "unknown modifier", "  s: {f|contains|cotnains: a}\n" SEL, "!4: column 18: unknown modifier \"cotnains\"" },
	{ "an empty modifier", "  s: {f|: a}\n" SEL, "!4: column 9: unknown modifier \"\"" },
	{ "null cannot be contained", "  s: {f|contains: null}\n" SEL, "!4: column 9: modifier \"contains\" cannot be applied to null" },
	{ "a block of addresses cannot start with", "  s: {f|cidr|startswith: 10.0.0.0/8}\n" SEL,
	  "!4: column 14: modifier \"startswith\" cannot be applied to a block of addresses" },
	{ "too many modifiers", "  s: {f|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased|cased: a}\n" SEL,
	  "!4: column 105: more than 16 modifiers" },
};

static const struct row codings[] = {
	{ "base64", "  s: {f|base64: foobar}\n" SEL, "f=\"Zm9vYmFy\"" },
	{ "base64 with padding", "  s: {f|base64: fooba}\n" SEL, "f=\"Zm9vYmE=\"" },
	{ "base64 and contains", "  s: {f|base64|contains: foobar}\n" SEL, "f=*\"Zm9vYmFy\"*" },
	{ "base64 of a wildcard", "  s: {f|base64: 'a*'}\n" SEL, "!4: column 18: base64 of a value with wildcards has no meaning" },
	{ "contains before base64", "  s: {f|contains|base64: a}\n" SEL, "!4: column 26: base64 of a value with wildcards has no meaning" },
	{ "base64 of an escaped star", "  s: {f|base64: 'a\\*'}\n" SEL, "f=\"YSo=\"" },
	{ "base64offset, three shifts", "  s: {f|base64offset|contains: foobar}\n" SEL, "(f=*\"Zm9vYmFy\"* | f=*\"Zvb2Jhc\"* | f=*\"mb29iYX\"*)" },
	{ "base64offset, other lengths", "  s: {f|base64offset|contains: [ab, abc, abcd]}\n" SEL,
	  "(f=*\"YW\"* | f=*\"Fi\"* | f=*\"hY\"* | f=*\"YWJj\"* | f=*\"FiY\"* | f=*\"hYm\"* | f=*\"YWJjZ\"* | f=*\"FiY2\"* | f=*\"hYmNk\"*)" },
	{ "base64offset means contains", "  s: {f|base64offset: foobar}\n" SEL, "(f=*\"Zm9vYmFy\"* | f=*\"Zvb2Jhc\"* | f=*\"mb29iYX\"*)" },
	{ "base64offset of nothing", "  s: {f|base64offset: ''}\n" SEL, "!4: column 24: base64offset of an empty value has no meaning" },
	{ "base64offset inside all: alternatives stay below the AND", "  s: {f|base64offset|contains|all: [foobar, abc]}\n" SEL,
	  "((f=*\"Zm9vYmFy\"* | f=*\"Zvb2Jhc\"* | f=*\"mb29iYX\"*) & (f=*\"YWJj\"* | f=*\"FiY\"* | f=*\"hYm\"*))" },
	{ "wide, then base64", "  s: {f|wide|base64: ab}\n" SEL, "f=\"YQBiAA==\"" },
	{ "utf16le is wide", "  s: {f|utf16le|base64: ab}\n" SEL, "f=\"YQBiAA==\"" },
	{ "utf16be", "  s: {f|utf16be|base64: ab}\n" SEL, "f=\"AGEAYg==\"" },
	{ "utf16 has its mark", "  s: {f|utf16|base64: ab}\n" SEL, "f=\"//5hAGIA\"" },
	{ "wide beyond the first plane", "  s: {f|wide|base64: \"\\U0001F600\"}\n" SEL, "f=\"PdgA3g==\"" },
	{ "wide, base64offset, contains", "  s: {f|wide|base64offset|contains: ab}\n" SEL, "(f=*\"YQBiA\"* | f=*\"EAYg\"* | f=*\"hAGIA\"*)" },
	{ "UTF-16 of bytes", "  s: {f|wide|utf16be: \"\xc3\xa9\"}\n" SEL, "!4: column 24: UTF-16 of a value that is coded already" },
};

#define EN "\xe2\x80\x93"
#define EM "\xe2\x80\x94"
#define BAR "\xe2\x80\x95"
static const struct row dashes[] = {
	{ "windash: five forms, the original first", "  s: {f|windash: '-a'}\n" SEL, "(f=\"-a\" | f=\"/a\" | f=\"" EN "a\" | f=\"" EM "a\" | f=\"" BAR "a\")" },
	{ "windash of a slash", "  s: {f|windash: ' /a'}\n" SEL, "(f=\" -a\" | f=\" /a\" | f=\" " EN "a\" | f=\" " EM "a\" | f=\" " BAR "a\")" },
	{ "a dash inside a word stays", "  s: {f|windash: 'a-b'}\n" SEL, "f=\"a-b\"" },
	{ "a dash before a blank stays", "  s: {f|windash: ' - '}\n" SEL, "f=\" - \"" },
	{ "a dash at the end stays", "  s: {f|windash: 'a -'}\n" SEL, "f=\"a -\"" },
	{ "of two dashes the one before the letter", "  s: {f|windash: '--a'}\n" SEL,
	  "(f=\"--a\" | f=\"-/a\" | f=\"-" EN "a\" | f=\"-" EM "a\" | f=\"-" BAR "a\")" },
	{ "an underscore is of a word", "  s: {f|windash: '_-a'}\n" SEL, "f=\"_-a\"" },
	{ "a letter of another script is of a word", "  s: {f|windash: '\xc3\xa9-a'}\n" SEL, "f=\"\xc3\xa9-a\"" },
	{ "no other dash is taken for one", "  s: {f|windash: '" EN "a'}\n" SEL, "f=\"" EN "a\"" },
	{ "contains, then windash", "  s: {f|contains|windash: ' -a '}\n" SEL,
	  "(f=*\" -a \"* | f=*\" /a \"* | f=*\" " EN "a \"* | f=*\" " EM "a \"* | f=*\" " BAR "a \"*)" },
	{ "windash, then contains", "  s: {f|windash|contains: '-a'}\n" SEL,
	  "(f=*\"-a\"* | f=*\"/a\"* | f=*\"" EN "a\"* | f=*\"" EM "a\"* | f=*\"" BAR "a\"*)" },
	{ "windash inside all", "  s: {f|contains|windash|all: [-a, b]}\n" SEL,
	  "((f=*\"-a\"* | f=*\"/a\"* | f=*\"" EN "a\"* | f=*\"" EM "a\"* | f=*\"" BAR "a\"*) & f=*\"b\"*)" },
	{ "a windash bomb", "  s: {f|windash: '-a -b -c -d -e -f -g -h'}\n" SEL,
	  "!4: column 19: windash: 8 dashes make 390625 combinations, more than 200000" },
	{ "a worse one", "  s: {f|windash: '-a -a -a -a -a -a -a -a -a -a -a -a -a -a -a -a -a'}\n" SEL,
	  "!4: column 19: windash: 17 dashes in one value make too many combinations" },
	{ "many windashes together", "  s: {f|windash: ['-a -b -c -d -e -f -g', '-b -b -c -d -e -f -g', '-c -b -c -d -e -f -g']}\n" SEL,
	  "!4: column 68: the rule becomes more than 200000 tests" },
};

static const struct row placeholders[] = {
	{ "a list", "  s: {f|expand: '%hosts%'}\n" SEL, "(f=\"srv1\" | f=\"srv\"*)" },
	{ "inside a value", "  s: {f|expand: 'a%hosts%b'}\n" SEL, "(f=\"asrv1b\" | f=\"asrv\"*\"b\")" },
	{ "expand behind other modifiers", "  s: {f|contains|expand: '%hosts%'}\n" SEL, "(f=*\"srv1\"* | f=*\"srv\"*)" },
	{ "two placeholders", "  s: {f|expand: '%hosts%-%one%'}\n" SEL, "(f=\"srv1-1\" | f=\"srv\"*\"-1\")" },
	{ "names are found in either case", "  s: {f|expand: '%Hosts%'}\n" SEL, "(f=\"srv1\" | f=\"srv\"*)" },
	{ "escaped percent signs", "  s: {f|expand: '\\%plain%one%'}\n" SEL, "f=\"%plain1\"" },
	{ "values with percent signs are not read again", "  s: {f|expand: '%percent%'}\n" SEL, "f=\"%one%\"" },
	{ "without expand it is text", "  s: {f: '%hosts%'}\n" SEL, "f=\"%hosts%\"" },
	{ "expand, cidr", "  s: {f|expand|cidr: '%nets%'}\n" SEL, "f in 10.0.0.0/8" },
	{ "cidr, expand: filled before", "  s: {f|cidr|expand: '%nets%'}\n" SEL, "f in 10.0.0.0/8" },
	{ "expand, encoded", "  s: {f|base64|expand: '%one%'}\n" SEL, "f=\"MQ==\"" },
	{ "no list", "  s: {f|expand: '%unknown%', g|expand: '%other%-%unknown%'}\n" SEL, "?needs a list for %unknown% %other%" },
	{ "an empty list matches nothing", "  s: {f|expand: '%empty%'}\n" SEL, "never" },
	{ "nothing to expand", "  s: {f|expand: 50%}\n" SEL, "f=\"50%\" ;line 4: expand without a %placeholder%" },
};

static const struct row shapes[] = {
	{ "a map is AND", "  s: {a: 1, b: x}\n" SEL, "(a=#1 & b=\"x\")" },
	{ "a list of values is OR", "  s: {a: [x, y, 3]}\n" SEL, "(a=\"x\" | a=\"y\" | a=#3)" },
	{ "a list of maps is OR of ANDs", "  s: [{a: 1, b: 2}, {c: 3}]\n" SEL, "((a=#1 & b=#2) | c=#3)" },
	{ "keywords", "  s: [x, 'a*b', 5]\n" SEL, "(=*\"x\"* | =*\"a\"*\"b\"* | =*\"5\"*)" },
	{ "one keyword", "  s: x\n" SEL, "=*\"x\"*" },
	{ "keywords that all must be there", "  s:\n    '|all': [x, y]\n" SEL, "(=*\"x\"* & =*\"y\"*)" },
	{ "keywords as regular expressions", "  s:\n    '|re': 'a.c'\n" SEL, "~\"a.c\"" },
	{ "keywords with windash", "  s:\n    '|windash': '-a'\n" SEL,
	  "(=*\"-a\"* | =*\"/a\"* | =*\"" EN "a\"* | =*\"" EM "a\"* | =*\"" BAR "a\"*)" },
	{ "a bool as keyword is its word", "  s: [yes]\n" SEL, "=*\"yes\"*" },
	{ "null is no keyword", "  s:\n    - a\n    - null\n" SEL, "!6: column 7: an empty search identifier" },
	{ "exists needs a field", "  s: {'|exists': true}\n" SEL, "!4: column 18: this modifier wants the name of a field" },
	{ "strings and maps mixed", "  s: [x, {a: 1}]\n" SEL, "(=*\"x\"* | a=#1)" },
	{ "lists in lists", "  s: [[x, y], {a: 1}]\n" SEL, "((=*\"x\"* | =*\"y\"*) | a=#1)" },
	{ "null among values: one more alternative, with a remark", "  s: {a: [x, null]}\n" SEL,
	  "(a=\"x\" | a=null) ;line 4: null among other values of \"a\" is against the specification, read as one more alternative" },
	{ "empty text among values", "  s: {a: ['', null]}\n" SEL,
	  "(a=\"\" | a=null) ;line 4: null among other values of \"a\" is against the specification, read as one more alternative" },
	{ "fields with dots and blanks are taken as they are", "  s: {a.b.c: 1, 'd e': 2}\n" SEL, "(a.b.c=#1 & d e=#2)" },
	{ "an empty list of values", "  s: {a: []}\n" SEL, "!4: column 10: an empty list of values" },
	{ "an empty search identifier", "  s: {}\n" SEL, "!4: column 6: an empty search identifier" },
	{ "a search identifier of nothing", "  s:\n" SEL, "!4: column 5: an empty search identifier" },
	{ "a map as value", "  s: {a: {b: c}}\n" SEL, "!4: column 10: a value of a field is a map" },
	{ "a list in a list of values", "  s: {a: [[b]]}\n" SEL, "!4: column 11: a value of a field is a list in a list" },
	{ "anchors and aliases", "  s: &x {a: 1}\n  r: *x\n  condition: s or r\n", "(a=#1 | a=#1)" },
	{ "merge keys", "  _x: &x {a: 1, b: 2}\n  s: {<<: *x, b: 3}\n" SEL, "(b=#3 & a=#1)" },
	{ "a key twice", "  s: {a: 1, a: 2}\n" SEL, "!4: column 13: key \"a\" stands twice in one map" },
	{ "an anchor in itself", "  s: &x [*x]\n" SEL, "!4: column 10: alias *x stands inside its own anchor" },
	{ "an unknown tag", "  s: {a: !x b}\n" SEL, "!4: column 10: unknown YAML tag \"!x\"" },
};

#define ABC "  a: {f: a}\n  b: {f: b}\n  c: {f: c}\n"
static const struct row conditions[] = {
	{ "and binds stronger than or", ABC "  condition: a or b and c\n", "(f=\"a\" | (f=\"b\" & f=\"c\"))" },
	{ "not binds stronger than and", ABC "  condition: not a and b or c\n", "((not(f=\"a\") & f=\"b\") | f=\"c\")" },
	{ "brackets", ABC "  condition: (a or b) and not (c)\n", "((f=\"a\" | f=\"b\") & not(f=\"c\"))" },
	{ "operators in capitals", ABC "  condition: a AND NOT b OR c\n", "((f=\"a\" & not(f=\"b\")) | f=\"c\")" },
	{ "not not", ABC "  condition: not not a or b or c\n", "(f=\"a\" | f=\"b\" | f=\"c\")" },
	{ "1 of them", ABC "  condition: 1 of them\n", "(f=\"a\" | f=\"b\" | f=\"c\")" },
	{ "all of them", ABC "  condition: all of them\n", "(f=\"a\" & f=\"b\" & f=\"c\")" },
	{ "any of them", ABC "  condition: any of them\n", "(f=\"a\" | f=\"b\" | f=\"c\")" },
	{ "them leaves _ out", "  a: {f: a}\n  _b: {f: b}\n  condition: all of them\n", "f=\"a\"" },
	{ "a star leaves _ out", "  a: {f: a}\n  _b: {f: b}\n  condition: 1 of *\n", "f=\"a\"" },
	{ "a pattern that names _", "  a: {f: a}\n  _b: {f: b}\n  condition: a and 1 of _*\n", "(f=\"a\" & f=\"b\")" },
	{ "_ by its name", "  a: {f: a}\n  _b: {f: b}\n  condition: a and _b\n", "(f=\"a\" & f=\"b\")" },
	{ "patterns: star at the end", "  sel_a: {f: a}\n  sel_b: {f: b}\n  x: {f: x}\n  condition: 1 of sel_* and x\n", "((f=\"a\" | f=\"b\") & f=\"x\")" },
	{ "patterns: star in the middle and in front", "  a1x: {f: a}\n  a2y: {f: b}\n  condition: 1 of a*x or all of *y\n", "(f=\"a\" | f=\"b\")" },
	{ "a pattern without a star is a name", "  ab: {f: a}\n  abc: {f: b}\n  condition: 1 of ab or abc\n", "(f=\"a\" | f=\"b\")" },
	{ "not 1 of", "  s: {f: s}\n  f_a: {f: a}\n  f_b: {f: b}\n  condition: s and not 1 of f_*\n", "(f=\"s\" & not((f=\"a\" | f=\"b\")))" },
	{ "not all of", "  s: {f: s}\n  f_a: {f: a}\n  f_b: {f: b}\n  condition: s and not all of f_*\n", "(f=\"s\" & not((f=\"a\" & f=\"b\")))" },
	{ "2 of three", ABC "  condition: 2 of them\n", "((f=\"a\" & (f=\"b\" | f=\"c\")) | (f=\"b\" & f=\"c\")) ;line 7: \"2 of\" goes beyond the specification" },
	{ "more than there are", ABC "  condition: 4 of them\n", "!7: column 19: 3 search identifiers are called \"them\", fewer than wanted" },
	{ "0 of", ABC "  condition: 0 of them\n", "!7: column 14: \"0 of\": expected 1, any or all" },
	{ "a pattern that nothing fits is an error, not true", "  s: {f: s}\n  condition: s and not 1 of filter_*\n",
	  "!5: column 29: no search identifier is called \"filter_*\"" },
	{ "an unknown name", "  s: {f: s}\n  condition: s and t\n", "!5: column 20: no search identifier is called \"t\"" },
	{ "a list of conditions", ABC "  condition: [a, b and c]\n", "(f=\"a\" | (f=\"b\" & f=\"c\"))" },
	{ "an empty list of conditions", ABC "  condition: []\n", "!7: column 14: an empty list of conditions" },
	{ "names like operators", "  not: {f: n}\n  1: {f: one}\n  condition: 1 and not\n", "(f=\"one\" & f=\"n\")" },
	{ "over two lines", "  s: {f: s}\n  t: {f: t}\n  condition: s\n    and t\n", "(f=\"s\" & f=\"t\")" },
	{ "a fault over two lines", "  s: {f: s}\n  condition: s\n    and t\n", "!5: character 7: no search identifier is called \"t\"" },
	{ "a bracket left open", "  s: {f: s}\n  condition: (s\n", "!5: column 16: a bracket that is not closed" },
	{ "a bracket too many", "  s: {f: s}\n  condition: s)\n", "!5: column 15: expected and, or, or the end instead of \")\"" },
	{ "an operator at the end", "  s: {f: s}\n  condition: s and\n", "!5: column 19: the condition ends where a search identifier is expected" },
	{ "two names", "  s: {f: s}\n  condition: s s\n", "!5: column 16: expected and, or, or the end instead of \"s\"" },
	{ "an aggregation", "  s: {f: s}\n  condition: s | count() > 5\n", "!5: column 16: aggregations in conditions are obsolete: a correlation rule says the same" },
	{ "no condition", "  s: {f: s}\n", "!4: column 3: no condition" },
	{ "an empty condition", "  s: {f: s}\n  condition: ''\n", "!5: column 15: the condition is no text" },
	{ "no search identifier", "  condition: s\n", "!4: column 3: no search identifier" },
	{ "one not used", "  s: {f: s}\n  t: {f: t}\n  condition: s\n", "f=\"s\" ;\"t\" is not used in the condition" },
	{ "timeframe", "  s: {f: s}\n  timeframe: 5m\n  condition: s\n", "f=\"s\" ;line 5: timeframe has no meaning without an aggregation" },
};

static const struct {
	const char *name, *value;
} lists[] = { { "hosts", "srv1" }, { "hosts", "srv*" }, { "one", "1" }, { "percent", "%one%" }, { "nets", "10.0.0.0/8" } };

static enum rc add_lists(struct sigma_reader *r, struct err *err)
{
	for (size_t i = 0; i < COUNTOF(lists);) {
		struct str values[4];
		size_t from = i, n = 0;

		for (; i < COUNTOF(lists) && strcmp(lists[i].name, lists[from].name) == 0; i++)
			values[n++] = str_of(lists[i].value);
		TRY(sigma_reader_placeholder(r, str_of(lists[from].name), values, n, err));
	}
	return sigma_reader_placeholder(r, S("empty"), NULL, 0, err);
}

static enum rc read_one(struct arena *a, struct str text, const struct sigma_set **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;

	TRY(sigma_reader_new(a, &r, err));
	TRY(add_lists(r, err));
	TRY(sigma_reader_add(r, S("f.yml"), text, err));
	return sigma_reader_end(r, ret, err);
}

static void run(const char *table, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new((size_t)256 << 20);
		const struct sigma_set *set = NULL;
		struct buf text, got;
		struct err err;
		char name[200];

		buf_init(&text, 1 << 20);
		buf_init(&got, 1 << 20);
		buf_fmt(&text, HEAD "%s", rows[i].detection);
		if (read_one(a, buf_view(&text), &set, &err) != RC_OK) {
			buf_fmt(&got, "failed: %s", err.text);
		} else if (set->n_reports != 1) {
			buf_fmt(&got, "%u reports", set->n_reports);
		} else if (set->reports[0].verdict == SIGMA_LOADED) {
			print_node(&got, set->rules[0].detection);
			if (set->reports[0].reason.n > 0)
				buf_fmt(&got, " ;%.*s", STR(set->reports[0].reason));
		} else if (set->reports[0].verdict == SIGMA_NEEDS_LIST) {
			buf_fmt(&got, "?%.*s", STR(set->reports[0].reason));
		} else {
			buf_fmt(&got, "!%u: %.*s", set->reports[0].line, STR(set->reports[0].reason));
		}
		snprintf(name, sizeof name, "%s: %s", table, rows[i].name);
		EQ_STR(buf_view(&got), str_of(rows[i].want), name);
		buf_done(&text);
		buf_done(&got);
		arena_free(a);
	}
}

/* The same test is one leaf wherever it stands: compilers compare pointers. */
static void test_shared(void)
{
	static const char text[] = "detection: {s: {a|contains: [x, y], b: x}, t: [{a: '*x*'}, {b: x}], condition: s or t}\n---\n"
				   "detection: {s: {a|contains: y}, condition: s}\n";
	struct arena *a = arena_new((size_t)16 << 20);
	const struct sigma_set *set;
	struct err err;

	if (OK(read_one(a, str_of(text), &set, &err) == RC_OK && set->n_rules == 2, "two rules")) {
		const struct sigma_node *s = set->rules[0].detection->kids[0], *t = set->rules[0].detection->kids[1];

		OK(s->kids[0]->kids[0] == t->kids[0], "a|contains: x and a: '*x*' are one test");
		OK(s->kids[1] == t->kids[1], "the same item");
		OK(s->kids[0]->kids[1] == set->rules[1].detection, "also over two rules");
	}
	arena_free(a);
}

/* A file of aliases on aliases is small to read and large to walk: it is refused, quickly and within its memory. */
static void test_bomb(void)
{
	struct arena *a = arena_new((size_t)256 << 20);
	const struct sigma_set *set;
	struct buf text;
	struct err err;

	buf_init(&text, 1 << 20);
	buf_cstr(&text, "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n");
	for (int i = 1; i < 12; i++)
		buf_fmt(&text, "x%d: &x%d [*x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d]\n", i, i, i - 1, i - 1, i - 1, i - 1, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1);
	buf_cstr(&text, "title: bomb\ndetection: {s: *x11, condition: s}\n");
	OK(read_one(a, buf_view(&text), &set, &err) == RC_OK && set->refused == 1, "aliases on aliases are refused");
	OK(str_find(set->reports[0].reason, S("more than 200000 tests"), 0) != SIZE_MAX, "by the number of tests");
	buf_done(&text);
	buf_init(&text, 1 << 20);
	buf_cstr(&text, HEAD "  s: {f|windash: '-a -b -c -d -e -f ");
	for (int i = 0; i < 50000; i++)
		buf_char(&text, 'x');
	buf_cstr(&text, "'}\n" SEL "---\ntitle: good\ndetection: {s: {f: a}, condition: s}\n");
	OK(read_one(a, buf_view(&text), &set, &err) == RC_OK && set->refused == 1 && set->loaded == 1, "few dashes in a long value: refused, the next rule loads");
	EQ_STR(set->reports[0].reason, S("column 19: the values of the rule become more than 67108864 bytes"), "by its bytes");
	buf_done(&text);
	buf_init(&text, 1 << 20);
	buf_cstr(&text, "title: deep\ndetection: {condition: s, s: ");
	for (int i = 0; i < 5000; i++)
		buf_char(&text, '[');
	OK(read_one(a, buf_view(&text), &set, &err) == RC_OK && set->refused == 1, "nesting without end is refused");
	EQ_STR(set->reports[0].reason, S("column 92: yaml: nested deeper than 64"), "at its place");
	buf_done(&text);
	arena_free(a);
}

static void test_memory(void)
{
	static const char text[] = HEAD "  s: {f|contains|windash|all: [-a, b], g|expand: '%hosts%', h|wide|base64offset: x, i|re: y}\n"
				   "  t: [a, {b|fieldref: c}]\n  condition: 1 of s* or not t\n---\n"
				   "title: f\nfilter: {rules: any, s: {x: y}, condition: not s}\n---\n"
				   "correlation: {type: event_count, rules: t, timespan: 1m, condition: {gte: 2}, group-by: [x]}\n";
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	uint64_t n = 1;

	for (; n < 1000 && rc != RC_OK; n++) {
		struct arena *a = arena_new((size_t)16 << 20);
		const struct sigma_set *set;
		struct err err = { 0 };

		mem_fail_at(n, 0);
		rc = a == NULL ? RC_NOMEM : read_one(a, str_of(text), &set, &err);
		mem_fail_at(0, 0);
		if (rc != RC_OK && rc != RC_NOMEM)
			printf("# %s\n", err.text);
		if (rc != RC_OK && rc != RC_NOMEM)
			break;
		arena_free(a);
	}
	OK(rc == RC_OK && n > 4, "each of %u failed allocations is RC_NOMEM", (unsigned)n - 2);
	EQ_INT(mem_live(), before, "nothing is left behind");
	{
		struct arena *small = arena_new(2000);
		const struct sigma_set *set;
		struct err err;

		EQ_INT(read_one(small, str_of(text), &set, &err), RC_NOMEM, "a full arena");
		arena_free(small);
	}
}

int main(void)
{
	run("strings", strings, COUNTOF(strings));
	run("types", types, COUNTOF(types));
	run("modifiers", modifiers, COUNTOF(modifiers));
	run("codings", codings, COUNTOF(codings));
	run("windash", dashes, COUNTOF(dashes));
	run("placeholders", placeholders, COUNTOF(placeholders));
	run("shapes", shapes, COUNTOF(shapes));
	run("conditions", conditions, COUNTOF(conditions));
	test_shared();
	test_bomb();
	test_memory();
	return tap_done();
}
