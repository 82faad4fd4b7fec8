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
        options: [.json],
        details: [
            "Reads the journal, every segment with every record, the snapshots and the index. Best while no program "
                + "has the store open: what is being written then may look torn."
        ],
        examples: [("holdfast verify ./store && rsync -a ./store backup:", "copy a store only when it is whole")],
        exitCodes: [
            (.success, "everything that was acknowledged is there"),
            (.committedDamage, "acknowledged data is damaged or lost"), (.cannotOpen, "the store cannot be opened"),
        ],
        run: { arguments, console throws(CommandError) in
            let report = try openingStore { () throws(CommandError) in
                try StoreCheck.run(on: arguments.store, console)
            }
            let story = RecoveryStory(check: report)
            try console.write(arguments.has("json") ? story.json(report) : Array(story.text(report).utf8))
            return report.hasCommittedDamage ? .committedDamage : .success
        })
}

extension StoreCheck {
    /// Checks the store in the folder `path` with a progress bar.
    static func run(on path: String, _ console: any Console) throws(CommandError) -> Report {
        let folder = try StoreAccess.folder(path)
        var progress: ProgressBar?
        var shown = 0
        defer { progress?.finish() }
        do throws(LogError) {
            return try StoreCheck(folder).run(threadCount: StoreAccess.processorCount) { done, total in
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
