import Daemon
import DatastoreAPI
import FoundationEssentials
import Keys
import Logging
import SPIFFE
import SPIREProtos

extension CAManager {
  /// Finds this server's journal by its keys and fills the slots with what is still usable.
  func loadJournal() async throws(AuthorityError) {
    log.debug("Loading journal from datastore")
    let keys: [any ManagedKey]
    let bundle: Bundle?
    do {
      keys = try await keyManager.keys()
      if let row = try await findRow(keys) {
        journal = try Journal(rowID: row.id, data: row.data)
      } else {
        warnOfReplacement(keys)
      }
      bundle = try await datastore.fetchBundle(of: trustDomain)
    } catch {
      throw AuthorityError(error)
    }
    log.info(
      "Journal loaded",
      metadata: [
        "jwt_keys": "\(journal.entries.jwtKeys.count)", "wit_keys": "\(journal.entries.witKeys.count)",
        "x509_cas": "\(journal.entries.x509Cas.count)",
      ])
    var loader = JournalLoader(
      keys: keys, bundle: bundle, now: time.now, hasUpstream: configuration.upstream != nil)
    x509 = loader.x509Slots(journal.entries.x509Cas)
    for kind in tokenKinds { self[kind] = loader.slots(kind, journal.entries) }
    for entry in loader.discarded {
      // Expected for every authority whose slot has been used again since; hence no warning.
      log.debug(
        "\(entry.kind) of the journal is not usable",
        metadata: [
          "local_authority_id": "\(entry.authorityID)", "reason": "\(entry.reason)", "slot": "\(entry.slotID)",
        ])
    }
    for item in bundle?.x509Authorities ?? [] where item.tainted {
      guard let fields = try? CertificateFields(der: item.der) else { continue }
      let keyID = Hex.encode(fields.subjectKeyID)
      authority.markTainted(x509AuthorityID: keyID)
      for ca in [x509.current.authority, x509.next.authority].compactMap(\.self) where ca.leads(to: keyID) {
        authority.markTainted(x509AuthorityID: ca.authorityID)
      }
    }
  }

  private func findRow(_ keys: [any ManagedKey]) async throws -> CAJournal? {
    for key in keys {
      let authorityID = Hex.encode(key.publicKey.subjectKeyIdentifier)
      guard let row = try await datastore.fetchCAJournal(activeX509AuthorityID: authorityID) else { continue }
      log.info(
        "Found a CA journal record that matches with a local X509 authority ID",
        metadata: ["ca_journal_id": "\(row.id)", "local_authority_id": "\(authorityID)"])
      return row
    }
    log.info("There is not a CA journal record that matches any of the local X509 authority IDs")
    return nil
  }

  /// Says that keys of a CA are about to be lost: an empty or another database is the usual reason, and agents cannot
  /// follow to the CA that comes.
  private func warnOfReplacement(_ keys: [any ManagedKey]) {
    let prefixes = [Self.x509KeyIDPrefix] + tokenKinds.map(\.keyIDPrefix)
    let replaced = keys.map(\.id).filter { id in prefixes.contains { id.hasPrefix($0) } }
    guard !replaced.isEmpty else { return }
    log.warning(
      """
      The key manager has CA keys that this database does not know; new ones replace them, and agents have to learn the \
      new CA. If this is the wrong database or a new one, restore the database and the keys that belong together
      """,
      metadata: ["key_ids": "\(replaced.joined(separator: ","))"])
  }

  /// Stores a changed journal and keeps it. Without an active X.509 authority there is nothing to find it by again,
  /// so it is only kept.
  func store(_ changed: Journal) async throws(AuthorityError) {
    guard let activeID = changed.activeX509AuthorityID else {
      log.debug("There is no active X.509 authority yet. Can't save CA journal in the datastore")
      journal = changed
      return
    }
    if changed.rowID == 0 { log.info("Creating a new CA journal entry") }
    var row = CAJournal(id: changed.rowID, data: try changed.encoded(), activeX509AuthorityID: activeID)
    do throws(DatastoreError) {
      row = try await datastore.setCAJournal(row)
    } catch {
      guard error.code == .notFound, row.id != 0 else { throw AuthorityError(error) }
      // Somebody pruned the row; the journal itself is complete.
      log.info("Creating a new CA journal entry")
      row.id = 0
      do throws(DatastoreError) { row = try await datastore.setCAJournal(row) } catch { throw AuthorityError(error) }
    }
    journal = changed
    journal.rowID = row.id
    log.debug(
      "Successfully stored CA journal entry in datastore",
      metadata: ["ca_journal_id": "\(row.id)", "local_authority_id": "\(activeID)"])
  }

  /// Stores the journal after a preparation. When that fails the entry waits for the next write: an authority that is
  /// lost in between has not signed anything.
  func remember(_ changed: Journal) async {
    do throws(AuthorityError) {
      try await store(changed)
    } catch {
      log.error("Unable to append the prepared authority to the CA journal", metadata: ["error": "\(error)"])
      journal = changed
    }
  }
}
