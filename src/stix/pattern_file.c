/* A pattern against a whole document, read into memory of its own. Two arenas
 * would gain nothing: everything here lives as long as the one question. */
#include "stix/pattern_file.h"

#include "stix/pattern_match.h"

#define CHECK_MEMORY_MAX ((size_t)256 << 20)
#define MATCH_MEMORY_MAX ((size_t)4 << 30)

static const struct json_limits DOCUMENT_LIMITS = { .bytes = PATTERN_DOCUMENT_MAX, .depth = 64, .nodes = 1u << 26 };

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "pattern: out of memory");
}

enum rc stix_pattern_check(struct str pattern, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(CHECK_MEMORY_MAX);
	struct stix_matcher *m;

	if (a == NULL)
		return no_memory(err);
	TRY(stix_matcher_compile(a, pattern, &STIX_PATTERN_STRICT, &m, err));
	stix_matcher_free(m);
	return RC_OK;
}

static enum rc match_in(struct arena *a, struct stix_matcher *m, struct str document, bool *ret_match, struct err *err)
{
	const struct stix_match_opts opts = { .strict_times = true };
	const struct stix_observations *o;
	const struct json *doc;
	struct stix_match match;

	TRY(json_parse(a, document, &DOCUMENT_LIMITS, &doc, err));
	TRY(stix_observations_index(a, doc, &o, err));
	TRY(stix_matcher_run(m, o, &opts, a, &match, err));
	*ret_match = match.match;
	return RC_OK;
}

enum rc stix_pattern_match_document(struct str pattern, struct str document, bool *ret_match, struct err *err)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(MATCH_MEMORY_MAX);
	struct stix_matcher *m;
	enum rc rc;

	if (a == NULL)
		return no_memory(err);
	TRY(stix_matcher_compile(a, pattern, &STIX_PATTERN_LENIENT, &m, err));
	rc = match_in(a, m, document, ret_match, err);
	stix_matcher_free(m);
	return rc;
}
