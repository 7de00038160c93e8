/* STIX patterns by statement: what is valid, where the error is, what matches.
 * P01-P30 are the statements of STIX 2.1 §9 that the project tracks. */
#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "stix/pattern.h"
#include "stix/pattern_ast.h"
#include "stix/pattern_file.h"
#include "stix/pattern_match.h"
#include "tap.h"

enum verdict { NONE, MATCH, ERROR };

static const char *const VERDICTS[] = { "no match", "match", "error" };

/* --- documents: ' stands for " ------------------------------------------------ */

#define AT(first, last, n, objects) \
	"{'type':'observed-data','first_observed':'2020-01-01T00:00:" first "Z','last_observed':'2020-01-01T00:00:" last \
	"Z','number_observed':" n ",'objects':{" objects "}}"

/* One file with a bit of everything, and its neighbours by reference. */
#define RICH \
	AT("00", "00", "1", \
	   "'0':{'type':'file','name':'Foo.dll','size':25536,'ratio':1.5,'big':9007199254740993,'neg':-7,'yes':true," \
	   "'none':null,'text':'h\xc3\xa9llo','wide':'\xc4\x83lice','lines':'one\\ntwo','euro':'\xe2\x82\xacxb','long':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'," \
	   "'magic_number_hex':'ffd8','payload_bin':'AQIDBA==','odd_hex':'xyz','created':'2014-01-13T07:03:17Z'," \
	   "'hashes':{'SHA-256':'aa','MD5':'bb'},'list':[1,2,3],'matrix':[[1,2],[3]],'empty':[]," \
	   "'extensions':{'ntfs-ext':{'sid':'234'},'a.b':{'it\\\\s':1}},'parent_directory_ref':'1'," \
	   "'contains_refs':['2','3','9'],'away_ref':'9'}," \
	   "'1':{'type':'directory','path':'C:\\\\Windows','contains_refs':['0']}," \
	   "'2':{'type':'url','value':'http://example.com/'},'3':{'type':'file','name':'bar.txt','size':5}")

#define NET \
	AT("00", "00", "1", \
	   "'0':{'type':'ipv4-addr','value':'198.51.100.7'},'1':{'type':'ipv4-addr','value':'203.0.113.0/24'}," \
	   "'2':{'type':'ipv6-addr','value':'2001:db8::1'},'3':{'type':'x-host','value':'no address'}")

/* Three points in time, not in their order in the document: b (05), a (00), c (10, twice). */
#define TIMES \
	"[" AT("05", "05", "1", "'0':{'type':'x','v':'b','n':2}") "," \
	    AT("00", "00", "1", "'0':{'type':'x','v':'a','n':1}") "," \
	    AT("10", "10", "2", "'0':{'type':'x','v':'c','n':3}") "]"

/* Longer ones: p in [0, 4], q in [2, 9], r in [9, 9]. */
#define SPANS \
	"[" AT("00", "04", "1", "'0':{'type':'x','v':'p'}") "," AT("02", "09", "1", "'0':{'type':'x','v':'q'}") "," \
	    AT("09", "09", "1", "'0':{'type':'x','v':'r'}") "]"

#define BUNDLE21 \
	"{'type':'bundle','id':'bundle--1','objects':[" \
	"{'type':'domain-name','id':'domain-name--1','value':'example.com','resolves_to_refs':['ipv4-addr--1','ipv4-addr--2']}," \
	"{'type':'ipv4-addr','id':'ipv4-addr--1','value':'198.51.100.1'}," \
	"{'type':'ipv4-addr','id':'ipv4-addr--2','value':'198.51.100.2'}," \
	"{'type':'url','id':'url--1','value':'http://loose.example/'}," \
	"{'type':'observed-data','id':'observed-data--1','spec_version':'2.1','modified':'2020-01-01T00:00:00Z'," \
	"'first_observed':'2020-01-01T00:00:00Z','last_observed':'2020-01-01T00:00:00Z','number_observed':1," \
	"'object_refs':['domain-name--1','ipv4-addr--1','file--gone']}]}"

/* The same observed-data in two versions and one exact copy. */
#define VERSION(mod, v) \
	"{'type':'observed-data','id':'observed-data--1','modified':'" mod "','first_observed':'2020-01-01T00:00:00Z'," \
	"'last_observed':'2020-01-01T00:00:00Z','number_observed':1,'objects':{'0':{'type':'x','v':'" v "'}}}"
#define VERSIONS \
	"[" VERSION("2020-01-02T00:00:00Z", "new") "," VERSION("2020-01-01T00:00:00Z", "old") "," \
	    VERSION("2020-01-02T00:00:00Z", "new") "]"

static const struct {
	const char *name, *document, *pattern;
	enum verdict want;
} MATCHES[] = {
	{ "P02 AND before OR in comparisons", RICH, "[file:size = 1 OR file:size = 5 AND file:name = 'bar.txt']", MATCH },
	{ "P02 AND before OR, other grouping", RICH, "[(file:size = 25536 OR file:size = 5) AND file:name = 'nobody']", NONE },
	{ "P02 AND before OR in observations", TIMES, "[x:v = 'a'] OR [x:v = 'b'] AND [x:v = 'z']", MATCH },
	{ "P02 parentheses first", TIMES, "([x:v = 'a'] OR [x:v = 'b']) AND [x:v = 'z']", NONE },
	{ "P02 OR before FOLLOWEDBY", TIMES, "[x:v = 'a'] OR [x:v = 'b'] FOLLOWEDBY [x:v = 'z']", NONE },
	{ "P02 AND before FOLLOWEDBY", TIMES, "[x:v = 'c'] FOLLOWEDBY [x:v = 'b'] AND [x:v = 'a']", NONE },
	{ "P02 a qualifier binds to the nearest", TIMES, "[x:v = 'a'] AND [x:v = 'c'] WITHIN 1 SECONDS", MATCH },
	{ "P02 a qualifier on parentheses", TIMES, "([x:v = 'a'] AND [x:v = 'c']) WITHIN 1 SECONDS", NONE },
	{ "P03 one observation expression, one observed-data", TIMES, "[x:v = 'a' AND x:n = 2]", NONE },
	{ "P04 AND is about one root object", RICH, "[file:name = 'bar.txt' AND file:size = 25536]", NONE },
	{ "P04 AND on the same root object", RICH, "[file:name = 'bar.txt' AND file:size = 5]", MATCH },
	{ "P04 AND of two types matches nothing", RICH, "[file:size = 5 AND url:value = 'http://example.com/']", NONE },
	{ "P04 OR of two types", RICH, "[file:size = 6 OR url:value = 'http://example.com/']", MATCH },
	{ "P04 OR below AND", RICH, "[(url:value = 'x' OR file:size = 5) AND file:name LIKE 'bar%']", MATCH },
	{ "P05 AND needs two observations", TIMES, "[x:v = 'a'] AND [x:n = 1]", NONE },
	{ "P05 AND of two", TIMES, "[x:v = 'a'] AND [x:n = 2]", MATCH },
	{ "P05 number_observed 2 is two", TIMES, "[x:v = 'c'] AND [x:n = 3]", MATCH },
	{ "P05 FOLLOWEDBY needs two observations", TIMES, "[x:v = 'b'] FOLLOWEDBY [x:n = 2]", NONE },
	{ "P05 OR takes one", TIMES, "[x:v = 'z'] OR [x:n = 2]", MATCH },
	{ "P05 an exchange is found", TIMES, "[x:n < 3] AND [x:n < 2] AND [x:n > 0] AND [x:n > 0]", MATCH },
	{ "P05 one too many", TIMES, "[x:n < 3] AND [x:n < 2] AND [x:n < 3]", NONE },
	{ "P06 FOLLOWEDBY in order", TIMES, "[x:v = 'a'] FOLLOWEDBY [x:v = 'b'] FOLLOWEDBY [x:v = 'c']", MATCH },
	{ "P06 FOLLOWEDBY against the order", TIMES, "[x:v = 'b'] FOLLOWEDBY [x:v = 'a']", NONE },
	{ "P06 FOLLOWEDBY at the same time", TIMES, "[x:v = 'c'] FOLLOWEDBY [x:n = 3]", MATCH },
	{ "P06 overlapping spans can follow each other", SPANS, "[x:v = 'q'] FOLLOWEDBY [x:v = 'p']", MATCH },
	{ "P06 spans that do not", SPANS, "[x:v = 'r'] FOLLOWEDBY [x:v = 'p']", NONE },
	{ "P06 all of the left before all of the right", TIMES, "([x:v = 'a'] AND [x:v = 'c']) FOLLOWEDBY [x:v = 'b']", NONE },
	{ "P07 WITHIN: less than x", TIMES, "([x:v = 'a'] AND [x:v = 'b']) WITHIN 5.000001 SECONDS", MATCH },
	{ "P07 WITHIN: x itself is too long", TIMES, "([x:v = 'a'] AND [x:v = 'b']) WITHIN 5 SECONDS", NONE },
	{ "P07 WITHIN on one observation", TIMES, "[x:v = 'a'] WITHIN 0.0000001 SECONDS", MATCH },
	{ "P07 WITHIN between spans", SPANS, "([x:v = 'p'] AND [x:v = 'r']) WITHIN 5.5 SECONDS", MATCH },
	{ "P07 WITHIN between spans, too far", SPANS, "([x:v = 'p'] AND [x:v = 'r']) WITHIN 5 SECONDS", NONE },
	{ "P07 WITHIN on FOLLOWEDBY", TIMES, "([x:v = 'a'] FOLLOWEDBY [x:v = 'b']) WITHIN 6 SECONDS", MATCH },
	{ "P08 START is in", TIMES, "[x:v = 'b'] START t'2020-01-01T00:00:05Z' STOP t'2020-01-01T00:00:06Z'", MATCH },
	{ "P08 STOP is out", TIMES, "[x:v = 'b'] START t'2020-01-01T00:00:04Z' STOP t'2020-01-01T00:00:05Z'", NONE },
	{ "P08 an empty window", TIMES, "[x:v = 'b'] START t'2020-01-01T00:00:05Z' STOP t'2020-01-01T00:00:05Z'", NONE },
	{ "P08 on a compound", TIMES, "([x:v = 'a'] AND [x:v = 'b']) START t'2020-01-01T00:00:01Z' STOP t'2020-01-01T00:00:09Z'", NONE },
	{ "P08 plain strings are 2.0 only", TIMES, "[x:v = 'b'] START '2020-01-01T00:00:05Z' STOP '2020-01-01T00:00:06Z'", ERROR },
	{ "P09 REPEATS different observations", TIMES, "[x:n > 0] REPEATS 4 TIMES", MATCH },
	{ "P09 REPEATS more than there are", TIMES, "[x:n > 0] REPEATS 5 TIMES", NONE },
	{ "P09 REPEATS is not greedy", TIMES, "[x:n > 0] REPEATS 3 TIMES FOLLOWEDBY [x:v = 'c']", MATCH },
	{ "P09 REPEATS on a compound", TIMES, "([x:n < 3] AND [x:n = 3]) REPEATS 2 TIMES", MATCH },
	{ "P09 REPEATS on an order", TIMES, "([x:n < 3] FOLLOWEDBY [x:n = 3]) REPEATS 2 TIMES", MATCH },
	{ "P09 REPEATS on an order, none left", TIMES, "([x:n < 3] FOLLOWEDBY [x:n = 3]) REPEATS 3 TIMES", NONE },
	{ "P09 REPEATS and WITHIN", TIMES, "[x:n > 1] REPEATS 3 TIMES WITHIN 6 SECONDS", MATCH },
	{ "P09 REPEATS and WITHIN, too far", TIMES, "[x:n > 0] REPEATS 4 TIMES WITHIN 10 SECONDS", NONE },
	{ "P09 a huge number_observed", "[" AT("00", "00", "999999999", "'0':{'type':'x','n':1}") "," AT("05", "05", "999999999", "'0':{'type':'x','n':2}") "]",
	  "([x:n > 0] AND [x:n = 3]) WITHIN 2 SECONDS REPEATS 3 TIMES OR ([x:n = 2] FOLLOWEDBY [x:n = 1]) REPEATS 9 TIMES", NONE },
	{ "P09 a huge REPEATS that fits", "[" AT("00", "00", "999999999", "'0':{'type':'x','n':1}") "," AT("05", "05", "999999999", "'0':{'type':'x','n':2}") "]",
	  "[x:n > 0] REPEATS 1000000000 TIMES AND [x:n = 1] REPEATS 999999998 TIMES", MATCH },
	{ "P09 a huge REPEATS that does not", "[" AT("00", "00", "999999999", "'0':{'type':'x','n':1}") "," AT("05", "05", "999999999", "'0':{'type':'x','n':2}") "]",
	  "[x:n > 0] REPEATS 1000000001 TIMES AND [x:n = 1] REPEATS 999999998 TIMES", NONE },
	{ "P09 a huge REPEATS", TIMES, "[x:n > 0] REPEATS 99999999999999999999999 TIMES", NONE },
	{ "P11 = with another type", RICH, "[file:size = '25536']", NONE },
	{ "P11 != with another type", RICH, "[file:size != '25536']", MATCH },
	{ "P11 != of the same", RICH, "[file:name != 'Foo.dll' AND file:size = 25536]", NONE },
	{ "P11 < with another type", RICH, "[file:size < 'a']", NONE },
	{ "P11 NOT < with another type", RICH, "[file:size NOT < 'a']", MATCH },
	{ "P11 a boolean is no number", RICH, "[file:yes = 1]", NONE },
	{ "P11 != on a list", RICH, "[file:list != 1]", MATCH },
	{ "P11 null is there and equals nothing", RICH, "[file:none != 'x']", MATCH },
	{ "P12 absent and !=", RICH, "[url:nope != 'x']", NONE },
	{ "P12 absent and NOT", RICH, "[url:nope NOT = 'x']", NONE },
	{ "P12 absent and NOT IN", RICH, "[url:nope NOT IN ('x')]", NONE },
	{ "P12 absent and NOT LIKE", RICH, "[url:nope NOT LIKE 'x']", NONE },
	{ "P12 an empty list has no item", RICH, "[file:empty[*] != 1]", NONE },
	{ "P13 1 is not 1.5", RICH, "[file:ratio = 1]", NONE },
	{ "P13 an integer equals the same float", RICH, "[file:size = 25536.0]", MATCH },
	{ "P13 between integers", RICH, "[file:ratio > 1 AND file:ratio < 2]", MATCH },
	{ "P13 beyond 2^53, exact", RICH, "[file:big = 9007199254740993]", MATCH },
	{ "P13 beyond 2^53, neighbour", RICH, "[file:big = 9007199254740992]", NONE },
	{ "P13 negative", RICH, "[file:neg <= -7 AND file:neg > -7.5]", MATCH },
	{ "P14 strings by code point", RICH, "[file:name < 'a' AND file:name > 'FOO']", MATCH },
	{ "P14 beyond ASCII", RICH, "[file:wide > 'z']", MATCH },
	{ "P14 no normalisation", RICH, "[file:text = 'he\xcc\x81llo']", NONE },
	{ "P15 LIKE % and _", RICH, "[file:name LIKE 'F_o%']", MATCH },
	{ "P15 LIKE is about all of it", RICH, "[file:name LIKE 'Foo']", NONE },
	{ "P15 LIKE: _ is one character", RICH, "[file:text LIKE 'h_llo']", MATCH },
	{ "P15 LIKE in NFC", RICH, "[file:text LIKE 'he\xcc\x81%']", MATCH },
	{ "P15 LIKE goes back by characters", RICH, "[file:euro LIKE '%__xb']", NONE },
	{ "P15 LIKE goes back", RICH, "[file:name LIKE '%o%l']", MATCH },
	{ "P15 % takes line ends", RICH, "[file:lines LIKE 'one%two']", MATCH },
	{ "P15 % takes nothing", RICH, "[file:name LIKE '%Foo.dll%']", MATCH },
	{ "P15 LIKE on a number", RICH, "[file:size LIKE '%']", NONE },
	{ "P16 MATCHES searches", RICH, "[file:name MATCHES 'o\\\\.d']", MATCH },
	{ "P16 MATCHES with DOTALL", RICH, "[file:lines MATCHES 'one.two']", MATCH },
	{ "P16 MATCHES in NFC", RICH, "[file:text MATCHES '^he\xcc\x81llo$']", MATCH },
	{ "P16 MATCHES: a character is one", RICH, "[file:text MATCHES '^h.llo$']", MATCH },
	{ "P16 MATCHES by octets", RICH, "[file:magic_number_hex MATCHES '^\\\\xff\\\\xd8$']", MATCH },
	{ "P16 MATCHES: an octet is one", RICH, "[file:payload_bin MATCHES '^....$']", MATCH },
	{ "P16 MATCHES takes too long", RICH, "[file:long MATCHES '^(a|aa)+$']", ERROR },
	{ "P16 an expression that does not compile", RICH, "[file:name MATCHES '(']", ERROR },
	{ "P17 IN", RICH, "[file:size IN (1, 25536.0)]", MATCH },
	{ "P17 not IN", RICH, "[file:size IN (1, 2)]", NONE },
	{ "P17 IN another type", RICH, "[file:size IN ('a')]", NONE },
	{ "P17 IN nothing", RICH, "[file:size IN ()]", NONE },
	{ "P17 NOT IN nothing", RICH, "[file:size NOT IN ()]", MATCH },
	{ "P17 mixed set", RICH, "[file:size IN (1, 'a')]", ERROR },
	{ "P18 ISSUBSET", NET, "[ipv4-addr:value ISSUBSET '198.51.100.0/24']", MATCH },
	{ "P18 ISSUBSET, host bits in the constant", NET, "[ipv4-addr:value ISSUBSET '198.51.100.255/24']", MATCH },
	{ "P18 equal is a subset", NET, "[ipv4-addr:value ISSUBSET '203.0.113.0/24']", MATCH },
	{ "P18 no subset of a part", NET, "[ipv4-addr:value ISSUBSET '203.0.113.0/25']", NONE },
	{ "P18 a bit beyond whole octets", NET, "[ipv4-addr:value ISSUBSET '198.51.96.0/21']", MATCH },
	{ "P18 a bit beyond, other side", NET, "[ipv4-addr:value ISSUBSET '198.51.104.0/21']", NONE },
	{ "P18 ISSUPERSET", NET, "[ipv4-addr:value ISSUPERSET '203.0.113.77']", MATCH },
	{ "P18 an address is no superset", NET, "[ipv4-addr:value ISSUPERSET '198.51.100.0/24']", NONE },
	{ "P18 IPv6", NET, "[ipv6-addr:value ISSUBSET '2001:0db8:0000::/48']", MATCH },
	{ "P18 families do not mix", NET, "[ipv6-addr:value ISSUBSET '0.0.0.0/0']", NONE },
	{ "P18 all IPv4", NET, "[ipv4-addr:value ISSUBSET '0.0.0.0/0']", MATCH },
	{ "P18 no address at all", NET, "[x-host:value ISSUBSET '0.0.0.0/0']", NONE },
	{ "P18 NOT ISSUBSET of no address", NET, "[x-host:value NOT ISSUBSET '0.0.0.0/0']", MATCH },
	{ "P18 no range in the constant", NET, "[ipv4-addr:value ISSUBSET '198.51.100.0/33']", NONE },
	{ "P19 EXISTS", RICH, "[EXISTS file:hashes.MD5]", MATCH },
	{ "P19 EXISTS, absent", RICH, "[EXISTS file:hashes.'SHA-1']", NONE },
	{ "P19 NOT EXISTS on an object of the type", RICH, "[NOT EXISTS url:nope]", MATCH },
	{ "P19 NOT EXISTS without such an object", RICH, "[NOT EXISTS mutex:name]", NONE },
	{ "P20 NOT =", RICH, "[url:value NOT = 'http://example.com/']", NONE },
	{ "P20 NOT !=", RICH, "[url:value NOT != 'http://example.com/']", MATCH },
	{ "P20 NOT LIKE", RICH, "[url:value NOT LIKE 'ftp%']", MATCH },
	{ "P20 NOT MATCHES", RICH, "[url:value NOT MATCHES 'example']", NONE },
	{ "P20 NOT IN", RICH, "[url:value NOT IN ('a', 'b')]", MATCH },
	{ "P20 NOT >=", RICH, "[file:size NOT >= 6]", MATCH },
	{ "P21 h'' against _hex", RICH, "[file:magic_number_hex = h'FFD8']", MATCH },
	{ "P21 b'' against _hex", RICH, "[file:magic_number_hex = b'/9g=']", MATCH },
	{ "P21 h'' against _bin", RICH, "[file:payload_bin = h'01020304']", MATCH },
	{ "P21 a string against octets", RICH, "[file:magic_number_hex = '\xc3\xbf\xc3\x98']", MATCH },
	{ "P21 octets have an order", RICH, "[file:payload_bin < h'010204']", MATCH },
	{ "P21 h'' against a string up to U+00FF", RICH, "[file:text = h'68e96c6c6f']", MATCH },
	{ "P21 h'' against a string beyond", RICH, "[file:wide = h'036c696365']", NONE },
	{ "P21 != against a string beyond", RICH, "[file:wide != h'036c696365']", MATCH },
	{ "P21 no hexadecimal value", RICH, "[file:odd_hex = '']", NONE },
	{ "P21 LIKE on octets", RICH, "[file:payload_bin LIKE '____']", MATCH },
	{ "P22 a quoted key", RICH, "[file:hashes.'SHA-256' = 'aa']", MATCH },
	{ "P22 a key with a dot and a backslash", RICH, "[file:extensions.'a.b'.'it\\\\s' = 1]", MATCH },
	{ "P22 a quoted plain key", RICH, "[file:'name' = 'Foo.dll']", MATCH },
	{ "P22 an unquoted hyphen", RICH, "[file:extensions.ntfs-ext.sid = '234']", ERROR },
	{ "P23 an index", RICH, "[file:list[1] = 2]", MATCH },
	{ "P23 another index", RICH, "[file:list[0] = 2]", NONE },
	{ "P23 out of range", RICH, "[file:list[3] != 2]", NONE },
	{ "P23 far out of range", RICH, "[file:list[4294967296] = 1]", NONE },
	{ "P23 a negative index", RICH, "[file:list[-1] = 3]", NONE },
	{ "P23 any", RICH, "[file:list[*] = 3]", MATCH },
	{ "P23 any of any", RICH, "[file:matrix[*][*] = 3]", MATCH },
	{ "P23 an index on no list", RICH, "[file:name[0] = 'F']", NONE },
	{ "P23 any of a dictionary", RICH, "[file:hashes[*] = 'bb']", MATCH },
	{ "P24 _ref", RICH, "[file:parent_directory_ref.path = 'C:\\\\Windows']", MATCH },
	{ "P24 _refs", RICH, "[file:contains_refs[*].value = 'http://example.com/']", MATCH },
	{ "P24 _refs by index", RICH, "[file:contains_refs[1].size = 5]", MATCH },
	{ "P24 through two", RICH, "[file:parent_directory_ref.contains_refs[0].name = 'Foo.dll']", MATCH },
	{ "P24 a reference to nowhere", RICH, "[EXISTS file:away_ref.value]", NONE },
	{ "P24 the reference itself", RICH, "[file:parent_directory_ref = '1']", MATCH },
	{ "P24 the type behind a reference", RICH, "[file:parent_directory_ref.type = 'directory']", MATCH },
	{ "P24 2.1: a reference inside", BUNDLE21, "[domain-name:resolves_to_refs[*].value = '198.51.100.1']", MATCH },
	{ "P24 2.1: not in object_refs", BUNDLE21, "[domain-name:resolves_to_refs[*].value = '198.51.100.2']", NONE },
	{ "P25 2.1: object_refs", BUNDLE21, "[ipv4-addr:value = '198.51.100.1']", MATCH },
	{ "P25 2.1: an object that nobody observed", BUNDLE21, "[url:value = 'http://loose.example/']", NONE },
	{ "P25 an array of bundles", "[" BUNDLE21 ",{'type':'bundle','objects':[" RICH "]}]",
	  "[ipv4-addr:value = '198.51.100.1'] AND [file:size = 5]", MATCH },
	{ "P25 a bundle of 2.0", "{'type':'bundle','objects':[" RICH ",5,{}]}", "[file:size = 5]", MATCH },
	{ "P25 the newest version counts", VERSIONS, "[x:v = 'new']", MATCH },
	{ "P25 an older version does not", VERSIONS, "[x:v = 'old']", NONE },
	{ "P25 nor does a copy", VERSIONS, "[x:v = 'new'] REPEATS 2 TIMES", NONE },
	{ "P25 no observed-data", "{'type':'bundle'}", "[x:v = 'new']", NONE },
	{ "P25 observed-data without times", "{'type':'observed-data','objects':{}}", "[x:v = 'new']", ERROR },
	{ "P25 times in the wrong order", AT("05", "04", "1", ""), "[x:v = 'new']", ERROR },
	{ "P25 no JSON", "{", "[x:v = 'new']", ERROR },
	{ "P26 an invalid pattern", RICH, "[file:size = 5", ERROR },
	{ "P29 values by case", RICH, "[file:name = 'foo.dll']", NONE },
	{ "P29 types by case", RICH, "[File:name = 'Foo.dll']", NONE },
	{ "P29 keys by case", RICH, "[file:Name = 'Foo.dll']", NONE },
	{ "timestamps by their value", RICH, "[file:created = t'2014-01-13T07:03:17.000Z']", MATCH },
	{ "timestamps have an order", RICH, "[file:created > t'2014-01-13T07:03:16.9999999999Z']", MATCH },
	{ "a day that does not exist", RICH, "[file:created != t'2014-02-30T00:00:00Z']", MATCH },
	{ "a string that is no timestamp", RICH, "[file:name = t'2014-01-13T07:03:17Z']", ERROR },
	{ "a number against a timestamp", RICH, "[file:size = t'2014-01-13T07:03:17Z']", NONE },
};

/* Text of a document with its quotes. */
static struct str quoted(struct buf *b, const char *document)
{
	buf_clear(b);
	for (; *document != '\0'; document++)
		buf_char(b, *document == '\'' ? '"' : *document);
	return buf_view(b);
}

static void test_matches(void)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < COUNTOF(MATCHES); i++) {
		struct err err = { .rc = RC_OK, .text = "" };
		bool match = false;
		enum rc rc = stix_pattern_match_document(str_of(MATCHES[i].pattern), quoted(&text, MATCHES[i].document),
							 &match, &err);
		enum verdict got = rc != RC_OK ? ERROR : match ? MATCH : NONE;

		if (!OK(got == MATCHES[i].want, "%s", MATCHES[i].name))
			printf("#   %s\n#   want %s, got %s %s\n", MATCHES[i].pattern, VERDICTS[MATCHES[i].want],
			       VERDICTS[got], err.text);
	}
	buf_done(&text);
}

/* --- syntax --------------------------------------------------------------------- */

static const struct {
	const char *name, *pattern;
	const char *error; /* NULL: valid */
} CHECKS[] = {
	{ "P01 a plain one", "[file:size = 1280]", NULL },
	{ "P01 ==", "[file:size == 1280]", NULL },
	{ "P01 <>", "[file:size <> 1280]", NULL },
	{ "P01 signs and fractions", "[x:a IN (+1, -2, .5, -0.25, +00.5)]", NULL },
	{ "P01 no brackets", "file:size = 1280", "pattern: byte 0: expected '[', found file" },
	{ "P01 no constant", "[file:size = ]", "pattern: byte 13: expected a constant, found ]" },
	{ "P01 not closed", "[file:size = 5", "pattern: byte 14: expected ']', found the end" },
	{ "P01 more behind", "[a:b = 5] [c:d = 6]", "pattern: byte 10: expected the end, found [" },
	{ "P01 empty", "", "pattern: byte 0: expected '[', found the end" },
	{ "P01 no operator", "[a:b]", "pattern: byte 4: expected a comparison operator, found ]" },
	{ "P01 no type", "[:b = 5]", "pattern: byte 1: expected an object type, found :" },
	{ "P01 no path", "[a = 5]", "pattern: byte 3: expected ':', found =" },
	{ "P01 a boolean has no order", "[a:b > true]", "pattern: byte 7: expected a constant that has an order, found true" },
	{ "P01 null is no constant", "[a:b = null]", "pattern: byte 7: expected a constant, found null" },
	{ "P01 LIKE a number", "[a:b LIKE 5]", "pattern: byte 10: expected a string, found 5" },
	{ "P01 leading zero", "[a:b = 05]", "pattern: byte 7: an integer must not begin with 0" },
	{ "P01 a sign alone", "[a:b = -]", "pattern: byte 7: expected digits behind the sign" },
	{ "P01 an unknown character", "[a:b =? 5]", "pattern: byte 6: unexpected '?'" },
	{ "P01 a wide unknown character", "[a:b = \xe2\x82\xac]", "pattern: byte 7: unexpected '\xe2\x82\xac'" },
	{ "P01 no UTF-8", "[a:b = '\xff']", "pattern: byte 8: no valid UTF-8" },
	{ "P01 an open comment", "[a:b = 5] /* x", "pattern: byte 10: unexpected '/'" },
	{ "P01 a string instead of an index", "[a:b['x'] = 5]", "pattern: byte 5: expected an index or '*', found 'x'" },
	{ "P01 NOT in front of a path", "[NOT a:b = 5]", "pattern: byte 5: expected EXISTS, found a" },
	{ "P07 WITHIN 0", "[a:b = 5] WITHIN 0 SECONDS", "pattern: byte 17: WITHIN needs more than 0 seconds" },
	{ "P07 WITHIN 0.0", "[a:b = 5] WITHIN 0.0 SECONDS", "pattern: byte 17: WITHIN needs more than 0 seconds" },
	{ "P07 WITHIN a negative", "[a:b = 5] WITHIN -5 SECONDS", "pattern: byte 17: expected a positive number, found -5" },
	{ "P07 other units", "[a:b = 5] WITHIN 5 HOURS", "pattern: byte 19: expected SECONDS, found HOURS" },
	{ "P08 no STOP", "[a:b = 5] START t'2020-01-01T00:00:00Z'", "pattern: byte 39: expected STOP, found the end" },
	{ "P08 no such day", "[a:b = 5] START t'2020-02-30T00:00:00Z' STOP t'2020-03-01T00:00:00Z'",
	  "pattern: byte 16: no such point in time" },
	{ "P09 REPEATS 0", "[a:b = 5] REPEATS 0 TIMES", "pattern: byte 18: REPEATS needs at least 1" },
	{ "P09 REPEATS 1.5", "[a:b = 5] REPEATS 1.5 TIMES", "pattern: byte 18: expected a positive integer, found 1.5" },
	{ "P10 one of each", "[a:b = 5] REPEATS 2 TIMES WITHIN 5 SECONDS START t'2020-01-01T00:00:00Z' STOP t'2021-01-01T00:00:00Z'", NULL },
	{ "P10 WITHIN twice", "[a:b = 5] WITHIN 5 SECONDS WITHIN 6 SECONDS", "pattern: byte 27: second WITHIN on one expression" },
	{ "P10 REPEATS twice, apart", "[a:b = 5] REPEATS 2 TIMES WITHIN 5 SECONDS REPEATS 3 TIMES",
	  "pattern: byte 43: second REPEATS on one expression" },
	{ "P10 twice by parentheses", "([a:b = 5] REPEATS 2 TIMES) REPEATS 2 TIMES", NULL },
	{ "P16 a regular expression", "[a:b MATCHES '^(a|b)+$']", NULL },
	{ "P16 an open group", "[a:b MATCHES 'ab(']",
	  "pattern: byte 13: regular expression: character 3: missing closing parenthesis" },
	{ "P17 a mixed set", "[a:b IN (1, 'x')]", "pattern: byte 12: a set must not mix types" },
	{ "P17 integers and floats", "[a:b IN (1, 2.5)]", NULL },
	{ "P17 a bare comma", "[a:b IN (1,)]", "pattern: byte 11: expected a constant, found )" },
	{ "P21 odd hexadecimal", "[a:b = h'abc']", "pattern: byte 7: no valid hexadecimal constant" },
	{ "P21 empty hexadecimal", "[a:b = h'']", NULL },
	{ "P21 bad base64", "[a:b = b'====']", "pattern: byte 7: no valid base64 constant" },
	{ "P21 empty base64", "[a:b = b'']", "pattern: byte 7: no valid base64 constant" },
	{ "P22 a hyphen in a key", "[a:b-c = 5]", "pattern: byte 3: expected quotes around a name with '-', found b-c" },
	{ "P22 a hyphen in a type", "[a-b:c = 5]", NULL },
	{ "P27 all white space", "[\xc2\xa0"
				 "a:b\xc2\x85=\xe1\x9a\x80"
				 "5\xe2\x80\x80\xe2\x80\x8a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80\t\n\v\f\r ]", NULL },
	{ "P27 no white space", "[a:b IN(1,2)AND a:c MATCHES'x']FOLLOWEDBY[a:b=5]REPEATS 5TIMES", NULL },
	{ "P27 comments", "[a:b /* = 7] */ = 5] // the end", NULL },
	{ "P28 both escapes", "[a:b = 'it\\'s \\\\']", NULL },
	{ "P28 no other escape", "[a:b = 'x\\n']", "pattern: byte 9: only \\' and \\\\ are escapes" },
	{ "P28 a backslash at the end", "[a:b = 'x\\']", "pattern: byte 7: the string is not closed" },
	{ "P29 keywords in lower case", "[a:b = 5] and [a:b = 6]", "pattern: byte 10: expected the end, found and" },
	{ "P29 WITHIN in lower case", "[a:b = 5] within 2 seconds", "pattern: byte 10: expected the end, found within" },
	{ "a keyword is no name", "[a:IN = 5]", "pattern: byte 3: expected a property name, found IN" },
	{ "a timestamp", "[a:b = t'2020-12-31T23:59:60.123456789Z']", NULL },
	{ "no timestamp", "[a:b = t'2020-12-31 23:59:59Z']",
	  "pattern: byte 7: no valid timestamp, expected t'YYYY-MM-DDThh:mm:ss[.s]Z'" },
	{ "a dot without fraction", "[a:b = t'2020-12-31T23:59:59.Z']",
	  "pattern: byte 7: no valid timestamp, expected t'YYYY-MM-DDThh:mm:ss[.s]Z'" },
	{ "a hash", "[file:hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4']", NULL },
	{ "a hash of the wrong length", "[file:hashes.'SHA-256' IN ('f00')]",
	  "pattern: byte 27: no SHA-256 hash: it has 64 hexadecimal digits" },
	{ "a hash of other letters", "[file:hashes.MD5 = 'g9054025255fb1a26e4bc422aef54eb4']",
	  "pattern: byte 19: no MD5 hash: it has 32 hexadecimal digits" },
	{ "a hash by LIKE", "[file:hashes.MD5 LIKE '79%']", NULL },
	{ "a fuzzy hash", "[file:hashes.SSDEEP = '3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C']", NULL },
};

static void test_checks(void)
{
	for (size_t i = 0; i < COUNTOF(CHECKS); i++) {
		struct err err = { .rc = RC_OK, .text = "" };
		enum rc rc = stix_pattern_check(str_of(CHECKS[i].pattern), &err);
		const char *want = CHECKS[i].error == NULL ? "" : CHECKS[i].error;

		OK((rc == RC_OK) == (CHECKS[i].error == NULL) && (rc == RC_OK || rc == RC_BAD), "%s: verdict", CHECKS[i].name);
		EQ_STR(str_of(rc == RC_OK ? "" : err.text), str_of(want), CHECKS[i].name);
	}
}

/* --- limits ---------------------------------------------------------------------- */

/* `n` times `piece`, between `before` and `after`. */
static enum rc check_repeated(const char *before, const char *piece, int n, const char *after, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 4 << 20);
	buf_cstr(&b, before);
	while (n-- > 0)
		buf_cstr(&b, piece);
	buf_cstr(&b, after);
	rc = stix_pattern_check(buf_view(&b), err);
	buf_done(&b);
	return rc;
}

static void test_limits(void)
{
	struct err err;

	EQ_INT(check_repeated("", "(", PATTERN_DEPTH_MAX + 1, "[a:b = 5]", &err), RC_LIMIT, "parentheses around observations");
	EQ_STR(str_of(err.text), S("pattern: byte 64: more than 64 nested parentheses"), "and where");
	EQ_INT(check_repeated("[", "(", PATTERN_DEPTH_MAX + 1, "a:b = 5]", &err), RC_LIMIT, "parentheses around comparisons");
	EQ_INT(check_repeated("[a:b", "[*]", PATTERN_STEPS_MAX, " = 5]", &err), RC_LIMIT, "steps of a path");
	EQ_INT(check_repeated("[a:b", "[*]", PATTERN_STEPS_MAX - 1, " = 5]", &err), RC_OK, "as many steps as allowed");
	EQ_INT(check_repeated("[a:b = 5", " OR a:b = 5", 20000, "]", &err), RC_OK, "a long list of alternatives");
	EQ_INT(check_repeated("[a:b = 5", " OR a:b = 5", 60000, "]", &err), RC_LIMIT, "too long a list");
	EQ_INT(check_repeated("[a:b = 5]", " AND [a:b = 5]", 20000, "", &err), RC_OK, "a long list of observations");
	EQ_INT(check_repeated("[a:b = '", "x", PATTERN_BYTES_MAX, "']", &err), RC_LIMIT, "too many bytes");
	EQ_INT(check_repeated("[a:b MATCHES '", "(", 200, "']", &err), RC_BAD, "nested groups");
	EQ_INT(check_repeated("[a:b = 5] REPEATS 2 TIMES", " REPEATS 2 TIMES", 1, "", &err), RC_BAD, "second qualifier");
	EQ_INT(check_repeated("([a:b = 5])", " REPEATS 2 TIMES", 9, "", &err), RC_LIMIT, "too many qualifiers");
}

/* --- 2.0, the simple form ---------------------------------------------------------- */

static void test_v20(void)
{
	const struct stix_pattern_opts v20 = { .v20 = true };
	struct str text = S("[a:b = 5] START '2020-01-01T00:00:00Z' STOP t'2020-01-02T00:00:00Z'");
	struct arena *a = arena_new(1 << 20);
	const struct pattern *p;
	struct err err;

	EQ_INT(stix_pattern_parse(a, text, &v20, &p, &err), RC_OK, "P08 2.0 takes plain strings");
	EQ_STR(p->root->start, S("2020-01-01T00:00:00Z"), "P08 2.0 start");
	EQ_INT(stix_pattern_parse(a, text, &STIX_PATTERN_STRICT, &p, &err), RC_BAD, "P08 2.1 does not");
	EQ_STR(str_of(err.text), S("pattern: byte 16: expected t'...', found '2020-01-01T00:00:00Z'"), "P08 and says so");
	arena_free(a);
}

static const struct {
	const char *pattern;
	const char *list; /* NULL: not simple */
} SIMPLES[] = {
	{ "[ipv4-addr:value = '198.51.100.1']", "ipv4-addr value = 198.51.100.1;" },
	{ "[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR url:value IN ('a', 'b')] OR ([file:size = 5])",
	  "ipv4-addr value ISSUBSET 198.51.100.0/24;url value = a;url value = b;file size = 5;" },
	{ "[file:'hashes'.'SHA-256' = 'x' OR file:'it\\'s' = 'y']", "file hashes.'SHA-256' = x;file 'it\\'s' = y;" },
	{ "[url:parent_ref = 'x']", "url parent_ref = x;" },
	{ "[url:value IN ()]", "" },
	{ "[url:value NOT = 'a']", NULL },
	{ "[url:value = 'a' AND url:x = 'b']", NULL },
	{ "[url:value LIKE 'a']", NULL },
	{ "[url:parent_ref.value = 'x']", NULL },
	{ "[url:list[*] = 'x']", NULL },
	{ "[url:value = 'a'] AND [url:value = 'b']", NULL },
	{ "[url:value = 'a'] REPEATS 2 TIMES", NULL },
};

static void test_simples(void)
{
	struct arena *a = arena_new(1 << 20);
	struct buf got;

	buf_init(&got, 4096);
	for (size_t i = 0; i < COUNTOF(SIMPLES); i++) {
		const struct pat_simple *list = NULL;
		const struct pattern *p;
		struct err err;
		size_t n = 0;
		enum rc rc;

		buf_clear(&got);
		OK(stix_pattern_parse(a, str_of(SIMPLES[i].pattern), &STIX_PATTERN_LENIENT, &p, &err) == RC_OK, "read");
		rc = stix_pattern_simples(a, p, &list, &n, &err);
		EQ_INT(rc, SIMPLES[i].list == NULL ? RC_UNSUPPORTED : RC_OK, SIMPLES[i].pattern);
		for (size_t k = 0; k < n; k++)
			buf_fmt(&got, "%.*s %.*s %s %.*s;", STR(list[k].object_type), STR(list[k].path),
				stix_pattern_op_name(list[k].op), STR(list[k].value->text));
		EQ_STR(buf_view(&got), str_of(SIMPLES[i].list == NULL ? "" : SIMPLES[i].list), "its list");
	}
	buf_done(&got);
	arena_free(a);
}

/* --- P30 ----------------------------------------------------------------------------- */

/* `n` observations, one a second apart; object i has v = i. */
static void put_many(struct buf *b, int n)
{
	buf_cstr(b, "[");
	for (int i = 0; i < n; i++)
		buf_fmt(b, "%s{\"type\":\"observed-data\",\"first_observed\":\"2020-01-%02dT%02d:%02d:%02dZ\",\"last_observed\":"
			   "\"2020-01-%02dT%02d:%02d:%02dZ\",\"number_observed\":1,\"objects\":{\"0\":{\"type\":\"x\",\"v\":%d}}}",
			i == 0 ? "" : ",", 1 + i / 86400, i / 3600 % 24, i / 60 % 60, i % 60, 1 + i / 86400, i / 3600 % 24,
			i / 60 % 60, i % 60, i);
	buf_cstr(b, "]");
}

static const struct {
	const char *pattern;
	int n;
	enum verdict want;
} MANY[] = {
	{ "[x:v < 20] REPEATS 10 TIMES", 20, MATCH },
	{ "[x:v < 20] REPEATS 10 TIMES WITHIN 8 SECONDS", 20, NONE },
	{ "[x:v < 20] REPEATS 10 TIMES FOLLOWEDBY [x:v < 20] REPEATS 10 TIMES", 20, MATCH },
	{ "[x:v < 20] REPEATS 10 TIMES FOLLOWEDBY [x:v < 20] REPEATS 11 TIMES", 20, NONE },
	{ "([x:v < 20] FOLLOWEDBY [x:v > 5]) REPEATS 10 TIMES", 20, MATCH },
	{ "([x:v > 15] FOLLOWEDBY [x:v < 20]) REPEATS 3 TIMES", 20, NONE },
	{ "([x:v < 20] AND [x:v > 5]) WITHIN 2 SECONDS REPEATS 7 TIMES", 20, MATCH },
	{ "([x:v < 20] AND [x:v > 5]) WITHIN 2 SECONDS REPEATS 8 TIMES", 20, NONE },
	{ "([x:v < 9] FOLLOWEDBY [x:v > 1] FOLLOWEDBY [x:v < 18]) WITHIN 4 SECONDS REPEATS 3 TIMES", 20, MATCH },
	{ "([x:v < 9] FOLLOWEDBY [x:v > 1] FOLLOWEDBY [x:v < 18]) WITHIN 4 SECONDS REPEATS 5 TIMES", 20, NONE },
	{ "[x:v < 20] AND [x:v < 19] AND [x:v < 18] AND [x:v < 17] AND [x:v < 16] AND [x:v < 15] AND [x:v < 14] AND "
	  "[x:v < 5] AND [x:v < 5] AND [x:v < 5] AND [x:v < 4] AND [x:v < 3] AND [x:v < 2]", 20, NONE },
	{ "[x:v > 100] FOLLOWEDBY [x:v > 150] FOLLOWEDBY [x:v < 160]", 20000, MATCH },
	{ "([x:v > 100] FOLLOWEDBY [x:v < 50]) WITHIN 3000 SECONDS", 20000, NONE },
	{ "([x:v > 15000] AND [x:v < 5000] AND [x:v > 0]) WITHIN 9000 SECONDS", 20000, NONE },
	{ "[x:v > 0] REPEATS 5000 TIMES WITHIN 4999 SECONDS", 20000, NONE },
	{ "[x:v > 0] REPEATS 5000 TIMES WITHIN 5000 SECONDS", 20000, MATCH },
	{ "([x:v > 10000] FOLLOWEDBY [x:v < 9000]) REPEATS 10 TIMES", 20000, NONE },
	{ "([x:v > 10] FOLLOWEDBY [x:v > 20]) REPEATS 1000 TIMES", 5000, MATCH },
};

static void test_many(void)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct buf text;

	buf_init(&text, 64 << 20);
	for (size_t i = 0; i < COUNTOF(MANY); i++) {
		struct err err = { .rc = RC_OK, .text = "" };
		bool match = false;
		enum rc rc;

		buf_clear(&text);
		put_many(&text, MANY[i].n);
		rc = stix_pattern_match_document(str_of(MANY[i].pattern), buf_view(&text), &match, &err);
		if (!OK(rc == RC_OK && match == (MANY[i].want == MATCH), "P30 %d: %s", MANY[i].n, MANY[i].pattern))
			printf("#   %s %s\n", rc_name(rc), err.text);
	}
	buf_done(&text);
	arena_free(a);
}

/* One search may take a million steps; a document full of them must not take hours. */
static void test_regex_budget(void)
{
	struct err err = { .rc = RC_OK, .text = "" };
	struct buf text;
	bool match;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < 600; i++) {
		buf_cstr(&text, i == 0 ? "[" : ",");
		buf_cstr(&text, "{\"type\":\"observed-data\",\"first_observed\":\"2020-01-01T00:00:00Z\",\"last_observed\":"
				"\"2020-01-01T00:00:00Z\",\"number_observed\":1,\"objects\":{\"0\":{\"type\":\"x\",\"v\":"
				"\"aaaaaaaaaaaaaaaaaaaaaaa!\"}}}");
	}
	buf_char(&text, ']');
	EQ_INT(stix_pattern_match_document(S("[x:v MATCHES '^(a|aa)+$']"), buf_view(&text), &match, &err), RC_LIMIT,
	       "P30 expensive searches end");
	EQ_STR(str_of(err.text), S("pattern: MATCHES takes more steps than allowed"), "P30 and say so");
	EQ_INT(stix_pattern_match_document(S("[x:v MATCHES '^a+$']"), buf_view(&text), &match, &err), RC_OK,
	       "P30 honest ones do not");
	buf_done(&text);
}

/* --- memory ---------------------------------------------------------------------------- */

static void test_memory(void)
{
	static const char *const patterns[] = {
		"[file:name MATCHES '^Fo+' AND file:text LIKE 'he\xcc\x81%' AND file:magic_number_hex = h'ffd8']",
		"([file:size = 5] FOLLOWEDBY [file:size = 5] OR [url:value LIKE 'h%']) WITHIN 5 SECONDS REPEATS 2 TIMES",
	};
	static const char document[] = "[" RICH "," RICH "," RICH "," RICH "]";
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < COUNTOF(patterns); i++) {
		struct str doc = quoted(&text, document);
		int64_t before = mem_live();
		bool match = false, clean = true;
		enum rc rc = RC_NOMEM;
		uint64_t n;

		for (n = 1; n < 10000 && rc != RC_OK; n++) {
			struct err err = { .rc = RC_OK, .text = "" };

			mem_fail_at(n, false);
			rc = stix_pattern_match_document(str_of(patterns[i]), doc, &match, &err);
			mem_fail_at(0, false);
			clean &= mem_live() == before && (rc == RC_OK || (rc == RC_NOMEM && err.rc == RC_NOMEM));
			if (!clean) {
				printf("#   allocation %llu: %s %s, %lld left\n", (unsigned long long)n, rc_name(rc), err.text,
				       (long long)(mem_live() - before));
				break;
			}
		}
		OK(clean && rc == RC_OK && match && n > 5, "each of %llu failing allocations is a clean error",
		   (unsigned long long)n);
	}
	buf_done(&text);
}

static void test_used(void)
{
	struct arena *a = arena_new(1 << 20);
	const struct stix_observations *o;
	struct stix_matcher *m;
	struct stix_match match;
	const struct json *doc;
	struct buf text;
	struct err err;

	buf_init(&text, 1 << 20);
	OK(json_parse(a, quoted(&text, TIMES), &JSON_LIMITS, &doc, &err) == RC_OK &&
	   stix_observations_index(a, doc, &o, &err) == RC_OK, "observations indexed");
	EQ_INT(stix_observations_count(o), 3, "three of them");
	OK(stix_matcher_compile(a, S("[x:v = 'z'] OR ([x:v = 'c'] AND [x:v = 'b'])"), &STIX_PATTERN_STRICT, &m, &err) == RC_OK &&
	   stix_matcher_run(m, o, NULL, a, &match, &err) == RC_OK, "run");
	OK(match.match && match.n_used == 2 && match.used[0] == 0 && match.used[1] == 2, "uses the first and the third");
	stix_matcher_free(m);
	OK(stix_matcher_compile(a, S("[x:v = t'2020-01-01T00:00:00Z']"), &STIX_PATTERN_STRICT, &m, &err) == RC_OK &&
	   stix_matcher_run(m, o, NULL, a, &match, &err) == RC_OK && !match.match && match.n_used == 0,
	   "P11 a string is no timestamp: a mismatch unless strict");
	stix_matcher_free(m);
	buf_done(&text);
	arena_free(a);
}

int main(void)
{
	test_matches();
	test_checks();
	test_limits();
	test_v20();
	test_simples();
	test_used();
	test_many();
	test_regex_budget();
	test_memory();
	return tap_done();
}
