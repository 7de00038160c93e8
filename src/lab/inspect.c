/* One node from its digests to its ledger. Digests come first: a known file is known whatever else happens, and a file that this
 * submission has shown before has been inspected before (fan-outs of a million equal leaves cost one). */
#include "base/mem.h"
#include "lab/make.h"
#include "lab/walk.h"
#include "lab/work.h"

#define NODE_ARENA ((size_t)64 << 20)
#define TWINS_MAX ((size_t)1 << 20)

enum twin { TWIN_UNDER_WAY = 1, TWIN_SEEN, TWIN_UNSEEN };

static struct str key_of(const struct lab_node *n)
{
	return str_make((const char *)n->sha256, SHA256_LEN);
}

static void digest(struct lab_node *n)
{
	hash_sha256(n->bytes, n->sha256);
	if (n->work->stock->only_rules)
		return;
	hash_sha1(n->bytes, n->sha1);
	hash_md5(n->bytes, n->md5);
}

static void match_hash(struct lab_node *n, const char *sort, const unsigned char *bytes, size_t length)
{
	struct lab_hash_hit hit;
	struct lab_match m = { .kind = LAB_HASH, .length = n->bytes.n };

	if (!lab_hashes_find(n->work->stock->hashes, bytes, length, &hit))
		return;
	m.id = hit.name;
	m.part = str_of(sort);
	m.weight = hit.good ? LAB_GOOD : LAB_MALICIOUS;
	m.why = hit.good ? S("its digest is on a list of known good files") : S("its digest is on a list of known bad files");
	lab_match(n, &m);
}

static void look_up(struct lab_node *n)
{
	if (n->work->stock->hashes == NULL)
		return;
	match_hash(n, "sha256", n->sha256, SHA256_LEN);
	match_hash(n, "sha1", n->sha1, SHA1_LEN);
	match_hash(n, "md5", n->md5, MD5_LEN);
}

static bool fits(uint64_t wanted, uint64_t types)
{
	return wanted == LAB_ANY_TYPE || (wanted & types) != 0;
}

static void make_facts(struct lab_node *n)
{
	struct err err;

	for (size_t i = 0; lab_makers[i] != NULL && !lab_over(n); i++) {
		const struct lab_maker *m = lab_makers[i];
		enum rc rc = fits(m->types, n->types) ? m->make(n, &err) : RC_OK;

		if (rc != RC_OK && rc != RC_UNSUPPORTED)
			lab_unseen(n, 0, UINT64_MAX, "%s: %s", m->name, err.text);
	}
}

static void run_rules(struct lab_node *n)
{
	struct lab_work *w = n->work;
	usec left = w->until - time_mono();
	struct err err;

	if (w->stock->rules == NULL)
		return;
	if (lab_over(n) || lab_rules_run(w->stock->rules, n, (int)(left / USEC_PER_SEC) + 1, &err) != RC_OK)
		lab_unseen(n, 0, UINT64_MAX, "rules: %s", w->over != NULL ? w->over : err.text);
}

/* --- walkers --- */

/* What was said why a walker gave up, and what it left. */
struct outcome {
	bool walked, failed;
	char why[LAB_REASON_BYTES];
};

static void walk(struct lab_node *n, struct outcome *o)
{
	for (size_t i = 0; lab_walkers[i] != NULL; i++) {
		const struct lab_walker *v = lab_walkers[i];
		struct err err = { 0 };
		enum rc rc;

		if ((v->types & n->types) == 0)
			continue;
		rc = lab_over(n) ? FAIL(&err, RC_LIMIT, "%s", n->work->over) : v->walk(n, &err);
		o->walked = o->walked || rc == RC_OK;
		if (rc == RC_OK && n->work->over != NULL)
			rc = FAIL(&err, RC_LIMIT, "%s", n->work->over);
		if (rc != RC_OK && rc != RC_UNSUPPORTED) {
			o->failed = true;
			snprintf(o->why, sizeof o->why, "%.60s: %.130s", v->name, err.text);
		}
	}
}

/* Types that hold others and that no row of the table opens. */
static void tell_closed(struct lab_node *n)
{
	uint64_t closed = n->types & ~lab_walkers_types();

	for (unsigned t = 0; t < LAB_TYPES; t++)
		if ((closed & LAB_TYPE(t)) != 0 && lab_type_holds((enum lab_type)t))
			lab_unseen(n, 0, UINT64_MAX, "nothing here opens %s", lab_type_name((enum lab_type)t));
}

static bool all_zero(struct str s)
{
	return s.n == 0 || (s.p[0] == '\0' && memcmp(s.p, s.p + 1, s.n - 1) == 0);
}

/* What is neither claimed nor unseen: a child after a walk that went well, unseen after one that did not. */
static void close_gaps(struct lab_node *n, const struct outcome *o)
{
	struct lab_ranges known = { 0 };
	struct lab_range gap;
	uint64_t at = 0;

	lab_ranges_add_all(&known, &n->ledger->claimed);
	lab_ranges_add_all(&known, &n->ledger->unseen);
	lab_ranges_tidy(&known);
	if (known.full)
		lab_unseen(n, 0, UINT64_MAX, "too many pieces");
	while (lab_ranges_gap(&known, &at, n->bytes.n, &gap)) {
		struct str bytes = str_slice(n->bytes, gap.from, gap.to);
		char name[40];
		struct lab_origin from = { .how = "gap", .at = gap.from, .length = gap.to - gap.from };

		snprintf(name, sizeof name, "gap@%llu", (unsigned long long)gap.from);
		from.name = str_of(name);
		if (o->failed)
			lab_unseen(n, gap.from, gap.to - gap.from, "%s", o->why);
		else if (!all_zero(bytes) && bytes.n < n->bytes.n)
			lab_child_borrow(n, &from, bytes);
	}
	lab_ranges_done(&known);
}

static void open_up(struct lab_node *n)
{
	struct outcome o = { 0 };

	tell_closed(n);
	walk(n, &o);
	if (o.walked || o.failed)
		close_gaps(n, &o);
}

/* --- the node as a whole --- */

static void settle(struct lab_node *n)
{
	struct lab_ledger *l = n->ledger;
	bool unseen = l->below || l->unseen.n > 0 || l->n_lost > 0;

	n->work->bytes_seen += n->bytes.n - lab_ranges_sum(&l->unseen);
	for (size_t i = 0; i < l->n_lost; i++)
		lab_say_unseen(n, &l->lost[i]);
	/* A table that is full only costs time. */
	if (map_put(n->work->twins, key_of(n), unseen ? TWIN_UNSEEN : TWIN_SEEN) != RC_OK)
		return;
}

/* True: the same content was met in this submission. One under way is around us: its bytes are being seen. */
static bool met_before(struct lab_node *n)
{
	uint64_t twin;

	if (!map_get(n->work->twins, key_of(n), &twin)) {
		(void)!map_put(n->work->twins, key_of(n), TWIN_UNDER_WAY);
		return false;
	}
	if (twin == TWIN_UNSEEN)
		lab_unseen(n, 0, UINT64_MAX, "the same content as before, which was not wholly seen");
	n->work->bytes_seen += n->bytes.n - lab_ranges_sum(&n->ledger->unseen);
	for (size_t i = 0; i < n->ledger->n_lost; i++)
		lab_say_unseen(n, &n->ledger->lost[i]);
	return true;
}

static void inspect_new(struct lab_node *n)
{
	n->types = n->work->stock->only_rules ? 0 : lab_types_of(n->bytes);
	if (n->parent == NULL)
		lab_say_digests(n);
	else
		lab_say_child(n);
	look_up(n);
	if (!n->work->stock->only_rules)
		make_facts(n);
	run_rules(n);
	if (!n->work->stock->only_rules)
		open_up(n);
	settle(n);
}

void lab_inspect(struct lab_node *n)
{
	n->work->bytes_total += n->bytes.n;
	digest(n);
	if (met_before(n))
		return;
	n->a = arena_new(NODE_ARENA);
	if (n->a == NULL) {
		lab_unseen(n, 0, UINT64_MAX, "out of memory");
		settle(n);
		return;
	}
	inspect_new(n);
	arena_free(n->a);
}

static void take_passwords(struct lab_work *w, struct str list)
{
	struct rd r;

	rd_init(&r, list);
	while (rd_left(&r) > 0 && w->n_passwords < LAB_PASSWORDS_MAX) {
		struct str word = lab_frame_text_read(&r, sizeof w->words[0]);

		if (r.bad)
			return;
		memcpy(w->words[w->n_passwords], word.p, word.n);
		w->passwords[w->n_passwords] = str_make(w->words[w->n_passwords], word.n);
		w->n_passwords++;
	}
}

void lab_work_run(const struct lab_stock *stock, struct str bytes, struct str passwords, int out_fd)
{
	struct lab_work *w = mem_alloc(sizeof *w);
	struct lab_ledger ledger = { 0 };
	struct lab_node n = { .work = w, .bytes = bytes, .from = { .name = S(""), .how = "submission" }, .ledger = &ledger };
	usec span = (usec)stock->limits.seconds * USEC_PER_SEC;

	if (w == NULL)
		return;
	w->stock = stock;
	w->out_fd = out_fd;
	w->size = bytes.n;
	w->until = time_mono() + span - span / 5;
	w->twins = map_new(TWINS_MAX);
	buf_init(&w->out, (size_t)1 << 20);
	take_passwords(w, passwords);
	if (w->twins != NULL) {
		lab_inspect(&n);
		lab_say_end(w);
	}
	map_free(w->twins);
	buf_done(&w->out);
	lab_ranges_done(&ledger.claimed);
	lab_ranges_done(&ledger.unseen);
	mem_free(ledger.lost);
	mem_free(w);
}
