/* The monitoring sheet: the ticket's fields under the names that the joint monitoring uses, as a table that prints. */
#include "base/jsonw.h"
#include "stix/marking.h"
#include "web/api_records.h"

struct label { const char *en, *zh; };

struct sheet {
	struct buf *out;
	const struct api_words *words;
	const struct ticket *t;
	bool zh;
};

/* A cell is one line, and '|' would end it. */
static void put_cell(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '|')
			buf_cstr(out, "\\|");
		else
			buf_char(out, (unsigned char)c < 0x20 ? ' ' : c);
	}
}

static void row(const struct sheet *s, struct label l, struct str value)
{
	buf_fmt(s->out, "| %s | ", s->zh ? l.zh : l.en);
	put_cell(s->out, value.n == 0 ? S("-") : value);
	buf_cstr(s->out, " |\n");
}

static void row_time(const struct sheet *s, struct label l, usec t)
{
	char text[TIME_TEXT_MAX];

	row(s, l, t == 0 ? S("") : time_format_ms(t, text));
}

static void row_int(const struct sheet *s, struct label l, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)v);

	row(s, l, str_make(text, (size_t)n));
}

/* "A: B" in the reader's language, with the id behind it. */
static void row_class(const struct sheet *s)
{
	const struct rsit_class *c = rsit_class_of(api_words_rsit(s->words), s->t->class);
	const struct rsit_type *k = rsit_type_of(api_words_rsit(s->words), s->t->class, s->t->type);
	struct buf b;

	buf_init(&b, 4096);
	if (c != NULL && k != NULL)
		buf_fmt(&b, "%.*s / %.*s (%.*s:%.*s)", STR(s->zh ? c->zh : c->en), STR(s->zh ? k->zh : k->en), STR(c->id), STR(k->id));
	row(s, (struct label){ "Event class", "事件類別" }, buf_view(&b));
	row(s, (struct label){ "Event class (2018)", "事件類別（舊制）" }, c == NULL ? S("") : s->zh ? c->older_zh : c->older_en);
	buf_done(&b);
}

static void row_list(const struct sheet *s, struct label l, const char *kind, bool notes)
{
	struct buf b;

	buf_init(&b, 65536);
	for (size_t i = 0; i < s->t->n_refs; i++) {
		const struct ticket_ref *r = &s->t->refs[i];

		if (!str_eq(r->kind, str_of(kind)))
			continue;
		buf_cstr(&b, b.n > 0 ? (s->zh ? "、" : ", ") : "");
		if (notes && r->note.n > 0)
			buf_fmt(&b, "%.*s (%.*s)", STR(r->note), STR(r->value));
		else
			buf_str(&b, r->value);
	}
	row(s, l, buf_view(&b));
	buf_done(&b);
}

static struct str state_of(const struct sheet *s)
{
	static const struct { struct str id, zh; } words[] = {
		{ S("open"), S("未處理") }, { S("in-progress"), S("處理中") }, { S("closed"), S("已結案") },
		{ S("false-positive"), S("誤判") }, { S("confirmed"), S("確實事件") }, { S("undetermined"), S("無法判斷") }, { S("merged"), S("已併單") },
	};
	struct str id = s->t->disposition.n > 0 ? s->t->disposition : s->t->state;

	for (size_t i = 0; s->zh && i < COUNTOF(words); i++)
		if (str_eq(words[i].id, id))
			return words[i].zh;
	return id;
}

static struct str impact_of(const struct sheet *s)
{
	static const struct label words[] = { { "not rated", "未評定" }, { "1 (low)", "1（低）" }, { "2 (medium)", "2（中）" }, { "3 (high)", "3（高）" }, { "4 (critical)", "4（嚴重）" } };
	const struct label *l = &words[s->t->impact < COUNTOF(words) ? s->t->impact : 0];

	return str_of(s->zh ? l->zh : l->en);
}

static void put_end(const struct json *end, struct buf *b)
{
	struct str ip = json_get_str(end, S("ip")), port = json_get_str(end, S("port")), host = json_get_str(end, S("host"));

	put_cell(b, ip.n > 0 ? ip : S("-"));
	buf_cstr(b, " | ");
	put_cell(b, host.n > 0 ? host : S("-"));
	buf_cstr(b, " | ");
	put_cell(b, port.n > 0 ? port : S("-"));
	buf_cstr(b, " | ");
}

static void put_connections(const struct sheet *s)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 20);
	bool any = false;

	for (size_t i = 0; a != NULL && i < s->t->n_refs; i++) {
		const struct ticket_ref *r = &s->t->refs[i];
		const struct json *v;

		if (!str_eq(r->kind, S("connection")) || json_parse(a, r->value, &JSON_LIMITS, &v, NULL) != RC_OK)
			continue;
		if (!any)
			buf_cstr(s->out, s->zh ? "\n## 連線清單\n\n| 來源 IP | 來源主機 | 來源埠 | 目的 IP | 目的主機 | 目的埠 | 次數 |\n|---|---|---|---|---|---|---|\n"
					       : "\n## Connections\n\n| source IP | source host | port | destination IP | destination host | port | hits |\n"
						 "|---|---|---|---|---|---|---|\n");
		any = true;
		buf_cstr(s->out, "| ");
		put_end(json_get(v, S("src")), s->out);
		put_end(json_get(v, S("dst")), s->out);
		buf_fmt(s->out, "%lld |\n", (long long)r->hits);
	}
}

static void put_main(const struct sheet *s)
{
	const struct ticket *t = s->t;
	const struct rsit_device *d = rsit_device_of(api_words_rsit(s->words), t->protection);

	row(s, (struct label){ "Ticket number", "監控單編號" }, t->number);
	row(s, (struct label){ "Subject", "主旨" }, t->title);
	row(s, (struct label){ "Description", "說明" }, t->description);
	row_class(s);
	row(s, (struct label){ "Reporter", "通報單位（監控單位）" }, t->reporter);
	row(s, (struct label){ "Victim id", "受駭單位識別碼（OID）" }, t->victim);
	row(s, (struct label){ "Victim", "受駭單位" }, t->victim_name);
	row(s, (struct label){ "Sector", "領域" }, t->sector);
	row(s, (struct label){ "Region", "地區" }, t->region);
	row(s, (struct label){ "Impact level", "影響等級" }, impact_of(s));
	row_list(s, (struct label){ "Triggered rules", "觸發規則" }, "rule", true);
	row_list(s, (struct label){ "Indicators", "命中指標" }, "indicator", true);
	row_list(s, (struct label){ "ATT&CK techniques", "ATT&CK 技術" }, "technique", false);
	row_list(s, (struct label){ "ATT&CK tactics", "ATT&CK 戰術" }, "tactic", false);
	row(s, (struct label){ "Protection type", "防護類型" }, d == NULL ? t->protection : s->zh ? d->zh : d->en);
	row_time(s, (struct label){ "Start", "開始時間" }, t->first);
	row_time(s, (struct label){ "End", "結束時間" }, t->last);
	row_time(s, (struct label){ "Discovered", "發現時間" }, t->opened);
	row_time(s, (struct label){ "Resolved", "解決時間" }, t->closed);
	row(s, (struct label){ "Device", "設備" }, t->where.n > 0 ? t->where : t->input);
	row(s, (struct label){ "Log", "紀錄來源" }, t->input);
	row_int(s, (struct label){ "Hits", "觸發次數" }, t->hits);
	row_list(s, (struct label){ "Related tickets", "相關監控單" }, "related", false);
	row(s, (struct label){ "TLP", "TLP" }, str_of(tlp_name((enum tlp)t->tlp)));
	row(s, (struct label){ "State", "處理狀態" }, state_of(s));
	row(s, (struct label){ "Assignee", "承辦人" }, t->assignee);
}

void api_put_sheet(struct buf *out, const struct api_words *words, const struct ticket *t, const struct str *facts, size_t n_facts, bool zh)
{
	const struct sheet s = { out, words, t, zh };

	buf_fmt(out, zh ? "# 資安監控單 %.*s\n\n| 欄位 | 內容 |\n|---|---|\n" : "# Monitoring ticket %.*s\n\n| field | content |\n|---|---|\n",
		STR(t->number));
	put_main(&s);
	put_connections(&s);
	if (n_facts > 0)
		buf_cstr(out, zh ? "\n## 處理經過\n\n" : "\n## What was done\n\n");
	for (size_t i = 0; i < n_facts; i++) {
		buf_cstr(out, "- ");
		put_cell(out, facts[i]);
		buf_char(out, '\n');
	}
}
