// Any text must give a connection string taken apart or a refusal. What is accepted puts nothing into SQL but values of
// variables, and nothing into C that ends early; what is refused does not show the password.

import FuzzSupport

@testable import DatastoreAPI
@testable import SQLDatastore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMySQLDSN(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  do throws(DatastoreError) {
    let dsn = try MySQLDSN(text)
    for part in [dsn.user, dsn.password, dsn.database] { check(!part.utf8.contains(0), "a text that ends early") }
    for variable in dsn.variables {
      let isName = variable.name.utf8.allSatisfy { byte in
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@".utf8.contains(byte)
      }
      check(isName && !variable.name.isEmpty, "a name that is SQL")
    }
    switch dsn.address {
    case .tcp(let host, _): check(!host.isEmpty && !host.utf8.contains(0), "no host")
    case .unix(let path): check(!path.isEmpty && !path.utf8.contains(0), "no path")
    }
  } catch {
    check(error.code == .invalidArgument, "a refusal that is no refusal")
    check(error.message.hasPrefix("datastore-sql: invalid mysql config: "), error.message)
  }
  // The same statement for the same arguments, whatever the text.
  let made = MySQLText(text)
  check(made.text.utf8.count(where: { $0 == UInt8(ascii: "?") }) >= made.arguments.count, "an argument without a place")
  return 0
}
