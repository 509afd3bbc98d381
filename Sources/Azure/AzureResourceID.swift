/// The name of a resource in Azure Resource Manager:
/// `/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/name`. A value.
package struct AzureResourceID: Hashable, Sendable {
  /// The longest that is read. In bytes.
  private static let maximumLength = 1024

  package let subscription: String
  package let resourceGroup: String
  /// The names of the resource and of those that it is in, the outermost first.
  package let names: [String]

  /// - Parameters:
  ///   - provider: `Microsoft.Compute`.
  ///   - types: of the resource and those that it is in. Azure compares them, as everything in these IDs, in any case.
  package init?(_ text: String, provider: String, types: [String]) {
    guard text.utf8.count <= Self.maximumLength,
      text.unicodeScalars.allSatisfy({ $0.value > 0x1F && $0.value != 0x7F && !"\"'\\|?#".unicodeScalars.contains($0) })
    else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 7 + 2 * types.count, parts[0].isEmpty, parts.dropFirst().allSatisfy({ !$0.isEmpty }),
      Self.same(parts[1], "subscriptions"), Self.same(parts[3], "resourceGroups"), Self.same(parts[5], "providers"),
      Self.same(parts[6], provider)
    else { return nil }
    var names: [String] = []
    for (index, type) in types.enumerated() {
      guard Self.same(parts[7 + 2 * index], type) else { return nil }
      names.append(parts[8 + 2 * index])
    }
    (subscription, resourceGroup, self.names) = (parts[2], parts[4], names)
  }

  private static func same(_ a: String, _ b: String) -> Bool { a.lowercased() == b.lowercased() }
}
