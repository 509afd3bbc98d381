import Daemon
import Foundation
import GRPCCore
import HTTPTesting
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

/// Numbers and booleans in audit records and log lines are such in JSON, as upstream writes them (server-behaviour §10.3).
@Suite struct AuditJSONTests {
  @Test func numbersStayNumbers() async throws {
    let path = NSTemporaryDirectory() + "audit-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = LogOutput(
      writer: try LogWriter(path: path), format: .json, level: LogLevelControl(launch: .debug))
    var options = TestServer.Options()
    options.auditing = true
    options.logger = output.logger
    try await TestServer.with(options) { server in
      try await server.createEntry("/web", parent: TestServer.id("/host")) {
        $0.x509SvidTtl = 60
        $0.admin = true
      }
      _ = try await server.attest()
      var partner = try TestPKI("partner.test").bundle(refreshHint: 60).api(mask: nil)
      partner.sequenceNumber = 7
      let bundle = partner
      try await server.local { client in
        _ = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
          .batchSetFederatedBundle(.with { $0.bundle = [bundle] })
        _ = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client)
          .listAgents(.with { $0.filter.byBanned.value = true })
      }
    }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    func record(_ method: String) throws -> [String: Any] {
      for line in lines {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
        if object["type"] as? String == "audit", object["method"] as? String == method { return object }
      }
      throw Unexpected()
    }
    let entry = try record("BatchCreateEntry")
    #expect(entry["x509_svid_ttl"] is NSNumber && entry["x509_svid_ttl"] as? Int == 60)
    #expect(entry["revision_number"] as? Int == 0 && entry["expires_at"] as? Int == 0)
    #expect(entry["admin"] as? Bool == true && entry["downstream"] as? Bool == false)
    #expect(entry["spiffe_id"] as? String == "spiffe://example.org/web")
    #expect(try record("CreateJoinToken")["ttl"] as? Int == 600)
    let set = try record("BatchSetFederatedBundle")
    #expect(set["refresh_hint"] as? Int == 60 && set["sequence_number"] as? Int == 7)
    #expect(set["x509_authorities_asn1_sha256.0"] is String)
    #expect(try record("ListAgents")["by_banned"] as? Bool == true)
    #expect(try record("ListAgents")["caller_uid"] as? Int == Int(getuid()))
  }
}
