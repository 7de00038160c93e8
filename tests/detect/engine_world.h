/* What the tests of the engine share: a set of rules from YAML text, an image and an engine over it. */
#ifndef TESTS_DETECT_ENGINE_WORLD_H
#define TESTS_DETECT_ENGINE_WORLD_H

#include <stdio.h>

#include "detect/engine_run.h"
#include "wire/flat_json.h"

struct world {
	struct arena *arena;
	const struct sigma_set *set;
	struct engine_image *image;
	struct engine *engine;
	struct flat *flat;
};

__attribute__((unused)) static void world_done(struct world *w)
{
	flat_free(w->flat);
	engine_free(w->engine);
	engine_image_unref(w->image);
	arena_free(w->arena);
	*w = (struct world){ 0 };
}

/* From a set that lives in w->arena. */
__attribute__((unused)) static enum rc world_start(struct world *w, const struct taxonomy *t, struct err *err)
{
	TRY(engine_image_build(w->set, t, &w->image, err));
	TRY(engine_new(w->image, &w->engine, err));
	return flat_new(&w->flat, err);
}

__attribute__((unused)) static enum rc world_yaml(struct world *w, struct str yaml, const struct taxonomy *t, struct err *err)
{
	struct sigma_reader *r = NULL;
	enum rc rc;

	w->arena = arena_new((size_t)512 << 20);
	if (w->arena == NULL)
		return FAIL(err, RC_NOMEM, "out of memory");
	rc = sigma_reader_new(w->arena, &r, err);
	if (rc == RC_OK)
		rc = sigma_reader_add(r, S("rules.yml"), yaml, err);
	if (rc == RC_OK)
		rc = sigma_reader_end(r, &w->set, err);
	sigma_reader_free(r);
	return rc == RC_OK ? world_start(w, t, err) : rc;
}

/* Number of rules that match an event of JSON; -1: it is none. */
__attribute__((unused)) static int world_run(struct world *w, struct str json, const uint32_t **ret)
{
	struct err err;

	if (flat_json(w->flat, engine_image_fields(w->image), json, &err) != RC_OK)
		return -1;
	return (int)engine_run(w->engine, w->flat, ret);
}

#endif
