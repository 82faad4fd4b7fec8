import Holdfast

/// Which of a session's messages are wanted.
struct MessageChoice: Equatable {
    var list = SessionList.visible
    var showsHidden = false

    /// The options that say so.
    static let options = [
        listOption, OptionRule("hidden", "the hidden messages of the list too: compacted or taken back"),
    ]

    /// Which list.
    static let listOption = OptionRule(
        "list", .choice(SessionList.allCases.map(\.rawValue)),
        "the messages that people see, which is the default, or those that the model is sent")

    init(list: SessionList = .visible, showsHidden: Bool = false) {
        self.list = list
        self.showsHidden = showsHidden
    }

    init(_ arguments: Arguments) {
        list = arguments.text("list").flatMap(SessionList.init) ?? .visible
        showsHidden = arguments.has("hidden")
    }
}

/// What waits in a session.
struct Waiting {
    var session: String
    /// The open turn, with its prompt.
    var turn: OpenTurn?
    /// How many messages are queued besides.
    var queued: Int
}

// Walks over everything of a kind, page by page.
extension HoldfastStore {
    /// Every session that `query` asks for, in its order.
    func allRows(_ query: SessionQuery = SessionQuery()) throws(CommandError) -> [SessionRow] {
        var rows: [SessionRow] = []
        var after: String?
        repeat {
            let page = try asking { () throws(HoldfastError) in
                try listBlocking(query, after: after, limit: 10_000)
            }
            rows += page.rows
            after = page.next
        } while after != nil
        return rows
    }

    /// Every session in which something waits, in the byte order of ids. Those that cannot be read are passed over.
    func allPending() throws(CommandError) -> [Waiting] {
        var query = SessionQuery()
        query.pendingOnly = true
        return try allRows(query).compactMap { row in
            let state = try? getBlocking(row.summary.session, Window(limit: 0))
            guard let state, state.damage == nil else { return nil }
            return Waiting(session: row.summary.session, turn: state.turn, queued: row.queued)
        }
    }

    /// Calls `body` with each message of a list of `session` from the place `first` on, and its state when hidden ones
    /// are wanted too, until it answers `false`. Of a damaged session these are the messages before the damage, which
    /// is answered. With a `sequence` the list is that of the session as this record left it.
    @discardableResult
    func forEachMessage(
        of session: String, at sequence: UInt64? = nil, _ choice: MessageChoice = MessageChoice(),
        from first: Int = 0, _ body: ([UInt8], MessageState?) throws(CommandError) -> Bool
    ) throws(CommandError) -> SessionDamage? {
        var from: Int? = first
        var damage: SessionDamage?
        while let start = from {
            let window = Window(.place(start), limit: 10_000, of: choice.list, showsHidden: choice.showsHidden)
            let state = try state(of: session, at: sequence, window)
            damage = state.damage
            for (index, message) in state.messages.enumerated() {
                guard try body(message.bytes, state.states?[index]) else { return damage }
            }
            from = state.next
        }
        return damage
    }
}

extension HoldfastStore {
    /// The session as it is, or as its record `sequence` left it.
    func state(
        of session: String, at sequence: UInt64?, _ window: Window = Window(limit: 0)
    ) throws(CommandError) -> SessionState {
        try asking { () throws(HoldfastError) in
            guard let sequence else { return try getBlocking(session, window) }
            return try getBlocking(session, at: sequence, window)
        }
    }
}

extension SessionDamage {
    /// What to tell the user of the session that is cut short.
    func sentence(_ session: String) -> String {
        DisplayText.oneLine("Session '\(session)' is cut short after record \(afterSequence): \(message)")
    }
}
