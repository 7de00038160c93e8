/* Digests of similarity, against what the programs ssdeep 2.14 and tlsh 3.4 print for the same bytes. */
#include "lab/similar.h"

#include "base/mem.h"
#include "tap.h"

/* Bytes of a generator, so that no file of them lies about. `tlsh` "": there is none; NULL: that program refuses less than 256 bytes. */
static const struct row {
	size_t size;
	unsigned letters;
	uint32_t seed;
	const char *ctph, *tlsh;
} rows[] = {
	{ 1, 256, 1, "3:j:j", "" },
	{ 7, 256, 1, "3:B:B", "" },
	{ 49, 256, 2, "3:N9ye548b4n9ccJIn:NNG9tG", "" },
	{ 50, 256, 2, "3:N9ye548b4n9ccJIKn:NNG9tdn", NULL },
	{ 192, 256, 3, "3:SFVKcAZRBULJa5cHGFtYaf5jC0e7gNdHGK7y4SI4rW3EANx3/RXQ/0v:sZAalycHGLYaf9C0e7gPmK7yBI4y0ArR", NULL },
	{ 193, 256, 3, "6:sZAalycHGLYaf9C0e7gPmK7yBI4y0Ar/Gk:oAaHfaw0ec9mBIF5bx", NULL },
	{ 300, 256, 4, "6:Se7wUV8Ve0PiokU7ysqjmEA2vpxyvazaAIk49ORY0XUJU7g:t7wY880TkU7/qKIxyyzagsgkJwg", "T1CFE0E7495342C4BC03B68D72415CA8C9F0647A0FF0D1C544C40357104C74F3CC6A7122" },
	{ 656, 256, 5, "12:MVjQNyoGFTah2M1ycCdAlQJpagqCE2eRvfTNSV2vufrC6KxWVD7Kk:+Eg/e8M4dAlkplq4eLf2DWYVXKk", "T1ADF02DC5F419AEDF9090D821BB4E43136B70E3FE989FDED1A4A58D0B0A0BE3848A5450" },
	{ 657, 64, 6, "12:07c3h5W3Z6Uk23RXXA3OLqAsWQcnDiXoaa+A4LHxrdLMDKBudHdt+ioU/:PzWU693/Did1r1MugrPP", "T1BF0123529276D8070813AD261A9354D677C8F10247AB8B356114A8A5BD70A6F86116AB" },
	{ 3199, 32, 7, "96:91pYAXIoh0A6+XgF6BKGDdUjlX/JeoPZpn:91aAXIoz6+66BK26V4upn", "T1DE616C1B4BEA0507D6C11FD3FA407D26ADCF4CA74A0025A5762BCF2933AC7D03A18312" },
	{ 3200, 200, 8, "48:M1Bj7rIRK6sWEnUBElBsm44p6SLGHg4+hmldV1iw0CTQ0udPF41V+eC2:k9fIyHUkLp6gWgYDXB0CTHuTY+N2", "T15B615DA4AFC28900D5ACF66EF65D8E5A8604D4B56FB8847CAAA0C083247CF4E01774DC" },
	{ 5000, 1, 9, "3::", "" },
	{ 5000, 2, 10, "48:NS+C3RvkAU2Ur+3Ck5HNXMq6kNACSIOXHZ3JI86f0UwkL5/vMf+8xF+e+UKfklnI:msAd/CIm5T6Z/AoeuA3mcIxizjCJDD", "" },
	{ 20000, 3, 11, "192:tXgnthhk1i1s2IdcXIF67wA4ijwvHhcz/xsiHOtYSG4BzpZBuWd2GWyQW51PvH2A:OJLXazJR8VSRqEhiAgM", "" },
	{ 65536, 256, 12, "1536:qLpdgYtY4YkQMK7AaubLyZP6nzSitAuJZKgS1CAOHiU6J/+:ql+l/7AydFoJZKrzjs", "T128530228EEAC6B6E1A7E9084BC9D36D304B5341C123F3E36A1FD4C161059A776F8AF11" },
	{ 100000, 256, 13, "3072:dtgAO24mY2mbUaMwHPVyC6vqkxVSr4+GsXBnIhxrP5:YAdYFbUlSVyPvqkHSr4+IhxP5", "T1D9A31295A478A007AD06F45BFAB7FD8AE2C42A9F75D88874A4E1C04DD539C49F3D87C0" },
	{ 100001, 16, 14, "1536:YH2M0jogHZbAbkyP202EEdzA0NHT1DkU0CFc1ozqhabAry6ASIzSBt9Nl:e", "T1D1A36D2ABAD574325BFED3438BD3CCBD8517901052673C8F298A17C88449B687F6725E" },
	{ 1000000, 256, 15, "24576:hVUCOc2JPZAycWF2cuTAknMMUBLYHpRkVNC6i:XZOcVyZscu4ZqIPxi", "T1C4253312DE23851C4BFBA621525B147BB05C3F1B79F31A5AFE2E47A2C659C2303D2936" },
	{ 1000000, 1, 16, "3::", "" },
	{ 3000000, 90, 17, "49152:jqcIElnPc95h5Ek8Tv2HnBtkxwxDkVG1sxwRShIAn6xHeP6mADHBb:jRk/j872H16VG1sx7KeyB", "T1E0D53345C49FFAD327996BDB3150B98BA438987DDA398CF81C092AE7853953606FCF40" },
};

static const struct {
	unsigned a, b;
	int distance;
} pairs[] = {
	{ 6, 7, 303 },
	{ 7, 8, 271 },
	{ 9, 10, 230 },
	{ 14, 15, 274 },
	{ 15, 16, 337 },
	{ 17, 19, 334 },
	{ 8, 19, 1135 },
};

/* Scores as ssdeep 2.14 gives them for texts of files that were changed here and there. */
static const struct {
	const char *a, *b;
	int score;
} alike[] = {
	{ "192:L3Re+r1vm5Qh51a1oH1cUNzi+NEh3KXs/QzxumLJEO9tsCXR9A4vT:L3fr1O5Qn1uo1fOhKGsRLKO9tsC/r",
	  "192:celrVzYQh516Lo71cONzx+NEh3KXs/QPumyJEO9dsCG/9A4vT:jrFYQn16LoJ8OhKGQyKO9dsCyr", 68 },
	{ "24:FH1+GS+fj4Vl/o/Fe5ouikvwykMYeSP2cNU9oI1WAq9BD9/29e6RcgFARhNl:FH1h74ugo9ySPfNWhIz/oZcgFEhP",
	  "24:/sOnFffj4Vl/o+1nAg5Mglyky/hYLGUYw8/RtpPVW3kIH/W+D90hLpAZvDl:/sO174lj5VlykyoGVUtH+m0hyZvh", 33 },
	{ "384:2W995ALJ588+2Gz/00XidLuvpFbuvNOqd0kroMcZ7jjYILlJDDOLwyGOX5UdnvCv:2W3ulKPpc0XHMcMcZvjdDDkwyh2dafJt",
	  "384:qW995ALJr88YI0z/0C5dLLMCXyNOXd0k2oMcZvdjDInlVDDbLw3SHX59d8hvCfyX:qW3ulYHxcCLzRMcZVjQDDPwCH7d3KJt", 55 },
	{ "48:FHC974lw/jyv7tpB+C/ZQcgFEh5L92x/QyLOTDGg8Q2K6BRGfLlhSG754o7MH:FHCwEetpB+C/yc1h5LqQyqTDj8JQvSMo",
	  "48:FHC974Qw/jyv7t3lF+C/ZAgFEN5L92x/QBMOTD2ZWt2K6BRGfLlh7G7th7MH:FHC3Eet3lF+C/a1N5LqQBLTD2ZW0Qv7D", 75 },
	{ "6:XYsnDHLiFsEx4fzCOrJDkBYQlq0O3xmzsCdhp//gASvZ7G8QbQTGsX/CYaop5:XYsDrLExaDkBYQlGczsCdhpwAIbZ/np5",
	  "6:XYsnDH7emJzQdkmY3FP1zsCdhz/gASvZ7G83XCj3oQbQT8RXF3vpDHFECY:XYsDSkmS1zsCdhsAIj3SLoepxFJY", 54 },
	{ "192:L3Re+r1vm5Qh51a1oH1cUNzi+NEh3KXs/QzxumLJEO9tsCXR9A4vT:L3fr1O5Qn1uo1fOhKGsRLKO9tsC/r", "384:L3fr1O5Qn1uo1fOhKGsRLKO9tsC/r:x", 100 },
	{ "3:abc:def", "3:abc:def", 100 }, { "3:abc:def", "3:abd:def", 0 }, { "", "3:abd:def", 0 }, { "7x:a:b", "3:abd:def", 0 }, { "3:ab|:def", "3:ab|:def", 0 },
};

/* Who has a score is found by a key; and keys tell block sizes apart. */
static void compare_texts(void)
{
	static uint64_t x[CTPH_KEYS_MAX], y[CTPH_KEYS_MAX];

	for (size_t i = 0; i < COUNTOF(alike); i++) {
		struct str a = str_of(alike[i].a), b = str_of(alike[i].b);
		size_t nx = ctph_keys(a, x), ny = ctph_keys(b, y), shared = 0;

		EQ_INT(ctph_score(a, b), alike[i].score, "score");
		EQ_INT(ctph_score(b, a), alike[i].score, "the other way");
		for (size_t j = 0; j < nx; j++)
			for (size_t k = 0; k < ny; k++)
				shared += x[j] == y[k];
		OK((shared > 0) == (alike[i].score > 0 && a.n > 20), "%zu keys in common of %zu and %zu", shared, nx, ny);
	}
}

static char *bytes_of(const struct row *r)
{
	char *p = mem_alloc(r->size);
	uint32_t x = r->seed;

	for (size_t i = 0; i < r->size; i++) {
		x = x * 1103515245u + 12345u;
		p[i] = (char)((x >> 16) % r->letters);
	}
	return p;
}

static struct str piece(const char *p, size_t size, size_t at, size_t step)
{
	return (struct str){ p + at, size - at < step ? size - at : step };
}

/* Added in pieces of `step`. */
static void digests(const struct row *r, size_t step, char *ctph, char *tlsh)
{
	char *p = bytes_of(r);
	struct ctph c;
	struct tlsh t;

	ctph_begin(&c, r->size);
	do {
		for (size_t at = 0; at < r->size; at += step)
			ctph_add(&c, piece(p, r->size, at, step));
	} while (!ctph_end(&c, ctph));
	tlsh_begin(&t);
	for (size_t at = 0; at < r->size; at += step)
		tlsh_add(&t, piece(p, r->size, at, step));
	if (!tlsh_end(&t, tlsh))
		tlsh[0] = '\0';
	mem_free(p);
}

/* No two are nearer than their places. */
static void places(void)
{
	static char text[COUNTOF(rows)][TLSH_TEXT_MAX];
	static char ctph[CTPH_TEXT_MAX];

	for (size_t i = 0; i < COUNTOF(rows); i++)
		digests(&rows[i], 4096, ctph, text[i]);
	for (size_t i = 0; i < COUNTOF(rows); i++)
		for (size_t j = 0; j < COUNTOF(rows); j++) {
			int d = tlsh_distance(str_of(text[i]), str_of(text[j])), least;

			if (d < 0)
				continue;
			least = tlsh_place_distance(tlsh_place(str_of(text[i])), tlsh_place(str_of(text[j])));
			OK(least >= 0 && least <= d && (i != j || least == 0), "places %zu and %zu: at least %d of %d", i, j, least, d);
		}
	EQ_INT(tlsh_place(S("T1FF")), -1, "no digest has no place");
	EQ_INT(tlsh_place(S("T1E4253312DE23851C4BFBA621525B147BB05C3F1B79F31A5AFE2E47A2C659C2303D2936")), 0x5233, "shelf of the length, box of the ratios");
}

int main(void)
{
	static char ctph[CTPH_TEXT_MAX], tlsh[TLSH_TEXT_MAX], other[TLSH_TEXT_MAX];
	static const size_t steps[] = { 1, 3, 4096, SIZE_MAX / 2 };

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (size_t k = 0; k < COUNTOF(steps); k++) {
			digests(&rows[i], steps[k], ctph, tlsh);
			OK(strcmp(ctph, rows[i].ctph) == 0, "ctph %zu of %zu bytes in steps of %zu: %s", i, rows[i].size, steps[k], ctph);
			OK(rows[i].tlsh == NULL || strcmp(tlsh, rows[i].tlsh) == 0, "tlsh: %s", tlsh);
		}
	}
	for (size_t i = 0; i < COUNTOF(pairs); i++) {
		digests(&rows[pairs[i].a], 4096, ctph, tlsh);
		digests(&rows[pairs[i].b], 4096, ctph, other);
		EQ_INT(tlsh_distance(str_of(tlsh), str_of(other)), pairs[i].distance, "distance");
		EQ_INT(tlsh_distance(str_of(other + 2), str_of(tlsh)), pairs[i].distance, "the other way, without T1");
		EQ_INT(tlsh_distance(str_of(tlsh), str_of(tlsh)), 0, "to itself");
	}
	EQ_INT(tlsh_distance(str_of(tlsh), S("T1")), -1, "no digest");
	EQ_INT(tlsh_distance(str_of(tlsh), S("T1G4253312DE23851C4BFBA621525B147BB05C3F1B79F31A5AFE2E47A2C659C2303D2936")), -1, "no digits");
	compare_texts();
	places();
	return tap_done();
}
