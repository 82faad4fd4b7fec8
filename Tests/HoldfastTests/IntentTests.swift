import Holdfast
import HoldfastSimulation
import Testing

/// What users of other stores have lost to stores that guess, each as a test: a change of messages is a record that
/// says what was meant, and recovery does what the records say.
@Suite struct IntentTests {
    static let conversation: [JSON] = (0..<6).map {
        JSON("{\"role\":\"\($0 % 2 == 0 ? "user" : "assistant")\",\"content\":\"\($0)\"}")
    }

    /// What may happen between a change and the next look.
    enum Interruption: CaseIterable {
        case crash, close, compactionAndCrash, crashTwice
    }

    /// Makes a session with a conversation, lets `change` happen to it and then each kind of interruption; gives what
    /// each of them leaves.
    private func afterwards(
        _ change: (HoldfastStore) throws -> Void, _ check: (SessionState) -> Bool
    ) throws {
        for interruption in Interruption.allCases {
            let machine = SimulatedMachine()
            var opened = try machine.open()
            try opened.store.writeBlocking(.create("s", fields: #"{"title":"Trip"}"#))
            try opened.store.writeBlocking(.append(to: "s", Self.conversation))
            // So that there is an older and longer copy about.
            try opened.store.compactBlocking("s")
            try change(opened.store)
            switch interruption {
            case .close:
                try opened.store.close()
                opened = try machine.open()
            case .compactionAndCrash:
                try opened.store.compactBlocking("s")
                opened = try machine.crash(opened, .dropAll)
            case .crash: opened = try machine.crash(opened, .dropAll)
            case .crashTwice:
                opened = try machine.crash(opened, .dropAll)
                opened = try machine.crash(opened, .keepAll)
            }
            #expect(check(try opened.store.getBlocking("s")), "after \(interruption)")
            try opened.store.close()
        }
    }

    /// nesquena/hermes-webui #2914, #2933: recovery found more messages in a backup and brought them back.
    @Test func anUndoIsNotUndoneByRecovery() throws {
        try afterwards {
            try $0.writeBlocking(.undoLast("s"))
        } _: { state in
            state.messages == Array(Self.conversation.prefix(4)) && state.summary.contextCount == 4
        }
    }

    /// nesquena/hermes-webui #5532, #5553, #5570.
    @Test func aClearedSessionStaysClear() throws {
        try afterwards { store in
            var clear = Mutation.clear("s")
            clear.fields = #"{"title":"Untitled"}"#
            try store.writeBlocking(clear)
        } _: { state in
            state.messages.isEmpty && state.fields == #"{"title":"Untitled"}"#
        }
    }

    /// nesquena/hermes-webui #4836: the backup from before a compression was taken for the better copy.
    @Test func aCompressionIsNotUndoneByAnOlderCopy() throws {
        let summary: JSON = #"{"role":"user","content":"summary"}"#
        try afterwards {
            try $0.writeBlocking(.compactMessages("s", messages: [summary]))
        } _: { state in
            state.messages == [summary]
        }
        try afterwards {
            try $0.writeBlocking(.replace("s", messages: [summary]))
        } _: {
            $0.messages == [summary]
        }
    }

    /// NousResearch/hermes-agent #61220, #61993, nesquena/hermes-webui #3740.
    @Test func aTruncatedSessionIsNotExtendedByRecovery() throws {
        try afterwards { store in
            try store.writeBlocking(.truncate("s", keep: 1))
            try store.writeBlocking(.append(to: "s", ["{}"]))
        } _: {
            $0.messages == [Self.conversation[0], "{}"]
        }
    }

    /// nesquena/hermes-webui #5498, #5504.
    @Test func aDeletedSessionStaysDeleted() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        try opened.store.writeBlocking(.append(to: "s", Self.conversation))
        try opened.store.compactBlocking("s")
        try opened.store.writeBlocking(.delete("s"))
        for policy in [CrashPolicy.dropAll, .keepAll] {
            opened = try machine.crash(opened, policy)
            #expect(throws: HoldfastError.self) { try opened.store.getBlocking("s") }
            #expect(throws: HoldfastError.self) { try opened.store.writeBlocking(.create("s")) }
        }
        try opened.store.close()
    }

    /// nesquena/hermes-webui #1558, #1559: a copy of the session without its messages was saved over the transcript.
    @Test func metadataIsWrittenWithoutTheMessagesAndCannotReplaceThem() throws {
        try afterwards { store in
            // Read without messages, changed and written back, as a list of sessions does.
            let known = try store.getBlocking("s", Window(limit: 0))
            #expect(known.messages.isEmpty && known.summary.messageCount == 6)
            try store.writeBlocking(.set("s", fields: #"{"title":"Trip to Rome"}"#))
            #expect(throws: HoldfastError.self) { try store.writeBlocking(.set("s", fields: #"{"messages":[]}"#)) }
        } _: { state in
            state.messages == Self.conversation && state.fields == #"{"title":"Trip to Rome"}"#
        }
    }

    /// nesquena/hermes-webui #4283, #5339, NousResearch/hermes-agent #860, #92231.
    @Test func nothingIsThereTwiceAfterAnyNumberOfRecoveries() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        var append = Mutation.append(to: "s", Self.conversation)
        append.key = "request 1"
        for policy in [CrashPolicy.keepAll, .dropAll, .keepAll] {
            // The client did not see the answer and sends again.
            #expect(try opened.store.writeBlocking(append).messageCount == 6)
            opened = try machine.crash(opened, policy)
            try opened.store.compactBlocking("s")
        }
        #expect(try opened.store.getBlocking("s").messages == Self.conversation)
        #expect(try opened.store.getBlocking("s", Window(.last, of: .context)).messages == Self.conversation)
        try opened.store.close()
    }

    /// A snapshot and the end of the records before it lose nothing that is only hidden.
    @Test func hiddenMessagesSurviveCompaction() throws {
        let machine = SimulatedMachine()
        var opened = try machine.open()
        try opened.store.writeBlocking(.create("s"))
        try opened.store.writeBlocking(.append(to: "s", Self.conversation))
        try opened.store.writeBlocking(.edit("s", at: 5, message: "{}"))
        try opened.store.writeBlocking(.takeBack("s", keep: 4))
        var summary = Mutation.compactMessages("s", messages: [#"{"summary":1}"#])
        summary.placement = .context
        try opened.store.writeBlocking(summary)
        // Each compaction drops the records before the snapshot before.
        for _ in 0..<3 {
            try opened.store.writeBlocking(.set("s", fields: #"{"a":1}"#))
            try opened.store.compactBlocking("s")
            opened = try machine.crash(opened, .dropAll)
        }
        let all = try opened.store.getBlocking("s", Window(.place(0), showsHidden: true))
        #expect(all.messages == Self.conversation.dropLast() + ["{}"])
        #expect(all.states == [.active, .active, .active, .active, .takenBack, .takenBack])
        let context = try opened.store.getBlocking("s", Window(.place(0), of: .context, showsHidden: true))
        #expect(context.states == [.compacted, .compacted, .compacted, .compacted, .takenBack, .takenBack, .active])
        #expect(try opened.store.writeBlocking(.restore("s")).restoredCount == 2)
        opened = try machine.crash(opened, .dropAll)
        #expect(try opened.store.getBlocking("s").messages == Self.conversation.dropLast() + ["{}"])
        try opened.store.close()
    }
}
