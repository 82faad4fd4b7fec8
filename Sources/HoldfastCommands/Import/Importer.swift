import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastStorage

/// Imports files into an open store, one after the other; their writes overlap.
final class Importer {
    private let opened: HoldfastStore.Opened
    private let console: any Console
    private let writes: WritesInFlight
    private var progress: ProgressBar?
    /// The files whose last writes may not be answered yet.
    private var tallies: [ImportReport.Tally] = []
    /// The sessions that the store has now as their files have them.
    private(set) var sessions: [SessionID] = []
    private(set) var report = ImportReport()

    init(into opened: HoldfastStore.Opened, reportingTo console: any Console) {
        self.opened = opened
        self.console = console
        writes = WritesInFlight(to: opened.store)
    }

    /// Imports what `scan` found. Everything that the report counts is durable on return.
    ///
    /// - Throws: what makes going on pointless; what was imported until then stays, and a second run completes it.
    func run(_ scan: ImportScan) throws(CommandError) {
        let begun = Moment.monotonic()
        report.skipped = scan.skippedCount
        for problem in scan.problems { note(problem) }
        let progress = ProgressBar("Importing", total: scan.byteCount, on: console)
        self.progress = progress
        defer { progress.finish() }
        for file in scan.files {
            do throws(CommandError) {
                try add(file)
            } catch {
                // A store that failed ends the import here; what failed otherwise is this one file.
                _ = try writes.failures()
                report.failed += 1
                note("'\(file.shownPath)': \(error.message)")
            }
        }
        try settle()
        report.milliseconds = (Moment.monotonic() - begun) / 1_000_000
    }

    /// Waits for the last writes, and counts each session by what became of them.
    private func settle() throws(CommandError) {
        let failures = try writes.failures()
        for tally in tallies {
            if let failure = failures[tally.session.text] {
                report.failed += 1
                note("Session '\(tally.session)': \(failure.message)")
            } else {
                report.count(tally)
                sessions.append(tally.session)
            }
        }
        tallies = []
    }

    private func add(_ file: ImportFile) throws(CommandError) {
        var session: SessionImport?
        var bytesLeft = Int(file.byteCount)
        defer { progress?.advance(by: bytesLeft) }
        let damagedBefore = report.damaged
        let isSession = try file.read(
            begin: { (fields) throws(CommandError) in
                session = try asking { () throws(HoldfastError) in
                    try SessionImport(file.session.text, fields: fields, into: opened.store, through: writes)
                }
            },
            { (item) throws(CommandError) in
                switch item {
                case .message(let message):
                    try session?.take(message)
                    let done = min(message.count, bytesLeft)
                    bytesLeft -= done
                    progress?.advance(by: done)
                case .damaged(let piece): try setAside(piece, of: file)
                }
            })
        if !isSession { report.skipped += 1 }
        guard var session else { return }
        let outcome = try session.finish(isDamaged: report.damaged > damagedBefore)
        if case .conflict(let reason) = outcome {
            report.conflicting += 1
            return note("'\(file.shownPath)': \(reason); the session was left as it is.")
        }
        tallies.append(session.tally(outcome, file.session))
    }

    private func setAside(_ piece: DamagedPiece, of file: ImportFile) throws(CommandError) {
        report.damaged += 1
        guard report.damaged <= ImportLimits.copiedPieces else { return }
        let place = piece.place.isEmpty ? "" : " \(piece.place)"
        if piece.bytes.isEmpty {
            return note("'\(file.shownPath)'\(place): \(piece.reason); left in the file.")
        }
        do throws(LogError) {
            let copy = try opened.log.setAside(
                piece.bytes, session: file.session, path: file.shownPath, offset: piece.offset,
                reason: piece.reason)
            report.setAside += 1
            note("'\(file.shownPath)'\(place): \(piece.reason); copied to '\(copy)'.")
        } catch {
            throw CommandError(HoldfastError(error))
        }
    }

    private func note(_ problem: String) {
        guard report.problems.count < ImportLimits.copiedPieces else { return }
        report.problems.append(problem)
        progress?.finish()
        console.complain(DisplayText.oneLine(problem))
    }

    /// Adds up what the segments of the imported sessions take. Call it when the store has been closed.
    func measure(_ folder: any Storage) throws(CommandError) {
        try filing { () throws(StorageError) in
            for session in Set(sessions) {
                let path = StoreLayout.sessionFolder(session)
                guard try folder.attributes(path) != nil else { continue }
                for entry in try folder.list(path) where StoreLayout.segmentNumber(entry.name) != nil {
                    report.segmentBytes += try folder.attributes("\(path)/\(entry.name)")?.byteCount ?? 0
                }
            }
        }
    }
}
