import Authority
import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import Testing
import X509

@testable import Server

private typealias SVID = Spire_Api_Server_Svid_V1_SVID

/// The SVID service.
@Suite struct SVIDAPITests {
  // MARK: Minting

  @Test func mintedX509SVIDsVerify() async throws {
    try await TestServer.with { server in
      let key = TestKey()
      var request = Spire_Api_Server_Svid_V1_MintX509SVIDRequest()
      request.csr = try key.csr(
        uris: ["spiffe://example.org/m"], dnsNames: ["a.example.org", "*.b.org"], organization: "ACME")
      request.ttl = 60
      let message = request
      let svid = try await server.local { try await SVID.Client(wrapping: $0).mintX509SVID(message).svid }
      let bundle = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      let verified = try X509SVIDVerifier(bundle: bundle)
        .verify(chain: svid.certChain.map { [UInt8]($0) }, at: server.time.now)
      #expect(verified.id == TestServer.id("/m"))
      #expect(try X509Certificates.dnsNames(of: verified.leaf) == ["a.example.org", "*.b.org"])
      #expect(svid.expiresAt == Int64(server.time.now.timeIntervalSince1970) + 60)
      let line = try #require(server.log.records.last { $0.message == "Signed X509 SVID" })
      #expect(line.fields["dns_name"] == "a.example.org,*.b.org")
      #expect(line.fields["subject"] == "O=ACME")
      #expect(line.fields["spiffe_id"] == "spiffe://example.org/m")
      #expect(line.fields["serial_num"] == X509Certificates.serialNumber(of: verified.leaf))
      #expect(line.fields["expiration"] == "2026-11-21T20:11:45Z")
    }
  }

  @Test func mintX509SVIDErrors() async throws {
    try await TestServer.with { server in
      let key = TestKey()
      var broken = try key.csr(uris: ["spiffe://example.org/m"])
      broken[broken.count - 1] ^= 1
      let cases: [(Data, String)] = [
        (Data(), "missing CSR"),
        (Data([1, 2]), "malformed CSR: "),
        (broken, "failed to verify CSR signature: "),
        (try key.csr(), "CSR URI SAN is required"),
        (try key.csr(uris: ["spiffe://example.org/a", "spiffe://example.org/b"]), "only one URI SAN is expected"),
        (try key.csr(uris: ["https://example.org/a"]), "CSR URI SAN is invalid: scheme is missing or invalid"),
        (
          try key.csr(uris: ["spiffe://other.org/a"]),
          "CSR URI SAN is invalid: \"spiffe://other.org/a\" is not a member of trust domain \"example.org\""
        ),
        (
          try key.csr(uris: ["spiffe://example.org/spire/agent/x"]),
          "CSR URI SAN is invalid: \"spiffe://example.org/spire/agent/x\" is not a workload in trust domain "
            + "\"example.org\"; path is in the reserved namespace"
        ),
        (
          try key.csr(uris: ["spiffe://example.org/a"], dnsNames: ["a_b"]), "CSR DNS name is invalid: idna error"
        ),
        (
          try key.csr(uris: ["spiffe://example.org/a"], dnsNames: ["*.x.org", "a.x.org"]),
          "CSR DNS name contains a wildcard that covers another non-wildcard name"
        ),
      ]
      try await server.local { client in
        for (csr, text) in cases {
          var request = Spire_Api_Server_Svid_V1_MintX509SVIDRequest()
          request.csr = csr
          let message = request
          let found = try await failure { try await SVID.Client(wrapping: client).mintX509SVID(message) }
          #expect(found.code == .invalidArgument)
          #expect(text.hasSuffix(": ") ? found.message.hasPrefix(text) : found.message == text, "\(found)")
        }
      }
    }
  }

  @Test func mintJWTSVID() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = SVID.Client(wrapping: client)
        var request = Spire_Api_Server_Svid_V1_MintJWTSVIDRequest()
        #expect(
          try await failure { try await service.mintJWTSVID(request) }
            == Failure(.invalidArgument, "invalid SPIFFE ID: request must specify SPIFFE ID"))
        request.id = TestServer.id("/m").api
        #expect(
          try await failure { try await service.mintJWTSVID(request) }
            == Failure(.invalidArgument, "at least one audience is required"))
        request.audience = [""]
        #expect(
          try await failure { try await service.mintJWTSVID(request) }
            == Failure(.internalError, "failed to sign JWT-SVID: invalid JWT-SVID audience: cannot be empty"))
        request.audience = ["a", "b"]
        let svid = try await service.mintJWTSVID(request).svid
        #expect(svid.id.path == "/m")
        #expect(svid.issuedAt == Int64(server.time.now.timeIntervalSince1970))
        #expect(svid.expiresAt == svid.issuedAt + 300)
        #expect(svid.token.split(separator: ".").count == 3)
      }
      let line = try #require(server.log.first("Server CA successfully signed JWT SVID"))
      #expect(line.fields["audience"] == "[a b]" || line.fields["audience"] == "[\"a\", \"b\"]")
      #expect(line.fields["expiration"] == "2026-11-21T20:15:45Z")
    }
  }

  @Test func jwtSVIDsCanBeDisabled() async throws {
    var options = TestServer.Options()
    options.features.disableJWTSVIDs = true
    try await TestServer.with(options) { server in
      let disabled = Failure(.unimplemented, "JWT functionality is disabled")
      try await server.local { client in
        let found = try await failure { try await SVID.Client(wrapping: client).mintJWTSVID(.init()) }
        #expect(found == disabled)
      }
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        let found = try await failure { try await SVID.Client(wrapping: client).newJWTSVID(.init()) }
        #expect(found == disabled)
      }
    }
  }

  // MARK: For agents

  @Test func batchNewX509SVID() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let mine = try await server.createEntry("/web", parent: agent.id) { entry in
        entry.x509SvidTtl = 60
        entry.dnsNames = ["web"]
        entry.hint = "h"
      }
      let other = try await server.createEntry("/db", parent: TestServer.id("/elsewhere"))
      let key = TestKey()
      var broken = try key.csr()
      broken[broken.count - 1] ^= 1
      var request = Spire_Api_Server_Svid_V1_BatchNewX509SVIDRequest()
      for (id, csr) in [
        (mine.id, try key.csr()), (other.id, try key.csr()), ("", try key.csr()), (mine.id, Data()),
        (mine.id, Data([1])), (mine.id, broken), ("unknown", try key.csr()),
      ] {
        var params = Spire_Api_Server_Svid_V1_NewX509SVIDParams()
        params.entryID = id
        params.csr = csr
        request.params.append(params)
      }
      let message = request
      try await server.remote(agent) { client in
        let results = try await SVID.Client(wrapping: client).batchNewX509SVID(message).results
        #expect(results.map(\.status.code) == [0, 5, 3, 3, 3, 3, 5])
        #expect(results[0].status.message == "OK")
        #expect(results[1].status.message == "entry not found or not authorized")
        #expect(results[2].status.message == "missing entry ID")
        #expect(results[3].status.message == "missing CSR")
        #expect(results[4].status.message.hasPrefix("malformed CSR: "))
        #expect(results[5].status.message.hasPrefix("invalid CSR signature: "))
        #expect(results[6].status.message == "entry not found or not authorized")
        #expect(results[0].svid.id.path == "/web")
        #expect(results[0].svid.hint == "h")
        #expect(results[0].svid.expiresAt == Int64(server.time.now.timeIntervalSince1970) + 60)
        let bundle = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
        let verified = try X509SVIDVerifier(bundle: bundle)
          .verify(chain: results[0].svid.certChain.map { [UInt8]($0) }, at: server.time.now)
        #expect(try X509Certificates.publicKey(of: verified.leaf).pkix == Array(key.key.publicKey.derRepresentation))
        #expect(
          try await failure { try await SVID.Client(wrapping: client).batchNewX509SVID(.init()) }
            == Failure(.invalidArgument, "missing parameters"))
      }
      let line = try #require(server.log.records.last { $0.message == "Signed X509 SVID" })
      #expect(line.fields["entry_id"] == mine.id)
      #expect(line.fields["revision_number"] == "0")
      #expect(line.fields["authorized_via"] == "datastore")
    }
  }

  @Test func newJWTSVID() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let entry = try await server.createEntry("/web", parent: agent.id) { entry in
        entry.jwtSvidTtl = 30
        entry.hint = "h"
        entry.additionalAttributes.jwtSvidIncludeJti = true
      }
      try await server.remote(agent) { client in
        let service = SVID.Client(wrapping: client)
        var request = Spire_Api_Server_Svid_V1_NewJWTSVIDRequest()
        request.entryID = entry.id
        #expect(
          try await failure { try await service.newJWTSVID(request) }
            == Failure(.invalidArgument, "at least one audience is required"))
        request.audience = ["db"]
        let svid = try await service.newJWTSVID(request).svid
        #expect(svid.expiresAt == svid.issuedAt + 30)
        #expect(svid.hint == "h")
        let payload = svid.token.split(separator: ".")[1]
        let claims = try JSONSerialization.jsonObject(with: decode(String(payload))) as? [String: Any]
        #expect(claims?["jti"] is String)
        #expect(claims?["sub"] as? String == "spiffe://example.org/web")
        request.entryID = "unknown"
        #expect(
          try await failure { try await service.newJWTSVID(request) }
            == Failure(.notFound, "entry not found or not authorized"))
      }
    }
  }

  private func decode(_ base64url: String) throws -> Data {
    var text = base64url.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    while text.count % 4 != 0 { text += "=" }
    return try #require(Data(base64Encoded: text))
  }
}
