/// The index of hermes-webui: a row for each session, the one updated last first.
struct WebUIIndex {
    static let fileName = "_index.json"

    private var sessions: [WebUISession] = []

    /// Adds a session, whose messages have been seen.
    mutating func add(_ session: WebUISession) { sessions.append(session) }

    /// The file.
    var text: [UInt8] {
        var writer = IndentedJSON()
        writer.beginArray()
        for session in sessions.sorted(by: { $0.updatedAt > $1.updatedAt }) { session.writeRow(to: &writer) }
        writer.endArray()
        return writer.bytes
    }
}
