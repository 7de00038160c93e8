/* A manifest is lines of text, signed as they are:
 *
 *   lianfang ruleset 1
 *   number 7
 *   made 2026-11-23T15:00:00.000000Z
 *   sha256 HEX            of rules.yarac
 *   rules 1204
 *   good FILES BYTES      known good files it was measured on
 *   off INDEX NAME WHY
 *
 * It is read only after its signature held. Which generation is live is one small file, replaced as a whole: publishing and rolling back are
 * one rename, and a reader sees the one or the other. */
#include "lab/ruleset.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/keys.h"

#define MANIFEST_MAX ((size_t)64 << 20)
#define RULES_FILE_MAX ((size_t)1 << 30)
#define BEFORE_MAX 32

static enum rc join(char out[static 4096], const char *a, const char *b, struct err *err)
{
	return snprintf(out, 4096, "%s/%s", a, b) < 4096 ? RC_OK : FAIL(err, RC_LIMIT, "%s: the path is too long", a);
}

static enum rc read_part(const char *folder, const char *name, size_t max, struct buf *ret, struct err *err)
{
	char path[4096];

	TRY(join(path, folder, name, err));
	return file_read(path, max, ret, err);
}

static bool has(const char *folder, const char *name)
{
	char path[4096];

	return join(path, folder, name, NULL) == RC_OK && file_exists(path);
}

bool ruleset_is(const char *path)
{
	return (has(path, "trusted.pub") && has(path, "live")) || (has(path, "manifest") && has(path, "rules.yarac"));
}

void ruleset_done(struct ruleset *s)
{
	mem_free(s->off);
	s->off = NULL;
	s->n_off = 0;
}

/* --- reading --- */

static enum rc read_live(const char *store, uint32_t numbers[static BEFORE_MAX], size_t *n, struct err *err)
{
	struct str rest, word;
	struct buf text;
	uint64_t v;

	*n = 0;
	if (!has(store, "live"))
		return RC_OK;
	TRY(read_part(store, "live", 4096, &text, err));
	rest = str_trim(buf_view(&text));
	while (*n < BEFORE_MAX && str_next(&rest, ' ', &word))
		if (str_to_u64(word, &v) && v > 0 && v <= UINT32_MAX)
			numbers[(*n)++] = (uint32_t)v;
	buf_done(&text);
	return RC_OK;
}

static enum rc check_signature(const char *store, const char *folder, struct str manifest, struct err *err)
{
	struct buf hex, key, sig;
	bool good = false;

	buf_init(&key, SIGN_PUBLIC_LEN);
	buf_init(&sig, SIGN_LEN);
	TRY(read_part(store, "trusted.pub", 1024, &hex, err));
	good = hex_get(&key, str_trim(buf_view(&hex)));
	buf_done(&hex);
	if (good && read_part(folder, "manifest.sig", 1024, &hex, err) == RC_OK) {
		good = hex_get(&sig, str_trim(buf_view(&hex))) && key.n == SIGN_PUBLIC_LEN && sig.n == SIGN_LEN &&
		       sign_verify((const unsigned char *)key.p, manifest, (const unsigned char *)sig.p);
		buf_done(&hex);
	} else
		good = false;
	buf_done(&key);
	buf_done(&sig);
	return good ? RC_OK : FAIL(err, RC_DENIED, "%s: is not signed by the key that is trusted here", folder);
}

static bool take_off(struct ruleset *s, struct str rest, size_t *cap)
{
	struct str index, name;
	struct ruleset_off *o;
	uint64_t v;

	if (!str_next(&rest, ' ', &index) || !str_to_u64(index, &v) || v >= UINT32_MAX || !str_next(&rest, ' ', &name))
		return false;
	if (s->n_off == *cap) {
		size_t more = *cap == 0 ? 64 : *cap * 2;

		o = mem_resize(s->off, more * sizeof *o);
		if (o == NULL)
			return false;
		s->off = o;
		*cap = more;
	}
	o = &s->off[s->n_off++];
	*o = (struct ruleset_off){ .rule = (uint32_t)v };
	snprintf(o->name, sizeof o->name, "%.*s", STR(name));
	snprintf(o->why, sizeof o->why, "%.*s", STR(rest));
	return true;
}

static bool take_line(struct ruleset *s, struct str line, size_t *cap)
{
	struct str word, more;
	struct buf hex;
	uint64_t v = 0;
	bool good = str_next(&line, ' ', &word);

	if (good && str_eq(word, S("off")))
		return take_off(s, line, cap);
	if (good && str_eq(word, S("made"))) {
		snprintf(s->made, sizeof s->made, "%.*s", STR(line));
		return true;
	}
	if (good && str_eq(word, S("sha256"))) {
		buf_init(&hex, SHA256_LEN);
		good = hex_get(&hex, line) && hex.n == SHA256_LEN;
		if (good)
			memcpy(s->sha256, hex.p, SHA256_LEN);
		buf_done(&hex);
		return good;
	}
	if (good && str_eq(word, S("good")))
		return str_next(&line, ' ', &more) && str_to_u64(more, &s->good_files) && str_to_u64(line, &s->good_bytes);
	good = good && str_to_u64(line, &v) && v <= UINT32_MAX;
	if (good && str_eq(word, S("number")))
		s->number = (uint32_t)v;
	else if (good && str_eq(word, S("rules")))
		s->rules = (uint32_t)v;
	return good;
}

static enum rc read_manifest(const char *folder, struct str text, struct ruleset *s, struct err *err)
{
	struct str line;
	size_t cap = 0;

	if (!str_next(&text, '\n', &line) || !str_eq(line, S("lianfang ruleset 1")))
		return FAIL(err, RC_UNSUPPORTED, "%s: manifest of a kind not known here", folder);
	while (str_next(&text, '\n', &line))
		if (line.n > 0 && !take_line(s, line, &cap))
			return FAIL(err, RC_CORRUPT, "%s: manifest: %.*s", folder, STR(line));
	return RC_OK;
}

static enum rc check_rules(struct ruleset *s, struct err *err)
{
	unsigned char sum[SHA256_LEN];
	struct buf bytes;

	TRY(file_read(s->path, RULES_FILE_MAX, &bytes, err));
	hash_sha256(buf_view(&bytes), sum);
	buf_done(&bytes);
	return memcmp(sum, s->sha256, SHA256_LEN) == 0 ? RC_OK : FAIL(err, RC_DENIED, "%s: is not what its manifest says", s->path);
}

static enum rc open_one(const char *store, const char *folder, struct ruleset *s, struct err *err)
{
	struct buf manifest;
	enum rc rc;

	TRY(join(s->path, folder, "rules.yarac", err));
	TRY(read_part(folder, "manifest", MANIFEST_MAX, &manifest, err));
	rc = check_signature(store, folder, buf_view(&manifest), err);
	if (rc == RC_OK)
		rc = read_manifest(folder, buf_view(&manifest), s, err);
	buf_done(&manifest);
	return rc == RC_OK ? check_rules(s, err) : rc;
}

enum rc ruleset_open(const char *path, struct ruleset *ret, struct err *err)
{
	uint32_t numbers[BEFORE_MAX] = { 0 };
	char folder[4096], name[24], store[4096];
	struct ruleset s = { 0 };
	size_t n;
	enum rc rc;

	if (has(path, "manifest")) {
		TRY(join(store, path, "..", err));
		TRY(read_live(store, numbers, &n, err));
		rc = open_one(store, path, &s, err);
	} else {
		TRY(read_live(path, numbers, &n, err));
		if (n == 0)
			return FAIL(err, RC_NOTFOUND, "%s: no generation is live", path);
		snprintf(name, sizeof name, "%u", numbers[0]);
		TRY(join(folder, path, name, err));
		rc = open_one(path, folder, &s, err);
	}
	if (rc != RC_OK) {
		ruleset_done(&s);
		return rc;
	}
	s.live = n > 0 && numbers[0] == s.number;
	*ret = s;
	return RC_OK;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

enum rc ruleset_numbers(const char *store, uint32_t *out, size_t max, size_t *ret_n, struct err *err)
{
	DIR *d = opendir(store);
	struct dirent *e;
	uint64_t v;

	*ret_n = 0;
	if (d == NULL)
		return FAIL(err, RC_NOTFOUND, "%s: %m", store);
	while ((e = readdir(d)) != NULL)
		if (*ret_n < max && str_to_u64(str_of(e->d_name), &v) && v > 0 && v <= UINT32_MAX)
			out[(*ret_n)++] = (uint32_t)v;
	closedir(d);
	qsort(out, *ret_n, sizeof *out, by_number);
	return RC_OK;
}

/* --- which is live --- */

static enum rc write_live(const char *store, const uint32_t *numbers, size_t n, struct err *err)
{
	char path[4096];
	struct buf b;
	enum rc rc;

	buf_init(&b, 4096);
	for (size_t i = 0; i < n && i < BEFORE_MAX; i++)
		buf_fmt(&b, i == 0 ? "%u" : " %u", numbers[i]);
	buf_char(&b, '\n');
	rc = join(path, store, "live", err);
	if (rc == RC_OK)
		rc = file_replace(path, buf_view(&b), 0644, err);
	buf_done(&b);
	return rc;
}

enum rc ruleset_publish(const char *store, uint32_t number, bool untested, struct err *err)
{
	CLEANUP(ruleset_done) struct ruleset s = { 0 };
	uint32_t numbers[BEFORE_MAX + 1];
	char folder[4096], name[24];
	size_t n;

	snprintf(name, sizeof name, "%u", number);
	TRY(join(folder, store, name, err));
	if (!has(folder, "manifest"))
		return FAIL(err, RC_NOTFOUND, "%s: there is no generation %u", store, number);
	TRY(ruleset_open(folder, &s, err));
	if (s.good_files == 0 && !untested)
		return FAIL(err, RC_DENIED, "generation %u was tested on no known good file", number);
	TRY(read_live(store, numbers + 1, &n, err));
	if (n > 0 && numbers[1] == number)
		return RC_OK;
	numbers[0] = number;
	return write_live(store, numbers, n + 1, err);
}

enum rc ruleset_rollback(const char *store, uint32_t *ret_number, struct err *err)
{
	uint32_t numbers[BEFORE_MAX];
	size_t n;

	TRY(read_live(store, numbers, &n, err));
	if (n < 2)
		return FAIL(err, RC_NOTFOUND, "%s: there is no generation to go back to", store);
	TRY(write_live(store, numbers + 1, n - 1, err));
	*ret_number = numbers[1];
	return RC_OK;
}
