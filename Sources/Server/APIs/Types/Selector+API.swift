import DatastoreAPI
import SPIFFE
import SPIREProtos

extension Selector {
  /// The selector as the API's message.
  var api: Spire_Api_Types_Selector {
    var message = Spire_Api_Types_Selector()
    message.type = type
    message.value = value
    return message
  }

  init(_ message: Spire_Api_Types_Selector) throws(ConversionError) {
    guard !message.type.isEmpty else { throw ConversionError("missing selector type") }
    guard !message.type.utf8.contains(UInt8(ascii: ":")) else { throw ConversionError("selector type contains ':'") }
    guard !message.value.isEmpty else { throw ConversionError("missing selector value") }
    self.init(type: message.type, value: message.value)
  }

  static func list(_ messages: [Spire_Api_Types_Selector]) throws(ConversionError) -> [Selector] {
    var selectors: [Selector] = []
    selectors.reserveCapacity(messages.count)
    for message in messages { selectors.append(try Selector(message)) }
    return selectors
  }
}

extension SelectorFilter {
  init(_ message: Spire_Api_Types_SelectorMatch) throws(ConversionError) {
    guard !message.selectors.isEmpty else { throw ConversionError("empty selector set") }
    guard let match = SetMatch(message.match.rawValue) else {
      throw ConversionError("match behavior \(message.match.rawValue) not supported")
    }
    self.init(try Selector.list(message.selectors), match: match)
  }
}

extension FederatesWithFilter {
  init(_ message: Spire_Api_Types_FederatesWithMatch) throws(ConversionError) {
    guard !message.trustDomains.isEmpty else { throw ConversionError("empty trust domain set") }
    guard let match = SetMatch(message.match.rawValue) else {
      throw ConversionError("match behavior \(message.match.rawValue) not supported")
    }
    var domains: [TrustDomain] = []
    for name in message.trustDomains { domains.append(try TrustDomain(api: name)) }
    self.init(domains, match: match)
  }
}

extension SetMatch {
  /// Both enums of the API have the same numbers.
  init?(_ number: Int) {
    switch number {
    case 0: self = .exact
    case 1: self = .subset
    case 2: self = .superset
    case 3: self = .any
    default: return nil
    }
  }

  /// The name in audit records.
  var auditName: String { "MATCH_" + rawValue.uppercased() }
}

extension TrustDomain {
  /// Parses a name that came over the API.
  init(api name: String) throws(ConversionError) {
    do {
      self = try TrustDomain(name)
    } catch {
      throw ConversionError(error.description)
    }
  }
}
