import HoldfastBytes
import HoldfastEngine

/// What `holdfast top` says of one reading. Pure.
struct MeterView {
    let reading: MeterReading
    /// Milliseconds since 1970.
    let now: UInt64

    /// A sample that is older than this is said to be old.
    private static let freshMilliseconds: UInt64 = 3_000

    /// One line: who has the store open, and how old the counters are.
    var state: String {
        switch reading {
        case .none:
            "No process has left counters here: none has had the store open for writing, or its disk is read-only."
        case .unreadable:
            "The file 'meter' cannot be read: it is damaged, or of another version. Nothing depends on it."
        case .running(let sample): "Process \(sample.process.id) has the store open\(age(sample))."
        case .closed(let sample):
            "No process has the store open; \(sample.process.id) closed it \(Human.time(sample.writtenAt, now: now))."
        case .gone(let sample):
            "Process \(sample.process.id) cannot be seen here: it has ended without closing, or runs elsewhere"
                + "\(age(sample))."
        }
    }

    private func age(_ sample: MeterSample) -> String {
        let age = now > sample.writtenAt ? now - sample.writtenAt : 0
        guard age > Self.freshMilliseconds else { return "" }
        let isQuiet = sample.recent.records == 0 && sample.recent.failures == 0
        return isQuiet
            ? "; quiet for \(Human.duration(milliseconds: age))"
            : "; these counters are \(Human.duration(milliseconds: age)) old"
    }

    /// The whole picture. `history` are records per second, the newest last.
    func lines(width: Int, history: [Double] = []) -> [String] {
        guard let sample = reading.sample else { return [state] }
        var lines = [state, ""] + rates(sample).lines(width: width)
        if history.count > 1 { lines += ["", "records/s  \(Sparkline.text(history.suffix(max(1, width - 12))))"] }
        lines += ["", sinceOpening(sample)]
        if !sample.busiest.isEmpty { lines += [""] + busiest(sample).lines(width: width) }
        return lines
    }

    /// One line for a log.
    var line: String {
        guard let sample = reading.sample else { return state }
        let rates = Rates(sample)
        return "\(Moment.localSeconds(sample.writtenAt))  \(Human.rate(rates.records)) records/s  "
            + "\(Human.bytes(UInt64(rates.bytes)))/s  \(Human.rate(rates.batches)) batches/s  "
            + "commit p50 \(Human.microseconds(sample.commit.median)), p99 \(Human.microseconds(sample.commit.p99)), "
            + "max \(Human.microseconds(sample.commit.largest))  queue max \(Human.count(sample.queue.largest))"
    }

    /// The reading as an object and a newline.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("state", word)
        reading.sample?.writeMembers(to: &writer)
        writer.endObject()
        return writer.finish() + [10]
    }

    private var word: String {
        switch reading {
        case .none: "none"
        case .unreadable: "unreadable"
        case .running: "running"
        case .closed: "closed"
        case .gone: "gone"
        }
    }

    private func rates(_ sample: MeterSample) -> TextTable {
        let rates = Rates(sample)
        var table = TextTable([
            .init(heading: "IN \(Human.duration(milliseconds: sample.milliseconds))"),
            .init(heading: "PER SECOND", isNumber: true), .init(heading: "P50", isNumber: true),
            .init(heading: "P99", isNumber: true), .init(heading: "MAX", isNumber: true),
        ])
        table.add(["records", Human.rate(rates.records), "", "", ""])
        table.add(["bytes", Human.bytes(UInt64(rates.bytes)), "", "", ""])
        table.add(["batches", Human.rate(rates.batches), "", "", ""])
        if rates.failures > 0 { table.add(["failures", Human.rate(rates.failures), "", "", ""]) }
        table.add(["write and sync of a batch", ""] + row(sample.commit, Human.microseconds))
        table.add(["records in a batch", ""] + row(sample.batch) { Human.count($0) })
        table.add(["records waiting for one", ""] + row(sample.queue) { Human.count($0) })
        return table
    }

    private func row(_ spread: MeterSample.Spread, _ text: (UInt64) -> String) -> [String] {
        guard spread.largest > 0 else { return ["-", "-", "-"] }
        return [spread.median, spread.p99, spread.largest].map(text)
    }

    private func sinceOpening(_ sample: MeterSample) -> String {
        let totals = sample.totals
        let failures = totals.failures == 0 ? "" : ", \(Human.count(Int(totals.failures), "failure"))"
        return "Since it was opened (\(Human.time(sample.openedAt, now: now)), commit mode "
            + "\(DisplayText.oneLine(sample.commitMode))): \(Human.count(Int(totals.records), "record")), "
            + "\(Human.bytes(totals.bytes)), \(Human.count(Int(totals.batches), "batch", "batches"))\(failures); "
            + "\(Human.bytes(sample.unflushedBytes)) not in the segments yet."
    }

    private func busiest(_ sample: MeterSample) -> TextTable {
        var table = TextTable([
            .init(heading: "RECORDS/S", isNumber: true), .init(heading: "BYTES/S", isNumber: true),
            .init(heading: "BUSIEST SESSIONS"),
        ])
        let rates = Rates(sample)
        for busy in sample.busiest {
            table.add([
                Human.rate(rates.perSecond(busy.records)), Human.bytes(UInt64(rates.perSecond(busy.bytes))),
                DisplayText.oneLine(busy.session.text),
            ])
        }
        return table
    }
}

/// Counts of a sample's newest stretch by second.
struct Rates {
    private let seconds: Double
    private let counts: MeterSample.Totals

    init(_ sample: MeterSample) {
        seconds = Double(max(1, sample.milliseconds)) / 1_000
        counts = sample.recent
    }

    var records: Double { perSecond(counts.records) }
    var bytes: Double { perSecond(counts.bytes) }
    var batches: Double { perSecond(counts.batches) }
    var failures: Double { perSecond(counts.failures) }

    /// Not more than can be counted, whatever the file says.
    func perSecond(_ count: UInt64) -> Double { min(Double(count) / seconds, Double(Limits.numberLimit)) }
}

/// A row of bars in one line of text.
enum Sparkline {
    private static let bars = Array("▁▂▃▄▅▆▇█")

    /// One bar for each value, the largest of them full. A value that is not 0 is never the lowest bar.
    static func text(_ values: some Collection<Double>) -> String {
        let largest = values.max() ?? 0
        return String(
            values.map { value in
                guard largest > 0, value > 0 else { return bars[0] }
                return bars[max(1, Int((value / largest * Double(bars.count - 1)).rounded()))]
            })
    }
}

extension Human {
    /// `0`, `0.4`, `12`, `1,234`.
    static func rate(_ value: Double) -> String {
        value > 0 && value < 9.95 ? decimal(value, digits: 1) : count(Int(value.rounded()))
    }

    /// `640 µs`, `4.2 ms`, `1.30 s`.
    static func microseconds(_ value: UInt64) -> String {
        switch value {
        case ..<1_000: "\(value) µs"
        case ..<1_000_000: "\(decimal(Double(value) / 1_000, digits: 1)) ms"
        default: "\(decimal(Double(value) / 1_000_000, digits: 2)) s"
        }
    }
}
