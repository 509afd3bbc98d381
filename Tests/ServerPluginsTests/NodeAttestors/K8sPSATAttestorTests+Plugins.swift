import DaemonTesting
import Foundation
import KubernetesTesting
import NodeAttestorTesting
import Testing

@testable import ServerPlugins

extension K8sPSATAttestorTests {
  /// A kubeconfig whose credentials a program makes. What the program complains of is for the operator, not for agents.
  @Test func credentialPlugins() async throws {
    try await with { setting in
      func config(_ script: String) throws {
        try setting.cluster.kubeConfig(port: setting.server.port, token: "-").replacingOccurrences(
          of: "token: -",
          with: """
            exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: /bin/sh
                  args: ["-c", '\(script)']
                  interactiveMode: IfAvailable
            """
        ).write(toFile: setting.folder + "/config", atomically: true, encoding: .utf8)
      }
      try config("echo the account 4711 is locked >&2; exit 7")
      let attestor = try await setting.attestor()
      let warning = setting.log.first("The kubeconfig's credential plugin failed")
      #expect(warning?.fields["cluster"] == "east")
      #expect(warning?.fields["stderr"] == "the account 4711 is locked")
      #expect(setting.log.first("The cluster cannot be asked as it is configured") != nil)
      let token = try setting.tokens.issue(to: setting.agent)
      let said = try await says(attestor, payload(token))
      #expect(said.hasSuffix("getting credentials: exec: executable /bin/sh failed with exit code 7"), "\(said)")
      #expect(setting.server.requests.isEmpty)
      try config(
        #"echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"server-token\"}}""#
      )
      let attested = try await attest(attestor, payload(token))
      #expect(attested.id == "spiffe://example.org/spire/agent/k8s_psat/east/\(PSATSetting.nodeUID)")
    }
  }
}
