// swift-tools-version:6.2
import PackageDescription

// Everything but the SPIFFE libraries belongs to the daemons. Their dependencies sit behind a trait
// that is on by default: an application that takes only the library asks for `traits: []`.
func daemon(_ name: String, _ package: String) -> Target.Dependency {
  .product(name: name, package: package, condition: .when(traits: ["Daemon"]))
}

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func part(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func generated(_ name: String) -> Target {
  .target(
    name: name, dependencies: [protobuf, grpcCore, daemon("GRPCProtobuf", "grpc-swift-protobuf")],
    path: "Sources/Generated/\(name)")
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
  _ target: String, _ more: [Target.Dependency] = [], resources: [Resource]? = nil
) -> Target {
  .testTarget(
    name: "\(target)Tests", dependencies: [.byName(name: target)] + more, resources: resources,
    swiftSettings: strict)
}

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let logging = daemon("Logging", "swift-log")
let lifecycle = daemon("ServiceLifecycle", "swift-service-lifecycle")
let signals = daemon("UnixSignals", "swift-service-lifecycle")
let protobuf = daemon("SwiftProtobuf", "swift-protobuf")
let grpcCore = daemon("GRPCCore", "grpc-swift-2")
let nioCore = daemon("NIOCore", "swift-nio")
let nioPosix = daemon("NIOPosix", "swift-nio")
let nioHTTP1 = daemon("NIOHTTP1", "swift-nio")
let nioTLS = daemon("NIOTLS", "swift-nio")
let nioHTTP2 = daemon("NIOHTTP2", "swift-nio-http2")
let nioHPACK = daemon("NIOHPACK", "swift-nio-http2")
let nioEmbedded = daemon("NIOEmbedded", "swift-nio")
let nioSSL = daemon("NIOSSL", "swift-nio-ssl")

let package = Package(
  name: "swift-spire",
  products: [
    .library(name: "SPIFFE", targets: ["SPIFFE"]),
    .executable(name: "spire-server", targets: ["spire-server"]),
    .executable(name: "spire-agent", targets: ["spire-agent"]),
    .executable(name: "spire", targets: ["spire"]),
    .executable(name: "oidc-discovery-provider", targets: ["oidc-discovery-provider"]),
    .executable(name: "spiffe-helper", targets: ["spiffe-helper"]),
  ],
  traits: [
    .trait(name: "Daemon", description: "The server, the agent and their tools."),
    .default(enabledTraits: ["Daemon"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.0.0"),
    .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    // `traits: []` keeps full Foundation out of the daemons (docs/decisions/0003).
    .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0", traits: []),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
    .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.0"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.0"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.0"),
  ],
  targets: [
    // Library
    part("GoSyntax", []),
    part("SPIFFE", ["GoSyntax", crypto, cryptoExtras, x509, asn1]),

    // Generated
    generated("SPIREProtos"),
    generated("WorkloadProtos"),
    generated("EnvoyProtos"),

    // Kits
    part("HCL", []),
    part("Flags", ["GoSyntax"]),
    .target(name: "CHost"),
    part("Daemon", ["CHost", "GoSyntax", "HCL", logging, lifecycle, signals, nioCore, nioPosix, nioHTTP1]),
    part("Keys", ["SPIFFE", "Daemon", crypto, cryptoExtras, asn1]),
    part("TLS", [nioSSL]),
    part("HTTP", ["TLS", "SPIFFE", "Daemon", nioCore, nioPosix, nioHTTP1, nioSSL, crypto, x509]),
    part("AWS", ["Programs", "HTTP", "Keys", "Daemon", logging, crypto]),
    part("Azure", ["Programs", "HTTP", "Keys", "SPIFFE", "Daemon", crypto, cryptoExtras, x509, asn1]),
    part("Kubernetes", ["Programs", "HTTP", "Keys", "SPIFFE", "Daemon"]),
    part("Plugins", ["HCL", "Daemon", logging, lifecycle, crypto]),
    part("NodeProofs", ["SPIFFE", crypto, cryptoExtras]),
    .target(name: "CPeer"),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
    part(
      "RPC",
      [
        "TLS", "SPIFFE", "Daemon", "SPIREProtos", "CPeer", "CHost", "CZlib", logging, lifecycle, protobuf, grpcCore,
        nioCore, nioPosix, nioTLS, nioHTTP2, nioHPACK, nioSSL, x509, asn1, crypto,
        daemon("GRPCProtobuf", "grpc-swift-protobuf"), daemon("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"),
      ]),

    part(
      "WebCertificates",
      ["SPIFFE", "Daemon", "TLS", "HTTP", "Keys", "RPC", logging, lifecycle, nioCore, nioSSL, crypto, x509, asn1]),

    .target(name: "CSpawn"),
    part("Programs", ["CSpawn", "Keys", "Daemon"]),
    part("SVIDFiles", ["CSpawn", "Keys", "SPIFFE", "Daemon", x509]),

    part("WorkloadClient", ["Daemon", "SPIFFE", "WorkloadProtos", "RPC", grpcCore, crypto, x509]),

    // Shared by the client commands of the programs
    part("Console", ["Flags", "RPC", "SPIFFE", "SPIREProtos", "Daemon", protobuf, grpcCore]),

    // Parts
    part("DatastoreAPI", ["SPIFFE"]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "CPostgres"),
    .systemLibrary(name: "CMariaDB", providers: [.apt(["libmariadb-dev"])]),
    part(
      "SQLDatastore",
      [
        "DatastoreAPI", "SPIFFE", "SPIREProtos", "CSQLite", "CPostgres", "CMariaDB", "AWS", "Daemon", logging, protobuf,
        x509, asn1,
      ]),
    part(
      "Authority",
      [
        "SPIFFE", "Keys", "DatastoreAPI", "Daemon", "SPIREProtos", logging, lifecycle, protobuf, crypto, cryptoExtras,
        x509, asn1,
      ]),
    part(
      "ServerPlugins",
      [
        "AWS", "Azure", "Kubernetes", "NodeProofs", "Plugins", "Programs", "HTTP", "TLS", "Keys", "SPIFFE", "Daemon",
        "HCL", logging, crypto, cryptoExtras, x509, asn1,
      ]),
    .systemLibrary(name: "CTPM", providers: [.apt(["libtss2-dev"])]),
    part(
      "AgentPlugins",
      [
        "CHost", "CTPM", "SVIDFiles", "NodeProofs", "Kubernetes", "Plugins", "HTTP", "Keys", "SPIFFE", "Daemon", "HCL",
        logging, crypto, nioCore, nioPosix,
      ]),

    // Composition
    part(
      "Server",
      [
        "SPIFFE", "Keys", "DatastoreAPI", "SQLDatastore", "Authority", "ServerPlugins", "Plugins", "RPC", "HTTP",
        "WebCertificates", "TLS", "Daemon", "HCL", "SPIREProtos", "WorkloadProtos", logging, lifecycle, protobuf,
        grpcCore, nioCore, nioPosix, nioHTTP1, nioSSL, x509, asn1, crypto,
        daemon("GRPCProtobuf", "grpc-swift-protobuf"),
      ]),
    part(
      "Agent",
      [
        "SPIFFE", "Keys", "AgentPlugins", "SVIDFiles", "WorkloadClient", "Plugins", "RPC", "HTTP", "TLS",
        "WebCertificates", "Daemon", "HCL", "SPIREProtos", "WorkloadProtos", "EnvoyProtos", logging, lifecycle,
        protobuf, grpcCore, nioSSL, x509, asn1, crypto, cryptoExtras, daemon("GRPCProtobuf", "grpc-swift-protobuf"),
      ]),

    part(
      "OIDCDiscovery",
      [
        "SPIFFE", "Keys", "WebCertificates", "WorkloadClient", "RPC", "HTTP", "Daemon", "HCL", "Flags", "SPIREProtos",
        "WorkloadProtos", logging, lifecycle, protobuf, grpcCore, nioCore, nioSSL,
        daemon("GRPCProtobuf", "grpc-swift-protobuf"),
      ]),

    part(
      "SpiffeHelper",
      [
        "SVIDFiles", "WorkloadClient", "SPIFFE", "Keys", "RPC", "Daemon", "HCL", "Flags", "WorkloadProtos", logging,
        x509, lifecycle, grpcCore,
      ]),

    // Commands
    part(
      "ServerCommands",
      [
        "Server", "Console", "Flags", "RPC", "SPIFFE", "Keys", "SPIREProtos", "Daemon", logging, protobuf, grpcCore,
        crypto, x509, asn1,
      ]),
    part(
      "AgentCommands",
      [
        "Agent", "WorkloadClient", "Console", "Flags", "RPC", "SPIFFE", "SPIREProtos", "WorkloadProtos", "Daemon",
        logging, protobuf, grpcCore, crypto, x509, asn1,
      ]),
    part(
      "DevCommands",
      [
        "CSpawn", "Flags", "RPC", "SPIFFE", "SPIREProtos", "WorkloadProtos", "Daemon", protobuf, grpcCore, x509,
        daemon("UnixSignals", "swift-service-lifecycle"),
      ]),

    // Programs
    program("spire-server", ["ServerCommands", "Flags"]),
    program("spire-agent", ["AgentCommands", "Flags"]),
    program("spire", ["DevCommands", "Flags"]),
    program("oidc-discovery-provider", ["OIDCDiscovery", "Flags"]),
    program("spiffe-helper", ["SpiffeHelper", "Flags"]),

    // Tests
    .target(name: "Mutations", path: "Tests/Mutations", swiftSettings: strict),
    .target(
      name: "HTTPTesting",
      dependencies: ["SPIFFE", nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS, x509, crypto, asn1],
      path: "Tests/HTTPTesting", swiftSettings: strict),
    .target(
      name: "KubernetesTesting", dependencies: ["HTTPTesting", "SPIFFE", nioHTTP1, crypto],
      path: "Tests/Support/Kubernetes", swiftSettings: strict),
    .target(
      name: "DaemonTesting", dependencies: ["Daemon", logging], path: "Tests/DaemonTesting", swiftSettings: strict),
    tests("SPIFFE", ["GoSyntax", "Mutations", crypto, cryptoExtras, x509, asn1]),
    tests("HCL"),
    tests("Flags", ["GoSyntax"]),
    tests("Daemon", ["DaemonTesting", "HCL", logging, lifecycle, nioCore, nioHTTP1, nioEmbedded]),
    tests("Keys", ["SPIFFE", "Daemon", crypto, cryptoExtras]),
    tests("HTTP", ["Mutations", "HTTPTesting", "SPIFFE", "Daemon", nioCore, nioHTTP1, nioSSL, x509, crypto, asn1]),
    tests("AWS", ["DaemonTesting", "Mutations", "HTTPTesting", "HTTP", "Daemon", logging, nioHTTP1]),
    .target(
      name: "AzureTesting",
      dependencies: ["Azure", "HTTPTesting", "HTTP", "SPIFFE", nioHTTP1, crypto, cryptoExtras, x509, asn1],
      path: "Tests/Support/Azure", swiftSettings: strict),
    tests(
      "Azure",
      [
        "DaemonTesting", "AzureTesting", "Mutations", "HTTPTesting", "HTTP", "SPIFFE", "Daemon", nioHTTP1, crypto,
        cryptoExtras,
      ]),
    tests(
      "Kubernetes",
      ["KubernetesTesting", "Programs", "Mutations", "HTTPTesting", "HTTP", "SPIFFE", "Daemon", nioHTTP1]),
    tests("Plugins", ["HCL", "Daemon", logging]),
    .target(
      name: "NodeProofTesting", dependencies: ["SPIFFE", crypto, cryptoExtras, x509, asn1],
      path: "Tests/Support/NodeProofs", exclude: ["Fixtures"], swiftSettings: strict),
    .target(
      name: "NodeAttestorTesting",
      dependencies: ["ServerPlugins", "NodeProofs", "Plugins", "KubernetesTesting", "DaemonTesting", "SPIFFE"],
      path: "Tests/Support/NodeAttestors", swiftSettings: strict),
    tests("NodeProofs", ["NodeProofTesting", "Mutations", "SPIFFE", crypto, cryptoExtras]),
    tests(
      "RPC",
      [
        "Mutations", "HTTPTesting", "HTTP", "TLS", "SPIFFE", "Daemon", "SPIREProtos", logging, lifecycle, grpcCore,
        protobuf, x509, asn1, crypto, nioCore, nioPosix, nioTLS, nioSSL, nioHTTP2, nioHPACK, nioEmbedded,
        daemon("GRPCProtobuf", "grpc-swift-protobuf"),
      ]),
    .target(
      name: "TestDatabases", dependencies: ["CPostgres", "CMariaDB"], path: "Tests/Support/Databases",
      swiftSettings: strict),
    tests(
      "SQLDatastore",
      [
        "Mutations", "TestDatabases", "HTTPTesting", "DatastoreAPI", "SPIFFE", "SPIREProtos", "CSQLite", "AWS",
        "Daemon", logging, protobuf,
      ], resources: [.copy("Recorded")]),
    tests(
      "Authority",
      [
        "DaemonTesting", "Mutations", "SPIFFE", "Keys", "DatastoreAPI", "SQLDatastore", "SPIREProtos", "Daemon",
        logging, lifecycle, x509, crypto, cryptoExtras, asn1,
      ]),
    tests(
      "ServerPlugins",
      [
        "DaemonTesting", "Mutations", "AzureTesting", "Azure", "HTTPTesting", "NodeAttestorTesting", "NodeProofTesting",
        "NodeProofs", "Kubernetes", "KubernetesTesting", "Plugins", "HTTP", "TLS", "Keys", "SPIFFE", "Daemon", "HCL",
        logging, nioHTTP1, nioSSL, crypto, cryptoExtras, x509, asn1,
      ]),
    .target(
      name: "SystemdTesting", path: "Tests/Support/Systemd", exclude: ["units.py"], swiftSettings: strict),
    .target(
      name: "TPMTesting", dependencies: ["TestDatabases"], path: "Tests/Support/TPM", swiftSettings: strict),
    tests("SVIDFiles", ["DaemonTesting", "SPIFFE", "Daemon", x509, crypto]),
    tests(
      "AgentPlugins",
      [
        "HTTPTesting", "SystemdTesting", "TPMTesting", "Mutations", "SVIDFiles", "DaemonTesting", "NodeProofTesting",
        "Kubernetes", "NodeProofs", "KubernetesTesting", "HTTP", "Plugins", "Keys", "SPIFFE", "Daemon", "HCL", logging,
        nioHTTP1, crypto, nioCore, nioPosix,
      ],
      resources: [.copy("Containers/Corpus")]),
    tests(
      "Server",
      [
        "DaemonTesting", "Mutations", "TestDatabases", "HTTPTesting", "NodeAttestorTesting", "NodeProofTesting",
        "NodeProofs", "SPIFFE", "Keys", "DatastoreAPI", "SQLDatastore", "Authority", "WebCertificates", "Plugins",
        "ServerPlugins", "RPC", "HTTP", "TLS", "Daemon", "HCL", "SPIREProtos", "CSQLite", logging, lifecycle, protobuf,
        grpcCore, nioCore, nioPosix, nioHTTP1, nioSSL, x509, crypto, asn1,
      ]),
    tests(
      "Agent",
      [
        "DaemonTesting", "CommandTesting", "HTTPTesting", "Mutations", "SPIFFE", "Keys", "AgentPlugins", "SVIDFiles",
        "WorkloadClient", "RPC", "HTTP", "TLS", "Daemon", "HCL", "SPIREProtos", "WorkloadProtos", "EnvoyProtos",
        logging, protobuf, grpcCore, nioSSL, nioHTTP1, x509, crypto, asn1,
        daemon("GRPCProtobuf", "grpc-swift-protobuf"),
      ]),
    tests(
      "WebCertificates",
      [
        "DaemonTesting", "Mutations", "HTTPTesting", "HTTP", "SPIFFE", "Keys", "RPC", "Daemon", logging, lifecycle,
        nioCore, nioPosix, nioHTTP1, nioSSL, crypto, x509, asn1,
      ]),
    tests(
      "OIDCDiscovery",
      [
        "DaemonTesting", "CommandTesting", "Mutations", "WorkloadClient", "SPIFFE", "Keys", "RPC", "Daemon", "HCL",
        "Flags", "SPIREProtos", "WorkloadProtos", logging, lifecycle, protobuf, grpcCore, nioSSL, crypto,
      ]),
    tests("WorkloadClient", ["Mutations"]),
    tests(
      "SpiffeHelper",
      [
        "DaemonTesting", "CommandTesting", "HTTPTesting", "Mutations", "SVIDFiles", "WorkloadClient", "SPIFFE", "Keys",
        "RPC", "Daemon", "HCL", "Flags", "WorkloadProtos", logging, lifecycle, protobuf, grpcCore, crypto, x509,
      ]),
    tests("Console", ["Flags", "SPIREProtos", "SPIFFE", protobuf]),
    .target(
      name: "CommandTesting",
      dependencies: ["RPC", "Daemon", protobuf, grpcCore, daemon("GRPCProtobuf", "grpc-swift-protobuf")],
      path: "Tests/CommandTesting", swiftSettings: strict),
    tests(
      "ServerCommands",
      [
        "DaemonTesting", "CommandTesting", "Mutations", "Console", "Flags", "SPIREProtos", "SPIFFE", "Server", "RPC",
        "Daemon", protobuf, grpcCore, crypto, cryptoExtras, x509, asn1,
      ]),
    tests(
      "AgentCommands",
      [
        "CommandTesting", "Console", "Flags", "SPIREProtos", "WorkloadProtos", "SPIFFE", "RPC", "Daemon", protobuf,
        grpcCore,
      ]),
    tests("DevCommands", ["Flags"]),
    .testTarget(
      name: "ImmunityTests",
      dependencies: [
        "DaemonTesting", "AzureTesting", "Azure", "NodeAttestorTesting", "NodeProofTesting", "HTTPTesting",
        "KubernetesTesting", "ServerPlugins", "AgentPlugins", "NodeProofs", "Plugins", "Kubernetes", "AWS", "RPC",
        "SPIFFE",
        "HTTP", "HCL", "Flags", "Daemon", logging, nioHTTP1, x509, crypto, cryptoExtras, asn1,
      ],
      path: "Tests/Immunity", swiftSettings: strict),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "spire-server", "spire-agent", "spire", "oidc-discovery-provider", "spiffe-helper", "CommandTesting",
        "TestDatabases", "SystemdTesting", "TPMTesting", "HTTPTesting", "KubernetesTesting", nioHTTP1,
      ],
      path: "Tests/Integration", exclude: ["Clients"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzz targets have no main of their own: Scripts/fuzz.sh, which sets this, links each with libFuzzer's.
if Context.environment["SPIRE_FUZZ"] != nil {
  func fuzz(_ name: String, _ dependencies: [Target.Dependency]) {
    let target = "\(name)Fuzz"
    package.products.append(.library(name: target, type: .static, targets: [target]))
    package.targets.append(
      .target(
        name: target, dependencies: ["FuzzSupport"] + dependencies, path: "Fuzzing/\(target)", exclude: ["corpus"],
        swiftSettings: strict))
  }
  package.targets.append(.target(name: "FuzzSupport", path: "Fuzzing/FuzzSupport", swiftSettings: strict))
  fuzz("SPIFFEID", ["SPIFFE"])
  fuzz("JSON", ["SPIFFE"])
  fuzz("PEM", ["SPIFFE"])
  fuzz("Certificate", ["SPIFFE", x509])
  fuzz("PublicKey", ["SPIFFE"])
  fuzz("BundleDocument", ["SPIFFE"])
  fuzz("JWT", ["SPIFFE"])
  fuzz("WIT", ["SPIFFE"])
  fuzz("CSR", ["Authority", "SPIFFE", x509, asn1])
  fuzz("KeyFile", ["Keys", "SPIFFE", crypto])
  fuzz("AgentData", ["Agent", "SPIFFE"])
  fuzz("Times", ["Daemon", "RPC"])
  fuzz("Frames", ["RPC", grpcCore, nioCore, nioEmbedded])
  fuzz("Process", ["AgentPlugins"])
  fuzz("ContainerFiles", ["AgentPlugins"])
  fuzz("StorePlace", ["AgentPlugins"])
  fuzz("DBusMessage", ["AgentPlugins"])
  fuzz("DockerAnswer", ["AgentPlugins", "HTTP"])
  fuzz("CommandArguments", ["SVIDFiles"])
  fuzz("BrokerReference", ["Agent", "AgentPlugins", "WorkloadProtos", protobuf])
  fuzz("Secrets", ["Agent", "EnvoyProtos", "SPIFFE", protobuf, crypto, x509])
  fuzz("MySQLDSN", ["SQLDatastore", "DatastoreAPI"])
  fuzz("WebURL", ["HTTP"])
  fuzz("VaultAnswer", ["ServerPlugins", "HTTP", "SPIFFE"])
  fuzz("XML", ["AWS"])
  fuzz("AWSFiles", ["AWS"])
  fuzz("SignedMessage", ["ServerPlugins", "SPIFFE"])
  fuzz("Entry", ["Server", "ServerCommands", "DatastoreAPI", "SPIFFE", "SPIREProtos", protobuf])
  fuzz("CommandLine", ["Flags"])
  fuzz("Tar", ["Server"])
  fuzz("PostgresDSN", ["SQLDatastore"])
  fuzz("ClientHello", ["WebCertificates"])
  fuzz("SSHCertificate", ["NodeProofs", "SPIFFE"])
  fuzz("NodeMessage", ["NodeProofs", "SPIFFE"])
  fuzz("TPM", ["NodeProofs", "SPIFFE"])
  fuzz("AgentPath", ["ServerPlugins"])
  fuzz("EntryFile", ["ServerCommands", "SPIREProtos", "SPIFFE"])
  fuzz("KubernetesAnswer", ["AgentPlugins", "Kubernetes"])
  fuzz("PSATAnswer", ["ServerPlugins", "Plugins", "Kubernetes"])
  fuzz("AzureAnswer", ["ServerPlugins", "Azure", "HTTP", "SPIFFE"])
  fuzz("GoogleAnswer", ["ServerPlugins", "HTTP", "SPIFFE"])
  fuzz("KubeConfig", ["Kubernetes", "HTTP"])
}

// The load client and the bare echo of `make bench`; Benchmarks/run sets this.
if Context.environment["SPIRE_BENCH"] != nil {
  package.targets.append(contentsOf: [
    .executableTarget(
      name: "spire-load", dependencies: [nioCore, nioHPACK], path: "Benchmarks/Load", swiftSettings: strict),
    .executableTarget(
      name: "bench-echo", dependencies: ["RPC", "Daemon", grpcCore, lifecycle], path: "Benchmarks/Echo",
      swiftSettings: strict),
    .executableTarget(
      name: "bench-issuing",
      dependencies: [
        "Server", "Authority", "SQLDatastore", "DatastoreAPI", "Keys", "SPIFFE", "Daemon", logging, x509, asn1, crypto,
      ], path: "Benchmarks/Issuing", swiftSettings: strict),
    .executableTarget(
      name: "bench-model",
      dependencies: ["Server", "SQLDatastore", "DatastoreAPI", "SPIFFE", "SPIREProtos", "Daemon", logging, protobuf],
      path: "Benchmarks/Model", swiftSettings: strict),
    .executableTarget(
      name: "spire-fleet",
      dependencies: ["SPIREProtos", nioCore, nioPosix, nioSSL, nioHPACK, protobuf, crypto, asn1, x509],
      path: "Benchmarks/Fleet", swiftSettings: strict),
  ])
}
