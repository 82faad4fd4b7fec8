import HoldfastBytes
import HoldfastEngine
import HoldfastLog
import HoldfastSimulation
import HoldfastStorage
import Testing

@testable import HoldfastProof

/// What a recovery says beforehand is what it does then, and what it says it did is what happened to the files.
struct RecoveryPlanTests {
    /// A damaged store before and after it was opened.
    private struct Case {
        var plan: RecoveryReport
        var done: RecoveryReport
        var before: [String: [UInt8]]
        var after: [String: [UInt8]]
    }

    @Test func thePlanIsWhatIsDone() throws {
        var kinds: [RecoveryStep.Kind: Int] = [:]
        var count = 0
        for store in try RotStore.all() {
            let cases = RotCases(store)
            for index in stride(from: 3, to: cases.count, by: max(1, cases.count / 250)) {
                let (kind, path, changed) = cases.make(index)
                guard let found = try recover(store, changed) else { continue }
                count += 1
                let place: Comment = "\(store.name), case \(index): \(path): \(kind.rawValue)"
                #expect(found.plan.steps == found.done.steps, place)
                #expect(found.plan.findings == found.done.findings, place)
                for step in found.done.steps { kinds[step.kind, default: 0] += 1 }
                expectTrue(found, place)
            }
        }
        #expect(count > 1_000)
        for kind in [RecoveryStep.Kind.restore, .replay, .setAside, .cut, .writeAgain, .refresh, .rebuildIndex] {
            #expect(kinds[kind, default: 0] > 0, "no case with a step '\(kind.rawValue)'")
        }
    }

    /// A segment whose header was being written when the crash came holds nothing at all.
    @Test func aSegmentWithoutAHeaderIsRemoved() throws {
        let disk = SimulatedStorage()
        let log = try LocalLog(in: disk, options: RotStore.options(.segment, seed: 1), creating: true)
        var appender = try Appender(log, "new")
        try appender.append("text")
        log.abandon()
        let path = StoreLayout.segmentFile(sessionID("new"), 1)
        try disk.put(Array(try disk.readAll(path, limit: 1 << 20).prefix(30)), at: path)
        let store = RotStore(
            name: "a torn header", mode: .segment, image: disk.crash(.keepAll), files: [:], older: [], foreign: [:],
            truth: try RotStore.engineStore(.segment, isClosed: true).truth)
        let found = try #require(try recover(store, [:]))
        #expect(found.plan.steps == found.done.steps)
        #expect(found.done.steps.contains { $0.kind == .remove && $0.path == path })
        expectTrue(found, "a torn header")
    }

    /// Plans and opens; `nil` for a store that cannot be opened.
    private func recover(_ store: RotStore, _ changed: [String: [UInt8]?]) throws -> Case? {
        let disk = store.image.clone()
        for (path, content) in changed { try disk.put(content, at: path) }
        let before = try disk.allFiles()
        guard let plan = try? StoreCheck(disk).plan() else { return nil }
        #expect(try disk.allFiles() == before, "a plan has changed something")
        let log = try LocalLog(in: disk, options: RotStore.options(store.mode, seed: 77))
        log.abandon()
        return Case(plan: plan, done: log.recovery, before: before, after: try disk.allFiles())
    }

    /// Holds each step against the files, and each file that has changed against the steps.
    private func expectTrue(_ found: Case, _ place: Comment) {
        let steps = found.done.steps
        for step in steps {
            let (before, after) = (found.before[step.path], found.after[step.path])
            switch step.kind {
            case .restore, .replay, .writeAgain: #expect(after != nil, place)
            case .cut: #expect(after?.count == Int(step.offset), place)
            case .remove: #expect(after == nil, place)
            case .rebuildIndex: #expect(before != after, place)
            case .refresh:
                let rows = found.after.filter { $0.key.hasPrefix("index") }.values.joined()
                #expect(String(decoding: Array(rows), as: UTF8.self).contains(step.session?.text ?? "?"), place)
            case .setAside: expectKept(step, found, place)
            case .rebuildSnapshot, .repairBit, .requeue, .release, .materialise:
                Issue.record("opening does no such thing")
            }
        }
        for path in Set(found.before.keys).union(found.after.keys) where found.before[path] != found.after[path] {
            if path.hasPrefix("journal/") || ["lock", "meter"].contains(path) || path.hasPrefix("index-") { continue }
            let isNamed = steps.contains {
                $0.kind != .setAside && $0.path == path
                    || $0.kind == .setAside && ($0.quarantine == path || path == StoreLayout.quarantineManifest)
            }
            // A new index is also written when rows find an old one damaged.
            #expect(isNamed, "'\(path)' has changed and no step says so; \(place)")
        }
    }

    private func expectKept(_ step: RecoveryStep, _ found: Case, _ place: Comment) {
        let kept = step.quarantine.flatMap { found.after[$0] }
        #expect(kept?.count == Int(step.byteCount), place)
        let manifest = String(decoding: found.after[StoreLayout.quarantineManifest] ?? [], as: UTF8.self)
        #expect(manifest.contains("\"file\":\"\(step.path)\",\"offset\":\(step.offset)"), place)
        let isReplayed = found.done.steps.contains { $0.kind == .replay && $0.path == step.path }
        // A copy that no finding names comes from the journal: the segment has lost these bytes.
        let isFromFile = found.done.findings.contains { $0.quarantine == step.quarantine }
        guard let before = found.before[step.path], isFromFile, !isReplayed else { return }
        #expect(kept == Array(before[Int(step.offset)..<Int(step.offset + step.byteCount)]), place)
    }
}
