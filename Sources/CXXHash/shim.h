#ifndef HOLDFAST_CXXHASH_SHIM_H
#define HOLDFAST_CXXHASH_SHIM_H
#include <xxhash.h>
#endif
