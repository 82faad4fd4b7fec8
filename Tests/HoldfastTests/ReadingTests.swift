import HoldfastBytes
import HoldfastLog
import HoldfastThreads
@testable import Holdfast
import Testing

@Suite struct ReadingTests {
    let log = MemoryLog()
    let store: HoldfastStore

    init() throws {
        store = try .testing(log)
        try store.writeBlocking(.create("s"))
    }

    func message(_ n: Int) -> JSON { JSON("{\"n\":\(n)}") }

    @Test func everyWindowOfAListThatWasCutAndMended() throws {
        var model: [JSON] = []
        for n in 0..<12 {
            let messages = (0..<n % 4 + 1).map { message(n * 10 + $0) }
            try store.writeBlocking(.append(to: "s", messages))
            model += messages
            if n % 3 == 2 {
                try store.writeBlocking(.truncate("s", keep: model.count - 2))
                model.removeLast(2)
            }
            if n == 6 { try store.compactBlocking("s") }
        }
        for from in 0...model.count + 1 {
            for limit in [0, 1, 2, 5, 100] {
                let state = try store.getBlocking("s", Window(from: from, limit: limit))
                #expect(state.messages == Array(model.dropFirst(from).prefix(limit)))
                let end = from + state.messages.count
                #expect(state.next == (end < model.count ? end : nil))
            }
        }
    }

    @Test func theNewestMessagesAreFoundWithoutTheOthers() throws {
        for n in 0..<2000 { try store.writeBlocking(.append(to: "s", [message(n)])) }
        for isCompacted in [false, true] {
            if isCompacted {
                try store.compactBlocking("s")
                for n in 2000..<2200 { try store.writeBlocking(.append(to: "s", [message(n)])) }
            }
            let before = log.state.withLock { $0.readCount }
            let state = try store.getBlocking("s", Window(.last, limit: 20))
            let end = isCompacted ? 2200 : 2000
            #expect(state.messages == (end - 20..<end).map { message($0) })
            #expect(state.from == end - 20 && state.next == nil)
            #expect(log.state.withLock { $0.readCount } - before <= 2 * 64)
        }
    }

    /// Each of these changes what comes before it, or adds no message, or many.
    private func change(_ number: Int, _ count: Int) -> Mutation {
        switch number {
        case 0: .undoLast("s")
        case 1: .takeBack("s", keep: max(0, count - 3))
        case 2: .restore("s")
        case 3: .truncate("s", keep: max(0, count - 2))
        case 4: .edit("s", at: count - 1, message: "{\"edited\":true}")
        case 5: .set("s", fields: "{\"a\":1}")
        case 6: .compactMessages("s", messages: ["{\"short\":1}"])
        default: .append(to: "s", (0..<70).map { message($0) })
        }
    }

    private func window(_ start: Window.Start, of list: SessionList, _ limit: Int) -> Window {
        var window = Window(start, limit: limit)
        window.list = list
        return window
    }

    @Test func theNewestMessagesAreThoseOfTheWholeList() throws {
        for number in 0..<8 {
            let messages = (0..<100).map { JSON("{\"role\":\"user\",\"n\":\(number * 1000 + $0)}") }
            for each in messages { try store.writeBlocking(.append(to: "s", [each])) }
            let count = try store.getBlocking("s").summary.messageCount
            _ = try? store.writeBlocking(change(number, count))
            for more in 0..<3 {
                for list in SessionList.allCases {
                    let all = try store.getBlocking("s", window(.place(0), of: list, 10_000)).messages
                    // As who has not read the session before.
                    let reader = ViewReader(log: log, view: try store.view(of: try #require(SessionID("s"))))
                    #expect(try reader.state(window(.place(0), of: list, 10_000))?.messages == all)
                    for limit in [1, 2, 50, 5000] {
                        let last = try store.getBlocking("s", window(.last, of: list, limit))
                        #expect(last.messages == all.suffix(limit), "change \(number), \(list), \(limit)")
                        #expect(last.from == max(0, all.count - limit) && last.next == nil)
                    }
                }
                if number == 6, more == 1 { try store.compactBlocking("s") }
                try store.writeBlocking(.append(to: "s", [message(more)]))
            }
        }
    }

    @Test func theNextPageIsReadWithoutThoseBeforeIt() throws {
        for n in 0..<1000 { try store.writeBlocking(.append(to: "s", [message(n)])) }
        _ = try store.getBlocking("s", Window(from: 0, limit: 10))
        for n in 1000..<1005 { try store.writeBlocking(.append(to: "s", [message(n)])) }
        let before = log.state.withLock { $0.readCount }
        let state = try store.getBlocking("s", Window(from: 990, limit: 15))
        #expect(state.messages == (990..<1005).map { message($0) })
        #expect(log.state.withLock { $0.readCount } - before <= 20)
    }

    @Test func theNextPageOfASnapshotIsReadWithoutThoseBeforeIt() throws {
        let filler = String(repeating: "[\\\"{", count: 50_000)
        func long(_ n: Int) -> JSON { JSON("{\"n\":[\(n),{}],\"t\":\"\(filler)\"}") }
        for n in 0..<40 { try store.writeBlocking(.append(to: "s", [long(n)])) }
        try store.compactBlocking("s")
        let id = try HoldfastStore.sessionID("s")
        let snapshot = try #require(log.state.withLock { $0.sessions[id]?.snapshots.last })
        _ = try store.getBlocking("s", Window(from: 0, limit: 1))
        let before = snapshot.readCount.withLock { $0 }
        for from in stride(from: 0, to: 40, by: 10) {
            #expect(try store.getBlocking("s", Window(from: from, limit: 10)).messages == (from..<from + 10).map(long))
        }
        #expect(snapshot.readCount.withLock { $0 } - before <= snapshot.byteCount >> 20 + 9)
        // Back, over some, and in a snapshot of other messages.
        for from in [3, 17, 16, 39] {
            #expect(try store.getBlocking("s", Window(from: from, limit: 2)).messages.first == long(from))
        }
        try store.writeBlocking(.truncate("s", keep: 5))
        try store.writeBlocking(.append(to: "s", [long(77), long(78)]))
        try store.compactBlocking("s")
        for from in [0, 2, 4, 6] {
            let expected = [0, 1, 2, 3, 4, 77, 78][from..<min(7, from + 2)].map(long)
            #expect(try store.getBlocking("s", Window(from: from, limit: 2)).messages == expected)
        }
    }

    @Test func anAnswerEndsWhenItIsLong() throws {
        let big = JSON("{\"t\":\"" + String(repeating: "x", count: 6 << 20) + "\"}")
        for _ in 0..<5 { try store.writeBlocking(.append(to: "s", [big])) }
        for isCompacted in [false, true] {
            if isCompacted { try store.compactBlocking() }
            let first = try store.getBlocking("s")
            #expect(first.messages == [big, big, big] && first.next == 3)
            let rest = try store.getBlocking("s", Window(from: 3))
            #expect(rest.messages == [big, big] && rest.next == nil)
        }
    }

    @Test func aViewThatACompactionOvertookIsTakenAnew() throws {
        try store.writeBlocking(.append(to: "s", ["{}"]))
        let view = try store.view(of: HoldfastStore.sessionID("s"))
        try store.writeBlocking(.append(to: "s", ["{}"]))
        try store.compactBlocking("s")
        let state = try store.state(in: view, Window())
        #expect(state.summary.sequence == 3 && state.messages == ["{}", "{}"])
    }

    @Test func listsInTheOrderOfIds() throws {
        for n in 0..<25 { try store.writeBlocking(.create("n\(n)", fields: JSON("{\"n\":\(n)}"))) }
        try store.writeBlocking(.delete("n7"))
        try store.writeBlocking(.beginTurn(in: "n3", turn: "t", message: "{}"))
        var ids: [String] = []
        var after: String?
        repeat {
            let page = try store.listBlocking(after: after, limit: 4)
            #expect(page.rows.count <= 4)
            ids += page.rows.map(\.summary.session)
            after = page.next
        } while after != nil
        #expect(ids == ((0..<25).filter { $0 != 7 }.map { "n\($0)" } + ["s"]).sorted())
        let pending = try store.listBlocking(pendingOnly: true)
        #expect(pending.rows.map(\.turn) == ["t"])
        #expect(
            pending.rows.map(\.json.description) == [
                #"{"session":"n3","sequence":2,"message_count":1,"user_message_count":0,"created_at":1000,"#
                    + #""updated_at":1000,"last_message_at":1000,"#
                    + #""turn":{"turn":"t","begun_at":1000,"attempts":1},"fields":{"n":3}}"#
            ])
    }

    @Test func rowsLeaveLongFieldsOut() throws {
        let long = "\"" + String(repeating: "x", count: 2_000) + "\""
        try store.writeBlocking(.set("s", fields: JSON("{\"long\":\(long),\"short\":1}")))
        #expect(try store.listBlocking().rows[0].json.description.hasSuffix(#""fields":{"short":1}}"#))
    }

    @Test func aListWaitsForWhatCameBeforeIt() throws {
        log.setHeld(true)
        store.submit(.append(to: "s", ["{}"])) { _ in }
        let counts = Lock<[Int]>([])
        let reader = try Thread.start(name: "reader") {
            let rows = (try? store.listBlocking().rows) ?? []
            counts.withLock { $0 = rows.map(\.summary.messageCount) }
        }
        log.awaitFlush()
        log.setHeld(false)
        reader.join()
        #expect(counts.withLock { $0 } == [1])
    }

    @Test func theIndexIsMendedAfterACrash() throws {
        try store.writeBlocking(.append(to: "s", ["{}"]))
        let reopened = try HoldfastStore.testing(log.afterCrash())
        try reopened.refreshSummary(of: "s")
        #expect(try reopened.listBlocking().rows.map(\.summary.messageCount) == [1])
    }

    /// A row that was written between a commit and the return of its append stayed behind for good.
    @Test func aRowHasWhatWasAppendedAsSoonAsTheLogKnowsIt() throws {
        log.setEager()
        try store.writeBlocking(.append(to: "s", ["{}"]))
        let id = try HoldfastStore.sessionID("s")
        #expect(try log.summary(id)?.sequence == 2)
        log.setAppendError(LogError(.diskFull, "full"))
        #expect(throws: HoldfastError.self) { try store.writeBlocking(.delete("s")) }
        #expect(store.sessions.summaryRow(of: id)?.sequence == 2, "what was refused does not show")
    }

    @Test func asyncCallsDoTheSame() async throws {
        let result = try await store.write(.append(to: "s", ["{}"]))
        #expect(result.messageCount == 1)
        try await store.flush()
        #expect(try await store.get("s").messages == ["{}"])
        #expect(try await store.list().rows.count == 1)
        #expect(try await store.pending().turns.isEmpty)
        #expect(try await store.compact() == 1)
        #expect(try await store.compact("s") == 0)
        await #expect(throws: HoldfastError.self) { try await store.write(.create("s")) }
    }
}
