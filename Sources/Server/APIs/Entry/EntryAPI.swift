import SPIREProtos

/// The service `spire.api.server.entry.v1.Entry`: registration entries, and what agents may serve (server-behaviour §6).
///
/// One file per method beside this one; who may call each is in `EntryMethods.swift`. A value without state of its own.
package struct EntryAPI: Spire_Api_Server_Entry_V1_Entry.SimpleServiceProtocol {
  /// Entries in one message of SyncAuthorizedEntries.
  package static let syncPageSize = 500

  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }
}
