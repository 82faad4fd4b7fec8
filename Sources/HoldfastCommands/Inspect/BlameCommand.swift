import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

extension Command {
    /// `holdfast blame`.
    static let blame = Command(
        name: "blame",
        summary: "Say of each message which record, turn and time it comes from.",
        operands: [
            .store, .session, OperandRule("PLACE", .any, "the places of messages, from 0; all when none is named"),
        ],
        options: [SessionPoint.option("at", "the session as it was then"), MessageChoice.listOption, .json],
        details: [
            "A message that was edited has the record of its present text too. One that a branch shares with its "
                + "parent is "
                + "named with the parent. Of a message whose record was replaced by a snapshot only the snapshot's "
                + "record "
                + "is known: the message is of that record or of one before. The store may be in use."
        ],
        examples: [("holdfast blame ./store s1 4", "where the fifth message comes from")],
        exitCodes: [
            (.success, "done"), (.data, "the session is damaged, or has no such message"),
            (.noInput, "the store or the session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            StoreAccess.tellOfStoreFile(arguments, console)
            let blame = try Blame(arguments)
            let rows = try blame.rows()
            if arguments.has("json") {
                for row in rows { try console.write(row.json) }
            } else {
                try console.table(Blame.table(rows))
            }
            return .success
        })
}

/// Where the messages of a session come from.
private struct Blame {
    /// One message.
    struct Row {
        var place: Int
        var origin: MessageOrigin
        var preview: MessagePreview
        /// Of the record, when it is still there.
        var type: String?
        var turn: String?
        var time: UInt64?
    }

    private let arguments: Arguments
    private let places: Set<Int>
    private let inspector: StoreInspector

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        var places: Set<Int> = []
        for word in arguments.rest.dropFirst() {
            guard let place = Int(word), place >= 0 else {
                throw CommandError(.usage, "PLACE is a number, counted from 0, not '\(word)'.")
            }
            places.insert(place)
        }
        self.places = places
        inspector = try StoreAccess.inspect(arguments.store)
    }

    func rows() throws(CommandError) -> [Row] {
        let session = arguments.operands[1]
        let point = SessionPoint(inspector: inspector, session: try sessionID(session))
        let sequence = try point.sequence(arguments.text("at"))
        let store = try StoreAccess.openReadOnly(arguments.store)
        defer { try? store.close() }
        var count = 0
        var rows = try asking { () throws(HoldfastError) in
            try store.origins(of: session, at: sequence, in: MessageChoice(arguments).list) {
                place, message, origin -> Row? in
                count = place + 1
                guard places.isEmpty || places.contains(place) else { return nil }
                return Row(place: place, origin: origin, preview: MessagePreview(message.bytes))
            }
        }
        if let missing = places.subtracting(rows.map(\.place)).min() {
            throw CommandError(.data, "There is no message \(missing): the list has \(Human.count(count, "message")).")
        }
        for session in Set(rows.map(\.origin.session)) { try look(up: session, &rows) }
        return rows
    }

    /// Adds what the records of `session` say of the messages that come from it.
    private func look(up session: String, _ rows: inout [Row]) throws(CommandError) {
        var wanted: [UInt64: [Int]] = [:]
        for (index, row) in rows.enumerated() where row.origin.session == session && !row.origin.isInSnapshot {
            wanted[row.origin.sequence, default: []].append(index)
        }
        guard let first = wanted.keys.min(), let last = wanted.keys.max() else { return }
        let id = try sessionID(session)
        let walk = try inspecting { () throws(LogError) in try inspector.walk(id, WalkOptions(from: first)) }
        while let item = try inspecting({ () throws(LogError) in try walk.next() }) {
            guard case .record(let record) = item else { continue }
            if record.sequence > last { return }
            guard let indexes = wanted[record.sequence] else { continue }
            let payload = record.payload ?? []
            let outline = try? RecordOutline(kind: record.header.kind, payload: payload)
            for index in indexes {
                rows[index].type = RecordOutline.name(ofKind: record.header.kind)
                rows[index].turn = outline?.turn
                rows[index].time = record.header.time
            }
        }
    }

    static func table(_ rows: [Row]) -> TextTable {
        var table = TextTable([
            .init(heading: "PLACE", isNumber: true), .init(heading: "SESSION", limit: 24),
            .init(heading: "RECORD", isNumber: true), .init(heading: "TIME"), .init(heading: "TYPE"),
            .init(heading: "TURN", limit: 24), .init(heading: "EDITED", isNumber: true), .init(heading: "ROLE"),
            .init(heading: "TEXT"),
        ])
        for row in rows {
            let origin = row.origin
            table.add([
                "\(row.place)", DisplayText.oneLine(origin.session),
                (origin.isInSnapshot ? "≤ " : "") + "\(origin.sequence)", row.time.map(Moment.localSeconds) ?? "",
                row.type ?? (origin.isInSnapshot ? "snapshot" : ""), DisplayText.oneLine(row.turn ?? ""),
                origin.edited.map { "\($0)" } ?? "", row.preview.role, DisplayText.fitted(row.preview.text, to: 60),
            ])
        }
        return table
    }
}

extension Blame.Row {
    /// One object on one line.
    fileprivate var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("place", place)
        writer.member("session", origin.session)
        writer.member("sequence", origin.sequence)
        writer.member("in_snapshot", origin.isInSnapshot)
        if let edited = origin.edited { writer.member("edited", edited) }
        if let time { writer.member("time", time) }
        if let type { writer.member("type", type) }
        if let turn { writer.member("turn", turn) }
        writer.member("role", preview.role)
        writer.member("preview", DisplayText.fitted(preview.text, to: 60))
        writer.endObject()
        return writer.finish() + [10]
    }
}
