import Daemon
import FoundationEssentials

/// The text of a key file: `{"keys": {"<id>": "<base64 of the PKCS#8 DER>"}}`, indented with tabs, ids sorted,
/// without a newline at the end. Upstream's server and agent read and write the same bytes.
enum KeyFile {
  /// The most bytes that are read: room for a thousand RSA-4096 keys.
  static let limit = 4 << 20

  private struct Content: Decodable {
    let keys: [String: String]?
  }

  static func encode(_ keys: [String: SoftwareKey]) -> [UInt8] {
    let lines = keys.sorted { $0.key < $1.key }.map { id, key in
      "\t\t\(JSONText.string(id)): \"\(Data(key.pkcs8).base64EncodedString())\""
    }
    let object = lines.isEmpty ? "{}" : "{\n" + lines.joined(separator: ",\n") + "\n\t}"
    return Array("{\n\t\"keys\": \(object)\n}".utf8)
  }

  static func decode(_ bytes: [UInt8]) throws(KeysError) -> [String: SoftwareKey] {
    let content: Content
    do {
      content = try JSONDecoder().decode(Content.self, from: Data(bytes))
    } catch {
      throw KeysError(.internal, "unable to decode keys JSON: \(reason(error))", cause: error)
    }
    var keys: [String: SoftwareKey] = [:]
    for (id, text) in content.keys ?? [:] {
      guard let der = Data(base64Encoded: text) else {
        throw KeysError(.internal, "unable to decode keys JSON: key \"\(id)\" is not base64")
      }
      do {
        keys[id] = try SoftwareKey(pkcs8: Array(der), id: id)
      } catch {
        throw KeysError(.internal, "unable to parse key \"\(id)\": \(error.message)", cause: error)
      }
    }
    return keys
  }

  /// Says what is wrong without repeating the file's content, which holds keys.
  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.dataCorrupted: "the file is not JSON"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "wrong type at \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\""
    default: "the file does not have the form {\"keys\": {\"<id>\": \"<base64>\"}}"
    }
  }
}
