import CommandTesting
import Daemon
import Foundation
import SPIFFE
import SPIREProtos
import SwiftASN1
import SwiftProtobuf
import Synchronization
import Testing
import X509

@testable import ServerCommands

@Suite struct MintTests {
  private typealias Method = Spire_Api_Server_Svid_V1_SVID.Method

  private static func x509(
    expiresAt: Int64 = 0, _ seen: @Sendable @escaping (Spire_Api_Server_Svid_V1_MintX509SVIDRequest) -> Void = { _ in }
  ) -> [any FakeMethod] {
    [
      Unary<Spire_Api_Server_Svid_V1_MintX509SVIDRequest, Spire_Api_Server_Svid_V1_MintX509SVIDResponse>(
        Method.MintX509SVID.descriptor
      ) { request in
        seen(request)
        return .with {
          $0.svid.certChain = [Data([1, 2, 3])]
          $0.svid.expiresAt = expiresAt
        }
      },
      Unary<Spire_Api_Server_Bundle_V1_GetBundleRequest, Spire_Api_Types_Bundle>(
        Spire_Api_Server_Bundle_V1_Bundle.Method.GetBundle.descriptor
      ) { _ in .with { $0.x509Authorities = [.with { $0.asn1 = Data([4]) }] } },
    ]
  }

  @Test func theRequestHoldsTheNamesAndTheKey() async throws {
    let seen = Mutex<Spire_Api_Server_Svid_V1_MintX509SVIDRequest?>(nil)
    let outcome = try await run(
      "x509 mint -spiffeID spiffe://a/b -dns one -dns two -ttl 1m0.5s -output json",
      methods: Self.x509 { request in seen.withLock { $0 = request } })
    let request = try #require(seen.withLock { $0 })
    #expect(request.ttl == 61)
    let csr = try CertificateSigningRequest(derEncoded: Array(request.csr))
    #expect(csr.publicKey.isValidSignature(csr.signature, for: csr))
    let names = try #require(try csr.attributes.extensionRequest?.extensions.subjectAlternativeNames)
    #expect(Array(names) == [.uniformResourceIdentifier("spiffe://a/b"), .dnsName("one"), .dnsName("two")])
    let json = try JSONValue(parsing: outcome.stdout)
    #expect(json["x509_svid"]?.array == ["AQID"])
    #expect(json["root_cas"]?.array == ["BA=="])
    let key = try #require(json["private_key"]?.string.flatMap { Data(base64Encoded: $0) })
    let pem = PEM.encode(Array(key), type: "PRIVATE KEY")
    #expect(try Certificate.PrivateKey(pemEncoded: pem).publicKey == csr.publicKey)
    #expect(outcome.stdout.hasPrefix(#"{"x509_svid":"#))
  }

  @Test func filesHaveTheirModes() async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await run("x509 mint -spiffeID spiffe://a/b -write \(folder)", methods: Self.x509())
      #expect(
        outcome
          == .success(
            "X509-SVID written to \(folder)/svid.pem\nPrivate key written to \(folder)/key.pem\n"
              + "Root CAs written to \(folder)/bundle.pem\n"))
      for (name, mode, type) in [
        ("svid.pem", 0o644, "CERTIFICATE"), ("key.pem", 0o600, "PRIVATE KEY"), ("bundle.pem", 0o644, "CERTIFICATE"),
      ] {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
        #expect(attributes[.posixPermissions] as? Int == mode)
        let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
        #expect(try PEM.decode(text).map(\.type) == [type])
      }
    }
  }

  @Test func aShorterLifetimeIsTold() async throws {
    let now = Int64(Date().timeIntervalSince1970)
    let capped = try await run(
      "x509 mint -spiffeID spiffe://a/b -ttl 1h", methods: Self.x509(expiresAt: now + 60))
    #expect(
      capped.stderr
        == "X509-SVID lifetime was capped shorter than specified ttl; expires "
        + "\"\(GoTime.rfc3339(Date(timeIntervalSince1970: Double(now + 60))))\"\n")
    let full = try await run(
      "x509 mint -spiffeID spiffe://a/b -ttl 1h", methods: Self.x509(expiresAt: now + 3660))
    #expect(full.stderr.isEmpty)
  }

  @Test func aTokenIsWrittenForTheOwnerOnly() async throws {
    let methods: [any FakeMethod] = [
      Unary<Spire_Api_Server_Svid_V1_MintJWTSVIDRequest, Spire_Api_Server_Svid_V1_MintJWTSVIDResponse>(
        Method.MintJWTSVID.descriptor
      ) { request in
        #expect(request.audience == ["x", "y"])
        #expect(request.ttl == 1)
        return .with {
          $0.svid.token = "a.b.c"
          $0.svid.expiresAt = 1
        }
      }
    ]
    try await withTemporaryFolder { folder in
      let outcome = try await run(
        "jwt mint -spiffeID spiffe://a/b -audience x -audience y -ttl 1ms -write \(folder)/token", methods: methods)
      #expect(outcome.stdout == "JWT-SVID written to \(folder)/token\n")
      #expect(
        outcome.stderr
          == "JWT-SVID lifetime was capped shorter than specified ttl; expires \"1970-01-01T00:00:01Z\"\n")
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/token")
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      #expect(try String(contentsOfFile: "\(folder)/token", encoding: .utf8) == "a.b.c")
    }
  }

  @Test func aRefusalNamesTheServersReason() async throws {
    let outcome = try await run("jwt mint -spiffeID spiffe://a/b -audience x", methods: [])
    #expect(outcome.code == 1)
    #expect(outcome.stderr.hasPrefix("Error: unable to mint SVID: rpc error: code = Unimplemented desc = "))
  }
}
