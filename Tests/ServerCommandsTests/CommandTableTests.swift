import Flags
import Testing

@testable import ServerCommands

/// The commands' tables: names, types and defaults of upstream's flags, and what is ours beside them.
@Suite struct CommandTableTests {
  /// Flags as `name:type` or `name:type=default`; those that find the socket and choose the output are left out.
  static let upstream: [(command: String, flags: String)] = [
    ("agent ban", "spiffeID:string"),
    ("agent count", agentFilter), ("agent list", agentFilter),
    ("agent evict", "spiffeID:string"), ("agent show", "spiffeID:string"),
    ("agent purge", "dryRun expiredFor:duration=720h0m0s"),
    ("bundle count", ""), ("bundle show", "format:string=pem"), ("bundle list", "format:string=pem id:string"),
    ("bundle set", "format:string=pem id:string path:string"), ("bundle delete", "id:string mode:string=restrict"),
    ("debug getinfo", ""),
    ("entry create", entryFields + " node"), ("entry update", entryFields),
    ("entry delete", "entryID:string file:string"),
    ("entry show", entryFilter + " entryID:string"), ("entry count", entryFilter),
    ("federation create", federationFields), ("federation update", federationFields), ("federation list", ""),
    ("federation show", "trustDomain:string"), ("federation delete", "id:string"), ("federation refresh", "id:string"),
    ("healthcheck", "shallow verbose"),
    ("jwt mint", "audience:value spiffeID:string ttl:duration write:string"),
    ("x509 mint", "dns:value spiffeID:string ttl:duration write:string"),
    ("localauthority jwt activate", "authorityID:string"), ("localauthority jwt prepare", ""),
    ("localauthority jwt revoke", "authorityID:string"), ("localauthority jwt show", ""),
    ("localauthority jwt taint", "authorityID:string"),
    ("localauthority x509 activate", "authorityID:string"), ("localauthority x509 prepare", ""),
    ("localauthority x509 revoke", "authorityID:string"), ("localauthority x509 show", ""),
    ("localauthority x509 taint", "authorityID:string"),
    ("logger get", ""), ("logger reset", ""), ("logger set", "level:string"),
    ("run", run), ("validate", run),
    ("token generate", "spiffeID:string ttl:int=600"),
    ("upstreamauthority revoke", "subjectKeyID:string"), ("upstreamauthority taint", "subjectKeyID:string"),
  ]
  static let agentFilter =
    "attestationType:string banned:string canReattest:string expiresBefore:string matchSelectorsOn:string=superset selector:value"
  static let entryFilter =
    "downstream federatesWith:value hint:string matchFederatesWithOn:string=superset matchSelectorsOn:string=superset"
    + " parentID:string selector:value spiffeID:string"
  static let entryFields =
    "admin data:string disableX509SVIDPrefetch dns:value downstream entryExpiry:int entryID:string federatesWith:value"
    + " hint:string jwtSVIDIncludeJTI jwtSVIDTTL:int parentID:string selector:value spiffeID:string storeSVID"
    + " x509SVIDTTL:int"
  static let federationFields =
    "bundleEndpointProfile:string bundleEndpointURL:string data:string endpointSpiffeID:string trustDomain:string"
    + " trustDomainBundleFormat:string=pem trustDomainBundlePath:string"
  static let run =
    "bindAddress:string config:string=conf/server/server.conf dataDir:string expandEnv logFile:string logFormat:string"
    + " logLevel:string logSourceLocation serverPort:int socketPath:string trustDomain:string"

  /// Flags that upstream's commands do not have (docs/compatibility.md).
  static let added: [String: Set<String>] = [
    "entry create": ["dryRun"], "entry update": ["dryRun"], "federation refresh": ["force"],
    "localauthority jwt activate": ["force"], "localauthority x509 activate": ["force"],
  ]

  static func table(_ name: String) throws -> CommandDescription {
    try #require(ServerCommandTree.tree.descriptions.first { $0.words == name })
  }

  @Test(arguments: upstream) func flags(_ name: String, _ expected: String) throws {
    let command = try Self.table(name)
    let isClient = !["run", "validate"].contains(name)
    var expected = expected.split(separator: " ").map(String.init)
    if isClient { expected += ["socketPath:string=/tmp/spire-server/private/api.sock", "instance:string"] }
    if isClient && name != "healthcheck" { expected.append("output:value") }
    let shown = command.flags.filter { Self.added[name]?.contains($0.name) != true }.map { flag in
      flag.name + (flag.placeholder.isEmpty ? "" : ":" + flag.placeholder)
        + (flag.defaultText.isEmpty ? "" : "=" + flag.defaultText)
    }
    let sorted = expected.sorted { self.name(of: $0) < self.name(of: $1) }
    #expect(shown == sorted)
  }

  private func name(of flag: String) -> Substring { flag.prefix { $0 != ":" } }

  @Test func everyUpstreamCommandIsThere() {
    let names = Set(ServerCommandTree.commands.keys)
    #expect(Set(Self.upstream.map(\.command)).subtracting(names).isEmpty)
    let ours = names.subtracting(Self.upstream.map(\.command))
    #expect(ours.isSubset(of: ["backup", "docs methods", "explain", "localauthority rotate", "restore"]))
  }

  /// Each example is a line that the command takes.
  @Test(arguments: ServerCommandTree.tree.descriptions.filter { !$0.isHidden }) func examples(
    _ command: CommandDescription
  ) throws {
    guard let known = ServerCommandTree.commands[command.words] else { return }
    #expect(!command.synopsis.isEmpty && !command.synopsis.hasSuffix("."))
    for example in command.examples { try takes(known, command.words, example.line) }
  }

  private func takes(_ command: some Command, _ words: String, _ line: String) throws {
    #expect(line.hasPrefix(words))
    let rest = line.dropFirst(words.count).replacing("\\\n", with: " ").split(separator: " < ").first ?? ""
    var arguments: [String] = []
    for (index, part) in rest.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
      arguments += index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
    }
    if let redirection = arguments.firstIndex(of: ">") { arguments = Array(arguments[..<redirection]) }
    var options = command.defaults
    try FlagSet(command.name, command.flags).parse(arguments, into: &options)
  }

  /// The words that completion offers are the ones that commands take: none of them is refused before a call is made.
  @Test func offeredWordsAreTaken() async throws {
    let needed = [
      "bundle delete": "-id td", "bundle set": "-id td", "entry show": "-selector a:b -federatesWith td",
      "entry count": "-selector a:b -federatesWith td", "agent list": "-selector a:b", "agent count": "-selector a:b",
      "federation create":
        "-trustDomain td -bundleEndpointURL https://td -bundleEndpointProfile https_spiffe -endpointSpiffeID spiffe://td/s",
      "federation update":
        "-trustDomain td -bundleEndpointURL https://td -bundleEndpointProfile https_spiffe -endpointSpiffeID spiffe://td/s",
    ]
    for command in ServerCommandTree.tree.descriptions where !command.isHidden && command.environment.count > 0 {
      for flag in command.flags {
        guard case .oneOf(let words) = flag.kind else { continue }
        for word in words {
          let line = "\(command.words) \(needed[command.words] ?? "") -\(flag.name) \(word) -socketPath /nowhere.sock"
          let outcome = await ServerCommandsTests.run(line)
          for refusal in ["invalid value", "unknown", "unsupported", "invalid format", "not a valid setting"] {
            #expect(!outcome.stderr.contains(refusal), "\(line): \(outcome.stderr)")
          }
        }
      }
    }
  }
}
