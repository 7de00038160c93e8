/* TAXII 2.1 server, statements T63-T78: adding, one object, deleting, versions, methods. */
#include <sys/wait.h>

#include "store/facts.h"
#include "world.h"

#define ID(k) "indicator--00000000-0000-4000-8000-0000000000" k
#define ONE(k) C_MAIN "objects/" ID(k) "/"

/* An envelope of up to three indicators. */
static struct got post_versions(int k, const char *const *versions, size_t n, const char *name)
{
	struct buf b;
	char one[700];
	struct got g;

	buf_init(&b, 100000);
	buf_cstr(&b, "{\"objects\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&b, ',');
		buf_cstr(&b, indicator(one, sizeof one, k, versions[i], name));
	}
	buf_cstr(&b, "]}");
	g = post(&alice, C_MAIN "objects/", b.p);
	buf_done(&b);
	return g;
}

static struct got post_one(int k, const char *version, const char *name)
{
	return post_versions(k, &version, 1, name);
}

static uint32_t versions_of(const char *path)
{
	char target[300];
	struct got g;
	uint32_t n;

	snprintf(target, sizeof target, "%sversions/", path);
	g = get(&alice, target);
	n = g.status == 200 ? got_count(&g, "versions") : 1000u + (uint32_t)g.status;
	got_done(&g);
	return n;
}

static int64_t failures_of(struct got g)
{
	int64_t n = g.status == 202 ? got_int(&g, "failure_count") : -g.status;

	got_done(&g);
	return n;
}

static void test_add(void)
{
	struct got g = post_one(1, "2020-01-01T00:00:00.000Z", "a");

	OK(g.status == 202 && str_eq(got_str(&g, "status"), S("complete")) && got_int(&g, "success_count") == 1, "T63 POST is 202 and a status");
	got_done(&g);
	g = post_one(1, "2020-01-01T00:00:00.000Z", "a");
	OK(g.status == 202 && got_int(&g, "failure_count") == 0 && got_int(&g, "success_count") == 1, "T64 an exact duplicate is no error");
	got_done(&g);
	OK(versions_of(ONE("01")) == 1, "T64 and makes no second version");
	g = get(&alice, C_MAIN "manifest/?match[id]=" ID("01") "&match[version]=all");
	OK(got_count(&g, "objects") == 1, "T64 nor a second manifest entry");
	got_done(&g);
	g = post_one(1, "2020-01-01T00:00:00.000Z", "another");
	OK(g.status == 202 && got_int(&g, "failure_count") == 1 && got_item(&g, "failures", 0, "message").n > 0, "T65 other content under the same version is a failure with a message");
	got_done(&g);
	g = get(&alice, ONE("01"));
	OK(str_eq(got_item(&g, "objects", 0, "name"), S("a")), "T65 and what was there stays");
	got_done(&g);
}

static void test_mixed(void)
{
	char good[700], body[3000];
	struct got g;

	indicator(good, sizeof good, 2, "2020-01-01T00:00:00.000Z", "good");
	snprintf(body, sizeof body, "{\"objects\":[%s,{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"" ID("03") "\"},7,{},"
		 "{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"" ID("04") "\",\"created\":\"2020-01-01T00:00:00.000Z\","
		 "\"modified\":\"2020-01-01T00:00:00.000Z\",\"is_family\":false,\"name\":\"m\"}]}", good);
	g = post(&alice, C_MAIN "objects/", body);
	OK(g.status == 202 && got_int(&g, "success_count") == 1 && got_int(&g, "failure_count") == 4, "T66 good objects succeed, bad ones fail singly");
	OK(got_count(&g, "failures") == 4 && got_item(&g, "failures", 3, "message").n > 0, "T66 each failure says why");
	OK(str_eq(got_item(&g, "failures", 0, "id"), S(ID("03"))), "T66 and which object it was, as far as it can be read");
	got_done(&g);
	OK(status_of(get(&alice, ONE("02"))) == 200 && status_of(get(&alice, ONE("03"))) == 404, "T66 only the good one is there");
}

static void test_bad_bodies(void)
{
	static const struct { const char *name, *body; } rows[] = {
		{ "nothing", "" }, { "no JSON", "hello" }, { "a cut envelope", "{\"objects\":[" }, { "an array", "[{}]" }, { "a string", "\"objects\"" },
		{ "an object without objects", "{\"type\":\"indicator\"}" }, { "an empty envelope", "{}" }, { "an empty list", "{\"objects\":[]}" },
		{ "objects that are no list", "{\"objects\":{\"a\":1}}" }, { "null", "{\"objects\":null}" },
	};
	struct buf deep;
	struct got g;

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int status = status_of(post(&alice, C_MAIN "objects/", rows[i].body));

		OK(status == 400 || status == 422, "T67 %s is 400 or 422 (%d)", rows[i].name, status);
	}
	g = post(&alice, C_MAIN "objects/", "{\"objects\":[{\"type\":\"identity\",\"spec_version\":\"9.9\",\"id\":\"identity--" NO_ID "\","
		 "\"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"i\",\"identity_class\":\"group\"}]}");
	OK(g.status == 202 && got_int(&g, "failure_count") == 1, "T67 an unknown spec_version fails");
	got_done(&g);
	buf_init(&deep, 190000);
	buf_cstr(&deep, "{\"objects\":[");
	for (int i = 0; i < 80000; i++)
		buf_char(&deep, '[');
	int status = status_of(ask(&alice, "POST", C_MAIN "objects/", SEND, buf_view(&deep)));

	OK(status == 400 || status == 413, "T67 80,000 open brackets are refused (%d)", status);
	buf_clear(&deep);
	buf_cstr(&deep, "{\"objects\":[0");
	for (int i = 0; i < 80000; i++)
		buf_cstr(&deep, ",0");
	buf_cstr(&deep, "]}");
	status = status_of(ask(&alice, "POST", C_MAIN "objects/", SEND, buf_view(&deep)));
	OK(status == 413 || status == 202, "T67 80,000 zeros do no harm (%d)", status);
	buf_done(&deep);
	OK(status_of(post(&alice, C_MAIN "objects/?limit=1", "{\"objects\":[{}]}")) == 400, "T67 POST knows no filters");
}

static void test_order(void)
{
	static const char *const versions[] = { "2020-03-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z", "2020-02-01T00:00:00.000Z" };
	static const char relation[] = "{\"objects\":[{\"type\":\"relationship\",\"spec_version\":\"2.1\",\"id\":\"relationship--" NO_ID "\","
		"\"created\":\"2020-01-01T00:00:00.000Z\",\"modified\":\"2020-01-01T00:00:00.000Z\",\"relationship_type\":\"indicates\","
		"\"source_ref\":\"" ID("98") "\",\"target_ref\":\"malware--" NO_ID "\"}]}";
	struct got g;

	OK(failures_of(post_versions(10, versions, 3, "n")) == 0, "T68 objects come in any order");
	g = post(&alice, C_MAIN "objects/", relation);
	OK(got_int(&g, "success_count") == 1, "T68 references to what is not here are kept");
	got_done(&g);
	OK(status_of(get(&alice, C_MAIN "objects/relationship--" NO_ID "/")) == 200, "T68 and readable");
	g = get(&alice, ONE("10"));
	OK(str_eq(got_item(&g, "objects", 0, "modified"), S("2020-03-01T00:00:00.000Z")), "T69 an older version that came later does not become the last");
	got_done(&g);
	g = get(&alice, ONE("10") "?match[version]=2020-01-01T00:00:00Z");
	OK(got_count(&g, "objects") == 1, "T69 and is kept as an older version");
	got_done(&g);
}

/* A process that dies right behind its 202. */
static void test_crash(void)
{
	struct err err = { 0 };
	int state = 0;
	pid_t pid;

	OK(status_of(post_one(20, "2020-01-01T00:00:00.000Z", "n")) == 202 && status_of(get(&alice, ONE("20"))) == 200, "T70 readable at once after the 202");
	taxii_server_free(w.server);
	store_close(w.store);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (engine_reopen(&w.engine, false, &w.store, &err) != RC_OK)
			_exit(2);
		open_server();
		_exit(status_of(post_one(21, "2020-01-01T00:00:00.000Z", "n")) == 202 ? 0 : 3); /* nothing is closed */
	}
	waitpid(pid, &state, 0);
	must(engine_reopen(&w.engine, false, &w.store, &err), &err, "store");
	open_server();
	OK(WIFEXITED(state) && WEXITSTATUS(state) == 0 && status_of(get(&alice, ONE("21"))) == 200, "T70 and after a crash");
}

static void test_one(void)
{
	static const char *const versions[] = { "2020-01-01T00:00:00.000Z", "2020-02-01T00:00:00.000Z", "2020-03-01T00:00:00.000Z" };
	struct got g;

	OK(failures_of(post_versions(30, versions, 3, "n")) == 0, "posted three versions");
	g = get(&alice, ONE("30") "?match[version]=all&limit=2");
	OK(got_count(&g, "objects") == 2 && got_more(&g) && got_str(&g, "next").n > 0, "T71 GET object pages its versions");
	got_done(&g);
	g = get(&alice, ONE("30") "?match[version]=first,2020-03-01T00:00:00Z");
	OK(got_count(&g, "objects") == 2 && str_eq(got_item(&g, "objects", 0, "modified"), S("2020-01-01T00:00:00.000Z")), "T71 and gives the versions asked for");
	got_done(&g);
	OK(status_of(get(&alice, ONE("30") "?match[type]=indicator")) == 400 && status_of(get(&alice, ONE("30") "?match[id]=x")) == 400,
	   "T71 only version and spec_version match here");
	g = get(&alice, ONE("30") "?added_after=2999-01-01T00:00:00Z");
	OK(g.status == 200 && strcmp(g.body, "{}") == 0, "T71 an object outside the filter gives an empty envelope");
	got_done(&g);
	OK(status_of(get(&alice, C_MAIN "objects/indicator--" NO_ID "/")) == 404, "T72 an unknown id is 404");
	OK(status_of(get(&alice, C_MAIN "objects/%ff/")) == 404 && status_of(get(&alice, C_MAIN "objects/a%2fb/")) == 404
	   && status_of(get(&alice, C_MAIN "objects/a%00b/")) == 404, "T72 as is what cannot be one");
}

static int del(const struct viewer *v, const char *path)
{
	struct got g = ask(v, "DELETE", path, ACCEPT, S(""));
	int status = g.status;

	if (status == 200)
		OK(g.n == 0 && strcmp(g.type, TAXII_TYPE) == 0, "T74 DELETE that succeeds has no body");
	got_done(&g);
	return status;
}

static void test_delete_rights(void)
{
	static const char *const tail = "objects/" ID("40") "/";
	static const struct { const char *collection; int status; const char *name; } rows[] = {
		{ C_SHOWN, 404, "neither right" }, { C_HIDDEN, 404, "hidden" }, { C_READ, 403, "reading only" }, { C_WRITE, 403, "writing only" },
		{ C_MAIN, 200, "both" },
	};
	char path[300];

	OK(failures_of(post_one(40, "2020-01-01T00:00:00.000Z", "n")) == 0, "posted one");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		snprintf(path, sizeof path, "%s%s", rows[i].collection, tail);
		OK(del(&alice, path) == rows[i].status, "T73 DELETE with %s is %d", rows[i].name, rows[i].status);
	}
}

static void test_delete(void)
{
	static const char *const versions[] = { "2020-01-01T00:00:00.000Z", "2020-02-01T00:00:00.000Z", "2020-03-01T00:00:00.000Z", "2020-04-01T00:00:00.000Z" };
	struct got g;

	OK(failures_of(post_versions(41, versions, 2, "n")) == 0 && del(&alice, ONE("41")) == 200, "T74 DELETE is 200");
	g = get(&alice, C_MAIN "manifest/?match[id]=" ID("41") "&match[version]=all");
	OK(status_of(get(&alice, ONE("41"))) == 404 && versions_of(ONE("41")) == 1404 && strcmp(g.body, "{}") == 0,
	   "T74 then it is in object, versions and manifest no more, in no version");
	got_done(&g);
	OK(failures_of(post_versions(41, versions, 1, "n")) == 0 && status_of(get(&alice, ONE("41"))) == 200, "T74 it may come again");

	OK(failures_of(post_versions(42, versions, 4, "n")) == 0 && del(&alice, ONE("42") "?match[version]=2020-02-01T00:00:00Z") == 200
	   && versions_of(ONE("42")) == 3, "T75 DELETE of one version");
	OK(del(&alice, ONE("42") "?match[version]=first") == 200 && versions_of(ONE("42")) == 2, "T75 of the first");
	OK(del(&alice, ONE("42") "?match[version]=last") == 200 && versions_of(ONE("42")) == 1, "T75 of the last");
	g = get(&alice, ONE("42"));
	OK(str_eq(got_item(&g, "objects", 0, "modified"), S("2020-03-01T00:00:00.000Z")), "T75 what is left is the one that was not named");
	got_done(&g);
	OK(del(&alice, ONE("42") "?match[version]=2019-01-01T00:00:00Z") == 404 && del(&alice, ONE("42") "?match[spec_version]=2.0") == 404
	   && versions_of(ONE("42")) == 1, "T75 of none that is there: 404");
	OK(del(&alice, ONE("42") "?match[spec_version]=2.1") == 200 && status_of(get(&alice, ONE("42"))) == 404, "T75 of a spec version");
	OK(del(&alice, ONE("42") "?match[type]=indicator") == 400 && del(&alice, ONE("42") "?limit=1") == 400, "T75 other filters are 400");
	OK(del(&alice, ONE("42")) == 404 && del(&alice, C_MAIN "objects/nothing/") == 404, "T76 DELETE of an unknown object is 404");
}

static void test_versions(void)
{
	static const char sco[] = "{\"objects\":[{\"type\":\"ipv4-addr\",\"spec_version\":\"2.1\",\"id\":\"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd\",\"value\":\"198.51.100.3\"}]}";
	static const char *const versions[] = { "2020-02-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z" };
	static const char path[] = C_MAIN "objects/ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd/";
	struct got g;

	OK(failures_of(post_versions(50, versions, 2, "n")) == 0, "posted two versions");
	g = get(&alice, ONE("50") "versions/");
	OK(got_count(&g, "versions") == 2 && str_eq(got_item(&g, "versions", 0, NULL), S("2020-02-01T00:00:00.000Z")), "T77 versions are strings in order of arrival");
	got_done(&g);
	g = post(&alice, C_MAIN "objects/", sco);
	OK(got_int(&g, "success_count") == 1, "posted an object without versions");
	got_done(&g);
	g = get(&alice, C_MAIN "objects/ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd/versions/");
	OK(got_count(&g, "versions") == 1 && got_item(&g, "versions", 0, NULL).n == 27, "T77 which has one, that the server made up");
	got_done(&g);
	char target[300];

	snprintf(target, sizeof target, "%s?match[version]=1970-01-01T00:00:00Z", path);
	g = get(&alice, target);
	OK(got_count(&g, "objects") == 1, "T77 and can be asked for");
	got_done(&g);
	g = get(&alice, ONE("50") "versions/?added_after=2999-01-01T00:00:00Z");
	OK(g.status == 200 && strcmp(g.body, "{}") == 0, "T77 without any the key is left out");
	got_done(&g);
	g = get(&alice, ONE("50") "versions/?limit=1");
	OK(got_count(&g, "versions") == 1 && got_more(&g) && got_str(&g, "next").n > 0, "T77 versions are paged");
	got_done(&g);
	OK(versions_of(C_MAIN "objects/indicator--" NO_ID "/") == 1404, "T77 unknown id: 404");
	OK(status_of(get(&alice, ONE("50") "versions/?match[version]=all")) == 400, "T77 match[version] is not known here");
}

static void test_methods(void)
{
	static const char *const odd[] = { "PUT", "PATCH", "TRACE", "CONNECT", "get", "FOO" };
	struct got g = ask(&alice, "OPTIONS", C_MAIN "objects/", ACCEPT, S(""));

	OK(g.status == 204 && strcmp(g.allow, "GET, HEAD, OPTIONS, POST") == 0 && g.n == 0, "T78 OPTIONS says what is allowed");
	got_done(&g);
	for (size_t i = 0; i < COUNTOF(odd); i++) {
		g = ask(&alice, odd[i], C_MAIN "objects/", SEND, S("{}"));
		OK(g.status == 405 && g.allow[0] != '\0', "T78 %s is 405 with Allow", odd[i]);
		got_done(&g);
	}
	OK(status_of(ask(&alice, "DELETE", "/api/", ACCEPT, S(""))) == 405 && status_of(ask(&alice, "POST", C_MAIN "manifest/", SEND, S("{}"))) == 405,
	   "T78 each endpoint knows its own methods only");
	OK(status_of(ask(&alice, "HEAD", C_HIDDEN "objects/", ACCEPT, S(""))) == 404 && status_of(ask(&alice, "OPTIONS", C_HIDDEN, ACCEPT, S(""))) == 404,
	   "T78 HEAD and OPTIONS tell nothing of what is hidden");
	OK(status_of(ask(&alice, "HEAD", C_MAIN "objects/", ACCEPT, S(""))) == 200, "T78 HEAD is answered");
}

static bool count_fact(void *ctx, const struct fact *f)
{
	*(int *)ctx += str_eq(f->actor, S("user:alice")) && str_eq(f->subject, S(ID("60")));
	return true;
}

static void test_facts_of_deletion(void)
{
	int found = 0;

	OK(failures_of(post_one(60, "2020-01-01T00:00:00.000Z", "n")) == 0 && del(&alice, ONE("60")) == 200, "a deletion");
	OK(fact_each(w.store, 0, S("object.delete"), count_fact, &found, NULL) == RC_OK && found == 1, "T74 who deleted what is a fact");
}

int main(void)
{
	world_open();
	test_add();
	test_mixed();
	test_bad_bodies();
	test_order();
	test_one();
	test_delete_rights();
	test_delete();
	test_versions();
	test_methods();
	test_facts_of_deletion();
	test_crash();
	world_close();
	return tap_done();
}
