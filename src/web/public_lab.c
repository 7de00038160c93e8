#include "web/public_lab.h"

#include <stdio.h>

#include "base/text.h"
#include "stix/marking.h"
#include "web/public_lab_pages.h"
#include "web/window_pages.h"
#include "wire/multipart.h"

#define ROOT "/public/lab"
#define FIELDS_MAX 8
#define HEADERS_MAX 4
#define WAIT "20"                    /* seconds for a verdict, before a page says "not yet" */
#define PIECE_LEAST ((size_t)64 << 10)
#define FORM_ROOM ((uint64_t)64 << 10) /* of a form, beside the file */
#define DIGITS_LEAST 5               /* of a hash: 20 bits */
#define DIGITS_MOST 64

bool public_lab_is_path(struct str path)
{
	return str_eq(path, S(ROOT)) || str_starts(path, S(ROOT "/"));
}

/* --- one question to REST, as the stranger --- */

struct asked {
	int status;
	const struct json *body;   /* or NULL */
	struct str location;
	uint64_t offset, retry_after;
};

static struct str header_of(const struct http_res *res, struct arena *a, const char *name)
{
	for (size_t i = 0; i < res->n_headers; i++)
		if (str_eq_nocase(str_of(res->headers[i].name), str_of(name)))
			return arena_dup(a, str_of(res->headers[i].value));
	return S("");
}

static struct asked ask(struct api *api, const struct http_req *from, struct http_req question)
{
	static const struct viewer stranger = { .kind = VIEWER_ANONYMOUS, .tlp_max = TLP_CLEAR };
	struct http_res res = { .status = 200 };
	struct asked got = { 0 };

	question.peer = from->peer;
	question.arena = from->arena;
	question.arrived = from->arrived;
	buf_init(&res.body, API_REPLY_MAX);
	api_handle(api, &stranger, &question, &res);
	got.status = res.status;
	got.location = header_of(&res, from->arena, "Location");
	(void)str_to_u64(header_of(&res, from->arena, "Upload-Offset"), &got.offset);
	(void)str_to_u64(header_of(&res, from->arena, "Retry-After"), &got.retry_after);
	/* The tree points into the text. */
	if (res.body.n > 0 && json_parse(from->arena, arena_dup(from->arena, buf_view(&res.body)), &JSON_LIMITS, &got.body, NULL) != RC_OK)
		got.body = NULL;
	if (res.release != NULL)
		res.release(res.release_arg);
	buf_done(&res.body);
	return got;
}

static struct asked ask_get(struct api *api, const struct http_req *r, struct str path, struct str query)
{
	return ask(api, r, (struct http_req){ .method = S("GET"), .path = path, .query = query });
}

/* --- what went wrong, in words --- */

static const char *words_of(const struct http_req *r, const struct asked *got, bool zh)
{
	struct str text;

	switch (got->status) {
	case 400: return zh ? "送來的內容有誤，未收件" : "What was sent is malformed; nothing was taken";
	case 404: return zh ? "查無此件：可能已刪除，或網址有誤" : "There is no such submission: it was deleted, or the address is wrong";
	case 413: return zh ? "檔案超過上限，未收件" : "The file is too large; it was not taken";
	case 422: return zh ? "此隱私等級不送檔案：請改用雜湊查詢" : "With this privacy class no file is sent: look its hash up";
	case 429: text = zh ? arena_fmt(r->arena, "已達每小時件數或流量上限，請於 %llu 分鐘後再試", (unsigned long long)(got->retry_after / 60 + 1)) :
				 arena_fmt(r->arena, "The quota of this hour is used up: try again in %llu minutes", (unsigned long long)(got->retry_after / 60 + 1));
		  return text.p != NULL ? text.p : "429";
	case 403: case 401: return zh ? "本節點未開放無帳號送檢" : "This node takes nothing without an account";
	default: return zh ? "目前無法檢測，未收件，請稍後再試" : "It cannot be inspected now and was not taken: try again later";
	}
}

static void fail(const struct lab_page *p, const struct http_req *r, const struct asked *got)
{
	/* 401 would want a challenge, and here nobody signs in. */
	p->res->status = got->status < 400 ? 500 : got->status == 401 ? 403 : got->status;
	lab_page_message(p, words_of(r, got, p->zh));
}

/* --- a file comes in --- */

static uint64_t limit_of(const struct json *lab, const char *name)
{
	int64_t n = 0;

	(void)json_int(json_get(json_get(lab, S("limits")), str_of(name)), &n);
	return n < 0 ? 0 : (uint64_t)n;
}

/* NAME BASE64 of one value, behind what stands there. */
static void put_meta(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_fmt(b, "%s%s ", b->n > 0 ? "," : "", name);
	base64_put(b, value);
}

static struct str meta_of(struct http_req *r, struct str filename, struct str privacy, struct str passwords)
{
	struct str name = str_slice(filename, filename.n > 1000 ? filename.n - 1000 : 0, filename.n), value;
	struct buf b;

	/* Cut before a character begins, not within one. */
	while (name.n < filename.n && name.n > 0 && ((unsigned char)name.p[0] & 0xc0) == 0x80)
		name = str_slice(name, 1, name.n);
	buf_init(&b, (size_t)64 << 10);
	put_meta(&b, "filename", name);
	put_meta(&b, "privacy", privacy);
	put_meta(&b, "passwords", passwords);
	value = b.bad == RC_OK ? arena_dup(r->arena, buf_view(&b)) : (struct str){ NULL, 0 };
	buf_done(&b);
	return value;
}

/* By the resumable upload, piece by piece: the one door that a file of any size has. */
static struct asked upload(struct api *api, struct http_req *r, struct str meta, struct str bytes, size_t piece)
{
	char length[24], offset[24];
	struct http_header_line create[] = { { S("Tus-Resumable"), S("1.0.0") }, { S("Upload-Length"), S("") }, { S("Upload-Metadata"), meta } };
	struct http_header_line patch[] = { { S("Tus-Resumable"), S("1.0.0") }, { S("Upload-Offset"), S("") }, { S("Content-Type"), S("application/offset+octet-stream") } };
	struct str location;
	struct asked got;

	(void)snprintf(length, sizeof length, "%zu", bytes.n);
	create[1].value = str_of(length);
	got = ask(api, r, (struct http_req){ .method = S("POST"), .path = S("/api/v1/lab/uploads"), .headers = create, .n_headers = COUNTOF(create) });
	location = got.location;
	if (got.status != 201)
		return got;
	while (got.offset < bytes.n) {
		uint64_t at = got.offset;

		(void)snprintf(offset, sizeof offset, "%llu", (unsigned long long)at);
		patch[1].value = str_of(offset);
		got = ask(api, r, (struct http_req){ .method = S("PATCH"), .path = location, .headers = patch, .n_headers = COUNTOF(patch), .body = str_part(bytes, (size_t)at, piece) });
		if (got.status >= 300 || got.offset <= at) {
			(void)ask(api, r, (struct http_req){ .method = S("DELETE"), .path = location, .headers = patch, .n_headers = 1 });
			got.status = got.status < 300 ? 500 : got.status;
			return got;
		}
	}
	got.location = location;
	got.status = 201;
	return got;
}

static const struct multipart_part *field(const struct multipart_part *parts, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(parts[i].name, str_of(name)))
			return &parts[i];
	return NULL;
}

static void see_other(const struct lab_page *p, struct http_req *r, struct str id)
{
	struct str to = arena_fmt(r->arena, ROOT "/%.*s?lang=%s", STR(id), p->zh ? "zh" : "en");

	p->res->status = to.p == NULL ? 503 : 303;
	if (to.p != NULL)
		http_res_header(p->res, "Location", to.p);
}

static void front(const struct lab_page *p, struct api *api, struct http_req *r, const char *message)
{
	struct asked lab = ask_get(api, r, S("/api/v1/lab"), S(""));
	bool open = false;
	uint64_t size;

	(void)json_bool(json_get(lab.body, S("public")), &open);
	if (lab.status != 200 || !open) {
		lab.status = lab.status == 200 || lab.status == 404 ? 403 : lab.status;
		fail(p, r, &lab);
		return;
	}
	size = limit_of(lab.body, "size");
	lab_page_front(p, lab.body, size < p->form_max - FORM_ROOM ? size : p->form_max - FORM_ROOM, message);
}

static void again(const struct lab_page *p, struct api *api, struct http_req *r, const char *message)
{
	p->res->status = 400;
	front(p, api, r, message);
}

static void take(const struct lab_page *p, struct api *api, struct http_req *r)
{
	struct multipart_part parts[FIELDS_MAX];
	const struct multipart_part *file, *privacy, *words;
	struct asked lab, got;
	size_t n, piece;

	if (multipart_read(http_header(r, "content-type"), r->body, parts, FIELDS_MAX, &n, NULL) != RC_OK) {
		again(p, api, r, p->zh ? "表單格式有誤，未收件" : "The form is malformed; nothing was taken");
		return;
	}
	file = field(parts, n, "file");
	privacy = field(parts, n, "privacy");
	words = field(parts, n, "passwords");
	if (file == NULL || file->filename.n == 0) {
		again(p, api, r, p->zh ? "請選擇一個檔案" : "Choose a file");
		return;
	}
	lab = ask_get(api, r, S("/api/v1/lab"), S(""));
	piece = (size_t)limit_of(lab.body, "piece");
	got = upload(api, r, meta_of(r, file->filename, privacy == NULL ? S("verdict") : privacy->bytes, words == NULL ? S("") : words->bytes), file->bytes,
		     piece < PIECE_LEAST ? PIECE_LEAST : piece);
	if (got.status == 201 && str_starts(got.location, S("/api/v1/lab/uploads/")))
		see_other(p, r, str_slice(got.location, sizeof "/api/v1/lab/uploads/" - 1, got.location.n));
	else
		fail(p, r, &got);
}

/* --- what is asked --- */

static void submission(const struct lab_page *p, struct api *api, struct http_req *r, struct str id, bool gone)
{
	struct str path = arena_fmt(r->arena, "/api/v1/lab/submissions/%.*s", STR(id));
	struct asked got;

	if (gone)
		got = ask(api, r, (struct http_req){ .method = S("DELETE"), .path = path });
	else
		got = ask_get(api, r, path, S("wait=" WAIT));
	if (got.status == 200 && got.body != NULL)
		lab_page_submission(p, got.body);
	else
		fail(p, r, &got);
}

/* The value of `name` in the query; trimmed, in lower case, without what people put between digits. */
static struct str digits_asked(struct http_req *r)
{
	struct str name, value;
	bool bad = false;

	for (size_t i = 0; http_query(r, i, &name, &value, &bad) && !bad; i++) {
		char out[DIGITS_MOST];
		size_t n = 0;

		if (!str_eq(name, S("hash")))
			continue;
		value = str_trim(value);
		for (size_t k = 0; k < value.n; k++) {
			int digit = hex_value(value.p[k]);

			if (digit < 0 || n == DIGITS_MOST)
				return S("");
			out[n++] = "0123456789abcdef"[digit];
		}
		return n < DIGITS_LEAST ? S("") : arena_dup(r->arena, str_make(out, n));
	}
	return S("");
}

static void hashes(const struct lab_page *p, struct api *api, struct http_req *r)
{
	struct str digits = digits_asked(r);
	struct asked got;

	if (digits.n == 0) {
		again(p, api, r, p->zh ? "請輸入 SHA-256 之前 5 至 64 個十六進位字元" : "Type the first 5 to 64 hex digits of a SHA-256");
		return;
	}
	got = ask_get(api, r, arena_fmt(r->arena, "/api/v1/lab/hashes/%.*s", DIGITS_LEAST, digits.p), S(""));
	if (got.status == 200)
		lab_page_hashes(p, digits, json_get(got.body, S("hashes")));
	else
		fail(p, r, &got);
}

static void not_so(const struct lab_page *p, const char *allow)
{
	p->res->status = 405;
	http_res_header(p->res, "Allow", allow);
	lab_page_message(p, p->zh ? "此頁不接受這種請求" : "This page does not take that");
}

void public_lab_handle(struct api *api, uint64_t form_max, struct http_req *r, struct http_res *res)
{
	struct lab_page p = { .node = api->node_name, .zh = page_is_zh(r), .here = r->path, .form_max = form_max, .res = res };
	bool reads = str_eq(r->method, S("GET")) || str_eq(r->method, S("HEAD")), posts = str_eq(r->method, S("POST"));
	struct str rest = str_slice(r->path, sizeof ROOT, r->path.n), id;

	page_headers(res);
	if (str_eq(rest, S("style.css"))) {
		lab_page_style(res);
	} else if (rest.n == 0) {
		reads ? front(&p, api, r, NULL) : posts ? take(&p, api, r) : not_so(&p, "GET, HEAD, POST");
	} else if (str_eq(rest, S("hashes"))) {
		reads ? hashes(&p, api, r) : not_so(&p, "GET, HEAD");
	} else if (str_next(&rest, '/', &id) && (rest.n == 0 || str_eq(rest, S("delete")))) {
		p.here = arena_fmt(r->arena, ROOT "/%.*s", STR(id));
		if (rest.n == 0)
			reads ? submission(&p, api, r, id, false) : not_so(&p, "GET, HEAD");
		else
			posts ? submission(&p, api, r, id, true) : not_so(&p, "POST");
	} else {
		res->status = 404;
		lab_page_message(&p, p.zh ? "無此頁面" : "There is no such page");
	}
}

void public_lab_refused(struct http_req *r, int status, struct http_res *res)
{
	struct lab_page p = { .node = "", .zh = page_is_zh(r), .here = S(ROOT), .res = res };
	struct asked got = { .status = status };

	page_headers(res);
	lab_page_message(&p, words_of(r, &got, p.zh));
}
