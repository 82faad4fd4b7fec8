import HoldfastLog
@testable import Holdfast
import Testing

/// The operations on messages that are there, through the protocol.
@Suite struct MessageTests {
    let log = MemoryLog()
    let client: Client

    init() throws {
        client = try Client(.testing(log))
        #expect(call(#""op":"create""#).isOK)
    }

    /// Sends an operation on the session `s`, given without braces, and waits for its answer.
    @discardableResult
    func call(_ members: String, on other: Client? = nil) -> Reply {
        (other ?? client).call("{\"id\":1,\"session\":\"s\",\(members)}")
    }

    @discardableResult
    func append(_ messages: String, list: String? = nil) -> Reply {
        call("\"op\":\"append\",\"messages\":[\(messages)]" + (list.map { ",\"list\":\($0)" } ?? ""))
    }

    /// The messages of a list by their `n`.
    func numbers(_ list: String = "visible", _ more: String = "", on other: Client? = nil) -> String {
        let reply = call("\"op\":\"get\",\"list\":\"\(list)\"\(more)", on: other)
        return reply.list("messages").map { $0.filter(\.isNumber) }.joined(separator: " ")
    }

    func user(_ n: Int) -> String { "{\"role\":\"user\",\"content\":\"\(n)\"}" }
    func agent(_ n: Int) -> String { "{\"role\":\"assistant\",\"content\":\"\(n)\"}" }

    // MARK: undo and retry

    @Test func undoAnswersWhatItTookAway() {
        let long = #"{"role":"user","content":"a prompt of more than forty characters, 日本 and others"}"#
        append(#"{"role":"user","content":"first"},{"role":"assistant","content":"r1"},"# + long + "," + agent(2))
        let first = call(#""op":"undo_last""#)
        #expect(first["removed_count"] == "2" && first["message_count"] == "2")
        #expect(first["removed_preview"] == #""a prompt of more than forty characters, ...""#)
        let second = call(#""op":"undo_last""#)
        #expect(second["removed_count"] == "2" && second["removed_preview"] == #""first""#)
        let third = call(#""op":"undo_last""#)
        #expect(third.code == "unknown_message" && third["error", "message"] == #""Nothing to undo.""#)
    }

    @Test func aPreviewCountsCodePoints() {
        let flag = String(repeating: "🇯🇵", count: 25)
        append("{\"role\":\"user\",\"content\":\"\(flag)\"}")
        #expect(call(#""op":"undo_last""#)["removed_preview"] == "\"\(String(repeating: "🇯🇵", count: 20))...\"")
    }

    @Test(arguments: [
        (#""first""#, #""first""#),
        (#"[{"type":"text","text":"multi"},{"type":"image","url":"u"}]"#, #""multi""#),
        (#"[{"type":"text","text":"a"},{"type":"text"},{"text":"no"},{"type":"text","text":"b"},7]"#, #""a  b""#),
        (#""quote \" \u00e9\n""#, #""quote \" é\n""#), ("null", #""""#), ("1.50", #""1.50""#),
    ])
    func retryGivesTheTextBack(content: String, text: String) {
        append("\(agent(0)),{\"role\":\"user\",\"content\":\(content)},\(agent(2))")
        let reply = call(#""op":"retry_last""#)
        #expect(reply["last_user_text"] == text && reply["removed_count"] == "2")
        #expect(numbers() == "0")
        let refusal = call(#""op":"retry_last""#)
        #expect(refusal["error", "message"] == #""No previous message to retry.""#)
    }

    @Test func undoLooksFarBackForThePrompt() throws {
        append(user(1))
        for _ in 0..<3 { append((0..<300).map { _ in agent(2) }.joined(separator: ",")) }
        _ = call(#""op":"compact""#)
        append((0..<300).map { _ in agent(3) }.joined(separator: ","))
        #expect(call(#""op":"undo_last""#)["removed_count"] == "1201")
    }

    @Test func undoCutsEachListAtItsOwnPromptWhenTheyShareNone() {
        append("\(user(1)),\(agent(2)),\(user(3)),\(agent(4))", list: #""visible""#)
        append("\(user(5)),\(agent(6)),\(user(7)),\(agent(8))", list: #""context""#)
        call(#""op":"undo_last""#)
        #expect(numbers() == "1 2" && numbers("context") == "5 6")
    }

    @Test func undoOfACompactedPromptKeepsTheSummary() {
        append("\(user(1)),\(agent(2)),\(user(3)),\(agent(4))")
        call("\"op\":\"compact_messages\",\"list\":\"context\",\"messages\":[\(user(9))]")
        append(agent(5))
        #expect(numbers() == "1 2 3 4 5" && numbers("context") == "9 5")
        call(#""op":"undo_last""#)
        #expect(numbers() == "1 2" && numbers("context") == "9")
    }

    @Test func aRetryOfTheRequestGetsTheTextAgain() throws {
        append("\(user(1)),\(user(2))")
        let line = #""op":"retry_last","key":"k""#
        let first = call(line)
        #expect(call(line).description == first.description)
        _ = call(#""op":"compact""#)
        let survivor = try Client(.testing(log.afterCrash()))
        #expect(call(line, on: survivor).description == first.description)
        #expect(numbers(on: survivor) == "1")
    }

    @Test func answersOfKeysDoNotPileUp() {
        let text = String(repeating: "x", count: 600_000)
        for n in 0..<3 {
            append("{\"role\":\"user\",\"content\":\"\(text)\"}")
            #expect(call("\"op\":\"retry_last\",\"key\":\"k\(n)\"").isOK)
        }
        #expect(call(#""op":"retry_last","key":"k2""#)["last_user_text"]?.utf8.count == 600_002)
        #expect(call(#""op":"retry_last","key":"k1""#).code == "unknown_message", "pushed out, so it counts as new")
    }

    // MARK: cuts

    @Test func aCutTakesOutOfTheContextWhatLedFromIt() {
        append("\(user(1)),\(agent(2))")
        append(agent(3), list: #""context""#)
        append("\(user(4)),\(agent(5))")
        append(agent(6), list: #""context""#)
        #expect(call(#""op":"truncate","count":2"#)["message_count"] == "2")
        #expect(numbers() == "1 2" && numbers("context") == "1 2 3")
        #expect(call(#""op":"truncate","count":2,"context_count":0"#).isOK)
        #expect(numbers("context") == "")
        #expect(call(#""op":"truncate","count":3"#).code == "bad_request")
        #expect(call(#""op":"truncate","count":1,"context_count":1"#).code == "bad_request")
    }

    @Test func whatIsTakenBackIsHiddenAndReturnsToItsPlace() {
        append((1...5).map(agent).joined(separator: ","))
        #expect(call(#""op":"take_back","count":3"#)["removed_count"] == "2")
        #expect(call(#""op":"take_back","count":1"#)["removed_count"] == "2")
        append(agent(6))
        #expect(numbers() == "1 6" && numbers("context") == "1 6")
        let all = call(#""op":"get","hidden":true,"from":1,"limit":3"#)
        #expect(all.list("states") == [#""taken_back""#, #""taken_back""#, #""taken_back""#])
        #expect(all["active_before"] == "1" && all["next"] == "4" && all["message_count"] == "2")
        let restored = call(#""op":"restore""#)
        #expect(restored["restored_count"] == "2" && restored["message_count"] == "4")
        #expect(numbers() == "1 2 3 6" && numbers("context") == "1 2 3 6")
        #expect(call(#""op":"restore""#)["restored_count"] == "2")
        #expect(numbers() == "1 2 3 4 5 6")
        #expect(call(#""op":"restore""#)["error", "message"] == #""Nothing to restore.""#)
        #expect(call(#""op":"take_back","count":6"#)["error", "message"] == #""Nothing to take back.""#)
    }

    /// A cut for good settles what was taken back behind it: a restore brings back what is before it only.
    @Test(
        arguments: [
            (#""op":"truncate","count":1"#, "1"), (#""op":"truncate","count":2"#, "1 2"),
            (#""op":"undo_last""#, ""), (#""op":"retry_last""#, ""), (#""op":"replace","messages":[]"#, ""),
            (#""op":"clear""#, ""),
        ])
    func `D W2914 what was taken back does not return behind a cut`(_ cut: String, _ left: String) {
        append("\(user(1)),\(agent(2)),\(agent(3)),\(agent(4))")
        #expect(call(#""op":"take_back","count":3"#).isOK && call(#""op":"take_back","count":2"#).isOK)
        #expect(call(cut).isOK)
        #expect(call(#""op":"restore""#).code == "unknown_message")
        #expect(numbers() == left && numbers("context") == left)
        #expect(call(#""op":"get","hidden":true"#).list("messages").count == left.filter(\.isNumber).count)
    }

    @Test func aCutLeavesWhatWasTakenBackBeforeIt() {
        append((1...4).map(agent).joined(separator: ","))
        #expect(call(#""op":"take_back","count":2"#).isOK)
        append("\(agent(5)),\(agent(6))")
        #expect(call(#""op":"truncate","count":3"#).isOK)
        #expect(call(#""op":"restore""#)["restored_count"] == "2")
        #expect(numbers() == "1 2 3 4 5")
    }

    // MARK: compact_messages

    @Test func compactedMessagesAreKeptHidden() {
        append("\(user(1)),\(agent(2))")
        let reply = call("\"op\":\"compact_messages\",\"messages\":[\(agent(8)),\(agent(9))]")
        #expect(reply["message_count"] == "2")
        #expect(numbers() == "8 9" && numbers("visible", #","hidden":true"#) == "1 2 8 9")
        #expect(call(#""op":"restore""#).code == "unknown_message", "only what was taken back is restored")
        call(#""op":"clear""#)
        #expect(numbers("visible", #","hidden":true"#) == "", "a clear drops hidden messages too")
    }

    @Test func oneListCanBeReplacedWithoutTheOther() {
        append("\(user(1)),\(agent(2))")
        call("\"op\":\"replace\",\"list\":\"context\",\"messages\":[\(agent(7))]")
        #expect(numbers() == "1 2" && numbers("context") == "7")
        call("\"op\":\"replace\",\"list\":\"visible\",\"messages\":[\(agent(8))]")
        #expect(numbers() == "8" && numbers("context") == "7")
        call("\"op\":\"replace\",\"list\":[\"both\",\"context\"],\"messages\":[\(agent(4)),\(agent(5))]")
        #expect(numbers() == "4" && numbers("context") == "4 5")
    }

    // MARK: two lists

    @Test func aMessageOfBothListsIsStoredOnce() {
        append("\(user(1)),\(agent(2)),\(agent(3))", list: #"["both","visible","context"]"#)
        #expect(numbers() == "1 2" && numbers("context") == "1 3")
        let payload = log.records(of: "s").last.map { String(decoding: $0.payload, as: UTF8.self) } ?? ""
        #expect(payload.components(of: user(1)) == 1)
        _ = call(#""op":"compact""#)
        #expect(log.snapshotText(of: "s")?.components(of: user(1)) == 1)
        #expect(numbers() == "1 2" && numbers("context") == "1 3")
    }

    @Test func whereMessagesGoIsChecked() {
        for list in [#""all""#, "[]", #"["both","visible"]"#, "7", #"["x"]"#] {
            #expect(append(user(1), list: list).code == "bad_request", "\(list)")
        }
        #expect(call(#""op":"set","fields":{},"list":"both""#).isOK)
        #expect(call(#""op":"set","fields":{},"list":"visible""#).code == "bad_request")
        #expect(call(#""op":"get","list":"both""#).code == "bad_request")
    }

    @Test func aPromptStandsInBothListsWhereverItsAnswerGoes() {
        call("\"op\":\"begin_turn\",\"turn\":\"t\",\"message\":\(user(1))")
        call("\"op\":\"append\",\"turn\":\"t\",\"list\":\"visible\",\"messages\":[\(agent(2))]")
        let end = #""op":"end_turn","turn":"t","status":"completed","list":["context"]"#
        call("\(end),\"messages\":[\(agent(3))]")
        #expect(numbers() == "1 2" && numbers("context") == "1 3")
    }

    // MARK: edit

    @Test func anEditIsOneSmallRecordAndChangesTheMessageWhereverItStands() {
        append((0..<200).map(agent).joined(separator: ","))
        append(agent(777), list: #""context""#)
        _ = call(#""op":"compact""#)
        let reply = call("\"op\":\"edit\",\"index\":17,\"message\":\(user(5))")
        #expect(reply["message"] == user(5) && reply["message_count"] == "200")
        #expect((log.records(of: "s").last?.payload.count ?? .max) < 100)
        for list in ["visible", "context"] {
            #expect(call("\"op\":\"get\",\"list\":\"\(list)\",\"from\":17,\"limit\":1").list("messages") == [user(5)])
        }
        #expect(call("\"op\":\"edit\",\"index\":200,\"list\":\"context\",\"message\":\(user(6))").isOK)
        let refusal = call("\"op\":\"edit\",\"index\":200,\"message\":{}")
        #expect(refusal.code == "unknown_message")
        #expect(refusal["error", "message"] == #""there is no message 200; the visible list has 200""#)
    }

    @Test func aPatchKeepsWhatItDoesNotName() {
        append(#"{"role":"user","n":1.50, "x":{"a":1,"b":[ ]},"gone":true}"#)
        let reply = call(#""op":"edit","index":0,"key":"k","patch":{"x":{"a":2},"gone":null,"new":"é"}"#)
        #expect(reply["message"] == #"{"role":"user","n":1.50,"x":{"a":2,"b":[ ]},"new":"é"}"#)
        call(#""op":"edit","index":0,"patch":{"n":2}"#)
        let again = call(#""op":"edit","index":0,"key":"k","patch":{"x":{"a":2},"gone":null,"new":"é"}"#)
        #expect(again.description == reply.description)
        #expect(call(#""op":"edit","index":0"#).code == "bad_request")
        #expect(call(#""op":"edit","index":0,"patch":{},"message":{}"#).code == "bad_request")
        #expect(call(#""op":"edit","index":0,"patch":[]"#).code == "bad_request")
    }

    @Test func manyLongEditsAreReadInSeveralPasses() throws {
        append((0..<12).map(agent).joined(separator: ","))
        let long = String(repeating: "x", count: 4 << 20)
        for n in stride(from: 10, through: 0, by: -2) {
            call("\"op\":\"edit\",\"index\":\(n),\"message\":{\"n\":\(n),\"t\":\"\(long)\"}")
        }
        _ = call(#""op":"compact""#)
        var read: [String] = []
        var from = 0
        while from < 12 {
            let reply = call("\"op\":\"get\",\"from\":\(from)")
            let page = reply.list("messages")
            guard !page.isEmpty else { break }
            read += page.map { String($0.prefix(12)) }
            from += page.count
        }
        let expected = (0..<12).map { $0 % 2 == 0 ? "{\"n\":\($0),\"t\":\"xxxx" : agent($0) }
        #expect(read == expected.map { String($0.prefix(12)) })
    }

    // MARK: clear, and metadata in the same record

    @Test func aClearIsOneRecordWithWhatElseItResets() {
        call(#""op":"set","fields":{"title":"Trip","tool_calls":[1]}"#)
        append("\(user(1)),\(agent(2))")
        let reply = call(#""op":"clear","fields":{"title":"Untitled","tool_calls":[],"clear_generation":"g"}"#)
        #expect(reply["message_count"] == "0")
        let state = call(#""op":"get""#)
        #expect(state["fields"] == #"{"title":"Untitled","tool_calls":[],"clear_generation":"g"}"#)
        #expect(
            log.records(of: "s").last.map { String(decoding: $0.payload, as: UTF8.self) }
                == #"{"fields":{"title":"Untitled","tool_calls":[],"clear_generation":"g"}}"#)
        #expect(call(#""op":"clear","fields":{"messages":[]}"#).code == "bad_request")
        #expect(call(#""op":"delete","fields":{}"#).code == "bad_request")
    }

    // MARK: windows

    @Test func windowsAroundAMessageAndAtTheEnd() {
        append((0..<10).map(agent).joined(separator: ","))
        #expect(numbers("visible", #","last":true,"limit":3"#) == "7 8 9")
        #expect(numbers("visible", #","last":true"#) == "0 1 2 3 4 5 6 7 8 9")
        #expect(numbers("visible", #","around":5,"limit":3"#) == "4 5 6")
        #expect(numbers("visible", #","around":0,"limit":3"#) == "0 1 2")
        #expect(numbers("visible", #","around":9,"limit":4"#) == "6 7 8 9")
        #expect(call(#""op":"get","around":9,"limit":4"#)["from"] == "6")
        #expect(call(#""op":"get","around":10"#).code == "unknown_message")
        #expect(call(#""op":"get","around":1,"from":1"#).code == "bad_request")
    }

    // MARK: order

    @Test func whatMustBeReadFirstWaitsForWhatCameBefore() {
        log.holdingCommits {
            client.send(#"{"id":1,"op":"append","session":"s","messages":[\#(user(1)),\#(agent(2))]}"#)
        }
        client.send(#"{"id":2,"op":"undo_last","session":"s"}"#)
        client.send(#"{"id":3,"op":"append","session":"s","messages":[\#(user(3))]}"#)
        client.send(#"{"id":4,"op":"edit","session":"s","index":0,"patch":{"content":"4"}}"#)
        let replies = client.wait(for: 5)
        #expect(replies[2]["removed_count"] == "2" && replies[4]["message"] == user(4))
        #expect(numbers() == "4")
    }

    @Test func changesOfMessagesAreFencedLikeAnyWrite() {
        append("\(user(1)),\(agent(2))")
        #expect(call(#""op":"undo_last","if_sequence":1"#).code == "conflict")
        #expect(call(#""op":"restore","turn":"t""#).code == "no_turn")
        #expect(call(#""op":"edit","index":0,"message":{},"turn":"t""#).code == "no_turn")
        #expect(log.records(of: "s").count == 2)
    }
}

extension String {
    /// How often `part` is in the text.
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
