/* Boards at the size of a nation: 8 sectors, 5,000 members, five years. Cold: the first time a board is asked of a picture that was
 * just filled; warm: again, over and over. */
#include <stdlib.h>

#include "bench.h"
#include "base/time.h"
#include "picture/board.h"

#define NOW ((usec)1767225600 * USEC_PER_SEC)
#define DAYS (5 * 365)
#define MEMBERS 5000
#define INCIDENTS 60000
#define CLOCKS 6
#define SIGHTINGS 1000000
#define INDICATORS 60000
#define TICKETS 300000
#define OFFERED 200000
#define ROUNDS 15

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % n);
}

static usec back(void)
{
	return NOW - (usec)below(DAYS * 86400u) * USEC_PER_SEC;
}

static void must(enum rc rc)
{
	if (rc != RC_OK)
		exit(1);
}

static uint32_t word(struct picture *p, const char *name, unsigned n)
{
	char text[64];
	uint32_t w;

	snprintf(text, sizeof text, "%s%u", name, n);
	must(picture_word(p, str_of(text), &w));
	return w;
}

static void put_incident(struct picture *p, unsigned n)
{
	struct picture_incident x = { .number = word(p, "n", n), .title = word(p, "title ", n), .pack = word(p, "law", 0), .member = below(MEMBERS),
				      .level = (uint8_t)below(5), .opened = back(), .open = below(50) == 0 };
	struct picture_clock clocks[CLOCKS];
	usec at = x.opened;

	for (int t = 0; t < PICTURE_TIMES; t++, at += (usec)below(86400) * USEC_PER_SEC)
		x.at[t] = at;
	for (unsigned i = 0; i < CLOCKS; i++)
		clocks[i] = (struct picture_clock){ .id = word(p, "K", i), .who = word(p, "role", i % 3), .start = x.opened, .due = x.opened + (usec)3600 * USEC_PER_SEC,
						    .stop = x.opened, .verdict = below(10) == 0 ? PICTURE_BREACHED : PICTURE_MET, .stops = (uint8_t)(i + 1) };
	must(picture_put_incident(p, &x, clocks, CLOCKS));
}

static struct picture *fill(void)
{
	struct picture *p = picture_new();
	usec at = NOW - (usec)DAYS * 86400 * USEC_PER_SEC;
	uint32_t index;

	if (p == NULL)
		exit(1);
	for (unsigned i = 0; i < MEMBERS; i++)
		must(picture_put_member(p, &(struct picture_member){ .key = word(p, "member", i), .name = word(p, "Member ", i), .sector = word(p, "sector", i % 8),
								     .region = word(p, "TW-", i % 22), .listed = true, .linked = true, .heard = NOW - (usec)below(7200) * USEC_PER_SEC }, &index));
	for (unsigned i = 0; i < INCIDENTS; i++)
		put_incident(p, i);
	for (unsigned i = 0; i < SIGHTINGS; i++) {
		usec seen = back();

		must(picture_put_sighting(p, word(p, "sighting", i), &(struct picture_seen){ .indicator = word(p, "indicator", below(INDICATORS)), .member = below(MEMBERS),
											     .first = seen, .last = seen, .hits = 1 }));
	}
	for (unsigned i = 0; i < TICKETS; i++)
		must(picture_put_ticket(p, &(struct picture_ticket){ .number = word(p, "ticket", i), .member = below(MEMBERS), .techniques = { word(p, "T1", below(600)) },
								     .n_techniques = 1, .first = back(), .hits = 1 }));
	for (unsigned i = 0; i < OFFERED; i++) {
		at += (usec)DAYS * 86400 * USEC_PER_SEC / OFFERED;
		must(picture_offered(p, word(p, "indicator", i), at));
	}
	for (unsigned i = 0; i < MEMBERS * 100; i++) /* each of the newest hundred by each member */
		must(picture_loaded(p, i % MEMBERS, 0, word(p, "indicator", OFFERED - 1 - i / MEMBERS), NOW - (usec)below(86400) * USEC_PER_SEC));
	for (unsigned i = 0; i < 200; i++)
		must(picture_delivered(p, word(p, "feed", i % 20), NOW - (usec)(200 - i) * 7200 * USEC_PER_SEC, 1));
	picture_since(p, NOW - (usec)DAYS * 86400 * USEC_PER_SEC);
	return p;
}

/* One board as a request makes it: table and JSON. Seconds of the processor, since the machine has others to serve. */
static double once(const struct picture *p, const struct board_spec *spec, const struct board_query *q)
{
	struct arena *a = arena_new((size_t)1 << 30);
	double began = time_cpu();
	struct err err = { 0 };
	struct board b;
	struct jsonw w;
	struct buf out;

	buf_init(&out, (size_t)256 << 20);
	jsonw_init(&w, &out);
	must(board_make(p, spec, q, a, &b, &err));
	if (b.n > 200 && !spec->by_time)
		b.n = 200;
	jsonw_object(&w);
	board_json(p, &b, S(""), &w);
	jsonw_object_end(&w);
	must(out.bad);
	began = time_cpu() - began;
	buf_done(&out);
	arena_free(a);
	return began;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	usec began = time_mono();
	struct picture *p;
	static const struct { const char *name; int days; } spans[] = { { "28d", 28 }, { "5y", DAYS } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	p = fill();
	printf("picture_fill %.2f s\n", (double)(time_mono() - began) / 1e6);
	for (size_t s = 0; s < 2; s++)
		for (const struct board_spec *spec = BOARDS; spec->id != NULL; spec++) {
			struct board_query q = { .from = NOW - spans[s].days * BOARD_DAY, .until = NOW, .now = NOW, .bin_days = 7, .zone = 28800, .pack = picture_known(p, S("law0")),
						 .member = UINT32_MAX };
			double cold = once(p, spec, &q), warm[ROUNDS];

			for (int i = 0; i < ROUNDS; i++)
				warm[i] = once(p, spec, &q);
			qsort(warm, ROUNDS, sizeof warm[0], by_value);
			printf("board_%s_%s cold %.1f warm_median %.1f warm_most %.1f ms\n", spec->id, spans[s].name, cold * 1e3, warm[ROUNDS / 2] * 1e3, warm[ROUNDS - 1] * 1e3);
		}
	picture_free(p);
	return 0;
}
