import HoldfastBytes
import HoldfastLog

extension ProtocolSession {
    /// Starts an operation that reads turns or queues. As for `get`, what it shows is fixed now.
    func startTurnRead(_ operation: Operation, _ job: Job) {
        guard let session = operation.session else { preconditionFailure("a read of no session") }
        let view = Result { () throws(HoldfastError) in try store.currentView(of: session) }
        switch operation {
        case .queue:
            read(job) { store throws(HoldfastError) in
                try store.operate { () throws(HoldfastError) in try store.queue(in: view.get()) }
            } write: { messages, writer in
                messages.write("queue", to: &writer)
            }
        case .runs:
            read(job) { store throws(HoldfastError) in
                try store.operate { () throws(HoldfastError) in try store.runs(in: view.get()) }
            } write: { runs, writer in
                writer.key("runs")
                writer.beginArray()
                for run in runs { run.write(to: &writer) }
                writer.endArray()
            }
        case .runEvents(_, let cursor, let limits):
            read(job) { store throws(HoldfastError) in
                try store.operate { () throws(HoldfastError) in
                    try store.runEvents(in: view.get(), cursor, limits)
                }
            } write: { replay, writer in
                replay.write(to: &writer)
            }
        default: preconditionFailure("no read of turns")
        }
    }
}
