// Any shared files of AWS's tools give profiles, and each profile a plan or an error; any answer gives credentials or an error.

import FuzzSupport

@testable import AWS

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAWSFiles(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  var files = AWSSharedFiles()
  files.add(config: String(decoding: bytes, as: UTF8.self))
  files.add(credentials: String(decoding: bytes, as: UTF8.self))
  for name in files.profiles.keys.prefix(20) {
    guard let plan = try? AWSCredentialChain(environment: ["AWS_PROFILE": name], files: files).plan() else { continue }
    check(plan.roles.count <= 10, "more roles than profiles may follow each other")
  }
  if let found = try? AWSCredentialDocument.temporary(bytes) { check(!found.accessKeyID.isEmpty, "no key") }
  if let found = try? AWSCredentialDocument.printed(bytes) { check(!found.accessKeyID.isEmpty, "no key") }
  if let found = try? AWSCredentialDocument.sso(bytes) { check(found.expiresAt != nil, "no end") }
  if let found = try? AWSCredentialDocument.ssoToken(bytes) { check(!found.token.isEmpty, "no token") }
  return 0
}
