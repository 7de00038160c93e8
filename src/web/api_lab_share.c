/* What is done with a report beyond reading it: said in words, written as STIX, shared as indicators, and taken back. */
#include "base/text.h"
#include "lab/citizen.h"
#include "lab/report_read.h"
#include "web/api_lab.h"
#include "web/lab_alike.h"
#include "web/lab_share.h"

#define BUNDLE_MAX ((size_t)16 << 20)

static const char SHARE_REQUEST[] = "{\"type\":\"object\",\"properties\":{\"tlp\":{\"type\":\"string\"}}}";
static const char REVOKE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"why\"],\"properties\":{\"why\":{\"type\":\"string\"},\"submission\":{\"type\":\"string\"},\"sha256\":{\"type\":\"string\","
	"\"description\":\"of the file; with submission: of it only this file\"},\"indicator\":{\"type\":\"string\"}}}";
static const char SHARED_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"indicators\"],\"properties\":{\"indicators\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"id\":{\"type\":\"string\"},\"sha256\":{\"type\":\"string\"},\"state\":{\"enum\":[\"new\",\"before\",\"revoked\"]}}}}}}";
static const char WORDS_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"language\",\"verdict\",\"found\",\"not_seen\",\"to_do\",\"tell\"],\"properties\":{\"language\":{\"enum\":[\"en\",\"zh-TW\"]},"
	"\"verdict\":{\"type\":\"string\"}}}";
static const char BUNDLE_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"type\",\"id\",\"objects\"],\"properties\":{\"type\":{\"const\":\"bundle\"}}}";

static const char SIMILAR_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"similar\",\"cut\"],\"properties\":{\"similar\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"submission\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},\"sha256\":{\"type\":\"string\"},\"same\":{\"type\":\"boolean\"},"
	"\"ctph\":{\"type\":\"integer\"},\"tlsh\":{\"type\":\"integer\"},\"of\":{\"type\":\"integer\"}}}},\"cut\":{\"type\":\"boolean\"}}}";

static const struct api_param SIMILAR_QUERY[] = { { "limit", "integer", "1 to 200, usually 20" }, { NULL, NULL, NULL } };
static const struct api_param WORDS_QUERY[] = { { "lang", "string", "en or zh (zh-TW)" }, { NULL, NULL, NULL } };

/* The submission and its report, for who may see it. */
static enum rc find(struct api_call *c, const char *what, struct submission *s, struct lab_report *r, struct err *err)
{
	struct buf b;
	enum rc rc;

	TRY(api_lab_find(c, s, err));
	if (s->verdict.n == 0)
		return FAIL(err, s->state == SUBMISSION_DELETED ? RC_NOTFOUND : RC_CONFLICT, "it has no verdict%s", s->state == SUBMISSION_DELETED ? "" : " yet");
	TRY(api_lab_note_read(c, s, what, err));
	buf_init(&b, SAMPLE_REPORT_MAX);
	rc = samples_read(c->api->lab->samples, SAMPLE_REPORT, s->id, &b, err);
	if (rc == RC_OK)
		rc = lab_report_read(c->req->arena, buf_view(&b), r, err);
	buf_done(&b);
	return rc;
}

static void put_visible(struct jsonw *w, struct str s)
{
	struct buf b;

	buf_init(&b, (size_t)64 << 10);
	json_quote_visible(&b, s);
	jsonw_raw(w, b.bad == RC_OK ? buf_view(&b) : S("\"\""));
	buf_done(&b);
}

static enum rc words_get(struct api_call *c, struct err *err)
{
	struct str lang = api_query(c, "lang");
	struct lab_citizen words;
	struct lab_report r;
	struct submission s;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(find(c, "words", &s, &r, err));
	TRY(lab_citizen_say(c->req->arena, &r, lang.p != NULL && str_starts(lang, S("zh")), &words, err));
	lab_citizen_json(&words, &c->out);
	return RC_OK;
}

/* The level that the submission's class allows, dated by its verdict. */
static enum rc stix_get(struct api_call *c, struct err *err)
{
	struct lab_stix_how how = { .creator = str_of(c->api->identity) };
	struct lab_report r;
	struct submission s;
	struct buf b;
	enum rc rc;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(find(c, "stix", &s, &r, err));
	how.tlp = lab_share_level(s.privacy);
	how.at = s.finished;
	buf_init(&b, BUNDLE_MAX);
	rc = lab_stix_bundle(c->req->arena, &r, &how, &b, err);
	if (rc == RC_OK)
		jsonw_raw(&c->out, buf_view(&b));
	buf_done(&b);
	return rc;
}

static enum rc begin(struct api_call *c, struct str submission, struct lab_share *ret, struct err *err)
{
	*ret = (struct lab_share){ .store = c->api->store, .identity = str_of(c->api->identity), .up = c->api->up, .down = c->api->down, .actor = api_actor(c),
				   .submission = submission };
	return ret->actor.p == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : RC_OK;
}

static void put_hex(struct jsonw *w, const unsigned char *sha256)
{
	char hex[2 * SHA256_LEN + 1];

	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	jsonw_m_cstr(w, "sha256", hex);
}

static void put_shared(struct jsonw *w, const struct lab_shared *list, size_t n)
{
	jsonw_object(w);
	jsonw_name(w, "indicators");
	jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(w);
		jsonw_m_cstr(w, "id", list[i].id);
		if (list[i].sha256 != NULL)
			put_hex(w, list[i].sha256);
		jsonw_m_cstr(w, "state", lab_shared_name(list[i].state));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
}

/* Wider than the class of the submission allows nobody may share it: its sender did not agree to that. */
static enum rc share_post(struct api_call *c, struct err *err)
{
	struct lab_shared *list;
	struct submission s;
	struct lab_report r;
	struct lab_share x;
	uint8_t tlp;
	size_t n;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(find(c, "indicators", &s, &r, err));
	TRY(api_tlp(c, "tlp", (uint8_t)lab_share_level(s.privacy), &tlp, err));
	if (tlp < lab_share_level(s.privacy))
		return FAIL(err, RC_DENIED, "/tlp: it was handed in as '%s': at most %s", privacy_name(s.privacy), tlp_name(lab_share_level(s.privacy)));
	TRY(begin(c, s.id, &x, err));
	TRY(lab_share_report(&x, c->req->arena, &r, (enum tlp)tlp, &list, &n, err));
	put_shared(&c->out, list, n);
	return RC_OK;
}

/* --- relatives --- */

/* Of those that are another's: as much as the viewer may see of them. */
static enum rc put_relative(struct api_call *c, const struct lab_relative *x, struct err *err)
{
	struct jsonw *w = &c->out;
	struct submission s;
	enum rc rc;

	c->params[0] = x->part.submission;
	rc = api_lab_find(c, &s, err);
	if (rc != RC_OK || s.state == SUBMISSION_DELETED)
		return rc == RC_NOTFOUND ? RC_OK : rc;
	jsonw_object(w);
	jsonw_m_str(w, "submission", s.id);
	jsonw_name(w, "name");
	put_visible(w, s.name);
	jsonw_name(w, "path");
	put_visible(w, x->part.path);
	jsonw_m_str(w, "sha256", x->part.sha256);
	jsonw_m_str(w, "verdict", s.verdict);
	jsonw_m_bool(w, "same", x->same);
	jsonw_m_int(w, "ctph", x->score);
	if (x->distance >= 0)
		jsonw_m_int(w, "tlsh", x->distance);
	jsonw_m_int(w, "of", x->of);
	jsonw_m_time(w, "received", s.at);
	jsonw_object_end(w);
	return RC_OK;
}

static enum rc similar_get(struct api_call *c, struct err *err)
{
	struct lab_relative *list;
	struct alike_part *parts;
	struct submission s;
	struct lab_report r;
	size_t n, n_parts;
	int64_t limit;
	bool cut;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(api_query_int(c, "limit", 20, 1, LAB_ALIKE_MAX, &limit, err));
	TRY(find(c, "similar", &s, &r, err));
	TRY(lab_alike_parts(c->req->arena, &r, s.row, s.id, &parts, &n_parts, err));
	TRY(lab_alike_find(c->api->store, c->req->arena, parts, n_parts, s.id, &list, &n, &cut, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "similar");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		TRY(put_relative(c, &list[i], err));
	jsonw_array_end(&c->out);
	jsonw_m_bool(&c->out, "cut", cut);
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- taking back --- */

static bool read_digest(struct str hex, unsigned char ret[static SHA256_LEN])
{
	struct buf b;
	bool good;

	buf_init(&b, 256);
	good = hex_get(&b, hex) && b.n == SHA256_LEN;
	if (good)
		memcpy(ret, b.p, SHA256_LEN);
	buf_done(&b);
	return good;
}

static enum rc revoke_of_submission(struct api_call *c, struct str submission, const unsigned char *only, struct str why, struct err *err)
{
	struct lab_shared *list;
	struct submission s;
	struct lab_report r;
	struct lab_share x;
	size_t n;

	c->params[0] = submission;
	TRY(find(c, "revoke", &s, &r, err));
	TRY(begin(c, s.id, &x, err));
	TRY(lab_share_revoke(&x, c->req->arena, &r, only, why, &list, &n, err));
	put_shared(&c->out, list, n);
	return RC_OK;
}

/* By the indicator or the digest: also of what was handed in in confidence, and of what was deleted. */
static enum rc revoke_id(struct api_call *c, struct str id, const unsigned char *sha256, struct str why, struct err *err)
{
	struct lab_stix_how how = { .creator = str_of(c->api->identity), .at = 1 };
	struct lab_shared one = { .sha256 = sha256, .state = LAB_SHARED_REVOKED };
	struct lab_share x;

	if (sha256 != NULL)
		lab_indicator_id(&how, sha256, S(""), one.id);
	else
		snprintf(one.id, sizeof one.id, "%.*s", STR(id));
	TRY(begin(c, S(""), &x, err));
	TRY(lab_share_revoke_id(&x, str_of(one.id), why, err));
	put_shared(&c->out, &one, 1);
	return RC_OK;
}

static enum rc revoke_post(struct api_call *c, struct err *err)
{
	struct str why, submission, digest, indicator;
	unsigned char sha256[SHA256_LEN];

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(api_text(c, "why", true, &why, err));
	TRY(api_text(c, "submission", false, &submission, err));
	TRY(api_text(c, "sha256", false, &digest, err));
	TRY(api_text(c, "indicator", false, &indicator, err));
	if (str_trim(why).n == 0)
		return FAIL(err, RC_BAD, "/why: say why it is taken back");
	if (digest.p != NULL && !read_digest(digest, sha256))
		return FAIL(err, RC_BAD, "/sha256: expected 64 hexadecimal digits");
	if (submission.p != NULL && indicator.p == NULL)
		return revoke_of_submission(c, submission, digest.p != NULL ? sha256 : NULL, why, err);
	if ((digest.p != NULL) == (indicator.p != NULL))
		return FAIL(err, RC_BAD, "expected a submission, a sha256 or an indicator");
	return revoke_id(c, indicator, digest.p != NULL ? sha256 : NULL, why, err);
}

const struct api_route API_ROUTES_LAB_SHARE[] = {
	{ "GET", "/lab/submissions/{submission}/words", API_ANY, words_get, "The report in words for everybody", WORDS_QUERY, NULL, WORDS_SCHEMA },
	{ "GET", "/lab/submissions/{submission}/stix", API_ANY, stix_get, "The report as a STIX bundle", NULL, NULL, BUNDLE_SCHEMA },
	{ "POST", "/lab/submissions/{submission}/indicators", API_ANALYST, share_post, "Share digests of what is malicious with all tiers", NULL, SHARE_REQUEST, SHARED_SCHEMA },
	{ "GET", "/lab/submissions/{submission}/similar", API_ANY, similar_get, "Files that are like this one, the most alike first", SIMILAR_QUERY, NULL, SIMILAR_SCHEMA },
	{ "POST", "/lab/revocations", API_ANALYST, revoke_post, "Take indicators of the lab back: it was a mistake", NULL, REVOKE_REQUEST, SHARED_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
