import HoldfastBytes
import HoldfastEngine

/// The page of `holdfast report`: one file, nothing else is loaded, no script. Pure.
struct ReportPage {
    /// The store, as the user named it.
    let store: String
    let survey: StoreSurvey
    /// What `holdfast verify` says.
    let check: StoreCheck.Report
    /// Milliseconds since 1970.
    let now: UInt64

    /// Findings that are listed one by one.
    private static let findingLimit = 200

    /// The whole page. Its length is bounded: what there is too much of is counted.
    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Holdfast: \(HTML.text(name))</title>
        <style>
        \(ReportStyle.sheet)
        </style>
        </head>
        <body>
        <header>
        <h1>\(HTML.text(name))</h1>
        <p>A Holdfast store, as it was at \(HTML.text(Moment.localSeconds(now))): \(HTML.text(store, limit: 300))</p>
        </header>
        <main>
        \(verdict)
        \(cards)
        \(sections.joined())
        </main>
        <footer><p>Made by 'holdfast report' \(HTML.text(Program.version)). Sizes are those of the records in the
        segments, compressed, unless it says otherwise. Nothing is loaded from elsewhere.</p></footer>
        </body>
        </html>

        """
    }

    private var name: String { store.split(separator: "/").last.map(String.init) ?? store }

    private var verdict: String {
        if check.hasCommittedDamage {
            let sessions = Human.count(survey.damagedCount, "session")
            return "<p class=\"verdict bad\"><strong>Damaged.</strong> Something that was acknowledged cannot be read; "
                + "\(sessions) cannot be read whole. 'holdfast recover' says what can be done.</p>"
        }
        if !check.findings.isEmpty {
            return
                "<p class=\"verdict note\"><strong>Nothing that was acknowledged is lost,</strong> but not all is in "
                + "order: see <a href=\"#findings\">what was found</a>.</p>"
        }
        return "<p class=\"verdict good\"><strong>Whole.</strong> Every byte was checked and is as it was written.</p>"
    }

    private var cards: String {
        let raw = survey.records.byteCount
        let ratio =
            survey.segmentByteCount == 0 ? "-" : Human.decimal(Double(raw) / Double(survey.segmentByteCount), digits: 1)
        let cards = [
            ("sessions", Human.count(survey.sessionCount)), ("records", Human.count(survey.records.count)),
            ("turns begun", Human.count(survey.turnCount)), ("in segments", Human.bytes(survey.segmentByteCount)),
            ("before compression", Human.bytes(raw)), ("ratio", ratio),
            ("snapshots", "\(Human.count(check.snapshotCount)), \(Human.bytes(check.snapshotByteCount))"),
            ("waiting in the journal", Human.bytes(check.journal.replayedByteCount)),
        ]
        let items = cards.map { "<div><dt>\(HTML.text($0))</dt><dd>\(HTML.text($1))</dd></div>" }
        return "<dl class=\"cards\">\n\(items.joined(separator: "\n"))\n</dl>"
    }

    private var sections: [String] {
        if survey.sessionCount == 0 { return ["<p>There are no sessions.</p>\n", findings] }
        return [bySession, byRole, byType, overTime, bySize, segmentMap, findings]
    }

    // MARK: Sizes

    private var bySession: String {
        let shown = survey.largest
        let rest = survey.sessionCount - shown.count
        let restBytes = survey.segmentByteCount - shown.reduce(0) { $0 + $1.byteCount }
        var bars = shown.map {
            Chart.Bar(
                label: $0.id.text, value: Double($0.byteCount),
                text: "\(Human.bytes($0.byteCount)), \(Human.count($0.records, "record"))")
        }
        var rows = shown.map {
            [
                $0.id.text, $0.title, Human.count($0.records), Human.bytes($0.byteCount),
                Human.bytes($0.payloadByteCount), Human.time($0.lastTime, now: now),
            ]
        }
        if rest > 0 {
            let label = Human.count(rest, "other session")
            // The others together would make bars of all the rest too short to see.
            let largest = shown.first?.byteCount ?? 0
            let text = "\(Human.bytes(restBytes)) together" + (restBytes > largest ? ", not to scale" : "")
            bars.append(Chart.Bar(label: label, value: Double(min(restBytes, largest)), text: text, isQuiet: true))
            rows.append([label, "", "", Human.bytes(restBytes), "", ""])
        }
        let headings = ["session", "title", "records", "in segments", "before compression", "last record"]
        return HTML.figure(
            "sessions", "Largest sessions", "The \(shown.count) largest of \(Human.count(survey.sessionCount)).",
            picture: Chart.bars("Bytes of the largest sessions", bars),
            table: HTML.table("Largest sessions", headings, rows))
    }

    private var byRole: String {
        let trimmed = Human.count(survey.trimmedCount, "session")
        let hidden = " \(trimmed) had older records replaced by a snapshot: those do not count."
        let note =
            "The messages in the records, by who speaks, before compression." + (survey.trimmedCount == 0 ? "" : hidden)
        return shares("roles", "By role", note, "role", "messages", survey.byRole)
    }

    private var byType: String {
        shares(
            "types", "By type of record", "The payloads of all records, before compression.", "type", "records",
            survey.byType)
    }

    private func shares(
        _ id: String, _ title: String, _ note: String, _ what: String, _ unit: String,
        _ shares: [String: StoreSurvey.Share]
    ) -> String {
        let sorted = shares.sorted { ($1.value.byteCount, $0.key) < ($0.value.byteCount, $1.key) }
        let bars = sorted.map { name, share in
            Chart.Bar(
                label: name, value: Double(share.byteCount),
                text: "\(Human.bytes(share.byteCount)), \(Human.count(share.count)) \(unit)")
        }
        return HTML.figure(
            id, title, note, picture: Chart.bars(title, bars),
            table: HTML.table(
                title, [what, unit, "bytes"], sorted.map { [$0, Human.count($1.count), Human.bytes($1.byteCount)] }))
    }

    private var bySize: String {
        let used = survey.sizes.indices.filter { survey.sizes[$0] > 0 }
        let bars = (used.first ?? 0)...(used.last ?? 0)
        let labels = bars.map { $0 == 0 ? "empty" : "under \(Human.bytes(UInt64(1) << UInt64(min($0, 62))))" }
        let shown = used.isEmpty ? [] : Array(zip(labels, bars))
        return HTML.figure(
            "sizes", "How large sessions are", "How many sessions have segments of such a size.",
            picture: Chart.bars(
                "Sessions by size",
                shown.map { Chart.Bar(label: $0, value: Double(survey.sizes[$1]), text: Human.count(survey.sizes[$1])) }
            ),
            table: HTML.table(
                "Sessions by size", ["size", "sessions"], shown.map { [$0, Human.count(survey.sizes[$1])] }))
    }

    // MARK: Time

    private var overTime: String {
        let timeline = survey.timeline
        let length = Human.duration(milliseconds: timeline.spanMilliseconds)
        let most = timeline.spans.map(\.records).max() ?? 0
        let rows = timeline.spans.enumerated().filter { $0.element.records > 0 }.map { index, span in
            let time = timeline.start + UInt64(index) * timeline.spanMilliseconds
            return [Moment.local(time), Human.count(span.records), Human.count(span.turns)]
        }
        return HTML.figure(
            "time", "Records and turns over time",
            "Columns: records in each \(length), at most \(Human.count(most)). Dots: turns begun, at most "
                + "\(Human.count(timeline.spans.map(\.turns).max() ?? 0)).",
            picture: Chart.timeline("Records and turns over time", timeline, label: Moment.local),
            table: HTML.table("Records and turns over time", ["from", "records", "turns"], rows))
    }

    // MARK: Segments and damage

    private var segmentMap: String {
        let damaged = Set(survey.damaged.map(\.id))
        let shown = survey.damaged + survey.largest.filter { !damaged.contains($0.id) }
        let hidden = survey.damagedCount - survey.damaged.count
        let more = hidden > 0 ? " \(Human.count(hidden, "more session")) with damage are not shown." : ""
        let rows = shown.map { session in
            [
                session.id.text, Human.count(session.segments.count), Human.bytes(session.byteCount),
                Self.damage(of: session),
            ]
        }
        return HTML.figure(
            "segments", "Segment map",
            "Each row is a session, each box one of its files; damaged sessions first. What cannot be read is hatched. "
                + "The rows have one width: the size is at the end.\(more)",
            picture: Chart.segments("Segments of \(shown.count) sessions, with damage marked", shown),
            table: HTML.table("Segment map", ["session", "segments", "bytes", "cannot be read"], rows))
    }

    private static func damage(of session: StoreSurvey.Session) -> String {
        let places = session.segments.flatMap { segment in
            segment.damage.map { "segment \(segment.number), bytes \($0.lowerBound) to \($0.upperBound)" }
        }
        if places.isEmpty { return session.hasDamage ? "see what was found" : "nothing" }
        return places.prefix(5).joined(separator: "; ") + (places.count > 5 ? "; and \(places.count - 5) more" : "")
    }

    private var findings: String {
        guard !check.findings.isEmpty else { return "" }
        let shown = check.findings.prefix(Self.findingLimit)
        let rows = shown.map { finding in
            [
                finding.session?.text ?? "the store", finding.kind.rawValue, finding.path,
                "\(finding.offset)", Human.bytes(finding.byteCount), finding.reason,
            ]
        }
        let hidden = check.findings.count - shown.count
        let more = hidden > 0 ? "<p>\(Human.count(hidden)) more are not shown.</p>" : ""
        return "<section class=\"wide\" aria-labelledby=\"findings\"><h2 id=\"findings\">What was found</h2>"
            + HTML.table("As 'holdfast verify' says", ["session", "kind", "file", "offset", "bytes", "reason"], rows)
            + "\(more)</section>\n"
    }
}
