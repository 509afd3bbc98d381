import AzureTesting
import Daemon
import Mutations
import SPIFFE
import Testing

@testable import Azure

/// Names of Azure's: what is one, and what could be mistaken for one.
@Suite struct AzureNameTests {
  @Test(arguments: [
    ("contoso.com", true), ("contoso.onmicrosoft.com", true), (TestAzure.tenant, true), ("a_b", true), ("", false),
    (".", false), ("..", false), ("a..b", false), (".com", false), ("com.", false), ("a/b", false), ("a?b", false),
    ("a#b", false), ("a@b", false), ("a:1", false), ("a b", false), ("ä.de", false), ("a%2fb", false), ("a\n", false),
    (String(repeating: "a", count: 64), false),
  ])
  func domains(_ text: String, _ expected: Bool) { #expect(AzureName.isDomain(text) == expected) }

  @Test(arguments: [
    (TestAzure.machine, true), ("02AAB8A4-74EF-476E-8182-F6D2BA4166A6", true), ("", false), ("----", false),
    ("02aab8a4-74ef-476e-8182-f6d2ba4166ag", false), ("02aab8a474ef476e8182f6d2ba4166a6", false),
    ("{02aab8a4-74ef-476e-8182-f6d2ba4166a6}", false), ("02aab8a4-74ef-476e-8182-f6d2ba4166a'", false),
    ("02aab8a4-74ef-476e-8182-f6d2ba4166a6-", false),
  ])
  func uuids(_ text: String, _ expected: Bool) { #expect(AzureName.isUUID(text) == expected) }

  @Test func identifiersEndNoTexts() {
    #expect(AzureName.isIdentifier("a-B_9"))
    for text in ["", "a'b", "a b", "a/b", "ä", String(repeating: "a", count: 129)] {
      #expect(!AzureName.isIdentifier(text))
    }
  }

  @Test func resourceIDsAreRead() throws {
    let text = "/subscriptions/s/resourceGroups/Front End/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
    let types = ["virtualNetworks", "subnets"]
    let id = try #require(AzureResourceID(text, provider: "Microsoft.Network", types: types))
    #expect(id.subscription == "s" && id.resourceGroup == "Front End" && id.names == ["v", "n"])
    #expect(AzureResourceID(text.uppercased(), provider: "Microsoft.Network", types: types) != nil)
    #expect(AzureResourceID(text, provider: "Microsoft.Network", types: ["virtualNetworks"]) == nil)
    #expect(AzureResourceID(text, provider: "Microsoft.Compute", types: types) == nil)
    for bad in [
      "", "/", text + "/", text + "/x/y", "x" + text, text.replacing("/v/", with: "//"), text + "'", text + "\"",
      text + "\\", text + "|", text + "\n",
    ] {
      #expect(AzureResourceID(bad, provider: "Microsoft.Network", types: types) == nil, "\(bad)")
    }
    for bytes in Mutations(of: text, count: 2000) {
      let changed = String(decoding: bytes, as: UTF8.self)
      guard let id = AzureResourceID(changed, provider: "Microsoft.Network", types: types) else { continue }
      for name in [id.subscription, id.resourceGroup] + id.names {
        #expect(!name.isEmpty && !name.contains("/") && !name.contains("'") && !name.contains("\""))
      }
    }
  }

  @Test(arguments: [
    "", "https://sts.windows.net/", "https://sts.windows.net//", "https://sts.windows.net/a",
    "http://sts.windows.net/a/",
    "https://sts.windows.net/a/b/", "https://sts.windows.net/../", "https://evil.test/a/",
    "https://sts.windows.net/{id}/",
  ])
  func issuersThatNameNoTenant(_ issuer: String) {
    #expect(throws: AzureError.self) { try AzureTenants.tenant(ofIssuer: issuer) }
  }

  @Test func issuersNameTheirTenant() throws {
    #expect(try AzureTenants.tenant(ofIssuer: "https://sts.windows.net/\(TestAzure.tenant)/") == TestAzure.tenant)
    for bytes in Mutations(of: "https://sts.windows.net/\(TestAzure.tenant)/", count: 2000) {
      guard let tenant = try? AzureTenants.tenant(ofIssuer: String(decoding: bytes, as: UTF8.self)) else { continue }
      #expect(AzureName.isDomain(tenant))
    }
  }

  @Test func refusalsAreShortLines() {
    let text = String(repeating: "x", count: 5000)
    for body in [#"{"error":{"code":"A","message":"\#(text)"}}"#, #"{"error":"a","error_description":"\#(text)"}"#] {
      #expect(AzureWeb.said(Array(body.utf8)).count == 300)
      for changed in Mutations(of: body, count: 500) { #expect(AzureWeb.said(changed).count <= 300) }
    }
    #expect(AzureWeb.said([]).isEmpty)
  }
}
