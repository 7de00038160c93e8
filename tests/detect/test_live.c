/* Rules replaced while correlations count: the count goes on; a wrong clock does not stop the end of a wait. */
#include "detect/live.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tap.h"
#include "wire/flat_json.h"

#define NOW ((usec)1800000000 * USEC_PER_SEC)

static const char rules_text[] =
	"title: failed\nid: 00000000-0000-4000-8000-000000000001\nname: failed\nlogsource: {category: x}\n"
	"detection: {s: {kind: failed}, condition: s}\n"
	"---\ntitle: many failed\nid: 00000000-0000-4000-8000-000000000002\n"
	"correlation: {type: event_count, rules: [failed], group-by: [user], timespan: 1h, condition: {gte: 3}}\n";

static bool write_rules(const char *path, const char *more)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return false;
	fputs(rules_text, f);
	fputs(more, f);
	return fclose(f) == 0;
}

static void on_hit(void *ctx, const struct rule_hit *h)
{
	(void)h;
	++*(int *)ctx;
}

static void event(struct live_run *run, struct flat *f, usec at, int *hits)
{
	const struct fields *dict;
	char time[TIME_TEXT_MAX], line[200];
	struct err err;

	snprintf(line, sizeof line, "{\"@timestamp\":\"%.*s\",\"kind\":\"failed\",\"user\":\"eve\"}", STR(time_format(at, time)));
	if (live_fields(run, &dict, &err) != RC_OK || flat_json(f, dict, str_of(line), &err) != RC_OK ||
	    live_match(run, f, S("test"), S(""), on_hit, hits, &err) != RC_OK)
		OK(false, "an event goes through");
}

/* --- rules read anew while two threads match --- */

#define SEEN "---\ntitle: seen\nlogsource: {category: x}\ndetection: {s: {kind: failed}, condition: s}\n"
enum { STREAM = 20000, STREAMS = 2, RELOADS = 15 };

struct stream { struct live *live; pthread_t thread; int hits; bool whole; };

static void *run_stream(void *ctx)
{
	struct stream *s = ctx;
	struct live_run *run = NULL;
	struct flat *f = NULL;
	struct err err;

	s->whole = live_run_new(s->live, &run, &err) == RC_OK && flat_new(&f, &err) == RC_OK;
	for (int i = 0; i < STREAM && s->whole; i++)
		event(run, f, NOW - i, &s->hits); /* the user's correlation fires, too: hits beyond one an event */
	live_run_free(run);
	flat_free(f);
	return NULL;
}

static void test_under_load(struct live *l, const struct live_opts *o, const char *path)
{
	struct stream s[STREAMS] = { { .live = l }, { .live = l } };
	struct live_stats before, after;
	struct err err = { 0 };
	bool good;

	good = write_rules(path, SEEN) && live_reload(l, o, &err) == RC_OK;
	live_stats(l, &before);
	for (int i = 0; i < STREAMS; i++)
		good = pthread_create(&s[i].thread, NULL, run_stream, &s[i]) == 0 && good;
	for (int i = 0; i < RELOADS; i++)
		good = write_rules(path, i % 2 == 0 ? SEEN : SEEN "---\ntitle: more\nlogsource: {category: x}\ndetection: {s: {kind: more}, condition: s}\n") &&
		       live_reload(l, o, &err) == RC_OK && good;
	for (int i = 0; i < STREAMS; i++)
		pthread_join(s[i].thread, NULL);
	live_stats(l, &after);
	OK(good && s[0].whole && s[1].whole, "rules read anew %d times while two threads match: %s", RELOADS, err.text);
	EQ_INT((long long)(after.events - before.events), (long long)STREAM * STREAMS, "no event is lost");
	EQ_INT((long long)(after.matches - before.matches), (long long)STREAM * STREAMS, "nor a match");
}

/* --- what another life had counted --- */

static void warm(struct live_run *run, struct flat *f, usec at)
{
	char line[200];
	const struct fields *dict;
	struct err err;

	snprintf(line, sizeof line, "{\"kind\":\"failed\",\"user\":\"eve\"}");
	if (live_fields(run, &dict, &err) != RC_OK || flat_json(f, dict, str_of(line), &err) != RC_OK ||
	    live_warm(run, f, S("test"), at, &err) != RC_OK)
		OK(false, "an event of the past goes through");
}

static void test_warm(const struct live_opts *o)
{
	struct live *l = NULL;
	struct live_run *run = NULL;
	struct flat *f = NULL;
	struct live_stats st;
	struct err err = { 0 };
	int hits = 0;

	if (!OK(live_new(o, &l, &err) == RC_OK && live_run_new(l, &run, &err) == RC_OK && flat_new(&f, &err) == RC_OK, "a life begins %s", err.text))
		return;
	EQ_INT(live_span(l), 3600 * USEC_PER_SEC, "the longest timespan");
	for (int i = 0; i < 3; i++)
		warm(run, f, NOW - 3000 * USEC_PER_SEC + i);
	warm(run, f, NOW - 20 * USEC_PER_SEC);
	EQ_INT(live_warmed(run, &err), RC_OK, "the past is over");
	live_stats(l, &st);
	OK(hits == 0 && st.events == 0 && st.matches == 0 && st.fired == 0, "it told nothing, although it fired");
	event(run, f, NOW, &hits);
	event(run, f, NOW + 10 * USEC_PER_SEC, &hits);
	hits = 0; /* matches of the rules themselves */
	event(run, f, NOW + 620 * USEC_PER_SEC, &hits);
	live_stats(l, &st);
	EQ_INT((long long)st.fired, 0, "nor is it told again within its timespan");
	event(run, f, NOW + 650 * USEC_PER_SEC, &hits);
	event(run, f, NOW + 700 * USEC_PER_SEC, &hits);
	live_stats(l, &st);
	EQ_INT((long long)st.fired, 1, "what is true behind that is, with what was counted before");
	live_run_free(run);
	flat_free(f);
	live_free(l);
}

int main(void)
{
	char path[] = "/tmp/test-live-XXXXXX";
	struct live_opts o = { .rules = path };
	struct live *l = NULL;
	struct live_run *run = NULL;
	struct flat *f = NULL;
	struct live_stats st;
	struct err err = { 0 };
	int hits = 0, fd = mkstemp(path);

	time_fake_set(NOW);
	close(fd);
	if (!OK(fd >= 0 && write_rules(path, "") && flat_new(&f, &err) == RC_OK && live_new(&o, &l, &err) == RC_OK &&
			live_run_new(l, &run, &err) == RC_OK, "rules in force: %s", err.text))
		return tap_done();
	test_warm(&o);
	event(run, f, NOW, &hits);
	event(run, f, NOW + 1, &hits);
	OK(write_rules(path, "---\ntitle: another\nid: 00000000-0000-4000-8000-000000000003\nlogsource: {category: x}\n"
			     "detection: {s: {kind: other}, condition: s}\n") && live_reload(l, &o, &err) == RC_OK, "other rules in force");
	/* Twenty years ahead: shown as a match perhaps, but it sets no clock. */
	event(run, f, NOW + (usec)20 * 365 * 86400 * USEC_PER_SEC, &hits);
	event(run, f, NOW + 2, &hits);
	live_stats(l, &st);
	EQ_INT(st.fired, 0, "it waits for earlier ones");
	time_fake_step(LIVE_TOLERANCE + USEC_PER_SEC);
	OK(live_idle(run, S("test"), on_hit, &hits, &err) == RC_OK, "time goes by");
	live_stats(l, &st);
	EQ_INT(st.fired, 1, "two before and one behind the change of rules are three");
	test_under_load(l, &o, path);
	live_run_free(run);
	live_free(l);
	flat_free(f);
	unlink(path);
	return tap_done();
}
