import Holdfast
import HoldfastEngine

extension Command {
    /// `holdfast recover`.
    static let recover = Command(
        name: "recover",
        summary: "Bring a store back to what it acknowledged, or save it into a new one.",
        operands: [.store],
        options: [
            .json, OptionRule("dry-run", "change nothing, only say what would be done"),
            OptionRule(
                "on-damage", .choice(DamageMode.allCases.map(\.rawValue)),
                "what to do where acknowledged records are lost: end the session before them (cut, the default), go on "
                    + "behind them (skip, into a new store only), or do nothing at all (stop)"),
            OptionRule(
                "repair-bits",
                "turn a single flipped bit of a record, of a segment's header or of a batch of the journal back where "
                    + "the checksums prove it"),
            OptionRule("requeue", "put prompts that no answer followed back into their queues"),
            OptionRule("materialise", "end their turns, with the prompt and what there is of the answer"),
            OptionRule(
                "salvage-to", .text("NEWSTORE"), "never write STORE; make a new store of all that can be proved"),
            OptionRule("session", .text("SESSION"), "take only this session, and those that it reads its messages in"),
            OptionRule("until-sequence", .count("N"), "take the session as its record N left it"),
            OptionRule("until-time", .text("TIME"), "take everything as it was at this time"),
        ],
        details: [
            "Without --salvage-to: the safe repairs, which opening a store does too. The journal is replayed, what "
                + "was never acknowledged is cut off, damaged bytes are copied into the store's quarantine, a damaged "
                + "index and damaged snapshots are made again, and every byte is checked as 'holdfast verify' does. "
                + "Prompts that wait for an answer are kept and named. It may be killed and run again at any time.",
            "With --salvage-to: STORE is only read, and may be damaged in any way or on a read-only disk. Every "
                + "source counts: segments, the journal with its older batches, snapshots of every generation, "
                + "copies in quarantine. Each record is proved by its checksum and its place in the chain, and the "
                + "new store is read back at the end. With skip, a record that says nothing stands in the place of "
                + "each lost one, and later records that count what is lost are left out. NEWSTORE must be missing "
                + "or empty.",
            "TIME is like '2026-08-22 14:03:05' in the time zone of the machine or with a Z behind it in UTC, '2h' "
                + "for two hours ago, or '@' and milliseconds since 1970.",
        ],
        examples: [
            ("holdfast recover ./store --dry-run", "see what a crash has left, before anything is touched"),
            ("holdfast recover ./store --json", "recover, with a report for a program"),
            ("holdfast recover ./store --salvage-to ./saved --on-damage skip", "save all that can be read"),
            ("holdfast recover ./store --salvage-to ./then --until-time 2h", "go back two hours"),
        ],
        exitCodes: [
            (.success, "nothing was wrong, or all of it was repaired"),
            (.tornTail, "something that was never acknowledged was cut off"),
            (.committedDamage, "acknowledged data is damaged or lost"), (.cannotOpen, "the store cannot be opened"),
            (.noInput, "there is no such SESSION in the store"),
            (.cannotCreate, "NEWSTORE is not empty, or cannot be made"),
            (.temporary, "another process has the store open"),
        ],
        run: { arguments, console throws(CommandError) in
            let request = try RecoverRequest(arguments)
            let story: any RecoverOutcome =
                if request.target == nil {
                    try Recovering(request, console).story()
                } else {
                    try Salvaging(request, console).story()
                }
            try console.write(request.isJSON ? story.json() : Array(story.text().utf8))
            return story.exitCode
        })
}

/// What `recover` has to tell, whichever way it went.
protocol RecoverOutcome {
    var exitCode: ExitCode { get }
    /// For people.
    func text() -> String
    /// For programs: one object on one line.
    func json() -> [UInt8]
}

/// What the options of `recover` ask for.
struct RecoverRequest {
    /// What is done with prompts that no answer followed.
    enum Prompts { case leave, requeue, materialise }

    var store: String
    var target: String?
    var isDryRun: Bool
    var isJSON: Bool
    var mode: DamageMode
    var repairsBits: Bool
    var prompts = Prompts.leave
    var session: String?
    var untilSequence: UInt64?
    var untilTime: UInt64?

    init(_ arguments: Arguments) throws(CommandError) {
        store = arguments.store
        target = arguments.text("salvage-to")
        isDryRun = arguments.has("dry-run")
        isJSON = arguments.has("json")
        mode = arguments.text("on-damage").flatMap(DamageMode.init) ?? .cut
        repairsBits = arguments.has("repair-bits")
        if arguments.has("requeue") { prompts = .requeue }
        if arguments.has("materialise") { prompts = .materialise }
        session = arguments.text("session")
        untilSequence = arguments.count("until-sequence").map(UInt64.init)
        untilTime = try arguments.text("until-time").map { (text) throws(CommandError) in try PointInTime.time(text) }
        try check(arguments)
    }

    private func check(_ arguments: Arguments) throws(CommandError) {
        if arguments.has("requeue") && arguments.has("materialise") {
            throw CommandError(.usage, "'--requeue' and '--materialise' exclude each other.")
        }
        if untilSequence != nil && session == nil {
            throw CommandError(.usage, "'--until-sequence' needs '--session': each session counts its own records.")
        }
        guard target == nil else { return }
        let onlyThere = ["session", "until-sequence", "until-time"].first { arguments.has($0) }
        if let onlyThere {
            throw CommandError(.usage, "'--\(onlyThere)' needs '--salvage-to': a store keeps its past.")
        }
        if mode == .skip {
            throw CommandError(.usage, "'--on-damage skip' needs '--salvage-to': nothing damaged is written over.")
        }
    }
}
