#include "detect/known.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/jsonsplit.h"
#include "base/mem.h"
#include "detect/indicator_json.h"
#include "sys/file.h"

#define OBJECT_MAX ((size_t)16 << 20)
#define PIECE ((size_t)1 << 20)

/* RC_BAD: no file, or nothing in it. */
static enum rc first_byte(const char *path, char *ret, struct err *err)
{
	int fd CLEANUP(file_closep) = iocs_open(path);
	char head[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);

	if (n < 0)
		return FAIL(err, errno == ENOENT ? RC_NOTFOUND : RC_IO, "%s: %s", path, strerror(errno));
	*ret = '\0';
	for (ssize_t i = 0; i < n && *ret == '\0'; i++)
		if (strchr(" \t\r\n\xef\xbb\xbf", head[i]) == NULL)
			*ret = head[i];
	return RC_OK;
}

struct loading {
	struct known *k;
	const char *path;
	struct indicator_context *context;
	const struct indicator_context *nothing; /* knows no marking */
	bool unknown; /* an indicator had a marking whose definition had not been read */
	bool again;   /* all definitions are known now: only such indicators */
};

static void refuse(struct known *k, const char *path, struct str id, const char *why)
{
	if (k->refused++ == 0)
		snprintf(k->first_refused, sizeof k->first_refused, "%.150s: %.*s: %.250s", path, STR(id), why);
}

/* What is no list of values. */
static enum rc take_pattern(struct known *k, const struct image_indicator *i, struct str name, const char *path, struct err *err)
{
	if (k->patterns == NULL)
		TRY(stix_rules_new(&k->patterns, err));
	return stix_rules_add(k->patterns, i, name, str_of(path), err);
}

/* What is said of it now counts, whatever an earlier version said. */
static enum rc take_indicator(struct loading *l, const struct indicator_told *told, struct err *err)
{
	struct known *k = l->k;
	struct err why = { 0 };
	enum rc rc = image_update(k->image, &told->i, &why);

	if (rc == RC_UNSUPPORTED)
		rc = take_pattern(k, &told->i, told->name, l->path, &why);
	else if (k->patterns != NULL)
		stix_rules_remove(k->patterns, told->i.id);
	if (rc == RC_NOMEM || rc == RC_LIMIT)
		return FAIL(err, rc, "%s: %s", l->path, why.text);
	if (rc != RC_OK && !l->again)
		refuse(k, l->path, told->i.id, why.text);
	return RC_OK;
}

static enum rc forget(struct loading *l, struct str id, const char *why)
{
	refuse(l->k, l->path, id, why);
	if (l->k->patterns != NULL)
		stix_rules_remove(l->k->patterns, id);
	return image_remove(l->k->image, id, NULL) == RC_NOMEM ? RC_NOMEM : RC_OK;
}

static enum rc take_object(struct loading *l, struct arena *a, struct str text, struct err *err)
{
	struct indicator_told told;
	struct err why = { 0 };
	const struct json *v;
	bool newest;
	enum rc rc;

	arena_reset(a);
	if (json_parse(a, text, &JSON_LIMITS, &v, &why) != RC_OK)
		return FAIL(err, RC_BAD, "%s: %s", l->path, why.text);
	if (!l->again)
		TRY(indicator_marking(l->context, v, err));
	rc = indicator_read(l->again ? l->nothing : l->context, v, &told, &why);
	if (rc == RC_NOTFOUND || (l->again && !told.unknown_marking))
		return RC_OK;
	TRY(indicator_newest(l->context, v, &newest, err));
	l->unknown |= told.unknown_marking;
	if (!newest)
		return RC_OK;
	if (rc != RC_OK)
		return l->again ? RC_OK : forget(l, told.i.id, why.text);
	if (l->again)
		(void)!indicator_read(l->context, v, &told, NULL);
	return take_indicator(l, &told, err);
}

static enum rc read_bundle(struct loading *l, struct err *err)
{
	const char *path = l->path;
	int fd CLEANUP(file_closep) = iocs_open(path);
	CLEANUP(jsonsplit_freep) struct jsonsplit *s = jsonsplit_new(S("objects"), OBJECT_MAX);
	CLEANUP(mem_freep) char *piece = mem_alloc(PIECE);
	CLEANUP(arena_freep) struct arena *a = arena_new(8 * OBJECT_MAX);

	if (s == NULL || piece == NULL || a == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	for (;;) {
		ssize_t got = fd < 0 ? -1 : read(fd, piece, PIECE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FAIL(err, RC_IO, "%s: %s", path, strerror(errno));
		if (got == 0)
			break;
		jsonsplit_feed(s, str_make(piece, (size_t)got));
		for (;;) {
			struct str element;
			enum rc rc = jsonsplit_next(s, &element, err);

			if (rc != RC_OK)
				return err_prefix(err, "%s", path), rc;
			if (element.p == NULL)
				break;
			TRY(take_object(l, a, element, err));
		}
	}
	if (jsonsplit_end(s, err) != RC_OK)
		return err_prefix(err, "%s", path), RC_BAD;
	return RC_OK;
}

/* A definition may stand behind the objects that it marks, or in another file. */
static enum rc read_bundles(struct known *k, const char *const *paths, size_t n, struct err *err)
{
	struct indicator_context *context CLEANUP(indicator_context_freep) = indicator_context_new();
	struct indicator_context *nothing CLEANUP(indicator_context_freep) = indicator_context_new();
	struct loading l = { .k = k, .context = context, .nothing = nothing };

	k->image = image_new(IMAGE_INDICATORS_MAX);
	if (k->image == NULL || context == NULL || nothing == NULL)
		return FAIL(err, RC_NOMEM, "indicators: out of memory");
	for (;; l.again = true) {
		for (size_t i = 0; i < n; i++) {
			l.path = paths[i];
			TRY(read_bundle(&l, err));
		}
		if (!l.unknown || l.again)
			return RC_OK;
	}
}

static enum rc load(struct known *k, const char *const *paths, size_t n, struct err *err)
{
	const char *lists[IOCS_FILES_MAX], *bundles[IOCS_FILES_MAX];
	struct image_stats is = { 0 };
	struct iocs_stats ls = { 0 };
	struct stix_rules_stats ps = { 0 };
	size_t n_lists = 0, n_bundles = 0;

	for (size_t i = 0; i < n; i++) {
		char first;

		if (strcmp(paths[i], "-") == 0)
			TRY(iocs_stdin(err));
		TRY(first_byte(paths[i], &first, err));
		if (n_lists + n_bundles == COUNTOF(lists))
			return FAIL(err, RC_LIMIT, "more than %d lists of indicators", IOCS_FILES_MAX);
		if (first == '{' || first == '[')
			bundles[n_bundles++] = paths[i];
		else
			lists[n_lists++] = paths[i];
	}
	if (n_bundles > 0)
		TRY(read_bundles(k, bundles, n_bundles, err));
	if (n_lists > 0) {
		TRY(iocs_load(lists, n_lists, &k->lists, err));
		iocs_stats(k->lists, &ls);
		k->refused += ls.bad;
		if (ls.bad > 0 && k->first_refused[0] == '\0')
			snprintf(k->first_refused, sizeof k->first_refused, "%.*s", STR(ls.first_bad));
	}
	if (k->image != NULL)
		image_stats(k->image, &is);
	if (k->patterns != NULL) {
		stix_rules_stats(k->patterns, &ps);
		k->partial = ps.partial;
		memcpy(k->first_partial, ps.first_partial, sizeof k->first_partial);
	}
	k->indicators = is.indicators + ls.values + ps.indicators;
	return RC_OK;
}

enum rc known_load(const char *const *paths, size_t n, struct known *ret, struct err *err)
{
	enum rc rc;

	*ret = (struct known){ 0 };
	rc = load(ret, paths, n, err);
	if (rc != RC_OK)
		known_done(ret);
	return rc;
}

void known_done(struct known *k)
{
	iocs_free(k->lists);
	image_free(k->image);
	stix_rules_free(k->patterns);
	*k = (struct known){ 0 };
}
