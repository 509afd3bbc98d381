/// What single parts of the agent get from the configuration.
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
    rateLimits.streamSecrets = configuration.rateLimits.streamSecrets
    rateLimits.fetchSecrets = configuration.rateLimits.fetchSecrets
  }
}
