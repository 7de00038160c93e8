#include "node/on_duty.h"

#include <stdio.h>

#include "base/log.h"
#include "node/core.h"
#include "store/registers.h"

#define MEMORY_MAX ((size_t)16 << 20)

static bool named(const char *const *list, struct str address)
{
	for (; *list != NULL; list++)
		if (str_eq_nocase(str_of(*list), address))
			return true;
	return false;
}

/* The addresses of those on duty, without doubles and without those in `known`. */
static enum rc find_addresses(struct store *s, const char *const *known, struct arena *a, const char *ret[static MAIL_TO_MAX + 1], struct err *err)
{
	struct register_query q = { .kind = REGISTER_DUTY, .at = time_now(), .limit = MAIL_TO_MAX };
	struct register_entry *turns, who;
	size_t n, found = 0;

	TRY(register_list(s, &q, a, &turns, &n, err));
	for (size_t i = 0; i < n && found < MAIL_TO_MAX; i++) {
		const struct json *body;
		struct str address;

		TRY(register_get(s, REGISTER_PERSON, turns[i].owner, a, &who, err));
		TRY(json_parse(a, who.body, &JSON_LIMITS, &body, err));
		address = json_get_str(body, S("email"));
		if (mail_address_good(address) && !named(known, address) && !named(ret, address))
			ret[found++] = arena_dup(a, address).p;
	}
	return RC_OK;
}

void on_duty_mail(struct core *c, const struct mail_config *conf, const struct mail *m, usec timeout)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY_MAX);
	struct mail own = *m;
	struct err err = { 0 };
	struct str id;
	enum rc rc = RC_NOMEM;

	memset(own.to, 0, sizeof own.to);
	if (a != NULL)
		rc = find_addresses(c->node.store, m->to, a, own.to, &err);
	if (rc == RC_OK && own.to[0] == NULL)
		return;
	if (rc == RC_OK) {
		id = arena_fmt(a, "duty.%.*s", STR(m->id));
		own.id = id;
		rc = id.p == NULL ? RC_NOMEM : mail_send(conf, &own, timeout, &err);
	}
	if (rc != RC_OK)
		log_line(LOG_LEVEL_ERROR, "notify", "who is on duty was not told by mail: %s", err.text[0] != '\0' ? err.text : rc_name(rc));
}
