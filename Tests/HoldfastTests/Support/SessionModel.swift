import Holdfast

/// What a session must be: the rules of the store, written a second time and as plainly as possible.
struct SessionModel {
    enum Standing: Equatable {
        case absent, active, compacted
        case takenBack(UInt64)
    }

    struct Message: Equatable {
        var text: String
        var isUsers: Bool
        var visible: Standing
        var context: Standing

        subscript(list: SessionList) -> Standing {
            get { list == .visible ? visible : context }
            set { if list == .visible { visible = newValue } else { context = newValue } }
        }
    }

    struct Turn: Equatable {
        var id: String
        var prompt: Message
        var attempts: UInt64 = 1
        /// Whether the process that began or resumed it is there, and has not abandoned it.
        var isLive = true
        var isListed = false
        var deltas: [String] = []
        /// Its id in the queue, if it came from there.
        var queued: String?
    }

    var fields: [(key: String, value: String)] = []
    /// Of both lists, hidden ones too.
    var messages: [Message] = []
    var turn: Turn?
    /// The newest turns that have ended.
    var outputs: [Turn] = []
    var queue: [Queued] = []
    var router: RouterModel?
    /// How many records were asked for.
    var sequence: UInt64 = 1
    var isDeleted = false
    /// How it was made, and from which session, unless it was created.
    var madeBy: String?
    /// The id under which it goes on.
    var rotatedTo: String?
    /// How many sessions were made from it.
    var forks: UInt64 = 0

    /// Where in `messages` the active ones of `list` are.
    func places(_ list: SessionList) -> [Int] { messages.indices.filter { messages[$0][list] == .active } }

    func texts(_ list: SessionList) -> [String] { places(list).map { messages[$0].text } }

    func count(_ list: SessionList) -> Int { places(list).count }

    /// How many of the visible messages are the user's.
    var userCount: Int { places(.visible).count { messages[$0].isUsers } }

    /// How much of the context stays when `keep` visible messages do.
    func contextCount(keeping keep: Int) -> Int {
        let gone = places(.visible).dropFirst(keep).first { messages[$0].context == .active }
        return gone.map { gone in places(.context).count { $0 < gone } } ?? count(.context)
    }

    /// Where the last of the user's messages is in `list`.
    func lastOfUser(_ list: SessionList) -> Int? { places(list).lastIndex { messages[$0].isUsers } }
}

// The operations.
extension SessionModel {
    mutating func append(_ more: [Message], ofTurn: Bool = false) {
        if ofTurn { listPrompt() }
        messages += more
    }

    mutating func cut(_ keep: Int, _ keepContext: Int, leaving standing: Standing) {
        for (list, keep) in [(SessionList.visible, keep), (.context, keepContext)] {
            for place in places(list).dropFirst(keep) { messages[place][list] = standing }
            if standing == .absent { settle(list) }
        }
        dropAbsent()
    }

    mutating func replace(_ placement: Placement, with more: [Message], leaving standing: Standing) {
        if placement != .context { for place in places(.visible) { messages[place].visible = standing } }
        if placement != .visible { for place in places(.context) { messages[place].context = standing } }
        if standing == .absent {
            if placement != .context { settle(.visible) }
            if placement != .visible { settle(.context) }
        }
        dropAbsent()
        messages += more
    }

    /// Where an undo cuts both lists; `nil` when there is nothing to undo.
    func undoCut() -> (visible: Int, context: Int)? {
        guard let place = lastOfUser(.visible) else { return nil }
        switch messages[places(.visible)[place]].context {
        case .active, .compacted: return (place, contextCount(keeping: place))
        case .absent, .takenBack: return (place, lastOfUser(.context) ?? count(.context))
        }
    }

    /// Brings back what the newest `take_back` hid; answers how many visible messages, or `nil`.
    mutating func restore() -> Int? {
        let all = messages.flatMap { [$0.visible, $0.context] }
        let sequences = all.compactMap { if case .takenBack(let sequence) = $0 { sequence } else { nil } }
        guard let newest = sequences.max() else { return nil }
        let count = messages.count { $0.visible == .takenBack(newest) }
        for index in messages.indices {
            for list in SessionList.allCases where messages[index][list] == .takenBack(newest) {
                messages[index][list] = .active
            }
        }
        return count
    }

    mutating func edit(_ list: SessionList, _ index: Int, _ text: String, isUsers: Bool) {
        let place = places(list)[index]
        messages[place].text = text
        messages[place].isUsers = isUsers
    }

    mutating func endTurn(_ more: [Message], keeps: Bool) {
        if keeps { listPrompt() }
        messages += more
        closeTurn()
    }

    mutating func set(_ key: String, _ value: String?) {
        let place = fields.firstIndex { $0.key == key }
        switch (place, value) {
        case (let place?, let value?): fields[place].value = value
        case (let place?, nil): fields.remove(at: place)
        case (nil, let value?): fields.append((key, value))
        case (nil, nil): break
        }
    }

    private mutating func listPrompt() {
        guard let open = turn, !open.isListed else { return }
        messages.append(open.prompt)
        turn?.isListed = true
    }

    /// What was taken back behind the end of a list is gone once the list is cut for good.
    private mutating func settle(_ list: SessionList) {
        for place in ((places(list).last ?? -1) + 1)..<messages.count {
            if case .takenBack = messages[place][list] { messages[place][list] = .absent }
        }
    }

    private mutating func dropAbsent() { messages.removeAll { $0.visible == .absent && $0.context == .absent } }
}

extension SessionModel.Message {
    init(_ text: String, isUsers: Bool, _ placement: Placement = .both) {
        self.init(
            text: text, isUsers: isUsers, visible: placement == .context ? .absent : .active,
            context: placement == .visible ? .absent : .active)
    }
}
