import Glibc

/// Files beside the tests, and those that environment variables name.
enum TextFile {
    /// The bytes of a file; `nil` when it cannot be read.
    static func bytes(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    /// The text of a file.
    static func read(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    /// The path of a file of vectors in the folder that HOLDFAST_VECTORS names; `nil` when it is not there.
    static func vectors(_ name: String) -> String? {
        guard let folder = getenv("HOLDFAST_VECTORS") else { return nil }
        let path = "\(String(cString: folder))/\(name)"
        return access(path, R_OK) == 0 ? path : nil
    }
}
