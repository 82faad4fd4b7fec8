import HoldfastBytes

/// Messages as they are spelled: ranges of the buffers that they came in, nothing copied.
struct MessageList: Sendable, Equatable {
    private(set) var messages: [ArraySlice<UInt8>]
    /// Whether each message is known to be one object without whitespace around it.
    let isChecked: Bool

    /// Messages that are known to be objects.
    init(checked messages: [ArraySlice<UInt8>] = []) {
        self.messages = messages
        isChecked = true
    }

    /// Messages of a caller.
    init(_ messages: [JSON]) {
        self.messages = messages.map { $0.bytes[...] }
        isChecked = false
    }

    /// The elements of `array`, all of which must be objects.
    init(elementsOf array: JSONRef) throws(ContentError) {
        guard array.kind == .array else { throw ContentError("the messages are not an array") }
        messages = []
        for element in array.elements {
            guard element.kind == .object else { throw ContentError("a message is not an object") }
            messages.append(element.raw)
        }
        isChecked = true
    }

    var count: Int { messages.count }
    var isEmpty: Bool { messages.isEmpty }
    var byteCount: Int { messages.reduce(0) { $0 + $1.count + 1 } }

    /// The list with `message`, an object, in front.
    func preceded(by message: [UInt8]) -> MessageList { MessageList(checked: [message[...]] + messages) }

    /// Writes the messages as an array.
    func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for message in messages { writer.raw(message) }
        writer.endArray()
    }

    /// Lists are the same when their messages are.
    static func == (a: MessageList, b: MessageList) -> Bool { a.messages == b.messages }
}
