#if HOLDFAST_SCHEDULES
import Holdfast
import HoldfastSimulation
import HoldfastThreads

/// One thread that writes to a session to which others may write as well.
struct StoreWriter {
    private let store: HoldfastStore
    private let book: ScheduleBook
    private let plan: SchedulePlan
    private let session: String
    private let number: Int
    /// How many writes have been answered, or will not be made.
    private let doneCount: Monitor<Int>
    private var generator: SplitMix64

    init(_ store: HoldfastStore, _ run: ScheduleRun, _ number: Int, _ doneCount: Monitor<Int>) {
        self.store = store
        book = run.book
        plan = run.plan
        self.number = number
        self.doneCount = doneCount
        session = "s\(number % (1 + Int(plan.seed % 3)))"
        generator = SplitMix64(seed: plan.seed &* 31 &+ UInt64(number))
    }

    static func message(_ text: String) -> JSON { JSON("{\"t\":\"\(text)\"}") }

    /// The text that ``message(_:)`` was given.
    static func text(of message: JSON) -> String { String("\(message)".dropFirst(6).dropLast(2)) }

    func run() {
        var copy = self
        copy.work()
    }

    private mutating func work() {
        defer { leave() }
        guard begin("create", .create(session), unless: .sessionExists),
            begin("turn", .beginTurn(in: session, turn: "t", message: #"{"role":"user"}"#), unless: .turnOpen)
        else { return }
        for index in 0..<plan.writesPerWriter {
            let padding = String(repeating: "x", count: generator.next() % 4 == 0 ? 300 : 0)
            let text = "\(number), \(index) \(padding)"
            var mutation = Mutation.append(to: session, [Self.message(text)])
            // What is not waited for needs a timer.
            if plan.slowness != nil, generator.next() % 4 == 0 { mutation.durability = .soon }
            write(text, mutation)
            doneCount.withLock { $0 += 1 }
            doneCount.broadcast()
            aside()
        }
    }

    /// Makes one of the changes that all others build on; answers whether it has been made, here or elsewhere.
    private func begin(_ text: String, _ mutation: Mutation, unless done: HoldfastError.Code) -> Bool {
        let answer = Monitor<Result<WriteResult, HoldfastError>?>(nil)
        submit(text, mutation) { result in
            answer.withLock { $0 = result }
            answer.broadcast()
        }
        return answer.wait(until: { $0 != nil }) { result in
            if case .failure(let error) = result { error.code == done } else { true }
        }
    }

    /// Makes a change and waits for its answer, or not.
    private mutating func write(_ text: String, _ mutation: Mutation) {
        let isAnswered = Monitor(false)
        submit(text, mutation) { _ in
            isAnswered.withLock { $0 = true }
            isAnswered.broadcast()
        }
        if generator.next() % 2 == 0 { isAnswered.wait(until: { $0 }) { _ in } }
    }

    private func submit(
        _ text: String, _ mutation: Mutation, _ then: @escaping @Sendable (Result<WriteResult, HoldfastError>) -> Void
    ) {
        let (book, session) = (book, mutation.session)
        book.submit(session, 0, text)
        store.submit(mutation) { answer in
            let sequence = (try? answer.get()).map { $0.isDurable ? $0.sequence : 0 } ?? 0
            book.complete(session, sequence, text, isDurable: sequence > 0)
            then(answer)
        }
    }

    /// Counts the writes that are not made as done.
    private func leave() {
        doneCount.withLock { $0 += plan.writesPerWriter }
        doneCount.broadcast()
    }

    /// Something else that happens between writes.
    private mutating func aside() {
        switch generator.next() % 10 {
        case 0: _ = try? store.compactBlocking(session)
        case 1: try? store.flushBlocking()
        case 2: _ = try? store.listBlocking()
        case 3, 4: read()
        case 5: makeAndDelete()
        default: break
        }
    }

    /// Makes a session of its own and deletes it.
    private mutating func makeAndDelete() {
        let session = "gone \(number)-\(generator.next() % 1_000)"
        guard begin("create", .create(session), unless: .sessionExists) else { return }
        submit("delete", .delete(session)) { _ in }
    }

    /// Whatever is acknowledged by now can be read.
    private func read() {
        let before = book.sessions[session]?.lastAcknowledged ?? 0
        guard let texts = try? StoreRun.records(store, session), let after = book.sessions[session] else { return }
        for wrong in after.judge(session, texts, after: 0, least: before) { book.blame("read: \(wrong)") }
    }
}
#endif
