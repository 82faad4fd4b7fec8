import HoldfastStorage
import HoldfastThreads

/// A clock that stands still until a test moves it.
package final class SimulatedClock: Clock {
    private let time: Lock<(wallMilliseconds: UInt64, monotonicNanoseconds: UInt64)>

    package init(wallMilliseconds: UInt64 = 1_700_000_000_000) {
        time = Lock((wallMilliseconds, 0))
    }

    package func wallMilliseconds() -> UInt64 {
        time.withLock { $0.wallMilliseconds }
    }

    package func monotonicNanoseconds() -> UInt64 {
        time.withLock { $0.monotonicNanoseconds }
    }

    /// Lets time pass on both clocks.
    package func advance(milliseconds: UInt64) {
        time.withLock {
            $0.wallMilliseconds += milliseconds
            $0.monotonicNanoseconds += milliseconds * 1_000_000
        }
    }

    /// Sets the wall clock, forwards or back, as an administrator or a time server does.
    package func setWall(milliseconds: UInt64) {
        time.withLock { $0.wallMilliseconds = milliseconds }
    }
}
