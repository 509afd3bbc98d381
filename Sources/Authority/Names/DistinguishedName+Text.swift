extension DistinguishedName: CustomStringConvertible {
  /// The name as RFC 2253 writes it, last RDN first: `CN=web,O=SPIRE,C=US`. Logs and the audit log show it.
  package var description: String {
    let parsed = otherAttributes.map { [$0] }
    return (parsed + relativeNames).reversed().map { name in
      name.map { Self.label($0.type) + "=" + Self.escape($0.value) }.joined(separator: "+")
    }.joined(separator: ",")
  }

  private static func label(_ type: OID) -> String {
    switch type {
    case countryType: "C"
    case organizationType: "O"
    case organizationalUnitType: "OU"
    case localityType: "L"
    case provinceType: "ST"
    case streetAddressType: "STREET"
    case postalCodeType: "POSTALCODE"
    case commonNameType: "CN"
    case serialNumberType: "SERIALNUMBER"
    default: type.description
    }
  }

  private static func escape(_ value: String) -> String {
    var result = ""
    let scalars = Array(value.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case ",", "+", "\"", "\\", "<", ">", ";": result += "\\"
      case "#" where index == 0: result += "\\"
      case " " where index == 0 || index == scalars.count - 1: result += "\\"
      default: break
      }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
