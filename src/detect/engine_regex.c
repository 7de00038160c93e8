/* Regular expressions of rules. They come from whoever runs the node, the text
 * they search from anyone. PCRE2 decides what an expression means and which are
 * refused; most then run as an automaton in linear time (engine_nfa.c). What
 * that does not read runs in PCRE2's interpreter with a limit of steps; a search
 * that reaches it is no match and counted. Not by its JIT: that counts no steps,
 * wants memory that is writable and executable, and (10.42, with text that may be
 * no UTF-8) does not find that \W takes U+00E9.
 *
 * Most searches never happen: an expression is tried only on text that holds
 * all that each of its matches must hold (regex_needs). */
#include "detect/engine_int.h"

#include "base/fold.h"

#define REGEX_BYTES_MAX 65536
#define REGEX_NEST_MAX 100
#define REGEX_STEPS_MIN 20000
#define REGEX_STEPS_PER_BYTE 8
#define REGEX_DEPTH_MAX 100000
#define REGEX_HEAP_KIB_MAX 8192

struct regex_env {
	pcre2_general_context *general;
	pcre2_compile_context *compile;
	struct regex *all;
};

void regex_env_free(struct regex_env *env)
{
	if (env == NULL)
		return;
	while (env->all != NULL) {
		struct regex *re = env->all;

		env->all = re->next;
		pcre2_code_free(re->code);
		nfa_free(re->nfa);
		mem_free(re);
	}
	pcre2_compile_context_free(env->compile);
	pcre2_general_context_free(env->general);
	mem_free(env);
}

struct regex_env *regex_env_new(void)
{
	struct regex_env *env = mem_alloc(sizeof *env);

	if (env == NULL)
		return NULL;
	env->general = pcre2_general_context_create(mem_hook_alloc, mem_hook_free, NULL);
	if (env->general != NULL)
		env->compile = pcre2_compile_context_create(env->general);
	if (env->compile == NULL) {
		regex_env_free(env);
		return NULL;
	}
	pcre2_set_max_pattern_length(env->compile, REGEX_BYTES_MAX);
	pcre2_set_parens_nest_limit(env->compile, REGEX_NEST_MAX);
	return env;
}

static bool holds_one(struct str folded, const struct regex_need *need)
{
	for (uint32_t i = 0; i < need->n; i++)
		if (str_find(folded, need->any[i], 0) != SIZE_MAX)
			return true;
	return false;
}

bool regex_search(const struct regex *re, const struct text *x, struct regex_run *run)
{
	struct str s = x->plain;
	int rc;

	for (size_t i = 0; i < re->n_needs; i++)
		if (!holds_one(x->folded, &re->needs[i]))
			return false;
	if (re->nfa != NULL)
		return nfa_matches(re->nfa, run->memo, s);
	/* Steps by the length: an expression that is no bomb takes a few for each byte. */
	pcre2_set_match_limit(run->context, REGEX_STEPS_MIN + (uint32_t)(s.n > UINT32_MAX / 16 ? UINT32_MAX / 2 : s.n * REGEX_STEPS_PER_BYTE));
	rc = pcre2_match(re->code, (PCRE2_SPTR)(s.n == 0 ? "" : s.p), s.n, 0, 0, run->data, run->context);
	run->limits += rc != PCRE2_ERROR_NOMATCH && rc < 0;
	return rc >= 0;
}

enum rc regex_compile(struct regex_env *env, struct str pattern, unsigned flags, struct regex **ret, struct err *err)
{
	struct regex *re = mem_alloc(sizeof *re);
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	int code;
	PCRE2_SIZE at;

	if (re == NULL)
		return FAIL(err, RC_NOMEM, "regular expression: out of memory");
	options |= (flags & SIGMA_RE_I ? PCRE2_CASELESS : 0) | (flags & SIGMA_RE_M ? PCRE2_MULTILINE : 0) |
		   (flags & SIGMA_RE_S ? PCRE2_DOTALL : 0);
	re->code = pcre2_compile((PCRE2_SPTR)(pattern.n == 0 ? "" : pattern.p), pattern.n, options, &code, &at, env->compile);
	if (re->code == NULL) {
		PCRE2_UCHAR text[128];

		mem_free(re);
		if (code == PCRE2_ERROR_HEAP_FAILED)
			return FAIL(err, RC_NOMEM, "regular expression: out of memory");
		pcre2_get_error_message(code, text, sizeof text);
		return FAIL(err, RC_BAD, "regular expression \"%.*s\": byte %zu: %s", STR(str_slice(pattern, 0, 120)), at + 1,
			    (const char *)text);
	}
	re->nfa = nfa_new(pattern, (flags & SIGMA_RE_I) != 0, (flags & SIGMA_RE_S) != 0, (flags & SIGMA_RE_M) != 0);
	re->next = env->all;
	env->all = re;
	*ret = re;
	return RC_OK;
}

void regex_run_done(struct regex_run *run)
{
	pcre2_match_data_free(run->data);
	pcre2_match_context_free(run->context);
	nfa_memo_free(run->memo);
	*run = (struct regex_run){ 0 };
}

enum rc regex_run_new(const struct regex_env *env, struct regex_run *ret, struct err *err)
{
	struct regex_run run = { 0 };

	run.data = pcre2_match_data_create(1, env->general);
	run.context = pcre2_match_context_create(env->general);
	run.memo = nfa_memo_new();
	if (run.data == NULL || run.context == NULL || run.memo == NULL) {
		regex_run_done(&run);
		return FAIL(err, RC_NOMEM, "engine: out of memory");
	}
	pcre2_set_depth_limit(run.context, REGEX_DEPTH_MAX);
	pcre2_set_heap_limit(run.context, REGEX_HEAP_KIB_MAX);
	*ret = run;
	return RC_OK;
}
