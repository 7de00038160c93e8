/* Who is who: identities of nodes, peers and organisations of the register become members of the picture. Inside web/ only. */
#ifndef WEB_SITUATION_MEMBERS_H
#define WEB_SITUATION_MEMBERS_H

#include "picture/picture.h"
#include "web/api.h"

struct roll;

enum rc roll_new(const struct api *api, struct picture *p, struct roll **ret, struct err *err) MUSTUSE;
void roll_free(struct roll *r); /* accepts NULL */

/* The member that this identity is, as `peer` told of it ("" = this node itself knows). An empty identity: the peer itself; both
 * empty: this node. Made when new. */
enum rc roll_member(struct roll *r, struct str identity, struct str peer, uint32_t *ret, struct err *err) MUSTUSE;

/* The member that this peer itself is. */
enum rc roll_peer(struct roll *r, struct str peer, uint32_t *ret, struct err *err) MUSTUSE;
/* A name that somebody gave this identity: it holds until the identity tells its own. */
enum rc roll_name(struct roll *r, struct str identity, struct str name, struct err *err) MUSTUSE;

/* Registers, peers or authors changed: all members are looked at again. */
enum rc roll_again(struct roll *r, struct err *err) MUSTUSE;
/* What was heard meanwhile reaches the members. */
enum rc roll_listen(struct roll *r, struct err *err) MUSTUSE;
/* A peer was heard. */
enum rc roll_heard(struct roll *r, struct str peer, usec at, struct err *err) MUSTUSE;

#endif
