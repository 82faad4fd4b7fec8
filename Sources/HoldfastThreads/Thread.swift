import CPosix
import Glibc

/// Whether a ``Scheduler`` decides when the calling thread goes on.
package var isScheduled: Bool {
    #if HOLDFAST_SCHEDULES
    ScheduledThread.current != nil
    #else
    false
    #endif
}

/// A thread of the system, for work that blocks. A thread that nobody joins runs on by itself.
package final class Thread: Sendable {
    private let handle: Lock<pthread_t?>
    #if HOLDFAST_SCHEDULES
    private let scheduled: ScheduledThread?
    #endif

    deinit {
        if let unjoined = handle.withLock({ $0.take() }) { pthread_detach(unjoined) }
    }

    /// Starts a thread that runs `body`. `name` is for debuggers, which see its first 15 bytes.
    ///
    /// - Throws: when the system has no room for one more thread.
    package static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) -> Thread {
        #if HOLDFAST_SCHEDULES
        if let starter = ScheduledThread.current { return try start(name, for: starter, body) }
        #endif
        return Thread(try create(name, body))
    }

    /// Waits until the thread has ended. A second call returns at once.
    package func join() {
        guard let handle = handle.withLock({ $0.take() }) else { return }
        #if HOLDFAST_SCHEDULES
        if let current = ScheduledThread.current, let scheduled { current.awaitEnd(of: scheduled) }
        #endif
        require(pthread_join(handle, nil))
    }

    private static func create(_ name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) -> pthread_t
    {
        let start = Unmanaged.passRetained(Start(name, body))
        var handle = pthread_t()
        let result = pthread_create(&handle, nil, runThread, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw ThreadError(errno: result, name: name)
        }
        return handle
    }

    #if HOLDFAST_SCHEDULES
    private init(_ handle: pthread_t, _ scheduled: ScheduledThread? = nil) {
        self.handle = Lock(handle)
        self.scheduled = scheduled
    }

    private static func start(
        _ name: String, for starter: ScheduledThread, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) -> Thread {
        let scheduled = starter.scheduler.add(name)
        do throws(ThreadError) {
            let thread = try start(scheduled, body)
            starter.scheduler.step(starter)
            return thread
        } catch {
            starter.scheduler.withdraw(scheduled)
            throw error
        }
    }

    /// Starts a thread that its scheduler knows already.
    static func start(
        _ scheduled: ScheduledThread, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) -> Thread {
        let content = ScheduledThread.Content(body)
        return Thread(try create(scheduled.name) { scheduled.run(content) }, scheduled)
    }
    #else
    private init(_ handle: pthread_t) {
        self.handle = Lock(handle)
    }
    #endif
}

/// What a new thread is handed.
private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    holdfast_name_thread(start.name)
    start.body()
    return nil
}

/// The system has no room for one more thread.
package struct ThreadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system's error number.
    package var errno: Int32
    /// What the thread was to be called.
    package var name: String

    package var description: String {
        "cannot start the thread '\(name)': \(String(cString: holdfast_errno_text(errno))). "
            + "Raise the limit of processes (ulimit -u)."
    }
}
