// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    // Locks that ask whether a seeded scheduler decides who goes on: see HoldfastThreads/Waiting.swift.
    .define("HOLDFAST_SCHEDULES", .when(configuration: .debug)),
]

/// A Swift module of this package, with the settings that all of them share.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of one module.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The fuzzers, whose main function is libFuzzer's: only tools/fuzz asks for them, with the flags that they need.
let fuzzers: [Target] =
    Context.environment["HOLDFAST_FUZZERS"] == nil
    ? []
    : [
        .executableTarget(
            name: "holdfast-fuzz",
            dependencies: [
                "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastSimulation", "HoldfastLog",
                "HoldfastEngine", "Holdfast", "HoldfastCommands", "HoldfastProof",
            ], path: "Tests/Fuzz", exclude: ["corpus", "dictionary"], swiftSettings: settings)
    ]

let package = Package(
    name: "holdfast",
    products: [
        .library(name: "Holdfast", targets: ["Holdfast"]),
        .executable(name: "holdfast", targets: ["holdfast-cli"]),
    ],
    targets: [
        // C and C++ libraries of the distribution.
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(
            name: "CJSON", cxxSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CPosix", cSettings: [.define("_GNU_SOURCE")]),

        // The layers, lowest first; Tests/TidyTests checks who imports whom.
        module("HoldfastBytes", ["CJSON", "CXXHash", "CCrypto"]),
        module("HoldfastThreads", ["CPosix"]),
        module("HoldfastStorage", ["HoldfastThreads", "CPosix"]),
        module("HoldfastSimulation", ["HoldfastStorage", "HoldfastThreads"]),
        module("HoldfastLog", ["HoldfastBytes"]),
        module(
            "HoldfastEngine", ["HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "CZstd"]),
        module(
            "Holdfast",
            ["HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "HoldfastEngine"]),
        module(
            "HoldfastCommands",
            [
                "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "HoldfastEngine",
                "CPosix", "CSQLite",
            ]),
        .executableTarget(
            name: "holdfast-cli", dependencies: ["HoldfastCommands"], path: "Sources/holdfast",
            swiftSettings: settings),

        // The evidence: campaigns of crashes, rot and failures against the simulated storage, and their program.
        module(
            "HoldfastProof",
            [
                "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "HoldfastEngine",
                "HoldfastSimulation",
            ]),
        // The store as a benchmark uses it: through the public API, and how long a replay took.
        .executableTarget(name: "holdfast-bench", dependencies: ["Holdfast"], swiftSettings: settings),
        .executableTarget(
            name: "holdfast-torture", dependencies: ["HoldfastProof"], swiftSettings: settings),

        tests("HoldfastBytesTests", ["HoldfastBytes"]),
        tests("HoldfastStorageTests", ["HoldfastThreads", "HoldfastStorage", "HoldfastSimulation"]),
        .testTarget(
            name: "HoldfastEngineTests",
            dependencies: [
                "HoldfastBytes", "HoldfastThreads", "HoldfastLog", "HoldfastEngine", "HoldfastSimulation",
                "HoldfastProof",
            ],
            exclude: ["Fixtures"], swiftSettings: settings),
        tests(
            "HoldfastTests",
            [
                "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog", "HoldfastEngine",
                "HoldfastSimulation",
            ]),
        tests(
            "HoldfastProofTests",
            [
                "HoldfastProof", "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastStorage", "HoldfastLog",
                "HoldfastEngine", "HoldfastSimulation",
            ]),
        .testTarget(
            name: "HoldfastCommandsTests",
            dependencies: [
                "HoldfastCommands", "Holdfast", "HoldfastBytes", "HoldfastThreads", "HoldfastLog", "HoldfastEngine",
                "CSQLite",
            ],
            exclude: ["Fixtures"], swiftSettings: settings),
        tests("TidyTests", []),
    ] + fuzzers,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
