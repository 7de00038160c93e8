/* Patterns of several values that must be met together. */
#include "model/observable.h"
#include "stix/pattern.h"
#include "stix/pattern_ast.h"

#define TERMS_MAX 16
#define NEEDED_MAX 1024

struct terms {
	struct arena *a;
	struct value_term *list;
	size_t n;
};

static enum rc unsupported(struct err *err)
{
	return FAIL(err, RC_UNSUPPORTED, "pattern: not a conjunction of simple values");
}

static bool has_steps(const struct pat_cmp *cmp, const char *type, const char *first, const char *second)
{
	if (!str_eq(cmp->object_type, str_of(type)) || cmp->n_steps < 1 || cmp->steps[0].kind != PAT_KEY ||
	    !str_eq(cmp->steps[0].key, str_of(first)))
		return false;
	if (second == NULL)
		return cmp->n_steps == 1;
	return cmp->n_steps == 2 && cmp->steps[1].kind == PAT_KEY && str_eq(cmp->steps[1].key, str_of(second));
}

static enum rc add(struct terms *t, enum value_role role, enum observable_kind kind, struct str text, struct err *err)
{
	struct value_term *to = &t->list[t->n];
	struct buf normal;

	buf_init(&normal, VALUE_MAX * 2);
	if (kind != OBS_KINDS && value_normalise(kind, text, &normal, NULL) == RC_OK)
		text = buf_view(&normal);
	else if (kind != OBS_KINDS)
		text = S(""); /* has no normal form: nothing that we see can equal it */
	*to = (struct value_term){ .role = role, .kind = kind, .text = arena_dup(t->a, text) };
	buf_done(&normal);
	if (to->text.p == NULL)
		return FAIL(err, RC_NOMEM, "pattern: no memory");
	t->n++;
	return to->text.n == 0 ? unsupported(err) : RC_OK;
}

/* A host at an end of traffic, or behind a name: an address by its form, else a domain. */
static enum rc add_host(struct terms *t, enum value_role role, struct str text, struct err *err)
{
	struct buf out;
	enum observable_kind kind;
	enum rc rc;

	buf_init(&out, VALUE_MAX * 2);
	rc = value_detect(text, &kind, &out, NULL);
	buf_done(&out);
	if (rc != RC_OK || kind > OBS_DOMAIN)
		return unsupported(err);
	return add(t, kind == OBS_DOMAIN ? ROLE_ANY : role, kind, text, err);
}

static enum rc add_port(struct terms *t, enum value_role role, const struct pat_const *c, struct err *err)
{
	struct str text;

	if (c->type != PAT_INT || !c->exact || c->i < 0 || c->i > 65535)
		return unsupported(err);
	text = arena_fmt(t->a, "%lld", (long long)c->i);
	return text.p == NULL ? FAIL(err, RC_NOMEM, "pattern: no memory") : add(t, role, OBS_KINDS, text, err);
}

/* "resolves_to_refs[*].value" */
static bool is_resolved(const struct pat_cmp *cmp)
{
	return str_eq(cmp->object_type, S("domain-name")) && cmp->n_steps == 3 && cmp->steps[0].kind == PAT_KEY &&
	       str_eq(cmp->steps[0].key, S("resolves_to_refs")) && cmp->steps[1].kind == PAT_ANY && cmp->steps[2].kind == PAT_KEY &&
	       str_eq(cmp->steps[2].key, S("value"));
}

static bool kind_of(const struct pat_cmp *cmp, enum observable_kind *ret)
{
	static const struct {
		const char *type, *first, *second;
		enum observable_kind kind;
	} rows[] = {
		{ "ipv4-addr", "value", NULL, OBS_IPV4 }, { "ipv6-addr", "value", NULL, OBS_IPV6 }, { "domain-name", "value", NULL, OBS_DOMAIN },
		{ "url", "value", NULL, OBS_URL }, { "email-addr", "value", NULL, OBS_EMAIL }, { "file", "hashes", "MD5", OBS_MD5 },
		{ "file", "hashes", "SHA-1", OBS_SHA1 }, { "file", "hashes", "SHA-256", OBS_SHA256 }, { "file", "hashes", "SHA-512", OBS_SHA512 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (has_steps(cmp, rows[i].type, rows[i].first, rows[i].second)) {
			*ret = rows[i].kind;
			return true;
		}
	}
	return false;
}

static enum rc add_test(struct terms *t, const struct pat_cmp *cmp, struct err *err)
{
	const struct pat_const *c = cmp->consts;
	enum observable_kind kind;

	if (cmp->op != PAT_EQ || cmp->negated || cmp->n_consts != 1 || t->n == TERMS_MAX)
		return unsupported(err);
	if (has_steps(cmp, "network-traffic", "dst_port", NULL))
		return add_port(t, ROLE_DST_PORT, c, err);
	if (has_steps(cmp, "network-traffic", "src_port", NULL))
		return add_port(t, ROLE_SRC_PORT, c, err);
	if (c->type != PAT_STRING)
		return unsupported(err);
	if (has_steps(cmp, "network-traffic", "dst_ref", "value"))
		return add_host(t, ROLE_DST, c->text, err);
	if (has_steps(cmp, "network-traffic", "src_ref", "value"))
		return add_host(t, ROLE_SRC, c->text, err);
	if (is_resolved(cmp))
		return add_host(t, ROLE_ANY, c->text, err);
	if (has_steps(cmp, "file", "name", NULL))
		return add(t, ROLE_FILE_NAME, OBS_KINDS, c->text, err);
	return kind_of(cmp, &kind) ? add(t, ROLE_ANY, kind, c->text, err) : unsupported(err);
}

/* Hashes tell the most, then URLs, mail and domains, then addresses. */
static enum rc best_first(struct terms *t, struct err *err)
{
	size_t best = t->n;
	struct value_term first;

	for (size_t i = 0; i < t->n; i++) {
		if (t->list[i].kind != OBS_KINDS && (best == t->n || t->list[i].kind > t->list[best].kind))
			best = i;
	}
	if (best == t->n)
		return unsupported(err);
	first = t->list[best];
	t->list[best] = t->list[0];
	t->list[0] = first;
	return RC_OK;
}

enum rc value_terms_of_pattern(struct arena *a, struct str pattern, struct value_term **ret, size_t *ret_n, struct err *err)
{
	struct terms t = { .a = a };
	const struct pattern *p;
	const struct pat_bool *test;

	TRY(stix_pattern_parse(a, pattern, &STIX_PATTERN_LENIENT, &p, err));
	if (p->root->kind != PAT_OBSERVATION || p->root->test->kind == PAT_SOME)
		return unsupported(err);
	t.list = arena_array(a, TERMS_MAX, sizeof *t.list);
	if (t.list == NULL)
		return FAIL(err, RC_NOMEM, "pattern: no memory");
	test = p->root->test;
	for (const struct pat_bool *one = test->kind == PAT_ALL ? test->kids : test; one != NULL; one = one->next) {
		if (one->kind != PAT_TEST)
			return unsupported(err);
		TRY(add_test(&t, &one->cmp, err));
	}
	TRY(best_first(&t, err));
	*ret = t.list;
	*ret_n = t.n;
	return RC_OK;
}

enum rc value_named_in_pattern(struct arena *a, struct str pattern, struct value **ret, size_t *ret_n, struct err *err)
{
	struct value_term *terms;
	size_t n, got = 0;
	enum rc rc = value_of_pattern(a, pattern, ret, ret_n, err);

	if (rc != RC_UNSUPPORTED)
		return rc;
	TRY(value_terms_of_pattern(a, pattern, &terms, &n, err));
	*ret = arena_array(a, n, sizeof **ret);
	if (*ret == NULL)
		return FAIL(err, RC_NOMEM, "pattern: no memory");
	for (size_t i = 0; i < n; i++) {
		if (terms[i].kind != OBS_KINDS)
			(*ret)[got++] = (struct value){ terms[i].kind, terms[i].text };
	}
	*ret_n = got;
	return RC_OK;
}

/* --- what cannot be missing --- */

struct needed {
	struct arena *a;
	struct value *list;
	size_t n;
};

static enum rc need(struct needed *x, enum observable_kind kind, struct str text, struct err *err)
{
	struct terms one = { .a = x->a };
	struct value_term term;

	one.list = &term;
	if (x->n == NEEDED_MAX)
		return unsupported(err);
	TRY(add(&one, ROLE_ANY, kind, text, err));
	x->list[x->n++] = (struct value){ kind, term.text };
	return RC_OK;
}

/* Equality of an observable, or being inside of a block. A URL may be put together from parts of an event in more ways than
 * one, so it is not relied on. */
static enum rc need_test(struct needed *x, const struct pat_cmp *cmp, struct err *err)
{
	bool ends = has_steps(cmp, "network-traffic", "dst_ref", "value") || has_steps(cmp, "network-traffic", "src_ref", "value");
	enum observable_kind kind = OBS_KINDS;

	if ((cmp->op != PAT_EQ && cmp->op != PAT_IN && cmp->op != PAT_ISSUBSET) || cmp->negated || (!ends && !kind_of(cmp, &kind)) ||
	    kind == OBS_URL || cmp->n_consts == 0)
		return unsupported(err);
	for (uint32_t i = 0; i < cmp->n_consts; i++) {
		struct buf out;
		enum rc rc = RC_OK;

		if (cmp->consts[i].type != PAT_STRING)
			return unsupported(err);
		buf_init(&out, VALUE_MAX * 2);
		if (ends)
			rc = value_detect(cmp->consts[i].text, &kind, &out, NULL);
		buf_done(&out);
		if (rc != RC_OK || kind == OBS_URL)
			return unsupported(err);
		TRY(need(x, kind, cmp->consts[i].text, err));
	}
	return RC_OK;
}

/* Of an AND one branch is enough, of an OR each counts. Recursion: as deep as the parser lets parentheses nest. */
static enum rc need_bool(struct needed *x, const struct pat_bool *b, struct err *err)
{
	size_t before = x->n;

	if (b->kind == PAT_TEST)
		return need_test(x, &b->cmp, err);
	for (const struct pat_bool *k = b->kids; k != NULL; k = k->next) {
		enum rc rc = need_bool(x, k, err);

		if (rc == RC_NOMEM || (b->kind == PAT_SOME && rc != RC_OK) || (b->kind == PAT_ALL && rc == RC_OK))
			return rc;
		if (b->kind == PAT_ALL)
			x->n = before;
	}
	return b->kind == PAT_SOME ? RC_OK : unsupported(err);
}

static enum rc need_obs(struct needed *x, const struct pat_obs *o, struct err *err)
{
	if (o->kind == PAT_OBSERVATION)
		return need_bool(x, o->test, err);
	for (const struct pat_obs *k = o->kids; k != NULL; k = k->next)
		TRY(need_obs(x, k, err));
	return RC_OK;
}

enum rc value_needed_in_pattern(struct arena *a, struct str pattern, struct value **ret, size_t *ret_n, struct err *err)
{
	struct needed x = { .a = a, .list = arena_array(a, NEEDED_MAX, sizeof *x.list) };
	const struct pattern *p;

	if (x.list == NULL)
		return FAIL(err, RC_NOMEM, "pattern: no memory");
	TRY(stix_pattern_parse(a, pattern, &STIX_PATTERN_LENIENT, &p, err));
	TRY(need_obs(&x, p->root, err));
	*ret = x.list;
	*ret_n = x.n;
	return RC_OK;
}
