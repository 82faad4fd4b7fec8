import Glibc
import HoldfastProof

/// Writes a line at once, so that a long run can be watched through a pipe.
@Sendable func write(_ line: String, to descriptor: Int32) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count <= 0 { return }
        rest = rest.dropFirst(count)
    }
}

let status = TortureProgram.run(
    Array(CommandLine.arguments.dropFirst()),
    output: { write($0, to: STDOUT_FILENO) }, notes: { write($0, to: STDERR_FILENO) })
exit(status)
