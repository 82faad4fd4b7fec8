import HoldfastBytes
import HoldfastStorage

/// Reads one session of a folder of hermes-webui: its file, its backup, the journals of its turns.
struct DocumentImport {
    let file: ImportFile

    /// Hands over what the session has. The answer is false when the file is no session; nothing has been called then.
    func read(_ body: (ImportItem) throws(CommandError) -> Void) throws(CommandError) -> Bool {
        let text = file.shape == .backup ? nil : try bytes(of: file.path, ImportLimits.documentByteCount)
        var document: SessionDocument?
        var reason: String?
        do throws(SessionDocument.Refusal) {
            document = try text.map { (text) throws(SessionDocument.Refusal) in try SessionDocument(text) }
        } catch {
            guard case .damaged(let why) = error else { return false }
            reason = why
        }
        if let text, let reason {
            try body(.damaged(DamagedPiece(place: "", reason: reason, offset: 0, bytes: text)))
        }
        guard var chosen = try choose(document, body) else { return true }
        try addPrompt(to: &chosen, body)
        try hand(chosen, to: body)
        return true
    }

    private func hand(
        _ document: SessionDocument, to body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) {
        if let inner = document.sessionID, inner != file.session.text {
            try body(.note("'\(file.shownPath)' calls itself '\(inner)'; the file's name counts."))
        }
        let header = ImportedSession(
            id: file.session, fields: document.fields, hasOwnContext: document.context != nil)
        try body(.session(header))
        for item in document.items { try body(item) }
        if let context = document.context {
            var messages: [[UInt8]] = []
            for item in context {
                if case .message(let message) = item { messages.append(message) } else { try body(item) }
            }
            try body(.context(messages))
        }
        if let pending = document.pending { try body(.pending(pending)) }
    }

    /// The file's document or the backup's, whichever is right; `nil` when there is neither.
    private func choose(
        _ document: SessionDocument?, _ body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) -> SessionDocument? {
        guard let path = file.companions.backup else { return document }
        let text = try bytes(of: path, ImportLimits.documentByteCount)
        guard let backup = try? SessionDocument(text) else {
            try body(.problem("'\(path)' is a backup that cannot be read, and was left out."))
            return document
        }
        guard case .backup(let why) = WebUIBackup.choice(file: document, backup: backup) else { return document }
        try body(.note("'\(path)' was imported in the place of its session's file: \(why)."))
        return backup
    }

    /// Finds in the journals the turn of the session's prompt, or else a prompt that is nowhere else.
    private func addPrompt(
        to document: inout SessionDocument, _ body: (ImportItem) throws(CommandError) -> Void
    ) throws(CommandError) {
        if file.companions.journals.isEmpty { return }
        var journal = TurnJournal()
        for path in file.companions.journals {
            journal.add(try bytes(of: path, ImportLimits.journalByteCount), named: path)
        }
        for place in journal.malformed.prefix(ImportLimits.copiedPieces) {
            try body(.problem("\(place) is no event of a turn, and was left out."))
        }
        let unfinished = journal.unfinished
        if let stream = document.pending?.stream {
            document.pending?.turn = unfinished.last { $0.stream == stream }?.id
        }
        guard document.pending == nil, let turn = unfinished.last, let content = turn.content,
            !document.hasPrompt(content)
        else { return }
        let message = SessionDocument.prompt(content[...], timestamp: turn.createdAt[...])
        document.pending = PendingPrompt(
            message: message, attachments: turn.attachments, turn: turn.id, stream: turn.stream,
            note: "The prompt of turn '\(turn.id)' was in the journal only; it waits for its answer now.")
    }

    private func bytes(of path: String, _ limit: Int) throws(CommandError) -> [UInt8] {
        try filing { () throws(StorageError) in try file.folder.readAll(path, limit: limit) }
    }
}

extension SessionDocument {
    /// Whether one of the messages is the user's with the content `content`.
    fileprivate func hasPrompt(_ content: [UInt8]) -> Bool {
        items.contains { item in
            guard case .message(let message) = item, let root = try? JSONTree.parse(message, detail: 1).root else {
                return false
            }
            guard root["role"]?.isString("user") == true, let text = root["content"] else { return false }
            return text.stringBytes == (try? JSONTree.parse(content).root.stringBytes)
        }
    }
}
