import Daemon
import Kubernetes
import SPIFFE

/// What a cluster says of a token (`authentication.k8s.io/v1`). Total on any bytes. A value.
struct TokenReview: Hashable, Sendable {
  /// Why nothing can be made of a review.
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  static let podNameKey = "authentication.kubernetes.io/pod-name"
  static let podUIDKey = "authentication.kubernetes.io/pod-uid"
  /// A list of the answer with more is none of Kubernetes.
  private static let maximumList = 1024

  private(set) var isAuthenticated = false
  private(set) var username = ""
  private(set) var audiences: [String] = []
  /// Nil where the key is not there.
  private(set) var podNames: [String]?
  private(set) var podUIDs: [String]?
  private var error = ""

  /// The question.
  static func request(_ token: String, audience: [String]) -> JSONValue {
    var spec: JSONObject = ["token": .string(token)]
    if !audience.isEmpty { spec["audiences"] = .array(audience.map { .string($0) }) }
    return ["kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": .object(spec)]
  }

  /// Reads the answer; a token that is authenticated is for one of `audience`.
  init(_ answer: [UInt8], audience: [String]) throws(Unusable) {
    do { self = try Self.read(answer) } catch {
      throw Unusable(description: "unable to query token review API: the API server's answer cannot be read: \(error)")
    }
    guard error.isEmpty else {
      throw Unusable(description: "token review API response contains an error: \(error)")
    }
    // Without it, an API server that does not look at audiences would pass tokens that are meant for others.
    if isAuthenticated, !audience.isEmpty, !audience.contains(where: audiences.contains) {
      throw Unusable(
        description: "token review API did not validate audience: wanted one of \(Self.quoted(audience)) but got "
          + Self.quoted(audiences))
    }
  }

  private init() {}

  private static func read(_ answer: [UInt8]) throws(JSONCursor.Malformed) -> TokenReview {
    var review = TokenReview()
    var hasStatus = false
    var cursor = JSONCursor(answer)
    try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
      guard name == "status" else { return try cursor.skip() }
      hasStatus = true
      review = TokenReview()
      try cursor.object("expected a status") { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "authenticated": review.isAuthenticated = try cursor.bool()
        case "error": review.error = OutsideText.line(try cursor.string().utf8.prefix(1024))
        case "audiences": review.audiences = try list(&cursor)
        case "user": try review.readUser(&cursor)
        default: try cursor.skip()
        }
      }
    }
    try cursor.end()
    guard hasStatus else { throw JSONCursor.Malformed(what: "a review without status", offset: answer.count) }
    return review
  }

  private mutating func readUser(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
    (username, podNames, podUIDs) = ("", nil, nil)
    var (name, names, uids): (String, [String]?, [String]?) = ("", nil, nil)
    try cursor.object("expected a user") { (cursor, member) throws(JSONCursor.Malformed) in
      switch member {
      case "username": name = try cursor.string()
      case "extra":
        (names, uids) = (nil, nil)
        try cursor.object("expected extra") { (cursor, key) throws(JSONCursor.Malformed) in
          switch key {
          case Self.podNameKey: names = try Self.list(&cursor)
          case Self.podUIDKey: uids = try Self.list(&cursor)
          default: try cursor.skip()
          }
        }
      default: try cursor.skip()
      }
    }
    (username, podNames, podUIDs) = (name, names, uids)
  }

  private static func list(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) -> [String] {
    var values: [String] = []
    try cursor.array { (cursor) throws(JSONCursor.Malformed) in
      guard values.count < maximumList else { throw .init(what: "a list of more than \(maximumList)", offset: 0) }
      values.append(try cursor.string())
    }
    return values
  }

  /// As Go writes a list of quoted texts.
  private static func quoted(_ texts: [String]) -> String {
    "[" + texts.prefix(16).map { GoText.quote(String($0.prefix(256))) }.joined(separator: " ") + "]"
  }
}
