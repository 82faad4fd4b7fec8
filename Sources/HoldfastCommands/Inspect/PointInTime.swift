/// A point in the life of a session, as a command line names it: the number of a record, or a time.
enum PointInTime: Equatable {
    case sequence(UInt64)
    /// Milliseconds since 1970.
    case time(UInt64)

    /// How both are written, for help texts.
    static let usage = "SEQUENCE|TIME"

    /// Reads `12` as a sequence and everything else as a time.
    init(_ text: String, now: UInt64 = Moment.wall()) throws(CommandError) {
        if let sequence = UInt64(text) {
            self = .sequence(sequence)
        } else {
            self = .time(try Self.time(text, now: now))
        }
    }

    /// Reads a time: `2026-08-22`, `2026-08-22 14:03`, `2026-08-22T14:03:05` in the time zone of the machine or with
    /// a `Z` behind it in UTC, `90s`, `10m`, `2h`, `3d` ago, `@1790000000000` in milliseconds since 1970.
    static func time(_ text: String, now: UInt64 = Moment.wall()) throws(CommandError) -> UInt64 {
        if let time = ago(text, now) ?? date(text) { return time }
        if text.first == "@", let milliseconds = UInt64(text.dropFirst()) { return milliseconds }
        throw CommandError(
            .usage,
            "'\(text)' is no time. Write '2026-08-22 14:03:05', '2026-08-22', '2h' for two hours ago, or '@' and "
                + "milliseconds since 1970.")
    }

    private static func ago(_ text: String, _ now: UInt64) -> UInt64? {
        let units: [Character: UInt64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let unit = text.last.flatMap({ units[$0] }), let count = UInt64(text.dropLast()) else { return nil }
        let (span, isTooLong) = count.multipliedReportingOverflow(by: unit)
        return isTooLong ? 0 : now - min(now, span)
    }

    private static func date(_ text: String) -> UInt64? {
        let isUTC = text.last == "Z"
        let halves = (isUTC ? text.dropLast() : text[...]).split(maxSplits: 1) { $0 == " " || $0 == "T" }
        guard let day = halves.first, let date = numbers(day, "-", 3) else { return nil }
        guard let clock = halves.count == 1 ? [0, 0, 0] : numbers(halves[1], ":", 2, 3) else { return nil }
        let time = CalendarTime(
            year: date[0], month: date[1], day: date[2], hour: clock[0], minute: clock[1],
            second: clock.dropFirst(2).first ?? 0)
        return time.seconds(isUTC: isUTC).map { UInt64($0) * 1000 }
    }

    /// The numbers between `separator`, of which there must be as many as one of `counts`.
    private static func numbers(_ text: Substring, _ separator: Character, _ counts: Int...) -> [Int]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in part.allSatisfy(\.isASCII) ? Int(part) : nil }
        return numbers.count == parts.count && counts.contains(parts.count) ? numbers : nil
    }
}
