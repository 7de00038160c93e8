/* One writer, readers beside it: who pages by date_added loses and repeats
 * nothing, an id always has exactly one last version, and a page never holds a
 * body that is not its own. Run it under ThreadSanitizer too. */
#include "objlog_util.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"

#define BATCHES 400
#define BATCH 10
#define COLL 1u
#define HOT_COLL 2u
#define JUNK_COLL 3u

static struct objlog *l;
static _Atomic bool writing;
static _Atomic unsigned wrong;

static struct str body_of(unsigned n, char *to)
{
	return str_make(to, (size_t)snprintf(to, 64, "{\"n\":\"%06u\",\"pad\":\"%.*s\"}", n, (int)(n % 30), "..............................."));
}

static struct object_in object_of(unsigned n, char (*text)[80])
{
	struct object_in in = { .spec = 21, .confidence = 255, .type = n % 4 == 3 ? S("malware") : S("indicator") };

	in.id = str_make(text[0], (size_t)snprintf(text[0], 80, "%s--00000000-0000-4000-8000-%012u", in.type.p, n));
	in.version = S("2020-01-01T00:00:00Z");
	in.body = body_of(n, text[1]);
	return in;
}

/* New versions of one id, ever newer; now and then one of them goes again. */
static void put_hot(unsigned round)
{
	char text[2][80], version[40];
	struct object_in in = object_of(999999, text);
	struct page_query q = query_all(HOT_COLL);
	uint64_t removed;

	snprintf(version, sizeof version, "20%02u-%02u-01T00:00:00Z", round / 12 % 100, round % 12 + 1);
	in.version = str_of(version);
	wrong += put_one(l, HOT_COLL, 1, &in, NULL) != PUT_STORED;
	if (round % 5 != 4)
		return;
	q.ids = &in.id;
	q.versions = &in.version;
	q.n_ids = q.n_versions = 1;
	q.want_all = false;
	wrong += objlog_begin(l, NULL) != RC_OK || objlog_remove(l, &q, &removed, NULL, NULL) != RC_OK || removed != 1 ||
		 objlog_commit(l, NULL) != RC_OK;
}

/* What makes segments worth writing anew under the eyes of their readers. */
static void put_junk(unsigned round)
{
	static char pad[3000];
	char text[2][80], body[sizeof pad + 40];
	struct object_in in = object_of(500000 + round, text);
	struct page_query q = query_all(JUNK_COLL);
	uint64_t removed;
	bool more;

	memset(pad, '.', sizeof pad - 1);
	in.body = str_make(body, (size_t)snprintf(body, sizeof body, "{\"pad\":\"%s\"}", pad));
	wrong += put_one(l, JUNK_COLL, 1, &in, NULL) != PUT_STORED;
	q.ids = &in.id;
	q.n_ids = 1;
	wrong += objlog_begin(l, NULL) != RC_OK || objlog_remove(l, &q, &removed, NULL, NULL) != RC_OK || removed != 1 ||
		 objlog_commit(l, NULL) != RC_OK;
	for (int i = 0; i < 8; i++)
		wrong += objlog_compact(l, &more, NULL) != RC_OK;
}

static void *write_all(void *ctx)
{
	(void)ctx;
	for (unsigned k = 0; k < BATCHES; k++) {
		char text[BATCH][2][80];
		struct object_in in[BATCH];
		enum put_result results[BATCH];
		struct object_batch b = { .collection = COLL, .source = 1, .objects = in, .n = BATCH, .results = results };

		for (unsigned i = 0; i < BATCH; i++)
			in[i] = object_of(k * BATCH + i, text[i]);
		wrong += put_batch(l, &b, NULL) != RC_OK;
		put_hot(k);
		put_junk(k);
	}
	writing = false;
	return NULL;
}

/* Follows the collection from its beginning until everything was seen once, in order. */
static void *follow(void *ctx)
{
	static const struct str malware = { "malware", 7 };
	unsigned step = ctx == NULL ? 1 : 4, next = step - 1;
	struct page_query q = query_all(COLL);

	q.limit = 7;
	q.types = &malware;
	q.n_types = step == 4 ? 1 : 0;
	while (next < BATCHES * BATCH && wrong == 0) {
		struct page p;

		if (objlog_page(l, &q, &p, NULL) != RC_OK) {
			wrong++;
			break;
		}
		for (size_t i = 0; i < p.n; i++, next += step) {
			char text[64];

			wrong += !str_eq(p.entries[i].body, body_of(next, text));
			q.added_after = p.entries[i].added;
		}
		page_drop(&p);
	}
	return NULL;
}

static void *watch_last(void *ctx)
{
	struct page_query q = query_all(HOT_COLL);
	unsigned char digest[32];
	bool seen = false;
	uint64_t count;

	(void)ctx;
	q.n_specs = 0;
	q.want_all = false;
	while (writing && wrong == 0) {
		struct page p;

		if (objlog_page(l, &q, &p, NULL) != RC_OK) {
			wrong++;
			break;
		}
		wrong += seen ? p.n != 1 : p.n > 1;
		seen = seen || p.n == 1;
		page_drop(&p);
		wrong += objlog_digest(l, HOT_COLL, 255, &count, digest, NULL) != RC_OK;
		wrong += objlog_count(l, &q, &count, NULL) != RC_OK || count > 1;
	}
	return NULL;
}

static void *verify(void *ctx)
{
	uint64_t checked;

	(void)ctx;
	while (writing && wrong == 0)
		wrong += objlog_verify(l, &checked, NULL) != RC_OK;
	return NULL;
}

int main(void)
{
	struct objlog_config c = { .dir = test_dir, .create = true, .segment_bytes = 32768 };
	pthread_t threads[5];
	struct objlog_stats stats;
	uint64_t checked;

	dir_new();
	if (objlog_open(&c, &l, NULL) != RC_OK)
		return 1;
	writing = true;
	pthread_create(&threads[0], NULL, write_all, NULL);
	pthread_create(&threads[1], NULL, follow, NULL);
	pthread_create(&threads[2], NULL, follow, &wrong);
	pthread_create(&threads[3], NULL, watch_last, NULL);
	pthread_create(&threads[4], NULL, verify, NULL);
	for (size_t i = 0; i < COUNTOF(threads); i++)
		pthread_join(threads[i], NULL);
	EQ_INT(wrong, 0, "readers beside the writer saw all in order, and one last version");
	EQ_INT(objlog_verify(l, &checked, NULL), RC_OK, "and the log is sound");
	objlog_stats(l, &stats);
	OK(stats.dead < 300 * 3000 / 2 && stats.bytes < BATCHES * 3000u, "room was given back: %llu bytes are left, %llu dead",
	   (unsigned long long)stats.bytes, (unsigned long long)stats.dead);
	objlog_close(l);
	dir_drop();
	EQ_INT(mem_live(), 0, "nothing is left allocated");
	return tap_done();
}
