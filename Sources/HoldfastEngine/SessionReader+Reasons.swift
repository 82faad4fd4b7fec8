import HoldfastBytes
import HoldfastLog

extension SessionReader {
    /// What to tell a reader instead of `error`, where the files say more: of a session whose files are gone although
    /// the index knows it, and of first segments that are damaged, and neither trimmed nor missing.
    func explained(_ error: LogError) -> LogError {
        let session = scan.session
        guard let folder = try? scan.folder() else {
            return error
        }
        let promised = scan.witness.promisedSequence
        if folder.isEmpty, error.code == .unknownSession, promised > 0 {
            return LogError(
                .damaged,
                "The files of session '\(session)' are missing; the index proves that it has \(promised) records.")
        }
        guard error.code == .trimmed || error.code == .damaged && error.sequence == nil,
            let first = folder.segments.first, let opened = try? scan.open(first)
        else { return error }
        if case .failure(let fault) = opened {
            let path = StoreLayout.segmentFile(session, first)
            return LogError(
                .damaged, "Session '\(session)' is damaged from its beginning on: '\(path)': \(fault.reason)")
        }
        guard error.code == .trimmed, let missing = try? scan.missingFront(folder) else { return error }
        return LogError(.damaged, "Session '\(session)' is damaged: \(missing.reason)")
    }
}
