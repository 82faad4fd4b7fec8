import HoldfastBytes
import HoldfastLog

/// What is done where one bit of a batch of the journal has flipped.
package enum JournalBits: Sendable {
    /// The batch cannot be read.
    case ignored
    /// Nor can it, but it is said that a single bit is all that is wrong. Costs a second reading of a damaged journal,
    /// and less than two seconds of search.
    case told
    /// The batch is read as if the bit had not flipped. Nothing is written.
    case turnedBack
}

extension JournalReader {
    /// Names the bits in `summary` that would mend what is damaged, if they mend all that is there.
    func tellOfBits(_ summary: inout JournalSummary) throws(LogError) {
        guard !summary.damage.isEmpty || summary.tornTail != nil else { return }
        let mended = try read(mendingWith: BitSearch(budget: .ofTelling)) { _ in }.mended
        let bits = Dictionary(mended.map { ($0.lastBatch, $0.bit) }) { first, _ in first }
        for place in summary.damage.indices {
            let (first, last) = (summary.damage[place].firstBatch, summary.damage[place].lastBatch)
            guard last < .max, first <= last, last - first < UInt64(bits.count),
                (first...last).allSatisfy(bits.keys.contains)
            else { continue }
            summary.damage[place].bit = bits[first] ?? nil
        }
        if let tail = summary.tornTail { summary.tornTail?.bit = bits[tail.firstBatch] ?? nil }
    }
}

extension BitSearch {
    /// The batch at `offset` of a journal file, where `rest` begins, if one flipped bit is all that keeps it from being
    /// the one that follows `position`.
    ///
    /// The proof is the batch's own: 64 bits of checksum over its header, 64 over all of it, its number and the check
    /// of the batch before.
    func batch(
        in rest: UnsafeRawBufferPointer, at offset: Int, of journal: JournalFile, after position: JournalPosition
    ) -> JournalStretch? {
        guard rest.count >= BatchHeader.byteCount else { return nil }
        let salt = journal.header.salt
        func header(_ head: [UInt8]) -> BatchHeader? {
            let header = head.withUnsafeBytes { try? BatchHeader(decoding: $0, offset: UInt64(offset), salt: salt) }
            guard let header, position.isFollowed(by: header), header.wholeByteCount <= rest.count else { return nil }
            return header
        }
        func stretch(_ header: BatchHeader, _ place: Int) -> JournalStretch {
            JournalStretch(
                path: journal.path, offset: UInt64(offset), byteCount: UInt64(header.wholeByteCount),
                reason: "batch \(header.number) had one flipped bit", firstBatch: header.number,
                lastBatch: header.number, bit: FlippedBit(offset: UInt64(offset + place >> 3), bit: place & 7))
        }
        var head = Array(rest.prefix(BatchHeader.byteCount))
        if let header = header(head) {
            return payload(Array(rest.prefix(header.wholeByteCount)), salt).map { stretch(header, $0) }
        }
        for place in 0..<head.count * 8 {
            head.flip(place)
            if let header = header(head) {
                let whole = head + rest.slice(head.count..<header.wholeByteCount)
                if whole.withUnsafeBytes({ BatchHeader.isIntact($0, salt: salt) }) { return stretch(header, place) }
            }
            head.flip(place)
        }
        return nil
    }

    /// The bit behind the header of a batch that makes it whole.
    private func payload(_ batch: [UInt8], _ salt: UInt64) -> Int? {
        guard budget.take(byteCount: batch.count) else { return nil }
        var batch = batch
        return batch.turnBack(from: BatchHeader.byteCount) { BatchHeader.isIntact($0, salt: salt) }
    }
}
