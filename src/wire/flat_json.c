#include "wire/flat_json.h"

#include "base/text.h"
#include "wire/flat_json_path.h"
#include "wire/flat_work.h"

size_t flat_json_ways(struct flat_json_way out[static 3])
{
	size_t n = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("bmi2"))
		out[n++] = (struct flat_json_way){ "avx512", flat_json_avx512 };
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		out[n++] = (struct flat_json_way){ "avx2", flat_json_avx2 };
#endif
	out[n++] = (struct flat_json_way){ "portable", NULL };
	return n;
}

enum rc flat_json_by(flat_json_fast read, struct flat *f, const struct fields *dict, struct str line, struct err *err)
{
	if (LIKELY(read != NULL && line.n <= FLAT_FAST_MAX)) {
		flat_clear(f);
		flat_names_for(f->work, dict);
		if (LIKELY(read(f, dict, line))) {
			f->format = LOG_JSON;
			f->raw = line;
			return RC_OK;
		}
	}
	return flat_json_plain(f, dict, line, err);
}

enum rc flat_json(struct flat *f, const struct fields *dict, struct str line, struct err *err)
{
	return flat_json_by(f->work->read_json, f, dict, line, err);
}

enum rc flat_json_mended(struct flat *f, const struct fields *dict, struct str *line, struct buf *spare, struct err *err)
{
	enum rc rc = flat_json(f, dict, *line, err);

	if (LIKELY(rc != RC_BAD) || utf8_valid(*line, NULL))
		return rc;
	buf_clear(spare);
	utf8_mend(spare, *line);
	TRY(buf_check(spare, err, "JSON"));
	*line = buf_view(spare);
	return flat_json(f, dict, *line, err);
}

const char *flat_json_path(void)
{
	struct flat_json_way ways[3];

	(void)flat_json_ways(ways);
	return ways[0].name;
}
