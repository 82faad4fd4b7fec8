import Holdfast
import HoldfastBytes
import Testing

/// Outputs of the Go package that the router is compatible with, from the folder that HOLDFAST_VECTORS names.
@Suite(.enabled(if: RouterVectors.path != nil, "HOLDFAST_VECTORS names no folder with dosrouter_session.jsonl"))
struct RouterVectorTests {
    @Test func allOutputsAreTheSame() async throws {
        let vectors = try RouterVectors.read()
        var checked = 0
        for vector in vectors {
            guard let output = try await RouterVectors.output(of: vector) else { continue }
            checked += 1
            #expect(output == vector.output, "\(vector.function)(\(vector.input))")
        }
        // Those that describe their input in words have a test of their own in RouterRuleTests and RouterFunctionTests.
        #expect(checked >= 40, "\(checked) of \(vectors.count) vectors")
    }
}

private enum RouterVectors {
    struct Vector {
        let function: String
        let input: JSONRef
        let output: String
    }

    static let path = TextFile.vectors("dosrouter_session.jsonl")

    static func read() throws -> [Vector] {
        guard let bytes = path.flatMap(TextFile.bytes) else { return [] }
        return try bytes.split(separator: 10).map { line in
            let root = try JSONTree.parse(line).root
            let input = try #require(root["in"]), output = try #require(root["out"])
            let function = try #require(root["fn"]?.string)
            return Vector(function: function, input: input, output: String(decoding: output.raw, as: UTF8.self))
        }
    }

    /// What this implementation makes of the input, spelled as in the file; `nil` when the input is described in words.
    static func output(of vector: Vector) async throws -> String? {
        let input = vector.input
        let texts = input.kind == .array ? input.elements.map { $0.string ?? "" } : []
        switch vector.function {
        case "DeriveSessionID": return input.string.map { "\"\(Router.deriveSessionID($0))\"" }
        case "HashRequestContent":
            let tools = input["tools"].map { $0.isNull ? [] : $0.elements.map { $0.string ?? "" } } ?? []
            return "\"\(Router.hashRequestContent(input["content"]?.string ?? "", tools: tools))\""
        case "ProviderFromModel": return input.string.map { "\"\(Router.providerFromModel($0))\"" }
        case "CacheTTLForProvider": return input.string.map { "\(Router.cacheTTLForProvider($0))" }
        case "ShouldCacheSticky":
            guard input.kind == .array else { return nil }
            let contents = input.elements.map { String(repeating: "x", count: Int($0.int ?? 0)) }
            return "\(Router.shouldCacheSticky(contents))"
        case "GetSessionID": return input.string.flatMap(header).map { "\"\($0)\"" }
        case "RecordRequestHash sequence": return "\(try await strikes(texts))".filter { $0 != " " }
        case "EscalateSession x4", "EscalateSession x1":
            let times = vector.function.hasSuffix("4") ? 4 : 1
            return try await escalations(input.string ?? "", times: times)
        default: return nil
        }
    }

    private static func header(_ words: String) -> String? {
        let canonical = "X-Session-Id"
        switch words {
        case "X-Session-ID: abc ; name=''": return Router.getSessionID(headers: [canonical: ["abc"]])
        case "X-Session-ID: a, b(two values) ; ''": return Router.getSessionID(headers: [canonical: ["a", "b"]])
        case "none": return Router.getSessionID(headers: [:])
        case "X-Session-Id present; name='X-My' absent":
            return Router.getSessionID(headers: [canonical: ["v"]], name: "X-My")
        case "raw map key x-session-id (non canonical)":
            return Router.getSessionID(headers: ["x-session-id": ["v"]])
        default: return nil
        }
    }

    private static func router() throws -> RouterStore { RouterStore(try HoldfastStore.testing(MemoryLog())) }

    private static func strikes(_ hashes: [String]) async throws -> [Int] {
        let router = try router()
        try await router.setSession("s", model: "m", tier: .simple)
        var counted: [Int] = []
        for hash in hashes { counted.append(try await router.recordRequestHash("s", hash)) }
        return counted
    }

    private static func escalations(_ words: String, times: Int) async throws -> String {
        let router = try router()
        let parts = words.split(separator: " ")
        try await router.setSession(
            "s", model: "m", tier: RouterTier(rawValue: String(parts.first ?? "")), isUserExplicit: parts.count > 1)
        var lines: [String] = []
        for _ in 0..<times {
            try await router.escalateSession("s")
            let entry = try await router.known("s")
            let state = "escalated=\(entry.isEscalated) model=\(entry.model) strikes=\(entry.strikes)"
            lines.append("\"\(entry.tier.rawValue) \(state)\"")
        }
        return "[" + lines.joined(separator: ",") + "]"
    }
}
