@testable import Holdfast
@testable import HoldfastBytes
@testable import HoldfastCommands
import HoldfastEngine
import HoldfastProof
import HoldfastSimulation
import HoldfastThreads

// What users give: JSON, requests, whole conversations, files to import.

/// JSON in all detail and in little, its spelling, its layouts, and a merge patch with itself.
@Sendable func fuzzJSON(_ input: [UInt8]) {
    guard let tree = try? JSONTree.parse(input) else {
        return require((try? JSONTree.parse(input, detail: 1)) == nil, "detail does not decide what is JSON")
    }
    visit(tree.root)
    let little = try? JSONTree.parse(input, detail: 1)
    require(little?.root.raw == tree.root.raw, "detail does not decide where the value is")
    let text = JSONText.minified(input)
    require((try? JSONTree.parse(text))?.root.kind == tree.root.kind, "without whitespace it is the same value")
    require(JSONText.minified(JSONText.indented(input)) == text, "a layout changes whitespace only")
    guard var fields = JSONFields(tree.root) else { return }
    var writer = JSONWriter()
    fields.write(to: &writer)
    let written = (try? JSONTree.parse(writer.finish())).flatMap { JSONFields($0.root) }
    require(written == fields, "fields that are written again are the same")
    try? fields.merge(patch: tree.root)
    require(fields.fields.allSatisfy { !$0.rawValue.isEmpty }, "fields have values")
}

/// Asks a value for everything that can be asked.
private func visit(_ value: JSONRef) {
    require(!value.raw.isEmpty, "a value is spelled somehow")
    _ = (value.int, value.unsigned, value.double, value.bool, value.isNull, value.text)
    switch value.kind {
    case .object:
        var count = 0
        for (key, member) in value.members {
            require(key.string != nil && key.stringBytes != nil, "a key is a string")
            visit(member)
            count += 1
        }
        require(count == value.count, "as many members as are counted")
    case .array: value.elements.forEach(visit)
    case .string:
        guard let bytes = value.stringBytes, let string = value.string else {
            return require(false, "a string has content")
        }
        require(bytes.count >= 0 && value.isString(string) == (bytes == Array(string.utf8)), "a string is itself")
    case .null, .bool, .number: break
    }
}

/// One line of the protocol.
@Sendable func fuzzRequest(_ input: [UInt8]) {
    do {
        let request = try Request(line: input)
        require((try? JSONTree.parse(request.id)) != nil, "an id is JSON")
    } catch {
        require((try? JSONTree.parse(error.id)) != nil, "an id is JSON, also of what is refused")
    }
}

/// Lines of the protocol, on a store of their own, which is closed in order and opened again.
@Sendable func fuzzConversation(_ input: [UInt8]) {
    let storage = SimulatedStorage()
    let lines = input.split(separator: 10).map(Array.init)
    let first = converse(storage, lines)
    let second = converse(storage, [])
    let asked = lines.count { line in line.contains { $0 > UInt8(ascii: " ") } }
    require(first.count == asked + 2, "every request is answered once")
    for answer in first { require((try? JSONTree.parse(answer)) != nil, "an answer is JSON") }
    require(first.last == second.last, "the list is the same after an opening")
}

/// Opens the store, asks for `lines` and last for a list, closes the store. Gives the answers.
private func converse(_ storage: SimulatedStorage, _ lines: [[UInt8]]) -> [[UInt8]] {
    let answers = Lock<[[UInt8]]>([])
    var options = seededOptions()
    options.flushInterval = 1_000_000
    guard let store = try? HoldfastStore.opened(in: storage, engine: options).store,
        let session = try? ProtocolSession(store: store, answer: { line in answers.withLock { $0.append(line) } })
    else {
        require(false, "a store opens")
        return []
    }
    for line in lines { session.handle(line: line) }
    session.handle(line: Array(#"{"op":"flush"}"#.utf8))
    session.handle(line: Array(#"{"op":"list"}"#.utf8))
    session.finish()
    require((try? store.close()) != nil, "a store closes")
    return answers.withLock { $0 }
}

/// A file to import, as a transcript that comes in pieces, and as a document.
@Sendable func fuzzImport(_ input: [UInt8]) {
    let piece = Int(input.first ?? 0) + 1
    var splitter = LineSplitter(limit: 600)
    var parser = TranscriptParser()
    let take = { (line: LineSplitter.Line) in
        if case .whole(let bytes) = line { require(bytes.count <= 600, "a line keeps the limit") }
        check(parser.take(line))
    }
    input.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: bytes.count, by: piece) {
            splitter.take(bytes.slice(start..<min(bytes.count, start + piece)), take)
        }
    }
    splitter.finish(take)
    if let document = try? SessionDocument(input) {
        require((try? JSONTree.parse(document.fields))?.root.kind == .object, "fields are an object")
        document.items.forEach(check)
    }
    _ = ImportFile.meaning(of: String(decoding: input.prefix(300), as: UTF8.self))
}

private func check(_ item: ImportItem?) {
    guard case .message(let bytes) = item else { return }
    require((try? JSONTree.parse(bytes))?.root.kind == .object, "a message is an object")
}
