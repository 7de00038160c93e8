/* Authenticode (Microsoft, "Windows Authenticode Portable Executable Signature Format"): is the file still what was signed, who
 * signed it, and does the signature hold? Whether the signer is to be trusted is not said: that takes roots and lists of what was
 * revoked, which a worker without a network has not. */
#include "lab/make.h"
#include "lab/pe.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/rd.h"

#define CERTIFICATE_BYTES ((size_t)4 << 20)
#define SIGNATURES_MAX 16
#define PKCS_SIGNED_DATA 2u
#define PIECE ((size_t)1 << 20)

/* The bytes that are signed: all but the checksum, the entry of the table of certificates, and that table itself. */
static bool digest_file(const struct lab_node *n, const struct pe *p, const EVP_MD *kind, unsigned char *out)
{
	uint64_t check = p->optional + 64u, entry = p->optional + (p->plus ? 112u : 96u) + PE_SECURITY * 8u;
	uint64_t table = p->directory[PE_SECURITY].address, end = p->bytes.n;
	uint64_t places[4][2] = { { 0, check }, { check + 4, entry }, { entry + 8, table }, { table + p->directory[PE_SECURITY].size, end } };
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool fine = md != NULL && EVP_DigestInit_ex(md, kind, NULL) == 1;

	for (size_t i = 0; fine && i < COUNTOF(places); i++) {
		for (uint64_t at = places[i][0]; fine && at < places[i][1] && at < end; at += PIECE) {
			uint64_t stop = places[i][1] < end ? places[i][1] : end;

			fine = !lab_over(n) && EVP_DigestUpdate(md, p->bytes.p + at, stop - at < PIECE ? (size_t)(stop - at) : PIECE) == 1;
		}
	}
	/* What is signed is padded to a multiple of eight. */
	fine = fine && (end % 8 == 0 || table != 0 || EVP_DigestUpdate(md, "\0\0\0\0\0\0\0", 8 - end % 8) == 1);
	fine = fine && EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	return fine;
}

/* One element of DER: its content; `s` goes on behind it. .p NULL: none, or cut off. */
static struct str der_next(struct str *s, int *ret_tag)
{
	size_t head = 2, size;

	if (s->n < 2)
		return (struct str){ NULL, 0 };
	*ret_tag = (unsigned char)s->p[0];
	size = (unsigned char)s->p[1];
	if (size >= 0x80) {
		size_t k = size & 0x7f;

		if (k == 0 || k > 4 || s->n < 2 + k)
			return (struct str){ NULL, 0 };
		size = 0;
		for (size_t i = 0; i < k; i++)
			size = size << 8 | (unsigned char)s->p[2 + i];
		head = 2 + k;
	}
	if (size > s->n - head)
		return (struct str){ NULL, 0 };
	struct str content = { s->p + head, size };

	*s = (struct str){ s->p + head + size, s->n - head - size };
	return content;
}

/* SpcIndirectDataContent ::= SEQUENCE { data, messageDigest SEQUENCE { algorithm, digest OCTET STRING } } */
static bool stated_digest(struct str content, struct str *ret_digest)
{
	int tag;
	struct str info;

	(void)der_next(&content, &tag);
	info = der_next(&content, &tag);
	(void)der_next(&info, &tag);
	*ret_digest = der_next(&info, &tag);
	return ret_digest->p != NULL && tag == V_ASN1_OCTET_STRING;
}

static const EVP_MD *kind_of(size_t digest)
{
	switch (digest) {
	case 16:
		return EVP_md5();
	case 20:
		return EVP_sha1();
	case 32:
		return EVP_sha256();
	case 48:
		return EVP_sha384();
	case 64:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static void say_name(struct lab_node *n, const char *fact, const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long size;

	if (out != NULL && name != NULL && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		size = BIO_get_mem_data(out, &text);
		lab_fact(n, fact, (struct str){ text, size > 0 ? (size_t)size : 0 });
	}
	BIO_free(out);
}

static void say_signer(struct lab_node *n, PKCS7 *p7, struct str content)
{
	STACK_OF(X509) *signers = PKCS7_get0_signers(p7, NULL, 0);
	BIO *in = BIO_new_mem_buf(content.p, (int)content.n);

	for (int i = 0; signers != NULL && i < sk_X509_num(signers); i++) {
		X509 *x = sk_X509_value(signers, i);
		BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
		char *hex = serial != NULL ? BN_bn2hex(serial) : NULL;

		say_name(n, "sign.signer", X509_get_subject_name(x));
		say_name(n, "sign.issuer", X509_get_issuer_name(x));
		if (hex != NULL)
			lab_fact(n, "sign.serial", str_of(hex));
		OPENSSL_free(hex);
		BN_free(serial);
	}
	sk_X509_free(signers);
	lab_fact(n, "sign.signature", in != NULL && PKCS7_verify(p7, NULL, NULL, in, NULL, PKCS7_NOVERIFY) == 1 ? S("holds") : S("broken"));
	ERR_clear_error();
	BIO_free(in);
}

/* The content's own bytes: what PKCS#7 signs is the inside of the SEQUENCE. */
static struct str content_of(PKCS7 *p7)
{
	const ASN1_TYPE *t = PKCS7_type_is_signed(p7) && p7->d.sign != NULL && p7->d.sign->contents != NULL ? p7->d.sign->contents->d.other : NULL;
	struct str whole;
	int tag;

	if (t == NULL || t->type != V_ASN1_SEQUENCE || t->value.sequence == NULL)
		return (struct str){ NULL, 0 };
	whole = (struct str){ (const char *)t->value.sequence->data, (size_t)t->value.sequence->length };
	return der_next(&whole, &tag);
}

static void say_signature(struct lab_node *n, const struct pe *p, struct str bytes, uint64_t at)
{
	const unsigned char *der = (const unsigned char *)bytes.p;
	PKCS7 *p7 = d2i_PKCS7(NULL, &der, (long)bytes.n);
	struct str content = p7 != NULL ? content_of(p7) : (struct str){ NULL, 0 }, stated;
	unsigned char mine[EVP_MAX_MD_SIZE];
	const EVP_MD *kind;

	if (content.p == NULL || !stated_digest(content, &stated) || (kind = kind_of(stated.n)) == NULL) {
		lab_feature(n, LAB_NOTE, "sign.unreadable", at, bytes.n, "a signature that is no Authenticode signature");
	} else if (digest_file(n, p, kind, mine)) {
		bool same = memcmp(mine, stated.p, stated.n) == 0;

		lab_fact_hex(n, "sign.digest", (struct str){ (char *)mine, stated.n });
		lab_fact(n, "sign.file", same ? S("as signed") : S("changed"));
		if (!same)
			lab_feature(n, LAB_SUSPICIOUS, "sign.file-changed", at, bytes.n, "the file was changed after it was signed");
		say_signer(n, p7, content);
	}
	PKCS7_free(p7);
	ERR_clear_error();
}

static enum rc make(struct lab_node *n, struct err *err)
{
	struct str table, row;
	struct pe p;
	uint64_t at;

	if (pe_read(n->bytes, &p, err) != RC_OK)
		return RC_UNSUPPORTED;
	table = pe_directory(&p, PE_SECURITY);
	at = p.directory[PE_SECURITY].address;
	for (unsigned i = 0; table.n > 8 && i < SIGNATURES_MAX && !lab_over(n); i++) {
		size_t size = str_le32(table, 0), step = (size + 7) & ~(size_t)7;

		if (size <= 8 || size > table.n || size > CERTIFICATE_BYTES) {
			lab_feature(n, LAB_NOTE, "sign.cut", at, table.n, "a table of certificates that is cut off");
			break;
		}
		row = (struct str){ table.p + 8, size - 8 };
		if (str_le16(table, 6) == PKCS_SIGNED_DATA)
			say_signature(n, &p, row, at);
		at += step;
		table = step < table.n ? (struct str){ table.p + step, table.n - step } : S("");
	}
	return RC_OK;
}

/* Tables of libcrypto are made at its first use: they are made where files may still be opened. */
static enum rc prepare(struct err *err)
{
	unsigned char out[EVP_MAX_MD_SIZE];

	if (EVP_Digest("", 0, out, NULL, EVP_sha256(), NULL) != 1 || EVP_Digest("", 0, out, NULL, EVP_sha1(), NULL) != 1)
		return FAIL(err, RC_UNSUPPORTED, "libcrypto has no SHA-256 or SHA-1");
	return RC_OK;
}

const struct lab_maker LAB_MAKE_SIGN = { "sign", LAB_TYPE(LAB_PE), make, prepare };
