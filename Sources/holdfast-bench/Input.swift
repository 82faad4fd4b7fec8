import Glibc

/// One message to append.
struct InputRecord: Sendable {
    let session: UInt32
    let json: [UInt8]
}

/// Reads the records that tools/lib/bench/shapes.py wrote: session and byte count (u32, little endian), then the bytes.
func readInput(_ path: String) -> [InputRecord]? {
    guard let bytes = readFile(path) else { return nil }
    var records: [InputRecord] = []
    var place = 0
    func number() -> UInt32 {
        defer { place += 4 }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) }
    }
    while place + 8 <= bytes.count {
        let session = number()
        let byteCount = Int(number())
        guard place + byteCount <= bytes.count else { return nil }
        records.append(InputRecord(session: session, json: Array(bytes[place..<place + byteCount])))
        place += byteCount
    }
    return records
}

private func readFile(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return nil }
    var place = 0
    let total = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
        while place < total {
            let got = read(file, buffer.baseAddress?.advanced(by: place), total - place)
            if got <= 0 { break }
            place += got
        }
        count = place
    }
    return place == total ? bytes : nil
}
