import HoldfastBytes
import HoldfastEngine

/// What there is in a store, as a person wants to see it: counts, and the sessions that stand out. Pure, and bounded:
/// of any number of sessions the largest and the damaged are kept, the others are counted.
struct StoreSurvey {
    /// Records or messages of one kind.
    struct Share: Equatable {
        var count = 0
        var byteCount: UInt64 = 0
    }

    /// One file of records.
    struct Segment: Equatable {
        var number: UInt32
        var byteCount: UInt64
        /// What cannot be read of it.
        var damage: [Range<UInt64>] = []
    }

    /// A session that is shown.
    struct Session: Equatable {
        var id: SessionID
        var title = ""
        var records = 0
        /// Of its segments.
        var byteCount: UInt64 = 0
        /// Of its payloads before compression.
        var payloadByteCount: UInt64 = 0
        var lastTime: UInt64 = 0
        /// Records up to this one are in a snapshot only.
        var trimmedThrough: UInt64 = 0
        var segments: [Segment] = []
        var hasDamage = false
    }

    static let largestLimit = 25
    static let damagedLimit = 50
    /// Segments of one session that are shown one by one.
    static let segmentLimit = 200
    private static let roleLimit = 12
    private static let otherRole = "others"

    private(set) var sessionCount = 0
    private(set) var segmentCount = 0
    private(set) var trimmedCount = 0
    private(set) var records = Share()
    /// Of segments, compressed.
    private(set) var segmentByteCount: UInt64 = 0
    private(set) var byType: [String: Share] = [:]
    private(set) var byRole: [String: Share] = [:]
    private(set) var timeline = Timeline()
    private(set) var turnCount = 0
    /// How many sessions have segments of less than 2^index bytes together, and no less than half of that.
    private(set) var sizes = [Int](repeating: 0, count: 64)
    /// The largest sessions, the largest first.
    private(set) var largest: [Session] = []
    /// Sessions that cannot be read whole, in the order of their ids.
    private(set) var damaged: [Session] = []
    private(set) var damagedCount = 0

    /// What a record of a session says, as far as the survey counts it.
    struct RecordContent {
        var type: String
        /// The role and the length of each message.
        var messages: [(role: String, byteCount: Int)] = []
    }

    /// Counts an item of the session `found`; of a record what it says, which `content` answers.
    mutating func take(_ item: WalkItem, of found: inout Session, content: (WalkRecord) -> RecordContent) {
        switch item {
        case .segment(let segment): found.begin(segment)
        case .trimmed(let through): found.trimmedThrough = through
        case .mark: break
        case .unreadable(let finding): found.note(finding)
        case .record(let record): count(record, content(record), in: &found)
        }
    }

    private mutating func count(_ record: WalkRecord, _ content: RecordContent, in session: inout Session) {
        let bytes = UInt64(record.header.rawByteCount)
        session.records += 1
        session.payloadByteCount += bytes
        session.lastTime = max(session.lastTime, record.header.time)
        records.add(bytes)
        byType[content.type, default: Share()].add(bytes)
        for message in content.messages {
            let role = byRole[message.role] != nil || byRole.count < Self.roleLimit ? message.role : Self.otherRole
            byRole[role, default: Share()].add(UInt64(message.byteCount))
        }
        let isTurn = content.type == "begin_turn" || content.type == "claim"
        if isTurn { turnCount += 1 }
        timeline.add(record.header.time, isTurn: isTurn)
    }

    /// Counts a session all of whose items were taken.
    mutating func add(_ session: Session) {
        sessionCount += 1
        segmentCount += session.segments.count
        segmentByteCount += session.byteCount
        if session.trimmedThrough > 0 { trimmedCount += 1 }
        sizes[UInt64.bitWidth - 1 - min(session.byteCount, 1 << 62).leadingZeroBitCount + 1] += 1
        if session.hasDamage {
            damagedCount += 1
            if damaged.count < Self.damagedLimit { damaged.append(session) }
        }
        let place = largest.firstIndex { $0.byteCount < session.byteCount } ?? largest.count
        if place < Self.largestLimit { largest.insert(session, at: place) }
        if largest.count > Self.largestLimit { largest.removeLast() }
    }

    /// Gives the sessions that are shown their titles.
    mutating func setTitles(_ titles: [SessionID: String]) {
        for index in largest.indices { largest[index].title = titles[largest[index].id] ?? "" }
        for index in damaged.indices { damaged[index].title = titles[damaged[index].id] ?? "" }
    }

    /// The ids of the sessions that are shown.
    var shown: Set<SessionID> { Set((largest + damaged).map(\.id)) }
}

extension StoreSurvey.Share {
    fileprivate mutating func add(_ bytes: UInt64) {
        count += 1
        byteCount += bytes
    }
}

extension StoreSurvey.Session {
    fileprivate mutating func begin(_ segment: WalkSegment) {
        byteCount += segment.byteCount
        segments.append(StoreSurvey.Segment(number: segment.header.number, byteCount: segment.byteCount))
    }

    /// Marks what cannot be read, in the segment that it is in.
    fileprivate mutating func note(_ finding: RecoveryReport.Finding) {
        hasDamage = true
        let number = finding.path.split(separator: "/").last.flatMap { StoreLayout.segmentNumber(String($0)) } ?? 0
        if segments.last(where: { $0.number == number }) == nil {
            segments.append(StoreSurvey.Segment(number: number, byteCount: finding.offset + finding.byteCount))
        }
        guard let index = segments.lastIndex(where: { $0.number == number }) else { return }
        segments[index].damage.append(finding.offset..<finding.offset + max(1, finding.byteCount))
    }
}
