/* The object log beside a tuned bare SQLite that inserts the same rows with four
 * indexes, batch by batch in turn, both durable: puts, growth, pages at four
 * places, start, memory, disk. `bench-store [objects [folder]]`; `bench-store
 * open FOLDER` measures start, memory and pages on a log that is there. */
#include <dirent.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "bench.h"
#include "store/objlog.h"

#define BATCH 1000
#define BODY 617
#define ROUNDS 2000
#define COLL 7u

static char ids[BATCH][64], bodies[BATCH][1024];
static struct object_in objects[BATCH];
static enum put_result results[BATCH];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* Every tenth object is malware, so that a type is spread thinly; the others are indicators. */
static void make_batch(uint64_t number)
{
	for (size_t i = 0; i < BATCH; i++) {
		char u[UUID_TEXT_LEN + 1], t[TIME_TEXT_MAX];
		struct uuid id;
		const char *type = i % 10 == 9 ? "malware" : "indicator";
		int n, pad;

		uuid_v4(&id);
		time_format_ms(INT64_C(1700000000000000) + (int64_t)(number * BATCH + i) * 1000, t);
		snprintf(ids[i], sizeof ids[i], "%s--%s", type, uuid_format(&id, u).p);
		n = snprintf(bodies[i], sizeof bodies[i],
			     "{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"%s\",\"modified\":\"%s\","
			     "\"name\":\"bad host %llu\",\"indicator_types\":[\"malicious-activity\"],\"pattern\":"
			     "\"[domain-name:value = 'h%llu.bad.example']\",\"pattern_type\":\"stix\",\"valid_from\":\"%s\","
			     "\"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"],\"description\":\"",
			     type, ids[i], t, t, (unsigned long long)(number * BATCH + i), (unsigned long long)(number * BATCH + i), t);
		pad = BODY - 2 - n;
		snprintf(bodies[i] + n, sizeof bodies[i] - (size_t)n, "%.*s\"}", pad < 0 ? 0 : pad,
			 "Seen in the wild by several members; block it at the resolver and look for it in the logs of the last month. Report what was found to the sector. ");
		objects[i] = (struct object_in){ .id = str_of(ids[i]), .type = str_of(type), .version = str_slice(str_of(bodies[i]), 0, 0),
						 .body = str_of(bodies[i]), .spec = 21, .tlp = (uint8_t)(i % 3), .confidence = 70 };
		objects[i].version = str_slice(objects[i].body, str_find(objects[i].body, S("\"modified\":\""), 0) + 12,
					       str_find(objects[i].body, S("\"modified\":\""), 0) + 36);
	}
}

static double put_log(struct objlog *l)
{
	struct object_batch b = { .collection = COLL, .source = 1, .objects = objects, .n = BATCH, .results = results };
	struct err err = { .rc = RC_OK };
	usec from = time_mono();

	if (objlog_begin(l, &err) != RC_OK || objlog_put(l, &b, NULL, &err) != RC_OK || objlog_commit(l, &err) != RC_OK)
		die("put", err.text);
	return (double)(time_mono() - from) / 1e6;
}

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die(text, sqlite3_errmsg(db));
}

static sqlite3 *sqlite_new(const char *dir, sqlite3_stmt **ret_insert)
{
	char path[600];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/peer.sqlite", dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		die(path, sqlite3_errmsg(db));
	sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144; PRAGMA wal_autocheckpoint=16000;"
		"CREATE TABLE o(seq INTEGER PRIMARY KEY, id TEXT, modified TEXT, type TEXT, value TEXT, added INTEGER, body BLOB);"
		"CREATE UNIQUE INDEX o1 ON o(id, modified); CREATE INDEX o2 ON o(type, seq); CREATE INDEX o3 ON o(value);"
		"CREATE INDEX o4 ON o(added);");
	if (sqlite3_prepare_v2(db, "INSERT INTO o(id, modified, type, value, added, body) VALUES(?, ?, ?, ?, ?, ?)", -1, ret_insert, NULL) != SQLITE_OK)
		die("insert", sqlite3_errmsg(db));
	return db;
}

static void bind(sqlite3_stmt *q, int at, struct str s)
{
	sqlite3_bind_text(q, at, s.p, (int)s.n, SQLITE_STATIC);
}

static double put_sqlite(sqlite3 *db, sqlite3_stmt *q, uint64_t number)
{
	usec from = time_mono();

	sql(db, "BEGIN");
	for (size_t i = 0; i < BATCH; i++) {
		size_t value = str_find(objects[i].body, S("value = '"), 0) + 9;

		bind(q, 1, objects[i].id);
		bind(q, 2, objects[i].version);
		bind(q, 3, objects[i].type);
		bind(q, 4, str_slice(objects[i].body, value, str_find(objects[i].body, S("'"), value)));
		sqlite3_bind_int64(q, 5, (int64_t)(number * BATCH + i));
		sqlite3_bind_blob(q, 6, objects[i].body.p, (int)objects[i].body.n, SQLITE_STATIC);
		if (sqlite3_step(q) != SQLITE_DONE)
			die("insert", sqlite3_errmsg(db));
		sqlite3_reset(q);
	}
	sql(db, "COMMIT");
	return (double)(time_mono() - from) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *t, size_t n)
{
	qsort(t, n, sizeof *t, by_size);
	return t[n / 2];
}

static void row(const char *name, double *seconds, size_t n, double scale, const char *unit)
{
	double mid = median(seconds, n);

	printf("%s %.4g %s (p10 %.4g, p90 %.4g)\n", name, mid * scale, unit, seconds[n / 10] * scale, seconds[n - 1 - n / 10] * scale);
}

static uint64_t folder_bytes(const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	char path[900];
	uint64_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (str_starts(str_of(e->d_name), str_of(prefix)) && stat(path, &st) == 0)
			n += (uint64_t)st.st_blocks * 512;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static double rss_mb(const char *field)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	double kb = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (str_starts(str_of(line), str_of(field)))
			kb = strtod(line + strlen(field), NULL);
	if (f != NULL)
		fclose(f);
	return kb / 1024;
}

static double one_page(struct objlog *l, const struct page_query *q)
{
	struct page p;
	struct page_hold *h;
	usec from = time_mono();
	static volatile char sink;

	if (objlog_page(l, q, &p, NULL) != RC_OK || p.n != q->limit)
		die("page", "failed or short");
	sink = p.runs[0].p[0];
	h = p.hold_;
	h->release(h);
	(void)sink;
	return (double)(time_mono() - from) / 1e6;
}

/* Pages at several places, each query once a round, in turn. */
static void pages(struct objlog *l, uint64_t n)
{
	static double t[5][ROUNDS];
	static const char *const names[] = { "store.page_first", "store.page_99_percent", "store.page_added_after_middle", "store.page_type_90_percent", "store.page_type_10_percent" };
	static const struct str indicator = { "indicator", 9 }, malware = { "malware", 7 };
	struct page_query first = { .collection = COLL, .added_after = INT64_MIN, .tlp_mask = 255, .limit = 100, .bodies = true }, q[5];
	struct page all;
	struct page_query walk = first;
	usec at_99 = INT64_MIN, at_50 = INT64_MIN;

	walk.limit = 10000;
	walk.bodies = false;
	for (uint64_t done = 0; done < n * 99 / 100; done += walk.limit) {
		if (objlog_page(l, &walk, &all, NULL) != RC_OK || all.n == 0)
			die("walk", "failed");
		walk.added_after = all.last;
		at_50 = done < n / 2 ? all.last : at_50;
		at_99 = all.entries[all.n - 1 - (all.n > 2000 ? 2000 : 0)].added;
		((struct page_hold *)all.hold_)->release(all.hold_);
	}
	for (size_t k = 0; k < 5; k++)
		q[k] = first;
	q[1].added_after = at_99;
	q[2].added_after = at_50;
	q[3].types = &indicator;
	q[4].types = &malware;
	q[3].n_types = q[4].n_types = 1;
	for (size_t i = 0; i < ROUNDS; i++)
		for (size_t k = 0; k < 5; k++)
			t[k][i] = one_page(l, &q[k]);
	for (size_t k = 0; k < 5; k++)
		row(names[k], t[k], ROUNDS, 1e6, "us");
	for (size_t k = 1; k < 5; k++)
		printf("%s_over_first %.2f ratio\n", names[k], median(t[k], ROUNDS) / median(t[0], ROUNDS));
}

static int open_only(const char *dir)
{
	struct objlog_config c = { .dir = dir };
	struct objlog_stats st;
	struct err err = { .rc = RC_OK };
	struct objlog *l;
	usec from = time_mono();

	if (objlog_open(&c, &l, &err) != RC_OK)
		die(dir, err.text);
	printf("store.start %.3f s\n", (double)(time_mono() - from) / 1e6);
	objlog_stats(l, &st);
	printf("store.memory %.1f MB\n", rss_mb("VmRSS:"));
	printf("store.memory_per_object %.1f bytes\n", rss_mb("VmRSS:") * 1048576 / (double)st.versions);
	pages(l, st.versions);
	printf("store.memory_after_pages %.1f MB\n", rss_mb("VmRSS:"));
	objlog_close(l);
	return 0;
}

static void puts_both(const char *dir, uint64_t batches)
{
	struct objlog_config c = { .dir = dir, .create = true };
	double *log = mem_array(batches, sizeof *log), *lite = mem_array(batches, sizeof *lite), sum_log = 0, sum_lite = 0;
	uint64_t edge = batches < 20 ? 1 : batches / 20;
	struct err err = { .rc = RC_OK };
	sqlite3_stmt *insert;
	struct objlog *l;
	sqlite3 *db = sqlite_new(dir, &insert);

	if (log == NULL || lite == NULL || objlog_open(&c, &l, &err) != RC_OK)
		die(dir, err.text);
	for (uint64_t i = 0; i < batches; i++) {
		make_batch(i);
		sum_log += log[i] = put_log(l);
		sum_lite += lite[i] = put_sqlite(db, insert, i);
	}
	printf("store.put %.0f objects/s\n", (double)batches * BATCH / sum_log);
	printf("sqlite.put %.0f objects/s\n", (double)batches * BATCH / sum_lite);
	printf("store.put_over_sqlite %.2f ratio\n", sum_lite / sum_log);
	printf("store.last_batches_over_first %.2f ratio (medians of %llu)\n", median(log + batches - edge, edge) / median(log, edge),
	       (unsigned long long)edge);
	row("store.put_batch", log, batches, 1e3, "ms");
	row("sqlite.put_batch", lite, batches, 1e3, "ms");
	printf("store.disk_over_json %.3f ratio\n", (double)folder_bytes(dir, "objects-") / (double)(batches * BATCH * BODY));
	printf("sqlite.disk_over_json %.3f ratio\n", (double)folder_bytes(dir, "peer") / (double)(batches * BATCH * BODY));
	sqlite3_finalize(insert);
	sqlite3_close(db);
	objlog_close(l);
	mem_free(log);
	mem_free(lite);
}

int main(int argc, char **argv)
{
	uint64_t n = 1000000;
	char dir[] = "/var/tmp/bench-store-XXXXXX";
	const char *where = argc > 2 ? argv[2] : mkdtemp(dir);
	char command[20] = "open", *again[] = { argv[0], command, dir, NULL };
	int status;
	pid_t child;

	if (argc > 2 && strcmp(argv[1], "open") == 0)
		return open_only(argv[2]);
	if (argc > 1 && !str_to_u64(str_of(argv[1]), &n))
		die(argv[1], "how many objects?");
	if (where == NULL)
		die(dir, "cannot be made");
	puts_both(where, n / BATCH);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		execv("/proc/self/exe", again);
		_exit(127);
	}
	waitpid(child, &status, 0);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = { "peer.sqlite", "peer.sqlite-wal", "peer.sqlite-shm" };
		char path[700];

		snprintf(path, sizeof path, "%s/%s", where, names[i]);
		unlink(path);
	}
	for (unsigned i = 1; i < 100; i++) {
		char path[700];

		snprintf(path, sizeof path, "%s/objects-%06u.log", where, i);
		unlink(path);
	}
	rmdir(where);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
