import Azure
import AzureTesting
import Crypto
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import Mutations
import NIOHTTP1
import NodeAttestorTesting
import Plugins
import SPIFFE
import Synchronization
import Testing
import X509

@testable import ServerPlugins

/// Documents of `azure_imds`: what the signed content must say, who may have signed, and where the intermediate comes from.
@Suite struct AzureIMDSDocumentTests {
  private static let invalid = "InvalidArgument: failed to validate attested document: "
  private let bench: AzureIMDSBench

  init() throws { bench = try AzureIMDSBench() }

  @Test func contentsAreChecked() async throws {
    let signer = try bench.azure.signer.signer()
    @Sendable func signed(_ text: String) -> @Sendable (String) throws -> [UInt8] {
      { nonce in
        TestAzure.response(
          try AzureSigner.signed(Array(text.replacingOccurrences(of: "NONCE", with: nonce).utf8), by: signer))
      }
    }
    let machine = TestAzure.machine
    let cases: [(String, String)] = [
      (#"{"nonce":"NONCE","subscriptionId":"s"}"#, "missing VM ID in attested document"),
      (#"{"nonce":"NONCE","vmId":5,"subscriptionId":"s"}"#, "missing VM ID in attested document"),
      (#"{"nonce":"NONCE","vmId":"\#(machine)"}"#, "missing subscription ID in attested document"),
      (#"{"nonce":"x","vmId":"\#(machine)","subscriptionId":"s"}"#, "nonce mismatch"),
      (#"{"vmId":"\#(machine)","subscriptionId":"s"}"#, "nonce mismatch"),
      (#"{"nonce":"NONCE","vmId":"x","subscriptionId":"s"}"#, #"invalid VM ID: invalid UUID format: "x""#),
      (
        #"{"nonce":"NONCE","vmId":"\#(machine)' or 1==1","subscriptionId":"s"}"#,
        "invalid VM ID: invalid UUID format: "
      ),
      (#"{"nonce":"NONCE","vmId":"\#(machine)","subscriptionId":"a/b"}"#, #"invalid subscription ID: "a/b""#),
      ("[]", "failed to validate attested document: failed to unmarshal attested document payload: "),
      ("no", "failed to validate attested document: failed to unmarshal attested document payload: "),
      (
        #"{"nonce":"NONCE","nonce":"x","vmId":"\#(machine)","subscriptionId":"s"}"#,
        "failed to validate attested document: failed to unmarshal attested document payload: "
      ),
    ]
    try await bench.with { attestor, _, server in
      for (text, expected) in cases {
        let said = try await bench.says(attestor, signed(text))
        #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0)
    }
  }

  @Test func signersAreChecked() async throws {
    let authority = bench.azure.signer
    let (good, other) = (try authority.signer(), try authority.signer(key: 1))
    @Sendable func signed(_ make: @escaping @Sendable ([UInt8]) throws -> [UInt8])
      -> @Sendable (String) throws -> [UInt8]
    {
      { TestAzure.response(try make(TestAzure.content(nonce: $0))) }
    }
    @Sendable func by(_ signer: AzureSigner.Signer) -> @Sendable (String) throws -> [UInt8] {
      signed { try AzureSigner.signed($0, by: signer) }
    }
    let chain =
      Self.invalid + "certificate chain validation failed: unable to verify signing certificate against root CAs: "
    let cases: [(@Sendable (String) throws -> [UInt8], String)] = [
      (signed { _ in [] }, Self.invalid + "missing signature in attested document"),
      (signed { _ in [1, 2, 3] }, Self.invalid + "failed to parse PKCS7 signature: "),
      (
        signed { try AzureSigner.signed($0, by: good, signers: 2) },
        Self.invalid + "failed to parse PKCS7 signature: the message must have exactly one signer"
      ),
      (
        signed { try AzureSigner.signed($0, by: good, signers: 0) },
        Self.invalid + "failed to parse PKCS7 signature: the message must have exactly one signer"
      ),
      (
        signed { try AzureSigner.signed($0, by: good, bag: []) },
        Self.invalid + "no certificates found in PKCS7 signature"
      ),
      (
        signed { try AzureSigner.signed($0, by: good, bag: [other.certificate]) },
        Self.invalid + "expected exactly one signer certificate in PKCS7 signature"
      ),
      (
        signed { content in
          var bytes = try AzureSigner.signed(content, by: good)
          bytes[bytes.count - 1] ^= 1
          return bytes
        }, Self.invalid + "signature verification failed: "
      ),
      (
        by(try authority.signer(names: ["metadata.azure.com.evil.test"])),
        Self.invalid + "signing certificate validation failed: certificate does not have any valid domain in SAN "
          + "(found SANs=[metadata.azure.com.evil.test], allowed domains=[metadata.azure.com])"
      ),
      (by(try authority.signer(names: ["evilmetadata.azure.com"])), Self.invalid + "signing certificate validation"),
      (by(try authority.signer(names: [])), Self.invalid + "signing certificate validation failed: "),
      (by(try authority.signer(lifetime: -60)), chain + "x509: certificate has expired or is not yet valid: "),
      (
        by(try authority.signer(usages: [.clientAuth])), chain + "x509: certificate specifies an incompatible key usage"
      ),
      (by(try authority.signer(selfSigned: true)), chain + "x509: certificate signed by unknown authority"),
    ]
    try await bench.with { attestor, _, server in
      for (answer, expected) in cases {
        let said = try await bench.says(attestor, answer)
        #expect(said.hasPrefix(expected), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0)
      for names in [["metadata.azure.com"], ["x.test", "a.b.METADATA.azure.com"]] {
        _ = try await bench.attest(attestor, by(try authority.signer(names: names)))
      }
      _ = try await bench.attest(attestor, by(try authority.signer(usages: [])))
    }
    try await bench.with(azureTenant + "\nallowed_metadata_domains = [\"metadata.azure.us\"]") { attestor, _, _ in
      let said = try await bench.says(attestor, by(good))
      #expect(said.hasPrefix(Self.invalid + "signing certificate validation failed: "))
      _ = try await bench.attest(attestor, by(try authority.signer(names: ["x.metadata.azure.us"])))
    }
    try await bench.with(trustsTests: false) { attestor, _, _ in
      let said = try await bench.says(attestor, by(good))
      #expect(said.hasPrefix(Self.invalid + "failed to get intermediate certificate: "), "\(said)")
    }
  }

  @Test(arguments: [
    #"{"document":{"signature":5}}"#, #"{"document":5}"#, "x", #"{"metadata":{"vmssName":5}}"#, "[]",
    #"{"metadata":{"agentDomain":[]}}"#,
  ])
  func responsesAreReadOrRefused(_ text: String) async throws {
    try await bench.with { attestor, _, _ in
      let said = try await bench.says(attestor) { _ in Array(text.utf8) }
      #expect(said.hasPrefix("InvalidArgument: failed to unmarshal data payload: "), "\(said)")
    }
  }

  @Test func largeAndEmptyResponses() async throws {
    try await bench.with { attestor, _, _ in
      let nothing = try await bench.says(attestor) { _ in [] }
      #expect(nothing == "InvalidArgument: missing attestation payload")
      let empty = try await bench.says(attestor) { _ in Array("{}".utf8) }
      #expect(empty == Self.invalid + "missing signature in attested document")
      let large = #"{"document":{"signature":"\#(String(repeating: "A", count: 140_000))"}}"#
      let said = try await bench.says(attestor) { _ in Array(large.utf8) }
      #expect(said == Self.invalid + "the signature has more than 131072 bytes")
    }
  }

  // MARK: The intermediate

  @Test(arguments: [
    "http://169.254.169.254/metadata/identity", "http://www.microsoft.com.evil.test/x",
    "http://www.microsoft.com:8080/x",
    "http://evil.test/www.microsoft.com", "http://www.microsoft.com@evil.test/", "ldap://www.microsoft.com/x",
    "//www.microsoft.com/x", "http://127.0.0.1/", "http://[::1]/", "",
  ])
  func issuersElsewhereAreNotAskedFor(_ url: String) async throws {
    let signer = try bench.azure.signer.signer(issuers: [url])
    try await bench.with { attestor, _, server in
      let said = try await bench.says(attestor, bench.answer(signer))
      #expect(said.hasPrefix(Self.invalid + "failed to get intermediate certificate: "), "\(said)")
      #expect(server.script.requests.isEmpty)
    }
  }

  @Test func theIntermediateComesAsPEMToo() async throws {
    let pem = PEM.encode(bench.azure.signer.issuer, type: "CERTIFICATE")
    bench.azure.replace("/www.microsoft.com/", pem)
    let signer = try bench.azure.signer.signer()
    try await bench.with { attestor, _, _ in _ = try await bench.attest(attestor, bench.answer(signer)) }
  }

  @Test func intermediatesOfNoUse() async throws {
    let signer = try bench.azure.signer.signer()
    let stranger = try AzureSigner()
    let answers: [TestWebServer.Answer] = [
      .page(404, [], []), .page(503, [], []), .endless, .hangUp, .page(200, [], []), .page(200, [], [0x30, 0x80]),
      .page(302, [("Location", "/www.microsoft.com/real")], []), .page(200, [], stranger.issuer),
      .page(200, [], [UInt8](repeating: 0x30, count: 70_000)),
    ]
    bench.azure.replace("/www.microsoft.com/real") { [azure = bench.azure] _ in .page(200, [], azure.signer.issuer) }
    for answer in answers {
      bench.azure.replace("/www.microsoft.com/pkiops") { _ in answer }
      try await bench.with { attestor, _, server in
        for _ in 0..<2 {
          let said = try await bench.says(attestor, bench.answer(signer))
          #expect(said.hasPrefix(Self.invalid + "failed to get intermediate certificate: "), "\(said)")
        }
        #expect(TestAzure.count(server, "/www.microsoft.com/real") == 0)
        #expect(TestAzure.count(server, "/www.microsoft.com") >= 2, "failures are not kept")
      }
    }
  }
}
