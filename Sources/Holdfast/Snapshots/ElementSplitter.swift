/// Splits the text of a JSON array into its elements, in pieces, with memory for one element.
struct ElementSplitter {
    /// The places, from 0, of the elements that are wanted; the others are only counted.
    private let window: Range<Int>
    private var structure = JSONStructure()
    private var element: [UInt8] = []
    private var isStarted = false
    /// The place of the element that is being read.
    private(set) var position = 0
    /// Whether nothing more is to come: the array has ended, or the window.
    private(set) var isDone: Bool

    /// For an array of which everything behind its opening bracket is to come.
    init(window: Range<Int>) {
        self.window = window
        isDone = window.isEmpty
    }

    /// Reads `piece` and calls `body` with each wanted element that ends in it, without whitespace around it,
    /// until it answers `false`.
    mutating func next<Failure: Error>(
        _ piece: ArraySlice<UInt8>, _ body: ([UInt8]) throws(Failure) -> Bool
    ) throws(Failure) {
        var start = piece.startIndex
        var next = piece.startIndex
        while next < piece.endIndex {
            if structure.isInString {
                next = structure.skipString(piece, from: next)
                continue
            }
            let index = next
            next += 1
            let token = structure.next(piece[index])
            if !isStarted {
                if token == .whitespace { continue }
                start = index
                isStarted = true
            }
            let isEnd = structure.depth == -1
            guard isEnd || (token == .comma && structure.depth == 0) else { continue }
            try finish(piece[start..<index], isEnd, body)
            if isDone { return }
        }
        if isStarted, window.contains(position) { element += piece[start...] }
    }

    private mutating func finish<Failure: Error>(
        _ rest: ArraySlice<UInt8>, _ isEnd: Bool, _ body: ([UInt8]) throws(Failure) -> Bool
    ) throws(Failure) {
        if window.contains(position) {
            // Most stand in one piece: they are copied once, into memory of their own size.
            var whole = element.isEmpty ? Array(rest) : element + rest
            element = []
            while let last = whole.last, last <= UInt8(ascii: " ") { whole.removeLast() }
            if !whole.isEmpty, try !body(whole) { isDone = true }
        }
        isStarted = false
        position += 1
        if isEnd || position >= window.upperBound { isDone = true }
    }
}
