import Glibc

/// A value that one thread at a time may touch.
///
/// Over a pthread mutex, which the thread sanitizer understands (it reports false races for
/// `Synchronization.Mutex`, and for a lock around an empty value such as `()`). Not recursive: locking again
/// in `withLock` never returns.
package final class Lock<Value>: @unchecked Sendable {  // the mutex guards `value`
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @exclusivity(unchecked) private var value: Value  // the mutex sees to it

    package init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        require(pthread_mutex_init(mutex, nil))
    }

    deinit {
        require(pthread_mutex_destroy(mutex))
        mutex.deallocate()
    }

    /// Runs `body` with the value while no other thread has it.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquire(mutex)
        defer { release(mutex) }
        return try body(&value)
    }
}

/// A value that one thread at a time may touch, and whose changes others can wait for.
///
/// A thread that makes a condition true calls ``signal()`` or ``broadcast()`` after changing the value.
package final class Monitor<Value>: @unchecked Sendable {  // the mutex guards `value`
    // Both in one allocation, for each write that somebody waits for has a monitor.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    @exclusivity(unchecked) private var value: Value  // the mutex sees to it

    package init(_ value: sending Value) {
        self.value = value
        let mutexByteCount = MemoryLayout<pthread_mutex_t>.stride
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: mutexByteCount + MemoryLayout<pthread_cond_t>.size,
            alignment: MemoryLayout<pthread_cond_t>.alignment)
        mutex = memory.initializeMemory(as: pthread_mutex_t.self, repeating: pthread_mutex_t(), count: 1)
        changed = (memory + mutexByteCount).initializeMemory(
            as: pthread_cond_t.self, repeating: pthread_cond_t(), count: 1)
        require(pthread_mutex_init(mutex, nil))
        var attributes = pthread_condattr_t()
        require(pthread_condattr_init(&attributes))
        // A step of the wall clock must neither end a timed wait nor prolong it.
        require(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC))
        require(pthread_cond_init(changed, &attributes))
        require(pthread_condattr_destroy(&attributes))
    }

    deinit {
        require(pthread_cond_destroy(changed))
        require(pthread_mutex_destroy(mutex))
        UnsafeMutableRawPointer(mutex).deallocate()
    }

    /// Runs `body` with the value while no other thread has it.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquire(mutex)
        defer { release(mutex) }
        return try body(&value)
    }

    /// Waits until `condition` holds, then runs `body` before any other thread can change the value.
    package func wait<Result, Failure: Error>(
        until condition: (Value) -> Bool, _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquire(mutex)
        defer { release(mutex) }
        while !condition(value) { awaitChange(changed, mutex) }
        return try body(&value)
    }

    /// Waits until `condition` holds or the time has passed, then runs `body`, whose second argument is
    /// whether the condition holds.
    package func wait<Result, Failure: Error>(
        until condition: (Value) -> Bool, milliseconds: UInt64,
        _ body: (inout Value, Bool) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let deadline = Deadline(after: milliseconds)
        acquire(mutex)
        defer { release(mutex) }
        while !condition(value) {
            guard awaitChange(changed, mutex, until: deadline) else {
                return try body(&value, condition(value))
            }
        }
        return try body(&value, true)
    }

    /// Wakes one waiting thread.
    package func signal() {
        wakeOne(changed)
    }

    /// Wakes all waiting threads.
    package func broadcast() {
        wakeAll(changed)
    }
}
