/* A new generation: rules are compiled, each that the router chooses for a known good file is run on it alone and timed, and what costs more than
 * the budget or matches a good file is put off, with whatever refers to it. Beside the good files stand samples made here of what
 * makes bad rules slow: zeros, one letter, a short pattern again and again, noise. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "lab/rules.h"
#include "lab/ruleset.h"
#include "sys/file.h"
#include "sys/keys.h"

#define NUMBERS_MAX 65536
#define HARD_BYTES ((size_t)256 << 10)
#define FOLDERS_DEEP 64
#define MIB 1048576.0

struct cost {
	int64_t sum, worst; /* nanoseconds */
	uint32_t files;
	bool is_global;
	char why[128];      /* "": it is on */
};

struct making {
	const struct ruleset_build *b;
	struct lab_rules *rules;
	struct cost *cost;
	uint8_t *skip;          /* of each rule: it is off already, and its cost known */
	uint32_t n;
	uint64_t files, bytes;  /* of good files */
	uint64_t all_bytes;     /* with the samples made here */
	const char *name;
	struct err *err;
};

static void put_off(struct cost *c, const char *fmt, ...) PRINTF(2, 3);
static void put_off(struct cost *c, const char *fmt, ...)
{
	va_list ap;

	if (c->why[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof c->why, fmt, ap);
	va_end(ap);
	for (char *p = c->why; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
}

static void told(void *ctx, const struct lab_rule_cost *t)
{
	struct making *m = ctx;
	struct cost *c = &m->cost[t->rule];

	c->sum += t->nanoseconds;
	c->worst = t->nanoseconds > c->worst ? t->nanoseconds : c->worst;
	c->files++;
	c->is_global = t->is_global;
	m->skip[t->rule] = c->worst / 1000000 > (int64_t)m->b->worst_ms;
}

/* All rules at once, because alone a rule does not have those that it refers to. A name stands for all rules of that name. */
static void found_in_good(void *ctx, const struct lab_match *t)
{
	struct making *m = ctx;

	for (uint32_t i = 0; i < m->n && t->weight != LAB_NOTE; i++)
		if (str_eq(t->id, str_of(lab_rules_name(m->rules, i))))
			put_off(&m->cost[i], "matches a known good file: %.80s", m->name);
}

static enum rc measure(struct making *m, struct str bytes)
{
	m->all_bytes += bytes.n;
	return lab_rules_cost(m->rules, bytes, (int)(m->b->worst_ms / 1000) + 1, m->skip, told, m, m->err);
}

/* --- what is measured --- */

static enum rc measure_hard(struct making *m)
{
	static const char *const again[] = { "a", "ab", "0123456789", "\x8b\xec\x55", "MZ\x90", "<a href=\"http://a.b/c\">\n" };
	char *bytes = mem_alloc(HARD_BYTES);
	uint64_t seed = 1;
	enum rc rc;

	if (bytes == NULL)
		return FAIL(m->err, RC_NOMEM, "rules: out of memory");
	rc = measure(m, str_make(bytes, HARD_BYTES));
	for (size_t k = 0; k < COUNTOF(again) && rc == RC_OK; k++) {
		for (size_t i = 0; i < HARD_BYTES; i++)
			bytes[i] = again[k][i % strlen(again[k])];
		rc = measure(m, str_make(bytes, HARD_BYTES));
	}
	for (size_t i = 0; i < HARD_BYTES; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (char)(seed >> 56);
	}
	if (rc == RC_OK)
		rc = measure(m, str_make(bytes, HARD_BYTES));
	mem_free(bytes);
	return rc;
}

static enum rc measure_file(struct making *m, const char *path)
{
	CLEANUP(file_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool too_many;
	struct stat st;
	void *p;
	enum rc rc;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 || m->bytes + (uint64_t)st.st_size > RULESET_GOOD_MAX)
		return RC_OK;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return RC_OK;
	m->files++;
	m->bytes += (uint64_t)st.st_size;
	m->name = path;
	rc = measure(m, str_make(p, (size_t)st.st_size));
	if (rc == RC_OK)
		rc = lab_rules_scan(m->rules, str_make(p, (size_t)st.st_size), 600, found_in_good, m, &too_many, m->err);
	munmap(p, (size_t)st.st_size);
	return rc;
}

static enum rc measure_folder(struct making *m, const char *path, int depth)
{
	DIR *d = depth > FOLDERS_DEEP ? NULL : opendir(path);
	struct dirent *e;
	enum rc rc = RC_OK;

	if (d == NULL)
		return depth == 0 ? FAIL(m->err, RC_NOTFOUND, "%s: %m", path) : RC_OK;
	while (rc == RC_OK && (e = readdir(d)) != NULL) {
		char inside[4096];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || snprintf(inside, sizeof inside, "%s/%s", path, e->d_name) >= (int)sizeof inside)
			continue;
		rc = e->d_type == DT_DIR ? measure_folder(m, inside, depth + 1) : e->d_type == DT_REG ? measure_file(m, inside) : RC_OK;
	}
	closedir(d);
	return rc;
}

/* --- judging --- */

static double rate_of(const struct making *m, const struct cost *c)
{
	return (double)c->sum / 1000 / ((double)m->all_bytes / MIB);
}

static void judge_costs(struct making *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct cost *c = &m->cost[i];

		if (c->worst / 1000000 > (int64_t)m->b->worst_ms)
			put_off(c, "%lld ms on one file", (long long)(c->worst / 1000000));
		else if (rate_of(m, c) > (double)m->b->budget_us_per_mib)
			put_off(c, "%.0f microseconds a MiB", rate_of(m, c));
	}
}

static void judge_referring(struct making *m)
{
	for (bool more = true; more;) {
		more = false;
		for (uint32_t a = 0; a < m->n; a++)
			for (uint32_t b = 0; b < a && m->cost[a].why[0] == '\0'; b++)
				if (m->cost[b].why[0] != '\0' && lab_rules_refers(m->rules, a, b)) {
					put_off(&m->cost[a], "refers to %.80s, which is off", lab_rules_name(m->rules, b));
					more = true;
				}
	}
}

static enum rc judge(struct making *m)
{
	judge_costs(m);
	judge_referring(m);
	/* Without a global rule others would match that it holds back. */
	for (uint32_t i = 0; i < m->n; i++)
		if (m->cost[i].is_global && m->cost[i].why[0] != '\0')
			return FAIL(m->err, RC_BAD, "global rule %s: %s", lab_rules_name(m->rules, i), m->cost[i].why);
	return RC_OK;
}

/* --- writing --- */

static enum rc write_in(const char *folder, const char *name, struct str bytes, unsigned mode, struct err *err)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return FAIL(err, RC_LIMIT, "%s: the path is too long", folder);
	return file_replace(path, bytes, mode, err);
}

/* The key of the store, made at the first build. */
static enum rc own_key(const char *store, unsigned char sec[static SIGN_SECRET_LEN], struct err *err)
{
	unsigned char pub[SIGN_PUBLIC_LEN];
	struct buf hex, key;
	char path[4096];
	enum rc rc;

	if (snprintf(path, sizeof path, "%s/key", store) >= (int)sizeof path)
		return FAIL(err, RC_LIMIT, "%s: the path is too long", store);
	buf_init(&key, SIGN_SECRET_LEN);
	if (file_exists(path)) {
		TRY(file_read(path, 1024, &hex, err));
		rc = hex_get(&key, str_trim(buf_view(&hex))) && key.n == SIGN_SECRET_LEN ? RC_OK : FAIL(err, RC_CORRUPT, "%s: is no key", path);
		if (rc == RC_OK)
			memcpy(sec, key.p, SIGN_SECRET_LEN);
		secret_wipe(hex.p, hex.n);
		secret_wipe(key.p, key.n);
		buf_done(&hex);
		buf_done(&key);
		return rc;
	}
	sign_keypair(pub, sec);
	buf_init(&hex, 1024);
	hex_put(&hex, str_make((const char *)sec, SIGN_SECRET_LEN));
	rc = write_in(store, "key", buf_view(&hex), 0600, err);
	secret_wipe(hex.p, hex.n);
	buf_clear(&hex);
	hex_put(&hex, str_make((const char *)pub, sizeof pub));
	if (rc == RC_OK)
		rc = write_in(store, "trusted.pub", buf_view(&hex), 0644, err);
	buf_done(&hex);
	return rc;
}

static enum rc write_ledger(const struct making *m, const char *folder)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, (size_t)256 << 20);
	buf_cstr(&b, "rule\tname\tfiles\tmicroseconds_per_mib\tworst_ms\toff\n");
	for (uint32_t i = 0; i < m->n; i++)
		buf_fmt(&b, "%u\t%s\t%u\t%.1f\t%.2f\t%s\n", i, lab_rules_name(m->rules, i), m->cost[i].files, rate_of(m, &m->cost[i]), (double)m->cost[i].worst / 1e6, m->cost[i].why);
	rc = buf_check(&b, m->err, "ledger");
	if (rc == RC_OK)
		rc = write_in(folder, "ledger.tsv", buf_view(&b), 0644, m->err);
	buf_done(&b);
	return rc;
}

static enum rc put_manifest(const struct making *m, const char *folder, uint32_t number, struct buf *b)
{
	unsigned char sum[SHA256_LEN];
	char path[4096], made[TIME_TEXT_MAX];
	struct buf rules;

	if (snprintf(path, sizeof path, "%s/rules.yarac", folder) >= (int)sizeof path)
		return FAIL(m->err, RC_LIMIT, "%s: the path is too long", folder);
	TRY(lab_rules_save(m->rules, path, m->err));
	TRY(file_read(path, (size_t)1 << 30, &rules, m->err));
	hash_sha256(buf_view(&rules), sum);
	buf_done(&rules);
	time_format(time_now(), made);
	buf_fmt(b, "lianfang ruleset 1\nnumber %u\nmade %s\nsha256 ", number, made);
	hex_put(b, str_make((const char *)sum, sizeof sum));
	buf_fmt(b, "\nrules %u\ngood %llu %llu\n", m->n, (unsigned long long)m->files, (unsigned long long)m->bytes);
	for (uint32_t i = 0; i < m->n; i++)
		if (m->cost[i].why[0] != '\0')
			buf_fmt(b, "off %u %s %s\n", i, lab_rules_name(m->rules, i), m->cost[i].why);
	return buf_check(b, m->err, "manifest");
}

static enum rc write_signed(const struct making *m, const char *folder, uint32_t number)
{
	unsigned char sec[SIGN_SECRET_LEN], sig[SIGN_LEN];
	struct buf b, hex;
	enum rc rc;

	buf_init(&b, (size_t)64 << 20);
	buf_init(&hex, 1024);
	rc = own_key(m->b->store, sec, m->err);
	if (rc == RC_OK)
		rc = put_manifest(m, folder, number, &b);
	if (rc == RC_OK) {
		sign_make(sec, buf_view(&b), sig);
		hex_put(&hex, str_make((const char *)sig, sizeof sig));
		rc = write_in(folder, "manifest.sig", buf_view(&hex), 0644, m->err);
	}
	/* The manifest last: without it the folder is no generation. */
	if (rc == RC_OK)
		rc = write_ledger(m, folder);
	if (rc == RC_OK)
		rc = write_in(folder, "manifest", buf_view(&b), 0644, m->err);
	secret_wipe(sec, sizeof sec);
	buf_done(&b);
	buf_done(&hex);
	return rc;
}

static enum rc next_number(const char *store, uint32_t *ret, struct err *err)
{
	uint32_t *numbers = mem_array(NUMBERS_MAX, sizeof *numbers);
	size_t n = 0;
	enum rc rc = numbers == NULL ? FAIL(err, RC_NOMEM, "rules: out of memory") : ruleset_numbers(store, numbers, NUMBERS_MAX, &n, err);

	if (rc == RC_OK && n == NUMBERS_MAX)
		rc = FAIL(err, RC_FULL, "%s: too many generations", store);
	if (rc == RC_OK)
		*ret = n == 0 ? 1 : numbers[n - 1] + 1;
	mem_free(numbers);
	return rc;
}

static enum rc make(struct making *m, struct ruleset *ret)
{
	char folder[4096];
	uint32_t number;

	m->n = (uint32_t)lab_rules_count(m->rules);
	m->cost = mem_array((size_t)m->n + 1, sizeof *m->cost);
	m->skip = mem_alloc((size_t)m->n + 1);
	if (m->cost == NULL || m->skip == NULL)
		return FAIL(m->err, RC_NOMEM, "rules: out of memory");
	TRY(measure_hard(m));
	if (m->b->good != NULL)
		TRY(measure_folder(m, m->b->good, 0));
	TRY(judge(m));
	TRY(file_mkdir(m->b->store, 0755, m->err));
	TRY(next_number(m->b->store, &number, m->err));
	if (snprintf(folder, sizeof folder, "%s/%u", m->b->store, number) >= (int)sizeof folder)
		return FAIL(m->err, RC_LIMIT, "%s: the path is too long", m->b->store);
	TRY(file_mkdir(folder, 0755, m->err));
	TRY(write_signed(m, folder, number));
	return ruleset_open(folder, ret, m->err);
}

enum rc ruleset_make(const struct ruleset_build *b, struct ruleset *ret, struct err *err)
{
	struct err own = { 0 };
	struct making m = { .b = b, .err = err == NULL ? &own : err };
	struct buf generation;
	enum rc rc;

	buf_init(&generation, (size_t)1 << 20);
	rc = lab_rules_load(b->rules, false, &generation, &m.rules, m.err);
	buf_done(&generation);
	if (rc == RC_OK)
		rc = make(&m, ret);
	mem_free(m.cost);
	mem_free(m.skip);
	lab_rules_free(m.rules);
	return rc;
}
