#include "cli/adding.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "detect/block.h"
#include "detect/source.h"
#include "wire/log_line.h"

struct adding {
	adding_take take;
	void *ctx;
	struct block_maker *m;
	struct buf sealed, json, key;
	struct str source;
	uint64_t ordinal;
	struct hash_sha256_ctx *digest; /* of what the block at hand holds, and of the one before; NULL: not asked for */
	struct adding_counts n;
	enum rc rc;
	struct err *err;
};

/* The key of the block at hand, with which the next one's begins: so it stands for all of the file up to here. */
static struct str end_key(struct adding *x)
{
	unsigned char digest[SHA256_LEN];

	if (x->digest == NULL)
		return S("");
	hash_sha256_end(x->digest, digest);
	hash_sha256_add(x->digest, str_make((const char *)digest, sizeof digest));
	buf_clear(&x->key);
	hex_put(&x->key, str_make((const char *)digest, ADDING_KEY / 2));
	return buf_view(&x->key);
}

static void begin_key(struct adding *x)
{
	unsigned char unused[SHA256_LEN];

	if (x->digest == NULL)
		return;
	hash_sha256_end(x->digest, unused);
	hash_sha256_add(x->digest, x->source);
}

/* Times are left out: an event that states none has that of its reading. */
static void add_to_key(struct adding *x, const struct block_event *e)
{
	struct buf head;

	if (x->digest == NULL)
		return;
	buf_init(&head, 64);
	buf_le32(&head, (uint32_t)e->format);
	buf_le64(&head, e->line.n);
	hash_sha256_add(x->digest, buf_view(&head));
	hash_sha256_add(x->digest, e->line);
	buf_done(&head);
}

static enum rc seal(struct adding *x)
{
	struct str key;

	if (block_maker_events(x->m) == 0)
		return RC_OK;
	buf_clear(&x->sealed);
	TRY(block_maker_seal(x->m, time_now(), 0, &x->sealed, x->err));
	key = end_key(x);
	TRY(buf_check(&x->key, x->err, "key"));
	return x->take(x->ctx, buf_view(&x->sealed), key, x->err);
}

/* The line as it stood when it can be read again by itself, else its JSON. */
static struct block_event event_of(struct adding *x, struct flat *f)
{
	struct block_event e = { .line = f->raw, .format = f->format, .source = x->source, .ordinal = x->ordinal, .time = flat_time(f) };

	if (e.time == 0)
		e.time = time_now();
	if (f->format == LOG_EVTX || f->format == LOG_ZEEK) {
		buf_clear(&x->json);
		flat_json_print(f, &x->json);
		e.line = buf_view(&x->json);
		e.format = LOG_JSON;
	}
	return e;
}

static bool on_event(void *ctx, struct flat *f, const struct err *why)
{
	struct adding *x = ctx;
	struct block_event e;

	if (f == NULL && why->rc == RC_CORRUPT) {
		x->n.altered++;
		return true;
	}
	x->ordinal++;
	if (f == NULL) {
		x->n.bad++;
		return true;
	}
	e = event_of(x, f);
	x->rc = buf_check(&x->json, x->err, "event");
	if (x->rc == RC_OK)
		x->rc = block_maker_add(x->m, &e, f, x->err);
	if (x->rc == RC_BUSY) {
		x->rc = seal(x);
		if (x->rc == RC_OK)
			x->rc = block_maker_add(x->m, &e, f, x->err);
	}
	if (x->rc == RC_OK)
		add_to_key(x, &e);
	x->n.events += x->rc == RC_OK;
	x->n.bytes += e.line.n;
	return x->rc == RC_OK;
}

static enum rc add_file(struct adding *x, struct source_reader *r, const char *path, enum log_format format, struct err *err)
{
	struct source_file file;
	uint64_t units;
	enum rc rc = RC_OK;

	if (strcmp(path, "-") == 0)
		return source_stream(r, STDIN_FILENO, format, on_event, x, err);
	TRY(source_probe(path, format, &file, err));
	units = source_units(&file);
	for (uint64_t i = 0; i < units && rc == RC_OK && x->rc == RC_OK; i++)
		rc = source_read(r, &file, i, on_event, x, err);
	return rc;
}

static struct str name_of(const char *path)
{
	struct str s = str_of(path);
	size_t slash;

	while ((slash = str_find(s, S("/"), 0)) != SIZE_MAX)
		s = str_slice(s, slash + 1, s.n);
	return str_slice(s, 0, BLOCK_NAME_MAX);
}

static enum rc add_files(const struct cli *c, struct adding *x, enum log_format format, struct err *err)
{
	struct fields *none = fields_new();
	struct source_reader *r CLEANUP(source_reader_freep) = NULL;
	enum rc rc = none == NULL ? FAIL(err, RC_NOMEM, "out of memory") : source_reader_new(none, time_now(), &r, err);

	for (int i = 0; i < c->n_operands && rc == RC_OK; i++) {
		x->source = cli_has(c, "source") ? str_of(cli_get(c, "source", "")) : name_of(c->operands[i]);
		x->ordinal = cli_has(c, "source") ? x->ordinal : 0;
		begin_key(x);
		rc = add_file(x, r, c->operands[i], format, err);
		if (rc == RC_OK)
			rc = x->rc;
		else
			err_prefix(err, "%s", c->operands[i]);
		if (rc == RC_OK && x->digest != NULL)
			rc = seal(x);
	}
	source_reader_free(r);
	r = NULL;
	fields_free(none);
	return rc == RC_OK ? seal(x) : rc;
}

enum rc adding_run(const struct cli *c, bool apart, adding_take take, void *ctx, struct adding_counts *ret, struct err *err)
{
	struct str name = str_of(cli_get(c, "format", ""));
	enum log_format format = name.n == 0 ? LOG_UNKNOWN : log_format_find(name);
	struct adding x = { .take = take, .ctx = ctx, .err = err };
	enum rc rc;

	if (name.n > 0 && format == LOG_UNKNOWN)
		return FAIL(err, RC_BAD, "--format: there is no format '%.*s'", STR(name));
	buf_init(&x.sealed, BLOCK_BYTES_MAX);
	buf_init(&x.json, BLOCK_LINE_MAX);
	buf_init(&x.key, ADDING_KEY + 1);
	if (apart && (x.digest = hash_sha256_new()) == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	rc = block_maker_new(&x.m, err);
	if (rc == RC_OK)
		rc = add_files(c, &x, format, err);
	block_maker_free(x.m);
	hash_sha256_free(x.digest);
	buf_done(&x.sealed);
	buf_done(&x.json);
	buf_done(&x.key);
	if (x.n.altered > 0 && !cli_has(c, "quiet"))
		fprintf(stderr, "%llu parts of event logs fail their own checksum: damaged or altered, and read all the same\n", (unsigned long long)x.n.altered);
	*ret = x.n;
	return rc;
}
