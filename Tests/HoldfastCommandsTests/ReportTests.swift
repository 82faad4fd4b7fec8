import Glibc
import Holdfast
import HoldfastBytes
import HoldfastCommands
import Testing

@Suite struct ReportTests {
    /// Serves these requests on the store, each an object without its id.
    private func serve(_ store: String, _ requests: [String]) {
        let lines = requests.enumerated().map { "{\"id\":\($0.offset),\($0.element.dropFirst())\n" }
        let ran = holdfast("pipe", store, console: TestConsole(input: lines.joined()))
        #expect(ran.code == .success && !ran.output.contains("\"ok\":false"), "\(ran.output)")
    }

    private func create(_ session: String) -> String { #"{"op":"create","session":"\#(session)"}"# }

    private func append(_ session: String, _ role: String, _ text: String) -> String {
        #"{"op":"append","session":"\#(session)","messages":[{"role":"\#(role)","content":"\#(text)"}]}"#
    }

    private func page(_ scratch: Scratch, _ store: String, code: ExitCode = .success) throws -> String {
        let ran = holdfast("report", store, "--html", scratch.at("page.html"))
        #expect(ran.code == code, "\(ran.errors)")
        return try #require(scratch.read("page.html"))
    }

    @Test func `the page counts what is in the store`() throws {
        let scratch = Scratch()
        let store = scratch.at("store")
        serve(
            store,
            [
                create("a"), append("a", "user", "hello"),
                append("a", "assistant", (0..<400).map { "\($0 * $0)" }.joined()),
                create("b"), append("b", "user", "hi"),
                #"{"op":"begin_turn","session":"b","turn":"t","message":{"role":"user","content":"go"}}"#,
            ])
        let page = try page(scratch, store)
        for text in [
            "<dt>sessions</dt><dd>2</dd>", "<dt>records</dt><dd>6</dd>", "<dt>turns begun</dt><dd>1</dd>",
            "<tr><th scope=\"row\">user</th><td>3</td>", "<tr><th scope=\"row\">assistant</th><td>1</td>",
            "<tr><th scope=\"row\">append</th><td>3</td>", "<strong>Whole.</strong>",
        ] { #expect(page.contains(text), "\(text)") }
        #expect(scratch.mode("page.html") == 0o600)
        // Largest first.
        let rows = page.matches(of: #/<tr><th scope="row">([ab])</th><td></td>/#).map { String($0.1) }
        #expect(rows == ["a", "b"])
    }

    @Test func `ids, titles and roles from outside cannot put anything into the page`() throws {
        let scratch = Scratch()
        let store = scratch.at("store")
        let hostile = #"<script>alert(1)</script>' onload='x"#
        let title = #"</style><img src=x onerror=alert(2)>&\u001b[2J"#
        serve(
            store,
            [
                #"{"op":"create","session":"\#(hostile)","fields":{"title":"\#(title)"}}"#,
                append(hostile, "<b onclick=3>", "text"),
            ])
        let page = try page(scratch, store)
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&#39; onload=&#39;x"))
        #expect(page.contains("&lt;/style&gt;&lt;img src=x onerror=alert(2)&gt;&amp;·[2J"))
        #expect(page.contains("&lt;b onclick=3&gt;"))
        let tags = Set(page.matches(of: #/<\/?([a-zA-Z]+)/#).map { String($0.1) })
        #expect(tags.isDisjoint(with: ["script", "img", "b", "iframe", "link", "object"]))
        #expect(page.utf8.allSatisfy { $0 >= 32 || $0 == 10 })
        #expect(!page.contains("http:") && !page.contains("https:") && !page.contains("url(http"))
    }

    @Test func `every element is closed, in order`() throws {
        let scratch = Scratch()
        let store = scratch.at("store")
        serve(store, (0..<40).flatMap { [create("s\($0)"), append("s\($0)", "user", "hello \($0)")] })
        try flip(scratch, store)
        for page in [try page(scratch, store, code: .committedDamage), try page(scratch, empty(scratch))] {
            var open: [Substring] = []
            for tag in page.matches(of: #/<(\/?)([a-z0-9]+)[^<>]*?(\/?)>/#) where tag.3.isEmpty {
                if ["meta", "br"].contains(tag.2) { continue }
                if tag.1.isEmpty { open.append(tag.2) } else { #expect(open.popLast() == tag.2) }
            }
            #expect(open.isEmpty)
            let ids = page.matches(of: #/ id="([^"]+)"/#).map { String($0.1) }
            #expect(Set(ids).count == ids.count)
            for label in page.matches(of: #/aria-labelledby="([^"]+)"/#) { #expect(ids.contains(String(label.1))) }
        }
    }

    private func empty(_ scratch: Scratch) -> String {
        serve(scratch.at("empty"), [])
        return scratch.at("empty")
    }

    /// Flips a bit in the middle of one segment; answers its session.
    @discardableResult
    private func flip(_ scratch: Scratch, _ store: String) throws -> String {
        let shard = try #require(scratch.names("store/sessions").first)
        let session = try #require(scratch.names("store/sessions/\(shard)").first)
        let name = "store/sessions/\(shard)/\(session)/00000001.segment"
        var bytes = try #require(scratch.bytes(name))
        bytes[bytes.count - 20] ^= 1
        scratch.write(name, bytes)
        return session
    }

    @Test func `damage is marked where it is`() throws {
        let scratch = Scratch()
        let store = scratch.at("store")
        serve(
            store,
            ["a", "b", "c"].flatMap { [create($0), append($0, "user", "hello there"), append($0, "user", "x")] })
        let session = try flip(scratch, store)
        let page = try page(scratch, store, code: .committedDamage)
        #expect(page.contains("<strong>Damaged.</strong>") && page.contains("1 session cannot be read whole"))
        #expect(page.contains("id=\"findings\"") && page.contains("committed_damage"))
        #expect(page.matches(of: #/<rect class="lost"/#).count == 1)
        let row = page.firstMatch(of: #/<tr><th scope="row">([abc])</th>(?:(?!<tr>).)*segment 1, bytes \d+ to \d+/#)
        #expect(row.map { String($0.1) } == session)
    }

    @Test func `the page of many sessions is bounded`() throws {
        let scratch = Scratch()
        let store = scratch.at("store")
        serve(store, (0..<600).map { create("session-\($0)") })
        let page = try page(scratch, store)
        #expect(page.contains("575 other sessions"))
        #expect(page.utf8.count < 100_000)
    }

    @Test func `the store is as it was, and the page goes elsewhere`() throws {
        let scratch = Scratch()
        let store = scratch.at("store")
        serve(store, [create("a")])
        let before = scratch.contents("store")
        _ = try page(scratch, store)
        #expect(holdfast("report", store, "--html", store + "/page.html").code == .usage)
        #expect(holdfast("report", store, "--html", store + "/sessions/../page.html").code == .usage)
        #expect(holdfast("report", store).code == .usage)
        #expect(holdfast("report", store, "--html", scratch.at("no/page.html")).code != .success)
        #expect(holdfast("report", scratch.at("none"), "--html", scratch.at("page.html")).code == .cannotOpen)
        #expect(scratch.contents("store") == before)
        symlink(store + "/store.json", scratch.at("link.html"))
        #expect(holdfast("report", store, "--html", scratch.at("link.html")).code == .success)
        #expect(scratch.contents("store") == before, "a link is replaced, not followed")
        mkfifo(scratch.at("pipe"), 0o600)
        for place in [scratch.at("pipe"), scratch.path, "/dev/nothing-of-this-name"] {
            #expect(holdfast("report", store, "--html", place).code == .cannotCreate, "\(place)")
            #expect(holdfast("verify", store, "--write-receipt", place).code == .cannotCreate, "\(place)")
        }
    }
}
