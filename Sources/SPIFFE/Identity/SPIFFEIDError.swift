/// The rule of SPIFFE-ID §2 that a text breaks. The description is the text that other SPIFFE libraries use.
public enum SPIFFEIDError: Error, Hashable, Sendable, CustomStringConvertible {
  case empty
  case wrongScheme
  case missingTrustDomain
  case badTrustDomainCharacter
  case badPathSegmentCharacter
  case dotSegment
  case emptySegment
  case noLeadingSlash
  case trailingSlash

  public var description: String {
    switch self {
    case .empty: "cannot be empty"
    case .wrongScheme: "scheme is missing or invalid"
    case .missingTrustDomain: "trust domain is missing"
    case .badTrustDomainCharacter:
      "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores"
    case .badPathSegmentCharacter:
      "path segment characters are limited to letters, numbers, dots, dashes, and underscores"
    case .dotSegment: "path cannot contain dot segments"
    case .emptySegment: "path cannot contain empty segments"
    case .noLeadingSlash: "path must have a leading slash"
    case .trailingSlash: "path cannot have a trailing slash"
    }
  }
}
