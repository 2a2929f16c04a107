// The system's liblz4 (Debian: liblz4-dev): block format, fast and high compression.
#include <lz4.h>
#include <lz4hc.h>
