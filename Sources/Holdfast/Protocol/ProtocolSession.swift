import HoldfastBytes
import HoldfastLog
import HoldfastThreads

/// One conversation in the protocol of docs/protocol.md: lines of JSON in, lines of JSON out.
///
/// Requests are taken as fast as they come and answered as their records become durable: in the order of the
/// requests within a session, in any order between sessions. Reads run on a thread of their own, answers are
/// handed over on another, so that neither a long read nor a slow reader of the answers holds up the log.
package final class ProtocolSession: Sendable {
    /// How much may wait before ``ProtocolSession/handle(line:)`` blocks.
    package struct Limits: Sendable {
        /// Requests without an answer.
        package var requests = 10_000
        /// Bytes of requests and answers in memory; one request or answer may be longer.
        package var bytes = 64 << 20

        /// The defaults: 10,000 requests, 64 MiB.
        package init() {}
    }

    private struct State {
        var order = AnswerOrder()
        /// Requests whose answers were not handed over yet.
        var requests = 0
        /// Bytes of the requests that have no answer yet.
        var requestBytes = 0
        /// Bytes of the answers that were not handed over yet.
        var answerBytes = 0
        /// Answers to hand over.
        var outgoing: [[UInt8]] = []
        /// Bytes of those and of the ones that are being handed over; the rest of the answers waits for others.
        var outgoingBytes = 0
        var isFinishing = false
    }

    let store: HoldfastStore
    private let limits: Limits
    private var router: RouterStore { RouterStore(store) }
    private let state = Monitor(State())
    private let reads: WorkQueue
    private let writer: WorkQueue

    /// The longest line that ``handle(line:)`` takes, in bytes without its newline: a record of the longest
    /// payload and what is around it.
    package var lineLimit: Int { store.log.payloadLimit + SessionLimits.envelopeByteCount }

    /// Begins a conversation on `store`.
    ///
    /// `answer` is given one answer at a time, newline included, on a thread of this object. It may block;
    /// then, in time, ``handle(line:)`` blocks too.
    package init(
        store: HoldfastStore, limits: Limits = Limits(), answer: @escaping @Sendable ([UInt8]) -> Void
    ) throws(HoldfastError) {
        self.store = store
        self.limits = limits
        reads = try WorkQueue(name: "holdfast-get", threads: 1)
        writer = try WorkQueue(name: "holdfast-answer", threads: 1)
        writer.run { [state] in Self.handOver(state, answer) }
    }
}

extension ProtocolSession {
    /// Takes one request, without its newline. An empty line is passed over.
    ///
    /// Returns when the request has been started, and blocks while too much waits for answers. Called by one
    /// thread at a time; the order of the calls is the order of the requests.
    package func handle(line: [UInt8]) {
        guard line.contains(where: { $0 > UInt8(ascii: " ") }) else { return }
        guard line.count <= lineLimit else { return refuseLongLine() }
        do throws(RequestRefusal) {
            let request = try Request(line: line)
            let operation = request.operation
            let job = admit(
                request.id, line.count, lane: operation.session, isBarrier: operation.isBarrier)
            start(operation, job)
        } catch {
            let job = admit(error.id, line.count, lane: error.session)
            complete(job, with: Answer.line(job.id, error.error))
        }
    }

    /// Answers a line that its reader did not read to the end because it is longer than ``lineLimit``.
    package func refuseLongLine() {
        let job = admit(Request.noID, 0, lane: nil)
        let refusal = HoldfastError(.tooLarge, "a line of more than \(lineLimit) bytes")
        complete(job, with: Answer.line(job.id, refusal))
    }

    /// Waits until every request is answered and every answer handed over, and ends the threads.
    ///
    /// The last call on this object, by the thread that calls ``handle(line:)``.
    package func finish() {
        state.wait(until: { $0.requests == 0 }) { $0.isFinishing = true }
        state.broadcast()
        reads.stop()
        writer.stop()
    }
}

// What becomes of one request.
extension ProtocolSession {
    /// A request on its way.
    struct Job: Sendable {
        let id: [UInt8]
        let ticket: AnswerOrder.Ticket
        let byteCount: Int
    }

    /// Waits for room and takes the request in.
    private func admit(_ id: [UInt8], _ byteCount: Int, lane: String?, isBarrier: Bool = false) -> Job {
        state.wait(until: { state in
            let bytes = state.requestBytes + state.answerBytes + byteCount
            return state.requests == 0 || (state.requests < limits.requests && bytes <= limits.bytes)
        }) { state in
            state.requests += 1
            state.requestBytes += byteCount
            let ticket = isBarrier ? state.order.addBarrier() : state.order.add(lane: lane)
            return Job(id: id, ticket: ticket, byteCount: byteCount)
        }
    }

    private func start(_ operation: Operation, _ job: Job) {
        switch operation {
        case .write(let mutation):
            store.submit(mutation) { [self] result in
                complete(job, with: Answer.line(job.id, result) { $0.write(to: &$1) })
            }
        case .get(let session, let window):
            // What the answer shows is fixed now, before later requests of the session; it is read in its
            // turn.
            let view = Result { () throws(HoldfastError) in try store.currentView(of: session) }
            read(job) { store throws(HoldfastError) in
                try store.operate { () throws(HoldfastError) in try store.state(in: view.get(), window) }
            } write: { state, writer in
                state.write(to: &writer)
            }
        case .list(let query, let after, let limit):
            read(job) { store throws(HoldfastError) in
                try store.listBlocking(query, after: after, limit: limit)
            } write: { page, writer in
                page.write("sessions", to: &writer) { $1.raw($0.json.bytes) }
            }
        case .nextTitle(let title):
            read(job) { store throws(HoldfastError) in
                try store.nextTitleBlocking(after: title)
            } write: { next, writer in
                writer.member("title", next)
            }
        case .findTitle(let title):
            read(job) { store throws(HoldfastError) in
                try store.sessionBlocking(titled: title)
            } write: { session, writer in
                writer.key("session")
                if let session { writer.string(session) } else { writer.null() }
            }
        case .pending(let after, let limit):
            read(job) { store throws(HoldfastError) in
                try store.pendingBlocking(after: after, limit: limit)
            } write: { page, writer in
                page.write(to: &writer)
            }
        case .queue, .runs, .runEvents: startTurnRead(operation, job)
        case .flush:
            read(job) { store throws(HoldfastError) in
                try store.flushBlocking()
            } write: { _, _ in
            }
        case .routerGet(let session):
            let entry = Result { () throws(HoldfastError) in try router.currentEntry(of: session) }
            complete(job, with: Answer.line(job.id, entry) { $0.write(of: session, to: &$1) })
        case .routerStats:
            read(job) { [router] _ throws(HoldfastError) in
                try router.currentStats()
            } write: { stats, writer in
                stats.write(to: &writer)
            }
        case .compact(let session):
            // Not on the thread of the reads, for it may take long.
            store.workers.run { [self] in
                let count = Result { () throws(HoldfastError) in try store.compactBlocking(session) }
                complete(job, with: Answer.line(job.id, count) { $1.member("compacted", $0) })
            }
        }
    }

    /// Runs `operation` on the thread of the reads, once the answers leave room in memory for its own.
    func read<Value: Sendable>(
        _ job: Job, _ operation: @escaping @Sendable (HoldfastStore) throws(HoldfastError) -> Value,
        write: @escaping @Sendable (Value, inout JSONWriter) -> Void
    ) {
        reads.run { [self] in
            state.wait(until: { hasRoom(for: job, $0) }) { _ in }
            let result = Result { () throws(HoldfastError) in try operation(store) }
            complete(job, with: Answer.line(job.id, result, write))
        }
    }

    /// Whether a read may run now.
    ///
    /// Answers that wait behind it in its lane cannot go before its own, so one that is next waits only for those on
    /// their way out. One that is not next waits for a write or a compaction, which need no thread of the reads.
    private func hasRoom(for job: Job, _ state: State) -> Bool {
        let most = limits.bytes / 2
        return state.answerBytes <= most || state.outgoingBytes <= most && state.order.isNext(job.ticket)
    }

    /// Puts the answer in its place in the order.
    private func complete(_ job: Job, with answer: [UInt8]) {
        state.withLock { state in
            state.requestBytes -= job.byteCount
            state.answerBytes += answer.count
            let ready = state.order.fill(job.ticket, with: answer)
            state.outgoing += ready
            state.outgoingBytes += ready.byteCount
        }
        state.broadcast()
    }

    /// Hands answers over until the session is finished.
    private static func handOver(_ state: Monitor<State>, _ answer: @Sendable ([UInt8]) -> Void) {
        while true {
            let batch = state.wait(until: { !$0.outgoing.isEmpty || $0.isFinishing }) { state in
                defer { state.outgoing = [] }
                return state.outgoing
            }
            if batch.isEmpty { return }
            for line in batch { answer(line) }
            state.withLock { state in
                state.requests -= batch.count
                state.answerBytes -= batch.byteCount
                state.outgoingBytes -= batch.byteCount
            }
            state.broadcast()
        }
    }
}

extension [[UInt8]] {
    /// Bytes of all of them.
    fileprivate var byteCount: Int { reduce(0) { $0 + $1.count } }
}

extension Operation {
    /// Whether the answer waits for those of all requests before.
    fileprivate var isBarrier: Bool {
        if case .flush = self { true } else { false }
    }
}

extension HoldfastStore {
    func currentView(of session: String) throws(HoldfastError) -> SessionView {
        try operate { () throws(HoldfastError) in try view(of: try Self.sessionID(session)) }
    }
}
