import Glibc

/// Nanoseconds from a fixed point.
func nanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Lets the thread rest until `moment`, in the terms of ``nanoseconds()``.
func rest(until moment: UInt64) {
    let now = nanoseconds()
    guard moment > now else { return }
    var length = timespec(tv_sec: Int((moment - now) / 1_000_000_000), tv_nsec: Int((moment - now) % 1_000_000_000))
    nanosleep(&length, nil)
}

/// What the process has used up to now.
struct Usage {
    /// Seconds of the processor, in all threads.
    let processorSeconds: Double
    /// Bytes given to `write` and its siblings.
    let writtenBytes: UInt64

    static func now() -> Usage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let whole = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let micro = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Usage(
            processorSeconds: Double(whole) + Double(micro) / 1e6,
            writtenBytes: number(of: "wchar:", in: "/proc/self/io"))
    }

    /// Kilobytes of memory that the process holds.
    static var residentKilobytes: UInt64 { number(of: "VmRSS:", in: "/proc/self/status") }

    /// How many descriptors it has open.
    static var descriptorCount: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count - 3  // the folder itself, and its two names for folders
    }

    private static func number(of name: String, in path: String) -> UInt64 {
        guard let bytes = readFile(path) else { return 0 }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split { $0 == " " || $0 == "\t" }.first.flatMap { UInt64($0) } ?? 0
        }
        return 0
    }
}

/// How large the files of a folder are, by name.
func fileByteCounts(in folder: String) -> [String: Int] {
    guard let entries = opendir(folder) else { return [:] }
    defer { closedir(entries) }
    var byteCounts: [String: Int] = [:]
    while let entry = readdir(entries) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        var status = stat()
        guard lstat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
        byteCounts[name] = Int(status.st_size)
    }
    return byteCounts
}

/// The bytes of the file `path`, also of one whose length the system does not say.
func readFile(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: max(Int(status.st_size), 1 << 16))
    var place = 0
    while true {
        let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: place), $0.count - place) }
        if got < 0 { return nil }
        if got == 0 || place + got == bytes.count { return Array(bytes.prefix(place + got)) }
        place += got
    }
}

/// Prints one line and hands it on at once.
func say(_ line: String) {
    let line = line + "\n"
    _ = line.withCString { Glibc.write(STDOUT_FILENO, $0, line.utf8.count) }
}

/// Ends the program: a benchmark whose store refuses writes measures nothing.
func fail(_ reason: String) -> Never {
    let line = "holdfast-bench: \(reason)\n"
    _ = line.withCString { Glibc.write(STDERR_FILENO, $0, line.utf8.count) }
    exit(1)
}
