#include "node/settings.h"

#include "base/log.h"
#include "node/config_edit.h"
#include "sys/file.h"

#define MIB ((size_t)1 << 20)
#define FILE_MAX MIB

/* Of the texts that `choices` allow, one that outlives any reading of the file. */
static const char *lasting(const char *value, const char *const *choices, const char *was)
{
	for (; *choices != NULL; choices++)
		if (strcmp(*choices, value) == 0)
			return *choices;
	return was;
}

void settings_apply(struct core *c, const struct config *conf)
{
	static const char *const persons[] = { "auto", "yes", "no", NULL }, *const formats[] = { "logfmt", "json", NULL };
	struct config *own = &c->node.config;

	own->log_level = conf->log_level;
	own->log_format = lasting(conf->log_format, formats, own->log_format);
	own->strict = conf->strict;
	own->password_most = conf->password_most;
	own->password_least = conf->password_least;
	own->second_person = lasting(conf->second_person, persons, own->second_person);
	log_setup("core", (enum log_level)own->log_level, str_eq(str_of(own->log_format), S("json")));
	detect_link_settings(c->link, (int)own->log_level, str_eq(str_of(own->log_format), S("json")));
	c->api.strict = own->strict;
	c->api.password_least = own->password_least;
	c->api.second_person_on = str_eq(str_of(own->second_person), S("yes"));
	c->api.second_person_auto = str_eq(str_of(own->second_person), S("auto"));
	auth_password_most(c->auth, own->password_most);
}

/* With what the file says by now, where that waits for the next start. */
static void tell(void *ctx, struct jsonw *w)
{
	const struct core *c = ctx;
	struct arena *a CLEANUP(arena_freep) = arena_new(4 * MIB);
	struct config *next = a == NULL ? NULL : arena_alloc(a, sizeof *next);

	if (next != NULL && config_read(c->node.paths.conf, a, next, NULL) != RC_OK)
		next = NULL;
	config_tell(&c->node.config, next, w);
}

static bool is_second(void *ctx, struct str section, struct str key)
{
	const struct config_rule *rule = config_rule_of(section, key);

	(void)ctx;
	return rule != NULL && rule->second;
}

/* Values become one line of the file. */
static enum rc check_value(struct str value, struct err *err)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return FAIL(err, RC_BAD, "/value: a control character");
	return value.n <= 1000 ? RC_OK : FAIL(err, RC_LIMIT, "/value: longer than 1000 bytes");
}

static enum rc write_file(struct core *c, struct str old, struct setting_change *x, struct arena *a, struct config *ret, struct err *err)
{
	const char *path = c->node.paths.conf;
	struct buf text;
	struct str copy;
	enum rc rc;

	buf_init(&text, FILE_MAX);
	config_set_line(old, x->section, x->key, x->value, &text);
	copy = text.bad == RC_OK ? arena_dup(a, buf_view(&text)) : (struct str){ NULL, 0 };
	rc = copy.p == NULL ? FAIL(err, RC_NOMEM, "settings: out of memory") : config_parse(copy, path, a, ret, err);
	if (rc == RC_OK)
		rc = config_value(ret, x->section, x->key, a, &x->to, err);
	if (rc == RC_OK && !str_eq(x->from, x->to))
		rc = file_replace(path, copy, 0600, err);
	buf_done(&text);
	return rc;
}

static enum rc change(struct core *c, struct setting_change *x, struct arena *a, struct err *err)
{
	struct config *before = arena_alloc(a, sizeof *before), *after = arena_alloc(a, sizeof *after);
	struct buf old;
	enum rc rc;

	if (before == NULL || after == NULL)
		return FAIL(err, RC_NOMEM, "settings: out of memory");
	TRY(config_read(c->node.paths.conf, a, before, err));
	TRY(config_value(before, x->section, x->key, a, &x->from, err));
	if (x->was.p != NULL && !str_eq(x->was, x->from))
		return FAIL(err, RC_CONFLICT, "[%.*s] %.*s is %.*s by now", STR(x->section), STR(x->key), STR(x->from));
	TRY(file_read(c->node.paths.conf, FILE_MAX, &old, err));
	rc = write_file(c, buf_view(&old), x, a, after, err);
	buf_done(&old);
	if (rc == RC_OK && x->now)
		settings_apply(c, after);
	return rc;
}

static enum rc put(void *ctx, struct setting_change *x, struct arena *a, struct err *err)
{
	struct core *c = ctx;
	const struct config_rule *rule = config_rule_of(x->section, x->key);
	struct str known;
	enum rc rc;

	TRY(config_value(&c->node.config, x->section, x->key, a, &known, err));
	if (rule == NULL)
		return FAIL(err, RC_DENIED, "[%.*s] %.*s is changed in lianfang.conf alone", STR(x->section), STR(x->key));
	TRY(check_value(x->value, err));
	x->now = rule->now;
	pthread_mutex_lock(&c->settings);
	rc = change(c, x, a, err);
	pthread_mutex_unlock(&c->settings);
	return rc;
}

void settings_api(struct core *c)
{
	c->api.settings = tell;
	c->api.setting_second = is_second;
	c->api.setting_put = put;
}
