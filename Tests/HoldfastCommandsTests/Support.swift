import Glibc
import HoldfastCommands
import Synchronization
import Testing

/// A console whose input is given beforehand and whose output is kept.
final class TestConsole: Console {
    private struct State {
        var input: ArraySlice<UInt8>
        var output: [UInt8] = []
        var errors = ""
    }

    let columns: Int?
    let canRedraw: Bool
    /// The bytes after which the reader of the output leaves.
    private let outputLimit: Int
    private let pieceByteCount: Int
    private let state: Mutex<State>

    init(
        input: String = "", columns: Int? = nil, canRedraw: Bool = false, outputLimit: Int = .max,
        pieceByteCount: Int = .max
    ) {
        self.columns = columns
        self.canRedraw = canRedraw
        self.outputLimit = outputLimit
        self.pieceByteCount = pieceByteCount
        state = Mutex(State(input: Array(input.utf8)[...]))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandError) -> Int {
        state.withLock { state in
            let piece = state.input.prefix(min(buffer.count, pieceByteCount))
            buffer.copyBytes(from: piece)
            state.input = state.input.dropFirst(piece.count)
            return piece.count
        }
    }

    func write(_ bytes: [UInt8]) throws(CommandError) {
        let isOpen = state.withLock { state in
            guard state.output.count + bytes.count <= outputLimit else { return false }
            state.output += bytes
            return true
        }
        if !isOpen { throw .outputClosed }
    }

    func writeError(_ text: String) { state.withLock { $0.errors += text } }

    var output: String { String(decoding: state.withLock { $0.output }, as: UTF8.self) }
    var outputLines: [String] { output.split(separator: "\n").map(String.init) }
    var errors: String { state.withLock { $0.errors } }
}

/// What a command line did.
struct Ran {
    let code: ExitCode
    let console: TestConsole

    var output: String { console.output }
    var errors: String { console.errors }
}

/// Runs a command line in this process.
func holdfast(_ words: String..., console: TestConsole = TestConsole()) -> Ran {
    Ran(code: Program.run(words, on: console), console: console)
}

/// A folder that goes with the test.
final class Scratch {
    let path: String

    init() {
        var template = Array("/tmp/holdfast-commands-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no scratch folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { delete("") }

    /// Removes a file, a link or a folder with all below it.
    func delete(_ name: String) {
        if unlink(at(name)) == 0 { return }
        for below in names(name) { delete("\(name)/\(below)") }
        rmdir(at(name))
    }

    /// The path of `name` in the folder.
    func at(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, with the folders above it, and gives its path.
    @discardableResult
    func write(_ name: String, _ content: String) -> String { write(name, Array(content.utf8)) }

    @discardableResult
    func write(_ name: String, _ content: [UInt8]) -> String {
        let names = name.split(separator: "/")
        for count in 1..<max(1, names.count) { mkdir(at(names[..<count].joined(separator: "/")), 0o755) }
        guard let file = fopen(at(name), "w") else { fatalError("cannot write \(name)") }
        defer { fclose(file) }
        fwrite(content, 1, content.count, file)
        return at(name)
    }

    func read(_ name: String) -> String? { bytes(name).map { String(decoding: $0, as: UTF8.self) } }

    func bytes(_ name: String) -> [UInt8]? { Self.bytes(of: at(name)) }

    static func bytes(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { content += buffer[..<count] }
        return content
    }

    /// The content of every file below a folder, by its path.
    func contents(_ folder: String) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in names(folder) {
            let path = "\(folder)/\(name)"
            found[path] = bytes(path)
            found.merge(contents(path)) { $1 }
        }
        return found
    }

    /// The permission bits of a file.
    func mode(_ name: String) -> UInt32 {
        var status = stat()
        return stat(at(name), &status) == 0 ? status.st_mode & 0o777 : 0
    }

    func names(_ folder: String = "") -> [String] {
        guard let stream = opendir(at(folder)) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
