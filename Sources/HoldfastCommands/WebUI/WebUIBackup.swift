import HoldfastBytes

/// Whether a session's backup takes the place of its file. Pure.
///
/// hermes-webui keeps the previous file when a save shrinks a session, for that may be the work of a bug. The
/// backup is right when it has more messages, unless the user wanted fewer: then the file bears a mark that the
/// backup does not have yet.
enum WebUIBackup {
    /// Which of the two to import.
    enum Choice: Equatable {
        case file
        /// The backup, for this reason.
        case backup(String)
    }

    /// The marks of a wish: clearing, undoing and truncating, compressing.
    private static let marks = [
        "clear_generation", "intentional_shrink_generation", "compression_anchor_message_key",
        "compression_anchor_summary",
    ]

    /// Decides; `file` is `nil` when it is missing or cannot be read.
    static func choice(file: SessionDocument?, backup: SessionDocument) -> Choice {
        guard let file else { return .backup("the file is missing or cannot be read") }
        guard backup.messageCount > file.messageCount else { return .file }
        let isWanted = marks.contains { mark in
            guard let now = file.field(mark), now != Array("null".utf8) else { return false }
            return now != backup.field(mark)
        }
        if isWanted { return .file }
        return .backup(
            "the file has \(file.messageCount) of its \(backup.messageCount) messages, and nobody wanted that")
    }
}
