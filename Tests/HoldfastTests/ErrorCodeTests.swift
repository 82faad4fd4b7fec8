import Holdfast
import HoldfastLog
import Testing

/// Every code in the table of docs/protocol.md can be met in the protocol, and no answer has another one.
struct ErrorCodeTests {
    private let clock = TestClock()

    private func client(_ log: MemoryLog, _ requests: String...) throws -> Client {
        let client = try Client(.testing(log, clock: clock))
        for request in [#"{"op":"create","session":"s"}"#] + requests { _ = client.call(request) }
        return client
    }

    /// Requests of which the last one is refused with the code that stands beside them.
    private static let refusals: [(code: String, requests: [String])] = [
        ("bad_request", [#"{"op":"append","session":"s","messages":[]}"#]),
        ("unknown_operation", [#"{"op":"apend","session":"s"}"#]),
        ("unknown_session", [#"{"op":"get","session":"nobody"}"#]),
        ("session_exists", [#"{"op":"create","session":"s"}"#]),
        ("session_deleted", [#"{"op":"delete","session":"s"}"#, #"{"op":"create","session":"s"}"#]),
        (
            "rotated",
            [#"{"op":"rotate","session":"s","new_session":"n"}"#, #"{"op":"set","session":"s","fields":{}}"#]
        ),
        (
            "title_taken",
            [
                #"{"op":"create","session":"o","fields":{"title":"T"}}"#,
                #"{"op":"set_title","session":"s","title":"T"}"#,
            ]
        ),
        ("limit_reached", (0...1024).map { #"{"op":"branch","session":"s","new_session":"b\#($0)"}"# }),
        ("conflict", [#"{"op":"set","session":"s","fields":{},"if_sequence":7}"#]),
        (
            "stale_turn",
            [
                begin, #"{"op":"end_turn","session":"s","turn":"t","status":"failed"}"#,
                #"{"op":"delta","session":"s","turn":"t","data":1}"#,
            ]
        ),
        ("turn_open", [begin, #"{"op":"begin_turn","session":"s","message":{}}"#]),
        ("no_turn", [#"{"op":"materialise","session":"s","cause":"unknown"}"#]),
        ("turn_live", [begin, #"{"op":"materialise","session":"s","cause":"unknown"}"#]),
        (
            "attempts_exhausted",
            [begin, #"{"op":"begin_turn","session":"s","turn":"t","resume":true,"max_attempts":1}"#]
        ),
        ("already_queued", [enqueue, enqueue]),
        ("queue_full", (0...256).map { #"{"op":"enqueue","session":"s","queued":"\#($0)","message":{}}"# }),
        ("queue_empty", [claim]),
        ("not_queued", [#"{"op":"drop_queued","session":"s","queued":"q"}"#]),
        ("claimed", [enqueue, claim, #"{"op":"drop_queued","session":"s","queued":"q"}"#]),
        ("stale_claim", [enqueue, claim, #"{"op":"complete","session":"s","queued":"q","claim":"other"}"#]),
        ("unknown_message", [#"{"op":"undo_last","session":"s"}"#]),
    ]

    private static let begin = #"{"op":"begin_turn","session":"s","turn":"t","message":{}}"#
    private static let enqueue = #"{"op":"enqueue","session":"s","queued":"q","message":{}}"#
    private static let claim = #"{"op":"claim","session":"s","owner":"w","lease_ms":60000}"#

    /// What the machine does, and not a request.
    private func mishap(_ code: String) throws -> Reply {
        let append = #"{"op":"append","session":"s","messages":[{}]}"#
        let log = MemoryLog(payloadLimit: 1_000)
        let client = try client(log)
        switch code {
        case "too_large":
            let text = String(repeating: "x", count: 1_000)
            return client.call(#"{"op":"append","session":"s","messages":[{"t":"\#(text)"}]}"#)
        case "turn_expired":
            _ = client.call(Self.begin)
            clock.now += 1_000
            return client.call(#"{"op":"begin_turn","session":"s","turn":"t","resume":true,"max_age_ms":10}"#)
        case "disk_full", "fenced":
            log.setAppendError(LogError(code == "fenced" ? .fenced : .diskFull, "as asked"))
            return client.call(append)
        case "damaged":
            _ = client.call(append)
            log.damageRecord(of: "s", at: 1)
            return try Client(.testing(log.afterCrash())).call(append)
        case "read_only":
            let survivor = log.afterCrash()
            survivor.setReadOnly()
            return try Client(.testing(survivor)).call(append)
        case "failed":
            log.failNextCommit(LogError(.failed, "the disk is broken"))
            return client.call(append)
        default:
            let store = try HoldfastStore.testing(MemoryLog())
            let client = try Client(store)
            try store.close()
            return client.call(append)
        }
    }

    private let mishaps = [
        "too_large", "turn_expired", "disk_full", "fenced", "damaged", "read_only", "failed", "closed",
    ]

    @Test func everyCodeOfTheTableIsMetAndNoOther() throws {
        for (code, requests) in Self.refusals {
            let client = try client(MemoryLog())
            let replies = requests.map(client.call)
            let early = replies.dropLast().filter { !$0.isOK }
            #expect(early.isEmpty, "\(code): \(early.first?.description ?? "")")
            #expect(replies.last?.code == code, "\(replies.last?.description ?? "")")
        }
        for code in mishaps { #expect(try mishap(code).code == code) }
        #expect(Set(Self.refusals.map(\.code) + mishaps) == Set(try documented()))
    }

    /// The codes in the table of the page.
    private func documented() throws -> [String] {
        let folder = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try #require(TextFile.read("/\(folder)/docs/protocol.md"))
        let table = page.split(separator: "\n").drop { $0 != "## Errors" }.filter { $0.hasPrefix("| `") }
        return table.flatMap { row in
            let names = row.split(separator: "|")[0].split(separator: "`")
            return names.map(String.init).filter { $0.allSatisfy { $0.isLowercase || $0 == "_" } }
        }
    }
}
