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
  ]

  @Test func membersAreTheFields() throws {
    let fields = try ProtoFields(packageOf: #filePath)
    for type in Self.messages {
      #expect(Set(type.init().members.keys) == fields[type.protoMessageName], "\(type.protoMessageName)")
    }
  }
}
