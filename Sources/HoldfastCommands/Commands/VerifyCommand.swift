import Holdfast
import HoldfastEngine
import HoldfastLog
import HoldfastStorage

extension Command {
    /// `holdfast verify`.
    static let verify = Command(
        name: "verify",
        summary: "Check every byte of a store, and change nothing.",
        operands: [.store],
        options: [
            .json,
            OptionRule(
                "deep", "also fold every session from its records, and hold its snapshots and head file against that"),
            OptionRule("write-receipt", .text("FILE"), "write a receipt of every record, to be kept elsewhere"),
            OptionRule("receipt", .text("FILE"), "prove that what this receipt covers is unaltered"),
        ],
        details: [
            "Reads the journal, every segment with every record, the snapshots and the index. Best while no program "
                + "has the store open: what is being written then may look torn.",
            "A receipt has, for each session, the number of its last record, the check of that record, with which the "
                + "chain of the segments ends, and a SHA-256 digest of all its records; and one digest for the whole "
                + "store, which is printed: who keeps that elsewhere needs to trust no file. Records that are appended "
                + "later, and new sessions, do not matter. Compaction replaces old records by a snapshot, of which a "
                + "receipt says nothing: of such a session only the records that are left are proved, and it is named.",
        ],
        examples: [
            ("holdfast verify ./store && rsync -a ./store backup:", "copy a store only when it is whole"),
            ("holdfast verify ./store --write-receipt monday.receipt", "note what there is now"),
            ("holdfast verify ./store --receipt monday.receipt", "prove that it is still there, unaltered"),
        ],
        exitCodes: [
            (.success, "everything that was acknowledged is there, and what the receipt covers is unaltered"),
            (.unproved, "nothing is altered, but compaction has replaced some of what the receipt covers"),
            (.committedDamage, "acknowledged data is damaged, lost or altered"),
            (.data, "the receipt is none, was changed, or is of another store"),
            (.cannotOpen, "the store cannot be opened"),
        ],
        run: { arguments, console throws(CommandError) in
            let report = try openingStore { () throws(CommandError) in
                try StoreCheck.run(on: arguments.store, console)
            }
            let story = RecoveryStory(check: report)
            try console.write(arguments.has("json") ? story.json(report) : Array(story.text(report).utf8))
            let more = try FurtherChecks(arguments, console).run()
            return report.hasCommittedDamage ? .committedDamage : more
        })
}

extension StoreCheck {
    /// Checks the store in the folder `path` with a progress bar.
    static func run(
        on path: String, _ console: any Console, bits: JournalBits = .told
    ) throws(CommandError) -> Report {
        let folder = try StoreAccess.folder(path)
        var progress: ProgressBar?
        var shown = 0
        defer { progress?.finish() }
        do throws(LogError) {
            return try StoreCheck(folder, bits: bits).run(threadCount: StoreAccess.processorCount) { done, total in
                let bar = progress ?? ProgressBar("Checking", total: total, on: console)
                progress = bar
                bar.advance(by: done - shown)
                shown = done
            }
        } catch {
            throw CommandError(HoldfastError(error))
        }
    }
}

/// Runs `body` for a command that answers ``ExitCode/cannotOpen`` whenever the store cannot be opened, but for a
/// store that another process holds.
func openingStore<Result>(_ body: () throws(CommandError) -> Result) throws(CommandError) -> Result {
    do throws(CommandError) {
        return try body()
    } catch {
        throw error.code == .temporary ? error : CommandError(.cannotOpen, error.message)
    }
}
