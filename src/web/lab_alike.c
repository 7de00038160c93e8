#include "web/lab_alike.h"

#include "base/text.h"
#include "lab/report_stix.h"
#include "lab/similar.h"

#define KIND_CTPH 1
#define KIND_TLSH 2
#define KIND_SHIFT 56
#define PATH_MAX_BYTES 2000
#define RANGES_MAX 4096
#define BOXES 256

/* --- what is kept --- */

static struct str hex_of(struct arena *a, const unsigned char *bytes, size_t n)
{
	struct str ret;
	struct buf b;

	buf_init(&b, 256);
	hex_put(&b, str_make((const char *)bytes, n));
	ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return ret;
}

static struct str fact_of(const struct lab_report *r, struct str path, const char *name, size_t most)
{
	for (size_t i = 0; i < r->facts.n; i++)
		if (str_eq(r->facts.p[i].name, str_of(name)) && str_eq(r->facts.p[i].path, path))
			return r->facts.p[i].value.n <= most && utf8_valid(r->facts.p[i].value, NULL) ? r->facts.p[i].value : S("");
	return S("");
}

static enum rc put_keys(struct arena *a, struct alike_part *p, struct err *err)
{
	uint64_t keys[CTPH_KEYS_MAX];
	size_t n = ctph_keys(p->ctph, keys);
	int place = tlsh_place(p->tlsh);
	int64_t *out = arena_array(a, ALIKE_KEYS_MAX, sizeof *out);

	if (out == NULL)
		return FAIL(err, RC_NOMEM, "similar files: out of memory");
	for (size_t i = 0; i < n; i++)
		out[i] = (int64_t)KIND_CTPH << KIND_SHIFT | (int64_t)keys[i];
	if (place >= 0)
		out[n++] = (int64_t)KIND_TLSH << KIND_SHIFT | place;
	p->keys = out;
	p->n_keys = n;
	return RC_OK;
}

static struct str short_path(struct arena *a, struct str path)
{
	struct str ret;
	struct buf b;

	buf_init(&b, 4096);
	utf8_mend(&b, str_slice(path, 0, path.n < PATH_MAX_BYTES / 3 ? path.n : PATH_MAX_BYTES / 3));
	ret = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return ret;
}

static enum rc add_part(struct arena *a, const struct lab_report *r, struct str path, const unsigned char *sha256, struct alike_part *p, struct err *err)
{
	p->path = short_path(a, path);
	p->sha256 = hex_of(a, sha256, SHA256_LEN);
	p->sha1 = p->part == 0 ? hex_of(a, r->sha1, SHA1_LEN) : S("");
	p->md5 = p->part == 0 ? hex_of(a, r->md5, MD5_LEN) : S("");
	p->ctph = fact_of(r, path, "ctph", CTPH_TEXT_MAX);
	p->tlsh = fact_of(r, path, "tlsh", TLSH_TEXT_MAX);
	if (p->path.p == NULL || p->sha256.p == NULL || p->sha1.p == NULL || p->md5.p == NULL)
		return FAIL(err, RC_NOMEM, "similar files: out of memory");
	return put_keys(a, p, err);
}

enum rc lab_alike_parts(struct arena *a, const struct lab_report *r, int64_t row, struct str submission, struct alike_part **ret, size_t *ret_n, struct err *err)
{
	struct alike_part *out = arena_array(a, ALIKE_PARTS_MAX, sizeof *out);
	size_t n = 0;

	if (out == NULL)
		return FAIL(err, RC_NOMEM, "similar files: out of memory");
	for (size_t i = 0; r->hashed && i <= r->children.n && n < ALIKE_PARTS_MAX; i++) {
		const struct lab_report_child *c = i == 0 ? NULL : &r->children.p[i - 1];

		if (c != NULL && (c->size == 0 || !lab_is_file(c->how)))
			continue;
		out[n] = (struct alike_part){ .row = row, .submission = submission, .part = (uint32_t)n };
		TRY(add_part(a, r, c == NULL ? S("") : c->path, c == NULL ? r->sha256 : c->sha256, &out[n], err));
		n++;
	}
	*ret = out;
	*ret_n = n;
	return RC_OK;
}

/* --- the search --- */

/* Every box that may hold something near enough, neighbours as one range. */
static size_t tlsh_ranges(int place, struct alike_keys *out, size_t room)
{
	size_t n = 0;

	for (int shelf = 0; shelf < BOXES; shelf++) {
		int open = -1;

		if (tlsh_place_distance(place, shelf << TLSH_SHELF_BITS | (place & (BOXES - 1))) > LAB_ALIKE_FAR)
			continue;
		for (int box = 0; box <= BOXES; box++) {
			int at = shelf << TLSH_SHELF_BITS | box;
			bool near = box < BOXES && tlsh_place_distance(place, at) <= LAB_ALIKE_FAR;

			if (near && open < 0)
				open = at;
			if (!near && open >= 0 && n < room) {
				out[n++] = (struct alike_keys){ (int64_t)KIND_TLSH << KIND_SHIFT | open, (int64_t)KIND_TLSH << KIND_SHIFT | (at - 1) };
				open = -1;
			}
		}
	}
	return n;
}

static size_t ranges_of(const struct alike_part *p, struct alike_keys *out, size_t room)
{
	int place = tlsh_place(p->tlsh);
	size_t n = 0;

	for (size_t i = 0; i < p->n_keys && n < room; i++)
		if (p->keys[i] >> KIND_SHIFT == KIND_CTPH)
			out[n++] = (struct alike_keys){ p->keys[i], p->keys[i] };
	return place >= 0 ? n + tlsh_ranges(place, out + n, room - n) : n;
}

static bool compare(const struct alike_part *of, const struct alike_part *with, struct lab_relative *ret)
{
	int distance = tlsh_distance(of->tlsh, with->tlsh);

	*ret = (struct lab_relative){ .part = *with, .of = of->part, .score = ctph_score(of->ctph, with->ctph), .same = str_eq(of->sha256, with->sha256),
				      .distance = distance > LAB_ALIKE_FAR ? -1 : distance };
	return ret->same || ret->score > 0 || ret->distance >= 0;
}

static int rank(const struct lab_relative *r)
{
	int by_distance = r->distance < 0 ? 0 : 100 - r->distance;

	return r->same ? 1000 : r->score > by_distance ? r->score : by_distance;
}

static int by_rank(const void *a, const void *b)
{
	const struct lab_relative *x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) > rank(y) ? -1 : 1;
	if (x->part.row != y->part.row)
		return x->part.row > y->part.row ? -1 : 1;
	return x->part.part != y->part.part ? (x->part.part < y->part.part ? -1 : 1) : 0;
}

struct finding {
	struct store *s;
	struct arena *a;
	struct str submission;
	struct lab_relative *list; /* ALIKE_FOUND_MAX; kept at LAB_ALIKE_MAX between parts */
	size_t n;
	bool cut;
};

static void keep_best(struct finding *f)
{
	qsort(f->list, f->n, sizeof *f->list, by_rank);
	f->n = f->n > LAB_ALIKE_MAX ? LAB_ALIKE_MAX : f->n;
}

static bool keep_texts(struct arena *a, struct alike_part *p)
{
	struct str *const texts[] = { &p->submission, &p->path, &p->sha256, &p->sha1, &p->md5, &p->ctph, &p->tlsh };

	for (size_t i = 0; i < COUNTOF(texts); i++) {
		*texts[i] = arena_dup(a, *texts[i]);
		if (texts[i]->p == NULL)
			return false;
	}
	return true;
}

/* `list` lives shorter than what is kept of it. `same`: of those with the same bytes, or of the others. */
static enum rc take(struct finding *f, const struct alike_part *of, const struct alike_part *list, size_t n, bool same, struct err *err)
{
	for (size_t i = 0; i < n && f->n < ALIKE_FOUND_MAX; i++)
		if (!str_eq(list[i].submission, f->submission) && compare(of, &list[i], &f->list[f->n]) && f->list[f->n].same == same)
			f->n++;
	keep_best(f);
	for (size_t i = 0; i < f->n; i++)
		if (!keep_texts(f->a, &f->list[i].part))
			return FAIL(err, RC_NOMEM, "similar files: out of memory");
	return RC_OK;
}

/* The same bytes are looked for by their digest: they may be too short for a key, or have no digest of similarity. */
static enum rc find_of(struct finding *f, const struct alike_part *of, struct alike_keys *ranges, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)64 << 20);
	struct alike_part *list;
	bool cut = false;
	size_t n;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "similar files: out of memory");
	TRY(alike_same(f->s, of->sha256, LAB_ALIKE_MAX, a, &list, &n, err));
	TRY(take(f, of, list, n, true, err));
	TRY(alike_near(f->s, ranges, ranges_of(of, ranges, RANGES_MAX), a, &list, &n, &cut, err));
	f->cut = f->cut || cut;
	return take(f, of, list, n, false, err);
}

enum rc lab_alike_find(struct store *s, struct arena *a, const struct alike_part *parts, size_t n, struct str submission, struct lab_relative **ret, size_t *ret_n,
		       bool *ret_cut, struct err *err)
{
	struct finding f = { .s = s, .a = a, .submission = submission, .list = arena_array(a, ALIKE_FOUND_MAX + LAB_ALIKE_MAX, sizeof *f.list) };
	struct alike_keys *ranges = arena_array(a, RANGES_MAX, sizeof *ranges);

	if (f.list == NULL || ranges == NULL)
		return FAIL(err, RC_NOMEM, "similar files: out of memory");
	for (size_t i = 0; i < n; i++)
		TRY(find_of(&f, &parts[i], ranges, err));
	*ret = f.list;
	*ret_n = f.n;
	*ret_cut = f.cut;
	return RC_OK;
}
