import HoldfastBytes
import HoldfastThreads
import Synchronization

/// The titles of a store's sessions: read when they are first asked for, and kept up to date by every write from then
/// on.
final class SessionTitles: Sendable {
    private struct State {
        /// `nil` until they were read.
        var table: TitleTable?
        /// What was written while they were not read; it counts more than what is read.
        var meanwhile = TitleTable()
        var isReading = false

        mutating func change(_ body: (inout TitleTable) -> Void) {
            guard var table = table.take() else { return body(&meanwhile) }
            // Taken out, for a copy would take as long as there are sessions.
            body(&table)
            self.table = table
        }
    }

    private let state = Monitor(State())
    private let isWanted = Atomic(false)

    /// Whether writes have to tell of their changes.
    var wantsChanges: Bool { isWanted.load(ordering: .sequentiallyConsistent) }

    /// Notes a change before its record is queued.
    func note(_ change: TitleTable.Change) { state.withLock { $0.change { $0.note(change) } } }

    /// As ``note(_:)``; refused when another conversation has the title. The titles must have been read.
    func claim(_ change: TitleTable.Change) throws(HoldfastError) {
        try state.withLock { (state) throws(HoldfastError) in
            if let title = change.new, let holder = state.table?.holder(of: title, besides: change.session) {
                throw HoldfastError(
                    .titleTaken, "Title '\(title)' is already in use by session \(holder)", session: holder.text)
            }
            state.change { $0.note(change) }
        }
    }

    /// Notes that the record of the change that was noted last for its session was not queued.
    func undo(_ change: TitleTable.Change) { state.withLock { $0.change { $0.undo(change) } } }

    /// Notes that the record of a change is durable.
    func settle(_ change: TitleTable.Change) { state.withLock { $0.change { $0.settle(change) } } }

    /// Runs `body` on the titles, which `read` reads if that was not done yet.
    func withTable<Result>(
        read: () throws(HoldfastError) -> TitleTable, _ body: (TitleTable) -> Result
    ) throws(HoldfastError) -> Result {
        let known = state.wait(until: { !$0.isReading }) { state in
            state.isReading = state.table == nil
            return state.table.map(body)
        }
        if let known { return known }
        isWanted.store(true, ordering: .sequentiallyConsistent)
        let table = Swift.Result { () throws(HoldfastError) in try read() }
        defer { state.broadcast() }
        return try state.withLock { (state) throws(HoldfastError) in
            state.isReading = false
            var table = try table.get()
            table.merge(state.meanwhile)
            (state.table, state.meanwhile) = (table, TitleTable())
            return body(table)
        }
    }
}
