import HoldfastBytes

/// Messages as they are spelled: ranges of the buffers that they came in, nothing copied.
struct MessageList: Sendable, Equatable {
    private(set) var messages: [ArraySlice<UInt8>]
    /// Whether each message is known to be one object without whitespace around it.
    private(set) var isChecked: Bool
    /// Which of the messages are the user's, by their places; unknown until they are checked.
    private var users: [Int] = []
    /// The lists that the messages are for, or as a whole take the place of.
    private(set) var placement = Placement.both
    /// Where each message goes, when that is not the same for all.
    private(set) var placements: [Placement]?

    /// Messages that are known to be objects.
    init(checked messages: [ArraySlice<UInt8>] = []) {
        self.init(checked: messages, users: messages.indices.filter { MessageText.isUsers(messages[$0]) })
    }

    private init(checked messages: [ArraySlice<UInt8>], users: [Int]) {
        self.messages = messages
        self.users = users
        isChecked = true
    }

    /// Messages of a caller.
    init(_ messages: [JSON]) {
        self.messages = messages.map { $0.bytes[...] }
        isChecked = false
    }

    /// The elements of `array`, all of which must be objects. Its tree must list their members.
    init(elementsOf array: JSONRef) throws(ContentError) {
        guard array.kind == .array else { throw ContentError("the messages are not an array") }
        messages = []
        for element in array.elements {
            guard element.kind == .object else { throw ContentError("a message is not an object") }
            if element.isUsersMessage { users.append(messages.count) }
            messages.append(element.raw)
        }
        isChecked = true
    }

    var count: Int { messages.count }
    var isEmpty: Bool { messages.isEmpty }
    var byteCount: Int { messages.reduce(0) { $0 + $1.count + 1 } }

    /// How many of the messages go into `list`.
    func count(in list: SessionList) -> Int {
        if let placements { return placements.count { $0.contains(list) } }
        return placement.contains(list) ? count : 0
    }

    /// How many of the user's messages go into `list`.
    func userCount(in list: SessionList) -> Int { users.count { placement(at: $0).contains(list) } }

    /// Where the message at `index` goes.
    func placement(at index: Int) -> Placement { placements?[index] ?? placement }

    /// The list with `message`, an object that goes into both lists, in front.
    func preceded(by message: [UInt8]) -> MessageList {
        let first = MessageText.isUsers(message) ? [0] : []
        var list = MessageList(checked: [message[...]] + messages, users: first + users.map { $0 + 1 })
        if placements != nil || placement != .both {
            list.placements = [.both] + messages.indices.map { placement(at: $0) }
        }
        return list
    }

    /// The list with `message`, an object that goes into both lists, at its end.
    func followed(by message: [UInt8]) -> MessageList {
        let last = MessageText.isUsers(message) ? [count] : []
        var list = MessageList(checked: messages + [message[...]], users: users + last)
        if placements != nil || placement != .both {
            list.placements = messages.indices.map { placement(at: $0) } + [.both]
        }
        return list
    }

    /// The messages of a caller, checked and stripped of the whitespace around them. `check` answers the message in a
    /// tree that lists its members.
    func checked<Failure: Error>(
        _ check: (ArraySlice<UInt8>) throws(Failure) -> JSONRef
    ) throws(Failure) -> MessageList {
        if isChecked { return self }
        var list = self
        for (index, message) in messages.enumerated() {
            let root = try check(message)
            if root.isUsersMessage { list.users.append(index) }
            // Hardly ever: a list that stays as it is need not be copied.
            if root.range.count < message.count { list.messages[index] = root.raw }
        }
        list.isChecked = true
        return list
    }

    /// The messages, all for `placement`.
    func placed(_ placement: Placement) -> MessageList {
        var list = self
        (list.placement, list.placements) = (placement, nil)
        return list
    }

    /// The messages, each for the lists that `placements` says; `nil` when there are not as many of them.
    func placed(_ placements: [Placement]) -> MessageList? {
        guard placements.count == count else { return nil }
        var list = self
        (list.placement, list.placements) = (.both, placements)
        return list
    }

    /// Lists are the same when their messages are, and go to the same places.
    static func == (a: MessageList, b: MessageList) -> Bool {
        a.messages == b.messages && a.placement == b.placement && a.placements == b.placements
    }
}

// The member `list` says where messages go, when that is not everywhere: one word, or a word for each.
extension MessageList {
    /// Writes the messages as an array.
    func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for message in messages { writer.raw(message) }
        writer.endArray()
    }

    /// Writes the members `messages` and, unless all go into both lists, `list`.
    func writeMembers(to writer: inout JSONWriter) {
        writer.member("messages", self)
        if let placements {
            writer.key("list")
            writer.beginArray()
            for placement in placements { writer.string(placement.rawValue) }
            writer.endArray()
        } else if placement != .both {
            writer.member("list", placement.rawValue)
        }
    }

    /// The messages, placed as the member `list` says.
    func placed(by list: JSONRef?) throws(ContentError) -> MessageList {
        guard let list else { return self }
        if let placement = Placement(list) { return placed(placement) }
        let placements = list.kind == .array ? list.elements.compactMap(Placement.init) : []
        guard let placed = placed(placements) else {
            throw ContentError("the member 'list' does not say where \(count) messages go")
        }
        return placed
    }
}

extension Placement {
    /// The placement that `word` names.
    init?(_ word: JSONRef) {
        guard let placement = word.string.flatMap(Placement.init(rawValue:)) else { return nil }
        self = placement
    }
}
