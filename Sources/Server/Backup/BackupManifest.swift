import Daemon
package import FoundationEssentials
package import SPIFFE
import SQLDatastore

/// `manifest.json` of a backup: whose state it is, of when, and how to tell that it is whole.
package struct BackupManifest: Hashable, Sendable {
  /// One file of the archive.
  package struct Content: Hashable, Sendable {
    package var size: Int64
    /// In hexadecimal digits, as `sha256sum` prints it.
    package var sha256: String
  }

  static let format = "swift-spire-backup"
  static let version: Int64 = 1
  static let limit = 1 << 20

  package var createdAt: Date
  package var trustDomain: TrustDomain
  package var database: Content
  package var schemaVersion: Int
  package var codeVersion: String
  package var entries: Int
  package var agents: Int
  package var bundles: Int
  /// Nil when the keys are not included.
  package var keys: Content?
  /// The authorities that signed when the backup was made, one per server of the database.
  package var activeAuthorities: [String]

  package var encoded: [UInt8] {
    func content(_ content: Content, _ file: String, _ more: JSONObject = [:]) -> JSONValue {
      var object: JSONObject = [
        "file": .string(file), "sha256": .string(content.sha256), "size": .int(content.size),
      ]
      for member in more.members { object[member.name] = member.value }
      return .object(object)
    }
    var object: JSONObject = [
      "format": .string(Self.format), "version": .int(Self.version),
      "created_at": .string(GoTime.rfc3339(createdAt)), "trust_domain": .string(trustDomain.name),
      "server_version": .string(Version.own), "active_x509_authorities": .array(activeAuthorities.map { .string($0) }),
      "database": content(
        database, BackupArchive.databaseName,
        [
          "engine": "sqlite3", "schema_version": .int(Int64(schemaVersion)), "code_version": .string(codeVersion),
          "entries": .int(Int64(entries)), "agents": .int(Int64(agents)), "bundles": .int(Int64(bundles)),
        ]),
    ]
    if let keys { object["keys"] = content(keys, BackupArchive.keysName) }
    return JSONValue.object(object).encoded(.indented) + [UInt8(ascii: "\n")]
  }
}

extension BackupManifest {
  /// Reads a manifest; what it does not know is left aside.
  init(parsing bytes: [UInt8]) throws(ServerError) {
    let root: JSONObject
    do {
      guard let object = try JSONValue(parsing: bytes).object else { throw Self.bad("it is not an object") }
      root = object
    } catch let error as ServerError {
      throw error
    } catch { throw Self.bad("\(error)") }
    guard root["format"]?.string == Self.format else { throw Self.bad("its format is not \(Self.format)") }
    guard case .int(let version)? = root["version"], version == Self.version else {
      throw Self.bad("only version \(Self.version) is known; use the version of spire-server that made the backup")
    }
    guard let name = root["trust_domain"]?.string, let trustDomain = try? TrustDomain(name),
      let created = root["created_at"]?.string.flatMap(GoTime.parseRFC3339),
      let object = root["database"]?.object, let database = Content(object)
    else { throw Self.bad("trust_domain, created_at or database is missing or malformed") }
    self.trustDomain = trustDomain
    createdAt = created
    self.database = database
    func number(_ name: String) -> Int { if case .int(let value)? = object[name] { Int(value) } else { 0 } }
    schemaVersion = number("schema_version")
    codeVersion = object["code_version"]?.string ?? ""
    entries = number("entries")
    agents = number("agents")
    bundles = number("bundles")
    if let value = root["keys"] {
      guard let keys = value.object.flatMap(Content.init) else { throw Self.bad("keys is malformed") }
      self.keys = keys
    }
    activeAuthorities = root["active_x509_authorities"]?.array?.compactMap(\.string) ?? []
  }

  private static func bad(_ what: String) -> ServerError {
    ServerError(.badBackup, "its \(BackupArchive.manifestName) cannot be used: \(what)")
  }
}

extension BackupManifest.Content {
  fileprivate init?(_ object: JSONObject) {
    guard case .int(let size)? = object["size"], size >= 0, let sha256 = object["sha256"]?.string else { return nil }
    self.init(size: size, sha256: sha256.lowercased())
  }
}
