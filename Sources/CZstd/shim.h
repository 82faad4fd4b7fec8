#ifndef HOLDFAST_CZSTD_SHIM_H
#define HOLDFAST_CZSTD_SHIM_H
#include <zstd.h>
#endif
