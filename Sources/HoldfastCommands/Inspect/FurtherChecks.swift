import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastThreads

/// What `verify` does when it is asked for more than to look at every byte: each thing is told in lines of its own.
struct FurtherChecks {
    private let arguments: Arguments
    private let console: any Console

    init(_ arguments: Arguments, _ console: any Console) {
        self.arguments = arguments
        self.console = console
    }

    /// Answers what the process is to end with, if nothing worse was found before.
    func run() throws(CommandError) -> ExitCode {
        // A receipt that cannot be read must be told before hours of work.
        let receipt = try arguments.text("receipt").map { (path) throws(CommandError) in try ReceiptFile.read(path) }
        var result = ExitCode.success
        if arguments.has("deep"), try !checkDeeply() { result = .committedDamage }
        if let receipt {
            let proof = try prove(receipt)
            if proof.isAltered { result = .committedDamage }
            if result == .success, !proof.isProved { result = .unproved }
        }
        if let path = arguments.text("write-receipt") { try writeReceipt(path) }
        return result
    }

    private func checkDeeply() throws(CommandError) -> Bool {
        let inspector = try StoreAccess.inspect(arguments.store)
        let sessions = try StoreAccess.sessions([], of: inspector)
        let store = try StoreAccess.openReadOnly(arguments.store)
        defer { try? store.close() }
        let found = Lock<[Int: [String]]>([:])
        try OrderedWork(sessions.count, on: console, showing: "Folding").run { (piece, _) throws(CommandError) in
            let problems = try deepProblems(of: sessions[piece].text, store)
            if !problems.isEmpty { found.withLock { $0[piece] = problems } }
        }
        let problems = found.withLock { $0 }
        if arguments.has("json") {
            try console.write(json(problems, sessions))
        } else if problems.isEmpty {
            try console.line("\(Human.count(sessions.count, "session")) folded: records, messages and snapshots agree.")
        }
        for (piece, texts) in problems.sorted(by: { $0.key < $1.key }) where !arguments.has("json") {
            for text in texts { try console.line(DisplayText.oneLine("session \(sessions[piece]): \(text)")) }
        }
        return problems.isEmpty
    }

    /// How often a session is folded again that a writer may be at work on.
    private static let attemptLimit = 4

    /// What does not agree in a session. Beside a writer that compacts it is asked again, in a store opened anew.
    private func deepProblems(of session: String, _ store: HoldfastStore) throws(CommandError) -> [String] {
        func ask(_ store: HoldfastStore) -> [String] {
            do throws(HoldfastError) {
                return try store.deepCheckBlocking(session)
            } catch {
                // Where there is nothing at all, there is nothing to hold against anything.
                return error.code == .unknownSession ? [] : [error.message]
            }
        }
        var problems = ask(store)
        var attempt = 1
        while !problems.isEmpty, attempt < Self.attemptLimit {
            attempt += 1
            let fresh = try StoreAccess.openReadOnly(arguments.store)
            defer { try? fresh.close() }
            let again = ask(fresh)
            if again == problems { break }
            problems = again
        }
        return problems
    }

    private func json(_ problems: [Int: [String]], _ sessions: [SessionID]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("deep")
        writer.beginArray()
        for (piece, texts) in problems.sorted(by: { $0.key < $1.key }) {
            for text in texts {
                writer.beginObject()
                writer.member("session", sessions[piece].text)
                writer.member("problem", text)
                writer.endObject()
            }
        }
        writer.endArray()
        writer.endObject()
        return writer.finish() + [10]
    }

    private func prove(_ receipt: Receipt) throws(CommandError) -> ReceiptProof {
        let proof = try ReceiptProof(receipt, try StoreAccess.inspect(arguments.store), console)
        guard arguments.has("json") else {
            try console.write(proof.text)
            return proof
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.object("receipt") { writer in
            proof.writeMembers(to: &writer)
        }
        writer.endObject()
        try console.write(writer.finish() + [10])
        return proof
    }

    private func writeReceipt(_ path: String) throws(CommandError) {
        let receipt = try Receipt(of: try StoreAccess.inspect(arguments.store), console)
        try ReceiptFile.write(receipt, to: path, notInto: arguments.store)
        let records = receipt.sessions.reduce(0 as UInt64) { $0 + ($1.last == 0 ? 0 : $1.last - $1.first + 1) }
        guard arguments.has("json") else {
            return try console.line(
                "Receipt of \(Human.count(receipt.sessions.count, "session")), \(Human.count(records)) records, in "
                    + "'\(DisplayText.oneLine(path))': digest \(receipt.digest).")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("receipt_file", path)
        writer.member("digest", receipt.digest)
        writer.endObject()
        try console.write(writer.finish() + [10])
    }
}
