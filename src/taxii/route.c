#include "base/text.h"
#include "taxii/serve.h"

#define SEGMENTS_MAX 12
#define SEGMENT_MAX 512

/* Splits "/a/b/" into decoded segments; false when it is no path of ours: empty
 * segments, too many, bad escapes, or bytes that must not come out of an escape. */
static bool split(struct str path, struct arena *a, struct str *seg, size_t *ret_n, bool *ret_slash)
{
	struct str rest = str_slice(path, 1, path.n), piece;
	size_t n = 0;

	if (path.n == 0 || path.p[0] != '/')
		return false;
	*ret_slash = path.p[path.n - 1] == '/';
	while (str_next(&rest, '/', &piece)) {
		if (piece.n == 0 || piece.n > SEGMENT_MAX || n == SEGMENTS_MAX)
			return false;
		if (memchr(piece.p, '%', piece.n) != NULL) {
			struct buf b;
			bool good;

			buf_init(&b, SEGMENT_MAX);
			good = percent_get(&b, piece, false) && b.bad == RC_OK && b.n > 0 && memchr(b.p, '/', b.n) == NULL
			    && memchr(b.p, '\0', b.n) == NULL;
			piece = good ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
			buf_done(&b);
			if (piece.p == NULL)
				return false;
		}
		seg[n++] = piece;
	}
	*ret_n = n;
	return true;
}

/* What follows the root's name: "", "status/x", "collections/..." */
static void route_tail(const struct str *seg, size_t n, struct taxii_route *ret)
{
	if (n == 0) {
		ret->endpoint = EP_ROOT;
	} else if (str_eq(seg[0], S("status"))) {
		if (n != 2)
			return;
		ret->endpoint = EP_STATUS;
		ret->status = seg[1];
	} else if (n == 1) {
		ret->endpoint = EP_COLLECTIONS;
	} else {
		ret->collection = seg[1];
		if (n == 2)
			ret->endpoint = EP_COLLECTION;
		else if (n == 3 && str_eq(seg[2], S("manifest")))
			ret->endpoint = EP_MANIFEST;
		else if (str_eq(seg[2], S("objects")) && n <= 5) {
			ret->object = n > 3 ? seg[3] : S("");
			if (n < 5)
				ret->endpoint = n == 3 ? EP_OBJECTS : EP_OBJECT;
			else if (str_eq(seg[4], S("versions")))
				ret->endpoint = EP_VERSIONS;
		}
	}
}

void route_read(struct str path, struct arena *a, struct taxii_route *ret)
{
	struct str seg[SEGMENTS_MAX];
	size_t n, cut;
	bool slash;

	*ret = (struct taxii_route){ .endpoint = EP_NONE };
	if (!split(path, a, seg, &n, &slash) || n == 0)
		return;
	ret->slash = slash;
	if (str_eq(seg[0], S("taxii2"))) {
		ret->endpoint = n == 1 ? EP_DISCOVERY : EP_NONE;
		return;
	}
	/* A root's name may have several segments, none of them one of the two words that end it. */
	for (cut = 1; cut < n; cut++)
		if (str_eq(seg[cut], S("collections")) || str_eq(seg[cut], S("status")))
			break;
	if (cut == 1) {
		ret->root = seg[0];
	} else {
		struct buf b;

		buf_init(&b, SEGMENTS_MAX * (SEGMENT_MAX + 1));
		for (size_t i = 0; i < cut; i++) {
			if (i > 0)
				buf_char(&b, '/');
			buf_str(&b, seg[i]);
		}
		ret->root = b.bad == RC_OK ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
		buf_done(&b);
		if (ret->root.p == NULL)
			return;
	}
	route_tail(seg + cut, n - cut, ret);
}
