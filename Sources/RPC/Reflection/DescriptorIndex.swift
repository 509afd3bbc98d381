import FoundationEssentials
import SwiftProtobuf

/// The proto files of a daemon by name and by what they declare. Built from descriptor sets when the first reflection
/// call comes; a value that never changes.
struct DescriptorIndex: Sendable {
  private struct File {
    let bytes: Data
    let imports: [String]
  }

  private var files: [String: File] = [:]
  private var declaringFile: [String: String] = [:]
  private var messages: Set<String> = []

  /// - Parameter sets: serialized `google.protobuf.FileDescriptorSet`s in base64. A file that is in several counts once.
  init(sets: [String]) throws {
    for set in sets {
      guard let bytes = Data(base64Encoded: set, options: .ignoreUnknownCharacters) else {
        throw SwiftProtobuf.BinaryDecodingError.malformedProtobuf
      }
      for file in try Google_Protobuf_FileDescriptorSet(serializedBytes: bytes).file where files[file.name] == nil {
        files[file.name] = File(bytes: try file.serializedBytes(), imports: file.dependency)
        index(file)
      }
    }
  }

  func contains(file name: String) -> Bool { files[name] != nil }

  func isMessage(_ name: String) -> Bool { messages.contains(name) }

  /// The name of the file that declares a fully qualified name.
  func file(declaring symbol: String) -> String? { declaringFile[symbol] }

  /// The file and everything it imports that is not in `sent`, to which they are added. The file itself always comes.
  func closure(of name: String, sent: inout Set<String>) -> [Data] {
    guard let root = files[name] else { return [] }
    sent.insert(name)
    var result = [root.bytes]
    var pending = root.imports
    while let next = pending.popLast() {
      guard sent.insert(next).inserted, let file = files[next] else { continue }
      result.append(file.bytes)
      pending.append(contentsOf: file.imports)
    }
    return result
  }

  private mutating func index(_ file: Google_Protobuf_FileDescriptorProto) {
    let scope = file.package.isEmpty ? "" : file.package + "."
    for message in file.messageType { index(message, scope, file.name) }
    for list in file.enumType { index(list, scope, file.name) }
    for service in file.service {
      declare(scope + service.name, file.name)
      for method in service.method { declare("\(scope)\(service.name).\(method.name)", file.name) }
    }
  }

  private mutating func index(_ message: Google_Protobuf_DescriptorProto, _ scope: String, _ file: String) {
    let name = scope + message.name
    declare(name, file)
    messages.insert(name)
    for field in message.field { declare("\(name).\(field.name)", file) }
    for choice in message.oneofDecl { declare("\(name).\(choice.name)", file) }
    for nested in message.nestedType { index(nested, name + ".", file) }
    for list in message.enumType { index(list, name + ".", file) }
  }

  /// The values of an enum are declared beside it, not in it.
  private mutating func index(_ list: Google_Protobuf_EnumDescriptorProto, _ scope: String, _ file: String) {
    declare(scope + list.name, file)
    for value in list.value { declare(scope + value.name, file) }
  }

  private mutating func declare(_ symbol: String, _ file: String) { declaringFile[symbol] = file }
}
