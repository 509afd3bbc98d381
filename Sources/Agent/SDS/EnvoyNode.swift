package import EnvoyProtos
import SwiftProtobuf

/// What is kept of the node that an Envoy says it is: its name for the log, and what it can make of a bundle. A value of
/// bounded size, whatever the node carries.
package struct EnvoyNode: Hashable, Sendable {
  /// At most ``longestID`` bytes.
  package let id: String
  /// Whether validation contexts may be for Envoy's SPIFFE validator; plain CA certificates otherwise.
  package let takesSPIFFEValidator: Bool

  package static let longestID = 256

  package init(id: String = "", takesSPIFFEValidator: Bool = true) {
    self.id = id
    self.takesSPIFFEValidator = takesSPIFFEValidator
  }

  package init(_ node: Envoy_Config_Core_V3_Node) {
    id = SecretRequest.cut(node.id, to: Self.longestID)
    takesSPIFFEValidator = !Self.isDisabled(node) && Self.isSupported(node)
  }

  /// The node's metadata may ask for plain CA certificates.
  private static func isDisabled(_ node: Envoy_Config_Core_V3_Node) -> Bool {
    switch node.metadata.fields["disable_spiffe_cert_validation"]?.kind {
    case .boolValue(let value): value
    // SPIRE: what Go's strconv.ParseBool takes for true.
    case .stringValue(let text): ["1", "t", "T", "TRUE", "true", "True"].contains(text)
    default: false
    }
  }

  /// The validator came with Envoy 1.18. An Envoy that does not say what it is has it.
  private static func isSupported(_ node: Envoy_Config_Core_V3_Node) -> Bool {
    guard case .userAgentBuildVersion(let build)? = node.userAgentVersionType, build.hasVersion else { return true }
    return (build.version.majorNumber, build.version.minorNumber) > (1, 17)
  }
}
