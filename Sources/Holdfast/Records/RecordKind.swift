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
    case router = 40

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
        case .router: "router"
        }
    }
}
