/* Commands on packs (the law as data) and on the facts of an incident, without a node. */
#include "base/arena.h"
#include "cli/node_cmd.h"
#include "desk/show.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define FACTS_BYTES_MAX ((size_t)256 << 20)
#define OUTPUT_MAX ((size_t)64 << 20)

static const struct cli_opt no_opts[] = { { NULL, 0, NULL, { NULL, NULL }, false } };

static struct str said(const struct cli *c, const struct pack_words *w)
{
	return c->zh && w->zh.n > 0 ? w->zh : w->en;
}

/* Prints `out` without its last newline, which cli_print puts; frees it. */
static int print(struct buf *out, int status)
{
	int printed;

	if (out->n > 0 && out->p[out->n - 1] == '\n')
		buf_cut(out, out->n - 1);
	printed = cli_print(out);
	buf_done(out);
	return printed != CLI_OK ? printed : status;
}

/* --- pack list --- */

static int list_run(struct cli *c)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(MEMORY_MAX);
	struct err err = { 0 };
	struct buf out;

	if (a == NULL)
		return cli_failf(c, "no memory");
	buf_init(&out, OUTPUT_MAX);
	for (size_t i = 0; pack_builtin(i) != NULL; i++) {
		const struct pack *p;
		struct jsonw w;

		if (pack_load(a, pack_builtin(i), &p, &err) != RC_OK) {
			buf_done(&out);
			return cli_fail(c, &err);
		}
		if (!c->json) {
			struct str title = said(c, &p->title);

			buf_fmt(&out, "%-10.*s  %.*s..%-10.*s  %.*s\n", STR(p->id), STR(p->valid_from), STR(p->valid_until), STR(title));
			continue;
		}
		jsonw_init(&w, &out);
		jsonw_object(&w);
		jsonw_m_str(&w, "id", p->id);
		show_words(&w, "title", &p->title);
		jsonw_m_str(&w, "country", p->country);
		jsonw_m_str(&w, "valid_from", p->valid_from);
		if (p->valid_until.n > 0)
			jsonw_m_str(&w, "valid_until", p->valid_until);
		jsonw_object_end(&w);
		buf_char(&out, '\n');
	}
	return print(&out, CLI_OK);
}

static const char *const list_examples[] = { "which laws this program knows", "lianfang pack list", NULL };
const struct cli_cmd CMD_PACK_LIST = {
	"pack list", { "the packs of law and words in the program", "列出內建的法規資料包" }, "",
	{ "A pack holds the levels, clocks, roles, sectors, forms and the calendar of one jurisdiction, from one day on. Another\n"
	  "country is another folder with a pack.json; every command that takes a PACK takes such a folder too.",
	  "資料包載有某法域自某日起之等級、時限、角色、領域、表單與行事曆。新增國家即新增含 pack.json 的資料夾。" },
	no_opts, list_examples, 0, 0, list_run,
};

/* --- pack show, pack check --- */

static void put_limit(const struct pack *p, const struct pack_limit *l, struct buf *out)
{
	char period[48] = "no figure";

	if (l->off)
		snprintf(period, sizeof period, "does not run");
	else if (!l->none)
		period_print(&l->period, period);
	buf_fmt(out, "      %s", period);
	for (int i = p->level_least; l->levels != UINT16_MAX && i <= p->level_most; i++)
		if ((l->levels >> i & 1) != 0)
			buf_fmt(out, "  level %d", i);
	for (size_t i = 0; l->subjects != UINT32_MAX && i < p->n_subjects; i++)
		if ((l->subjects >> i & 1) != 0)
			buf_fmt(out, "  %.*s", STR(p->subjects[i].id));
	buf_char(out, '\n');
}

static void put_pack(const struct cli *c, const struct pack *p, struct buf *out)
{
	struct str title = said(c, &p->title);

	buf_fmt(out, "%.*s  %.*s\n%s %.*s..%.*s, %.*s\n\n", STR(p->id), STR(title), c->zh ? "施行" : "valid", STR(p->valid_from), STR(p->valid_until),
		STR(p->zone_name));
	for (size_t i = 0; i < p->n_clocks; i++) {
		struct str name = said(c, &p->clocks[i].term.title);

		buf_fmt(out, "  %-14.*s %.*s  (%.*s; %.*s)\n", STR(p->clocks[i].term.id), STR(name), STR(p->clocks[i].who), STR(p->clocks[i].source));
		for (size_t k = 0; k < p->clocks[i].n_limits; k++)
			put_limit(p, &p->clocks[i].limits[k], out);
	}
	buf_fmt(out, "\n");
	for (size_t i = 0; i < p->n_cells; i++) {
		buf_fmt(out, "  %d  %.*s", p->cells[i].level, STR(p->cells[i].id));
		for (size_t k = 0; k < p->n_attributes; k++)
			if (p->cells[i].want[k] >= 0) {
				struct str answer = said(c, &p->attributes[k].values[p->cells[i].want[k]].title);

				buf_fmt(out, "  %.*s", STR(answer));
			}
		buf_char(out, '\n');
	}
}

static int show_run(struct cli *c)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(MEMORY_MAX);
	const struct pack *p;
	struct err err = { 0 };
	struct buf out;

	if (a == NULL)
		return cli_failf(c, "no memory");
	if (pack_load(a, c->operands[0], &p, &err) != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, OUTPUT_MAX);
	if (c->json)
		json_print(p->source, &out);
	else
		put_pack(c, p, &out);
	return print(&out, CLI_OK);
}

static const char *const show_examples[] = { "clocks and levels of a pack", "lianfang pack show tw-2026", NULL };
const struct cli_cmd CMD_PACK_SHOW = {
	"pack show", { "a pack's clocks and table of levels", "顯示資料包的時限與等級表" }, "PACK",
	{ "With --json the whole pack as it stands in its file.", "加 --json 則輸出整份資料包。" }, no_opts, show_examples, 1, 1, show_run,
};

static int check_run(struct cli *c)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(MEMORY_MAX);
	int status = CLI_OK;
	struct buf out;

	if (a == NULL)
		return cli_failf(c, "no memory");
	buf_init(&out, OUTPUT_MAX);
	for (int i = 0; i < c->n_operands; i++) {
		const struct pack *p;
		struct err err = { 0 };
		bool good = pack_load(a, c->operands[i], &p, &err) == RC_OK;

		if (!good)
			status = CLI_NO;
		if (c->json) {
			struct jsonw w;

			jsonw_init(&w, &out);
			jsonw_object(&w);
			jsonw_m_cstr(&w, "pack", c->operands[i]);
			jsonw_m_bool(&w, "good", good);
			if (!good)
				jsonw_m_cstr(&w, "error", err.text);
			jsonw_object_end(&w);
			buf_char(&out, '\n');
		} else if (good) {
			buf_fmt(&out, "%s: %.*s, %zu clocks, %zu cells\n", c->operands[i], STR(p->id), p->n_clocks, p->n_cells);
		} else {
			buf_fmt(&out, "%s\n", err.text);
		}
	}
	return print(&out, status);
}

static const char *const check_examples[] = { "a pack of your own", "lianfang pack check packs/xx-2027", NULL };
const struct cli_cmd CMD_PACK_CHECK = {
	"pack check", { "check packs against the schema", "依結構檢查資料包" }, "PACK...",
	{ "Names the member that is wrong, missing or unknown. 1 when one of the packs cannot be used.", "指出錯誤、缺少或未知的欄位。任一資料包不可用時結束狀態為 1。" },
	no_opts, check_examples, 1, CLI_OPERANDS_MAX, check_run,
};

/* --- pack level --- */

static void put_level_json(const struct pack *p, const struct level *l, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	show_levels(&w, p, l->of, l->overall);
	jsonw_m_bool(&w, "major", l->overall >= p->level_major);
	jsonw_name(&w, "cells");
	jsonw_array(&w);
	for (size_t i = 0; i < l->n_cells; i++) {
		jsonw_object(&w);
		jsonw_m_str(&w, "id", l->cells[i].cell->id);
		jsonw_m_int(&w, "item", l->cells[i].item);
		jsonw_m_str(&w, "dimension", p->dimensions[l->cells[i].cell->dimension].id);
		jsonw_m_int(&w, "level", l->cells[i].cell->level);
		jsonw_m_bool(&w, "decides", l->cells[i].decides);
		jsonw_m_str(&w, "source", l->cells[i].cell->source);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
}

static void put_level_text(const struct cli *c, const struct pack *p, const struct level *l, struct buf *out)
{
	struct str title = said(c, &p->level_titles[l->overall]);

	if (l->overall == 0)
		buf_fmt(out, "%s\n", c->zh ? "無適用之等級：依此表非資安事件，或有項目尚未回答完整（lianfang incident level 逐一詢問）" :
					     "no level applies: by this table no incident, or an item leaves a question open (lianfang incident level asks each)");
	else
		buf_fmt(out, "%.*s\n", STR(title));
	for (size_t i = 0; i < p->n_dimensions; i++) {
		struct str name = said(c, &p->dimensions[i].title);

		if (l->of[i] > 0)
			buf_fmt(out, "  %.*s %d\n", STR(name), l->of[i]);
	}
	for (size_t i = 0; i < l->n_cells; i++)
		buf_fmt(out, "  %s item %u: %.*s = %d (%.*s)\n", l->cells[i].decides ? "*" : " ", l->cells[i].item + 1, STR(l->cells[i].cell->id),
			l->cells[i].cell->level, STR(l->cells[i].cell->source));
}

/* An array of items, or an object that has one. */
static enum rc read_items(struct arena *a, const char *path, struct str text, const struct json **ret, struct err *err)
{
	enum rc rc = json_parse(a, text, &JSON_LIMITS, ret, err);

	if (rc != RC_OK) {
		err_prefix(err, "%s", path);
		return rc;
	}
	if ((*ret)->type == JSON_OBJECT)
		*ret = json_get(*ret, S("items"));
	return *ret == NULL ? FAIL(err, RC_BAD, "%s: expected an array of items", path) : RC_OK;
}

static int level_run(struct cli *c)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(MEMORY_MAX);
	CLEANUP(buf_done) struct buf text = { 0 };
	struct level l;
	const struct pack *p;
	const struct json *items;
	struct err err = { 0 };
	struct buf out;
	enum rc rc;

	if (a == NULL)
		return cli_failf(c, "no memory");
	rc = pack_load(a, c->operands[0], &p, &err);
	if (rc == RC_OK)
		rc = cli_read(c->operands[1], FACTS_BYTES_MAX, &text, &err);
	if (rc == RC_OK)
		rc = read_items(a, c->operands[1], buf_view(&text), &items, &err);
	if (rc == RC_OK) {
		rc = level_of(p, items, &l, &err);
		if (rc != RC_OK)
			err_prefix(&err, "%s", c->operands[1]);
	}
	if (rc != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, OUTPUT_MAX);
	if (c->json)
		put_level_json(p, &l, &out);
	else
		put_level_text(c, p, &l, &out);
	return print(&out, l.overall > 0 ? CLI_OK : CLI_NO);
}

static const char *const level_examples[] = {
	"what level is it", "echo '[{\"target\":\"system\",\"coreness\":\"core\",\"effect\":\"outage\",\"recovery\":\"beyond\"}]' | lianfang pack level tw-2026 -",
	NULL,
};
const struct cli_cmd CMD_PACK_LEVEL = {
	"pack level", { "the level of affected items, and the cells of the table that decide", "依受影響項目判定等級並指出依據" }, "PACK ITEMS.json",
	{ "ITEMS.json is an array of objects that answer what the pack asks (lianfang pack show PACK --json, levels.attributes).\n"
	  "Deciding cells are marked with a star. 1 when no cell applies.",
	  "ITEMS.json 為物件陣列，逐項回答資料包之問題。決定等級的表格欄位以星號標示。無適用者結束狀態為 1。" },
	no_opts, level_examples, 2, 2, level_run,
};

/* --- pack eval --- */

static const struct cli_opt eval_opts[] = {
	{ "at", 0, "TIME", { "as it was known then (RFC 3339); default: now", "以該時刻所知為準（RFC 3339）；預設為現在" }, false },
	{ NULL, 0, NULL, { NULL, NULL }, false },
};

/* An instant by the wall there: "02-28 00:30". */
static void put_wall(const struct pack *p, usec t, struct buf *out)
{
	if (t == NO_TIME)
		buf_cstr(out, "                ");
	else
		show_wall(out, p, t);
}

static void put_view_json(const struct pack *p, const struct desk_facts *f, const struct incident_view *v, usec at, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	show_view(&w, p, v, at);
	show_problems(&w, f);
	jsonw_object_end(&w);
}

static void put_view_text(const struct cli *c, const struct pack *p, const struct desk_facts *f, const struct incident_view *v, usec at, struct buf *out)
{
	struct str level = said(c, &p->level_titles[v->overall]);

	buf_fmt(out, "%.*s  %.*s  %.*s  (%.*s)\n", STR(p->id), STR(cli_value(c, str_of(v->state))), STR(v->overall > 0 ? level : S("-")), STR(p->zone_name));
	if (!show_in_force(p, v, at))
		show_not_in_force(c, out);
	for (size_t i = 0; i < v->n_clocks; i++) {
		const struct clock_view *k = &v->clocks[i];
		struct str name = said(c, &k->clock->term.title);

		buf_fmt(out, "  %-14.*s ", STR(k->clock->term.id));
		show_padded(cli_value(c, str_of(clock_verdict_name(k->verdict))), 10, out);
		put_wall(p, k->start, out);
		buf_cstr(out, " > ");
		put_wall(p, k->due, out);
		buf_cstr(out, "  ");
		put_wall(p, k->stop, out);
		buf_fmt(out, "  %.*s\n", STR(name));
	}
	for (size_t i = 0; i < f->n_problems; i++)
		buf_fmt(out, "  %s%u: %.*s: %.*s\n", c->zh ? "第 " : "line ", f->problems[i].line, STR(f->problems[i].id), STR(f->problems[i].why));
}

static bool all_counted(const struct desk_facts *f)
{
	for (size_t i = 0; i < f->n_problems; i++)
		if (!f->problems[i].counted)
			return false;
	return true;
}

static int eval_run(struct cli *c)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(MEMORY_MAX);
	CLEANUP(buf_done) struct buf text = { 0 };
	struct incident_view *v = a == NULL ? NULL : arena_alloc(a, sizeof *v);
	const char *when = cli_get(c, "at", NULL);
	const struct pack *p;
	struct desk_facts f = { 0 };
	struct err err = { 0 };
	usec at = time_now();
	struct buf out;
	enum rc rc;

	if (v == NULL)
		return cli_failf(c, "no memory");
	if (when != NULL && time_parse_offset(str_of(when), &at, &err) != RC_OK)
		return cli_failf(c, "--at: %s", err.text);
	rc = pack_load(a, c->operands[0], &p, &err);
	if (rc == RC_OK)
		rc = cli_read(c->operands[1], FACTS_BYTES_MAX, &text, &err);
	if (rc == RC_OK)
		rc = desk_facts_parse(a, c->operands[1], buf_view(&text), &f, &err);
	if (rc == RC_OK)
		rc = derive(a, p, &f, at, v, &err);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	buf_init(&out, OUTPUT_MAX);
	if (c->json)
		put_view_json(p, &f, v, at, &out);
	else
		put_view_text(c, p, &f, v, at, &out);
	return print(&out, all_counted(&f) ? CLI_OK : CLI_NO);
}

static const char *const eval_examples[] = {
	"where an incident stands", "lianfang pack eval tw-2026 facts.jsonl",
	"the same incident under another law, as known on that morning", "lianfang pack eval eu-nis2 facts.jsonl --at 2026-03-01T08:00:00+08:00 --json",
	NULL,
};
const struct cli_cmd CMD_PACK_EVAL = {
	"pack eval", { "state, level and clocks of an incident from its facts", "由事實推導事件狀態、等級與各項時限" }, "PACK FACTS.jsonl",
	{ "One fact a line: {\"id\", \"at\" (recorded), \"claimed\" (when it happened), \"type\", \"by\" (role), ...}. State, level and clocks\n"
	  "are a function of the pack and the set of facts: their order and how often one is there do not matter. A fact that cannot\n"
	  "count (of no known type, contradicted under its own id, from the future) is named, and the exit status is 1.",
	  "每行一則事實。狀態、等級與時限僅由資料包與事實集合決定，與順序及重複無關。無法採計之事實會被指出，結束狀態為 1。" },
	eval_opts, eval_examples, 2, 2, eval_run,
};
