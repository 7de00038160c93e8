/* Rules between properties that need more than a row of the schema can say. Each
 * is called for one object or embedded structure after its single properties. */
#ifndef STIX_RULES_H
#define STIX_RULES_H

#include "stix/check.h"

void rule_pattern(struct stix_check *c, const struct json *o);            /* §4.7.1, §9 */
void rule_malware_family(struct stix_check *c, const struct json *o);     /* §4.11.1 */
void rule_relation(struct stix_check *c, const struct json *o);           /* §5.1.2 */
void rule_marking_definition(struct stix_check *c, const struct json *o); /* §7.2.1 */
void rule_language_content(struct stix_check *c, const struct json *o);   /* §7.1.1 */
void rule_extension_definition(struct stix_check *c, const struct json *o); /* §7.3.1 */
void rule_external_id(struct stix_check *c, const struct json *o);        /* §2.5.2 */
void rule_sco_identity(struct stix_check *c, const struct json *o);       /* §2.9, §3.6 */
void rule_artifact_mime(struct stix_check *c, const struct json *o);      /* §6.1.1 */
void rule_email_parts(struct stix_check *c, const struct json *o);        /* §6.6.1 */
void rule_file_encrypted(struct stix_check *c, const struct json *o);     /* 2.0 part 4 §2.7 */
void rule_network_traffic(struct stix_check *c, const struct json *o);    /* §6.12.1 */
void rule_socket_options(struct stix_check *c, const struct json *o);     /* §6.12.4 */
void rule_process_priority(struct stix_check *c, const struct json *o);   /* §6.13.2 */
void rule_registry_hive(struct stix_check *c, const struct json *o);      /* §6.17.1 */

#endif
