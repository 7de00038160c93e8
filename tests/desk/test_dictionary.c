/* The collector's whole disk against a dictionary: 40 members tell digests of values that all stand in the attacker's list. The attacker has every
 * file of the collector's folder, every public key, and every text of 64 hexadecimal digits or digest column it finds there as a possible
 * key; it tries each value of the list by each of them. It must find nothing; and with the members' key, to show that the
 * attack works, everything.
 * `test-desk-dictionary VALUES`; 20,000 without arguments. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "desk/community.h"
#include "gate/admit.h"
#include "model/observable.h"
#include "stix/marking.h"
#include "store/keyed.h"
#include "sys/file.h"
#include "tap.h"

enum { MEMBERS = 40, EACH = 25, KEYS_MOST = 12 };
#define T0 (INT64_C(1767323045) * USEC_PER_SEC)
#define DISK_MAX ((size_t)256 << 20)

static char base[64];
static struct err err;

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

/* --- the list --- */

/* Common names and addresses, each once. */
static enum observable_kind value_at(uint64_t i, char out[static 64])
{
	static const char *const words[] = { "mail", "cdn", "login", "update", "static", "shop", "news", "cloud", "portal", "data" };
	static const char *const ends[] = { "com", "net", "org", "com.tw", "io", "example" };

	if (i % 4 == 3) {
		uint32_t a = (uint32_t)(i * 2654435761u);

		snprintf(out, 64, "%u.%u.%u.%u", 11 + (a >> 24) % 80, a >> 16 & 255, a >> 8 & 255, a & 255);
		return OBS_IPV4;
	}
	snprintf(out, 64, "%s%llu.%s", words[i % 10], (unsigned long long)i / 10, ends[i % 6]);
	return OBS_DOMAIN;
}

/* --- the collector --- */

static struct str object_of(struct arena *a, const struct community_message *m, const struct community_self *self, size_t number)
{
	struct str text = S("");

	if (community_write(a, m, self, arena_fmt(a, COMMUNITY_TYPE "--00000000-0000-4000-8000-%012zu", number), T0, &text, &err) != RC_OK)
		return S("");
	return text;
}

/* One member's card and digests, as the exchange would bring them: kept as objects, and in the collector's tables. */
static bool member_tells(struct store *s, struct arena *a, const struct keyed_key *k, size_t number, uint64_t values, struct map *held)
{
	struct community_self self, roles[COMMUNITY_ROLES];
	unsigned char pubs[COMMUNITY_ROLES][SIGN_PUBLIC_LEN], handles[EACH * KEYED_HANDLE_LEN];
	struct community_message card = { .kind = COMMUNITY_CARD, .community = S("water") };
	struct community_message told = { .kind = COMMUNITY_HANDLES, .community = S("water"), .generation = k->generation, .epoch = k->epoch,
					  .handles = handles, .n_handles = EACH, .n_told = EACH - 3 };
	bool fresh[EACH];
	char name[PSEUDONYM_LEN + 1], value[64];
	struct str raw[2], half = S("AAAA");
	struct admitted *done;
	struct admit_opts o = { .collection = NO_COLLECTION, .tlp_ceiling = TLP_RED, .default_tlp = TLP_AMBER };
	struct keyed_batch b = { .community = S("water"), .generation = k->generation, .epoch = k->epoch, .digests = handles, .n = EACH, .n_told = EACH - 3,
				 .fresh = fresh };

	sign_keypair(self.pub, self.sec);
	for (size_t i = 0; i < COMMUNITY_ROLES; i++) {
		sign_keypair(roles[i].pub, roles[i].sec);
		memcpy(pubs[i], roles[i].pub, SIGN_PUBLIC_LEN);
	}
	for (size_t i = 0; i < EACH; i++) {
		enum observable_kind kind = value_at((number * 7919 + i * 104729) % values, value); /* some are held by several */

		keyed_handle(k, kind, str_of(value), handles + i * KEYED_HANDLE_LEN);
		if (map_put(held, str_of(value), (uint64_t)kind) != RC_OK)
			return false;
	}
	if (community_name_seal(a, arena_fmt(a, "Organisation %zu", number), pubs, card.half, &err) != RC_OK)
		return false;
	raw[0] = object_of(a, &card, &self, number * 2);
	raw[1] = object_of(a, &told, &self, number * 2 + 1);
	b.member = community_pseudonym(self.pub, name);
	return store_source_id(s, S("peer:x"), &o.source, &err) == RC_OK && admit_objects(s, a, &o, raw, 2, &done, &err) == RC_OK &&
	       done[0].result == ADMIT_STORED && done[1].result == ADMIT_STORED &&
	       keyed_member_put(s, &(struct keyed_member){ .community = S("water"), .member = b.member, .key = S("00"), .half = { half, half }, .seen = T0 },
				&err) == RC_OK && keyed_put(s, &b, &err) == RC_OK;
}

static bool collect(const struct keyed_key *k, uint64_t values, struct map *held)
{
	struct store_config c = { .dir = base, .create = true };
	struct arena *a = arena_new((size_t)64 << 20);
	struct store *s = NULL;
	bool good = store_open(&c, &s, &err) == RC_OK;

	for (size_t i = 0; i < MEMBERS && good; i++)
		good = member_tells(s, a, k, i, values, held);
	store_close(s);
	arena_free(a);
	if (!good)
		printf("# %s\n", err.text);
	return good;
}

/* --- the attacker --- */

static struct buf disk; /* for nftw, which has no context */

static int read_one(const char *path, const struct stat *st UNUSED, int kind, struct FTW *f UNUSED)
{
	struct buf b;

	if (kind != FTW_F)
		return 0;
	if (file_read(path, DISK_MAX, &b, NULL) == RC_OK)
		buf_put(&disk, b.p, b.n);
	buf_done(&b);
	return disk.bad != RC_OK;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

struct attack {
	struct map *digests;                      /* every 32 bytes that may be a digest: all that were found as text */
	unsigned char keys[KEYS_MOST][MAC_KEY_LEN], derived[KEYS_MOST][MAC_KEY_LEN]; /* as they are, and as keyed.h derives from them */
	size_t n_keys, tried;
};

static void found(struct attack *x, const char *hex)
{
	unsigned char bytes[32];

	for (size_t i = 0; i < 32; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		bytes[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	if (map_put(x->digests, str_make((const char *)bytes, 32), 0) != RC_OK)
		exit(3);
	/* Keys are tried by what comes first on the disk and at random of the rest. */
	if (x->n_keys < KEYS_MOST - 2)
		memcpy(x->keys[x->n_keys++], bytes, 32);
	else if (x->digests != NULL && bytes[0] < 16)
		memcpy(x->keys[2 + bytes[1] % (KEYS_MOST - 4)], bytes, 32);
}

static void read_disk(struct attack *x)
{
	size_t run = 0;

	for (size_t i = 0; i < disk.n; i++) {
		run = is_hex(disk.p[i]) ? run + 1 : 0;
		if (run >= 64 && run % 64 == 0)
			found(x, disk.p + i - 63);
	}
	memset(x->keys[x->n_keys++], 0, MAC_KEY_LEN);
	hash_sha256(S("water"), x->keys[x->n_keys++]);
}

static bool is_there(struct attack *x, const unsigned char digest[static 32])
{
	uint64_t v;

	x->tried++;
	return map_get(x->digests, str_make((const char *)digest, 32), &v);
}

/* Every way that one could think of without the key: bare digests, and the real construction with whatever was lying about as the key. */
static bool tells(struct attack *x, enum observable_kind kind, struct str value)
{
	unsigned char h[32];
	char text[128];
	int n = snprintf(text, sizeof text, "%s%c%.*s", value_kind_name(kind), 0, STR(value));

	hash_sha256(value, h);
	if (is_there(x, h))
		return true;
	hash_sha256(str_make(text, (size_t)n), h);
	if (is_there(x, h))
		return true;
	for (size_t i = 0; i < x->n_keys; i++) {
		mac_sha256(x->derived[i], str_make(text, (size_t)n), h);
		if (is_there(x, h))
			return true;
		mac_sha256(x->keys[i], str_make(text, (size_t)n), h);
		if (is_there(x, h))
			return true;
	}
	return false;
}

static size_t try_all(struct attack *x, uint64_t values)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n_keys; i++)
		mac_sha256(x->keys[i], S("lianfang keyed handle"), x->derived[i]);
	for (uint64_t i = 0; i < values; i++) {
		char value[64];
		enum observable_kind kind = value_at(i, value);

		n += tells(x, kind, str_of(value));
	}
	return n;
}

/* The values themselves, anywhere on the disk. */
static size_t lie_open(uint64_t values, const struct map *held)
{
	size_t n = 0;
	uint64_t v;

	for (uint64_t i = 0; i < values; i++) {
		char value[64];

		value_at(i, value);
		if (map_get(held, str_of(value), &v))
			n += memmem(disk.p, disk.n, value, strlen(value)) != NULL;
	}
	return n;
}

/* How many different values of the list the members hold. */
static size_t count_held(uint64_t values, const struct map *held)
{
	size_t n = 0;
	uint64_t v;

	for (uint64_t i = 0; i < values; i++) {
		char value[64];

		value_at(i, value);
		n += map_get(held, str_of(value), &v);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct attack x = { .digests = map_new(1u << 20) };
	struct map *held = map_new(1u << 20);
	uint64_t values = 20000;
	struct keyed_key k;
	size_t n;

	if (argc > 1 && !str_to_u64(str_of(argv[1]), &values))
		return fputs("usage: test-desk-dictionary [VALUES]\n", stderr), 2;
	snprintf(base, sizeof base, "/tmp/lianfang-dictionary-XXXXXX");
	keyed_draw(&k, 1, T0);
	buf_init(&disk, DISK_MAX);
	OK(mkdtemp(base) != NULL && collect(&k, values, held), "a collector with the digests of %d members", MEMBERS);
	nftw(base, read_one, 16, FTW_PHYS);
	read_disk(&x);
	n = count_held(values, held);
	OK(n >= MEMBERS * EACH / 2 && x.n_keys == KEYS_MOST, "%zu values of the list are held; %zu bytes of disk", n, disk.n);
	EQ_INT(lie_open(values, held), 0, "no value lies open on the disk");
	OK(memmem(disk.p, disk.n, k.key, sizeof k.key) == NULL, "nor does the key");
	EQ_INT(try_all(&x, values), 0, "no value is recovered from the list");
	printf("# %llu values, %zu digests tried\n", (unsigned long long)values, x.tried);
	memcpy(x.keys[0], k.key, sizeof k.key);
	x.n_keys = 1;
	EQ_INT(try_all(&x, values), n, "with the members' key every one is: the attack works");
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	buf_done(&disk);
	map_free(x.digests);
	map_free(held);
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
