/* Looking back: has something that is known now been seen before? */
#include "cli/hunting.h"
#include "cli/rules.h"
#include "model/observable.h"
#include "stix/marking.h"

static const struct cli_opt opts[] = {
	CLI_HUNT_OPTS,
	{ "event", 'e', NULL, { "show the whole event with each finding", "附上完整事件" }, false },
	{ "lists", 0, "DIR", { "values of placeholders of rules: NAME.txt holds those of %NAME%, one a line", "佔位符清單資料夾" }, false },
	CLI_SOURCES_OPTS,
	{ NULL, 0, NULL, { NULL, NULL }, false },
};
static const char *const examples[] = {
	"an address, a name, a hash", "lianfang hunt 198.51.100.7 evil.example --since 30d",
	"a block of addresses", "lianfang hunt 203.0.113.0/24 --node /var/lib/lianfang",
	"all of a list, as JSON", "lianfang hunt indicators.txt --json",
	"a STIX pattern", "lianfang hunt \"[url:value = 'http://evil.example/a']\"",
	"a new Sigma rule over last week, on a copy of the history", "lianfang hunt rule.yml --since 7d --history /srv/copy/history", NULL,
};

static void put_fields(struct jsonw *w, const struct hunt_found *f)
{
	jsonw_name(w, "fields");
	jsonw_object(w);
	for (size_t i = 0; i < f->n_why; i++) {
		bool before = false;

		for (size_t k = 0; k < i; k++)
			before |= str_eq(f->why[k].field, f->why[i].field);
		if (before)
			continue;
		jsonw_name_str(w, f->why[i].field.n > 0 ? f->why[i].field : S("keyword"));
		jsonw_str(w, f->why[i].value);
	}
	jsonw_object_end(w);
}

static bool show_json(const struct hunt_found *f, bool with_event)
{
	bool indicator = str_starts(f->id, S("indicator--"));
	char value[VALUE_ID_MAX];
	struct buf b;
	struct jsonw w;
	int status;

	buf_init(&b, (size_t)128 << 20);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "type", indicator ? "indicator" : f->event == NULL ? "correlation" : "rule");
	jsonw_m_str(&w, indicator ? "indicator_id" : "rule_id", f->id);
	if (indicator) {
		if (value_id_of(f->matched, value).n > 0)
			jsonw_m_cstr(&w, "value_id", value);
		jsonw_m_str(&w, "matched", f->matched);
		if (f->tlp <= TLP_RED)
			jsonw_m_cstr(&w, "tlp", tlp_name((enum tlp)f->tlp));
		if (f->confidence <= 100)
			jsonw_m_int(&w, "confidence", f->confidence);
	} else {
		jsonw_m_str(&w, "title", f->title);
		jsonw_m_str(&w, "level", f->level);
		jsonw_m_str(&w, "author", f->author);
	}
	put_fields(&w, f);
	hunting_put_event(&w, f, with_event);
	jsonw_object_end(&w);
	status = cli_print(&b);
	buf_done(&b);
	return status == CLI_OK;
}

/* Control bytes of a log must not drive the terminal. */
static void put_visible(struct buf *b, struct str s, size_t most)
{
	for (size_t i = 0; i < s.n && i < most; i++)
		buf_char(b, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i]);
	if (s.n > most)
		buf_cstr(b, "...");
}

static bool show_text(const struct hunt_found *f, bool with_event)
{
	char when[TIME_TEXT_MAX];
	struct buf b;
	int status;

	buf_init(&b, (size_t)64 << 20);
	buf_fmt(&b, "%.*s  ", STR(time_format(f->at, when)));
	if (f->event != NULL || f->n_records > 0) {
		put_visible(&b, f->source, 64);
		buf_fmt(&b, ":%llu  ", (unsigned long long)(f->event != NULL ? f->event->ordinal : f->records[0]));
	}
	if (f->title.n > 0)
		buf_fmt(&b, "%.*s (%.*s%s%.*s)  ", STR(f->title), STR(f->level), f->author.n > 0 ? ", by " : "", STR(f->author));
	for (size_t i = 0; i < f->n_why; i++) {
		put_visible(&b, f->why[i].field, 64);
		buf_cstr(&b, f->why[i].field.n > 0 ? " = " : "");
		put_visible(&b, f->why[i].value, 200);
		buf_cstr(&b, "  ");
	}
	if (f->matched.n > 0)
		buf_fmt(&b, "(%.*s%s%s)", STR(f->id), f->tlp <= TLP_RED ? ", " : "", f->tlp <= TLP_RED ? tlp_name((enum tlp)f->tlp) : "");
	if (with_event && f->event != NULL) {
		buf_cstr(&b, "\n    ");
		put_visible(&b, f->event->line, SIZE_MAX);
	}
	status = cli_print(&b);
	buf_done(&b);
	return status == CLI_OK;
}

static bool show(void *ctx, const struct hunt_found *f)
{
	const struct cli *c = ctx;

	return c->json ? show_json(f, cli_has(c, "event")) : show_text(f, cli_has(c, "event"));
}

static int run(struct cli *c)
{
	struct hunting_for what;
	struct err err = { 0 };
	int status;

	if (hunting_for(c, &what, &err) != RC_OK) {
		status = cli_fail(c, &err);
	} else {
		if (what.refused > 0)
			fprintf(stderr, "lianfang: hunt: %llu left out: %s\n", (unsigned long long)what.refused, what.first_refused);
		status = hunting_run(c, what.m, show, c, CLI_NO, CLI_OK);
	}
	hunting_for_done(&what);
	return status;
}

const struct cli_cmd CMD_HUNT = {
	"hunt", { "look for an indicator, a pattern or a Sigma rule in the history", "於歷史紀錄中回溯搜尋指標、樣式或 Sigma 規則" }, "WHAT...",
	{ "WHAT is an address, block, domain, URL, hash or e-mail address, a STIX pattern, the id of one of the node's indicators, a file\n"
	  "of indicators, or a Sigma rule or folder of rules. Only blocks whose filter does not rule it out are opened; their events go\n"
	  "through the matcher that live events go through. When an indicator is valid does not matter here. Works beside a running\n"
	  "node. 0: nothing was found; 1: something was; 2: error, or a damaged block was passed over.",
	  "可輸入位址、網段、網域、URL、雜湊、電子郵件、STIX 樣式、指標代號、指標檔或 Sigma 規則。0 無發現，1 有發現。" },
	opts, examples, 1, CLI_OPERANDS_MAX, run,
};
