// Bit packing of blocks of 64 values, one unrolled function for each width.
// The layout is docs/formats/chunk.md, "BP": a stream of bits, least significant first, in little-endian
// words.
#include "CSextant.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the packed words are little-endian"
#endif

static inline __attribute__((always_inline)) uint64_t mask_of(unsigned width) {
    return width == 64 ? ~(uint64_t)0 : ((uint64_t)1 << width) - 1;
}

static inline __attribute__((always_inline)) void unpack(
    const uint8_t *bytes, uint64_t *restrict values, const unsigned width) {
    const uint64_t mask = mask_of(width);
    uint64_t words[65];
    memcpy(words, bytes, 8 * width);
    words[width] = 0;
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < 64; i++) {
        const unsigned word = i * width / 64, shift = i * width % 64;
        uint64_t value = words[word] >> shift;
        if (shift + width > 64) value |= words[word + 1] << (64 - shift);
        values[i] = value & mask;
    }
}

static inline __attribute__((always_inline)) void pack(
    const uint64_t *restrict values, uint8_t *bytes, const unsigned width) {
    const uint64_t mask = mask_of(width);
    uint64_t words[65] = {0};
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < 64; i++) {
        const unsigned word = i * width / 64, shift = i * width % 64;
        const uint64_t value = values[i] & mask;
        words[word] |= value << shift;
        if (shift + width > 64) words[word + 1] |= value >> (64 - shift);
    }
    memcpy(bytes, words, 8 * width);
}

#define WIDTHS_1_TO_63(M) \
    M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15) M(16) \
    M(17) M(18) M(19) M(20) M(21) M(22) M(23) M(24) M(25) M(26) M(27) M(28) M(29) M(30) M(31) M(32) \
    M(33) M(34) M(35) M(36) M(37) M(38) M(39) M(40) M(41) M(42) M(43) M(44) M(45) M(46) M(47) M(48) \
    M(49) M(50) M(51) M(52) M(53) M(54) M(55) M(56) M(57) M(58) M(59) M(60) M(61) M(62) M(63)

#define DEFINE(w) \
    static void unpack_##w(const uint8_t *bytes, uint64_t *values) { unpack(bytes, values, w); } \
    static void pack_##w(const uint64_t *values, uint8_t *bytes) { pack(values, bytes, w); }
WIDTHS_1_TO_63(DEFINE)

#define UNPACK_CASE(w) case w: unpack_##w(bytes, values); break;
#define PACK_CASE(w) case w: pack_##w(values, bytes); break;

void sx_unpack64(const uint8_t *bytes, unsigned width, uint64_t *values) {
    switch (width) {
    case 0: memset(values, 0, 64 * sizeof *values); break;
    WIDTHS_1_TO_63(UNPACK_CASE)
    default: memcpy(values, bytes, 64 * sizeof *values); break;
    }
}

void sx_pack64(const uint64_t *values, unsigned width, uint8_t *bytes) {
    switch (width) {
    case 0: break;
    WIDTHS_1_TO_63(PACK_CASE)
    default: memcpy(bytes, values, 64 * sizeof *values); break;
    }
}
