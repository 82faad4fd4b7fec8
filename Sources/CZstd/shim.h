#ifndef HOLDFAST_CZSTD_SHIM_H
#define HOLDFAST_CZSTD_SHIM_H
// For `ZSTD_c_maxBlockSize`. What is declared for static linking may differ in another version of the library; a
// parameter that it does not know it refuses.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

/// How long a zstd block may be, or 0 in a version without that parameter.
static const int hfzstd_max_block_size =
#ifdef ZSTD_c_maxBlockSize
    ZSTD_c_maxBlockSize;
#else
    0;
#endif

#endif
