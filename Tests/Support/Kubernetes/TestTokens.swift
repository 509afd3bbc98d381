package import Crypto
package import Foundation
import HTTPTesting
package import SPIFFE

/// The tokens of a cluster's service accounts: signed when a kubelet asks for one, reviewed as API servers do it
/// (`pkg/serviceaccount` of Kubernetes): signature, issuer, times, audiences, and whether pod and account are still the ones
/// that the token was made for. A value.
package struct TestTokens: Sendable {
  package static let issuer = "https://kubernetes.default.svc.cluster.local"

  /// Signs the cluster's tokens.
  private let key: P256.Signing.PrivateKey
  private let now: @Sendable () -> Date

  package init(key: P256.Signing.PrivateKey = .init(), now: @escaping @Sendable () -> Date = { Date() }) {
    self.key = key
    self.now = now
  }

  /// A token as a kubelet puts it into a pod's projected volume.
  ///
  /// - Parameters:
  ///   - isBound: whether it is bound to the pod, as every projected one is.
  ///   - key: nil for the cluster's.
  package func issue(
    to pod: TestPod, audiences: [String] = ["spire-server"], lifetime: TimeInterval = 3600, isBound: Bool = true,
    key: P256.Signing.PrivateKey? = nil
  ) throws -> String {
    let start = Int64(now().timeIntervalSince1970)
    var kubernetes: JSONObject = [
      "namespace": .string(pod.namespace), "node": ["name": .string(pod.node), "uid": .string(pod.node + "-uid")],
      "serviceaccount": ["name": .string(pod.serviceAccount), "uid": "account-uid"], "warnafter": .int(start + 3607),
    ]
    if isBound { kubernetes["pod"] = ["name": .string(pod.name), "uid": .string(pod.uid)] }
    let claims: JSONValue = [
      "aud": .array(audiences.map { .string($0) }), "exp": .int(start + Int64(lifetime)), "iat": .int(start),
      "iss": .string(Self.issuer), "jti": .string(UUID().uuidString), "kubernetes.io": .object(kubernetes),
      "nbf": .int(start), "sub": .string("system:serviceaccount:\(pod.namespace):\(pod.serviceAccount)"),
    ]
    let header: JSONValue = ["alg": "ES256", "kid": "cluster-key"]
    let signed = Base64.encodeURL(header.encoded()) + "." + Base64.encodeURL(claims.encoded())
    let signature = try (key ?? self.key).signature(for: Data(signed.utf8))
    return signed + "." + Base64.encodeURL(Array(signature.rawRepresentation))
  }

  /// From now on the API server reviews tokens.
  package func serve(_ server: TestAPIServer) {
    server.script.review("tokenreviews") { spec, _, cluster in review(spec, cluster) }
  }

  /// The `status` of a review.
  package func review(_ spec: JSONValue, _ cluster: TestCluster) -> JSONValue {
    let wanted = spec["audiences"]?.array?.compactMap(\.string) ?? []
    do {
      let claims = try verified(spec["token"]?.string ?? "")
      let audiences = claims["aud"]?.array?.compactMap(\.string) ?? []
      // Whoever names no audience wants the API server's own.
      let targets = wanted.isEmpty ? [Self.issuer] : wanted
      let common = audiences.filter(targets.contains)
      guard !common.isEmpty else {
        throw Invalid(
          "[invalid bearer token, token audiences \(audiences) is invalid for the target audiences \(targets)]")
      }
      return [
        "authenticated": true, "user": try user(claims, cluster), "audiences": .array(common.map { .string($0) }),
      ]
    } catch {
      return ["user": [:], "error": .string("\(error)")]
    }
  }

  private struct Invalid: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private func verified(_ token: String) throws -> JSONValue {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let signature = try? Base64.decodeURL(parts[2]),
      let proof = try? P256.Signing.ECDSASignature(rawRepresentation: signature),
      key.publicKey.isValidSignature(proof, for: Data("\(parts[0]).\(parts[1])".utf8)),
      let claims = try? JSONValue(parsing: try Base64.decodeURL(parts[1])), claims["iss"]?.string == Self.issuer
    else { throw Invalid("invalid bearer token") }
    let time = Int64(now().timeIntervalSince1970)
    guard case .int(let end)? = claims["exp"], time < end else {
      throw Invalid("[invalid bearer token, service account token has expired]")
    }
    guard case .int(let start)? = claims["nbf"], time >= start else {
      throw Invalid("[invalid bearer token, service account token is not valid yet]")
    }
    return claims
  }

  private func user(_ claims: JSONValue, _ cluster: TestCluster) throws -> JSONValue {
    let kubernetes = claims["kubernetes.io"]
    let namespace = kubernetes?["namespace"]?.string ?? ""
    var extra: JSONObject = [
      "authentication.kubernetes.io/credential-id": [.string("JTI=" + (claims["jti"]?.string ?? ""))]
    ]
    if let bound = kubernetes?["pod"] {
      let name = bound["name"]?.string ?? ""
      let pod = cluster.object(.pods, namespace: namespace, name: name)
      guard let uid = pod?["metadata"]?["uid"]?.string, uid == bound["uid"]?.string else {
        throw Invalid("[invalid bearer token, service account token has been invalidated]")
      }
      extra["authentication.kubernetes.io/pod-name"] = [.string(name)]
      extra["authentication.kubernetes.io/pod-uid"] = [.string(uid)]
      extra["authentication.kubernetes.io/node-name"] = [.string(kubernetes?["node"]?["name"]?.string ?? "")]
      extra["authentication.kubernetes.io/node-uid"] = [.string(kubernetes?["node"]?["uid"]?.string ?? "")]
    }
    return [
      "username": .string(claims["sub"]?.string ?? ""), "uid": "account-uid",
      "groups": [
        "system:serviceaccounts", .string("system:serviceaccounts:" + namespace), "system:authenticated",
      ], "extra": .object(extra),
    ]
  }
}

extension TestCluster {
  /// Adds the node of a pod, with the UID that its tokens name.
  package func putNode(_ name: String = "node-1", uid: String? = nil, labels: [(String, String)] = []) {
    put(TestObject.make(.nodes, name, uid: uid ?? name + "-uid", labels: labels), .nodes)
  }

  /// A kubeconfig for an API server of this cluster, asked with a token.
  package func kubeConfig(port: Int, token: String, server: String = "127.0.0.1") -> String {
    """
    apiVersion: v1
    kind: Config
    clusters:
    - cluster:
        certificate-authority-data: \(Base64.encode(Array(PEM.encode(authority.der, type: "CERTIFICATE").utf8)))
        server: https://\(server):\(port)
      name: test
    contexts:
    - context:
        cluster: test
        user: spire-server
      name: test
    current-context: test
    preferences: {}
    users:
    - name: spire-server
      user:
        token: \(token)

    """
  }
}
