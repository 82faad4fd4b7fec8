/// A store as the web interface of the reference keeps it, with the rules that its users have lost conversations to:
/// one file per session that is rewritten whole, a backup of what shrank, an index beside them, recovery by sizes,
/// and everything else in memory.
struct FileStore {
    struct Session: Equatable {
        var messages: [String] = []
        var title = "Untitled"
        var pending: String?
        var stream: String?
    }

    /// What is on the disk.
    private(set) var files: [String: Session] = [:]
    private(set) var backups: [String: Session] = [:]
    private(set) var index: [String: Int] = [:]
    private(set) var writtenBytes = 0
    /// What the process has; a crash takes it.
    var memory: [String: Session] = [:]
    var queue: [String] = []
    private(set) var liveStreams: Set<String> = []

    /// What the sessions take that the process has, of which each is there whole.
    var heldBytes: Int { memory.values.reduce(0) { $0 + $1.messages.reduce(0) { $0 + $1.utf8.count } } }

    /// Writes the session as it is in memory. A save that seems to lose everything is passed over in silence.
    mutating func save(_ id: String, skipsIndex: Bool = false) {
        guard let session = memory[id] else { return }
        let old = files[id]
        if let old, !old.messages.isEmpty, session.messages.isEmpty, session.pending ?? session.stream != nil { return }
        if let old, old.messages.count > session.messages.count { backups[id] = old }
        files[id] = session
        writtenBytes += session.messages.reduce(0) { $0 + $1.utf8.count }
        if !skipsIndex { index[id] = session.messages.count }
    }

    /// Removes a session's file; the backup comes next, and a crash may come between.
    mutating func delete(_ id: String, removesBackup: Bool) {
        (files[id], memory[id], index[id]) = (nil, nil, nil)
        if removesBackup { backups[id] = nil }
    }

    mutating func begin(_ id: String, stream: String, prompt: String) {
        memory[id]?.stream = stream
        memory[id]?.pending = prompt
        liveStreams.insert(stream)
    }

    /// The process ends and another one begins.
    mutating func crash() { (memory, queue, liveStreams) = (files, [], []) }

    /// What the start does: whatever is longer counts as better.
    mutating func recover() {
        for (id, backup) in backups where backup.messages.count > files[id]?.messages.count ?? -1 {
            files[id] = backup
            memory[id] = backup
        }
    }

    /// Ends a turn that seems to be dead, because it is old.
    mutating func repair(_ id: String, age: Int) {
        guard let session = memory[id], let pending = session.pending, age > 30 else { return }
        memory[id]?.messages += [pending, "(interrupted)"]
        memory[id]?.pending = nil
        memory[id]?.stream = nil
        save(id)
    }

    /// What the worker writes when its turn ends, whoever owns the session by then.
    mutating func finish(_ id: String, _ copy: Session) {
        memory[id] = copy
        save(id)
    }
}

/// The events of a run as the web interface keeps them: with one rule for all of them when they are synced.
struct RunJournal {
    /// Whether each event is synced, or the last one only.
    let isEager: Bool
    private(set) var events: [String] = []
    private(set) var syncs = 0
    private var durableCount = 0

    init(isEager: Bool) { self.isEager = isEager }

    mutating func append(_ event: String, isLast: Bool = false) {
        events.append(event)
        guard isEager || isLast else { return }
        syncs += 1
        durableCount = events.count
    }

    mutating func cutPower() { events = Array(events.prefix(durableCount)) }
}

/// A store as the gateway of the reference keeps it: one file for all sessions, one writer at a time.
struct OneFileStore {
    private(set) var rows: [(session: String, message: String)] = []
    var isDamaged = false
    var isIndexDamaged = false
    /// How many tries the lock is held by another one.
    var contention = 0

    /// Puts messages in the place of others, which stay hidden; nothing ever gives their space back.
    mutating func compact(_ session: String, to messages: [String]) { rows += messages.map { (session, $0) } }

    /// Tries a few times, and gives up.
    mutating func append(_ message: String, to session: String) -> Bool {
        if isDamaged || isIndexDamaged { return false }
        for _ in 0..<15 {
            if contention == 0 {
                rows.append((session, message))
                return true
            }
            contention -= 1
        }
        return false
    }

    func messages(_ session: String) -> [String]? {
        isDamaged ? nil : rows.filter { $0.session == session }.map(\.message)
    }
}
