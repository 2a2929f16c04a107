#include "CRE2.h"

#include <re2/re2.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

struct sextant_re2 {
    sextant_re2(re2::StringPiece pattern, const RE2::Options &options) : compiled(pattern, options) {}
    RE2 compiled;
};

sextant_re2 *sextant_re2_new(const char *pattern, size_t length, int64_t memory_bytes) {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    options.set_max_mem(memory_bytes);
    return new sextant_re2(re2::StringPiece(pattern, length), options);
}

void sextant_re2_free(sextant_re2 *expression) { delete expression; }

const char *sextant_re2_error(const sextant_re2 *expression) {
    return expression->compiled.ok() ? nullptr : expression->compiled.error().c_str();
}

bool sextant_re2_full_match(const sextant_re2 *expression, const char *text, size_t length) {
    return expression->compiled.Match(re2::StringPiece(text, length), 0, length, RE2::ANCHOR_BOTH, nullptr, 0);
}

int sextant_re2_group_count(const sextant_re2 *expression) { return expression->compiled.NumberOfCapturingGroups(); }

const char *sextant_re2_group_name(const sextant_re2 *expression, int index) {
    const auto &names = expression->compiled.CapturingGroupNames();
    const auto found = names.find(index);
    return found == names.end() ? nullptr : found->second.c_str();
}

namespace {

bool match(const sextant_re2 *expression, const char *text, size_t length, size_t start, RE2::Anchor anchor,
           int64_t *offsets, int count) {
    std::vector<re2::StringPiece> groups(count);
    if (!expression->compiled.Match(re2::StringPiece(text, length), start, length, anchor, groups.data(), count))
        return false;
    for (int i = 0; i < count; i++) {
        const bool took_part = groups[i].data() != nullptr;
        offsets[2 * i] = took_part ? groups[i].data() - text : -1;
        offsets[2 * i + 1] = took_part ? offsets[2 * i] + static_cast<int64_t>(groups[i].size()) : -1;
    }
    return true;
}

} // namespace

bool sextant_re2_captures(const sextant_re2 *expression, const char *text, size_t length, int64_t *offsets, int count) {
    return match(expression, text, length, 0, RE2::ANCHOR_BOTH, offsets, count);
}

bool sextant_re2_search(const sextant_re2 *expression, const char *text, size_t length, size_t start, int64_t *offsets,
                        int count) {
    return match(expression, text, length, start, RE2::UNANCHORED, offsets, count);
}

bool sextant_contains(const void *text, size_t length, const void *literal, size_t literal_length) {
    return memmem(text, length, literal, literal_length) != nullptr;
}
