/* Compiler attributes under one spelling that gcc 12 and clang 14 both take
 * (clang builds the fuzzers). */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUSTUSE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ALLOCATES(...) __attribute__((malloc, alloc_size(__VA_ARGS__)))
/* For a large buffer on a hot path, of which only what was written is read: spares -ftrivial-auto-var-init its zeros. */
#define UNINIT __attribute__((uninitialized))
#define FALLTHROUGH __attribute__((fallthrough))

/* clang tells of its sanitizers this way; gcc 12 has no such question. */
#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#define COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

#endif
