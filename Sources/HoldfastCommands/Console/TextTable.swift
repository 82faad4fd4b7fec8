/// Rows under headings, aligned by columns, and made to fit a terminal.
struct TextTable {
    /// A heading and how its column is aligned.
    struct Column {
        var heading: String
        var isNumber = false
        /// The widest the column gets.
        var limit = Int.max
    }

    private let columns: [Column]
    private var rows: [[String]]

    init(_ columns: [Column]) {
        self.columns = columns
        rows = [columns.map(\.heading)]
    }

    /// Adds a row, one cell per column. Cells must be single lines.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == columns.count, "a row with the wrong number of cells")
        rows.append(cells)
    }

    /// The lines, none longer than `width`. The widest columns of words are shortened first, each cell with `…` at its
    /// end; then the headings of numbers; numbers only where there is no other way.
    func lines(width: Int = .max) -> [String] {
        let widths = widths(in: width)
        return rows.map { DisplayText.fitted(line($0, widths), to: width) }
    }

    private func widths(in width: Int) -> [Int] {
        let room = max(0, width - 2 * (columns.count - 1))
        let wanted = columns.indices.map { min(columns[$0].limit, widest($0, of: rows[...]), room) }
        var widths = wanted
        for shortest in [8, 4] {
            let floors = columns.indices.map { column in
                guard columns[column].isNumber else { return min(wanted[column], shortest) }
                return shortest == 8 ? wanted[column] : min(wanted[column], widest(column, of: rows.dropFirst()))
            }
            Self.shorten(&widths, to: room, floors)
        }
        Self.shorten(&widths, to: room, columns.map { _ in 1 })
        return widths
    }

    private func widest(_ column: Int, of rows: ArraySlice<[String]>) -> Int {
        rows.map { DisplayText.width(of: $0[column]) }.max() ?? 0
    }

    /// Takes from the widest, again and again, until all of them fit into `room` or none is above its floor.
    private static func shorten(_ widths: inout [Int], to room: Int, _ floors: [Int]) {
        while widths.reduce(0, +) > room {
            let above = widths.indices.filter { widths[$0] > floors[$0] }
            guard let widest = above.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
        }
    }

    private func line(_ row: [String], _ widths: [Int]) -> String {
        let cells = row.indices.map { column in
            let text = DisplayText.fitted(row[column], to: widths[column])
            let padding = String(repeating: " ", count: widths[column] - DisplayText.width(of: text))
            if columns[column].isNumber { return padding + text }
            return column == row.count - 1 ? text : text + padding
        }
        let line = cells.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}
