import Testing

/// Who may import whom. docs/decisions/0001-layers.md says why.
private let layers: [String: Set<String>] = [
    "HoldfastBytes": ["CJSON", "CXXHash", "CCrypto", "Glibc", "Synchronization"],
    "HoldfastThreads": ["CPosix", "Glibc", "Synchronization"],
    "HoldfastStorage": ["HoldfastThreads", "CPosix", "Glibc", "Synchronization"],
    "HoldfastSimulation": ["HoldfastStorage", "HoldfastThreads", "Glibc"],
    "HoldfastLog": ["HoldfastBytes"],
    "HoldfastEngine": [
        "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "CZstd", "Glibc",
        "Synchronization",
    ],
    "Holdfast": ["HoldfastBytes", "HoldfastThreads", "HoldfastLog", "Glibc", "Synchronization"],
    "HoldfastCommands": [
        "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "HoldfastEngine",
        "CPosix", "CSQLite", "Glibc", "Synchronization",
    ],
    "holdfast": ["HoldfastCommands"],
    "HoldfastProof": [
        "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "HoldfastEngine",
        "HoldfastSimulation", "Glibc", "Synchronization",
    ],
    "holdfast-bench": ["Holdfast", "Glibc", "Synchronization"],
    "holdfast-torture": ["HoldfastProof", "Glibc"],
]

/// Files that join layers, and what they may import beyond their module's row.
private let joints: [String: Set<String>] = [
    "Sources/Holdfast/HoldfastStore+Open.swift": ["HoldfastEngine", "HoldfastStorage"]
]

@Suite struct LayerTests {
    @Test(arguments: SourceTree.sources)
    func `a file imports only what its layer may know`(_ file: SourceTree.File) throws {
        let module = String(file.path.split(separator: "/")[1])
        let allowed = try #require(layers[module], "\(module) has no row in the table of layers")
            .union(joints[file.path] ?? [])
        let forbidden = imports(of: file).filter { !allowed.contains($0.module) }.map(\.place)
        #expect(forbidden.isEmpty, "\(module) may not import this")
    }

    @Test func `no layer knows one above it`() {
        for (module, allowed) in layers {
            for lower in allowed {
                #expect(layers[lower]?.contains(module) != true, "\(module) and \(lower) import each other")
            }
        }
    }

    @Test func `every module of the sources has a row, and every row a module`() {
        let modules = Set(SourceTree.sources.map { String($0.path.split(separator: "/")[1]) })
        #expect(modules == Set(layers.keys))
    }

    private func imports(of file: SourceTree.File) -> [(module: String, place: Place)] {
        file.places {
            $0.contains("import ")
                && $0.code.contains(#/^ *((@\w+|package|public|internal|private|fileprivate) +)*import /#)
        }
        .map { place in
            let words = place.text.split(separator: " ").drop { $0 != "import" }
            return (module: String(words.dropFirst().first ?? ""), place: place)
        }
    }
}
