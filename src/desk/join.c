#include "desk/join.h"

#include <stdlib.h>

#define FILES_MAX (2 * JOIN_MAX)

struct file {
	struct str id;
	uint32_t index;
	struct desk_facts f;
	struct str asked;    /* says_split_from() was asked about this one last */
	bool answer;
};

struct work {
	struct arena *a;
	const struct join_source *src;
	usec at;
	struct file *files[FILES_MAX]; /* read so far */
	size_t n_files;
	struct str *parts;                /* whose facts count, the incident itself first */
	size_t n_parts;
	struct joined *ret;
	size_t room;                      /* of ret->facts.f */
	struct file none;                 /* stands for those that are too many */
	bool full;
};

static enum rc open_file(struct work *w, struct str id, struct file **ret, struct err *err)
{
	struct file *f;
	struct str text;

	for (size_t i = 0; i < w->n_files; i++)
		if (str_eq(w->files[i]->id, id)) {
			*ret = w->files[i];
			return RC_OK;
		}
	if (w->n_files == FILES_MAX) {
		if (!w->full)
			desk_facts_problem(w->a, &w->ret->facts, 0, id, false, "more than %d incidents are merged or split: the rest is left out", JOIN_MAX);
		w->full = true;
		*ret = &w->none;
		return RC_OK;
	}
	f = arena_alloc(w->a, sizeof *f);
	if (f == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	f->id = id;
	f->index = (uint32_t)w->n_files;
	TRY(w->src->facts(w->src->ctx, id, w->a, &text, err));
	TRY(desk_facts_parse(w->a, "facts", text, &f->f, err));
	w->files[w->n_files++] = *ret = f;
	return RC_OK;
}

static bool is_link(const struct desk_fact *f)
{
	return f->type == FACT_MERGED || f->type == FACT_UNMERGED || f->type == FACT_SPLIT;
}

/* Of two facts the one that was recorded later holds; of one instant an un-merge. */
static const struct desk_fact *later(const struct desk_fact *x, const struct desk_fact *y)
{
	if (x == NULL || x->at != y->at)
		return x == NULL || y->at > x->at ? y : x;
	if (x->type != y->type)
		return y->type == FACT_UNMERGED ? y : x;
	return str_cmp(y->id, x->id) > 0 ? y : x;
}

/* The merge with `from` ("": into another incident) that holds now, as this incident states it; NULL: none, or it was taken back. */
static const struct desk_fact *merge_with(const struct work *w, const struct file *file, struct str from)
{
	const struct desk_fact *last = NULL;

	for (size_t i = 0; i < file->f.n; i++) {
		const struct desk_fact *f = &file->f.f[i];

		if ((f->type == FACT_MERGED || f->type == FACT_UNMERGED) && str_eq(f->from, from) && f->at <= w->at)
			last = later(last, f);
	}
	return last != NULL && last->type == FACT_MERGED ? last : NULL;
}

/* The incident that this one is merged into; "": none. */
static struct str into_of(const struct work *w, const struct file *file)
{
	const struct desk_fact *f = merge_with(w, file, S(""));

	return f == NULL ? S("") : f->ref;
}

static bool takes_in(const struct work *w, const struct file *file, struct str other)
{
	return merge_with(w, file, other) != NULL;
}

static bool says_split_from(const struct work *w, struct file *file, struct str other)
{
	if (file->asked.n > 0 && str_eq(file->asked, other))
		return file->answer;
	file->asked = other;
	file->answer = false;
	for (size_t i = 0; i < file->f.n && !file->answer; i++)
		file->answer = file->f.f[i].type == FACT_SPLIT && str_eq(file->f.f[i].from, other) && file->f.f[i].at <= w->at;
	return file->answer;
}

static bool knows(const struct str *list, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], id))
			return true;
	return false;
}

/* --- what is split off --- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct ids {
	struct str *list;
	size_t n;
};

static bool has(const struct ids *ids, struct str id)
{
	return ids->n > 0 && bsearch(&id, ids->list, ids->n, sizeof id, by_text) != NULL;
}

/* Ids that `file` splits off: to `to`, or (to "") to anyone who says so too. In order. */
static enum rc split_off(struct work *w, const struct file *file, struct str to, struct ids *ret, struct err *err)
{
	size_t room = 0;

	*ret = (struct ids){ NULL, 0 };
	for (size_t i = 0; i < file->f.n; i++)
		room += file->f.f[i].moved != NULL ? file->f.f[i].moved->n : 0;
	if (room == 0)
		return RC_OK;
	ret->list = arena_array(w->a, room, sizeof *ret->list);
	if (ret->list == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	for (size_t i = 0; i < file->f.n; i++) {
		const struct desk_fact *f = &file->f.f[i];
		struct file *other;

		if (f->type != FACT_SPLIT || f->ref.n == 0 || f->moved == NULL || f->at > w->at || (to.n > 0 && !str_eq(f->ref, to)))
			continue;
		TRY(open_file(w, f->ref, &other, err));
		if (!says_split_from(w, other, file->id))
			continue;
		JSON_EACH(id, f->moved)
			ret->list[ret->n++] = json_str(id);
	}
	qsort(ret->list, ret->n, sizeof *ret->list, by_text);
	return RC_OK;
}

/* --- gathering --- */

static enum rc put_fact(struct work *w, const struct desk_fact *f, uint32_t origin, struct err *err)
{
	struct desk_facts *to = &w->ret->facts;

	if (to->n == w->room) {
		size_t more = w->room == 0 ? 64 : 2 * w->room;
		struct desk_fact *list = to->n == FACTS_MAX ? NULL : arena_resize(w->a, to->f, w->room * sizeof *list, more * sizeof *list);

		if (list == NULL)
			return FAIL(err, RC_NOMEM, "incident: too many facts");
		to->f = list;
		w->room = more;
	}
	to->f[to->n] = *f;
	to->f[to->n++].origin = origin;
	return RC_OK;
}

/* An incident that is taken in ends with the one that holds it, whatever was said of its own end. */
static bool ends(const struct desk_fact *f)
{
	return f->type == FACT_CLOSED || f->type == FACT_DISMISSED || f->type == FACT_REOPENED;
}

static bool counts_in(const struct file *file, const struct desk_fact *f, bool kept)
{
	if (file->index == 0)
		return !kept || !is_link(f);
	return !is_link(f) && (kept || !ends(f));
}

/* `kept`: those of the ids count; else all but them. What an incident says of its own merging counts in no other. */
static enum rc put_facts(struct work *w, const struct file *file, const struct ids *ids, bool kept, struct err *err)
{
	for (size_t i = 0; i < file->f.n; i++) {
		const struct desk_fact *f = &file->f.f[i];

		if (has(ids, f->id) == kept && counts_in(file, f, kept))
			TRY(put_fact(w, f, file->index, err));
	}
	for (size_t i = 0; i < file->f.n_problems && !kept; i++) {
		const struct desk_problem *p = &file->f.problems[i];

		desk_facts_problem(w->a, &w->ret->facts, p->line, p->id, p->counted, "%.*s", STR(p->why));
	}
	return RC_OK;
}

/* What `file` took over, or took in, from the incident that `f` names. */
static enum rc put_other(struct work *w, const struct file *file, const struct desk_fact *f, struct err *err)
{
	struct file *other;
	struct ids ids;

	TRY(open_file(w, f->from, &other, err));
	if (f->type == FACT_SPLIT) {
		TRY(split_off(w, other, file->id, &ids, err));
		return put_facts(w, other, &ids, true, err);
	}
	if (w->n_parts < JOIN_MAX && !knows(w->parts, w->n_parts, f->from) && takes_in(w, file, f->from) && str_eq(into_of(w, other), file->id))
		w->parts[w->n_parts++] = f->from;
	return RC_OK;
}

/* Each incident that the part names is looked at once, however often it is named. */
static enum rc put_part(struct work *w, size_t part, struct err *err)
{
	struct str merged[FILES_MAX], split[FILES_MAX];
	size_t n_merged = 0, n_split = 0;
	struct file *file;
	struct ids ids;

	TRY(open_file(w, w->parts[part], &file, err));
	TRY(split_off(w, file, S(""), &ids, err));
	TRY(put_facts(w, file, &ids, false, err));
	for (size_t i = 0; i < file->f.n; i++) {
		const struct desk_fact *f = &file->f.f[i];
		bool is_split = f->type == FACT_SPLIT;
		struct str *seen = is_split ? split : merged;
		size_t *n = is_split ? &n_split : &n_merged;

		if ((f->type != FACT_MERGED && !is_split) || f->from.n == 0 || f->at > w->at || *n == FILES_MAX || knows(seen, *n, f->from))
			continue;
		seen[(*n)++] = f->from;
		TRY(put_other(w, file, f, err));
	}
	return RC_OK;
}

static enum rc note_kin(struct work *w, const struct file *file, struct err *err)
{
	struct joined *ret = w->ret;

	ret->kin = arena_array(w->a, FILES_MAX, sizeof *ret->kin);
	if (ret->kin == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	for (size_t i = 0; i < file->f.n; i++) {
		const struct desk_fact *f = &file->f.f[i];
		struct str other = f->from.n > 0 ? f->from : f->ref;

		if (is_link(f) && other.n > 0 && ret->n_kin < FILES_MAX && !knows(ret->kin, ret->n_kin, other))
			ret->kin[ret->n_kin++] = other;
	}
	return RC_OK;
}

enum rc join(struct arena *a, struct str incident, usec at, const struct join_source *src, struct joined *ret, struct err *err)
{
	struct work w = { .a = a, .src = src, .at = at, .ret = ret };
	struct file *self, *into;

	*ret = (struct joined){ .into = S("") };
	w.parts = arena_array(a, JOIN_MAX, sizeof *w.parts);
	if (w.parts == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	TRY(open_file(&w, incident, &self, err));
	w.parts[w.n_parts++] = incident;
	for (size_t i = 0; i < w.n_parts; i++)
		TRY(put_part(&w, i, err));
	ret->incidents = w.parts + 1;
	ret->n = w.n_parts - 1;
	ret->origins = arena_array(a, FILES_MAX, sizeof *ret->origins);
	if (ret->origins == NULL)
		return FAIL(err, RC_NOMEM, "incident: out of memory");
	for (size_t i = 0; i < w.n_files; i++)
		ret->origins[ret->n_origins++] = w.files[i]->id;
	ret->into = into_of(&w, self);
	if (ret->into.n > 0) {
		TRY(open_file(&w, ret->into, &into, err));
		if (!takes_in(&w, into, incident))
			ret->into = S("");
	}
	return note_kin(&w, self, err);
}
