/// Where a reader of a turn's output has got to.
public struct RunCursor: Hashable, Sendable {
    var eventID: String?
    var turn: String?
    var number: UInt64 = 0
    /// The last event that is wanted; `nil` for all.
    public var through: UInt64?

    /// Before the first event of the turn, or of the newest turn.
    public static func start(of turn: String? = nil) -> RunCursor { RunCursor(turn: turn) }

    /// Behind the event `number` of `turn`.
    public static func after(_ number: UInt64, of turn: String) -> RunCursor {
        RunCursor(turn: turn, number: number)
    }

    /// Behind the event `id`, which is a turn's id, a colon and the event's number.
    public static func after(eventID id: String) -> RunCursor { RunCursor(eventID: id) }
}

/// How much one replay may hold. It holds all that was asked for, or nothing.
public struct ReplayLimits: Hashable, Sendable {
    /// Events; at most 10,000.
    public var events = 4096
    /// Bytes of their data; at most 16 MiB.
    public var bytes = 4 << 20

    /// The defaults: 4096 events, 4 MiB.
    public init() {}
}

/// What became of a cursor.
public enum ReplayStatus: String, Sendable {
    /// The events are there.
    case ok
    /// It is no turn's id, colon and number.
    case cursorInvalid = "cursor_invalid"
    /// The session does not have the turn's output, or has it no more.
    case cursorRunMissing = "cursor_run_missing"
    /// The turn is the open or the last one of another session.
    case cursorSessionMismatch = "cursor_session_mismatch"
    /// The turn has no event of this number: it was lost in a crash before it was durable, or never was.
    case cursorEventMissing = "cursor_event_missing"
    /// There are more events than the limit; begin again from the session's messages.
    case limitEvents = "replay_limit_rows"
    /// The same in bytes.
    case limitBytes = "replay_limit_bytes"
}

/// The output of one turn behind a cursor.
public struct RunReplay: Hashable, Sendable {
    /// Whether ``events`` holds what was asked for; if not, it is empty.
    public var status: ReplayStatus
    /// The turn, if the cursor leads to one.
    public var run: RunSummary?
    /// The events in order, without gaps.
    public var events: [Delta] = []
}

/// A turn as the writer of a stream: open, or ended not long ago.
public struct RunSummary: Hashable, Sendable {
    /// The turn's id.
    public var turn: String
    /// The caller's name of its stream.
    public var stream: String?
    /// How it ended; `nil` while it is open.
    public var status: TurnStatus?
    /// How many events it has; the last one has this number.
    public var events: UInt64
    /// Bytes of their data.
    public var bytes: UInt64
    /// When it began, in milliseconds since 1970.
    public var begunAt: UInt64
    /// When it ended.
    public var endedAt: UInt64?

    /// The id of the last event, to go on from; `nil` when there is none.
    public var lastEventID: String? { events == 0 ? nil : Self.eventID(turn, events) }

    /// The id of an event.
    public static func eventID(_ turn: String, _ number: UInt64) -> String { "\(turn):\(number)" }
}

extension RunCursor {
    /// The turn, if one is named, and the number; `nil` when the cursor is no cursor.
    var place: (turn: String?, number: UInt64)? {
        guard let eventID else { return (turn, number) }
        guard let colon = eventID.utf8.lastIndex(of: UInt8(ascii: ":")), colon > eventID.startIndex,
            let number = UInt64(eventID[eventID.index(after: colon)...])
        else { return nil }
        return (String(eventID[..<colon]), number)
    }
}
