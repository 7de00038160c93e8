#include "lab/words.h"

#include "base/ascii.h"

static bool inside_word(char c)
{
	return ascii_alnum(c) || c == '_';
}

static bool stands_at(struct str s, size_t at, struct str word)
{
	for (size_t i = 0; i < word.n; i++)
		if (ascii_to_lower(s.p[at + i]) != word.p[i])
			return false;
	return true;
}

size_t lab_word_in(struct str s, struct str word, size_t from)
{
	for (size_t at = from; word.n > 0 && at + word.n <= s.n; at++) {
		if (!stands_at(s, at, word))
			continue;
		if (at > 0 && inside_word(s.p[at - 1]) && inside_word(word.p[0]))
			continue;
		if (at + word.n < s.n && inside_word(s.p[at + word.n]) && inside_word(word.p[word.n - 1]))
			continue;
		return at;
	}
	return SIZE_MAX;
}

static bool any_of(struct str s, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lab_word_in(s, words[i], 0) != SIZE_MAX)
			return true;
	return false;
}

bool lab_names_interpreter(struct str s)
{
	static const struct str words[] = {
		S("cmd"), S("powershell"), S("pwsh"), S("mshta"), S("wscript"), S("cscript"), S("rundll32"), S("regsvr32"), S("msiexec"), S("certutil"),
		S("bitsadmin"), S("forfiles"), S("wmic"), S("conhost"), S("comspec"), S("schtasks"), S("hh"), S("curl"), S("msbuild"), S("installutil"), S("odbcconf"),
	};

	return any_of(s, words, COUNTOF(words));
}

bool lab_words_of_attack(struct str s)
{
	static const struct str words[] = {
		S("http:"), S("https:"), S("ftp:"), S("javascript:"), S("vbscript:"), S("-enc"), S("-encodedcommand"), S("-ec"), S("-w hidden"), S("-windowstyle hidden"),
		S("-win hidden"), S("/w hidden"), S("bypass"), S("frombase64string"), S("iex"), S("invoke-expression"), S("invoke-webrequest"), S("iwr"),
		S("downloadstring"), S("downloadfile"), S("downloaddata"), S("start-bitstransfer"), S("urlcache"), S("%temp%"), S("$env:temp"), S("%appdata%"), S("webclient"), S("scrobj.dll"),
		S("\\\\"), S("createobject"), S("findstr"), S("-nop"), S("-noprofile"), S("readallbytes"), S("gc -"), S("mshta"),
	};

	return any_of(s, words, COUNTOF(words));
}
