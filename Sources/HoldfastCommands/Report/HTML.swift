/// Text for a page. Whatever comes from a store goes through here.
enum HTML {
    /// `text` on one line, at most `limit` characters, with no character that means something to a browser.
    static func text(_ text: String, limit: Int = 100) -> String {
        var escaped = ""
        for character in DisplayText.fitted(DisplayText.oneLine(String(text.prefix(limit + 1))), to: limit) {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// A table whose cells are text; the first column names the row.
    static func table(_ caption: String, _ headings: [String], _ rows: [[String]]) -> String {
        let head = headings.map { "<th scope=\"col\">\(text($0))</th>" }.joined()
        let body = rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == 0 ? "<th scope=\"row\">\(text(cell))</th>" : "<td>\(text(cell, limit: 300))</td>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return "<table><caption>\(text(caption))</caption><thead><tr>\(head)</tr></thead>"
            + "<tbody>\n\(body.joined(separator: "\n"))\n</tbody></table>\n"
    }

    /// A picture with its name, and the same in words and figures for those who do not see it.
    static func figure(_ id: String, _ title: String, _ note: String, picture: String, table: String) -> String {
        """
        <section aria-labelledby="\(id)">
        <h2 id="\(id)">\(text(title))</h2>
        <p>\(text(note, limit: 500))</p>
        \(picture)
        <details><summary>The same as a table</summary>
        \(table)</details>
        </section>

        """
    }
}
