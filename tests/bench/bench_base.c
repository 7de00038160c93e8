/* Small things that everything else calls: millions of calls a second, hashes in
 * MB/s beside memcpy. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/time.h"
#include "base/uuid.h"
#include "bench.h"

#define CALLS 1000000
#define TEXT ((size_t)16 << 20)

static volatile uint64_t sink;

static void do_uuid_v4(void *ctx)
{
	struct uuid u = { { 0 } };

	(void)ctx;
	for (int i = 0; i < CALLS; i++)
		uuid_v4(&u);
	sink += u.b[0];
}

static void do_uuid_v5(void *ctx)
{
	struct uuid u = { { 0 } };

	(void)ctx;
	for (int i = 0; i < CALLS; i++)
		uuid_v5(&u, S("{\"value\":\"bad.example\"}"), &u);
	sink += u.b[0];
}

static void do_uuid_text(void *ctx)
{
	char out[UUID_TEXT_LEN + 1];
	struct uuid u;

	(void)ctx;
	uuid_v4(&u);
	for (int i = 0; i < CALLS; i++)
		sink += uuid_parse(uuid_format(&u, out), &u);
}

static void do_fault(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < CALLS; i++)
		sink += FAULT("store.fsync");
}

static void do_time(void *ctx)
{
	char out[TIME_TEXT_MAX];
	usec t = 0;

	(void)ctx;
	for (int i = 0; i < CALLS; i++)
		if (time_parse(time_format(t + i, out), &t, NULL, NULL) != RC_OK)
			exit(1);
	sink += (uint64_t)t;
}

static void do_arena(void *ctx)
{
	struct arena *a = ctx;

	arena_reset(a);
	for (int i = 0; i < CALLS; i++)
		sink += arena_alloc(a, 40) != NULL;
}

static struct str key(char *out, int i)
{
	static const char hex[] = "0123456789abcdef";

	for (int k = 0; k < 8; k++)
		out[8 + k] = hex[i >> (4 * k) & 15];
	return str_make(out, 16);
}

static void do_map_put(void *ctx)
{
	CLEANUP(map_freep) struct map *m = map_new(CALLS);
	char out[] = "domain--01234567";

	(void)ctx;
	for (int i = 0; i < CALLS; i++)
		if (map_put(m, key(out, i), 1) != RC_OK)
			exit(1);
}

static void do_map_get(void *ctx)
{
	char out[] = "domain--01234567";

	for (int i = 0; i < CALLS; i++)
		sink += map_get(ctx, key(out, i), NULL);
}

static void do_memcpy(void *ctx)
{
	struct buf *b = ctx;

	memcpy(b->p + TEXT / 2, b->p, TEXT / 2);
	sink += (uint64_t)b->p[TEXT - 1];
}

static void do_crc32c(void *ctx)
{
	sink += hash_crc32c(0, buf_view(ctx));
}

static void do_stable(void *ctx)
{
	sink += hash_stable(buf_view(ctx));
}

static void do_sha256(void *ctx)
{
	unsigned char out[SHA256_LEN];

	hash_sha256(buf_view(ctx), out);
	sink += out[0];
}

static void do_sha256_short(void *ctx)
{
	unsigned char out[SHA256_LEN];

	for (int i = 0; i < CALLS / 10; i++)
		hash_sha256(str_slice(buf_view(ctx), 0, 100), out);
	sink += out[0];
}

int main(void)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct map *m = map_new(CALLS);
	char out[] = "domain--01234567";
	struct buf b;

	buf_init(&b, TEXT);
	if (buf_room(&b, TEXT) != NULL)
		buf_grew(&b, TEXT);
	for (int i = 0; i < CALLS; i++)
		if (map_put(m, key(out, i), 1) != RC_OK)
			return 1;
	bench_rate("base.uuid_v4", CALLS / 1e6, "M/s", do_uuid_v4, NULL);
	bench_rate("base.uuid_v5", CALLS / 1e6, "M/s", do_uuid_v5, NULL);
	bench_rate("base.uuid_format_parse", CALLS / 1e6, "M/s", do_uuid_text, NULL);
	bench_rate("base.time_format_parse", CALLS / 1e6, "M/s", do_time, NULL);
	bench_rate("base.fault_unarmed", CALLS / 1e6, "M/s", do_fault, NULL);
	bench_rate("base.arena_alloc_40", CALLS / 1e6, "M/s", do_arena, a);
	bench_rate("base.map_put_1M", CALLS / 1e6, "M/s", do_map_put, NULL);
	bench_rate("base.map_get_1M", CALLS / 1e6, "M/s", do_map_get, m);
	bench_rate("base.sha256_100_bytes", CALLS / 1e7, "M/s", do_sha256_short, &b);
	bench_rate("base.memcpy", (double)TEXT / 2e6, "MB/s", do_memcpy, &b);
	bench_rate("base.hash_stable", (double)TEXT / 1e6, "MB/s", do_stable, &b);
	bench_rate("base.crc32c", (double)TEXT / 1e6, "MB/s", do_crc32c, &b);
	bench_rate("base.sha256", (double)TEXT / 1e6, "MB/s", do_sha256, &b);
	buf_done(&b);
	map_free(m);
	arena_free(a);
	return 0;
}
