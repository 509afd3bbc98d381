package import SPIFFE
package import SwiftProtobuf

/// Turns claims into the protobuf struct of ValidateJWTSVID's answer.
package enum ClaimsStruct {
  package static func make(_ members: [JSONObject.Member]) -> Google_Protobuf_Struct {
    Google_Protobuf_Struct(fields: Dictionary(members.map { ($0.name, value($0.value)) }, uniquingKeysWith: { $1 }))
  }

  /// The depth is bounded: the token's JSON was.
  private static func value(_ json: JSONValue) -> Google_Protobuf_Value {
    switch json {
    case .null: Google_Protobuf_Value(nilLiteral: ())
    case .bool(let value): Google_Protobuf_Value(boolValue: value)
    case .int(let value): Google_Protobuf_Value(numberValue: Double(value))
    case .double(let value): Google_Protobuf_Value(numberValue: value)
    case .string(let value): Google_Protobuf_Value(stringValue: value)
    case .array(let items): Google_Protobuf_Value(listValue: Google_Protobuf_ListValue(values: items.map(value)))
    case .object(let object): Google_Protobuf_Value(structValue: make(object.members))
    }
  }
}
