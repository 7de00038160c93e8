/* Who spoke to whom, as an event tells it: the connections of a ticket. */
#ifndef SOC_CONNECTION_H
#define SOC_CONNECTION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define CONNECTION_EVENT_MAX ((size_t)64 << 10) /* a longer event is not looked into */

struct connection {
	struct str src_ip, src_port, src_host, dst_ip, dst_port, dst_host; /* "" when the event does not say */
};

/* What an event with this field comes from ("flow_id" → "ids-ips"). Borrowed for the reader's life. */
struct connection_device { struct str field, protection; };

struct connection_reader;

/* One per thread. `devices` may be NULL. */
enum rc connection_reader_new(const struct connection_device *devices, size_t n, struct connection_reader **ret, struct err *err) MUSTUSE;
void connection_reader_free(struct connection_reader *r); /* accepts NULL */

/* Reads the event's own bytes: JSON (EVE, Sysmon, Zeek, ECS, CloudTrail), syslog, CEF, LEEF, key=value, auditd. False: it names
 * neither end. Strings last until the next call. `ret_protection` (may be NULL): of the first of the devices that it fits, or "". */
bool connection_read(struct connection_reader *r, struct str event, struct connection *ret, struct str *ret_protection);

/* {"src":{"ip":…,"port":…,"host":…},"dst":{…}}: members that are known, in this order, so that equal ones are equal texts. */
void connection_write(const struct connection *c, struct buf *out);

#endif
