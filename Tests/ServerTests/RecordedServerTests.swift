import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

/// A server of ours on the recorded datastore and keys comes up as the one that wrote them (issue item 8).
@Suite(.enabled(if: RecordedData.folder != nil)) struct RecordedServerTests {
  private func options() throws -> TestServer.Options {
    let folder = try #require(RecordedData.folder)
    var options = TestServer.Options()
    options.datastoreFile = folder + "/datastore-v25.sqlite3"
    options.keysFile = folder + "/server-keys.json"
    // Fifteen minutes into the life of the recorded SVIDs.
    options.time = TestTime(Date(timeIntervalSince1970: 1_795_291_845 + 900))
    return options
  }

  @Test func sameAuthoritiesAndEntries() async throws {
    try await TestServer.with(options()) { server in
      try await server.local { client in
        let authorities = Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: client)
        let x509 = try await authorities.getX509AuthorityState(.init())
        #expect(x509.active.authorityID == "1dd515e64959aa19e6bf44838201dcef62c85cf9")
        #expect(x509.prepared.authorityID == "065af83415c75b590f0b977fdb0d14da3d4c7cea")
        let jwt = try await authorities.getJWTAuthorityState(.init())
        #expect(jwt.active.authorityID == "MSibt0CKzhz7r988XJjnfcPGkw12l2zW")
        #expect(jwt.prepared.authorityID == "X4RoPNtefgQaiTUfG3cBt8v92KThm2bJ")
        let entries = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).listEntries(.init()).entries
        #expect(entries.count == 9)
        #expect(Set(entries.map(\.spiffeID.path)).isSuperset(of: ["/web", "/host", "/admin", "/down", "/stored"]))
      }
    }
  }

  @Test func theStoredAgentIsServed() async throws {
    let folder = try #require(RecordedData.folder)
    let data =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: folder + "/agent-data.json"))) as? [String: Any]
    let texts = try #require(data?["svid"] as? [String])
    var chain: [[UInt8]] = []
    for text in texts {
      let bytes = try #require(Data(base64Encoded: text))
      chain += try PEM.decode(String(decoding: bytes, as: UTF8.self)).map(\.der)
    }
    let keys =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: folder + "/agent-keys.json"))) as? [String: [String: String]]
    let key = try #require(Data(base64Encoded: keys?["keys"]?["agent-svid-A"] ?? ""))
    let id = try X509Certificates.spiffeID(of: try X509Certificates.parse(der: chain[0]))
    let identity = TestIdentity(id: id, chain: chain, key: [UInt8](key))
    try await TestServer.with(options()) { server in
      try await server.remote(identity) { client in
        _ = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).postStatus(.init())
        let entries = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client)
          .getAuthorizedEntries(.init()).entries
        // What the recorded agent was given SVIDs for, among others.
        #expect(Set(entries.map(\.spiffeID.path)).isSuperset(of: ["/down", "/host", "/web", "/admin", "/stored"]))
      }
    }
  }
}

/// Where the recorded data is, if it is there.
private enum RecordedData {
  static let folder: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let data = ProcessInfo.processInfo.environment["SPIRE_TESTDATA"] ?? root + "/../shared/testdata"
    return FileManager.default.fileExists(atPath: data + "/upstream/datastore-v25.sqlite3") ? data + "/upstream" : nil
  }()
}
