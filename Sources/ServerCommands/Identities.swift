import Daemon
import Flags
import SPIFFE
import SPIREProtos

extension Spire_Api_Types_SPIFFEID {
  /// Parses the SPIFFE ID that `flag` gave.
  init(_ text: String, flag: String) throws(CommandFailure) {
    do {
      let id = try SPIFFEID(text)
      self.init()
      trustDomain = id.trustDomain.name
      path = id.path
    } catch {
      throw CommandFailure("-\(flag) \(GoText.quote(text)): \(error)")
    }
  }
}

extension Spire_Api_Types_Selector {
  /// Parses `type:value`, split at the first colon.
  init(_ text: String) throws(SelectorError) {
    guard let colon = text.firstIndex(of: ":") else { throw SelectorError(text: text) }
    self.init()
    type = String(text[..<colon])
    value = String(text[text.index(after: colon)...])
  }
}

/// A selector that is not in the form `type:value`.
struct SelectorError: Error, CustomStringConvertible {
  let text: String
  var description: String { "selector \(GoText.quote(text)) must be formatted as type:value" }
}

extension Spire_Api_Types_SelectorMatch.MatchBehavior {
  /// The behaviour under its name on the command line.
  init?(name: String) {
    switch name {
    case "exact": self = .matchExact
    case "any": self = .matchAny
    case "superset": self = .matchSuperset
    case "subset": self = .matchSubset
    default: return nil
    }
  }
}

extension Spire_Api_Types_FederatesWithMatch.MatchBehavior {
  /// The behaviour under its name on the command line.
  init?(name: String) {
    switch name {
    case "exact": self = .matchExact
    case "any": self = .matchAny
    case "superset": self = .matchSuperset
    case "subset": self = .matchSubset
    default: return nil
    }
  }
}

extension Spire_Api_Types_Selector {
  /// Parses the selectors of a filter.
  static func parse(_ texts: [String]) throws(CommandFailure) -> [Spire_Api_Types_Selector] {
    var selectors: [Spire_Api_Types_Selector] = []
    for text in texts {
      do { selectors.append(try .init(text)) } catch {
        throw CommandFailure("error parsing selector \(GoText.quote(text)): \(error)")
      }
    }
    return selectors
  }
}
