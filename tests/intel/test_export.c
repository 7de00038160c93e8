/* What goes out in each format, for whom, and that MISP events survive the way in and out. */
#include "gate/folder.h"
#include "intel/export.h"
#include "intel/import.h"
#include "intel/material.h"
#include "stix/marking.h"
#include "tap.h"

#define NOW INT64_C(1767225600000000) /* 2026-01-01 */

static struct folder at;
static struct warninglists *warn;

static void begin(void)
{
	struct err err;

	if (!folder_open(&at, &err)) {
		OK(false, "a store: %s", err.text);
		exit(1);
	}
}

static void put(enum import_format f, struct str text)
{
	struct import_opts o = { .format = f, .source_name = S("feed:test"), .tlp = TLP_GREEN, .confidence = 60, .now = NOW,
				 .admit = { .collection = 1, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER } };
	struct err err = { 0 };
	struct import *im;

	if (import_new(at.store, &o, &im, &err) != RC_OK || import_feed(im, text, &err) != RC_OK || import_end(im, &err) != RC_OK) {
		OK(false, "import: %s", err.text);
		exit(1);
	}
	if (import_report(im)->failed > 0)
		OK(false, "import: %.*s", STR(import_report(im)->failures[0].message));
	import_free(im);
}

static enum rc append(void *ctx, struct str piece, struct err *err)
{
	struct buf *b = ctx;

	buf_str(b, piece);
	return buf_check(b, err, "test");
}

static struct export_stats run(struct export_opts *o, uint8_t tlp, struct buf *out)
{
	struct viewer v = { .kind = VIEWER_USER, .name = S("u"), .role = S("analyst"), .tlp_max = tlp };
	struct export_stats st = { 0 };
	struct err err = { 0 };

	o->collection = 1;
	o->collection_name = S("root/c");
	o->ceiling = TLP_RED;
	o->node_name = S("node\nx");
	o->now = o->now == 0 ? NOW : o->now;
	o->warn = warn;
	buf_clear(out);
	OK(export_run(at.store, &v, PATH_EXPORT, o, append, out, &st, &err) == RC_OK, "export %s %s", export_format_name(o->format), err.text);
	return st;
}

static const char table[] = "value,tlp,confidence,valid_until,comment\n"
	"evil.example,green,80,,=cmd()\nbad.example,amber,80,,\nred.example,red,80,,\npop.example,green,80,,\n"
	"weak.example,green,5,,\nold.example,green,80,2026-01-02,\n198.51.100.0/24,green,80,,\n198.51.100.7,green,80,,\n"
	"2001:db8::1,green,80,,\n2001:db8:0:1::/64,green,80,,\nhttp://evil.example/it's,green,80,,\n"
	"d41d8cd98f00b204e9800998ecf8427e,green,80,,\n";

static void test_lists(void)
{
	static const struct {
		const char *name;
		enum export_format f;
		uint8_t tlp, least;
		usec now;
		bool warned;
		const char *has[4], *has_not[6];
		uint64_t values;
	} rows[] = {
		{ "plain", EXPORT_PLAIN, TLP_GREEN, 0, 0, false, { "evil.example\n", "198.51.100.0/24\n", "http://evil.example/it's\n", "old.example" },
		  { "bad.example", "red.example", "pop.example" }, 9 },
		{ "plain for AMBER", EXPORT_PLAIN, TLP_AMBER, 0, 0, false, { "bad.example\n" }, { "red.example" }, 10 },
		{ "with what warning lists name", EXPORT_PLAIN, TLP_GREEN, 0, 0, true, { "pop.example\n" }, { "red.example" }, 10 },
		{ "a least score", EXPORT_PLAIN, TLP_GREEN, 50, 0, false, { "evil.example\n" }, { "weak.example" }, 8 },
		{ "later", EXPORT_PLAIN, TLP_GREEN, 0, NOW + 100 * 86400 * USEC_PER_SEC, false, { "evil.example\n" }, { "old.example", "198.51" }, 4 },
		{ "hosts", EXPORT_HOSTS, TLP_GREEN, 0, 0, false, { "# Blocked names, made by node x at 2026-01-01T00:00:00.000Z\n", "\n0.0.0.0 evil.example\n" },
		  { "198.51", "http" }, 3 },
		{ "zone", EXPORT_RPZ, TLP_GREEN, 0, 0, false, { "\nevil.example CNAME .\n*.evil.example CNAME .\n", "\n24.0.100.51.198.rpz-ip CNAME .\n",
		  "\n128.1.zz.db8.2001.rpz-ip CNAME .\n", "\n64.zz.1.0.db8.2001.rpz-ip CNAME .\n" }, { "http", "pop.example" }, 7 },
		{ "nftables", EXPORT_NFTABLES, TLP_GREEN, 0, 0, false, { "\tset blocked4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\tauto-merge\n\t\telements = {\n",
		  "198.51.100.0/24,\n\t\t\t198.51.100.7\n\t\t}\n", "2001:db8::1,\n" }, { "evil" }, 4 },
		{ "nftables without any", EXPORT_NFTABLES, TLP_CLEAR, 0, 0, false, { "\t\tauto-merge\n\t}\n" }, { "elements" }, 0 },
		{ "ipset", EXPORT_IPSET, TLP_GREEN, 0, 0, false, { "\nadd lianfang4 198.51.100.0/24 -exist\n", "\nadd lianfang6 2001:db8::1 -exist\n" }, { "evil" }, 4 },
		{ "csv", EXPORT_CSV, TLP_GREEN, 0, 0, false, { "\"evil.example\",domain,indicator--", ",TLP:GREEN,80,80,\"2026-01-01T00:00:00.000Z\"", ",\"'=cmd()\"," },
		  { "red.example" }, 9 },
	};
	struct buf out;

	buf_init(&out, 1 << 24);
	begin();
	put(IMPORT_CSV, str_of(table));
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct export_opts o = { .format = rows[i].f, .least_score = rows[i].least, .now = rows[i].now, .with_warned = rows[i].warned };
		struct export_stats st = run(&o, rows[i].tlp, &out);

		OK(st.values == rows[i].values, "%s: %llu values", rows[i].name, (unsigned long long)st.values);
		for (size_t k = 0; k < 4 && rows[i].has[k] != NULL; k++) {
			if (!OK(str_find(buf_view(&out), str_of(rows[i].has[k]), 0) != SIZE_MAX, "  has what it should (%zu)", k))
				printf("# %.*s\n", STR(buf_view(&out)));
		}
		for (size_t k = 0; k < 6 && rows[i].has_not[k] != NULL; k++)
			OK(str_find(buf_view(&out), str_of(rows[i].has_not[k]), 0) == SIZE_MAX, "  has not what it should not (%zu)", k);
	}
	buf_done(&out);
	folder_close(&at);
}

static void test_stix(void)
{
	struct export_opts o = { .format = EXPORT_STIX };
	struct arena *a = arena_new(1 << 26);
	const struct json *v;
	struct err err = { 0 };
	struct buf out;

	buf_init(&out, 1 << 24);
	begin();
	run(&o, TLP_GREEN, &out);
	OK(json_parse(a, buf_view(&out), &JSON_LIMITS, &v, &err) == RC_OK && json_get(v, S("objects")) == NULL, "an empty bundle has no list");
	put(IMPORT_CSV, str_of(table));
	run(&o, TLP_GREEN, &out);
	OK(json_parse(a, buf_view(&out), &JSON_LIMITS, &v, &err) == RC_OK && json_get(v, S("objects"))->n == 10, "a bundle %s", err.text);
	OK(str_find(buf_view(&out), S("red.example"), 0) == SIZE_MAX && str_find(buf_view(&out), S("bad.example"), 0) == SIZE_MAX, "  without what is hidden");
	buf_done(&out);
	arena_free(a);
	folder_close(&at);
}

/* --- MISP, in and out --- */

struct seen {
	uint64_t attributes, objects, lost, changed;
};

static const struct json *by_uuid(const struct json *list, struct str uuid)
{
	if (!json_is(list, JSON_ARRAY))
		return NULL;
	JSON_EACH(v, list) {
		if (str_eq(json_get_str(v, S("uuid")), uuid))
			return v;
	}
	return NULL;
}

static void same_record(const struct json *a, const struct json *b, struct seen *s)
{
	if (b == NULL) {
		s->lost++;
		return;
	}
	JSON_MEMBERS(name, value, a) {
		const struct json *other = json_get(b, json_str(name));

		if (str_eq(json_str(name), S("Attribute")) || str_eq(json_str(name), S("Object")))
			continue;
		if (other == NULL || !json_same(value, other))
			s->changed++;
	}
}

static void same_list(const struct json *a, const struct json *b, uint64_t *n, struct seen *s)
{
	if (!json_is(a, JSON_ARRAY))
		return;
	JSON_EACH(v, a) {
		const struct json *other = by_uuid(b, json_get_str(v, S("uuid")));

		(*n)++;
		same_record(v, other, s);
		if (json_get(v, S("Attribute")) != NULL && other != NULL)
			same_list(json_get(v, S("Attribute")), json_get(other, S("Attribute")), &s->attributes, s);
	}
	if (!json_is(b, JSON_ARRAY) || b->n != a->n)
		s->changed++;
}

static const struct json *event_of(const struct json *v)
{
	const struct json *list = json_get(v, S("response"));

	return json_get(json_is(list, JSON_ARRAY) ? json_first(list) : v, S("Event"));
}

static void round_trip(struct str text, struct seen *s)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct export_opts o = { .format = EXPORT_MISP };
	const struct json *in, *out;
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, (size_t)1 << 28);
	begin();
	put(IMPORT_MISP, text);
	run(&o, TLP_RED, &b);
	if (!OK(json_parse(a, text, &JSON_LIMITS, &in, &err) == RC_OK && json_parse(a, buf_view(&b), &JSON_LIMITS, &out, &err) == RC_OK,
		"both are JSON %s", err.text)) {
		printf("# %.*s\n", STR(buf_view(&b)));
	} else {
		in = event_of(in);
		out = event_of(out);
		same_record(in, out, s);
		same_list(json_get(in, S("Attribute")), json_get(out, S("Attribute")), &s->attributes, s);
		same_list(json_get(in, S("Object")), json_get(out, S("Object")), &s->objects, s);
	}
	buf_done(&b);
	arena_free(a);
	folder_close(&at);
}

static const char event[] = "{\"Event\":{\"uuid\":\"00000000-0000-4000-8000-000000000000\",\"info\":\"x\",\"date\":\"2026-01-01\",\"distribution\":\"3\","
	"\"timestamp\":\"1767225601\",\"Orgc\":{\"name\":\"Org\",\"uuid\":\"00000000-0000-4000-8000-0000000000ff\"},\"Tag\":[{\"name\":\"tlp:green\"}],"
	"\"Attribute\":[{\"uuid\":\"00000000-0000-4000-8000-000000000001\",\"type\":\"domain\",\"to_ids\":true,\"timestamp\":\"1767225600\","
	"\"distribution\":\"5\",\"value\":\"Evil.example\",\"Tag\":[{\"name\":\"x:y\"}]},"
	"{\"uuid\":\"00000000-0000-4000-8000-000000000002\",\"type\":\"comment\",\"to_ids\":false,\"timestamp\":\"1767225600\",\"value\":\"red words\","
	"\"Tag\":[{\"name\":\"tlp:red\"}]}],"
	"\"Object\":[{\"uuid\":\"00000000-0000-4000-8000-0000000000b1\",\"name\":\"file\",\"timestamp\":\"1767225600\",\"Attribute\":["
	"{\"uuid\":\"00000000-0000-4000-8000-000000000003\",\"type\":\"md5\",\"to_ids\":false,\"timestamp\":\"1767225600\",\"value\":"
	"\"D41D8CD98F00B204E9800998ECF8427E\",\"object_relation\":\"md5\"}]}]}}";

static void test_misp(void)
{
	struct export_opts o = { .format = EXPORT_MISP };
	struct seen s = { 0 };
	struct buf out;

	round_trip(str_of(event), &s);
	OK(s.attributes == 3 && s.objects == 1 && s.lost == 0 && s.changed == 0, "an event comes back: %llu lost, %llu changed",
	   (unsigned long long)s.lost, (unsigned long long)s.changed);
	buf_init(&out, 1 << 24);
	begin();
	put(IMPORT_MISP, str_of(event));
	run(&o, TLP_GREEN, &out);
	OK(str_find(buf_view(&out), S("red words"), 0) == SIZE_MAX, "a RED attribute stays here");
	folder_close(&at);
	begin();
	put(IMPORT_CSV, str_of(table));
	run(&o, TLP_GREEN, &out);
	OK(str_find(buf_view(&out), S("\"type\":\"domain\""), 0) != SIZE_MAX && str_find(buf_view(&out), S("{\"name\":\"tlp:green\"}"), 0) != SIZE_MAX,
	   "indicators from elsewhere become one event");
	OK(str_find(buf_view(&out), S("bad.example"), 0) == SIZE_MAX, "  without what is hidden");
	folder_close(&at);
	buf_done(&out);
}

static void test_real_misp(void)
{
	char dir[4096], path[4500];
	struct seen s = { 0 };
	struct dirent *e;
	DIR *d;

	if (!material("misp/events", dir)) {
		SKIP("the folder of test material is not here (LIANFANG_DATA)", "real MISP events");
		return;
	}
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		struct buf text;
		FILE *f;
		size_t n;
		char *room;

		if (strstr(e->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		f = fopen(path, "rb");
		buf_init(&text, 1 << 26);
		while (f != NULL && (room = buf_room(&text, 1 << 16)) != NULL && (n = fread(room, 1, 1 << 16, f)) > 0)
			buf_grew(&text, n);
		if (f != NULL)
			fclose(f);
		round_trip(buf_view(&text), &s);
		buf_done(&text);
	}
	if (d != NULL)
		closedir(d);
	OK(s.attributes == 683 && s.objects == 17 && s.lost == 0 && s.changed == 0,
	   "real events come back whole: %llu attributes, %llu objects, %llu lost, %llu changed", (unsigned long long)s.attributes,
	   (unsigned long long)s.objects, (unsigned long long)s.lost, (unsigned long long)s.changed);
}

int main(void)
{
	struct err err;

	warn = warninglists_new();
	if (warn == NULL || warninglists_add(warn, S("{\"name\":\"host\",\"type\":\"hostname\",\"list\":[\"pop.example\"]}"), &err) != RC_OK ||
	    warninglists_ready(warn, &err) != RC_OK)
		return 1;
	test_lists();
	test_stix();
	test_misp();
	test_real_misp();
	warninglists_free(warn);
	return tap_done();
}
