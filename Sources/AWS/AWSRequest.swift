/// A request to AWS as far as its signature covers it.
package struct AWSRequest: Hashable, Sendable {
  /// A name and a value.
  package struct Field: Hashable, Sendable {
    package var name: String
    package var value: String
    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What the signature says of the body.
  package enum Payload: Hashable, Sendable {
    case bytes([UInt8])
    /// Not covered; Amazon S3 allows it.
    case unsigned
  }

  package var method: String
  /// With the port, unless it is the usual one of the protocol.
  package var host: String
  /// As it is sent, percent-encoded.
  package var path: String
  /// Not encoded.
  package var query: [Field]
  /// Those to sign, besides `host` and `x-amz-date`.
  package var headers: [Field]
  package var payload: Payload

  package init(
    method: String = "GET", host: String, path: String = "/", query: [Field] = [], headers: [Field] = [],
    payload: Payload = .bytes([])
  ) {
    self.method = method
    self.host = host
    self.path = path
    self.query = query
    self.headers = headers
    self.payload = payload
  }
}
