/* Operands of a hunt, told apart by how they look. */
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/hunting.h"
#include "cli/rules.h"
#include "detect/indicator_json.h"
#include "detect/taxonomy.h"
#include "model/observable.h"
#include "node/call.h"
#include "stix/id.h"

#define ARENA_MAX ((size_t)4 << 30)
#define FILE_MAX ((size_t)1 << 30)
#define INDICATORS_MAX ((size_t)1 << 22)
#define DEPTH_MAX 32

static const struct json_limits file_limits = { .bytes = FILE_MAX, .depth = 64, .nodes = UINT32_MAX };

struct collecting {
	struct arena *a;
	struct image_indicator *list;
	size_t n, room, left_out;
	struct hunting_for *ret;
	struct indicator_context *context;
};

static enum rc add(struct collecting *x, const struct image_indicator *i, struct err *err)
{
	struct image_indicator *in;

	if (x->n == x->room) {
		size_t wider = x->room == 0 ? 16 : x->room * 2;

		in = wider > INDICATORS_MAX ? NULL : mem_resize(x->list, wider * sizeof *in);
		if (in == NULL)
			return FAIL(err, RC_NOMEM, "more indicators than one hunt takes (%zu)", INDICATORS_MAX);
		x->list = in;
		x->room = wider;
	}
	in = &x->list[x->n++];
	*in = *i;
	in->id = arena_dup(x->a, i->id);
	in->pattern = arena_dup(x->a, i->pattern);
	return in->id.p == NULL || in->pattern.p == NULL ? FAIL(err, RC_NOMEM, "out of memory") : RC_OK;
}

static enum rc add_pattern(struct collecting *x, struct str pattern, struct err *err)
{
	char id[STIX_ID_MAX + 1], value[VALUE_ID_MAX];
	struct image_indicator i = { .id = stix_derived_id(S("indicator"), pattern, id), .pattern = pattern, .tlp = INDICATOR_TLP_NONE,
				     .confidence = UINT8_MAX };
	struct value *values;
	size_t n;

	/* However it is spelled: a pattern of one value is that value. */
	if (value_of_pattern(x->a, pattern, &values, &n, NULL) == RC_OK && n == 1)
		i.id = value_id(values[0].kind, values[0].text, value);
	return add(x, &i, err);
}

static enum rc add_value(struct collecting *x, struct str text, struct err *err)
{
	enum observable_kind kind;
	struct buf fanged, normal, pattern;
	enum rc rc;

	buf_init(&fanged, 2 * VALUE_MAX);
	buf_init(&normal, 2 * VALUE_MAX);
	buf_init(&pattern, 8 * VALUE_MAX);
	value_refang(&fanged, text);
	rc = value_detect(str_trim(buf_view(&fanged)), &kind, &normal, err);
	if (rc == RC_OK) {
		value_pattern(&pattern, kind, buf_view(&normal));
		rc = add_pattern(x, buf_view(&pattern), err);
	}
	buf_done(&fanged);
	buf_done(&normal);
	buf_done(&pattern);
	return rc;
}

static void refuse(struct collecting *x, struct str what, const struct err *why)
{
	if (x->ret->refused++ == 0)
		snprintf(x->ret->first_refused, sizeof x->ret->first_refused, "%.*s: %s", STR(str_slice(what, 0, 100)), why->text);
}

/* Calls `fn` for each object, however deep it stands. */
static enum rc each_object(struct collecting *x, const struct json *v, enum rc (*fn)(struct collecting *x, const struct json *v, struct err *err),
			   int depth, struct err *err)
{
	if (json_is(v, JSON_OBJECT))
		TRY(fn(x, v, err));
	if (depth == DEPTH_MAX)
		return RC_OK;
	if (json_is(v, JSON_ARRAY))
		JSON_EACH(item, v)
			TRY(each_object(x, item, fn, depth + 1, err));
	if (json_is(v, JSON_OBJECT))
		JSON_MEMBERS(name, value, v)
			TRY(each_object(x, value, fn, depth + 1, err));
	return RC_OK;
}

/* Definitions first: one may stand behind what it marks. So may a newer version. */
static enum rc note_object(struct collecting *x, const struct json *v, struct err *err)
{
	bool newest;

	if (str_eq(json_get_str(v, S("type")), S("indicator")))
		TRY(indicator_newest(x->context, v, &newest, err));
	return indicator_marking(x->context, v, err);
}

static enum rc add_object(struct collecting *x, const struct json *v, struct err *err)
{
	struct indicator_told told;
	struct err why = { 0 };
	bool newest;
	enum rc rc = indicator_read(x->context, v, &told, &why);

	if (rc == RC_NOTFOUND)
		return RC_OK;
	TRY(indicator_newest(x->context, v, &newest, err));
	if (!newest)
		return RC_OK;
	if (rc == RC_OK && told.i.revoked)
		rc = FAIL(&why, RC_BAD, "was revoked");
	if (rc == RC_OK)
		return add(x, &told.i, err);
	refuse(x, told.i.id, &why);
	return RC_OK;
}

static enum rc add_json(struct collecting *x, struct str text, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(ARENA_MAX);
	const struct json *v;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	TRY(json_parse(a, text, &file_limits, &v, err));
	TRY(each_object(x, v, note_object, 0, err));
	return each_object(x, v, add_object, 0, err);
}

static enum rc add_lines(struct collecting *x, struct str text, struct err *err)
{
	struct str line, value;

	while (str_next(&text, '\n', &line)) {
		struct err why = { 0 };
		enum rc rc;

		if (!value_of_line(str_trim(line), &value))
			continue;
		rc = add_value(x, value, &why);
		if (rc == RC_NOMEM)
			return FAIL(err, rc, "%s", why.text);
		if (rc != RC_OK)
			refuse(x, value, &why);
	}
	return RC_OK;
}

static enum rc read_file(struct collecting *x, const char *path, struct err *err)
{
	struct buf b;
	struct str text;
	enum rc rc;

	TRY(cli_read(path, FILE_MAX, &b, err));
	text = str_trim(buf_view(&b));
	rc = text.n > 0 && (text.p[0] == '{' || text.p[0] == '[') ? add_json(x, text, err) : add_lines(x, text, err);
	if (rc != RC_OK)
		err_prefix(err, "%s", path);
	buf_done(&b);
	return rc;
}

static enum rc add_file(struct collecting *x, const char *path, struct err *err)
{
	size_t before = x->n;

	TRY(read_file(x, path, err));
	if (x->n > before)
		return RC_OK;
	return FAIL(err, RC_BAD, "%s: names no indicator%s%s", path, x->ret->refused > 0 ? "; " : "", x->ret->first_refused);
}

static enum rc add_of_node(const struct cli *c, struct collecting *x, const char *id, struct err *err)
{
	const char *preset = getenv("LIANFANG_DIR");
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	size_t before = x->n;
	struct buf reply;
	char path[256];
	int status = 0;
	enum rc rc;

	TRY(node_conn_open(cli_get(c, "node", preset != NULL ? preset : "/var/lib/lianfang"), &conn, err));
	snprintf(path, sizeof path, "/values/%.128s", id);
	TRY(node_conn_do(conn, "GET", path, S(""), &status, &reply, err));
	rc = status == 200 ? add_json(x, buf_view(&reply), err) : RC_NOTFOUND;
	if (rc == RC_NOTFOUND)
		node_reply_error(&reply, status, err);
	else if (rc == RC_OK && x->n == before)
		rc = FAIL(err, RC_NOTFOUND, "%s: %s", id, x->ret->refused > 0 ? x->ret->first_refused : "the node shows no pattern of it");
	buf_done(&reply);
	return rc;
}

bool hunting_is_rules(const char *path)
{
	struct stat st;

	return str_ends(str_of(path), S(".yml")) || str_ends(str_of(path), S(".yaml")) || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static enum rc take_operand(const struct cli *c, struct collecting *x, const char *text, struct err *err)
{
	struct str s = str_trim(str_of(text));
	struct stat st;
	enum rc rc;

	if (str_starts(s, S("[")))
		return add_pattern(x, s, err);
	if (str_starts(s, S("indicator--")))
		return add_of_node(c, x, text, err);
	if (str_eq(s, S("-")) || stat(text, &st) == 0)
		return add_file(x, text, err);
	rc = add_value(x, s, err);
	if (rc == RC_BAD)
		return FAIL(err, rc, "%s: no file, pattern, id of an indicator, nor a value that is known by its form", text);
	return rc;
}

static enum rc for_rules(const struct cli *c, struct hunting_for *ret, struct err *err)
{
	const struct sigma_set *set = NULL;
	const struct taxonomy *taxonomy = NULL;
	uint64_t refused = 0;

	for (int i = 0; i < c->n_operands; i++)
		if (!hunting_is_rules(c->operands[i]))
			return FAIL(err, RC_BAD, "%s: rules and indicators are hunted one after the other", c->operands[i]);
	TRY(sigma_load(ret->arena, c->operands, (size_t)c->n_operands, cli_get(c, "lists", NULL), &set, err));
	TRY(cli_taxonomy_load(c, ret->arena, &taxonomy, err));
	for (uint32_t i = 0; i < set->n_reports && ret->first_refused[0] == '\0'; i++)
		if (set->reports[i].verdict == SIGMA_REFUSED || set->reports[i].verdict == SIGMA_NEEDS_LIST)
			snprintf(ret->first_refused, sizeof ret->first_refused, "%.*s:%u: %.*s", STR(set->reports[i].file), set->reports[i].line,
				 STR(set->reports[i].reason));
	if (set->n_rules == 0)
		return ret->first_refused[0] != '\0' ? FAIL(err, RC_BAD, "no rule can be run: %s", ret->first_refused) :
			FAIL(err, RC_BAD, "%s: no Sigma rule (*.yml) in it; logs are not hunted but searched: lianfang detect, or history add and then hunt",
			     c->operands[0]);
	TRY(hunt_for_rules(set, taxonomy, &ret->m, &refused, err));
	ret->refused = refused + set->refused + set->need_list;
	ret->rules = set->n_rules - refused;
	return RC_OK;
}

static void on_refused(void *ctx, size_t i, const struct err *why)
{
	struct collecting *x = ctx;

	x->left_out++;
	refuse(x, x->list[i].pattern, why);
}

/* Those that cannot be looked for are named and left out, unless nothing else is asked for. */
static enum rc for_indicators(struct collecting *x, struct err *err)
{
	enum rc rc = hunt_for_indicators(x->list, x->n, on_refused, x, &x->ret->m, err);

	x->ret->indicators = x->n - x->left_out;
	return rc == RC_UNSUPPORTED && x->ret->refused > 0 ? FAIL(err, rc, "%s", x->ret->first_refused) : rc;
}

enum rc hunting_for(const struct cli *c, struct hunting_for *ret, struct err *err)
{
	struct collecting x = { .ret = ret };
	enum rc rc = RC_OK;

	*ret = (struct hunting_for){ .arena = arena_new(ARENA_MAX) };
	if (ret->arena == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	if (hunting_is_rules(c->operands[0]))
		return for_rules(c, ret, err);
	x.a = ret->arena;
	x.context = indicator_context_new();
	if (x.context == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	for (int i = 0; i < c->n_operands && rc == RC_OK; i++)
		rc = take_operand(c, &x, c->operands[i], err);
	if (rc == RC_OK)
		rc = for_indicators(&x, err);
	mem_free(x.list);
	indicator_context_free(x.context);
	return rc;
}

enum rc hunting_files(const char *const *paths, size_t n, struct arena *a, struct image_indicator **ret, size_t *ret_n, struct err *err)
{
	struct hunting_for left_out = { 0 };
	struct collecting x = { .a = a, .ret = &left_out, .context = indicator_context_new() };
	enum rc rc = x.context == NULL ? FAIL(err, RC_NOMEM, "out of memory") : RC_OK;

	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = read_file(&x, paths[i], err);
	indicator_context_free(x.context);
	if (rc != RC_OK) {
		mem_free(x.list);
		return rc;
	}
	*ret = x.list;
	*ret_n = x.n;
	return RC_OK;
}

void hunting_for_done(struct hunting_for *f)
{
	hunt_matcher_free(f->m);
	arena_free(f->arena);
}
