import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastThreads

extension Command {
    /// `holdfast inspect gaps`.
    static let inspectGaps = Command(
        name: "inspect gaps",
        summary: "List the records that are missing or cannot be read.",
        operands: [.store, OperandRule("SESSION", .any, "the sessions to look into; all when none is named")],
        options: [.json, OptionRule("trimmed", "also the records that snapshots have replaced, which are no damage")],
        details: [
            "Reads every record and checks it against its checksum and its place in the chain. One line per gap: the "
                + "session, its records, the place and the reason. The store may be in use."
        ],
        examples: [("holdfast inspect gaps ./store", "what a damaged store has lost")],
        exitCodes: [
            (.success, "there are none"), (.committedDamage, "acknowledged records are missing or cannot be read"),
            (.noInput, "the store or a session is not there"),
        ],
        run: { arguments, console throws(CommandError) in
            let inspector = try StoreAccess.inspect(arguments.store)
            let sessions = try StoreAccess.sessions(arguments.rest, of: inspector)
            let printer = RecordPrinter(showsSession: true)
            let isDamaged = Lock(false)
            try OrderedWork(sessions.count, on: console).run { (piece, output) throws(CommandError) in
                let session = sessions[piece]
                let walk = try inspecting { () throws(LogError) in
                    try inspector.walk(session, WalkOptions(decodes: false))
                }
                while let item = try inspecting({ () throws(LogError) in try walk.next() }) {
                    guard let gap = Gap(item, session) else { continue }
                    if gap.isDamage { isDamaged.withLock { $0 = true } }
                    guard gap.isDamage || gap.isTorn || arguments.has("trimmed") else { continue }
                    if arguments.has("json") {
                        if let line = printer.json(session, gap.item) { try output.write(line) }
                    } else if let line = printer.text(session, gap.item) {
                        try output.write(Array("\(line)\n".utf8))
                    }
                }
            }
            return isDamaged.withLock { $0 } ? .committedDamage : .success
        })
}

/// A place of a walk where records are not to be had.
struct Gap {
    /// What a printer shows of it.
    let item: WalkItem
    /// Whether acknowledged records are concerned, and whether the end of a write is.
    private(set) var isDamage = false
    private(set) var isTorn = false

    /// `nil` for an item that is no gap.
    init?(_ item: WalkItem, _ session: SessionID) {
        switch item {
        case .segment, .mark: return nil
        case .trimmed: self.item = item
        case .unreadable(let finding):
            self.item = item
            isTorn = finding.kind == .tornTail
            isDamage = !isTorn
        case .record(let record):
            guard record.content == .undecodable else { return nil }
            var finding = RecoveryReport.Finding(
                kind: .committedDamage, session: session, path: record.path, offset: record.offset,
                byteCount: record.byteCount, reason: "cannot be decompressed, as its block is damaged further up")
            finding.firstSequence = record.sequence
            finding.lastSequence = record.sequence
            self.item = .unreadable(finding)
            isDamage = true
        }
    }
}

extension StoreAccess {
    /// The sessions that `words` name; every one of the store when there are none.
    static func sessions(
        _ words: ArraySlice<String>, of inspector: StoreInspector
    ) throws(CommandError) -> [SessionID] {
        guard !words.isEmpty else { return try inspecting { () throws(LogError) in try inspector.sessions() } }
        var sessions: [SessionID] = []
        for word in words { sessions.append(try sessionID(word)) }
        return sessions
    }
}
