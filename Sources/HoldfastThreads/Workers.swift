/// Runs the same work on many items, on a few threads.
package enum Workers {
    /// Calls `body` for each item, on at most `threads` threads, this one among them; returns when all are done. The
    /// others are called `name`.
    package static func forEach<Item: Sendable>(
        _ items: [Item], threads: Int, name: String, _ body: @escaping @Sendable (Item) -> Void
    ) {
        let next = Lock(0)
        let work: @Sendable () -> Void = {
            while true {
                let index = next.withLock { index in
                    defer { index += 1 }
                    return index
                }
                guard index < items.count else { return }
                body(items[index])
            }
        }
        // Fewer threads than wished for, or none, only take longer.
        let helpers = (1..<max(1, min(threads, items.count))).compactMap { _ in
            try? Thread.start(name: name, work)
        }
        work()
        for helper in helpers { helper.join() }
    }
}
