import HoldfastBytes

/// What one record changes, decoded.
///
/// What is large and not in every other record is `indirect`: each append hands a change on from function to function.
enum Change: Sendable, Equatable {
    /// `fields` is an object.
    case create(fields: [UInt8])
    /// `patch` is a JSON merge patch, an object.
    case set(patch: [UInt8])
    case append(MessageList)
    /// Shortens both lists, for good or until a restore.
    indirect case cut(MessageCut)
    /// Puts messages in the place of the active ones of the lists that they are for.
    case replace(MessageList)
    /// The same, but what was active is kept hidden.
    case compactMessages(MessageList)
    indirect case restore(MessageRestore)
    indirect case edit(MessageEdit)
    /// Drops all messages of both lists, the hidden ones too.
    case clear
    indirect case beginTurn(BeginTurn)
    /// `data` is any value.
    case delta(data: [UInt8])
    indirect case endTurn(EndTurn)
    case delete
    indirect case router(RouterChange)
    /// The kinds 30 to 38.
    indirect case turns(TurnChange)
    indirect case fork(Fork)
    indirect case begin(Begin)
    /// Nothing of this session is kept for `child` any more.
    case unpin(child: SessionID)

    var kind: RecordKind {
        switch self {
        case .create: .create
        case .set: .set
        case .append: .append
        case .cut(let cut): cut.kind
        case .replace: .replace
        case .compactMessages: .compactMessages
        case .restore: .restore
        case .edit: .edit
        case .clear: .clear
        case .beginTurn: .beginTurn
        case .delta: .delta
        case .endTurn: .endTurn
        case .delete: .delete
        case .router: .router
        case .turns(let change): change.kind
        case .fork(let fork): fork.kind.record
        case .begin: .begin
        case .unpin: .unpin
        }
    }
}

/// The beginning of a turn, or of another attempt at it.
struct BeginTurn: Sendable, Equatable {
    /// The pending message, an object; `nil` for another attempt, and for a message of the queue.
    var message: [UInt8]?
    /// What comes with the message, an array.
    var attachments: [UInt8]?
    var stream: String?
    var source: String?
    var isResume = false
    /// The lifetime of the store that writes the record.
    var lifetime: Label?
    /// When the turn began by the clock, if that is not the time of the record.
    var begunAt: UInt64?
    /// Of the request only: a turn that was tried this often is not resumed.
    var maximumAttempts: UInt64?
    /// Of the request only, in milliseconds: an older turn is not resumed.
    var maximumAge: UInt64?
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
    /// A JSON merge patch of the metadata that goes with the change, an object.
    var patch: [UInt8]?
    /// Whether the first of the change's messages is the turn's pending message, which is listed from now on.
    var listsPending = false
    /// Whether the change counts as use of the session, which then is listed among the newest.
    var touches = true
    /// What the change brings from elsewhere.
    var imported: Imported?
    /// Whether a salvage wrote the record in the place of one that it could not save.
    var standsForLost = false
}

/// Why a payload or a document is not what its kind says.
struct ContentError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
