import Console
import Daemon
import Flags
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// `bundle set`: stores the bundle of another trust domain.
struct BundleSet: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var id = ""
    var path = ""
    var format = "pem"
  }

  let name = "bundle set"
  let synopsis = "Creates or replaces the bundle of a federated trust domain"
  let examples = [
    CommandExample("Take the bundle of another server", "bundle set -id partner.test -format spiffe < partner.json"),
    CommandExample("From a file", "bundle set -id partner.test -format pem -path partner.pem"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("id", \.id, "Name of the trust domain").takes(.trustDomain),
    .string("path", \.path, "File with the bundle; standard input if none is given").takes(.file),
    .string("format", \.format, "Form of the bundle: pem or spiffe").takes(.bundleFormat),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.id.isEmpty { throw CommandFailure("id flag is required") }
    let format = try BundleFormat(name: options.format)
    let trustDomain = try Self.trustDomain(options.id)
    let bundle: Spire_Api_Types_Bundle
    do {
      bundle = try format.parse(InputFile.read(options.path, io: io), trustDomain: trustDomain)
    } catch { throw CommandFailure("unable to load bundle data: \(error.reason)") }
    let response: Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0)
          .batchSetFederatedBundle(.with { $0.bundle = [bundle] })
      }
    } catch { throw CommandFailure("failed to set federated bundle: \(error)") }
    try options.output.print(response, to: io) {
      for result in response.results where result.status.code != 0 {
        throw CommandFailure("failed to set federated bundle: \(result.status.message)")
      }
      io.print("bundle set.")
    }
  }

  static func trustDomain(_ text: String) throws(CommandFailure) -> TrustDomain {
    do { return try TrustDomain(text) } catch {
      throw CommandFailure("-id \(GoText.quote(text)): \(error)")
    }
  }
}

extension Error {
  /// The error's message, for use inside another one.
  var reason: String {
    let text = "\(self)"
    return self is CommandFailure && text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text
  }
}
