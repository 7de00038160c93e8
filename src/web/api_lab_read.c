/* What became of what was handed in: state, report, bytes, digests; and its end. */
#include "web/api_lab.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/text.h"
#include "store/facts.h"
#include "sys/keys.h"

#define DIGITS 5 /* of a prefix */

static const char ONE_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"id\",\"privacy\",\"state\"],\"properties\":{\"id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"owner\":{\"type\":\"string\"},"
	"\"privacy\":{\"enum\":[\"verdict\",\"government\",\"public\"]},\"state\":{\"enum\":[\"uploading\",\"waiting\",\"inspecting\",\"done\",\"deleted\"]},"
	"\"offset\":{\"type\":\"integer\"},\"verdict\":{},\"sha256\":{},\"size\":{\"type\":\"integer\"},"
	"\"received\":{\"type\":\"string\"},\"finished\":{},\"generation\":{\"type\":\"string\"},\"sample\":{\"type\":\"boolean\"},"
	"\"report\":{\"type\":\"object\"},\"receipt\":{\"type\":\"object\"}}}";
static const char LIST_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"submissions\"],\"properties\":{\"submissions\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"next\":{\"type\":\"string\"}}}";
static const char BYTES_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"offset\",\"length\",\"size\",\"hex\"],\"properties\":{\"offset\":{\"type\":\"integer\"},\"length\":{\"type\":\"integer\"},"
	"\"size\":{\"type\":\"integer\"},\"hex\":{\"type\":\"string\"}}}";
static const char HASHES_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"prefix\",\"hashes\"],\"properties\":{\"prefix\":{\"type\":\"string\"},\"hashes\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
	"\"properties\":{\"sha256\":{\"type\":\"string\"},\"verdict\":{\"type\":\"string\"}}}}}}";
static const char LAB_SCHEMA[] = "{\"type\":\"object\",\"required\":[\"running\",\"public\"],\"properties\":{\"running\":{\"type\":\"boolean\"},\"public\":{\"type\":\"boolean\"}}}";

/* --- one --- */

static void member_visible(struct jsonw *w, const char *name, struct str s)
{
	struct buf b;

	buf_init(&b, (size_t)16 << 10);
	json_quote_visible(&b, s);
	jsonw_name(w, name);
	jsonw_raw(w, b.bad == RC_OK ? buf_view(&b) : S("\"\""));
	buf_done(&b);
}

static const char *state_word(const struct api_call *c, const struct submission *s)
{
	switch (s->state) {
	case SUBMISSION_UPLOADING: return "uploading";
	case SUBMISSION_WAITING: return c->api->lab->inspects(c->api->lab->ctx, s->id) ? "inspecting" : "waiting";
	case SUBMISSION_DONE: return "done";
	case SUBMISSION_DELETED: break;
	}
	return "deleted";
}

static void text_or_null(struct jsonw *w, const char *name, struct str s)
{
	jsonw_name(w, name);
	if (s.n > 0)
		jsonw_str(w, s);
	else
		jsonw_null(w);
}

/* Whose it is, is told to accounts only. */
static void put_members(struct api_call *c, const struct submission *s, struct jsonw *w)
{
	jsonw_m_str(w, "id", s->id);
	member_visible(w, "name", s->name);
	if (c->viewer->kind != VIEWER_ANONYMOUS)
		jsonw_m_str(w, "owner", s->owner);
	jsonw_m_cstr(w, "privacy", privacy_name(s->privacy));
	jsonw_m_cstr(w, "state", state_word(c, s));
	text_or_null(w, "verdict", s->verdict);
	text_or_null(w, "sha256", s->sha256);
	jsonw_m_int(w, "size", (int64_t)s->size);
	jsonw_m_time(w, "received", s->at);
	jsonw_name(w, "finished");
	if (s->finished > 0)
		jsonw_time(w, s->finished);
	else
		jsonw_null(w);
	jsonw_m_str(w, "generation", s->generation);
	jsonw_m_bool(w, "sample", s->address.n > 0);
}

static enum rc put_report(struct api_call *c, const struct submission *s, struct jsonw *w, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, SAMPLE_REPORT_MAX);
	rc = samples_read(c->api->lab->samples, SAMPLE_REPORT, s->id, &b, err);
	if (rc == RC_OK) {
		jsonw_name(w, "report");
		jsonw_raw(w, buf_view(&b));
	}
	buf_done(&b);
	return rc == RC_NOTFOUND ? RC_OK : rc;
}

static void put_offset(struct api_call *c, const struct submission *s, struct jsonw *w)
{
	struct chest *chest;

	if (samples_get(c->api->lab->samples, SAMPLE_UPLOAD, s->id, false, &chest, NULL) != RC_OK)
		return;
	jsonw_m_int(w, "offset", (int64_t)chest_size(chest));
	chest_close(chest);
}

static enum rc put_one(struct api_call *c, const struct submission *s, struct err *err)
{
	struct jsonw *w = &c->out;

	jsonw_object(w);
	put_members(c, s, w);
	if (s->state == SUBMISSION_UPLOADING)
		put_offset(c, s, w);
	if (s->verdict.n > 0)
		TRY(put_report(c, s, w, err));
	if (s->receipt.n > 0) {
		jsonw_name(w, "receipt");
		jsonw_raw(w, s->receipt);
	}
	jsonw_object_end(w);
	return RC_OK;
}

enum rc api_lab_note_read(struct api_call *c, const struct submission *s, const char *what, struct err *err)
{
	struct fact f = { .kind = S("lab.read") };

	if (api_lab_owns(c, s))
		return RC_OK;
	f.actor = api_actor(c);
	f.subject = arena_fmt(c->req->arena, "submission:%.*s", STR(s->id));
	f.body = arena_fmt(c->req->arena, "{\"what\":\"%s\"}", what);
	if (f.actor.p == NULL || f.subject.p == NULL || f.body.p == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	return fact_append_soon(c->api->store, &f, err);
}

/* A call that waits holds a thread, and there are few: beyond a part of them nobody waits. */
static enum rc wait_for(struct api_call *c, struct submission *s, int64_t seconds, struct err *err)
{
	static _Atomic int waiting;
	int n;

	if (seconds == 0 || s->state != SUBMISSION_WAITING)
		return RC_OK;
	n = atomic_fetch_add(&waiting, 1);
	if (n < c->api->lab->waits_max)
		(void)c->api->lab->wait(c->api->lab->ctx, s->id, time_mono() + seconds * USEC_PER_SEC);
	atomic_fetch_sub(&waiting, 1);
	return submission_get(c->api->store, s->id, c->req->arena, s, err);
}

static enum rc one_get(struct api_call *c, struct err *err)
{
	struct submission s;
	int64_t wait;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(api_query_int(c, "wait", 0, 0, LAB_WAIT_MAX, &wait, err));
	TRY(api_lab_find(c, &s, err));
	TRY(wait_for(c, &s, wait, err));
	TRY(api_lab_note_read(c, &s, "report", err));
	return put_one(c, &s, err);
}

/* --- a small file whole --- */

static enum rc keep_content(struct samples *samples, const struct submission *s, struct str bytes, struct err *err)
{
	struct chest *chest;
	enum rc rc = samples_get(samples, SAMPLE_CONTENT, s->address, false, &chest, err);

	if (rc == RC_OK) {
		bool whole = chest_size(chest) == bytes.n;

		chest_close(chest);
		if (whole)
			return RC_OK;
		return samples_put(samples, SAMPLE_CONTENT, s->address, bytes, err);
	}
	return samples_put_once(samples, s->address, bytes, err);
}

/* What was refused does not rest here, unless another submission has it. */
static void drop_content(struct api_call *c, struct str address)
{
	uint64_t n = 1;

	samples_hold(c->api->lab->samples, address);
	if (submission_count_at(c->api->store, address, &n, NULL) == RC_OK && n == 0)
		(void)!samples_destroy(c->api->lab->samples, SAMPLE_CONTENT, address, NULL);
	samples_release(c->api->lab->samples, address);
}

static enum rc take_whole(struct api_call *c, struct submission *s, struct err *err)
{
	char *address = arena_alloc(c->req->arena, SAMPLE_ADDRESS_LEN + 1), *hex = arena_alloc(c->req->arena, 2 * SHA256_LEN + 1);
	struct samples *samples = c->api->lab->samples;
	unsigned char sha256[SHA256_LEN];
	enum rc rc;

	if (address == NULL || hex == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	hash_sha256(c->req->body, sha256);
	samples_address(samples, s->owner, sha256, address);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	s->sha256 = str_of(hex);
	s->address = str_of(address);
	samples_share(samples, s->address);
	rc = keep_content(samples, s, c->req->body, err);
	if (rc == RC_OK)
		rc = submission_add(c->api->store, s, api_lab_quota(c), s->owner, err);
	samples_release(samples, s->address);
	if (rc != RC_OK)
		drop_content(c, s->address);
	return rc;
}

static enum rc whole_post(struct api_call *c, struct err *err)
{
	struct str name = api_query(c, "name"), privacy = api_query(c, "privacy"), words = api_query(c, "passwords");
	struct submission s;
	int64_t wait;
	enum rc rc;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(api_query_int(c, "wait", 0, 0, LAB_WAIT_MAX, &wait, err));
	TRY(api_lab_begin(c, privacy.p == NULL ? S("") : privacy, name.p == NULL ? S("") : name, c->req->body.n, SUBMISSION_WAITING, &s, err));
	if (words.p != NULL && words.n > 0)
		TRY(samples_put(c->api->lab->samples, SAMPLE_WORDS, s.id, str_slice(words, 0, SAMPLE_WORDS_MAX), err));
	rc = take_whole(c, &s, err);
	if (rc != RC_OK) {
		if (words.p != NULL && words.n > 0)
			(void)!samples_destroy(c->api->lab->samples, SAMPLE_WORDS, s.id, NULL);
		return api_lab_refused(c, rc, err);
	}
	c->api->lab->wake(c->api->lab->ctx);
	TRY(wait_for(c, &s, wait, err));
	c->res->status = 201;
	return put_one(c, &s, err);
}

/* --- lists --- */

static enum rc list_get(struct api_call *c, struct err *err)
{
	static const char *const states[] = { "waiting", "done", "deleted", NULL };
	struct submission_filter f = { .state = -1 };
	struct submission *list;
	struct str state, digest = api_query(c, "sha256"), verdict = api_query(c, "verdict");
	int64_t limit;
	bool all;
	size_t n;

	if (!api_lab_ready(c))
		return RC_OK;
	if (c->viewer->kind == VIEWER_ANONYMOUS) {
		api_error(c->res, 401, "sign-in", "sign in to see a list; a submission of yours is found by its id");
		return RC_OK;
	}
	TRY(api_query_bool(c, "all", &all, err));
	TRY(api_query_int(c, "limit", 50, 1, LAB_LIST_MAX, &limit, err));
	TRY(api_query_int(c, "before", 0, 0, INT64_MAX, &f.before, err));
	TRY(api_query_word(c, "state", states, &state, err));
	for (int i = 0; states[i] != NULL; i++)
		if (str_eq(state, str_of(states[i])))
			f.state = SUBMISSION_WAITING + i;
	f.limit = (uint32_t)limit;
	f.verdict = verdict.p == NULL ? S("") : verdict;
	f.sha256 = digest.p == NULL ? S("") : digest;
	f.owner = all ? S("") : api_lab_owner(c);
	f.or_owner = all ? api_lab_owner(c) : S("");
	f.public_only = str_eq(c->viewer->role, S("reader")) || str_eq(c->viewer->role, S("feeder"));
	TRY(submission_list(c->api->store, &f, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "submissions");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		put_members(c, &list[i], &c->out);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	if (n == (size_t)limit) {
		struct str next = arena_fmt(c->req->arena, "%lld", (long long)list[n - 1].row);

		jsonw_m_str(&c->out, "next", next);
	}
	jsonw_object_end(&c->out);
	return RC_OK;
}

/* --- bytes --- */

static enum rc bytes_get(struct api_call *c, struct err *err)
{
	int64_t offset, length;
	struct submission s;
	struct chest *chest;
	struct buf b, hex;
	enum rc rc;

	if (!api_lab_ready(c))
		return RC_OK;
	TRY(api_query_int(c, "offset", 0, 0, INT64_MAX / 2, &offset, err));
	TRY(api_query_int(c, "length", 4096, 1, LAB_BYTES_MAX, &length, err));
	TRY(api_lab_find(c, &s, err));
	if (s.address.n == 0)
		return FAIL(err, RC_NOTFOUND, "its bytes rest here no more");
	TRY(api_lab_note_read(c, &s, "bytes", err));
	TRY(samples_get(c->api->lab->samples, SAMPLE_CONTENT, s.address, false, &chest, err));
	buf_init(&b, LAB_BYTES_MAX);
	buf_init(&hex, (size_t)2 * LAB_BYTES_MAX);
	rc = chest_read(chest, (uint64_t)offset, (size_t)length, &b, err);
	hex_put(&hex, buf_view(&b));
	if (rc == RC_OK)
		rc = buf_check(&hex, err, "bytes");
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_int(&c->out, "offset", offset);
		jsonw_m_int(&c->out, "length", (int64_t)b.n);
		jsonw_m_int(&c->out, "size", (int64_t)chest_size(chest));
		jsonw_m_str(&c->out, "hex", buf_view(&hex));
		jsonw_object_end(&c->out);
	}
	chest_close(chest);
	buf_done(&b);
	buf_done(&hex);
	return rc;
}

/* --- its end --- */

struct receipt {
	struct str submission, sha256, deleted, by, why, key_destroyed;
};

static void sign(struct api_call *c, const struct receipt *r, struct buf *out)
{
	unsigned char sig[SIGN_LEN];
	struct buf text;

	buf_init(&text, 8192);
	buf_fmt(&text, "lianfang lab deletion 1\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n", STR(r->submission), STR(r->sha256), STR(r->deleted), STR(r->by), STR(r->why),
		STR(r->key_destroyed));
	if (c->api->seal_sec != NULL && text.bad == RC_OK) {
		sign_make(c->api->seal_sec, buf_view(&text), sig);
		base64_put(out, str_make((const char *)sig, SIGN_LEN));
	}
	buf_done(&text);
}

static enum rc make_receipt(struct api_call *c, const struct submission *s, uint64_t others, struct str *ret, struct err *err)
{
	char now[TIME_TEXT_MAX];
	struct receipt r = { .submission = s->id, .sha256 = s->sha256, .by = api_lab_owner(c), .why = S("asked"),
			     .key_destroyed = others == 0 ? S("yes") : S("report; the content is of another submission of the same owner, too") };
	struct buf b, sig, pub;
	struct jsonw w;
	enum rc rc;

	r.deleted = time_format(time_now(), now);
	buf_init(&b, 8192);
	buf_init(&sig, 256);
	buf_init(&pub, 256);
	sign(c, &r, &sig);
	if (c->api->seal_pub != NULL)
		base64_put(&pub, str_make((const char *)c->api->seal_pub, SIGN_PUBLIC_LEN));
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_m_str(&w, "submission", r.submission);
	jsonw_m_str(&w, "sha256", r.sha256);
	jsonw_m_str(&w, "deleted", r.deleted);
	jsonw_m_str(&w, "by", r.by);
	jsonw_m_str(&w, "why", r.why);
	jsonw_m_str(&w, "key_destroyed", r.key_destroyed);
	jsonw_m_str(&w, "public_key", buf_view(&pub));
	jsonw_m_str(&w, "signature", buf_view(&sig));
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "receipt");
	*ret = arena_dup(c->req->arena, buf_view(&b));
	buf_done(&b);
	buf_done(&sig);
	buf_done(&pub);
	return rc == RC_OK && ret->p == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : rc;
}

/* First the keys, then the receipt: one that says so is never ahead of what it says. */
static enum rc destroy(struct api_call *c, const struct submission *s, uint64_t *ret_others, struct err *err)
{
	struct samples *samples = c->api->lab->samples;
	enum rc rc = RC_OK;

	*ret_others = 0;
	if (s->address.n > 0) {
		samples_hold(samples, s->address);
		rc = submission_forget_sample(c->api->store, s->id, ret_others, err);
		if (rc == RC_OK && *ret_others == 0)
			rc = samples_destroy(samples, SAMPLE_CONTENT, s->address, err);
		samples_release(samples, s->address);
	}
	TRY(rc);
	TRY(samples_destroy(samples, SAMPLE_UPLOAD, s->id, err));
	TRY(samples_destroy(samples, SAMPLE_WORDS, s->id, err));
	return samples_destroy(samples, SAMPLE_REPORT, s->id, err);
}

static enum rc one_delete(struct api_call *c, struct err *err)
{
	struct submission s;
	struct str receipt;
	uint64_t others;

	if (!api_lab_ready(c))
		return RC_OK;
	/* An administrator may destroy what he may not see. */
	if (c->viewer->kind == VIEWER_LOCAL || str_eq(c->viewer->role, S("admin")))
		TRY(submission_get(c->api->store, c->params[0], c->req->arena, &s, err));
	else
		TRY(api_lab_find(c, &s, err));
	if (!api_lab_owns(c, &s) && c->viewer->kind != VIEWER_LOCAL && !str_eq(c->viewer->role, S("admin")))
		return FAIL(err, RC_DENIED, "only who handed it in, or an administrator, may delete it");
	if (s.state == SUBMISSION_DELETED)
		return put_one(c, &s, err);
	if (s.state == SUBMISSION_UPLOADING)
		return FAIL(err, RC_CONFLICT, "the upload is under way: DELETE /lab/uploads/%.*s", STR(s.id));
	TRY(destroy(c, &s, &others, err));
	TRY(make_receipt(c, &s, others, &receipt, err));
	TRY(submission_delete(c->api->store, s.id, receipt, api_lab_owner(c), err));
	lab_known_relearn(c->api->lab->known, c->api->store, s.sha256);
	TRY(submission_get(c->api->store, s.id, c->req->arena, &s, err));
	return put_one(c, &s, err);
}

/* --- digests, and the lab itself --- */

static enum rc hashes_get(struct api_call *c, struct err *err)
{
	struct str digits = c->params[0];
	uint32_t prefix = 0;

	if (!api_lab_ready(c))
		return RC_OK;
	for (size_t i = 0; i < digits.n && i < DIGITS; i++)
		prefix = hex_value(digits.p[i]) < 0 ? UINT32_MAX : prefix << 4 | (uint32_t)hex_value(digits.p[i]);
	if (digits.n != DIGITS || prefix >= (uint32_t)1 << LAB_PREFIX_BITS)
		return FAIL(err, RC_BAD, "prefix: expected the first five hex digits of a SHA-256, no more");
	jsonw_object(&c->out);
	jsonw_m_str(&c->out, "prefix", digits);
	jsonw_name(&c->out, "hashes");
	jsonw_array(&c->out);
	lab_known_put(c->api->lab->known, prefix, c->viewer->kind != VIEWER_ANONYMOUS, &c->out);
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static void put_limits(const struct api_lab *lab, struct jsonw *w)
{
	jsonw_name(w, "limits");
	jsonw_object(w);
	jsonw_m_int(w, "size", (int64_t)lab->size_max);
	jsonw_m_int(w, "piece", (int64_t)lab->piece_max);
	jsonw_m_int(w, "uploads", UPLOADS_PER_OWNER);
	jsonw_m_int(w, "per_account", lab->account.owner_files);
	jsonw_m_int(w, "per_account_mb", lab->account.owner_mb);
	jsonw_m_int(w, "per_address", lab->address.from_files);
	jsonw_m_int(w, "per_address_mb", lab->address.from_mb);
	jsonw_object_end(w);
}

static enum rc lab_get(struct api_call *c, struct err *err)
{
	(void)err;
	if (!api_lab_ready(c))
		return RC_OK;
	jsonw_object(&c->out);
	c->api->lab->state(c->api->lab->ctx, &c->out);
	jsonw_m_bool(&c->out, "public", c->api->lab->open);
	put_limits(c->api->lab, &c->out);
	jsonw_m_int(&c->out, "keep_days", c->api->lab->keep_days);
	jsonw_m_int(&c->out, "known", (int64_t)lab_known_count(c->api->lab->known));
	jsonw_object_end(&c->out);
	return RC_OK;
}

static const struct api_param WHOLE_PARAMS[] = {
	{ "name", "string", "how the file is called" },
	{ "privacy", "string", "verdict (default), government or public" },
	{ "passwords", "string", "passwords to try on what is locked, one a line" },
	{ "wait", "integer", "seconds to wait for the verdict (0 to 30)" },
	{ NULL, NULL, NULL },
};
static const struct api_param LIST_PARAMS[] = {
	{ "limit", "integer", "at most so many (1 to 200; 50)" },
	{ "before", "integer", "\"next\" of the reply before" },
	{ "state", "string", "only those: waiting, done, deleted" },
	{ "verdict", "string", "only those: malicious, suspicious, no-finding, incomplete, known-good, unsupported" },
	{ "sha256", "string", "only those of this digest" },
	{ "all", "boolean", "also those of others that are of class public, and for analysts of class government" },
	{ NULL, NULL, NULL },
};
static const struct api_param WAIT_PARAMS[] = { { "wait", "integer", "seconds to wait for the verdict (0 to 30)" }, { NULL, NULL, NULL } };
static const struct api_param BYTES_PARAMS[] = {
	{ "offset", "integer", "from here" }, { "length", "integer", "so many (1 to 65536; 4096)" }, { NULL, NULL, NULL },
};

const struct api_route API_ROUTES_LAB_READ[] = {
	{ "GET", "/lab", API_ANY, lab_get, "Whether a lab runs here, its fences, rules and limits", NULL, NULL, LAB_SCHEMA },
	{ "POST", "/lab/submissions", API_ANY, whole_post, "Hand in a small file whole, as the body; 201", WHOLE_PARAMS, NULL, ONE_SCHEMA },
	{ "GET", "/lab/submissions", API_ANY, list_get, "What was handed in, the newest first", LIST_PARAMS, NULL, LIST_SCHEMA },
	{ "GET", "/lab/submissions/{submission}", API_ANY, one_get, "State, verdict and report of a submission", WAIT_PARAMS, NULL, ONE_SCHEMA },
	{ "DELETE", "/lab/submissions/{submission}", API_ANY, one_delete, "Destroy the keys of its content and report; the signed receipt stays", NULL, NULL, ONE_SCHEMA },
	{ "GET", "/lab/submissions/{submission}/bytes", API_ANY, bytes_get, "Bytes of the file at an offset, in hex", BYTES_PARAMS, NULL, BYTES_SCHEMA },
	{ "GET", "/lab/hashes/{prefix}", API_ANY, hashes_get, "Known digests that begin with these 20 bits (five hex digits)", NULL, NULL, HASHES_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
