package import HoldfastSimulation

/// Something that is done to a store from its creation on, such that a repetition does exactly the same again.
package protocol Workload: Sendable, CustomStringConvertible {
    /// What judges the images of this workload's disk.
    var oracle: any Oracle { get }

    /// A new run on an empty `storage` that notes in `ledger` what it does. Nothing has happened yet.
    func start(on storage: SimulatedStorage, _ ledger: Ledger) -> any WorkloadRun
}

/// A workload on its way. Used by one thread.
package protocol WorkloadRun: AnyObject {
    /// Does everything but close the store. What fails is noted, and what can go on goes on.
    func run()

    /// Whether the store takes a record for each session, although it has not been opened anew if it was open. What
    /// fails is noted.
    func resumes() -> Bool

    /// Closes the store, if it is open, in order.
    func close()

    /// Lets go of the store as a crash of the process does.
    func abandon()

    /// What has failed so far, in words.
    var errors: [String] { get }

    /// What the store did that it must never do: leave somebody without an answer, show what it never acknowledged.
    var violations: [String] { get }
}

/// Opens the store on a disk, does all of a workload, and closes it; answers the run.
@discardableResult
func runThrough(_ workload: any Workload, on storage: SimulatedStorage, _ ledger: Ledger) -> any WorkloadRun {
    let run = workload.start(on: storage, ledger)
    run.run()
    run.close()
    return run
}

extension CampaignOptions {
    /// Whether the workload is one of those that are wanted.
    func includes(_ workload: any Workload) -> Bool { only.map { "\(workload)".contains($0) } ?? true }
}
