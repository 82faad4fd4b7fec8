import Glibc
import Holdfast

/// Appends as so many clients until the time is over; answers the clients, each with what it has measured.
///
/// One thread for each client, which blocks until its append is durable: what the other stores are given too.
func runThreads(_ clients: [Client], in store: HoldfastStore, until end: UInt64) -> [Client] {
    let boxes = clients.map { Box($0, store, end) }
    let threads = boxes.map { box in
        var handle = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 1 << 20)
        let result = pthread_create(&handle, &attributes, runBox, Unmanaged.passUnretained(box).toOpaque())
        precondition(result == 0, "no room for a thread")
        return handle
    }
    for thread in threads { pthread_join(thread, nil) }
    return boxes.map(\.client)
}

/// The same with a task for each client: what a server in Swift does.
func runTasks(_ clients: [Client], in store: HoldfastStore, until end: UInt64) async -> [Client] {
    await withTaskGroup(of: Client.self) { group in
        for client in clients {
            group.addTask {
                var client = client
                while nanoseconds() < end {
                    let writes = client.nextWrites()
                    let begun = nanoseconds()
                    do {
                        if let create = writes.create { try await store.write(create) }
                        try await store.write(writes.append)
                    } catch {
                        fail("\(error)")
                    }
                    client.note(nanoseconds() - begun)
                }
                return client
            }
        }
        var done: [Client] = []
        for await client in group { done.append(client) }
        return done
    }
}

/// What one thread works with. Only that thread touches it until it is joined.
private final class Box: @unchecked Sendable {
    var client: Client
    let store: HoldfastStore
    let end: UInt64

    init(_ client: Client, _ store: HoldfastStore, _ end: UInt64) {
        (self.client, self.store, self.end) = (client, store, end)
    }

    func run() {
        while nanoseconds() < end {
            let writes = client.nextWrites()
            let begun = nanoseconds()
            do {
                if let create = writes.create { try store.writeBlocking(create) }
                try store.writeBlocking(writes.append)
            } catch {
                fail("\(error)")
            }
            client.note(nanoseconds() - begun)
        }
    }
}

private func runBox(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Box>.fromOpaque(argument).takeUnretainedValue().run()
    return nil
}

/// Ends the program: a benchmark whose store refuses writes measures nothing.
func fail(_ reason: String) -> Never {
    let line = "holdfast-bench: \(reason)\n"
    _ = line.withCString { Glibc.write(STDERR_FILENO, $0, line.utf8.count) }
    exit(1)
}
