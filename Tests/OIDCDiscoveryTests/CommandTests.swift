import Flags
import Foundation
import Testing

@testable import OIDCDiscovery

/// The command line (oidc-discovery-provider §1).
@Suite struct CommandTests {
  private func run(_ arguments: [String]) async -> (Int32, String, String) {
    let io = CapturedIO()
    let code = await DiscoveryProvider.program.run(arguments, io: io.io)
    return (code, io.stdout, io.stderr)
  }

  @Test func version() async {
    for flag in ["-version", "--version"] {
      let (code, out, err) = await run([flag])
      #expect(code == 0 && out == "1.15.3\n" && err == "")
    }
  }

  @Test func wrongLines() async {
    let (code, _, err) = await run(["-config", "x", "a", "b"])
    #expect(code == 1 && err.hasPrefix("Error: unexpected arguments: [a b]\nUsage of oidc-discovery-provider:\n"))
    let (unknown, _, text) = await run(["-nope"])
    #expect(unknown == 1 && text.hasPrefix("flag provided but not defined: -nope\n"))
    let (help, _, usage) = await run(["--help"])
    #expect(help == 0 && usage.contains("-config") && usage.contains("(default \"oidc-discovery-provider.conf\")"))
    let (none, _, why) = await run(["-config", "/nowhere/x.conf"])
    #expect(none == 1 && why == "unable to load configuration: open /nowhere/x.conf: no such file or directory\n")
  }

  @Test func itsPages() async throws {
    let folder = NSTemporaryDirectory() + "oidc-docs-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(await run(["docs", "-out", folder]).0 == 0)
    #expect(await run(["docs", "-format", "man", "-out", folder]).0 == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(names == ["README.md", "oidc-discovery-provider.1"])
    let page = try String(contentsOfFile: folder + "/README.md", encoding: .utf8)
    #expect(page.contains("# oidc-discovery-provider\n") && page.contains("$ oidc-discovery-provider [flags]"))
  }
}
