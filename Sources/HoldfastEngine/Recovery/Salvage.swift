package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

extension StoreCheck {
    /// Gives out every record of `session` that can be read and proved, also behind damage, in order.
    ///
    /// Behind a damaged record the walk goes on at the next header whose check is right; compressed records come
    /// back with the next restart block. A record that nothing proves is left out: no byte is given out that was not
    /// written under its sequence. Reads only. Memory: one window of a segment, and one record.
    package func salvage(_ session: SessionID, _ body: (LogRecord) -> Void) throws(LogError) {
        let scan = try scan(of: session)
        let folder = try SessionFolder(session, in: scan.storage, also: Array(scan.unflushed.keys))
        var last: UInt64 = 0
        for number in folder.segments {
            guard case .success(let scanner) = try scan.open(number) else { continue }
            let decompressor = BlockDecompressor()
            while true {
                guard let record = try storing({ () throws(StorageError) in try scanner.next() }) else {
                    guard try storing({ () throws(StorageError) in try scanner.skipFault() }) else { break }
                    decompressor.leaveBlock()
                    continue
                }
                guard record.header.kind != RecordHeader.markKind, record.sequence > last else { continue }
                let payload = scanner.withStored(record) { decompressor.payload(of: record.header, stored: $0) }
                guard let payload else { continue }
                last = record.sequence
                body(
                    LogRecord(
                        sequence: last, kind: record.header.kind, time: record.header.time, payload: payload))
            }
        }
    }
}
