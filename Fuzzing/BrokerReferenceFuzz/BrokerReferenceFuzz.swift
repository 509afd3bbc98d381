// Any bytes under any type must give a reference or an error, and a reference that is accepted says what it was made of.

import Agent
import AgentPlugins
import Foundation
import FuzzSupport
import SwiftProtobuf
import WorkloadProtos

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBrokerReference(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  guard let first = bytes.first else { return 0 }
  let urls = [BrokerReference.pidURL, BrokerReference.kubernetesURL, "type.googleapis.com/example.Other"]
  let url = urls[Int(first) % urls.count]
  let value = Data(bytes.dropFirst())
  guard let reference = try? BrokerReference.decode(typeURL: url, value: value) else { return 0 }
  check(value.count <= BrokerReference.maximumBytes, "a reference that is too long is accepted")
  let encoded: Data
  switch reference {
  case .pid(let pid):
    check(url == BrokerReference.pidURL && pid > 0, "no process")
    encoded = mustSucceed("a PID cannot be written") {
      try Spiffe_Broker_WorkloadPIDReference.with { $0.pid = pid }.serializedData()
    }
  case .kubernetesObject(let object):
    check(url == BrokerReference.kubernetesURL, "another type became an object")
    encoded = mustSucceed("an object cannot be written") {
      try Spiffe_Broker_KubernetesObjectReference.with { message in
        if object.hasType {
          message.type = .with {
            $0.plural = object.plural; $0.group = object.group
          }
        }
        if object.hasKey {
          message.key = .with {
            $0.namespace = object.namespace; $0.name = object.name
          }
        }
        message.uid = object.uid
      }.serializedData()
    }
  case .other(let typeURL, let value):
    check(typeURL == url && value == Array(bytes.dropFirst()), "an unknown reference was changed")
    return 0
  }
  let again = mustSucceed("a written reference is refused") {
    try BrokerReference.decode(typeURL: url, value: encoded)
  }
  check(again == reference, "a reference reads back as another one")
  return 0
}
