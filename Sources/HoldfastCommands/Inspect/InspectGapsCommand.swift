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
            "Reads every record and checks it against its checksum and its place in the chain, and every snapshot. One "
                + "line per gap: the session, its records, the place and the reason. Of the whole store, what is "
                + "damaged of the journal, the index, store.json and the folders comes first. What can be made again "
                + "from the records is named too, and is no loss. The store may be in use."
        ],
        examples: [("holdfast inspect gaps ./store", "what a damaged store has lost")],
        exitCodes: [
            (.success, "there are none"), (.committedDamage, "acknowledged records are missing or cannot be read"),
            (.noInput, "the store or a session is not there"),
        ],
        run: { arguments, console throws(CommandError) in try GapList(arguments, console).run() })
}

/// Lists the gaps of sessions, and what is damaged of what they share.
private struct GapList: Sendable {
    private let inspector: StoreInspector
    private let sessions: [SessionID]
    private let console: any Console
    private let showsTrimmed: Bool
    private let isJSON: Bool
    private let printer = RecordPrinter(showsSession: true)
    private let isDamaged = Lock(false)

    init(_ arguments: Arguments, _ console: any Console) throws(CommandError) {
        inspector = try StoreAccess.inspect(arguments.store)
        sessions = try StoreAccess.sessions(arguments.rest, of: inspector)
        self.console = console
        showsTrimmed = arguments.has("trimmed")
        isJSON = arguments.has("json")
        guard arguments.rest.isEmpty else { return }
        let journal = try inspecting { () throws(LogError) in try inspector.journal() }
        for finding in inspector.sharedDamage() + journal.findings {
            try show(finding) { (line) throws(CommandError) in try console.write(line) }
        }
    }

    func run() throws(CommandError) -> ExitCode {
        try OrderedWork(sessions.count, on: console).run { (piece, output) throws(CommandError) in
            let session = sessions[piece]
            try inspector.forEachItem(of: session, WalkOptions(decodes: false, namesBits: true)) {
                (item) throws(CommandError) in
                guard let gap = Gap(item, session) else { return true }
                if gap.isDamage { isDamaged.withLock { $0 = true } }
                guard gap.isDamage || gap.isTorn || showsTrimmed else { return true }
                if isJSON {
                    if let line = printer.json(session, gap.item) { try output.write(line) }
                } else if let line = printer.text(session, gap.item) {
                    try output.write(Array("\(line)\n".utf8))
                }
                return true
            }
            for finding in inspector.snapshotDamage(of: session) { try show(finding, output.write) }
        }
        return isDamaged.withLock { $0 } ? .committedDamage : .success
    }

    /// Shows what is no place of a walk.
    private func show(
        _ finding: RecoveryReport.Finding, _ write: ([UInt8]) throws(CommandError) -> Void
    ) throws(CommandError) {
        if finding.isDamage { isDamaged.withLock { $0 = true } }
        try write(isJSON ? printer.json(finding) : Array("\(printer.text(finding))\n".utf8))
    }
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
            isDamage = finding.isDamage
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
        guard !words.isEmpty else { return inspector.sessions() }
        var sessions: [SessionID] = []
        for word in words {
            let session = try sessionID(word)
            // One of which there is nothing is an error, where it was named.
            _ = try inspecting { () throws(LogError) in try inspector.walk(session) }
            sessions.append(session)
        }
        return sessions
    }
}

extension StoreInspector {
    /// Calls `body` with every item of a session in order, until it answers false. A session that cannot be looked
    /// into is an item too; one that nothing is left of has none.
    func forEachItem(
        of session: SessionID, _ options: WalkOptions = WalkOptions(),
        _ body: (WalkItem) throws(CommandError) -> Bool
    ) throws(CommandError) {
        let walk: SessionWalk
        do throws(LogError) {
            walk = try self.walk(session, options)
        } catch {
            if error.code != .unknownSession { _ = try body(.unreadable(.unreadable(session, error))) }
            return
        }
        while true {
            let item: WalkItem?
            do throws(LogError) {
                item = try walk.next()
            } catch {
                _ = try body(.unreadable(.unreadable(session, error)))
                return
            }
            guard let item, try body(item) else { return }
        }
    }
}
