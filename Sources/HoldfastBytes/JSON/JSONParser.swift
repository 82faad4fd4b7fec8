import CJSON
import Synchronization

/// A reusable parser: the buffers that stage 1 and the grammar walker work in.
///
/// One thread at a time, which ``JSONParserPool`` sees to. Freed when the value ends.
struct JSONParser: ~Copyable {
    private let handle: OpaquePointer

    /// A parser without buffers. Ends the process when there is no memory, as a Swift class would.
    init() {
        guard let handle = hfjson_create() else { fatalError("no memory for a JSON parser") }
        self.handle = handle
    }

    /// Takes over what ``release()`` gave.
    init(adopting handle: OpaquePointer) { self.handle = handle }

    deinit { hfjson_destroy(handle) }

    /// Gives up the parser without freeing it.
    consuming func release() -> OpaquePointer {
        let handle = handle
        discard self
        return handle
    }

    /// The length in bytes of the longest text that the buffers held now can take.
    var capacity: Int { hfjson_capacity(handle) }

    /// Checks all of `bytes` and lists the nodes down to the depth `detail`.
    ///
    /// Throws ``JSONError``. Time is linear in the length of the text, whatever it holds.
    func nodes(of bytes: [UInt8], detail: Int, depthLimit: Int) throws(JSONError) -> [hfjson_node] {
        let result = bytes.withUnsafeBufferPointer { text in
            hfjson_parse(
                handle, text.baseAddress, text.count, UInt32(clamping: depthLimit), UInt32(clamping: detail))
        }
        if let code = JSONError.Code(result.status) {
            throw JSONError(
                code: code, offset: Int(result.error_offset),
                reason: code == .depth
                    ? "nested deeper than \(depthLimit) levels" : String(cString: result.reason))
        }
        return Array(UnsafeBufferPointer(start: result.nodes, count: Int(result.node_count)))
    }
}

extension JSONError.Code {
    /// The refusal that the C parser means by `status`, `nil` when the text is JSON.
    fileprivate init?(_ status: hfjson_status) {
        switch status {
        case HFJSON_OK: return nil
        case HFJSON_UTF8: self = .utf8
        case HFJSON_DEPTH: self = .depth
        case HFJSON_TOO_LARGE: self = .tooLarge
        case HFJSON_EMPTY: self = .empty
        default: self = .syntax
        }
    }
}

/// A few parked parsers, so that a caller need not keep one.
///
/// Taking and parking are one atomic exchange of a whole pointer each: no lock, nothing to wait for, and no
/// parser can be handed out twice. With every slot empty a new parser is made, with every slot full one is
/// freed. `@unchecked` because a pointer is not `Sendable`; here each one has exactly one owner, a slot or a
/// caller.
struct JSONParserPool: ~Copyable, @unchecked Sendable {
    /// A parser whose buffers take longer texts than this is freed after use, so that one large document does
    /// not hold memory for good (the token index may need four times the length of the text).
    private static let largestParkedCapacity = 1 << 20

    private let slots: [8 of Atomic<OpaquePointer?>] = .init { _ in Atomic(nil) }

    /// Runs `body` with a parser that no one else has.
    func withParser<Result>(
        _ body: (borrowing JSONParser) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let parser = take()
        do throws(JSONError) {
            let result = try body(parser)
            park(parser)
            return result
        } catch {
            park(parser)
            throw error
        }
    }

    private func take() -> JSONParser {
        for index in slots.indices {
            if let handle = slots[index].exchange(nil, ordering: .acquiring) {
                return JSONParser(adopting: handle)
            }
        }
        return JSONParser()
    }

    private func park(_ parser: consuming JSONParser) {
        guard parser.capacity <= Self.largestParkedCapacity else { return }
        let handle = parser.release()
        for index in slots.indices {
            let parked = slots[index].compareExchange(
                expected: nil, desired: handle, successOrdering: .releasing, failureOrdering: .relaxed)
            if parked.exchanged { return }
        }
        _ = JSONParser(adopting: handle)
    }
}
