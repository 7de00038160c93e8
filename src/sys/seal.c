#include "sys/seal.h"

#include <sodium.h>

_Static_assert(SEAL_MORE == crypto_box_SEALBYTES && MAC_LEN == crypto_auth_hmacsha256_BYTES && MAC_KEY_LEN == crypto_auth_hmacsha256_KEYBYTES,
	       "libsodium's sizes");

void mac_sha256(const unsigned char key[static MAC_KEY_LEN], struct str message, unsigned char out[static MAC_LEN])
{
	crypto_auth_hmacsha256(out, (const unsigned char *)message.p, message.n, key);
}

bool seal_put(struct buf *out, const unsigned char pub[static SIGN_PUBLIC_LEN], struct str text)
{
	unsigned char box[crypto_box_PUBLICKEYBYTES];
	char *room;

	if (crypto_sign_ed25519_pk_to_curve25519(box, pub) != 0)
		return false;
	room = buf_room(out, text.n + SEAL_MORE);
	if (room == NULL || crypto_box_seal((unsigned char *)room, (const unsigned char *)text.p, text.n, box) != 0)
		return false;
	buf_grew(out, text.n + SEAL_MORE);
	return true;
}

bool seal_get(struct buf *out, const unsigned char pub[static SIGN_PUBLIC_LEN], const unsigned char sec[static SIGN_SECRET_LEN], struct str box)
{
	unsigned char box_pub[crypto_box_PUBLICKEYBYTES], box_sec[crypto_box_SECRETKEYBYTES];
	bool good;
	char *room;

	if (box.n < SEAL_MORE || crypto_sign_ed25519_pk_to_curve25519(box_pub, pub) != 0)
		return false;
	room = buf_room(out, box.n - SEAL_MORE);
	good = room != NULL && crypto_sign_ed25519_sk_to_curve25519(box_sec, sec) == 0 &&
	       crypto_box_seal_open((unsigned char *)room, (const unsigned char *)box.p, box.n, box_pub, box_sec) == 0;
	secret_wipe(box_sec, sizeof box_sec);
	if (good)
		buf_grew(out, box.n - SEAL_MORE);
	return good;
}
