import HoldfastBytes

/// What is done to a store's files.
enum RotKind: String, CaseIterable, Sendable {
    case bit = "one bit flipped"
    case zeroSector = "512 bytes zeroed"
    case onesSector = "512 bytes set to 0xFF"
    case repeatedSector = "512 bytes replaced by those before"
    case zeroBlock = "4 KiB zeroed"
    case onesBlock = "4 KiB set to 0xFF"
    case repeatedBlock = "4 KiB replaced by those before"
    case swapped = "two neighbouring sectors swapped"
    case cut = "cut at a byte"
    case grown = "grown by old bytes"
    case gone = "removed"
    case stale = "replaced by an older copy of itself"
    case foreign = "replaced by the same file of another store"
    case exchanged = "replaced by another file of its kind"
    case spliced = "a sector written that belongs in another file"
    case misdirected = "a record or batch written that is valid elsewhere"
}

/// Enumerates the cases of one store: a number below ``count`` stands for each.
struct RotCases: Sendable {
    private struct Run {
        var kind: RotKind
        var path: String
        var first: Int
        var count: Int
    }

    let store: RotStore
    private(set) var count = 0
    private var runs: [Run] = []
    /// For each suffix, the files that bear it, with the places of units that are valid by themselves.
    private let units: [String: [[UInt8]]]

    init(_ store: RotStore) {
        self.store = store
        units = Self.units(of: store)
        for path in store.files.keys.sorted() {
            for kind in RotKind.allCases {
                let number = caseCount(kind, path)
                if number > 0 { runs.append(Run(kind: kind, path: path, first: count, count: number)) }
                count += number
            }
        }
    }

    /// The case with this number: what was done, and the new content of the files concerned.
    func make(_ index: Int) -> (kind: RotKind, path: String, changed: [String: [UInt8]?]) {
        var (low, high) = (0, runs.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if runs[middle].first <= index { low = middle } else { high = middle - 1 }
        }
        let run = runs[low]
        return (run.kind, run.path, [run.path: content(run.kind, run.path, index - run.first)])
    }

    // MARK: How many

    private func caseCount(_ kind: RotKind, _ path: String) -> Int {
        let size = store.files[path]?.count ?? 0
        switch kind {
        case .bit: return size * 8
        case .zeroSector, .onesSector, .repeatedSector: return pieces(size, 512)
        case .zeroBlock, .onesBlock, .repeatedBlock: return pieces(size, 4_096)
        case .swapped: return max(0, size / 512 - 1)
        case .cut: return size
        case .grown, .gone: return 1
        case .stale: return versions(path).count
        case .foreign: return store.foreign[path] == nil ? 0 : 1
        case .exchanged: return siblings(path).count
        case .spliced: return pieces(size, 512) * siblings(path).count
        case .misdirected: return units[suffix(path), default: []].count * places(path).count
        }
    }

    private func pieces(_ size: Int, _ length: Int) -> Int { (size + length - 1) / length }

    // MARK: What

    private func content(_ kind: RotKind, _ path: String, _ number: Int) -> [UInt8]? {
        var bytes = store.files[path] ?? []
        switch kind {
        case .bit: bytes[number / 8] ^= 1 << UInt8(number % 8)
        case .zeroSector: fill(&bytes, number, 512) { _ in 0 }
        case .onesSector: fill(&bytes, number, 512) { _ in 0xFF }
        case .repeatedSector: repeated(&bytes, number, 512)
        case .zeroBlock: fill(&bytes, number, 4_096) { _ in 0 }
        case .onesBlock: fill(&bytes, number, 4_096) { _ in 0xFF }
        case .repeatedBlock: repeated(&bytes, number, 4_096)
        case .swapped:
            for at in number * 512..<number * 512 + 512 { bytes.swapAt(at, at + 512) }
        case .cut: return Array(bytes[..<number])
        case .grown: return bytes + bytes.suffix(100)
        case .gone: return nil
        case .stale: return versions(path)[number]
        case .foreign: return store.foreign[path]
        case .exchanged: return store.files[siblings(path)[number]]
        case .spliced:
            let others = siblings(path)
            let other = store.files[others[number % others.count]] ?? []
            let sector = number / others.count
            fill(&bytes, sector, 512) { $0 < other.count ? other[$0] : nil }
        case .misdirected:
            let all = units[suffix(path), default: []]
            write(all[number % all.count], at: places(path)[number / all.count], into: &bytes)
        }
        return bytes
    }

    private func fill(_ bytes: inout [UInt8], _ piece: Int, _ length: Int, _ value: (Int) -> UInt8?) {
        for at in piece * length..<min(bytes.count, (piece + 1) * length) { bytes[at] = value(at) ?? bytes[at] }
    }

    /// The first piece is replaced by the second.
    private func repeated(_ bytes: inout [UInt8], _ piece: Int, _ length: Int) {
        let old = bytes
        fill(&bytes, piece, length) { at in
            let source = piece == 0 ? at + length : at - length
            return source < old.count ? old[source] : nil
        }
    }

    private func write(_ unit: [UInt8], at place: Int, into bytes: inout [UInt8]) {
        let end = min(bytes.count, place + unit.count)
        bytes.replaceSubrange(place..<end, with: unit.prefix(end - place))
    }

    // MARK: From where

    private func suffix(_ path: String) -> String { String(path.split(separator: ".").last ?? "") }

    private func versions(_ path: String) -> [[UInt8]] {
        var found: [[UInt8]] = []
        for files in store.older {
            guard let bytes = files[path], bytes != store.files[path], !found.contains(bytes) else { continue }
            found.append(bytes)
        }
        return found
    }

    /// Files of the same kind: the other segments, snapshots, journal files.
    private func siblings(_ path: String) -> [String] {
        store.files.keys.filter { $0 != path && suffix($0) == suffix(path) && $0.contains("/") == path.contains("/") }
            .sorted()
    }

    /// Where records or batches begin in a file.
    private func places(_ path: String) -> [Int] {
        if let (_, _, layout) = store.truth.segment(path) {
            return layout.spans.map(\.range.lowerBound).filter { $0 < store.files[path]?.count ?? 0 }
        }
        return store.truth.journal.batches.filter { $0.path == path }.map(\.range.lowerBound)
    }

    /// Every record of every segment, and every batch of every journal file.
    private static func units(of store: RotStore) -> [String: [[UInt8]]] {
        var units: [String: [[UInt8]]] = [:]
        for session in store.truth.sessions.values {
            for layout in session.segments.values {
                units["segment", default: []] += layout.spans.map { Array(layout.content[$0.range]) }
            }
        }
        for batch in store.truth.journal.batches {
            units["journal", default: []].append(Array((store.files[batch.path] ?? [])[batch.range]))
        }
        return units.mapValues { $0.sorted { $0.lexicographicallyPrecedes($1) } }
    }
}
