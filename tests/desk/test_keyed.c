/* Keyed digests and the messages of a community: vectors made by another language's HMAC, keys that only go forward, what is harmless,
 * messages that were changed, names that one role alone cannot open. */
#include "base/hash.h"
#include "base/mem.h"
#include "desk/community.h"
#include "tap.h"

#define T0 (INT64_C(1767323045) * USEC_PER_SEC)

static struct keyed_key first(void)
{
	struct keyed_key k = { .generation = 1, .epoch = 100 };

	for (unsigned i = 0; i < sizeof k.key; i++)
		k.key[i] = (unsigned char)i;
	return k;
}

static struct str hex_of(const unsigned char *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
	return str_make(out, 2 * n);
}

static void handles(void)
{
	static const struct { enum observable_kind kind; const char *value, *handle; int64_t epoch; } rows[] = {
		{ OBS_DOMAIN, "evil.example.org", "c81bd866181bc051f840f0e3237a01b2b41055a67f20bb99fec9f104d1acf504", 100 },
		{ OBS_IPV4, "203.0.113.7", "2d7ceebdf805d4d3add4c3c55a92cf6d5691b79c777608cb6b785ab85807e8a1", 100 },
		{ OBS_SHA256, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "4f5b3155e44ead53006068af0bf6ccbc5f11ca4a347d95db9ee78dd023cf83a2", 100 },
		{ OBS_URL, "http://evil.example.org/x", "753c5920c69b733347e80f83be0c0a4178cb49dba5df801f1e2cb94d1a68b4bb", 100 },
		{ OBS_EMAIL, "a@evil.example.org", "d5631547e75ebc54db9ad387ecccd139be620827e4bdd57b4d34f66fdd2cd911", 100 },
		{ OBS_DOMAIN, "evil.example.org", "a94bb88e5291a2e58142392e5c876d4907dc669ece8a57d48f416ad62e5266b6", 102 },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		unsigned char h[KEYED_HANDLE_LEN];
		struct keyed_key k = first();
		char text[65];

		OK(keyed_roll(&k, rows[i].epoch) && k.epoch == rows[i].epoch && k.generation == 1, "week %lld", (long long)rows[i].epoch);
		keyed_handle(&k, rows[i].kind, str_of(rows[i].value), h);
		EQ_STR(hex_of(h, sizeof h, text), str_of(rows[i].handle), rows[i].value);
	}
}

static void keys(void)
{
	struct keyed_key a = first(), b = first(), drawn, other;

	OK(!keyed_roll(&a, 99) && a.epoch == 100, "never back");
	OK(!keyed_roll(&a, 100 + KEYED_ROLLS_MAX + 1) && memcmp(a.key, b.key, sizeof a.key) == 0, "not without end");
	OK(keyed_roll(&a, 100 + KEYED_ROLLS_MAX) && memcmp(a.key, b.key, sizeof a.key) != 0, "ten years");
	keyed_draw(&drawn, 3, T0);
	keyed_draw(&other, 3, T0);
	OK(drawn.generation == 3 && drawn.epoch == T0 / USEC_PER_SEC / 604800 && memcmp(drawn.key, other.key, sizeof drawn.key) != 0, "drawn");
	EQ_INT(keyed_epoch(T0 + KEYED_EPOCH) - keyed_epoch(T0), 1, "a week");
	OK(!keyed_is_common(2, 3) && !keyed_is_common(5, 10) && keyed_is_common(6, 10) && !keyed_is_common(20, 1000) && keyed_is_common(21, 1000),
	   "more than two of a hundred are common, and never five");
}

static void harmless(void)
{
	static const struct { enum observable_kind kind; const char *value; bool is; } rows[] = {
		{ OBS_IPV4, "10.1.2.3", true }, { OBS_IPV4, "172.31.255.255", true }, { OBS_IPV4, "172.32.0.1", false }, { OBS_IPV4, "192.168.1.1", true },
		{ OBS_IPV4, "127.0.0.1", true }, { OBS_IPV4, "100.64.0.1", true }, { OBS_IPV4, "169.254.169.254", true }, { OBS_IPV4, "239.1.1.1", true },
		{ OBS_IPV4, "198.51.100.0/24", true }, { OBS_IPV4, "203.0.113.7", false }, { OBS_IPV6, "::1", true }, { OBS_IPV6, "fe80::1", true },
		{ OBS_IPV6, "fd00::1", true }, { OBS_IPV6, "2001:db8::1", false }, { OBS_DOMAIN, "printer", true }, { OBS_DOMAIN, "files.corp", true },
		{ OBS_DOMAIN, "7.0.0.10.in-addr.arpa", true }, { OBS_DOMAIN, "evil.example.org", false }, { OBS_URL, "http://10.0.0.1/x", true },
		{ OBS_URL, "http://intranet/x", true }, { OBS_URL, "http://evil.example.org/x", false }, { OBS_EMAIL, "root@localhost", true },
		{ OBS_EMAIL, "a@evil.example.org", false }, { OBS_MD5, "d41d8cd98f00b204e9800998ecf8427e", true },
		{ OBS_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", true },
		{ OBS_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80700", false },
	};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		EQ_INT(keyed_harmless(rows[i].kind, str_of(rows[i].value)) != NULL, rows[i].is, rows[i].value);
}

static enum rc again(struct arena *a, struct str object, struct community_message *ret)
{
	const struct json *v;
	struct err err;

	TRY(json_parse(a, object, &JSON_LIMITS, &v, &err));
	return community_read(a, v, ret, &err);
}

static struct str replaced(struct arena *a, struct str text, const char *from, const char *to)
{
	size_t at = str_find(text, str_of(from), 0);

	return at == SIZE_MAX ? S("") : arena_fmt(a, "%.*s%s%.*s", STR(str_slice(text, 0, at)), to, STR(str_slice(text, at + strlen(from), text.n)));
}

static void messages(struct arena *a)
{
	static const char id[] = COMMUNITY_TYPE "--6d0b5f0e-8b7a-4f56-9c2f-2f8f3f2c1a10";
	struct community_self me, other;
	struct community_message m = { .kind = COMMUNITY_HANDLES, .community = S("water"), .generation = 2, .epoch = 2900, .n_handles = 3, .n_told = 2 }, got;
	unsigned char h[3 * KEYED_HANDLE_LEN];
	char name[PSEUDONYM_LEN + 1];
	struct err err;
	struct str text;

	sign_keypair(me.pub, me.sec);
	sign_keypair(other.pub, other.sec);
	random_bytes(h, sizeof h);
	m.handles = h;
	OK(community_write(a, &m, &me, str_of(id), T0, &text, &err) == RC_OK && again(a, text, &got) == RC_OK, "handles");
	OK(got.kind == COMMUNITY_HANDLES && got.generation == 2 && got.epoch == 2900 && got.n_handles == 3 && got.n_told == 2 &&
	   memcmp(got.handles, h, sizeof h) == 0 && memcmp(got.by, me.pub, sizeof me.pub) == 0 && str_eq(got.community, S("water")), "come as they went");
	EQ_INT(again(a, replaced(a, text, "2900", "2901"), &got), RC_BAD, "a week changed on the way");

	EQ_INT(again(a, replaced(a, text, "water", "waters"), &got), RC_BAD, "another community");
	EQ_INT(again(a, replaced(a, text, "\"signer\":\"", "\"signer\":\"00"), &got), RC_BAD, "another signer");
	m.kind = COMMUNITY_MATCH;
	m.to = community_pseudonym(me.pub, name);
	m.others = 4;
	m.with[0] = S("00112233445566778899aabbccddeeff");
	m.n_with = 1;
	OK(community_write(a, &m, NULL, str_of(id), T0, &text, &err) == RC_OK && again(a, text, &got) == RC_OK, "a match");
	OK(got.others == 4 && got.n_with == 1 && str_eq(got.with[0], m.with[0]) && str_eq(got.to, m.to) && got.n_handles == 1, "comes as it went");
	EQ_INT(again(a, replaced(a, text, "\\\"others\\\":4", "\\\"others\\\":0"), &got), RC_BAD, "nobody");
	EQ_INT(again(a, S("{\"message\":\"{\\\"kind\\\":\\\"song\\\",\\\"community\\\":\\\"x\\\"}\"}"), &got), RC_BAD, "no such kind");
	EQ_INT(again(a, replaced(a, text, "\\\"with\\\":[", "\\\"without\\\":["), &got), RC_BAD, "with nobody said");
	EQ_INT(again(a, S("{}"), &got), RC_BAD, "nothing");
}

static void sealed(struct arena *a)
{
	struct community_self me, other, roles[2];
	unsigned char pubs[COMMUNITY_ROLES][SIGN_PUBLIC_LEN];
	struct keyed_key k = first(), got;
	struct str halves[2], opened[2], name;
	struct buf b, half[2];
	struct err err;

	sign_keypair(me.pub, me.sec);
	sign_keypair(other.pub, other.sec);
	buf_init(&b, 4096);
	OK(community_key_seal(&k, me.pub, &b), "sealed for me");
	OK(community_key_open(&me, buf_view(&b), &got) && got.generation == 1 && got.epoch == 100 && memcmp(got.key, k.key, sizeof k.key) == 0, "opened");
	OK(!community_key_open(&other, buf_view(&b), &got), "and by nobody else");
	OK(str_find(buf_view(&b), str_make((const char *)k.key, 8), 0) == SIZE_MAX, "the key does not stand in it");
	b.p[b.n - 1] = (char)(b.p[b.n - 1] ^ 1);
	OK(!community_key_open(&me, buf_view(&b), &got), "a changed box");
	buf_done(&b);
	for (size_t i = 0; i < 2; i++) {
		sign_keypair(roles[i].pub, roles[i].sec);
		memcpy(pubs[i], roles[i].pub, SIGN_PUBLIC_LEN);
		buf_init(&half[i], 4096);
	}
	EQ_INT(community_name_seal(a, S("Hospital of the Good Samaritan 仁愛醫院"), pubs, halves, &err), RC_OK, "a name");
	EQ_INT(halves[0].n, halves[1].n, "both halves are of one length");
	for (size_t i = 0; i < 2; i++) {
		OK(seal_get(&half[i], roles[i].pub, roles[i].sec, halves[i]), "role %zu opens its half", i + 1);
		OK(!seal_get(&half[i], roles[1 - i].pub, roles[1 - i].sec, halves[i]), "and not the other's");
		OK(str_find(buf_view(&half[i]), S("Hospital"), 0) == SIZE_MAX, "which says nothing");
		opened[i] = buf_view(&half[i]);
	}
	OK(community_name_join(a, opened, &name, &err) == RC_OK && str_eq(name, S("Hospital of the Good Samaritan 仁愛醫院")), "together they say it");
	opened[1] = opened[0];
	EQ_INT(community_name_join(a, opened, &name, &err), RC_BAD, "one half twice");
	buf_done(&half[0]);
	buf_done(&half[1]);
}

int main(void)
{
	struct arena *a = arena_new((size_t)64 << 20);

	handles();
	keys();
	harmless();
	messages(a);
	sealed(a);
	arena_free(a);
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
