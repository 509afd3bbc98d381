package import Azure
import CryptoExtras
package import Foundation
import HTTP
package import HTTPTesting
import NIOHTTP1
import SPIFFE
import Synchronization

/// An Azure of the tests' own: login, keys, Resource Manager, Resource Graph, the instance metadata service and Microsoft's
/// certificates, in the forms of Microsoft's documentation, with one virtual machine and one scale set in it.
///
/// Answers can be replaced by the beginning of their URL's path, which starts with the host's name. A mutex guards them.
package final class TestAzure: Sendable {
  package static let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
  package static let subscription = "8d10da13-8125-4ba9-a717-bf7490507b3d"
  package static let principal = "5d0ab4f1-7d1c-4b9a-a45b-6b3e2c7c6b11"
  package static let machine = "02aab8a4-74ef-476e-8182-f6d2ba4166a6"
  package static let scaleSetMachine = "df5db39a-5e80-40b4-a6bf-a3d8c6b8c5d4"

  package let signer: AzureSigner
  private let replaced: Mutex<[(prefix: String, answer: @Sendable (TestWebServer.Request) -> TestWebServer.Answer)]> =
    .init([])

  package init() throws { signer = try AzureSigner() }

  /// Runs `body` while this Azure is there.
  package func run(
    environment: [String: String] = [:],
    _ body: @Sendable (AzurePlaces, TestWebServer) async throws -> Void
  ) async throws {
    try await TestWebServer.with(nil, reply: { self.answer($0) }) { server in
      var places = AzurePlaces(security: HTTPSecurity(.web(.system(environment: [:]))), environment: environment)
      places.arcAgent = "/nonexistent/himds"
      for host in [AzurePlaces.loginHost, AzurePlaces.managementHost, AzurePlaces.metadataHost, "www.microsoft.com"] {
        places.elsewhere[host] = "http://127.0.0.1:\(server.port)/\(host)"
      }
      try await body(places, server)
    }
  }

  /// From now on `answer` stands at all URLs that begin with `prefix`.
  package func replace(
    _ prefix: String, _ answer: @escaping @Sendable (TestWebServer.Request) -> TestWebServer.Answer
  ) {
    replaced.withLock { $0.insert((prefix, answer), at: 0) }
  }

  package func replace(_ prefix: String, status: Int = 200, _ text: String) {
    replace(prefix) { _ in .page(status, [], Array(text.utf8)) }
  }

  /// How often each was asked for, by the beginning of its path.
  package static func count(_ server: TestWebServer, _ prefix: String) -> Int {
    server.script.requests.count { $0.uri.hasPrefix(prefix) }
  }

  // MARK: What Azure signs

  /// The content of an attested document, as the documentation shows it.
  package static func content(
    nonce: String, machine: String = TestAzure.machine, subscription: String = TestAzure.subscription
  ) -> [UInt8] {
    Array(
      #"{"licenseType":"","nonce":"\#(nonce)","plan":{"name":"","product":"","publisher":""},"sku":"18_04-lts-gen2","#
        .utf8)
      + Array(
        #""subscriptionId":"\#(subscription)","timeStamp":{"createdOn":"11/22/26 10:00:00 -0000","#.utf8)
      + Array(#""expiresOn":"11/22/26 16:00:00 -0000"},"vmId":"\#(machine)"}"#.utf8)
  }

  /// What an agent answers to the nonce, written as upstream's writes it.
  package static func response(
    _ message: [UInt8], domain: String = "contoso.com", scaleSet: String = "null"
  ) -> [UInt8] {
    Array(
      (#"{"document":{"encoding":"pkcs7","signature":"\#(Base64.encode(message))"},"#
        + #""metadata":{"agentDomain":"\#(domain)","vmssName":\#(scaleSet)}}"#).utf8)
  }

  /// An access token of a managed identity, and the payload with it.
  package static func payload(
    claims: String? = nil, header: String = #"{"alg":"RS256","kid":"k1","typ":"JWT","x5t":"k1"}"#, at now: Date
  ) throws -> [UInt8] {
    let end = Int(now.timeIntervalSince1970) + 3600
    let standard = """
      {"aud":"https://management.azure.com/","iss":"https://sts.windows.net/\(tenant)/","iat":\(end - 3600),\
      "nbf":\(end - 3600),"exp":\(end),"appid":"a","idp":"i","oid":"\(principal)","sub":"\(principal)",\
      "tid":"\(tenant)","ver":"1.0"}
      """
    let signed = [header, claims ?? standard].map { Base64.encodeURL(Array($0.utf8)) }.joined(separator: ".")
    let signature = try AzureSigner.keys[1].signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
    return Array(#"{"token":"\#(signed).\#(Base64.encodeURL(Array(signature.rawRepresentation)))"}"#.utf8)
  }

  // MARK: What Azure answers

  private func answer(_ request: TestWebServer.Request) -> TestWebServer.Answer {
    let uri = request.head.uri
    if let own = replaced.withLock({ all in all.first { uri.hasPrefix($0.prefix) } }) { return own.answer(request) }
    func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }
    let path = uri.prefix { $0 != "?" }.dropFirst()
    if path.hasPrefix("management.azure.com/") {
      guard request.head.headers["authorization"] == ["Bearer arm-token"] else {
        return .page(401, [], Array(#"{"error":{"code":"InvalidAuthenticationToken","message":"no"}}"#.utf8))
      }
      return managed(String(path.dropFirst("management.azure.com".count)), request)
    }
    switch path {
    case "login.microsoftonline.com/common/.well-known/openid-configuration":
      let host = request.head.headers["host"].first ?? ""
      return page(#"{"jwks_uri":"http://\#(host)/login.microsoftonline.com/common/discovery/keys"}"#)
    case "login.microsoftonline.com/common/discovery/keys":
      guard let key = try? PublicKey(AzureSigner.keys[1].publicKey) else { return .hangUp }
      return page(#"{"keys":[\#(JSONValue.object(JSONWebKey(key: key, keyID: "k1").json).text())]}"#)
    case "login.microsoftonline.com/contoso.com/.well-known/openid-configuration":
      return page(#"{"issuer":"https://sts.windows.net/\#(Self.tenant)/"}"#)
    case "login.microsoftonline.com/\(Self.tenant)/oauth2/v2.0/token":
      return page(#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"arm-token"}"#)
    case "169.254.169.254/metadata/identity/oauth2/token":
      guard request.head.headers["metadata"] == ["true"] else { return .page(400, [], []) }
      return page(#"{"access_token":"arm-token","client_id":"c","expires_in":"86399","token_type":"Bearer"}"#)
    case "169.254.169.254/metadata/instance":
      return page(
        #"{"compute":{"name":"spire","resourceGroupName":"rg","subscriptionId":"\#(Self.subscription)","vmId":"1"}}"#)
    case "www.microsoft.com/pkiops/certs/Microsoft%20TLS%20G2%20RSA%20CA%20OCSP%2002.crt":
      return .page(200, [("Content-Type", "application/x-x509-ca-cert")], signer.issuer)
    default: return .page(404, [], [])
    }
  }

  private func managed(_ path: String, _ request: TestWebServer.Request) -> TestWebServer.Answer {
    func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }
    let subscription = "/subscriptions/\(Self.subscription)"
    let group = subscription + "/resourceGroups/frontend/providers"
    switch path {
    case "/providers/Microsoft.ResourceGraph/resources":
      return page(graph(String(decoding: request.body, as: UTF8.self)))
    case subscription + "/resources":
      return page(#"{"value":[{"id":"\#(group)/Microsoft.Compute/virtualMachines/blog","name":"blog"}]}"#)
    case group + "/Microsoft.Compute/virtualMachines/blog":
      return page(
        """
        {"id":"x","name":"blog","location":"eastus","properties":{"networkProfile":{"networkInterfaces":[
        {"id":"\(group)/Microsoft.Network/networkInterfaces/nic1"},{"id":"\(group)/Microsoft.Network/networkInterfaces/nic2"},
        {"properties":{"primary":true}}]}}}
        """)
    case group + "/Microsoft.Network/networkInterfaces/nic1":
      return page(
        """
        {"properties":{"networkSecurityGroup":{"id":"\(group)/Microsoft.Network/networkSecurityGroups/webservers"},
        "ipConfigurations":[{"properties":{"subnet":{"id":"\(group)/Microsoft.Network/virtualNetworks/vnet/subnets/default"}}},
        {"properties":{}},{}]}}
        """)
    case group + "/Microsoft.Network/networkInterfaces/nic2":
      return page(
        """
        {"properties":{"ipConfigurations":[{"properties":{"subnet":
        {"id":"\(subscription)/resourceGroups/backend/providers/Microsoft.Network/virtualNetworks/vnet2/subnets/db"}}},
        {"properties":{"subnet":{"id":"\(group)/Microsoft.Network/virtualNetworks/vnet/subnets/default"}}}]}}
        """)
    case group + "/Microsoft.Compute/virtualMachineScaleSets/web-set/virtualMachines":
      if request.head.uri.contains("skiptoken=2") { return page(scaleSetPage(group)) }
      let link = "https://management.azure.com\(path)?api-version=2024-07-01&$skiptoken=2"
      return page(
        #"{"value":[{"name":"web-set_0","location":"eastus","properties":{"vmId":"1"}},{}],"nextLink":"\#(link)"}"#)
    default:
      return .page(
        404, [], Array(#"{"error":{"code":"ResourceNotFound","message":"The Resource was not found."}}"#.utf8))
    }
  }

  private func scaleSetPage(_ group: String) -> String {
    """
    {"value":[{"id":"i","name":"web-set_1","location":"eastus","tags":{"environment":"production","other":"x"},
    "properties":{"vmId":"\(Self.scaleSetMachine)","networkProfileConfiguration":{"networkInterfaceConfigurations":[
    {"name":"nic","properties":{"networkSecurityGroup":{"id":"\(group)/Microsoft.Network/networkSecurityGroups/webservers"},
    "ipConfigurations":[{"name":"ip","properties":{"subnet":
    {"id":"\(group)/Microsoft.Network/virtualNetworks/vnet/subnets/default"}}}]}},
    {"name":"broken","properties":{"networkSecurityGroup":{"id":"nonsense"}}},{}]}}}]}
    """
  }

  private func graph(_ body: String) -> String {
    func rows(_ text: String) -> String {
      #"{"totalRecords":1,"count":1,"data":[\#(text)],"facets":[],"resultTruncated":"false"}"#
    }
    let none = #"{"totalRecords":0,"count":0,"data":[],"facets":[],"resultTruncated":"false"}"#
    guard body.contains(#""subscriptions":["\#(Self.subscription)"]"#), body.contains(#""resultFormat":"objectArray""#)
    else { return none }
    let group = "/subscriptions/\(Self.subscription)/resourceGroups/frontend/providers"
    if body.contains("'microsoft.compute/virtualmachines'"), body.contains("'\(Self.machine)'") {
      return rows(
        """
        {"id":"\(group)/Microsoft.Compute/virtualMachines/blog","name":"blog","location":"eastus",
        "tags":{"environment":"production","team":"a:b","secret":"s","number":5},"tenantId":"\(Self.tenant)",
        "resourceGroup":"frontend","vmId":"\(Self.machine)"}
        """)
    }
    if body.contains("'microsoft.network/networkinterfaces'"),
      body.contains("virtualMachines\\/blog'")
        || body.contains("virtualMachines/blog'")
    {
      return rows(
        """
        {"name":"nic1","subnets":[{"vnet":"vnet","name":"default"},{"vnet":"vnet","name":"db"}],
        "securityGroup":{"resourceGroup":"frontend","name":"webservers"}},
        {"name":"nic2","subnets":[{"vnet":"","name":""}],"securityGroup":{"resourceGroup":"","name":""}}
        """)
    }
    if body.contains("'microsoft.compute/virtualmachinescalesets'"), body.contains("'web-set'") {
      return rows(
        """
        {"id":"s","name":"web-set","location":"eastus","tenantId":"\(Self.tenant)","resourceGroup":"frontend",
        "subscriptionId":"\(Self.subscription)"}
        """)
    }
    return none
  }
}
