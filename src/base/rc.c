#include "base/rc.h"

const char *rc_name(enum rc rc)
{
	switch (rc) {
	case RC_OK: return "ok";
	case RC_BAD: return "bad";
	case RC_LIMIT: return "limit";
	case RC_NOTFOUND: return "not-found";
	case RC_CONFLICT: return "conflict";
	case RC_DENIED: return "denied";
	case RC_BUSY: return "busy";
	case RC_UNSUPPORTED: return "unsupported";
	case RC_NOMEM: return "no-memory";
	case RC_FULL: return "full";
	case RC_IO: return "io";
	case RC_PEER: return "peer";
	case RC_CORRUPT: return "corrupt";
	case RC_INTERNAL: return "internal";
	}
	return "unknown";
}
