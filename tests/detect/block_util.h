/* Events for tests of blocks and the history: JSON lines of a few shapes, each
 * made from its number alone, so that what comes back can be compared. */
#ifndef TESTS_BLOCK_UTIL_H
#define TESTS_BLOCK_UTIL_H

#include "detect/block.h"

#define EVENT_TIME(i) ((usec)1700000000000000 + (usec)(i) * 1000)

/* Event number `i` in `out` (cleared first): every seventh speaks of a domain, every eleventh of an address, each of its own. */
__attribute__((unused)) static struct block_event make_event(uint64_t i, struct buf *out)
{
	buf_clear(out);
	buf_fmt(out, "{\"n\":%llu,\"EventID\":%llu", (unsigned long long)i, (unsigned long long)(i % 5));
	if (i % 3 == 0)
		buf_fmt(out, ",\"CommandLine\":\"run --job %llu\"", (unsigned long long)(i * 2654435761u % 100000));
	if (i % 7 == 0)
		buf_fmt(out, ",\"dns\":{\"rrname\":\"host%llu.evil%llu.example\"}", (unsigned long long)i, (unsigned long long)(i % 40));
	if (i % 11 == 0)
		buf_fmt(out, ",\"DestinationIp\":\"198.%llu.%llu.%llu\"", (unsigned long long)(i >> 16 & 255), (unsigned long long)(i >> 8 & 255),
			(unsigned long long)(i & 255));
	buf_cstr(out, "}");
	return (struct block_event){ .line = buf_view(out), .format = LOG_JSON, .source = i % 2 ? S("eve") : S("sysmon"),
				     .time = EVENT_TIME(i), .ordinal = i };
}

#endif
