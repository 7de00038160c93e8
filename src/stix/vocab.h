/* Vocabularies and enumerations of STIX 2.1 §10, with the words that 2.0 had
 * besides, and the suggested relationships of appendix B. */
#ifndef STIX_VOCAB_H
#define STIX_VOCAB_H

#include "stix/schema.h"

extern const struct stix_vocab
	VOC_ACCOUNT_TYPE, VOC_ADDRESS_FAMILY, VOC_ENCRYPTION, VOC_ENCRYPTION_20, VOC_ARCHITECTURE, VOC_ATTACK_MOTIVATION,
	VOC_CAPABILITY, VOC_EXTENSION_TYPE, VOC_GROUPING, VOC_HASH, VOC_HASH_20, VOC_IDENTITY_CLASS, VOC_INDICATOR_TYPE,
	VOC_INDUSTRY, VOC_INFRASTRUCTURE, VOC_INTEGRITY, VOC_INDICATOR_LABEL_20, VOC_LANGUAGE, VOC_MALWARE_RESULT,
	VOC_MALWARE_TYPE, VOC_MALWARE_LABEL_20, VOC_MARKING_TYPE, VOC_OPINION, VOC_PATTERN_TYPE, VOC_PE_TYPE, VOC_REG_TYPE,
	VOC_REGION, VOC_REPORT_TYPE, VOC_RESOURCE_LEVEL, VOC_SERVICE_START, VOC_SERVICE_STATUS, VOC_SERVICE_TYPE,
	VOC_SOCKET_TYPE, VOC_SOPHISTICATION, VOC_ACTOR_LABEL_20, VOC_ACTOR_ROLE, VOC_ACTOR_TYPE, VOC_TOOL_LABEL_20,
	VOC_TOOL_TYPE, VOC_PDF_KEYS;

/* Is this relationship among those that STIX suggests (appendix B; 2.0 has fewer)? related-to
 * joins any two types, derived-from and duplicate-of two of one type. */
bool stix_relation_suggested(uint8_t spec, struct str source, struct str relation, struct str target);

#endif
