import Holdfast

/// The words of the command line, as pairs of a name and a value.
struct Options {
    let command: String
    private var values: [String: String] = [:]

    /// Reads `COMMAND --name value …`.
    init(_ words: [String]) {
        command = words.dropFirst().first ?? ""
        var rest = words.dropFirst(2)
        while let name = rest.popFirst() {
            guard name.hasPrefix("--"), let value = rest.popFirst() else { fail("'\(name)' has no value; \(usage)") }
            values[String(name.dropFirst(2))] = value
        }
    }

    func text(_ name: String, or usual: String? = nil) -> String {
        guard let value = values[name] ?? usual else { fail("--\(name) is missing; \(usage)") }
        return value
    }

    func number(_ name: String, or usual: Int) -> Int { values[name].map { Int($0) ?? 0 } ?? usual }

    func seconds(_ name: String, or usual: Double) -> Double { values[name].map { Double($0) ?? 0 } ?? usual }

    /// Opens the store that the options name.
    func openStore() throws(HoldfastError) -> HoldfastStore { try openedStore().store }

    /// The same, with what opening found and did.
    func openedStore() throws(HoldfastError) -> HoldfastStore.Opened {
        var options = StoreOptions()
        options.compactsInBackground = text("compaction", or: "on") == "on"
        let commit = CommitMode(rawValue: text("commit", or: "journal")) ?? .journal
        return try HoldfastStore.opened(path: text("store"), commit: commit, options: options)
    }
}

let usage = "usage: holdfast-bench append|open|read|soak --store FOLDER [--NAME VALUE …]"
