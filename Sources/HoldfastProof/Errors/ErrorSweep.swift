import HoldfastSimulation

/// One workload under one kind of fault, which strikes its first call, its second, and so on until it has no more.
struct ErrorSweep: Sendable {
    let workload: any Workload
    let kind: FaultKind

    /// Tries every call, or an even sample of them.
    func run(everyCall stride: Int, _ progress: CampaignProgress) -> ErrorTally {
        var tally = ErrorTally()
        tally.sweepCount = 1
        // Workloads and faults begin at different calls, so that a sample has some of all.
        var number = 1 + Int(seed("\(workload) \(kind)") % UInt64(stride))
        while tally.violations.count < 3 {
            var one = ErrorCase(workload: workload, kind: kind, number: number)
            guard one.run(&tally) else { break }
            tally.caseCount += 1
            progress.add()
            number += stride
        }
        return tally
    }
}

/// One run of a workload in which one call goes wrong.
private struct ErrorCase {
    let workload: any Workload
    let kind: FaultKind
    let number: Int
    private let storage = SimulatedStorage()
    private let ledger = Ledger()

    init(workload: any Workload, kind: FaultKind, number: Int) {
        self.workload = workload
        self.kind = kind
        self.number = number
    }

    /// Answers whether the workload makes so many calls.
    mutating func run(_ tally: inout ErrorTally) -> Bool {
        storage.inject(kind.fault(number))
        let run = workload.start(on: storage, ledger)
        run.run()
        guard !storage.struckKinds.isEmpty else {
            run.abandon()
            return false
        }
        let errors = run.errors
        if !errors.isEmpty { tally.noticedCount += 1 }
        if kind.isHarmless && !errors.isEmpty { complain("is noticed: \(errors)", &tally) }
        judge(storage.crash(.dropAll), "after a power cut", &tally)
        judge(storage.processCrash(), "after a crash of the process", &tally)
        judge(storage.crash(.random(seed: UInt64(number))), "after a power cut with torn writes", &tally)
        storage.clearFaults()
        resume(run, errors, &tally)
        run.abandon()
        for violation in run.violations { complain(violation, &tally) }
        return true
    }

    /// The store goes on if it can, and must if nothing but room was missing.
    private func resume(_ run: any WorkloadRun, _ errors: [String], _ tally: inout ErrorTally) {
        let resumes = run.resumes()
        if resumes { tally.resumedCount += 1 }
        let mustGoOn = kind.isHarmless || storage.struckKinds.isSubset(of: kind.passing)
        if !resumes && mustGoOn {
            complain("the store does not go on: \(run.errors.suffix(2)), first \(errors.prefix(1))", &tally)
        }
        if resumes { run.close() }
        judge(storage.crash(.dropAll), "after going on", &tally)
    }

    private func judge(_ image: SimulatedStorage, _ when: String, _ tally: inout ErrorTally) {
        tally.judgementCount += 1
        let wrong = workload.oracle.judge(image, ledger.state, seed: UInt64(number) * 16)
        if !wrong.isEmpty { complain("\(when): \(wrong.joined(separator: "; "))", &tally) }
    }

    private func complain(_ what: String, _ tally: inout ErrorTally) {
        tally.violations.append("\(workload), call \(number), \(kind): \(what)")
    }
}
