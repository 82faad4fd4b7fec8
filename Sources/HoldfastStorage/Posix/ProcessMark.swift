import Glibc

/// Tells a process from every other one that had or will have its id: the machine's current start, and the moment after
/// it at which the process began.
package enum ProcessMark {
    /// The id of this process.
    package static var ownID: Int32 { getpid() }

    /// The mark of this process.
    package static var own: String? { of(UInt64(ownID)) }

    /// The mark of the process `id`; `nil` when it does not run, or not where this process can see it.
    package static func of(_ id: UInt64) -> String? {
        guard let status = content("\(id)/stat"), let boot = content("sys/kernel/random/boot_id") else { return nil }
        // The second field is the program's name in parentheses, in which anything may stand; the 22nd is the start.
        let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
        guard fields.count > 20, fields[1] != "Z" else { return nil }
        return "\(boot.prefix { $0 != "\n" })/\(fields[20])"
    }

    private static func content(_ path: String) -> String? {
        guard let folder = try? PosixStorage(root: "/proc", readOnly: true),
            let bytes = try? folder.open(path, .read).read(count: 4096, at: 0)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
