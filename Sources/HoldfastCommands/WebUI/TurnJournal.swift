import HoldfastBytes

/// The events of a session's turns, as hermes-webui journals them: one object per line, in one file per process. Pure.
struct TurnJournal {
    /// A turn that began and did not end.
    struct Turn: Equatable {
        var id: String
        var stream: String?
        /// The user's prompt, as it is spelled; `nil` when no event had it.
        var content: [UInt8]?
        /// When it was submitted, as it is spelled.
        var createdAt: [UInt8]
        var attachments: [UInt8]?
    }

    private struct Event {
        var turn: String
        var name: String
        var time: Double
        var value: JSONRef
    }

    private var events: [Event] = []
    /// Lines that are no events, by their place: `'path' line 3`.
    private(set) var malformed: [String] = []

    /// Takes the text of one of the session's journals.
    mutating func add(_ text: [UInt8], named path: String) {
        for (number, line) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 <= UInt8(ascii: " ") }) { continue }
            guard events.count < ImportLimits.journalEvents else { return }
            guard line.count <= ImportLimits.messageByteCount, let event = Self.event(line) else {
                malformed.append("'\(path)' line \(number + 1)")
                continue
            }
            events.append(event)
        }
    }

    /// The turns that have neither been completed nor interrupted, in the order in which they began.
    var unfinished: [Turn] {
        var turns: [Turn] = []
        var ended: Set<String> = []
        // Stable: a turn's events of one moment stay in the order of the lines.
        let ordered = events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        for event in ordered.map(\.element) {
            if ["completed", "interrupted"].contains(event.name) {
                ended.insert(event.turn)
            } else if let place = turns.firstIndex(where: { $0.id == event.turn }) {
                turns[place].complete(from: event.value)
            } else {
                turns.append(Turn(event.turn, event.value))
            }
        }
        return turns.filter { !ended.contains($0.id) }
    }

    private static func event(_ line: ArraySlice<UInt8>) -> Event? {
        guard let root = try? JSONTree.parse(line, detail: 1).root, let name = root["event"]?.string,
            let turn = root["turn_id"]?.string, !turn.isEmpty
        else { return nil }
        return Event(turn: turn, name: name, time: root["created_at"]?.double ?? 0, value: root)
    }
}

extension TurnJournal.Turn {
    fileprivate init(_ id: String, _ event: JSONRef) {
        self.init(id: id, createdAt: event["created_at"].map { Array($0.raw) } ?? Array("null".utf8))
        complete(from: event)
    }

    fileprivate mutating func complete(from event: JSONRef) {
        stream = stream ?? event["stream_id"]?.string
        if content == nil, let text = event["content"], text.kind == .string { content = Array(text.raw) }
        if attachments == nil, let list = event["attachments"], list.kind == .array { attachments = Array(list.raw) }
    }
}
