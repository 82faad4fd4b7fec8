import HoldfastSimulation

/// One workload, crashed at every moment.
final class ImageCase {
    private let workload: any Workload
    private let oracle: any Oracle
    private let images: ImageSet
    private let progress: CampaignProgress
    /// How many images are wanted; `nil` for all.
    private let share: Int?
    private let round: UInt64
    private var tally = ImageTally()

    /// How deep: the crash of a recovery, the crash of the recovery from that, and so on.
    private static let greatestDepth = 3

    init(
        _ workload: any Workload, _ images: ImageSet, _ progress: CampaignProgress, share: Int?, round: UInt64
    ) {
        self.workload = workload
        oracle = workload.oracle
        self.images = images
        self.progress = progress
        self.share = share
        self.round = round
    }

    func run() -> ImageTally {
        let storage = SimulatedStorage()
        let ledger = Ledger()
        var errors: [String] = []
        let moments = moments(of: storage, ledger) {
            let run = runThrough(workload, on: storage, ledger)
            errors = run.errors + run.violations
            run.abandon()
        }
        tally.workloadCount = 1
        if !errors.isEmpty { tally.violations = ["\(workload): fails without a fault: \(errors)"] }
        crash(moments, depth: 0)
        return tally
    }

    /// Judges what every policy leaves of each moment.
    private func crash(_ moments: [Moment], depth: Int) {
        tally.momentCount += moments.count
        // Recoveries are many; of each of their moments fewer images suffice.
        let mixtureCount = depth == 0 ? 6 : 2
        let sectorLimit = depth == 0 ? (round == 0 ? 6 : 10) : 3
        for (index, moment) in moments.enumerated() {
            let momentSeed = seed("\(workload)", UInt64(depth), UInt64(index))
            let policies = moment.policies(sectorLimit: sectorLimit, mixtureCount: mixtureCount, seed: momentSeed)
            for (number, policy) in policies.enumerated() {
                guard isWanted(momentSeed &+ UInt64(number)), tally.violations.count < 3 else { continue }
                judge(moment, policy, isToBeCrashedAgain: goesDeeper(depth, index, number), depth: depth)
            }
        }
    }

    /// The recovery of every image cannot be crashed; these are spread over moments and policies, others in each round.
    private func goesDeeper(_ depth: Int, _ index: Int, _ number: Int) -> Bool {
        guard depth < Self.greatestDepth else { return false }
        let turn = UInt64(index) &* 7 &+ UInt64(number) &+ round
        return turn % (depth == 0 ? 29 : 199) == 0
    }

    /// With a share, a sample: the workload gives about 5,000 images.
    private func isWanted(_ seed: UInt64) -> Bool {
        guard let share else { return true }
        var generator = SplitMix64(seed: seed)
        return generator.next() % 5_000 < UInt64(2 * share)
    }

    private func judge(_ moment: Moment, _ policy: CrashPolicy, isToBeCrashedAgain: Bool, depth: Int) {
        let image = moment.disk.crash(policy)
        let print = image.imageFingerprint
        let (isNew, isDue) = images.insert(print, moment.ledger.fingerprint)
        if isNew {
            tally.count(atDepth: depth)
            progress.add()
        } else {
            tally.repeatedCount += 1
        }
        guard isDue else { return }
        tally.judgementCount += 1
        let judgeSeed = print >> 2
        if isToBeCrashedAgain { crashRecovery(of: image.clone(), moment.ledger, judgeSeed, depth: depth) }
        let wrong = oracle.judge(image, moment.ledger, seed: judgeSeed)
        if !wrong.isEmpty {
            tally.violations.append(
                "\(workload): \(moment.label), \(policy), depth \(depth): \(wrong.joined(separator: "; "))")
        }
    }

    private func crashRecovery(
        of image: SimulatedStorage, _ ledger: [String: Ledger.Entry], _ seed: UInt64, depth: Int
    ) {
        crash(moments(of: image, Ledger(ledger)) { oracle.recover(image, seed: seed) }, depth: depth + 1)
    }
}
