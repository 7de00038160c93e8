/* Any text as facts of two incidents that may be merged, and every form filled in from them: a page in which nothing runs or turns. */
#include "base/mem.h"
#include "desk/desk.h"
#include "desk/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum rc same(void *ctx, struct str incident, struct arena *a, struct str *ret, struct err *err)
{
	(void)incident, (void)a, (void)err;
	*ret = *(const struct str *)ctx;
	return RC_OK;
}

static void print_all(struct arena *a, const struct pack *p, const struct desk_view *v)
{
	struct form_about x = { .pack = p, .facts = &v->facts, .view = v->views[0], .number = S("<1>"), .title = S("\"&'"), .organisation_name = S("o"),
				.exercise = true, .at = 1800000000 * USEC_PER_SEC, .tlp = 2 };

	for (size_t i = 0; i < p->n_forms; i++) {
		struct buf out;
		struct form f;

		buf_init(&out, (size_t)32 << 20);
		if (form_fill(a, &x, &p->forms[i], &f, NULL) == RC_OK)
			form_html(&f, &out), form_text(&f, true, &out);
		if (str_find(buf_view(&out), S("<script"), 0) < out.n && str_find(buf_view(&out), S("</html>"), 0) > str_find(buf_view(&out), S("<script"), 0))
			__builtin_trap();
		if (str_find(buf_view(&out), S("\xE2\x80\xAE"), 0) != SIZE_MAX)
			__builtin_trap();
		buf_done(&out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct join_source src = { .ctx = &text, .facts = same };
	struct arena *a = arena_new((size_t)256 << 20);
	struct desk *d = NULL;
	struct desk_view v;

	if (a != NULL && desk_new(NULL, &d, NULL) == RC_OK && desk_look_joined(d, a, S("tw-2026"), S("a"), &src, 1800000000 * USEC_PER_SEC, &v, NULL) == RC_OK)
		print_all(a, v.packs[0], &v);
	desk_free(d);
	arena_free(a);
	return 0;
}
