import Holdfast
import HoldfastEngine

extension Command {
    /// `holdfast pipe`.
    static let pipe = Command(
        name: "pipe",
        summary: "Serve a store to a parent process: JSON lines on standard input and output.",
        operands: [.store],
        options: [
            OptionRule(
                "commit", .choice(CommitMode.allCases.map(\.rawValue)),
                "where writes become durable: in the journal, with one sync for all sessions (the default), or in "
                    + "each session's own segment file")
        ],
        details: [
            "Each line of input is one request, each line of output the answer to one; docs/protocol.md defines "
                + "both. Requests may be sent without waiting. An answer comes when its record is durable, in the "
                + "order of the requests within a session. At the end of input everything is flushed and the "
                + "program ends.",
            "The store is created when the folder is missing or empty. One process at a time has a store open.",
        ],
        examples: [
            (
                #"echo '{"id":1,"op":"create","session":"s1"}' | holdfast pipe ./store"#,
                "make a store with one session"
            )
        ],
        exitCodes: [
            (.success, "the input ended and everything is durable"),
            (.cannotCreate, "the store cannot be created here"),
            (.temporary, "another process has the store open; its id is in the message"),
        ],
        run: { arguments, console throws(CommandError) in
            let commit = arguments.text("commit").flatMap(CommitMode.init) ?? .journal
            let opened = try StoreAccess.open(arguments.store, creating: true, commit: commit)
            if let summary = RecoveryStory.oneLine(opened.recovery) { console.complain(summary) }
            try PipeServer(opened.store, console).run()
            return .success
        })
}

/// Carries lines between the streams of the process and a conversation in the protocol.
private struct PipeServer {
    private let store: HoldfastStore
    private let console: any Console

    init(_ store: HoldfastStore, _ console: any Console) {
        self.store = store
        self.console = console
    }

    /// Serves until the end of input, and closes the store whatever happens to the streams.
    func run() throws(CommandError) {
        let answers = try AnswerWriter(to: console)
        let session: ProtocolSession
        do throws(HoldfastError) {
            session = try ProtocolSession(store: store) { answers.add($0) }
        } catch {
            throw CommandError(error)
        }
        let served = Result { () throws(CommandError) in try serve(session, answers) }
        session.finish()
        let written = Result { () throws(CommandError) in try answers.finish() }
        try asking { () throws(HoldfastError) in try store.close() }
        try served.get()
        try written.get()
    }

    private func serve(_ session: ProtocolSession, _ answers: AnswerWriter) throws(CommandError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var splitter = LineSplitter(limit: session.lineLimit)
        let take = { (line: LineSplitter.Line) in
            switch line {
            case .whole(let bytes): session.handle(line: bytes)
            case .tooLong: session.refuseLongLine()
            }
        }
        // Nobody reads the answers any more: no further request is worth taking.
        while !answers.hasFailed {
            let count = try console.read(into: buffer)
            if count == 0 { break }
            splitter.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), take)
        }
        splitter.finish(take)
    }
}
