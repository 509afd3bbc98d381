/// What a flag's value is. Parsing does not look at it: completion offers what fits, and the documentation says it.
package enum ArgumentKind: Sendable, Equatable {
  case boolean
  case text
  case integer
  case duration
  case file
  case directory
  case spiffeID
  case trustDomain
  case selector
  /// One of a few words. A command may accept more spellings (upper case, aliases); these are the ones to offer.
  case oneOf([String])
}
