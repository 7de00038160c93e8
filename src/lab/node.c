/* Children, limits and the ledger. A limit on bytes or time ends the whole submission (`over`): what a bomb has left to give is
 * entered as unseen by whoever was walking, range by range, and nobody makes another byte. */
#include "lab/node.h"

#include <stdarg.h>

#include "base/mem.h"
#include "lab/work.h"

struct lab_child {
	struct lab_node *parent;
	struct lab_origin from;
	struct str name;
	struct buf bytes;
	uint64_t took; /* packed bytes behind it; 0: not told */
	bool lost; /* the origin's range is unseen already */
};

/* --- the ledger --- */

void lab_claim(struct lab_node *n, uint64_t at, uint64_t length)
{
	uint64_t size = n->bytes.n;

	if (at >= size)
		return;
	lab_ranges_add(&n->ledger->claimed, at, length > size - at ? size : at + length);
}

static bool room_for_lost(struct lab_ledger *l)
{
	size_t cap = l->cap_lost == 0 ? 4 : l->cap_lost * 2;
	struct lab_lost *p;

	if (l->n_lost < l->cap_lost)
		return true;
	p = mem_resize(l->lost, cap * sizeof *p);
	if (p == NULL)
		return false;
	l->lost = p;
	l->cap_lost = cap;
	return true;
}

static void remember(struct lab_ledger *l, uint64_t at, uint64_t length, const char *why)
{
	/* Many of one sort are one: a thousand members behind a limit. */
	if (l->n_lost > 0) {
		struct lab_lost *last = &l->lost[l->n_lost - 1];
		bool same = strcmp(last->why, why) == 0;

		if ((same && last->at + last->length >= at && at >= last->at) || l->n_lost >= LAB_REASONS_MAX) {
			uint64_t to = at + length > last->at + last->length ? at + length : last->at + last->length;

			last->at = at < last->at ? at : last->at;
			last->length = to - last->at;
			if (!same)
				snprintf(last->why, sizeof last->why, "several reasons, as those above");
			return;
		}
	}
	if (!room_for_lost(l))
		return; /* the range itself is in the set */
	l->lost[l->n_lost] = (struct lab_lost){ .at = at, .length = length };
	snprintf(l->lost[l->n_lost++].why, LAB_REASON_BYTES, "%s", why);
}

void lab_unseen(struct lab_node *n, uint64_t at, uint64_t length, const char *why, ...)
{
	uint64_t size = n->bytes.n;
	char text[LAB_REASON_BYTES];
	va_list ap;

	va_start(ap, why);
	vsnprintf(text, sizeof text, why, ap);
	va_end(ap);
	at = at > size ? size : at;
	length = length > size - at ? size - at : length;
	/* Of a range that is not known, all is unseen: better to say too little was seen than too much. */
	if (length == 0) {
		at = 0;
		length = size;
	}
	lab_ranges_add(&n->ledger->unseen, at, at + length);
	remember(n->ledger, at, length, text);
}

bool lab_unclaimed(struct lab_node *n, uint64_t *at, uint64_t *ret_from, uint64_t *ret_to)
{
	struct lab_range gap;

	lab_ranges_tidy(&n->ledger->claimed);
	if (!lab_ranges_gap(&n->ledger->claimed, at, n->bytes.n, &gap))
		return false;
	*ret_from = gap.from;
	*ret_to = gap.to;
	return true;
}

bool lab_over(const struct lab_node *n)
{
	struct lab_work *w = n->work;

	if (w->over == NULL && time_mono() >= w->until)
		w->over = "the time for one submission was over";
	return w->over != NULL;
}

/* --- children --- */

static const char *refusal(struct lab_node *n)
{
	const struct lab_limits *l = &n->work->stock->limits;

	if (lab_over(n))
		return n->work->over;
	if (n->depth >= l->depth)
		return "nested deeper than the limit";
	if (n->work->children >= l->children)
		return n->work->over = "more children than the limit";
	return NULL;
}

struct lab_child *lab_child_open(struct lab_node *n, const struct lab_origin *from)
{
	const char *why = refusal(n);
	struct lab_child *c = why != NULL ? NULL : mem_alloc(sizeof *c);

	if (c == NULL) {
		lab_unseen(n, from->at, from->length, "%s", why != NULL ? why : "out of memory");
		return NULL;
	}
	c->parent = n;
	c->from = *from;
	c->name = arena_dup(n->a, str_slice(from->name, 0, LAB_NAME_MAX));
	c->from.name = c->name.p == NULL ? S("") : c->name;
	buf_init(&c->bytes, n->work->stock->limits.memory / 2);
	return c;
}

static void lose(struct lab_child *c, const char *why)
{
	if (!c->lost)
		lab_unseen(c->parent, c->from.at, c->from.length, "%s", why);
	c->lost = true;
}

void lab_child_took(struct lab_child *c, uint64_t packed)
{
	c->took = packed;
}

/* Much, and out of little: of this child alone, or of the submission in all. */
static bool bomb(const struct lab_child *c, size_t more)
{
	const struct lab_work *w = c->parent->work;
	const struct lab_limits *l = &w->stock->limits;
	uint64_t mine = c->bytes.n + more;

	if (c->took > 0 && mine > l->ratio_from && mine / l->ratio > c->took)
		return true;
	return w->made > l->ratio_from && w->made / l->ratio > w->size;
}

bool lab_child_write(struct lab_child *c, struct str bytes)
{
	struct lab_work *w = c->parent->work;
	const struct lab_limits *l = &w->stock->limits;

	if (lab_over(c->parent)) {
		lose(c, w->over);
		return false;
	}
	w->made += bytes.n;
	if (w->made > l->bytes)
		w->over = "more bytes than the limit come out of it";
	else if (bomb(c, bytes.n))
		w->over = "so many times its size comes out of it that it is taken for a bomb";
	if (w->over == NULL) {
		buf_str(&c->bytes, bytes);
		w->live += bytes.n;
	}
	if (w->over != NULL || c->bytes.bad != RC_OK || w->live > l->memory / 2) {
		lose(c, w->over != NULL ? w->over : "more bytes at once than the limit on memory");
		return false;
	}
	return true;
}

void lab_child_broken(struct lab_child *c, const char *why, ...)
{
	char text[LAB_REASON_BYTES];
	va_list ap;

	va_start(ap, why);
	vsnprintf(text, sizeof text, why, ap);
	va_end(ap);
	lose(c, text);
}

static void inspect_child(struct lab_node *parent, const struct lab_origin *from, struct str bytes)
{
	struct lab_ledger ledger = { 0 };
	struct lab_node n = { .work = parent->work, .parent = parent, .bytes = bytes, .from = *from, .depth = parent->depth + 1, .ledger = &ledger };

	n.number = (uint32_t)++parent->work->children;
	lab_inspect(&n);
	if (ledger.n_lost > 0 || ledger.below || ledger.unseen.n > 0)
		parent->ledger->below = true;
	lab_ranges_done(&ledger.claimed);
	lab_ranges_done(&ledger.unseen);
	mem_free(ledger.lost);
}

void lab_child_close(struct lab_child *c)
{
	struct lab_node *n = c->parent;

	if (!c->lost && c->bytes.bad != RC_OK)
		lose(c, "out of memory");
	if (!c->lost && c->from.length > 0)
		lab_claim(n, c->from.at, c->from.length);
	if (!c->lost || c->bytes.n > 0)
		inspect_child(n, &c->from, buf_view(&c->bytes));
	n->work->live -= c->bytes.n;
	buf_done(&c->bytes);
	mem_free(c);
}

void lab_child_borrow(struct lab_node *n, const struct lab_origin *from, struct str bytes)
{
	const char *why = refusal(n);

	if (why != NULL) {
		lab_unseen(n, from->at, from->length, "%s", why);
		return;
	}
	if (from->length > 0)
		lab_claim(n, from->at, from->length);
	inspect_child(n, from, bytes);
}

/* --- passwords --- */

struct str lab_password(const struct lab_node *n, size_t i)
{
	static const struct str common[] = { S("infected"), S("virus"), S("malware"), S("password"), S("1234"), S("12345"), S("123456"), S("secret"), S("admin") };
	const struct lab_work *w = n->work;

	if (i < w->n_passwords)
		return w->passwords[i];
	i -= w->n_passwords;
	return i < COUNTOF(common) ? common[i] : (struct str){ NULL, 0 };
}

void lab_password_add(struct lab_node *n, struct str word)
{
	struct lab_work *w = n->work;

	if (w->n_passwords == LAB_PASSWORDS_MAX || word.n == 0 || word.n > sizeof w->words[0])
		return;
	for (size_t i = 0; i < w->n_passwords; i++)
		if (str_eq(w->passwords[i], word))
			return;
	memcpy(w->words[w->n_passwords], word.p, word.n);
	w->passwords[w->n_passwords] = str_make(w->words[w->n_passwords], word.n);
	w->n_passwords++;
}
