#include "web/public_lab_pages.h"

#include "base/text.h"
#include "lab/citizen.h"
#include "lab/report_read.h"
#include "web/window_pages.h"

#define ROOT "/public/lab"
#define REASONS_MAX 50
#define BYTES_SHOWN 32

static const struct { const char *verdict, *zh, *en; } VERDICTS[] = {
	{ "malicious", "惡意", "Malicious" },
	{ "suspicious", "可疑", "Suspicious" },
	{ "incomplete", "檢測不完整", "Incomplete" },
	{ "unsupported", "格式不支援", "Unsupported" },
	{ "no-finding", "未發現異常", "No finding" },
	{ "known-good", "已知良好", "Known good" },
};

struct str lab_verdict_word(struct str verdict, bool zh)
{
	for (size_t i = 0; i < COUNTOF(VERDICTS); i++)
		if (str_eq(verdict, str_of(VERDICTS[i].verdict)))
			return str_of(zh ? VERDICTS[i].zh : VERDICTS[i].en);
	return verdict;
}

void lab_page_style(struct http_res *res)
{
	page_style(res);
	buf_cstr(&res->body,
		 ".v{font-size:1.5rem;font-weight:bold;border-left:.5rem solid;padding-left:.8rem}.v-malicious{color:#a3161d}.v-suspicious,.v-incomplete,.v-unsupported{color:#7a4a00}"
		 ".v-known-good{color:#155f34}.wrong{font-weight:bold;border:2px solid;padding:.5rem}fieldset{border:1px solid #555;margin:1rem 0}legend{font-weight:bold}"
		 "input[type=radio]{width:auto}code{overflow-wrap:anywhere}ol,ul{padding-left:1.4rem}li{margin-bottom:.4rem}.reasons li{border-top:1px solid #999;padding-top:.4rem}"
		 "dl.facts dd,.reasons dd{font-size:1rem;margin:0 0 .4rem;overflow-wrap:anywhere}pre{white-space:pre-wrap;overflow-wrap:anywhere}summary{min-height:1.6rem;cursor:pointer}\n"
		 "@media(prefers-color-scheme:dark){.v-malicious{color:#ff9b9b}.v-suspicious,.v-incomplete,.v-unsupported{color:#f2c069}.v-known-good{color:#8fdcae}button{color:#eee;background:#222;border:1px solid #999}}\n");
}

/* --- pieces --- */

static void say(const struct lab_page *p, const char *zh, const char *en)
{
	buf_cstr(&p->res->body, p->zh ? zh : en);
}

static void element(const struct lab_page *p, const char *tag, const char *zh, const char *en)
{
	buf_fmt(&p->res->body, "<%s>%s</%s>\n", tag, p->zh ? zh : en, tag);
}

static void begin(const struct lab_page *p, const char *title)
{
	struct buf *b = &p->res->body;

	p->res->content_type = "text/html; charset=utf-8";
	buf_fmt(b, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		   "<link rel=\"stylesheet\" href=\"" ROOT "/style.css\">\n<title>%s</title>\n</head>\n<body>\n<main>\n<p class=\"lang\"><a href=\"",
		p->zh ? "zh-Hant-TW" : "en", title);
	page_put(b, p->here);
	buf_cstr(b, "?lang=zh\" lang=\"zh-Hant-TW\">中文</a> <a href=\"");
	page_put(b, p->here);
	buf_fmt(b, "?lang=en\" lang=\"en\">English</a></p>\n<h1>%s</h1>\n<p>", title);
	page_put(b, str_of(p->node));
	buf_cstr(b, "</p>\n");
}

static void end(const struct lab_page *p, bool back)
{
	if (back)
		buf_fmt(&p->res->body, "<p><a href=\"" ROOT "?lang=%s\">%s</a></p>\n", p->zh ? "zh" : "en", p->zh ? "檢測另一個檔案" : "Inspect another file");
	page_end(p->res);
}

static const char *title_of(bool zh)
{
	return zh ? "惡意檔案檢測" : "Is this file harmful?";
}

static void pair(const struct lab_page *p, const char *zh, const char *en, struct str value)
{
	struct buf *b = &p->res->body;

	buf_fmt(b, "<dt>%s</dt><dd>", p->zh ? zh : en);
	page_put(b, value);
	buf_cstr(b, "</dd>\n");
}

static int64_t number(const struct json *v, const char *name)
{
	int64_t n = 0;

	(void)json_int(json_get(v, str_of(name)), &n);
	return n;
}

void lab_page_message(const struct lab_page *p, const char *message)
{
	begin(p, title_of(p->zh));
	buf_cstr(&p->res->body, "<p class=\"wrong\" role=\"alert\">");
	page_put(&p->res->body, str_of(message));
	buf_cstr(&p->res->body, "</p>\n");
	end(p, true);
}

/* --- the front page --- */

static void put_classes(const struct lab_page *p)
{
	static const struct { const char *name, *zh, *en, *zh_what, *en_what; } classes[] = {
		{ "verdict", "僅判定", "Verdict only", "只作判定。內容與檔名不提供任何人；判定後檢體立即銷毀。", "For the verdict alone. Nobody else gets its bytes or name; the file is destroyed with the verdict." },
		{ "government", "政府共享", "Shared with government", "檢體與報告提供政府聯防之分析人員。", "File and report are open to analysts of the government's joint defence." },
		{ "public", "公開", "Public", "檢體與報告得提供所有具帳號者。勿用於含個人資料之檔案。", "File and report are open to everybody with an account. Not for files with personal data." },
	};
	struct buf *b = &p->res->body;

	buf_fmt(b, "<fieldset>\n<legend>%s</legend>\n", p->zh ? "誰可以看見這個檔案？" : "Who may see this file?");
	for (size_t i = 0; i < COUNTOF(classes); i++)
		buf_fmt(b, "<p><label class=\"check\"><input type=\"radio\" name=\"privacy\" value=\"%s\"%s> <strong>%s</strong>%s%s</label></p>\n", classes[i].name, i == 0 ? " checked" : "",
			p->zh ? classes[i].zh : classes[i].en, p->zh ? "：" : ": ", p->zh ? classes[i].zh_what : classes[i].en_what);
	buf_fmt(b, "<p><strong>%s</strong>%s</p>\n</fieldset>\n", p->zh ? "僅雜湊" : "Hash only", p->zh ? "：檔案不離開您的電腦，請用下方「雜湊查詢」。" : ": the file stays with you. Use the look-up below.");
}

static void put_quotas(const struct lab_page *p, const struct json *lab, uint64_t size_max)
{
	const struct json *limits = json_get(lab, S("limits"));
	long long files = (long long)number(limits, "per_address"), mb = (long long)number(limits, "per_address_mb"), days = (long long)number(lab, "keep_days");
	struct buf *b = &p->res->body;

	element(p, "h2", "限制與保存", "Limits, and how long it is kept");
	buf_cstr(b, "<ul>\n");
	buf_fmt(b, p->zh ? "<li>單一檔案至多 %llu MiB。</li>\n" : "<li>One file: at most %llu MiB.</li>\n", (unsigned long long)(size_max >> 20));
	if (files > 0)
		buf_fmt(b, p->zh ? "<li>每個網路位址每小時至多 %lld 件。</li>\n" : "<li>From one address of the network: at most %lld files an hour.</li>\n", files);
	if (mb > 0)
		buf_fmt(b, p->zh ? "<li>每個網路位址每小時至多 %lld MiB。</li>\n" : "<li>From one address of the network: at most %lld MiB an hour.</li>\n", mb);
	if (days > 0)
		buf_fmt(b, p->zh ? "<li>政府共享與公開之檢體至多保存 %lld 日；您可隨時刪除並取得簽章之刪除證明。</li>\n" :
			"<li>What is shared rests at most %lld days. You may delete it at any time and get a signed proof.</li>\n", days);
	element(p, "li", "檢體加密存放，從不執行。", "Files rest encrypted and are never run.");
	buf_cstr(b, "</ul>\n");
}

void lab_page_front(const struct lab_page *p, const struct json *lab, uint64_t size_max, const char *message)
{
	struct buf *b = &p->res->body;
	const char *lang = p->zh ? "zh" : "en";

	begin(p, title_of(p->zh));
	if (message != NULL)
		buf_fmt(b, "<p class=\"wrong\" role=\"alert\">%s</p>\n", message);
	element(p, "p", "收到可疑的附件？先別開啟，送來檢測。無須帳號。", "A strange attachment? Do not open it: have it inspected. No account is needed.");
	buf_fmt(b, "<form method=\"post\" enctype=\"multipart/form-data\" action=\"" ROOT "?lang=%s\">\n<h2>%s</h2>\n", lang, p->zh ? "送檢" : "Send a file");
	buf_fmt(b, "<p><label for=\"file\">%s</label>\n<input id=\"file\" name=\"file\" type=\"file\" required></p>\n", p->zh ? "檔案" : "File");
	put_classes(p);
	buf_fmt(b, "<p><label for=\"passwords\">%s</label>\n<input id=\"passwords\" name=\"passwords\" maxlength=\"200\" autocomplete=\"off\"></p>\n",
		p->zh ? "解壓密碼（壓縮檔上鎖時；選填）" : "Password, if the archive is locked (you need not say)");
	buf_fmt(b, "<p><button type=\"submit\">%s</button></p>\n</form>\n", p->zh ? "送出檢測" : "Inspect it");
	buf_fmt(b, "<form method=\"get\" action=\"" ROOT "/hashes\">\n<h2>%s</h2>\n<input type=\"hidden\" name=\"lang\" value=\"%s\">\n", p->zh ? "雜湊查詢（檔案不離開您的電腦）" : "Look a hash up (the file stays with you)", lang);
	buf_fmt(b, "<p><label for=\"hash\">%s</label>\n<input id=\"hash\" name=\"hash\" minlength=\"5\" maxlength=\"64\" pattern=\"[0-9A-Fa-f]*\" autocomplete=\"off\" required></p>\n",
		p->zh ? "SHA-256（前 5 碼即可，您再自行比對）" : "SHA-256 (its first 5 digits will do: you compare the rest)");
	say(p, "<p>計算方式：Windows：<code>certutil -hashfile 檔案 SHA256</code>；macOS：<code>shasum -a 256 檔案</code>；Linux：<code>sha256sum 檔案</code>。</p>\n",
	    "<p>How to make it: Windows: <code>certutil -hashfile FILE SHA256</code>; macOS: <code>shasum -a 256 FILE</code>; Linux: <code>sha256sum FILE</code>.</p>\n");
	buf_fmt(b, "<p><button type=\"submit\">%s</button></p>\n</form>\n", p->zh ? "查詢" : "Look up");
	put_quotas(p, lab, size_max);
	end(p, false);
}

/* --- hashes --- */

void lab_page_hashes(const struct lab_page *p, struct str asked, const struct json *hashes)
{
	struct buf *b = &p->res->body;
	size_t n = 0;

	begin(p, p->zh ? "雜湊查詢" : "Hashes");
	buf_fmt(b, "<p><code>%.*s</code></p>\n", STR(asked));
	if (json_is(hashes, JSON_ARRAY))
		JSON_EACH(h, hashes) {
			struct str sha256 = json_get_str(h, S("sha256")), verdict = json_get_str(h, S("verdict"));

			if (!str_starts(sha256, asked))
				continue;
			buf_cstr(b, n++ == 0 ? "<ul>\n<li><code>" : "<li><code>");
			page_put(b, sha256);
			buf_cstr(b, "</code><br><strong>");
			page_put(b, lab_verdict_word(verdict, p->zh));
			buf_cstr(b, "</strong></li>\n");
		}
	if (n > 0)
		buf_cstr(b, "</ul>\n");
	else
		element(p, "p", "本節點不認得以此開頭的雜湊。這不代表安全：可送檢檔案以取得判定。", "This node knows no hash that begins so. That does not mean safe: send the file in for a verdict.");
	if (n > 0 && asked.n < 64)
		element(p, "p", "請與您的檔案之 SHA-256 逐字比對；不在其中者，本節點不認得。", "Compare all digits with those of your file. If it is not among these, this node does not know it.");
	end(p, true);
}

/* --- one submission --- */

static void put_citizen(const struct lab_page *p, const struct lab_citizen *c)
{
	struct buf *b = &p->res->body;

	buf_cstr(b, "<p>");
	page_put(b, c->verdict);
	buf_cstr(b, "</p>\n");
	for (int part = 0; part < LAB_PARTS; part++) {
		if (c->part[part].n == 0)
			continue;
		buf_fmt(b, "<h2>%s</h2>\n<ul>\n", lab_part_title((enum lab_part)part, p->zh));
		for (size_t i = 0; i < c->part[part].n; i++) {
			buf_cstr(b, "<li>");
			page_put(b, c->part[part].line[i]);
			buf_cstr(b, "</li>\n");
		}
		buf_cstr(b, "</ul>\n");
	}
}

static void put_reason(const struct lab_page *p, const struct json *m)
{
	struct str bytes = json_get_str(m, S("bytes")), why = json_get_str(m, S("why")), author = json_get_str(m, S("author"));
	struct buf *b = &p->res->body;

	buf_cstr(b, "<li><strong><code>");
	page_put(b, json_get_str(m, S("id")));
	buf_cstr(b, "</code></strong>\n");
	if (why.n > 0) {
		buf_cstr(b, "<span lang=\"en\">");
		page_put(b, why);
		buf_cstr(b, "</span>\n");
	}
	buf_cstr(b, "<dl>\n");
	pair(p, "位置", "Where", json_get_str(m, S("path")));
	buf_fmt(b, "<dt>%s</dt><dd>%lld (0x%llx), %lld</dd>\n", p->zh ? "位移與長度" : "Offset and length", (long long)number(m, "offset"), (long long)number(m, "offset"), (long long)number(m, "length"));
	if (bytes.n > 0)
		pair(p, "位元組", "Bytes", str_slice(bytes, 0, (size_t)2 * BYTES_SHOWN));
	if (author.n > 0)
		pair(p, "規則作者", "Author of the rule", author);
	buf_cstr(b, "</dl></li>\n");
}

/* For whoever wants to know it exactly: reasons with their places, digests, what was not seen. */
static void put_details(const struct lab_page *p, const struct json *report)
{
	struct buf *b = &p->res->body;
	int n = 0;

	buf_fmt(b, "<details>\n<summary>%s</summary>\n<dl class=\"facts\">\n", p->zh ? "技術細節" : "Technical details");
	pair(p, "SHA-256", "SHA-256", json_get_str(report, S("sha256")));
	pair(p, "SHA-1", "SHA-1", json_get_str(report, S("sha1")));
	pair(p, "MD5", "MD5", json_get_str(report, S("md5")));
	pair(p, "規則世代", "Generation of rules", json_get_str(report, S("generation")));
	buf_fmt(b, "<dt>%s</dt><dd>%lld / %lld</dd>\n", p->zh ? "已檢視位元組" : "Bytes inspected", (long long)number(report, "bytes_seen"), (long long)number(report, "bytes_total"));
	buf_fmt(b, "<dt>%s</dt><dd>%lld</dd>\n</dl>\n", p->zh ? "內含檔案" : "Files in it", (long long)number(report, "children"));
	if (json_is(json_get(report, S("matches")), JSON_ARRAY)) {
		buf_cstr(b, "<ol class=\"reasons\">\n");
		JSON_EACH(m, json_get(report, S("matches")))
			if (n++ < REASONS_MAX)
				put_reason(p, m);
		buf_cstr(b, "</ol>\n");
	}
	if (n > REASONS_MAX)
		buf_fmt(b, "<p>%s %d</p>\n", p->zh ? "其餘未列：" : "Not listed:", n - REASONS_MAX);
	n = 0;
	if (json_is(json_get(report, S("unseen")), JSON_ARRAY))
		JSON_EACH(u, json_get(report, S("unseen"))) {
			if (n++ >= REASONS_MAX)
				break;
			buf_fmt(b, "<p>%s<span lang=\"en\">", p->zh ? "未檢視：" : "Not seen: ");
			page_put(b, json_get_str(u, S("why")));
			buf_cstr(b, "</span> (");
			page_put(b, json_get_str(u, S("path")));
			buf_fmt(b, ", 0x%llx, %lld)</p>\n", (long long)number(u, "offset"), (long long)number(u, "length"));
		}
	buf_cstr(b, "</details>\n");
}

static void put_report(const struct lab_page *p, const struct json *report)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)256 << 20);
	struct lab_citizen c;
	struct lab_report r;
	struct buf text;
	enum rc rc;

	if (a == NULL)
		return;
	buf_init(&text, (size_t)64 << 20);
	json_print(report, &text);
	rc = lab_report_read(a, buf_view(&text), &r, NULL);
	if (rc == RC_OK)
		rc = lab_citizen_say(a, &r, p->zh, &c, NULL);
	if (rc == RC_OK)
		put_citizen(p, &c);
	buf_done(&text);
	put_details(p, report);
}

static void put_receipt(const struct lab_page *p, const struct json *receipt)
{
	struct buf *b = &p->res->body, text;

	element(p, "p", "已刪除：金鑰已銷毀，內容無法復原。下列證明由本節點簽章，請自行留存：", "Deleted: its key is destroyed and nobody can bring it back. The node signed this proof; keep it:");
	buf_init(&text, (size_t)1 << 20);
	json_print(receipt, &text);
	buf_cstr(b, "<pre>");
	page_put(b, buf_view(&text));
	buf_cstr(b, "</pre>\n");
	buf_done(&text);
}

static void put_delete(const struct lab_page *p, struct str id)
{
	struct buf *b = &p->res->body;

	buf_cstr(b, "<form method=\"post\" action=\"" ROOT "/");
	page_put(b, id);
	buf_fmt(b, "/delete?lang=%s\">\n<h2>%s</h2>\n", p->zh ? "zh" : "en", p->zh ? "刪除" : "Delete");
	element(p, "p", "知道本頁網址者即可查看與刪除。刪除後留下簽章之證明。", "Whoever knows the address of this page may read it and delete it. A signed proof of the deletion stays.");
	buf_fmt(b, "<p><button type=\"submit\">%s</button></p>\n</form>\n", p->zh ? "刪除檔案與報告" : "Delete file and report");
}

void lab_page_submission(const struct lab_page *p, const struct json *s)
{
	struct str verdict = json_get_str(s, S("verdict")), name = json_get_str(s, S("name"));
	const struct json *report = json_get(s, S("report")), *receipt = json_get(s, S("receipt"));
	struct buf *b = &p->res->body;

	begin(p, p->zh ? "檢測結果" : "What came of it");
	if (name.n > 0) {
		buf_cstr(b, "<p><bdi><code>");
		page_put(b, name);
		buf_cstr(b, "</code></bdi></p>\n");
	}
	if (json_is(receipt, JSON_OBJECT)) {
		put_receipt(p, receipt);
	} else if (json_is(report, JSON_OBJECT)) {
		buf_cstr(b, "<p class=\"v v-");
		page_put(b, verdict);
		buf_cstr(b, "\">");
		page_put(b, lab_verdict_word(verdict, p->zh));
		buf_cstr(b, "</p>\n");
		put_report(p, report);
		put_delete(p, json_get_str(s, S("id")));
	} else {
		element(p, "p", "已收件，檢測中。稍候再看一次即可；此網址請留存。", "It arrived and is being inspected. Look again in a moment, and keep this address.");
		buf_cstr(b, "<p><a href=\"");
		page_put(b, p->here);
		buf_fmt(b, "?lang=%s\">%s</a></p>\n", p->zh ? "zh" : "en", p->zh ? "再看一次" : "Look again");
	}
	end(p, true);
}
