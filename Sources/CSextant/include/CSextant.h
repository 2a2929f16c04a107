// What Swift cannot express well: a processor instruction, unrolled bit packing, memory that is given back, turns of threads.
// Every function trusts its arguments; ChunkCodec checks them.
#ifndef CSEXTANT_H
#define CSEXTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has an instruction for CRC32C.
bool sx_crc32c_is_supported(void);

/// CRC32C of `count` bytes that follow bytes whose CRC32C is `crc`. Only where sx_crc32c_is_supported().
uint32_t sx_crc32c(uint32_t crc, const void *bytes, size_t count);

/// Packs the low `width` bits (0...64) of 64 values, least significant bit first, into 8 * width bytes.
void sx_pack64(const uint64_t *values, unsigned width, uint8_t *bytes);

/// Reads 64 values of `width` bits (0...64) from exactly 8 * width bytes.
void sx_unpack64(const uint8_t *bytes, unsigned width, uint64_t *values);

/// Lets the C library keep up to 64 MiB of freed memory instead of giving it back to the kernel at once. Buffers of
/// requests come and go all the time; page faults for them cost more than decoding them does.
void sx_keep_freed_memory(void);

/// Gives back what the C library keeps of freed memory, of all threads.
void sx_release_freed_memory(void);

/// Gives back memory that is not in use: what the C library keeps of freed memory, and the pages of the program's and its
/// libraries' code and constants. The pages that are used again come back from the page cache, some microseconds each 64 KiB;
/// those that only the start needed do not.
void sx_release_unused_memory(void);

/// Sets how long the turns of the calling thread are while others wait for the processor, and those of threads that it starts
/// later. Who wakes up takes the processor from a thread of longer turns at once. Linux before 6.12 does not look at it.
/// Returns 0, or an errno.
int sx_set_turn(uint64_t nanos);

#endif
