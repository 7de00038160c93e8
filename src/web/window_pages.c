#include "web/window_pages.h"

#include "base/text.h"

bool page_is_zh(const struct http_req *r)
{
	struct str asked = http_header(r, "accept-language"), name, value, first;
	bool bad = false;

	for (size_t i = 0; http_query(r, i, &name, &value, &bad) && !bad; i++)
		if (str_eq(name, S("lang")))
			return str_starts(value, S("zh"));
	return str_next(&asked, ',', &first) && str_starts(str_trim(first), S("zh"));
}

void page_headers(struct http_res *res)
{
	http_res_header(res, "Content-Security-Policy",
			"default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
	http_res_header(res, "X-Content-Type-Options", "nosniff");
	http_res_header(res, "X-Frame-Options", "DENY");
	http_res_header(res, "Referrer-Policy", "no-referrer");
	http_res_header(res, "Cache-Control", "no-store");
}

void page_put(struct buf *b, struct str s)
{
	struct buf seen;

	buf_init(&seen, (size_t)1 << 20);
	utf8_visible(&seen, s);
	for (size_t i = 0; i < seen.n; i++) {
		char c = seen.p[i];

		switch (c) {
		case '<': buf_cstr(b, "&lt;"); break;
		case '>': buf_cstr(b, "&gt;"); break;
		case '&': buf_cstr(b, "&amp;"); break;
		case '"': buf_cstr(b, "&quot;"); break;
		case '\'': buf_cstr(b, "&#39;"); break;
		default: buf_char(b, c);
		}
	}
	buf_done(&seen);
}

void page_begin(const char *name, bool zh, const char *root, const char *title, struct http_res *res)
{
	struct buf *b = &res->body;

	res->content_type = "text/html; charset=utf-8";
	buf_fmt(b, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"stylesheet\" href=\"%s/style.css\">\n<title>%s</title>\n",
		zh ? "zh-Hant-TW" : "en", root, title);
	buf_fmt(b, "</head>\n<body>\n<main>\n<p class=\"lang\"><a href=\"%s?lang=zh\" lang=\"zh-Hant-TW\">中文</a> <a href=\"%s?lang=en\" lang=\"en\">English</a></p>\n"
		   "<h1>%s</h1>\n<p>", root, root, title);
	page_put(b, str_of(name));
	buf_cstr(b, "</p>\n");
}

void page_end(struct http_res *res)
{
	buf_cstr(&res->body, "</main>\n</body>\n</html>\n");
}

static void begin(const char *name, bool zh, struct http_res *res)
{
	page_begin(name, zh, "/window", zh ? "資安事件通報窗口" : "Report a security incident", res);
}

void page_form(const char *name, bool zh, struct http_res *res)
{
	struct buf *b = &res->body;
	const char *lang = zh ? "zh" : "en";

	begin(name, zh, res);
	buf_fmt(b, "<form method=\"post\" action=\"/window/v1/reports?lang=%s\">\n<h2>%s</h2>\n", lang, zh ? "通報" : "Report");
	buf_fmt(b, "<p><label for=\"what\">%s</label>\n<textarea id=\"what\" name=\"what\" rows=\"10\" maxlength=\"2600\" required></textarea></p>\n",
		zh ? "發生何事？（何種系統、看見什麼、影響為何）" : "What happened? (which system, what you saw, what it does to you)");
	buf_fmt(b, "<p><label for=\"when\">%s</label>\n<input id=\"when\" name=\"when\" maxlength=\"160\"></p>\n",
		zh ? "何時發生或發現？（大概即可）" : "When did it happen, or when did you notice? (roughly will do)");
	buf_fmt(b, "<p><label for=\"contact\">%s</label>\n<input id=\"contact\" name=\"contact\" maxlength=\"160\"></p>\n",
		zh ? "如何聯絡您？（選填）" : "How can we reach you? (you need not say)");
	buf_fmt(b, "<p><label class=\"check\"><input type=\"checkbox\" name=\"exercise\" value=\"yes\"> %s</label></p>\n",
		zh ? "這是演練（並未真的發生）" : "This is an exercise: nothing happened");
	buf_fmt(b, "<p>%s</p>\n<p><button type=\"submit\">%s</button></p>\n</form>\n",
		zh ? "無須帳號。送出後將取得通報編號與查詢碼，請抄下。" : "No account is needed. You get a number and a code: write them down.", zh ? "送出通報" : "Send the report");
	buf_fmt(b, "<form method=\"post\" action=\"/window/v1/status?lang=%s\">\n<h2>%s</h2>\n", lang, zh ? "查詢進度" : "What became of it?");
	buf_fmt(b, "<p><label for=\"number\">%s</label>\n<input id=\"number\" name=\"number\" maxlength=\"24\" required></p>\n", zh ? "通報編號" : "Number of your report");
	buf_fmt(b, "<p><label for=\"code\">%s</label>\n<input id=\"code\" name=\"code\" maxlength=\"40\" autocomplete=\"off\" required></p>\n", zh ? "查詢碼" : "Its code");
	buf_fmt(b, "<p><button type=\"submit\">%s</button></p>\n</form>\n", zh ? "查詢" : "Ask");
	page_end(res);
}

void page_style(struct http_res *res)
{
	res->content_type = "text/css; charset=utf-8";
	buf_cstr(&res->body,
		 "body{font:1.1rem/1.6 sans-serif;margin:0;color:#111;background:#fff}main{max-width:42rem;margin:0 auto;padding:1rem}"
		 "label{display:block;font-weight:bold}textarea,input{box-sizing:border-box;width:100%;font:inherit;padding:.4rem;border:1px solid #555}"
		 ".check{font-weight:normal}.check input{width:auto}"
		 "button{font:inherit;padding:.5rem 1.5rem}form{border-top:1px solid #999;margin-top:1.5rem}.lang{text-align:right}"
		 "dt{font-weight:bold}dd{margin:0 0 1rem;font-family:monospace;font-size:1.4rem}.notice dd{font:inherit;white-space:pre-wrap}"
		 "article{border-top:1px solid #999;margin-top:1.5rem}\n"
		 "@media(prefers-color-scheme:dark){body{color:#eee;background:#111}textarea,input{color:#eee;background:#222}a{color:#9cf}}\n");
}

static void back(bool zh, struct http_res *res)
{
	buf_fmt(&res->body, "<p><a href=\"/window?lang=%s\">%s</a></p>\n", zh ? "zh" : "en", zh ? "回到通報窗口" : "Back to the window");
}

void page_message(const char *name, bool zh, const char *message, struct http_res *res)
{
	begin(name, zh, res);
	buf_cstr(&res->body, "<p><strong>");
	page_put(&res->body, str_of(message));
	buf_cstr(&res->body, "</strong></p>\n");
	back(zh, res);
	page_end(res);
}

static void pair(struct buf *b, const char *label, struct str value)
{
	buf_fmt(b, "<dt>%s</dt><dd>", label);
	page_put(b, value);
	buf_cstr(b, "</dd>\n");
}

static void put_exercise(struct buf *b, const struct intake_report *r)
{
	if (r->exercise)
		buf_cstr(b, "<p><strong>*** 演練 EXERCISE ***</strong></p>\n");
}

void page_receipt(const char *name, bool zh, const struct intake_report *r, const char *code, struct http_res *res)
{
	struct buf *b = &res->body;

	begin(name, zh, res);
	put_exercise(b, r);
	buf_fmt(b, "<p><strong>%s</strong></p>\n<dl>\n", zh ? "已收到您的通報。" : "Your report is kept.");
	pair(b, zh ? "通報編號" : "Number", r->number);
	pair(b, zh ? "查詢碼" : "Code", str_of(code));
	buf_fmt(b, "</dl>\n<p>%s</p>\n", zh ? "請抄下編號與查詢碼：查詢進度時兩者皆須輸入，查詢碼不再顯示。" :
		"Write both down: you need them to ask what became of it, and the code is not shown again.");
	back(zh, res);
	page_end(res);
}

void page_status(const char *name, bool zh, const struct intake_report *r, const char *word, struct http_res *res)
{
	struct buf *b = &res->body;
	char text[TIME_TEXT_MAX];

	begin(name, zh, res);
	put_exercise(b, r);
	buf_cstr(b, "<dl>\n");
	pair(b, zh ? "通報編號" : "Number", r->number);
	pair(b, zh ? "狀態" : "State", str_of(word));
	pair(b, zh ? "收件時間（UTC）" : "Received (UTC)", str_slice(time_format(r->at, text), 0, 16));
	pair(b, zh ? "最近更新（UTC）" : "Last change (UTC)", str_slice(time_format(r->changed, text), 0, 16));
	buf_cstr(b, "</dl>\n");
	back(zh, res);
	page_end(res);
}
