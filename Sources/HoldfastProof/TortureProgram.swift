import Glibc
import HoldfastThreads

/// The program of `tools/torture`: runs one campaign and prints what it has shown.
package enum TortureProgram {
    /// Runs the campaign that `words`, the command line without the program's name, ask for.
    ///
    /// - Parameters:
    ///   - output: takes the report, a line at a time.
    ///   - notes: takes the progress and what went wrong.
    /// - Returns: 0 when the store kept its promise in every case, 1 when it did not, 64 for a command line that cannot
    ///   be understood, 70 when the campaign itself could not run.
    package static func run(
        _ words: [String], output: @escaping @Sendable (String) -> Void, notes: @escaping @Sendable (String) -> Void
    ) -> Int32 {
        guard let name = words.first, let campaign = campaigns.first(where: { $0.name == name }),
            let options = options(words.dropFirst())
        else {
            notes(usage)
            return 64
        }
        do {
            let progress = CampaignProgress { done, total in
                notes("\(name): \(done)\(total.map { " of \($0)" } ?? "") cases")
            }
            let report = try campaign.run(options, progress)
            report.lines.forEach(output)
            for violation in report.violations.prefix(20) { output("VIOLATION: \(violation)") }
            output("\(name): \(report.caseCount) cases (seed \(options.seed)), \(report.violations.count) violations")
            return report.violations.isEmpty ? 0 : 1
        } catch {
            notes("\(name) could not run: \(error)")
            return 70
        }
    }

    private static var usage: String {
        let lines = campaigns.map { "    \($0.name): \($0.summary)" }
        let usage = "Usage: holdfast-torture CAMPAIGN [--count N] [--seed S] [--threads N] [--only TEXT]"
        return ([usage, "Campaigns:"] + lines).joined(separator: "\n")
    }

    /// What the words after the campaign's name ask for; `nil` when they cannot be understood.
    private static func options(_ words: ArraySlice<String>) -> CampaignOptions? {
        var options = CampaignOptions()
        var words = words
        while let word = words.popFirst() {
            let value = words.popFirst()
            if word == "--only", let value {
                options.only = value
                continue
            }
            guard let number = value.flatMap({ UInt64($0) }) else { return nil }
            switch word {
            case "--count": options.count = Int(clamping: number)
            case "--seed": options.seed = number
            case "--threads" where (1...64).contains(number): options.threadCount = Int(number)
            default: return nil
            }
        }
        return options
    }
}
