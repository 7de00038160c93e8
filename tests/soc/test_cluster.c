/* Clusters against a naive model: all hits sorted by time, cut where a gap or the whole is too long. */
#include "base/mem.h"
#include "soc/cluster.h"
#include "tap.h"

#include <stdlib.h>

#define MINUTE ((usec)60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define HITS 300
#define KEYS 3

struct a_hit {
	int key;
	usec at;
	int cluster; /* of the model */
};

static uint64_t seed;

static uint64_t draw(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

static int by_key_and_time(const void *a, const void *b)
{
	const struct a_hit *x = a, *y = b;

	return x->key != y->key ? x->key - y->key : x->at < y->at ? -1 : x->at > y->at;
}

/* Straight from the definition. */
static int model(struct a_hit *h, size_t n, usec quiet, usec max)
{
	int cluster = -1;
	usec first = 0;

	qsort(h, n, sizeof *h, by_key_and_time);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || h[i].key != h[i - 1].key || h[i].at - h[i - 1].at > quiet || h[i].at - first > max) {
			cluster++;
			first = h[i].at;
		}
		h[i].cluster = cluster;
	}
	return cluster + 1;
}

static struct str key_name(int key)
{
	static const struct str names[KEYS] = { S("a"), S("b"), S("") };

	return names[key];
}

/* Feeds in the given order; into[ticket] follows joins. */
static int feed(struct clusters *c, const struct a_hit *h, size_t n, int *tickets, int *into)
{
	int next = 1;

	for (size_t i = 0; i < n; i++) {
		struct cluster *other = NULL, *x = clusters_find(c, key_name(h[i].key), h[i].at, h[i].at, &other);

		if (x == NULL) {
			if (clusters_add(c, key_name(h[i].key), h[i].at, h[i].at, next, &x, NULL) != RC_OK)
				return -1;
			into[next] = next;
			next++;
		}
		cluster_count(x, h[i].at, h[i].at, 1, 0);
		if (other != NULL) {
			into[other->ticket] = (int)x->ticket;
			clusters_join(c, x, other);
		}
		tickets[i] = (int)x->ticket;
	}
	return next - 1;
}

static int root(const int *into, int t)
{
	while (into[t] != t)
		t = into[t];
	return t;
}

/* Two hits are together in the one exactly if they are in the other. */
static bool same(const struct a_hit *h, const int *cluster_of, const int *tickets, const int *into, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if ((cluster_of[i] == cluster_of[j]) != (root(into, tickets[i]) == root(into, tickets[j]))) {
				printf("# hits at %lld and %lld of key %d\n", (long long)h[j].at, (long long)h[i].at, h[i].key);
				return false;
			}
	return true;
}

/* `late`: how far the order of arrival may differ from the order of time; 0 = any order. */
static bool round_of(uint64_t number, usec quiet, usec max, usec step, usec late)
{
	struct a_hit h[HITS], sorted[HITS];
	int tickets[HITS], cluster_of[HITS], into[HITS + 1];
	struct { usec key; int at; } order[HITS];
	struct clusters *c;
	usec t = 0;
	bool good;

	seed = number;
	for (int i = 0; i < HITS; i++) {
		t += (usec)draw((uint64_t)step);
		h[i] = (struct a_hit){ (int)draw(KEYS), t, 0 };
		order[i].key = late == 0 ? (usec)draw(1u << 30) : t + (usec)draw((uint64_t)late);
		order[i].at = i;
	}
	for (int i = 1; i < HITS; i++) /* by arrival */
		for (int j = i; j > 0 && order[j].key < order[j - 1].key; j--) {
			usec k = order[j].key;
			int a = order[j].at;

			order[j] = order[j - 1];
			order[j - 1].key = k;
			order[j - 1].at = a;
		}
	memcpy(sorted, h, sizeof h);
	for (int i = 0; i < HITS; i++)
		h[i] = sorted[order[i].at];
	memcpy(sorted, h, sizeof h);
	(void)model(sorted, HITS, quiet, max);
	for (int i = 0; i < HITS; i++)
		for (int j = 0; j < HITS; j++)
			if (sorted[j].key == h[i].key && sorted[j].at == h[i].at)
				cluster_of[i] = sorted[j].cluster;
	if (clusters_new(quiet, max, HITS, &c, NULL) != RC_OK)
		return false;
	good = feed(c, h, HITS, tickets, into) > 0 && same(h, cluster_of, tickets, into, HITS);
	clusters_free(c);
	return good;
}

static void properties(void)
{
	bool any = true, cut = true;

	for (uint64_t i = 1; i <= 60 && any; i++)
		any = round_of(i, HOUR, 100000 * HOUR, 50 * MINUTE, 0);
	OK(any, "in any order: the clusters of the model, whichever gaps close late");
	for (uint64_t i = 1; i <= 60 && cut; i++)
		cut = round_of(i, 10 * HOUR, 24 * HOUR, 30 * MINUTE, 20 * MINUTE);
	OK(cut, "cut after a day, in almost the order of time: the clusters of the model");
}

static void edges(void)
{
	static const struct { const char *name; usec first, last, from, to; bool joins; } rows[] = {
		{ "at its end, an hour later", 0, 0, HOUR, HOUR, true },        { "a microsecond more", 0, 0, HOUR + 1, HOUR + 1, false },
		{ "an hour before", 0, 0, -HOUR, -HOUR, true },                  { "a microsecond more before", 0, 0, -HOUR - 1, -HOUR - 1, false },
		{ "inside", 0, 5 * HOUR, HOUR, 2 * HOUR, true },                 { "exactly a day", 0, 24 * HOUR - MINUTE, 24 * HOUR, 24 * HOUR, true },
		{ "a day and more", 0, 24 * HOUR - MINUTE, 24 * HOUR + 1, 24 * HOUR + 1, false },
		{ "around it", 10, 20, 0, 30, true },                            { "the end of time", 0, 0, INT64_MAX, INT64_MAX, false },
		{ "its beginning", 0, 0, INT64_MIN, INT64_MIN, false },          { "from one end to the other", INT64_MIN, INT64_MIN, INT64_MAX, INT64_MAX, false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct cluster *x, *other;
		struct clusters *c;

		OK(clusters_new(HOUR, 24 * HOUR, 4, &c, NULL) == RC_OK && clusters_add(c, S("k"), rows[i].first, rows[i].last, 7, &x, NULL) == RC_OK,
		   "a cluster");
		OK((clusters_find(c, S("k"), rows[i].from, rows[i].to, &other) != NULL) == rows[i].joins, "%s", rows[i].name);
		OK(clusters_find(c, S("j"), rows[i].first, rows[i].last, &other) == NULL, "another key");
		clusters_free(c);
	}
}

static void counting(void)
{
	struct cluster *x, *y, *other;
	struct clusters *c;

	OK(clusters_new(HOUR, 24 * HOUR, 4, &c, NULL) == RC_OK, "a table");
	OK(clusters_add(c, S("k"), 0, 0, 1, &x, NULL) == RC_OK && !cluster_is_dirty(x), "a cluster, nothing to write");
	OK(cluster_add_alert(x, 11, 101) && cluster_alert(x, 11)->row == 101 && cluster_alert(x, 12) == NULL, "an alert");
	cluster_count(x, 5, 9, 3, 2);
	cluster_count(x, 2, 4, 2, 1);
	cluster_count_alert(cluster_alert(x, 11), 2, 9, 5);
	OK(x->hits == 5 && x->fresh_first == 2 && x->fresh_last == 9 && x->tlp == 2 && x->first == 0 && x->last == 9 && cluster_is_dirty(x), "counted");
	for (int i = 0; i < CLUSTER_ITEMS_MAX + 1; i++) {
		char text[8];

		snprintf(text, sizeof text, "i%d", i);
		OK(cluster_add_item(x, str_of(text), 1) == (i < CLUSTER_ITEMS_MAX), "item %d", i);
	}
	OK(cluster_add_item(x, S("i3"), 4) && x->items[3].hits == 5, "a known item is counted");
	cluster_clean(x);
	OK(!cluster_is_dirty(x) && x->hits == 0 && x->alerts[0].hits == 0 && x->n_alerts == 1 && x->last == 9, "written: what it is stays");
	OK(clusters_add(c, S("k"), 2 * HOUR - MINUTE, 2 * HOUR, 2, &y, NULL) == RC_OK, "another");
	OK(cluster_add_alert(y, 11, 202) && cluster_add_alert(y, 12, 203), "with alerts");
	cluster_count(y, 2 * HOUR - MINUTE, 2 * HOUR, 4, 3);
	cluster_count_alert(cluster_alert(y, 11), 2 * HOUR, 2 * HOUR, 4);
	OK(clusters_find(c, S("k"), HOUR, HOUR, &other) == x && other == y, "the gap between them closes");
	clusters_join(c, x, y);
	OK(clusters_count(c) == 1 && x->last == 2 * HOUR && x->hits == 4 && x->tlp == 3, "one is left, with what both had to write");
	OK(x->n_alerts == 2 && cluster_alert(x, 11)->row == 101 && cluster_alert(x, 11)->hits == 4 && cluster_alert(x, 12)->row == 203, "and its alerts");
	clusters_drop(c, x);
	OK(clusters_count(c) == 0 && clusters_find(c, S("k"), 0, 0, &other) == NULL, "gone");
	clusters_free(c);
}

/* A table that is full forgets what it has not to write, the longest unused first. */
static void room(void)
{
	struct cluster *x, *other;
	struct clusters *c;
	uint32_t it = 0;
	int n = 0;

	OK(clusters_new(HOUR, 24 * HOUR, 3, &c, NULL) == RC_OK, "a table of three");
	for (int i = 0; i < 3; i++) {
		char key[2] = { (char)('a' + i), 0 };

		OK(clusters_add(c, str_of(key), 0, 0, i + 1, &x, NULL) == RC_OK, "place %d", i);
		cluster_count(x, 0, 0, 1, 0);
	}
	OK(clusters_add(c, S("d"), 0, 0, 4, &x, NULL) == RC_BUSY, "all wait to be written");
	while ((x = clusters_each(c, &it)) != NULL) {
		n++;
		if (!str_eq(x->key, S("b")))
			cluster_clean(x);
	}
	OK(n == 3, "each of them was there");
	OK(clusters_add(c, S("d"), 0, 0, 4, &x, NULL) == RC_OK && clusters_count(c) == 3, "written ones make room");
	OK(clusters_find(c, S("b"), 0, 0, &other) != NULL, "what waits stays");
	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof key, "k%d", i);
		if (clusters_add(c, str_of(key), 0, 0, i, &x, NULL) != RC_OK || clusters_count(c) > 3)
			break;
		n++;
	}
	OK(n == 1003 && clusters_find(c, S("b"), 0, 0, &other) != NULL, "a thousand keys pass through");
	clusters_free(c);
}

static void no_memory(void)
{
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	int n = 0;

	while (rc == RC_NOMEM && ++n < 50) {
		struct clusters *c = NULL;
		struct cluster *x;

		mem_fail_at((uint64_t)n, 0);
		rc = clusters_new(HOUR, 24 * HOUR, 4, &c, NULL);
		if (rc == RC_OK)
			rc = clusters_add(c, S("key"), 0, 0, 1, &x, NULL);
		if (rc == RC_OK && !cluster_add_item(x, S("item"), 1))
			rc = RC_NOMEM;
		mem_fail_at(0, 0);
		clusters_free(c);
		if (mem_live() != before)
			break;
	}
	OK(rc == RC_OK && n > 3 && mem_live() == before, "each allocation may fail: %d tries", n);
}

int main(void)
{
	edges();
	counting();
	room();
	properties();
	no_memory();
	return tap_done();
}
