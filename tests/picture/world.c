/* A made-up world of rows, the same for the same seed: what it put into the picture as lines of JSON, and behind them every board. A
 * plain recomputation (compare_boards.py) reads both. usage: world SEED [k] */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "picture/board.h"

#define NOW ((usec)1767225600 * USEC_PER_SEC) /* 2026-01-01T00:00:00Z */
#define HOUR ((usec)3600 * USEC_PER_SEC)
#define MEMBERS 60
#define INCIDENTS 700
#define TELLERS 45

static uint64_t state;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static usec back(int days)
{
	return NOW - (usec)below((uint32_t)days * 86400) * USEC_PER_SEC - (usec)below(1000000);
}

static uint32_t word(struct picture *p, const char *name, unsigned n)
{
	char text[64];
	uint32_t w;

	snprintf(text, sizeof text, "%s%u", name, n);
	if (picture_word(p, str_of(text), &w) != RC_OK)
		exit(1);
	return w;
}

static void must(enum rc rc)
{
	if (rc != RC_OK)
		exit(1);
}

static void put_members(struct picture *p)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct picture_member m = { .key = word(p, "m", i), .name = word(p, "Member ", i), .sector = i % 11 == 10 ? 0 : word(p, "s", i % 5),
					    .region = word(p, "r", i % 7), .listed = i % 9 != 8, .linked = i % 4 != 3, .heard = i % 6 == 5 ? PICTURE_NEVER : NOW - (usec)below(7200) * USEC_PER_SEC };
		uint32_t at;

		must(picture_put_member(p, &m, &at));
		printf("{\"row\":\"member\",\"key\":\"m%u\",\"sector\":\"%.*s\",\"region\":\"r%u\",\"listed\":%d,\"linked\":%d,\"heard\":%lld}\n", i,
		       STR(picture_text(p, m.sector)), i % 7, m.listed, m.linked, (long long)(m.heard == PICTURE_NEVER ? -1 : m.heard));
	}
}

static void put_incident(struct picture *p, unsigned n)
{
	struct picture_clock clocks[4];
	struct picture_incident x = { .number = word(p, "n", n), .title = word(p, "t", n), .pack = word(p, "law", below(10) == 0), .member = below(MEMBERS),
				      .level = (uint8_t)below(5), .exercise = below(12) == 0, .void_ = below(15) == 0, .opened = back(300) };
	usec at = x.opened - (usec)below(4) * HOUR;
	unsigned k = below(4);

	x.open = below(2) == 0;
	for (int t = 0; t < PICTURE_TIMES; t++) {
		x.at[t] = below(4) == 0 ? PICTURE_NEVER : at;
		at += (usec)below(40) * HOUR / 4;
	}
	printf("{\"row\":\"incident\",\"number\":\"n%u\",\"pack\":\"%.*s\",\"member\":\"m%u\",\"level\":%u,\"exercise\":%d,\"void\":%d,\"open\":%d,\"opened\":%lld,\"at\":[", n,
	       STR(picture_text(p, x.pack)), x.member, x.level, x.exercise, x.void_, x.open, (long long)x.opened);
	for (int t = 0; t < PICTURE_TIMES; t++)
		printf("%s%lld", t > 0 ? "," : "", (long long)(x.at[t] == PICTURE_NEVER ? -1 : x.at[t]));
	printf("],\"clocks\":[");
	for (unsigned i = 0; i < k; i++) {
		clocks[i] = (struct picture_clock){ .id = word(p, "K", below(6)), .who = word(p, "role", below(3)), .start = x.opened + (usec)below(100) * HOUR,
						    .verdict = (uint8_t)below(4), .stops = (uint8_t)(1 + below(6)) };
		clocks[i].due = clocks[i].start + (usec)(1 + below(2000)) * HOUR;
		clocks[i].stop = PICTURE_NEVER;
		printf("%s{\"id\":\"%.*s\",\"who\":\"%.*s\",\"start\":%lld,\"due\":%lld,\"verdict\":%u,\"stops\":%u}", i > 0 ? "," : "", STR(picture_text(p, clocks[i].id)),
		       STR(picture_text(p, clocks[i].who)), (long long)clocks[i].start, (long long)clocks[i].due, clocks[i].verdict, clocks[i].stops);
	}
	printf("]}\n");
	must(picture_put_incident(p, &x, clocks, k));
}

static void put_sightings(struct picture *p)
{
	for (unsigned n = 0; n < 900; n++) {
		struct picture_seen s = { .indicator = word(p, "i", below(40) * below(8)), .member = below(MEMBERS), .first = back(90), .hits = 1 + below(50) };
		unsigned telling = below(700);

		/* A telling belongs to one indicator and member: make its key of both. */
		s.last = s.first + (usec)below(86400) * USEC_PER_SEC;
		s.last = s.last < NOW ? s.last : NOW - 1;
		must(picture_put_sighting(p, word(p, "sighting ", (telling % 3 + s.member * 3) * 1000 + s.indicator), &s));
		printf("{\"row\":\"sighting\",\"id\":\"%u\",\"indicator\":\"%.*s\",\"member\":\"m%u\",\"first\":%lld,\"last\":%lld,\"hits\":%lld}\n",
		       (telling % 3 + s.member * 3) * 1000 + s.indicator, STR(picture_text(p, s.indicator)), s.member, (long long)s.first, (long long)s.last, (long long)s.hits);
	}
}

static void put_tickets(struct picture *p)
{
	for (unsigned n = 0; n < 500; n++) {
		struct picture_ticket t = { .number = word(p, "ticket ", below(450)), .member = below(MEMBERS), .first = back(80), .n_techniques = (uint8_t)below(4),
					    .false_alarm = below(5) == 0 };

		printf("{\"row\":\"ticket\",\"number\":\"%.*s\",\"member\":\"m%u\",\"first\":%lld,\"false\":%d,\"techniques\":[", STR(picture_text(p, t.number)), t.member,
		       (long long)t.first, t.false_alarm);
		for (uint8_t i = 0; i < t.n_techniques; i++) {
			t.techniques[i] = word(p, "T10", (below(20) * 4 + i) % 80);
			printf("%s\"%.*s\"", i > 0 ? "," : "", STR(picture_text(p, t.techniques[i])));
		}
		printf("]}\n");
		must(picture_put_ticket(p, &t));
	}
}

static void put_loads(struct picture *p)
{
	usec offered = NOW - 20 * 24 * HOUR, at = offered;

	for (unsigned n = 0; n < 60; n++) {
		offered += (usec)below(20000) * USEC_PER_SEC;
		must(picture_offered(p, word(p, "i", n), offered));
		printf("{\"row\":\"offered\",\"indicator\":\"i%u\",\"at\":%lld}\n", n, (long long)offered);
	}
	/* Some speak from the beginning, some later, some look at nothing; behind a few there are others. */
	for (unsigned n = 0; n < TELLERS; n++) {
		uint32_t member = below(MEMBERS), who = n % 3 == 0 ? word(p, "p", below(4)) : 0;
		usec since = below(3) == 0 ? NOW - (usec)below(20 * 86400) * USEC_PER_SEC : PICTURE_NEVER;
		bool out = below(8) == 0;

		must(picture_teller(p, member, who, since, out));
		printf("{\"row\":\"teller\",\"member\":\"m%u\",\"who\":\"%.*s\",\"since\":%lld,\"out\":%d}\n", member, STR(picture_text(p, who)),
		       (long long)(since == PICTURE_NEVER ? -1 : since), out);
		for (unsigned k = below(80); k > 0; k--) {
			unsigned i = below(60);
			usec when = at + (usec)below(20 * 86400) * USEC_PER_SEC; /* also before it was released, and not yet */

			must(picture_loaded(p, member, who, word(p, "i", i), when));
			printf("{\"row\":\"loaded\",\"member\":\"m%u\",\"who\":\"%.*s\",\"indicator\":\"i%u\",\"at\":%lld}\n", member, STR(picture_text(p, who)), i,
			       (long long)when);
		}
	}
}

static void put_deliveries(struct picture *p)
{
	for (unsigned s = 0; s < 6; s++) {
		usec at = NOW - 60 * 24 * HOUR;

		for (unsigned n = 0; n < 1 + s * 15; n++) {
			at += (usec)below(40000) * USEC_PER_SEC;
			must(picture_delivered(p, word(p, "feed", s), at, 1));
			printf("{\"row\":\"delivery\",\"source\":\"feed%u\",\"at\":%lld}\n", s, (long long)at);
		}
	}
}

static void print_board(struct picture *p, const struct board_spec *spec, const struct board_query *q)
{
	struct arena *a = arena_new((size_t)256 << 20);
	struct err err = { 0 };
	struct board b;
	struct buf out;
	struct jsonw w;

	buf_init(&out, (size_t)64 << 20);
	jsonw_init(&w, &out);
	must(board_make(p, spec, q, a, &b, &err));
	jsonw_object(&w);
	board_json(p, &b, S(""), &w);
	jsonw_m_int(&w, "zone", q->zone);
	jsonw_m_str(&w, "sector", picture_text(p, q->sector));
	jsonw_object_end(&w);
	printf("%.*s\n", STR(buf_view(&out)));
	buf_done(&out);
	arena_free(a);
}

int main(int argc, char **argv)
{
	struct picture *p = picture_new();

	state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	if (p == NULL)
		return 1;
	put_members(p);
	for (unsigned n = 0; n < INCIDENTS; n++)
		put_incident(p, n % 7 == 6 ? n - 3 : n); /* some are put anew */
	put_sightings(p);
	put_tickets(p);
	put_loads(p);
	put_deliveries(p);
	picture_since(p, NOW - 250 * 24 * HOUR);
	for (const struct board_spec *s = BOARDS; s->id != NULL; s++)
		for (int round = 0; round < 3; round++) {
			struct board_query q = { .from = NOW - (usec)(30 << round) * 24 * HOUR, .until = NOW - round * HOUR, .now = NOW, .bin_days = round == 0 ? 1 : round == 1 ? 7 : 28,
						 .zone = round * 4 * 3600, .pack = picture_known(p, S("law0")), .sector = round == 2 ? picture_known(p, S("s1")) : 0,
						 .member = UINT32_MAX, .k = argc > 2 ? argv[2][0] - '0' : 0 };

			print_board(p, s, &q);
		}
	picture_free(p);
	return 0;
}
