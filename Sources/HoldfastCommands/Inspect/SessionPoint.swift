import Holdfast
import HoldfastBytes
import HoldfastEngine
import HoldfastLog

/// Finds the record that a point of a session is at.
struct SessionPoint {
    let inspector: StoreInspector
    let session: SessionID

    /// The option that names a point.
    static func option(_ name: String, _ help: String) -> OptionRule {
        OptionRule(name, .text(PointInTime.usage), "\(help): the number of a record, or a time such as '2h' ago")
    }

    /// The record that `text` names; `nil` for no text, which is now.
    ///
    /// - Throws: when there is no such record, and when the state there cannot be had any more because compaction
    ///   has replaced the records that led to it.
    func sequence(_ text: String?) throws(CommandError) -> UInt64? {
        guard let text else { return nil }
        let point = try PointInTime(text)
        var sequence: UInt64 = 0
        if case .sequence(let number) = point { sequence = number }
        let walk = try walk(WalkOptions(decodes: false))
        var first: UInt64?
        var firstTime: UInt64 = 0
        // A record's number needs no look at the records behind the first one that is there.
        while let item = try inspecting({ () throws(LogError) in try walk.next() }) {
            guard case .record(let record) = item else { continue }
            if first == nil { (first, firstTime) = (record.sequence, record.header.time) }
            guard case .time(let time) = point, record.header.time <= time else { break }
            sequence = record.sequence
        }
        try check(sequence, text, first: first ?? 1, firstTime)
        return sequence
    }

    private func check(
        _ sequence: UInt64, _ text: String, first: UInt64, _ firstTime: UInt64
    ) throws(CommandError) {
        let snapshots = try inspecting { () throws(LogError) in try inspector.files(of: session) }.snapshots
        let oldest = first == 1 ? 1 : snapshots.first { $0.number >= first - 1 }?.number ?? first
        guard sequence < oldest else { return }
        let name = DisplayText.oneLine(session.text)
        guard first > 1 else {
            throw CommandError(
                .data,
                "Session '\(name)' was not there yet at '\(text)': its first record is of "
                    + "\(Moment.localSeconds(firstTime)).")
        }
        throw CommandError(
            .data,
            "Session '\(name)' as of '\(text)' is not kept: compaction has replaced its records up to "
                + "\(first - 1) by a snapshot. The oldest point is record \(oldest).")
    }

    private func walk(_ options: WalkOptions) throws(CommandError) -> SessionWalk {
        try inspecting { () throws(LogError) in try inspector.walk(session, options) }
    }
}
