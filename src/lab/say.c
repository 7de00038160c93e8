/* What a worker says: frames, gathered and written in large pieces. The output has a limit, and the end of it is kept for the last
 * frame, so that a submission with too much to say still comes to its end and says how much was left out. */
#include <stdio.h>
#include <errno.h>

#include "base/hash.h"
#include "lab/work.h"

#define WRITE_AT ((size_t)32 << 10)
#define PATH_MAX_BYTES ((size_t)8 << 10)
#define EXCERPT LAB_EXCERPT_MAX

void lab_flush(struct lab_work *w)
{
	for (size_t at = 0; at < w->out.n;) {
		ssize_t n = write(w->out_fd, w->out.p + at, w->out.n - at);

		if (n < 0 && errno != EINTR)
			_exit(3); /* nobody listens */
		at += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&w->out);
}

/* False: no more may be said but the end. */
static bool begin(struct lab_work *w, enum lab_frame_kind kind, size_t *ret)
{
	if (w->out.n >= WRITE_AT)
		lab_flush(w);
	if (w->said + LAB_FRAME_MAX > w->stock->limits.output) {
		w->left_out++;
		return false;
	}
	*ret = lab_frame_begin(&w->out, kind);
	return true;
}

static void end(struct lab_work *w, size_t begun)
{
	lab_frame_end(&w->out, begun);
	w->said += w->out.n - begun;
}

/* Names from the submission down, "//" between: "a.zip//b/c.doc//macro". The submission itself is "". */
static size_t put_path(struct buf *b, const struct lab_node *n, size_t left)
{
	size_t used = 0;

	if (n->parent == NULL)
		return 0;
	used = put_path(b, n->parent, left);
	if (used > 0 && used + 2 <= left) {
		buf_cstr(b, "//");
		used += 2;
	}
	if (used < left) {
		char plain[64];
		struct str name = n->from.name;

		/* What its container gives no name is called by what it is and where it stands. */
		if (name.n == 0) {
			if (n->from.length > 0)
				snprintf(plain, sizeof plain, "%s@%llu", n->from.how, (unsigned long long)n->from.at);
			else
				snprintf(plain, sizeof plain, "%s#%u", n->from.how, n->number);
			name = str_of(plain);
		}
		name = str_slice(name, 0, left - used);
		buf_str(b, name);
		used += name.n;
	}
	return used;
}

static void say_path(struct lab_node *n)
{
	struct buf *b = &n->work->out;
	size_t at = b->n, used;
	uint32_t length;

	buf_le32(b, 0);
	used = put_path(b, n, PATH_MAX_BYTES);
	length = htole32((uint32_t)used);
	if (b->bad == RC_OK)
		memcpy(b->p + at, &length, sizeof length);
}

void lab_say_digests(struct lab_node *n)
{
	struct buf *b = &n->work->out;
	size_t begun;

	if (!begin(n->work, LAB_F_DIGESTS, &begun))
		return;
	buf_put(b, n->sha256, SHA256_LEN);
	buf_put(b, n->sha1, SHA1_LEN);
	buf_put(b, n->md5, MD5_LEN);
	buf_le64(b, n->types);
	end(n->work, begun);
}

void lab_say_child(struct lab_node *n)
{
	struct buf *b = &n->work->out;
	size_t begun;

	if (n->work->shown >= LAB_SHOWN_MAX) {
		n->work->left_out++;
		return;
	}
	if (!begin(n->work, LAB_F_CHILD, &begun))
		return;
	n->work->shown++;
	say_path(n);
	lab_frame_text(b, str_of(n->from.how), 64);
	buf_le64(b, n->from.at);
	buf_le64(b, n->from.length);
	buf_le64(b, n->bytes.n);
	buf_le64(b, n->types);
	buf_le32(b, n->depth);
	buf_put(b, n->sha256, SHA256_LEN);
	end(n->work, begun);
}

void lab_say_unseen(struct lab_node *n, const struct lab_lost *l)
{
	struct buf *b = &n->work->out;
	size_t begun;

	if (!begin(n->work, LAB_F_UNSEEN, &begun))
		return;
	say_path(n);
	lab_frame_text(b, str_of(l->why), LAB_REASON_BYTES);
	buf_le64(b, l->at);
	buf_le64(b, l->length);
	end(n->work, begun);
}

void lab_say_end(struct lab_work *w)
{
	size_t begun = lab_frame_begin(&w->out, LAB_F_END);

	buf_le64(&w->out, w->children);
	buf_le64(&w->out, w->bytes_total);
	buf_le64(&w->out, w->bytes_seen);
	buf_le64(&w->out, w->left_out);
	lab_frame_end(&w->out, begun);
	lab_flush(w);
}

void lab_fact(struct lab_node *n, const char *name, struct str value)
{
	struct buf *b = &n->work->out;
	size_t begun;

	/* Of one child after the thousandth nobody reads a fact; it is counted. */
	if (n->number > LAB_SHOWN_MAX) {
		n->work->left_out++;
		return;
	}
	if (!begin(n->work, LAB_F_FACT, &begun))
		return;
	say_path(n);
	lab_frame_text(b, str_of(name), 64);
	lab_frame_text(b, value, LAB_VALUE_MAX);
	end(n->work, begun);
}

void lab_fact_u64(struct lab_node *n, const char *name, uint64_t value)
{
	char text[24];
	int length = snprintf(text, sizeof text, "%llu", (unsigned long long)value);

	lab_fact(n, name, str_make(text, (size_t)length));
}

void lab_fact_hex(struct lab_node *n, const char *name, struct str bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * 256];

	bytes = str_slice(bytes, 0, sizeof text / 2);
	for (size_t i = 0; i < bytes.n; i++) {
		text[2 * i] = digits[(unsigned char)bytes.p[i] >> 4];
		text[2 * i + 1] = digits[bytes.p[i] & 15];
	}
	lab_fact(n, name, str_make(text, 2 * bytes.n));
}

void lab_match(struct lab_node *n, const struct lab_match *m)
{
	struct buf *b = &n->work->out;
	uint64_t length = m->length < EXCERPT ? m->length : EXCERPT;
	size_t begun;

	if (!begin(n->work, LAB_F_MATCH, &begun))
		return;
	say_path(n);
	buf_char(b, (char)m->kind);
	buf_char(b, (char)m->weight);
	lab_frame_text(b, m->id, LAB_NAME_MAX);
	lab_frame_text(b, m->author, LAB_NAME_MAX);
	lab_frame_text(b, m->part, LAB_NAME_MAX);
	lab_frame_text(b, m->why, LAB_NAME_MAX);
	lab_frame_text(b, m->at >= n->bytes.n ? S("") : str_slice(n->bytes, m->at, m->at + length), LAB_EXCERPT_MAX);
	buf_le64(b, m->at);
	buf_le64(b, m->length);
	end(n->work, begun);
}

void lab_feature(struct lab_node *n, enum lab_weight weight, const char *id, uint64_t at, uint64_t length, const char *why)
{
	struct lab_match m = { .kind = LAB_FEATURE, .weight = weight, .id = str_of(id), .at = at, .length = length, .why = str_of(why) };

	lab_match(n, &m);
}
