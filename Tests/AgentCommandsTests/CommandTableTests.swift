import Flags
import Testing

@testable import AgentCommands

/// The commands' tables: names, types and defaults of upstream's flags, and what is ours beside them.
@Suite struct CommandTableTests {
  private static let socket = "instance:string socketPath:string=/tmp/spire-agent/public/api.sock"
  private static let admin = "output:value socketPath:string=/tmp/spire-agent/private/admin.sock"
  private static let run =
    "allowUnauthenticatedVerifiers config:string=conf/agent/agent.conf dataDir:string disableSDSAPI disableWorkloadAPI"
    + " expandEnv insecureBootstrap joinToken:string joinTokenFile:string logFile:string logFormat:string logLevel:string"
    + " logSourceLocation rebootstrapDelay:string rebootstrapMode:string serverAddress:string serverPort:int"
    + " socketPath:string trustBundle:string trustBundleFormat:string trustBundleUrl:string trustDomain:string"

  /// Flags as `name:type` or `name:type=default`.
  static let upstream: [(command: String, flags: String)] = [
    ("api fetch", "output:value silent timeout:duration=5s write:string \(socket)"),
    ("api fetch x509", "output:value silent timeout:duration=5s write:string \(socket)"),
    ("api fetch jwt", "audience:value format:value output:value spiffeID:string timeout:duration=5s \(socket)"),
    ("api validate jwt", "audience:string output:value svid:string timeout:duration=5s \(socket)"),
    ("api watch", socket), ("healthcheck", "shallow verbose \(socket)"),
    ("debug getinfo", admin), ("logger get", admin), ("logger reset", admin), ("logger set", "level:string \(admin)"),
    ("run", run), ("validate", run),
  ]

  @Test(arguments: upstream) func flags(_ name: String, _ expected: String) throws {
    let command = try #require(AgentCommandTree.tree.descriptions.first { $0.words == name })
    let shown = command.flags.map { flag in
      flag.name + (flag.placeholder.isEmpty ? "" : ":" + flag.placeholder)
        + (flag.defaultText.isEmpty ? "" : "=" + flag.defaultText)
    }
    let sorted = expected.split(separator: " ").map(String.init).sorted { self.name(of: $0) < self.name(of: $1) }
    #expect(shown == sorted)
  }

  private func name(of flag: String) -> Substring { flag.prefix { $0 != ":" } }

  @Test func everyUpstreamCommandIsThere() {
    let names = Set(AgentCommandTree.commands.keys)
    #expect(Set(Self.upstream.map(\.command)).subtracting(names).isEmpty)
    #expect(names.subtracting(Self.upstream.map(\.command)).isSubset(of: ["docs methods", "explain"]))
  }

  /// Each example is a line that the command takes.
  @Test(arguments: AgentCommandTree.tree.descriptions.filter { !$0.isHidden }) func examples(
    _ command: CommandDescription
  ) throws {
    guard let known = AgentCommandTree.commands[command.words] else { return }
    #expect(!command.synopsis.isEmpty && !command.synopsis.hasSuffix("."))
    for example in command.examples { try takes(known, command.words, example.line) }
  }

  private func takes(_ command: some Command, _ words: String, _ line: String) throws {
    #expect(line.hasPrefix(words))
    let arguments = line.dropFirst(words.count).replacing("\\\n", with: " ").split(separator: " ").map(String.init)
    var options = command.defaults
    try FlagSet(command.name, command.flags).parse(arguments, into: &options)
  }
}
