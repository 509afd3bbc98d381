import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Entry service, their limits and their audit records (server-behaviour §7.2).
package enum EntryMethods {
  private typealias Method = Spire_Api_Server_Entry_V1_Entry.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(
        Method.CountEntries.descriptor, callers: [.local, .admin], auditFields: AuditValue.entryFilterFields),
      MethodPolicy(
        Method.ListEntries.descriptor, callers: [.local, .admin], auditFields: AuditValue.entryFilterFields),
      MethodPolicy(Method.GetEntry.descriptor, callers: [.local, .admin], auditFields: ["entry_id"]),
      MethodPolicy(
        Method.BatchCreateEntry.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.entryFields),
      MethodPolicy(
        Method.BatchUpdateEntry.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.entryFields),
      MethodPolicy(
        Method.BatchDeleteEntry.descriptor, callers: [.local, .admin], audit: .items, auditFields: ["entry_id"]),
      MethodPolicy(Method.GetAuthorizedEntries.descriptor, callers: .agent),
      MethodPolicy(Method.SyncAuthorizedEntries.descriptor, callers: .agent),
    ]
  }
}
