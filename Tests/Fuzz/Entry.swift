import Glibc

// What libFuzzer calls. The parser is chosen by name in the environment, so that one program holds all of them.

private let fuzzer: Fuzzer = {
    let name = getenv("HOLDFAST_FUZZ").map { String(cString: $0) } ?? ""
    if let fuzzer = Fuzzer.all.first(where: { $0.name == name }) { return fuzzer }
    say("HOLDFAST_FUZZ must be one of: \(Fuzzer.all.map(\.name).joined(separator: " "))")
    exit(64)
}()

/// Gives one input to the parser.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    fuzzer.run([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// Changes an input, and mostly makes its checksums right again: nothing else gets past the first check.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32) -> Int {
    let count = mutateAnyhow(bytes, count, limit)
    guard seed % 8 != 0, let repair = fuzzer.repair else { return count }
    let room = UnsafeMutableRawBufferPointer(start: bytes, count: count)
    var repaired = [UInt8](room)
    repair(&repaired)
    require(repaired.count == count, "a repair keeps the length")
    room.copyBytes(from: repaired)
    return count
}

@_silgen_name("LLVMFuzzerMutate")
private func mutateAnyhow(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int
