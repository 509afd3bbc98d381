import Authority

/// Code and message of the error with which `body` ends; nil when it does what it should.
func failure(_ body: () async throws -> Void) async -> (AuthorityError.Code, String)? {
  do {
    try await body()
    return nil
  } catch let error as AuthorityError {
    return (error.code, error.message)
  } catch {
    return (.internal, "\(error)")
  }
}
