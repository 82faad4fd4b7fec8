import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastSimulation
import HoldfastStorage
import Testing

/// Lists: filters, orders, pages; and the fields that they know.
@Suite struct ListingTests {
    let log = MemoryLog()
    let clock = TestClock()
    let store: HoldfastStore
    let client: Client

    init() throws {
        store = try .testing(log, clock: clock)
        client = try Client(store)
        for (index, fields) in [
            #"{"title":"Trip to ROME","source":"cli","project_id":"x","profile":"me"}"#,
            #"{"title":"Straße","session_source":"web","archived":true,"profile_name":"me"}"#,
            #"{"title":"Rome again","pinned":1}"#, "{}",
        ].enumerated() {
            clock.now = UInt64(1_000 * (index + 1))
            try store.writeBlocking(.create("s\(index)", fields: JSON(fields)))
        }
    }

    private func ids(_ change: (inout SessionQuery) -> Void) throws -> [String] {
        var query = SessionQuery()
        change(&query)
        return try store.listBlocking(query, limit: 500).rows.map(\.summary.session)
    }

    @Test func filtersLookAtTheFieldsOfTheRows() throws {
        for _ in 0..<2 {
            #expect(try ids { $0.source = "cli" } == ["s0"] && ids { $0.source = "web" } == ["s1"])
            #expect(try ids { $0.project = "x" } == ["s0"] && ids { $0.profile = "me" } == ["s0", "s1"])
            #expect(try ids { $0.title = "rome" } == ["s0", "s2"] && ids { $0.title = "STRAẞE" } == ["s1"])
            #expect(try ids { $0.title = "" } == ["s0", "s1", "s2"])
            #expect(try ids { $0.archived = true } == ["s1"] && ids { $0.archived = false } == ["s0", "s2", "s3"])
            #expect(try ids { $0.pinned = true } == ["s2"])
            #expect(try ids { ($0.updatedFrom, $0.updatedBefore) = (2_000, 4_000) } == ["s1", "s2"])
        }
        try store.writeBlocking(.branch("s0", to: "c"))
        try store.writeBlocking(.rotate("s3", to: "r"))
        #expect(try ids { $0.parent = "s0" } == ["c"] && ids { $0.rotated = true } == ["s3"])
        let reply = client.call(#"{"id":1,"op":"list","parent":"s0","rotated":false,"order":"created"}"#)
        #expect(reply.list("sessions").count == 1)
        #expect(client.call(#"{"id":1,"op":"list","order":"size"}"#).code == "bad_request")
    }

    @Test func aSessionWhoseFirstPromptIsBeingAnsweredIsShownAtItsPlace() throws {
        clock.now = 9_000
        try store.writeBlocking(.beginTurn(in: "s0", turn: "t", message: #"{"role":"user"}"#))
        try store.writeBlocking(.append(to: "s1", [#"{"n":1}"#, #"{"n":2}"#]))
        clock.now = 10_000
        try store.writeBlocking(.beginTurn(in: "s1", turn: "t", message: #"{"role":"user"}"#))
        let rows = try store.listBlocking(SessionQuery()).rows.map(\.summary)
        #expect(rows.prefix(3).map(\.messageCount) == [1, 2, 0])
        #expect(rows.prefix(3).map(\.lastMessageAt) == [9_000, 10_000, nil])
        #expect(try ids { $0.order = .sidebar } == ["s2", "s1", "s0", "s3"])
        #expect(try store.getBlocking("s0").summary.messageCount == 0)
        try store.writeBlocking(.endTurn("t", in: "s0", status: .cancelled, keepsMessage: false))
        #expect(try store.listBlocking(SessionQuery()).rows.first?.summary.messageCount == 0)
    }

    @Test func rowsShowWhatTheProtocolSaysAndNoMore() throws {
        try store.writeBlocking(.branch("s3", to: "b"))
        try store.writeBlocking(.rotate("b", to: "r"))
        let known = Set([
            "session", "sequence", "message_count", "user_message_count", "context_count", "created_at", "updated_at",
            "last_message_at", "turn", "router", "queued", "last_turn", "lineage", "rotated_to", "fields",
        ])
        for store in [store, try .testing(log.afterCrash())] {
            let rows = try store.listBlocking(SessionQuery()).rows
            #expect(rows.map(\.summary.session) == ["b", "r", "s0", "s1", "s2", "s3"])
            for row in rows {
                let root = try JSONTree.parse(row.json.bytes).root
                #expect(root.members.allSatisfy { known.contains($0.key.string ?? "") }, "\(row.json)")
                #expect(root["fields"] != nil)
                let lineage = root["lineage"]?.members.map { $0.key.string ?? "" } ?? []
                #expect(Set(lineage).isSubset(of: ["kind", "parent", "sequence", "shared", "root"]), "\(row.json)")
            }
        }
    }

    @Test(arguments: [SessionQuery.Order.id, .updated, .created, .sidebar])
    func pagesOfEveryOrderHaveEachSessionOnce(order: SessionQuery.Order) throws {
        for n in 4..<40 {
            clock.now = UInt64(5_000 + n / 3)
            try store.writeBlocking(.create("s\(n)"))
        }
        var query = SessionQuery()
        query.order = order
        let all = try store.listBlocking(query, limit: 1_000).rows.map(\.summary.session)
        var paged: [String] = []
        var after: String?
        repeat {
            let page = try store.listBlocking(query, after: after, limit: 7)
            paged += page.rows.map(\.summary.session)
            after = page.next
        } while after != nil
        #expect(paged == all && Set(all).count == 40)
        let first = [SessionQuery.Order.id: "s0", .updated: "s39", .created: "s39", .sidebar: "s2"]
        #expect(all.first == first[order])
    }

    @Test func aDraftDoesNotMoveItsSession() throws {
        clock.now = 9_000
        let reply = client.call(#"{"id":1,"op":"draft","session":"s0","text":"so far","files":[{"n":1}]}"#)
        #expect(reply.isOK)
        let state = try store.getBlocking("s0")
        #expect(state.summary.updatedAt == 1_000)
        #expect(state.fields.description.hasSuffix(#""composer_draft":{"text":"so far","files":[{"n":1}]}}"#))
        try store.compactBlocking("s0")
        let reopened = try HoldfastStore.testing(log.afterCrash(), clock: clock)
        #expect(try reopened.getBlocking("s0").summary.updatedAt == 1_000)
        #expect(throws: HoldfastError.self) {
            try Mutation.draft("s0", text: String(repeating: "x", count: 50_001))
        }
        #expect(throws: HoldfastError.self) {
            try Mutation.draft("s0", text: "", files: Array(repeating: "1", count: 51))
        }
        _ = try Mutation.draft(
            "s0", text: String(repeating: "é", count: 50_000), files: Array(repeating: "1", count: 50))
    }

    @Test func titlesFollowTheirRules() throws {
        #expect(client.call(#"{"id":1,"op":"rename","session":"s0","title":"  Trip \n"}"#).isOK)
        #expect(try store.getBlocking("s0").fields.description.contains(#""title":"Trip","#))
        #expect(try store.getBlocking("s0").fields.description.contains(#""manual_title":true"#))
        #expect(Title.displayed(" \t") == "Untitled" && Title.displayed(String(repeating: "é", count: 81)).count == 80)
        #expect(!Title.isManual("New Chat") && Title.isManual("Chat"))
        #expect(try Title.sanitized(" a\u{200B}\r\n b\u{7} ") == "a b" && Title.sanitized("\u{FEFF} ") == nil)
        #expect(throws: HoldfastError.self) { try Title.sanitized(String(repeating: "x", count: 101)) }
        #expect(Title.next(after: "proj", taken: []) == "proj")
        #expect(Title.next(after: "proj", taken: ["proj", "other #7"]) == "proj #2")
        #expect(Title.next(after: "proj #2", taken: ["proj", "proj #2", "proj #9"]) == "proj #10")
        #expect(client.call(#"{"id":1,"op":"archive","session":"s0"}"#).isOK)
        #expect(client.call(#"{"id":1,"op":"pin","session":"s1","pinned":false}"#).isOK)
        #expect(try ids { $0.archived = true } == ["s0", "s1"])
    }

    @Test func whatChangedBetweenTwoListsIsShown() throws {
        for n in 0..<200 { try store.writeBlocking(.create("old\(n)", fields: #"{"source":"a"}"#)) }
        #expect(try ids { $0.source = "a" }.count == 200)
        for n in 0..<200 {
            try store.writeBlocking(.create("z\(n)", fields: #"{"source":"b"}"#))
            if n % 3 == 0 { try store.writeBlocking(.set("old\(n)", fields: #"{"source":"b","title":"t"}"#)) }
            if n % 3 == 1 { try store.writeBlocking(.delete("old\(n)")) }
            if n % 50 == 0 { #expect(try ids { $0.source = "b" }.contains("z\(n)")) }
        }
        for round in 0..<4 {
            for n in 0..<200 {
                try store.writeBlocking(.set("z\(n)", fields: JSON("{\"project_id\":\"\(round)/\(n)\"}")))
            }
            #expect(try ids { $0.project = "\(round)/7" } == ["z7"])
        }
        #expect(try ids { $0.project = "0/7" } == [])
        let changes: [(inout SessionQuery) -> Void] = [
            { $0.source = "a" }, { $0.source = "b" }, { $0.title = "T" }, { $0.order = .updated }, { $0.source = "c" },
        ]
        let shown = try changes.map(ids)
        #expect(shown.map(\.count) == [66, 267, 69, 337, 0])
        // Another store has no entries yet and reads all rows.
        let other = try HoldfastStore.testing(log.afterCrash())
        for (change, shown) in zip(changes, shown) {
            var query = SessionQuery()
            change(&query)
            #expect(try other.listBlocking(query, limit: 500).rows.map(\.summary.session) == shown)
        }
    }

    @Test func whatTheIndexSaysOnceIsShownWhole() throws {
        let disk = SimulatedStorage()
        let opened = try HoldfastStore.opened(in: disk)
        try opened.store.writeBlocking(.create("a \"b\""))
        try opened.store.writeBlocking(.create("c", fields: #"{"title":"T"}"#))
        try opened.store.writeBlocking(.append(to: "c", [#"{"role":"user"}"#]))
        // A child that still has to read it stands in the row too, and is nobody else's business.
        try opened.store.writeBlocking(.branch("c", to: "child"))
        func rows(_ store: HoldfastStore) throws -> [String] {
            try store.listBlocking(limit: 9).rows.filter { $0.summary.session != "child" }.map { row in
                let times = [row.summary.createdAt, row.summary.updatedAt, row.summary.lastMessageAt].compactMap(\.self)
                return Set(times).sorted(by: >).reduce(row.json.description) { $0.replacing("\($1)", with: "…") }
            }
        }
        let counts = #""message_count":0,"user_message_count":0,"created_at":…,"updated_at":…"#
        let shown = [
            #"{"session":"a \"b\"","sequence":1,\#(counts),"fields":{}}"#,
            #"{"session":"c","sequence":3,"message_count":1,"user_message_count":1,"created_at":…,"updated_at":…,"#
                + #""last_message_at":…,"fields":{"title":"T"}}"#,
        ]
        #expect(try rows(opened.store) == shown)
        try opened.store.close()
        let log = String(decoding: try disk.readAll(StoreLayout.indexLog(1), limit: 1 << 16), as: UTF8.self)
        #expect(log.replacing(#/[0-9]{10,}/#, with: "…").contains(#""summary":{\#(counts)},"check"#))
        #expect(!log.contains(#""session":"#) && log.contains("newest_child"))
        let again = try HoldfastStore.opened(in: disk).store
        #expect(try rows(again) == shown)
        try again.close()
    }

    @Test(arguments: [1, 8])
    func afterACrashSessionsAreListedWithoutReadingThemAgain(threads: Int) throws {
        let disk = SimulatedStorage()
        let opened = try HoldfastStore.opened(in: disk)
        for n in 0..<20 {
            try opened.store.writeBlocking(.create("s\(n)"))
            try opened.store.writeBlocking(.append(to: "s\(n)", (0...n).map { JSON("{\"n\":\($0)}") }))
        }
        let image = disk.crash(.dropAll)
        opened.log.abandon()
        var engine = EngineOptions()
        engine.syncThreadCount = threads
        let counting = CountingStorage(image)
        let store = try HoldfastStore.opened(in: counting, engine: engine).store
        counting.counters.reset()
        let rows = try store.listBlocking(limit: 100).rows
        #expect(counting.counters.counts.opens == 0)
        #expect(
            Set(rows.map { "\($0.summary.session) \($0.summary.messageCount)" })
                == Set((0..<20).map { "s\($0) \($0 + 1)" }))
        try store.close()
    }

    @Test func manySessionsAreListedWithoutReadingOne() throws {
        let count = isQuick ? 5_000 : 100_000
        let disk = SimulatedStorage()
        let first = try HoldfastStore.opened(in: disk).store
        try first.writeBlocking(.create("first"))
        try first.close()
        // The journal knows which generation of the index there is; rows may only be put into that one.
        let index = String(decoding: try disk.readAll(StoreLayout.indexFile, limit: 1 << 16), as: UTF8.self)
        let generation = try #require(index.firstMatch(of: #/"generation":(\d+)/#)?.1)
        var rows = "{\"format_version\":\(Limits.formatVersion),\"generation\":\(generation),\"sessions\":[\n"
        for n in 0..<count {
            let id = String(n + 1_000_000)
            rows +=
                (n == 0 ? "" : ",\n") + "{\"session_id\":\"\(id)\",\"sequence\":3,\"last\":3,\"segment\":0,\"end\":0,"
                + "\"chain\":\"0000000000000000\",\"summary\":{"
                + "\"message_count\":2,\"created_at\":1,\"updated_at\":\(n),\"fields\":{\"title\":\"T\(n % 10)\"}}}"
        }
        let file = try disk.open(StoreLayout.indexFile, .create)
        try file.truncate(to: 0)
        try file.write(SealedJSON.sealed(Array((rows + "\n]").utf8)) + [10], at: 0)
        try file.sync()
        let counting = CountingStorage(disk)
        let store = try HoldfastStore.opened(in: counting).store
        #expect(try store.listBlocking(limit: 50).rows.count == 50)
        counting.counters.reset()
        var query = SessionQuery()
        (query.order, query.title) = (.updated, "t3")
        var after: String?
        for _ in 0..<3 {
            let page = try store.listBlocking(query, after: after, limit: 50)
            #expect(page.rows.count == 50)
            after = page.next
        }
        #expect(after?.hasSuffix("/\(1_000_000 + count - 1_497)") == true, "\(after ?? "")")
        let counts = counting.counters.counts
        #expect(counts.opens == 0 && counts.reads == 0 && counts.directoriesListed == 0, "\(counts)")
        try store.close()
    }
}
