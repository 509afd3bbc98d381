import Azure
import AzureTesting
import DaemonTesting
import Foundation
import HTTPTesting
import NodeAttestorTesting
import Plugins
import SPIFFE

@testable import ServerPlugins

/// One tenant, looked up as an application with a secret.
let azureTenant = #"tenants = { "contoso.com" = { secret_auth = { app_id = "app", app_secret = "s" } } }"#

/// What the suites of `azure_imds` start from: an Azure of the tests' own, whose authority `trust_bundle_path` names.
struct AzureIMDSBench: Sendable {
  let azure: TestAzure
  let bundle: TemporaryFolder
  let now = Date()

  init() throws {
    azure = try TestAzure()
    bundle = try TemporaryFolder()
    try PEM.encode(azure.signer.root, type: "CERTIFICATE")
      .write(toFile: bundle.file("root.pem"), atomically: true, encoding: .utf8)
  }

  func with(
    _ configuration: String = azureTenant, environment: [String: String] = [:], trustsTests: Bool = true,
    _ body: @Sendable (AzureIMDSAttestor, TestHost, TestWebServer) async throws -> Void
  ) async throws {
    let trust = trustsTests ? "\ntrust_bundle_path = \"\(bundle.file("root.pem"))\"" : ""
    try await azure.run(environment: environment) { places, server in
      let host = try TestHost(now: now)
      let attestor = AzureIMDSAttestor(host: host, places: places, time: HastyTime(now))
      try attestor.configure(PluginData(text: configuration + trust))
      try await body(attestor, host, server)
    }
  }

  func attest(
    _ attestor: AzureIMDSAttestor, _ answer: @escaping @Sendable (String) throws -> [UInt8]
  ) async throws -> Attested {
    Attested(
      try await attestor.attest(
        Array("non_empty_payload".utf8), with: TestAgentSide { try answer(String(decoding: $0, as: UTF8.self)) }))
  }

  /// An agent that answers as upstream's does, with a document of `signer`.
  func answer(
    _ signer: AzureSigner.Signer, machine: String = TestAzure.machine, subscription: String = TestAzure.subscription,
    domain: String = "contoso.com", scaleSet: String = "null"
  ) -> @Sendable (String) throws -> [UInt8] {
    { nonce in
      TestAzure.response(
        try AzureSigner.signed(
          TestAzure.content(nonce: nonce, machine: machine, subscription: subscription), by: signer),
        domain: domain, scaleSet: scaleSet)
    }
  }

  func says(
    _ attestor: AzureIMDSAttestor, _ answer: @escaping @Sendable (String) throws -> [UInt8]
  ) async throws -> String {
    try await refusal { try await attest(attestor, answer) }
  }
}
