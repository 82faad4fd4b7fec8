package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage
import HoldfastThreads

// What is kept of sessions so that the next use need not read them.
extension LocalLog {
    package func beginHead(_ claim: LogClaim) -> Sequence? {
        guard let writer = openWriter(claim) else { return nil }
        return writer.state.withLock { state in
            guard state.failure == nil, !state.isFenced, let place = state.encoder.tail.place else { return nil }
            state.encoder.beginBlock()
            state.nextHeadPlace = place
            return place.sequence
        }
    }

    package func putHead(_ claim: LogClaim, through sequence: Sequence, _ content: [UInt8]) -> Bool {
        // Nobody claims the session meanwhile: what is written is what counts still.
        exclusively(claim.session) {
            guard let place = durablePlace(of: sequence, claim) else { return false }
            let head = HeadFile(session: claim.session, storeTag: store.tag, place: place, head: content)
            return (try? write(head.encoded(), of: claim.session)) ?? false
        }
    }

    private func write(_ bytes: [UInt8], of session: SessionID) throws(StorageError) -> Bool {
        guard bytes.count <= Limits.metadataByteCount else { return false }
        let files = HeadFiles(storage: storage, storeTag: store.tag)
        do throws(StorageError) {
            try files.write(bytes, of: session)
        } catch {
            // The folder exists once something has been flushed into it.
            guard error.code == .notFound, (try? flushToSegments()) != nil else { throw error }
            try files.write(bytes, of: session)
        }
        return true
    }

    /// The writer of the claim, unless the log is closed: the files may be another process's by then.
    private func openWriter(_ claim: LogClaim) -> SessionWriter? {
        guard (try? checkOpen()) != nil else { return nil }
        return try? current(claim)
    }

    /// Where the head of record `sequence` was begun, if the record is durable.
    private func durablePlace(of sequence: Sequence, _ claim: LogClaim) -> LogPlace? {
        openWriter(claim)?.state.withLock { state in
            guard state.failure == nil, !state.isFenced, state.durable.sequence >= sequence,
                state.nextHeadPlace?.sequence == sequence
            else { return nil }
            return state.nextHeadPlace
        }
    }

    package func head(_ session: SessionID) throws(LogError) -> KeptHead? {
        let writer = writer(of: session)
        // Whoever has just claimed the session has proved it.
        var found = writer?.state.withLock { $0.keptHead.take() }
        if found == nil { found = try scan(session).fittingHead() }
        guard let found else { return nil }
        writer?.state.withLock { $0.place = found.place }
        return KeptHead(sequence: found.place.sequence, content: found.head)
    }
}
