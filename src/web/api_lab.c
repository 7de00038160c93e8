/* Files come in, in pieces that may be resumed: tus 1.0 (https://tus.io/protocols/resumable-upload), core, creation, creation-with-upload and termination. */
#include "web/api_lab.h"

#include <stdio.h>

#include "base/text.h"
#include "sys/keys.h"

#define TUS_VERSION "1.0.0"
#define OCTETS S("application/offset+octet-stream")
#define META_MAX 16384

/* --- shared with api_lab_read.c --- */

bool api_lab_ready(struct api_call *c)
{
	bool stranger = c->viewer->kind == VIEWER_ANONYMOUS;

	if (stranger && (c->api->lab == NULL || !c->api->lab->open))
		api_error(c->res, 401, "sign-in", "sign in first");
	else if (c->api->lab == NULL)
		api_error(c->res, 503, "no-lab", "no lab runs on this node ([lab] run = yes)");
	else if (!stranger && c->viewer->kind != VIEWER_LOCAL && !str_eq(c->viewer->role, S("admin")) && !str_eq(c->viewer->role, S("analyst")) &&
		 !str_eq(c->viewer->role, S("feeder")) && !str_eq(c->viewer->role, S("reader")))
		api_error(c->res, 403, "denied", "your role may not do this");
	else
		return true;
	return false;
}

struct str api_lab_owner(struct api_call *c)
{
	return c->viewer->kind == VIEWER_ANONYMOUS ? S(SUBMISSION_PUBLIC) : api_actor(c);
}

bool api_lab_owns(struct api_call *c, const struct submission *s)
{
	return str_eq(s->owner, api_lab_owner(c)); /* of strangers: who knows the id */
}

static bool is_analyst(const struct api_call *c)
{
	return c->viewer->kind == VIEWER_LOCAL || str_eq(c->viewer->role, S("analyst")) || str_eq(c->viewer->role, S("admin"));
}

static bool may_see(struct api_call *c, const struct submission *s)
{
	if (api_lab_owns(c, s))
		return true;
	if (c->viewer->kind == VIEWER_ANONYMOUS || s->state == SUBMISSION_UPLOADING)
		return false;
	return s->privacy == PRIVACY_PUBLIC || (s->privacy == PRIVACY_GOVERNMENT && is_analyst(c));
}

enum rc api_lab_find(struct api_call *c, struct submission *ret, struct err *err)
{
	TRY(submission_get(c->api->store, c->params[0], c->req->arena, ret, err));
	return may_see(c, ret) ? RC_OK : FAIL(err, RC_NOTFOUND, "no submission '%.*s'", STR(c->params[0]));
}

const struct quota *api_lab_quota(struct api_call *c)
{
	static const struct quota none = { 0 };

	return c->viewer->kind == VIEWER_LOCAL ? &none : c->viewer->kind == VIEWER_ANONYMOUS ? &c->api->lab->address : &c->api->lab->account;
}

/* No more of a name than is kept, cut between characters. */
static struct str short_name(struct str s)
{
	if (s.n <= SUBMISSION_NAME_MAX)
		return s;
	s.n = SUBMISSION_NAME_MAX;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
		s.n--;
	return s;
}

enum rc api_lab_begin(struct api_call *c, struct str privacy, struct str name, uint64_t size, enum submission_state state, struct submission *ret, struct err *err)
{
	char *id = arena_alloc(c->req->arena, UUID_TEXT_LEN + 1), *from = arena_alloc(c->req->arena, 33);
	struct uuid u;

	if (id == NULL || from == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	uuid_v4(&u);
	*ret = (struct submission){ .id = uuid_format(&u, id), .owner = api_lab_owner(c), .from = S(""), .name = short_name(name), .privacy = PRIVACY_VERDICT,
				    .state = state, .size = size, .sha256 = S(""), .address = S("") };
	if (ret->owner.p == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	if (c->viewer->kind == VIEWER_ANONYMOUS) {
		samples_from(c->api->lab->samples, str_of(c->req->peer.addr), from);
		ret->from = str_of(from);
	}
	if (privacy.n > 0 && !privacy_parse(privacy, &ret->privacy))
		return FAIL(err, RC_BAD, "privacy: expected verdict, government or public");
	if (ret->privacy == PRIVACY_HASH)
		return FAIL(err, RC_UNSUPPORTED, "privacy hash: then the file stays with you: ask GET /lab/hashes/ with the first five digits of its SHA-256");
	if (size > c->api->lab->size_max)
		return FAIL(err, RC_LIMIT, "the file is larger than %llu bytes", (unsigned long long)c->api->lab->size_max);
	return RC_OK;
}

enum rc api_lab_refused(struct api_call *c, enum rc rc, struct err *err)
{
	if (rc != RC_DENIED)
		return rc;
	http_res_header(c->res, "Retry-After", "3600");
	api_error(c->res, 429, "quota", err->text);
	return RC_OK;
}

/* --- tus --- */

static void put_tus(struct api_call *c, int status)
{
	http_res_header(c->res, "Tus-Resumable", TUS_VERSION);
	c->res->status = status;
}

static void put_number(struct api_call *c, const char *name, uint64_t n)
{
	struct str text = arena_fmt(c->req->arena, "%llu", (unsigned long long)n);

	if (text.p != NULL)
		http_res_header(c->res, name, text.p);
}

/* A client of another version must not guess what we meant (Tus-Resumable). False: answered. */
static bool tus_ready(struct api_call *c)
{
	if (!api_lab_ready(c))
		return false;
	if (str_eq(http_header(c->req, "tus-resumable"), S(TUS_VERSION)))
		return true;
	api_error(c->res, 412, "tus-version", "Tus-Resumable: expected " TUS_VERSION);
	http_res_header(c->res, "Tus-Version", TUS_VERSION);
	return false;
}

static enum rc number_of(struct api_call *c, const char *name, uint64_t *ret, struct err *err)
{
	struct str text = http_header(c->req, name);

	if (text.p == NULL || !str_to_u64(text, ret))
		return FAIL(err, RC_BAD, "%s: expected a number", name);
	return RC_OK;
}

static enum rc options(struct api_call *c, struct err *err)
{
	(void)err;
	if (!api_lab_ready(c))
		return RC_OK;
	put_tus(c, 204);
	http_res_header(c->res, "Tus-Version", TUS_VERSION);
	http_res_header(c->res, "Tus-Extension", "creation,creation-with-upload,termination");
	put_number(c, "Tus-Max-Size", c->api->lab->size_max);
	return RC_OK;
}

/* Upload-Metadata: "key base64, key base64". What nobody here asked for is passed over, as clients send their own. */
static enum rc meta(struct api_call *c, const char *key, struct str *ret, struct err *err)
{
	struct str rest = http_header(c->req, "upload-metadata"), pair;
	struct buf b;

	*ret = S("");
	while (rest.p != NULL && str_next(&rest, ',', &pair)) {
		struct str trimmed = str_trim(pair), name;
		enum rc rc = RC_OK;

		if (!str_next(&trimmed, ' ', &name) || !str_eq(name, str_of(key)))
			continue;
		buf_init(&b, META_MAX);
		if (!base64_get(&b, str_trim(trimmed)) || !utf8_valid(buf_view(&b), NULL) || str_find(buf_view(&b), str_make("", 1), 0) != SIZE_MAX)
			rc = FAIL(err, RC_BAD, "Upload-Metadata: %s: expected base64 of UTF-8", key);
		else if ((*ret = arena_dup(c->req->arena, buf_view(&b))).p == NULL)
			rc = FAIL(err, RC_NOMEM, "lab: out of memory");
		buf_done(&b);
		return rc;
	}
	return RC_OK;
}

struct summing {
	struct hash_sha256_ctx *hash;
};

static bool add_piece(void *ctx, struct str piece)
{
	struct summing *s = ctx;

	hash_sha256_add(s->hash, piece);
	return true;
}

static enum rc digest_of(struct chest *chest, unsigned char ret[static SHA256_LEN], struct err *err)
{
	struct summing s = { hash_sha256_new() };
	enum rc rc = s.hash == NULL ? FAIL(err, RC_NOMEM, "lab: out of memory") : chest_each(chest, add_piece, &s, err);

	if (s.hash != NULL)
		hash_sha256_end(s.hash, ret);
	hash_sha256_free(s.hash);
	return rc;
}

/* All bytes are there and synced. The row goes first: a core that is killed behind it finds the bytes under the upload's name still. */
static enum rc complete(struct api_call *c, struct submission *s, struct chest *chest, struct err *err)
{
	char *address = arena_alloc(c->req->arena, SAMPLE_ADDRESS_LEN + 1), *hex = arena_alloc(c->req->arena, 2 * SHA256_LEN + 1);
	struct samples *samples = c->api->lab->samples;
	unsigned char sha256[SHA256_LEN];
	enum rc rc;

	if (address == NULL || hex == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	TRY(digest_of(chest, sha256, err));
	samples_address(samples, s->owner, sha256, address);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	s->sha256 = str_of(hex);
	s->address = str_of(address);
	samples_share(samples, s->address);
	rc = submission_complete(c->api->store, s, api_lab_quota(c), s->owner, err);
	if (rc == RC_OK)
		rc = samples_keep(samples, s->id, s->address, err);
	samples_release(samples, s->address);
	TRY(rc);
	c->api->lab->wake(c->api->lab->ctx);
	return RC_OK;
}

/* Durable when it returns. */
static enum rc append(struct api_call *c, struct submission *s, struct chest *chest, struct err *err)
{
	if (c->req->body.n > s->size - chest_size(chest))
		return FAIL(err, RC_LIMIT, "more bytes than Upload-Length said");
	if (c->req->body.n > 0) {
		TRY(chest_append(chest, c->req->body, err));
		TRY(chest_sync(chest, err));
	}
	return chest_size(chest) == s->size ? complete(c, s, chest, err) : RC_OK;
}

static bool brings_bytes(const struct api_call *c)
{
	return str_eq(http_header(c->req, "content-type"), OCTETS);
}

static enum rc create_files(struct api_call *c, struct submission *s, struct str words, struct err *err)
{
	struct samples *samples = c->api->lab->samples;
	struct chest *chest;
	enum rc rc = samples_new(samples, SAMPLE_UPLOAD, s->id, &chest, err);

	TRY(rc);
	rc = chest_sync(chest, err);
	if (rc == RC_OK && words.n > 0)
		rc = samples_put(samples, SAMPLE_WORDS, s->id, str_slice(words, 0, SAMPLE_WORDS_MAX), err);
	if (rc == RC_OK && (brings_bytes(c) || s->size == 0))
		rc = append(c, s, chest, err);
	if (rc == RC_OK)
		put_number(c, "Upload-Offset", chest_size(chest));
	chest_close(chest);
	return rc;
}

static void give_up(struct api_call *c, struct str id)
{
	(void)!samples_destroy(c->api->lab->samples, SAMPLE_UPLOAD, id, NULL);
	(void)!samples_destroy(c->api->lab->samples, SAMPLE_WORDS, id, NULL);
	(void)!submission_drop(c->api->store, id, NULL);
}

static enum rc create_post(struct api_call *c, struct err *err)
{
	struct str name, privacy, words, where;
	struct submission s;
	uint64_t size;
	enum rc rc;

	if (!tus_ready(c))
		return RC_OK;
	put_tus(c, 201);
	TRY(number_of(c, "upload-length", &size, err));
	TRY(meta(c, "filename", &name, err));
	TRY(meta(c, "privacy", &privacy, err));
	TRY(meta(c, "passwords", &words, err));
	TRY(api_lab_begin(c, privacy, name, size, SUBMISSION_UPLOADING, &s, err));
	rc = submission_add(c->api->store, &s, api_lab_quota(c), s.owner, err);
	if (rc == RC_LIMIT) {
		http_res_header(c->res, "Retry-After", "60");
		api_error(c->res, 429, "uploads", err->text);
		return RC_OK;
	}
	if (rc != RC_OK)
		return api_lab_refused(c, rc, err);
	rc = create_files(c, &s, words, err);
	if (rc != RC_OK) {
		give_up(c, s.id);
		return rc;
	}
	where = arena_fmt(c->req->arena, "/api/v1/lab/uploads/%.*s", STR(s.id));
	if (where.p == NULL)
		return FAIL(err, RC_NOMEM, "lab: out of memory");
	http_res_header(c->res, "Location", where.p);
	c->res->status = 201;
	return RC_OK;
}

/* One's own upload; also when it is complete. */
static enum rc find_upload(struct api_call *c, struct submission *ret, struct err *err)
{
	TRY(submission_get(c->api->store, c->params[0], c->req->arena, ret, err));
	if (!api_lab_owns(c, ret) || ret->state == SUBMISSION_DELETED)
		return FAIL(err, RC_NOTFOUND, "no upload '%.*s'", STR(c->params[0]));
	return RC_OK;
}

static enum rc open_upload(struct api_call *c, const struct submission *s, struct chest **ret, struct err *err)
{
	enum rc rc = samples_get(c->api->lab->samples, SAMPLE_UPLOAD, s->id, true, ret, err);

	if (rc == RC_CORRUPT)
		return FAIL(err, RC_NOTFOUND, "no upload '%.*s'", STR(s->id));
	return rc;
}

/* 423: another request writes it; the client comes again. */
static enum rc locked(struct api_call *c)
{
	http_res_header(c->res, "Retry-After", "1");
	api_error(c->res, 423, "locked", "another request writes this upload");
	return RC_OK;
}

static enum rc upload_head(struct api_call *c, struct err *err)
{
	struct submission s;
	struct chest *chest;
	uint64_t offset;
	enum rc rc;

	if (!tus_ready(c))
		return RC_OK;
	put_tus(c, 200);
	TRY(find_upload(c, &s, err));
	offset = s.size;
	if (s.state == SUBMISSION_UPLOADING) {
		rc = open_upload(c, &s, &chest, err);
		if (rc == RC_BUSY)
			return locked(c);
		TRY(rc);
		offset = chest_size(chest);
		/* Complete to the last byte, and killed before the receipt: the end is made now. */
		if (offset == s.size)
			rc = complete(c, &s, chest, err);
		chest_close(chest);
		TRY(rc);
	}
	put_number(c, "Upload-Offset", offset);
	put_number(c, "Upload-Length", s.size);
	return RC_OK;
}

static enum rc patch_it(struct api_call *c, struct submission *s, struct chest *chest, struct err *err)
{
	uint64_t offset;

	TRY(number_of(c, "upload-offset", &offset, err));
	if (offset != chest_size(chest)) {
		api_error(c->res, 409, "offset", "another Upload-Offset is right");
		put_number(c, "Upload-Offset", chest_size(chest));
		return RC_OK;
	}
	TRY(append(c, s, chest, err));
	put_number(c, "Upload-Offset", chest_size(chest));
	c->res->status = 204;
	return RC_OK;
}

static enum rc upload_patch(struct api_call *c, struct err *err)
{
	struct submission s;
	struct chest *chest;
	enum rc rc;

	if (!tus_ready(c))
		return RC_OK;
	put_tus(c, 204);
	if (!brings_bytes(c)) {
		api_error(c->res, 415, "media-type", "Content-Type: expected application/offset+octet-stream");
		return RC_OK;
	}
	TRY(find_upload(c, &s, err));
	if (s.state != SUBMISSION_UPLOADING) {
		api_error(c->res, 409, "offset", "the upload is complete");
		put_number(c, "Upload-Offset", s.size);
		return RC_OK;
	}
	rc = open_upload(c, &s, &chest, err);
	if (rc == RC_BUSY)
		return locked(c);
	TRY(rc);
	rc = patch_it(c, &s, chest, err);
	chest_close(chest);
	return rc;
}

static enum rc upload_delete(struct api_call *c, struct err *err)
{
	struct submission s;

	if (!tus_ready(c))
		return RC_OK;
	put_tus(c, 204);
	TRY(find_upload(c, &s, err));
	if (s.state != SUBMISSION_UPLOADING)
		return FAIL(err, RC_CONFLICT, "it is complete: DELETE /lab/submissions/%.*s", STR(s.id));
	TRY(samples_destroy(c->api->lab->samples, SAMPLE_UPLOAD, s.id, err));
	TRY(samples_destroy(c->api->lab->samples, SAMPLE_WORDS, s.id, err));
	return submission_drop(c->api->store, s.id, err);
}

const struct api_route API_ROUTES_LAB[] = {
	{ "OPTIONS", "/lab/uploads", API_ANY, options, "What this server knows of tus 1.0", NULL, NULL, NULL },
	{ "POST", "/lab/uploads", API_ANY, create_post, "Begin an upload (tus creation): Upload-Length, Upload-Metadata with filename, privacy, passwords; 201 and Location", NULL,
	  NULL, NULL },
	{ "HEAD", "/lab/uploads/{upload}", API_ANY, upload_head, "How much of an upload is durable (Upload-Offset)", NULL, NULL, NULL },
	{ "PATCH", "/lab/uploads/{upload}", API_ANY, upload_patch, "The next piece, application/offset+octet-stream, at Upload-Offset; the last one makes it a submission of the same id",
	  NULL, NULL, NULL },
	{ "DELETE", "/lab/uploads/{upload}", API_ANY, upload_delete, "Give an upload up", NULL, NULL, NULL },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
