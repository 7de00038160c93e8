#include "detect/rulebook.h"

#include <dirent.h>

#include "base/ascii.h"
#include "detect/correlate.h"
#include "sys/file.h"

#define PATH_BYTES 4200

bool rulebook_id_ok(struct str id)
{
	if (id.n == 0 || id.n > RULEBOOK_ID_MAX || id.p[0] == '.' || str_ends(id, S(".yml")) || str_ends(id, S(".yaml")))
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_alnum(id.p[i]) && id.p[i] != '.' && id.p[i] != '_' && id.p[i] != '-')
			return false;
	return true;
}

static enum rc read_off(struct sigma_reader *r, const char *own, struct err *err)
{
	char path[PATH_BYTES];
	const struct dirent *e;
	enum rc rc = RC_OK;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%s/" RULEBOOK_OFF, own);
	dir = opendir(path);
	if (dir == NULL)
		return RC_OK;
	while (rc == RC_OK && n < RULEBOOK_OFF_MAX && (e = readdir(dir)) != NULL) {
		if (!rulebook_id_ok(str_of(e->d_name)))
			continue;
		rc = sigma_reader_leave_out(r, str_of(e->d_name), RULEBOOK_OFF_WHY, err);
		n++;
	}
	closedir(dir);
	return rc;
}

enum rc rulebook_read(struct arena *a, const struct rulebook_opts *o, const struct sigma_set **ret, struct err *err)
{
	CLEANUP(sigma_reader_freep) struct sigma_reader *r = NULL;

	TRY(sigma_reader_new(a, &r, err));
	if (o->lists != NULL)
		TRY(sigma_reader_load(r, o->lists, true, err));
	if (o->draft.n > 0) {
		TRY(sigma_reader_add(r, S(RULEBOOK_DRAFT), o->draft, err));
		sigma_reader_layer(r);
	}
	if (o->own != NULL && file_exists(o->own)) {
		TRY(read_off(r, o->own, err));
		TRY(sigma_reader_load(r, o->own, false, err));
		sigma_reader_layer(r);
	}
	if (o->rules != NULL)
		TRY(sigma_reader_load(r, o->rules, false, err));
	return sigma_reader_end(r, ret, err);
}

/* --- what became of them --- */

const char *ruling_name(enum sigma_verdict v)
{
	static const char *const names[] = { "loaded", "needs-list", "refused", "ignored", "off" };

	return names[v];
}

enum rc rulebook_refusals(struct arena *a, const struct sigma_set *set, const struct engine_image *image, const struct engine_refusal **ret,
			  size_t *ret_n, struct err *err)
{
	struct correlator *c CLEANUP(correlator_freep) = NULL;
	const struct engine_refusal *rules;
	const struct correlator_refusal *corrs;
	struct engine_refusal *all;
	size_t n_rules = engine_image_refused(image, &rules), n_corrs;

	TRY(correlator_new(set, NULL, &c, err));
	n_corrs = correlator_refused(c, &corrs);
	all = arena_array(a, n_rules + n_corrs + 1, sizeof *all);
	if (all == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	for (size_t i = 0; i < n_rules; i++)
		all[i] = rules[i];
	for (size_t i = 0; i < n_corrs; i++) {
		all[n_rules + i] = (struct engine_refusal){ corrs[i].rule, arena_dup(a, corrs[i].reason) };
		if (all[n_rules + i].reason.p == NULL)
			return FAIL(err, RC_NOMEM, "rules: out of memory");
	}
	*ret = all;
	*ret_n = n_rules + n_corrs;
	return RC_OK;
}

/* The rule in the set that a report is about, or NULL. */
static const struct sigma_rule *rule_of(const struct sigma_set *set, const struct sigma_report *report, uint32_t *at)
{
	for (uint32_t i = 0; i < set->n_rules; i++) {
		const struct sigma_rule *r = &set->rules[(*at + i) % set->n_rules];

		/* Reports and rules stand in nearly the same order: the search goes on where it found the last one. */
		if (r->line != report->line || r->file.p != report->file.p)
			continue;
		*at = (*at + i + 1) % set->n_rules;
		return r;
	}
	return NULL;
}

/* Why the engine or the correlator does not take a rule that reads well; NULL: it does. */
static const struct str *refusal_of(const struct sigma_set *set, const struct engine_refusal *list, size_t n, const struct sigma_rule *r)
{
	for (size_t i = 0; i < n; i++)
		if (&set->rules[list[i].rule] == r)
			return &list[i].reason;
	return NULL;
}

enum rc rulebook_judge(struct arena *a, const struct sigma_set *set, const struct taxonomy *t, const struct engine_image *image,
		       const struct ruling **ret, struct err *err)
{
	struct ruling *all = arena_array(a, set->n_reports + (size_t)1, sizeof *all);
	const struct engine_refusal *refused;
	uint32_t at = 0;
	size_t n;

	if (all == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	TRY(rulebook_refusals(a, set, image, &refused, &n, err));
	for (uint32_t i = 0; i < set->n_reports; i++) {
		const struct sigma_report *report = &set->reports[i];
		const struct sigma_rule *r = report->verdict == SIGMA_LOADED ? rule_of(set, report, &at) : NULL;
		const struct str *refusal = r == NULL ? NULL : refusal_of(set, refused, n, r);

		all[i] = (struct ruling){ report, refusal == NULL ? r : NULL, refusal == NULL ? report->verdict : SIGMA_REFUSED, report->reason, S("") };
		if (refusal != NULL)
			all[i].also = *refusal;
		else if (r != NULL && r->kind == SIGMA_RULE && !taxonomy_knows(t, &r->source))
			all[i].also = S("no event is recognised as of its log source: it is tried on syslog, CEF and LEEF, and by its fields on what is of no known source");
	}
	*ret = all;
	return RC_OK;
}
