/* What core and the detect role say to each other: every kind of frame comes back as it went, nothing else is taken; frames over
 * a connection in pieces of any size; what is kept once a day. */
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "node/link.h"
#include "node/once.h"
#include "sys/unixsock.h"
#include "tap.h"

static struct arena *arena;

/* --- frames --- */

static const struct str tags[] = { { "attack.t1059", 12 }, { "car.1", 5 } };
static const struct rule_hit_base base[] = { { { "b1", 2 }, { "Failed logon", 12 } }, { { "", 0 }, { "", 0 } } };
static const struct rule_hit_field fields[] = { { { "Image", 5 }, { "C:\\x.exe", 8 } }, { { "", 0 }, { "\0\xff", 2 } } };

static const struct frame samples[] = {
	{ .kind = FRAME_HELLO, .number = FRAME_VERSION, .value = 4711, .text = { "no-new-privs", 12 } },
	{ .kind = FRAME_READY },
	{ .kind = FRAME_HIT, .number = 7, .key = { "fw indicator--1", 15 },
	  .hit = { .indicator = { "indicator--1", 12 }, .what = { OBS_DOMAIN, { "www.evil.example", 16 }, { "dns.q", 5 } },
		   .matched = { "evil.example", 12 }, .at = 1700000000 * USEC_PER_SEC, .where = { "gw", 2 }, .input = { "fw", 2 },
		   .event = { "{\"a\":1}\0\n", 9 }, .tlp = 4, .confidence = 255, .count = 3, .last = 1700000009 * USEC_PER_SEC } },
	{ .kind = FRAME_HIT, .number = 8, .hit = { .what.kind = OBS_KINDS } },
	{ .kind = FRAME_RULE_HIT, .number = UINT32_MAX, .key = { "k", 1 },
	  .rule_hit = { .id = { "r1", 2 }, .title = { "Title", 5 }, .level = { "high", 4 }, .author = { "A. Author", 9 }, .tags = tags, .n_tags = 2,
			.fields = fields, .n_fields = 2, .at = -1, .where = { "pc", 2 }, .input = { "win", 3 }, .event = { "e", 1 },
			.correlation = true, .base = base, .n_base = 2, .first = -7, .count = 2, .last = 5 } },
	{ .kind = FRAME_RULE_HIT, .rule_hit = { .id = { "r2", 2 } } },
	{ .kind = FRAME_PLACE_GET, .number = 1, .text = { "fw", 2 } },
	{ .kind = FRAME_PLACE_PUT, .number = 2, .text = { "fw", 2 }, .more = { "12 34", 5 } },
	{ .kind = FRAME_HUNTED, .number = 3, .value = INT64_MIN },
	{ .kind = FRAME_STATUS, .number = 9, .text = { "{}", 2 } },
	{ .kind = FRAME_ANSWER, .number = 9, .value = RC_FULL, .text = { "disk full", 9 }, .more = { "12 34", 5 } },
	{ .kind = FRAME_LEARN, .value = 1,
	  .learn = { .id = { "indicator--2", 12 }, .pattern = { "[a:b = 'c']", 11 }, .valid_from = INT64_MIN, .valid_until = 0, .tlp = 2,
		     .confidence = 50, .revoked = true } },
	{ .kind = FRAME_FORGET, .text = { "indicator--2", 12 } },
	{ .kind = FRAME_CLEAR },
	{ .kind = FRAME_FULL, .value = 99 },
	{ .kind = FRAME_ASK, .number = 12 },
	{ .kind = FRAME_SETTINGS, .value = 3, .text = { "json", 4 } },
	{ .kind = FRAME_RULE_ASK, .number = 9, .text = { "r1", 2 } },
	{ .kind = FRAME_RULE_IS, .number = 9, .value = -1 },
	{ .kind = FRAME_FOUND, .number = 3, .value = 1, .text = { "{\"events\":[]}", 13 } },
	{ .kind = FRAME_QUERY, .number = 3, .text = { "{\"do\":\"search\"}", 15 } },
	{ .kind = FRAME_QUERY_END, .number = 3 },
};

static bool same_hit(const struct hit *a, const struct hit *b)
{
	return str_eq(a->indicator, b->indicator) && a->what.kind == b->what.kind && str_eq(a->what.value, b->what.value) &&
	       str_eq(a->what.field, b->what.field) && str_eq(a->matched, b->matched) && a->at == b->at && str_eq(a->where, b->where) &&
	       str_eq(a->input, b->input) && str_eq(a->event, b->event) && a->tlp == b->tlp && a->confidence == b->confidence &&
	       a->count == b->count && a->last == b->last;
}

static bool same_rule_hit(const struct rule_hit *a, const struct rule_hit *b)
{
	bool same = str_eq(a->id, b->id) && str_eq(a->title, b->title) && str_eq(a->level, b->level) && str_eq(a->author, b->author) &&
		    a->n_tags == b->n_tags && a->n_fields == b->n_fields && a->at == b->at && str_eq(a->where, b->where) &&
		    str_eq(a->input, b->input) && str_eq(a->event, b->event) && a->correlation == b->correlation && a->count == b->count &&
		    a->last == b->last && a->n_base == b->n_base && a->first == b->first;

	for (uint32_t i = 0; same && i < a->n_base; i++)
		same = str_eq(a->base[i].id, b->base[i].id) && str_eq(a->base[i].title, b->base[i].title);
	for (uint32_t i = 0; same && i < a->n_tags; i++)
		same = str_eq(a->tags[i], b->tags[i]);
	for (uint32_t i = 0; same && i < a->n_fields; i++)
		same = str_eq(a->fields[i].name, b->fields[i].name) && str_eq(a->fields[i].value, b->fields[i].value);
	return same;
}

static bool same_learn(const struct image_indicator *a, const struct image_indicator *b)
{
	return str_eq(a->id, b->id) && str_eq(a->pattern, b->pattern) && a->valid_from == b->valid_from && a->valid_until == b->valid_until &&
	       a->tlp == b->tlp && a->confidence == b->confidence && a->revoked == b->revoked;
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
	return a->kind == b->kind && a->number == b->number && a->value == b->value && str_eq(a->key, b->key) && str_eq(a->text, b->text) &&
	       str_eq(a->more, b->more) && same_hit(&a->hit, &b->hit) && same_rule_hit(&a->rule_hit, &b->rule_hit) &&
	       same_learn(&a->learn, &b->learn);
}

static struct str body_of(const struct frame *f, struct buf *b)
{
	buf_clear(b);
	frame_put(b, f);
	return str_slice(buf_view(b), 4, b->n);
}

static void test_round_trip(void)
{
	struct buf b;

	buf_init(&b, FRAME_MAX + 4);
	for (size_t i = 0; i < COUNTOF(samples); i++) {
		struct str body = body_of(&samples[i], &b);
		struct err err = { 0 };
		struct frame f;

		arena_reset(arena);
		OK(frame_get(body, arena, &f, &err) == RC_OK && same_frame(&f, &samples[i]), "frame %zu of kind %d comes back: %s", i,
		   (int)samples[i].kind, err.text);
	}
	buf_done(&b);
}

/* Half a frame, and one with more behind it, is none. What a changed byte makes of it may be another frame, but one within the
 * limits: it is written and read again. */
static void test_damage(void)
{
	struct buf b, again;

	buf_init(&b, FRAME_MAX + 4);
	buf_init(&again, FRAME_MAX + 4);
	for (size_t i = 0; i < COUNTOF(samples); i++) {
		struct str body = body_of(&samples[i], &b);
		size_t taken = 0, kept = 0, good = 0;
		struct frame f, g;

		for (size_t n = 0; n < body.n; n++) {
			arena_reset(arena);
			taken += frame_get(str_slice(body, 0, n), arena, &f, NULL) == RC_OK;
		}
		buf_char(&b, 'x');
		body = str_slice(buf_view(&b), 4, b.n);
		taken += frame_get(body, arena, &f, NULL) == RC_OK;
		body.n--;
		for (size_t at = 0; at < body.n; at++)
			for (int v = 1; v < 256; v += 50) {
				b.p[4 + at] = (char)(b.p[4 + at] ^ v);
				arena_reset(arena);
				if (frame_get(body, arena, &f, NULL) == RC_OK) {
					good++;
					kept += frame_get(body_of(&f, &again), arena, &g, NULL) == RC_OK && same_frame(&f, &g);
				}
				b.p[4 + at] = (char)(b.p[4 + at] ^ v);
			}
		OK(taken == 0 && kept == good, "frame %zu: no part of it is a frame; %zu changed ones are whole ones", i, good);
	}
	buf_done(&b);
	buf_done(&again);
}

static void test_limits(void)
{
	static char long_text[FRAME_TEXT_MAX * 2];
	static struct str many[1000];
	static struct rule_hit_field more[1000];
	static struct rule_hit_base counted[1000];
	struct frame f = { .kind = FRAME_HIT }, got;
	struct buf b;
	struct str body;

	buf_init(&b, FRAME_MAX + 4);
	memset(long_text, 'x', sizeof long_text);
	/* A character of three bytes lies over the border. */
	memcpy(long_text + FRAME_TEXT_MAX - 1, "\xe8\x81\xaf", 3);
	for (size_t i = 0; i < COUNTOF(many); i++) {
		many[i] = S("tag");
		more[i] = (struct rule_hit_field){ S("n"), str_make(long_text, sizeof long_text) };
		counted[i] = (struct rule_hit_base){ S("r"), str_make(long_text, sizeof long_text) };
	}
	f.hit = (struct hit){ .event = str_make(long_text, sizeof long_text), .at = INT64_MAX, .last = INT64_MIN };
	body = body_of(&f, &b);
	arena_reset(arena);
	OK(frame_get(body, arena, &got, NULL) == RC_OK && got.hit.event.n == FRAME_TEXT_MAX - 1, "a long event is cut before a character");
	OK(got.hit.at < INT64_MAX && got.hit.last > INT64_MIN, "a time that is none becomes the nearest that is one");
	f = (struct frame){ .kind = FRAME_RULE_HIT, .rule_hit = { .tags = many, .n_tags = COUNTOF(many), .fields = more, .n_fields = COUNTOF(more),
								   
								   .base = counted, .n_base = COUNTOF(counted),
								   .event = str_make(long_text, sizeof long_text) } };
	body = body_of(&f, &b);
	OK(b.bad == RC_OK && body.n <= FRAME_MAX && frame_get(body, arena, &got, NULL) == RC_OK, "the largest match fits (%zu bytes)", body.n);
	OK(got.rule_hit.n_tags == FRAME_TAGS_MAX && got.rule_hit.n_fields == FRAME_FIELDS_MAX && got.rule_hit.n_base == FRAME_BASE_MAX,
	   "with as many tags, fields and rules as may be");
	buf_done(&b);
}

static void test_no_memory(void)
{
	struct buf b;
	struct str body;

	buf_init(&b, FRAME_MAX + 4);
	body = body_of(&samples[4], &b);
	for (uint64_t nth = 1; nth < 10; nth++) {
		struct arena *a = arena_new(1 << 20);
		int64_t before = mem_live();
		struct frame f;
		enum rc rc;

		mem_fail_at(nth, 1);
		rc = frame_get(body, a, &f, NULL);
		mem_fail_at(0, 0);
		if (rc == RC_OK) {
			arena_free(a);
			break;
		}
		OK(rc == RC_NOMEM && mem_live() == before, "allocation %d fails: told, nothing leaks", (int)nth);
		arena_free(a);
	}
	buf_done(&b);
}

/* --- the connection --- */

struct sender {
	int fd;
	struct str bytes;
	size_t piece;
};

static void *send_pieces(void *ctx)
{
	struct sender *s = ctx;

	for (size_t at = 0; at < s->bytes.n; at += s->piece) {
		struct str piece = str_slice(s->bytes, at, at + s->piece);

		if (send(s->fd, piece.p, piece.n, MSG_NOSIGNAL) != (ssize_t)piece.n)
			break;
	}
	close(s->fd);
	return NULL;
}

static void test_pieces(void)
{
	static const size_t pieces[] = { 1, 3, 7, 100, 4096, 1 << 20 };
	struct buf b;

	buf_init(&b, FRAME_MAX * 2);
	for (int turn = 0; turn < 20; turn++)
		for (size_t i = 0; i < COUNTOF(samples); i++)
			frame_put(&b, &samples[i]);
	for (size_t i = 0; i < COUNTOF(pieces); i++) {
		size_t good = 0, n = 0;
		struct err err = { 0 };
		struct link *l;
		struct str body;
		pthread_t t;
		int fds[2];

		if (!OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && link_new(fds[0], &l, &err) == RC_OK, "a connection"))
			continue;
		pthread_create(&t, NULL, send_pieces, &(struct sender){ fds[1], buf_view(&b), pieces[i] });
		while (link_read(l, &body, &err) == RC_OK) {
			struct frame f;

			arena_reset(arena);
			good += frame_get(body, arena, &f, NULL) == RC_OK && same_frame(&f, &samples[n % COUNTOF(samples)]);
			n++;
		}
		pthread_join(t, NULL);
		OK(n == 20 * COUNTOF(samples) && good == n && err.rc == RC_PEER, "in pieces of %zu bytes: %zu frames, then its end", pieces[i], n);
		link_free(l);
	}
	buf_done(&b);
}

static void test_hostile_bytes(void)
{
	static const struct {
		const char *name;
		struct str bytes;
		enum rc rc;
	} rows[] = {
		{ "nothing", { "", 0 }, RC_PEER },
		{ "half a length", { "\1\0", 2 }, RC_PEER },
		{ "a length without its body", { "\5\0\0\0abc", 7 }, RC_PEER },
		{ "a frame of 4 GB", { "\xff\xff\xff\xff", 4 }, RC_LIMIT },
		{ "one byte more than may be", { "\1\0\x80\0", 4 }, RC_LIMIT },
		{ "a request of HTTP", { "GET / HTTP/1.1\r\n\r\n", 18 }, RC_LIMIT },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct err err = { 0 };
		struct link *l;
		struct str body;
		int fds[2];

		if (!OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && link_new(fds[0], &l, &err) == RC_OK, "a connection"))
			continue;
		send_pieces(&(struct sender){ fds[1], rows[i].bytes, 100 });
		EQ_INT(link_read(l, &body, &err), rows[i].rc, rows[i].name);
		link_free(l);
	}
}

static void *end_later(void *ctx)
{
	usleep(50000);
	link_end(ctx);
	return NULL;
}

static void test_end(void)
{
	struct err err = { 0 };
	struct link *l;
	struct str body;
	pthread_t t;
	int fds[2];

	if (!OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && link_new(fds[0], &l, &err) == RC_OK, "a connection"))
		return;
	pthread_create(&t, NULL, end_later, l);
	EQ_INT(link_read(l, &body, &err), RC_PEER, "who reads is woken by the end");
	pthread_join(t, NULL);
	EQ_INT(link_say(l, &samples[0], &err), RC_PEER, "and nothing is sent behind it");
	link_free(l);
	close(fds[1]);
}

/* --- once a day --- */

static void test_once(void)
{
	struct once *o = once_new(3);
	struct buf a, b;
	struct rule_hit h = { .id = S("r"), .where = S("pc"), .input = S("win"), .fields = fields, .n_fields = 2 };

	time_fake_set(INT64_C(1700000000) * USEC_PER_SEC);
	OK(!once_has(o, S("a")), "new");
	once_note(o, S("a"));
	OK(once_has(o, S("a")) && !once_has(o, S("b")), "known");
	for (const char *c = "bcdef"; *c != '\0'; c++)
		once_note(o, str_make(c, 1));
	OK(once_has(o, S("c")) && !once_has(o, S("f")), "beyond its room, repeats are news");
	time_fake_set(INT64_C(1700000000 + 86400) * USEC_PER_SEC);
	OK(!once_has(o, S("a")), "the next day all is new");
	once_note(o, S("f"));
	OK(once_has(o, S("f")), "and has room");
	time_fake_off();
	once_free(o);

	buf_init(&a, 1000);
	buf_init(&b, 1000);
	once_key_rule(&a, &h);
	EQ_STR(buf_view(&a), S("win rule r at pc"), "a rule: by log, rule and host");
	h.correlation = true;
	once_key_rule(&b, &h);
	EQ_STR(buf_view(&b), S("win rule r at pc C:\\x.exe"), "a correlation: by its group too, not by the value");
	buf_clear(&a);
	once_key_hit(&a, S("fw"), S("indicator--1"), S("pc"));
	EQ_STR(buf_view(&a), S("fw indicator--1 at pc"), "an indicator: by log and host");
	buf_done(&a);
	buf_done(&b);
}

/* --- sockets --- */

static void test_sockets(void)
{
	char dir[] = "/tmp/lianfang-link-XXXXXX", deep[600], path[700];
	int door = -1, near = -1, far = -1;
	struct err err = { 0 };
	struct stat st;

	if (!OK(mkdtemp(dir) != NULL, "a folder"))
		return;
	snprintf(deep, sizeof deep, "%s/%0200d", dir, 0);
	snprintf(path, sizeof path, "%s/s", deep);
	OK(mkdir(deep, 0700) == 0 && unix_listen(path, 4, &door, &err) == RC_OK, "a path longer than a socket's may be: %s", err.text);
	OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "only for its owner");
	OK(unix_connect(path, &near, &err) == RC_OK, "connected: %s", err.text);
	far = accept(door, NULL, NULL);
	OK(unix_check_peer(near, &err) == RC_OK && unix_check_peer(far, &err) == RC_OK, "both are this user: %s", err.text);
	close(far);
	close(near);
	close(door);
	EQ_INT(unix_connect(path, &near, &err), RC_PEER, "nobody listens any more");
	OK(unix_listen(path, 4, &door, &err) == RC_OK, "what a dead process left is replaced");
	close(door);
	remove(path);
	EQ_INT(unix_connect(path, &near, &err), RC_PEER, "nothing there");
	EQ_INT(unix_connect("s", &near, &err), RC_BAD, "no absolute path");
	remove(deep);
	remove(dir);
}

int main(void)
{
	arena = arena_new((size_t)16 << 20);
	test_round_trip();
	test_damage();
	test_limits();
	test_no_memory();
	test_pieces();
	test_hostile_bytes();
	test_end();
	test_once();
	test_sockets();
	arena_free(arena);
	return tap_done();
}
