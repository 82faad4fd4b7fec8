/// Counts how what was done was classed.
struct RotTable: Sendable {
    private struct Row: Hashable {
        var kind: RotKind
        var area: String
    }

    private var counts: [Row: [RotClass: Int]] = [:]
    private(set) var caseCount = 0

    mutating func count(_ kind: RotKind, _ area: String, _ classed: RotClass) {
        counts[Row(kind: kind, area: area), default: [:]][classed, default: 0] += 1
        caseCount += 1
    }

    mutating func add(_ other: RotTable) {
        for (row, classes) in other.counts { counts[row, default: [:]].merge(classes, uniquingKeysWith: +) }
        caseCount += other.caseCount
    }

    /// The confusion table, a line each.
    var markdown: [String] {
        let classes = RotClass.allCases
        var lines = [
            "| What was done | where | " + classes.map(\.rawValue).joined(separator: " | ") + " |",
            "| --- | --- |" + classes.map { _ in " ---: |" }.joined(),
        ]
        for kind in RotKind.allCases {
            for row in counts.keys.filter({ $0.kind == kind }).sorted(by: { $0.area < $1.area }) {
                let numbers = classes.map { counts[row]?[$0].map(String.init) ?? "" }
                lines.append("| \(kind.rawValue) | \(row.area) | " + numbers.joined(separator: " | ") + " |")
            }
        }
        return lines
    }
}
