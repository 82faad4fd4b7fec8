#if HOLDFAST_SCHEDULES
import Glibc

/// A thread that runs when its ``Scheduler`` says so.
final class ScheduledThread: @unchecked Sendable {  // touched by the thread whose turn it is only
    /// What it takes before the thread can run.
    enum State: Equatable {
        case ready
        case lock(UnsafeRawPointer)
        case change(of: UnsafeRawPointer)
        case end(of: Int)
        case ended
    }

    let scheduler: Scheduler
    let name: String
    let number: Int
    /// Passed to the thread when it is its turn.
    let baton = Baton()
    var condition = State.ready
    /// When it stops waiting for a change.
    private(set) var deadline: UInt64?
    private var wasWokenInTime = true
    var rank: Int

    init(_ scheduler: Scheduler, _ name: String, number: Int, rank: Int) {
        self.scheduler = scheduler
        self.name = name
        self.number = number
        self.rank = rank
    }

    /// The calling thread, when it runs under a scheduler.
    static var current: ScheduledThread? {
        guard let pointer = pthread_getspecific(currentKey) else { return nil }
        return Unmanaged<ScheduledThread>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// What the thread does; emptied by it.
    final class Content: @unchecked Sendable {  // touched by the thread that runs it only
        private var body: (@Sendable () -> Void)?

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }

        func run() {
            if let body = body.take() { body() }
        }
    }

    /// Runs `content` when it is this thread's turn. What the content alone refers to is let go before the turn
    /// passes on.
    func run(_ content: Content) {
        baton.take()
        require(pthread_setspecific(currentKey, Unmanaged.passUnretained(self).toOpaque()))
        content.run()
        require(pthread_setspecific(currentKey, nil))
        scheduler.end(self)
    }

    var state: String {
        switch condition {
        case .ready: "can run"
        case .lock: "waits for a lock"
        case .change: deadline == nil ? "waits for a signal" : "waits for a signal or a moment"
        case .end(let number): "waits for the end of thread \(number)"
        case .ended: "has ended"
        }
    }

    // MARK: What a thread waits for

    /// Takes a lock with `attempt`, as soon as it is free and the scheduler wants it.
    func acquire(_ lock: UnsafeRawPointer, _ attempt: () -> Int32) {
        scheduler.step(self)
        while true {
            let result = attempt()
            if result == 0 { return }
            precondition(result == EBUSY, "a pthread call was misused")
            condition = .lock(lock)
            scheduler.step(self)
        }
    }

    func released(_ lock: UnsafeRawPointer) { scheduler.wakeAll(waitingFor: lock) }

    /// Answers whether a signal came, and not the deadline.
    func awaitChange(_ changed: UnsafeRawPointer, _ mutex: Mutex, until deadline: UInt64?) -> Bool {
        if let deadline, deadline <= scheduler.nanoseconds { return false }
        self.deadline = deadline
        condition = .change(of: changed)
        require(pthread_mutex_unlock(mutex))
        released(mutex)
        scheduler.step(self)
        let wasInTime = wasWokenInTime
        acquire(mutex) { pthread_mutex_trylock(mutex) }
        return wasInTime
    }

    func wake(inTime: Bool) {
        condition = .ready
        deadline = nil
        wasWokenInTime = inTime
    }

    func awaitEnd(of other: ScheduledThread) {
        scheduler.step(self)
        while other.condition != .ended {
            condition = .end(of: other.number)
            scheduler.step(self)
        }
    }
}

private let currentKey: pthread_key_t = {
    var key = pthread_key_t()
    require(pthread_key_create(&key, nil))
    return key
}()

/// What one thread takes after another has passed it on.
final class Baton: Sendable {
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        require(sem_init(semaphore, 0, 0))
    }

    deinit {
        require(sem_destroy(semaphore))
        semaphore.deallocate()
    }

    func pass() { require(sem_post(semaphore)) }

    /// Waits until it is passed.
    func take() {
        while sem_wait(semaphore) != 0 { precondition(errno == EINTR, "a pthread call was misused") }
    }
}
#endif
