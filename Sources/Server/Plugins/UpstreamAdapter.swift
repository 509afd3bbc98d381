import Authority
import Daemon
import FoundationEssentials
import SPIFFE
import ServerPlugins

/// Lets the CA manager call an UpstreamAuthority plugin, and names the plugin in its errors. A value.
struct UpstreamAdapter: UpstreamCA {
  let name: String
  let plugin: any UpstreamAuthority

  func mintX509CA(csr: [UInt8], ttl: Duration) async throws(AuthorityError) -> MintedX509CA {
    do {
      let minted = try await plugin.mintX509CA(csr: csr, ttl: ttl)
      return MintedX509CA(chain: minted.chain, roots: minted.roots)
    } catch {
      throw failure(error)
    }
  }

  func publish(_ key: JWTAuthority) async throws(AuthorityError) -> [JWTAuthority] {
    do { return try await plugin.publishJWTKey(key) } catch { throw failure(error) }
  }

  func followBundle(_ changed: @escaping @Sendable (UpstreamBundle) async -> Void) async throws(AuthorityError) {
    do {
      try await plugin.followBundle { bundle in
        await changed(
          UpstreamBundle(
            x509Authorities: bundle.x509Authorities, jwtAuthorities: bundle.jwtAuthorities,
            isComplete: bundle.isComplete))
      }
    } catch {
      throw failure(error)
    }
  }

  private func failure(_ error: any Error) -> AuthorityError {
    PluginFailure.error(error, type: "UpstreamAuthority", name: name)
  }
}

/// Signs for upstream authorities whose CA is at hand, with the authority part of the server.
struct AuthoritySigner: IntermediateSigner {
  let trustDomain: TrustDomain
  let time: any TimeSource

  func load(certificates: [[UInt8]], privateKey: [UInt8], bundle: [[UInt8]]?) throws -> any LoadedIntermediate {
    Loaded(
      issuer: try UpstreamIssuer(
        certificates: certificates, privateKey: privateKey, bundle: bundle, trustDomain: trustDomain, now: time.now),
      time: time)
  }

  private struct Loaded: LoadedIntermediate {
    let issuer: UpstreamIssuer
    let time: any TimeSource

    var roots: [X509Authority] { issuer.roots }

    func mintX509CA(csr: [UInt8], ttl: Duration) async throws -> (chain: [[UInt8]], roots: [X509Authority]) {
      do {
        let minted = try await issuer.mintX509CA(csr: csr, ttl: ttl, now: time.now)
        return (minted.chain, minted.roots)
      } catch {
        throw ServerPluginError(
          ServerPluginError.Code(rawValue: error.code.rawValue) ?? .internal,
          "unable to sign CSR: \(error.message)", cause: error)
      }
    }
  }
}
