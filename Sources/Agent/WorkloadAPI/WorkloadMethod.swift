/// The methods of the Workload API, by their names on the wire.
package enum WorkloadMethod: String, CaseIterable, Sendable {
  case fetchX509SVID = "FetchX509SVID"
  case fetchX509Bundles = "FetchX509Bundles"
  case fetchJWTSVID = "FetchJWTSVID"
  case fetchJWTBundles = "FetchJWTBundles"
  case validateJWTSVID = "ValidateJWTSVID"
  case fetchWITSVID = "FetchWITSVID"
  case fetchWITBundles = "FetchWITBundles"

  /// `/SpiffeWorkloadAPI/FetchX509SVID`
  package var fullName: String { "/SpiffeWorkloadAPI/\(rawValue)" }
}
