/* Who is asking: the one answer of authentication that every later decision
 * takes. A viewer is built in web/ or fed/ (or cli/ for local work) and never changes. */
#ifndef GATE_VIEWER_H
#define GATE_VIEWER_H

#include "base/str.h"

enum viewer_kind { VIEWER_ANONYMOUS, VIEWER_USER, VIEWER_PEER, VIEWER_LOCAL };

struct viewer {
	enum viewer_kind kind;
	struct str name;   /* account or peer name; "" when anonymous */
	struct str account;/* whose rights count, when not those of `name` (a peer acts with a local user's); "" = name */
	struct str role;   /* "admin", "analyst", "reader", "feeder", "peer", "" */
	struct str org;
	uint8_t tlp_max;   /* enum tlp: strictest marking this viewer may see; anonymous: TLP_CLEAR */
};

#endif
