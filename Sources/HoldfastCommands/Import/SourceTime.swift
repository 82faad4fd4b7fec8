import Holdfast
import HoldfastBytes

/// Times as the sources of imports spell them, in milliseconds since 1970. Pure.
enum SourceTime {
    /// Later ones, in the year 5138 and after, are milliseconds and not seconds.
    private static let lastSecond = 1e11

    /// The time that `value` says: a number of seconds, or of milliseconds, or ISO 8601; `nil` when it is none.
    static func milliseconds(_ value: JSONRef?) -> UInt64? {
        guard let value else { return nil }
        if value.kind == .string { return value.string.flatMap(milliseconds(iso:)) }
        return value.double.flatMap { milliseconds(seconds: $0) }
    }

    /// The time `seconds` after 1970; `nil` when that is no time.
    static func milliseconds(seconds: Double) -> UInt64? {
        guard seconds.isFinite, seconds >= 0, seconds < lastSecond * 1000 else { return nil }
        return UInt64((seconds < lastSecond ? seconds * 1000 : seconds).rounded())
    }

    /// The time of a text such as `2026-08-22T14:03:05.678Z` or `2026-08-22T16:03:05+02:00`; UTC when it names no zone.
    static func milliseconds(iso text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, let time = calendarTime(bytes[..<19]), let seconds = time.seconds(isUTC: true) else {
            return nil
        }
        var rest = bytes[19...]
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (48...57).contains($0) }
            rest = rest.dropFirst(1 + digits.count)
            fraction = (Array(digits) + [48, 48, 48]).prefix(3).reduce(0) { $0 * 10 + Int($1 - 48) }
        }
        guard let offset = minutes(ofZone: rest) else { return nil }
        let milliseconds = (seconds - offset * 60) * 1000 + fraction
        return milliseconds < 0 ? nil : UInt64(milliseconds)
    }

    /// The time that the 19 bytes `2026-08-22T14:03:05` spell, with a space for the `T` too.
    private static func calendarTime(_ bytes: ArraySlice<UInt8>) -> CalendarTime? {
        let pattern = "dddd-dd-ddTdd:dd:dd".utf8
        let fits = zip(bytes, pattern).allSatisfy { byte, wanted in
            switch wanted {
            case UInt8(ascii: "d"): (48...57).contains(byte)
            case UInt8(ascii: "T"): byte == wanted || byte == UInt8(ascii: " ")
            default: byte == wanted
            }
        }
        guard fits else { return nil }
        func value(_ range: Range<Int>) -> Int { number(bytes[range]) ?? 0 }
        return CalendarTime(
            year: value(0..<4), month: value(5..<7), day: value(8..<10), hour: value(11..<13), minute: value(14..<16),
            second: value(17..<19))
    }

    /// How far a zone such as `Z` or `+02:00` is ahead of UTC.
    private static func minutes(ofZone text: ArraySlice<UInt8>) -> Int? {
        if text.isEmpty || text.elementsEqual("Z".utf8) { return 0 }
        let digits = text.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard let sign = text.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), digits.count == 4,
            let hours = number(digits[..<2]), let minutes = number(digits[2...]), hours < 24, minutes < 60
        else { return nil }
        return (sign == UInt8(ascii: "+") ? 1 : -1) * (hours * 60 + minutes)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }
}

/// The times that a source knows of one session.
struct SourceTimes: Equatable {
    private var createdAt: UInt64?
    private var updatedAt: UInt64?
    private var endedAt: UInt64?
    private var first: UInt64?
    private var last: UInt64?
    private var begunAt: UInt64?

    /// Takes what the metadata of a session say: hermes-webui's and hermes-agent's words for it.
    init(fields: [UInt8] = Array("{}".utf8)) {
        guard let root = try? JSONTree.parse(fields, detail: 1).root, root.kind == .object else { return }
        createdAt = SourceTime.milliseconds(root["created_at"]) ?? SourceTime.milliseconds(root["started_at"])
        updatedAt = SourceTime.milliseconds(root["updated_at"])
        endedAt = SourceTime.milliseconds(root["ended_at"])
    }

    /// Takes the next visible message.
    mutating func take(_ message: [UInt8]) {
        guard let time = SourceMessage(message)?.time else { return }
        first = first ?? time
        last = time
    }

    /// Takes the prompt of the open turn.
    mutating func take(prompt: [UInt8]) { begunAt = SourceMessage(prompt)?.time }

    /// What is to be noted of the session, of which `present` is known in the store already.
    func times(after present: SessionSummary?) -> Imported.Times {
        var times = Imported.Times()
        let used = updatedAt ?? [endedAt, last, createdAt].compactMap(\.self).max()
        times.createdAt = present == nil ? createdAt ?? first : nil
        times.updatedAt = used.map { max($0, present?.updatedAt ?? 0) }
        times.lastMessageAt = last.map { max($0, present?.lastMessageAt ?? 0) }
        times.begunAt = begunAt
        return times
    }
}

/// What lists say of one message of a source.
struct SourceMessage {
    let role: String?
    /// Whether lists take notice of it: not of what a tool said, and of an answer that has not begun.
    let counts: Bool
    /// When it was, if it counts.
    let time: UInt64?
    /// The same as the number that it is spelled as.
    let seconds: Double?

    /// `nil` when it is no object.
    init?(_ message: [UInt8]) {
        guard let root = try? JSONTree.parse(message, detail: 1).root, root.kind == .object else { return nil }
        role = root["role"]?.string
        counts = role != "tool" && !Self.isEmptyPartial(root, role)
        let value = counts ? root["_ts"] ?? root["timestamp"] : nil
        time = SourceTime.milliseconds(value)
        seconds = value?.double
    }

    private static func isEmptyPartial(_ message: JSONRef, _ role: String?) -> Bool {
        guard role == "assistant", message["_partial"]?.bool == true else { return false }
        guard let content = message["content"] else { return true }
        return content.isNull || content.isString("") || content.raw.elementsEqual("[]".utf8)
    }
}
