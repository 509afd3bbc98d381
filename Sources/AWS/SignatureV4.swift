import Crypto
import Daemon
package import FoundationEssentials

/// Signs requests to AWS (Signature Version 4), in a header or in the query of a URL that others may call.
///
/// A pure function of the request, the credentials and the time. Used by whoever calls AWS or proves to somebody who
/// can: databases of Amazon RDS take a signed URL as a password.
package struct SignatureV4: Sendable {
  package var region: String
  package var service: String

  private static let algorithm = "AWS4-HMAC-SHA256"

  package init(region: String, service: String) {
    self.region = region
    self.service = service
  }

  /// The headers to send with the request: `x-amz-date`, `x-amz-security-token` for temporary credentials, and
  /// `authorization`.
  package func headers(
    for request: AWSRequest, credentials: AWSCredentials, at date: Date
  ) -> [AWSRequest.Field] {
    let time = Self.timestamp(date)
    var added = [AWSRequest.Field("x-amz-date", time)]
    if let token = credentials.sessionToken { added.append(AWSRequest.Field("x-amz-security-token", token)) }
    var signed = request
    signed.headers += added
    let (signature, names) = sign(signed, credentials, time)
    let value =
      "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope(time)), "
      + "SignedHeaders=\(names), Signature=\(signature)"
    return added + [AWSRequest.Field("authorization", value)]
  }

  /// The request's host, path and query with the signature in it: a URL without its scheme, good for `expiry` seconds.
  package func presignedURL(
    for request: AWSRequest, credentials: AWSCredentials, at date: Date, expiry: Int
  ) -> String {
    let time = Self.timestamp(date)
    var signed = request
    signed.query += [
      AWSRequest.Field("X-Amz-Algorithm", Self.algorithm),
      AWSRequest.Field("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope(time))"),
      AWSRequest.Field("X-Amz-Date", time), AWSRequest.Field("X-Amz-Expires", String(expiry)),
    ]
    if let token = credentials.sessionToken { signed.query.append(AWSRequest.Field("X-Amz-Security-Token", token)) }
    signed.query.append(AWSRequest.Field("X-Amz-SignedHeaders", Self.signedHeaders(signed).names))
    let signature = sign(signed, credentials, time).signature
    return "\(request.host)\(request.path)?\(Self.query(signed))&X-Amz-Signature=\(signature)"
  }

  // MARK: Parts

  private func sign(
    _ request: AWSRequest, _ credentials: AWSCredentials, _ time: String
  ) -> (signature: String, names: String) {
    let (lines, names) = Self.signedHeaders(request)
    let payload =
      switch request.payload {
      case .bytes(let bytes): Self.hex(SHA256.hash(data: bytes))
      case .unsigned: "UNSIGNED-PAYLOAD"
      }
    // S3 aside, a path is encoded once more than it is sent.
    let path = service == "s3" ? request.path : Self.encode(request.path, keeping: "/")
    let canonical = [request.method, path, Self.query(request), lines, names, payload].joined(separator: "\n")
    let text = [Self.algorithm, time, scope(time), Self.hex(SHA256.hash(data: Array(canonical.utf8)))]
      .joined(separator: "\n")
    var key = SymmetricKey(data: Array("AWS4\(credentials.secretAccessKey)".utf8))
    for part in [String(time.prefix(8)), region, service, "aws4_request"] {
      key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
    }
    return (Self.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)), names)
  }

  private func scope(_ time: String) -> String { "\(time.prefix(8))/\(region)/\(service)/aws4_request" }

  /// The headers in their canonical form, each with a line end, and their names.
  private static func signedHeaders(_ request: AWSRequest) -> (lines: String, names: String) {
    let fields = ([AWSRequest.Field("host", request.host)] + request.headers)
      .map { AWSRequest.Field($0.name.lowercased(), trimmed($0.value)) }
      .sorted { $0.name < $1.name }
    return (
      fields.map { "\($0.name):\($0.value)\n" }.joined(), fields.map(\.name).joined(separator: ";")
    )
  }

  /// Without blanks around it, and with one for several within it.
  private static func trimmed(_ text: String) -> String { text.split(separator: " ").joined(separator: " ") }

  static func query(_ request: AWSRequest) -> String {
    request.query.map { (encode($0.name), encode($0.value)) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  static func encode(_ text: String, keeping kept: Unicode.Scalar? = nil) -> String {
    var result = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(scalar)
      case _ where scalar == kept: result.unicodeScalars.append(scalar)
      default: result += "%" + hex([byte]).uppercased()
      }
    }
    return result
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// `20150830T123600Z`
  private static func timestamp(_ date: Date) -> String {
    String(GoTime.rfc3339(date, nanos: false).filter { $0 != "-" && $0 != ":" })
  }
}
