import Console
import Flags
import SPIFFE
import SPIREProtos

/// The flags that `federation create` and `federation update` share: the fields of one relationship, or a file.
struct FederationOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var trustDomain = ""
  var bundleEndpointURL = ""
  var bundleEndpointProfile = ""
  var endpointSPIFFEID = ""
  var trustDomainBundlePath = ""
  var trustDomainBundleFormat = "pem"
  var data = ""

  /// The flags of both commands.
  static let flags: [Flag<FederationOptions>] = [
    .string("trustDomain", \.trustDomain, "Name of the trust domain to federate with").takes(.trustDomain),
    .string("bundleEndpointURL", \.bundleEndpointURL, "URL of the bundle endpoint, beginning with https"),
    .string("bundleEndpointProfile", \.bundleEndpointProfile, "Profile of the endpoint: https_web or https_spiffe")
      .takes(.oneOf(["https_web", "https_spiffe"])),
    .string("endpointSpiffeID", \.endpointSPIFFEID, "SPIFFE ID of the endpoint; only for https_spiffe").takes(
      .spiffeID),
    .string("trustDomainBundlePath", \.trustDomainBundlePath, "File with the trust domain's first bundle").takes(.file),
    .string("trustDomainBundleFormat", \.trustDomainBundleFormat, "Form of that bundle: pem or spiffe").takes(
      .bundleFormat),
    .string("data", \.data, "File with relationships in JSON, in place of the other flags; - is standard input").takes(
      .file),
  ]

  /// The relationships that the flags, or the file, describe.
  func relationships(_ io: CommandIO) throws -> [Spire_Api_Types_FederationRelationship] {
    guard !data.isEmpty else { return [try relationship(io)] }
    let others = [trustDomain, bundleEndpointURL, bundleEndpointProfile, endpointSPIFFEID, trustDomainBundlePath]
    guard others.allSatisfy(\.isEmpty) else {
      throw CommandFailure("cannot use other flags to specify relationship fields when 'data' flag is set")
    }
    return try DataObject(parsing: InputFile.read(data, io: io)).objects("federationRelationships")
      .map(Self.relationship(from:))
  }

  private func relationship(_ io: CommandIO) throws -> Spire_Api_Types_FederationRelationship {
    var fields = FederationFields(
      trustDomain: trustDomain, url: bundleEndpointURL, profile: bundleEndpointProfile, endpointID: endpointSPIFFEID)
    if !trustDomainBundlePath.isEmpty {
      fields.bundle = try InputFile.read(trustDomainBundlePath, io: io)
      fields.format = trustDomainBundleFormat
    }
    return try fields.message()
  }

  private static func relationship(from data: DataObject) throws -> Spire_Api_Types_FederationRelationship {
    var fields = FederationFields(
      trustDomain: try data.string("trustDomain"), url: try data.string("bundleEndpointURL"),
      profile: try data.string("bundleEndpointProfile"), endpointID: try data.string("endpointSPIFFEID"))
    if let bundle = data.value("trustDomainBundle") {
      fields.format = try data.string("trustDomainBundleFormat")
      // PEM comes as a string, a SPIFFE bundle as the object itself.
      fields.bundle = bundle.string.map { Array($0.utf8) } ?? bundle.encoded()
    }
    return try fields.message()
  }
}
