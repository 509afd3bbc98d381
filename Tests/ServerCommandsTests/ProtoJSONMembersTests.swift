import CommandTesting
import Console
import Foundation
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import ServerCommands

/// The JSON of every message has exactly the fields of its proto.
@Suite struct ProtoJSONMembersTests {
  typealias Printed = ProtoJSONMessage & SwiftProtobuf.Message

  static let messages: [any Printed.Type] = [
    Spire_Api_Types_Agent.self, Spire_Api_Types_Bundle.self, Spire_Api_Types_Entry.self,
    Spire_Api_Types_Entry.AdditionalAttributes.self, Spire_Api_Types_HTTPSSPIFFEProfile.self,
    Spire_Api_Types_HTTPSWebProfile.self, Spire_Api_Types_JWTKey.self, Spire_Api_Types_JWTSVID.self,
    Spire_Api_Types_JoinToken.self, Spire_Api_Types_Logger.self, Spire_Api_Types_SPIFFEID.self,
    Spire_Api_Types_Selector.self, Spire_Api_Types_Status.self, Spire_Api_Types_WITKey.self,
    Spire_Api_Types_X509Certificate.self,
    Spire_Api_Server_Agent_V1_CountAgentsResponse.self, Spire_Api_Server_Agent_V1_ListAgentsResponse.self,
    Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse.self,
    Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse.Result.self,
    Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse.self,
    Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse.Result.self,
    Spire_Api_Server_Bundle_V1_CountBundlesResponse.self,
    Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse.self,
    Spire_Api_Server_Debug_V1_GetInfoResponse.self, Spire_Api_Server_Debug_V1_GetInfoResponse.Cert.self,
    Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.self,
    Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result.self,
    Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse.self,
    Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse.Result.self,
    Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.self,
    Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.Result.self,
    Spire_Api_Server_Entry_V1_CountEntriesResponse.self, Spire_Api_Server_Entry_V1_ListEntriesResponse.self,
    Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_AuthorityState.self,
    Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse.self,
    Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse.self,
    Spire_Api_Server_Localauthority_V1_PrepareJWTAuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_RevokeJWTAuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse.self,
    Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityResponse.self,
    Spire_Api_Server_Svid_V1_MintJWTSVIDResponse.self,
    Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse.self,
    Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse.Result.self,
    Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse.self,
    Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse.Result.self,
    Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse.self,
    Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse.Result.self,
    Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse.self,
    Swiftspire_Server_Rotation_V1_Confirmation.self, Swiftspire_Server_Rotation_V1_Confirmation.Agent.self,
    Swiftspire_Server_Explain_V1_Agent.self, Swiftspire_Server_Explain_V1_AgentExplanation.self,
    Swiftspire_Server_Explain_V1_Agents.self, Swiftspire_Server_Explain_V1_DryRunEntriesResponse.self,
    Swiftspire_Server_Explain_V1_DryRunEntriesResponse.Result.self,
    Swiftspire_Server_Explain_V1_EntryExplanation.self, Swiftspire_Server_Explain_V1_ExplainIdentityResponse.self,
    Swiftspire_Server_Explain_V1_Finding.self, Swiftspire_Server_Explain_V1_IssuedSVID.self,
    Swiftspire_Server_Explain_V1_Resemblance.self, Swiftspire_Server_Explain_V1_Step.self,
  ]

  @Test func membersAreTheFields() throws {
    let fields = try ProtoFields(packageOf: #filePath)
    for type in Self.messages {
      #expect(Set(type.init().members.keys) == fields[type.protoMessageName], "\(type.protoMessageName)")
    }
  }

  @Test func aProfileIsThereWhenItIsSet() throws {
    let fields = try #require(try ProtoFields(packageOf: #filePath)["spire.api.types.FederationRelationship"])
    var relationship = Spire_Api_Types_FederationRelationship()
    #expect(Set(relationship.members.keys) == fields.subtracting(["https_web", "https_spiffe"]))
    relationship.httpsWeb = .init()
    #expect(Set(relationship.members.keys) == fields.subtracting(["https_spiffe"]))
    relationship.httpsSpiffe = .init()
    #expect(Set(relationship.members.keys) == fields.subtracting(["https_web"]))
  }
}
