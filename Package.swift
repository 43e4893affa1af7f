// swift-tools-version: 6.2
import PackageDescription

// The SIMD level that the whole program is built for: v4 (AVX-512), v3 (AVX2 and FMA) or portable.
// launch/build chooses this machine's level; a plain `swift build` builds the portable one, which runs everywhere.
let level = Context.environment["LSTM_DIST_SIMD"] ?? "portable"
let levels = ["portable": 1, "v3": 3, "v4": 4]
guard let levelNumber = levels[level] else {
    fatalError("LSTM_DIST_SIMD is '\(level)'; accepted: \(levels.keys.sorted().joined(separator: ", "))")
}

let levelFlags: [SwiftSetting] =
    switch levelNumber {
    case 4: [.unsafeFlags(["-Xcc", "-march=x86-64-v4"]), .define("SIMD_V4"), .define("SIMD_FMA")]
    case 3: [.unsafeFlags(["-Xcc", "-march=x86-64-v3"]), .define("SIMD_FMA")]
    default: []
    }

let common: [SwiftSetting] =
    levelFlags + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("ExistentialAny"),
    ]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: common)
}

func tests(
    of name: String, _ more: [Target.Dependency] = [], settings: [SwiftSetting] = common
) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: [.byName(name: name)] + more, swiftSettings: settings)
}

// For tests that compute nothing themselves: compiling them with optimisation takes minutes. The program that they test
// is optimised.
let unoptimised = common + [.unsafeFlags(["-Onone"])]

// launch/install links OpenSSL's libcrypto statically, so that nodes don't need it; other builds use the shared
// library.
let linksCryptoStatically = Context.environment["LSTM_DIST_STATIC_CRYPTO"] == "1"
let cryptoLibrary: [LinkerSetting] =
    linksCryptoStatically ? [.unsafeFlags(["-Xlinker", "-l:libcrypto.a"])] : [.linkedLibrary("crypto")]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "lstm-dist",
    products: [
        .executable(name: "lstm-dist", targets: ["lstm-dist"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // From top to bottom: a target imports only targets below it.
        .executableTarget(
            name: "lstm-dist",
            dependencies: [
                "Benchmarks", "Training", "JobControl", "Reduction", "RunFolder", "FileFormats", "Recurrent", "MPI",
                "Kernels", "ConfigFile", "System", argumentParser, logging,
            ],
            swiftSettings: common),
        library(
            "Benchmarks",
            [
                "Training", "JobControl", "Reduction", "RunFolder", "FileFormats", "Recurrent", "Optimization",
                "Sequences", "MPI", "Kernels", "Tensors", "ConfigFile", "System",
            ]),
        library(
            "Training",
            [
                "JobControl", "Reduction", "RunFolder", "FileFormats", "Recurrent", "Optimization", "Sequences", "MPI",
                "Kernels", "Tensors", "ConfigFile", "System",
            ]),
        library("JobControl", ["RunFolder", "FileFormats", "MPI", "System", "CSIMDLevel", logging]),
        library("Reduction", ["MPI", "Kernels", "Tensors", "ConfigFile", "System"]),
        library("RunFolder", ["FileFormats", "System"]),
        .target(
            name: "FileFormats", dependencies: ["System", "COpenSSL", "CCompression"], swiftSettings: common,
            linkerSettings: cryptoLibrary),
        library("Recurrent", ["Kernels", "Tensors", "ConfigFile", "System"]),
        library("Optimization", ["Kernels", "Tensors", "ConfigFile"]),
        library("Sequences", ["FileFormats", "Tensors", "ConfigFile", "System"]),
        library("Kernels", ["CSIMDLevel", "CVectors"]),
        library("MPI", ["System", "CMPI"]),
        library("Tensors"),
        library("ConfigFile", ["System", yams]),
        library("System"),
        // SIMD level and CPU check; compiled for the oldest CPU at every level.
        .target(name: "CSIMDLevel", cSettings: [.define("LSTM_DIST_LEVEL", to: "\(levelNumber)")]),
        .target(name: "CVectors"),
        // gzip and zstd by the system's libraries, loaded at run time.
        .target(name: "CCompression"),
        .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        // SHA-256. Without pkg-config for a static link, because it would add the shared library.
        .systemLibrary(
            name: "COpenSSL", pkgConfig: linksCryptoStatically ? nil : "libcrypto", providers: [.apt(["libssl-dev"])]),

        tests(of: "Tensors", ["TestSupport"]),
        tests(of: "Kernels", ["Tensors", "TestSupport"]),
        tests(of: "Recurrent", ["FileFormats", "Kernels", "Tensors", "ConfigFile", "TestSupport"]),
        tests(of: "Optimization", ["Tensors", "ConfigFile"]),
        tests(
            of: "Training", ["Reduction", "RunFolder", "Sequences", "ConfigFile", "TestSupport"], settings: unoptimised),
        tests(of: "Reduction", ["Tensors"]),
        tests(of: "JobControl", ["RunFolder"], settings: unoptimised),
        tests(of: "System", ["TestSupport"], settings: unoptimised),
        tests(of: "Benchmarks", ["FileFormats"], settings: unoptimised),
        tests(of: "ConfigFile", ["TestSupport"], settings: unoptimised),
        tests(of: "FileFormats", ["System", "TestSupport"], settings: unoptimised),
        tests(of: "RunFolder", ["FileFormats", "System", "TestSupport"], settings: unoptimised),
        tests(of: "Sequences", ["Tensors", "ConfigFile", "System", "TestSupport"]),
        tests(of: "MPI", ["MPIExercises", "LaunchSupport", "TestSupport"], settings: unoptimised),
        // A program with an exercise for each collective; the tests start it with mpirun.
        .executableTarget(
            name: "MPIExercises", dependencies: ["MPI", "System"], path: "Tests/MPIExercises", swiftSettings: common),
        // Versions of the product kernels, checked and timed in turns.
        .executableTarget(
            name: "KernelLab", dependencies: ["Benchmarks", "Kernels", "Tensors"], path: "Tests/KernelLab",
            swiftSettings: common),
        // Training steps whose allocations are counted; the tests start it. They don't depend on it, because its malloc
        // would replace the test process's.
        .executableTarget(
            name: "StepAllocations", dependencies: ["Training", "MPI", "ConfigFile", "CAllocationCounter"],
            path: "Tests/StepAllocations", swiftSettings: common),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        // A training in which one rank's parameters are damaged; the tests start it with mpirun.
        .executableTarget(
            name: "FailingRank",
            dependencies: [
                "Training", "Reduction", "Recurrent", "Sequences", "MPI", "Tensors", "ConfigFile", "System",
            ],
            path: "Tests/FailingRank",
            swiftSettings: common),
        // Groups of ranks that the hang guard watches; the tests start it with mpirun.
        .executableTarget(
            name: "GroupRanks", dependencies: ["JobControl", "RunFolder", "FileFormats", "MPI", "System"],
            path: "Tests/GroupRanks", swiftSettings: common),
        // Mutated files for every reader; long runs by launch/dev/fuzz, short ones by the tests.
        .executableTarget(name: "Fuzz", dependencies: ["FuzzSupport"], path: "Tests/Fuzz", swiftSettings: common),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzSupport", "FileFormats", "System"], swiftSettings: common),
        .target(
            name: "FuzzSupport",
            dependencies: [
                "Training", "JobControl", "Reduction", "RunFolder", "FileFormats", "Sequences", "Tensors", "ConfigFile",
                "System", "TestSupport",
            ],
            path: "Tests/FuzzSupport", swiftSettings: common),
        // The whole program on real ranks.
        .testTarget(
            name: "LaunchTests",
            dependencies: [
                "LaunchSupport", "TestSupport", "Training", "FileFormats", "Recurrent", "Optimization", "Kernels",
                "System",
            ],
            swiftSettings: unoptimised),
        .target(
            name: "LaunchSupport", dependencies: ["TestSupport"], path: "Tests/LaunchSupport", swiftSettings: common),
        // What several test targets use: random numbers by a seed, folders, the project's files, waits.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common),
    ]
)

// Only the modules that depend on the SIMD level, with their tests: launch/test builds them for a second level.
if Context.environment["LSTM_DIST_PART"] == "computing" {
    let modules = [
        "CSIMDLevel", "CVectors", "COpenSSL", "CCompression", "System", "Tensors", "ConfigFile", "FileFormats",
        "Kernels", "Recurrent", "Optimization", "TestSupport",
    ]
    let parts = modules + ["Kernels", "Recurrent", "Optimization"].map { "\($0)Tests" }
    package.products = []
    package.targets = package.targets.filter { parts.contains($0.name) }
}
