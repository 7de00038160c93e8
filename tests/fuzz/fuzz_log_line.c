/* Any bytes as a log: by the format that its first byte names, and by the one that is guessed. */
#include "base/mem.h"
#include "wire/log_line.h"

static void read_as(enum log_format format, const struct fields *dict, struct flat *f, struct str text)
{
	CLEANUP(log_lines_freep) struct log_lines *l = NULL;
	struct str line;
	struct err err;
	bool event;

	if (log_lines_new(format, dict, (usec)1767312000 * USEC_PER_SEC, &l, &err) != RC_OK)
		return;
	while (str_next(&text, '\n', &line))
		(void)!log_lines_next(l, f, line, &event, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CLEANUP(fields_freep) struct fields *dict = fields_new();
	CLEANUP(flat_freep) struct flat *f = NULL;
	struct str text = str_make((const char *)bytes, n);
	struct err err;

	if (dict == NULL || n == 0 || flat_new(&f, &err) != RC_OK)
		return 0;
	read_as((enum log_format)(bytes[0] % LOG_FORMATS), dict, f, str_slice(text, 1, n));
	read_as(log_format_detect(text), dict, f, text);
	return 0;
}
