import HoldfastBytes
package import HoldfastStorage

#if canImport(Glibc)
import Glibc
#endif

/// What the file `meter` of a store says to another process.
package enum MeterReading: Sendable, Equatable {
    /// There is no such file: no process that counts has had the store open, or its disk is read-only.
    case none
    /// There is one, and it is not a whole sample of this version.
    case unreadable
    /// A process that runs on this machine has the store open.
    case running(MeterSample)
    /// The process has closed the store.
    case closed(MeterSample)
    /// The process that wrote it cannot be seen: it has ended, or it runs elsewhere or in another container.
    case gone(MeterSample)

    /// The longest file that is read. A sample of the longest session ids takes less.
    private static let byteLimit = 64 << 10
    /// A file that is being written is read again.
    private static let attempts = 4
    private static let pauseMicroseconds: UInt32 = 2_000

    /// Reads the file. Takes no lock and writes nothing; the answer may be a second old.
    ///
    /// - Parameter mark: tells the mark of a running process; `nil` for one that does not run.
    package init(
        of storage: any Storage, mark: (UInt64) -> String? = { ProcessMark.of($0) }
    ) throws(StorageError) {
        for attempt in 1...Self.attempts {
            if attempt > 1 { usleep(Self.pauseMicroseconds) }
            guard let bytes = try Self.content(storage) else {
                self = .none
                return
            }
            guard let sample = MeterSample(line: bytes) else { continue }
            if sample.isClosed {
                self = .closed(sample)
            } else {
                self = mark(sample.process.id) == sample.process.mark ? .running(sample) : .gone(sample)
            }
            return
        }
        self = .unreadable
    }

    /// The sample, when there is one.
    package var sample: MeterSample? {
        switch self {
        case .none, .unreadable: nil
        case .running(let sample), .closed(let sample), .gone(let sample): sample
        }
    }

    /// At most ``byteLimit`` bytes; `nil` when there is no file.
    private static func content(_ storage: any Storage) throws(StorageError) -> [UInt8]? {
        do throws(StorageError) {
            return try storage.open(StoreLayout.meterFile, .read).read(count: byteLimit, at: 0)
        } catch {
            // Something else under that name, such as a link or a folder, is no sample.
            guard [.notFound, .invalid, .isADirectory].contains(error.code) else { throw error }
            return error.code == .notFound ? nil : []
        }
    }
}
