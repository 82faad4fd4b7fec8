import Glibc
import Holdfast

/// Appends as so many clients until their work is over; answers the clients, each with what it has measured.
///
/// One thread for each client, which blocks until its append is durable: what the other stores are given too.
func runThreads(_ clients: [Client], in store: HoldfastStore, _ pace: Pace) -> [Client] {
    let boxes = clients.map { Box($0, store, pace) }
    runAll(boxes.map { box in box.run })
    return boxes.map(\.client)
}

/// The same with a task for each client: what a server in Swift does.
func runTasks(_ clients: [Client], in store: HoldfastStore, _ pace: Pace) async -> [Client] {
    guard pace.rate == 0 else { fail("--rate is for threads") }
    return await withTaskGroup(of: Client.self) { group in
        for client in clients {
            group.addTask {
                var client = client
                while !client.isDone(pace) {
                    let writes = client.nextWrites()
                    let begun = nanoseconds()
                    do {
                        for write in writes { try await store.write(write) }
                    } catch {
                        fail("\(error)")
                    }
                    client.noteEnd(since: begun, pace)
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
    let pace: Pace

    init(_ client: Client, _ store: HoldfastStore, _ pace: Pace) {
        (self.client, self.store, self.pace) = (client, store, pace)
    }

    func run() {
        while !client.isDone(pace) {
            let writes = client.nextWrites()
            let begun = client.waitForTurn(pace)
            do {
                for write in writes { try store.writeBlocking(write) }
            } catch {
                fail("\(error)")
            }
            client.noteEnd(since: begun, pace)
        }
    }
}

/// Runs each of `bodies` in a thread of its own and waits for all.
func runAll(_ bodies: [() -> Void]) {
    let threads = bodies.map { body in
        var handle = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 1 << 20)
        let result = pthread_create(&handle, &attributes, runBody, Unmanaged.passRetained(Body(body)).toOpaque())
        precondition(result == 0, "no room for a thread")
        return handle
    }
    for thread in threads { pthread_join(thread, nil) }
}

private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

private func runBody(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
