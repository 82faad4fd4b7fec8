import Holdfast
import HoldfastStorage

extension Command {
    /// `holdfast import`.
    static let importing = Command(
        name: "import",
        summary: "Import conversations from files and folders into a store.",
        operands: [
            .store, OperandRule("PATH", .oneOrMore, "a file, or a folder that is looked through with all below it"),
        ],
        options: [.json],
        details: [
            "'<session>.jsonl' holds one message object per line, as Claude Code keeps them under "
                + "~/.claude/projects. '<session>.json' is an object with an array 'messages', as hermes-webui "
                + "keeps them; its other members become the fields of a new session; the backups, the lists of deleted "
                + "sessions and the journals of turns beside it are taken into account. 'state.db' is the database of "
                + "hermes-agent. docs/interchange.md has the rules. Other names that begin with '_' or '.', and files "
                + "with other endings, are skipped. Links inside folders are not followed.",
            "What was imported once is never imported again: messages that were undone, cut off or taken back here "
                + "stay so, and deleted sessions stay deleted. A session that is as its file left it gets what is new "
                + "in the file; any other is left as it is, and named when the file has something new. What is no "
                + "message is named with its line and copied into the store's quarantine. The files are never changed: "
                + "at the end each is read again and compared, and so are the messages that the store gives back.",
            "The store is created when the folder is missing or empty.",
        ],
        examples: [
            ("holdfast import ./store ~/.claude/projects", "take over every Claude Code session"),
            ("holdfast import ./store talk.jsonl", "import one session, called 'talk'"),
            ("holdfast import ./store ~/.hermes/state.db", "take over the sessions of hermes-agent"),
        ],
        exitCodes: [
            (.success, "everything is in the store"),
            (.data, "something was left out: conflicts, damaged lines, unusable names; the rest was imported"),
            (.noInput, "a PATH is not there"),
            (.cannotCreate, "the store cannot be created here"),
            (.temporary, "another process has the store open"),
        ],
        run: { arguments, console throws(CommandError) in
            var scan = ImportScan(into: arguments.store)
            for path in arguments.rest { try scan.add(path) }
            let opened = try StoreAccess.open(arguments.store, creating: true)
            let importer = Importer(into: opened, reportingTo: console)
            let outcome = Result { () throws(CommandError) in try importer.run(scan) }
            try asking { () throws(HoldfastError) in try opened.store.close() }
            try outcome.get()
            try importer.measure(try StoreAccess.folder(arguments.store))
            let report = importer.report
            try console.write(arguments.has("json") ? report.json : Array(report.text.utf8))
            return report.isIncomplete ? .data : .success
        })
}
