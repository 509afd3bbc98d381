import SPIFFE

/// What the attestor takes from an engine's answer about a container; the rest is dropped. A value; parsing is total on any
/// bytes.
struct DockerContainer: Hashable, Sendable {
  /// Sorted by key.
  var labels: [(key: String, value: String)]
  /// `KEY=VALUE`, in the engine's order.
  var environment: [String]
  /// What the container was created from, as its user wrote it.
  var imageName: String
  /// The image itself, `sha256:…`; empty when the engine does not say.
  var imageID: String

  /// The answer has another form than the Docker Engine API's.
  struct Malformed: Error, CustomStringConvertible {
    let what: String
    var description: String { "malformed answer: \(what)" }
  }

  /// - Parameter bytes: the answer to `GET /containers/<id>/json`, bounded already.
  init(parsing bytes: [UInt8]) throws(Malformed) {
    let answer = try Self.object(bytes)
    guard let config = answer["Config"]?.object else { throw Malformed(what: "no object Config") }
    labels = []
    if let found = config["Labels"], !found.isNull {
      guard let members = found.object else { throw Malformed(what: "Config.Labels is no object") }
      for member in members.members {
        guard let value = member.value.string else { throw Malformed(what: "a label that is no text") }
        labels.append((member.name, value))
      }
      labels.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
    environment = []
    if let found = config["Env"], !found.isNull {
      guard let items = found.array else { throw Malformed(what: "Config.Env is no list") }
      for item in items {
        guard let text = item.string else { throw Malformed(what: "a variable that is no text") }
        environment.append(text)
      }
    }
    imageName = try Self.text(config["Image"], "Config.Image")
    imageID = try Self.text(answer["Image"], "Image")
  }

  /// The id in the answer to `GET /images/<name>/json`.
  static func imageID(parsing bytes: [UInt8]) throws(Malformed) -> String {
    try text(object(bytes)["Id"], "Id")
  }

  /// The engine's reason in an answer with an error's status, on one line; nil when it gives none.
  static func message(parsing bytes: [UInt8]) -> String? {
    guard let text = try? object(bytes)["message"]?.string, !text.isEmpty else { return nil }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(512).map { $0.value < 0x20 ? " " : $0 }))
  }

  private static func object(_ bytes: [UInt8]) throws(Malformed) -> JSONObject {
    do {
      let value = try JSONValue(
        parsing: bytes, limits: JSONLimits(maximumBytes: DockerEngine.maximumAnswer, maximumDepth: 32))
      guard let object = value.object else { throw Malformed(what: "no JSON object") }
      return object
    } catch let error as Malformed {
      throw error
    } catch {
      throw Malformed(what: "\(error)")
    }
  }

  private static func text(_ value: JSONValue?, _ name: String) throws(Malformed) -> String {
    guard let value, !value.isNull else { return "" }
    guard let text = value.string else { throw Malformed(what: "\(name) is no text") }
    return text
  }

  static func == (a: Self, b: Self) -> Bool {
    a.labels.elementsEqual(b.labels, by: ==) && a.environment == b.environment && a.imageName == b.imageName
      && a.imageID == b.imageID
  }

  func hash(into hasher: inout Hasher) { hasher.combine(imageID) }
}
