/// Finds where the array begins that is the member `name` of a JSON object, in pieces of its text.
struct ArrayFinder {
    private let name: [UInt8]
    private var structure = JSONStructure()
    /// The string that is being read, or was read last, if it is or may be the name: with its quotes.
    private var text: [UInt8] = []
    private var isKeyExpected = false
    private var isValueOfName = false

    /// Looks for the member `name`, which must be spelled without escapes.
    init(name: StaticString) {
        self.name = name.withUTF8Buffer { [UInt8(ascii: "\"")] + $0 + [UInt8(ascii: "\"")] }
    }

    /// Reads `piece`; answers the offset in it of the first byte behind the array's bracket once that is
    /// found.
    mutating func next(_ piece: [UInt8]) -> Int? {
        for (offset, byte) in piece.enumerated() where isOpening(byte) { return offset + 1 }
        return nil
    }

    private mutating func isOpening(_ byte: UInt8) -> Bool {
        let token = structure.next(byte)
        // Deeper down nothing counts but the way back up.
        guard structure.depth == 1 || (structure.depth == 2 && token == .opening) else { return false }
        switch token {
        case .opening:
            if structure.depth == 2 { return isValueOfName && byte == UInt8(ascii: "[") }
            isKeyExpected = true
        case .comma:
            isKeyExpected = true
            isValueOfName = false
        case .colon:
            isValueOfName = isKeyExpected && text == name
            isKeyExpected = false
            text.removeAll(keepingCapacity: true)
        case .quote, .content:
            if isKeyExpected, text.count <= name.count { text.append(byte) }
        case .closing, .whitespace: break
        }
        return false
    }
}
