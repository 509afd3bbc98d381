import GRPCCore
import Testing

@testable import RPC

@Suite struct MethodNamesTests {
  @Test(arguments: [
    ("spire.api.server.svid.v1.SVID", "BatchNewX509SVID", "svid.v1.SVID", "svid.v1.svid.batch_new_x509svid"),
    ("spire.api.server.svid.v1.SVID", "MintJWTSVID", "svid.v1.SVID", "svid.v1.svid.mint_jwtsvid"),
    ("spire.api.server.agent.v1.Agent", "AttestAgent", "agent.v1.Agent", "agent.v1.agent.attest_agent"),
    ("spire.api.server.entry.v1.Entry", "BatchCreateEntry", "entry.v1.Entry", "entry.v1.entry.batch_create_entry"),
    ("grpc.health.v1.Health", "Check", "Health", "health.check"),
    ("spire.api.server.logger.v1.Logger", "GetLogger", "Logger", "logger.get_logger"),
    (
      "spire.api.server.trustdomain.v1.TrustDomain", "ListFederationRelationships", "trustdomain.v1.TrustDomain",
      "trustdomain.v1.trust_domain.list_federation_relationships"
    ),
    ("SpiffeWorkloadAPI", "FetchX509SVID", "WorkloadAPI", "workload_api.fetch_x509svid"),
    ("SpiffeWorkloadAPI", "FetchJWTBundles", "WorkloadAPI", "workload_api.fetch_jwt_bundles"),
    ("envoy.service.secret.v3.SecretDiscoveryService", "StreamSecrets", "SDS.v3", "sds.v3.stream_secrets"),
    ("spire.agent.debug.v1.Debug", "GetInfo", "Debug", "debug.get_info"),
  ])
  func namesAreUpstreams(_ service: String, _ method: String, _ log: String, _ words: String) {
    let names = MethodNames(MethodDescriptor(fullyQualifiedService: service, method: method))
    #expect(names.service == log)
    #expect(names.method == method)
    #expect(names.words.joined(separator: ".") == words)
    #expect(names.full == "/\(service)/\(method)")
  }
}
