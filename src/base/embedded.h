/* A file that the build put into the program (tools/embed). Lists of them end with one without a name. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

struct embedded {
	const char *name, *text;
	unsigned n;
};

extern const struct embedded taxonomy_packs[]; /* packs/sigma: log sources */
extern const struct embedded stix_packs[];     /* packs/stix: where STIX objects stand in logs */
extern const struct embedded rsit_packs[];     /* packs/rsit: what kind of event a match is */
extern const struct embedded desk_packs[];     /* packs/NAME/pack.json: law; named by its folder */

extern const struct embedded console_files[];  /* web/: the console; "NAME.br" is NAME by brotli */

#endif
