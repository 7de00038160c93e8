#include "web/words.h"

#include "base/mem.h"

#define MEMORY ((size_t)16 << 20)

struct api_words {
	struct arena *a;
	const struct rsit *rsit;
};

enum rc api_words_new(const char *rsit_file, struct api_words **ret, struct err *err)
{
	struct api_words *w = mem_alloc(sizeof *w);
	enum rc rc;

	if (w == NULL)
		return FAIL(err, RC_NOMEM, "api: out of memory");
	w->a = arena_new(MEMORY);
	rc = w->a == NULL ? FAIL(err, RC_NOMEM, "api: out of memory") : rsit_load(w->a, rsit_file, &w->rsit, err);
	if (rc != RC_OK) {
		api_words_free(w);
		return rc;
	}
	*ret = w;
	return RC_OK;
}

void api_words_free(struct api_words *w)
{
	if (w == NULL)
		return;
	arena_free(w->a);
	mem_free(w);
}

const struct rsit *api_words_rsit(const struct api_words *w)
{
	return w->rsit;
}
