import Holdfast
import HoldfastBytes

/// What hermes-webui needs to know of messages that were taken away here, so that it does not bring them back from an
/// older copy. Pure.
struct ShrinkProvenance {
    private let session: String
    private let shrinking: Shrinking
    /// When the last message was that stayed, as it is spelled; `nil` when that is not known.
    private let keptTime: [UInt8]?

    /// `lastKept` is the last message that stayed.
    init(_ session: String, _ shrinking: Shrinking, lastKept: [UInt8]?) {
        self.session = session
        self.shrinking = shrinking
        let root = lastKept.flatMap { try? JSONTree.parse($0, detail: 1).root }
        let time = root?["_ts"] ?? root?["timestamp"]
        keptTime = time?.kind == .number ? time.map { Array($0.raw) } : nil
    }

    /// The value of one of that program's keys for it; `nil` for others, and when there is nothing to say.
    func value(_ name: String) -> [UInt8]? {
        switch name {
        case "truncation_watermark", "truncation_boundary":
            shrinking.keptCount.flatMap { $0 == 0 ? Array("0.0".utf8) : keptTime }
        case "intentional_shrink_generation": generation(shrinking.sequence)
        case "clear_generation": shrinking.clearedBy.map(generation)
        default: nil
        }
    }

    /// 32 hexadecimal digits that no other wish has, and the same ones for the same wish.
    private func generation(_ sequence: UInt64) -> [UInt8] {
        let name = Array("\(sequence) \(session)".utf8)
        return Array("\"\(Hex64.text(Checksum.of(name, seed: 1)))\(Hex64.text(Checksum.of(name, seed: 2)))\"".utf8)
    }
}
