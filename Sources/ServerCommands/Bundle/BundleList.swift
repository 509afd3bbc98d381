import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `bundle list`: prints the bundles of other trust domains, or that of one.
struct BundleList: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var id = ""
    var format = "pem"
  }

  private static let frame = String(repeating: "*", count: 40)

  let name = "bundle list"
  let synopsis = "Prints the bundles of federated trust domains"
  let examples = [
    CommandExample("The bundles of all other trust domains", "bundle list"),
    CommandExample("One of them, as a SPIFFE bundle", "bundle list -id partner.test -format spiffe"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("id", \.id, "Name of the one trust domain whose bundle to print").takes(.trustDomain),
    .string("format", \.format, "Form of the bundles: pem or spiffe").takes(.bundleFormat),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let format = try BundleFormat(name: options.format)
    if !options.id.isEmpty {
      let bundle = try await server.call {
        try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0)
          .getFederatedBundle(.with { $0.trustDomain = options.id })
      }
      return try options.output.print(bundle, to: io) { io.out(try format.text(bundle)) }
    }
    let response = try await Self.list(server)
    try options.output.print(response, to: io) {
      for (index, bundle) in response.bundles.enumerated() {
        if index > 0 { io.print() }
        io.print("\(Self.frame)\n* \(bundle.trustDomain)\n\(Self.frame)")
        io.out(try format.text(bundle))
      }
    }
  }

  private static func list(_ server: UnixAPI) async throws -> Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse {
    try await server.call { client in
      var all = Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse()
      var token = ""
      repeat {
        let page = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
          .listFederatedBundles(.with { $0.pageToken = token })
        all.bundles += page.bundles
        token = page.nextPageToken
      } while !token.isEmpty
      return all
    }
  }
}
