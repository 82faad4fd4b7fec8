import Holdfast

extension Command {
    /// `holdfast export`.
    static let export = Command(
        name: "export",
        summary: "Write sessions as files: messages byte for byte, or what another program reads.",
        operands: [.store, OperandRule("SESSION", .any, "the sessions to write; all when none is named")],
        options: [
            OptionRule("to", .text("DIR"), "the folder for the files, one of each session; made when missing"),
            OptionRule(
                "format", .choice(ExportFormat.allCases.map(\.rawValue)),
                "one message per line (the default), one document per session, or the documents and the index of "
                    + "hermes-webui"),
        ] + MessageChoice.options,
        details: [
            "Without --to one session is written to standard output. A file appears whole or not at all, replaces "
                + "one of the same name, and is readable by its owner only. Characters of an id that are unfit for a "
                + "file name are escaped as %xx; 'holdfast import' takes them back.",
            "hermes-webui gets '<session>.json' and '_index.json' as it writes them itself; a session that was "
                + "imported from it and not changed comes out byte for byte. Ids that it cannot read are named "
                + "and left out.",
            "In JSON lines, a message that contains line breaks between its values is written without whitespace "
                + "there; the number of such messages is told. --list and --hidden are for this format. The store "
                + "may be in use.",
        ],
        examples: [
            ("holdfast export ./store --to ./backup", "write every session"),
            ("holdfast export ./store s1 | jq .role", "look at one session"),
            ("holdfast export ./store s1 --hidden", "with what was compacted away or taken back"),
            ("holdfast export --format hermes-webui --to ./sessions ./store", "hand all sessions to hermes-webui"),
        ],
        exitCodes: [
            (.success, "everything was written"),
            (.data, "a session is damaged, or cannot be in this format; the rest was written"),
            (.noInput, "the store or a session is not there"),
            (.cannotCreate, "a file or the folder cannot be made"),
        ],
        run: { arguments, console throws(CommandError) in
            guard arguments.text("to") != nil || arguments.rest.count == 1 else {
                throw CommandError(.usage, "Name one SESSION, or a folder with --to.")
            }
            StoreAccess.tellOfStoreFile(arguments, console)
            let store = try StoreAccess.openReadOnly(arguments.store)
            defer { try? store.close() }
            let format = arguments.text("format").flatMap(ExportFormat.init) ?? .jsonl
            let choice = MessageChoice(arguments)
            guard format == .jsonl || choice == MessageChoice() else {
                throw CommandError(.usage, "--list and --hidden go with JSON lines only.")
            }
            var exporter = SessionExporter(store, format, choice)
            guard let folder = arguments.text("to") else {
                _ = try format.fileName(arguments.operands[1])
                let damage = try exporter.write(arguments.operands[1]) { (bytes) throws(CommandError) in
                    try console.write(bytes)
                }
                exporter.explain(on: console)
                guard let damage else { return .success }
                console.complain(damage.sentence(arguments.operands[1]))
                return .data
            }
            if NamedPath.leads(folder, into: arguments.store) {
                throw CommandError(.usage, "'\(folder)' is in the store. Name a folder elsewhere.")
            }
            let sessions =
                arguments.rest.isEmpty
                ? try store.allRows().map(\.summary.session) : Array(arguments.rest)
            return try FolderExport(exporter, folder, console).run(sessions)
        })
}
