import Glibc

/// A date and a time of day, as people and other programs write them.
struct CalendarTime {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    /// 60 in a leap second.
    let second: Int

    /// Seconds since 1970, for a time in UTC or in the time zone of the machine; `nil` when there is no such time, as a
    /// 30th of February, or when it was before.
    func seconds(isUTC: Bool) -> Int? {
        guard exists else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (Int32(hour), Int32(minute), Int32(second))
        parts.tm_isdst = -1
        let seconds = isUTC ? timegm(&parts) : mktime(&parts)
        return seconds < 0 ? nil : seconds
    }

    private var exists: Bool {
        (1970...9999).contains(year) && (1...12).contains(month) && (1...dayCount).contains(day)
            && (0...23).contains(hour) && (0...59).contains(minute) && (0...60).contains(second)
    }

    /// How many days the month has.
    private var dayCount: Int {
        let isLeapYear = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        if month == 2 { return isLeapYear ? 29 : 28 }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }
}
