#include "node/matter.h"

#include "base/hash.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "detect/rsit.h"
#include "intel/decay.h"
#include "model/observable.h"
#include "node/core.h"
#include "node/tickets.h"
#include "store/objects.h"

#define EVENT_KEPT 4096      /* bytes of the event in the alert */
#define PART_MAX ((size_t)240)
#define BODY_MAX ((size_t)1 << 20)
#define DESCRIPTION_MAX ((size_t)4096)
#define REFS_MAX 48
#define TEXT_KEPT ((size_t)2048)

static const char *const kind_names[OBS_KINDS] = {
	"ipv4-addr", "ipv6-addr", "domain-name", "url", "email-addr", "file:md5", "file:sha1", "file:sha256", "file:sha512",
};

const char *matter_observable(enum observable_kind kind)
{
	return (size_t)kind < OBS_KINDS ? kind_names[kind] : "pattern";
}

static enum rc no_memory(struct err *err)
{
	return FAIL(err, RC_NOMEM, "ticket: out of memory");
}

/* In lower case and of bounded length: what is longer ends with its hash. */
static void put_part(struct buf *b, struct str s)
{
	static const char digits[] = "0123456789abcdef";
	struct str shown = s.n > PART_MAX ? str_slice(s, 0, PART_MAX - 40) : s;
	unsigned char hash[SHA256_LEN];

	while (shown.n > 0 && shown.n < s.n && ((unsigned char)s.p[shown.n] & 0xC0) == 0x80)
		shown.n--; /* not within a character */
	for (size_t i = 0; i < shown.n; i++)
		buf_char(b, shown.p[i] >= 'A' && shown.p[i] <= 'Z' ? (char)(shown.p[i] | 0x20) : shown.p[i]);
	if (shown.n == s.n)
		return;
	hash_sha256(s, hash);
	for (size_t i = 0; i < 16; i++)
		buf_fmt(b, "%c%c", digits[hash[i] >> 4], digits[hash[i] & 15]);
}

/* Events and rules may hold any bytes; what goes into a record is text. */
static struct str clean(struct arena *a, struct str s)
{
	struct str copy = arena_dup(a, s);
	char *p = copy.p == NULL ? NULL : (char *)(uintptr_t)copy.p;
	size_t bad;

	for (size_t i = 0; p != NULL && i < copy.n; i++)
		if (p[i] == '\0')
			p[i] = ' ';
	while (p != NULL && !utf8_valid(copy, &bad))
		p[bad] = '?';
	return p == NULL ? S("") : copy;
}

/* At most `max` bytes, not cut within a character. */
static struct str cut(struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return str_slice(s, 0, n);
}

static enum rc make_key(struct matter *m, const struct buf *entity, const char *sort, struct str family, struct err *err)
{
	struct buf key;

	buf_init(&key, 4096);
	buf_str(&key, buf_view(entity));
	buf_fmt(&key, " %s:", sort);
	put_part(&key, family);
	m->ticket.entity = clean(m->a, buf_view(entity));
	m->ticket.cluster = m->alert.cluster = clean(m->a, buf_view(&key));
	if (key.bad != RC_OK || entity->bad != RC_OK || m->ticket.entity.n == 0 || m->ticket.cluster.n == 0) {
		buf_done(&key);
		return no_memory(err);
	}
	buf_done(&key);
	return RC_OK;
}

static void put_entity(struct buf *b, struct str where, struct str address, struct str input)
{
	buf_cstr(b, where.n > 0 ? "host:" : address.n > 0 ? "address:" : "log:");
	put_part(b, where.n > 0 ? where : address.n > 0 ? address : input);
}

static void read_connection(struct core *c, struct matter *m, struct str event, struct connection *ret)
{
	struct buf b;

	m->connection = S("");
	if (!tickets_connection(c->tickets, event, m->a, ret, &m->protection))
		return;
	buf_init(&b, 4096);
	connection_write(ret, &b);
	m->connection = b.bad == RC_OK ? arena_dup(m->a, buf_view(&b)) : S("");
	buf_done(&b);
}

static void set_times(struct matter *m, usec at, usec last, uint64_t count)
{
	m->first = at;
	m->last = last > at ? last : at;
	m->hits = count == 0 ? 1 : count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

enum rc matter_of_rule(struct core *c, struct arena *a, const struct rule_hit *h, struct matter *ret, struct err *err)
{
	struct connection from;
	struct buf entity;
	enum rc rc;

	*ret = (struct matter){ .a = a, .rule = h };
	set_times(ret, h->at, h->last, h->count);
	/* What a log of this node says of its own hosts is as secret as an object that carries no marking. */
	ret->ticket.tlp = ret->alert.tlp = (uint8_t)c->node.config.default_tlp;
	ret->alert.rule = h->id.n > 0 ? h->id : h->title;
	read_connection(c, ret, h->event, &from);
	buf_init(&entity, 8192);
	put_entity(&entity, h->where, from.src_ip, h->input);
	/* Of a correlation all fields but the last, its value, are the group. */
	for (uint32_t i = 0; h->correlation && i + 1 < h->n_fields; i++) {
		buf_char(&entity, '|');
		put_part(&entity, h->fields[i].value);
	}
	rc = make_key(ret, &entity, "rule", ret->alert.rule, err);
	buf_done(&entity);
	return rc;
}

/* The host of a URL; any other value as it is. */
static struct str family_of(const struct hit *h)
{
	struct str v = h->matched.n > 0 ? h->matched : h->what.value;
	size_t at = str_find(v, S("://"), 0), end;

	if (h->what.kind != OBS_URL || at == SIZE_MAX)
		return v;
	v = str_slice(v, at + 3, v.n);
	for (end = 0; end < v.n && v.p[end] != '/' && v.p[end] != '?' && v.p[end] != '#'; end++)
		;
	return str_slice(v, 0, end);
}

enum rc matter_of_hit(struct core *c, struct arena *a, const struct hit *h, const char *sighting, struct matter *ret, struct err *err)
{
	struct connection from;
	struct str family = (size_t)h->what.kind < OBS_KINDS ? family_of(h) : S(""); /* a pattern names no one value */
	struct buf entity;
	enum rc rc;

	*ret = (struct matter){ .a = a, .hit = h };
	set_times(ret, h->at, h->last, h->count);
	ret->ticket.tlp = ret->alert.tlp = h->tlp;
	ret->alert.indicator = h->indicator;
	ret->alert.sighting = str_of(sighting);
	read_connection(c, ret, h->event, &from);
	buf_init(&entity, 8192);
	put_entity(&entity, h->where, from.src_ip, h->input);
	rc = make_key(ret, &entity, family.n > 0 ? "value" : "indicator", family.n > 0 ? family : h->indicator, err);
	buf_done(&entity);
	return rc;
}

/* --- the rest --- */

static void add_ref(struct matter *m, struct str kind, struct str value, struct str note)
{
	if (value.n == 0 || value.p == NULL || m->ticket.n_refs == REFS_MAX)
		return;
	for (size_t i = 0; i < m->ticket.n_refs; i++)
		if (str_eq(m->ticket.refs[i].kind, kind) && str_eq(m->ticket.refs[i].value, value))
			return;
	m->ticket.refs[m->ticket.n_refs++] = (struct ticket_ref){ kind, value, note.p == NULL ? S("") : note, m->hits };
}

/* "attack.t1059.001" → T1059.001; "attack.command-and-control" → a tactic. Groups and software are neither. */
static void add_tag(struct matter *m, struct str tag)
{
	struct str rest;
	bool number;

	if (!str_eq_nocase(str_slice(tag, 0, 7), S("attack.")))
		return;
	rest = str_slice(tag, 7, tag.n);
	number = rest.n > 1 && rest.p[1] >= '0' && rest.p[1] <= '9';
	if (number && (rest.p[0] == 't' || rest.p[0] == 'T'))
		add_ref(m, S("technique"), arena_fmt(m->a, "T%.*s", STR(str_slice(rest, 1, rest.n))), S(""));
	else if (!number)
		add_ref(m, S("tactic"), rest, S(""));
}

static void put_fields(struct jsonw *w, const struct rule_hit *h)
{
	jsonw_name(w, "tags");
	jsonw_array(w);
	for (uint32_t i = 0; i < h->n_tags; i++)
		jsonw_str(w, h->tags[i]);
	jsonw_array_end(w);
	jsonw_name(w, "fields");
	jsonw_array(w);
	for (uint32_t i = 0; i < h->n_fields; i++) {
		jsonw_object(w);
		jsonw_m_str(w, "name", h->fields[i].name);
		jsonw_m_str(w, "value", str_slice(h->fields[i].value, 0, EVENT_KEPT));
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

/* Of a correlation: its group, the rules that it counts, and between when. */
static void put_made(struct jsonw *w, const struct rule_hit *h)
{
	jsonw_name(w, "group");
	jsonw_object(w);
	for (uint32_t i = 0; i + 1 < h->n_fields; i++) {
		jsonw_name_str(w, h->fields[i].name);
		jsonw_str(w, str_slice(h->fields[i].value, 0, EVENT_KEPT));
	}
	jsonw_object_end(w);
	jsonw_name(w, "rules");
	jsonw_array(w);
	for (uint32_t i = 0; i < h->n_base; i++) {
		jsonw_object(w);
		jsonw_m_str(w, "rule_id", h->base[i].id);
		jsonw_m_str(w, "title", h->base[i].title);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	if (h->first != 0)
		jsonw_m_time(w, "first", h->first);
	jsonw_m_time(w, "last", h->at);
}

static void write_body(const struct matter *m, struct buf *out)
{
	const struct rule_hit *r = m->rule;
	const struct hit *h = m->hit;
	char id[VALUE_ID_MAX];
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	if (r != NULL) {
		jsonw_m_str(&w, "rule_id", r->id);
		jsonw_m_str(&w, "title", r->title);
		jsonw_m_str(&w, "level", r->level);
		jsonw_m_str(&w, "author", r->author);
		put_fields(&w, r);
		if (r->correlation)
			put_made(&w, r);
	} else {
		jsonw_m_str(&w, "indicator_id", h->indicator);
		if ((size_t)h->what.kind < OBS_KINDS && value_id_of(h->matched, id).n > 0)
			jsonw_m_cstr(&w, "value_id", id);
		jsonw_m_str(&w, "field", h->what.field);
		jsonw_m_str(&w, "value", h->what.value);
		jsonw_m_str(&w, "matched", h->matched);
		if (h->confidence <= 100)
			jsonw_m_int(&w, "confidence", h->confidence);
	}
	jsonw_m_str(&w, "event", str_slice(r != NULL ? r->event : h->event, 0, EVENT_KEPT));
	jsonw_object_end(&w);
}

static enum rc fill_alert(struct matter *m, struct err *err)
{
	struct alert_row *row = &m->alert;
	struct buf body;
	enum rc rc;

	row->at = m->first;
	row->seen = time_now();
	row->input = m->rule != NULL ? m->rule->input : m->hit->input;
	row->where = clean(m->a, cut(m->rule != NULL ? m->rule->where : m->hit->where, TEXT_KEPT));
	row->level = m->rule != NULL ? m->rule->level : S("");
	row->observable = m->rule != NULL ? arena_fmt(m->a, "rule:%.*s", STR(str_slice(m->rule->title, 0, 1024)))
					  : arena_fmt(m->a, "%s:%.*s", matter_observable(m->hit->what.kind), STR(m->hit->what.value));
	row->observable = clean(m->a, cut(row->observable, TEXT_KEPT));
	buf_init(&body, BODY_MAX);
	write_body(m, &body);
	row->body = arena_dup(m->a, buf_view(&body));
	rc = buf_check(&body, err, "alert");
	buf_done(&body);
	return rc == RC_OK && (row->body.p == NULL || row->observable.n == 0) ? no_memory(err) : rc;
}

static void describe_rule(struct matter *m, struct buf *out)
{
	const struct rule_hit *h = m->rule;
	char when[TIME_TEXT_MAX];

	buf_fmt(out, "Rule '%.*s'", STR(cut(h->title, 512)));
	if (h->author.n > 0)
		buf_fmt(out, " (by %.*s)", STR(cut(h->author, 256)));
	buf_fmt(out, " matched in log %.*s", STR(h->input));
	if (h->where.n > 0)
		buf_fmt(out, " at %.*s", STR(cut(h->where, 256)));
	for (uint32_t i = 0; i < h->n_fields && i < 8; i++)
		buf_fmt(out, "%s%.*s = %.*s", i == 0 ? ": " : "; ", STR(cut(h->fields[i].name, 64)), STR(cut(h->fields[i].value, 200)));
	buf_char(out, '.');
	for (uint32_t i = 0; i < h->n_base && i < 8; i++)
		buf_fmt(out, "%s'%.*s'", i == 0 ? " It counts " : " and ", STR(cut(h->base[i].title, 200)));
	if (h->n_base > 0 && h->first != 0)
		buf_fmt(out, "; the first event that takes part is of %.*s", STR(time_format(h->first, when)));
	buf_cstr(out, h->n_base > 0 ? "." : "");
}

static void describe_hit(struct matter *m, struct buf *out)
{
	const struct hit *h = m->hit;

	buf_fmt(out, "%s '%.*s'", matter_observable(h->what.kind), STR(cut(h->what.value, 512)));
	if (h->what.field.n > 0)
		buf_fmt(out, " in field %.*s", STR(cut(h->what.field, 128)));
	buf_fmt(out, " of log %.*s", STR(h->input));
	if (h->where.n > 0)
		buf_fmt(out, " at %.*s", STR(cut(h->where, 256)));
	buf_fmt(out, " meets indicator %.*s.", STR(h->indicator));
}

static enum rc describe(struct matter *m, struct err *err)
{
	struct buf b;

	buf_init(&b, DESCRIPTION_MAX * 2);
	if (m->rule != NULL)
		describe_rule(m, &b);
	else
		describe_hit(m, &b);
	m->ticket.description = clean(m->a, cut(buf_view(&b), DESCRIPTION_MAX));
	buf_done(&b);
	return m->ticket.description.n == 0 ? no_memory(err) : RC_OK;
}

/* Name, types and kill chain of the indicator, as far as it tells. */
static const struct json *read_indicator(struct core *c, struct matter *m)
{
	struct str ids[1] = { m->hit->indicator }, body;
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = ids, .n_ids = 1, .tlp_mask = UINT32_MAX,
				.limit = 1, .bodies = true };
	const struct json *v = NULL;
	struct page page;

	if (store_page(c->node.store, &q, &page, NULL) != RC_OK)
		return NULL;
	body = page.n > 0 ? arena_dup(m->a, page.entries[0].body) : (struct str){ NULL, 0 };
	page_done(&page);
	return body.p != NULL && json_parse(m->a, body, &JSON_LIMITS, &v, NULL) == RC_OK ? v : NULL;
}

static void add_kill_chain(struct matter *m, const struct json *indicator)
{
	const struct json *phases = json_get(indicator, S("kill_chain_phases"));

	if (!json_is(phases, JSON_ARRAY))
		return;
	JSON_EACH(p, phases)
		if (str_eq(json_get_str(p, S("kill_chain_name")), S("mitre-attack")))
			add_ref(m, S("tactic"), json_get_str(p, S("phase_name")), S(""));
}

static void classify(struct core *c, struct matter *m, const struct json *indicator)
{
	const struct rsit *r = tickets_rsit(c->tickets);
	const struct json *types = json_get(indicator, S("indicator_types"));
	struct str list[16];
	struct rsit_match match = { .types = list, .level = S(""), .observable = S(""), .confidence = 255 };
	const struct rsit_class *class;
	const struct rsit_type *type;

	if (m->rule != NULL) {
		match.tags = m->rule->tags;
		match.n_tags = m->rule->n_tags;
		match.level = m->rule->level;
	} else {
		struct str kind = str_of(matter_observable(m->hit->what.kind));

		match.observable = str_slice(kind, 0, str_find(kind, S(":"), 0));
		match.confidence = m->hit->confidence <= 100 ? m->hit->confidence : CONFIDENCE_DEFAULT;
		if (json_is(types, JSON_ARRAY))
			JSON_EACH(t, types)
				if (json_is(t, JSON_STRING) && match.n_types < COUNTOF(list))
					list[match.n_types++] = json_str(t);
	}
	rsit_of(r, &match, &class, &type);
	m->ticket.class = class->id;
	m->ticket.type = type->id;
	m->ticket.impact = rsit_impact(r, &match);
}

static const struct config_input *input_of(const struct core *c, struct str name)
{
	for (size_t i = 0; i < c->node.config.n_inputs; i++)
		if (str_eq(name, str_of(c->node.config.inputs[i].name)))
			return &c->node.config.inputs[i];
	return NULL;
}

static void fill_victim(struct core *c, struct matter *m)
{
	const struct config *conf = &c->node.config;
	const struct config_input *in = input_of(c, m->alert.input);

	m->ticket.reporter = str_of(conf->name);
	m->ticket.victim = str_of(conf->oid[0] != '\0' ? conf->oid : conf->identity);
	m->ticket.victim_name = str_of(conf->name);
	m->ticket.sector = str_of(conf->sector);
	m->ticket.region = str_of(conf->region);
	if (in != NULL)
		add_ref(m, S("device"), str_of(in->device[0] != '\0' ? in->device : in->name), str_of(in->vendor));
	m->ticket.protection = in != NULL && !str_eq(str_of(in->protection), S("auto")) ? str_of(in->protection) : m->protection;
}

/* The indicator's name and what it named, once where they are the same. */
static struct str title_of_hit(struct matter *m, struct str name)
{
	struct str value = m->hit->matched.n > 0 ? m->hit->matched : m->hit->what.value;

	if (str_eq(name, value))
		return clean(m->a, cut(name, 1024));
	return clean(m->a, arena_fmt(m->a, "%.*s: %.*s", STR(cut(name.n > 0 ? name : S("Known indicator"), 512)), STR(cut(value, 512))));
}

enum rc matter_fill(struct core *c, struct matter *m, struct err *err)
{
	const struct json *indicator = m->hit != NULL ? read_indicator(c, m) : NULL;
	struct str name = json_get_str(indicator, S("name"));

	m->ticket.refs = arena_array(m->a, REFS_MAX, sizeof *m->ticket.refs);
	m->ticket.n_refs = 0;
	if (m->ticket.refs == NULL)
		return no_memory(err);
	TRY(fill_alert(m, err));
	TRY(describe(m, err));
	classify(c, m, indicator);
	fill_victim(c, m);
	m->ticket.input = m->alert.input;
	m->ticket.where = m->alert.where;
	m->ticket.level = m->alert.level;
	if (m->rule != NULL) {
		m->ticket.title = clean(m->a, cut(m->rule->title.n > 0 ? m->rule->title : m->alert.rule, 1024));
		add_ref(m, S("rule"), m->alert.rule, m->ticket.title);
		for (uint32_t i = 0; i < m->rule->n_tags; i++)
			add_tag(m, m->rule->tags[i]);
	} else {
		m->ticket.title = title_of_hit(m, name);
		add_ref(m, S("indicator"), m->hit->indicator, name);
		add_ref(m, S("sighting"), m->alert.sighting, S(""));
		add_kill_chain(m, indicator);
	}
	add_ref(m, S("connection"), m->connection, S(""));
	return RC_OK;
}
