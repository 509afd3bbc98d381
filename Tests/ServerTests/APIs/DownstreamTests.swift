import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftASN1
import Testing
import X509

@testable import Server

private typealias Service = Spire_Api_Server_Svid_V1_SVID

/// CAs of servers below this one (server-behaviour §4.1, §9.3).
@Suite struct DownstreamTests {
  private func with(
    _ options: TestServer.Options = .init(), _ body: @escaping @Sendable (TestServer, TestIdentity) async throws -> Void
  ) async throws {
    try await TestServer.with(options) { server in
      try await server.createEntry("/below", parent: TestServer.id("/host")) { $0.downstream = true }
      try await body(server, try await server.mint("/below"))
    }
  }

  private func sign(
    _ server: TestServer, _ caller: TestIdentity, csr: Data, ttl: Int32 = 0
  ) async throws -> Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse {
    var request = Spire_Api_Server_Svid_V1_NewDownstreamX509CARequest()
    request.csr = csr
    request.preferredTtl = ttl
    let message = request
    return try await server.remote(caller) { try await Service.Client(wrapping: $0).newDownstreamX509CA(message) }
  }

  private func refusal(_ server: TestServer, _ caller: TestIdentity, csr: Data) async throws -> Failure {
    try await failure { try await sign(server, caller, csr: csr) }
  }

  @Test func theCertificateIsAnIntermediateOfThisTrustDomain() async throws {
    try await with { server, caller in
      let key = TestKey()
      let response = try await sign(server, caller, csr: key.csr(uris: ["spiffe://example.org"]), ttl: 600)
      let bundle = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      #expect(response.x509Authorities.map { [UInt8]($0) } == bundle.x509Authorities.map(\.der))
      #expect(response.caCertChain.count == 1, "the root is not part of the chain")
      let ca = try Certificate(derEncoded: [UInt8](response.caCertChain[0]))
      let root = try Certificate(derEncoded: bundle.x509Authorities[0].der)
      #expect(ca.publicKey == .init(key.key.publicKey))
      #expect(ca.issuer == root.subject)
      #expect(root.publicKey.isValidSignature(ca.signature, for: ca))
      #expect(
        ca.notValidAfter == Date(timeIntervalSince1970: server.time.now.timeIntervalSince1970.rounded(.down)) + 600)
      #expect(try X509Certificates.uriNames(of: ca) == ["spiffe://example.org"])
      #expect(try ca.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: nil))
      let usage = try ca.extensions.keyUsage
      #expect(usage?.keyCertSign == true && usage?.cRLSign == true && usage?.digitalSignature == false)
      #expect(ca.subject.description.contains("OU=DOWNSTREAM-1"))
      let names = ca.subject.flatMap { $0 }.map { "\($0.type)=\($0.value)" }
      let parents = root.subject.flatMap { $0 }.map { "\($0.type)=\($0.value)" }
      #expect(Set(parents).isSubset(of: Set(names)), "the serial number of the parent's subject stays")
      #expect(
        X509Certificates.authorityKeyIdentifier(of: ca) == X509Certificates.subjectKeyIdentifier(of: root))
    }
  }

  /// Whatever a request names beside or instead of the trust domain: the certificate is that of this trust domain's CA, or
  /// there is none. The origins are in docs/security/immunity.md.
  @Test func theRequestCannotAskForMore() async throws {
    let requests: [(uris: [String], dnsNames: [String])] = [
      ([], []), (["spiffe://other.test"], []), (["spiffe://example.org/spire/server"], []),
      (["spiffe://example.org/admin"], []), (["spiffe://example.org", "spiffe://other.test"], []),
      (["spiffe://example.org"], ["server.example.org", "*"]), ([], ["localhost"]), (["https://example.org"], []),
    ]
    try await with { server, caller in
      var made = 0
      for request in requests {
        let csr = try TestKey().csr(uris: request.uris, dnsNames: request.dnsNames, organization: "SPIRE admins")
        let response: Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse
        do { response = try await sign(server, caller, csr: csr, ttl: .max) } catch let error as RPCError {
          #expect(error.code == .invalidArgument, "\(request)")
          continue
        }
        made += 1
        let ca = try Certificate(derEncoded: [UInt8](response.caCertChain[0]))
        let root = try Certificate(derEncoded: [UInt8](response.x509Authorities[0]))
        #expect(try X509Certificates.uriNames(of: ca) == ["spiffe://example.org"], "\(request)")
        #expect(try X509Certificates.dnsNames(of: ca).isEmpty, "\(request)")
        #expect(!ca.subject.description.contains("admins"))
        #expect(ca.notValidAfter <= root.notValidAfter)
      }
      #expect(made > 0)
    }
  }

  @Test(arguments: [0, -5, Int32.max]) func otherTTLs(_ ttl: Int32) async throws {
    try await with { server, caller in
      let response = try await sign(server, caller, csr: TestKey().csr(), ttl: ttl)
      let ca = try Certificate(derEncoded: [UInt8](response.caCertChain[0]))
      let root = try Certificate(derEncoded: [UInt8](response.x509Authorities[0]))
      // `ca_ttl`, and never longer than the issuer.
      #expect(ca.notValidAfter == root.notValidAfter)
    }
  }

  @Test func errors() async throws {
    var options = TestServer.Options()
    options.auditing = true
    try await with(options) { server, caller in
      let missing = try await refusal(server, caller, csr: Data())
      #expect(missing == Failure(.invalidArgument, "missing CSR"))
      let malformed = try await refusal(server, caller, csr: Data([1, 2]))
      #expect(malformed.code == .invalidArgument && malformed.message.hasPrefix("malformed CSR: "), "\(malformed)")
      var csr = try TestKey().csr()
      csr[csr.count - 1] ^= 1
      let forged = try await refusal(server, caller, csr: csr)
      #expect(forged.code == .invalidArgument && forged.message.hasPrefix("invalid CSR signature"))
      _ = try await sign(server, caller, csr: TestKey().csr())
      let record = try #require(server.log.all("API accessed").last { $0.fields["method"] == "NewDownstreamX509CA" })
      #expect(record.fields["trust_domain_id"] == "example.org")
      #expect(record.fields["expires_at"] != nil && record.fields["csr"]?.count == 64)
      #expect(record.fields["authorized_as"] == "downstream" && record.fields["authorized_via"] == "entries")

      // The entry decides, call by call.
      let entry = try #require(try await server.datastore.listEntries(.all).first { $0.downstream })
      _ = try await server.datastore.deleteEntries(ids: [entry.id])
      #expect(try await failure { try await sign(server, caller, csr: TestKey().csr()) }.code == .permissionDenied)
    }
  }

  @Test func aKeyOfADownstreamServerIsPublished() async throws {
    try await with { server, caller in
      var request = Spire_Api_Server_Bundle_V1_PublishJWTAuthorityRequest()
      let own = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      request.jwtAuthority = own.jwtAuthorities[0].api
      request.jwtAuthority.keyID = "below"
      let message = request
      let keys = try await server.remote(caller) {
        try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).publishJWTAuthority(message).jwtAuthorities
      }
      #expect(keys.map(\.keyID) == [own.jwtAuthorities[0].keyID, "below"])
    }
  }
}
