import Foundation
import Testing

@Suite struct SabotageTests {
    @Test func `each bug of the table of sabotage fits the code`() throws {
        let torture = Process()
        let output = Pipe()
        torture.executableURL = SourceTree.root.appending(path: "tools/torture")
        torture.arguments = ["sabotage", "--check"]
        torture.standardOutput = output
        torture.standardError = output
        try torture.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        torture.waitUntilExit()
        #expect(torture.terminationStatus == 0, "\(said)")
    }
}
