/* libyara, loaded once in the zygote, behind a router that says which rules are worth running on a file (lab/router.h). All rules are disabled
 * when they are loaded; a run enables those of its route. Where none of their strings can stand in the file, libyara is handed an
 * empty piece in front of it, so that it looks for none, and judges the conditions on the whole. Matches are told in the order in
 * which libyara finds them, rule by rule, which is that of the yara program. */
#include "lab/rules.h"

#include <dirent.h>
#include <sys/stat.h>
#include <yara.h>

#include "base/mem.h"
#include "base/text.h"
#include "lab/router.h"
#include "lab/ruleset.h"
#include "sys/file.h"

#define FILES_MAX 8192
#define SOURCE_MAX ((size_t)256 << 20)
#define SCORE_MALICIOUS 75 /* of a rule's own `score`, 0 to 100, as public rule sets use it */
#define SCORE_SUSPICIOUS 40

struct lab_rules {
	YR_RULES *rules;
	struct lab_router *router; /* NULL: all rules are run on every file */
	uint8_t *off;              /* NULL, or of each rule: it is never run */
	size_t n;
	uint32_t number;           /* of a generation */
	bool plain;
};

/* --- loading --- */

struct loading {
	YR_COMPILER *compiler;
	struct err *err;
	const char *path;
	struct buf *generation;
	bool plain;
};

static void on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *ctx)
{
	struct loading *l = ctx;

	(void)rule;
	if (level == YARA_ERROR_LEVEL_ERROR && l->err != NULL && l->err->rc == RC_OK)
		err_set(l->err, RC_BAD, "%s: line %d: %s", file != NULL ? file : l->path, line, message);
}

static enum rc add_file(struct loading *l, const char *path, const char *space)
{
	unsigned char sum[SHA256_LEN];
	struct buf text;
	FILE *f;
	int bad;

	TRY(file_read(path, SOURCE_MAX, &text, l->err));
	hash_sha256(buf_view(&text), sum);
	buf_cstr(l->generation, "rules ");
	hex_put(l->generation, str_make((const char *)sum, sizeof sum));
	buf_char(l->generation, '\n');
	l->path = path;
	/* By its path and not from memory, so that what it includes is found beside it. */
	f = fopen(path, "re");
	bad = f == NULL ? 1 : yr_compiler_add_file(l->compiler, f, space, path);
	if (f != NULL)
		fclose(f);
	buf_done(&text);
	if (bad > 0 && l->err->rc == RC_OK)
		return FAIL(l->err, RC_BAD, "%s: does not compile", path);
	return bad > 0 ? l->err->rc : RC_OK;
}

static int is_rules(const struct dirent *e)
{
	struct str name = str_of(e->d_name);

	return str_ends(name, S(".yar")) || str_ends(name, S(".yara")) || (e->d_type == DT_DIR && e->d_name[0] != '.');
}

static enum rc add_path(struct loading *l, const char *path, int depth);

static enum rc add_folder(struct loading *l, const char *path, int depth)
{
	struct dirent **list;
	int n = depth > 16 ? -1 : scandir(path, &list, is_rules, alphasort);
	enum rc rc = n < 0 ? FAIL(l->err, RC_IO, "%s: %m", path) : RC_OK;

	for (int i = 0; i < n; i++) {
		char file[4096];

		if (rc == RC_OK && snprintf(file, sizeof file, "%s/%s", path, list[i]->d_name) < (int)sizeof file)
			rc = add_path(l, file, depth + 1);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return rc;
}

static enum rc add_path(struct loading *l, const char *path, int depth)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return FAIL(l->err, RC_NOTFOUND, "%s: %m", path);
	if (S_ISDIR(st.st_mode))
		return add_folder(l, path, depth);
	return add_file(l, path, l->plain && depth == 0 ? NULL : path);
}

static enum rc define(struct loading *l)
{
	static const char *const names[] = { "filename", "filepath", "extension", "filetype", "owner" };

	for (size_t i = 0; !l->plain && i < COUNTOF(names); i++)
		if (yr_compiler_define_string_variable(l->compiler, names[i], "") != ERROR_SUCCESS)
			return FAIL(l->err, RC_NOMEM, "rules: out of memory");
	return RC_OK;
}

static enum rc compile(struct loading *l, const char *const *paths, struct lab_rules *r)
{
	YR_RULE *rule;

	TRY(define(l));
	for (const char *const *p = paths; *p != NULL; p++)
		TRY(add_path(l, *p, 0));
	if (yr_compiler_get_rules(l->compiler, &r->rules) != ERROR_SUCCESS)
		return FAIL(l->err, RC_NOMEM, "rules: out of memory");
	yr_rules_foreach(r->rules, rule)
		r->n++;
	return RC_OK;
}

/* One file of compiled rules, as yarac writes it. */
static bool is_compiled(const char *path)
{
	char head[4] = { 0 };
	FILE *f = fopen(path, "re");
	bool yes = f != NULL && fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, "YARA", 4) == 0;

	if (f != NULL)
		fclose(f);
	return yes;
}

static enum rc load_compiled(const char *path, struct buf *generation, struct lab_rules *r, struct err *err)
{
	struct buf text;
	YR_RULE *rule;

	if (yr_rules_load(path, &r->rules) != ERROR_SUCCESS)
		return FAIL(err, RC_BAD, "%s: are no compiled rules of this libyara", path);
	yr_rules_foreach(r->rules, rule)
		r->n++;
	TRY(file_read(path, SOURCE_MAX, &text, err));
	buf_fmt(generation, "compiled %016llx\n", (unsigned long long)hash_stable(buf_view(&text)));
	buf_done(&text);
	return RC_OK;
}

/* A generation: its compiled rules, less what its tests put off. */
static enum rc load_generation(const char *path, struct buf *generation, struct lab_rules *r, struct err *err)
{
	CLEANUP(ruleset_done) struct ruleset set = { 0 };

	TRY(ruleset_open(path, &set, err));
	TRY(load_compiled(set.path, generation, r, err));
	r->number = set.number;
	r->off = mem_alloc(r->n + 1);
	if (r->off == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	for (size_t i = 0; i < set.n_off; i++) {
		if (set.off[i].rule >= r->n)
			return FAIL(err, RC_CORRUPT, "%s: puts a rule off that is not there", path);
		r->off[set.off[i].rule] = 1;
		buf_fmt(generation, "off %u\n", set.off[i].rule);
	}
	return RC_OK;
}

static enum rc load(const char *const *paths, struct buf *generation, struct lab_rules *r, struct err *err)
{
	struct loading l = { .err = err, .generation = generation, .plain = r->plain };
	enum rc rc;

	if (yr_initialize() != ERROR_SUCCESS)
		return FAIL(err, RC_NOMEM, "rules: libyara does not start");
	if (paths[1] == NULL && is_compiled(paths[0]))
		return load_compiled(paths[0], generation, r, err);
	if (paths[1] == NULL && ruleset_is(paths[0]))
		return load_generation(paths[0], generation, r, err);
	if (yr_compiler_create(&l.compiler) != ERROR_SUCCESS)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	err->rc = RC_OK;
	yr_compiler_set_callback(l.compiler, on_message, &l);
	rc = compile(&l, paths, r);
	yr_compiler_destroy(l.compiler);
	return rc;
}

/* Without a router it is slower and nothing else. */
static enum rc put_router(struct lab_rules *r, struct err *err)
{
	YR_RULE *rule;
	enum rc rc = lab_router_new(r->rules, r->off, &r->router, err);
	size_t i = 0;

	if (rc != RC_OK && rc != RC_UNSUPPORTED)
		return rc;
	yr_rules_foreach(r->rules, rule)
		if (rc == RC_OK || (r->off != NULL && r->off[i++] != 0))
			yr_rule_disable(rule);
	return RC_OK;
}

enum rc lab_rules_load(const char *const *paths, bool plain, struct buf *generation, struct lab_rules **ret, struct err *err)
{
	struct err own = { 0 };
	struct lab_rules *r = mem_alloc(sizeof *r);
	enum rc rc;

	err = err == NULL ? &own : err;
	if (r == NULL)
		return FAIL(err, RC_NOMEM, "rules: out of memory");
	r->plain = plain;
	rc = load(paths, generation, r, err);
	if (rc == RC_OK)
		rc = put_router(r, err);
	if (rc != RC_OK) {
		lab_rules_free(r);
		return rc;
	}
	*ret = r;
	return RC_OK;
}

void lab_rules_free(struct lab_rules *r)
{
	if (r == NULL)
		return;
	lab_router_free(r->router);
	mem_free(r->off);
	if (r->rules != NULL)
		yr_rules_destroy(r->rules);
	mem_free(r);
}

size_t lab_rules_count(const struct lab_rules *r)
{
	return r->n;
}

void lab_rules_unroute(struct lab_rules *r)
{
	YR_RULE *rule;
	size_t i = 0;

	lab_router_free(r->router);
	r->router = NULL;
	yr_rules_foreach(r->rules, rule) {
		if (r->off == NULL || r->off[i] == 0)
			yr_rule_enable(rule);
		i++;
	}
}

uint32_t lab_rules_number(const struct lab_rules *r)
{
	return r->number;
}

const char *lab_rules_name(const struct lab_rules *r, uint32_t rule)
{
	return r->rules->rules_table[rule].identifier;
}

bool lab_rules_refers(const struct lab_rules *r, uint32_t a, uint32_t b)
{
	return r->router != NULL && lab_router_refers(r->router, a, b);
}

enum rc lab_rules_save(const struct lab_rules *r, const char *path, struct err *err)
{
	YR_RULE *rule;
	int rc;

	/* What is disabled here is not in the file. */
	yr_rules_foreach(r->rules, rule)
		yr_rule_enable(rule);
	rc = yr_rules_save(r->rules, path);
	yr_rules_foreach(r->rules, rule)
		yr_rule_disable(rule);
	return rc == ERROR_SUCCESS ? RC_OK : FAIL(err, RC_IO, "%s: cannot be written", path);
}

/* --- running --- */

static struct str meta_text(const YR_RULE *rule, const char *name)
{
	const YR_META *meta;

	yr_rule_metas_foreach(rule, meta)
		if (meta->type == META_TYPE_STRING && strcasecmp(meta->identifier, name) == 0)
			return str_of(meta->string);
	return S("");
}

/* A rule says how sure it is by `score`, or by `verdict`; one that says nothing makes a file suspicious. */
static enum lab_weight weight_of(const YR_RULE *rule)
{
	struct str verdict = meta_text(rule, "verdict");
	const YR_META *meta;

	if (str_eq(verdict, S("malicious")))
		return LAB_MALICIOUS;
	if (str_eq(verdict, S("note")))
		return LAB_NOTE;
	yr_rule_metas_foreach(rule, meta)
		if (meta->type == META_TYPE_INTEGER && strcasecmp(meta->identifier, "score") == 0)
			return meta->integer >= SCORE_MALICIOUS ? LAB_MALICIOUS : meta->integer >= SCORE_SUSPICIOUS ? LAB_SUSPICIOUS : LAB_NOTE;
	return LAB_SUSPICIOUS;
}

struct running {
	const struct lab_rules *r;
	struct str bytes;
	lab_rules_match *fn;
	void *ctx;
	bool too_many;
};

/* libyara's pool does not align what it holds. */
static bool match_at(const YR_MATCH *from, YR_MATCH *ret)
{
	if (from != NULL)
		memcpy(ret, (const void *)from, sizeof *ret);
	return from != NULL;
}

static void tell_rule(struct running *run, YR_SCAN_CONTEXT *context, const YR_RULE *rule)
{
	struct lab_match m = { .kind = LAB_RULE, .weight = weight_of(rule), .id = str_of(rule->identifier), .author = meta_text(rule, "author") };
	const YR_STRING *string;
	YR_MATCH match;
	size_t told = 0;

	m.why = meta_text(rule, "description");
	yr_rule_strings_foreach(rule, string) {
		size_t here = 0;

		if (STRING_IS_PRIVATE(string))
			continue;
		for (const YR_MATCH *at = context->matches[string->idx].head; match_at(at, &match); at = match.next) {
			if (match.is_private)
				continue;
			if (!run->r->plain && ++here > LAB_RULES_AT_ONCE)
				break;
			m.part = str_of(string->identifier);
			m.at = (uint64_t)(match.base + match.offset);
			m.length = (uint64_t)match.match_length;
			run->fn(run->ctx, &m);
			told++;
		}
	}
	if (told == 0)
		run->fn(run->ctx, &m);
}

static int on_event(YR_SCAN_CONTEXT *context, int message, void *data, void *ctx)
{
	struct running *run = ctx;

	if (message == CALLBACK_MSG_RULE_MATCHING)
		tell_rule(run, context, data);
	if (message == CALLBACK_MSG_TOO_MANY_MATCHES)
		run->too_many = true;
	return CALLBACK_CONTINUE;
}

/* The file as libyara asks for it: an empty piece the first time, when it looks for strings, the whole whenever a condition or a module
 * asks afterwards. */
struct pieces {
	struct str bytes;
	YR_MEMORY_BLOCK block;
	bool whole;
};

static const uint8_t *fetch(YR_MEMORY_BLOCK *block)
{
	return block->context;
}

static YR_MEMORY_BLOCK *first_piece(YR_MEMORY_BLOCK_ITERATOR *it)
{
	struct pieces *p = it->context;

	p->block.size = p->whole ? p->bytes.n : 0;
	p->whole = true;
	it->last_error = ERROR_SUCCESS;
	return &p->block;
}

static YR_MEMORY_BLOCK *no_more(YR_MEMORY_BLOCK_ITERATOR *it)
{
	it->last_error = ERROR_SUCCESS;
	return NULL;
}

static uint64_t size_of_all(YR_MEMORY_BLOCK_ITERATOR *it)
{
	const struct pieces *p = it->context;

	return p->bytes.n;
}

/* No handler for SIGSEGV: a worker that steps wrong is to die of it. */
#define FLAGS (SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING)

static int scan(const struct lab_rules *r, struct running *run, bool strings, int seconds)
{
	struct str bytes = run->bytes;
	struct pieces p = { .bytes = bytes, .whole = strings, .block = { .fetch_data = fetch, .context = (void *)(uintptr_t)bytes.p } };
	YR_MEMORY_BLOCK_ITERATOR it = { .context = &p, .first = first_piece, .next = no_more, .file_size = size_of_all };

	return yr_rules_scan_mem_blocks(r->rules, &it, FLAGS, on_event, run, seconds);
}

static int scan_routed(const struct lab_rules *r, struct running *run, const struct lab_route *route, int seconds)
{
	int rc;

	if (route->n == 0)
		return ERROR_SUCCESS;
	for (size_t i = 0; i < route->n; i++)
		yr_rule_enable(&r->rules->rules_table[route->rules[i]]);
	rc = scan(r, run, route->strings, seconds);
	for (size_t i = 0; i < route->n; i++)
		yr_rule_disable(&r->rules->rules_table[route->rules[i]]);
	return rc;
}

enum rc lab_rules_scan(const struct lab_rules *r, struct str bytes, int seconds, lab_rules_match *fn, void *ctx, bool *ret_too_many, struct err *err)
{
	struct running run = { .r = r, .bytes = bytes, .fn = fn, .ctx = ctx };
	struct lab_route route = { 0 };
	int rc;

	if (r->router != NULL)
		TRY(lab_router_route(r->router, bytes, &route, err));
	rc = r->router == NULL ? scan(r, &run, true, seconds) : scan_routed(r, &run, &route, seconds);
	lab_route_done(&route);
	*ret_too_many = run.too_many;
	if (rc == ERROR_SCAN_TIMEOUT)
		return FAIL(err, RC_LIMIT, "the time was over");
	if (rc != ERROR_SUCCESS)
		return FAIL(err, rc == ERROR_INSUFFICIENT_MEMORY ? RC_NOMEM : RC_INTERNAL, "libyara: error %d", rc);
	return RC_OK;
}

static int64_t processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void ignore(void *ctx, const struct lab_match *m)
{
	(void)ctx;
	(void)m;
}

static int measure(const struct lab_rules *r, const struct lab_route *all, uint32_t rule, struct str bytes, int seconds, struct lab_rule_cost *c)
{
	struct running run = { .r = r, .bytes = bytes, .fn = ignore };
	struct lab_route one = { .rules = &rule, .n = 1, .strings = all->strings && r->rules->rules_table[rule].strings != NULL };
	int rc;

	*c = (struct lab_rule_cost){ .rule = rule, .name = r->rules->rules_table[rule].identifier, .is_global = RULE_IS_GLOBAL(&r->rules->rules_table[rule]) };
	c->nanoseconds = processor_time();
	rc = scan_routed(r, &run, &one, seconds);
	c->nanoseconds = processor_time() - c->nanoseconds;
	return rc;
}

enum rc lab_rules_cost(const struct lab_rules *r, struct str bytes, int seconds, const uint8_t *skip, lab_rules_told *fn, void *ctx, struct err *err)
{
	struct lab_route route = { 0 };
	struct lab_rule_cost c;

	if (r->router == NULL)
		return FAIL(err, RC_UNSUPPORTED, "rules: without a router they cannot be measured one by one");
	TRY(lab_router_route(r->router, bytes, &route, err));
	for (size_t i = 0; i < route.n; i++) {
		int rc;

		if (skip[route.rules[i]] != 0)
			continue;
		rc = measure(r, &route, route.rules[i], bytes, seconds, &c);
		if (rc == ERROR_SCAN_TIMEOUT)
			c.nanoseconds = (int64_t)seconds * 1000000000;
		fn(ctx, &c);
	}
	lab_route_done(&route);
	return RC_OK;
}

static void say(void *ctx, const struct lab_match *m)
{
	lab_match(ctx, m);
}

enum rc lab_rules_run(const struct lab_rules *r, struct lab_node *n, int seconds, struct err *err)
{
	bool too_many;

	TRY(lab_rules_scan(r, n->bytes, seconds, say, n, &too_many, err));
	if (too_many)
		lab_fact(n, "rules.too-many", S("a string of a rule matched more often than libyara counts"));
	return RC_OK;
}
