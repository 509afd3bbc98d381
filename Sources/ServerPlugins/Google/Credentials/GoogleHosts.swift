import FoundationEssentials
import HTTP

/// Which hosts a file of credentials may name: such files are made by tools and handed about, and what they name is sent
/// secrets.
enum GoogleHosts {
  /// A URL of one of Google's own services, over https: in one of the forms that Google's libraries knew.
  static func url(
    _ text: String, _ field: String, service: String
  ) throws(GoogleCredentials.Fault) -> WebURL {
    let url: WebURL
    do { url = try WebURL(text) } catch { throw GoogleCredentials.Fault("has a \(field) that \(error)") }
    guard url.port == 443, isService(url.host, service) else {
      throw GoogleCredentials.Fault("has a \(field) that is not of a host of \(service).googleapis.com")
    }
    return url
  }

  /// `sts.googleapis.com`, `us-east1.sts.googleapis.com`, `sts.us-east1.googleapis.com`, `us-east1-sts.googleapis.com`,
  /// `sts-name.p.googleapis.com`, and those with `mtls`.
  static func isService(_ host: String, _ service: String) -> Bool {
    var labels = host.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard labels.count > 2, labels.suffix(2) == ["googleapis", "com"], labels.allSatisfy(isLabel) else { return false }
    labels.removeLast(2)
    if labels.count > 1, labels.last == "mtls" { labels.removeLast() }
    switch labels.count {
    case 1: return labels[0] == service || labels[0].hasSuffix("-" + service)
    case 2:
      return labels[0] == service || labels[1] == service || labels[1] == "p" && labels[0].hasPrefix(service + "-")
    default: return false
    }
  }

  private static func isLabel(_ text: String) -> Bool {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
    return (1...63).contains(text.utf8.count) && text.utf8.allSatisfy(allowed.contains)
  }

  /// Whether plain http reaches `host` without leaving this machine or its link.
  static func isNear(_ host: String) -> Bool {
    if ["localhost", "::1", "fd00:ec2::254"].contains(host) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    guard parts.count == 4, !parts.contains(nil) else { return false }
    return parts[0] == 127 || parts[0] == 169 && parts[1] == 254
  }

  /// The metadata service of a machine of Amazon's.
  static func isAmazonsMachine(_ url: WebURL) -> Bool {
    url.scheme == .http && url.port == 80 && ["169.254.169.254", "fd00:ec2::254"].contains(url.host)
  }
}
