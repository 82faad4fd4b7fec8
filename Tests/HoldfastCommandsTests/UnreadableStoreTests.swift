import Glibc
import Holdfast
import HoldfastBytes
import HoldfastCommands
import HoldfastEngine
import Testing

/// Stores with files that cannot be read, as by their kind: each command names them and goes on where it can.
struct UnreadableStoreTests {
    private let scratch = Scratch()
    private var store: String { scratch.at("store") }

    /// What stands in the place of a file or a folder.
    enum Stand: CaseIterable {
        case pipe, link, folder, file, nothing
    }

    private static func place(_ session: String) -> String { SessionID(session).map(StoreLayout.sessionFolder) ?? "" }
    private static let segment = place("a") + "/00000001.segment"

    private func makeStore() {
        var lines = ""
        for session in ["a", "b"] {
            lines += #"{"id":1,"op":"create","session":"\#(session)"}"# + "\n"
            let message = #"{"role":"user","content":"text of \#(session)"}"#
            lines += #"{"id":1,"op":"append","session":"\#(session)","messages":[\#(message)]}"# + "\n"
        }
        #expect(holdfast("pipe", store, console: TestConsole(input: lines)).code == .success)
    }

    private func replace(_ path: String, by stand: Stand) {
        let place = "store/\(path)"
        scratch.delete(place)
        switch stand {
        case .pipe: mkfifo(scratch.at(place), 0o600)
        case .link: symlink("/etc/passwd", scratch.at(place))
        case .folder: mkdir(scratch.at(place), 0o700)
        case .file: scratch.write(place, "no part of a store")
        case .nothing: break
        }
    }

    /// The commands that look at everything, with what they answer when something acknowledged is not to be had.
    private func expectDamageIsNamed(_ path: String, _ stand: Stand) {
        let note: Comment = "\(path) is now a \(stand)"
        for words in [["verify", store], ["inspect", "gaps", store], ["recover", store, "--dry-run"]] {
            let console = TestConsole()
            let code = Program.run(words, on: console)
            let cannotOpen = words[0] == "recover" && path == StoreLayout.storeFile
            #expect(code == (cannotOpen ? .cannotOpen : .committedDamage), "\(words); \(note); \(console.errors)")
            #expect((console.output + console.errors).contains(path), "\(words); \(note); \(console.output)")
        }
        #expect(holdfast("inspect", store).code == .committedDamage, note)
        #expect(holdfast("report", store, "--html", scratch.at("page.html")).code == .committedDamage, note)
        // Of a store without files the journal alone knows: that is no session to search.
        let found = holdfast("grep", store, "text of b")
        #expect(found.output.contains("text of b") || path == StoreLayout.sessionsFolder, note)
    }

    @Test(arguments: Stand.allCases)
    func `a segment`(stand: Stand) {
        makeStore()
        replace(Self.segment, by: stand)
        if stand == .nothing || stand == .folder {
            #expect(holdfast("verify", store).code == .committedDamage)
        } else {
            expectDamageIsNamed(Self.segment, stand)
        }
        #expect(holdfast("cat", store, "a").code == .data && holdfast("cat", store, "b").code == .success)
        #expect(holdfast("show", store, "a").errors.contains("'a'"))
        let saved = holdfast("recover", store, "--salvage-to", scratch.at("saved"))
        #expect(saved.code == .committedDamage && saved.output.contains("records 1 to 2 lost"), "\(saved.output)")
        #expect(holdfast("export", scratch.at("saved"), "b").output.contains("text of b"))
    }

    @Test(arguments: [Stand.pipe, .link, .file])
    func `the folder of a session`(stand: Stand) {
        makeStore()
        replace(Self.place("a"), by: stand)
        expectDamageIsNamed(Self.place("a"), stand)
        for words in [
            ["cat", store, "a"], ["show", store, "a"], ["inspect", "log", store, "a"], ["blame", store, "a"],
        ] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .data, "\(words)")
            #expect(console.errors.contains("'\(Self.place("a"))'"), "\(console.errors)")
        }
        let saved = holdfast("recover", store, "--salvage-to", scratch.at("saved"))
        #expect(saved.code == .committedDamage && saved.output.contains("records 1 to 2 lost"), "\(saved.output)")
        #expect(holdfast("tail", store).output.contains("text of b"))
    }

    @Test(arguments: Stand.allCases)
    func `what all sessions share`(stand: Stand) {
        for path in [StoreLayout.storeFile, StoreLayout.journalFolder, StoreLayout.sessionsFolder] {
            makeStore()
            if stand == .folder, path != StoreLayout.storeFile { continue }
            replace(path, by: stand)
            expectDamageIsNamed(path, stand)
            scratch.delete("store")
        }
    }

    @Test(arguments: Stand.allCases)
    func `the index, which is made again`(stand: Stand) {
        makeStore()
        replace(StoreLayout.indexFile, by: stand)
        let ran = holdfast("verify", store)
        #expect(ran.code == .success && ran.output.contains("index.json"))
        #expect(holdfast("ls", store).output.contains("a"))
    }

    @Test func `commands without a report of the store say on standard error that store.json is gone`() {
        makeStore()
        let words = [
            ["cat", store, "a"], ["show", store, "a"], ["inspect", "log", store, "a"], ["blame", store, "a"],
            ["diff", store, "a", "b"], ["tail", store, "a"], ["grep", store, "text", "a"], ["export", store, "a"],
            ["ls", store],
        ]
        for isThere in [true, false] {
            if !isThere { replace(StoreLayout.storeFile, by: .nothing) }
            for words in words {
                let console = TestConsole()
                let code = Program.run(words, on: console)
                #expect(code == (words[0] == "diff" ? .different : .success), "\(words); \(console.errors)")
                let told = console.errors.contains("'\(store)/store.json' is damaged or missing")
                #expect(told != isThere && console.errors.isEmpty == isThere, "\(words); \(console.errors)")
            }
        }
    }

    // MARK: What is refused

    @Test func `a session that is not there is not salvaged`() {
        makeStore()
        for words in [["--session", "nosuch"], ["--session", "nosuch", "--dry-run"]] {
            let console = TestConsole()
            let code = Program.run(["recover", store, "--salvage-to", scratch.at("saved")] + words, on: console)
            #expect(code == .noInput && console.errors.contains("'nosuch'"))
        }
        #expect(!scratch.names().contains("saved"))
    }

    @Test func `nothing is salvaged into the store, nor said to be`() {
        makeStore()
        for words in [[], ["--dry-run"]] {
            let target = ["recover", store, "--salvage-to", store]
            #expect(Program.run(target + words, on: TestConsole()) == .usage)
        }
    }

    @Test func `nothing is exported into the store`() {
        makeStore()
        let before = scratch.contents("store")
        for folder in ["store", "store/new", "store/sessions", "store/../store/new"] {
            #expect(holdfast("export", store, "--to", scratch.at(folder)).code == .usage)
        }
        #expect(scratch.contents("store") == before && !scratch.names("store").contains("new"))
        #expect(holdfast("export", store, "--to", scratch.at("elsewhere")).code == .success)
    }

    // MARK: What is said

    private func flip(_ path: String, _ place: (Int) -> Int) {
        var bytes = scratch.bytes("store/\(path)") ?? []
        bytes[place(bytes.count)] ^= 1
        scratch.write("store/\(path)", bytes)
    }

    @Test func `a damaged snapshot is a gap, and damage only where it was the only copy`() throws {
        makeStore()
        #expect(holdfast("compact", store).code == .success)
        let snapshot = try #require(scratch.names("store/" + Self.place("a")).first { $0.hasPrefix("snapshot") })
        let path = Self.place("a") + "/" + snapshot
        flip(path) { $0 / 2 }
        for words in [["inspect", "gaps", store], ["inspect", "gaps", store, "--json"], ["verify", store]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .success && console.output.contains(path), "\(console.output)")
        }
        #expect(holdfast("inspect", store).output.contains("1 session: a"))
        scratch.delete("store/" + Self.segment)
        for words in [["inspect", "gaps", store], ["inspect", store], ["verify", store]] {
            #expect(Program.run(words, on: TestConsole()) == .committedDamage)
        }
        #expect(holdfast("inspect", "gaps", store).output.contains("1 to 2  unreadable: '\(path)'"))
    }

    @Test func `a session as JSON is an object to its end, whatever is damaged`() throws {
        makeStore()
        let branch = #"{"id":1,"op":"branch","session":"a","new_session":"child"}"# + "\n"
        #expect(holdfast("pipe", store, console: TestConsole(input: branch)).output.contains(#""ok":true"#))
        flip(Self.segment) { _ in 130 }
        for words in [["show", store, "child", "--json"], ["cat", store, "child", "--json", "--hidden"]] {
            let console = TestConsole()
            #expect(Program.run(words, on: console) == .data && !console.errors.isEmpty)
            let root = try JSONTree.parse(Array(console.output.utf8)).root
            #expect(root["messages"] != nil && root["damage"]?.string?.contains("'a'") ?? false, "\(console.output)")
        }
    }

    @Test func `tail says by its exit status that records cannot be read`() {
        makeStore()
        flip(Self.segment) { $0 - 3 }
        #expect(holdfast("tail", store, "a").code == .data)
        #expect(holdfast("tail", store, "b").code == .success)
    }

    @Test func `a session whose header is damaged has not been trimmed`() {
        makeStore()
        #expect(holdfast("compact", store).code == .success)
        flip(Self.segment) { _ in 10 }
        for name in scratch.names("store/" + Self.place("a")) where name.hasPrefix("snapshot") {
            flip(Self.place("a") + "/" + name) { $0 / 2 }
        }
        let ran = holdfast("cat", store, "a")
        #expect(ran.code == .data && ran.errors.contains("damaged segment header"), "\(ran.errors)")
    }
}
