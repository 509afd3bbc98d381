import FoundationEssentials
import Glibc
import SPIFFE
import SPIREProtos
import X509

/// The text that `spire dev` shows: the identities, how long they are valid, and what to try next.
struct DevReport {
  let layout: DevLayout
  let identity: DevIdentity
  let entry: Spire_Api_Types_Entry
  let elapsed: Duration

  var text: String {
    var lines = ["", "First SVID after \(Self.milliseconds(elapsed)) ms.", ""]
    lines += x509Lines
    lines += [""] + jwtLines
    return lines.joined(separator: "\n")
  }

  private var x509Lines: [String] {
    var lines = ["X.509-SVID", "  SPIFFE ID    \(identity.id)"]
    for (index, certificate) in identity.chain.enumerated() {
      let name = index == 0 ? "Valid" : "Intermediate"
      lines.append("  \(Self.pad(name))\(Self.validity(certificate))")
      if index == 0 { lines.append("  \(Self.pad("Key"))\(certificate.publicKey.description)") }
    }
    lines.append("  \(Self.pad("Issued by"))\(identity.chain.last.map { SubjectText.text(of: $0.issuer) } ?? "")")
    for certificate in identity.authorities {
      lines.append("  \(Self.pad("Trusts"))\(SubjectText.text(of: certificate.subject))")
      lines.append("  \(Self.pad(""))\(Self.validity(certificate))")
    }
    lines.append("  \(Self.pad("Entry"))\(entry.id), for selector unix:\(entry.selectors.first?.value ?? "")")
    lines.append("  \(Self.pad("As files"))svid.0.pem, svid.0.key, bundle.0.pem:")
    lines.append("  \(Self.pad(""))spire-agent api fetch x509 -socketPath \(layout.agentSocket) -write .")
    return lines
  }

  private var jwtLines: [String] {
    var lines = ["JWT-SVID", "  \(identity.token)", ""]
    let parts = identity.token.split(separator: ".")
    for (name, part) in zip(["Header", "Claims"], parts) {
      guard let bytes = try? Base64.decodeURL(part), let value = try? JSONValue(parsing: bytes) else { continue }
      let indented = value.text(.indented).split(separator: "\n", omittingEmptySubsequences: false)
      lines.append("  \(Self.pad(name))" + indented.joined(separator: "\n" + String(repeating: " ", count: 15)))
    }
    return lines
  }

  static func nextSteps(layout: DevLayout, trustDomain: TrustDomain) -> String {
    """

    Every process of yours has this identity now. In another terminal, first:

      export PATH=\(DevPrograms.directory):$PATH
      export SPIRE_SERVER_PRIVATE_SOCKET=\(layout.serverSocket)
      export SPIRE_AGENT_PUBLIC_SOCKET=\(layout.agentSocket)
      export SPIFFE_ENDPOINT_SOCKET=unix://\(layout.agentSocket)

    See a change arrive: leave the first of these running, and type the second and the third elsewhere.

      spire-agent api watch
      spire-server entry create -spiffeID \(trustDomain.idString)/second \\
          -parentID \(trustDomain.idString)\(DevSetup.nodePath) -selector unix:uid:\(getuid())
      spire-server localauthority x509 prepare

    Look around:

      spire-agent api fetch jwt -audience my-service        # a token for another service
      spire-server entry show                               # who gets which identity
      spire-server agent list                               # the node that was attested
      spire-agent explain -pid $$ -socketPath \(layout.agentAdminSocket)  # why it gets what it gets
      source <(spire-server completion bash)                # the tab key knows every command and flag

    Configuration and logs are in \(layout.directory). Ctrl-C ends everything.
    """
  }

  private static func pad(_ name: String) -> String {
    name + String(repeating: " ", count: max(1, 13 - name.utf8.count))
  }

  private static func milliseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
  }

  private static func validity(_ certificate: Certificate) -> String {
    let seconds = certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
    return "\(certificate.notValidBefore.formatted(.iso8601)) to \(certificate.notValidAfter.formatted(.iso8601))"
      + " (\(Int(seconds / 60)) minutes)"
  }
}
