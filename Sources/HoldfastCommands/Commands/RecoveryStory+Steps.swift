import HoldfastBytes
import HoldfastEngine

// What is done to the files, for people.
extension RecoveryStory {
    /// Of more steps than this only the first are shown; `--json` has them all.
    private static let shownStepCount = 40

    /// One line for each step, under a heading; nothing when there is nothing to do.
    var stepLines: [String] {
        // What goes on with the index for each session of a replay follows from the replay.
        let told = steps.filter { $0.kind != .refresh }
        guard !told.isEmpty else { return [] }
        var lines = [isDryRun ? "What would be done:" : "What was done:"]
        lines += told.prefix(Self.shownStepCount).map { "- \(Self.words($0))" }
        if told.count > Self.shownStepCount {
            lines.append("- \(Human.count(told.count - Self.shownStepCount, "more step")); '--json' has them all")
        }
        return lines
    }

    /// The steps that make a damaged snapshot again.
    static func steps(rebuilding finding: RecoveryReport.Finding) -> [RecoveryStep] {
        [RecoveryStep(kind: .rebuildSnapshot, session: finding.session, path: finding.path)]
    }

    private static func words(_ step: RecoveryStep) -> String {
        let place = "\(Human.bytes(step.byteCount)) at offset \(Human.count(step.offset)) of '\(step.path)'"
        let session = step.session?.text ?? ""
        switch step.kind {
        case .restore: return "write \(place), which was lost, again from older batches of the journal"
        case .replay: return "write \(place) again from the journal"
        case .setAside: return "copy \(place) to '\(step.quarantine ?? StoreLayout.quarantineFolder)'"
        case .cut: return "cut '\(step.path)' at offset \(Human.count(step.offset))"
        case .remove: return "remove '\(step.path)', which holds no record"
        case .writeAgain: return "write \(place) once more, by way of the journal"
        case .refresh: return "look session \(session) up anew for the index"
        case .repairBit: return "turn one bit back in byte \(Human.count(step.offset)) of '\(step.path)'"
        case .rebuildSnapshot: return "copy '\(step.path)' into quarantine and make the snapshot again"
        case .rebuildIndex: return "write a new index"
        case .requeue: return "put the prompt of session \(session) back into its queue and end its turn"
        case .release: return "free a claimed message in the queue of session \(session)"
        case .materialise: return "end the turn of session \(session) with its prompt and what there is of the answer"
        }
    }
}
