/// What a power cut does to the changes that were not synced, which are numbered from 0, oldest first.
package enum CrashPolicy: Sendable, Hashable {
    case dropAll
    case keepAll
    /// All but one survive.
    case dropOnly(Int)
    /// One survives.
    case keepOnly(Int)
    /// The first so many survive.
    case prefix(Int)
    /// All entries and lengths survive, but none of the bytes: what was appended reads as zeros.
    case dropBytes
    /// Each change survives, is lost, or (a write) is torn: for each of its 512-byte sectors by itself the
    /// new bytes are there, are not, end in the middle, or are replaced by zeros or garbage; the file's new
    /// length survives or does not, whatever became of the bytes. The same seed does the same to the same
    /// changes.
    case random(seed: UInt64)
}

/// What becomes of one change.
private enum Fate {
    case kept
    case dropped
    case lengthOnly
    case torn
}

/// The decisions of one power cut.
struct Fates {
    private let policy: CrashPolicy
    private var generator: SplitMix64

    init(_ policy: CrashPolicy) {
        self.policy = policy
        if case .random(let seed) = policy {
            generator = SplitMix64(seed: seed)
        } else {
            generator = SplitMix64(seed: 0)
        }
    }

    /// Brings about what is left of the change with this number.
    mutating func apply(_ change: Change, _ index: Int, to tree: inout Tree) {
        switch (fate(of: change, index), change) {
        case (.dropped, _):
            break
        case (.lengthOnly, .write(let file, let offset, let bytes)):
            tree.contents[file, default: FileContent()].grow(to: offset + bytes.count)
        case (.torn, .write(let file, let offset, let bytes)):
            tear(bytes, at: offset, of: &tree.contents[file, default: FileContent()])
        case (.kept, _), (.lengthOnly, _), (.torn, _):
            tree.apply(change)
        }
    }

    private mutating func fate(of change: Change, _ index: Int) -> Fate {
        switch policy {
        case .dropAll: return .dropped
        case .keepAll: return .kept
        case .dropOnly(let dropped): return index == dropped ? .dropped : .kept
        case .keepOnly(let kept): return index == kept ? .kept : .dropped
        case .prefix(let count): return index < count ? .kept : .dropped
        case .dropBytes: return .lengthOnly
        case .random:
            if change.file == nil { return Bool.random(using: &generator) ? .kept : .dropped }
            // Were every write torn, hardly a record would survive and hardly a decision be tested.
            let fates: [Fate] = [.kept, .kept, .dropped, .lengthOnly, .torn, .torn]
            return fates[Int.random(in: 0..<fates.count, using: &generator)]
        }
    }
}

extension Fates {
    private static let sectorSize = 512

    /// Changes nothing outside the range of the write: disks that lose neighbouring bytes are not simulated.
    private mutating func tear(_ bytes: [UInt8], at offset: Int, of content: inout FileContent) {
        if Bool.random(using: &generator) { content.grow(to: offset + bytes.count) }
        // Bytes beyond the length that survived cannot be seen.
        let end = min(offset + bytes.count, content.byteCount)
        var start = offset
        while start < end {
            let sectorEnd = min(end, (start / Self.sectorSize + 1) * Self.sectorSize)
            let new = bytes[start - offset..<sectorEnd - offset]
            content.write(damaged(new)[...], at: start)
            start = sectorEnd
        }
    }

    /// What is written of a sector's bytes; less than was asked for leaves the rest as it was.
    private mutating func damaged(_ new: ArraySlice<UInt8>) -> [UInt8] {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0...3: return [UInt8](new)
        case 4: return []
        case 5: return [UInt8](new.prefix(Int.random(in: 0..<new.count, using: &generator)))
        case 6: return [UInt8](repeating: 0, count: new.count)
        default: return new.map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
    }
}

extension CrashPolicy {
    /// The policies worth trying on so many changes: each alone lost, each alone kept, each prefix.
    package static func exhaustive(count: Int) -> [CrashPolicy] {
        let indices = 0..<count
        return [.dropAll, .keepAll, .dropBytes]
            + indices.map { .dropOnly($0) } + indices.map { .keepOnly($0) } + indices.map { .prefix($0) }
    }
}

extension FileContent {
    fileprivate mutating func grow(to byteCount: Int) {
        if byteCount > self.byteCount { resize(to: byteCount) }
    }
}
