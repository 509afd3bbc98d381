import FoundationEssentials
import SPIFFE
import SPIREProtos

/// From the server's messages to values. Everything the server sends is checked here.
enum ServerConversions {
  /// What the agent wants to know of each entry.
  static let entryMask: Spire_Api_Types_EntryMask = {
    var mask = Spire_Api_Types_EntryMask()
    mask.spiffeID = true
    mask.selectors = true
    mask.federatesWith = true
    mask.admin = true
    mask.downstream = true
    mask.revisionNumber = true
    mask.storeSvid = true
    mask.hint = true
    mask.additionalAttributes = true
    mask.createdAt = true
    return mask
  }()

  static func page(_ entries: [Spire_Api_Types_Entry]) -> EntryPage {
    var page = EntryPage()
    page.entries.reserveCapacity(entries.count)
    for message in entries {
      do throws(AgentError) { page.entries.append(try entry(message)) } catch {
        page.malformed.append("entry \"\(message.id)\": \(error.message)")
      }
    }
    return page
  }

  static func entry(_ message: Spire_Api_Types_Entry) throws(AgentError) -> AgentEntry {
    guard !message.id.isEmpty else { throw AgentError(.malformed, "missing entry ID") }
    guard message.hasSpiffeID else { throw AgentError(.malformed, "missing SPIFFE ID") }
    guard !message.selectors.isEmpty else { throw AgentError(.malformed, "selector list is empty") }
    var selectors: [Selector] = []
    for selector in message.selectors {
      guard !selector.type.isEmpty else { throw AgentError(.malformed, "missing selector type") }
      guard !selector.type.utf8.contains(UInt8(ascii: ":")) else {
        throw AgentError(.malformed, "selector type contains ':'")
      }
      guard !selector.value.isEmpty else { throw AgentError(.malformed, "missing selector value") }
      selectors.append(Selector(type: selector.type, value: selector.value))
    }
    do {
      var domains: [TrustDomain] = []
      for name in message.federatesWith { domains.append(try TrustDomain(name)) }
      let id = try SPIFFEID(trustDomain: TrustDomain(message.spiffeID.trustDomain), path: message.spiffeID.path)
      return AgentEntry(
        id: message.id, spiffeID: id, selectors: selectors, federatesWith: domains, admin: message.admin,
        downstream: message.downstream, revisionNumber: message.revisionNumber, storeSVID: message.storeSvid,
        hint: message.hint, createdAt: message.createdAt,
        disableX509SVIDPrefetch: message.additionalAttributes.disableX509SvidPrefetch)
    } catch {
      throw AgentError(.malformed, "\(error)", cause: error)
    }
  }

  static func answer(_ message: Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse) -> EntrySyncAnswer {
    EntrySyncAnswer(
      revisions: message.entryRevisions.map {
        EntryRevision(id: $0.id, number: $0.revisionNumber, createdAt: $0.createdAt)
      },
      entries: page(message.entries), more: message.more)
  }

  static func bundle(_ message: Spire_Api_Types_Bundle) throws(AgentError) -> Bundle {
    do {
      var bundle = Bundle(trustDomain: try TrustDomain(message.trustDomain))
      bundle.refreshHint = message.refreshHint
      bundle.sequenceNumber = message.sequenceNumber
      for authority in message.x509Authorities {
        let der = Array(authority.asn1)
        _ = try X509Certificates.parse(der: der)
        bundle.x509Authorities.append(X509Authority(der: der, tainted: authority.tainted))
      }
      for key in message.jwtAuthorities {
        let publicKey = Array(key.publicKey)
        _ = try PublicKey(pkix: publicKey)
        guard !key.keyID.isEmpty else { throw AgentError(.malformed, "missing JWT key ID") }
        bundle.jwtAuthorities.append(
          JWTAuthority(publicKey: publicKey, keyID: key.keyID, expiresAt: key.expiresAt, tainted: key.tainted))
      }
      for key in message.witAuthorities {
        let publicKey = Array(key.publicKey)
        // Not yet stable: what this version cannot read must not take the rest of the bundle from workloads.
        guard !key.keyID.isEmpty, (try? PublicKey(pkix: publicKey)) != nil else { continue }
        bundle.witAuthorities.append(
          JWTAuthority(publicKey: publicKey, keyID: key.keyID, expiresAt: key.expiresAt, tainted: key.tainted))
      }
      return bundle
    } catch {
      throw AgentError(.malformed, "malformed bundle of \"\(message.trustDomain)\": \(error)", cause: error)
    }
  }
}
