package import HoldfastBytes
package import HoldfastLog
import HoldfastStorage
import HoldfastThreads

// What is kept of sessions so that the next use need not read them.
extension LocalLog {
    package func place(_ claim: LogClaim) -> LogPlace? {
        guard let writer = openWriter(claim) else { return nil }
        return writer.state.withLock { state in
            guard state.failure == nil, !state.isFenced, let place = state.encoder.tail.place else { return nil }
            // So that whoever goes on from there can read the next record.
            state.encoder.beginBlock()
            return place
        }
    }

    package func putHead(_ claim: LogClaim, at place: LogPlace, _ content: [UInt8]) -> Bool {
        // Nobody claims the session meanwhile: what is written is what counts still.
        exclusively(claim.session) {
            guard isDurable(place, claim) else { return false }
            let head = HeadFile(session: claim.session, storeTag: store.tag, place: place, head: content)
            do throws(StorageError) {
                return try write(head)
            } catch {
                try? storage.remove(StoreLayout.headFile(claim.session) + StoreLayout.temporarySuffix)
                return false
            }
        }
    }

    /// The writer of the claim, unless the log is closed: the files may be another process's by then.
    private func openWriter(_ claim: LogClaim) -> SessionWriter? {
        guard (try? checkOpen()) != nil else { return nil }
        return try? current(claim)
    }

    private func isDurable(_ place: LogPlace, _ claim: LogClaim) -> Bool {
        guard let writer = openWriter(claim) else { return false }
        return writer.state.withLock {
            $0.failure == nil && !$0.isFenced && $0.durable.sequence >= place.sequence
        }
    }

    private func write(_ head: HeadFile) throws(StorageError) -> Bool {
        guard head.encodedByteLimit <= Limits.metadataByteCount else { return false }
        let files = HeadFiles(storage: storage, storeTag: store.tag)
        do throws(StorageError) {
            try files.write(head)
        } catch {
            // The folder exists once something has been flushed into it.
            guard error.code == .notFound, (try? flushToSegments()) != nil else { throw error }
            try files.write(head)
        }
        return true
    }

    package func head(_ session: SessionID) throws(LogError) -> KeptHead? {
        let writer = writer(of: session)
        // Whoever has just claimed the session has proved it.
        var found = writer?.state.withLock { $0.keptHead.take() }
        if found == nil { found = try fittingHead(session) }
        guard let found else { return nil }
        writer?.state.withLock { $0.place = found.place }
        return KeptHead(sequence: found.place.sequence, content: found.head)
    }

    private func fittingHead(_ session: SessionID) throws(LogError) -> HeadFile? {
        let scan = try scan(session)
        return scan.fittingHead(in: try SessionFolder(session, in: storage, also: Array(scan.unflushed.keys)))?.file
    }
}

extension HeadFile {
    /// No fewer bytes than the file has.
    fileprivate var encodedByteLimit: Int { head.count + 6 * session.text.utf8.count + 1024 }
}
