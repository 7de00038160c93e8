/* Two worlds: a node and its twin - same keys, same accounts, same clock - and every byte that leaves them, compared for one
 * viewer. What goes in is the including test's. */
#ifndef TESTS_NODE_WORLDS_H
#define TESTS_NODE_WORLDS_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/uuid.h"
#include "node/core.h"
#include "stix/marking.h"
#include "sys/file.h"
#include "tap.h"

enum { WORLDS = 2 };
#define T0 (INT64_C(1767323045) * USEC_PER_SEC)
#define MEMORY ((size_t)64 << 20)

static struct core cores[WORLDS];
static char base[64], dirs[WORLDS][80];
static uint64_t seed = 88172645463325252u;
static struct err err;
static size_t compared, differ, bytes;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

/* --- the twins --- */

static int copy_one(const char *path, const struct stat *st, int kind, struct FTW *f UNUSED)
{
	char to[300];
	struct buf b;
	int bad;

	snprintf(to, sizeof to, "%s%s", dirs[1], path + strlen(dirs[0]));
	if (kind == FTW_D)
		return file_mkdir(to, 0700, &err) != RC_OK;
	if (kind != FTW_F)
		return 0;
	bad = file_read(path, MEMORY, &b, &err) != RC_OK || file_create(to, buf_view(&b), (unsigned)st->st_mode & 0777, &err) != RC_OK;
	buf_done(&b);
	return bad;
}

static bool world_up(struct core *c, const char *dir)
{
	struct taxii_config tc = { .title = "T", .default_tlp = TLP_AMBER };

	if (node_open(dir, false, &c->node, &err) != RC_OK)
		return false;
	core_api(&c->node, &c->api);
	tc.store = c->node.store;
	return core_find_rows(c, &err) == RC_OK && api_start(&c->api, &err) == RC_OK && taxii_server_new(&tc, &c->taxii, &err) == RC_OK &&
	       fed_server_new(c->node.store, &c->fed_server, &err) == RC_OK;
}

static bool begin(void)
{
	char password[32], print[65];
	struct node_init_opts o = { .dir = dirs[0], .name = "Hospital", .tier = "provider", .admin_password = S("correct horse battery") };

	snprintf(base, sizeof base, "/tmp/lianfang-worlds-XXXXXX");
	if (mkdtemp(base) == NULL)
		return false;
	snprintf(dirs[0], sizeof dirs[0], "%s/a", base);
	snprintf(dirs[1], sizeof dirs[1], "%s/b", base);
	if (node_init(&o, password, print, &err) != RC_OK || nftw(dirs[0], copy_one, 16, FTW_PHYS) != 0)
		return false;
	return world_up(&cores[0], dirs[0]) && world_up(&cores[1], dirs[1]);
}

static void end(void)
{
	for (size_t w = 0; w < WORLDS; w++) {
		fed_server_free(cores[w].fed_server);
		taxii_server_free(cores[w].taxii);
		api_stop(&cores[w].api);
		node_close(&cores[w].node);
	}
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- what leaves --- */

/* What is drawn anew in each answer or process, and says nothing: the id of a bundle, and the signature (22 digits) under the place in a page;
 * the place itself is compared. */
static void blank_drawn(struct buf *b)
{
	static const char next[] = "\"next\":\"", bundle[] = "\"bundle--";

	for (size_t at = 0; (at = str_find(buf_view(b), str_of(next), at)) != SIZE_MAX;) {
		size_t close = str_find(buf_view(b), S("\""), at += sizeof next - 1);

		if (close != SIZE_MAX && close - at > 22)
			memset(b->p + close - 22, '-', 22);
	}
	for (size_t at = 0; (at = str_find(buf_view(b), str_of(bundle), at)) != SIZE_MAX && at + sizeof bundle - 1 + UUID_TEXT_LEN <= b->n;)
		memset(b->p + (at += sizeof bundle - 1), '-', UUID_TEXT_LEN);
}

static void put_reply(struct buf *out, const struct http_res *res)
{
	buf_fmt(out, "%d %s\n", res->status, res->content_type == NULL ? "" : res->content_type);
	for (size_t i = 0; i < res->n_headers; i++)
		buf_fmt(out, "%s: %s\n", res->headers[i].name, res->headers[i].value);
	buf_str(out, buf_view(&res->body));
	for (size_t i = 0; i < res->n_pieces; i++)
		buf_put(out, res->pieces[i].p, res->pieces[i].n);
}

static bool ask(struct core *c, const struct viewer *v, struct str path, struct buf *out)
{
	struct arena *a = arena_new((size_t)1 << 30);
	size_t mark = str_find(path, S("?"), 0);
	struct http_header_line accept = { S("Accept"), str_starts(path, S("/api/")) ? S("application/json") : S("application/taxii+json;version=2.1") };
	struct http_req req = { .method = S("GET"), .path = str_slice(path, 0, mark), .query = mark == SIZE_MAX ? S("") : str_slice(path, mark + 1, path.n),
				.arena = a, .arrived = time_now(), .headers = &accept, .n_headers = 1 };
	struct http_res res = { .status = 200 };
	bool good;

	buf_init(&res.body, API_REPLY_MAX);
	core_handle(c, v, &req, &res);
	put_reply(out, &res);
	blank_drawn(out);
	good = res.status == 200;
	if (res.release != NULL)
		res.release(res.release_arg);
	buf_done(&res.body);
	arena_free(a);
	return good;
}

static size_t answered;

static void compare(const struct viewer *v, struct str path)
{
	struct buf out[WORLDS];

	for (size_t w = 0; w < WORLDS; w++) {
		buf_init(&out[w], MEMORY);
		answered += ask(&cores[w], v, path, &out[w]);
	}
	compared++;
	bytes += out[0].n;
	if (!str_eq(buf_view(&out[0]), buf_view(&out[1])) && differ++ < 3)
		printf("# tlp_max %d, %.*s:\n# a %.*s\n# b %.*s\n", v->tlp_max, STR(path), (int)(out[0].n < 1500 ? out[0].n : 1500), out[0].p,
		       (int)(out[1].n < 1500 ? out[1].n : 1500), out[1].p);
	for (size_t w = 0; w < WORLDS; w++)
		buf_done(&out[w]);
}

#endif
