import Daemon
import DatastoreAPI
import FoundationEssentials
import Glibc

extension MySQLDSN {
  mutating func set(_ name: String, _ value: String) throws(DatastoreError) {
    switch name {
    case "parseTime": parsesTime = try Self.bool(value)
    case "allowCleartextPasswords": allowsCleartextPasswords = try Self.bool(value)
    case "timeout": connectTimeout = try Self.seconds(name, value)
    case "readTimeout": readTimeout = try Self.seconds(name, value)
    case "writeTimeout": writeTimeout = try Self.seconds(name, value)
    case "tls": tls = try Self.tls(value)
    case "loc":
      // Times are kept in UTC. Another zone's times would be read wrongly by every server that shares the database.
      guard Self.isUTC(value) else {
        throw Self.invalid("loc can only be UTC: times are kept in UTC")
      }
    case "charset", "collation":
      // Texts are UTF-8 here and on the wire.
      if !value.lowercased().hasPrefix("utf8") { ignored.append(name) }
    case "clientFoundRows", "checkConnLiveness", "columnsWithAlias", "interpolateParams", "multiStatements", "strict",
      "rejectReadOnly", "timeTruncate", "allowNativePasswords":
      // What these are about is decided here: rows are counted as found, statements are prepared, one at a time.
      if name != "timeTruncate", name != "strict" { _ = try Self.bool(value) }
    case "allowAllFiles", "allowOldPasswords", "allowFallbackToPlaintext", "compress", "connectionAttributes",
      "maxAllowedPacket", "serverPubKey":
      ignored.append(name)
    default:
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isVariableByte) else {
        throw Self.invalid("\"\(name)\" is neither an option nor the name of a variable")
      }
      variables.append(Option(name: name, value: value))
    }
  }

  private static func isVariableByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "@"):
      true
    default: false
    }
  }

  private static func bool(_ text: String) throws(DatastoreError) -> Bool {
    guard let value = plainBool(text) else {
      throw .sql(.invalidArgument, "invalid mysql config: invalid bool value: \(text)")
    }
    return value
  }

  private static func plainBool(_ text: String) -> Bool? {
    switch text {
    case "1", "true", "TRUE", "True": true
    case "0", "false", "FALSE", "False": false
    default: nil
    }
  }

  private static func seconds(_ name: String, _ text: String) throws(DatastoreError) -> UInt32? {
    let duration: Duration
    do throws(GoDuration.ParseError) {
      duration = try GoDuration.parse(text)
    } catch {
      throw .sql(.invalidArgument, "invalid mysql config: invalid \(name): \(error)", cause: error)
    }
    guard duration >= .zero else {
      throw .sql(.invalidArgument, "invalid mysql config: invalid \(name): \(text) is negative")
    }
    let (whole, rest) = duration.components
    let seconds = min(whole + (rest > 0 ? 1 : 0), Int64(Int32.max))
    return seconds == 0 ? nil : UInt32(seconds)
  }

  private static func tls(_ text: String) throws(DatastoreError) -> TLSMode {
    if let isOn = plainBool(text) { return isOn ? .verified : .none }
    switch text.lowercased() {
    case "skip-verify": return .unverified
    case "preferred": return .preferred
    default:
      throw .sql(
        .invalidArgument,
        "invalid mysql config: invalid value / unknown config name: \(text); for certificates of your own set "
          + "root_ca_path, client_cert_path and client_key_path")
    }
  }

  /// Whether this name of a zone means UTC; `Local` does where this process runs in UTC.
  private static func isUTC(_ name: String) -> Bool {
    switch name {
    case "", "UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal": return true
    case "Local":
      // A winter's and a summer's day.
      return [time_t(1_768_435_200), 1_784_073_600].allSatisfy { moment in
        var moment = moment
        var parts = tm()
        return localtime_r(&moment, &parts) != nil && parts.tm_gmtoff == 0
      }
    default: return false
    }
  }
}
