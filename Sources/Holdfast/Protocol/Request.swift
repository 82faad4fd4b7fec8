/// One request of the protocol, decoded.
struct Request: Sendable {
    /// The caller's `id` as it is spelled: a number or a string, `null` when there was none.
    var id: [UInt8]
    var operation: Operation
}

/// What a request asks for. To add an operation that writes, add a ``Change``; to add one that does not, add
/// a case.
enum Operation: Sendable {
    case write(Mutation)
    case get(session: String, Window)
    case list(SessionQuery, after: String?, limit: Int)
    case nextTitle(after: String)
    case findTitle(String)
    case pending(after: String?, limit: Int)
    case queue(session: String)
    case runs(session: String)
    case runEvents(session: String, RunCursor, ReplayLimits)
    case compact(session: String?)
    case routerGet(session: String)
    case routerStats
    case flush

    /// The session in whose order the answer comes; `nil` for operations on no session or on all.
    var session: String? {
        switch self {
        case .write(let mutation): mutation.session
        case .get(let session, _), .routerGet(let session), .runEvents(let session, _, _): session
        case .queue(let session), .runs(let session): session
        case .compact(let session): session
        case .list, .nextTitle, .findTitle, .pending, .flush, .routerStats: nil
        }
    }
}

/// Why a line is not a request, with as much of it as could be understood.
struct RequestRefusal: Error, Sendable {
    var id: [UInt8]
    var session: String?
    var error: HoldfastError
}
