import HoldfastBytes

/// Splits the text of a JSON array into its elements, in pieces, with memory for one element.
struct ElementSplitter {
    /// The places, from 0, of the elements that are wanted; the others are only counted.
    private let window: Range<Int>
    private var scan = JSONElementScan()
    /// What earlier pieces have of the element that is being read.
    private var element: [UInt8] = []
    private var isStarted = false
    /// The place of the element that is being read.
    private(set) var position: Int
    /// Whether nothing more is to come: the array has ended, or the window.
    private(set) var isDone: Bool

    /// For an array of which everything is to come from the element at the place `first` on.
    init(window: Range<Int>, from first: Int = 0) {
        self.window = window
        position = first
        isDone = window.isEmpty
    }

    /// Reads `piece` and calls `body` with each wanted element that ends in it, without whitespace around it,
    /// until it answers `false`; also with how many bytes of the piece are read then, if another element follows.
    mutating func next<Failure: Error>(
        _ piece: ArraySlice<UInt8>, _ body: ([UInt8], _ end: Int?) throws(Failure) -> Bool
    ) throws(Failure) {
        try piece.withBytes { (bytes) throws(Failure) in
            var start = 0
            while !isDone {
                if !isStarted {
                    guard let first = bytes[start...].firstIndex(where: { !$0.isWhitespace }) else { return }
                    start = first
                    isStarted = true
                }
                guard let end = scan.elementEnd(in: bytes, from: start) else {
                    if window.contains(position) { element += bytes[start...] }
                    return
                }
                let isLast = scan.isAtEnd
                try finish(bytes.slice(start..<end)) { (element) throws(Failure) in
                    try body(element, isLast ? nil : end + 1)
                }
                start = end + 1
            }
        }
    }

    /// Ends the element, of which `rest` is what this piece has.
    private mutating func finish<Failure: Error>(
        _ rest: UnsafeRawBufferPointer, _ body: ([UInt8]) throws(Failure) -> Bool
    ) throws(Failure) {
        if window.contains(position) {
            // Most stand in one piece: they are copied once, into memory of their own size.
            let count = (rest.lastIndex { !$0.isWhitespace } ?? -1) + 1
            var whole = element.isEmpty ? Array(rest.slice(0..<count)) : element + rest.slice(0..<count)
            element = []
            while count == 0, whole.last?.isWhitespace ?? false { whole.removeLast() }
            if !whole.isEmpty, try !body(whole) { isDone = true }
        }
        isStarted = false
        position += 1
        if scan.isAtEnd || position >= window.upperBound { isDone = true }
    }
}

extension UInt8 {
    /// Whether the byte, between two tokens of JSON, belongs to neither.
    fileprivate var isWhitespace: Bool { self <= UInt8(ascii: " ") }
}
