#include "web/second.h"

#include "base/hash.h"
#include "base/text.h"
#include "stix/marking.h"
#include "store/accounts.h"
#include "store/approvals.h"
#include "store/collections.h"
#include "web/auth.h"
#include "web/signing.h"

#define ID_BYTES 12

static const char LIST_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"approvals\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},"
	"\"asker\":{\"type\":\"string\"},\"at\":{\"type\":\"string\"},\"method\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"},\"body\":{},"
	"\"state\":{\"enum\":[\"waits\",\"approved\",\"refused\",\"void\"]},\"decider\":{\"type\":\"string\"},\"decided\":{\"type\":\"string\"},"
	"\"reason\":{\"type\":\"string\"},\"result\":{\"type\":\"string\"}}}}}}";
static const char REFUSE_REQUEST[] = "{\"type\":\"object\",\"properties\":{\"reason\":{\"type\":\"string\"}}}";
static const char DONE_SCHEMA[] = "{\"type\":\"object\"}";

static bool is_admin(struct api_call *c, struct str name)
{
	struct user u;

	return user_get(c->api->store, name, c->req->arena, &u, NULL) == RC_OK && str_eq(u.role, S("admin"));
}

/* --- which are dangerous --- */

static bool always(struct api_call *c)
{
	(void)c;
	return true;
}

/* Lets in as another administrator, or takes away what keeps others from it. */
static bool of_other_admin(struct api_call *c)
{
	return is_admin(c, c->params[0]) && !str_eq(c->params[0], c->viewer->name);
}

static bool token_of_other_admin(struct api_call *c)
{
	struct str user = json_get_str(c->body, S("user"));

	return is_admin(c, user) && !str_eq(user, c->viewer->name);
}

/* More than the account has now: administrator's rights, a stricter TLP; and an administrator's own account. */
static bool grants(struct api_call *c)
{
	struct str name = json_get_str(c->body, S("name")), role = json_get_str(c->body, S("role")), tlp = json_get_str(c->body, S("tlp_max"));
	struct user u = { .role = S(""), .tlp_max = TLP_AMBER };
	enum tlp level;

	(void)!user_get(c->api->store, name, c->req->arena, &u, NULL);
	if (str_eq(u.role, S("admin")))
		return !str_eq(name, c->viewer->name);
	return str_eq(role, S("admin")) || (tlp_parse(tlp, &level) && level > u.tlp_max);
}

static bool of_setting(struct api_call *c)
{
	return c->api->setting_second != NULL && c->api->setting_second(c->api->ctx, c->params[0], c->params[1]);
}

static bool turns_on(const struct api_call *c, const char *name, bool was)
{
	const struct json *v = json_get(c->body, str_of(name));

	return !was && v != NULL && v->type == JSON_TRUE;
}

/* What a collection holds is shown to more, or it takes what was too strict for it: the TLP that held it back is lowered. */
static bool opens_collection(struct api_call *c)
{
	struct str root = json_get_str(c->body, S("root")), id = json_get_str(c->body, S("id")), tlp = json_get_str(c->body, S("tlp_max"));
	struct collection k;
	enum tlp level;

	if (id.n == 0 || collection_get(c->api->store, root, id, c->req->arena, &k, NULL) != RC_OK)
		return false; /* a new one holds nothing yet */
	return (tlp_parse(tlp, &level) && level > k.tlp_max) || turns_on(c, "all_read", k.all_read) || turns_on(c, "anon_read", k.anon_read);
}

static bool gives_right(struct api_call *c)
{
	return turns_on(c, "read", false) || turns_on(c, "write", false);
}

static const struct {
	const char *method, *path;
	bool (*is)(struct api_call *c);
} acts[] = {
	{ "POST", "/users", grants },
	{ "DELETE", "/users/{name}", always },
	{ "POST", "/users/{name}/link", of_other_admin },
	{ "DELETE", "/users/{name}/factor", of_other_admin },
	{ "DELETE", "/users/{name}/passkeys", of_other_admin },
	{ "POST", "/users/{name}/identities", of_other_admin },
	{ "POST", "/tokens", token_of_other_admin },
	{ "DELETE", "/collections/{root}/{id}", always },
	{ "POST", "/collections", opens_collection },
	{ "POST", "/collections/{root}/{id}/rights", gives_right },
	{ "POST", "/peers", always },
	{ "POST", "/peers/{name}/links", always },
	{ "POST", "/community/members/{member}/admit", always },
	{ "POST", "/community/members/{member}/expel", always },
	{ "POST", "/community/members/{member}/open", always },
	{ "PUT", "/settings/{section}/{key}", of_setting },
	{ "DELETE", "/settings/{section}/{key}", of_setting },
	{ "DELETE", "/peers/{name}", always },
};

static bool is_dangerous(struct api_call *c, const struct api_route *route)
{
	for (size_t i = 0; i < COUNTOF(acts); i++)
		if (str_eq(str_of(acts[i].method), str_of(route->method)) && str_eq(str_of(acts[i].path), str_of(route->path)))
			return acts[i].is(c);
	return false;
}

/* With one administrator there is nobody to ask. */
static bool in_force(struct api_call *c)
{
	struct user *list;
	size_t n, admins = 0;

	if (!c->api->second_person_auto)
		return c->api->second_person_on;
	if (user_list(c->api->store, c->req->arena, &list, &n, NULL) != RC_OK)
		return true;
	for (size_t i = 0; i < n; i++)
		admins += str_eq(list[i].role, S("admin")) && user_is_open(&list[i], time_now());
	return admins >= 2;
}

enum rc second_holds(struct api_call *c, const struct api_route *route, bool *ret_held, struct err *err)
{
	struct approval x = { .asker = c->viewer->name, .method = str_of(route->method), .path = c->req->path, .at = time_now() };
	unsigned char raw[ID_BYTES];
	struct buf id;
	enum rc rc;

	*ret_held = false;
	if (c->approved || c->viewer->kind != VIEWER_USER || !is_dangerous(c, route) || !in_force(c))
		return RC_OK;
	if (json_get(c->body, S("password")) != NULL)
		return FAIL(err, RC_UNSUPPORTED, "this waits for a second person, and a password must not: leave it out, and send the user a link");
	x.body = c->body == NULL ? S("") : c->req->body;
	random_bytes(raw, sizeof raw);
	buf_init(&id, 64);
	hex_put(&id, str_make((const char *)raw, sizeof raw));
	x.id = buf_view(&id);
	rc = id.bad == RC_OK ? approval_add(c->api->store, &x, err) : FAIL(err, RC_NOMEM, "approval: out of memory");
	if (rc == RC_OK)
		rc = api_fact(c, "approval.ask", x.id, S(""), err);
	if (rc == RC_OK) {
		*ret_held = true;
		c->res->status = 202;
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "approval", x.id);
		jsonw_m_cstr(&c->out, "state", "waits");
		jsonw_object_end(&c->out);
	}
	buf_done(&id);
	return rc;
}

/* --- deciding --- */

static enum rc list_get(struct api_call *c, struct err *err)
{
	struct approval *list;
	size_t n;

	TRY(approval_list(c->api->store, time_now(), 200, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "approvals");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "id", list[i].id);
		jsonw_m_str(&c->out, "asker", list[i].asker);
		jsonw_m_time(&c->out, "at", list[i].at);
		jsonw_m_str(&c->out, "method", list[i].method);
		jsonw_m_str(&c->out, "path", list[i].path);
		if (list[i].body.n > 0) {
			jsonw_name(&c->out, "body");
			jsonw_raw(&c->out, list[i].body);
		}
		jsonw_m_str(&c->out, "state", list[i].state);
		if (list[i].decided != 0) {
			jsonw_m_str(&c->out, "decider", list[i].decider);
			jsonw_m_time(&c->out, "decided", list[i].decided);
			jsonw_m_str(&c->out, "reason", list[i].reason);
			jsonw_m_str(&c->out, "result", list[i].result);
		}
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc decide(struct api_call *c, bool yes, struct str reason, struct approval *ret, struct err *err)
{
	TRY(signing_is_user(c, err));
	TRY(approval_get(c->api->store, c->params[0], time_now(), c->req->arena, ret, err));
	if (str_eq(ret->asker, c->viewer->name))
		return FAIL(err, RC_DENIED, "a second person decides, not who asked");
	TRY(approval_decide(c->api->store, ret->id, yes, c->viewer->name, reason, time_now(), err));
	return api_fact(c, yes ? "approval.yes" : "approval.no", ret->id, S(""), err);
}

/* As its asker's, who must still be there and may still do so much. */
static enum rc approve_post(struct api_call *c, struct err *err)
{
	struct viewer asker = { .kind = VIEWER_USER };
	struct http_req again = *c->req;
	struct http_res res = { .status = 200 };
	struct approval x;
	struct str status;
	struct user u;
	enum rc rc;

	TRY(decide(c, true, S(""), &x, err));
	rc = user_get(c->api->store, x.asker, c->req->arena, &u, err);
	if (rc == RC_NOTFOUND || (rc == RC_OK && !user_is_open(&u, time_now())))
		return FAIL(err, RC_CONFLICT, "who asked for it may not sign in any more");
	TRY(rc);
	auth_viewer_of(&u, &asker);
	again.method = x.method;
	again.path = x.path;
	again.body = x.body;
	buf_init(&res.body, API_REPLY_MAX);
	api_handle_approved(c->api, &asker, &again, &res);
	status = arena_fmt(c->req->arena, "%d", res.status);
	rc = status.p == NULL ? FAIL(err, RC_NOMEM, "approval: out of memory") : approval_done(c->api->store, x.id, status, err);
	if (rc == RC_OK) {
		jsonw_object(&c->out);
		jsonw_m_cstr(&c->out, "state", "approved");
		jsonw_m_int(&c->out, "status", res.status);
		jsonw_name(&c->out, "result");
		jsonw_raw(&c->out, res.body.n > 0 ? buf_view(&res.body) : S("{}"));
		jsonw_object_end(&c->out);
	}
	buf_done(&res.body);
	return rc;
}

static enum rc refuse_post(struct api_call *c, struct err *err)
{
	struct approval x;
	struct str reason;

	TRY(api_text(c, "reason", false, &reason, err));
	TRY(decide(c, false, reason, &x, err));
	jsonw_raw(&c->out, S("{\"state\":\"refused\"}"));
	return RC_OK;
}

const struct api_route API_ROUTES_SECOND[] = {
	{ "GET", "/approvals", API_ADMIN, list_get, "Dangerous changes that wait for a second person, and what became of them", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/approvals/{id}/approve", API_ADMIN, approve_post, "Approve what somebody else asked for: it is done now", NULL, NULL, DONE_SCHEMA },
	{ "POST", "/approvals/{id}/refuse", API_ADMIN, refuse_post, "Refuse it", NULL, REFUSE_REQUEST, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
