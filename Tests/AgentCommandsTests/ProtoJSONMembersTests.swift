import CommandTesting
import Console
import Foundation
import SPIREProtos
import SwiftProtobuf
import Testing
import WorkloadProtos

@testable import AgentCommands

/// The JSON of every message has exactly the fields of its proto.
@Suite struct ProtoJSONMembersTests {
  typealias Printed = ProtoJSONMessage & SwiftProtobuf.Message

  static let messages: [any Printed.Type] = [
    WorkloadX509SVIDResponse.self, WorkloadX509SVID.self, WorkloadJWTSVIDResponse.self, WorkloadJWTSVID.self,
    WorkloadJWTBundlesResponse.self, WorkloadValidateJWTSVIDResponse.self,
    Spire_Agent_Debug_V1_GetInfoResponse.self, Spire_Agent_Debug_V1_GetInfoResponse.Cert.self,
    Swiftspire_Agent_Explain_V1_AgentState.self, Swiftspire_Agent_Explain_V1_Attestor.self,
    Swiftspire_Agent_Explain_V1_Entry.self, Swiftspire_Agent_Explain_V1_ExplainAgentResponse.self,
    Swiftspire_Agent_Explain_V1_ExplainProcessResponse.self, Swiftspire_Agent_Explain_V1_Finding.self,
    Swiftspire_Agent_Explain_V1_Process.self, Swiftspire_Agent_Explain_V1_X509SVID.self,
  ]

  @Test func membersAreTheFields() throws {
    let fields = try ProtoFields(packageOf: #filePath)
    for type in Self.messages {
      #expect(Set(type.init().members.keys) == fields[type.protoMessageName], "\(type.protoMessageName)")
    }
  }
}
