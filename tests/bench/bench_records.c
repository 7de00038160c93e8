/* Look-ups of a request (cached small tables) beside a bare hash map, and durable
 * changes beside bare fdatasync of the same folder: alone and with 64 waiters. */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/time.h"
#include "bench.h"
#include "store/accounts.h"
#include "store/collections.h"
#include "store/facts.h"

#define USERS 1000u
#define COLLECTIONS 200u
#define LOOKUPS 200000u
#define SYNCS 300
#define WAITERS 64
#define ROUNDS 7

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	exit(1);
}

static struct store *fill(const char *dir, struct arena *a)
{
	struct store_config c = { .dir = dir, .create = true };
	struct api_root root = { .name = S("intel"), .max_content_length = 1 << 20, .page_size = 100 };
	struct store *s;
	struct err err;

	if (store_open(&c, &s, &err) != RC_OK || root_put(s, &root, &err) != RC_OK)
		die("open", &err);
	for (unsigned i = 0; i < USERS; i++) {
		struct user u = { .name = arena_fmt(a, "user-%u", i), .role = S("reader") };
		struct token t = { .id = arena_fmt(a, "t%u", i), .user = u.name, .secret_sha256 = arena_fmt(a, "%064u", i),
				   .last_used = INT64_MAX / 2, .tlp_max = 4 };

		if (user_put(s, &u, &err) != RC_OK || token_put(s, &t, &err) != RC_OK)
			die("user", &err);
	}
	for (unsigned i = 0; i < COLLECTIONS; i++) {
		struct collection col = { .root = S("intel"), .id = arena_fmt(a, "00000000-0000-4000-8000-%012u", i) };

		if (collection_put(s, &col, &err) != RC_OK)
			die("collection", &err);
		for (unsigned k = 0; k < 10; k++) {
			struct right r = { .subject = arena_fmt(a, "user:user-%u", (i * 10 + k) % USERS), .can_read = true };

			if (right_put(s, col.row, &r, &err) != RC_OK)
				die("right", &err);
		}
	}
	return s;
}

struct keys {
	struct str *users, *tokens, *collections;
};

static struct keys make_keys(struct arena *a)
{
	struct keys k = { .users = arena_array(a, USERS, sizeof *k.users), .tokens = arena_array(a, USERS, sizeof *k.tokens),
			  .collections = arena_array(a, COLLECTIONS, sizeof *k.collections) };

	for (unsigned i = 0; i < USERS; i++) {
		k.users[i] = arena_fmt(a, "user-%u", i);
		k.tokens[i] = arena_fmt(a, "%064u", i);
	}
	for (unsigned i = 0; i < COLLECTIONS; i++)
		k.collections[i] = arena_fmt(a, "00000000-0000-4000-8000-%012u", i);
	return k;
}

enum look { LOOK_MAP, LOOK_USER, LOOK_TOKEN, LOOK_ROOT, LOOK_COLLECTION, LOOK_RIGHT, LOOKS };
static const char *const LOOK_NAMES[LOOKS] = { "bare_map_get", "user_get", "token_by_secret", "root_get", "collection_get", "right_of" };

static bool look(struct store *s, enum look what, const struct keys *k, const struct map *m, const struct collection *c, unsigned i,
		 struct arena *a)
{
	struct user u;
	struct token t;
	struct api_root r;
	struct collection got;
	bool can_read, can_write;
	uint64_t v;

	switch (what) {
	case LOOK_MAP: return map_get(m, k->users[i % USERS], &v);
	case LOOK_USER: return user_get(s, k->users[i % USERS], a, &u, NULL) == RC_OK;
	case LOOK_TOKEN: return token_by_secret(s, k->tokens[i % USERS], a, &t, NULL) == RC_OK;
	case LOOK_ROOT: return root_get(s, S("intel"), a, &r, NULL) == RC_OK;
	case LOOK_COLLECTION: return collection_get(s, S("intel"), k->collections[i % COLLECTIONS], a, &got, NULL) == RC_OK;
	case LOOK_RIGHT: return right_of(s, c, k->users[i % USERS], S("reader"), &can_read, &can_write, NULL) == RC_OK;
	case LOOKS: break;
	}
	return false;
}

static void lookups(struct store *s, struct arena *a)
{
	struct keys k = make_keys(a);
	struct map *m = map_new(USERS);
	struct arena *mine = arena_new(1 << 20);
	struct collection c;

	if (mine == NULL || m == NULL || collection_get(s, S("intel"), k.collections[3], a, &c, NULL) != RC_OK)
		exit(1);
	for (unsigned i = 0; i < USERS; i++)
		if (map_put(m, k.users[i], i) != RC_OK)
			exit(1);
	for (int what = 0; what < LOOKS; what++) {
		double ns[ROUNDS];
		unsigned wrong = 0;

		for (int round = 0; round < ROUNDS; round++) {
			usec from = time_mono();

			for (unsigned i = 0; i < LOOKUPS; i++) {
				wrong += !look(s, (enum look)what, &k, m, &c, i * 7919, mine);
				if (i % 64 == 0)
					arena_reset(mine);
			}
			ns[round] = (double)(time_mono() - from) * 1000 / LOOKUPS;
		}
		if (wrong > 0)
			exit(1);
		bench_print(LOOK_NAMES[what], ns, ROUNDS, "ns");
	}
	arena_free(mine);
	map_free(m);
}

static double bare_syncs(const char *dir)
{
	char path[400], block[4096] = { 1 };
	usec from = time_mono();
	int fd;

	snprintf(path, sizeof path, "%s/bare", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	for (int i = 0; i < SYNCS; i++)
		if (pwrite(fd, block, sizeof block, i * (off_t)sizeof block) < 0 || fdatasync(fd) != 0)
			exit(1);
	close(fd);
	return SYNCS * 1e6 / (double)(time_mono() - from);
}

static void *append_some(void *arg)
{
	for (int i = 0; i < SYNCS / 10; i++)
		if (fact_append(arg, &(struct fact){ .kind = S("bench"), .body = S("{}") }, NULL) != RC_OK)
			exit(1);
	return NULL;
}

static double one_by_one(struct store *s)
{
	usec from = time_mono();

	for (int i = 0; i < 10; i++)
		append_some(s);
	return SYNCS * 1e6 / (double)(time_mono() - from);
}

static double together(struct store *s)
{
	pthread_t t[WAITERS];
	usec from = time_mono();

	for (int i = 0; i < WAITERS; i++)
		if (pthread_create(&t[i], NULL, append_some, s) != 0)
			exit(1);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(t[i], NULL);
	return WAITERS * (SYNCS / 10) * 1e6 / (double)(time_mono() - from);
}

static void changes(struct store *s, const char *dir)
{
	double bare[ROUNDS], alone[ROUNDS], shared[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = bare_syncs(dir);
		alone[i] = one_by_one(s);
		shared[i] = together(s);
	}
	bench_print("bare_fdatasync", bare, ROUNDS, "per_s");
	bench_print("fact_append_one_writer", alone, ROUNDS, "per_s");
	bench_print("fact_append_64_writers", shared, ROUNDS, "per_s");
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

int main(int argc, char **argv)
{
	char dir[300];
	struct arena *a = arena_new((size_t)64 << 20);
	struct store *s;

	snprintf(dir, sizeof dir, "%s/bench-records-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
	if (a == NULL || mkdtemp(dir) == NULL)
		return 1;
	s = fill(dir, a);
	lookups(s, a);
	changes(s, dir);
	store_close(s);
	arena_free(a);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
