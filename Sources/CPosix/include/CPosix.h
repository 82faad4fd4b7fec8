// GNU extensions that Swift's Glibc module does not show.
//
// This header includes nothing of libc: a feature macro in front of a libc header would change the types that
// Swift has already imported. CPosix.c is compiled with _GNU_SOURCE and includes the rest.
#ifndef HOLDFAST_CPOSIX_H
#define HOLDFAST_CPOSIX_H

#include <stddef.h>
#include <stdint.h>

/// The symbolic name of an error number, such as "ENOSPC", or "errno" when it has none. Static storage.
const char *_Nonnull holdfast_errno_name(int32_t number);

/// A sentence for an error number, such as "No space left on device". Static storage, any thread, English.
const char *_Nonnull holdfast_errno_text(int32_t number);

/// Names the calling thread for debuggers and `ps -L`. Only the first 15 bytes are kept.
void holdfast_name_thread(const char *_Nonnull name);

/// Opens `path` below an open directory without following any link on the way (openat2, Linux 5.6); -1 and errno when
/// that fails. A new file gets `mode`.
int32_t holdfast_open_beneath(int32_t directory, const char *_Nonnull path, int32_t flags, uint32_t mode);

/// Opens the file behind a descriptor once more, for writes past the page cache that are durable when they return
/// (O_DIRECT, O_DSYNC); -1 and errno where that cannot be done, or /proc is not there.
int32_t holdfast_reopen_synced(int32_t descriptor);

/// Has memory of `byte_count` bytes or more mapped for itself, and given back to the system when it is freed; of what is
/// free at the end of a heap, twice as much is kept. By itself glibc raises both with the largest block that was ever
/// freed, up to 32 and 64 MiB.
void holdfast_map_large_blocks(int32_t byte_count);

/// Where the `wanted_count` bytes of `wanted` first stand in the `count` bytes of `bytes`, or NULL.
const void *_Nullable holdfast_find(const void *_Nonnull bytes, size_t count, const void *_Nonnull wanted,
                                    size_t wanted_count);

#endif
