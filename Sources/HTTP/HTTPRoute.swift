import Daemon
import NIOCore
import NIOSSL
package import TLS

/// How a server is reached, and what protects the way.
package enum HTTPRoute: Sendable {
  /// Over TLS; the server proves who it is.
  case https(HTTPSecurity)
  /// Over TCP in the clear: for endpoints of this host or this link only, or where the user asked for it.
  case plain
  /// Through a Unix socket of this host, without TLS.
  case unixSocket(path: String)

  /// Over TLS, without a certificate of one's own.
  package static func https(_ trust: ServerTrust) -> HTTPRoute { .https(HTTPSecurity(trust)) }

  /// The way that a URL asks for.
  package static func named(by url: WebURL, _ security: HTTPSecurity) -> HTTPRoute {
    url.scheme == .https ? .https(security) : .plain
  }
}

/// What a TLS connection to a server takes: whom to believe, and who to be. A value.
package struct HTTPSecurity: Sendable {
  package var trust: ServerTrust
  /// The certificate to present where the server asks for one.
  package var identity: HTTPIdentity?
  /// The name that the server must prove, where it is not the URL's host.
  package var serverName: String?
  /// The versions and key exchanges that it may use.
  package var policy = TLSPolicy()

  package init(_ trust: ServerTrust, identity: HTTPIdentity? = nil, serverName: String? = nil) {
    self.trust = trust
    self.identity = identity
    self.serverName = serverName
  }

  /// A context of its own for each connection: nothing is resumed.
  func context() throws -> NIOSSLContext {
    var configuration = try trust.configuration(policy)
    // A server that does not read any more would hold a connection that nobody needs, and a daemon that ends, for seconds.
    configuration.shutdownTimeout = .milliseconds(100)
    if let identity {
      configuration.certificateChain = try identity.certificates.map {
        .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
      }
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: identity.privateKey, format: .der))
    }
    return try NIOSSLContext(configuration: configuration)
  }
}

/// A client certificate with its chain, and its key. DER; made by whoever reads the files. Never printed.
package struct HTTPIdentity: Sendable {
  /// The client's own certificate first.
  package let certificates: [[UInt8]]
  /// PKCS #8, PKCS #1 or SEC 1.
  package let privateKey: [UInt8]

  package init(certificates: [[UInt8]], privateKey: [UInt8]) {
    self.certificates = certificates
    self.privateKey = privateKey
  }

  /// Says what is wrong with the two: each on its own, and that they belong together.
  package func check() throws {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateChain = try certificates.map {
      .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
    }
    configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: privateKey, format: .der))
    _ = try NIOSSLContext(configuration: configuration)
  }
}
