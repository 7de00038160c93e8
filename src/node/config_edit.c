#include "node/config_edit.h"

static const struct config_rule rules[] = {
	{ "server", "idle_seconds", false, false },     { "server", "basic_auth", true, false },
	{ "intel", "default_tlp", true, false },        { "intel", "strict", false, true },
	{ "intel", "upgrade_20", false, false },        { "intel", "expire", true, false },
	{ "intel", "release", true, false },            { "intel", "release_tlp", true, false },
	{ "desk", "peer_incidents", false, false },     { "desk", "notices", true, false },
	{ "desk", "figures", true, false },             { "intake", "enabled", true, false },
	{ "intake", "per_address", false, false },      { "intake", "per_hour", false, false },
	{ "lab", "public", true, false },               { "lab", "indicators", true, false },
	{ "lab", "keep_days", true, false },            { "lab", "keep_mb", true, false },
	{ "lab", "per_account", false, false },         { "lab", "per_account_mb", false, false },
	{ "lab", "per_address", false, false },         { "lab", "per_address_mb", false, false },
	{ "notify", "mail_duty", false, false },        { "sign_in", "provider_name", false, false },
	{ "sign_in", "password_max_age", true, true },  { "sign_in", "password_min_age", true, true },
	{ "sign_in", "second_person", true, true },     { "history", "max_days", true, false },
	{ "tickets", "quiet_minutes", false, false },   { "tickets", "max_hours", false, false },
	{ "tickets", "sighting_seconds", false, false },{ "tickets", "sector", false, false },
	{ "tickets", "region", false, false },          { "tickets", "opinions", true, false },
	{ "tickets", "share", true, false },            { "log", "format", false, true },
	{ "log", "level", false, true },
};

const struct config_rule *config_rule_of(struct str section, struct str key)
{
	for (size_t i = 0; i < COUNTOF(rules); i++)
		if (str_eq(section, str_of(rules[i].section)) && str_eq(key, str_of(rules[i].key)))
			return &rules[i];
	return NULL;
}

/* "[sign_in]" of a section that takes no name; .p NULL: no such line. */
static struct str section_of(struct str line)
{
	line = str_trim(line);
	return line.n > 1 && line.p[0] == '[' && str_ends(line, S("]")) ? str_trim(str_slice(line, 1, line.n - 1)) : (struct str){ NULL, 0 };
}

static bool is_key(struct str line, struct str key)
{
	size_t eq = str_find(line, S("="), 0);

	return eq != SIZE_MAX && str_eq(str_trim(str_slice(line, 0, eq)), key);
}

/* "#key = ...": where the written default file tells of it. */
static bool is_comment_of(struct str line, struct str key)
{
	line = str_trim(line);
	return line.n > 1 && line.p[0] == '#' && is_key(str_slice(line, 1, line.n), key);
}

struct place {
	struct str section, key;
	bool set, told, there; /* the key is set; only its comment is there; its section is */
};

static struct place look(struct str text, struct str section, struct str key)
{
	struct place p = { .section = section, .key = key };
	struct str rest = text, line;
	bool inside = false;

	while (str_next(&rest, '\n', &line)) {
		struct str begins = section_of(line);

		if (begins.p != NULL)
			inside = str_eq(begins, section);
		p.there = p.there || inside;
		p.set = p.set || (inside && is_key(line, key));
		p.told = p.told || (inside && is_comment_of(line, key));
	}
	return p;
}

static void put_line(struct buf *out, struct str key, struct str value)
{
	buf_fmt(out, "%.*s = %.*s\n", STR(key), STR(value));
}

void config_set_line(struct str text, struct str section, struct str key, struct str value, struct buf *out)
{
	struct place p = look(text, section, key);
	struct str rest = text, line;
	bool inside = false, wants = value.p != NULL;

	while (str_next(&rest, '\n', &line)) {
		struct str begins = section_of(line);
		bool here = inside && is_key(line, key);

		if (begins.p != NULL)
			inside = str_eq(begins, section);
		if (!here) {
			buf_str(out, line);
			buf_char(out, '\n');
		}
		/* In its place; else behind the comment that tells of it; else at the head of its section. */
		if (wants && (p.set ? here : p.told ? inside && is_comment_of(line, key) : begins.p != NULL && inside)) {
			put_line(out, key, value);
			wants = false;
		}
	}
	if (wants) {
		buf_fmt(out, "\n[%.*s]\n", STR(section));
		put_line(out, key, value);
	}
}
