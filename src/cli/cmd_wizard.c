/* The level wizard: the node reads the register and the pack's table, this asks what is left. Scripts give the answers as options. */
#include "cli/wizard.h"

#include <unistd.h>

#include "base/text.h"
#include "cli/node_cmd.h"

#define ANSWERS_MAX 200
#define NAME_MAX 64
#define VALUE_MAX 400
#define BODY_MAX ((size_t)1 << 20)
#define FOUND_MAX 20
#define TRIES_MAX 5
#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }

struct answer {
	int item;
	char name[NAME_MAX], value[VALUE_MAX];
};

struct wizard {
	struct cli *c;
	struct node_conn *conn;
	const char *pack;
	struct arena *a;          /* the latest reply */
	const struct json *reply;
	struct answer answers[ANSWERS_MAX];
	size_t n;
	int items;
	bool ask;                 /* somebody is there */
	struct buf grounds;
};

static const char *say(const struct wizard *z, const char *en, const char *zh)
{
	return z->c->zh ? zh : en;
}

static struct str said(const struct wizard *z, const struct json *words)
{
	return json_get_str(words, z->c->zh ? S("zh-TW") : S("en"));
}

/* One line of what somebody types. */
static enum rc ask_line(const char *prompt, struct buf *ret, struct err *err)
{
	enum rc rc;

	fprintf(stderr, "%s ", prompt);
	rc = cli_stdin_line(ret, err);
	if (rc == RC_OK && !utf8_valid(buf_view(ret), NULL))
		rc = FAIL(err, RC_BAD, "not UTF-8");
	if (rc != RC_OK)
		buf_done(ret);
	return rc;
}

/* A slip of a finger must not be a no: it could mean that nothing is reported. */
enum rc wizard_yes(const struct cli *c, const char *en, const char *zh, bool *ret, struct err *err)
{
	static const char *const yes[] = { "y", "yes", "是" }, *const no[] = { "n", "no", "否" };
	struct buf line, prompt;
	bool said = false;
	enum rc rc = RC_OK;

	buf_init(&prompt, 4096);
	buf_fmt(&prompt, "%s (%s)", c->zh ? zh : en, c->zh ? "是/否" : "y/n");
	for (int i = 0; rc == RC_OK && !said; i++) {
		struct str word;

		rc = i == TRIES_MAX ? FAIL(err, RC_BAD, "neither yes nor no") : ask_line(prompt.p, &line, err);
		if (rc != RC_OK)
			break;
		word = str_trim(buf_view(&line));
		for (size_t k = 0; k < COUNTOF(yes) && !said; k++) {
			*ret = str_eq_nocase(word, str_of(yes[k]));
			said = *ret || str_eq_nocase(word, str_of(no[k]));
		}
		buf_done(&line);
	}
	buf_done(&prompt);
	return rc;
}

static enum rc put_answer(struct wizard *z, int item, struct str name, struct str value, struct err *err)
{
	if (z->n == ANSWERS_MAX || name.n == 0 || name.n >= NAME_MAX || value.n >= VALUE_MAX)
		return FAIL(err, RC_LIMIT, "%.*s: too long", STR(str_slice(name, 0, NAME_MAX)));
	z->answers[z->n].item = item;
	snprintf(z->answers[z->n].name, NAME_MAX, "%.*s", STR(name));
	snprintf(z->answers[z->n++].value, VALUE_MAX, "%.*s", STR(value));
	return RC_OK;
}

/* --- the node --- */

static enum rc call(struct wizard *z, const char *method, const char *path, struct str body, int *ret_http, struct err *err)
{
	struct buf reply;
	struct str text;
	enum rc rc = node_conn_do(z->conn, method, path, body, ret_http, &reply, err);

	if (rc == RC_OK && *ret_http >= 300)
		node_reply_error(&reply, *ret_http, err);
	arena_reset(z->a);
	text = arena_dup(z->a, buf_view(&reply));
	buf_done(&reply);
	if (rc != RC_OK || *ret_http >= 300)
		return rc;
	return text.p == NULL ? FAIL(err, RC_NOMEM, "out of memory") : json_parse(z->a, text, &JSON_LIMITS, &z->reply, err);
}

static void put_items(struct wizard *z, struct jsonw *w)
{
	jsonw_array(w);
	for (int i = 0; i < z->items; i++) {
		jsonw_object(w);
		for (size_t k = 0; k < z->n; k++)
			if (z->answers[k].item == i)
				jsonw_m_cstr(w, z->answers[k].name, z->answers[k].value);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static enum rc look(struct wizard *z, bool blocked, struct err *err)
{
	struct buf body;
	struct jsonw w;
	int http = 0;
	enum rc rc;

	buf_init(&body, BODY_MAX);
	jsonw_init(&w, &body);
	jsonw_object(&w);
	if (z->pack != NULL)
		jsonw_m_cstr(&w, "pack", z->pack);
	if (blocked)
		jsonw_m_bool(&w, "blocked", true);
	jsonw_m_str(&w, "grounds", buf_view(&z->grounds));
	jsonw_name(&w, "items");
	put_items(z, &w);
	jsonw_object_end(&w);
	rc = call(z, "POST", "/incidents/level", buf_view(&body), &http, err);
	buf_done(&body);
	return rc != RC_OK ? rc : http >= 300 ? RC_BAD : RC_OK;
}

/* --- questions --- */

static bool holds(struct str text, struct str part)
{
	for (size_t i = 0; part.n <= text.n && i + part.n <= text.n; i++)
		if (str_eq_nocase(str_slice(text, i, i + part.n), part))
			return true;
	return false;
}

/* Systems whose id or name has this in it. */
static enum rc show_systems(struct wizard *z, struct str part, struct err *err)
{
	const struct json *entries;
	int http = 0, found = 0;

	TRY(call(z, "GET", "/systems?limit=1000", S(""), &http, err));
	entries = http < 300 ? json_get(z->reply, S("entries")) : NULL;
	if (!json_is(entries, JSON_ARRAY))
		return RC_PEER;
	JSON_EACH(one, entries) {
		struct str id = json_get_str(one, S("id")), name = json_get_str(one, S("name")), org = json_get_str(one, S("organisation"));

		if ((holds(id, part) || holds(name, part)) && found++ < FOUND_MAX)
			fprintf(stderr, "  %.*s  %.*s  (%.*s)\n", STR(id), STR(name), STR(org));
	}
	if (found == 0)
		fprintf(stderr, "  %s\n", say(z, "none is called so", "查無此系統"));
	return RC_OK;
}

/* Empty: one that is not in the register. */
static enum rc ask_system(struct wizard *z, struct err *err)
{
	for (;;) {
		struct buf line, path;
		struct str id;
		int http = 0;
		enum rc rc;

		TRY(ask_line(say(z, "Which system is affected? (its id, or a part of its name; empty: it is not in the register)",
				 "哪個資通系統受影響？（代號或部分名稱；空白表示未登錄）"), &line, err));
		id = str_trim(buf_view(&line));
		if (id.n == 0) {
			buf_done(&line);
			return RC_OK;
		}
		buf_init(&path, 4096);
		buf_cstr(&path, "/systems/");
		percent_put(&path, id);
		rc = call(z, "GET", path.p, S(""), &http, err);
		buf_done(&path);
		if (rc == RC_OK && http < 300)
			rc = put_answer(z, z->items - 1, S("system"), json_get_str(z->reply, S("id")), err);
		else if (rc == RC_OK)
			rc = show_systems(z, id, err);
		buf_done(&line);
		if (rc != RC_OK || http < 300)
			return rc;
	}
}

/* By its number in the list, or by its name. */
static struct str choice_of(const struct json *values, struct str text)
{
	uint64_t number;

	if (str_to_u64(text, &number) && number >= 1 && number <= values->n)
		return json_get_str(json_item(values, (uint32_t)number - 1), S("id"));
	JSON_EACH(one, values)
		if (str_eq_nocase(json_get_str(one, S("id")), text) || str_eq(json_str(json_path(one, "title.zh-TW")), text))
			return json_get_str(one, S("id"));
	return S("");
}

static enum rc ask_choice(struct wizard *z, const struct json *q, int item, struct err *err)
{
	const struct json *values = json_get(q, S("values"));
	struct str name = json_get_str(q, S("name"));

	for (;;) {
		struct str picked;
		struct buf line;
		int number = 0;
		enum rc rc;

		fprintf(stderr, "%.*s\n", STR(said(z, json_get(q, S("question")))));
		JSON_EACH(one, values)
			fprintf(stderr, "  %d) %.*s\n", ++number, STR(said(z, json_get(one, S("title")))));
		TRY(ask_line(">", &line, err));
		picked = choice_of(values, str_trim(buf_view(&line)));
		if (line.n == 0) {
			buf_done(&line);
			return FAIL(err, RC_BAD, "%.*s: no answer", STR(name));
		}
		rc = picked.n > 0 ? put_answer(z, item, name, picked, err) : RC_OK;
		buf_done(&line);
		if (rc != RC_OK || picked.n > 0)
			return rc;
	}
}

/* Nothing is answered by an empty line, where that is an answer. */
static enum rc ask_time(struct wizard *z, int item, const char *name, const char *prompt, bool needed, struct err *err)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		char at[TIME_TEXT_MAX], shown[TIME_TEXT_MAX];
		struct err why = { 0 };
		struct buf line;
		struct str said;
		bool empty, good;

		TRY(ask_line(prompt, &line, err));
		said = str_trim(buf_view(&line));
		empty = said.n == 0;
		good = !empty && when_read(said, false, time_now(), at, &why) == RC_OK;
		if (good && !str_eq(str_of(at), said))
			fprintf(stderr, "  = %.*s\n", STR(when_show(str_of(at), shown)));
		buf_done(&line);
		if (good)
			return put_answer(z, item, str_of(name), str_of(at), err);
		if (empty && !needed)
			return RC_OK;
		if (!empty)
			fprintf(stderr, "%s\n", why.text);
	}
	return FAIL(err, RC_BAD, "%s: no answer", name);
}

/* What is answered is checked by the node at once; a wrong answer is taken back and asked again. */
static enum rc ask_one(struct wizard *z, const struct json *q, struct err *err)
{
	int64_t item = 0;

	(void)json_int(json_get(q, S("item")), &item);
	if (json_get(q, S("values")) != NULL)
		return ask_choice(z, q, (int)item, err);
	TRY(ask_time(z, (int)item, "since", say(z, "Since when is it out? (23:30, 2026-02-27 23:30, or now)", "自何時起中斷？（23:30、2026-02-27 23:30，或 now）"), true, err));
	return ask_time(z, (int)item, "back", say(z, "When was it back? (empty: it is still out)", "何時恢復？（空白表示仍中斷）"), false, err);
}

static enum rc not_answered(const struct wizard *z, const struct json *q, struct err *err)
{
	const struct json *values = json_get(q, S("values"));
	struct str name = json_get_str(q, S("name"));
	struct buf b;

	if (values == NULL)
		return FAIL(err, RC_BAD, "--since: %.*s", STR(said(z, json_get(q, S("question")))));
	buf_init(&b, 4096);
	JSON_EACH(one, values)
		buf_fmt(&b, "%s%.*s", b.n > 0 ? ", " : "", STR(json_get_str(one, S("id"))));
	err_set(err, RC_BAD, "--answer %.*s=...: %.*s (%.*s)", STR(name), STR(said(z, json_get(q, S("question")))), STR(buf_view(&b)));
	buf_done(&b);
	return RC_BAD;
}

/* What still has to be asked: for the first law, then for the others that apply. */
static const struct json *questions_left(const struct wizard *z)
{
	const struct json *questions = json_get(z->reply, S("questions")), *further = json_get(z->reply, S("further"));

	if (further == NULL || (json_is(questions, JSON_ARRAY) && questions->n > 0))
		return questions;
	JSON_EACH(one, further) {
		questions = json_get(one, S("questions"));
		if (json_is(questions, JSON_ARRAY) && questions->n > 0)
			return questions;
	}
	return NULL;
}

static enum rc ask_all(struct wizard *z, struct err *err)
{
	for (;;) {
		const struct json *questions;
		size_t had = z->n;
		enum rc rc;

		TRY(look(z, false, err));
		questions = questions_left(z);
		if (questions == NULL || !json_is(questions, JSON_ARRAY) || questions->n == 0)
			return RC_OK;
		if (!z->ask)
			return not_answered(z, json_first(questions), err);
		TRY(ask_one(z, json_first(questions), err));
		if (z->n == had)
			return FAIL(err, RC_BAD, "no answer");
		rc = look(z, false, err);
		if (rc != RC_OK && rc != RC_BAD)
			return rc;
		if (rc != RC_OK) {
			fprintf(stderr, "%s\n", err->text);
			z->n = had;
		}
	}
}

static enum rc ask_grounds(struct wizard *z, struct err *err)
{
	while (z->grounds.n == 0) {
		struct buf line;

		if (!z->ask)
			return FAIL(err, RC_BAD, "--grounds: %s", say(z, "why this level? The law wants grounds", "判定理由為何？法規要求敘明"));
		TRY(ask_line(say(z, "On what grounds, in your own words?", "判定理由（請敘明）："), &line, err));
		buf_str(&z->grounds, str_trim(buf_view(&line)));
		buf_done(&line);
	}
	return RC_OK;
}

/* --- the answer --- */

static void show_cells(const struct wizard *z, const struct json *cells, struct buf *out)
{
	JSON_EACH(cell, cells) {
		const struct json *when = json_get(cell, S("when"));
		struct str id = json_get_str(cell, S("id")), source = json_get_str(cell, S("source"));
		int64_t level = 0, item = 0;

		(void)json_int(json_get(cell, S("level")), &level);
		(void)json_int(json_get(cell, S("item")), &item);
		buf_fmt(out, "  %s %lld = ", json_is(json_get(cell, S("decides")), JSON_TRUE) ? "*" : " ", (long long)level);
		JSON_EACH(one, when)
			buf_fmt(out, "%s%.*s", one == when + 1 ? "" : z->c->zh ? "、" : ", ", STR(said(z, json_get(one, S("title")))));
		buf_fmt(out, "  [%.*s, %.*s]\n", STR(id), STR(source));
	}
}

static void show_known(const struct wizard *z, struct buf *out)
{
	static const struct { const char *member, *en, *zh; } parts[] = {
		{ "core", "core", "核心" }, { "ci", "critical infrastructure", "關鍵基礎設施" }, { "secrecy", "secrecy", "機密性" },
		{ "mtpd", "tolerable outage in hours", "可容忍中斷時數" },
	};
	const struct json *known = json_get(z->reply, S("known"));

	JSON_EACH(one, known) {
		const char *between = z->c->zh ? "：" : ": ";

		buf_fmt(out, "%s%.*s", say(z, "By the register, ", "依登錄，"), STR(json_get_str(one, S("name"))));
		for (size_t i = 0; i < COUNTOF(parts); i++) {
			const struct json *v = json_get(one, str_of(parts[i].member));

			if (v == NULL)
				continue;
			buf_fmt(out, "%s%s ", between, say(z, parts[i].en, parts[i].zh));
			if (v->type == JSON_TRUE || v->type == JSON_FALSE)
				buf_str(out, cli_value(z->c, v->type == JSON_TRUE ? S("yes") : S("no")));
			else if (v->type == JSON_STRING)
				buf_str(out, cli_value(z->c, json_str(v)));
			else
				show_member(one, parts[i].member, out);
			between = z->c->zh ? "，" : ", ";
		}
		buf_char(out, '\n');
	}
}

static void show_changes(const struct wizard *z, struct buf *out)
{
	const struct json *changes = json_get(z->reply, S("changes"));

	if (changes == NULL)
		return;
	JSON_EACH(one, changes) {
		const struct json *title = json_path(one, "level.title");
		struct str at = json_get_str(one, S("at")), name = json_get_str(one, S("system"));
		char shown[TIME_TEXT_MAX];

		buf_fmt(out, z->c->zh ? "若 %.*s 於 %.*s 仍未恢復，將升為：%.*s\n" : "If %.*s is not back by %.*s, it becomes: %.*s\n",
			STR(name.n > 0 ? name : z->c->zh ? S("系統") : S("it")), STR(when_show(at, shown)), STR(said(z, title)));
	}
}

/* Each law has its own levels. */
static void show_further(const struct wizard *z, struct buf *out)
{
	const struct json *further = json_get(z->reply, S("further"));

	if (further == NULL)
		return;
	JSON_EACH(one, further) {
		const struct json *title = json_path(one, "level.title"), *cells = json_get(one, S("cells"));
		struct str why = json_get_str(one, S("why"));

		buf_fmt(out, "%.*s%s", STR(json_get_str(one, S("pack"))), z->c->zh ? "：" : ": ");
		if (why.n > 0)
			buf_fmt(out, "%.*s\n", STR(why));
		else if (title == NULL)
			buf_fmt(out, "%s\n", say(z, "no level applies: not an incident by this table", "無適用之等級（非資安事件）"));
		else
			buf_fmt(out, "%.*s\n", STR(said(z, title)));
		if (title != NULL && cells != NULL)
			show_cells(z, cells, out);
	}
}

static void show_level(const struct wizard *z, struct buf *out)
{
	const struct json *title = json_path(z->reply, "level.title"), *cells = json_get(z->reply, S("cells"));

	show_known(z, out);
	if (title == NULL) {
		buf_fmt(out, "%s\n", say(z, "no level applies: not an incident by this table", "無適用之等級（非資安事件）"));
		return;
	}
	buf_fmt(out, "%.*s%s\n", STR(said(z, title)), z->c->zh ? "，依據（* 為決定等級者）：" : ", by these cells (* decides):");
	show_cells(z, cells, out);
	show_changes(z, out);
	show_further(z, out);
}

static void tell_blocked(const struct wizard *z)
{
	struct str why = said(z, json_get(z->reply, S("why")));

	if (!z->c->json)
		printf("%.*s\n", STR(why));
}

/* The first item from the options. */
static enum rc read_options(struct wizard *z, struct err *err)
{
	static const char *const plain[] = { "system", "since", "back" };

	for (size_t i = 0; i < COUNTOF(plain); i++)
		if (cli_get(z->c, plain[i], NULL) != NULL)
			TRY(put_answer(z, 0, str_of(plain[i]), str_of(cli_get(z->c, plain[i], NULL)), err));
	for (int i = 0; cli_get_nth(z->c, "answer", i) != NULL; i++) {
		struct str text = str_of(cli_get_nth(z->c, "answer", i));
		size_t equals = str_find(text, S("="), 0);

		if (equals == SIZE_MAX)
			return FAIL(err, RC_BAD, "--answer: expected NAME=VALUE");
		TRY(put_answer(z, 0, str_slice(text, 0, equals), str_slice(text, equals + 1, text.n), err));
	}
	buf_str(&z->grounds, str_trim(str_of(cli_get(z->c, "grounds", ""))));
	return RC_OK;
}

static enum rc whole(struct wizard *z, struct wizard_said *ret, struct err *err)
{
	bool options = cli_has(z->c, "system") || cli_has(z->c, "answer"), more = true;

	z->items = 1;
	TRY(read_options(z, err));
	ret->incident = !cli_has(z->c, "blocked");
	if (z->ask && ret->incident && !options)
		TRY(wizard_yes(z->c, "Did it succeed: was something leaked, changed or stopped?", "是否已造成影響（資料外洩、遭竄改或服務中斷）？", &ret->incident, err));
	if (!ret->incident)
		return look(z, true, err);
	while (more) {
		if (z->ask && !(options && z->items == 1))
			TRY(ask_system(z, err));
		TRY(ask_all(z, err));
		more = false;
		if (z->ask && !options)
			TRY(wizard_yes(z->c, "Is anything else affected?", "是否另有受影響者？", &more, err));
		z->items += more;
	}
	TRY(ask_grounds(z, err));
	TRY(look(z, false, err));
	json_print(json_get(z->reply, S("items")), &ret->items);
	buf_str(&ret->grounds, buf_view(&z->grounds));
	return buf_check(&ret->items, err, "items");
}

bool wizard_wanted(const struct cli *c)
{
	return cli_has(c, "system") || cli_has(c, "answer") || cli_has(c, "blocked") || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !c->json);
}

void wizard_said_done(struct wizard_said *s)
{
	buf_done(&s->items);
	buf_done(&s->grounds);
}

static int show_result(struct wizard *z, const struct wizard_said *s, bool whole_reply)
{
	struct buf out;
	int status = CLI_OK;

	if (!s->incident)
		tell_blocked(z);
	buf_init(&out, BODY_MAX);
	if (z->c->json && (whole_reply || !s->incident))
		json_print(z->reply, &out);
	else if (s->incident && !z->c->json)
		show_level(z, &out);
	if (out.n > 0)
		status = cli_print(&out);
	buf_done(&out);
	return status;
}

/* The node speaks of "/items/0/effect", who typed a command of --answer effect=... */
static void name_answer(const struct cli *c, struct err *err)
{
	struct str text = str_of(err->text), rest = text, name;
	char said[ERR_TEXT_MAX];

	if (!str_starts(text, S("/items/0/")))
		return;
	rest = str_slice(text, 9, text.n);
	if (!str_next(&rest, ':', &name))
		return;
	if (str_eq(name, S("system")) || str_eq(name, S("since")) || str_eq(name, S("back")))
		snprintf(said, sizeof said, "--%.*s:%.*s%s", STR(name), STR(rest), str_eq(name, S("system")) && !c->zh ? " (lianfang system list)" : "");
	else
		snprintf(said, sizeof said, "--answer %.*s=...:%.*s", STR(name), STR(rest));
	err_set(err, err->rc, "%s", said);
}

static int run(struct cli *c, const char *pack, struct wizard_said *ret, bool whole_reply)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct wizard z = { .c = c, .pack = pack, .ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !c->json };
	struct err err = { 0 };
	int status;
	enum rc rc;

	buf_init(&ret->items, BODY_MAX);
	buf_init(&ret->grounds, 65536);
	buf_init(&z.grounds, 65536);
	z.a = arena_new((size_t)64 << 20);
	rc = z.a == NULL ? FAIL(&err, RC_NOMEM, "no memory") : node_conn_open(c->operands[0], &conn, &err);
	z.conn = conn;
	if (rc == RC_OK)
		rc = whole(&z, ret, &err);
	if (rc != RC_OK) {
		name_answer(c, &err);
		name_options(c, &err);
		status = cli_fail(c, &err);
	} else {
		status = show_result(&z, ret, whole_reply);
	}
	buf_done(&z.grounds);
	arena_free(z.a);
	return status;
}

int wizard_run(struct cli *c, const char *pack, struct wizard_said *ret)
{
	return run(c, pack, ret, false);
}

/* --- incident level --- */

static const struct cli_opt level_opts[] = {
	WIZARD_OPTS,
	{ "pack", 0, "PACK", { "law that applies; default: [desk] pack", "適用之資料包" }, false },
	{ "grounds", 0, "TEXT", { "why minor, why serious", "判定理由" }, false },
	NO_OPT,
};
static const char *const level_examples[] = {
	"asked step by step", "lianfang incident level",
	"by a script: the historian has been out since half past eleven",
	"lianfang incident level DIR --system historian --answer effect=outage --since 2026-02-27T23:30:00+08:00 --grounds 'disks encrypted'",
	NULL,
};

static int level_run(struct cli *c)
{
	struct wizard_said s = { .incident = false };
	int status = run(c, cli_get(c, "pack", NULL), &s, true);

	wizard_said_done(&s);
	return status == CLI_OK && !s.incident ? CLI_NO : status;
}

const struct cli_cmd CMD_INCIDENT_LEVEL = {
	"incident level", { "what level it would be, step by step", "逐步判定等級" }, "DIR",
	{ "At a terminal it asks plain questions. What the register of systems says (core, critical infrastructure, secrecy, tolerable outage)\n"
	  "is read, not asked. Shows the level, the cells of the law's table that decide, and when an outage that goes on will change it. Nothing is\n"
	  "kept: report does that. 1 when it is no incident.",
	  "於終端機逐題詢問。登錄之核心程度、關鍵基礎設施、機密性與可容忍中斷時間直接讀取，不另詢問。顯示等級、決定之表格欄位，\n"
	  "以及中斷持續時何時改變等級。不留存任何內容（由 report 通報）。非資安事件者結束狀態為 1。" },
	level_opts, level_examples, 1, 1, level_run,
};
