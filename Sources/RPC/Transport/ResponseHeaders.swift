import GRPCCore
import NIOHPACK

/// The header blocks of responses. Those that are the same for most calls are made once.
enum ResponseHeaders {
  private static let plain: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
  private static let plainEnd: HPACKHeaders = ["grpc-status": "0"]
  private static let plainOnly: HPACKHeaders = [
    ":status": "200", "content-type": "application/grpc", "grpc-status": "0",
  ]

  /// The first block of a response.
  static func head(subtype: String, encoding: MessageEncoding, metadata: Metadata) -> HPACKHeaders {
    var headers = subtype.isEmpty ? plain : base(subtype)
    if encoding != .identity { headers.add(name: "grpc-encoding", value: encoding.rawValue) }
    if !metadata.isEmpty { add(metadata, to: &headers) }
    return headers
  }

  /// The last block of a response that has a first one.
  static func trailers(_ status: Status, _ metadata: Metadata) -> HPACKHeaders {
    if status.code == .ok, status.message.isEmpty, metadata.isEmpty { return plainEnd }
    var headers = HPACKHeaders()
    add(status, metadata, to: &headers)
    return headers
  }

  /// The only block of a response without messages.
  static func only(
    _ status: Status, _ metadata: Metadata, subtype: String = "", http: Refusal.HTTPStatus = .ok,
    namesEncodings: Bool = false
  ) -> HPACKHeaders {
    if status.code == .ok, status.message.isEmpty, metadata.isEmpty, subtype.isEmpty { return plainOnly }
    var headers = http == .ok && subtype.isEmpty ? plain : base(subtype, http)
    if namesEncodings { headers.add(name: "grpc-accept-encoding", value: MessageEncoding.accepted) }
    add(status, metadata, to: &headers)
    return headers
  }

  private static func base(_ subtype: String, _ http: Refusal.HTTPStatus = .ok) -> HPACKHeaders {
    [":status": http.rawValue, "content-type": subtype.isEmpty ? "application/grpc" : "application/grpc+\(subtype)"]
  }

  private static func add(_ status: Status, _ metadata: Metadata, to headers: inout HPACKHeaders) {
    headers.add(name: "grpc-status", value: String(status.code.rawValue))
    if !status.message.isEmpty { headers.add(name: "grpc-message", value: percentEncoded(status.message)) }
    add(metadata, to: &headers)
  }

  private static func add(_ metadata: Metadata, to headers: inout HPACKHeaders) {
    for (key, value) in metadata {
      let name = key.lowercased()
      switch value {
      case .string(let text): headers.add(name: name, value: text)
      case .binary(let bytes): headers.add(name: name, value: BinaryHeader.encode(bytes))
      }
    }
  }

  /// A status message as a header: printable ASCII without `%` as it is, every other byte as `%XX`.
  static func percentEncoded(_ message: String) -> String {
    func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte <= 0x7E && byte != UInt8(ascii: "%") }
    if message.utf8.allSatisfy(isPlain) { return message }
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in message.utf8 {
      if isPlain(byte) {
        encoded.append(byte)
      } else {
        encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
