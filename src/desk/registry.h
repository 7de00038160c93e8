/* What the registers hold (store/registers.h keeps it): the members of an entry of each kind, as one table from which checks,
 * REST schemas, command options and columns of CSV come. Vocabularies (sectors, responsibility levels, secrecy) are the
 * packs' words: nothing legal is here. */
#ifndef DESK_REGISTRY_H
#define DESK_REGISTRY_H

#include "desk/pack.h"
#include "store/registers.h"

#define REGISTRY_LIST_MAX 200     /* texts or contacts of one member */
#define REGISTRY_TEXT_MAX 4000

enum registry_type {
	REGISTRY_TEXT,
	REGISTRY_OID,                 /* dotted decimal */
	REGISTRY_EMAIL,               /* one address that mail can go to */
	REGISTRY_OWNER,               /* id or OID of what it belongs to */
	REGISTRY_FLAG,
	REGISTRY_HOURS,               /* whole hours, 0..100000 */
	REGISTRY_TIME,                /* RFC 3339 */
	REGISTRY_TLP,
	REGISTRY_TIER,                /* of nodes, as in [node] tier */
	REGISTRY_SECTOR, REGISTRY_LEVEL, REGISTRY_SECRECY, /* words of the packs */
	REGISTRY_LIST,                /* texts; in CSV and options a ';' between */
	REGISTRY_CONTACTS,            /* {"kind", "value", "verified"}; written "mail:soc@a.example 2026-01-05" */
};

/* X(member, option, type, required, ARG, English, zh-TW) */
#define REGISTRY_ORGANISATION(X) \
	X(name, "name", TEXT, true, "TEXT", "its name", "名稱") \
	X(name_en, "name-en", TEXT, false, "TEXT", "its name in English", "英文名稱") \
	X(oid, "oid", OID, false, "OID", "object identifier in the government's directory (2.16.886...)", "機關 OID（2.16.886…）") \
	X(parent, "parent", OWNER, false, "ORG", "the organisation above it", "上級或監督機關") \
	X(tier, "tier", TIER, false, "TIER", "provider, region, sector, nation or partner", "層級：provider、region、sector、nation、partner") \
	X(sector, "sector", SECTOR, false, "SECTOR", "a sector of the pack of law (lianfang pack show)", "領域，依法規資料包") \
	X(region, "region", TEXT, false, "CODE", "region or county code", "區域或縣市代碼") \
	X(level, "level", LEVEL, false, "LEVEL", "responsibility level of the pack of law (A to E)", "資通安全責任等級，依法規資料包") \
	X(contacts, "contact", CONTACTS, false, "KIND:VALUE", "who is reached there, with the day when that was verified", "聯絡方式，可附驗證日期") \
	X(tlp, "tlp", TLP, false, "TLP", "strictest marking that it may get", "可接收之最高 TLP") \
	X(peer, "peer", TEXT, false, "PEER", "the peer that is its node", "其節點（對等節點名稱）") \
	X(note, "note", TEXT, false, "TEXT", "anything else", "附註")
#define REGISTRY_SYSTEM(X) \
	X(name, "name", TEXT, true, "TEXT", "its name", "名稱") \
	X(organisation, "org", OWNER, true, "ORG", "the organisation that runs it", "所屬機關") \
	X(core, "core", FLAG, false, "yes|no", "whether core business runs on it", "是否為核心資通系統") \
	X(ci, "ci", FLAG, false, "yes|no", "whether it keeps critical infrastructure running", "是否涉及關鍵基礎設施維運") \
	X(secrecy, "secrecy", SECRECY, false, "WORD", "of the most secret information in it: ordinary, official, state", "最高資訊機密性：ordinary、official、state") \
	X(mtpd, "mtpd", HOURS, false, "HOURS", "how many hours it may be out at most", "最大可容忍中斷時間（小時）") \
	X(components, "component", LIST, false, "TEXT", "what it is made of (CPE, purl or a name)", "組成元件（CPE、purl 或名稱）") \
	X(note, "note", TEXT, false, "TEXT", "anything else", "附註")
#define REGISTRY_PERSON(X) \
	X(name, "name", TEXT, true, "TEXT", "the name", "姓名") \
	X(organisation, "org", OWNER, true, "ORG", "where the person works", "所屬機關") \
	X(roles, "role", LIST, false, "TEXT", "ciso, contact, handler, ...", "職務：ciso、contact、handler…") \
	X(email, "email", EMAIL, false, "ADDRESS", "e-mail address", "電子郵件") \
	X(contacts, "contact", CONTACTS, false, "KIND:VALUE", "further ways, with the day when that was verified", "其他聯絡方式，可附驗證日期") \
	X(note, "note", TEXT, false, "TEXT", "anything else", "附註")
#define REGISTRY_DUTY(X) \
	X(person, "person", OWNER, true, "PERSON", "who is on duty", "值班人員") \
	X(from, "from", TIME, true, "TIME", "from when (RFC 3339)", "值班開始（RFC 3339）") \
	X(until, "until", TIME, true, "TIME", "until when", "值班結束") \
	X(note, "note", TEXT, false, "TEXT", "word for the next one: what is open, what to look at", "交班事項")

struct registry_field {
	const char *name, *option, *arg, *en, *zh;
	enum registry_type type;
	bool required;
};

struct registry_kind {
	const char *plural, *command;   /* "organisations", "org" */
	const struct registry_field *fields; /* ends with name NULL */
};
extern const struct registry_kind REGISTRY[REGISTER_KINDS];

/* NULL when there is none. */
const struct registry_field *registry_field(enum register_kind kind, struct str name);

/* Entry of the members of `in`; with `had`, what `in` does not name stays (null: is taken away). Sets all but row, version and dates; id from `in`
 * or `had`. All in `a`. `packs`: whose words count. RC_BAD: "/level: ..." names the member. */
enum rc registry_entry(enum register_kind kind, const struct pack *const *packs, size_t n_packs, const struct json *in, const struct register_entry *had,
		       struct arena *a, struct register_entry *ret, struct err *err) MUSTUSE;

/* "mail:soc@a.example 2026-01-05" in its parts; the day "" when there is none. False: no kind or no value. */
bool registry_contact(struct str text, struct str *ret_kind, struct str *ret_value, struct str *ret_verified);

#endif
