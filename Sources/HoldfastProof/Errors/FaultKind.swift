import Glibc
import HoldfastSimulation

/// A way for calls of the storage to go wrong.
struct FaultKind: Sendable, CustomStringConvertible {
    let description: String
    /// The fault that strikes the n-th call.
    let fault: @Sendable (_ occurrence: Int) -> Fault
    /// What is not even to be noticed: the caller goes on.
    var isHarmless = false
    /// The operations of which such a failure says no more than that room was missing: if it struck no others, the
    /// store must go on without being opened anew as soon as there is room.
    var passing: Set<OperationKind> = []

    static let all: [FaultKind] =
        failures(EIO, "EIO") + failures(EROFS, "EROFS") + failures(ENOSPC, "ENOSPC", passing: takingSpace)
        + failures(EDQUOT, "EDQUOT", passing: takingSpace) + failures(EMFILE, "EMFILE", passing: opening)
        + [dirty] + fullDisks + harmless

    private static let takingSpace: Set<OperationKind> = [.write, .createDirectory, .truncate]
    private static let opening: Set<OperationKind> = [.open, .list, .lock]

    /// One call fails; all fail from then on.
    private static func failures(_ number: Int32, _ name: String, passing: Set<OperationKind> = []) -> [FaultKind] {
        [false, true].map { isLasting in
            FaultKind(
                description: isLasting ? "\(name) from then on" : "\(name) once",
                fault: { Fault(.failure(number), occurrence: $0, isLasting: isLasting) }, passing: passing)
        }
    }

    /// A failed sync that leaves the bytes dirty: they may reach the disk later all the same.
    private static let dirty = FaultKind(
        description: "EIO of a sync that leaves the bytes dirty",
        fault: { occurrence in
            var fault = Fault(.failure(EIO), on: .sync, occurrence: occurrence)
            fault.losesBytes = false
            return fault
        })

    /// From then on nothing takes space any more, while all else works; or nothing can be opened.
    private static let fullDisks: [FaultKind] = [
        lasting(ENOSPC, "a full disk", takingSpace), lasting(EDQUOT, "a full quota", takingSpace),
        lasting(EMFILE, "no descriptors", opening),
    ]

    private static func lasting(_ number: Int32, _ name: String, _ kinds: Set<OperationKind>) -> FaultKind {
        FaultKind(
            description: "\(name) from then on",
            fault: { occurrence in
                var fault = Fault(.failure(number), occurrence: occurrence, isLasting: true)
                fault.kinds = kinds
                return fault
            }, passing: kinds)
    }

    private static let harmless: [FaultKind] = [false, true].flatMap { isLasting in
        let when = isLasting ? "from then on" : "once"
        return [
            FaultKind(
                description: "EINTR \(when)",
                fault: { Fault(.failure(EINTR), occurrence: $0, isLasting: isLasting) }, isHarmless: true),
            FaultKind(
                description: "short counts \(when)",
                fault: { Fault(.shortCount, occurrence: $0, isLasting: isLasting) }, isHarmless: true),
        ]
    }
}
