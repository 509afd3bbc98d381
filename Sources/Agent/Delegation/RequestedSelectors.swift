package import SPIFFE
package import SPIREProtos

/// The selectors by which a delegate names a workload. They are believed as they are, once they have the form of
/// selectors. Pure.
package enum RequestedSelectors {
  /// The most that one request may name.
  package static let maximumCount = 1000
  /// The most bytes that their types and values may have together.
  package static let maximumBytes = 256 << 10

  /// What is wrong with them.
  package enum Fault: Error, Hashable, CustomStringConvertible {
    case tooMany
    case malformed(String)

    package var description: String {
      switch self {
      case .tooMany: "a request names at most \(maximumCount) selectors, of \(maximumBytes) bytes in all"
      case .malformed(let why): why
      }
    }

    /// What the delegate is told.
    var message: String {
      switch self {
      case .tooMany: description
      case .malformed: "could not parse provided selectors"
      }
    }
  }

  package static func parse(_ messages: [Spire_Api_Types_Selector]) throws(Fault) -> Set<Selector> {
    let bytes = messages.reduce(0) { $0 + $1.type.utf8.count + $1.value.utf8.count }
    guard messages.count <= maximumCount, bytes <= maximumBytes else { throw .tooMany }
    var selectors: Set<Selector> = []
    for message in messages {
      if message.type.isEmpty { throw .malformed("missing selector type") }
      if message.type.utf8.contains(UInt8(ascii: ":")) { throw .malformed("selector type contains ':'") }
      if message.value.isEmpty { throw .malformed("missing selector value") }
      selectors.insert(Selector(type: message.type, value: message.value))
    }
    return selectors
  }
}
