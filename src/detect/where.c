/* One list for everybody who says where something was found (docs/internals/detect.md). */
#include "detect/where.h"

#include "detect/observe.h"

#define TEXT_MAX ((size_t)8 << 20)

enum { ANY_FORMAT, TOP_OF_JSON };

/* In this order. Each is a full path, or a member at the top. */
static const struct place { const char *path; int only; } reporters[] = {
	{ "Computer", ANY_FORMAT }, { "Event.System.Computer", ANY_FORMAT }, { "host.name", ANY_FORMAT }, { "winlog.computer_name", ANY_FORMAT },
	{ "computer_name", ANY_FORMAT }, { "devname", ANY_FORMAT }, { "Hostname", TOP_OF_JSON }, { "HostName", TOP_OF_JSON },
	{ "hostname", TOP_OF_JSON }, { "_HOSTNAME", TOP_OF_JSON }, { "agent.hostname", ANY_FORMAT }, { "dvchost", ANY_FORMAT }, { "dvc", ANY_FORMAT },
	{ "sensor", ANY_FORMAT }, { "sensor_name", ANY_FORMAT }, { "host", TOP_OF_JSON },
};
static const char *const insides[] = { "src_ip", "id.orig_h", "SourceIp", "src", "srcip" };

/* Zeek's names hold dots; the first of several values is the one that the format's own part holds. */
static struct str text_at(const struct json *v, const char *path)
{
	const struct json *m = json_path(v, path);

	if (m == NULL)
		m = json_get(v, str_of(path));
	if (json_is(m, JSON_ARRAY))
		m = json_first(m);
	return json_is(m, JSON_STRING) && !str_eq(json_str(m), S("-")) ? json_str(m) : S("");
}

/* A host that is part of a URL, or one of Zeek's, is the server that was asked. */
static bool is_server(const struct json *v, struct str name)
{
	for (size_t i = 0; i < OBSERVE_PAIRS; i++)
		if (str_eq(name, observe_pairs[i].host) && json_get(v, observe_pairs[i].path) != NULL)
			return true;
	return str_eq(name, S("host")) && text_at(v, "id.orig_h").n > 0;
}

struct str event_where(const struct json *tree, enum log_format format, struct str header)
{
	struct str found;

	for (size_t i = 0; i < COUNTOF(reporters); i++) {
		const struct place *p = &reporters[i];

		if (p->only == TOP_OF_JSON && header.n > 0)
			return header;
		if (p->only == TOP_OF_JSON && (format != LOG_JSON || is_server(tree, str_of(p->path))))
			continue;
		found = text_at(tree, p->path);
		if (found.n > 0)
			return found;
	}
	for (size_t i = 0; i < COUNTOF(insides); i++) {
		found = text_at(tree, insides[i]);
		if (found.n > 0)
			return found;
	}
	return S("");
}

struct str flat_where(struct arena *a, struct flat *f)
{
	struct buf b CLEANUP(buf_done);
	const struct json *tree;
	struct str text = f->raw, found;

	buf_init(&b, TEXT_MAX);
	if (f->format != LOG_JSON) {
		flat_json_print(f, &b);
		text = buf_view(&b);
	}
	if (b.bad != RC_OK || json_parse(a, text, &JSON_LIMITS, &tree, NULL) != RC_OK)
		return S("");
	found = arena_dup(a, event_where(tree, f->format, f->host));
	return found.p != NULL ? found : S("");
}
