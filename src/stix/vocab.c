#include "stix/vocab.h"

#define VOC(id, voc_name, rule_name, words_) const struct stix_vocab id = { voc_name, rule_name, words_ }

VOC(VOC_ACCOUNT_TYPE, "account-type-ov", "account-type",
    "|facebook|ldap|nis|openid|radius|skype|tacacs|twitter|unix|windows-local|windows-domain|windows local|windows domain|kavi|");
VOC(VOC_ADDRESS_FAMILY, "network-socket-address-family-enum", "enum",
    "|AF_UNSPEC|AF_INET|AF_IPX|AF_APPLETALK|AF_NETBIOS|AF_INET6|AF_IRDA|AF_BTH|");
VOC(VOC_ENCRYPTION, "encryption-algorithm-enum", "enum", "|AES-256-GCM|ChaCha20-Poly1305|mime-type-indicated|");
VOC(VOC_ENCRYPTION_20, "encryption-algo-ov", "encryption-algo",
    "|AES128-ECB|AES128-CBC|AES128-CFB|AES128-CFB1|AES128-CFB8|AES128-CFB128|AES128-OFB|AES128-CTR|AES128-XTS|AES128-GCM"
    "|Salsa20|Salsa12|Salsa8|ChaCha20-Poly1305|ChaCha20|DES-CBC|3DES-CBC|DES-ECB|3DES-ECB|CAST128-CBC|CAST256-CBC|RSA|DSA|");
VOC(VOC_ARCHITECTURE, "processor-architecture-ov", "processor-architecture",
    "|alpha|arm|ia-64|mips|powerpc|sparc|x86|x86-64|");
VOC(VOC_ATTACK_MOTIVATION, "attack-motivation-ov", "attack-motivation",
    "|accidental|coercion|dominance|ideology|notoriety|organizational-gain|personal-gain|personal-satisfaction|revenge"
    "|unpredictable|");
VOC(VOC_CAPABILITY, "malware-capabilities-ov", "malware-capabilities",
    "|accesses-remote-machines|anti-debugging|anti-disassembly|anti-emulation|anti-memory-forensics|anti-sandbox|anti-vm"
    "|captures-input-peripherals|captures-output-peripherals|captures-system-state-data|cleans-traces-of-infection"
    "|commits-fraud|communicates-with-c2|compromises-data-availability|compromises-data-integrity"
    "|compromises-system-availability|controls-local-machine|degrades-security-software|degrades-system-updates"
    "|determines-c2-server|emails-spam|escalates-privileges|evades-av|exfiltrates-data|fingerprints-host|hides-artifacts"
    "|hides-executing-code|infects-files|infects-remote-machines|installs-other-components|persists-after-system-reboot"
    "|prevents-artifact-access|prevents-artifact-deletion|probes-network-environment|self-modifies"
    "|steals-authentication-credentials|violates-system-operational-integrity|");
VOC(VOC_EXTENSION_TYPE, "extension-type-enum", "enum",
    "|new-sdo|new-sco|new-sro|property-extension|toplevel-property-extension|");
VOC(VOC_GROUPING, "grouping-context-ov", "grouping-context", "|suspicious-activity|malware-analysis|unspecified|");
VOC(VOC_HASH, "hash-algorithm-ov", "hash-algo", "|MD5|SHA-1|SHA-256|SHA-512|SHA3-256|SHA3-512|SSDEEP|TLSH|");
VOC(VOC_HASH_20, "hash-algo-ov", "hash-algo",
    "|MD5|MD6|RIPEMD-160|SHA-1|SHA-224|SHA-256|SHA-384|SHA-512|SHA3-224|SHA3-256|SHA3-384|SHA3-512|ssdeep|WHIRLPOOL|");
VOC(VOC_IDENTITY_CLASS, "identity-class-ov", "identity-class", "|individual|group|system|organization|class|unknown|");
VOC(VOC_INDICATOR_TYPE, "indicator-type-ov", "indicator-types",
    "|anomalous-activity|anonymization|benign|compromised|malicious-activity|attribution|unknown|");
VOC(VOC_INDICATOR_LABEL_20, "indicator-label-ov", "indicator-label",
    "|anomalous-activity|anonymization|benign|compromised|malicious-activity|attribution|");
VOC(VOC_INDUSTRY, "industry-sector-ov", "industry-sector",
    "|agriculture|aerospace|automotive|chemical|commercial|communications|construction|defense|education|energy"
    "|entertainment|financial-services|government|emergency-services|government-local|government-national"
    "|government-public-services|government-regional|healthcare|hospitality-leisure|infrastructure|dams|nuclear|water"
    "|insurance|legal|manufacturing|mining|non-profit|pharmaceuticals|retail|technology|telecommunications"
    "|transportation|utilities|engineering|");
VOC(VOC_INFRASTRUCTURE, "infrastructure-type-ov", "infrastructure-types",
    "|amplification|anonymization|botnet|command-and-control|control-system|exfiltration|firewall|hosting-malware"
    "|hosting-target-lists|phishing|reconnaissance|routers-switches|staging|workstation|unknown|");
VOC(VOC_INTEGRITY, "windows-integrity-level-enum", "enum", "|low|medium|high|system|");
VOC(VOC_LANGUAGE, "implementation-language-ov", "implementation-languages",
    "|applescript|bash|c|c++|c#|go|java|javascript|lua|objective-c|perl|php|powershell|python|ruby|rust|scala|swift"
    "|typescript|visual-basic|x86-32|x86-64|");
VOC(VOC_MALWARE_RESULT, "malware-result-ov", "malware-result", "|malicious|suspicious|benign|unknown|");
VOC(VOC_MALWARE_TYPE, "malware-type-ov", "malware-types",
    "|adware|backdoor|bot|bootkit|ddos|downloader|dropper|exploit-kit|keylogger|ransomware|remote-access-trojan"
    "|resource-exploitation|rogue-security-software|rootkit|screen-capture|spyware|trojan|unknown|virus|webshell|wiper"
    "|worm|");
VOC(VOC_MALWARE_LABEL_20, "malware-label-ov", "malware-label",
    "|adware|backdoor|bot|ddos|dropper|exploit-kit|keylogger|ransomware|remote-access-trojan|resource-exploitation"
    "|rogue-security-software|rootkit|screen-capture|spyware|trojan|virus|worm|");
VOC(VOC_MARKING_TYPE, "marking-definition-type", "marking-definition-type", "|statement|tlp|");
VOC(VOC_OPINION, "opinion-enum", "enum", "|strongly-disagree|disagree|neutral|agree|strongly-agree|");
VOC(VOC_PATTERN_TYPE, "pattern-type-ov", "pattern-type", "|stix|pcre|sigma|snort|suricata|yara|");
VOC(VOC_PE_TYPE, "windows-pebinary-type-ov", "windows-pebinary-type", "|exe|dll|sys|");
VOC(VOC_REG_TYPE, "windows-registry-datatype-enum", "enum",
    "|REG_NONE|REG_SZ|REG_EXPAND_SZ|REG_BINARY|REG_DWORD|REG_DWORD_BIG_ENDIAN|REG_DWORD_LITTLE_ENDIAN|REG_LINK"
    "|REG_MULTI_SZ|REG_RESOURCE_LIST|REG_FULL_RESOURCE_DESCRIPTION|REG_RESOURCE_REQUIREMENTS_LIST|REG_QWORD"
    "|REG_INVALID_TYPE|");
VOC(VOC_REGION, "region-ov", "region",
    "|africa|eastern-africa|middle-africa|northern-africa|southern-africa|western-africa|americas"
    "|latin-america-caribbean|south-america|caribbean|central-america|northern-america|asia|central-asia|eastern-asia"
    "|southern-asia|south-eastern-asia|western-asia|europe|eastern-europe|northern-europe|southern-europe"
    "|western-europe|oceania|australia-new-zealand|melanesia|micronesia|polynesia|antarctica|");
VOC(VOC_REPORT_TYPE, "report-type-ov", "report-types",
    "|threat-report|attack-pattern|campaign|identity|incident|indicator|intrusion-set|malware|observed-data"
    "|threat-actor|tool|vulnerability|");
VOC(VOC_RESOURCE_LEVEL, "attack-resource-level-ov", "attack-resource-level",
    "|individual|club|contest|team|organization|government|");
VOC(VOC_SERVICE_START, "windows-service-start-type-enum", "enum",
    "|SERVICE_AUTO_START|SERVICE_BOOT_START|SERVICE_DEMAND_START|SERVICE_DISABLED|SERVICE_SYSTEM_ALERT|");
VOC(VOC_SERVICE_TYPE, "windows-service-type-enum", "enum",
    "|SERVICE_KERNEL_DRIVER|SERVICE_FILE_SYSTEM_DRIVER|SERVICE_WIN32_OWN_PROCESS|SERVICE_WIN32_SHARE_PROCESS|");
VOC(VOC_SERVICE_STATUS, "windows-service-status-enum", "enum",
    "|SERVICE_CONTINUE_PENDING|SERVICE_PAUSE_PENDING|SERVICE_PAUSED|SERVICE_RUNNING|SERVICE_START_PENDING"
    "|SERVICE_STOP_PENDING|SERVICE_STOPPED|");
VOC(VOC_SOCKET_TYPE, "network-socket-type-enum", "enum",
    "|SOCK_STREAM|SOCK_DGRAM|SOCK_RAW|SOCK_RDM|SOCK_SEQPACKET|");
VOC(VOC_SOPHISTICATION, "threat-actor-sophistication-ov", "threat-actor-sophistication",
    "|none|minimal|intermediate|advanced|expert|innovator|strategic|");
VOC(VOC_ACTOR_ROLE, "threat-actor-role-ov", "threat-actor-role",
    "|agent|director|independent|infrastructure-architect|infrastructure-operator|malware-author|sponsor|");
VOC(VOC_ACTOR_TYPE, "threat-actor-type-ov", "threat-actor-types",
    "|activist|competitor|crime-syndicate|criminal|hacker|insider-accidental|insider-disgruntled|nation-state"
    "|private-sector|sensationalist|spy|terrorist|unknown|");
VOC(VOC_ACTOR_LABEL_20, "threat-actor-label-ov", "threat-actor-label",
    "|activist|competitor|crime-syndicate|criminal|hacker|insider-accidental|insider-disgruntled|nation-state"
    "|sensationalist|spy|terrorist|");
VOC(VOC_TOOL_TYPE, "tool-type-ov", "tool-types",
    "|denial-of-service|exploitation|information-gathering|network-capture|credential-exploitation|remote-access"
    "|vulnerability-scanning|unknown|");
VOC(VOC_TOOL_LABEL_20, "tool-label-ov", "tool-label",
    "|denial-of-service|exploitation|information-gathering|network-capture|credential-exploitation|remote-access"
    "|vulnerability-scanning|");
VOC(VOC_PDF_KEYS, "PDF document information keys", "pdf-doc-info",
    "|Title|Author|Subject|Keywords|Creator|Producer|CreationDate|ModDate|Trapped|");

bool stix_vocab_has(const struct stix_vocab *v, struct str word)
{
	struct str words = str_of(v->words);

	if (word.n == 0 || word.n > STIX_TYPE_MAX || memchr(word.p, '|', word.n) != NULL)
		return false;
	for (size_t at = str_find(words, word, 0); at != SIZE_MAX; at = str_find(words, word, at + 1))
		if (words.p[at - 1] == '|' && words.p[at + word.n] == '|')
			return true;
	return false;
}

/* Appendix B of STIX 2.1 with errata 01. */
static const struct {
	const char *source, *relation, *targets;
	bool in_20;
} RELATIONS[] = {
	{ "attack-pattern", "delivers", "malware", false },
	{ "attack-pattern", "targets", "identity vulnerability", true },
	{ "attack-pattern", "targets", "location", false },
	{ "attack-pattern", "uses", "malware tool", true },
	{ "campaign", "attributed-to", "intrusion-set threat-actor", true },
	{ "campaign", "compromises", "infrastructure", false },
	{ "campaign", "originates-from", "location", false },
	{ "campaign", "targets", "identity vulnerability", true },
	{ "campaign", "targets", "location", false },
	{ "campaign", "uses", "attack-pattern malware tool", true },
	{ "campaign", "uses", "infrastructure", false },
	{ "course-of-action", "investigates", "indicator", false },
	{ "course-of-action", "mitigates", "attack-pattern malware tool vulnerability", true },
	{ "course-of-action", "mitigates", "indicator", false },
	{ "course-of-action", "remediates", "malware vulnerability", false },
	{ "domain-name", "resolves-to", "domain-name ipv4-addr ipv6-addr", false },
	{ "identity", "located-at", "location", false },
	{ "indicator", "based-on", "observed-data", false },
	{ "indicator", "indicates", "attack-pattern campaign intrusion-set malware threat-actor tool", true },
	{ "indicator", "indicates", "infrastructure", false },
	{ "infrastructure", "communicates-with", "infrastructure ipv4-addr ipv6-addr domain-name url", false },
	{ "infrastructure", "consists-of", "infrastructure observed-data @sco", false },
	{ "infrastructure", "controls", "infrastructure malware", false },
	{ "infrastructure", "delivers", "malware", false },
	{ "infrastructure", "has", "vulnerability", false },
	{ "infrastructure", "hosts", "tool malware", false },
	{ "infrastructure", "located-at", "location", false },
	{ "infrastructure", "uses", "infrastructure", false },
	{ "intrusion-set", "attributed-to", "threat-actor", true },
	{ "intrusion-set", "compromises", "infrastructure", false },
	{ "intrusion-set", "hosts", "infrastructure", false },
	{ "intrusion-set", "originates-from", "location", false },
	{ "intrusion-set", "owns", "infrastructure", false },
	{ "intrusion-set", "targets", "identity vulnerability", true },
	{ "intrusion-set", "targets", "location", false },
	{ "intrusion-set", "uses", "attack-pattern malware tool", true },
	{ "intrusion-set", "uses", "infrastructure", false },
	{ "ipv4-addr", "belongs-to", "autonomous-system", false },
	{ "ipv4-addr", "resolves-to", "mac-addr", false },
	{ "ipv6-addr", "belongs-to", "autonomous-system", false },
	{ "ipv6-addr", "resolves-to", "mac-addr", false },
	{ "malware", "authored-by", "threat-actor intrusion-set", false },
	{ "malware", "beacons-to", "infrastructure", false },
	{ "malware", "communicates-with", "ipv4-addr ipv6-addr domain-name url", false },
	{ "malware", "controls", "malware", false },
	{ "malware", "downloads", "malware tool file", false },
	{ "malware", "drops", "malware tool file", false },
	{ "malware", "exfiltrates-to", "infrastructure", false },
	{ "malware", "exploits", "vulnerability", false },
	{ "malware", "originates-from", "location", false },
	{ "malware", "targets", "identity vulnerability", true },
	{ "malware", "targets", "infrastructure location", false },
	{ "malware", "uses", "tool", true },
	{ "malware", "uses", "attack-pattern infrastructure malware", false },
	{ "malware", "variant-of", "malware", true },
	{ "malware-analysis", "characterizes", "malware", false },
	{ "malware-analysis", "av-analysis-of", "malware", false },
	{ "malware-analysis", "static-analysis-of", "malware", false },
	{ "malware-analysis", "dynamic-analysis-of", "malware", false },
	{ "threat-actor", "attributed-to", "identity", true },
	{ "threat-actor", "compromises", "infrastructure", false },
	{ "threat-actor", "hosts", "infrastructure", false },
	{ "threat-actor", "impersonates", "identity", true },
	{ "threat-actor", "located-at", "location", false },
	{ "threat-actor", "owns", "infrastructure", false },
	{ "threat-actor", "targets", "identity vulnerability", true },
	{ "threat-actor", "targets", "location", false },
	{ "threat-actor", "uses", "attack-pattern malware tool", true },
	{ "threat-actor", "uses", "infrastructure", false },
	{ "tool", "delivers", "malware", false },
	{ "tool", "drops", "malware", false },
	{ "tool", "has", "vulnerability", false },
	{ "tool", "targets", "identity vulnerability", true },
	{ "tool", "targets", "infrastructure location", false },
	{ "tool", "uses", "infrastructure", false },
};

static bool names_target(const char *targets, struct str target)
{
	struct str rest = str_of(targets), piece;

	while (str_next(&rest, ' ', &piece))
		if (str_eq(piece, target) || (str_eq(piece, S("@sco")) && stix_class_of(target) == STIX_SCO))
			return true;
	return false;
}

bool stix_relation_suggested(uint8_t spec, struct str source, struct str relation, struct str target)
{
	if (str_eq(relation, S("related-to")))
		return true;
	if (str_eq(relation, S("derived-from")) || str_eq(relation, S("duplicate-of")))
		return str_eq(source, target);
	for (size_t i = 0; i < COUNTOF(RELATIONS); i++)
		if ((spec != STIX_SPEC_20 || RELATIONS[i].in_20) && str_eq(source, str_of(RELATIONS[i].source)) &&
		    str_eq(relation, str_of(RELATIONS[i].relation)) && names_target(RELATIONS[i].targets, target))
			return true;
	return false;
}
