/// The bytes of requests as Envoys send them, put together by hand: what these proxies say about themselves, and the
/// fields that this version does not read.
enum EnvoyRequests {
  private static let typeURL = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

  /// A field with length and content.
  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + length(content.count) + content
  }

  private static func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  private static func length(_ value: Int) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + length(value >> 7)
  }

  /// An entry of a `google.protobuf.Struct`; `value` is the encoded `Value`.
  private static func member(_ name: String, _ value: [UInt8]) -> [UInt8] { field(1, field(1, name) + field(2, value)) }
  private static func member(_ name: String, _ text: String) -> [UInt8] { member(name, field(3, text)) }
  private static let yes: [UInt8] = [4 << 3, 1]

  /// `core.Node` of an Envoy of this version, with extensions (field 9) and features (field 10), as all send them.
  private static func node(_ id: String, _ cluster: String, _ metadata: [UInt8], _ minor: UInt8) -> [UInt8] {
    let semantic: [UInt8] = [1 << 3, 1, 2 << 3, minor, 3 << 3, 2]
    let build = field(1, semantic) + field(2, member("build.type", "RELEASE") + member("ssl.version", "BoringSSL"))
    let extensions = ["envoy.filters.http.router", "envoy.tls.cert_validator.spiffe"].map {
      field(9, field(1, $0) + field(2, "envoy.filters"))
    }
    return field(1, id) + field(2, cluster) + field(3, metadata)
      + field(4, field(1, "eu-west") + field(2, "eu-west-1a")) + field(6, "envoy") + field(8, build)
      + extensions.flatMap { $0 } + field(10, "envoy.lb.does_not_support_overprovisioning")
  }

  /// Istio's proxy: one stream for `default`, one for `ROOTCA`.
  static func istio(_ name: String, minor: UInt8 = 32) -> [UInt8] {
    let metadata =
      member("CLUSTER_ID", "Kubernetes") + member("ISTIO_VERSION", "1.24.2") + member("MESH_ID", "example.org")
      + member("NAMESPACE", "shop") + member("SERVICE_ACCOUNT", "web")
      + member("PROXY_CONFIG", field(5, member("configPath", "./etc/istio/proxy") + member("concurrency", yes)))
      + member("INTERCEPTION_MODE", "REDIRECT")
    let id = "sidecar~10.244.0.17~web-7d9c5bd6f-x2vlp.shop~shop.svc.cluster.local"
    return field(2, node(id, "web.shop", metadata, minor)) + field(3, name) + field(4, typeURL)
  }

  /// Kuma's data plane with a MeshIdentity of the provider Spire: one stream for its SPIFFE ID, one for `ALL`.
  static func kuma(_ name: String) -> [UInt8] {
    let metadata =
      member("dataplane.proxyType", "dataplane") + member("features", field(6, field(1, field(3, "feature-spire"))))
      + member("dynamicMetadata", field(5, member("version.kumaDp.version", "2.12.0")))
      + member("accessLogSocketPath", "/tmp/a")
    return field(2, node("default.demo-app-6fb5c.kuma-demo", "demo-app", metadata, 34)) + field(3, name)
      + field(4, typeURL)
  }

  /// An Envoy with `api_type: DELTA_GRPC` that comes back with what it has.
  static let kumaDelta: [UInt8] =
    field(1, node("default.demo-app-6fb5c.kuma-demo", "demo-app", member("features", yes), 34)) + field(2, typeURL)
    + field(3, "ALL") + field(3, "spiffe://example.org/web") + field(4, "ROOTCA")
    + field(5, field(1, "ALL") + field(2, "0011223344556677"))

  /// Takes the response with this nonce: later requests of these Envoys have no node.
  static func acknowledge(_ name: String, version: String, nonce: String) -> [UInt8] {
    field(1, version) + field(3, name) + field(4, typeURL) + field(5, nonce)
  }

  /// Refuses it.
  static func refuse(_ name: String, version: String, nonce: String, because message: String) -> [UInt8] {
    acknowledge(name, version: version, nonce: nonce) + field(6, [1 << 3, 13] + field(2, message))
  }
}
