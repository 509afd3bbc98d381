import SPIFFE

/// What an agent keeps across restarts: the content of `agent-data.json` (agent-behaviour §4). A value.
///
/// The text is upstream's to the byte, so that either implementation continues where the other stopped.
package struct AgentData: Hashable, Sendable {
  /// Which kind of contact with the server comes next.
  package enum BootstrapUse: Int, Sendable {
    case unspecified = 0
    case bootstrap = 1
    case rebootstrap = 2
  }

  /// Go's zero time, which stands for "none".
  package static let noTime = "0001-01-01T00:00:00Z"

  /// The agent's certificates, DER, leaf first; empty when there is no SVID.
  package var svid: [[UInt8]] = []
  /// The trust domain's X.509 authorities, DER; empty when there is no bundle.
  package var bundle: [[UInt8]] = []
  package var reattestable = false
  package var bootstrapUse = BootstrapUse.unspecified
  /// RFC 3339, as it is written to the file.
  package var bootstrapStartTime = AgentData.noTime
  package var connectionAttempts: Int64 = 0

  package init() {}

  /// The file's text: one line of JSON without spaces, every member in its place.
  package func encoded() -> [UInt8] {
    var text = "{\"svid\":"
    Self.append(svid, to: &text)
    text += ",\"bundle\":"
    Self.append(bundle, to: &text)
    text += ",\"reattestable\":\(reattestable),\"bootstrap_use\":\(bootstrapUse.rawValue)"
    text += ",\"bootstrap_start_time\":\(JSONValue.string(bootstrapStartTime).text())"
    text += ",\"connection_attempts\":\(connectionAttempts)}"
    return Array(text.utf8)
  }

  private static func append(_ certificates: [[UInt8]], to text: inout String) {
    if certificates.isEmpty {
      text += "null"
      return
    }
    text += "["
    for (index, der) in certificates.enumerated() {
      if index > 0 { text += "," }
      text += "\"" + Base64.encode(Array(PEM.encode(der, type: "CERTIFICATE").utf8)) + "\""
    }
    text += "]"
  }

  /// Reads the file's text.
  package init(decoding bytes: [UInt8]) throws(AgentError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes) } catch {
      throw AgentError(.storage, "failed to decode data: \(error.message)", cause: error)
    }
    guard let object = value.object else { throw AgentError(.storage, "failed to decode data: not a JSON object") }
    svid = try Self.certificates(object["svid"], "svid")
    bundle = try Self.certificates(object["bundle"], "bundle")
    reattestable = object["reattestable"] == .bool(true)
    if let number = object["bootstrap_use"]?.integer {
      guard let use = BootstrapUse(rawValue: Int(clamping: number)) else {
        throw AgentError(.storage, "failed to decode data: bootstrap_use is \(number), which no version writes")
      }
      bootstrapUse = use
    }
    bootstrapStartTime = object["bootstrap_start_time"]?.string ?? Self.noTime
    connectionAttempts = object["connection_attempts"]?.integer ?? 0
  }

  private static func certificates(_ value: JSONValue?, _ member: String) throws(AgentError) -> [[UInt8]] {
    guard let value, !value.isNull else { return [] }
    guard let items = value.array else { throw AgentError(.storage, "failed to parse \(member): not a list") }
    var result: [[UInt8]] = []
    for (index, item) in items.enumerated() {
      do {
        guard let text = item.string else { throw AgentError(.storage, "not a string") }
        let pem = String(decoding: try Base64.decode(text), as: UTF8.self)
        let blocks = try PEM.decode(pem)
        guard blocks.count == 1, blocks[0].type == "CERTIFICATE" else {
          throw AgentError(.storage, "not exactly one PEM CERTIFICATE block")
        }
        _ = try X509Certificates.parse(der: blocks[0].der)
        result.append(blocks[0].der)
      } catch {
        throw AgentError(.storage, "failed to parse \(member): item \(index): \(error)", cause: error)
      }
    }
    return result
  }
}
