#include "input/input.h"

/* A new way in is a file and a row here. The last one takes what no other does. */
static const struct input_kind *const kinds[] = {
	&INPUT_UDP,
	&INPUT_TCP,
	&INPUT_TLS,
	&INPUT_HTTP,
	&INPUT_HTTPS,
	&INPUT_KAFKA,
	&INPUT_NATS,
	&INPUT_JETSTREAM,
	&INPUT_STDIN,
	&INPUT_FILE,
};

const struct input_kind *input_kind_of(const char *path)
{
	for (size_t i = 0; i < COUNTOF(kinds); i++)
		if (str_starts(str_of(path), str_of(kinds[i]->scheme)))
			return kinds[i];
	return NULL;
}
