package import HoldfastThreads

/// Calls `body` for each number below `count`, in order but on several threads, and answers what it answered, in order.
///
/// - Throws: when the system has no room for the threads.
package func inParallel<Result: Sendable>(
    _ count: Int, threadCount: Int, _ body: @escaping @Sendable (Int) -> Result
) throws(ThreadError) -> [Result] {
    let next = Lock(0)
    let results = Lock([Result?](repeating: nil, count: count))
    var threads: [Thread] = []
    for number in 0..<threadCount {
        threads.append(
            try Thread.start(name: "case \(number)") {
                while let index = next.withLock({ next in
                    defer { next += 1 }
                    return next < count ? next : nil
                }) {
                    let result = body(index)
                    results.withLock { $0[index] = result }
                }
            })
    }
    threads.forEach { $0.join() }
    return results.withLock { $0 }.compactMap { $0 }
}
