import Holdfast
import HoldfastBytes
import HoldfastEngine

/// What is to be done with prompts that no answer followed, decided for all sessions before anything is written.
///
/// A turn whose prompt is in the list of messages already is not put back into the queue: it would be answered, and
/// shown, twice. It stays open, to be resumed or materialised.
struct PendingWork {
    private enum Task {
        case requeue(session: String, OpenTurn)
        case release(session: String, queued: String, claim: String)
        case materialise(session: String, OpenTurn)
    }

    private var tasks: [Task] = []

    init(
        _ prompts: RecoverRequest.Prompts, _ waiting: [Waiting], _ store: HoldfastStore
    ) throws(CommandError) {
        for waits in waiting {
            switch prompts {
            case .leave: return
            case .materialise: tasks += waits.turn.map { [.materialise(session: waits.session, $0)] } ?? []
            case .requeue:
                if let turn = waits.turn, !turn.isMessageListed { tasks.append(.requeue(session: waits.session, turn)) }
                if waits.queued > 0 { tasks += try Self.claimed(waits.session, store) }
            }
        }
    }

    /// The messages of the queue that somebody had claimed who is gone.
    private static func claimed(_ session: String, _ store: HoldfastStore) throws(CommandError) -> [Task] {
        try asking { () throws(HoldfastError) in try store.queueBlocking(of: session) }.compactMap { pending in
            guard pending.message.turn == nil, let claim = pending.message.claim else { return nil }
            return .release(session: session, queued: pending.message.queued, claim: claim)
        }
    }

    var steps: [RecoveryStep] {
        tasks.map { task in
            switch task {
            case .requeue(let session, _): Self.step(.requeue, session)
            case .release(let session, _, _): Self.step(.release, session)
            case .materialise(let session, _): Self.step(.materialise, session)
            }
        }
    }

    private static func step(_ kind: RecoveryStep.Kind, _ session: String) -> RecoveryStep {
        let id = SessionID(session)
        return RecoveryStep(kind: kind, session: id, path: id.map(StoreLayout.sessionFolder) ?? "")
    }

    /// Does it, each step a record of its session. Killed and done again, it comes to the same.
    func carryOut(in store: HoldfastStore) throws(CommandError) {
        for task in tasks {
            try asking { () throws(HoldfastError) in
                switch task {
                case .requeue(let session, let turn): try Self.requeue(turn, session, store)
                case .release(let session, let queued, let claim):
                    try store.writeBlocking(.release(queued, in: session, claim: claim))
                case .materialise(let session, let turn):
                    try store.writeBlocking(.materialise(in: session, turn: turn.turn, cause: .processRestart))
                }
            }
        }
    }

    /// First into the queue, under an id that follows from the turn's, then the turn ends without its prompt: a crash
    /// in between leaves the prompt in both places, and the next run finds it queued.
    private static func requeue(
        _ turn: OpenTurn, _ session: String, _ store: HoldfastStore
    ) throws(HoldfastError) {
        do throws(HoldfastError) {
            try store.writeBlocking(
                .enqueue(
                    in: session, queued: "requeued-\(turn.turn.prefix(100))", message: turn.message,
                    attachments: turn.attachments, source: turn.source))
        } catch {
            guard error.code == .alreadyQueued else { throw error }
        }
        try store.writeBlocking(
            .endTurn(turn.turn, in: session, status: .cancelled, keepsMessage: false, reason: "requeued"))
    }
}
