/// Text from a store, made fit for one line of a terminal.
enum DisplayText {
    /// `text` on one line: runs of whitespace are one space, and control characters, with which a message could take
    /// over the terminal or forge a line, are `·`.
    static func oneLine(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        var needsSpace = false
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                needsSpace = !line.isEmpty
                continue
            }
            if needsSpace { line.append(" ") }
            needsSpace = false
            line.append(isHarmful(scalar) ? "·" : scalar)
        }
        return String(line)
    }

    /// The lines of `text` with their whitespace, tabs as blanks, and control characters as above.
    static func lines(_ text: String) -> [String] {
        text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var shown = String.UnicodeScalarView()
            for scalar in line.unicodeScalars {
                if scalar == "\t" {
                    shown.append(contentsOf: "    ".unicodeScalars)
                } else {
                    shown.append(isHarmful(scalar) ? "·" : scalar)
                }
            }
            return String(shown)
        }
    }

    /// `text` cut to `width` columns, with `…` as the last of them when something was cut.
    static func fitted(_ text: String, to width: Int) -> String {
        guard self.width(of: text) > width else { return text }
        guard width > 0 else { return "" }
        var used = 0
        let kept = text.prefix { character in
            used += Self.width(of: character)
            return used < width
        }
        return kept + "…"
    }

    /// How many columns a terminal needs for `text`.
    static func width(of text: String) -> Int { text.reduce(0) { $0 + width(of: $1) } }

    private static func width(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    /// Controls, and the marks that turn the direction of what follows.
    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x202A...0x202E, 0x2066...0x2069: true
        default: scalar.properties.generalCategory == .control
        }
    }
}
