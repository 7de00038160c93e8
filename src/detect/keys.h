/* What a value is looked up by. An indicator's value has one key; an observable of an event asks by several: an
 * address once for each prefix length in use, a domain once for each parent, a URL by itself and by its host. */
#ifndef DETECT_KEYS_H
#define DETECT_KEYS_H

#include <stdatomic.h>

#include "model/observable.h"

#define KEY_MAX (VALUE_MAX + 2)

/* Prefix lengths that a table holds, by bit. */
struct key_prefixes { _Atomic uint64_t v4, v6[3]; };
void key_note_prefix(struct key_prefixes *p, struct str key);

/* Kind, prefix length, then the address masked to it or the text in normal form. Empty: not a value of that kind. */
struct str key_of(enum observable_kind kind, struct str normal, char out[static KEY_MAX]);

/* `matched`.p NULL: the block that the key stands for. False ends the asking. */
typedef bool (*key_probe)(void *ctx, struct str key, struct str matched);
void keys_of(enum observable_kind kind, struct str normal, const struct key_prefixes *p, key_probe fn, void *ctx);

#endif
