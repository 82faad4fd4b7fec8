/// What a shell can offer for a word of the command line, as its placeholder says.
enum WordKind: Equatable {
    case folder
    case file
    /// One of these.
    case choice([String])
    /// Nothing that a shell would know, such as the id of a session.
    case other

    /// `STORE`, `FILE`, `yes|no`, `N`.
    init(placeholder: String) {
        let words = placeholder.split(separator: "|").map(String.init)
        switch placeholder {
        case "STORE", "NEWSTORE", "DIR": self = .folder
        case "FILE", "PATH": self = .file
        default: self = words.count > 1 ? .choice(words) : .other
        }
    }
}

extension OptionRule {
    /// What may follow the option's name; `nil` when nothing does.
    var wordKind: WordKind? {
        switch value {
        case .none: nil
        case .text(let placeholder): WordKind(placeholder: placeholder)
        case .count: .other
        case .choice(let words): .choice(words)
        }
    }
}

extension OperandRule {
    var wordKind: WordKind { WordKind(placeholder: name) }
}

extension Command {
    /// The options with the one that every command has.
    var allOptions: [OptionRule] { options + [.help] }

    /// `inspect` of `inspect log`.
    var firstWord: String { String(name.prefix { $0 != " " }) }

    /// `log` of `inspect log`.
    var secondWord: String? { name.contains(" ") ? String(name.drop { $0 != " " }.dropFirst()) : nil }
}

extension [Command] {
    /// The first words of all names, each once.
    var firstWords: [String] {
        reduce(into: []) { words, command in
            if !words.contains(command.firstWord) { words.append(command.firstWord) }
        }
    }

    /// The commands whose names have two words, by the first.
    var groups: [(first: String, commands: [Command])] {
        firstWords.map { first in (first, filter { $0.firstWord == first && $0.secondWord != nil }) }
            .filter { !$0.commands.isEmpty }
    }
}
