import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

extension Command {
    /// `holdfast recover`.
    static let recover = Command(
        name: "recover",
        summary: "Bring a store back to what it had acknowledged, and say what was found.",
        operands: [.store],
        options: [.json, OptionRule("dry-run", "change nothing, only say what would be done")],
        details: [
            "Opening a store does the same by itself; this command is for looking at it. It replays the journal, cuts "
                + "what was never acknowledged, sets damaged bytes aside in the store's quarantine, rebuilds a damaged "
                + "index, and then checks every byte as 'holdfast verify' does. Prompts that wait for an answer are "
                + "kept and named. It may be killed and run again at any time."
        ],
        examples: [
            ("holdfast recover ./store --dry-run", "see what a crash has left, before anything is touched"),
            ("holdfast recover ./store --json", "recover, with a report for a program"),
        ],
        exitCodes: [
            (.success, "nothing was wrong"), (.tornTail, "something that was never acknowledged was cut off"),
            (.committedDamage, "acknowledged data is damaged or lost"), (.cannotOpen, "the store cannot be opened"),
            (.temporary, "another process has the store open"),
        ],
        run: { arguments, console throws(CommandError) in
            let story =
                arguments.has("dry-run")
                ? try Recovering.plan(arguments.store, console) : try Recovering.run(arguments.store, console)
            try console.write(arguments.has("json") ? story.json() : Array(story.text().utf8))
            if story.hasCommittedDamage { return .committedDamage }
            return story.hasTornTail ? .tornTail : .success
        })
}

/// The two ways to make a recovery's story.
private enum Recovering {
    /// Says what a recovery would do. Writes nothing.
    static func plan(_ path: String, _ console: any Console) throws(CommandError) -> RecoveryStory {
        let (check, store) = try openingStore { () throws(CommandError) in
            (try StoreCheck.run(on: path, console), try StoreAccess.openReadOnly(path))
        }
        defer { try? store.close() }
        var story = RecoveryStory(check: check)
        story.isDryRun = true
        story.pending = try store.allPending()
        story.countRecords(in: store)
        return story
    }

    /// Recovers the store, and checks what it has then.
    static func run(_ path: String, _ console: any Console) throws(CommandError) -> RecoveryStory {
        let opened = try openingStore { () throws(CommandError) in try StoreAccess.open(path, creating: false) }
        var story = RecoveryStory(recovery: opened.recovery)
        let looked = Result { () throws(CommandError) in
            story.rebuiltIndex = try asking { () throws(HoldfastError) in
                do throws(LogError) { return try opened.log.repairIndex() } catch { throw HoldfastError(error) }
            }
            story.pending = try opened.store.allPending()
            story.countRecords(in: opened.store)
        }
        try asking { () throws(HoldfastError) in try opened.store.close() }
        try looked.get()
        story.add(try openingStore { () throws(CommandError) in try StoreCheck.run(on: path, console) })
        return story
    }
}
