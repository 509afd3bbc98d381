import GRPCCore
import NIOHPACK

/// What the first HEADERS of a stream say, checked in the order and answered with the texts of grpc-go.
struct RequestHead: Sendable {
  let method: MethodTable.Method
  var metadata: Metadata
  /// How long the caller waits.
  let timeout: Duration?
  let encoding: MessageEncoding
  /// What follows `application/grpc` in the content type of request and response.
  let contentSubtype: String

  /// A request that breaks HTTP/2 itself: its stream is reset with PROTOCOL_ERROR.
  struct Malformed: Error {}

  /// Reads the fields of a request.
  ///
  /// - Throws: ``Refusal``, or ``Malformed``.
  init(_ headers: HPACKHeaders, methods: MethodTable) throws {
    var fields = Fields()
    var metadata = Metadata()
    metadata.reserveCapacity(headers.count)
    for (name, value, _) in headers { try fields.read(name, value, into: &metadata) }
    contentSubtype = try fields.check()
    self.metadata = metadata
    timeout = fields.timeout
    method = try methods.method(at: fields.path)
    guard let encoding = MessageEncoding(rawValue: fields.encoding) else {
      var refusal = Refusal(
        .unimplemented, "grpc: Decompressor is not installed for grpc-encoding \"\(fields.encoding)\"")
      refusal.namesEncodings = true
      throw refusal
    }
    self.encoding = encoding
  }

  /// The fields that mean something to the transport.
  private struct Fields {
    var httpMethod = ""
    var path = ""
    var contentType = ""
    var encoding = MessageEncoding.identity.rawValue
    var timeout: Duration?
    var authorities = 0
    var hosts = 0
    var fault: Refusal?

    mutating func read(_ name: String, _ value: String, into metadata: inout Metadata) throws {
      switch name {
      case ":path": path = value
      case ":method": httpMethod = value
      case ":authority": authorities += 1
      case ":scheme", "te", "grpc-message-type", "grpc-status", "grpc-message": break
      case "host": hosts += 1
      case "connection": throw Malformed()
      case "content-type": contentType = value
      case "grpc-encoding": encoding = value.isEmpty ? MessageEncoding.identity.rawValue : value
      case "grpc-timeout":
        do throws(GRPCTimeout.Malformed) {
          timeout = try GRPCTimeout.read(value)
        } catch {
          fault = Refusal(.internalError, "malformed grpc-timeout: \(error.reason)", http: .badRequest)
        }
      default:
        guard name.hasSuffix("-bin") else { return metadata.addString(value, forKey: name) }
        // Repeated values may travel as one, joined by commas.
        for part in value.split(separator: ",", omittingEmptySubsequences: false) {
          guard let bytes = BinaryHeader.decode(part) else {
            fault = Refusal(
              .internalError, "malformed binary metadata \"\(value)\" in header \"\(name)\": illegal base64 data",
              http: .badRequest)
            return
          }
          metadata.addBinary(bytes, forKey: name)
        }
      }
    }

    /// - Returns: the content subtype.
    func check() throws(Refusal) -> String {
      guard authorities <= 1, hosts <= 1 else {
        throw Refusal(
          .internalError, "num values of :authority: \(authorities), num values of host: \(hosts)", http: .badRequest)
      }
      guard let subtype = Self.subtype(of: contentType) else {
        throw Refusal(
          .invalidArgument, "invalid gRPC request content-type \"\(contentType)\"", http: .unsupportedMediaType)
      }
      if let fault { throw fault }
      guard httpMethod == "POST" else {
        throw Refusal(
          .internalError, "Received a HEADERS frame with :method \"\(httpMethod)\" which should be POST",
          http: .methodNotAllowed)
      }
      return subtype
    }

    /// `proto` of `application/grpc+proto`, the empty text of `application/grpc`, `nil` of anything else.
    private static func subtype(of contentType: String) -> String? {
      let base = "application/grpc"
      if contentType == base { return "" }
      let lowered = contentType.lowercased()
      guard lowered.hasPrefix(base) else { return nil }
      let rest = lowered.dropFirst(base.count)
      switch rest.first {
      case nil: return ""
      case "+": return String(rest.dropFirst().prefix { $0 != ";" && $0 != " " })
      case ";": return ""
      default: return nil
      }
    }
  }
}
