#include "sys/mail.h"

#include <curl/curl.h>
#include <time.h>

#include "base/text.h"
#include "sys/httpc.h"

#define WORD_BYTES 45  /* of an encoded word: 60 digits and 12 around them are within the 75 of RFC 2047 §2 */
#define LINE_BYTES 57  /* of a line of the body: 76 digits, RFC 2045 §6.8 */
#define ADDRESS_MAX 254

bool mail_address_good(struct str address)
{
	size_t at = str_find(address, S("@"), 0);

	for (size_t i = 0; i < address.n; i++)
		if (address.p[i] <= ' ' || address.p[i] >= 127 || strchr("<>()[]\\,;:\"", address.p[i]) != NULL)
			return false;
	return at != SIZE_MAX && at > 0 && at + 1 < address.n && str_find(address, S("@"), at + 1) == SIZE_MAX && address.n <= ADDRESS_MAX;
}

/* RFC 2047: words of whole characters. */
static void put_subject(struct str s, struct buf *out)
{
	buf_cstr(out, s.n == 0 ? "Subject: -\r\n" : "Subject:");
	while (s.n > 0) {
		size_t n = s.n < WORD_BYTES ? s.n : WORD_BYTES;

		while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n--;
		buf_cstr(out, " =?UTF-8?B?");
		base64_put(out, str_slice(s, 0, n));
		buf_cstr(out, "?=\r\n");
		s = str_slice(s, n, s.n);
	}
}

static void put_date(usec t, struct buf *out)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = t / USEC_PER_SEC;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_fmt(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
		tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static enum rc put_addresses(const struct mail_config *c, const struct mail *m, struct buf *out, struct err *err)
{
	if (!mail_address_good(str_of(c->from)))
		return FAIL(err, RC_BAD, "mail: '%s' is no address", c->from);
	buf_fmt(out, "From: <%s>\r\n", c->from);
	for (size_t i = 0; m->to[i] != NULL; i++) {
		if (!mail_address_good(str_of(m->to[i])))
			return FAIL(err, RC_BAD, "mail: '%s' is no address", m->to[i]);
		buf_fmt(out, "%s<%s>%s", i == 0 ? "To: " : " ", m->to[i], m->to[i + 1] == NULL ? "\r\n" : ",\r\n");
	}
	return m->to[0] == NULL ? FAIL(err, RC_BAD, "mail: to nobody") : RC_OK;
}

/* Lines end in CRLF inside the encoding too: RFC 2045 §6.8. */
static void put_body(struct str text, struct buf *out)
{
	struct buf lines;
	struct str s;

	buf_init(&lines, 2 * MAIL_BODY_MAX);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			buf_char(&lines, '\r');
		buf_char(&lines, text.p[i]);
	}
	for (s = buf_view(&lines); s.n > 0; s = str_slice(s, LINE_BYTES, s.n)) {
		base64_put(out, str_slice(s, 0, LINE_BYTES));
		buf_cstr(out, "\r\n");
	}
	if (lines.bad != RC_OK)
		out->bad = lines.bad;
	buf_done(&lines);
}

enum rc mail_compose(const struct mail_config *c, const struct mail *m, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < m->id.n; i++)
		if (m->id.p[i] <= ' ' || m->id.p[i] >= 127 || m->id.p[i] == '<' || m->id.p[i] == '>')
			return FAIL(err, RC_BAD, "mail: a message's id is printable ASCII");
	TRY(put_addresses(c, m, out, err));
	put_subject(m->subject, out);
	put_date(m->date, out);
	buf_fmt(out, "Message-ID: <%.*s>\r\n", STR(m->id));
	if (m->automatic)
		buf_cstr(out, "Auto-Submitted: auto-generated\r\n"); /* RFC 3834 §5 */
	buf_cstr(out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	put_body(m->body, out);
	return buf_check(out, err, "mail");
}

struct upload {
	struct str left;
};

static size_t give(char *to, size_t size, size_t n, void *ctx)
{
	struct upload *u = ctx;
	size_t take = size * n < u->left.n ? size * n : u->left.n;

	if (take > 0)
		memcpy(to, u->left.p, take);
	u->left = str_slice(u->left, take, u->left.n);
	return take;
}

static bool is_loopback(const char *url)
{
	return str_starts(str_of(url), S("smtp://127.")) || str_starts(str_of(url), S("smtp://localhost")) || str_starts(str_of(url), S("smtp://[::1]"));
}

static void set_options(CURL *curl, const struct mail_config *c, struct curl_slist *to, struct upload *u, usec timeout, char *why)
{
	curl_easy_setopt(curl, CURLOPT_URL, c->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, is_loopback(c->url) ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
	if (c->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca_file);
	if (c->user != NULL) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, c->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, c->password == NULL ? "" : c->password);
	}
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, c->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, u);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout / 1000));
}

static enum rc transfer(const struct mail_config *c, const struct mail *m, struct str text, usec timeout, struct err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	struct upload u = { text };
	struct curl_slist *to = NULL;
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	for (size_t i = 0; m->to[i] != NULL && curl != NULL; i++) {
		struct curl_slist *more = curl_slist_append(to, m->to[i]);

		if (more == NULL)
			break;
		to = more;
	}
	if (curl != NULL && to != NULL) {
		set_options(curl, c, to, &u, timeout, why);
		code = curl_easy_perform(curl);
	}
	curl_slist_free_all(to);
	curl_easy_cleanup(curl);
	if (code == CURLE_OUT_OF_MEMORY)
		return FAIL(err, RC_NOMEM, "mail: out of memory");
	return code == CURLE_OK ? RC_OK : FAIL(err, RC_PEER, "mail: %s: %s", c->url, why[0] != '\0' ? why : curl_easy_strerror(code));
}

enum rc mail_send(const struct mail_config *c, const struct mail *m, usec timeout, struct err *err)
{
	struct buf b;
	enum rc rc;

	TRY(httpc_ready(err));
	buf_init(&b, 4 * MAIL_BODY_MAX);
	rc = mail_compose(c, m, &b, err);
	if (rc == RC_OK)
		rc = transfer(c, m, buf_view(&b), timeout, err);
	buf_done(&b);
	return rc;
}
