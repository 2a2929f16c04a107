// A C face for the few calls of RE2 that Sextant needs.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sextant_re2 sextant_re2;

/// Compiles `pattern` (UTF-8); `.` matches line ends too. Never null; ask `sextant_re2_error`.
sextant_re2 *_Nonnull sextant_re2_new(const char *_Nonnull pattern, size_t length, int64_t memory_bytes);
/// Frees what `sextant_re2_new` gave.
void sextant_re2_free(sextant_re2 *_Nonnull expression);
/// The reason why the pattern did not compile, or null. Valid as long as the expression.
const char *_Nullable sextant_re2_error(const sextant_re2 *_Nonnull expression);
/// Whether the whole of `text` matches.
bool sextant_re2_full_match(const sextant_re2 *_Nonnull expression, const char *_Nonnull text, size_t length);
/// The number of capturing groups, the whole match not counted.
int sextant_re2_group_count(const sextant_re2 *_Nonnull expression);
/// The name of group `index` (from 1), or null.
const char *_Nullable sextant_re2_group_name(const sextant_re2 *_Nonnull expression, int index);
/// Matches the whole of `text`; writes start and end offsets of group 0...count - 1 to `offsets` (2 x count
/// numbers, -1 for a group that took no part). Returns whether it matched.
bool sextant_re2_captures(const sextant_re2 *_Nonnull expression, const char *_Nonnull text, size_t length,
                          int64_t *_Nonnull offsets, int count);
/// Finds the leftmost match in `text` from offset `start` on; what lies before counts for `^` and `\b`. Writes offsets as
/// `sextant_re2_captures` does. Returns whether there is one.
bool sextant_re2_search(const sextant_re2 *_Nonnull expression, const char *_Nonnull text, size_t length, size_t start,
                        int64_t *_Nonnull offsets, int count);
/// Whether `literal` occurs in `text`, in linear time.
bool sextant_contains(const void *_Nonnull text, size_t length, const void *_Nonnull literal,
                      size_t literal_length);

#ifdef __cplusplus
}
#endif
