import SwiftASN1
package import X509

/// The subject of a certificate as Go's standard library prints it (RFC 2253, last RDN first): `O=SPIRE,C=US`.
/// GetInfo and `spire dev` show it.
package enum SubjectText {
  /// The attributes that have names, in the order in which they stand in a name.
  private static let known: [(type: ASN1ObjectIdentifier, name: String)] = [
    ([2, 5, 4, 6], "C"), ([2, 5, 4, 10], "O"), ([2, 5, 4, 11], "OU"), ([2, 5, 4, 7], "L"), ([2, 5, 4, 8], "ST"),
    ([2, 5, 4, 9], "STREET"), ([2, 5, 4, 17], "POSTALCODE"), ([2, 5, 4, 3], "CN"), ([2, 5, 4, 5], "SERIALNUMBER"),
  ]

  package static func text(of name: DistinguishedName) -> String {
    var values = [[String]](repeating: [], count: known.count)
    var others: [String] = []
    for attribute in name.lazy.flatMap({ $0 }) {
      let value = escape(String(attribute.value) ?? "\(attribute.value)")
      if let index = known.firstIndex(where: { $0.type == attribute.type }) {
        values[index].append("\(known[index].name)=\(value)")
      } else {
        others.append("\(attribute.type)=\(value)")
      }
    }
    let names = others + values.filter { !$0.isEmpty }.map { $0.joined(separator: "+") }
    return names.reversed().joined(separator: ",")
  }

  private static func escape(_ value: String) -> String {
    var result = ""
    let scalars = Array(value.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      let isEdge = index == 0 || index == scalars.count - 1
      let isSpecial = ",+\"\\<>;".unicodeScalars.contains(scalar) || (scalar == "#" && index == 0)
      if isSpecial || (scalar == " " && isEdge) { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
