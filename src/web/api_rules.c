/* The rules in force: what became of each, trying a text on the past, and changing them.
 *
 * The folder that an administrator configured is never written. What people write here
 * lies in the node's own folder and goes before it: a rule with the id of another replaces
 * it until it is taken away again; one that is turned off is a name in off/. Each change
 * is a fact, and answered when the rules were read again. */
#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "detect/rulebook.h"
#include "sys/file.h"
#include "web/asking.h"

#define TEXT_MAX ((size_t)256 << 10)
#define QUESTION_MAX (4 * TEXT_MAX)
#define PATH_BYTES 4400
#define GIVE_UP (120 * USEC_PER_SEC)
#define BUCKETS_MAX 400

static const char RULE_PROPERTIES[] =
	"{\"type\":\"object\",\"properties\":{\"rules\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},"
	"\"title\":{\"type\":\"string\"},\"verdict\":{\"enum\":[\"loaded\",\"needs-list\",\"refused\",\"ignored\",\"off\"]},\"reason\":{\"type\":"
	"\"string\"},\"file\":{\"type\":\"string\"},\"line\":{\"type\":\"integer\"},\"own\":{\"type\":\"boolean\",\"description\":\"of the node's own "
	"folder\"},\"level\":{\"type\":\"string\"},\"status\":{\"type\":\"string\"},\"author\":{\"type\":\"string\"},\"kind\":{\"enum\":[\"rule\","
	"\"correlation\"]},\"product\":{\"type\":\"string\"},\"category\":{\"type\":\"string\"},\"service\":{\"type\":\"string\"},\"tags\":{\"type\":"
	"\"array\"}}}},\"loaded\":{\"type\":\"integer\"},\"needs_list\":{\"type\":\"integer\"},\"refused\":{\"type\":\"integer\"},\"ignored\":{\"type\":"
	"\"integer\"},\"off\":{\"type\":\"integer\"}}}";
static const char RULE_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"rule\":{\"type\":\"object\"},\"text\":{\"type\":\"string\",\"description\":\"YAML\"}}}";
static const char DONE_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"loaded\":{\"type\":\"integer\"},\"refused\":{\"type\":\"integer\"}}}";
static const char TEXT_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\",\"description\":\"one Sigma rule or correlation\"},"
	"\"note\":{\"type\":\"string\"}}}";
static const char CHECK_REQUEST[] = "{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"}}}";
static const char TRY_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"},\"since\":{\"type\":\"string\"},\"until\":{\"type\":"
	"\"string\"},\"source\":{\"type\":\"string\"},\"buckets\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":400}}}";
static const char NOTE_REQUEST[] = "{\"type\":\"object\",\"properties\":{\"note\":{\"type\":\"string\"}}}";

/* --- asking --- */

static enum rc ask_of(struct api_call *c, const char *what, const char *name, struct str value, const struct json **ret, struct err *err)
{
	struct buf b;
	struct jsonw w;
	enum rc rc;

	buf_init(&b, QUESTION_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "do", what);
	if (name != NULL)
		jsonw_m_str(&w, name, value);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "question");
	if (rc == RC_OK)
		rc = asking_one(c, buf_view(&b), ret, err);
	buf_done(&b);
	return rc;
}

static enum rc rules_get(struct api_call *c, struct err *err)
{
	struct asked a;

	TRY(asking_wait(c, S("{\"do\":\"rules\"}"), &a, err));
	asking_put(&c->out, &a, "rules");
	return RC_OK;
}

static enum rc rule_get(struct api_call *c, struct err *err)
{
	const struct json *v;

	TRY(ask_of(c, "rule", "id", c->params[0], &v, err));
	jsonw_value(&c->out, v);
	return RC_OK;
}

static enum rc text_of(struct api_call *c, struct str *ret, struct err *err)
{
	TRY(api_text(c, "text", true, ret, err));
	return ret->n <= TEXT_MAX ? RC_OK : FAIL(err, RC_LIMIT, "/text: more than %zu bytes", TEXT_MAX);
}

static enum rc check_post(struct api_call *c, struct err *err)
{
	const struct json *v;
	struct str text;

	TRY(text_of(c, &text, err));
	TRY(ask_of(c, "check", "text", text, &v, err));
	jsonw_value(&c->out, v);
	return RC_OK;
}

static enum rc put_trial(struct api_call *c, struct buf *out, struct err *err)
{
	struct str text, since, until, source;
	const struct json *parts = json_get(c->body, S("buckets"));
	usec from, to;
	int64_t buckets = 0;
	struct jsonw w;

	TRY(asking_may(c, err));
	TRY(text_of(c, &text, err));
	TRY(api_text(c, "since", false, &since, err));
	TRY(api_text(c, "until", false, &until, err));
	TRY(api_text(c, "source", false, &source, err));
	TRY(api_time(since, "since", false, &from, err));
	TRY(api_time(until, "until", true, &to, err));
	if (parts != NULL && (!json_int(parts, &buckets) || buckets < 0 || buckets > BUCKETS_MAX))
		return FAIL(err, RC_BAD, "/buckets: expected 0 to %d", BUCKETS_MAX);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "do", "try");
	jsonw_m_str(&w, "text", text);
	if (from != 0)
		jsonw_m_int(&w, "since", from);
	jsonw_m_int(&w, "until", to);
	jsonw_m_str(&w, "source", source.p == NULL ? S("") : source);
	jsonw_m_int(&w, "buckets", buckets);
	jsonw_m_int(&w, "give_up", GIVE_UP);
	jsonw_object_end(&w);
	return buf_check(out, err, "question");
}

static enum rc try_post(struct api_call *c, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, QUESTION_MAX);
	rc = put_trial(c, &b, err);
	if (rc == RC_OK)
		rc = asking_stream(c, buf_view(&b), err);
	buf_done(&b);
	return rc;
}

/* --- changing --- */

static enum rc own_path(const struct api_call *c, const char *between, struct str id, const char *end, char out[static PATH_BYTES], struct err *err)
{
	if (!rulebook_id_ok(id))
		return FAIL(err, RC_BAD, "rule: its id names a file: 1 to %d of a-z A-Z 0-9 . _ - (a UUID is best)", RULEBOOK_ID_MAX);
	snprintf(out, PATH_BYTES, "%s/rules/%s%.*s%s", c->api->dir, between, STR(id), end);
	return RC_OK;
}

/* Read again: the change is in force when this returns. */
static enum rc reload(struct api_call *c, struct str id, struct err *err)
{
	const struct json *v;
	enum rc rc = ask_of(c, "reload", NULL, S(""), &v, err);

	if (rc != RC_OK) {
		err_prefix(err, "stored, but the rules were not read again");
		return rc;
	}
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "id", id);
	JSON_MEMBERS(name, value, v) {
		jsonw_name_str(&c->out, json_str(name));
		jsonw_value(&c->out, value);
	}
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc tell(struct api_call *c, const char *kind, struct str id, struct str text, struct err *err)
{
	unsigned char sum[SHA256_LEN];
	struct str note;
	struct jsonw w;
	struct buf b, hex;
	enum rc rc;

	TRY(api_text(c, "note", false, &note, err));
	buf_init(&b, 65536);
	buf_init(&hex, 128);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	if (text.n > 0) {
		hash_sha256(text, sum);
		hex_put(&hex, str_make((const char *)sum, SHA256_LEN));
		jsonw_m_str(&w, "sha256", buf_view(&hex));
	}
	if (note.n > 0)
		jsonw_m_str(&w, "note", note);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "rule");
	if (rc == RC_OK)
		rc = api_fact(c, kind, id, buf_view(&b), err);
	buf_done(&b);
	buf_done(&hex);
	return rc;
}

/* The text is one rule that would be in force; its id. */
static enum rc judge(struct api_call *c, struct str text, struct str *ret_id, struct err *err)
{
	const struct json *v, *rules;
	size_t n = 0;

	TRY(ask_of(c, "check", "text", text, &v, err));
	rules = json_get(v, S("rules"));
	if (!json_is(rules, JSON_ARRAY))
		return FAIL(err, RC_INTERNAL, "rule: was not judged");
	JSON_EACH(r, rules) {
		struct str verdict = json_get_str(r, S("verdict"));
		int64_t line = 0;

		if (str_eq(verdict, S("ignored")))
			continue;
		(void)json_int(json_get(r, S("line")), &line);
		if (!str_eq(verdict, S("loaded")))
			return FAIL(err, RC_BAD, "line %lld: %.*s", (long long)line, STR(json_get_str(r, S("reason"))));
		*ret_id = json_get_str(r, S("id"));
		n++;
	}
	if (n != 1)
		return FAIL(err, RC_BAD, "rule: expected one rule in the text, there are %zu", n);
	return ret_id->n > 0 ? RC_OK : FAIL(err, RC_BAD, "rule: has no id; give it a UUID");
}

static enum rc store(struct api_call *c, struct str text, struct str id, struct err *err)
{
	char path[PATH_BYTES];

	TRY(own_path(c, "", id, ".yml", path, err));
	TRY(file_replace(path, text, 0600, err));
	TRY(tell(c, "rule.put", id, text, err));
	return reload(c, id, err);
}

static enum rc rule_post(struct api_call *c, struct err *err)
{
	struct str text, id;
	char path[PATH_BYTES];

	TRY(text_of(c, &text, err));
	TRY(judge(c, text, &id, err));
	TRY(own_path(c, "", id, ".yml", path, err));
	if (file_exists(path))
		return FAIL(err, RC_CONFLICT, "rule %.*s: there is one already; PUT changes it", STR(id));
	return store(c, text, id, err);
}

static enum rc rule_put(struct api_call *c, struct err *err)
{
	struct str text, id;

	TRY(text_of(c, &text, err));
	TRY(judge(c, text, &id, err));
	if (!str_eq(id, c->params[0]))
		return FAIL(err, RC_BAD, "rule: the text has another id (%.*s)", STR(id));
	return store(c, text, id, err);
}

static enum rc remove_file(const char *path, struct str id, const char *what, struct err *err)
{
	if (unlink(path) == 0)
		return RC_OK;
	return errno == ENOENT ? FAIL(err, RC_NOTFOUND, "rule %.*s: %s", STR(id), what) : FAIL(err, RC_IO, "rule %.*s: %m", STR(id));
}

static enum rc rule_delete(struct api_call *c, struct err *err)
{
	char path[PATH_BYTES];

	TRY(own_path(c, "", c->params[0], ".yml", path, err));
	TRY(remove_file(path, c->params[0], "is none of the node's own; turn it off", err));
	TRY(tell(c, "rule.delete", c->params[0], S(""), err));
	return reload(c, c->params[0], err);
}

static enum rc off_post(struct api_call *c, struct err *err)
{
	char path[PATH_BYTES], folder[PATH_BYTES];
	const struct json *v;
	enum rc rc;

	TRY(own_path(c, RULEBOOK_OFF "/", c->params[0], "", path, err));
	TRY(ask_of(c, "rule", "id", c->params[0], &v, err));
	snprintf(folder, sizeof folder, "%s/rules/" RULEBOOK_OFF, c->api->dir);
	TRY(file_mkdir(folder, 0700, err));
	rc = file_create(path, S(""), 0600, err);
	if (rc == RC_CONFLICT)
		return FAIL(err, rc, "rule %.*s: is off already", STR(c->params[0]));
	TRY(rc);
	TRY(tell(c, "rule.off", c->params[0], S(""), err));
	return reload(c, c->params[0], err);
}

static enum rc on_post(struct api_call *c, struct err *err)
{
	char path[PATH_BYTES];

	TRY(own_path(c, RULEBOOK_OFF "/", c->params[0], "", path, err));
	TRY(remove_file(path, c->params[0], "is not off", err));
	TRY(tell(c, "rule.on", c->params[0], S(""), err));
	return reload(c, c->params[0], err);
}

const struct api_route API_ROUTES_RULES[] = {
	{ "GET", "/rules", API_READER, rules_get, "What became of each rule that the node reads", NULL, NULL, RULE_PROPERTIES },
	{ "POST", "/rules/check", API_READER, check_post, "What would become of this text, in the words of lianfang rules check", NULL, CHECK_REQUEST, RULE_PROPERTIES },
	{ "POST", "/rules/try", API_ANALYST, try_post,
	  "Try a text on the node's history: server-sent events \"piece\" with matches and counts so far, then \"end\", or \"error\"", NULL, TRY_REQUEST, NULL },
	{ "POST", "/rules", API_ANALYST, rule_post, "Add a rule of the node's own; it is in force when this answers", NULL, TEXT_REQUEST, DONE_SCHEMA },
	{ "GET", "/rules/{id}", API_READER, rule_get, "A rule with its text", NULL, NULL, RULE_SCHEMA },
	{ "PUT", "/rules/{id}", API_ANALYST, rule_put, "Change a rule: the node's own text goes before that of the configured folder", NULL, TEXT_REQUEST, DONE_SCHEMA },
	{ "DELETE", "/rules/{id}", API_ANALYST, rule_delete, "Take the node's own text away; that of the configured folder holds again", NULL, NULL, DONE_SCHEMA },
	{ "POST", "/rules/{id}/off", API_ANALYST, off_post, "Turn a rule off", NULL, NOTE_REQUEST, DONE_SCHEMA },
	{ "POST", "/rules/{id}/on", API_ANALYST, on_post, "Turn it on again", NULL, NOTE_REQUEST, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
