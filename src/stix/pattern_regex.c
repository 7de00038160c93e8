/* Design: one PCRE2 context set for a matcher. The interpreter is used and not
 * the JIT: expressions come from peers, the detector's fence forbids writable
 * and executable memory, and the interpreter counts its steps the same way on
 * every machine. Limits: steps, depth and heap of a search, size of the code.
 * \C is off (it could cut a UTF-8 character), and what an expression sets for
 * itself by (*LIMIT_...) can only lower our limits. DOTALL by STIX 2.1 §9.6.1.
 *
 * PCRE2 does not tell how many steps a search took, and a limit that is fair to
 * one search would allow hours over a large document. So a search is tried with
 * few steps, and only when these do not suffice with more, which the run pays
 * for: honest expressions cost nothing, hostile ones run dry.
 *
 * Memory comes from base/mem.h through PCRE2's own hooks. */
#include "stix/pattern_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

/* Steps allowed at each try; each but the first is taken from run->regex_budget. */
static const uint32_t TRIES[] = { 4096, 65536, 1000000 };

#define MATCH_DEPTH_MAX 10000
#define MATCH_HEAP_KIB_MAX 8192
#define REGEX_BYTES_MAX 65536
#define REGEX_NEST_MAX 100

struct pat_regex {
	pcre2_code *code;
	struct pat_regex *next;
};

struct pat_regex_env {
	pcre2_general_context *general;
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
	struct pat_regex *all;
};

void pat_regex_env_free(struct pat_regex_env *env)
{
	if (env == NULL)
		return;
	while (env->all != NULL) {
		struct pat_regex *re = env->all;

		env->all = re->next;
		pcre2_code_free(re->code);
		mem_free(re);
	}
	pcre2_match_data_free(env->data);
	pcre2_match_context_free(env->match);
	pcre2_compile_context_free(env->compile);
	pcre2_general_context_free(env->general);
	mem_free(env);
}

enum rc pat_regex_env_new(struct pat_regex_env **ret, struct err *err)
{
	struct pat_regex_env *env = mem_alloc(sizeof *env);

	if (env == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	env->general = pcre2_general_context_create(mem_hook_alloc, mem_hook_free, NULL);
	if (env->general != NULL) {
		env->compile = pcre2_compile_context_create(env->general);
		env->match = pcre2_match_context_create(env->general);
		env->data = pcre2_match_data_create(1, env->general);
	}
	if (env->compile == NULL || env->match == NULL || env->data == NULL) {
		pat_regex_env_free(env);
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	}
	pcre2_set_max_pattern_length(env->compile, REGEX_BYTES_MAX);
	pcre2_set_parens_nest_limit(env->compile, REGEX_NEST_MAX);
	pcre2_set_depth_limit(env->match, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(env->match, MATCH_HEAP_KIB_MAX);
	*ret = env;
	return RC_OK;
}

static enum rc compile_failed(int code, size_t offset, uint32_t at, struct err *err)
{
	char text[120];

	if (code == PCRE2_ERROR_HEAP_FAILED)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text) < 0)
		text[0] = '\0';
	return FAIL(err, RC_BAD, "pattern: byte %u: regular expression: character %zu: %s", at, offset, text);
}

enum rc pat_regex_compile(struct pat_regex_env *env, struct str text, bool utf8, uint32_t at, struct pat_regex **ret,
			  struct err *err)
{
	uint32_t options = PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C | (utf8 ? PCRE2_UTF : PCRE2_NEVER_UTF);
	struct pat_regex *re = mem_alloc(sizeof *re);
	PCRE2_SIZE offset = 0;
	int code = 0;

	if (re == NULL)
		return FAIL(err, RC_NOMEM, "pattern: out of memory");
	re->code = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &code, &offset, env->compile);
	if (re->code == NULL) {
		mem_free(re);
		return compile_failed(code, offset, at, err);
	}
	re->next = env->all;
	env->all = re;
	*ret = re;
	return RC_OK;
}

static int try_search(const struct pat_regex *re, struct str subject, uint32_t steps, struct pat_run *run)
{
	pcre2_set_match_limit(run->env->match, steps);
	return pcre2_match(re->code, (PCRE2_SPTR)subject.p, subject.n, 0, PCRE2_NO_UTF_CHECK, run->env->data,
			   run->env->match);
}

bool pat_regex_search(const struct pat_regex *re, struct str subject, struct pat_run *run)
{
	int got = try_search(re, subject, TRIES[0], run);

	for (size_t i = 1; i < COUNTOF(TRIES) && got == PCRE2_ERROR_MATCHLIMIT; i++) {
		if (run->regex_budget < TRIES[i])
			break;
		run->regex_budget -= TRIES[i];
		got = try_search(re, subject, TRIES[i], run);
	}
	if (got == PCRE2_ERROR_NOMATCH)
		return false;
	if (got >= 0)
		return true;
	run->rc = got == PCRE2_ERROR_NOMEMORY
			  ? FAIL(run->err, RC_NOMEM, "pattern: out of memory")
			  : FAIL(run->err, RC_LIMIT, "pattern: MATCHES takes more steps than allowed");
	return false;
}
