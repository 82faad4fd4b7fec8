import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

extension Command {
    /// `holdfast report`.
    static let report = Command(
        name: "report",
        summary: "Write a page for a browser that shows what is in a store, and what is damaged.",
        operands: [.store],
        options: [OptionRule("html", .text("FILE"), "the page to write; one that is there is replaced")],
        details: [
            "One file that loads nothing from elsewhere and has no script: sizes by session, role and type of record, "
                + "records and turns over time, the files of the sessions with what cannot be read marked, and what "
                + "'holdfast verify' finds. It follows the light or dark setting of the reader. Of a large store the "
                + "largest and the damaged sessions are shown, the others are counted.",
            "Reads the whole store twice, takes no lock and writes nothing to it: it may be in use, damaged, or on a "
                + "read-only disk. The page names sessions and titles, but shows no messages.",
        ],
        examples: [("holdfast report ./store --html store.html", "write the page, and open it in a browser")],
        exitCodes: [
            (.success, "the page was written, and everything that was acknowledged is there"),
            (.committedDamage, "the page was written; acknowledged data is damaged or lost"),
            (.cannotOpen, "the store cannot be opened"), (.cannotCreate, "the page cannot be written"),
        ],
        run: { arguments, console throws(CommandError) in
            guard let path = arguments.text("html") else {
                throw CommandError(.usage, "Name the page to write: --html FILE.")
            }
            let file = try OutputFile(path, notIn: arguments.store)
            let page = try openingStore { () throws(CommandError) in
                try ReportMaker(path: arguments.store, console: console).page()
            }
            try file.write(Array(page.html.utf8))
            return page.check.hasCommittedDamage ? .committedDamage : .success
        })
}

/// Reads what a ``ReportPage`` shows.
private struct ReportMaker {
    let path: String
    let console: any Console

    func page() throws(CommandError) -> ReportPage {
        let check = try StoreCheck.run(on: path, console)
        let inspector = try StoreAccess.inspect(path)
        let sessions = inspector.sessions()
        let progress = ProgressBar("Reading", total: sessions.count, on: console)
        defer { progress.finish() }
        var survey = StoreSurvey()
        for session in sessions {
            try add(session, inspector, to: &survey)
            progress.advance(by: 1)
        }
        survey.setTitles(titles(of: survey.shown))
        return ReportPage(store: path, survey: survey, check: check, now: Moment.wall())
    }

    private func add(
        _ session: SessionID, _ inspector: StoreInspector, to survey: inout StoreSurvey
    ) throws(CommandError) {
        var found = StoreSurvey.Session(id: session)
        try inspector.forEachItem(of: session) { (item) throws(CommandError) in
            survey.take(item, of: &found, content: Self.content)
            return true
        }
        for finding in inspector.snapshotDamage(of: session) where finding.isDamage { found.hasDamage = true }
        survey.add(found)
    }

    private static func content(of record: WalkRecord) -> StoreSurvey.RecordContent {
        let type = RecordOutline.name(ofKind: record.header.kind) ?? "kind \(record.header.kind)"
        let outline = record.payload.flatMap { try? RecordOutline(kind: record.header.kind, payload: $0) }
        let messages = outline?.messages.map { message in
            (role: MessagePreview(message.bytes).role, byteCount: message.bytes.count)
        }
        return StoreSurvey.RecordContent(type: type, messages: messages ?? [])
    }

    /// The titles of these sessions. A store that cannot be listed has none to show.
    private func titles(of wanted: Set<SessionID>) -> [SessionID: String] {
        guard let store = try? StoreAccess.openReadOnly(path) else { return [:] }
        defer { try? store.close() }
        var titles: [SessionID: String] = [:]
        var after: String?
        repeat {
            guard let page = try? store.listBlocking(SessionQuery(), after: after, limit: 10_000) else { break }
            for row in page.rows {
                guard let id = SessionID(row.summary.session), wanted.contains(id) else { continue }
                titles[id] = row.title
            }
            after = page.next
        } while after != nil
        return titles
    }
}
