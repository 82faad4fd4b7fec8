import Holdfast

extension Command {
    /// `holdfast compact`.
    static let compact = Command(
        name: "compact",
        summary: "Write snapshots, and drop the records that they replace.",
        operands: [.store, OperandRule("SESSION", .any, "the sessions to compact; all when none is named")],
        options: [],
        details: [
            "A session with records since its last snapshot gets a new one. Records go only after the snapshot "
                + "was synced, read back and verified, and one older generation is kept; of a deleted session only "
                + "its tombstone stays. A running store compacts by itself; this is for stores at rest."
        ],
        examples: [("holdfast compact ./store", "compact every session")],
        exitCodes: [
            (.success, "done"), (.data, "a session is damaged"),
            (.temporary, "another process has the store open"),
        ],
        run: { arguments, console throws(CommandError) in
            let opened = try StoreAccess.open(arguments.store, creating: false)
            let sessions =
                arguments.rest.isEmpty
                ? try asking { () throws(HoldfastError) in try opened.store.everySessionBlocking() }
                : Array(arguments.rest)
            let progress = ProgressBar("Compacting", total: sessions.count, on: console)
            var written = 0
            var result = ExitCode.success
            for session in sessions {
                do throws(HoldfastError) {
                    written += try opened.store.compactBlocking(session)
                } catch {
                    progress.finish()
                    console.complain(DisplayText.oneLine("Session '\(session)': \(error.message)"))
                    result = ExitCode(error.code)
                }
                progress.advance(by: 1)
            }
            progress.finish()
            try asking { () throws(HoldfastError) in try opened.store.close() }
            try console.line("\(Human.count(written, "snapshot")) written, \(Human.count(sessions.count, "session")).")
            return result
        })
}
