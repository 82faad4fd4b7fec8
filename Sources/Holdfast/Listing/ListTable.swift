import HoldfastBytes

/// The entries of all sessions, by session: in order, and beside them those that changed since they were put in order.
///
/// An array takes half the memory of a dictionary. Pure.
struct ListTable {
    private var sorted: [ListEntry] = []
    /// `nil` for a session that is not listed any more.
    private var newer: [SessionID: ListEntry?] = [:]
    /// The rows of sessions whose rows the log cannot give at once.
    private(set) var heldRows: [SessionID: SessionRow] = [:]
    /// Those of the entries.
    var origins: SessionOrigins

    init(origins: SessionOrigins = SessionOrigins()) { self.origins = origins }

    /// Calls `body` with every entry once, in no order.
    func forEach(_ body: (ListEntry) -> Void) {
        for entry in sorted where newer[entry.session] == nil { body(entry) }
        for case let entry? in newer.values { body(entry) }
    }

    /// The entry of `session`. Cost: the logarithm of their number.
    subscript(session: SessionID) -> ListEntry? {
        if let entry = newer[session] { return entry }
        let place = sorted.indices.partitionPoint { sorted[$0].session < session }
        return place < sorted.count && sorted[place].session == session ? sorted[place] : nil
    }

    /// Puts `entry` in the place of the earlier one of `session`. Cost: constant on average, most of the time.
    mutating func set(_ session: SessionID, _ entry: ListEntry?) {
        newer[session] = .some(entry)
        heldRows[session] = nil
        if newer.count > 64 + sorted.count / 8 { settle() }
    }

    /// Takes entries of sessions that have none yet, and the rows that are held of some.
    mutating func fill(_ entries: consuming [ListEntry], holding rows: [SessionID: SessionRow]) {
        precondition(sorted.isEmpty)
        sorted = entries
        heldRows = rows
        sorted.sort { $0.session < $1.session }
    }

    private mutating func settle() {
        // What did not change is in order: sorting it once more would compare every id with many.
        var changed = newer.values.compactMap(\.self).sorted { $0.session < $1.session }[...]
        var merged: [ListEntry] = []
        merged.reserveCapacity(sorted.count + changed.count)
        for entry in sorted where newer[entry.session] == nil {
            while let first = changed.first, first.session < entry.session {
                merged.append(first)
                changed = changed.dropFirst()
            }
            merged.append(entry)
        }
        sorted = merged + changed
        newer = [:]
        forgetOrigins()
    }

    /// Counts the origins anew when most of them must be of sessions that are gone.
    private mutating func forgetOrigins() {
        guard origins.all.count > 64 + sorted.count else { return }
        var used = SessionOrigins()
        for place in sorted.indices {
            sorted[place].origin = used.number(of: origins.all[Int(sorted[place].origin)])
        }
        origins = used
    }
}
