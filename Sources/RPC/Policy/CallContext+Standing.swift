extension CallContext {
  /// Asks again whether the caller may make this call: for calls that outlive what was true when they began.
  ///
  /// - Throws: what a new call of this caller would be refused with.
  package func authorizeAgain(by authorizer: any CallAuthorizer) async throws {
    _ = try await CallAuthorization(authorizer: authorizer).authorize(self)
  }
}
