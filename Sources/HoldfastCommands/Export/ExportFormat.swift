import HoldfastBytes

/// How sessions are written.
enum ExportFormat: String, CaseIterable {
    /// One message per line.
    case jsonl
    /// One document per session.
    case json
    /// The documents and the index of hermes-webui.
    case webUI = "hermes-webui"

    /// The name of the session's file.
    ///
    /// - Throws: ``ExitCode/data`` for an id that the other program cannot read.
    func fileName(_ session: String) throws(CommandError) -> String {
        guard let id = SessionID(session) else { throw CommandError(.noInput, "This is no session id.") }
        switch self {
        case .jsonl: return StoreLayout.escapedName(id) + ".jsonl"
        case .json: return StoreLayout.escapedName(id) + ".json"
        case .webUI:
            guard WebUIKeys.isSessionID(session), session.utf8.count <= WebUIKeys.idByteCount else {
                throw CommandError(
                    .data, "hermes-webui reads ids of letters, digits, '_' and '-' only, not with '_' in front.")
            }
            return session + ".json"
        }
    }
}
