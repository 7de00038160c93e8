/* Word of an alarm to who is on duty by the register, beside those whom the configuration names. */
#ifndef NODE_ON_DUTY_H
#define NODE_ON_DUTY_H

#include "sys/mail.h"

struct core;

/* Sends `m`, whose `to` and `id` are replaced, to the addresses of who is on duty now, as far as mail_to does not name them. A roster that is
 * wrong holds up nobody's alarm: what fails here is a log line. */
void on_duty_mail(struct core *c, const struct mail_config *conf, const struct mail *m, usec timeout);

#endif
