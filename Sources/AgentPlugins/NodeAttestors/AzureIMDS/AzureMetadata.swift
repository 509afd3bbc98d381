import HTTP

/// What requests to the instance metadata service of Azure have in common.
package enum AzureMetadata {
  package static let host = "169.254.169.254"
  static let headers = [HTTPField("Metadata", "true")]
}
