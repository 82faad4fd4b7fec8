#ifndef HOLDFAST_CZSTD_SHIM_H
#define HOLDFAST_CZSTD_SHIM_H
// For `ZSTD_c_maxBlockSize` and `ZSTD_c_forceAttachDict`. What is declared for static linking may differ in another
// version of the library; a parameter that it does not know it refuses.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

/// How long a zstd block may be, or 0 in a version without that parameter.
static const int hfzstd_max_block_size =
#ifdef ZSTD_c_maxBlockSize
    ZSTD_c_maxBlockSize;
#else
    0;
#endif

/// How a stream takes a dictionary, or 0 in a version without that parameter; and the value that has each frame load it
/// into the tables that the stream has been given: ZSTD_dictForceLoad, for which older headers have no name.
static const int hfzstd_attach_dictionary =
#ifdef ZSTD_c_forceAttachDict
    ZSTD_c_forceAttachDict;
#else
    0;
#endif
static const int hfzstd_load_dictionary = 3;

#endif
