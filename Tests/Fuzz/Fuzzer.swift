import Glibc

/// A parser, and what it is given.
struct Fuzzer: Sendable {
    let name: String
    /// Gives `input` to the parser and checks what it made of it. Ends the process when that is wrong.
    let run: @Sendable (_ input: [UInt8]) -> Void
    /// Makes the checksums of an input right, without changing its length.
    var repair: (@Sendable (inout [UInt8]) -> Void)?

    static let all: [Fuzzer] = [
        Fuzzer(name: "json", run: fuzzJSON),
        Fuzzer(name: "record", run: fuzzRecord, repair: repairRecords),
        Fuzzer(name: "segment", run: fuzzSegment, repair: repairSegment),
        Fuzzer(name: "journal", run: fuzzJournal, repair: repairJournal),
        Fuzzer(name: "recovery", run: fuzzRecovery, repair: repairJournal),
        Fuzzer(name: "index", run: fuzzIndex, repair: repairIndex),
        Fuzzer(name: "snapshot", run: fuzzSnapshot, repair: repairSnapshot),
        Fuzzer(name: "request", run: fuzzRequest),
        Fuzzer(name: "conversation", run: fuzzConversation),
        Fuzzer(name: "import", run: fuzzImport),
        Fuzzer(name: "meter", run: fuzzMeter, repair: repairMeter),
        Fuzzer(name: "receipt", run: fuzzReceipt, repair: repairReceipt),
        Fuzzer(name: "filter", run: fuzzFilter),
    ]
}

/// What must hold of any input.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    if condition { return }
    say("NOT TRUE: \(what())")
    abort()
}

/// Tells a person something.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
