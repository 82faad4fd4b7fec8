import Glibc

// How a thread waits: the calls of the system on which everything in this module stands.
//
// A build with HOLDFAST_SCHEDULES, as every debug build is, asks first whether the thread runs under a ``Scheduler``,
// which then decides who goes on. In every other build a lock is as simple as this.

typealias Mutex = UnsafeMutablePointer<pthread_mutex_t>
typealias Condition = UnsafeMutablePointer<pthread_cond_t>
typealias SharedMutex = UnsafeMutablePointer<pthread_rwlock_t>

func acquire(_ mutex: Mutex) {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current { return thread.acquire(mutex) { pthread_mutex_trylock(mutex) } }
    #endif
    require(pthread_mutex_lock(mutex))
}

func release(_ mutex: Mutex) {
    require(pthread_mutex_unlock(mutex))
    #if HOLDFAST_SCHEDULES
    ScheduledThread.current?.released(mutex)
    #endif
}

func acquireToRead(_ lock: SharedMutex) {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current { return thread.acquire(lock) { pthread_rwlock_tryrdlock(lock) } }
    #endif
    require(pthread_rwlock_rdlock(lock))
}

func acquireToWrite(_ lock: SharedMutex) {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current { return thread.acquire(lock) { pthread_rwlock_trywrlock(lock) } }
    #endif
    require(pthread_rwlock_wrlock(lock))
}

func release(_ lock: SharedMutex) {
    require(pthread_rwlock_unlock(lock))
    #if HOLDFAST_SCHEDULES
    ScheduledThread.current?.released(lock)
    #endif
}

/// Gives the mutex up, waits for a signal or for nothing at all, and takes the mutex again.
func awaitChange(_ changed: Condition, _ mutex: Mutex) {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current {
        _ = thread.awaitChange(changed, mutex, until: nil)
        return
    }
    #endif
    require(pthread_cond_wait(changed, mutex))
}

/// The same, but no longer than until `deadline`; answers false then.
func awaitChange(_ changed: Condition, _ mutex: Mutex, until deadline: Deadline) -> Bool {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current {
        return thread.awaitChange(changed, mutex, until: deadline.nanoseconds)
    }
    #endif
    var time = deadline.time
    let result = pthread_cond_timedwait(changed, mutex, &time)
    if result == ETIMEDOUT { return false }
    require(result)
    return true
}

func wakeOne(_ changed: Condition) {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current { return thread.scheduler.wakeOne(changed) }
    #endif
    require(pthread_cond_signal(changed))
}

func wakeAll(_ changed: Condition) {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current { return thread.scheduler.wakeAll(changed) }
    #endif
    require(pthread_cond_broadcast(changed))
}

/// A moment on the monotonic clock.
struct Deadline {
    let nanoseconds: UInt64

    /// The moment that is so far ahead, or a century ahead when that is sooner.
    init(after milliseconds: UInt64) {
        let bounded = min(milliseconds, 100 * 365 * 86_400 * 1_000)
        nanoseconds = monotonicNow() + bounded * 1_000_000
    }

    var time: timespec {
        timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}

private func monotonicNow() -> UInt64 {
    #if HOLDFAST_SCHEDULES
    if let thread = ScheduledThread.current { return thread.scheduler.nanoseconds }
    #endif
    let now = SystemClock.now(CLOCK_MONOTONIC)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// These calls fail only when they are used wrongly.
func require(_ result: Int32) {
    precondition(result == 0, "a pthread call was misused")
}
