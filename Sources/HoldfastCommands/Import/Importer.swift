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
    /// What the store has now as its files have it.
    private var imported: [ImportReport.Tally] = []
    private var sources = SourceProof()
    private(set) var report = ImportReport()

    init(into opened: HoldfastStore.Opened, reportingTo console: any Console) {
        self.opened = opened
        self.console = console
        writes = WritesInFlight(to: opened.store)
    }

    /// Imports what `scan` found, and compares what the store has then with what the files have. Everything that the
    /// report counts is durable on return.
    ///
    /// - Throws: what makes going on pointless; what was imported until then stays, and a second run completes it.
    func run(_ scan: ImportScan) throws(CommandError) {
        let begun = Moment.monotonic()
        report.skipped = scan.skippedCount
        for problem in scan.problems { complain(problem) }
        for text in scan.notes { note(text) }
        let progress = ProgressBar("Importing", total: scan.byteCount, on: console)
        self.progress = progress
        defer { progress.finish() }
        for file in scan.files {
            do throws(CommandError) {
                try sources.note(file)
                try add(file)
            } catch {
                try fail("'\(file.shownPath)': \(error.message)")
            }
        }
        try settle()
        progress.finish()
        prove()
        report.milliseconds = (Moment.monotonic() - begun) / 1_000_000
    }

    /// Names what could not be imported. A store that failed ends the import here; what failed otherwise is one
    /// session.
    private func fail(_ problem: String) throws(CommandError) {
        _ = try writes.failures()
        report.failed += 1
        complain(problem)
    }

    /// Waits for the last writes, and counts each session by what became of them.
    private func settle() throws(CommandError) {
        let failures = try writes.failures()
        for tally in tallies {
            if let failure = failures[tally.session.text] {
                report.failed += 1
                complain("Session '\(tally.session)': \(failure.message)")
            } else {
                report.count(tally)
                imported.append(tally)
            }
        }
        tallies = []
    }

    /// Reads every session back from the store, and every file again.
    private func prove() {
        for tally in imported {
            guard let proof = tally.proof else { continue }
            report.before.add(proof.visible)
            do throws(CommandError) {
                let found = try proof.inStore(opened.store, tally.session.text)
                report.after.add(found.visible)
                if found == proof { continue }
                complain("Session '\(tally.session)': the store gives back other messages than the file has.")
            } catch {
                complain("Session '\(tally.session)': \(error.message)")
            }
        }
        (report.sourceFiles, report.sourceBytes, report.sourceHash) = (sources.count, sources.byteCount, sources.hash)
        report.changedSources = sources.changed()
        for path in report.changedSources {
            complain("'\(path)' was changed by another program during the import; import it again.")
        }
    }

    private func add(_ file: ImportFile) throws(CommandError) {
        var session: SessionImport?
        var bytesLeft = Int(file.byteCount)
        defer { progress?.advance(by: bytesLeft) }
        var damagedBefore = report.damaged
        let isSession = try file.read { (item) throws(CommandError) in
            switch item {
            case .session(let header):
                try finish(session.take(), of: file, isDamaged: report.damaged > damagedBefore)
                if file.shape.holdsMany { damagedBefore = report.damaged }
                session = try begin(header, of: file)
            case .damaged(let piece): try setAside(piece, of: file)
            case .note(let text): note(text)
            case .problem(let text): complain(text)
            default:
                try session?.take(item)
                if case .message(let message) = item {
                    let done = min(message.count, bytesLeft)
                    bytesLeft -= done
                    progress?.advance(by: done)
                }
            }
        }
        if !isSession { report.skipped += 1 }
        try finish(session, of: file, isDamaged: report.damaged > damagedBefore)
    }

    /// Begins a session; of a database's many, one that cannot be begun is named and passed over.
    private func begin(_ header: ImportedSession, of file: ImportFile) throws(CommandError) -> SessionImport? {
        do throws(HoldfastError) {
            return try SessionImport(header, into: opened.store, through: writes)
        } catch {
            try fail("'\(file.shownPath)', session '\(header.id)': \(error.message)")
            return nil
        }
    }

    private func finish(_ session: SessionImport?, of file: ImportFile, isDamaged: Bool) throws(CommandError) {
        guard var session else { return }
        let outcome = try session.finish(isDamaged: isDamaged)
        if case .conflict(let reason) = outcome {
            report.conflicting += 1
            let place = file.shape.holdsMany ? ", session '\(session.header.id)'" : ""
            return complain("'\(file.shownPath)'\(place): \(reason); the session was left as it is.")
        }
        if outcome == .deleted {
            note("Session '\(session.header.id)' was deleted in the store; '\(file.shownPath)' does not bring it back.")
        }
        if outcome == .added, let text = session.note { note(text) }
        tallies.append(session.tally(outcome))
    }

    private func setAside(_ piece: DamagedPiece, of file: ImportFile) throws(CommandError) {
        report.damaged += 1
        guard report.damaged <= ImportLimits.copiedPieces else { return }
        let place = piece.place.isEmpty ? "" : " \(piece.place)"
        if piece.bytes.isEmpty {
            return complain("'\(file.shownPath)'\(place): \(piece.reason); left in the file.")
        }
        do throws(LogError) {
            let copy = try opened.log.setAside(
                piece.bytes, session: file.session, path: file.shownPath, offset: piece.offset,
                reason: piece.reason)
            report.setAside += 1
            complain("'\(file.shownPath)'\(place): \(piece.reason); copied to '\(copy)'.")
        } catch {
            throw CommandError(HoldfastError(error))
        }
    }

    /// Names what was not imported, or is not as it should be.
    private func complain(_ problem: String) {
        guard report.problems.count < ImportLimits.copiedPieces else { return }
        report.problems.append(problem)
        progress?.finish()
        console.complain(DisplayText.oneLine(problem))
    }

    /// Tells how something was imported.
    private func note(_ text: String) {
        guard report.notes.count < ImportLimits.copiedPieces else { return }
        report.notes.append(text)
        progress?.finish()
        console.complain(DisplayText.oneLine(text))
    }

    /// Adds up what the segments of the imported sessions take. Call it when the store has been closed.
    func measure(_ folder: any Storage) throws(CommandError) {
        try filing { () throws(StorageError) in
            for session in Set(imported.map(\.session)) {
                let path = StoreLayout.sessionFolder(session)
                guard try folder.attributes(path) != nil else { continue }
                for entry in try folder.list(path) where StoreLayout.segmentNumber(entry.name) != nil {
                    report.segmentBytes += try folder.attributes("\(path)/\(entry.name)")?.byteCount ?? 0
                }
            }
        }
    }
}
