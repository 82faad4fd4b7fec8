import Glibc

/// Where the engine gets the time from, so that tests can set it.
package protocol Clock: AnyObject, Sendable {
    /// Milliseconds since 1970-01-01 00:00 UTC. May jump in either direction.
    func wallMilliseconds() -> UInt64

    /// Nanoseconds from some fixed point; never goes back. For measuring durations only.
    func monotonicNanoseconds() -> UInt64
}

/// The clocks of the machine.
package final class SystemClock: Clock {
    package init() {}

    package func wallMilliseconds() -> UInt64 {
        let now = Self.now(CLOCK_REALTIME)
        return UInt64(max(0, now.tv_sec)) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
    }

    package func monotonicNanoseconds() -> UInt64 {
        let now = Self.now(CLOCK_MONOTONIC)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }

    static func now(_ clock: clockid_t) -> timespec {
        var now = timespec()
        let result = clock_gettime(clock, &now)
        precondition(result == 0, "every Linux has this clock")
        return now
    }
}

#if HOLDFAST_SCHEDULES
/// The time of the run that the calling thread belongs to.
package final class ScheduledClock: Clock {
    package init() {}

    package func wallMilliseconds() -> UInt64 { 1_700_000_000_000 + monotonicNanoseconds() / 1_000_000 }

    package func monotonicNanoseconds() -> UInt64 { ScheduledThread.current?.scheduler.nanoseconds ?? 0 }
}
#endif
