/// Names one segment.
///
/// Work on many is done in their order, so that a run can be repeated.
package struct SegmentKey: Hashable, Sendable, Comparable {
    package var session: SessionID
    package var number: UInt32

    package init(session: SessionID, number: UInt32) {
        self.session = session
        self.number = number
    }

    package var path: String { StoreLayout.segmentFile(session, number) }

    package static func < (left: SegmentKey, right: SegmentKey) -> Bool {
        left.session == right.session ? left.number < right.number : left.session < right.session
    }
}
