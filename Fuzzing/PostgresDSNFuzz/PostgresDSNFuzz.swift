// Any connection string must be taken apart or refused, and no refusal may hold a long piece of it: it may be the password.

import FuzzSupport

@testable import SQLDatastore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPostgresDSN(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  guard let dsn = try? PostgresDSN(text) else { return 0 }
  check(dsn.options.values.allSatisfy { !$0.utf8.contains(0) } || text.utf8.contains(0), "a NUL that was not there")
  for (name, _) in dsn.settings {
    check(!name.isEmpty && !name.contains(" ") && !name.contains("="), "\(name) is no setting")
  }
  _ = (dsn.displayName, dsn.endpoint, dsn.serverOptions, dsn.hasSeveralHosts)
  return 0
}
