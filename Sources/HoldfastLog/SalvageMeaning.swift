/// What a salvage has to know of the meaning of records.
package protocol SalvageMeaning: Sendable {
    /// A record that says nothing, to stand in the place of the lost record `sequence`.
    func filler(_ sequence: Sequence) -> (kind: UInt8, payload: [UInt8])

    /// When the last record was written that `snapshot` includes; `nil` when it does not say.
    func time(of snapshot: any SnapshotSource) -> Milliseconds?

    /// Folds records as a reader of the session would, from `snapshot` on or from the first.
    func fold(from snapshot: (any SnapshotSource)?) -> any SalvageFold
}

/// Records of one session, folded to see whether they fit each other when some are lost.
package protocol SalvageFold: AnyObject {
    /// Folds `record` in; false when it does not fit what is there.
    func fits(_ record: LogRecord) -> Bool
}
