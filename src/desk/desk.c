#include "desk/desk.h"

#include <dirent.h>
#include <stdio.h>

#include "base/mem.h"
#include "sys/file.h"

#define PACKS_BYTES_MAX ((size_t)64 << 20)
#define PATH_MAX_BYTES 4096

struct desk {
	struct arena *arena;
	const struct pack *packs[DESK_PACKS_MAX];
	size_t n;
};

static enum rc add_pack(struct desk *d, const char *name, struct err *err)
{
	const struct pack *p;

	TRY(pack_load(d->arena, name, &p, err));
	for (size_t i = 0; i < d->n; i++)
		if (str_eq(d->packs[i]->id, p->id)) { /* a folder's own overrules ours */
			d->packs[i] = p;
			return RC_OK;
		}
	if (d->n == DESK_PACKS_MAX)
		return FAIL(err, RC_LIMIT, "%s: more than %d packs", name, DESK_PACKS_MAX);
	d->packs[d->n++] = p;
	return RC_OK;
}

static enum rc add_folder(struct desk *d, const char *folder, struct err *err)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	enum rc rc = RC_OK;

	if (dir == NULL)
		return FAIL(err, RC_NOTFOUND, "%s: cannot be read as a folder of packs", folder);
	while (rc == RC_OK && (e = readdir(dir)) != NULL) {
		char path[PATH_MAX_BYTES];

		if (e->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof path, "%s/%s/pack.json", folder, e->d_name) >= (int)sizeof path)
			rc = FAIL(err, RC_BAD, "%s: too long", folder);
		else if (file_exists(path))
			rc = add_pack(d, path, err);
	}
	closedir(dir);
	return rc;
}

enum rc desk_new(const char *folder, struct desk **ret, struct err *err)
{
	struct desk *d = mem_alloc(sizeof *d);
	enum rc rc = RC_OK;

	if (d == NULL)
		return FAIL(err, RC_NOMEM, "desk: out of memory");
	d->arena = arena_new(PACKS_BYTES_MAX);
	if (d->arena == NULL)
		rc = FAIL(err, RC_NOMEM, "desk: out of memory");
	for (size_t i = 0; rc == RC_OK && pack_builtin(i) != NULL; i++)
		rc = add_pack(d, pack_builtin(i), err);
	if (rc == RC_OK && folder != NULL && folder[0] != '\0')
		rc = add_folder(d, folder, err);
	if (rc != RC_OK) {
		desk_free(d);
		return rc;
	}
	*ret = d;
	return RC_OK;
}

void desk_free(struct desk *d)
{
	if (d == NULL)
		return;
	arena_free(d->arena);
	mem_free(d);
}

const struct pack *desk_pack_at(const struct desk *d, size_t index)
{
	return index < d->n ? d->packs[index] : NULL;
}

const struct json *desk_word(const struct desk *d, const char *list, struct str id)
{
	const struct pack *p;

	for (size_t i = 0; id.n > 0 && (p = desk_pack_at(d, i)) != NULL; i++) {
		const struct json *words = json_get(p->words, str_of(list));

		if (!json_is(words, JSON_ARRAY))
			continue;
		JSON_EACH(one, words)
			if (str_eq(json_get_str(one, S("id")), id))
				return json_get(one, S("title"));
	}
	return NULL;
}

const struct pack *desk_pack(const struct desk *d, struct str id)
{
	for (size_t i = 0; i < d->n; i++)
		if (str_eq(d->packs[i]->id, id))
			return d->packs[i];
	return NULL;
}

static bool is_open(const char *state)
{
	return strcmp(state, "closed") != 0 && strcmp(state, "false_alarm") != 0 && strcmp(state, "merged") != 0;
}

static enum rc derive_all(const struct desk *d, struct arena *a, struct str packs, usec at, struct desk_view *ret, struct err *err)
{
	struct str id;

	ret->due = ret->alarm = INT64_MAX;
	while (str_next(&packs, ' ', &id)) {
		const struct pack *p = desk_pack(d, id);
		struct incident_view *v;

		if (p == NULL)
			return FAIL(err, RC_BAD, "no pack '%.*s' (lianfang pack list)", STR(str_slice(id, 0, 64)));
		if (ret->n == DESK_INCIDENT_PACKS_MAX)
			return FAIL(err, RC_LIMIT, "more than %d packs", DESK_INCIDENT_PACKS_MAX);
		v = arena_alloc(a, sizeof *v);
		if (v == NULL)
			return FAIL(err, RC_NOMEM, "incident: out of memory");
		TRY(derive(a, p, &ret->facts, at, v, err));
		if (alarm_due(v) < ret->due)
			ret->due = alarm_due(v);
		if (alarm_next(v, at) < ret->alarm)
			ret->alarm = alarm_next(v, at);
		ret->packs[ret->n] = p;
		ret->views[ret->n++] = v;
	}
	if (ret->n == 0)
		return FAIL(err, RC_BAD, "an incident needs a pack");
	ret->open = is_open(ret->views[0]->state);
	return RC_OK;
}

enum rc desk_look(const struct desk *d, struct arena *a, struct str packs, struct str facts, usec at, struct desk_view *ret, struct err *err)
{
	*ret = (struct desk_view){ .into = S("") };
	TRY(desk_facts_parse(a, "facts", facts, &ret->facts, err));
	return derive_all(d, a, packs, at, ret, err);
}

enum rc desk_look_joined(const struct desk *d, struct arena *a, struct str packs, struct str incident, const struct join_source *src, usec at,
			 struct desk_view *ret, struct err *err)
{
	struct joined j;

	TRY(join(a, incident, at, src, &j, err));
	*ret = (struct desk_view){ .facts = j.facts, .into = j.into, .joined = j.incidents, .n_joined = j.n, .kin = j.kin, .n_kin = j.n_kin,
				    .origins = j.origins, .n_origins = j.n_origins };
	TRY(derive_all(d, a, packs, at, ret, err));
	if (ret->into.n > 0) /* its clocks ring over there */
		ret->alarm = INT64_MAX;
	return RC_OK;
}
