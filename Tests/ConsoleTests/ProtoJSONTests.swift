import Foundation
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Console

@Suite struct ProtoJSONTests {
  private func text(_ message: any ProtoJSON) -> String { message.json.text(.sorted) }

  @Test func defaultValuesAreWritten() {
    #expect(text(Spire_Api_Types_SPIFFEID()) == #"{"path":"","trust_domain":""}"#)
    #expect(
      text(Spire_Api_Types_Logger()) == #"{"current_level":"UNSPECIFIED","launch_level":"UNSPECIFIED"}"#)
    #expect(text(Spire_Api_Types_Status()) == #"{"code":0,"message":""}"#)
    #expect(text(Google_Protobuf_Empty()) == "{}")
  }

  @Test func scalarsHaveTheirProtobufForm() {
    #expect(Int64.min.json == .string("-9223372036854775808"))
    #expect(UInt64.max.json == .string("18446744073709551615"))
    #expect(Int32(-3).json == .int(-3))
    #expect(Data([0xFB, 0xFF]).json == .string("+/8="))
    #expect(["b", "a"].json == .array(["b", "a"]))
    #expect(text(["b": true, "a": false]) == #"{"a":false,"b":true}"#)
  }

  @Test func namesOfLevelsAreTheProtosOwn() throws {
    for level in Spire_Api_Types_LogLevel.allCases {
      let logger = Spire_Api_Types_Logger.with { $0.currentLevel = level }
      guard level != .unspecified else { continue }
      #expect(try logger.jsonString().contains(level.json.text(.compact)))
    }
  }

  @Test func htmlIsEscaped() {
    let status = Spire_Api_Types_Status.with { $0.message = "<a> & \u{2028}" }
    #expect(text(status) == #"{"code":0,"message":"\u003ca\u003e \u0026 \u2028"}"#)
  }

  @Test func claimsKeepTheirValues() throws {
    let claims = try Google_Protobuf_Struct(
      jsonString: #"{"s":"x","n":1795292150,"f":1.5,"big":1e21,"b":true,"l":[1,null],"o":{"k":null},"z":null}"#)
    #expect(
      text(claims)
        == #"{"b":true,"big":1e+21,"f":1.5,"l":[1,null],"n":1795292150,"o":{"k":null},"s":"x","z":null}"#)
    #expect(
      claims.json.withoutNullMembers.text(.sorted)
        == #"{"b":true,"big":1e+21,"f":1.5,"l":[1,null],"n":1795292150,"o":{},"s":"x"}"#)
  }
}
