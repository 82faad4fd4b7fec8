import HoldfastBytes
import HoldfastThreads

/// The last places of a reading behind which a zstd frame begins, so that records can be read from there without those
/// before. Two of them: who wants the last messages begins not far before the end, which may be in the frame before
/// the last.
struct RestartPlaces: Sendable {
    private var places: [LogPlace] = []
    /// Whether no frame began in what was read.
    private(set) var isUnknown = true

    var newest: LogPlace? { places.last }

    /// Notes that a frame begins behind `place`; `nil` where that is a segment's beginning, which is found without.
    mutating func add(_ place: LogPlace?) {
        places = place.map { places.suffix(1) + [$0] } ?? []
        isUnknown = false
    }

    /// The last one from which record `first` can be had.
    func last(before first: UInt64) -> LogPlace? { places.last { $0.sequence < first } }
}

/// Those of the session that was read last: who reads page by page need not go through all that comes before each page.
/// Safe to use from any thread.
final class LastPlaces: Sendable {
    private let known = Lock<(session: SessionID, places: RestartPlaces)?>(nil)

    /// A place in `session` from which record `first` can be had, if it is still there; `nil` when none is known.
    func last(in session: SessionID, before first: UInt64) -> LogPlace? {
        known.withLock { known in
            known.flatMap { $0.session == session ? $0.places.last(before: first) : nil }
        }
    }

    func keep(_ places: RestartPlaces, of session: SessionID) {
        guard !places.isUnknown else { return }
        known.withLock { known in
            // A session that has none is soon gone through.
            if places.newest != nil || known?.session == session { known = (session, places) }
        }
    }
}
