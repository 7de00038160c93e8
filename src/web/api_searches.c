/* One's own saved searches: they follow the account to whatever browser or script it signs in with. */
#include "web/api.h"

#include "store/searches.h"
#include "web/signing.h"

static const char LIST_SCHEMA[] =
	"{\"type\":\"object\",\"properties\":{\"searches\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"view\":{\"type\":\"string\"},"
	"\"name\":{\"type\":\"string\"},\"query\":{\"type\":\"string\"},\"saved\":{\"type\":\"string\"}}}}}}";
static const char SAVE_REQUEST[] =
	"{\"type\":\"object\",\"required\":[\"view\",\"name\",\"query\"],\"properties\":{\"view\":{\"type\":\"string\",\"description\":\"events, tickets, ...\"},"
	"\"name\":{\"type\":\"string\"},\"query\":{\"type\":\"string\",\"description\":\"what the view's address says behind its ?\"}}}";
static const char DONE_SCHEMA[] = "{\"type\":\"object\"}";

static enum rc searches_get(struct api_call *c, struct err *err)
{
	struct saved_search *list;
	size_t n;

	TRY(signing_is_user(c, err));
	TRY(search_list(c->api->store, c->viewer->name, c->req->arena, &list, &n, err));
	jsonw_object(&c->out);
	jsonw_name(&c->out, "searches");
	jsonw_array(&c->out);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&c->out);
		jsonw_m_str(&c->out, "view", list[i].view);
		jsonw_m_str(&c->out, "name", list[i].name);
		jsonw_m_str(&c->out, "query", list[i].query);
		jsonw_m_time(&c->out, "saved", list[i].at);
		jsonw_object_end(&c->out);
	}
	jsonw_array_end(&c->out);
	jsonw_object_end(&c->out);
	return RC_OK;
}

static enum rc searches_post(struct api_call *c, struct err *err)
{
	struct saved_search x = { .user = c->viewer->name, .at = time_now() };

	TRY(signing_is_user(c, err));
	TRY(api_text(c, "view", true, &x.view, err));
	TRY(api_text(c, "name", true, &x.name, err));
	TRY(api_text(c, "query", true, &x.query, err));
	TRY(search_put(c->api->store, &x, err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

static enum rc searches_delete(struct api_call *c, struct err *err)
{
	TRY(signing_is_user(c, err));
	TRY(search_remove(c->api->store, c->viewer->name, c->params[0], c->params[1], err));
	jsonw_raw(&c->out, S("{}"));
	return RC_OK;
}

const struct api_route API_ROUTES_SEARCHES[] = {
	{ "GET", "/session/searches", API_READER, searches_get, "One's own saved searches", NULL, NULL, LIST_SCHEMA },
	{ "POST", "/session/searches", API_READER, searches_post, "Save a search, or change the one of that view and name", NULL, SAVE_REQUEST, DONE_SCHEMA },
	{ "DELETE", "/session/searches/{view}/{name}", API_READER, searches_delete, "Remove one of one's own saved searches", NULL, NULL, DONE_SCHEMA },
	{ NULL, NULL, API_ANY, NULL, NULL, NULL, NULL, NULL },
};
