/// Rows under headings, aligned by columns; the last column takes what is left of the width.
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

    /// The lines, none longer than `width` unless the columns before the last are.
    func lines(width: Int = .max) -> [String] {
        var widths = columns.indices.map { column in
            min(columns[column].limit, rows.map { DisplayText.width(of: $0[column]) }.max() ?? 0)
        }
        let fixed = widths.dropLast().reduce(0) { $0 + $1 + 2 }
        let last = columns.count - 1
        widths[last] = min(widths[last], max(8, width - min(width, fixed)))
        return rows.map { row in line(row, widths) }
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
