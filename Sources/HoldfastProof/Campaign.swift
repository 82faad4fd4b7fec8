/// A body of evidence: very many cases of one kind, each judged by an oracle.
///
/// A campaign is a function of its options: the same seed and the same number of cases do the same again.
package protocol Campaign: Sendable {
    /// The word that runs it: `tools/torture NAME`.
    static var name: String { get }
    /// What it does, in one line for the help text.
    static var summary: String { get }

    /// Does what `options` ask for; tells `progress` after each case.
    ///
    /// - Throws: only what keeps the campaign itself from running. What the cases show is in the report.
    static func run(_ options: CampaignOptions, _ progress: CampaignProgress) throws -> CampaignReport
}

/// The campaigns that there are, in the order of the help text.
package let campaigns: [any Campaign.Type] =
    [ImagesCampaign.self, ErrorsCampaign.self, RotCampaign.self] + scheduleCampaigns

/// What a run is asked for.
package struct CampaignOptions: Sendable {
    /// How many cases at least; `nil` for the campaign's own number.
    package var count: Int?
    /// What all random choices come from.
    package var seed: UInt64 = 1
    /// Only workloads whose description has this text, such as the seed that a violation names; `nil` for all.
    package var only: String?
    /// How many threads work at the same time.
    package var threadCount = 2

    package init() {}
}

/// What a run has shown.
package struct CampaignReport: Sendable {
    /// How many cases were judged.
    package var caseCount: Int
    /// What was found wrong, each with all that is needed to do it again; empty when the store kept its promise.
    package var violations: [String]
    /// What was counted, in words, for the reader: a line each.
    package var lines: [String]

    package init(caseCount: Int, violations: [String] = [], lines: [String] = []) {
        self.caseCount = caseCount
        self.violations = violations
        self.lines = lines
    }
}
