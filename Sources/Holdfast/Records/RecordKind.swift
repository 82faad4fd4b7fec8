/// What a record does to its session. The numbers are on disk: add, never change.
enum RecordKind: UInt8, Sendable, CaseIterable {
    case create = 1
    case set = 2
    case append = 3
    case truncate = 4
    case replace = 5
    case beginTurn = 6
    case delta = 7
    case endTurn = 8
    case delete = 9
    case edit = 10
    case undoLast = 11
    case retryLast = 12
    case clear = 13
    case compactMessages = 14
    case takeBack = 15
    case restore = 16
    case rotate = 20
    case branch = 21
    case duplicate = 22
    case begin = 23
    case unpin = 24
    case router = 40
    case checkpoint = 30
    case enqueue = 31
    case editQueued = 32
    case dropQueued = 33
    case claim = 34
    case complete = 35
    case release = 36
    case materialise = 37
    case abandonTurn = 38

    /// Whether a patch of the metadata may go with it.
    var takesPatch: Bool {
        switch self {
        case .append, .truncate, .replace, .edit, .undoLast, .retryLast, .clear, .compactMessages, .takeBack, .restore,
            .beginTurn, .endTurn, .checkpoint, .claim, .complete, .materialise:
            true
        default: false
        }
    }

    /// The operation's name in the protocol.
    var name: String {
        switch self {
        case .create: "create"
        case .set: "set"
        case .append: "append"
        case .truncate: "truncate"
        case .replace: "replace"
        case .beginTurn: "begin_turn"
        case .delta: "delta"
        case .endTurn: "end_turn"
        case .delete: "delete"
        case .rotate: "rotate"
        case .branch: "branch"
        case .duplicate: "duplicate"
        case .begin: "begin"
        case .unpin: "unpin"
        case .router: "router"
        case .checkpoint: "checkpoint"
        case .enqueue: "enqueue"
        case .editQueued: "edit_queued"
        case .dropQueued: "drop_queued"
        case .claim: "claim"
        case .complete: "complete"
        case .release: "release"
        case .materialise: "materialise"
        case .abandonTurn: "abandon_turn"
        case .edit: "edit"
        case .undoLast: "undo_last"
        case .retryLast: "retry_last"
        case .clear: "clear"
        case .compactMessages: "compact_messages"
        case .takeBack: "take_back"
        case .restore: "restore"
        }
    }

    /// Whether a caller can ask for such a record; the others follow from those.
    var isOperation: Bool { self != .begin && self != .unpin }
}
