import HoldfastThreads

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
    /// All survive but the write with this number, of whose sectors only those do whose bits are set, the first
    /// sector's being the lowest. Where `grows` is true the file's new length survives, whatever became of the bytes.
    case sectors(of: Int, kept: UInt64, grows: Bool)
    /// Each change survives, is lost, or (a write) is torn: for each of its 512-byte sectors by itself the
    /// new bytes are there, are not, end in the middle, or are replaced by zeros or random bytes, or, where the file
    /// has grown, by what stands elsewhere on the disk; two of its sectors may have changed places; the file's new
    /// length survives or does not, whatever became of the bytes. The same seed does the same to the same changes.
    case random(seed: UInt64)
}

/// What becomes of one change.
private enum Fate {
    case kept
    case dropped
    case lengthOnly
    case torn
    case sectors(UInt64, grows: Bool)
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
        case (.sectors(let kept, let grows), .write(let file, let offset, let bytes)):
            let pieces = sectors(of: bytes, at: offset)
            for (number, piece) in pieces.enumerated() where number < 64 && kept >> number & 1 == 1 {
                tree.contents[file, default: FileContent()].write(piece.bytes[...], at: piece.offset)
            }
            if grows { tree.contents[file, default: FileContent()].grow(to: offset + bytes.count) }
        case (.torn, .write(let file, let offset, let bytes)):
            tear(bytes, at: offset, of: file, in: &tree)
        case (.kept, _), (.lengthOnly, _), (.torn, _), (.sectors, _):
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
        case .sectors(let torn, let kept, let grows): return index == torn ? .sectors(kept, grows: grows) : .kept
        case .random:
            if change.file == nil { return Bool.random(using: &generator) ? .kept : .dropped }
            // Were every write torn, hardly a record would survive and hardly a decision be tested.
            let fates: [Fate] = [.kept, .kept, .dropped, .lengthOnly, .torn, .torn]
            return fates[Int.random(in: 0..<fates.count, using: &generator)]
        }
    }
}

// MARK: Sectors

private let sectorSize = 512

/// The part of a write that lies in one sector.
private struct SectorPart {
    var offset: Int
    var bytes: [UInt8]
}

private func sectors(of bytes: [UInt8], at offset: Int) -> [SectorPart] {
    var parts: [SectorPart] = []
    var start = offset
    while start < offset + bytes.count {
        let end = min(offset + bytes.count, (start / sectorSize + 1) * sectorSize)
        parts.append(SectorPart(offset: start, bytes: [UInt8](bytes[start - offset..<end - offset])))
        start = end
    }
    return parts
}

extension Fates {
    /// Changes nothing outside the range of the write: disks that lose neighbouring bytes are not simulated.
    private mutating func tear(_ bytes: [UInt8], at offset: Int, of file: Node, in tree: inout Tree) {
        var parts = sectors(of: bytes, at: offset)
        if parts.count >= 2, Int.random(in: 0..<4, using: &generator) == 0 { swapTwo(&parts) }
        var content = tree.contents[file] ?? FileContent()
        let oldByteCount = content.byteCount
        if Bool.random(using: &generator) { content.grow(to: offset + bytes.count) }
        for part in parts {
            // Bytes beyond the length that survived cannot be seen.
            let room = max(0, min(part.bytes.count, content.byteCount - part.offset))
            if room == 0 { break }
            let isNewSpace = part.offset >= oldByteCount
            content.write(damaged(part.bytes[..<room], in: isNewSpace ? tree : nil)[...], at: part.offset)
        }
        tree.contents[file] = content
    }

    /// Has two whole sectors change places, as a disk does that takes one for the other.
    private mutating func swapTwo(_ parts: inout [SectorPart]) {
        let first = Int.random(in: 0..<parts.count, using: &generator)
        let second = Int.random(in: 0..<parts.count, using: &generator)
        guard parts[first].bytes.count == parts[second].bytes.count else { return }
        let bytes = parts[first].bytes
        parts[first].bytes = parts[second].bytes
        parts[second].bytes = bytes
    }

    /// What is written of a sector's bytes; less than was asked for leaves the rest as it was. `tree` is where new
    /// space may have its old content from.
    private mutating func damaged(_ new: ArraySlice<UInt8>, in tree: Tree?) -> [UInt8] {
        switch Int.random(in: 0..<9, using: &generator) {
        case 0...3: return [UInt8](new)
        case 4: return []
        case 5: return [UInt8](new.prefix(Int.random(in: 0..<new.count, using: &generator)))
        case 6: return [UInt8](repeating: 0, count: new.count)
        case 7:
            guard let tree else { fallthrough }
            return elsewhere(new.count, in: tree)
        default: return new.map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
    }

    /// A sector's old content, of some place of some file: what space that was used before may still hold.
    private mutating func elsewhere(_ count: Int, in tree: Tree) -> [UInt8] {
        let files = tree.contents.filter { $0.value.byteCount > 0 }.sorted { $0.key.identity < $1.key.identity }
        guard !files.isEmpty else { return [] }
        let content = files[Int.random(in: 0..<files.count, using: &generator)].value
        let sector = Int.random(in: 0...(content.byteCount - 1) / sectorSize, using: &generator)
        return content.bytes(at: sector * sectorSize, count: count)
    }
}

extension CrashPolicy {
    /// The policies worth trying on so many changes: each alone lost, each alone kept, each prefix.
    package static func exhaustive(count: Int) -> [CrashPolicy] { exhaustive(Array(0..<count)) }

    /// The same, on the changes with these numbers.
    package static func exhaustive(_ indices: [Int]) -> [CrashPolicy] {
        [.dropAll, .keepAll, .dropBytes]
            + indices.map { .dropOnly($0) } + indices.map { .keepOnly($0) } + indices.map { .prefix($0) }
    }
}

extension SimulatedStorage {
    /// Every policy for the last of the unsynced changes, when it is a write of 2 to `limit` sectors: each subset of
    /// its sectors, with and without the new length if it has one.
    package func sectorPolicies(limit: Int = 12) -> [CrashPolicy] {
        precondition(limit < 32, "so many subsets cannot be tried")
        let disk = state.withLock { $0.disk }
        guard case .write(let file, let offset, let bytes) = disk.unsynced.last else { return [] }
        let count = sectors(of: bytes, at: offset).count
        guard (2...limit).contains(count) else { return [] }
        let grows = offset + bytes.count > disk.durable.contents[file]?.byteCount ?? 0
        return (0..<UInt64(1) << count).flatMap { kept in
            (grows ? [false, true] : [false]).map {
                CrashPolicy.sectors(of: disk.unsynced.count - 1, kept: kept, grows: $0)
            }
        }
    }
}

extension FileContent {
    fileprivate mutating func grow(to byteCount: Int) {
        if byteCount > self.byteCount { resize(to: byteCount) }
    }
}
