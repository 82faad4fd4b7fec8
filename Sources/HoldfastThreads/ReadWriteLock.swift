import Glibc

/// A value that many threads may look at, or one may change.
package final class ReadWriteLock<Value: ~Copyable>: @unchecked Sendable {  // the lock guards `value`
    private let lock: UnsafeMutablePointer<pthread_rwlock_t>
    private var value: Value

    /// Guards `value`.
    package init(_ value: consuming sending Value) {
        self.value = value
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_rwlock_t())
        require(pthread_rwlock_init(lock, nil))
    }

    deinit {
        require(pthread_rwlock_destroy(lock))
        lock.deallocate()
    }

    /// Runs `body` with the value while nobody changes it.
    package func withReadLock<Result, Failure: Error>(
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquireToRead(lock)
        defer { release(lock) }
        return try body(value)
    }

    /// Runs `body` with the value while no other thread has it.
    package func withWriteLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquireToWrite(lock)
        defer { release(lock) }
        return try body(&value)
    }
}
