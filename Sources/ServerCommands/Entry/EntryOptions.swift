import Console
import Flags
import SPIREProtos

/// The flags that `entry create` and `entry update` share: the fields of one entry, or a file with many.
struct EntryOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var entryID = ""
  var parentID = ""
  var spiffeID = ""
  var selectors: [String] = []
  var x509SVIDTTL = 0
  var jwtSVIDTTL = 0
  var federatesWith: [String] = []
  var node = false
  var admin = false
  var downstream = false
  var storeSVID = false
  var entryExpiry: Int64 = 0
  var dnsNames: [String] = []
  var hint = ""
  var disableX509SVIDPrefetch: Bool?
  var jwtSVIDIncludeJTI: Bool?
  var data = ""
  var dryRun = false

  /// The flags of both commands.
  static let flags: [Flag<EntryOptions>] = [
    .string("entryID", \.entryID, "ID of the entry; create makes one up if none is given"),
    .string("parentID", \.parentID, "SPIFFE ID of the agent or node alias that may issue the identity").takes(
      .spiffeID),
    .string("spiffeID", \.spiffeID, "SPIFFE ID that matching workloads get").takes(.spiffeID),
    .strings("selector", \.selectors, "Selector type:value that a workload must have; can be given more than once")
      .takes(.selector),
    .int("x509SVIDTTL", \.x509SVIDTTL, "Lifetime of X.509-SVIDs in seconds; 0 is the server's default"),
    .int("jwtSVIDTTL", \.jwtSVIDTTL, "Lifetime of JWT-SVIDs in seconds; 0 is the server's default"),
    .strings(
      "federatesWith", \.federatesWith, "Trust domain whose bundle the workload gets; can be given more than once"
    ).takes(.trustDomain),
    .bool("admin", \.admin, "Allow the workload to call the server's admin methods"),
    .bool("downstream", \.downstream, "The workload is a SPIRE server that gets a CA certificate"),
    .bool("storeSVID", \.storeSVID, "Hand the X.509-SVID to the agent's SVID store"),
    .int("entryExpiry", \.entryExpiry, "Unix time after which the entry is no longer used; 0 is never"),
    .strings("dns", \.dnsNames, "DNS name in the X.509-SVID; can be given more than once"),
    .string("hint", \.hint, "Hint by which a workload with several identities tells them apart"),
    .bool(
      "disableX509SVIDPrefetch", \.disableX509SVIDPrefetch,
      "Issue the X.509-SVID only when a workload asks for it, not ahead of time"),
    .bool("jwtSVIDIncludeJTI", \.jwtSVIDIncludeJTI, "Put a unique jti claim into JWT-SVIDs"),
    .string("data", \.data, "File with entries in JSON, in place of the other flags; - is standard input").takes(.file),
    .bool("dryRun", \.dryRun, "Write nothing; print what would happen, to which agents, and what looks wrong"),
  ]

  /// Checks what both commands require of one entry given by flags.
  ///
  /// - Parameter parentError: the complaint about a missing parent, or nil where none is needed.
  func validate(parentError: String?) throws(CommandFailure) {
    if selectors.isEmpty { throw CommandFailure("at least one selector is required") }
    if node && !federatesWith.isEmpty { throw CommandFailure("node entries can not federate") }
    if let parentError, parentID.isEmpty { throw CommandFailure(parentError) }
    if spiffeID.isEmpty { throw CommandFailure("a SPIFFE ID is required") }
    if x509SVIDTTL < 0 { throw CommandFailure("a positive x509-SVID TTL is required") }
    if jwtSVIDTTL < 0 { throw CommandFailure("a positive JWT-SVID TTL is required") }
  }

  /// The entry that the flags describe.
  func entry() throws -> Spire_Api_Types_Entry {
    var entry = Spire_Api_Types_Entry()
    entry.id = entryID
    entry.spiffeID = try .init(spiffeID, flag: "spiffeID")
    if node {
      // A node alias is registered under the server itself.
      entry.parentID.trustDomain = entry.spiffeID.trustDomain
      entry.parentID.path = "/spire/server"
    } else {
      entry.parentID = try .init(parentID, flag: "parentID")
    }
    entry.selectors = try selectors.map { try Spire_Api_Types_Selector($0) }
    entry.x509SvidTtl = try seconds(x509SVIDTTL, flag: "x509SVIDTTL")
    entry.jwtSvidTtl = try seconds(jwtSVIDTTL, flag: "jwtSVIDTTL")
    entry.federatesWith = federatesWith
    entry.admin = admin
    entry.downstream = downstream
    entry.storeSvid = storeSVID
    entry.expiresAt = entryExpiry
    entry.dnsNames = dnsNames
    entry.hint = hint
    if let disableX509SVIDPrefetch { entry.additionalAttributes.disableX509SvidPrefetch = disableX509SVIDPrefetch }
    if let jwtSVIDIncludeJTI { entry.additionalAttributes.jwtSvidIncludeJti = jwtSVIDIncludeJTI }
    return entry
  }

  private func seconds(_ value: Int, flag: String) throws(CommandFailure) -> Int32 {
    guard let seconds = Int32(exactly: value) else {
      throw CommandFailure("-\(flag) \(value): at most \(Int32.max) seconds are possible")
    }
    return seconds
  }
}
