package import GRPCCore

/// One row of the table that says who may call a method and what is recorded about it (server-behaviour §7.2, §7.4, §10).
///
/// A service lists its rows beside its methods, and nothing else decides who may call.
///
/// ```swift
/// static let policies: [MethodPolicy] = [
///   MethodPolicy(SVID.Method.MintX509SVID.descriptor, callers: [.local, .admin]),
///   MethodPolicy(SVID.Method.BatchNewX509SVID.descriptor, callers: .agent, rateLimit: limits.csr, audit: .items),
/// ]
/// ```
package struct MethodPolicy: Sendable {
  /// The kinds of callers.
  package struct Callers: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Everybody, without looking who it is.
    package static let any = Callers(rawValue: 1)
    /// Processes that reach the Unix socket.
    package static let local = Callers(rawValue: 2)
    package static let admin = Callers(rawValue: 4)
    package static let downstream = Callers(rawValue: 8)
    package static let agent = Callers(rawValue: 16)
  }

  /// What the audit log gets.
  package enum Audit: Sendable {
    /// One record per call.
    case call
    /// One record per item, which the method adds; one for the call only if it fails.
    case items
    case none
  }

  package let descriptor: MethodDescriptor
  package let callers: Callers
  /// Tokens that the method takes with ``CallContext/limit(_:refusing:)``; `nil` is no limit.
  package let rateLimit: RateLimiter?
  package let audit: Audit
  /// The fields that the method adds to its audit records, beside those that every record has. `.N` stands for a number
  /// from 0 on. The reference pages are made of them; a test holds the records to them.
  package let auditFields: [String]
  package let names: MethodNames

  package init(
    _ descriptor: MethodDescriptor, callers: Callers, rateLimit: RateLimiter? = nil, audit: Audit = .call,
    auditFields: [String] = [], names: MethodNames? = nil
  ) {
    self.descriptor = descriptor
    self.callers = callers
    self.rateLimit = rateLimit
    self.audit = audit
    self.auditFields = auditFields
    self.names = names ?? MethodNames(descriptor)
  }
}
