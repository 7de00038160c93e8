/* Commands on STIX documents, without a node: validate, id, pattern. */
#include "base/time.h"
#include "cli/cli.h"
#include "stix/id.h"
#include "stix/pattern.h"
#include "stix/pattern_file.h"
#include "stix/validate.h"

#define DOCUMENT_MAX ((size_t)1 << 30)
#define TREE_MAX ((size_t)16 << 30)

static const struct json_limits document_limits = { .bytes = DOCUMENT_MAX, .depth = 128, .nodes = UINT32_MAX };

/* --- validate --- */

static const struct cli_opt validate_opts[] = {
	{ "strict", 0, NULL, { "types and properties that the standard does not define are errors", "自訂型別與屬性視為錯誤" }, false },
	{ "must-only", 0, NULL, { "leave warnings (SHOULD) out", "不列警告" }, false },
	{ "spec", 0, "2.0|2.1", { "judge by this version (as the document says)", "依此版本判定" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const validate_examples[] = {
	"a bundle", "lianfang validate bundle.json",
	"from a pipe, for a program", "curl -s https://example/b.json | lianfang validate --json -", NULL,
};

struct problems {
	const struct cli *c;
	const char *file;
	struct jsonw w;
	struct buf out;
};

static void on_problem(void *ctx, const struct stix_problem *p)
{
	struct problems *s = ctx;
	const char *level = p->level == STIX_MUST ? "must" : "should";

	if (!s->c->json) {
		buf_fmt(&s->out, "%s: %s: %.*s: %.*s (%s, %s)\n", s->file, level, STR(p->pointer.n == 0 ? S("/") : p->pointer), STR(p->message),
			p->rule, p->clause);
		return;
	}
	jsonw_object(&s->w);
	jsonw_m_cstr(&s->w, "level", level);
	jsonw_m_str(&s->w, "pointer", p->pointer);
	jsonw_m_cstr(&s->w, "rule", p->rule);
	jsonw_m_cstr(&s->w, "clause", p->clause);
	jsonw_m_str(&s->w, "message", p->message);
	jsonw_object_end(&s->w);
}

static void not_json(struct problems *s, const struct err *err)
{
	struct stix_problem p = { .level = STIX_MUST, .pointer = S(""), .rule = "json", .clause = "STIX 2.1 §1.5, RFC 7493",
				  .message = str_of(err->text) };

	on_problem(s, &p);
}

/* RC_OK valid, RC_BAD not; anything else could not be judged. */
static enum rc judge(struct problems *s, struct str text, const struct stix_validate_opts *o, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(TREE_MAX);
	const struct json *v;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "validate: out of memory");
	rc = json_parse(a, text, &document_limits, &v, err);
	if (rc == RC_BAD || rc == RC_LIMIT) {
		not_json(s, err);
		return RC_BAD;
	}
	return rc == RC_OK ? stix_validate(v, o, on_problem, s, NULL, err) : rc;
}

static int validate_file(const struct cli *c, const char *file, const struct stix_validate_opts *o)
{
	struct problems s = { .c = c, .file = file };
	struct err err = { 0 };
	struct buf text;
	enum rc rc = cli_read(file, DOCUMENT_MAX, &text, &err);
	int status;

	if (rc != RC_OK)
		return cli_fail(c, &err);
	buf_init(&s.out, (size_t)1 << 30);
	jsonw_init(&s.w, &s.out);
	if (c->json) {
		jsonw_object(&s.w);
		jsonw_m_cstr(&s.w, "file", file);
		jsonw_name(&s.w, "problems");
		jsonw_array(&s.w);
	}
	rc = judge(&s, buf_view(&text), o, &err);
	if (c->json) {
		jsonw_array_end(&s.w);
		jsonw_m_bool(&s.w, "valid", rc == RC_OK);
		jsonw_object_end(&s.w);
	} else if (rc == RC_OK) {
		buf_fmt(&s.out, c->zh ? "%s: 有效\n" : "%s: valid\n", file);
	}
	status = rc == RC_OK || rc == RC_BAD ? cli_print(&s.out) : cli_fail(c, &err);
	buf_done(&s.out);
	buf_done(&text);
	return status != CLI_OK ? status : rc == RC_OK ? CLI_OK : CLI_NO;
}

static int validate_run(struct cli *c)
{
	struct stix_validate_opts o = { .strict = cli_has(c, "strict"), .shoulds = !cli_has(c, "must-only") };
	const char *spec = cli_get(c, "spec", "");
	int worst = CLI_OK;

	if (str_eq(str_of(spec), S("2.0")))
		o.spec = STIX_SPEC_20;
	else if (str_eq(str_of(spec), S("2.1")))
		o.spec = STIX_SPEC_21;
	else if (spec[0] != '\0')
		return cli_failf(c, c->zh ? "--spec：應為 2.0 或 2.1" : "--spec: expected 2.0 or 2.1");
	for (int i = 0; i < c->n_operands; i++) {
		int status = validate_file(c, c->operands[i], &o);

		if (status > worst)
			worst = status;
	}
	return worst;
}

const struct cli_cmd CMD_VALIDATE = {
	"validate", { "judge STIX documents by every rule of the standard", "依標準檢驗 STIX 文件" }, "FILE...",
	{ "Prints each problem with JSON pointer, rule and clause. With --json one object a file: valid, problems. 1 when a MUST\nis broken.",
	  "列出每個問題的 JSON 位置、規則與條款。--json 時每個檔案一個物件：valid、problems。違反 MUST 時結束狀態為 1。" },
	validate_opts, validate_examples, 1, CLI_OPERANDS_MAX, validate_run,
};

/* --- id --- */

/* One id a line for each SCO in a bundle, array or single object. */
static enum rc put_ids(const struct json *v, struct buf *out, struct err *err)
{
	const struct json *list = json_is(v, JSON_ARRAY) ? v : json_get(v, S("objects"));
	char text[STIX_ID_MAX + 1];
	struct str id;
	enum rc rc;

	if (json_is(list, JSON_ARRAY)) {
		JSON_EACH(item, list)
			TRY(put_ids(item, out, err));
		return RC_OK;
	}
	rc = stix_sco_id(v, text, &id, err);
	if (rc == RC_UNSUPPORTED)
		return RC_OK;
	if (rc == RC_OK)
		buf_fmt(out, "%.*s\n", STR(id));
	return rc;
}

/* {"ids": [...]} in the place of the lines. */
static enum rc ids_as_json(struct buf *out, struct err *err)
{
	struct str rest = buf_view(out), line;
	struct buf lines = *out;
	struct jsonw w;

	buf_init(out, DOCUMENT_MAX);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_name(&w, "ids");
	jsonw_array(&w);
	while (str_next(&rest, '\n', &line))
		if (line.n > 0)
			jsonw_str(&w, line);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	buf_done(&lines);
	return buf_check(out, err, "ids");
}

static int id_run(struct cli *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(TREE_MAX);
	struct err err = { 0 };
	const struct json *v;
	struct buf text, out;
	enum rc rc = cli_read(c->operands[0], DOCUMENT_MAX, &text, &err);
	int status;

	if (rc != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, DOCUMENT_MAX);
	rc = a == NULL ? FAIL(&err, RC_NOMEM, "id: out of memory") : json_parse(a, buf_view(&text), &document_limits, &v, &err);
	if (rc == RC_OK)
		rc = put_ids(v, &out, &err);
	if (rc == RC_OK && c->json)
		rc = ids_as_json(&out, &err);
	if (rc != RC_OK)
		err_prefix(&err, "%s", c->operands[0]);
	status = rc != RC_OK ? cli_fail(c, &err) : out.n == 0 ? CLI_OK : cli_print(&out);
	buf_done(&out);
	buf_done(&text);
	return status;
}

const struct cli_cmd CMD_ID = {
	"id", { "print the deterministic id of each cyber-observable in a file", "列出各可觀測物件的確定性 id" }, "FILE",
	{ "UUIDv5 over the RFC 8785 form of the id contributing properties (STIX 2.1 §2.9); random where the standard says so.\n"
	  "Objects of other types are passed over, and so are those inside of STIX 2.0 observed-data, which have no id.",
	  "依 RFC 8785 正規形式計算 UUIDv5（STIX 2.1 §2.9）；標準規定為隨機者則隨機。其他型別的物件略過。" },
	NULL, EXAMPLE("the ids that others compute, too", "lianfang id observables.json"), 1, 1, id_run,
};

/* --- pattern --- */

static int pattern_check_run(struct cli *c)
{
	struct err err = { 0 };
	enum rc rc = stix_pattern_check(str_of(c->operands[0]), &err);
	struct buf out;
	struct jsonw w;

	if (c->json) {
		buf_init(&out, 65536);
		jsonw_init(&w, &out);
		jsonw_object(&w);
		jsonw_m_bool(&w, "valid", rc == RC_OK);
		if (rc != RC_OK)
			jsonw_m_cstr(&w, "message", err.text);
		jsonw_object_end(&w);
		(void)cli_print(&out);
		buf_done(&out);
	} else if (rc != RC_OK) {
		fprintf(stderr, "%s\n", err.text);
	}
	return rc == RC_OK ? CLI_OK : rc == RC_NOMEM ? CLI_ERROR : CLI_NO;
}

static const char *const pattern_examples[] = {
	"syntax", "lianfang pattern check \"[domain-name:value = 'evil.example']\"",
	"against observed data", "lianfang pattern match \"[ipv4-addr:value ISSUBSET '198.51.100.0/24']\" bundle.json", NULL,
};

const struct cli_cmd CMD_PATTERN_CHECK = {
	"pattern check", { "check the syntax of a STIX pattern", "檢查 STIX 樣式語法" }, "PATTERN",
	{ "0 valid; 1 invalid, with the position.", "0 有效；1 無效並指出位置。" }, NULL, pattern_examples, 1, 1, pattern_check_run,
};

static int pattern_match_run(struct cli *c)
{
	struct err err = { 0 };
	struct buf text;
	bool match = false;
	enum rc rc = cli_read(c->operands[1], DOCUMENT_MAX, &text, &err);

	if (rc != RC_OK)
		return cli_fail(c, &err);
	rc = stix_pattern_match_document(str_of(c->operands[0]), buf_view(&text), &match, &err);
	buf_done(&text);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (c->json)
		printf("{\"match\":%s}\n", match ? "true" : "false");
	else
		printf("%s\n", match ? "match" : "no match");
	return match ? CLI_OK : CLI_NO;
}

const struct cli_cmd CMD_PATTERN_MATCH = {
	"pattern match", { "match a STIX pattern against observed data", "以 STIX 樣式比對觀測資料" }, "PATTERN FILE",
	{ "FILE is a STIX 2.0 or 2.1 bundle, an array of bundles, or observed-data. 0 match, 1 no match, 2 error.",
	  "FILE 為 STIX 2.0 或 2.1 bundle、bundle 陣列或 observed-data。0 相符，1 不符，2 錯誤。" },
	NULL,
	pattern_examples, 2, 2, pattern_match_run,
};
