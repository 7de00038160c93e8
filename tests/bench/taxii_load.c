/* Fills a TAXII collection over HTTP with 617-byte indicators in envelopes of 1,000, and
 * a bare, tuned SQLite with four indexes with the same rows, batch by batch in turn.
 * taxii-load URL USER PASSWORD ROOT COLLECTION OBJECTS [SQLITE-FILE [SERVER-PID]] */
#include <dirent.h>
#include <sqlite3.h>

#include "base/json.h"
#include "base/time.h"
#include "base/uuid.h"
#include "bench.h"
#include "sys/httpc.h"

#define BATCH 1000
#define BODY 617
#define ENDS 20 /* envelopes at either end that are compared */

static char ids[BATCH][64], bodies[BATCH][BODY + 200];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* Every tenth object is malware and one of a thousand a tool, so that types are spread thinly. */
static void make_batch(uint64_t number)
{
	for (size_t i = 0; i < BATCH; i++) {
		char u[UUID_TEXT_LEN + 1], head[500];
		struct uuid id;
		const char *type = i == BATCH / 2 ? "tool" : i % 10 == 9 ? "malware" : "indicator";

		uuid_v4(&id);
		uuid_format(&id, u);
		snprintf(ids[i], sizeof ids[i], "%s--%s", type, u);
		if (type[0] != 'i')
			snprintf(head, sizeof head, "{\"type\":\"%s\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"2020-01-01T00:00:00.000Z\","
				 "\"modified\":\"2020-01-01T00:00:00.000Z\",\"name\":\"family %llu\",%s\"description\":\"", type, ids[i],
				 (unsigned long long)(number * BATCH + i), type[0] == 'm' ? "\"is_family\":true," : "");
		else
			snprintf(head, sizeof head, "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"%s\",\"created\":\"2020-01-01T00:00:00.000Z\","
				 "\"modified\":\"2020-01-01T00:00:00.000Z\",\"pattern\":\"[domain-name:value = 'h%llu.example']\",\"pattern_type\":\"stix\","
				 "\"valid_from\":\"2020-01-01T00:00:00Z\",\"description\":\"", ids[i], (unsigned long long)(number * BATCH + i));
		snprintf(bodies[i], sizeof bodies[i], "%s%*s\"}", head, (int)(BODY - strlen(head) - 2), "");
		for (char *p = bodies[i] + strlen(head); *p == ' '; p++)
			*p = 'x';
	}
}

static double post(struct httpc *h, const char *url)
{
	static const char *const headers[] = { "Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1", NULL };
	struct httpc_res res = { 0 };
	struct err err = { 0 };
	struct buf b;
	double start, took;

	buf_init(&b, (size_t)4 << 20);
	buf_cstr(&b, "{\"objects\":[");
	for (size_t i = 0; i < BATCH; i++) {
		if (i > 0)
			buf_char(&b, ',');
		buf_cstr(&b, bodies[i]);
	}
	buf_cstr(&b, "]}");
	start = bench_seconds();
	if (httpc_do(h, "POST", url, headers, buf_view(&b), &res, &err) != RC_OK)
		die("POST", err.text);
	took = bench_seconds() - start;
	if (res.status != 202 || str_find(buf_view(&res.body), S("\"failure_count\":0"), 0) == SIZE_MAX)
		die("POST", res.body.n > 0 ? res.body.p : "no 202");
	httpc_res_done(&res);
	buf_done(&b);
	return took;
}

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die("sqlite", sqlite3_errmsg(db));
}

static sqlite3 *open_floor(const char *path, sqlite3_stmt **ret)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		die("sqlite", path);
	sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144; PRAGMA wal_autocheckpoint=16000;"
		"CREATE TABLE o (seq INTEGER PRIMARY KEY, id TEXT, modified TEXT, type TEXT, value TEXT, added INTEGER, body TEXT);"
		"CREATE UNIQUE INDEX a ON o (id, modified); CREATE INDEX b ON o (type, seq); CREATE INDEX c ON o (value); CREATE INDEX d ON o (added);");
	if (sqlite3_prepare_v2(db, "INSERT INTO o (id, modified, type, value, added, body) VALUES (?, ?, ?, ?, ?, ?)", -1, ret, NULL) != SQLITE_OK)
		die("sqlite", sqlite3_errmsg(db));
	return db;
}

static double insert(sqlite3 *db, sqlite3_stmt *st)
{
	double start = bench_seconds();

	sql(db, "BEGIN");
	for (size_t i = 0; i < BATCH; i++) {
		sqlite3_bind_text(st, 1, ids[i], -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, "2020-01-01T00:00:00.000Z", -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 3, ids[i], (int)strcspn(ids[i], "-"), SQLITE_STATIC);
		sqlite3_bind_text(st, 4, ids[i] + 20, 16, SQLITE_STATIC);
		sqlite3_bind_int64(st, 5, time_now());
		sqlite3_bind_text(st, 6, bodies[i], -1, SQLITE_STATIC);
		if (sqlite3_step(st) != SQLITE_DONE)
			die("sqlite", sqlite3_errmsg(db));
		sqlite3_reset(st);
	}
	sql(db, "COMMIT");
	return bench_seconds() - start;
}

/* Seconds of processor time of all threads of the server; 0 when it is not told. */
static double server_cpu(const char *pid)
{
	char path[300];
	double sum = 0;
	DIR *d;

	if (pid == NULL)
		return 0;
	snprintf(path, sizeof path, "/proc/%.20s/task", pid);
	d = opendir(path);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		unsigned long long ns = 0;
		FILE *f;

		snprintf(path, sizeof path, "/proc/%.20s/task/%.20s/schedstat", pid, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (f == NULL)
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += (double)ns / 1e9;
		fclose(f);
	}
	if (d != NULL)
		closedir(d);
	return sum;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *v)
{
	double copy[ENDS];

	memcpy(copy, v, sizeof copy);
	qsort(copy, ENDS, sizeof copy[0], by_size);
	return (copy[ENDS / 2 - 1] + copy[ENDS / 2]) / 2;
}

static void print_ends(const char *name, const double *v, size_t n, const char *unit)
{
	double first = median(v), last = median(v + n - ENDS);

	printf("%s-first-envelopes %.2f ms%s (median of %d)\n%s-last-envelopes %.2f ms%s\n%s-last-to-first %.2f x\n", name,
	       1000 * first, unit, ENDS, name, 1000 * last, unit, name, last / first);
}

int main(int argc, char **argv)
{
	struct httpc_config c = { .allow_plain_loopback = true, .total_timeout = 120 * USEC_PER_SEC, .max_response = (size_t)16 << 20 };
	static double took[10000], cpu[10000];
	struct httpc *h;
	struct err err = { 0 };
	uint64_t n;
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	double posted = 0, inserted = 0, before;
	const char *pid;
	char url[500];
	size_t batches;

	if (argc < 7 || !str_to_u64(str_of(argv[6]), &n) || n < ENDS * BATCH || n > 10000 * BATCH)
		die("usage", "taxii-load URL USER PASSWORD ROOT COLLECTION OBJECTS [SQLITE-FILE [SERVER-PID]]");
	batches = n / BATCH;
	pid = argc > 8 ? argv[8] : NULL;
	c.user = argv[2];
	c.password = argv[3];
	if (httpc_new(&c, &h, &err) != RC_OK)
		die("client", err.text);
	snprintf(url, sizeof url, "%s/%s/collections/%s/objects/", argv[1], argv[4], argv[5]);
	if (argc > 7)
		db = open_floor(argv[7], &st);
	for (size_t i = 0; i < batches; i++) {
		make_batch(i);
		before = server_cpu(pid);
		posted += took[i] = post(h, url);
		cpu[i] = server_cpu(pid) - before;
		if (db != NULL)
			inserted += insert(db, st);
	}
	printf("taxii-post %.0f objects/s\n", (double)(batches * BATCH) / posted);
	print_ends("taxii-post", took, batches, "");
	if (pid != NULL)
		print_ends("taxii-post-cpu", cpu, batches, " of-cpu");
	if (db != NULL) {
		printf("sqlite-floor %.0f rows/s\n", (double)(batches * BATCH) / inserted);
		printf("taxii-post-to-sqlite %.2f x\n", inserted / posted);
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	httpc_free(h);
	return 0;
}
