#include <stdarg.h>

#include "base/jsonw.h"
#include "taxii/media.h"
#include "taxii/serve.h"

static const char *title_of(int status)
{
	switch (status) {
	/* The reference server's title for a request that cannot be processed: clients look for it. */
	case 400: case 422: return "ProcessingError";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "NotFound";
	case 405: return "MethodNotAllowed";
	case 406: return "NotAcceptable";
	case 413: return "ContentTooLarge";
	case 415: return "UnsupportedMediaType";
	case 503: return "TryAgainLater";
	case 507: return "InsufficientStorage";
	default: return "InternalError";
	}
}

static void error_object(struct http_res *res, int status, const char *text)
{
	struct jsonw w;
	char digits[8];

	buf_clear(&res->body);
	jsonw_init(&w, &res->body);
	snprintf(digits, sizeof digits, "%d", status);
	jsonw_object(&w);
	jsonw_m_cstr(&w, "title", title_of(status));
	if (text[0] != '\0')
		jsonw_m_cstr(&w, "description", text);
	jsonw_m_cstr(&w, "http_status", digits);
	jsonw_object_end(&w);
	res->status = status;
	res->content_type = TAXII_MEDIA;
}

void taxii_error(struct http_req *r UNUSED, struct http_res *res, int status, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	error_object(res, status, text);
}

void reply_status(struct taxii_call *k, int status, const char *why)
{
	error_object(k->res, status, why);
	k->answered = true;
	if (status == 401 && k->t->c.www_authenticate != NULL)
		http_res_header(k->res, "WWW-Authenticate", k->t->c.www_authenticate);
	if (status == 503)
		http_res_header(k->res, "Retry-After", "2");
}

void reply_failure(struct taxii_call *k, enum rc rc, const struct err *err)
{
	int status = rc == RC_BAD ? 400 : rc == RC_NOTFOUND ? 404 : rc == RC_DENIED ? 403 : rc == RC_LIMIT ? 413
		   : rc == RC_BUSY || rc == RC_NOMEM ? 503 : rc == RC_FULL ? 507 : 500;

	/* What the disk or the database said is for our log, not for a client. */
	reply_status(k, status, status == 400 || status == 413 ? err->text : "");
}

void reply_hidden(struct taxii_call *k)
{
	if (viewer_known(k->v))
		reply_status(k, 404, "There is no such resource, or you may not know of it.");
	else
		reply_status(k, 401, "Sign in to use this resource.");
}

void reply_json(struct taxii_call *k, int status)
{
	k->answered = true;
	k->res->status = status;
	k->res->content_type = TAXII_MEDIA;
	if (k->res->body.bad != RC_OK)
		reply_status(k, k->res->body.bad == RC_LIMIT ? 500 : 503, "");
}

void reply_dates(struct taxii_call *k, usec first, usec last)
{
	char text[TIME_TEXT_MAX];
	struct str one = arena_dup(k->r->arena, time_format(first, text));
	struct str two = arena_dup(k->r->arena, time_format(last, text));

	if (one.p == NULL || two.p == NULL)
		return;
	http_res_header(k->res, "X-TAXII-Date-Added-First", one.p);
	http_res_header(k->res, "X-TAXII-Date-Added-Last", two.p);
}
