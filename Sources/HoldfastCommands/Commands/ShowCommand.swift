import Holdfast

extension Command {
    /// `holdfast show`.
    static let show = Command(
        name: "show",
        summary: "Show a session: its fields, its open turn and its messages.",
        operands: [.store, .session],
        options: [
            .json, OptionRule("from", .count("N"), "the place of the first message to show, counted from 0"),
            OptionRule("limit", .count("N"), "at most so many messages; all when it is not given"),
        ] + MessageChoice.options,
        details: [
            "For people each message is one line: its place, its role and how its text begins. With --json the "
                + "session is one object with every byte of the fields and messages as they were given. With --hidden "
                + "places count hidden messages too, and each is said to be 'compacted' or 'taken_back'. The store "
                + "may be in use."
        ],
        examples: [
            ("holdfast show ./store s1 --from 100 --limit 20", "twenty messages from the middle"),
            ("holdfast show ./store s1 --list context --hidden", "what the model was sent and is sent"),
            ("holdfast show ./store s1 --json > s1.json", "keep the whole session"),
        ],
        exitCodes: [
            (.success, "the session was shown"),
            (.data, "the session is damaged; what comes before the damage was shown"),
            (.noInput, "the store or the session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            StoreAccess.tellOfStoreFile(arguments, console)
            let store = try StoreAccess.openReadOnly(arguments.store)
            defer { try? store.close() }
            let view = SessionPrinter(
                store: store, session: arguments.operands[1], console: console, choice: MessageChoice(arguments),
                from: arguments.count("from") ?? 0, limit: arguments.count("limit") ?? .max)
            let damage = try arguments.has("json") ? view.printJSON() : view.printText()
            guard let damage else { return .success }
            console.complain(damage.sentence(arguments.operands[1]))
            return .data
        })
}
