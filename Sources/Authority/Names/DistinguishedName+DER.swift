import SPIFFE

extension DistinguishedName {
  /// The DER of the name: PrintableString where the characters allow it, else UTF8String.
  package var encoded: [UInt8] {
    var writer = DERWriter()
    writer.sequence { writer in
      for name in relativeNames {
        // SET OF is sorted by encoding (X.690 §11.6).
        let values = name.map(Self.encode).sorted { $0.lexicographicallyPrecedes($1) }
        writer.element(DERTag.set) { set in
          for value in values { set.raw(value) }
        }
      }
    }
    return writer.bytes
  }

  private static func encode(_ attribute: Attribute) -> [UInt8] {
    var writer = DERWriter()
    writer.sequence {
      $0.objectIdentifier(attribute.type)
      let text = Array(attribute.value.utf8)
      $0.primitive(text.allSatisfy(isPrintable) ? DERTag.printableString : DERTag.utf8String, text)
    }
    return writer.bytes
  }

  /// The characters of PrintableString (X.680 §41.4).
  private static func isPrintable(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "'")...UInt8(ascii: ")"),
      UInt8(ascii: "+")...UInt8(ascii: "/"), UInt8(ascii: " "), UInt8(ascii: ":"), UInt8(ascii: "="),
      UInt8(ascii: "?"):
      true
    default: false
    }
  }

  /// Reads a name from its DER; nil when it is malformed. Attributes with values that are not text are left out.
  package init?(der: ArraySlice<UInt8>) {
    self.init()
    var outer = DERReader(der)
    guard var names = outer.inside(DERTag.sequence), outer.isAtEnd else { return nil }
    while !names.isAtEnd {
      guard var set = names.inside(DERTag.set), !set.isAtEnd else { return nil }
      while !set.isAtEnd {
        guard var pair = set.inside(DERTag.sequence), let type = pair.objectIdentifier(), let value = pair.next(),
          pair.isAtEnd
        else { return nil }
        guard let text = Self.text(of: value) else { continue }
        add(type, text)
      }
    }
  }

  private static func text(of element: DERReader.Element) -> String? {
    switch element.tag {
    case DERTag.printableString, DERTag.utf8String, DERTag.ia5String, DERTag.numericString, DERTag.teletexString:
      return String(validating: element.contents, as: UTF8.self)
    case DERTag.bmpString:
      let bytes = Array(element.contents)
      guard bytes.count % 2 == 0 else { return nil }
      let units = stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
      return String(validating: units, as: UTF16.self)
    default: return nil
    }
  }
}
