import HoldfastBytes
package import HoldfastLog
package import HoldfastStorage

// Which store it is, when store.json does not say so.
extension StoreFile {
    /// The store as `store.json` says; when that is damaged or missing, as most of the other files do, with the damage.
    ///
    /// - Parameter checking: whether the other files are asked in any case, and believed more.
    /// - Throws: `.newerFormat`; `.olderFormat`; `.notAStore` or `.damaged` when no file says which store it is;
    ///   `.failed`.
    package static func readOrInferred(
        from storage: any Storage, checking: Bool = false
    ) throws(LogError) -> (store: StoreFile, damage: RecoveryReport.Finding?) {
        do throws(LogError) {
            let store = try read(from: storage)
            guard checking else { return (store, nil) }
            let votes = votes(in: storage)
            guard let winner = winner(of: votes), votes[store.tag] == nil else { return (store, nil) }
            return (inferred(winner), damage("of another store than the other files"))
        } catch {
            guard ![.newerFormat, .olderFormat, .busy].contains(error.code), let winner = winner(of: votes(in: storage))
            else {
                throw error
            }
            return (inferred(winner), damage("damaged or missing; the other files say which store it is"))
        }
    }

    /// All that is known of a store but the half of its id that no other file has.
    private static func inferred(_ tag: UInt64) -> StoreFile {
        StoreFile(storeID: Hex64.text(tag) + String(repeating: "?", count: 16), createdAt: 0)
    }

    private static func damage(_ reason: String) -> RecoveryReport.Finding {
        RecoveryReport.Finding(
            kind: .committedDamage, session: nil, path: StoreLayout.storeFile, offset: 0, byteCount: 0, reason: reason)
    }

    // MARK: Votes

    /// How many of the first segments, and of the journal's files, bear each tag.
    private static func votes(in storage: any Storage) -> [UInt64: Int] {
        votesOfSegments(storage).merging(votesOfJournal(storage), uniquingKeysWith: +)
    }

    private static func winner(of votes: [UInt64: Int]) -> UInt64? {
        votes.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    }

    private static func votesOfJournal(_ storage: any Storage) -> [UInt64: Int] {
        let entries = (try? storage.list(StoreLayout.journalFolder)) ?? []
        let tags = entries.compactMap { entry -> UInt64? in
            let head = try? storage.open("\(StoreLayout.journalFolder)/\(entry.name)", .read)
                .read(count: JournalHeader.sectorByteCount, at: 0)
            return head?.withUnsafeBytes { try? JournalHeader(decoding: $0) }?.storeTag
        }
        return Dictionary(tags.map { ($0, 1) }, uniquingKeysWith: +)
    }

    private static let askedSessionCount = 100

    private static func votesOfSegments(_ storage: any Storage) -> [UInt64: Int] {
        var votes: [UInt64: Int] = [:]
        var asked = 0
        try? SessionFolders(storage: storage).forEach { (session) throws(LogError) in
            for number in (try? SessionFolder(session, in: storage))?.segments.prefix(4) ?? [] {
                let head = try? storage.open(StoreLayout.segmentFile(session, number), .read)
                    .read(count: SegmentHeader.longestByteCount, at: 0)
                let header = head?.withUnsafeBytes { try? SegmentHeader(decoding: $0) }
                if let header, header.session == session { votes[header.storeTag, default: 0] += 1 }
            }
            asked += 1
            return asked < askedSessionCount
        }
        return votes
    }
}
