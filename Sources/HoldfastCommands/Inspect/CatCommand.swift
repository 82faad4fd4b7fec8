import Holdfast

extension Command {
    /// `holdfast cat`.
    static let cat = Command(
        name: "cat",
        summary: "Show a session whole, as it is or as it was at any of its records.",
        operands: [.store, .session],
        options: [
            SessionPoint.option("at", "the session as it was then"), .json,
            OptionRule("from", .count("N"), "the place of the first message to show, counted from 0"),
            OptionRule("limit", .count("N"), "at most so many messages; all when it is not given"),
        ] + MessageChoice.options,
        details: [
            "Made by applying the records up to there, from the newest snapshot before. A time stands for the last "
                + "record "
                + "that is not later. Compaction keeps the newest snapshot, one before it, and the records since that "
                + "one: what was before cannot be had any more, and the message says what the oldest point is.",
            "The store may be in use. 'holdfast show' shows one line per message.",
        ],
        examples: [
            ("holdfast cat ./store s1 --at 120", "the session after its record 120"),
            ("holdfast cat ./store s1 --at '2026-08-22 14:00' --json > before.json", "as it was at two"),
        ],
        exitCodes: [
            (.success, "the session was shown"),
            (.data, "the point cannot be had, or the session is damaged; what comes before the damage was shown"),
            (.noInput, "the store or the session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            StoreAccess.tellOfStoreFile(arguments, console)
            let session = arguments.operands[1]
            let inspector = try StoreAccess.inspect(arguments.store)
            let point = SessionPoint(inspector: inspector, session: try sessionID(session))
            let sequence = try point.sequence(arguments.text("at"))
            let store = try StoreAccess.openReadOnly(arguments.store)
            defer { try? store.close() }
            var printer = SessionPrinter(store: store, session: session, console: console)
            printer.sequence = sequence
            printer.choice = MessageChoice(arguments)
            printer.from = arguments.count("from") ?? 0
            printer.limit = arguments.count("limit") ?? .max
            printer.isWhole = true
            let damage = try arguments.has("json") ? printer.printJSON() : printer.printText()
            guard let damage else { return .success }
            console.complain(damage.sentence(session))
            return .data
        })
}
