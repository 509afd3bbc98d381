/// A kind of object that the API server has, in one version. A value.
package struct APIResource: Hashable, Sendable {
  /// Empty for the core group.
  package let group: String
  package let version: String
  package let plural: String
  package let kind: String
  package let isNamespaced: Bool

  package static let namespaces = APIResource(
    group: "", version: "v1", plural: "namespaces", kind: "Namespace", isNamespaced: false)
  package static let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod", isNamespaced: true)
  package static let nodes = APIResource(group: "", version: "v1", plural: "nodes", kind: "Node", isNamespaced: false)

  /// The group as references and selectors name it.
  package var namedGroup: String { group.isEmpty ? "core" : group }
  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

  package init(group: String, version: String, plural: String, kind: String, isNamespaced: Bool) {
    self.group = group
    self.version = version
    self.plural = plural
    self.kind = kind
    self.isNamespaced = isNamespaced
  }

  /// Where all objects of the kind are.
  package var path: String { Self.path(ofVersion: version, group: group) + "/\(plural)" }

  /// Where one object is; nil for a name that no object can have.
  package func path(namespace: String, name: String) -> String? {
    guard let name = Self.segment(name) else { return nil }
    guard isNamespaced else { return "\(path)/\(name)" }
    guard let namespace = Self.segment(namespace) else { return nil }
    return Self.path(ofVersion: version, group: group) + "/namespaces/\(namespace)/\(plural)/\(name)"
  }

  package static func path(ofVersion version: String, group: String) -> String {
    group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
  }

  /// Whether a text can be a group, a version or a plural: nothing in it means anything in a path.
  package static func isName(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count) && !text.hasPrefix(".") && !text.contains("..")
      && text.utf8.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
      }
  }

  /// A name as one segment of a path. It comes from outside: it must not lead anywhere else.
  private static func segment(_ name: String) -> String? {
    guard (1...253).contains(name.utf8.count), name != ".", name != "..", !name.contains("/"), !name.contains("%")
    else {
      return nil
    }
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: ":"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
