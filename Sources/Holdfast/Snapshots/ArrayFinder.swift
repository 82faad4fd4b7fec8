/// The arrays of a session's document, which are read element by element.
enum SnapshotArray: String, Sendable, CaseIterable {
    /// Runs of messages and how they stand to the lists; there when not every message is active in both.
    case messageStates = "message_states"
    /// The visible messages.
    case messages
    /// All other messages.
    case hiddenMessages = "hidden_messages"
    /// Those of the open turn.
    case deltas
}

/// Finds where the first of some arrays begins that are members of a JSON object, in pieces of its text.
struct ArrayFinder {
    /// The arrays that are looked for, and their names with quotes.
    private let wanted: [(array: SnapshotArray, name: [UInt8])]
    private let longestName: Int
    private var structure = JSONStructure()
    /// The string that is being read, or was read last, if it is or may be a name: with its quotes.
    private var text: [UInt8] = []
    private var isKeyExpected = false
    /// The array whose value comes next, or was found.
    private(set) var found: SnapshotArray?

    /// Looks for the first of `arrays`.
    init(_ arrays: [SnapshotArray]) {
        wanted = arrays.map { ($0, Array("\"\($0.rawValue)\"".utf8)) }
        longestName = wanted.map(\.name.count).max() ?? 0
    }

    /// Reads `piece`; answers the offset in it of the first byte behind the array's bracket once that is
    /// found.
    mutating func next(_ piece: [UInt8]) -> Int? {
        var offset = 0
        while offset < piece.count {
            if structure.isInString, !isInKey {
                offset = structure.skipString(piece[...], from: offset)
                continue
            }
            offset += 1
            if isOpening(piece[offset - 1]) { return offset }
        }
        return nil
    }

    private var isInKey: Bool { isKeyExpected && structure.depth == 1 }

    private mutating func isOpening(_ byte: UInt8) -> Bool {
        let token = structure.next(byte)
        // Deeper down nothing counts but the way back up.
        guard structure.depth == 1 || (structure.depth == 2 && token == .opening) else { return false }
        switch token {
        case .opening:
            if structure.depth == 2 { return found != nil && byte == UInt8(ascii: "[") }
            isKeyExpected = true
        case .comma:
            isKeyExpected = true
            found = nil
        case .colon:
            found = isKeyExpected ? wanted.first { $0.name == text }?.array : nil
            isKeyExpected = false
            text.removeAll(keepingCapacity: true)
        case .quote, .content:
            if isKeyExpected, text.count <= longestName { text.append(byte) }
        case .closing, .whitespace: break
        }
        return false
    }
}
