/// What single parts of the agent get from the configuration.
extension AgentConfiguration.Bootstrap {
  var source: BootstrapSource {
    switch self {
    case .insecure: .insecure
    case .bundleFile(let path, .pem): .file(path: path, format: .pem)
    case .bundleFile(let path, .spiffe): .file(path: path, format: .spiffe)
    }
  }
}

extension WorkloadAPI.Options {
  init(_ configuration: AgentConfiguration) {
    self.init()
    allowsUnauthenticatedVerifiers = configuration.allowUnauthenticatedVerifiers
    allowedForeignClaims = Set(configuration.allowedForeignJWTClaims)
    disclosure = SelectorDisclosure(prefixes: configuration.logSelectors)
    rateLimits.fetchX509SVID = configuration.rateLimits.fetchX509SVID
    rateLimits.fetchX509Bundles = configuration.rateLimits.fetchX509Bundles
    rateLimits.fetchJWTSVID = configuration.rateLimits.fetchJWTSVID
    rateLimits.fetchJWTBundles = configuration.rateLimits.fetchJWTBundles
  }
}
