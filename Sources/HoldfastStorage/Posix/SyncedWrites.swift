import CPosix
import Glibc

/// A second descriptor of a file, whose writes go past the page cache and are durable when they return (`O_DIRECT` and
/// `O_DSYNC`): one call for a write and a sync, without a copy in the page cache.
///
/// It is opened when it is first wanted. A file system or a device that does not take such writes is not asked again.
struct SyncedWrites: ~Copyable {
    private var descriptor: Descriptor?
    private var isRefused = false
    /// The system takes such writes from aligned memory only.
    private var room: UnsafeMutableRawBufferPointer?

    /// Disks address blocks of so many bytes, or of more; those that want more refuse what is not in multiples of it.
    private static let unit = 512
    private static let alignment = 4_096
    private static let leastRoom = 64 << 10
    /// For what is longer, the copy costs as much as the page cache does.
    private static let limit = 1 << 20

    deinit { room?.deallocate() }

    /// Writes `bytes` and makes them durable, if that can be done in this way; answers whether it was done.
    ///
    /// - Parameter number: the file's own descriptor.
    /// - Throws: what failed, which may be the sync: any part of the bytes may be there then.
    mutating func write(
        _ bytes: UnsafeRawBufferPointer, at start: off_t, of number: Int32, _ path: String
    ) throws(StorageError) -> Bool {
        guard !isRefused, bytes.count <= Self.limit, bytes.count % Self.unit == 0, start % off_t(Self.unit) == 0,
            let synced = opened(number)
        else { return false }
        let room = room(for: bytes.count)
        room.copyMemory(from: bytes)
        do throws(StorageError) {
            return try systemCall("write", path) { pwrite(synced, room.baseAddress, room.count, start) } == room.count
        } catch {
            // Whether a write that finds no room leaves anything in doubt, one in two steps can tell.
            if error.code == .noSpace { return false }
            guard error.errno == EINVAL || error.errno == EOPNOTSUPP else { throw error }
            descriptor = nil
            isRefused = true
            return false
        }
    }

    private mutating func opened(_ number: Int32) -> Int32? {
        if descriptor == nil {
            let synced = holdfast_reopen_synced(number)
            if synced >= 0 {
                descriptor = Descriptor(owning: synced)
            } else {
                // Descriptors may be had again later.
                isRefused = errno != EMFILE && errno != ENFILE
            }
        }
        switch descriptor {
        case .some(let open): return open.number
        case .none: return nil
        }
    }

    private mutating func room(for byteCount: Int) -> UnsafeMutableRawBufferPointer {
        var capacity = room?.count ?? 0
        if capacity < byteCount {
            room?.deallocate()
            capacity = Self.leastRoom
            while capacity < byteCount { capacity *= 2 }
            room = .allocate(byteCount: capacity, alignment: Self.alignment)
        }
        return UnsafeMutableRawBufferPointer(start: room?.baseAddress, count: byteCount)
    }
}
