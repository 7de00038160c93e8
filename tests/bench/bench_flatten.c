/* JSON lines into flat events beside simdjson's on-demand walk over the same
 * lines, each way of this machine, interleaved in one run, thread CPU time.
 * All names of the lane are asked for, with what Windows events call otherwise.
 *
 *     tests/bench/lanes.py CACHE; bench-flatten CACHE/lean.json CACHE/full.json ... */
#include "base/buf.h"
#include "base/mem.h"
#include "bench.h"
#include "wire/flat_json.h"
#include "wire/flat_json_path.h"

#define LANE_MAX ((size_t)2 << 30)
#define ASKED_MAX 2000 /* all rules of SigmaHQ ask for about 700 names */
#define PEER 3 /* after the ways of flat_json */
#define SPAN_MS 100 /* of one round at least, by the best way */

#ifdef HAVE_SIMDJSON
uint64_t simdjson_walk(const char *line, size_t n, size_t room);
const char *simdjson_name(void);
#endif

struct lane {
	const char *name;
	struct buf text;
	struct str *lines;
	size_t n, bytes, values;
	struct fields *dict;
	struct flat *f;
	struct flat_json_way ways[3];
	size_t n_ways;
};

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-flatten: %s: %s\n", what, why);
	exit(2);
}

static void read_lines(struct lane *l, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct str rest, line;
	char *room;
	size_t n;

	if (f == NULL)
		die(path, "cannot be read");
	buf_init(&l->text, LANE_MAX);
	while ((room = buf_room(&l->text, 1 << 20)) != NULL && (n = fread(room, 1, 1 << 20, f)) > 0)
		buf_grew(&l->text, n);
	fclose(f);
	if (buf_room(&l->text, 4096) == NULL) /* what simdjson may read behind the last line */
		die(path, "too large");
	for (size_t i = 0; i < l->text.n; i++)
		l->n += l->text.p[i] == '\n';
	l->lines = mem_array(l->n + 1, sizeof *l->lines);
	l->n = 0;
	for (rest = buf_view(&l->text); str_next(&rest, '\n', &line);)
		if (line.n > 0) {
			l->lines[l->n++] = line;
			l->bytes += line.n;
		}
}

/* Asks for every name that the lane has, as far as rules ever do. */
static void learn_names(struct lane *l)
{
	struct fields *none = fields_new();
	struct err err;
	uint16_t id;

	l->dict = fields_new();
	if (none == NULL || l->dict == NULL || flat_new(&l->f, &err) != RC_OK || fields_add_windows(l->dict, &err) != RC_OK)
		die(l->name, "out of memory");
	for (size_t i = 0; i < l->n; i++) {
		if (flat_json(l->f, none, l->lines[i], &err) != RC_OK)
			die(l->name, err.text);
		l->values += l->f->n;
		for (uint32_t k = 0; k < l->f->n; k++)
			if (l->f->v[k].name_n > 0 && l->f->v[k].name_n <= FIELD_NAME_MAX &&
			    fields_count(l->dict) < ASKED_MAX &&
			    fields_add(l->dict, str_make(l->f->v[k].name, l->f->v[k].name_n), &id, &err) != RC_OK)
				die(l->name, err.text);
	}
	fields_free(none);
}

static size_t one_pass(struct lane *l, size_t way)
{
	size_t values = 0;

	for (size_t i = 0; i < l->n; i++) {
#ifdef HAVE_SIMDJSON
		if (way == PEER) {
			values += simdjson_walk(l->lines[i].p, l->lines[i].n, l->lines[i].n + 64);
			continue;
		}
#endif
		if (flat_json_by(l->ways[way].read, l->f, l->dict, l->lines[i], NULL) != RC_OK)
			die(l->name, "a line turned bad");
		values += l->f->n;
	}
	return values;
}

/* Seconds of one pass over the lane by each way. The ways take turns pass by pass, so that a busy moment of the machine
 * hits all of them. */
static void measure(struct lane *l, bool peer, double seconds[PEER + 1])
{
	double spent[PEER + 1] = { 0 }, start;
	int passes = 0;

	do {
		for (size_t way = 0; way <= PEER; way++) {
			if (way == PEER ? !peer : way >= l->n_ways)
				continue;
			start = cpu_seconds();
			if (one_pass(l, way) != l->values)
				die(l->name, "not the same values");
			spent[way] += cpu_seconds() - start;
		}
		passes++;
	} while (spent[0] * 1e3 < SPAN_MS);
	for (size_t way = 0; way <= PEER; way++)
		seconds[way] = spent[way] / passes;
}

static void print_way(const struct lane *l, const char *name, double *seconds, double *ratios)
{
	double events[BENCH_ROUNDS], bytes[BENCH_ROUNDS];
	char label[200];

	for (int i = 0; i < BENCH_ROUNDS; i++) {
		events[i] = (double)l->n / seconds[i] / 1e6;
		bytes[i] = (double)l->bytes / seconds[i] / 1e9;
	}
	snprintf(label, sizeof label, "flatten.%s.%s.events", l->name, name);
	bench_print(label, events, BENCH_ROUNDS, "M/s");
	snprintf(label, sizeof label, "flatten.%s.%s.bytes", l->name, name);
	bench_print(label, bytes, BENCH_ROUNDS, "GB/s");
	if (ratios == NULL)
		return;
	snprintf(label, sizeof label, "flatten.%s.%s.of_simdjson", l->name, name);
	bench_print(label, ratios, BENCH_ROUNDS, "ratio");
}

static void run(struct lane *l)
{
	double seconds[PEER + 1][BENCH_ROUNDS], ratios[PEER][BENCH_ROUNDS];
	bool peer = false;

#ifdef HAVE_SIMDJSON
	peer = true;
#endif
	l->n_ways = flat_json_ways(l->ways);
	printf("flatten.%s %zu events %zu bytes each %.1f values each\n", l->name, l->n, l->bytes / l->n, (double)l->values / (double)l->n);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		double each[PEER + 1];

		measure(l, peer, each);
		for (size_t way = 0; way <= PEER; way++)
			seconds[way][i] = each[way];
		for (size_t way = 0; way < l->n_ways; way++)
			ratios[way][i] = peer ? each[PEER] / each[way] : 0;
	}
	for (size_t way = 0; way < l->n_ways; way++)
		print_way(l, l->ways[way].name, seconds[way], peer ? ratios[way] : NULL);
#ifdef HAVE_SIMDJSON
	char name[100];
	snprintf(name, sizeof name, "simdjson-%s", simdjson_name());
	print_way(l, name, seconds[PEER], NULL);
#endif
}

int main(int argc, char **argv)
{
	if (argc < 2)
		die("usage", "bench-flatten LANE.json ... (tests/bench/lanes.py makes them)");
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		struct lane l = { .name = slash == NULL ? argv[i] : slash + 1 };

		read_lines(&l, argv[i]);
		learn_names(&l);
		run(&l);
		fields_free(l.dict);
		flat_free(l.f);
		mem_free(l.lines);
		buf_done(&l.text);
	}
	return 0;
}
