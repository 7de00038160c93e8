/* What a macro is able to do, by the words in its text: one that runs by itself *and* reaches out of the document is suspicious; either
 * alone is what honest macros do. */
#include "lab/make.h"

#include <string.h>

#include "base/ascii.h"

enum ability { BY_ITSELF = 1, STARTS = 2, FETCHES = 4, WRITES = 8, HIDES = 16 };

static const struct word {
	const char *word; /* lower case; letters and digits around it make it another word */
	enum ability ability;
} WORDS[] = {
	{ "autoopen", BY_ITSELF }, { "auto_open", BY_ITSELF }, { "autoexec", BY_ITSELF }, { "autoclose", BY_ITSELF }, { "auto_close", BY_ITSELF },
	{ "autonew", BY_ITSELF }, { "autoexit", BY_ITSELF }, { "document_open", BY_ITSELF }, { "document_close", BY_ITSELF },
	{ "document_new", BY_ITSELF }, { "documentopen", BY_ITSELF }, { "workbook_open", BY_ITSELF }, { "workbook_activate", BY_ITSELF },
	{ "workbook_beforeclose", BY_ITSELF }, { "workbook_close", BY_ITSELF }, { "presentation_open", BY_ITSELF }, { "onload", BY_ITSELF },
	{ "shell", STARTS }, { "shellexecute", STARTS }, { "shellexecutea", STARTS }, { "wscript.shell", STARTS }, { "shell.application", STARTS },
	{ "win32_process", STARTS }, { "createprocess", STARTS }, { "createprocessa", STARTS }, { "createthread", STARTS },
	{ "createremotethread", STARTS }, { "virtualalloc", STARTS }, { "rtlmovememory", STARTS }, { "powershell", STARTS },
	{ "powershell.exe", STARTS }, { "cmd.exe", STARTS }, { "mshta", STARTS }, { "regsvr32", STARTS }, { "rundll32", STARTS },
	{ "schedule.service", STARTS }, { "macscript", STARTS },
	{ "urldownloadtofile", FETCHES }, { "urldownloadtofilea", FETCHES }, { "msxml2.xmlhttp", FETCHES }, { "microsoft.xmlhttp", FETCHES },
	{ "msxml2.serverxmlhttp", FETCHES }, { "winhttp.winhttprequest.5.1", FETCHES }, { "internetopena", FETCHES },
	{ "savetofile", WRITES }, { "adodb.stream", WRITES }, { "scripting.filesystemobject", WRITES }, { "createtextfile", WRITES },
	{ "regwrite", WRITES },
	{ "callbyname", HIDES }, { "strreverse", HIDES }, { "chrw", HIDES }, { "vbhide", HIDES }, { "frombase64string", HIDES },
};

static bool inside_word(char c)
{
	return ascii_alnum(c) || c == '_';
}

static bool stands_at(struct str s, size_t at, const char *word, size_t n)
{
	if (at + n > s.n || (at > 0 && inside_word(s.p[at - 1])) || (at + n < s.n && inside_word(s.p[at + n])))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ascii_to_lower(s.p[at + i]) != word[i])
			return false;
	}
	return true;
}

struct found {
	unsigned abilities;
	size_t at[COUNTOF(WORDS)]; /* SIZE_MAX: not there */
};

static void look(struct str s, struct found *f)
{
	for (size_t i = 0; i < COUNTOF(WORDS); i++)
		f->at[i] = SIZE_MAX;
	for (size_t at = 0; at < s.n; at++) {
		if (!ascii_alpha(s.p[at]) || (at > 0 && inside_word(s.p[at - 1])))
			continue;
		for (size_t i = 0; i < COUNTOF(WORDS); i++) {
			if (f->at[i] == SIZE_MAX && WORDS[i].word[0] == ascii_to_lower(s.p[at]) && stands_at(s, at, WORDS[i].word, strlen(WORDS[i].word))) {
				f->at[i] = at;
				f->abilities |= WORDS[i].ability;
			}
		}
	}
}

static enum rc make(struct lab_node *n, struct err *err)
{
	static const char *const names[] = { "macro.runs-by-itself", "macro.starts", "macro.fetches", "macro.writes", "macro.hides" };
	struct found f = { .abilities = 0 };

	(void)err;
	if (strcmp(n->from.how, "macro") != 0)
		return RC_UNSUPPORTED;
	look(n->bytes, &f);
	for (size_t i = 0; i < COUNTOF(WORDS); i++) {
		if (f.at[i] != SIZE_MAX)
			lab_fact(n, names[__builtin_ctz((unsigned)WORDS[i].ability)], str_of(WORDS[i].word));
	}
	for (size_t i = 0; i < COUNTOF(WORDS); i++) {
		if (f.at[i] != SIZE_MAX && WORDS[i].ability == BY_ITSELF && (f.abilities & (STARTS | FETCHES)) != 0) {
			lab_feature(n, LAB_SUSPICIOUS, "macro.acts-by-itself", f.at[i], strlen(WORDS[i].word),
				    "a macro that runs when the document is opened or closed starts programs or fetches files");
			break;
		}
	}
	return RC_OK;
}

const struct lab_maker LAB_MAKE_MACRO = { "macro", LAB_ANY_TYPE, make, NULL };
