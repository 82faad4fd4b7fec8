package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage

/// What the journal holds, as of one reading.
package struct JournalOutline: Sendable {
    /// A file with a valid header.
    package struct File: Sendable, Equatable {
        package var path: String
        package var number: UInt64
        package var byteCount: UInt64
        package var firstBatch: UInt64
        /// Of the batches that were found in it.
        package var batchCount = 0
        package var usedByteCount: UInt64 = 0
    }

    /// Oldest first.
    package var files: [File] = []
    /// Files in the folder that have never been in use, or are about to be used again.
    package var idleFileCount = 0
    package var lastBatch: UInt64 = 0
    package var lowWaterMark: UInt64 = 0
    /// Whether the store was closed in order after the last batch.
    package var isClosedInOrder = false
    /// What is above the low-water mark: after a crash this is what would be replayed.
    package var waitingWriteCount = 0
    package var waitingByteCount: UInt64 = 0
    /// The sessions that a crash now would have opening look at.
    package var sessions: [SessionID] = []
    /// Damage, batches that cannot be read and are not needed, the end of a write in progress.
    package var findings: [RecoveryReport.Finding] = []

    package init() {}

    /// The length of all files in use.
    package var byteCount: UInt64 { files.reduce(0) { $0 + $1.byteCount } }
    /// How much of them the batches take.
    package var usedByteCount: UInt64 { files.reduce(0) { $0 + $1.usedByteCount } }
}

/// One batch of the journal.
package struct JournalBatch: Sendable, Equatable {
    /// Bytes for one segment.
    package struct Write: Sendable, Equatable {
        package var session: SessionID
        package var segment: UInt32
        package var offset: UInt64
        package var byteCount: Int
    }

    package var path: String
    package var offset: UInt64
    package var header: BatchHeader
    package var writes: [Write]
    /// How many other entries there are: of segments that are written directly, and of the index.
    package var noticeCount: Int
}

extension StoreInspector {
    /// Reads the journal once more, and calls `body` with each batch in order. Memory: one file, and what is above the
    /// low-water mark.
    package func journal(_ body: (JournalBatch) -> Void = { _ in }) throws(LogError) -> JournalOutline {
        var files: [String: (batches: Int, bytes: UInt64)] = [:]
        let reader = JournalReader(storage: storage, storeTag: store.tag, bits: .told)
        let summary = try reader.read { (batch) throws(LogError) in
            files[batch.file.path, default: (0, 0)].batches += 1
            files[batch.file.path, default: (0, 0)].bytes += UInt64(batch.header.paddedByteCount)
            body(JournalBatch(batch))
        }
        let overlay = view.overlay
        var outline = JournalOutline()
        outline.files = summary.files.map { file in
            let used = files[file.path] ?? (0, 0)
            return JournalOutline.File(
                path: file.path, number: file.header.number, byteCount: file.byteCount,
                firstBatch: file.header.firstBatch, batchCount: used.batches, usedByteCount: used.bytes)
        }
        outline.idleFileCount = summary.paths.count - summary.files.count
        outline.lastBatch = summary.position.lastBatch
        outline.lowWaterMark = summary.lowWaterMark
        outline.isClosedInOrder = summary.closedCleanly
        outline.waitingWriteCount = overlay.writeCount
        outline.waitingByteCount = UInt64(overlay.extents.byteCount)
        outline.sessions = overlay.sessions
        outline.findings = summary.findings
        return outline
    }
}

extension JournalBatch {
    fileprivate init(_ batch: JournalReader.Batch) {
        path = batch.file.path
        offset = batch.offset
        header = batch.header
        writes = []
        for entry in batch.entries {
            guard case .write(let segment, let offset, let bytes) = entry else { continue }
            writes.append(
                Write(
                    session: segment.session, segment: segment.number, offset: UInt64(offset), byteCount: bytes.count))
        }
        noticeCount = batch.entries.count - writes.count
    }
}
