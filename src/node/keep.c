#include "node/keep.h"

#include "node/once.h"
#include "node/tickets.h"
#include "store/collections.h"
#include "store/peers.h"

#define KEPT_MAX 500000
#define KEY_MAX 300 /* bytes of a place's key */

static enum rc find_collection(struct core *c, const char *name, uint32_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	size_t slash = str_find(str_of(name), S("/"), 0);
	struct collection k;

	*ret = c->up;
	if (name[0] == '\0')
		return RC_OK;
	if (a == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	if (slash == SIZE_MAX)
		return FAIL(err, RC_BAD, "collection '%s': expected ROOT/COLLECTION", name);
	TRY(collection_get(c->node.store, str_slice(str_of(name), 0, slash), str_of(name + slash + 1), a, &k, err));
	*ret = k.row;
	return RC_OK;
}

/* Where the sightings of this input go. */
static uint32_t collection_of(const struct core *c, struct str input)
{
	for (size_t i = 0; i < c->node.config.n_inputs; i++)
		if (str_eq(input, str_of(c->node.config.inputs[i].name)))
			return c->collections[i];
	return c->up;
}

/* What is kept already today is not kept again: a detector that was killed reads again what it had found. */
static enum rc keep_once(struct core *c, enum rc (*keep)(struct core *, const void *, struct err *), const void *what, struct str key,
			 struct err *err)
{
	if (key.n > 0 && once_has(c->kept, key))
		return FAIL(err, RC_CONFLICT, "kept already today");
	TRY(keep(c, what, err));
	if (key.n > 0)
		once_note(c->kept, key);
	return RC_OK;
}

/* How far an indicator may be told is what the store says of it, not what the reader of logs says. */
static enum rc true_marking(struct core *c, struct hit *h, struct err *err)
{
	struct page_query q = { .collection = NO_COLLECTION, .added_after = INT64_MIN, .ids = &h->indicator, .n_ids = 1, .tlp_mask = UINT32_MAX,
				.limit = 1 };
	struct page page;

	TRY(store_page(c->node.store, &q, &page, err));
	if (page.n > 0)
		h->tlp = page.entries[0].tlp;
	page_done(&page);
	return RC_OK;
}

static enum rc do_hit(struct core *c, const void *what, struct err *err)
{
	struct hit h = *(const struct hit *)what;

	TRY(true_marking(c, &h, err));
	return sighting_from_hit(c, &h, collection_of(c, h.input), err);
}

static enum rc do_rule_hit(struct core *c, const void *what, struct err *err)
{
	return alert_from_rule(c, what, err);
}

static enum rc keep_hit(void *ctx, const struct hit *h, struct str key, struct err *err)
{
	return keep_once(ctx, do_hit, h, key, err);
}

static enum rc keep_rule_hit(void *ctx, const struct rule_hit *h, struct str key, struct err *err)
{
	return keep_once(ctx, do_rule_hit, h, key, err);
}

/* Names of inputs end where a block's sources do; of a longer one the end is what tells it from others. */
static void key_of(struct str input, char key[static KEY_MAX])
{
	snprintf(key, KEY_MAX, "input:%.*s", STR(input.n > KEY_MAX - 8 ? str_slice(input, input.n - (KEY_MAX - 8), input.n) : input));
}

static enum rc get_place(void *ctx, struct str input, char *out, size_t room, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct core *c = ctx;
	struct str place;
	char key[KEY_MAX];

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "place: out of memory");
	key_of(input, key);
	TRY(cursor_get(c->node.store, str_of(key), a, &place, err));
	if (place.n >= room)
		return FAIL(err, RC_LIMIT, "place: %zu bytes", place.n);
	snprintf(out, room, "%.*s", STR(place));
	return RC_OK;
}

static enum rc put_place(void *ctx, struct str input, struct str place, struct err *err)
{
	struct core *c = ctx;
	char key[KEY_MAX];

	/* What was counted up to this place must not be lost with the process. */
	TRY(tickets_flush(c->tickets, err));
	key_of(input, key);
	return cursor_put(c->node.store, str_of(key), place, err);
}

static enum rc put_hunted(void *ctx, usec upto, struct err *err)
{
	struct core *c = ctx;
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)upto);

	return cursor_put(c->node.store, HUNTED_CURSOR, str_make(text, (size_t)n), err);
}

enum rc keep_open(struct core *c, struct err *err)
{
	const struct config *conf = &c->node.config;

	c->sink = (struct sink){ .hit = keep_hit, .rule_hit = keep_rule_hit, .place_get = get_place, .place_put = put_place, .hunted = put_hunted,
				 .ctx = c };
	c->kept = once_new(KEPT_MAX);
	if (c->kept == NULL)
		return FAIL(err, RC_NOMEM, "detector: out of memory");
	for (size_t i = 0; i < conf->n_inputs; i++) {
		enum rc rc = find_collection(c, conf->inputs[i].collection, &c->collections[i], err);

		if (rc != RC_OK) {
			err_prefix(err, "[input %s]", conf->inputs[i].name);
			return rc;
		}
	}
	return RC_OK;
}

void keep_close(struct core *c)
{
	once_free(c->kept);
	c->kept = NULL;
}
