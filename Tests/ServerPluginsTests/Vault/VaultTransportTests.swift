import HCL
import HTTP
import HTTPTesting
import NIOSSL
import TLS
import Testing

@testable import ServerPlugins

/// The connections to a Vault keep what the server's do.
@Suite(.timeLimit(.minutes(3))) struct VaultTransportTests {
  /// `require_pq_kem`: a Vault without the key exchange is not spoken to.
  @Test(arguments: [true, false]) func theServersPolicy(isRequired: Bool) async throws {
    let certificate = try TestPKI("vault.test").server(hosts: ["localhost"])
    for (curves, knowsIt) in [([NIOTLSCurve.x25519], false), ([NIOTLSCurve.x25519_MLKEM768], true)] {
      try await TestWebServer.with(certificate, curves: curves, answer: { _ in .bundle("{}") }) { server in
        let text = #"""
          vault_addr = "https://localhost:\#(server.port)" insecure_skip_verify = true
          token_auth { token = "t" }
          """#
        var root = HCLDecoding(try HCLDocument.parse(text, file: "plugin_data")).root
        let settings = try VaultSettings(&root, environment: [:])
        let transport = VaultHTTP(settings, TLSPolicy(requirePostQuantumKeyExchange: isRequired))
        try await transport.reload()
        let answer = try? await transport.send(HTTPRequest(.get, settings.address))
        #expect((answer?.status == 200) == (knowsIt || !isRequired), "\(curves)")
      }
    }
  }
}
