import HoldfastBytes

/// Pictures in SVG. Colours are names of the page's style, so that they follow the light. Pure.
enum Chart {
    private static let width = 760

    /// A horizontal bar.
    struct Bar {
        var label: String
        var value: Double
        /// The value in words.
        var text: String
        var isQuiet = false
    }

    /// Horizontal bars, one below the other.
    static func bars(_ name: String, _ bars: [Bar]) -> String {
        let largest = bars.map(\.value).max() ?? 0
        let rows = bars.enumerated().map { index, bar in
            let y = index * 26
            let kind = bar.isQuiet ? "rest" : "bar"
            let length = largest > 0 ? max(bar.value > 0 ? 2 : 0, bar.value / largest * 380) : 0
            return """
                <text x="232" y="\(y + 16)" text-anchor="end">\(HTML.text(bar.label, limit: 28))</text>
                <rect class="\(kind)" x="240" y="\(y + 3)" width="\(number(length))" height="18"/>
                <text class="value" x="\(number(248 + length))" y="\(y + 16)">\(HTML.text(bar.text))</text>
                """
        }
        return svg(name, height: max(26, bars.count * 26), rows.joined(separator: "\n"))
    }

    /// Two series over time: columns for records, and a line of dots for turns, each under its own largest value.
    static func timeline(_ name: String, _ timeline: Timeline, label: (UInt64) -> String) -> String {
        let spans = timeline.spans
        guard !spans.isEmpty else { return svg(name, height: 30, "<text x=\"0\" y=\"18\">No records.</text>") }
        let most = Double(spans.map(\.records).max() ?? 1)
        let mostTurns = Double(max(1, spans.map(\.turns).max() ?? 1))
        // A single column as wide as the page would look like much more than it is.
        let step = Double(width) / Double(max(12, spans.count))
        var parts: [String] = []
        for (index, span) in spans.enumerated() where span.records > 0 {
            let height = max(1, Double(span.records) / most * 150)
            let x = number(Double(index) * step)
            parts.append(
                "<rect class=\"bar\" x=\"\(x)\" y=\"\(number(160 - height))\" width=\"\(number(max(1, step - 1)))\" "
                    + "height=\"\(number(height))\"/>")
            guard span.turns > 0 else { continue }
            let y = number(160 - Double(span.turns) / mostTurns * 150)
            parts.append("<circle class=\"turn\" cx=\"\(number((Double(index) + 0.5) * step))\" cy=\"\(y)\" r=\"3\"/>")
        }
        let end = timeline.start + UInt64(spans.count) * timeline.spanMilliseconds
        parts.append("<line class=\"axis\" x1=\"0\" y1=\"160.5\" x2=\"\(width)\" y2=\"160.5\"/>")
        parts.append("<text x=\"0\" y=\"178\">\(HTML.text(label(timeline.start)))</text>")
        let right = number(max(260, step * Double(spans.count)))
        parts.append("<text x=\"\(right)\" y=\"178\" text-anchor=\"end\">\(HTML.text(label(end)))</text>")
        return svg(name, height: 184, parts.joined(separator: "\n"))
    }

    /// Sessions, each a row of its segments as long as they are, with what cannot be read marked.
    static func segments(_ name: String, _ sessions: [StoreSurvey.Session]) -> String {
        let rows = sessions.enumerated().map { row($0.element, y: $0.offset * 30) }
        let hatch = """
            <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="6" height="6" class="damage"/><line x1="0" y1="0" x2="0" y2="6" class="hatch"/>
            </pattern></defs>

            """
        return svg(name, height: max(30, sessions.count * 30), hatch + rows.joined(separator: "\n"))
    }

    private static func row(_ session: StoreSurvey.Session, y: Int) -> String {
        let total = Double(max(1, session.segments.reduce(0) { $0 + $1.byteCount }))
        var parts = [
            "<text x=\"232\" y=\"\(y + 18)\" text-anchor=\"end\">\(HTML.text(session.id.text, limit: 28))</text>"
        ]
        var x = 240.0
        for segment in session.segments.prefix(StoreSurvey.segmentLimit) {
            let length = Double(segment.byteCount) / total * 370
            parts.append(
                "<rect class=\"segment\" x=\"\(number(x))\" y=\"\(y + 4)\" width=\"\(number(max(1, length - 1)))\" "
                    + "height=\"20\"><title>segment \(segment.number): \(HTML.text(Human.bytes(segment.byteCount)))"
                    + "</title></rect>")
            for range in segment.damage {
                let from = x + min(length, Double(range.lowerBound) / Double(max(1, segment.byteCount)) * length)
                let size = min(Double(range.count) / Double(max(1, segment.byteCount)) * length, x + length - from)
                parts.append(
                    "<rect class=\"lost\" x=\"\(number(min(from, x + max(0, length - 4))))\" y=\"\(y + 2)\" "
                        + "width=\"\(number(max(4, size)))\" height=\"24\"><title>cannot be read: bytes "
                        + "\(range.lowerBound) to \(range.upperBound)</title></rect>")
            }
            x += length
        }
        let note = session.hasDamage ? "damaged, " : ""
        let text = "\(note)\(Human.bytes(session.byteCount)) in \(Human.count(session.segments.count, "segment"))"
        parts.append("<text class=\"value\" x=\"618\" y=\"\(y + 18)\">\(HTML.text(text))</text>")
        return parts.joined(separator: "\n")
    }

    private static func svg(_ name: String, height: Int, _ content: String) -> String {
        """
        <svg role="img" aria-label="\(HTML.text(name, limit: 300))" viewBox="0 0 \(width + 70) \(height)">
        \(content)
        </svg>
        """
    }

    /// At most two digits behind the point.
    private static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        if hundredths % 100 == 0 { return "\(hundredths / 100)" }
        return Human.decimal(max(0, value), digits: 2)
    }
}
