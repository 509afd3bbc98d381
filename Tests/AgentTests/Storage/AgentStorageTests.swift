import Foundation
import SPIFFE
import Testing

@testable import Agent

/// agent-data.json: upstream's bytes, and no start with a damaged file.
@Suite struct AgentStorageTests {
  @Test func recordedFileKeepsItsBytes() throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: recorded("agent-data.json"))))
    let data = try AgentData(decoding: bytes)
    #expect(data.svid.count == 1)
    #expect(data.bundle.count == 2)
    #expect(!data.reattestable)
    #expect(data.bootstrapUse == .rebootstrap)
    #expect(data.encoded() == bytes)
    let facts = try CertificateFacts(leaf: data.svid[0])
    #expect(facts.id.path.hasPrefix("/spire/agent/join_token/"))
  }

  @Test func emptyStateIsWrittenAsUpstreamDoes() {
    let text = String(decoding: AgentData().encoded(), as: UTF8.self)
    #expect(
      text == #"{"svid":null,"bundle":null,"reattestable":false,"bootstrap_use":0,"#
        + #""bootstrap_start_time":"0001-01-01T00:00:00Z","connection_attempts":0}"#)
  }

  @Test func missingFileIsAnEmptyStart() async throws {
    try await withFolder { folder in
      let storage = try AgentStorage(directory: folder)
      #expect(await storage.current == AgentData())
    }
  }

  @Test func changesSurviveARestartWithPrivateMode() async throws {
    try await withFolder { folder in
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: recorded("agent-data.json"))))
      let recordedData = try AgentData(decoding: bytes)
      let storage = try AgentStorage(directory: folder)
      try await storage.update { $0 = recordedData }
      let path = folder + "/agent-data.json"
      #expect(Array(try Data(contentsOf: URL(fileURLWithPath: path))) == bytes)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
      #expect(mode?.intValue == 0o600)
      #expect(await (try AgentStorage(directory: folder)).current == recordedData)
      try await storage.deleteSVID()
      let after = await (try AgentStorage(directory: folder)).current
      #expect(after.svid.isEmpty)
      #expect(after.bundle == recordedData.bundle)
    }
  }

  @Test(arguments: [
    "", "{", "[]", #"{"svid":"x"}"#, #"{"svid":["AAAA"]}"#, #"{"svid":[1]}"#, #"{"bootstrap_use":9}"#,
    #"{"svid":["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="]}"#,
  ])
  func damagedFileIsRefused(_ text: String) async throws {
    try await withFolder { folder in
      let path = folder + "/agent-data.json"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: AgentError.self) { try AgentStorage(directory: folder) }
      #expect(error?.code == .storage)
      #expect(error?.message.hasPrefix("failed to open storage: \(path): ") == true)
      // The damaged file is still there for whoever wants to save it.
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(text.utf8))
    }
  }

  @Test func nothingChangesWhenTheFileCannotBeWritten() async throws {
    try await withFolder { folder in
      let storage = try AgentStorage(directory: folder + "/missing")
      await #expect(throws: AgentError.self) { try await storage.update { $0.connectionAttempts = 7 } }
      #expect(await storage.current.connectionAttempts == 0)
    }
  }
}
