import Holdfast
import HoldfastBytes
import HoldfastStorage

extension Command {
    /// `holdfast export`.
    static let export = Command(
        name: "export",
        summary: "Write the messages of sessions as JSON lines, byte for byte.",
        operands: [.store, OperandRule("SESSION", .any, "the sessions to write; all when none is named")],
        options: [
            OptionRule("to", .text("DIR"), "the folder for the files, one '<session>.jsonl' each; made when missing"),
            OptionRule("format", .choice(["jsonl"]), "one message per line (the default, and the only one so far)"),
        ],
        details: [
            "Without --to one session is written to standard output. A file appears whole or not at all, replaces "
                + "one of the same name, and is readable by its owner only. Characters of an id that are unfit for a "
                + "file name are escaped as %xx; 'holdfast import' takes them back.",
            "A message that contains line breaks between its values is written without whitespace there; the "
                + "number of such messages is told. The store may be in use.",
        ],
        examples: [
            ("holdfast export ./store --to ./backup", "write every session"),
            ("holdfast export ./store s1 | jq .role", "look at one session"),
        ],
        exitCodes: [
            (.success, "everything was written"),
            (.data, "a session is damaged; what could be read was written"),
            (.noInput, "the store or a session is not there"),
            (.cannotCreate, "a file or the folder cannot be made"),
        ],
        run: { arguments, console throws(CommandError) in
            guard arguments.text("to") != nil || arguments.rest.count == 1 else {
                throw CommandError(.usage, "Name one SESSION, or a folder with --to.")
            }
            let store = try StoreAccess.openReadOnly(arguments.store)
            defer { try? store.close() }
            guard let folder = arguments.text("to") else {
                var exporter = SessionExporter(store: store)
                let damage = try exporter.write(arguments.operands[1]) { (bytes) throws(CommandError) in
                    try console.write(bytes)
                }
                exporter.explain(on: console)
                guard let damage else { return .success }
                console.complain(damage.sentence(arguments.operands[1]))
                return .data
            }
            let sessions =
                arguments.rest.isEmpty
                ? try store.allRows().map(\.summary.session) : Array(arguments.rest)
            return try FolderExport(store, folder, console).run(sessions)
        })
}

/// Writes the messages of one session after the other.
private struct SessionExporter {
    let store: HoldfastStore
    private(set) var messageCount = 0
    /// Messages that could not be written as they are.
    private var minifiedCount = 0
    private static let pieceByteCount = 1 << 18

    init(store: HoldfastStore) { self.store = store }

    /// Gives `output` the lines of `session` in large pieces, and answers what damage cuts them short.
    mutating func write(
        _ session: String, _ output: ([UInt8]) throws(CommandError) -> Void
    ) throws(CommandError) -> SessionDamage? {
        var piece: [UInt8] = []
        let damage = try store.forEachMessage(of: session) { (message) throws(CommandError) in
            piece += line(message)
            if piece.count < Self.pieceByteCount { return true }
            try output(piece)
            piece.removeAll(keepingCapacity: true)
            return true
        }
        if !piece.isEmpty { try output(piece) }
        return damage
    }

    /// Says what is not byte for byte.
    func explain(on console: any Console) {
        if minifiedCount == 0 { return }
        let messages = Human.count(minifiedCount, "message")
        console.complain("\(messages) with line breaks between values: written without that whitespace.")
    }

    private mutating func line(_ message: [UInt8]) -> [UInt8] {
        messageCount += 1
        guard message.contains(where: { $0 == 10 || $0 == 13 }) else { return message + [10] }
        minifiedCount += 1
        return JSONText.minified(message) + [10]
    }
}

/// Writes sessions into the files of a folder.
private struct FolderExport {
    private let store: HoldfastStore
    private let folder: any Storage
    private let console: any Console

    init(_ store: HoldfastStore, _ path: String, _ console: any Console) throws(CommandError) {
        self.store = store
        self.console = console
        do throws(StorageError) {
            folder = try PosixStorage(root: path, create: true)
        } catch {
            throw CommandError(.cannotCreate, error.description)
        }
    }

    /// Writes all `sessions`. One that is cut short by damage, or gone, is named and does not stop the others.
    func run(_ sessions: [String]) throws(CommandError) -> ExitCode {
        var exporter = SessionExporter(store: store)
        var result = ExitCode.success
        let progress = ProgressBar("Exporting", total: sessions.count, on: console)
        for session in sessions {
            do throws(CommandError) {
                if let damage = try write(session, &exporter) {
                    progress.finish()
                    console.complain(damage.sentence(session))
                    result = .data
                }
            } catch {
                guard [.data, .noInput].contains(error.code) else { throw error }
                progress.finish()
                console.complain(DisplayText.oneLine("Session '\(session)': \(error.message)"))
                result = error.code
            }
            progress.advance(by: 1)
        }
        progress.finish()
        try filing { () throws(StorageError) in try folder.syncDirectory("") }
        exporter.explain(on: console)
        let counts = "\(Human.count(sessions.count, "session")), \(Human.count(exporter.messageCount, "message"))."
        console.writeError(counts + "\n")
        return result
    }

    private func write(
        _ session: String, _ exporter: inout SessionExporter
    ) throws(CommandError) -> SessionDamage? {
        guard let id = SessionID(session) else { throw CommandError(.noInput, "This is no session id.") }
        let name = StoreLayout.escapedName(id) + ".jsonl"
        let temporary = name + StoreLayout.temporarySuffix
        let file = try creating { () throws(StorageError) in
            let file = try folder.open(temporary, .create)
            try file.truncate(to: 0)
            return file
        }
        do throws(CommandError) {
            var offset: UInt64 = 0
            let damage = try exporter.write(session) { (bytes) throws(CommandError) in
                try filing { () throws(StorageError) in try file.write(bytes, at: offset) }
                offset += UInt64(bytes.count)
            }
            try filing { () throws(StorageError) in
                try file.sync()
                try file.close()
                try folder.rename(temporary, name)
            }
            return damage
        } catch {
            try? folder.remove(temporary)
            throw error
        }
    }

    private func creating<R>(_ body: () throws(StorageError) -> R) throws(CommandError) -> R {
        do throws(StorageError) { return try body() } catch { throw CommandError(.cannotCreate, error.description) }
    }
}
