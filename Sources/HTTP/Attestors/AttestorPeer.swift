/// Whom a node attestor asks over HTTP, and on what terms: each is a row of its own, so that nobody chooses limits or a
/// proxy in passing. docs/security/immunity.md has the table; a test keeps the two together and tries every row.
///
/// A proxy is used where upstream's client uses one and where that is no danger. A machine's own metadata service and a
/// host that has to show that it is one are asked directly: what a proxy says would prove nothing about them.
package enum AttestorPeer: String, CaseIterable, Sendable {
  /// The machine that a daemon runs on: the agent before attestation, and the server where it needs credentials of AWS.
  case awsMetadata, googleMetadata, azureMSIMetadata, azureIMDSMetadata
  /// The host that an agent says it is on.
  case challengedHost
  /// The services of Amazon: EC2, IAM, STS, Organizations, EKS, Auto Scaling.
  case awsServices
  /// Where a platform publishes the keys of its tokens.
  case platformKeys
  /// Compute Engine, and the endpoint that gives tokens for it.
  case googleServices
  /// The metadata service of the server's own machine, which gives it a token.
  case googleMachine
  /// Azure's token service, Resource Manager and Resource Graph.
  case azureServices
  /// Where the certificates above those that sign Azure's documents are.
  case azureIssuers
  /// What gives the server's own machine a token for Azure.
  case azureMachine
  /// The same, to learn whether there is such a thing: where there is none, nobody waits long.
  case azureProbe

  /// The attestors that ask here, as messages and tables name them.
  package var attestor: String {
    switch self {
    case .awsMetadata, .awsServices: "aws_iid"
    case .googleMetadata, .googleServices, .googleMachine: "gcp_iit"
    case .azureMSIMetadata: "azure_msi"
    case .azureIMDSMetadata: "azure_imds"
    case .challengedHost: "http_challenge"
    case .platformKeys: "gcp_iit, azure_msi"
    case .azureServices, .azureMachine, .azureProbe: "azure_msi, azure_imds"
    case .azureIssuers: "azure_imds"
    }
  }

  /// Whether the proxies of the environment are used.
  package var usesProxies: Bool {
    switch self {
    case .awsServices, .platformKeys, .googleServices, .azureServices, .azureIssuers: true
    case .awsMetadata, .googleMetadata, .azureMSIMetadata, .azureIMDSMetadata, .challengedHost, .googleMachine,
      .azureMachine, .azureProbe:
      false
    }
  }

  package var limits: HTTPClient.Limits {
    switch self {
    // Ten seconds in all, as upstream has it; as much as is read of the answer is 64 bytes.
    case .challengedHost: .init(connect: .seconds(5), answer: .seconds(5), maximumBody: 64)
    case .awsServices: .init(connect: .seconds(5), answer: .seconds(5), maximumBody: 4 << 20)
    case .googleServices: .init(connect: .seconds(10), answer: .seconds(10), maximumBody: 4 << 20)
    case .azureServices: .init(connect: .seconds(5), answer: .seconds(10), maximumBody: 4 << 20)
    case .azureIssuers: .init(connect: .seconds(5), answer: .seconds(10), maximumBody: 64 << 10)
    case .azureMachine: .init(connect: .seconds(5), answer: .seconds(10), maximumBody: 1 << 20)
    case .azureProbe: .init(connect: .seconds(1), answer: .seconds(1), maximumBody: 64 << 10)
    // A container on the machine may be a hop too far away for the token of IMDSv2: then it must not take long to tell.
    case .awsMetadata: .init(connect: .seconds(5), answer: .seconds(5), maximumBody: 1 << 20)
    case .googleMetadata, .azureMSIMetadata, .azureIMDSMetadata, .platformKeys, .googleMachine:
      .init(connect: .seconds(10), answer: .seconds(10), maximumBody: 1 << 20)
    }
  }
}
