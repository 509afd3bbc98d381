package import FoundationEssentials
package import SPIFFE
package import SwiftProtobuf

/// A value in the JSON form that SPIRE's programs print: protobuf JSON with the original field names, default values
/// written out, and messages that are not set left out.
///
/// Conformances stand beside the commands that print the message; those of the shared types are here.
package protocol ProtoJSON {
  var json: JSONValue { get }
}

/// A protobuf message: every field under its name in the proto, `nil` for a message that is not set.
package protocol ProtoJSONMessage: ProtoJSON {
  var members: [String: (any ProtoJSON)?] { get }
}

extension ProtoJSONMessage {
  package var json: JSONValue { JSONValue.sorted(members.compactMapValues { $0?.json }) }
}

extension JSONValue {
  /// An object whose members are in the order of their names.
  static func sorted(_ members: [String: JSONValue]) -> JSONValue {
    .object(
      JSONObject(
        members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
          .map { JSONObject.Member(name: $0.key, value: $0.value) }))
  }

  /// The value without members that are `null`, at any depth: SPIRE's printers drop them.
  var withoutNullMembers: JSONValue {
    switch self {
    case .array(let items): .array(items.map(\.withoutNullMembers))
    case .object(let object):
      .object(
        JSONObject(
          object.members.filter { !$0.value.isNull }
            .map { JSONObject.Member(name: $0.name, value: $0.value.withoutNullMembers) }))
    default: self
    }
  }
}

extension String: ProtoJSON {
  package var json: JSONValue { .string(self) }
}

extension Bool: ProtoJSON {
  package var json: JSONValue { .bool(self) }
}

extension Int32: ProtoJSON {
  package var json: JSONValue { .int(Int64(self)) }
}

// Protobuf JSON writes 64-bit integers as strings, since many readers keep numbers as doubles.
extension Int64: ProtoJSON {
  package var json: JSONValue { .string(String(self)) }
}

extension UInt64: ProtoJSON {
  package var json: JSONValue { .string(String(self)) }
}

extension Data: ProtoJSON {
  package var json: JSONValue { .string(base64EncodedString()) }
}

extension Array: ProtoJSON where Element: ProtoJSON {
  package var json: JSONValue { .array(map(\.json)) }
}

extension Dictionary: ProtoJSON where Key == String, Value: ProtoJSON {
  package var json: JSONValue { JSONValue.sorted(mapValues(\.json)) }
}

extension Google_Protobuf_Empty: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { [:] }
}

extension Google_Protobuf_Struct: ProtoJSON {
  package var json: JSONValue { fields.json }
}

extension Google_Protobuf_Value: ProtoJSON {
  package var json: JSONValue {
    switch kind {
    case .numberValue(let number): .double(number)
    case .stringValue(let text): .string(text)
    case .boolValue(let flag): .bool(flag)
    case .structValue(let members): members.json
    case .listValue(let list): list.values.json
    case .nullValue, nil: .null
    }
  }
}
