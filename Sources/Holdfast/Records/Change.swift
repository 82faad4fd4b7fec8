/// What one record changes, decoded.
enum Change: Sendable, Equatable {
    /// `fields` is an object.
    case create(fields: [UInt8])
    /// `patch` is a JSON merge patch, an object.
    case set(patch: [UInt8])
    case append(MessageList)
    /// Keeps the first `count` messages.
    case truncate(count: Int)
    case replace(MessageList)
    case beginTurn(BeginTurn)
    /// `data` is any value.
    case delta(data: [UInt8])
    case endTurn(EndTurn)
    case delete
    case router(RouterChange)

    var kind: RecordKind {
        switch self {
        case .create: .create
        case .set: .set
        case .append: .append
        case .truncate: .truncate
        case .replace: .replace
        case .beginTurn: .beginTurn
        case .delta: .delta
        case .endTurn: .endTurn
        case .delete: .delete
        case .router: .router
        }
    }
}

/// The beginning of a turn, or of another attempt at it.
struct BeginTurn: Sendable, Equatable {
    /// The pending message, an object; `nil` for another attempt.
    var message: [UInt8]?
    var stream: String?
    var source: String?
    var isResume: Bool
}

/// The end of a turn.
struct EndTurn: Sendable, Equatable {
    var status: TurnStatus
    var reason: String?
    /// Of the request only: in a record, the pending message is among `messages` or it is not.
    var keepsMessage = true
    var messages: MessageList
}

/// All that a record's payload says.
struct RecordContent: Sendable, Equatable {
    var change: Change
    /// The turn that the change belongs to.
    var turn: Label?
    /// The idempotency key that it was made under.
    var key: Label?
    /// Whether the first of the change's messages is the turn's pending message, which is listed from now on.
    var listsPending = false
}

/// Why a payload or a document is not what its kind says.
struct ContentError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
