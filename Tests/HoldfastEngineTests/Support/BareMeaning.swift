import HoldfastEngine
import HoldfastLog

/// Records of which only the log's part matters.
struct BareMeaning: SalvageMeaning {
    final class Fold: SalvageFold {
        func fits(_ record: LogRecord) -> Bool { true }
    }

    func filler(_ sequence: UInt64) -> (kind: UInt8, payload: [UInt8]) { (200, Array("lost".utf8)) }
    func time(of snapshot: any SnapshotSource) -> UInt64? { nil }
    func fold(from snapshot: (any SnapshotSource)?) -> any SalvageFold { Fold() }
}
