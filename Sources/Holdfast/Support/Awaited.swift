import HoldfastThreads

/// A value that one thread delivers, once, and another waits for. Copies stand for the same value.
struct Awaited<Value: Sendable>: Sendable {
    private let value = Monitor<Value?>(nil)

    /// Delivers the value.
    func fulfil(_ value: Value) {
        self.value.withLock { $0 = value }
        self.value.broadcast()
    }

    /// Blocks until the value is there.
    func wait() -> Value {
        value.wait(until: { $0 != nil }) { value in
            guard let value else { preconditionFailure("woken without a value") }
            return value
        }
    }
}
