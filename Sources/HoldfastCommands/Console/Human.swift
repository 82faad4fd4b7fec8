import Glibc

/// Numbers as people read them.
enum Human {
    /// `1,234,567`.
    static func count(_ value: some BinaryInteger) -> String {
        let digits = Array(String(value))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0, digits[index - 1] != "-" { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// `1 message`, `2,000 messages`.
    static func count(_ value: Int, _ singular: String, _ plural: String? = nil) -> String {
        "\(count(value)) \(value == 1 ? singular : plural ?? singular + "s")"
    }

    /// `812 bytes`, `1.5 MiB`.
    static func bytes(_ value: UInt64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        guard value >= 1024 else { return value == 1 ? "1 byte" : "\(value) bytes" }
        var scaled = Double(value) / 1024
        var unit = 0
        // 1023.95 would be shown as 1024.0.
        while scaled >= 1023.95 {
            scaled /= 1024
            unit += 1
        }
        return "\(decimal(scaled, digits: 1)) \(units[unit])"
    }

    /// `0.42 s`, `3 min`, `5 h`, `12 days`.
    static func duration(milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<10: return "\(decimal(Double(milliseconds) / 1000, digits: 2)) s"
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) days"
        }
    }

    /// `just now`, `3 min ago`, and the local date and time for what is more than a day old.
    static func time(_ milliseconds: UInt64, now: UInt64) -> String {
        guard milliseconds > 0 else { return "unknown" }
        let age = now > milliseconds ? now - milliseconds : 0
        switch age / 1000 {
        case ..<10: return "just now"
        case ..<86_400: return "\(duration(milliseconds: age)) ago"
        default: return Moment.local(milliseconds)
        }
    }

    /// `value` with exactly `digits` digits after the point.
    static func decimal(_ value: Double, digits: Int) -> String {
        let scale = pow(10, Double(digits))
        let rounded = Int((value * scale).rounded())
        let fraction = String(rounded % Int(scale))
        return "\(rounded / Int(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }
}

/// The clocks of the machine.
enum Moment {
    /// Nanoseconds from some fixed point, for durations.
    static func monotonic() -> UInt64 {
        let time = now(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Milliseconds since 1970.
    static func wall() -> UInt64 {
        let time = now(CLOCK_REALTIME)
        return UInt64(max(0, time.tv_sec)) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// `2026-08-22 14:03` in the time zone of the machine.
    static func local(_ milliseconds: UInt64) -> String { String(localSeconds(milliseconds).prefix(16)) }

    /// `2026-08-22 14:03:05` in the time zone of the machine.
    static func localSeconds(_ milliseconds: UInt64) -> String {
        var seconds = time_t(truncatingIfNeeded: milliseconds / 1000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "unknown" }
        let date = "\(Int(parts.tm_year) + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
        return "\(date) \(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
    }

    private static func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func now(_ clock: clockid_t) -> timespec {
        var now = timespec()
        let result = clock_gettime(clock, &now)
        precondition(result == 0, "every Linux has these clocks")
        return now
    }
}
